/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The only user of libcurl in the command line. Prints nothing. */
#include "cli/http.h"
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

#define CONNECT_SECONDS 5L
#define ANSWER_SECONDS 60L

/* What one transfer writes to. */
struct transfer {
	CURL *easy;
	struct curl_slist *headers;
	struct aeg_response *response;
	aeg_line_fn *fn; /* NULL: everything goes to the response */
	void *arg;
	struct aeg_buf line; /* begun, its newline has not come yet */
	bool stopped;	     /* by fn */
};

void aeg_response_done(struct aeg_response *response)
{
	aeg_buf_done(&response->body);
}

void aeg_http_escape(struct aeg_buf *path, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    strchr("-._~", c)) {
			aeg_buf_putc(path, (char)c);
		} else {
			aeg_buf_putc(path, '%');
			aeg_buf_putc(path, hex[c >> 4]);
			aeg_buf_putc(path, hex[c & 15]);
		}
	}
}

/* Hands on the complete lines. False: stop. */
static bool split_lines(struct transfer *transfer, const char *data, size_t len)
{
	const char *newline;

	while ((newline = memchr(data, '\n', len))) {
		size_t n = (size_t)(newline - data);

		aeg_buf_add(&transfer->line, data, n);
		if (!transfer->fn(transfer->arg, aeg_buf_text(&transfer->line),
				  transfer->line.len)) {
			transfer->stopped = true;
			return false;
		}
		aeg_buf_reset(&transfer->line);
		data += n + 1;
		len -= n + 1;
	}
	aeg_buf_add(&transfer->line, data, len);
	return transfer->line.len <= AEG_HTTP_LINE_MAX;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->fn && status == 200)
		return split_lines(transfer, data, n) ? n : 0;
	if (transfer->response->body.len + n > AEG_HTTP_ANSWER_MAX)
		return 0;
	aeg_buf_add(&transfer->response->body, data, n);
	return n;
}

static void add_header(struct transfer *transfer, const char *name, const char *value)
{
	AEG_AUTO_FREE char *line = aeg_xasprintf("%s: %s", name, value);

	transfer->headers = curl_slist_append(transfer->headers, line);
}

static void transfer_done(struct transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	curl_easy_cleanup(transfer->easy);
	aeg_buf_done(&transfer->line);
}

static void set_body(struct transfer *transfer, const struct aeg_request *request)
{
	add_header(transfer, "Content-Type", request->type);
	add_header(transfer, "Expect", ""); /* no round trip for permission to send */
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)request->body_len);
}

/* A transfer is cleaned up also when this fails. */
static int transfer_init(struct transfer *transfer, const char *socket,
			 const struct aeg_request *request)
{
	AEG_AUTO_FREE char *url = aeg_xasprintf("http://aegressd%s", request->path);
	CURL *easy = curl_easy_init();

	if (!easy)
		return -ENOMEM;
	transfer->easy = easy;
	add_header(transfer, "Accept", request->accept ? request->accept : "application/json");
	if (request->body)
		set_body(transfer, request);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	/* $http_proxy means other servers than ours. */
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	/* SIGPIPE stays as it is: `aegress flows -f | head` must end. */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	return 0;
}

static const char *advice(long reason)
{
	switch (reason) {
	case ENOENT:
		return "It is not running, or listens elsewhere: start it with 'systemctl start "
		       "aegressd', or name its socket with --socket.";
	case ECONNREFUSED:
		return "It is gone and left the socket behind: start it again with 'systemctl start "
		       "aegressd'.";
	case EACCES:
		return "Become root, or join the group that owns the socket.";
	default:
		return "'aegress doctor' may know more.";
	}
}

static int explain_failure(CURL *easy, CURLcode code, const char *socket, struct aeg_buf *error)
{
	long reason = 0;

	if (code == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &reason);
	if (strlen(socket) >= 108) /* sun_path; libcurl only says that it cannot resolve a host */
		aeg_buf_printf(error, "cannot reach aegressd: socket '%s': the path is too long",
			       socket);
	else if (reason)
		aeg_buf_printf(error, "cannot reach aegressd: socket '%s': %s. %s", socket,
			       strerror((int)reason), advice(reason));
	else
		aeg_buf_printf(error, "no answer from aegressd: socket '%s': %s. %s", socket,
			       curl_easy_strerror(code), advice(0));
	return reason ? -(int)reason : -EIO;
}

int aeg_http_call(const char *socket, const struct aeg_request *request, struct aeg_response *ret,
		  struct aeg_buf *error)
{
	AEG_CLEANUP(transfer_done) struct transfer transfer = {.response = ret};
	CURLcode code;
	int result = transfer_init(&transfer, socket, request);

	if (result < 0) {
		aeg_buf_puts(error, "libcurl could not be initialised");
		return result;
	}
	curl_easy_setopt(transfer.easy, CURLOPT_TIMEOUT, ANSWER_SECONDS);
	code = curl_easy_perform(transfer.easy);
	if (code != CURLE_OK)
		return explain_failure(transfer.easy, code, socket, error);
	curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &ret->status);
	return 0;
}

/* A descriptor that becomes readable at Ctrl-C; the signals stay blocked until the process ends. */
static int open_interrupts(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Runs the one transfer of multi to its end; *ret_interrupted: a signal came first. */
static CURLcode drive(CURLM *multi, int interrupts, bool *ret_interrupted)
{
	struct curl_waitfd wait = {.fd = interrupts, .events = CURL_WAIT_POLLIN};
	int running = 1, left;
	CURLMsg *message;

	for (;;) {
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (!running)
			break;
		if (curl_multi_poll(multi, &wait, 1, 60000, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (wait.revents) {
			*ret_interrupted = true;
			return CURLE_OK;
		}
	}
	message = curl_multi_info_read(multi, &left);
	return message ? message->data.result : CURLE_FAILED_INIT;
}

int aeg_http_stream(const char *socket, const char *path, aeg_line_fn *fn, void *arg,
		    struct aeg_response *ret, bool *ret_interrupted, struct aeg_buf *error)
{
	struct aeg_request request = {.method = "GET", .path = path};
	AEG_CLEANUP(transfer_done)
	struct transfer transfer = {.response = ret, .fn = fn, .arg = arg};
	AEG_AUTO_CLOSE int interrupts = open_interrupts();
	CURLM *multi = curl_multi_init();
	CURLcode code = CURLE_FAILED_INIT;

	if (multi && transfer_init(&transfer, socket, &request) == 0 &&
	    curl_multi_add_handle(multi, transfer.easy) == CURLM_OK) {
		code = drive(multi, interrupts, ret_interrupted);
		curl_multi_remove_handle(multi, transfer.easy);
	}
	curl_multi_cleanup(multi);
	if (code != CURLE_OK && !transfer.stopped)
		return explain_failure(transfer.easy, code, socket, error);
	curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &ret->status);
	return 0;
}
