/* SPDX-License-Identifier: ISC */
/*
 * What list --long and top make of a header: fields, encoded words, names,
 * dates, and text that is safe to show. Input: a header.
 */
#include "cli/header.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cli/json.h"
#include "cli/text.h"
#include "fuzz.h"

/* Printable UTF-8 and nothing else. */
static void
check_shown(const char *data, size_t len)
{
	uint32_t code;
	size_t n;

	for (; len > 0; data += n, len -= n) {
		n = utf8_decode(data, len, &code);
		FUZZ_CHECK(n > 0 && code >= 0x20 && code != 0x7f);
		FUZZ_CHECK(code < 0x80 || code > 0x9f);
		FUZZ_CHECK(!utf8_is_hidden(code));
	}
}

static void
show(const struct buf *text)
{
	struct buf out = BUF_INIT, fitted = BUF_INIT;
	struct json json;
	char *safe;

	text_safe(text->data, text->len, &out);
	check_shown(out.data, out.len);
	text_fit(buf_text(&out), 20, &fitted);
	out.len = 0;
	json_begin(&json, &out);
	json_string(&json, "text", text->data, text->len);
	json_end(&json);
	FUZZ_CHECK(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
	safe = log_safe(text->data, text->len);
	for (const char *p = safe; *p != '\0'; p++)
		FUZZ_CHECK(*p >= 0x20 && *p < 0x7f);
	free(safe);
	buf_clear(&out);
	buf_clear(&fitted);
}

static void
check_date(const char *value, size_t len)
{
	time_t when;

	/* years 0 to 9999, give or take a zone */
	if (header_date(value, len, &when))
		FUZZ_CHECK(when >= -62167651200 && when <= 253402732800);
}

static void
check_value(const char *value, size_t len)
{
	struct buf out = BUF_INIT;

	(void)buf_text(&out);
	header_decode(value, len, &out);
	show(&out);
	out.len = 0;
	header_sender(value, len, &out);
	show(&out);
	buf_clear(&out);
	check_date(value, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "Subject", "From", "Date" };
	struct fuzz fuzz = { data, size };
	char *text = fuzz_rest(&fuzz);
	struct buf field = BUF_INIT;

	check_value(text, size);
	for (size_t i = 0; i < 3; i++) {
		field.len = 0;
		if (!header_field(text, size, names[i], &field))
			continue;
		/* exactly as long as it is */
		fuzz.data = (const uint8_t *)buf_text(&field);
		fuzz.len = field.len;
		free(text);
		text = fuzz_rest(&fuzz);
		check_value(text, field.len);
		free(text);
		fuzz.data = data;
		fuzz.len = size;
		text = fuzz_rest(&fuzz);
	}
	buf_clear(&field);
	free(text);
	return 0;
}
