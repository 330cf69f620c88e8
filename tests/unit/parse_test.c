/* SPDX-License-Identifier: ISC */
/* Numbers, sizes, ages, hexadecimal and base64. */
#include "base/base64.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/parse.h"
#include "test.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
numbers(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		size_t used;
		uint64_t value;
	} tests[] = {
		{ "0", UINT64_MAX, 1, 0 },
		{ "12 34", UINT64_MAX, 2, 12 },
		{ "007x", UINT64_MAX, 3, 7 },
		{ "", UINT64_MAX, 0, 0 },
		{ " 1", UINT64_MAX, 0, 0 },
		{ "-1", UINT64_MAX, 0, 0 },
		{ "+1", UINT64_MAX, 0, 0 },
		{ "18446744073709551615", UINT64_MAX, 20, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, 0, 0 },
		{ "99999999999999999999999", UINT64_MAX, 0, 0 },
		{ "4294967295", UINT32_MAX, 10, UINT32_MAX },
		{ "4294967296", UINT32_MAX, 0, 0 },
		{ "10", 10, 2, 10 },
		{ "11", 10, 0, 0 },
		{ "5", 3, 0, 0 },
		{ "1", 0, 0, 0 },
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < N(tests); i++) {
		value = 0;
		CHECK_INT(parse_u64(tests[i].text, strlen(tests[i].text),
			      tests[i].max, &value),
		    tests[i].used);
		CHECK(value == tests[i].value);
	}
	/* only len octets are looked at */
	CHECK_INT(parse_u64("1234", 2, UINT64_MAX, &value), 2);
	CHECK_INT(value, 12);
}

static void
sizes_and_ages(void)
{
	static const struct {
		const char *text;
		int size_result;
		uint64_t octets;
		int age_result;
		uint64_t seconds;
	} tests[] = {
		{ "0", 0, 0, -1, 0 },
		{ "10k", 0, 10240, -1, 0 },
		{ "5M", 0, 5 << 20, -1, 0 },
		{ "5m", 0, 5 << 20, 0, 300 },
		{ "1G", 0, 1 << 30, -1, 0 },
		{ "30d", -1, 0, 0, 2592000 },
		{ "12h", -1, 0, 0, 43200 },
		{ "2w", -1, 0, 0, 1209600 },
		{ "", -1, 0, -1, 0 },
		{ "k", -1, 0, -1, 0 },
		{ "1kk", -1, 0, -1, 0 },
		{ "1 k", -1, 0, -1, 0 },
		{ "-1k", -1, 0, -1, 0 },
		{ "1.5k", -1, 0, -1, 0 },
		{ "17179869184G", -1, 0, -1, 0 },
		{ "18446744073709551615w", -1, 0, -1, 0 },
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < N(tests); i++) {
		value = 0;
		CHECK_INT(parse_size(tests[i].text, &value),
		    tests[i].size_result);
		CHECK(value == tests[i].octets);
		value = 0;
		CHECK_INT(parse_age(tests[i].text, &value),
		    tests[i].age_result);
		CHECK(value == tests[i].seconds);
	}
}

static void
hex(void)
{
	unsigned char data[3] = { 0 };
	char text[7];

	CHECK_INT(parse_hex("00ff1a", 6, data, 3), 0);
	CHECK_MEM(data, 3, "\x00\xff\x1a", 3);
	format_hex(data, 3, text);
	CHECK_STR(text, "00ff1a");
	CHECK_INT(parse_hex("00FF1a", 6, data, 3), -1);
	CHECK_INT(parse_hex("00ff1", 5, data, 3), -1);
	CHECK_INT(parse_hex("00ff", 4, data, 3), -1);
	CHECK_INT(parse_hex("00fg1a", 6, data, 3), -1);
}

/* RFC 4648 section 10. */
static void
base64(void)
{
	static const char *const plain[] = { "", "f", "fo", "foo", "foob",
		"fooba", "foobar" };
	static const char *const coded[] = { "", "Zg==", "Zm8=", "Zm9v",
		"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const wrong[] = { "Zg=", "Zm9v!", "=", "Z",
		"Zg==Zg==", "Zm 9v", " Zm9v", "Zm9v ", "Zm9v\t", "Zm9v-Zm9v",
		"-", "Zm9-", "Zm_v", "Zm9v\r\n", "Zm\n9v" };
	struct buf buf = BUF_INIT;
	size_t i;

	for (i = 0; i < N(plain); i++) {
		buf.len = 0;
		base64_encode(plain[i], strlen(plain[i]), &buf);
		CHECK_STR(buf_text(&buf), coded[i]);
		buf.len = 0;
		CHECK_INT(base64_decode(coded[i], strlen(coded[i]), &buf), 0);
		CHECK_STR(buf_text(&buf), plain[i]);
	}
	for (i = 0; i < N(wrong); i++)
		CHECK_INT(base64_decode(wrong[i], strlen(wrong[i]), &buf), -1);
	buf_clear(&buf);
}

static void
deadlines(void)
{
	int64_t now = deadline_now();

	CHECK(deadline_after(-1) == DEADLINE_NEVER);
	CHECK(deadline_after(INT64_MAX) == DEADLINE_NEVER);
	CHECK(deadline_after(1000) >= now + 1000);
	CHECK(deadline_earlier(3, DEADLINE_NEVER) == 3);
	CHECK(deadline_earlier(DEADLINE_NEVER, 3) == 3);
	CHECK_INT(deadline_poll(DEADLINE_NEVER), -1);
	CHECK_INT(deadline_poll(now - 1), 0);
	CHECK_INT(deadline_poll(DEADLINE_NEVER - 1), INT32_MAX);
	CHECK(deadline_poll(now + 60000) > 50000);
}

int
main(void)
{
	TEST(numbers);
	TEST(sizes_and_ages);
	TEST(hex);
	TEST(base64);
	TEST(deadlines);
	return TEST_END();
}
