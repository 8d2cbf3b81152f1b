/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/places.h"

#include <unistd.h>

const char *aeg_place_catalogue(void)
{
	static const char local[] = "/usr/local/share/aegress/catalogue";

	return access(local, F_OK) == 0 ? local : "/usr/share/aegress/catalogue";
}
