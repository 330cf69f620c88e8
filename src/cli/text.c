/* SPDX-License-Identifier: ISC */
/* Text for people: safe characters, columns, dates. */
#include "cli/text.h"

#include <sys/ioctl.h>

#define LIBBSD_NETBSD_VIS /* strvisx is the same in all; no warning */
#include <bsd/vis.h>
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define REPLACEMENT 0xfffd
#define SHOWN (16 * 1024) /* at once; more than TEXT_WAITS */

void
text_safe(const char *data, size_t len, struct buf *out)
{
	uint32_t code;
	size_t n;

	while (len > 0) {
		n = utf8_decode(data, len, &code);
		if (n == 0) {
			code = REPLACEMENT;
			n = 1;
		} else if (code < ' ' || code == 0x7f)
			code = ' ';
		else if (utf8_is_hidden(code))
			code = REPLACEMENT;
		utf8_encode(code, out);
		data += n;
		len -= n;
	}
}

/*
 * A character in the user's charset; returns the columns it takes. An octet of
 * its own that ISO 6429 calls a control is not shown, whatever the charset
 * calls it: 9b begins a control sequence on many terminals.
 */
static size_t
show(uint32_t code, char octets[MB_LEN_MAX], size_t *len)
{
	mbstate_t state;
	int width = wcwidth((wchar_t)code);

	memset(&state, 0, sizeof(state));
	*len = wcrtomb(octets, (wchar_t)code, &state);
	if (width < 0 || *len == (size_t)-1 ||
	    (*len == 1 && ((unsigned char)octets[0] & 0xe0) == 0x80)) {
		octets[0] = '?';
		*len = 1;
		return 1;
	}
	return (size_t)width;
}

void
text_shown(const char *data, size_t len, struct buf *out)
{
	struct buf safe = BUF_INIT;
	char octets[MB_LEN_MAX];
	size_t at, n;
	uint32_t code;

	if (utf8_is_charset()) {
		text_safe(data, len, out);
		return;
	}
	text_safe(data, len, &safe);
	for (at = 0; at < safe.len; at += n) {
		n = utf8_decode(safe.data + at, safe.len - at, &code);
		show(code, octets, &len);
		buf_append(out, octets, len);
	}
	buf_clear(&safe);
}

/* Octets at the end of data that may be the beginning of a character. */
static size_t
unfinished(const char *data, size_t len)
{
	size_t n;

	for (n = 1; n < 4 && n <= len; n++)
		if (((unsigned char)data[len - n] & 0xc0) != 0x80)
			return (unsigned char)data[len - n] >= 0xc0 ? n : 0;
	return 0;
}

size_t
text_shown_lines(const char *data, size_t len, struct buf *out)
{
	const char *end;
	size_t used = 0, line;

	while ((end = memchr(data + used, '\n', len - used)) != NULL) {
		line = (size_t)(end - data) - used;
		text_shown(data + used, line, out);
		buf_puts(out, "\n");
		used += line + 1;
	}
	if (len - used > TEXT_WAITS) {
		line = len - used - unfinished(data + used, len - used);
		text_shown(data + used, line, out);
		used += line;
	}
	return used;
}

int
text_show(int fd, struct err *err)
{
	char data[SHOWN];
	struct buf safe = BUF_INIT;
	off_t offset = 0;
	size_t used;
	ssize_t n;

	while ((n = pread(fd, data, sizeof(data), offset)) > 0) {
		safe.len = 0;
		used = text_shown_lines(data, (size_t)n, &safe);
		if (used == 0) {
			/* the last line lacks its end */
			used = (size_t)n;
			text_shown(data, used, &safe);
			buf_puts(&safe, "\n");
		}
		fwrite(safe.data, 1, safe.len, stdout);
		offset += (off_t)used;
	}
	buf_clear(&safe);
	if (n == -1)
		return err_sys(err, EX_IOERR, "cannot show the message");
	if (fflush(stdout) == EOF)
		return err_sys(err, EX_IOERR, "standard output");
	return 0;
}

size_t
text_width(const char *text)
{
	char octets[MB_LEN_MAX];
	size_t left = strlen(text), width = 0, n, len;
	uint32_t code;

	for (; (n = utf8_decode(text, left, &code)) > 0; text += n, left -= n)
		width += show(code, octets, &len);
	return width;
}

void
text_fit(const char *text, size_t columns, struct buf *out)
{
	char octets[MB_LEN_MAX];
	size_t left = strlen(text), used = 0, n, len, width;
	bool cut = text_width(text) > columns;
	size_t room = cut && columns > 0 ? columns - 1 : columns;
	uint32_t code;

	while ((n = utf8_decode(text, left, &code)) > 0) {
		width = show(code, octets, &len);
		if (used + width > room)
			break;
		buf_append(out, octets, len);
		used += width;
		text += n;
		left -= n;
	}
	if (cut && columns > 0) {
		/* an ellipsis where there is one */
		width = show(0x2026, octets, &len);
		if (width == 1 && octets[0] != '?')
			buf_append(out, octets, len);
		else
			buf_puts(out, ">");
		used++;
	}
	for (; used < columns; used++)
		buf_puts(out, " ");
}

void
text_date(time_t when, bool brief, struct buf *out)
{
	struct tm tm;
	long offset;

	if (localtime_r(&when, &tm) == NULL) {
		buf_puts(out, "-");
		return;
	}
	buf_printf(out, "%04d-%02d-%02d%c%02d:%02d", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, brief ? ' ' : 'T', tm.tm_hour,
	    tm.tm_min);
	if (brief)
		return;
	offset = tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff;
	buf_printf(out, ":%02d%c%02ld:%02ld", tm.tm_sec,
	    tm.tm_gmtoff < 0 ? '-' : '+', offset / 3600, offset / 60 % 60);
}

void
text_size(uint64_t octets, char *text, size_t size)
{
	static const char units[] = "kMGTPE";
	double value = (double)octets / 1000;
	size_t unit = 0;

	if (octets < 1000) {
		snprintf(text, size, "%u B", (unsigned int)octets);
		return;
	}
	while (value >= 999.95 && unit < strlen(units) - 1) {
		value /= 1000;
		unit++;
	}
	snprintf(text, size, "%.*f %cB", value < 9.995 ? 2 : 1, value,
	    units[unit]);
}

size_t
text_columns(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

bool
text_has_cursor(int fd)
{
	const char *term = getenv("TERM");

	return term != NULL && strcmp(term, "dumb") != 0 && isatty(fd);
}
