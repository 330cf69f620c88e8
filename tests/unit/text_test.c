/* SPDX-License-Identifier: ISC */
/* Text for people: cli/text.c. */
#include "unit/test.h"

#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "cli/text.h"

static struct buf out;

static void
safe(const char *data, size_t len, const char *want)
{
	out.len = 0;
	text_safe(data, len, &out);
	CHECK_STR(buf_text(&out), want);
}

static void
test_safe(void)
{
	safe("plain", 5, "plain");
	safe("a\tb\nc\033[2J\177", 10, "a b c [2J ");
	safe("\0x", 2, " x");
	safe("\xc3\xa9\xe6\x97\xa5", 5, "\xc3\xa9\xe6\x97\xa5");
	/* C1 CSI, an override, an isolate, a byte order mark */
	safe("\xc2\x9b", 2, "\xef\xbf\xbd");
	safe("\xe2\x80\xae", 3, "\xef\xbf\xbd");
	safe("\xe2\x81\xa6", 3, "\xef\xbf\xbd");
	safe("\xef\xbb\xbf", 3, "\xef\xbf\xbd");
	/* invalid: each octet one */
	safe("\xff\xfe", 2, "\xef\xbf\xbd\xef\xbf\xbd");
	safe("\xc3", 1, "\xef\xbf\xbd");
	safe("\xe6\x97z", 3, "\xef\xbf\xbd\xef\xbf\xbdz");
	safe("\xf4\x90\x80\x80", 4,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

/* All of data, fed in pieces; what is left of it at the end. */
static size_t
feed(const char *data, size_t len, size_t piece)
{
	size_t end = 0, at = 0;

	out.len = 0;
	while (end < len) {
		end = end + piece < len ? end + piece : len;
		at += text_shown_lines(data + at, end - at, &out);
		CHECK(end - at <= TEXT_WAITS);
	}
	return len - at;
}

static void
test_safe_lines(void)
{
	static const char lines[] = "a\033b\n\n\xc3\xa9\xff\nrest";
	char *big = xmalloc(3 * TEXT_WAITS + 1);
	size_t piece, i, left;

	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	for (piece = 1; piece < sizeof(lines); piece++) {
		CHECK_INT(feed(lines, sizeof(lines) - 1, piece), 4);
		CHECK_STR(buf_text(&out), "a b\n\n\xc3\xa9\xef\xbf\xbd\n");
	}
	/* a line that never ends: no character is cut in two */
	for (i = 0; i < TEXT_WAITS; i++)
		memcpy(big + 3 * i, "\xe6\x97\xa5", 3);
	for (piece = 1; piece < 3 * TEXT_WAITS; piece += 1021) {
		left = feed(big, 3 * TEXT_WAITS, piece);
		CHECK_INT(out.len + left, 3 * TEXT_WAITS);
		CHECK(memcmp(big, out.data, out.len) == 0);
	}
	/* nor is what is not UTF-8 waited for */
	memset(big, 0x80, 3 * TEXT_WAITS);
	CHECK_INT(text_shown_lines(big, TEXT_WAITS + 1, &out), TEXT_WAITS + 1);
	memset(big, 0xff, 3 * TEXT_WAITS);
	CHECK_INT(text_shown_lines(big, TEXT_WAITS + 1, &out), TEXT_WAITS);
	free(big);
}

static void
test_code_points(void)
{
	uint32_t code, decoded;
	size_t n;

	for (code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 0x3fd) {
		out.len = 0;
		utf8_encode(code, &out);
		n = utf8_decode(out.data, out.len, &decoded);
		if (code >= 0xd800 && code <= 0xdfff)
			CHECK_INT(n, 0);
		else {
			CHECK_INT(n, out.len);
			CHECK_INT(decoded, code);
		}
	}
}

static void
fit(const char *text, size_t columns, const char *want)
{
	out.len = 0;
	text_fit(text, columns, &out);
	CHECK_STR(buf_text(&out), want);
}

static void
test_fit_ascii(void)
{
	setlocale(LC_CTYPE, "C");
	fit("abc", 5, "abc  ");
	fit("abc", 3, "abc");
	fit("abcd", 3, "ab>");
	fit("abcd", 1, ">");
	fit("abcd", 0, "");
	fit("", 2, "  ");
	/* what the charset lacks */
	fit("a\xc3\xa9z", 4, "a?z ");
}

static void
test_fit_utf8(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
		printf("# no C.UTF-8 here\n");
		return;
	}
	CHECK_INT(text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	CHECK_INT(text_width("e\xcc\x81"), 1);
	fit("\xe6\x97\xa5\xe6\x9c\xac", 5, "\xe6\x97\xa5\xe6\x9c\xac ");
	fit("\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac");
	/* a wide one that does not fit leaves a blank */
	fit("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6");
	fit("\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6 ");
	fit("caf\xc3\xa9s", 4, "caf\xe2\x80\xa6");
}

/* What uidl prints is what uid: takes. */
static void
test_uid(void)
{
	static const char *const uids[] = { "a", "a b", "a\\b", "\033[2J",
		"\xff\xfe", "!~", "a,b-1", "\\s", "^A%" };
	struct msgset set;
	struct err err;
	char *text, operand[128];
	size_t i;

	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		memset(&set, 0, sizeof(set));
		text = log_uid(uids[i], strlen(uids[i]));
		CHECK(strpbrk(text, " \t\n\033\xff") == NULL);
		snprintf(operand, sizeof(operand), "uid:%s", text);
		CHECK_INT(msgset_add(&set, operand, &err), 0);
		if (set.count == 1)
			CHECK_MEM(set.items[0].uid, set.items[0].uid_len,
			    uids[i], strlen(uids[i]));
		msgset_clear(&set);
		free(text);
	}
}

static void
test_date(void)
{
	setenv("TZ", "XXX-05:30", 1);
	tzset();
	out.len = 0;
	text_date(0, false, &out);
	CHECK_STR(buf_text(&out), "1970-01-01T05:30:00+05:30");
	out.len = 0;
	text_date(1795242830, true, &out);
	CHECK_STR(buf_text(&out), "2026-11-21 12:03");
	setenv("TZ", "XXX03", 1);
	tzset();
	out.len = 0;
	text_date(0, false, &out);
	CHECK_STR(buf_text(&out), "1969-12-31T21:00:00-03:00");
	out.len = 0;
	text_date((time_t)INT64_MAX, false, &out);
	CHECK_STR(buf_text(&out), "-");
}

static void
test_size(void)
{
	static const struct {
		uint64_t octets;
		const char *want;
	} sizes[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.00 kB" },
		{ 12345, "12.3 kB" },
		{ 999949, "999.9 kB" },
		{ 999950, "1.00 MB" },
		{ 5000000000, "5.00 GB" },
		{ UINT64_MAX, "18.4 EB" },
	};
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text_size(sizes[i].octets, text, sizeof(text));
		CHECK_STR(text, sizes[i].want);
	}
}

/*
 * What leaves for a terminal of 8 bits holds no control of ISO 6429, of
 * whatever characters it is made. The locale is of this machine's or of no
 * use: then C shows the same.
 */
static void
shown(const char *locale)
{
	struct buf all = BUF_INIT;
	uint32_t code;
	size_t i;

	if (setlocale(LC_CTYPE, locale) == NULL)
		return;
	CHECK(!utf8_is_charset());
	for (code = 0; code < 0x11000; code++)
		if (code < 0xd800 || code > 0xdfff)
			utf8_encode(code, &all);
	out.len = 0;
	text_shown(all.data, all.len, &out);
	for (i = 0; i < out.len; i++)
		CHECK((unsigned char)out.data[i] >= ' ' &&
		    out.data[i] != 0x7f &&
		    ((unsigned char)out.data[i] & 0xe0) != 0x80);
	out.len = 0;
	/* a letter whose second octet is 9b */
	text_shown("a\xd3\x9b"
		   "b",
	    4, &out);
	CHECK_STR(buf_text(&out), "a?b");
	out.len = 0;
	CHECK_INT(text_shown_lines("\xd3\x9b\n\xc2\x9b\n", 6, &out), 6);
	CHECK_STR(buf_text(&out), "?\n?\n");
	setlocale(LC_CTYPE, "C.UTF-8");
	buf_clear(&all);
}

static void
test_shown(void)
{
	shown("C");
	shown("de_DE.ISO-8859-1");
	shown("de_DE.CP1252");
	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	out.len = 0;
	text_shown("\xd3\x9b\xc2\x9b", 4, &out);
	CHECK_STR(buf_text(&out), "\xd3\x9b\xef\xbf\xbd");
}

int
main(void)
{
	TEST(test_safe);
	TEST(test_safe_lines);
	TEST(test_code_points);
	TEST(test_shown);
	TEST(test_fit_ascii);
	TEST(test_fit_utf8);
	TEST(test_uid);
	TEST(test_date);
	TEST(test_size);
	buf_clear(&out);
	return TEST_END();
}
