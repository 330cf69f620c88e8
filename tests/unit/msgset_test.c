/* SPDX-License-Identifier: ISC */
/* The grammar of message sets, accepted and refused. */
#include "base/err.h"
#include "base/msgset.h"
#include "test.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
accepted(void)
{
	static const struct {
		const char *text;
		enum msgset_kind kind;
		uint32_t first, last;
	} tests[] = {
		{ "3", MSGSET_NUMBERS, 3, 3 },
		{ "3-7", MSGSET_NUMBERS, 3, 7 },
		{ "3-3", MSGSET_NUMBERS, 3, 3 },
		{ "3-", MSGSET_NUMBERS, 3, UINT32_MAX },
		{ "4294967295", MSGSET_NUMBERS, UINT32_MAX, UINT32_MAX },
		{ "all", MSGSET_ALL, 0, 0 },
		{ "new", MSGSET_NEW, 0, 0 },
		{ "seen", MSGSET_SEEN, 0, 0 },
	};
	struct err err = ERR_INIT;
	struct msgset set = MSGSET_INIT;
	size_t i;

	for (i = 0; i < N(tests); i++) {
		CHECK_INT(msgset_add(&set, tests[i].text, &err), 0);
		CHECK_INT(set.count, 1);
		CHECK_INT(set.items[0].kind, tests[i].kind);
		CHECK_INT(set.items[0].first, tests[i].first);
		CHECK_INT(set.items[0].last, tests[i].last);
		CHECK(msgset_has(&set, tests[i].kind));
		CHECK_INT(msgset_is_specific(&set),
		    tests[i].kind == MSGSET_NUMBERS);
		msgset_clear(&set);
		CHECK_INT(set.count, 0);
	}
}

static void
refused(void)
{
	static const char *const tests[] = { "", ",", "1,", ",1", "0", "1-0",
		"0-3", "7-3", "-3", "--", "1--3", "1-2-3", "1-2x", "x", "All",
		"newer", "3 ", " 3", "+3", "4294967296", "1-4294967296",
		"99999999999999999999", "uid", "uid:", "uid:\\Mx", "1,uid:x",
		"all-", "1;2" };
	size_t i;

	for (i = 0; i < N(tests); i++) {
		struct err err = ERR_INIT;
		struct msgset set = MSGSET_INIT;
		char want[64];

		(void)snprintf(want, sizeof(want), "message set \"%s",
		    strchr(tests[i], '\\') == NULL ? tests[i] : "uid:");
		if (msgset_add(&set, tests[i], &err) != -1)
			printf("# accepted: \"%s\"\n", tests[i]);
		CHECK_INT(err.status, EX_USAGE);
		CHECK(strncmp(err.text, want, strlen(want)) == 0);
		msgset_clear(&set);
	}
}

static void
matching(void)
{
	struct err err = ERR_INIT;
	struct msgset set = MSGSET_INIT;

	CHECK_INT(msgset_add(&set, "2,5-6", &err), 0);
	CHECK_INT(msgset_add(&set, "9-", &err), 0);
	CHECK_INT(msgset_add(&set, "new", &err), 0);
	CHECK_INT(msgset_add(&set, "uid:a,b\\040\\000c", &err), 0);
	CHECK_INT(set.count, 5);
	CHECK(!msgset_matches(&set, 1, NULL, 0));
	CHECK(msgset_matches(&set, 2, NULL, 0));
	CHECK(!msgset_matches(&set, 4, "x", 1));
	CHECK(msgset_matches(&set, 6, NULL, 0));
	CHECK(!msgset_matches(&set, 8, NULL, 0));
	CHECK(msgset_matches(&set, 9, NULL, 0));
	CHECK(msgset_matches(&set, UINT32_MAX, NULL, 0));
	CHECK(msgset_matches(&set, 1, "a,b \0c", 6));
	CHECK(!msgset_matches(&set, 1, "a,b \0d", 6));
	CHECK(!msgset_matches(&set, 1, "a,b ", 4));
	CHECK(msgset_is_specific(&set));
	msgset_clear(&set);
	CHECK_INT(msgset_add(&set, "all", &err), 0);
	CHECK(msgset_matches(&set, 4, NULL, 0));
	CHECK(!msgset_is_specific(&set));
	msgset_clear(&set);
}

int
main(void)
{
	TEST(accepted);
	TEST(refused);
	TEST(matching);
	return TEST_END();
}
