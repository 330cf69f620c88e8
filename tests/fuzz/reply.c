/* SPDX-License-Identifier: ISC */
/*
 * Lines and status lines, against a plain reading of the grammar. Input: the
 * longest line, whether a challenge may come, then what a server sends.
 */
#include "pop3/reply.h"

#include <string.h>
#include <strings.h>

#include "fuzz.h"

static int
slow_line(const char *data, size_t len, size_t max, size_t *line_len,
    size_t *used)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n')
			continue;
		*used = i + 1;
		*line_len = i > 0 && data[i - 1] == '\r' ? i - 1 : i;
		return *line_len > max ? -1 : 1;
	}
	return len > max + 1 ? -1 : 0;
}

/* A line once found is found in any longer input, and never before. */
static void
check_lines(const char *data, size_t len, size_t max)
{
	size_t want_len = 0, want_used = 0, line_len, used;
	int want = slow_line(data, len, max, &want_len, &want_used);

	for (size_t n = 0; n <= len; n++) {
		struct fuzz part = { (const uint8_t *)data, n };
		char *exact = fuzz_rest(&part);
		int got = reply_line(exact, n, max, &line_len, &used);

		free(exact);
		if (n == len)
			FUZZ_CHECK(got == want);
		FUZZ_CHECK(got == 0 || got == want);
		if (got == 1)
			FUZZ_CHECK(line_len == want_len && used == want_used);
	}
}

static enum pop3_code
slow_code(const char *text, size_t len)
{
	static const char *const words[] = { [POP3_CODE_IN_USE] = "IN-USE",
		[POP3_CODE_LOGIN_DELAY] = "LOGIN-DELAY",
		[POP3_CODE_SYS_TEMP] = "SYS/TEMP",
		[POP3_CODE_SYS_PERM] = "SYS/PERM",
		[POP3_CODE_SYS] = "SYS",
		[POP3_CODE_AUTH] = "AUTH",
		[POP3_CODE_UTF8] = "UTF8" };
	const char *end;
	size_t n;

	if (len == 0 || text[0] != '[')
		return POP3_CODE_NONE;
	end = memchr(text, ']', len);
	if (end == NULL)
		return POP3_CODE_NONE;
	n = (size_t)(end - text) - 1;
	for (int i = POP3_CODE_IN_USE; i <= POP3_CODE_UTF8; i++) {
		size_t word = strlen(words[i]);

		if (n >= word && strncasecmp(text + 1, words[i], word) == 0 &&
		    (n == word || text[1 + word] == '/'))
			return (enum pop3_code)i;
	}
	return POP3_CODE_OTHER;
}

static void
check_status(const char *line, size_t len, bool challenge)
{
	static const char *const words[] = { "+OK", "-ERR", "+" };
	static const int results[] = { POP3_OK, POP3_ERR, POP3_MORE };
	enum pop3_code code;
	const char *text = NULL;
	size_t text_len = 0, n;
	int got, want = -1;

	got = reply_status(line, len, challenge, &code, &text, &text_len);
	for (int i = 0; i < 2 + challenge && want == -1; i++) {
		n = strlen(words[i]);
		if (len < n || memcmp(line, words[i], n) != 0)
			continue;
		if (len == n || line[n] == ' ' || (i < 2 && line[n] == '\t'))
			want = results[i];
	}
	FUZZ_CHECK(got == want);
	if (got == -1)
		return;
	FUZZ_CHECK(text + text_len == line + len);
	FUZZ_CHECK(text_len + n + 1 == len || (text_len == 0 && n == len));
	FUZZ_CHECK(code ==
	    (got == POP3_MORE ? POP3_CODE_NONE : slow_code(text, text_len)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	size_t max = fuzz_byte(&fuzz), line_len, used;
	bool challenge = fuzz_byte(&fuzz) & 1;
	char *rest = fuzz_rest(&fuzz);

	if (fuzz.len <= 512)
		check_lines(rest, fuzz.len, max);
	if (reply_line(rest, fuzz.len, REPLY_STATUS_MAX, &line_len, &used) ==
	    1) {
		fuzz.len = line_len;
		free(rest);
		rest = fuzz_rest(&fuzz);
	}
	check_status(rest, fuzz.len, challenge);
	free(rest);
	return 0;
}
