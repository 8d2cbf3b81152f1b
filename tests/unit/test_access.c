// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Kubeconfigs, good and bad, and the token that is read anew. */
#include "base/file.h"
#include "kube/access.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char path[] = "/tmp/aegress-test-access-XXXXXX";

static int make(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd);
}

static int discard(void **state)
{
	return unlink(path);
}

static void write_text(const char *text)
{
	assert_int_equal(aeg_file_replace(path, text, strlen(text), 0600), 0);
}

/* A kubeconfig with this cluster and this user. */
static int load(const char *cluster, const char *user, struct aeg_kube_access *ret,
		char **ret_error)
{
	struct aeg_buf error = {0};
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {%s}}]\nusers: [{name: u, user: {%s}}]\n",
		cluster, user);
	int err;

	write_text(text);
	err = aeg_kube_access_load(path, ret, &error);
	*ret_error = aeg_buf_take(&error);
	return err;
}

static void assert_refused(const char *cluster, const char *user, const char *why)
{
	struct aeg_kube_access access;
	AEG_AUTO_FREE char *error = NULL;

	assert_int_not_equal(load(cluster, user, &access, &error), 0);
	if (!error || !strstr(error, why))
		fail_msg("'%s' does not say '%s'", error ? error : "", why);
}

#define SERVER "server: 'https://h:6443//'"

static void test_good(void **state)
{
	struct aeg_kube_access access;
	AEG_AUTO_FREE char *error = NULL, *bearer = NULL;
	struct aeg_buf unused = {0};

	assert_int_equal(load(SERVER ", certificate-authority-data: 'Y2EK', "
				     "insecure-skip-tls-verify: false",
			      "token: secret", &access, &error),
			 0);
	assert_string_equal(access.server, "https://h:6443");
	assert_string_equal(access.ca.text, "ca\n");
	assert_int_equal(aeg_kube_access_bearer(&access, &bearer, &unused), 0);
	assert_string_equal(bearer, "Authorization: Bearer secret");
	aeg_kube_access_done(&access);
}

static void test_refused(void **state)
{
	assert_refused("server: 'http://h'", "token: t", "must be an https:// address");
	assert_refused("x: y", "token: t", "must be an https:// address");
	assert_refused(SERVER ", insecure-skip-tls-verify: true", "token: t",
		       "whoever answers could write our policies");
	assert_refused(SERVER, "exec: {command: aws}", "the daemon runs no programs");
	assert_refused(SERVER, "auth-provider: {name: gcp}", "the daemon runs no programs");
	assert_refused(SERVER ", certificate-authority-data: '%%%%'", "token: t", "is not base64");
}

/* Messages quote lines of policies; a line of this file may hold a secret. */
static void test_no_secret_in_errors(void **state)
{
	struct aeg_kube_access access;
	AEG_AUTO_FREE char *error = NULL;

	assert_int_not_equal(load("server: 'http://h'", "token: hunter2", &access, &error), 0);
	assert_non_null(error);
	assert_null(strstr(error, "hunter2"));
}

static void test_not_a_kubeconfig(void **state)
{
	static const char *const texts[] = {
		"", "[]", "current-context: c\n", "a: [\n",
		"current-context: c\ncontexts: [{name: c, context: {}}]\n"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
		struct aeg_kube_access access;

		write_text(texts[i]);
		assert_int_not_equal(aeg_kube_access_load(path, &access, &error), 0);
		assert_true(error.len > 0);
	}
}

/* The kubelet replaces it while the daemon runs. */
static void test_token_file(void **state)
{
	struct aeg_kube_access access = {.token_file = path};
	struct aeg_buf error = {0};
	char *bearer;

	for (unsigned int i = 0; i < 2; i++) {
		write_text(i ? "new\n" : "old\n");
		assert_int_equal(aeg_kube_access_bearer(&access, &bearer, &error), 0);
		assert_string_equal(strrchr(bearer, ' ') + 1, i ? "new" : "old");
		free(bearer);
	}
	access.token_file = (char[]){"/nowhere/token"};
	assert_int_not_equal(aeg_kube_access_bearer(&access, &bearer, &error), 0);
	assert_non_null(strstr(aeg_buf_text(&error), "/nowhere/token"));
	aeg_buf_done(&error);
}

static void test_base64(void **state)
{
	static const struct {
		const char *text, *decoded; /* NULL: refused */
	} cases[] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm 9v\nYg=\t=", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zg", NULL},
		{"Zg=", NULL},
		{"Z===", NULL},
		{"====", NULL},
		{"Zg==Zg==", NULL},
		{"Zm9-", NULL},
		{"Zm9\x80", NULL},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf decoded = {0};

		assert_int_equal(aeg_base64_decode(cases[i].text, &decoded),
				 cases[i].decoded != NULL);
		if (cases[i].decoded)
			assert_string_equal(aeg_buf_text(&decoded), cases[i].decoded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_secret_in_errors),
		cmocka_unit_test(test_not_a_kubeconfig),
		cmocka_unit_test(test_token_file),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, make, discard);
}
