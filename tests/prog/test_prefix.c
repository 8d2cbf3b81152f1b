/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Longest prefix match: the tables of prefixes.c searched as the kernel does, and by the kernel, against
 * going through all nets one by one.
 */
#include "bpf/prefix.h"
#include "datapath/prefixes.h"
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <errno.h>
#include <stdio.h>

#define ROUNDS 300
#define ROWS_MAX 200
#define LOOKUPS 200
#define KERNEL_ROWS 500
#define KERNEL_LOOKUPS 2000

static uint64_t state = 0x9e3779b97f4a7c15ull;

static uint32_t random32(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545f4914f6cdd1dull >> 32);
}

/* Few different bytes, so that nets lie in one another; half of them IPv4. */
static void random_addr(uint8_t addr[16], bool v4)
{
	static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xff};

	for (int i = 0; i < 16; i++)
		addr[i] = bytes[random32() % sizeof(bytes)];
	if (!v4)
		return;
	memset(addr, 0, 10);
	addr[10] = addr[11] = 0xff;
	addr[12] = 11; /* not loopback, not multicast */
}

static bool same_net(const struct aeg_addr_row *a, const struct aeg_addr_row *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key)) == 0;
}

static void mask(struct aeg_addr_key *key)
{
	for (uint32_t bit = key->prefixlen; bit < 128; bit++)
		key->addr[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

/* Different nets, numbered from 1; lengths from a few kinds in most rounds, from all in some. */
static size_t random_rows(struct aeg_addr_row *rows, size_t n, uint32_t kinds)
{
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		struct aeg_addr_row *row = &rows[made];
		bool v4 = random32() & 1, known = false;

		*row = (struct aeg_addr_row){.dest.node = (uint32_t)made + 1,
					     .dest.flags = AEG_DEST_GOVERNED};
		random_addr(row->key.addr, v4);
		row->key.prefixlen = 128 - random32() % kinds * (v4 ? 32 : 128) / kinds;
		if (random32() % 50 == 0)
			row->key.prefixlen = random32() % 129;
		mask(&row->key);
		for (size_t j = 0; j < made && !known; j++)
			known = same_net(&rows[j], row);
		made += !known;
	}
	return made;
}

static bool contains(const struct aeg_addr_row *row, const uint8_t addr[16])
{
	struct aeg_addr_key key = {.prefixlen = row->key.prefixlen};

	memcpy(key.addr, addr, sizeof(key.addr));
	mask(&key);
	return memcmp(key.addr, row->key.addr, sizeof(key.addr)) == 0;
}

/* Node of the most specific row, 0: none. */
static uint32_t find_slowly(const struct aeg_addr_row *rows, size_t n, const uint8_t addr[16])
{
	const struct aeg_addr_row *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (contains(&rows[i], addr) &&
		    (!best || rows[i].key.prefixlen > best->key.prefixlen))
			best = &rows[i];
	}
	return best ? best->dest.node : 0;
}

/* ---- natively ---- */

static const struct aeg_dest *find_row(const struct aeg_prefixes *prefixes,
				       const struct aeg_prefix *net)
{
	for (size_t i = 0; i < prefixes->rows.n; i++) {
		if (memcmp(&prefixes->rows.items[i].net, net, sizeof(*net)) == 0)
			return &prefixes->rows.items[i].dest;
	}
	return NULL;
}

/* As aeg_dest_find() of bpf/lookup.bpf.h; also gives the number of look-ups. */
static uint32_t find_by_lengths(const struct aeg_prefixes *prefixes, const uint8_t addr[16],
				unsigned int *ret_lookups)
{
	struct aeg_prefix whole = aeg_prefix_of(addr, 128);
	const struct aeg_length *tree = prefixes->lengths.tree[aeg_prefix_family(&whole)];
	uint32_t found = 0;
	size_t node = 1;

	*ret_lookups = 0;
	while (tree[node].used) {
		struct aeg_prefix net = aeg_prefix_cut(&whole, &tree[node]);
		const struct aeg_dest *dest = find_row(prefixes, &net);

		(*ret_lookups)++;
		node = 2 * node + (dest != NULL);
		if (dest && !(dest->flags & AEG_DEST_MARKER))
			found = dest->node;
		if (dest && dest->flags & AEG_DEST_LAST)
			break;
	}
	return found;
}

static void check_round(const struct aeg_addr_row *rows, size_t n)
{
	AEG_CLEANUP(aeg_prefixes_done) struct aeg_prefixes prefixes = {0};
	unsigned int lookups;

	if (!CHECK_EQUAL(aeg_prefixes_build(rows, n, &prefixes), 0))
		return;
	for (int i = 0; i < LOOKUPS; i++) {
		uint8_t addr[16];

		random_addr(addr, random32() & 1);
		CHECK_EQUAL(find_by_lengths(&prefixes, addr, &lookups), find_slowly(rows, n, addr));
		CHECK(lookups <= AEG_LENGTHS_DEPTH);
	}
}

static void natively(void)
{
	static struct aeg_addr_row rows[ROWS_MAX];

	for (uint32_t round = 0; round < ROUNDS; round++) {
		check_context("round %u", round);
		check_round(rows, random_rows(rows, random32() % ROWS_MAX, 1 + round % 32));
	}
}

/* Every length at once: the deepest trees. */
static void all_lengths(void)
{
	static struct aeg_addr_row rows[129];
	AEG_CLEANUP(aeg_prefixes_done) struct aeg_prefixes prefixes = {0};
	uint8_t addr[16] = {0x80};
	unsigned int lookups;

	for (uint32_t bits = 0; bits <= 128; bits++) {
		rows[bits] = (struct aeg_addr_row){.key.prefixlen = bits, .dest.node = bits + 1};
		memset(rows[bits].key.addr, 0xff, 16);
		mask(&rows[bits].key);
	}
	CHECK_EQUAL(aeg_prefixes_build(rows, 129, &prefixes), 0);
	CHECK_EQUAL(find_by_lengths(&prefixes, addr, &lookups), 2);
	CHECK(lookups <= AEG_LENGTHS_DEPTH);
	memset(addr, 0xff, sizeof(addr));
	CHECK_EQUAL(find_by_lengths(&prefixes, addr, &lookups), 129);
	CHECK(lookups <= AEG_LENGTHS_DEPTH);
}

static void refused(void)
{
	struct aeg_addr_row rows[2] = {{.key.prefixlen = 129}};
	AEG_CLEANUP(aeg_prefixes_done) struct aeg_prefixes prefixes = {0};

	CHECK_EQUAL(aeg_prefixes_build(rows, 1, &prefixes), -EINVAL);
	rows[0].key.prefixlen = 0;
	CHECK_EQUAL(aeg_prefixes_build(rows, 2, &prefixes), -EEXIST);
	CHECK_EQUAL(aeg_prefixes_build(rows, 0, &prefixes), 0);
	CHECK_EQUAL(prefixes.rows.n, 0);
}

/* ---- by the kernel ---- */

static bool install_nets(const struct aeg_addr_row *rows, size_t n)
{
	const struct aeg_ident_row ident = ident_row("managed/a", WORKLOAD_A, 1);
	struct aeg_tables tables = {0};
	struct aeg_generation generation = {
		.tables = &tables, .idents = &ident, .nidents = 1, .settings = default_settings()};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	int err;

	for (size_t i = 0; i < n; i++)
		*AEG_VEC_PUSH(tables.addrs) = rows[i];
	err = aeg_datapath_install(datapath, &generation, &error);
	AEG_VEC_DONE(tables.addrs);
	return CHECK_EQUAL(err, 0);
}

/* Without the widest ones some addresses are in no net at all. */
static size_t drop_wide(struct aeg_addr_row *rows, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].key.prefixlen >= 16)
			rows[kept++] = rows[i];
	}
	return kept;
}

/* Nobody allows anything: a governed destination is denied, and the event names its net. */
static uint32_t ask_kernel(const uint8_t addr[16])
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	AEG_AUTO_CLOSE int fd = stage_socket(FORM_V6, SOCK_DGRAM);
	struct happened happened;

	memcpy(&to.sin6_addr, addr, 16);
	(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	happened = happened_take();
	if (happened.nevents == 0)
		return 0;
	CHECK_EQUAL(happened.nevents, 1);
	CHECK(memcmp(happened.events[0].daddr, addr, 16) == 0);
	return happened.events[0].node;
}

static void by_the_kernel(void)
{
	static struct aeg_addr_row rows[KERNEL_ROWS];
	const struct aeg_datapath_config config = stage_config();
	size_t n = drop_wide(rows, random_rows(rows, KERNEL_ROWS, 32));
	unsigned int found = 0;

	if (datapath_start(&config) && install_nets(rows, n)) {
		stage_enter(IN_A);
		for (int i = 0; i < KERNEL_LOOKUPS; i++) {
			uint32_t want;
			uint8_t addr[16];

			random_addr(addr, random32() & 1);
			want = find_slowly(rows, n, addr);
			check_context("look-up %d", i);
			CHECK_EQUAL(ask_kernel(addr), want);
			found += want != 0;
		}
		stage_leave();
		printf("# %u of %d look-ups found a net\n", found, KERNEL_LOOKUPS);
		CHECK(found > KERNEL_LOOKUPS / 10);
		CHECK(found < KERNEL_LOOKUPS);
	}
	datapath_stop();
}

const struct test prefix_tests[] = {
	{"prefixes: the search finds what going through all of them finds", natively},
	{"prefixes: all 129 lengths", all_lengths},
	{"prefixes: bad rows are refused", refused},
	{"prefixes: the kernel finds the same", by_the_kernel},
	{NULL, NULL},
};
