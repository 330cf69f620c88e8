/* SPDX-License-Identifier: ISC */
/* Status lines, listing lines and dot-stuffed bodies, parsed where they lie. */
#include "pop3/reply.h"

#include <string.h>
#include <strings.h>

int
reply_line(const char *data, size_t len, size_t max, size_t *line_len,
    size_t *used)
{
	size_t window = len < max + 2 ? len : max + 2, n;
	const char *lf = memchr(data, '\n', window);

	if (lf == NULL)
		return len > max + 1 ? -1 : 0;
	n = (size_t)(lf - data);
	*used = n + 1;
	if (n > 0 && data[n - 1] == '\r')
		n--;
	*line_len = n;
	return n > max ? -1 : 1;
}

static bool
starts_with(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && strncasecmp(text, word, n) == 0 &&
	    (text[n - 1] == ']' || len == n || text[n] == ']' ||
		text[n] == '/');
}

/*
 * RFC 2449 section 8: the code is the first thing in the text; of one whose
 * lower level is not known the higher one counts.
 */
static enum pop3_code
response_code(const char *text, size_t len)
{
	static const struct {
		const char *word;
		enum pop3_code code;
	} codes[] = {
		{ "IN-USE", POP3_CODE_IN_USE },
		{ "LOGIN-DELAY", POP3_CODE_LOGIN_DELAY },
		{ "SYS/TEMP", POP3_CODE_SYS_TEMP },
		{ "SYS/PERM", POP3_CODE_SYS_PERM },
		{ "SYS", POP3_CODE_SYS },
		{ "AUTH", POP3_CODE_AUTH },
		{ "UTF8", POP3_CODE_UTF8 },
	};

	if (len < 2 || text[0] != '[' || memchr(text, ']', len) == NULL)
		return POP3_CODE_NONE;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (starts_with(text + 1, len - 1, codes[i].word))
			return codes[i].code;
	return POP3_CODE_OTHER;
}

int
reply_status(const char *line, size_t len, bool challenge, enum pop3_code *code,
    const char **text, size_t *text_len)
{
	int result;
	size_t n;

	*code = POP3_CODE_NONE;
	if (len >= 3 && memcmp(line, "+OK", 3) == 0) {
		result = POP3_OK;
		n = 3;
	} else if (len >= 4 && memcmp(line, "-ERR", 4) == 0) {
		result = POP3_ERR;
		n = 4;
	} else if (challenge && len >= 1 && line[0] == '+' &&
	    (len == 1 || line[1] == ' ')) {
		result = POP3_MORE;
		n = 1;
	} else {
		return -1;
	}
	if (len > n && line[n] != ' ' && line[n] != '\t')
		return -1;
	if (len > n)
		n++;
	*text = line + n;
	*text_len = len - n;
	if (result != POP3_MORE)
		*code = response_code(*text, *text_len);
	return result;
}

/*
 * A dot at the beginning of a line. 1: the end, and *used octets of it; 0: more
 * is needed; -1: a stuffed dot, or one that nobody stuffed.
 */
static int
leading_dot(const char *data, size_t len, size_t *used)
{
	if (len == 1 || (len == 2 && data[1] == '\r'))
		return 0;
	if (data[1] == '\r' && data[2] == '\n') {
		*used = 3;
		return 1;
	}
	return -1;
}

/* Move n octets from r to w and return where the next ones go. */
static char *
move(char *w, const char *r, size_t n)
{
	if (w != r)
		memmove(w, r, n);
	return w + n;
}

size_t
reply_body(struct reply_body *body, char *data, size_t len, size_t *out_len)
{
	char *r = data, *w = data, *lf;
	const char *end = data + len;
	size_t used = 0, dots = 0;

	while (r < end) {
		if (!body->inside && *r == '.') {
			int dot = leading_dot(r, (size_t)(end - r), &used);

			if (dot == 0)
				break;
			if (dot == 1) {
				body->complete = true;
				break;
			}
			r++;
			dots++;
		}
		body->inside = true;
		lf = memchr(r, '\n', (size_t)(end - r));
		if (lf == NULL) {
			/* a CR at the end waits for what follows it */
			size_t n = (size_t)(end - r) - (end[-1] == '\r');

			w = move(w, r, n);
			r += n;
			break;
		}
		if (lf > r && lf[-1] == '\r') {
			w = move(w, r, (size_t)(lf - r) - 1);
			*w++ = '\n';
			body->inside = false;
		} else {
			w = move(w, r, (size_t)(lf - r) + 1);
		}
		r = lf + 1;
	}
	*out_len = (size_t)(w - data);
	body->octets += (size_t)(r - data) - dots;
	return (size_t)(r - data) + used;
}
