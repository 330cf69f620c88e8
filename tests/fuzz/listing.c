/* SPDX-License-Identifier: ISC */
/*
 * STAT, LIST and UIDL: single lines against a reading with strtoumax, then
 * whole listings by pop3_list and pop3_uidl. Input: lines; the first octet
 * says what they are taken for.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "fuzz.h"
#include "net/stream.h"
#include "pop3/pop3.h"
#include "world.h"

/* Digits, at most max. NULL: none, or too many. */
static const char *
number(const char *text, uintmax_t max, uintmax_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*value = strtoumax(text, &end, 10);
	return errno != 0 || *value > max ? NULL : end;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* num and what is behind the blanks; NULL: malformed. */
static const char *
first_field(const char *text, uintmax_t *num)
{
	const char *end = number(text, UINT32_MAX, num);

	if (end == NULL || *num == 0 || (*end != '\0' && !is_blank(*end)))
		return NULL;
	return end + strspn(end, " \t");
}

static void
check_list(const struct pop3 *pop3, const char *line, size_t len)
{
	char *text = xstrndup(line, len);
	uintmax_t want_num, want_octets = 0;
	uint64_t octets = 0;
	uint32_t num = 0;
	struct err err = ERR_INIT;
	const char *rest = first_field(text, &want_num);
	int got = pop3_parse_list(pop3, line, len, &num, &octets, &err);

	if (rest != NULL)
		rest = number(rest, INT64_MAX, &want_octets);
	if (rest != NULL && *rest != '\0' && !is_blank(*rest))
		rest = NULL;
	/* a NUL ends the text but not the line */
	if (strlen(text) == len || rest == NULL || *rest != '\0')
		FUZZ_CHECK((got == 0) == (rest != NULL));
	if (got == 0)
		FUZZ_CHECK(num == want_num && octets == want_octets);
	else
		FUZZ_CHECK(err.status == EX_PROTOCOL && err.text[0] != '\0');
	free(text);
}

static void
check_uidl(const struct pop3 *pop3, const char *line, size_t len)
{
	char *text = xstrndup(line, len);
	uintmax_t want_num;
	uint32_t num = 0;
	const char *uid, *rest = first_field(text, &want_num);
	size_t uid_len;
	struct err err = ERR_INIT;
	int got = pop3_parse_uidl(pop3, line, len, &num, &uid, &uid_len, &err);

	if (got == 0) {
		FUZZ_CHECK(uid + uid_len == line + len && num == want_num);
		FUZZ_CHECK(rest != NULL && uid - line == rest - text);
	} else {
		FUZZ_CHECK(rest == NULL || strlen(text) < len);
	}
	free(text);
}

static void
check_stat(const struct pop3 *pop3, const char *line, size_t len)
{
	char *text = xstrndup(line, len);
	struct pop3_stat stat;
	struct err err = ERR_INIT;
	uintmax_t count = 0, octets = 0;
	const char *rest = text + strspn(text, " \t");

	rest = number(rest, UINT32_MAX, &count);
	if (rest != NULL && *rest == ' ')
		rest = number(rest + strspn(rest, " \t"), INT64_MAX, &octets);
	else
		rest = NULL;
	if (rest != NULL && *rest != ' ' && *rest != '\0')
		rest = NULL;
	FUZZ_CHECK(
	    (pop3_parse_stat(pop3, text, &stat, &err) == 0) == (rest != NULL));
	if (rest != NULL)
		FUZZ_CHECK(stat.count == count && stat.octets == octets);
	free(text);
}

static int
on_list(void *arg, uint32_t num, uint64_t octets, struct err *err)
{
	(void)arg;
	(void)err;
	FUZZ_CHECK(num > 0 && octets <= INT64_MAX);
	return 0;
}

static int
on_uidl(void *arg, uint32_t num, const char *uid, size_t len, struct err *err)
{
	(void)arg;
	(void)err;
	/* in any order, and whoever puts it together sees what comes twice */
	FUZZ_CHECK(num > 0 && memchr(uid, '\n', len) == NULL);
	return 0;
}

static void
whole_listing(const struct fuzz *fuzz, bool uidl)
{
	static const char greeting[] = "+OK\r\n\376+OK\r\n";
	struct pop3_options options = { .timeout_ms = 1000,
		.until_ms = INT64_MAX };
	struct buf script = BUF_INIT;
	struct err err = ERR_INIT;
	struct pop3 *pop3;

	buf_append(&script, greeting, sizeof(greeting) - 1);
	buf_append(&script, fuzz->data, fuzz->len);
	world_begin((const uint8_t *)script.data, script.len, 0);
	pop3 = pop3_new(stream_new(world_connect(), "peer"), &options);
	FUZZ_CHECK(pop3_greeting(pop3, &err) == 0);
	if (uidl)
		(void)pop3_uidl(pop3, 0, on_uidl, NULL, &err);
	else
		(void)pop3_list(pop3, 0, on_list, NULL, &err);
	pop3_free(pop3);
	world_end();
	buf_clear(&script);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pop3_options options = { .timeout_ms = 1 };
	static struct pop3 *pop3; /* to be named in sentences */
	struct fuzz fuzz = { data, size };
	unsigned int kind = fuzz_byte(&fuzz) & 3;
	char *line;
	size_t len;

	if (pop3 == NULL)
		pop3 = pop3_new(stream_new(-1, "peer"), &options);
	whole_listing(&fuzz, kind & 1);
	while (fuzz_piece(&fuzz, '\n', &line, &len)) {
		if (kind == 0)
			check_list(pop3, line, len);
		else if (kind == 1)
			check_uidl(pop3, line, len);
		else
			check_stat(pop3, line, len);
		free(line);
	}
	return 0;
}
