/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * aegressd: reads what it is told to, opens everything in an order that leaves no gap, runs the loop,
 * and stops without touching what is pinned. Exit codes: 0 ok, 1 could not start, 2 usage.
 */
#include "base/log.h"
#include "daemon/auditing.h"
#include "daemon/http.h"
#include "daemon/monitor.h"
#include "daemon/notify.h"
#include "daemon/pod_events.h"
#include "daemon/pods.h"
#include "daemon/privileges.h"
#include "daemon/socket.h"
#include "daemon/status_writer.h"
#include "gen/version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define COMPONENT "main"
#define CHECKS_MAX 16

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void complain(const char *text)
{
	fprintf(stderr, "aegressd: %s\n", text);
}

static void print_text(FILE *stream, struct aeg_buf *text)
{
	fputs(aeg_buf_text(text), stream);
	aeg_buf_done(text);
}

/* Prints what was found and returns whether there are errors. */
static bool print_diags(struct aeg_diags *diags)
{
	bool errors = diags->nerrors > 0;
	struct aeg_buf text = {0};

	aeg_diags_print(diags, &text, isatty(STDERR_FILENO));
	print_text(stderr, &text);
	aeg_diags_done(diags);
	return errors;
}

/* ---- what does not run the daemon ---- */

static int print_version(void)
{
	printf("aegressd %s (%s), ABI %d\n", AEG_VERSION, AEG_REVISION, AEG_ABI);
	return EXIT_OK;
}

static int print_help(void)
{
	struct aeg_buf text = {0};

	aeg_options_help(&text);
	print_text(stdout, &text);
	return EXIT_OK;
}

static int check_config(const struct aeg_config *config)
{
	struct aeg_diags diags = {0};
	struct aeg_numbers numbers = {0};
	struct aeg_tables *tables = NULL;
	struct aeg_model *model;

	if (aeg_ruleset_read(config, NULL, NULL, &diags, &model) == 0)
		aeg_compile_documents(model, &numbers, &diags, &tables);
	aeg_tables_free(tables);
	aeg_numbers_done(&numbers);
	aeg_model_free(model);
	if (print_diags(&diags))
		return EXIT_FAILED;
	puts("aegressd: the configuration and the documents are good");
	return EXIT_OK;
}

static int cleanup(const struct aeg_config *config)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (aeg_datapath_cleanup(config->pin_dir, &error)) {
		complain(aeg_buf_text(&error));
		return EXIT_FAILED;
	}
	printf("aegressd: nothing is enforced any more; the pins in '%s' are gone\n",
	       config->pin_dir);
	return EXIT_OK;
}

/* ---- environment ---- */

static bool environment_is_fit(const struct aeg_config *config)
{
	const struct aeg_datapath_config datapath = {
		.cgroup_root = config->cgroup_root ? config->cgroup_root : "/sys/fs/cgroup",
		.pin_dir = config->pin_dir,
		.ring_bytes = config->ring_bytes,
		.sockops = aeg_config_sockops(config),
	};
	struct aeg_check checks[CHECKS_MAX];
	size_t n = aeg_datapath_checks(&datapath, checks, CHECKS_MAX);
	bool fit = true;

	for (size_t i = 0; i < n; i++) {
		if (!checks[i].ok)
			aeg_log(AEG_LOG_ERROR, "environment", "%s: %s", checks[i].name,
				checks[i].detail);
		fit &= checks[i].ok;
		free(checks[i].detail);
	}
	return fit;
}

/* ---- signals ---- */

static void on_stop(void *arg, int signo)
{
	struct aeg_daemon *daemon = arg;

	aeg_notify("STOPPING=1");
	aeg_log(AEG_LOG_INFO, COMPONENT, "stopping on %s; what is pinned stays in force",
		strsignal(signo));
	daemon->stopped_by = signo;
	aeg_loop_stop(daemon->loop);
}

static void notify_ready(const struct aeg_daemon *daemon)
{
	const struct aeg_reconciler *reconciler = daemon->reconciler;

	aeg_notify("READY=1\nSTATUS=generation %llu in force, last reload %s",
		   (unsigned long long)aeg_datapath_generation(reconciler->datapath),
		   reconciler->last.ok ? "good" : "failed");
}

static void on_hup(void *arg, int signo)
{
	const struct aeg_daemon *daemon = arg;

	aeg_notify_reloading();
	aeg_reconciler_reload(daemon->reconciler, &(struct aeg_cause){.source = "signal"});
	notify_ready(daemon);
}

static int watch_signals(struct aeg_daemon *daemon)
{
	struct aeg_watch *unused;
	int err = aeg_loop_signal(daemon->loop, SIGTERM, on_stop, daemon, &unused);

	if (!err)
		err = aeg_loop_signal(daemon->loop, SIGINT, on_stop, daemon, &unused);
	if (!err)
		err = aeg_loop_signal(daemon->loop, SIGHUP, on_hup, daemon, &unused);
	return err;
}

/* ---- the daemon ---- */

/*
 * The socket first: a second daemon stops there, before it touches a pin. Privileges go before the
 * first document is read: what works now works at every reload.
 */
static int open_all(struct aeg_daemon *daemon, int *ret_listen_fd, struct aeg_buf *error)
{
	const struct aeg_config *config = daemon->config;
	int err = aeg_socket_listen(config->socket, config->socket_group, error, ret_listen_fd);

	if (!err)
		err = aeg_auditing_open(config, daemon->loop, error, &daemon->auditing);
	if (!err)
		err = aeg_reconciler_open(config, daemon->loop, error, &daemon->reconciler);
	if (err)
		return err;
	aeg_auditing_watch(daemon->auditing, daemon->reconciler);
	err = aeg_events_open(daemon->reconciler, daemon->loop, &daemon->events);
	if (!err)
		err = watch_signals(daemon);
	if (err) {
		aeg_buf_printf(error, "event loop: %s", strerror(-err));
		return err;
	}
	aeg_auditing_observe(daemon->auditing, daemon->events);
	err = aeg_datapath_delegate(daemon->reconciler->datapath);
	if (!err)
		err = aeg_privileges_drop();
	if (err)
		aeg_buf_printf(error, "capabilities cannot be dropped: %s", strerror(-err));
	return err;
}

static void on_cluster_changed(void *arg)
{
	const struct aeg_daemon *daemon = arg;

	aeg_reconciler_reload(daemon->reconciler, &(struct aeg_cause){.source = "kubernetes"});
}

static void on_pod(void *arg, const struct aeg_workload *pod)
{
	const struct aeg_daemon *daemon = arg;

	aeg_pods_seen(daemon->reconciler, pod);
	aeg_status_writer_pods_changed(daemon->status_writer);
}

static void on_pod_gone(void *arg, const char *uid)
{
	const struct aeg_daemon *daemon = arg;

	aeg_pods_gone(daemon->reconciler, uid);
	aeg_status_writer_pods_changed(daemon->status_writer);
}

static int open_cluster(struct aeg_daemon *daemon, struct aeg_buf *error)
{
	static const struct aeg_cluster_ops ops = {
		.changed = on_cluster_changed,
		.pod = on_pod,
		.pod_gone = on_pod_gone,
	};

	int err;

	if (!daemon->config->kube.enabled)
		return 0;
	err = aeg_cluster_open(daemon->config, daemon->loop, &ops, daemon, error,
			       &daemon->reconciler->cluster);
	if (err)
		return err;
	if (daemon->config->kube.events)
		aeg_pod_events_open(daemon, &daemon->pod_events);
	if (daemon->config->kube.status)
		err = aeg_status_writer_open(daemon, &daemon->status_writer);
	if (err)
		aeg_buf_printf(error, "status writer: %s", strerror(-err));
	return err;
}

/* Broken documents stop a first start; after an adoption what is pinned goes on. */
static int first_load(struct aeg_daemon *daemon, struct aeg_buf *error)
{
	int err = aeg_reconciler_reload(daemon->reconciler, &(struct aeg_cause){.source = "start"});

	if (!err || !daemon->reconciler->adopted)
		return err; /* the reload said itself what is wrong */
	aeg_log(AEG_LOG_WARNING, COMPONENT,
		"generation %llu of an earlier daemon stays in force until the documents check",
		(unsigned long long)aeg_datapath_generation(daemon->reconciler->datapath));
	return aeg_reconciler_keep(daemon->reconciler, error);
}

static int open_and_load(struct aeg_daemon *daemon, int *ret_listen_fd, struct aeg_buf *error)
{
	int err = open_all(daemon, ret_listen_fd, error);

	if (!err)
		err = open_cluster(daemon, error);
	return err ? err : first_load(daemon, error);
}

/* A port that is taken must not stop enforcement: it is said here, in the status, and by the scraper. */
static void open_monitor(struct aeg_daemon *daemon)
{
	char address[AEG_LISTEN_TEXT];
	int err;

	if (!daemon->config->metrics.listen.on)
		return;
	err = aeg_monitor_open(daemon);
	if (err) {
		aeg_listen_format(&daemon->config->metrics.listen, address);
		aeg_log(AEG_LOG_ERROR, COMPONENT, "metrics are not served: '%s': %s", address,
			strerror(-err));
		return;
	}
	aeg_monitor_address(daemon->monitor, address);
	aeg_log(AEG_LOG_INFO, COMPONENT, "metrics on http://%s/metrics", address);
}

static int serve(struct aeg_daemon *daemon, int listen_fd, struct aeg_buf *error)
{
	struct aeg_http *http;
	int err = aeg_http_open(daemon, listen_fd, error, &http);

	if (err)
		return err;
	open_monitor(daemon);
	daemon->events->grew = aeg_http_flows_grew;
	daemon->events->grew_arg = http;
	notify_ready(daemon);
	aeg_log(AEG_LOG_INFO, COMPONENT, "aegressd %s is ready; API on %s", AEG_VERSION,
		daemon->config->socket);
	err = aeg_loop_run(daemon->loop, NULL, NULL);
	aeg_events_finish(daemon->events);
	aeg_http_close(http);
	if (err)
		aeg_buf_printf(error, "event loop: %s", strerror(-err));
	return err;
}

static void close_all(struct aeg_daemon *daemon)
{
	aeg_events_close(daemon->events);
	aeg_monitor_close(daemon->monitor);
	aeg_pod_events_close(daemon->pod_events);
	aeg_status_writer_close(daemon->status_writer);
	if (daemon->reconciler)
		aeg_cluster_close(AEG_TAKE_PTR(daemon->reconciler->cluster));
	aeg_reconciler_close(daemon->reconciler);
	aeg_auditing_close(daemon->auditing, daemon->stopped_by);
	aeg_loop_free(daemon->loop);
}

/* A start that failed leaves nothing behind, unless it found something in force. */
static void undo_start(const struct aeg_daemon *daemon, bool remove_pins)
{
	struct aeg_buf error = {0};

	if (remove_pins && aeg_datapath_cleanup(daemon->config->pin_dir, &error))
		aeg_log(AEG_LOG_WARNING, COMPONENT, "%s", aeg_buf_text(&error));
	aeg_buf_done(&error);
}

static int run_in_loop(struct aeg_daemon *daemon, struct aeg_buf *error)
{
	int listen_fd = -1;
	int err = open_and_load(daemon, &listen_fd, error);
	bool remove_pins = err && daemon->reconciler && !daemon->reconciler->adopted;
	bool ours = listen_fd >= 0; /* the socket: not another daemon's */

	if (!err)
		err = serve(daemon, listen_fd, error);
	else
		aeg_closep(&listen_fd);
	if (ours)
		unlink(daemon->config->socket);
	close_all(daemon);
	undo_start(daemon, remove_pins);
	return err;
}

static int run(const struct aeg_config *config)
{
	struct aeg_daemon daemon = {.config = config};
	struct aeg_buf error = {0};
	int err;

	daemon.started_at_ns = aeg_realtime_ns();
	if (!environment_is_fit(config))
		return EXIT_FAILED;
	err = aeg_loop_new(&daemon.loop);
	if (err)
		aeg_buf_printf(&error, "event loop: %s", strerror(-err));
	else
		err = run_in_loop(&daemon, &error);
	if (error.len)
		aeg_log(AEG_LOG_ERROR, COMPONENT, "%s", aeg_buf_text(&error));
	aeg_buf_done(&error);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int main_with_options(const struct aeg_options *options)
{
	struct aeg_diags diags = {0};
	struct aeg_config config;
	int status;

	if (options->help)
		return print_help();
	if (options->version)
		return print_version();
	aeg_config_load(options, &diags, &config);
	aeg_log_setup((enum aeg_log_level)config.log_level, (enum aeg_log_format)config.log_format);
	if (print_diags(&diags))
		status = EXIT_FAILED;
	else if (options->check_config)
		status = check_config(&config);
	else if (options->cleanup)
		status = cleanup(&config);
	else
		status = run(&config);
	aeg_config_done(&config);
	return status;
}

int main(int argc, char **argv)
{
	struct aeg_options options;
	struct aeg_buf error = {0};
	int status = EXIT_USAGE;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (aeg_options_parse(argc, argv, &options, &error)) {
		complain(aeg_buf_text(&error));
		fputs("Try 'aegressd --help'.\n", stderr);
	} else {
		status = main_with_options(&options);
	}
	aeg_options_done(&options);
	aeg_buf_done(&error);
	return status;
}
