/* SPDX-License-Identifier: ISC */
/*
 * Challenges of a server to each mechanism of GNU SASL, and what OAuth says.
 * Input: the mechanism, then challenges, a line each; in them "%" stands for
 * the nonce that the client chose.
 */
#include "pop3/sasl.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "fuzz.h"
#include "pop3/oauth.h"

static const char *const mechanisms[] = { "SCRAM-SHA-256", "SCRAM-SHA-1",
	"SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL" };

/* Work that may be asked for, but would take too long here. */
static int
is_slow(const struct buf *challenge)
{
	const char *at = challenge->data, *end = at + challenge->len;

	for (; at < end; at++) {
		uint64_t n = 0;

		if (*at != 'i')
			continue;
		for (const char *p = at + 1; p < end; p++)
			if (*p >= '0' && *p <= '9' && n < INT32_MAX)
				n = n * 10 + (uint64_t)(*p - '0');
			else if (n > 0)
				break;
		if (n > 100 && n <= SASL_ITERATIONS_MAX)
			return 1;
	}
	return 0;
}

static void
put_challenge(struct buf *out, const char *line, size_t len, const char *nonce)
{
	out->len = 0;
	for (size_t i = 0; i < len; i++) {
		if (line[i] == '%')
			buf_puts(out, nonce);
		else
			buf_append(out, line + i, 1);
	}
	(void)buf_text(out); /* so that data is there */
}

/* "n,,n=user,r=NONCE": the client's first message. */
static void
keep_nonce(const struct buf *response, char *nonce, size_t size)
{
	const char *at = memmem(response->data, response->len, ",r=", 3);

	if (at != NULL)
		snprintf(nonce, size, "%.*s",
		    (int)(response->data + response->len - at - 3), at + 3);
}

static void
converse(struct sasl *sasl, struct fuzz fuzz, int proves)
{
	struct buf challenge = BUF_INIT, response = BUF_INIT;
	struct err err = ERR_INIT;
	char nonce[128] = "", *line = xstrdup("");
	size_t len = 0;
	int result = 1;

	do {
		put_challenge(&challenge, line, len, nonce);
		free(line);
		line = NULL;
		if (is_slow(&challenge))
			break;
		response.len = 0;
		result = sasl_step(sasl, buf_text(&challenge), challenge.len,
		    &response, &err);
		/* nobody here knows the password */
		FUZZ_CHECK(result != 0 || !proves);
		FUZZ_CHECK(result != -1 || err.text[0] != '\0');
		if (nonce[0] == '\0' && response.len > 0)
			keep_nonce(&response, nonce, sizeof(nonce));
	} while (result == 1 && fuzz_piece(&fuzz, '\n', &line, &len));
	free(line);
	buf_clear(&challenge);
	buf_clear(&response);
}

static void
check_oauth(const struct fuzz *fuzz)
{
	static const char *const names[] = { "XOAUTH2", "OAUTHBEARER" };
	char *text = fuzz_string(fuzz);
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < 4; i++) {
		size_t fields = 0;

		out.len = 0;
		if (oauth_message(names[i & 1], i & 2 ? text : "user", NULL,
			"host", i & 2 ? "token" : text, &out, &err) == -1)
			continue;
		for (size_t n = 0; n < out.len; n++)
			fields += out.data[n] == '\001';
		FUZZ_CHECK(fields == (i & 1 ? 4 : 3));
	}
	buf_clear(&out);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	unsigned int mode = fuzz_byte(&fuzz) %
	    (unsigned int)(sizeof(mechanisms) / sizeof(mechanisms[0]));
	struct sasl_options options = { .mechanism = mechanisms[mode],
		.user = "user",
		.password = "secret",
		.host = "pop.example.org",
		.binding_type = "tls-exporter",
		.binding = "0123456789abcdef",
		.binding_len = 16 };
	struct err err = ERR_INIT;
	struct sasl *sasl = sasl_new(&options, &err);

	FUZZ_CHECK(sasl != NULL);
	converse(sasl, fuzz, mode < 3);
	sasl_free(sasl);
	check_oauth(&fuzz);
	return 0;
}
