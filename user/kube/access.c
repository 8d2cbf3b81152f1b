/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads kubeconfigs in the error style of policies; plugins that would have to be run are refused. */
#include "kube/access.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/yaml.h"

#include <errno.h>
#include <stdio.h>

#define TOKEN_MAX 65536

/* ---- base64 ---- */

static int base64_value(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(letters, c) : NULL;

	return at ? (int)(at - letters) : -1;
}

bool aeg_base64_decode(const char *text, struct aeg_buf *ret)
{
	unsigned int bits = 0, nbits = 0, padding = 0, n = 0;

	for (; *text; text++) {
		int value = base64_value(*text);

		if (strchr(" \t\r\n", *text))
			continue;
		n++;
		if (*text == '=') {
			padding++;
			continue;
		}
		if (value < 0 || padding)
			return false;
		bits = bits << 6 | (unsigned int)value;
		nbits += 6;
		if (nbits >= 8) {
			nbits -= 8;
			aeg_buf_putc(ret, (char)(bits >> nbits));
		}
	}
	return n % 4 == 0 && padding <= 2;
}

/* ---- kubeconfig ---- */

struct kubeconfig {
	const char *path;
	const struct aeg_node *root;
	struct aeg_diags *diags;
};

static const char *text_at(const struct aeg_node *map, const char *key)
{
	const struct aeg_node *value = aeg_node_get(map, key);

	return value && value->type == AEG_NODE_SCALAR && *value->text ? value->text : NULL;
}

/* The entry of a list of {name: …, WHAT: …} with that name; NULL after an error. */
static const struct aeg_node *find_entry(const struct kubeconfig *config, const char *list,
					 const char *what, const char *name)
{
	const struct aeg_node *entries = aeg_node_get(config->root, list);

	for (size_t i = 0; entries && entries->type == AEG_NODE_LIST && i < entries->items.n; i++) {
		const struct aeg_node *entry = entries->items.items[i];
		const char *found = text_at(entry, "name");

		if (found && aeg_streq(found, name) && aeg_node_get(entry, what))
			return aeg_node_get(entry, what);
	}
	aeg_error_at(config->diags, (struct aeg_pos){.file = config->path},
		     "%s has no '%s' named '%s'", list, what, name);
	return NULL;
}

/* Paths in a kubeconfig are relative to its directory. */
static char *resolve(const struct kubeconfig *config, const char *path)
{
	const char *slash = strrchr(config->path, '/');

	if (*path == '/' || !slash)
		return aeg_xstrdup(path);
	return aeg_xasprintf("%.*s/%s", (int)(slash - config->path), config->path, path);
}

static void read_blob(const struct kubeconfig *config, const struct aeg_node *map, const char *key,
		      struct aeg_kube_blob *ret)
{
	AEG_AUTO_FREE char *data_key = aeg_xasprintf("%s-data", key);
	const char *data = text_at(map, data_key), *file = text_at(map, key);
	struct aeg_buf text = {0};

	if (data && aeg_base64_decode(data, &text))
		ret->text = aeg_buf_take(&text);
	else if (data)
		aeg_error_at(config->diags, aeg_node_get(map, data_key)->pos, "'%s' is not base64",
			     data_key);
	else if (file)
		ret->file = resolve(config, file);
	aeg_buf_done(&text);
}

static void refuse(const struct kubeconfig *config, const struct aeg_node *map, const char *key,
		   const char *why)
{
	const struct aeg_node *value = aeg_node_get(map, key);
	bool said = false;

	if (value && (!aeg_node_bool(value, &said) || said))
		aeg_error_at(config->diags, value->pos, "'%s' %s", key, why);
}

static void read_cluster(const struct kubeconfig *config, const struct aeg_node *cluster,
			 struct aeg_kube_access *ret)
{
	const char *server = text_at(cluster, "server");

	refuse(config, cluster, "insecure-skip-tls-verify",
	       "is refused: whoever answers could write our policies");
	if (!server || strncmp(server, "https://", 8) != 0) {
		aeg_error_at(config->diags, cluster->pos, "'server' must be an https:// address");
		return;
	}
	ret->server = aeg_xstrdup(server);
	while (strlen(ret->server) && ret->server[strlen(ret->server) - 1] == '/')
		ret->server[strlen(ret->server) - 1] = '\0';
	read_blob(config, cluster, "certificate-authority", &ret->ca);
}

static void read_user(const struct kubeconfig *config, const struct aeg_node *user,
		      struct aeg_kube_access *ret)
{
	static const char not_run[] = "is refused: the daemon runs no programs; use a token";
	const char *token = text_at(user, "token"), *file = text_at(user, "tokenFile");

	refuse(config, user, "exec", not_run);
	refuse(config, user, "auth-provider", not_run);
	if (token)
		ret->token = aeg_xstrdup(token);
	else if (file)
		ret->token_file = resolve(config, file);
	read_blob(config, user, "client-certificate", &ret->cert);
	read_blob(config, user, "client-key", &ret->key);
}

static void read_kubeconfig(const struct kubeconfig *config, struct aeg_kube_access *ret)
{
	const char *current = text_at(config->root, "current-context");
	const struct aeg_node *context, *cluster, *user;

	if (!current) {
		aeg_error_at(config->diags, config->root->pos, "'current-context' is missing");
		return;
	}
	context = find_entry(config, "contexts", "context", current);
	if (!context)
		return;
	if (!text_at(context, "cluster") || !text_at(context, "user")) {
		aeg_error_at(config->diags, context->pos, "a context has a cluster and a user");
		return;
	}
	cluster = find_entry(config, "clusters", "cluster", text_at(context, "cluster"));
	user = find_entry(config, "users", "user", text_at(context, "user"));
	if (cluster)
		read_cluster(config, cluster, ret);
	if (user)
		read_user(config, user, ret);
}

static int load_kubeconfig(const char *path, struct aeg_kube_access *ret, struct aeg_buf *error)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml;
	struct kubeconfig config = {.path = path, .diags = &diags};

	if (aeg_yaml_load(path, &diags, &yaml) == 0) {
		if (yaml->documents.n)
			config.root = yaml->documents.items[0];
		else
			aeg_error_at(&diags, (struct aeg_pos){.file = path}, "is empty");
	}
	if (config.root)
		read_kubeconfig(&config, ret);
	aeg_diags_forget_sources(&diags); /* its lines hold secrets */
	aeg_diags_print(&diags, error, false);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
	return error->len ? -EINVAL : 0;
}

/* ---- the pod's own ---- */

static int load_own(struct aeg_kube_access *ret, struct aeg_buf *error)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");

	if (!host || !port || access(AEG_KUBE_ACCOUNT_DIR "/token", F_OK) < 0) {
		aeg_buf_puts(error,
			     "not in a pod with a service account: set kubernetes.kubeconfig, "
			     "or mount the token in the DaemonSet");
		return -ENOENT;
	}
	ret->server =
		aeg_xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	ret->ca.file = aeg_xstrdup(AEG_KUBE_ACCOUNT_DIR "/ca.crt");
	ret->token_file = aeg_xstrdup(AEG_KUBE_ACCOUNT_DIR "/token");
	return 0;
}

/* ---- both ---- */

int aeg_kube_access_load(const char *kubeconfig, struct aeg_kube_access *ret, struct aeg_buf *error)
{
	int err;

	*ret = (struct aeg_kube_access){0};
	err = kubeconfig ? load_kubeconfig(kubeconfig, ret, error) : load_own(ret, error);
	if (err)
		aeg_kube_access_done(ret);
	return err;
}

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void blob_done(struct aeg_kube_blob *blob)
{
	free(blob->file);
	wipe(&blob->text);
	blob->file = NULL;
}

void aeg_kube_access_done(struct aeg_kube_access *access)
{
	free(access->server);
	blob_done(&access->ca);
	blob_done(&access->cert);
	blob_done(&access->key);
	wipe(&access->token);
	free(access->token_file);
	*access = (struct aeg_kube_access){0};
}

int aeg_kube_access_bearer(const struct aeg_kube_access *access, char **ret, struct aeg_buf *error)
{
	char *text = NULL;
	size_t len = 0;
	int err = 0;

	*ret = NULL;
	if (access->token)
		*ret = aeg_xasprintf("Authorization: Bearer %s", access->token);
	if (access->token || !access->token_file)
		return 0;
	err = aeg_file_read(access->token_file, TOKEN_MAX, &text, &len);
	if (err) {
		aeg_buf_printf(error, "token file '%s': %s", access->token_file, strerror(-err));
		return err;
	}
	text[strcspn(text, "\r\n")] = '\0';
	*ret = aeg_xasprintf("Authorization: Bearer %s", text);
	wipe(&text);
	return 0;
}
