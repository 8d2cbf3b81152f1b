// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * How many denials a second reach the audit log's file, sealed, through the very functions and the
 * same loop as in the daemon: rounds of records, syncing in the background, rotation, compression.
 * usage: audit DIRECTORY RECORDS. Prints one JSON object.
 */
#include "base/file.h"
#include "bpf/abi.h"
#include "observe/audit.h"

#include <err.h>
#include <stdio.h>
#include <sys/resource.h>

#define ROUND 4000 /* records of one wake-up: 20 ms at 200,000 a second */
#define PAGE 4096
#define MIB (UINT64_C(1) << 20)

struct run {
	struct aeg_loop *loop;
	struct aeg_watch *timer;
	struct aeg_audit *audit;
	uint64_t records, done;
	unsigned int problems;
};

static void on_problem(void *arg, const char *what, int error)
{
	struct run *run = arg;

	run->problems += error != 0;
	warnx("%s: %s", what, strerror(-error));
}

/* As large as they usually are. */
static struct aeg_flow denial(uint64_t i)
{
	return (struct aeg_flow){
		.time_ns = aeg_realtime_ns(),
		.node = "node-1.example",
		.ns = "ml-prod",
		.workload = "chat-api-7d9f8b6c5d-x2x9z",
		.uid = "9a6a2f0e-6c1f-4f9b-8d6e-0a1b2c3d4e5f",
		.service_account = "chat-api",
		.policy = "ml-prod/chat-api",
		.rule = "no-uploads",
		.pattern = "*.xethub.hf.co",
		.endpoint = "hf-upload",
		.class = "upload",
		.event = {.type = AEG_EVENT_DENY,
			  .generation = 12,
			  .cgroup = 123456,
			  .cookie = i,
			  .pid = (uint32_t)(i % 32768),
			  .comm = "python3",
			  .proto = AEG_PROTO_TCP,
			  .dport = 443,
			  .daddr = {[10] = 0xff, 0xff, 203, 0, 113, (uint8_t)i},
			  .decision = {.verdict = AEG_VERDICT_DENIED,
				       .reason = AEG_REASON_DENY_RULE}},
	};
}

static void round_of_records(void *arg)
{
	struct run *run = arg;

	for (int i = 0; i < ROUND && run->done < run->records; i++) {
		struct aeg_flow flow = denial(run->done++);

		aeg_audit_flow(run->audit, &flow);
	}
	aeg_audit_flush(run->audit);
	if (run->done < run->records)
		aeg_timer_arm(run->timer, 0);
	else
		aeg_loop_stop(run->loop);
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/* How long it was ready to run while others ran: what a machine that is busy takes away. */
static double waited_seconds(void)
{
	AEG_AUTO_FREE char *text = NULL;
	char *second = NULL; /* ns it ran, ns it waited, time slices */

	if (aeg_file_read("/proc/self/schedstat", PAGE, &text, NULL) == 0)
		second = strchr(text, ' ');
	if (!second)
		errx(1, "no /proc/self/schedstat");
	return (double)strtoull(second, NULL, 10) / 1e9;
}

static void measure(struct run *run, struct aeg_json *json)
{
	double cpu = cpu_seconds(), waited = waited_seconds(), took;
	uint64_t begin = aeg_now_ns();
	struct aeg_audit_stats stats;
	int error;

	aeg_timer_arm(run->timer, 0);
	error = aeg_loop_run(run->loop, NULL, NULL);
	took = (double)(aeg_now_ns() - begin) / 1e9;
	cpu = cpu_seconds() - cpu;
	waited = waited_seconds() - waited;
	aeg_audit_stats(run->audit, &stats);
	if (error)
		errx(1, "event loop: %s", strerror(-error));
	aeg_json_u64(json, "records", run->records);
	aeg_json_double(json, "seconds", took);
	aeg_json_double(json, "waited", waited);
	aeg_json_double(json, "rate", (double)run->records / (took - waited));
	aeg_json_double(json, "cpuUs", 1e6 * cpu / (double)run->records);
	aeg_json_u64(json, "bytes", stats.bytes);
	aeg_json_u64(json, "lost", stats.lost + stats.waiting);
	aeg_json_u64(json, "rotations", stats.rotations);
	aeg_json_u64(json, "problems", run->problems);
}

int main(int argc, char **argv)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	struct run run = {.records = argc == 3 ? strtoull(argv[2], NULL, 10) : 0};
	struct aeg_json json;
	char *head;

	if (!run.records)
		errx(2, "usage: audit DIRECTORY RECORDS");
	head = aeg_xasprintf("%s/audit.head", argv[1]);
	if (aeg_loop_new(&run.loop) ||
	    aeg_loop_timer(run.loop, round_of_records, &run, &run.timer) ||
	    aeg_audit_open(&(struct aeg_audit_settings){.directory = argv[1],
							.head = head,
							.node = "node-1.example",
							.mode = 0600,
							.rotation = {.bytes = 64 * MIB,
								     .total = 4096 * MIB},
							.compress = true,
							.sync = AEG_AUDIT_SYNC_INTERVAL,
							.sync_ms = 1000,
							.problem = on_problem,
							.problem_arg = &run},
			   run.loop, &run.audit))
		errx(1, "no event loop");
	aeg_json_begin(&json, &text);
	aeg_json_object(&json, NULL);
	measure(&run, &json);
	aeg_json_object_end(&json);
	aeg_audit_close(run.audit);
	aeg_loop_free(run.loop);
	free(head);
	puts(aeg_buf_text(&text));
	return 0;
}
