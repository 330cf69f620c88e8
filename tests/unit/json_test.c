/* SPDX-License-Identifier: ISC */
/* JSON Lines: cli/json.c. */
#include "unit/test.h"

#include "base/buf.h"
#include "cli/json.h"

static struct buf out;
static struct json json;

static void
string(const char *data, size_t len, const char *want)
{
	out.len = 0;
	json_begin(&json, &out);
	json_string(&json, "s", data, len);
	json_end(&json);
	CHECK_STR(buf_text(&out), want);
}

static void
test_members(void)
{
	char a[] = "a", b[] = "\xff";
	char *const texts[] = { a, b, NULL };

	out.len = 0;
	json_begin(&json, &out);
	json_text(&json, "account", "work");
	json_text(&json, "error", NULL);
	json_number(&json, "octets", UINT64_MAX);
	json_bool(&json, "yes", true);
	json_bool(&json, "no", false);
	json_array(&json, "list", texts);
	json_array(&json, "none", texts + 2);
	json_end(&json);
	CHECK_STR(buf_text(&out),
	    "{\"account\":\"work\",\"error\":null,"
	    "\"octets\":18446744073709551615,\"yes\":true,\"no\":false,"
	    "\"list\":[\"a\",\"\xef\xbf\xbd\"],\"none\":[]}\n");
	out.len = 0;
	json_begin(&json, &out);
	json_end(&json);
	CHECK_STR(buf_text(&out), "{}\n");
}

static void
test_escapes(void)
{
	string("", 0, "{\"s\":\"\"}\n");
	string("a\"b\\c\nd\te/", 10, "{\"s\":\"a\\\"b\\\\c\\nd\\te/\"}\n");
	string("\0\033\177", 3, "{\"s\":\"\\u0000\\u001b\\u007f\"}\n");
	/* C1, a bidi override, a tag */
	string("\xc2\x9b", 2, "{\"s\":\"\\u009b\"}\n");
	string("\xe2\x80\xae", 3, "{\"s\":\"\\u202e\"}\n");
	string("\xf3\xa0\x80\x81", 4, "{\"s\":\"\\udb40\\udc01\"}\n");
	string("\xc3\xa9\xf0\x9f\x98\x80", 6,
	    "{\"s\":\"\xc3\xa9\xf0\x9f\x98\x80\"}\n");
}

static void
test_invalid(void)
{
	string("a\xff", 2, "{\"s\":\"a\xef\xbf\xbd\",\"s_b64\":\"Yf8=\"}\n");
	string("\xc3", 1, "{\"s\":\"\xef\xbf\xbd\",\"s_b64\":\"ww==\"}\n");
	/* overlong, a surrogate */
	string("\xc0\x80", 2,
	    "{\"s\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"s_b64\":\"wIA=\"}\n");
	string("\xed\xa0\x80", 3,
	    "{\"s\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
	    "\"s_b64\":\"7aCA\"}\n");
	/* U+FFFD itself is valid */
	string("\xef\xbf\xbd", 3, "{\"s\":\"\xef\xbf\xbd\"}\n");
}

int
main(void)
{
	TEST(test_members);
	TEST(test_escapes);
	TEST(test_invalid);
	buf_clear(&out);
	return TEST_END();
}
