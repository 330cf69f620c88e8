/* SPDX-License-Identifier: ISC */
/*
 * Large mail providers, as they were in 2026. They change their ways: what
 * stands here is advice, and decides nothing.
 */
#include "cli/provider.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct provider providers[] = {
	{ .name = "Gmail",
	    .domains = "gmail.com googlemail.com",
	    .host = "pop.gmail.com",
	    .login = "an app password, which needs 2-step verification "
		     "(https://myaccount.google.com/apppasswords), or a token "
		     "by token-command; a Workspace account only a token",
	    .enable = "Gmail's settings on the web, \"Forwarding and "
		      "POP/IMAP\"",
	    .note = "Gmail lists some 250 old messages a session, and counts "
		    "one as popped after retrieval and QUIT: fetch with "
		    "--repeat" },
	{ .name = "Microsoft",
	    .domains = "outlook.com hotmail.com live.com msn.com "
		       "office365.com",
	    .host = "outlook.office365.com",
	    .token_only = true,
	    .login = "a token only: set token-command to a program that "
		     "prints one for the scope "
		     "https://outlook.office.com/POP.AccessAsUser.All",
	    .enable = "Outlook's settings on the web, \"Forwarding and "
		      "IMAP\", where POP is off until you allow it" },
	{ .name = "Yahoo",
	    .domains = "yahoo.com ymail.com rocketmail.com",
	    .host = "pop.mail.yahoo.com",
	    .login = "an app password, made in the account's security page" },
	{ .name = "AOL",
	    .domains = "aol.com",
	    .host = "pop.aol.com",
	    .login = "an app password, made in the account's security page" },
	{ .name = "Fastmail",
	    .domains = "fastmail.com fastmail.fm",
	    .host = "pop.fastmail.com",
	    .login = "an app password with access to POP, made in Settings, "
		     "\"Privacy & Security\"" },
	{ .name = "iCloud",
	    .domains = "icloud.com me.com mac.com",
	    .login = "IMAP only" },
	{ .name = "Proton",
	    .domains = "proton.me protonmail.com pm.me",
	    .login = "its own bridge only, which speaks IMAP" },
};

/* Is host domain (of len octets), or a name below it? */
static bool
is_below(const char *host, const char *domain, size_t len)
{
	size_t host_len = strlen(host);

	if (host_len < len ||
	    strncasecmp(host + host_len - len, domain, len) != 0)
		return false;
	return host_len == len || host[host_len - len - 1] == '.';
}

static const struct provider *
find_domain(const char *host)
{
	const struct provider *end =
	    providers + sizeof(providers) / sizeof(providers[0]);

	for (const struct provider *p = providers; p < end; p++)
		for (const char *at = p->domains; *at != '\0';
		     at += strspn(at, " ")) {
			size_t len = strcspn(at, " ");

			if (is_below(host, at, len))
				return p;
			at += len;
		}
	return NULL;
}

const struct provider *
provider_find(const char *host, const char *user)
{
	const struct provider *found = NULL;
	const char *domain = user != NULL ? strrchr(user, '@') : NULL;

	if (host != NULL)
		found = find_domain(host);
	if (found == NULL && domain != NULL)
		found = find_domain(domain + 1);
	return found;
}
