/* SPDX-License-Identifier: ISC */
/*
 * Accounts as URLs (RFC 2384, and the pop3s and pop3 that people write):
 *
 *	url       = scheme "://" [ userinfo "@" ] host [ ":" port ]
 *	scheme    = "pop3s" / "pop3" / "pop"
 *	userinfo  = user [ ";auth=" ( "*" / [ "+" ] mechanism ) ]
 *	host      = name / IPv4 / "[" IPv6 "]"
 *
 * user is %-encoded; an "@" in it may stand as it is, as the last one ends the
 * user. No sentence shows any part behind the scheme: a misplaced password may
 * be anywhere in it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "base/err.h"
#include "base/xalloc.h"

/* The parts, cut out of a copy. */
struct url {
	char *user, *auth, *host, *port; /* NULL: not there */
	enum account_tls tls;
};

/* What is behind the scheme, or NULL. */
static const char *
read_scheme(const char *text, enum account_tls *tls)
{
	if (strncasecmp(text, "pop3s://", 8) == 0) {
		*tls = ACCOUNT_TLS_IMPLICIT;
		return text + 8;
	}
	*tls = ACCOUNT_TLS_STARTTLS;
	if (strncasecmp(text, "pop3://", 7) == 0)
		return text + 7;
	if (strncasecmp(text, "pop://", 6) == 0)
		return text + 6;
	return NULL;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode %XX in place; a control character may not be there either way. */
static int
decode(char *text, const char *part, struct err *err)
{
	char *out = text;

	for (const char *p = text; *p != '\0'; p++, out++) {
		int high, low;

		*out = *p;
		if (*p == '%') {
			high = hex_value(p[1]);
			low = high == -1 ? -1 : hex_value(p[2]);
			if (low == -1)
				return err_set(err, EX_USAGE,
				    "a %% without two hex digits in the URL's "
				    "%s (%% itself is %%25)",
				    part);
			*out = (char)(high * 16 + low);
			p += 2;
		}
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			return err_set(err, EX_USAGE,
			    "a control character in the URL's %s", part);
	}
	*out = '\0';
	return 0;
}

static int
read_userinfo(struct url *url, char *text, struct err *err)
{
	char *semicolon = strchr(text, ';');

	if (semicolon != NULL) {
		*semicolon = '\0';
		if (strncasecmp(semicolon + 1, "auth=", 5) != 0 ||
		    strchr(semicolon + 1, '@') != NULL)
			return err_set(err, EX_USAGE,
			    "only auth= may follow the URL's user (a semicolon "
			    "in it is %%3B)");
		/* "+" marks those that are not SASL; the names tell already */
		url->auth = semicolon + 6;
		if (url->auth[0] == '+')
			url->auth++;
		if (decode(url->auth, "auth", err) == -1)
			return -1;
	}
	url->user = text;
	if (text[0] == '\0')
		return err_set(err, EX_USAGE, "the URL's user is empty");
	return decode(text, "user", err);
}

static int
read_bracketed(struct url *url, char *text, struct err *err)
{
	char *end = strchr(text, ']');

	if (end == NULL || (end[1] != '\0' && end[1] != ':') ||
	    strchr(text, ':') == NULL || strchr(text, ':') > end)
		return err_set(err, EX_USAGE,
		    "the brackets of an IPv6 address in the URL are not right");
	*end = '\0';
	url->host = text + 1;
	if (end[1] == ':')
		url->port = end + 2;
	return 0;
}

static int
read_host(struct url *url, char *text, struct err *err)
{
	char *colon;

	if (text[0] == '[')
		return read_bracketed(url, text, err);
	url->host = text;
	if (text[0] == '\0' || text[0] == ':')
		return err_set(err, EX_USAGE, "the URL names no server");
	if ((colon = strchr(text, ':')) == NULL)
		return 0;
	if (strchr(colon + 1, ':') != NULL)
		return err_set(err, EX_USAGE,
		    "two colons in the URL's server (an IPv6 address stands in "
		    "brackets)");
	*colon = '\0';
	url->port = colon + 1;
	return 0;
}

static int
read_url(struct url *url, char *text, struct err *err)
{
	char *at;

	at = strrchr(text, '@');
	if (at != NULL && memchr(text, ':', (size_t)(at - text)) != NULL)
		return err_set(err, EX_USAGE,
		    "a password in the URL, where others can see it: use "
		    "--password-command or --password-file (a colon in a user "
		    "name is %%3A)");
	if (strpbrk(text, "/?#") != NULL)
		return err_set(err, EX_USAGE,
		    "the URL goes on behind the server; it is "
		    "pop3s://USER@HOST[:PORT] (in a user name / is %%2F, ? "
		    "%%3F, # %%23)");
	if (at == NULL)
		return read_host(url, text, err);
	*at = '\0';
	if (read_userinfo(url, text, err) == -1)
		return -1;
	return read_host(url, at + 1, err);
}

/* Set one part, hiding its text if it is refused. */
static int
set_part(struct account *account, const char *name, const char *value,
    const char *sentence, struct err *err)
{
	if (account_set(account, setting_find(name), value, err) == -1)
		return err_set(err, EX_USAGE, "%s", sentence);
	return 0;
}

static int
apply_url(struct account *account, const struct url *url, struct err *err)
{
	static const char bad_port[] =
	    "the URL's port is not a number from 1 to 65535";

	if (set_part(account, "host", url->host,
		"the URL's server is not a host name or an address", err) == -1)
		return -1;
	/* a port from [defaults] was meant for another server */
	free(account->port);
	account->port = NULL;
	/* digits only: another word may be the password of joe:secret */
	if (url->port != NULL &&
	    strspn(url->port, "0123456789") != strlen(url->port))
		return err_set(err, EX_USAGE, "%s", bad_port);
	if (url->port != NULL &&
	    set_part(account, "port", url->port, bad_port, err) == -1)
		return -1;
	if (url->user != NULL &&
	    set_part(account, "user", url->user,
		"the URL's user is not a user name", err) == -1)
		return -1;
	if (url->auth != NULL &&
	    set_part(account, "auth",
		strcmp(url->auth, "*") == 0 ? "auto" : url->auth,
		"the URL's auth is not the name of a mechanism", err) == -1)
		return -1;
	account->tls = url->tls;
	return 0;
}

int
account_set_url(struct account *account, const char *text, struct err *err)
{
	struct url url = { NULL, NULL, NULL, NULL, ACCOUNT_TLS_IMPLICIT };
	const char *rest = read_scheme(text, &url.tls);
	char *copy;
	int r;

	if (rest == NULL)
		return err_set(err, EX_USAGE,
		    "not a URL of an account: it is pop3s://USER@HOST[:PORT], "
		    "or pop3:// for STLS");
	copy = xstrdup(rest);
	r = read_url(&url, copy, err);
	if (r == 0)
		r = apply_url(account, &url, err);
	explicit_bzero(copy, strlen(rest));
	free(copy);
	return r;
}
