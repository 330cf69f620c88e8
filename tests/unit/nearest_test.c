/* SPDX-License-Identifier: ISC */
/* src/base/nearest.c: what was meant. */
#include "base/nearest.h"

#include <string.h>

#include "test.h"

static const struct {
	const char *typed, *meant; /* NULL: nothing is near */
} words[] = {
	{ "maildri", "maildir" },
	{ "maldir", "maildir" },
	{ "maildirr", "maildir" },
	{ "mxildxr", "maildir" },
	{ "mxxldxr", NULL },
	{ "fetc", "fetch" },
	{ "ftech", "fetch" },
	{ "sat", "stat" },
	{ "s", NULL },
	{ "", NULL },
	{ "xyz", NULL },
	{ "a-word-that-is-longer-than-any-word-of-ours-is", NULL },
};

static void
test_words(void)
{
	static const char *const known[] = { "maildir", "fetch", "stat",
		"state", "list" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct nearest nearest;

		nearest_begin(&nearest, words[i].typed, strlen(words[i].typed));
		for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++)
			nearest_try(&nearest, known[j]);
		CHECK_STR(nearest.word == NULL ? "" : nearest.word,
		    words[i].meant == NULL ? "" : words[i].meant);
	}
}

int
main(void)
{
	TEST(test_words);
	return TEST_END();
}
