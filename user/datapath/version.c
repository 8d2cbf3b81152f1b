/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "datapath/datapath.h"

#include <bpf/libbpf.h>

const char *aeg_datapath_libbpf(void)
{
	return libbpf_version_string();
}
