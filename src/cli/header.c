/* SPDX-License-Identifier: ISC */
/*
 * Header fields for people.
 *	encoded-word = "=?" charset [ "*" language ] "?" ( "B" | "Q" ) "?"
 *	    text "?="					(RFC 2047, 2231)
 * Words side by side in the same charset are joined before they are converted:
 * many mailers split a character between two of them.
 */
#include "cli/header.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "cli/charset.h"

#define CHARSET_MAX 64
#define WORD_MAX 4096 /* the RFC says 75 */
/* Charsets opened for one field; what is in further ones stays encoded. */
#define OPENS_MAX 16

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
header_field(const char *text, size_t len, const char *name, struct buf *out)
{
	size_t name_len = strlen(name), line_len, start;
	const char *end;
	bool found = false;

	for (; len > 0; text += line_len, len -= line_len) {
		end = memchr(text, '\n', len);
		line_len = end == NULL ? len : (size_t)(end - text) + 1;
		if (*text == '\n' || (*text == '\r' && line_len == 2))
			break;
		if (found && *text != ' ' && *text != '\t')
			break;
		start = 0;
		if (!found) {
			if (line_len <= name_len ||
			    strncasecmp(text, name, name_len) != 0)
				continue;
			start = name_len;
			while (start < line_len && is_blank(text[start]))
				start++;
			if (start == line_len || text[start++] != ':')
				continue;
			found = true;
			while (start < line_len && is_blank(text[start]))
				start++;
		}
		buf_append(out, text + start, line_len - start);
		while (out->len > 0 && is_blank(out->data[out->len - 1]))
			out->len--;
	}
	return found;
}

/*
 * The first "?=" at or after from, or where the text ends: searched for once,
 * however many words begin in front of it.
 */
struct ends {
	const char *from, *end; /* NULL: not known */
};

/* What has been decoded and waits for conversion from charset. */
struct words {
	char charset[CHARSET_MAX]; /* "": nothing waits */
	struct buf octets;
	struct ends ends;
	int opens; /* charsets that may still be opened */
};

static void
words_flush(struct words *words, struct buf *out)
{
	if (words->charset[0] != '\0' && words->octets.len > 0)
		charset_convert(words->charset, words->octets.data,
		    words->octets.len, out);
	words->charset[0] = '\0';
	words->octets.len = 0;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static void
decode_q(const char *text, size_t len, struct buf *out)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = text[i];
		if (c == '_')
			c = ' ';
		else if (c == '=' && len - i > 2 && hex(text[i + 1]) >= 0 &&
		    hex(text[i + 2]) >= 0) {
			c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		}
		buf_append(out, &c, 1);
	}
}

/*
 * Padding ends it, other octets are passed over, as RFC 2045 has it
 * (base64_decode() is strict).
 */
static void
decode_b(const char *text, size_t len, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	int count = 0;
	const char *digit;
	char c;

	for (; len > 0 && *text != '='; text++, len--) {
		if (*text == '\0' || (digit = strchr(digits, *text)) == NULL)
			continue;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		c = (char)(bits >> count & 0xff);
		buf_append(out, &c, 1);
	}
}

/* A charset's name that iconv may see: no "//IGNORE", no path. */
static bool
charset_copy(char charset[CHARSET_MAX], const char *text, size_t len)
{
	const char *star = memchr(text, '*', len);
	size_t i;

	if (star != NULL)
		len = (size_t)(star - text);
	if (len == 0 || len >= CHARSET_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii((unsigned char)text[i]) ||
		    (!isalnum((unsigned char)text[i]) &&
			strchr("-_.:+", text[i]) == NULL))
			return false;
	memcpy(charset, text, len);
	charset[len] = '\0';
	return true;
}

/* Where an encoded word's parts are: "=?CHARSET?E?TEXT?=". */
struct parts {
	size_t charset_len, text_at, text_len, len;
	char encoding;
};

/* The first "?=" at or after at; limit: there is none. */
static const char *
next_end(struct ends *ends, const char *at, const char *limit)
{
	const char *end = at;

	if (ends->end != NULL && at >= ends->from && at <= ends->end)
		return ends->end;
	/* a bare "?" in the text is met in the wild */
	while ((end = memchr(end, '?', (size_t)(limit - end))) != NULL)
		if (++end < limit && *end == '=')
			break;
	ends->from = at;
	ends->end = end == NULL ? limit : end - 1;
	return ends->end;
}

/* Has data the shape of an encoded word in front? */
static bool
split(const char *data, size_t len, struct ends *ends, struct parts *parts)
{
	const char *mark, *end;

	if (len < 8 || data[0] != '=' || data[1] != '?')
		return false;
	mark = memchr(data + 2, '?', len - 2);
	if (mark == NULL || data + len - mark < 5 || mark[2] != '?' ||
	    (mark[1] != 'b' && mark[1] != 'B' && mark[1] != 'q' &&
		mark[1] != 'Q'))
		return false;
	end = next_end(ends, mark + 3, data + len);
	if (end == data + len || end - data > WORD_MAX - 2)
		return false;
	parts->encoding = (char)toupper((unsigned char)mark[1]);
	parts->charset_len = (size_t)(mark - data) - 2;
	parts->text_at = (size_t)(mark - data) + 3;
	parts->len = (size_t)(end - data) + 2;
	parts->text_len = parts->len - 2 - parts->text_at;
	return true;
}

/*
 * An encoded word at the front of data: decoded into words, and how long it is;
 * 0: there is none, or none that we can read.
 */
static size_t
word(const char *data, size_t len, struct words *words, struct buf *out)
{
	char charset[CHARSET_MAX];
	struct parts parts;

	if (!split(data, len, &words->ends, &parts) ||
	    !charset_copy(charset, data + 2, parts.charset_len))
		return 0;
	if (strcasecmp(charset, words->charset) != 0) {
		if (!charset_known(charset, &words->opens))
			return 0;
		words_flush(words, out);
		memcpy(words->charset, charset, sizeof(charset));
	}
	if (parts.encoding == 'Q')
		decode_q(data + parts.text_at, parts.text_len, &words->octets);
	else
		decode_b(data + parts.text_at, parts.text_len, &words->octets);
	return parts.len;
}

void
header_decode(const char *value, size_t len, struct buf *out)
{
	struct words words = { "", BUF_INIT, { NULL, NULL }, OPENS_MAX };
	bool after_word = false;
	size_t n, blanks;

	while (len > 0) {
		/* blanks between two words are not part of the text */
		for (blanks = 0; after_word && blanks < len; blanks++)
			if (!is_blank(value[blanks]))
				break;
		n = word(value + blanks, len - blanks, &words, out);
		after_word = n > 0;
		if (n == 0) {
			words_flush(&words, out);
			buf_append(out, value, 1);
			blanks = 0;
			n = 1;
		}
		value += blanks + n;
		len -= blanks + n;
	}
	words_flush(&words, out);
	buf_clear(&words.octets);
}

/* The parts of an address, quoting removed. */
struct address {
	struct buf phrase, comment, angle;
	bool has_angle;
};

/* A "quoted string", (comment) or <route>: up to close; its length. */
static size_t
enclosed(const char *data, size_t len, char close, struct buf *out)
{
	char open = data[0];
	size_t i, depth = 1;

	for (i = 1; i < len; i++) {
		if (data[i] == '\\' && close != '>' && i + 1 < len)
			i++;
		else if (data[i] == close) {
			if (--depth == 0)
				return i + 1;
		} else if (close == ')' && data[i] == open)
			depth++;
		buf_append(out, data + i, 1);
	}
	return len;
}

static void
address_split(const char *value, size_t len, struct address *address)
{
	struct ends ends = { NULL, NULL };
	struct parts parts;
	size_t n;

	for (; len > 0; value += n, len -= n) {
		n = 1;
		/*
		 * RFC 2047 section 5 forbids encoded words in quotes. As many
		 * programs write them, they are decoded all the same.
		 */
		if (*value == '"')
			n = enclosed(value, len, '"', &address->phrase);
		else if (*value == '(')
			n = enclosed(value, len, ')', &address->comment);
		else if (*value == '<') {
			enclosed(value, len, '>', &address->angle);
			address->has_angle = true;
			return;
		} else if (*value == ',') {
			if (address->phrase.len > 0)
				return;
		} else {
			/* unencoded commas and quotes do occur in words */
			if (split(value, len, &ends, &parts))
				n = parts.len;
			buf_append(&address->phrase, value, n);
		}
	}
}

/* Without blanks around it, decoded; false: nothing is left. */
static bool
put_trimmed(const struct buf *part, struct buf *out)
{
	size_t start = 0, end = part->len;

	while (start < end && is_blank(part->data[start]))
		start++;
	while (end > start && is_blank(part->data[end - 1]))
		end--;
	if (start == end)
		return false;
	header_decode(part->data + start, end - start, out);
	return true;
}

void
header_sender(const char *value, size_t len, struct buf *out)
{
	struct address address = { BUF_INIT, BUF_INIT, BUF_INIT, false };

	address_split(value, len, &address);
	if (address.has_angle) {
		if (!put_trimmed(&address.phrase, out) &&
		    !put_trimmed(&address.angle, out))
			put_trimmed(&address.comment, out);
	} else if (!put_trimmed(&address.comment, out))
		put_trimmed(&address.phrase, out);
	buf_clear(&address.phrase);
	buf_clear(&address.comment);
	buf_clear(&address.angle);
}
