/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kube/complaint.h"
#include "base/mem.h"

#include <jansson.h>

char *aeg_kube_complaint(long status, const char *error)
{
	json_t *json = status ? json_loads(error, 0, NULL) : NULL;
	const char *message = json_string_value(json_object_get(json, "message"));
	char *text;

	if (status == 0)
		text = aeg_xstrdup(error);
	else
		text = message ? aeg_xasprintf("HTTP %ld: %s", status, message)
			       : aeg_xasprintf("HTTP %ld", status);
	json_decref(json);
	return text;
}
