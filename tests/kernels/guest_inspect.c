/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads what is pinned, behind the daemon's back and after its death. */
#include "tests/kernels/guest.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>

static int open_map(const char *name)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf(GUEST_PINS "/maps/%s", name);

	return bpf_obj_get(path);
}

static uint64_t read_element(int fd, uint32_t index)
{
	int cpus = libbpf_num_possible_cpus();
	AEG_AUTO_FREE uint64_t *values = aeg_xcalloc((size_t)cpus, sizeof(*values));
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(fd, &index, values) < 0)
		return UINT64_MAX;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

uint64_t guest_element(const char *map, uint32_t index)
{
	AEG_AUTO_CLOSE int fd = open_map(map);

	return read_element(fd, index);
}

uint64_t guest_totals(void)
{
	AEG_AUTO_CLOSE int fd = open_map("totals");
	uint64_t sum = 0;

	for (uint32_t i = 0; i < AEG_TOTALS; i++)
		sum += read_element(fd, i);
	return sum;
}

struct aeg_count guest_closed(void)
{
	AEG_AUTO_CLOSE int fd = open_map("counts");
	int cpus = libbpf_num_possible_cpus();
	AEG_AUTO_FREE struct aeg_count *values = aeg_xcalloc((size_t)cpus, sizeof(*values));
	struct aeg_count sum = {0};
	struct aeg_count_key key;

	for (const void *last = NULL; bpf_map_get_next_key(fd, last, &key) == 0; last = &key) {
		if (bpf_map_lookup_elem(fd, &key, values) < 0)
			continue;
		for (int i = 0; i < cpus; i++) {
			sum.closed += values[i].closed;
			sum.sent += values[i].sent;
			sum.received += values[i].received;
		}
	}
	return sum;
}

static bool read_prog(uint32_t id, struct bpf_prog_info *ret)
{
	AEG_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(id);
	uint32_t len = sizeof(*ret);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, ret, &len) == 0;
}

static bool read_link(const char *name, struct guest_link *ret)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf(GUEST_PINS "/links/%s", name);
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	struct bpf_link_info link = {0};
	struct bpf_prog_info prog = {0};
	uint32_t len = sizeof(link);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &link, &len) < 0 ||
	    !read_prog(link.prog_id, &prog))
		return false;
	*ret = (struct guest_link){
		.link = link.id, .prog = link.prog_id, .insns = prog.verified_insns};
	memcpy(ret->prog_name, prog.name, sizeof(ret->prog_name));
	return true;
}

size_t guest_links(struct guest_link ret[GUEST_LINKS_MAX])
{
	struct dirent **files = NULL;
	int found = scandir(GUEST_PINS "/links", &files, NULL, alphasort);
	size_t n = 0;

	for (int i = 0; i < found; i++) {
		if (n < GUEST_LINKS_MAX && read_link(files[i]->d_name, &ret[n]))
			n++;
		free(files[i]);
	}
	free(files);
	return n;
}
