/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A compact table instead of the Public Suffix List: the registries that people write by mistake,
 * and the clouds where one bucket, function or page is as easy to get as another. Domains that serve
 * AI endpoints under tenant names (hf.space, openai.azure.com) stay out: rules must be able to name
 * them with a '*'.
 */
#include "policy/suffix.h"
#include "base/mem.h"

static const char *const suffixes[] = {
	/* registries with a second level */
	"ac.at", "ac.id", "ac.il", "ac.in", "ac.jp", "ac.kr", "ac.nz", "ac.th", "ac.uk", "ac.za",
	"co.at", "co.id", "co.il", "co.in", "co.jp", "co.ke", "co.kr", "co.nz", "co.th", "co.uk",
	"co.za", "com.ar", "com.au", "com.bd", "com.br", "com.cn", "com.co", "com.eg", "com.es",
	"com.hk", "com.mx", "com.my", "com.ng", "com.pe", "com.ph", "com.pk", "com.pl", "com.pt",
	"com.ru", "com.sa", "com.sg", "com.tr", "com.tw", "com.ua", "com.ve", "com.vn", "edu.au",
	"edu.br", "edu.cn", "edu.hk", "edu.in", "edu.mx", "edu.sg", "edu.tr", "edu.tw", "firm.in",
	"gen.in", "go.jp", "go.kr", "gob.mx", "gouv.fr", "gov.au", "gov.br", "gov.cn", "gov.in",
	"gov.sg", "gov.tr", "gov.uk", "gov.za", "govt.nz", "gr.jp", "ltd.uk", "me.uk", "ne.jp",
	"ne.kr", "net.au", "net.br", "net.cn", "net.in", "net.nz", "net.tr", "net.tw", "net.uk",
	"net.za", "nhs.uk", "nic.in", "or.at", "or.jp", "or.kr", "org.au", "org.br", "org.cn",
	"org.hk", "org.in", "org.mx", "org.nz", "org.tr", "org.tw", "org.uk", "org.za", "plc.uk",
	"re.kr", "sch.uk", "web.za",
	/* object stores, content delivery, functions and pages that tenants name */
	"akamaiedge.net", "akamaihd.net", "akamaized.net", "amazonaws.com", "amazonaws.com.cn",
	"amplifyapp.com", "appspot.com", "awsapprunner.com", "azureedge.net", "azurefd.net",
	"azurestaticapps.net", "azurewebsites.net", "b-cdn.net", "backblazeb2.com", "blogspot.com",
	"cdn.cloudflare.net", "cloudapp.azure.com", "cloudflarestorage.com", "cloudfront.net",
	"cloudfunctions.net", "core.windows.net", "deno.dev", "digitaloceanspaces.com",
	"edgekey.net", "edgesuite.net", "elasticbeanstalk.com", "fastly.net", "fastlylb.net",
	"firebaseapp.com", "firebaseio.com", "fly.dev", "github.dev", "github.io",
	"githubusercontent.com", "gitlab.io", "googleapis.com", "googleusercontent.com",
	"herokuapp.com", "lhr.life", "linodeobjects.com", "loca.lt", "modal.run", "myqcloud.com",
	"netlify.app", "ngrok-free.app", "ngrok-free.dev", "ngrok.app", "ngrok.dev", "ngrok.io",
	"on.aws", "onrender.com", "ondigitalocean.app", "pages.dev", "r2.dev", "railway.app",
	"readthedocs.io", "repl.co", "replit.app", "replit.dev", "run.app",
	"s3-accelerate.amazonaws.com", "s3.amazonaws.com", "sharepoint.com", "streamlit.app",
	"supabase.co", "surge.sh", "trafficmanager.net", "trycloudflare.com", "vercel.app",
	"wasabisys.com", "web.app", "windows.net", "workers.dev"};

/* "windows.net" is a parent of "core.windows.net" and no narrower than it. */
static bool is_or_holds(const char *name, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);
	const char *tail;

	if (len > suffix_len)
		return false;
	tail = suffix + suffix_len - len;
	return memcmp(tail, name, len) == 0 && (tail == suffix || tail[-1] == '.');
}

bool aeg_suffix_is_public(const char *name)
{
	size_t len = strlen(name);

	if (!strchr(name, '.'))
		return true;
	for (size_t i = 0; i < AEG_ARRAY_SIZE(suffixes); i++)
		if (is_or_holds(name, len, suffixes[i]))
			return true;
	return false;
}
