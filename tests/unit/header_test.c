/* SPDX-License-Identifier: ISC */
/* Header fields, encoded words, senders and dates: cli/header.c, cli/date.c. */
#include "unit/test.h"

#include <dlfcn.h>
#include <iconv.h>
#include <time.h>

#include "base/buf.h"
#include "cli/header.h"

struct pair {
	const char *in, *want;
};

static int opens;

/* In front of the C library's: counted. */
iconv_t
iconv_open(const char *to, const char *from)
{
	void *symbol = dlsym(RTLD_NEXT, "iconv_open");
	iconv_t (*real)(const char *, const char *);

	/* ISO C knows no cast from one to the other */
	memcpy(&real, &symbol, sizeof(real));
	opens++;
	return real(to, from);
}

static void
test_field(void)
{
	static const char text[] = "Received: from a\n"
				   "\tby b; date\n"
				   "subJECT : one\n"
				   " two\t \n"
				   "\tthree\n"
				   "Subject: second\n"
				   "Subjected: no\n"
				   "Empty:\n"
				   "X: y\n"
				   "\n"
				   "From: the body\n";
	struct buf out = BUF_INIT;

	CHECK(header_field(text, sizeof(text) - 1, "Subject", &out));
	CHECK_STR(buf_text(&out), "one two\tthree");
	out.len = 0;
	CHECK(header_field(text, sizeof(text) - 1, "empty", &out));
	CHECK_STR(buf_text(&out), "");
	CHECK(!header_field(text, sizeof(text) - 1, "From", &out));
	CHECK(!header_field(text, sizeof(text) - 1, "Subj", &out));
	CHECK(!header_field("\n", 1, "From", &out));
	CHECK(!header_field("", 0, "From", &out));
	/* cut anywhere */
	for (size_t i = 0; i < sizeof(text); i++) {
		out.len = 0;
		header_field(text, i, "Subject", &out);
	}
	out.len = 0;
	CHECK(header_field("X: a", 4, "x", &out));
	CHECK_STR(buf_text(&out), "a");
	buf_clear(&out);
}

static void
test_words(void)
{
	static const struct pair pairs[] = {
		{ "plain", "plain" },
		{ "=?utf-8?q?caf=C3=A9?=", "caf\xc3\xa9" },
		{ "=?ISO-8859-1?Q?a_b=E9?= c", "a b\xc3\xa9 c" },
		{ "=?iso-8859-1*fr?Q?=E9?=", "\xc3\xa9" },
		{ "=?utf-8?B?Y2Fmw6k=?=", "caf\xc3\xa9" },
		{ "=?utf-8?b?Y2Fmw6k?=", "caf\xc3\xa9" },
		/* blanks between words vanish, others stay */
		{ "=?utf-8?q?a?= =?utf-8?q?b?= c =?utf-8?q?d?=", "ab c d" },
		{ "=?utf-8?q?a?= \t =?utf-8?q?b?=\t=?utf-8?q?c?=", "abc" },
		{ "=?utf-8?q?a?= ", "a " },
		/* a character in two words */
		{ "=?utf-8?B?w6k=?= =?utf-8?Q?=C3?= =?UTF-8?Q?=A9?=",
		    "\xc3\xa9\xc3\xa9" },
		{ "=?koi8-r?B?8NLJ18XU?=",
		    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
		{ "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=",
		    "\xe6\x97\xa5\xe6\x9c\xac" },
		/* what its charset does not have */
		{ "=?us-ascii?Q?a=E9b?=",
		    "a\xef\xbf\xbd"
		    "b" },
		{ "=?utf-8?Q?=C3?=", "\xef\xbf\xbd" },
		/* what is no word, or none that we can read, stays */
		{ "=?x-unknown?Q?a=E9?=", "=?x-unknown?Q?a=E9?=" },
		{ "=?utf-8//IGNORE?Q?a?=", "=?utf-8//IGNORE?Q?a?=" },
		{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "=?utf-8?q?a", "=?utf-8?q?a" },
		{ "=?utf-8?q?", "=?utf-8?q?" },
		{ "=?", "=?" },
		{ "=??q?a?=", "=??q?a?=" },
		{ "=?utf-8?q?"
		  "?=",
		    "" },
		{ "=?utf-8?q?a=?=", "a=" },
		{ "=?utf-8?q?a=4?=", "a=4" },
		{ "=?utf-8?q?why?"
		  "?=",
		    "why?" },
		{ "a=?utf-8?q?b?=c", "abc" },
	};
	struct buf out = BUF_INIT;
	size_t i, len;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		out.len = 0;
		header_decode(pairs[i].in, strlen(pairs[i].in), &out);
		CHECK_STR(buf_text(&out), pairs[i].want);
		for (len = 0; len < strlen(pairs[i].in); len++)
			header_decode(pairs[i].in, len, &out);
	}
	out.len = 0;
	header_decode("a\0b\xff", 4, &out);
	CHECK_MEM(out.data, out.len, "a\0b\xff", 4);
	buf_clear(&out);
}

static void
test_sender(void)
{
	static const struct pair pairs[] = {
		{ "a@b.example", "a@b.example" },
		{ "  a@b.example , c@d", "a@b.example" },
		{ "Ann Bee <a@b>", "Ann Bee" },
		{ "<a@b>", "a@b" },
		{ "\"Bee, Ann\" <a@b>, C <c@d>", "Bee, Ann" },
		{ "\"An \\\"n\\\" <x>\" <a@b>", "An \"n\" <x>" },
		{ "a@b (Ann (the) Bee)", "Ann (the) Bee" },
		{ "(c) <a@b>", "a@b" },
		{ "=?utf-8?q?Bee,_Ann?= <a@b>", "Bee, Ann" },
		{ "\"=?utf-8?q?=C3=89va?=\" <a@b>", "\xc3\x89va" },
		{ "", "" },
		{ "<", "" },
		{ "\"", "" },
		{ "\"\\", "\\" },
		{ "(", "" },
		{ ",,,", "" },
		{ ", a@b", "a@b" },
	};
	struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		out.len = 0;
		header_sender(pairs[i].in, strlen(pairs[i].in), &out);
		CHECK_STR(buf_text(&out), pairs[i].want);
	}
	buf_clear(&out);
}

static void
test_date(void)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: none */
	} dates[] = {
		{ "Thu, 1 Jan 1970 00:00:00 +0000", 0 },
		{ "Sat, 21 Nov 2026 07:33:50 +0100", 1795242830 },
		{ "21 Nov 2026 01:33:50 EST", 1795242830 },
		{ "Sat, 21 Nov 2026 06:33 GMT", 1795242780 },
		{ "Sat, 21 Nov 26 06:33:50 -0000 (UTC (really))", 1795242830 },
		{ "Sat,21 November 2026 06:33:50", 1795242830 },
		{ "Tue, 29 Feb 2000 12:00:00 +0000", 951825600 },
		{ "Fri, 31 Dec 1999 23:59:60 +0000", 946684800 },
		{ "1 Jan 70 00:00:00 Z", 0 },
		{ "(x) Thu (y), 1 (z) Jan 1970 00:00:00 UT", 0 },
		{ "1 Jan 1970 01:00:00 (a \\) b) +0100", 0 },
		{ "1 Jan 1970 01:00:00 (a \\( b) +0100", 0 },
		{ "1 Jan 1970 01:00:00 (\\\\) +0100", 0 },
		{ "1 Jan 1970 01 : 00 : 00 +0100", 0 },
		{ "1 Jan 1970 01(h):(x)00\r\n :00 +0100", 0 },
		{ "1 Jan 1970 01 :00 +0100", 0 },
		{ "1 Jan 1970 00:00:00 (never closed +0100", 0 },
		{ "1(a)Jan(b)1970 00:00:00", 0 },
		{ "", -1 },
		{ ",,", -1 },
		{ "1 Jan 1970 : 00", -1 },
		{ "Thu", -1 },
		{ "Thu, 0 Jan 1970 00:00:00 +0000", -1 },
		{ "Thu, 32 Jan 1970 00:00:00 +0000", -1 },
		{ "1 Foo 1970 00:00:00 +0000", -1 },
		{ "1 Jan 1970 24:00:00 +0000", -1 },
		{ "1 Jan 1970 12 +0000", -1 },
		{ "1 Jan 1970", -1 },
		{ "1 Jan 99999999999 00:00:00", -1 },
		{ "-1 Jan 1970 00:00:00", -1 },
	};
	time_t when;
	size_t i;

	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		if (!header_date(dates[i].text, strlen(dates[i].text), &when))
			when = -1;
		CHECK_INT(when, dates[i].want);
	}
}

/* words of "a" in count charsets by turns, decoded; what comes out. */
static const char *
by_turns(const char *const *charsets, size_t count, int words, struct buf *out)
{
	struct buf field = BUF_INIT;
	int i;

	out->len = 0;
	for (i = 0; i < words; i++)
		buf_printf(&field, "=?%s?q?a?= ", charsets[(size_t)i % count]);
	header_decode(field.data, field.len, out);
	buf_clear(&field);
	return buf_text(out);
}

/* glibc takes long to load a charset: that is not done for each word. */
static void
test_charsets_by_turns(void)
{
	static const char *const few[] = { "ISO-2022-JP", "gb18030", "big5",
		"euc-kr", "koi8-r", "utf-7", "windows-1252", "x-unknown" };
	static const char *const many[] = { "iso-8859-1", "iso-8859-2",
		"iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6",
		"iso-8859-7", "iso-8859-8", "iso-8859-9", "iso-8859-10",
		"iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16",
		"koi8-r", "koi8-u", "euc-jp", "euc-kr", "euc-tw", "gbk" };
	struct buf out = BUF_INIT;
	const char *text;

	opens = 0;
	CHECK_STR(by_turns(few, 7, 14, &out), "aaaaaaaaaaaaaa ");
	CHECK(opens <= 7);
	by_turns(few, 8, 4000, &out);
	by_turns(few, 8, 4000, &out);
	CHECK(opens <= 8);
	/* the beginning of a long field can be read, its end is not lost */
	opens = 0;
	text = by_turns(many, 20, 4000, &out);
	CHECK(opens <= 16);
	CHECK(strncmp(text, "aaaaaaaaaaaaaaaa", 16) == 0);
	CHECK(strstr(text, "=?gbk?q?a?=") != NULL);
	/* state does not pass from one field to the next */
	out.len = 0;
	header_decode("=?iso-2022-jp?B?GyRCRnw=?=", 26, &out);
	header_decode("=?iso-2022-jp?Q?a?=", 19, &out);
	CHECK_STR(buf_text(&out),
	    "\xe6\x97\xa5"
	    "a");
	buf_clear(&out);
}

/* Words that begin and do not end: each is looked at once. */
static void
test_words_without_end(void)
{
	struct buf field = BUF_INIT, out = BUF_INIT;
	clock_t began = clock();
	int i;

	for (i = 0; i < 10000; i++)
		buf_puts(&field, "=?a?q?x");
	for (i = 0; i < 20; i++) {
		out.len = 0;
		header_decode(field.data, field.len, &out);
		CHECK_INT(out.len, field.len);
		out.len = 0;
		header_sender(field.data, field.len, &out);
		CHECK_INT(out.len, field.len);
	}
	/* each from its beginning: many seconds */
	CHECK((clock() - began) / CLOCKS_PER_SEC < 3);
	buf_clear(&field);
	buf_clear(&out);
}

int
main(void)
{
	TEST(test_field);
	TEST(test_words);
	TEST(test_charsets_by_turns);
	TEST(test_words_without_end);
	TEST(test_sender);
	TEST(test_date);
	return TEST_END();
}
