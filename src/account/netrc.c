/* SPDX-License-Identifier: ISC */
/*
 * ~/.netrc, as ftp(1) and curl read it. Words divided by blanks and line ends:
 *
 *	entry  = ( "machine" NAME / "default" ) *field
 *	field  = ( "login" / "user" ) NAME / "password" TEXT / other
 *	other  = ( "account" / "port" / "protocol" ) TEXT / any other word
 *	macro  = "macdef" NAME, then lines up to an empty one (skipped)
 *
 * Other programs have words of their own, as Emacs has "port" and "force". They
 * are skipped, and so is what follows those that take an argument. A byte order
 * mark may stand at the beginning.
 *
 * A word may stand in double quotes, in which \ takes the next character as it
 * is. "#" where an entry or a field would begin is a comment to the end of the
 * line. The first entry that fits and has a password is taken; one without
 * login fits every user.
 */
#include "account/netrc.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "account/account.h"
#include "account/secret.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "net/net.h"

struct netrc {
	const char *p, *end;
	unsigned int line;
	struct buf word;
	/* the entry being read */
	bool host_fits, user_fits, inside;
	char *password;
};

static void
skip_blanks(struct netrc *netrc)
{
	for (; netrc->p < netrc->end && isspace((unsigned char)*netrc->p);
	     netrc->p++) {
		if (*netrc->p == '\n')
			netrc->line++;
	}
}

/* 1: a word is in netrc->word; 0: the end; -1: a quote is not closed. */
static int
next_word(struct netrc *netrc)
{
	bool quoted;

	skip_blanks(netrc);
	netrc->word.len = 0;
	if (netrc->p == netrc->end)
		return 0;
	quoted = *netrc->p == '"';
	for (netrc->p += quoted; netrc->p < netrc->end; netrc->p++) {
		if (quoted && *netrc->p == '"') {
			netrc->p++;
			return 1;
		}
		if (!quoted && isspace((unsigned char)*netrc->p))
			return 1;
		if (*netrc->p == '\n')
			return -1;
		if (quoted && *netrc->p == '\\' && netrc->p + 1 < netrc->end)
			netrc->p++;
		buf_append(&netrc->word, netrc->p, 1);
	}
	return quoted ? -1 : 1;
}

static bool
word_is(struct netrc *netrc, const char *text)
{
	return strcmp(buf_text(&netrc->word), text) == 0;
}

static void
skip_line(struct netrc *netrc)
{
	while (netrc->p < netrc->end && *netrc->p != '\n')
		netrc->p++;
}

static void
skip_macro(struct netrc *netrc)
{
	skip_line(netrc);
	while (netrc->end - netrc->p >= 2 &&
	    !(netrc->p[0] == '\n' && netrc->p[1] == '\n')) {
		netrc->line += *netrc->p == '\n';
		netrc->p++;
	}
	if (netrc->end - netrc->p < 2)
		netrc->p = netrc->end;
}

static void
drop_password(struct netrc *netrc)
{
	if (netrc->password != NULL)
		explicit_bzero(netrc->password, strlen(netrc->password));
	free(netrc->password);
	netrc->password = NULL;
}

/* An entry begins, or the file ends: was the one before it ours? */
static bool
entry_done(struct netrc *netrc)
{
	if (netrc->inside && netrc->host_fits && netrc->user_fits &&
	    netrc->password != NULL)
		return true;
	drop_password(netrc);
	netrc->inside = netrc->user_fits = true;
	return false;
}

static bool
same_host(const char *name, const char *host)
{
	struct err ignored = ERR_INIT;
	char *canonical;
	bool same;

	if (strcasecmp(name, host) == 0)
		return true;
	if ((canonical = net_canonical_host(name, &ignored)) == NULL)
		return false;
	same = strcmp(canonical, host) == 0;
	free(canonical);
	return same;
}

static int
malformed(const struct netrc *netrc, const char *what, struct err *err)
{
	return err_set(err, EX_CONFIG, "line %u: %s", netrc->line, what);
}

/* The word behind "machine", "login" and so on. */
static int
argument(struct netrc *netrc, struct err *err)
{
	int r = next_word(netrc);

	if (r == -1)
		return malformed(netrc, "a quote is not closed", err);
	if (r == 0)
		return malformed(netrc, "the file ends within an entry", err);
	if (memchr(buf_text(&netrc->word), '\0', netrc->word.len) != NULL)
		return malformed(netrc, "there is a NUL in it", err);
	return 0;
}

/* Words of other programs that have an argument, which might be one of ours. */
static bool
takes_argument(struct netrc *netrc)
{
	static const char *const words[] = { "login", "password", "account",
		"user", "port", "protocol", NULL };

	for (size_t i = 0; words[i] != NULL; i++)
		if (word_is(netrc, words[i]))
			return true;
	return false;
}

static int
read_field(struct netrc *netrc, const struct account *account, struct err *err)
{
	bool login = word_is(netrc, "login") || word_is(netrc, "user");
	bool password = word_is(netrc, "password");

	if (!takes_argument(netrc))
		return 0;
	if (argument(netrc, err) == -1)
		return -1;
	if (login && account->user != NULL)
		netrc->user_fits = word_is(netrc, account->user);
	if (password && netrc->inside) {
		drop_password(netrc);
		netrc->password = xstrdup(buf_text(&netrc->word));
	}
	return 0;
}

/* 1: found; 0: read to the end without; -1. */
static int
search(struct netrc *netrc, const struct account *account, struct err *err)
{
	int r;

	while ((r = next_word(netrc)) == 1) {
		bool machine = word_is(netrc, "machine");

		if (machine || word_is(netrc, "default")) {
			if (entry_done(netrc))
				return 1;
			netrc->host_fits = !account->foreign;
			if (!machine)
				continue;
			if (argument(netrc, err) == -1)
				return -1;
			netrc->host_fits =
			    same_host(buf_text(&netrc->word), account->host);
		} else if (word_is(netrc, "macdef"))
			skip_macro(netrc);
		else if (buf_text(&netrc->word)[0] == '#') {
			skip_line(netrc);
		} else if (read_field(netrc, account, err) == -1)
			return -1;
	}
	if (r == -1)
		return malformed(netrc, "a quote is not closed", err);
	return entry_done(netrc);
}

static int
search_file(const struct account *account, const char *path, char **password,
    struct err *err)
{
	struct buf data = BUF_INIT;
	struct netrc netrc = { .line = 1, .word = BUF_INIT };
	int r;

	if (secret_read_file(path, "passwords", account->timeout_ms, &data,
		err) == -1)
		return -1;
	netrc.p = buf_text(&data);
	netrc.end = netrc.p + data.len;
	if (strncmp(netrc.p, "\xef\xbb\xbf", 3) == 0)
		netrc.p += 3;
	r = search(&netrc, account, err);
	if (r == 1 &&
	    (netrc.password[0] == '\0' ||
		strpbrk(netrc.password, "\r\n") != NULL))
		r = malformed(&netrc,
		    "the password is empty or has a line end in it", err);
	if (r == 1) {
		*password = netrc.password;
		netrc.password = NULL;
	}
	if (r == -1)
		err_prefix(err, "~/.netrc");
	drop_password(&netrc);
	buf_clear(&netrc.word);
	buf_clear(&data);
	return r == -1 ? -1 : 0;
}

/* NULL: there is no home. */
static char *
netrc_path(void)
{
	char *home = account_home(), *path = NULL;

	if (home != NULL)
		path = xasprintf("%s/.netrc", home);
	free(home);
	return path;
}

int
netrc_password(const struct account *account, char **password, struct err *err)
{
	char *path = netrc_path();
	int r = 0;

	*password = NULL;
	if (path != NULL && account->host != NULL && access(path, F_OK) == 0)
		r = search_file(account, path, password, err);
	free(path);
	return r;
}

char *
netrc_missing(const struct account *account)
{
	char *path = netrc_path(), *text, *safe;
	bool there = path != NULL && access(path, F_OK) == 0;

	free(path);
	if (!there)
		return xstrdup("there is no ~/.netrc");
	text = xasprintf("~/.netrc has no password for machine %s and login %s",
	    account->host != NULL ? account->host : "?",
	    account->user != NULL ? account->user : "?");
	safe = log_safe(text, strlen(text));
	free(text);
	return safe;
}
