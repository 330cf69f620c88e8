/* SPDX-License-Identifier: ISC */
/* Sentences, prefixes and the order of statuses; memory beside them. */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "test.h"

static void
sentences(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(err_set(&err, EX_IOERR, "file %s", "x"), -1);
	CHECK_INT(err.status, EX_IOERR);
	CHECK_STR(err.text, "file x");
	CHECK_INT(err_prefix(&err, "work"), -1);
	CHECK_STR(err.text, "work: file x");
	CHECK_INT(err.status, EX_IOERR);
	err_set(&err, EX_OSERR, "again %s", err.text);
	CHECK_STR(err.text, "again work: file x");
	errno = ENOENT;
	err_sys(&err, EX_CONFIG, "%s", "config");
	CHECK_STR(err.text, "config: No such file or directory");
	CHECK_INT(err.status, EX_CONFIG);
}

static void
long_sentences_are_cut(void)
{
	struct err err = ERR_INIT;
	char *text = malloc(5000);

	memset(text, 'x', 4999);
	text[4999] = '\0';
	err_set(&err, EX_IOERR, "%s", text);
	CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "a");
	CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
	CHECK_MEM(err.text, 4, "a: x", 4);
	err_prefix(&err, "%s", text);
	CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
	errno = EIO;
	err_sys(&err, EX_IOERR, "%s", text);
	CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
	free(text);
}

static void
characters_are_not_cut(void)
{
	struct err err = ERR_INIT;
	char text[sizeof(err.text) + 8];

	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		for (size_t n = shift; n + 4 < sizeof(text); n += 4)
			memcpy(text + n, "\360\237\230\200", 5);
		err_set(&err, EX_IOERR, "%s", text);
		CHECK_INT((strlen(err.text) - shift) % 4, 0);
		err_prefix(&err, "%s", "ab");
		CHECK_INT((strlen(err.text) - shift) % 4, 0);
	}
}

static void
order(void)
{
	static const int want[] = { 64, 70, 71, 74, 73, 65, 78, 77, 76, 69, 68,
		75, 0 };
	size_t i, j;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		for (j = i; j < sizeof(want) / sizeof(want[0]); j++) {
			CHECK_INT(err_worse(want[i], want[j]), want[i]);
			CHECK_INT(err_worse(want[j], want[i]), want[i]);
		}
	}
	CHECK_INT(err_worse(128 + 15, 70), 128 + 15);
}

static void
buffers(void)
{
	struct buf buf = BUF_INIT;
	char *text;
	int i;

	CHECK_STR(buf_text(&buf), "");
	for (i = 0; i < 1000; i++)
		buf_printf(&buf, "%d,", i % 10);
	CHECK_INT(buf.len, 2000);
	buf_append(&buf, "\0z", 2);
	CHECK_MEM(buf.data + 1998, buf.len - 1998, "9,\0z", 4);
	memcpy(buf_grow(&buf, 3), "abc", 3);
	CHECK_INT(buf.len, 2005);
	text = buf_take(&buf);
	CHECK_STR(text + 2001, "zabc");
	CHECK_INT(buf.len, 0);
	CHECK(buf.data == NULL);
	free(text);
	text = buf_take(&buf);
	CHECK_STR(text, "");
	free(text);
	buf_puts(&buf, "x");
	buf_clear(&buf);
	CHECK_INT(buf.cap, 0);
}

int
main(void)
{
	TEST(sentences);
	TEST(long_sentences_are_cut);
	TEST(characters_are_not_cut);
	TEST(order);
	TEST(buffers);
	return TEST_END();
}
