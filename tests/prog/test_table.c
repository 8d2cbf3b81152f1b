/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Generations, additions to them, and numbers that outlive them. */
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define ROWS 10000
#define FLIPS 25

static int connect_in(const char *cgroup, enum dest dest)
{
	AEG_AUTO_CLOSE int fd = -1;
	int result;

	stage_enter(cgroup);
	fd = stage_socket(FORM_V4, SOCK_STREAM);
	result = stage_connect(fd, dest, FORM_V4, TCP_PORT);
	stage_leave();
	return result;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- installing ---- */

static int install_rows(struct aeg_addr_row *addrs, struct aeg_cell_row *cells, size_t n,
			struct aeg_gen settings)
{
	struct aeg_tables tables = {
		.addrs = {.items = addrs, .n = n},
		.cells = {.items = cells, .n = n},
	};
	const struct aeg_generation generation = {.tables = &tables, .settings = settings};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	return aeg_datapath_install(datapath, &generation, &error);
}

/* 10.x.y.0/24 and a cell for each. */
static void make_rows(struct aeg_addr_row *addrs, struct aeg_cell_row *cells)
{
	for (uint32_t i = 0; i < ROWS; i++) {
		const uint8_t net[16] = {[10] = 0xff, 0xff, 10, (uint8_t)(i >> 8), (uint8_t)i};

		addrs[i].key.prefixlen = AEG_V4_PREFIX + 24;
		memcpy(addrs[i].key.addr, net, sizeof(net));
		addrs[i].dest.class = i + 1;
		cells[i].key.profile = 1;
		cells[i].key.class = i + 1;
		cells[i].key.proto = AEG_PROTO_TCP;
	}
}

static uint64_t fill_of(const char *name, uint64_t *ret_capacity)
{
	struct aeg_map_fill fill[16];
	size_t n = aeg_datapath_fill(datapath, fill, AEG_ARRAY_SIZE(fill));

	for (size_t i = 0; i < n; i++) {
		if (aeg_streq(fill[i].name, name)) {
			*ret_capacity = fill[i].capacity;
			return fill[i].entries;
		}
	}
	CHECK(!"no such map");
	*ret_capacity = 0;
	return 0;
}

static void many_rows(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_AUTO_FREE struct aeg_addr_row *addrs = aeg_xcalloc(ROWS, sizeof(*addrs));
	AEG_AUTO_FREE struct aeg_cell_row *cells = aeg_xcalloc(ROWS, sizeof(*cells));
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	uint64_t capacity;
	double start;

	make_rows(addrs, cells);
	if (datapath_start(&config)) {
		start = now_ms();
		CHECK_EQUAL(install_rows(addrs, cells, ROWS, default_settings()), 0);
		printf("# %d rows in %.0f ms\n", 2 * ROWS, now_ms() - start);
		CHECK_EQUAL(fill_of("addrs", &capacity), ROWS);
		CHECK(capacity > ROWS);
		CHECK_EQUAL(fill_of("cells", &capacity), ROWS);
		/* A daemon that takes over counts what is really there. */
		aeg_datapath_close(datapath);
		CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
		CHECK_EQUAL(fill_of("addrs", &capacity), ROWS);
		CHECK_EQUAL(fill_of("cells", &capacity), ROWS);
	}
	datapath_stop();
}

/* What is refused leaves the generation in force as it was. */
static void refused_generation(void)
{
	const struct aeg_datapath_config config = stage_config();
	const struct aeg_gen bad[] = {
		{.unselected = 0, .unknown = AEG_VERDICT_DENIED},
		{.unselected = AEG_VERDICT_ALLOWED, .unknown = AEG_VERDICT_MAX},
		{.unselected = 1, .unknown = 1, .deny_errno = 4096},
	};
	struct aeg_addr_row row = {.key.prefixlen = 129};

	if (datapath_start(&config)) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(bad); i++)
			CHECK_EQUAL(install_rows(NULL, NULL, 0, bad[i]), -EINVAL);
		CHECK(install_rows(&row, (struct aeg_cell_row[]){{{0}}}, 1, default_settings()) <
		      0);
		CHECK_EQUAL(aeg_datapath_generation(datapath), 1);
		CHECK_EQUAL(connect_in(IN_A, DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_in(IN_A, DEST_ALLOWED), 0);
	}
	datapath_stop();
}

/* ---- flipping under load ---- */

static volatile sig_atomic_t stopped;

static void on_stop(int signo)
{
	stopped = 1;
}

/* Connects from A until it is told to stop; exits with 1 if a connection was refused. */
static pid_t start_load(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	signal(SIGTERM, on_stop);
	stage_enter(IN_A);
	while (!stopped) {
		AEG_AUTO_CLOSE int fd = stage_socket(FORM_V4, SOCK_DGRAM);

		if (stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT))
			_exit(1);
	}
	_exit(0);
}

struct mix {
	uint64_t events, mixed, generations;
	uint64_t last;
};

/* Generation n was installed with rules from RULE_A_ALLOWS + 100 * (n % 2) up. */
static void look_for_mix(void *arg, const struct aeg_event *event, size_t size)
{
	struct mix *mix = arg;

	mix->events++;
	mix->mixed += event->decision.rule != RULE_A_ALLOWS + 100 * (event->generation % 2);
	mix->generations += event->generation != mix->last;
	mix->last = event->generation;
}

static void flips_under_load(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct mix mix = {0};
	int status = 0;
	pid_t pid;

	if (datapath_start(&config) && install(default_settings(), RULE_A_ALLOWS)) {
		pid = start_load();
		for (int i = 0; i < FLIPS; i++) {
			uint64_t next = aeg_datapath_generation(datapath) + 1;

			install(default_settings(), (uint32_t)(RULE_A_ALLOWS + 100 * (next % 2)));
			aeg_datapath_consume(datapath, look_for_mix, &mix);
		}
		kill(pid, SIGTERM);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		aeg_datapath_consume(datapath, look_for_mix, &mix);
		printf("# %llu decisions over %llu generations\n", (unsigned long long)mix.events,
		       (unsigned long long)mix.generations);
		CHECK(mix.generations > FLIPS / 2);
		CHECK_EQUAL(mix.mixed, 0);
	}
	datapath_stop();
}

/* ---- additions ---- */

static void added_cells(void)
{
	const struct aeg_datapath_config config = stage_config();
	const struct aeg_answer allow = {
		.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_RULE, .rule = 77};
	const struct aeg_cell_row row = {
		.key = {.profile = 3, .class = DEST_DENIED + 1, .proto = AEG_PROTO_TCP},
		.cell = {.enforce = allow, .all = allow},
	};

	if (datapath_start(&config)) {
		struct aeg_ident_row ident = ident_row("managed/a", WORKLOAD_A, 3);

		CHECK_EQUAL(connect_in(IN_A, DEST_DENIED), EPERM);
		CHECK_EQUAL(aeg_datapath_add_cells(datapath, &row, 1), 0);
		CHECK_EQUAL(connect_in(IN_A, DEST_DENIED), EPERM);
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &ident), 0);
		CHECK_EQUAL(connect_in(IN_A, DEST_DENIED), 0);
		CHECK_EQUAL(connect_in(IN_A, DEST_ALLOWED), EPERM);
	}
	datapath_stop();
}

static void no_room_for_cells(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_cell_row *rows = NULL;
	uint64_t capacity, entries;

	if (datapath_start(&config)) {
		entries = fill_of("cells", &capacity);
		rows = aeg_xcalloc(capacity, sizeof(*rows));
		for (uint32_t i = 0; i < capacity; i++)
			rows[i].key = (struct aeg_cell_key){.profile = 9, .class = i};
		CHECK_EQUAL(aeg_datapath_add_cells(datapath, rows, capacity - entries + 1),
			    -ENOSPC);
		CHECK_EQUAL(fill_of("cells", &capacity), entries);
		CHECK_EQUAL(aeg_datapath_add_cells(datapath, rows, capacity - entries), 0);
		CHECK_EQUAL(fill_of("cells", &capacity), capacity);
		CHECK_EQUAL(aeg_datapath_add_cells(datapath, rows, 1), -ENOSPC);
		CHECK_EQUAL(connect_in(IN_A, DEST_DENIED), EPERM);
	}
	free(rows);
	datapath_stop();
}

static void no_room_for_idents(void)
{
	const struct aeg_datapath_config config = stage_config();
	uint64_t capacity = 0, entries;

	if (datapath_start(&config)) {
		struct aeg_ident_row row = {.ident = {.workload = 1}};
		int err = 0;

		for (entries = fill_of("idents", &capacity); !err; entries += !err) {
			row.cgroup = 1ull << 40 | entries;
			err = aeg_datapath_set_ident(datapath, &row);
		}
		CHECK_EQUAL(err, -ENOSPC);
		CHECK_EQUAL(entries, capacity);
		/* What is there can still be changed, and room can be made. */
		row = ident_row("managed/a", WORKLOAD_B, 2);
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
		CHECK_EQUAL(connect_in(IN_A, DEST_DENIED), 0);
		CHECK_EQUAL(aeg_datapath_delete_ident(datapath, 1ull << 40 | (entries - 1)), 0);
		row.cgroup = 1ull << 41;
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
	}
	datapath_stop();
}

/* ---- numbers ---- */

static void labels_return(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_numbers_done) struct aeg_numbers given = {0}, found = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (datapath_start(&config)) {
		for (int i = 0; i < 3000; i++) {
			AEG_AUTO_FREE char *text = aeg_xasprintf("team-%d/app", i);

			aeg_numbers_get(&given, AEG_LABEL_WORKLOAD + i % 3, text);
		}
		CHECK_EQUAL(aeg_datapath_store_numbers(datapath, &given), 0);
		CHECK_EQUAL(given.stored, given.list.n);
		aeg_datapath_close(datapath);
		CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
		CHECK_EQUAL(aeg_datapath_load_numbers(datapath, &found), 0);
		CHECK_EQUAL(found.list.n, given.list.n);
		CHECK_EQUAL(found.last, given.last);
		CHECK_EQUAL(found.stored, found.list.n);
		for (size_t i = 0; i < given.list.n; i++) {
			const char *text = aeg_numbers_text(&found, given.list.items[i].number);

			CHECK(text && aeg_streq(text, given.list.items[i].text));
		}
	}
	datapath_stop();
}

const struct test table_tests[] = {
	{"tables: 20,000 rows are installed and counted", many_rows},
	{"tables: a refused generation changes nothing", refused_generation},
	{"tables: a flip under load is never seen half", flips_under_load},
	{"tables: added cells decide once an identity names them", added_cells},
	{"tables: no room for cells", no_room_for_cells},
	{"tables: no room for identities", no_room_for_idents},
	{"tables: labels return with their numbers", labels_return},
	{NULL, NULL},
};
