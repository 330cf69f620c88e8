/* SPDX-License-Identifier: ISC */
/*
 * JSON Lines. Strings are escaped so that they are also safe on a terminal:
 * control characters of C0 and C1, DEL and whatever hides or turns text leave
 * as \u escapes; on one that does not read UTF-8 all but ASCII does.
 */
#include "cli/json.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/utf8.h"

void
json_begin(struct json *json, struct buf *out)
{
	json->out = out;
	json->comma = false;
	buf_puts(out, "{");
}

void
json_end(struct json *json)
{
	buf_puts(json->out, "}\n");
}

/*
 * To a terminal that does not read UTF-8 the octets of a character may be
 * controls.
 */
static bool
can_show(uint32_t code)
{
	return !utf8_is_hidden(code) &&
	    (code < 0x80 || utf8_is_charset() || isatty(STDOUT_FILENO) == 0);
}

static void
escape(struct buf *out, uint32_t code)
{
	if (code == '"' || code == '\\')
		buf_printf(out, "\\%c", (char)code);
	else if (code == '\n')
		buf_puts(out, "\\n");
	else if (code == '\t')
		buf_puts(out, "\\t");
	else if (can_show(code))
		utf8_encode(code, out);
	else if (code < 0x10000)
		buf_printf(out, "\\u%04x", (unsigned int)code);
	else
		buf_printf(out, "\\u%04x\\u%04x",
		    (unsigned int)(0xd800 + ((code - 0x10000) >> 10)),
		    (unsigned int)(0xdc00 + ((code - 0x10000) & 0x3ff)));
}

/* The quoted string; false if U+FFFD stands for octets that were not UTF-8. */
static bool
quote(struct buf *out, const char *data, size_t len)
{
	bool valid = true;
	uint32_t code;
	size_t n;

	buf_puts(out, "\"");
	for (; len > 0; data += n, len -= n) {
		n = utf8_decode(data, len, &code);
		if (n == 0) {
			valid = false;
			code = 0xfffd;
			n = 1;
		}
		escape(out, code);
	}
	buf_puts(out, "\"");
	return valid;
}

static void
member(struct json *json, const char *name)
{
	if (json->comma)
		buf_puts(json->out, ",");
	json->comma = true;
	quote(json->out, name, strlen(name));
	buf_puts(json->out, ":");
}

void
json_string(struct json *json, const char *name, const char *data, size_t len)
{
	member(json, name);
	if (quote(json->out, data, len))
		return;
	buf_printf(json->out, ",\"%s_b64\":\"", name);
	base64_encode(data, len, json->out);
	buf_puts(json->out, "\"");
}

void
json_text(struct json *json, const char *name, const char *text)
{
	if (text != NULL) {
		json_string(json, name, text, strlen(text));
		return;
	}
	member(json, name);
	buf_puts(json->out, "null");
}

void
json_number(struct json *json, const char *name, uint64_t value)
{
	member(json, name);
	buf_printf(json->out, "%" PRIu64, value);
}

void
json_bool(struct json *json, const char *name, bool value)
{
	member(json, name);
	buf_puts(json->out, value ? "true" : "false");
}

void
json_array(struct json *json, const char *name, char *const *texts)
{
	size_t i;

	member(json, name);
	buf_puts(json->out, "[");
	for (i = 0; texts[i] != NULL; i++) {
		if (i > 0)
			buf_puts(json->out, ",");
		quote(json->out, texts[i], strlen(texts[i]));
	}
	buf_puts(json->out, "]");
}
