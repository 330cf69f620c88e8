/* SPDX-License-Identifier: ISC */
/* Diagnostics, a whole line in one write(2). */
#include "base/log.h"

#define LIBBSD_NETBSD_VIS /* chooses between prototypes we do not use */
#include <bsd/vis.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/utf8.h"
#include "base/xalloc.h"

static const struct log_options defaults = { .debug_fd = -1 };
static struct log_options current = { .debug_fd = -1 };
static int64_t started_ms;
static void (*around_before)(void);
static void (*around_after)(void);

/* A word that is stars in the trace, the longest first. */
static struct hidden {
	char *ascii, *safe; /* owned; as log_ascii and log_safe show it */
	bool secret;        /* stars in sentences, too */
} * hidden;
static size_t hidden_count;

void
log_setup(const struct log_options *options)
{
	if (started_ms == 0)
		started_ms = deadline_now();
	current = options != NULL ? *options : defaults;
}

const struct log_options *
log_options(void)
{
	return &current;
}

void
log_around(void (*before)(void), void (*after)(void))
{
	around_before = before;
	around_after = after;
}

static void
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere to complain */
		data += n;
		len -= (size_t)n;
	}
}

/*
 * The caller's errno survives: he may still be about to report it. Only a long
 * line takes memory, and is cut when there is none.
 */
static void
put_line(int fd, const char *prefix, const char *fmt, va_list ap)
{
	char fixed[2560], *line = fixed;
	size_t used = strlen(prefix), len = sizeof(fixed);
	int saved = errno, n;
	va_list again;

	va_copy(again, ap);
	memcpy(line, prefix, used);
	n = vsnprintf(line + used, len - used, fmt, ap);
	if (n > 0 && used + (size_t)n + 1 >= len) {
		char *more = malloc(used + (size_t)n + 2);

		if (more != NULL) {
			len = used + (size_t)n + 2;
			line = more;
			memcpy(line, prefix, used);
			(void)vsnprintf(line + used, len - used, fmt, again);
		}
	}
	va_end(again);
	used += strlen(line + used);
	line[used == len - 1 ? used - 1 : used] = '\n';
	used += used < len - 1;
	if (fd == STDERR_FILENO && around_before != NULL)
		around_before();
	write_all(fd, line, used);
	if (fd == STDERR_FILENO && around_after != NULL)
		around_after();
	if (line != fixed)
		free(line);
	errno = saved;
}

static void __attribute__((format(printf, 3, 4)))
put_text(int fd, const char *prefix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(fd, prefix, fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(STDERR_FILENO, "poplar: ", fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	if (current.quiet > 0)
		return;
	va_start(ap, fmt);
	put_line(STDERR_FILENO, "poplar: warning: ", fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	if (current.quiet > 0 || (!current.verbose && !isatty(STDERR_FILENO)))
		return;
	va_start(ap, fmt);
	put_line(STDERR_FILENO, "poplar: ", fmt, ap);
	va_end(ap);
}

static void
forget(char *word)
{
	explicit_bzero(word, strlen(word));
	free(word);
}

void
log_forget(void)
{
	for (size_t i = 0; i < hidden_count; i++) {
		forget(hidden[i].ascii);
		forget(hidden[i].safe);
	}
	free(hidden);
	hidden = NULL;
	hidden_count = 0;
}

/*
 * Where a word stands within a longer one, as a user name in a password, the
 * longer one must be covered first.
 */
static void
hide(const char *word, bool secret)
{
	size_t len = strlen(word), i, at = 0;
	char *ascii = log_ascii(word, len);

	for (i = 0; i < hidden_count; i++) {
		if (strcmp(hidden[i].ascii, ascii) == 0) {
			hidden[i].secret = hidden[i].secret || secret;
			forget(ascii);
			return;
		}
		if (strlen(hidden[i].ascii) >= strlen(ascii))
			at = i + 1;
	}
	hidden = xreallocarray(hidden, hidden_count + 1, sizeof(*hidden));
	memmove(hidden + at + 1, hidden + at,
	    (hidden_count - at) * sizeof(*hidden));
	hidden[at] = (struct hidden){ ascii, log_safe(word, len), secret };
	hidden_count++;
}

void
log_hide(const char *word)
{
	if (word[0] != '\0')
		hide(word, false);
}

void
log_secret(const char *word)
{
	if (word[0] != '\0')
		hide(word, true);
}

/* Below this many octets a word may stand within another by chance. */
#define WORD_LONG 8
/* So much of a secret's beginning is a part of it, and not chance. */
#define HEAD_LEAST 3

/* Stars over word in text; not within another if it is short, as "a" is. */
static void
cover(char *text, const char *word)
{
	size_t len = strlen(word);
	char *at = text;

	while ((at = strstr(at, word)) != NULL) {
		bool inside = (at > text && isalnum((unsigned char)at[-1])) ||
		    isalnum((unsigned char)at[len]);

		if (!inside || len >= WORD_LONG)
			memset(at, '*', len);
		at += len;
	}
}

/* The same over the beginning of word that text ends with. */
static void
cover_head(char *text, const char *word)
{
	size_t len = strlen(text), n = strlen(word);

	if (n > len)
		n = len;
	for (; n >= HEAD_LEAST; n--) {
		if (strncmp(text + len - n, word, n) == 0) {
			memset(text + len - n, '*', n);
			return;
		}
	}
}

/* Beside other octets what is no character alone may be one, or escaped. */
char *
log_said(const void *data, size_t len, size_t max)
{
	char *text = log_safe(data, len < max ? len : max);

	for (size_t i = 0; i < hidden_count; i++) {
		if (!hidden[i].secret)
			continue;
		cover(text, hidden[i].safe);
		cover(text, hidden[i].ascii);
		if (len <= max)
			continue;
		cover_head(text, hidden[i].safe);
		cover_head(text, hidden[i].ascii);
	}
	return text;
}

void
log_debug(int level, const char *fmt, ...)
{
	char seconds[32], *text = NULL;
	va_list ap;
	size_t i;
	int n;

	if (current.debug < level)
		return;
	if (started_ms == 0)
		started_ms = deadline_now();
	(void)snprintf(seconds, sizeof(seconds), "%.3f ",
	    (double)(deadline_now() - started_ms) / 1000);
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		return;
	for (i = 0; i < hidden_count; i++)
		cover(text, hidden[i].ascii);
	put_text(current.debug_fd == -1 ? STDERR_FILENO : current.debug_fd,
	    seconds, "%s", text);
	free(text);
}

/*
 * VIS_NOLOCALE: in a UTF-8 locale invalid octets and bidirectional overrides
 * would pass.
 */
static char *
escape(char *text, const char *data, size_t len)
{
	return text +
	    strvisx(text, data, len,
		VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_NOLOCALE);
}

static char *
room_for(size_t *len)
{
	if (*len > SIZE_MAX / 4 - 1)
		*len = SIZE_MAX / 4 - 1; /* fails in xmalloc */
	return xmalloc(4 * *len + 1);
}

char *
log_ascii(const void *data, size_t len)
{
	char *text = room_for(&len);

	(void)escape(text, data, len);
	return text;
}

/*
 * The octets of a character beyond ASCII that can be shown as it is, or 0. The
 * joiners of emoji are for mail, not for sentences.
 */
static size_t
readable(const char *data, size_t len)
{
	uint32_t code;
	size_t n;

	if ((unsigned char)data[0] < 0x80)
		return 0;
	n = utf8_decode(data, len, &code);
	if (n == 0)
		return 0;
	return utf8_is_hidden(code) || code == 0x200c || code == 0x200d ||
		code == 0xfe0f ?
	    0 :
	    n;
}

char *
log_safe(const void *data, size_t len)
{
	bool utf8 = utf8_is_charset();
	char *text = room_for(&len), *w = text;
	const char *p = len > 0 ? data : "", *end = p + len;

	for (;;) {
		const char *from = p;
		size_t n = 0;

		while (p < end &&
		    (!utf8 || (n = readable(p, (size_t)(end - p))) == 0))
			p++;
		w = escape(w, from, (size_t)(p - from));
		if (p == end)
			return text;
		memcpy(w, p, n);
		w += n;
		p += n;
	}
}

char *
log_uid(const char *uid, size_t len)
{
	char *text = xmalloc(4 * len + 1);

	strvisx(text, uid, len, VIS_CSTYLE | VIS_NOLOCALE | VIS_WHITE);
	return text;
}
