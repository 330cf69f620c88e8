/* SPDX-License-Identifier: ISC */
/* UTF-8 (RFC 3629), and which characters are fit to be seen. */
#include "base/utf8.h"

#include <langinfo.h>
#include <string.h>

#include "base/buf.h"

size_t
utf8_decode(const char *data, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)data;
	size_t n, i;

	if (len == 0)
		return 0;
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
	if (n == 0 || p[0] > 0xf4 || n > len)
		return 0;
	*code = p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

bool
utf8_is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

void
utf8_cut(char *text, size_t len)
{
	uint32_t code;
	size_t n = 1;

	text[len] = '\0';
	while (
	    n < 4 && n < len && ((unsigned char)text[len - n] & 0xc0) == 0x80)
		n++;
	if (len > 0 && (unsigned char)text[len - n] >= 0xc0 &&
	    utf8_decode(text + len - n, n, &code) == 0)
		text[len - n] = '\0';
}

void
utf8_encode(uint32_t code, struct buf *out)
{
	unsigned char octets[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	size_t i;

	for (i = n - 1; i > 0; i--) {
		octets[i] = (unsigned char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	octets[0] = (unsigned char)(n == 1 ? code : (0xf00u >> n) | code);
	buf_append(out, octets, n);
}

bool
utf8_is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f },
		{ 0xad, 0xad },     /* soft hyphen */
		{ 0x034f, 0x034f }, /* grapheme joiner */
		{ 0x061c, 0x061c }, /* Arabic letter mark */
		{ 0x115f, 0x1160 }, /* fillers, and 3164, FFA0 */
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x200b, 0x200b }, /* zero width; joiners are for emoji */
		{ 0x200e, 0x200f }, /* LRM, RLM */
		{ 0x2028, 0x202e }, /* line ends, bidi embeddings */
		{ 0x2060, 0x206f }, /* invisible operators, bidi isolates */
		{ 0x3164, 0x3164 }, { 0xe000, 0xf8ff }, /* private use */
		{ 0xfdd0, 0xfdef },                     /* noncharacters */
		{ 0xfe00, 0xfe0e }, /* variation selectors; emoji keep FE0F */
		{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0xe0000, 0x10ffff }, /* tags, private use */
	};
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

bool
utf8_is_charset(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
