/* SPDX-License-Identifier: ISC */
/* Other programs' state files: what is taken from them, and what is refused. */
#include "state/import.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "test.h"

static char path[] = "/tmp/import_test.XXXXXX";

static int
collect(void *arg, const char *uid, size_t len, uint32_t time)
{
	struct buf *got = arg;

	buf_append(got, uid, len);
	buf_printf(got, "=%" PRIu32 ";", time);
	return 0;
}

struct sample {
	const char *tool, *text;
	size_t len; /* 0: strlen */
	const char *user, *host;
	int count; /* -1: refused with status */
	const char *want;
	int status;
};

static void
check(const struct sample *s, size_t n)
{
	struct err err;
	struct buf got = BUF_INIT;
	FILE *f;

	for (; n > 0; n--, s++) {
		err = (struct err)ERR_INIT;
		got.len = 0;
		f = fopen(path, "w");
		fwrite(s->text, 1, s->len > 0 ? s->len : strlen(s->text), f);
		fclose(f);
		CHECK_INT(import_read(s->tool, path, s->user, s->host, collect,
			      &got, &err),
		    s->count);
		if (s->count >= 0) {
			CHECK_STR(buf_text(&got), s->want);
		} else {
			CHECK_INT(err.status, s->status);
			CHECK(strstr(err.text, s->want) != NULL);
			CHECK_INT(got.len, 0);
		}
		if (test_bad > 0)
			printf("# with: %s\n# says: %s\n", s->text, err.text);
	}
	buf_clear(&got);
}

#define CHECK_ALL(samples) check(samples, sizeof(samples) / sizeof(samples[0]))

static void
reads_mpop(void)
{
	static const struct sample samples[] = {
		{ "mpop", "# mpop\n 2 h u\na 5\nb c 6\n", 0, NULL, NULL, 2,
		    "a=5;b c=6;", 0 },
		/* one line without a time: none has one */
		{ "mpop", " 3 h u\na 5\nb c\n#d\n", 0, "u", "H", 3,
		    "a 5=0;b c=0;#d=0;", 0 },
		{ "mpop", " 1 h u\na 5\n 1 h v\nb 6\n", 0, "v", "h", 1, "b=6;",
		    0 },
		{ "mpop", "", 0, NULL, NULL, 0, "", 0 },
		{ "mpop", "# only\n", 0, "u", "h", 0, "", 0 },
		{ "mpop", " 1 h u\na 5\n 1 h v\nb 6\n", 0, NULL, NULL, -1,
		    "u@h, v@h: say", EX_USAGE },
		{ "mpop", " 1 h u\na 5\n", 0, "x", "h", -1, "u@h: say",
		    EX_USAGE },
		{ "mpop", " 3 h u\na 5\nb 6\n", 0, NULL, NULL, -1,
		    ":3: ", EX_DATAERR },
		{ "mpop", " 2 h u\na 5\n 1 h v\nb 6\n", 0, NULL, NULL, -1,
		    ":3: ", EX_DATAERR },
		{ "mpop", "a 5\n", 0, NULL, NULL, -1, ":1: ", EX_DATAERR },
		{ "mpop", " 99999999999 h u\n", 0, NULL, NULL, -1,
		    ":1: ", EX_DATAERR },
		{ "mpop", " 4294967295 h u\na 1\n", 0, NULL, NULL, -1,
		    ":2: ", EX_DATAERR },
	};

	CHECK_ALL(samples);
}

static void
reads_fetchmail(void)
{
	static const struct sample samples[] = {
		{ "fetchmail", "u@h a@b\n  u@h   c\trest\n", 0, NULL, NULL, 2,
		    "a@b=0;c=0;", 0 },
		{ "fetchmail", "u@x.org@h a\nU@X.org@H b\nv@h c\n", 0,
		    "u@x.org", "h", 2, "a=0;b=0;", 0 },
		{ "fetchmail", "a b@h c\n", 0, "a b", "h", 1, "c=0;", 0 },
		{ "fetchmail", "u@h a\nv@h b\nu@h c\n", 0, NULL, NULL, -1,
		    "u@h, v@h: say", EX_USAGE },
		{ "fetchmail", "u@h a\nnonsense\n", 0, NULL, NULL, -1,
		    ":2: ", EX_DATAERR },
		{ "fetchmail", "u@h \n", 0, NULL, NULL, -1,
		    ":1: ", EX_DATAERR },
		{ "fetchmail", "u\x1b[0m@h a\n", 0, "x", "y", -1,
		    "u\\^[[0m@h: say", EX_USAGE },
	};

	CHECK_ALL(samples);
}

static void
reads_getmail(void)
{
	static const struct sample samples[] = {
		{ "getmail",
		    "a\0"
		    "5\nb/c\0"
		    "6 \nno\nx\0y\n\0"
		    "7\n",
		    22, NULL, NULL, 2, "a=5;b/c=6;", 0 },
		{ "getmail", "a 5\nb 6\n", 0, NULL, NULL, -1,
		    ":1: ", EX_DATAERR },
	};

	CHECK_ALL(samples);
}

static void
reads_fdm(void)
{
	static const struct sample samples[] = {
		{ "fdm", "1 a\n5 b\nc d\n2 ef", 0, "u", "h", 3,
		    "a=0;b\nc d=0;ef=0;", 0 },
		{ "fdm", "3 ab\n", 0, NULL, NULL, 1, "ab\n=0;", 0 },
		{ "fdm", "4 ab\n", 0, NULL, NULL, -1, ":1: ", EX_DATAERR },
		{ "fdm", "1 ab\n", 0, NULL, NULL, -1, ":1: ", EX_DATAERR },
		{ "fdm", "1 a\nx\n", 0, NULL, NULL, -1, ":2: ", EX_DATAERR },
		{ "fdm", "0 \n", 0, NULL, NULL, -1, ":1: ", EX_DATAERR },
		{ "fdm", "99999999999999999999 a\n", 0, NULL, NULL, -1,
		    ":1: ", EX_DATAERR },
		{ "fdm", "7", 0, NULL, NULL, -1, ":1: ", EX_DATAERR },
	};

	CHECK_ALL(samples);
}

static void
refuses_unknown(void)
{
	static const struct sample samples[] = {
		{ "mutt", "x", 0, NULL, NULL, -1, "mutt", EX_USAGE },
	};
	struct err err = ERR_INIT;

	CHECK_ALL(samples);
	CHECK_INT(import_read("fdm", "/nonexistent/file", NULL, NULL, collect,
		      NULL, &err),
	    -1);
	CHECK_INT(err.status, EX_IOERR);
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd == -1)
		return 1;
	close(fd);
	TEST(reads_mpop);
	TEST(reads_fetchmail);
	TEST(reads_getmail);
	TEST(reads_fdm);
	TEST(refuses_unknown);
	(void)unlink(path);
	return TEST_END();
}
