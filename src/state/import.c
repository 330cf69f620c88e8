/* SPDX-License-Identifier: ISC */
/*
 * The state files of other programs, as those programs write them:
 *
 * mpop	    "#" lines at the top; then blocks: " COUNT HOST USER", and COUNT
 *	    lines "UIDL SECONDS" (split at the last blank) or, before 1.4.23,
 *	    "UIDL".
 * fetchmail "USER@HOST UIDL" a line; the host begins behind the last "@" of
 *	    the first part, which ends at the first blank behind its first "@".
 * getmail  "UIDL NUL SECONDS" a line, "/" in the UIDL replaced by "-"; lines
 *	    of any other shape are passed over, as getmail does.
 * fdm	    "LENGTH UIDL", the UIDL of that many octets, LF.
 */
#include "state/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"

#define FILE_MAX ((size_t)512 << 20)
#define UID_MAX 65535
#define NAMES_MAX 10

struct import {
	const char *file, *user, *host;
	import_fn *fn;
	void *arg;
	const char *at, *end; /* what is left of the file */
	unsigned long line;   /* of what was taken last */
	int count;
	struct buf names; /* accounts met, "user@host, " each, for the error */
	size_t accounts;
};

struct text {
	const char *data;
	size_t len;
};

static bool
take_line(struct import *import, struct text *line)
{
	const char *lf;

	if (import->at >= import->end)
		return false;
	lf = memchr(import->at, '\n', (size_t)(import->end - import->at));
	line->data = import->at;
	line->len = (size_t)((lf == NULL ? import->end : lf) - import->at);
	import->at = lf == NULL ? import->end : lf + 1;
	import->line++;
	return true;
}

static int
malformed(struct import *import, const char *what, struct err *err)
{
	return err_set(err, EX_DATAERR, "%s:%lu: %s", import->file,
	    import->line, what);
}

static int
give(struct import *import, struct text uid, uint64_t time, struct err *err)
{
	if (uid.len == 0 || uid.len > UID_MAX)
		return malformed(import, "a UIDL of impossible length", err);
	if (import->fn(import->arg, uid.data, uid.len, (uint32_t)time) == -1)
		return err->status != 0 ?
		    -1 :
		    err_set(err, EX_IOERR, "the import was broken off");
	import->count++;
	return 0;
}

/* The last blank, or NULL. */
static const char *
last_of(struct text text, char c)
{
	return memrchr(text.data, c, text.len);
}

static bool
same_host(struct text host, const char *want)
{
	size_t len = strlen(want);

	return host.len == len && strncasecmp(host.data, want, len) == 0;
}

/*
 * Is this account of the file the one that is meant? It is remembered, to be
 * named if none was.
 */
static bool
is_meant(struct import *import, struct text user, struct text host)
{
	char *name = log_safe(user.data, user.len);
	char *where = log_safe(host.data, host.len);
	struct buf whole = BUF_INIT;
	bool fits;

	buf_printf(&whole, "%s@%s, ", name, where);
	free(name);
	free(where);
	/* Each name once; a list of very many helps nobody. */
	if (import->names.len == 0 ||
	    strstr(buf_text(&import->names), buf_text(&whole)) == NULL) {
		if (import->accounts < NAMES_MAX)
			buf_append(&import->names, whole.data, whole.len);
		import->accounts++;
	}
	buf_clear(&whole);
	fits = import->user == NULL ||
	    (user.len == strlen(import->user) &&
		strncasecmp(user.data, import->user, user.len) == 0);
	return fits && (import->host == NULL || same_host(host, import->host));
}

/* ---- mpop ---- */

/* " COUNT HOST USER". 0 or -1. */
static int
mpop_header(struct text line, uint64_t *count, struct text *host,
    struct text *user)
{
	size_t digits;
	const char *blank;

	if (line.len < 2 || line.data[0] != ' ')
		return -1;
	digits = parse_u64(line.data + 1, line.len - 1, UINT32_MAX, count);
	if (digits == 0 || digits + 2 >= line.len ||
	    line.data[digits + 1] != ' ')
		return -1;
	host->data = line.data + digits + 2;
	host->len = line.len - digits - 2;
	blank = memchr(host->data, ' ', host->len);
	if (blank == NULL)
		return -1;
	user->data = blank + 1;
	user->len = (size_t)(host->data + host->len - user->data);
	host->len = (size_t)(blank - host->data);
	return host->len > 0 && user->len > 0 ? 0 : -1;
}

/* Cut " SECONDS" off, if all behind the last blank is digits. */
static bool
mpop_split(struct text *uid, uint64_t *time)
{
	const char *blank = last_of(*uid, ' ');
	size_t len;

	*time = 0;
	if (blank == NULL)
		return false;
	len = (size_t)(uid->data + uid->len - blank) - 1;
	if (len == 0 || parse_u64(blank + 1, len, UINT32_MAX, time) != len)
		return false;
	uid->len = (size_t)(blank - uid->data);
	return true;
}

/* Has every line of the block a time? Else UIDLs with blanks are possible. */
static bool
mpop_has_times(struct import import, uint64_t count)
{
	struct text line;
	uint64_t time;

	for (; count > 0; count--)
		if (!take_line(&import, &line) || !mpop_split(&line, &time))
			return false;
	return true;
}

static int
mpop_block(struct import *import, uint64_t count, bool wanted, struct err *err)
{
	bool times = wanted && mpop_has_times(*import, count);
	struct text line;
	uint64_t time = 0;

	for (; count > 0; count--) {
		if (!take_line(import, &line) ||
		    (line.len > 0 && line.data[0] == ' '))
			return malformed(import,
			    "fewer UIDLs than its block announces", err);
		if (!wanted)
			continue;
		if (times)
			(void)mpop_split(&line, &time);
		if (give(import, line, time, err) == -1)
			return -1;
	}
	return 0;
}

static int
read_mpop(struct import *import, struct err *err)
{
	struct text line, host, user;
	uint64_t count;
	bool comments = true;

	while (take_line(import, &line)) {
		if (comments && line.len > 0 && line.data[0] == '#')
			continue;
		comments = false;
		if (mpop_header(line, &count, &host, &user) == -1)
			return malformed(import,
			    "not the beginning of an mpop block", err);
		if (mpop_block(import, count, is_meant(import, user, host),
			err) == -1)
			return -1;
	}
	return 0;
}

/* ---- fetchmail ---- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* USER@HOST and UIDL. 0 or -1. */
static int
fetchmail_split(struct text line, struct text *name, struct text *uid)
{
	const char *at, *blank, *end = line.data + line.len;

	while (line.len > 0 && is_space(*line.data)) {
		line.data++;
		line.len--;
	}
	at = memchr(line.data, '@', line.len);
	blank = at == NULL ? NULL : memchr(at, ' ', (size_t)(end - at));
	if (blank == NULL)
		return -1;
	name->data = line.data;
	name->len = (size_t)(blank - line.data);
	while (blank < end && *blank == ' ')
		blank++;
	uid->data = blank;
	while (blank < end && !is_space(*blank))
		blank++;
	uid->len = (size_t)(blank - uid->data);
	return uid->len > 0 ? 0 : -1;
}

static int
read_fetchmail(struct import *import, struct err *err)
{
	struct text line, name, uid, user, host, last = { "", 0 };
	const char *at;
	bool meant = false;

	while (take_line(import, &line)) {
		if (line.len == 0)
			continue;
		if (fetchmail_split(line, &name, &uid) == -1)
			return malformed(import, "not \"USER@HOST UIDL\"", err);
		if (name.len != last.len ||
		    memcmp(name.data, last.data, last.len) != 0) {
			at = last_of(name, '@');
			user.data = name.data;
			user.len = (size_t)(at - name.data);
			host.data = at + 1;
			host.len = name.len - user.len - 1;
			meant = is_meant(import, user, host);
			last = name;
		}
		if (meant && give(import, uid, 0, err) == -1)
			return -1;
	}
	return 0;
}

/* ---- getmail ---- */

static int
read_getmail(struct import *import, struct err *err)
{
	struct text line, uid;
	const char *nul, *time;
	uint64_t seconds;
	size_t len;

	while (take_line(import, &line)) {
		while (line.len > 0 && is_space(line.data[line.len - 1]))
			line.len--;
		while (line.len > 0 && is_space(line.data[0])) {
			line.data++;
			line.len--;
		}
		nul = line.len == 0 ? NULL : last_of(line, '\0');
		if (nul == NULL || nul == line.data)
			continue;
		time = nul + 1;
		len = (size_t)(line.data + line.len - time);
		if (len == 0 ||
		    parse_u64(time, len, UINT32_MAX, &seconds) != len)
			continue;
		uid.data = line.data;
		uid.len = (size_t)(nul - line.data);
		if (give(import, uid, seconds, err) == -1)
			return -1;
	}
	if (import->count == 0 && import->line > 0)
		return err_set(err, EX_DATAERR,
		    "%s:1: no line of it is one of getmail's", import->file);
	return 0;
}

/* ---- fdm ---- */

static int
read_fdm(struct import *import, struct err *err)
{
	struct text uid;
	uint64_t len;
	size_t digits, left;

	while (import->at < import->end) {
		import->line++;
		left = (size_t)(import->end - import->at);
		digits = parse_u64(import->at, left, UID_MAX, &len);
		if (digits == 0 || digits == left ||
		    !is_space(import->at[digits]))
			return malformed(import, "not \"LENGTH UIDL\"", err);
		left -= digits + 1;
		uid.data = import->at + digits + 1;
		uid.len = (size_t)len;
		if (left < len || (left > len && uid.data[len] != '\n'))
			return malformed(import,
			    "the UIDL is not as long as announced", err);
		if (give(import, uid, 0, err) == -1)
			return -1;
		import->at = uid.data + len + (left > len);
	}
	return 0;
}

/* ---- all ---- */

static const struct tool {
	const char *name;
	int (*read)(struct import *import, struct err *err);
	bool has_accounts; /* a file may hold several */
} tools[] = {
	{ "mpop", read_mpop, true },
	{ "fetchmail", read_fetchmail, true },
	{ "getmail", read_getmail, false },
	{ "fdm", read_fdm, false },
};

static const struct tool *
find_tool(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	return NULL;
}

static int
read_file(const char *file, struct buf *buf, struct err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char piece[65536];
	ssize_t n = -1;

	if (fd == -1)
		return err_sys(err, EX_IOERR, "cannot open %s", file);
	while (buf->len <= FILE_MAX) {
		n = read(fd, piece, sizeof(piece));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_append(buf, piece, (size_t)n);
	}
	if (n == -1)
		err_sys(err, EX_IOERR, "cannot read %s", file);
	close(fd);
	if (n > 0)
		return err_set(err, EX_DATAERR, "%s is too large", file);
	return n == 0 ? 0 : -1;
}

static int
none_given(void *arg, const char *uid, size_t len, uint32_t time)
{
	(void)arg;
	(void)uid;
	(void)len;
	(void)time;
	return 0;
}

/* Nothing is given away before the file is known to be sound throughout. */
static int
read_twice(struct import *import, const struct tool *tool, struct err *err)
{
	struct import trial = *import;
	int result;

	trial.fn = none_given;
	result = tool->read(&trial, err);
	if (result == 0 && tool->has_accounts && trial.accounts > 0 &&
	    (trial.count == 0 ||
		(import->user == NULL && trial.accounts > 1))) {
		trial.names.len -= 2;
		result = err_set(err, EX_USAGE,
		    "%s holds %s%s: say which with --entry", import->file,
		    buf_text(&trial.names),
		    trial.accounts > NAMES_MAX ? " and others" : "");
	}
	buf_clear(&trial.names);
	if (result == 0)
		result = tool->read(import, err);
	buf_clear(&import->names);
	return result;
}

int
import_read(const char *tool, const char *file, const char *user,
    const char *host, import_fn *fn, void *arg, struct err *err)
{
	const struct tool *known = find_tool(tool);
	struct import import = { .file = file,
		.user = user,
		.host = host,
		.fn = fn,
		.arg = arg };
	struct buf buf = BUF_INIT;
	int result = -1;

	if (known == NULL)
		return err_set(err, EX_USAGE,
		    "%s is not one of mpop, fetchmail, getmail, fdm", tool);
	if (read_file(file, &buf, err) == 0) {
		import.at = buf_text(&buf);
		import.end = import.at + buf.len;
		if (read_twice(&import, known, err) == 0)
			result = import.count;
	}
	buf_clear(&buf);
	return result;
}
