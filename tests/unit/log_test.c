/* SPDX-License-Identifier: ISC */
/* What is printed when, and how foreign text is made safe. */
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "test.h"

static int saved_stderr, ends[2];
static char got[65536];

/* What has been written to stderr since the last call. */
static const char *
said(void)
{
	ssize_t n;

	CHECK_INT(write(STDERR_FILENO, "", 1), 1);
	n = read(ends[0], got, sizeof(got) - 1);
	got[n > 0 ? n - 1 : 0] = '\0';
	return got;
}

static void
setup(int quiet, int verbose, int debug)
{
	struct log_options options = { .quiet = quiet,
		.verbose = verbose != 0,
		.debug = debug,
		.debug_fd = -1 };

	log_setup(&options);
}

static void
levels(void)
{
	static const struct {
		int quiet, verbose;
		const char *want;
	} tests[] = {
		{ 0, 0, "poplar: e 1\npoplar: warning: w\n" },
		{ 0, 1, "poplar: e 1\npoplar: warning: w\npoplar: i\n" },
		{ 1, 0, "poplar: e 1\n" },
		{ 1, 1, "poplar: e 1\n" },
		{ 2, 0, "poplar: e 1\n" },
	};
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		setup(tests[i].quiet, tests[i].verbose, 0);
		log_error("e %d", 1);
		log_warn("w");
		log_info("i");
		log_debug(1, "d");
		CHECK_STR(said(), tests[i].want);
	}
	CHECK_INT(log_options()->quiet, 2);
	log_setup(NULL);
	CHECK_INT(log_options()->quiet, 0);
}

static void
trace(void)
{
	struct log_options options = { .debug = 2 };
	int other[2];
	char text[64], *end;
	ssize_t n;

	CHECK_INT(pipe(other), 0);
	options.debug_fd = other[1];
	log_setup(&options);
	log_debug(3, "not this");
	log_debug(2, "STAT");
	n = read(other[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	CHECK(strtod(text, &end) >= 0);
	CHECK(end - text >= 5 && end[-4] == '.');
	CHECK_STR(end, " STAT\n");
	CHECK_STR(said(), "");
	log_setup(NULL);
	(void)close(other[0]);
	(void)close(other[1]);
}

static void
hidden_words(void)
{
	setup(0, 0, 1);
	log_hide("me");
	log_hide("a@b\\c");
	log_hide("me");
	log_debug(1, "me USER me time me2 <me> a@b\\\\c");
	CHECK_STR(strchr(said(), ' '), " ** USER ** time me2 <**> ******\n");
	log_error("me");
	CHECK_STR(said(), "poplar: me\n");
	log_forget();
	log_debug(1, "me");
	CHECK_STR(strchr(said(), ' '), " me\n");
	log_setup(NULL);
}

/* What a server says, with a secret in it: at most max octets are shown. */
static void
said_is(const char *text, size_t max, const char *want)
{
	char *got_text = log_said(text, strlen(text), max);

	CHECK_STR(got_text, want);
	free(got_text);
}

static void
secrets(void)
{
	setup(0, 0, 1);
	log_hide("open");
	log_secret("open-sesame-7");
	log_secret("pin");
	log_secret("");
	log_secret("t\303\274r\001");
	said_is("no open-sesame-7, open", 99, "no *************, open");
	said_is("xopen-sesame-7x", 99, "x*************x");
	said_is("pin pins <pin>", 99, "*** pins <***>");
	said_is("t\303\274r\001", 99, "*************");
	/* a part of it at the end of what is shown */
	said_is("is it open-sesame-7?", 12, "is it ******");
	said_is("is it open-sesame-7?", 9, "is it ***");
	said_is("is it open-sesame-7?", 8, "is it op");
	/* nothing was cut off: that is no part of it */
	said_is("is it open", 10, "is it open");
	/* the user name within the password does not uncover the rest */
	log_debug(1, "< open-sesame-7 open");
	CHECK_STR(strchr(said(), ' '), " < ************* ****\n");
	log_hide("open-sesame-7");
	said_is("open-sesame-7", 99, "*************");
	log_forget();
	said_is("open-sesame-7", 99, "open-sesame-7");
	log_setup(NULL);
}

static void
long_lines(void)
{
	static const size_t lengths[] = { 2548, 2549, 2550, 2551, 2552, 2553,
		20000 };
	char *text = malloc(20001);
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		log_error("%s", text);
		CHECK_INT(strlen(said()), 8 + lengths[i] + 1);
		CHECK_MEM(got + 7 + lengths[i], 2, "x\n", 2);
	}
	free(text);
}

static void
before(void)
{
	CHECK_INT(write(STDERR_FILENO, "<", 1), 1);
}

static void
after(void)
{
	CHECK_INT(write(STDERR_FILENO, ">", 1), 1);
}

static void
around(void)
{
	log_around(before, after);
	log_error("x");
	CHECK_STR(said(), "<poplar: x\n>");
	log_around(NULL, NULL);
	log_error("x");
	CHECK_STR(said(), "poplar: x\n");
}

static void
safe(void)
{
	static const struct {
		const char *raw;
		size_t len;
		const char *want;
	} tests[] = {
		{ "plain text", 10, "plain text" },
		{ "\033[2J\a\r\n\t", 8, "\\^[[2J\\a\\r\\n\\t" },
		{ "a\0b", 3, "a\\0b" },
		{ "\303\244\233", 3, "\\M-C\\M-$\\M^[" },
		{ "back\\slash", 10, "back\\\\slash" },
		{ "", 0, "" },
	};
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		char *text = log_safe(tests[i].raw, tests[i].len);

		CHECK_STR(text, tests[i].want);
		free(text);
	}
}

/* In a UTF-8 locale what can be seen is shown, and nothing else. */
static void
safe_in_utf8(void)
{
	static const struct {
		const char *raw, *want;
	} tests[] = {
		{ "Postf\303\244cher gesperrt\033[2J",
		    "Postf\303\244cher gesperrt\\^[[2J" },
		{ "\346\227\245\346\234\254 \360\237\230\200",
		    "\346\227\245\346\234\254 \360\237\230\200" },
		/* C1, bidi marks, overrides, isolates, separators, zero width
		 */
		{ "\302\233", "\\M-B\\M^[" },
		{ "\302\205", "\\M-B\\M^E" },
		{ "\342\200\256", "\\M-b\\M^@\\M-." },
		{ "\342\201\246", "\\M-b\\M^A\\M-&" },
		{ "\342\200\217", "\\M-b\\M^@\\M^O" },
		{ "\330\234", "\\M-X\\M^\\" },
		{ "\342\200\250", "\\M-b\\M^@\\M-(" },
		{ "\342\200\213", "\\M-b\\M^@\\M^K" },
		{ "\342\200\215", "\\M-b\\M^@\\M^M" },
		{ "\357\273\277", "\\M-o\\M-;\\M-?" },
		/* private use, noncharacters, tags, surrogates */
		{ "\356\200\200", "\\M-n\\M^@\\M^@" },
		{ "\357\267\220", "\\M-o\\M-7\\M^P" },
		{ "\363\240\201\201", "\\M-s\\240\\M^A\\M^A" },
		{ "\355\240\200", "\\M-m\\240\\M^@" },
		/* overlong, cut, stray */
		{ "\300\233", "\\M-@\\M^[" },
		{ "x\303", "x\\M-C" },
		{ "\303\244\233", "\303\244\\M^[" },
	};
	size_t i;

	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		char *text = log_safe(tests[i].raw, strlen(tests[i].raw));
		char *ascii = log_ascii(tests[i].raw, strlen(tests[i].raw));

		CHECK_STR(text, tests[i].want);
		for (const char *p = ascii; *p != '\0'; p++)
			CHECK(*p >= ' ' && *p < 0x7f);
		free(ascii);
		free(text);
	}
	setlocale(LC_CTYPE, "C");
}

int
main(void)
{
	saved_stderr = dup(STDERR_FILENO);
	if (pipe(ends) == -1 || dup2(ends[1], STDERR_FILENO) == -1)
		return 1;
	TEST(levels);
	TEST(trace);
	TEST(hidden_words);
	TEST(secrets);
	TEST(long_lines);
	TEST(around);
	TEST(safe);
	TEST(safe_in_utf8);
	(void)dup2(saved_stderr, STDERR_FILENO);
	return TEST_END();
}
