/* SPDX-License-Identifier: ISC */
/* The reply parser: status lines, listing lines, bodies in any split. */
#include "pop3/reply.h"

#include <stdlib.h>

#include "test.h"

static void
status_lines(void)
{
	static const struct {
		const char *line;
		bool challenge;
		int result;
		enum pop3_code code;
		const char *text;
	} cases[] = {
		{ "+OK", false, POP3_OK, POP3_CODE_NONE, "" },
		{ "+OK ", false, POP3_OK, POP3_CODE_NONE, "" },
		{ "+OK 2 320", false, POP3_OK, POP3_CODE_NONE, "2 320" },
		{ "+OK\t2", false, POP3_OK, POP3_CODE_NONE, "2" },
		{ "-ERR", false, POP3_ERR, POP3_CODE_NONE, "" },
		{ "-ERR [IN-USE] busy", false, POP3_ERR, POP3_CODE_IN_USE,
		    "[IN-USE] busy" },
		{ "-ERR [in-use] busy", false, POP3_ERR, POP3_CODE_IN_USE,
		    "[in-use] busy" },
		{ "-ERR [LOGIN-DELAY] x", false, POP3_ERR,
		    POP3_CODE_LOGIN_DELAY, "[LOGIN-DELAY] x" },
		{ "-ERR [SYS/TEMP] x", false, POP3_ERR, POP3_CODE_SYS_TEMP,
		    "[SYS/TEMP] x" },
		{ "-ERR [SYS/PERM] x", false, POP3_ERR, POP3_CODE_SYS_PERM,
		    "[SYS/PERM] x" },
		{ "-ERR [SYS] x", false, POP3_ERR, POP3_CODE_SYS, "[SYS] x" },
		{ "-ERR [sys/odd] x", false, POP3_ERR, POP3_CODE_SYS,
		    "[sys/odd] x" },
		{ "-ERR [SYS/TEMPER] x", false, POP3_ERR, POP3_CODE_SYS,
		    "[SYS/TEMPER] x" },
		{ "-ERR [SYSTEM] x", false, POP3_ERR, POP3_CODE_OTHER,
		    "[SYSTEM] x" },
		{ "-ERR [AUTH/X] x", false, POP3_ERR, POP3_CODE_AUTH,
		    "[AUTH/X] x" },
		{ "-ERR [AUTH] no", false, POP3_ERR, POP3_CODE_AUTH,
		    "[AUTH] no" },
		{ "-ERR [AUTHX] no", false, POP3_ERR, POP3_CODE_OTHER,
		    "[AUTHX] no" },
		{ "-ERR [IN-USE busy", false, POP3_ERR, POP3_CODE_NONE,
		    "[IN-USE busy" },
		{ "-ERR see [AUTH]", false, POP3_ERR, POP3_CODE_NONE,
		    "see [AUTH]" },
		{ "+", true, POP3_MORE, POP3_CODE_NONE, "" },
		{ "+ ", true, POP3_MORE, POP3_CODE_NONE, "" },
		{ "+ YWJj", true, POP3_MORE, POP3_CODE_NONE, "YWJj" },
		{ "+", false, -1, POP3_CODE_NONE, NULL },
		{ "+ YWJj", false, -1, POP3_CODE_NONE, NULL },
		{ "+YWJj", true, -1, POP3_CODE_NONE, NULL },
		{ "+OKAY", false, -1, POP3_CODE_NONE, NULL },
		{ "-ERROR", false, -1, POP3_CODE_NONE, NULL },
		{ "+ok", false, -1, POP3_CODE_NONE, NULL },
		{ " +OK", false, -1, POP3_CODE_NONE, NULL },
		{ "", false, -1, POP3_CODE_NONE, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum pop3_code code;
		const char *text = NULL;
		size_t len = 0;
		int result = reply_status(cases[i].line, strlen(cases[i].line),
		    cases[i].challenge, &code, &text, &len);

		CHECK_INT(result, cases[i].result);
		if (result == -1)
			continue;
		CHECK_INT(code, cases[i].code);
		CHECK_MEM(text, len, cases[i].text, strlen(cases[i].text));
	}
}

static void
lines(void)
{
	size_t len, used;

	CHECK_INT(reply_line("a\r\nb", 4, 10, &len, &used), 1);
	CHECK_INT(len, 1);
	CHECK_INT(used, 3);
	CHECK_INT(reply_line("a\nb", 3, 10, &len, &used), 1);
	CHECK_INT(len, 1);
	CHECK_INT(used, 2);
	CHECK_INT(reply_line("\r\n", 2, 10, &len, &used), 1);
	CHECK_INT(len, 0);
	CHECK_INT(reply_line("abc", 3, 10, &len, &used), 0);
	CHECK_INT(reply_line("", 0, 10, &len, &used), 0);
	CHECK_INT(reply_line("abcde\r\n", 7, 5, &len, &used), 1);
	CHECK_INT(reply_line("abcdef\r\n", 8, 5, &len, &used), -1);
	CHECK_INT(reply_line("abcdefg", 7, 5, &len, &used), -1);
}

/* The rules, an octet at a time: what the fast one must agree with. */
struct slow {
	char *out;
	size_t len, used;
	bool complete;
	uint64_t octets;
};

static void
slowly(const char *wire, size_t len, struct slow *slow)
{
	size_t i = 0, n = 0;
	bool at_start = true;

	memset(slow, 0, sizeof(*slow));
	slow->out = malloc(len + 1);
	while (i < len) {
		if (at_start && wire[i] == '.') {
			if (i + 2 < len && wire[i + 1] == '\r' &&
			    wire[i + 2] == '\n') {
				slow->complete = true;
				slow->used = i + 3;
				break;
			}
			i++;
			at_start = false;
			continue;
		}
		at_start = false;
		if (wire[i] == '\r' && i + 1 < len && wire[i + 1] == '\n') {
			slow->out[n++] = '\n';
			slow->octets += 2;
			i += 2;
			at_start = true;
			continue;
		}
		slow->out[n++] = wire[i++];
		slow->octets++;
	}
	slow->len = n;
	if (!slow->complete)
		slow->used = i;
}

/* Feed wire in pieces that end at the given places, as a stream would. */
static void
fast(const char *wire, size_t len, size_t step, struct slow *got)
{
	struct reply_body body = { 0 };
	char *window = malloc(len + 1);
	size_t have = 0, fed = 0;

	memset(got, 0, sizeof(*got));
	got->out = malloc(len + 1);
	while (fed < len && !body.complete) {
		size_t n = len - fed < step ? len - fed : step, used, out;

		memcpy(window + have, wire + fed, n);
		have += n;
		fed += n;
		used = reply_body(&body, window, have, &out);
		memcpy(got->out + got->len, window, out);
		got->len += out;
		got->used += used;
		memmove(window, window + used, have - used);
		have -= used;
	}
	got->complete = body.complete;
	got->octets = body.octets;
	free(window);
}

static void
compare(const char *wire, size_t len)
{
	struct slow want, got;

	slowly(wire, len, &want);
	for (size_t step = 1; step <= len; step++) {
		fast(wire, len, step, &got);
		CHECK_INT(got.complete, want.complete);
		if (want.complete) {
			CHECK_MEM(got.out, got.len, want.out, want.len);
			CHECK_INT(got.used, want.used);
			CHECK_INT(got.octets, want.octets);
		}
		free(got.out);
	}
	free(want.out);
}

static void
bodies(void)
{
	static const struct {
		const char *wire;
		size_t len;
		const char *text;
		size_t text_len;
	} cases[] = {
#define CASE(wire, text) { wire, sizeof(wire) - 1, text, sizeof(text) - 1 }
		CASE(".\r\n", ""),
		CASE("\r\n.\r\n", "\n"),
		CASE("a\r\n.\r\n", "a\n"),
		CASE("..\r\n.\r\n", ".\n"),
		CASE("...x\r\n.\r\n", "..x\n"),
		CASE(".x\r\n.\r\n", "x\n"),
		CASE("a\r\r\n.\r\n", "a\r\n"),
		CASE("a\rb\r\n.\r\n", "a\rb\n"),
		CASE("a\n.\nb\r\n.\r\n", "a\n.\nb\n"),
		CASE("a\n.\r\nb\r\n.\r\n", "a\n.\nb\n"),
		CASE(".\rx\r\n.\r\n", "\rx\n"),
		CASE(".\n\r\n.\r\n", "\n\n"),
		CASE("\0\r\n\0.\r\n.\r\n", "\0\n\0.\n"),
		CASE("\r\r\r\n.\r\n", "\r\r\n"),
		CASE("\377\376\r\n.\r\n", "\377\376\n"),
#undef CASE
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slow got;

		fast(cases[i].wire, cases[i].len, cases[i].len, &got);
		CHECK(got.complete);
		CHECK_MEM(got.out, got.len, cases[i].text, cases[i].text_len);
		free(got.out);
		compare(cases[i].wire, cases[i].len);
	}
}

/* Every string of up to seven of the octets that matter, in every split. */
static void
all_short_bodies(void)
{
	static const char alphabet[] = ".\r\na";
	char wire[16];

	for (size_t len = 0; len <= 7; len++)
		for (size_t code = 0; code < (size_t)1 << (2 * len); code++) {
			for (size_t i = 0; i < len; i++)
				wire[i] = alphabet[code >> (2 * i) & 3];
			memcpy(wire + len, "\r\n.\r\n", 5);
			compare(wire, len + 5);
		}
}

/* What is left over is never more than two octets. */
static void
holds_back_little(void)
{
	static const char *const ends[] = { ".", ".\r", "a\r", "a\r\n.",
		"a\r\n.\r", "a" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct reply_body body = { 0 };
		char data[16];
		size_t len = strlen(ends[i]), out;

		memcpy(data, ends[i], len);
		CHECK(len - reply_body(&body, data, len, &out) <= 2);
		CHECK(!body.complete);
	}
}

int
main(void)
{
	TEST(status_lines);
	TEST(lines);
	TEST(bodies);
	TEST(all_short_bodies);
	TEST(holds_back_little);
	return TEST_END();
}
