/* SPDX-License-Identifier: ISC */
/*
 * Whole logins: CAPA, then whatever mechanism that and the options lead to.
 * Input: options, the size of pieces, then what the server says (world.h).
 */
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "fuzz.h"
#include "net/stream.h"
#include "pop3/auth.h"
#include "pop3/pop3.h"
#include "world.h"

static const char password[] = "correct horse";
static const char token[] = "ya29.battery-staple";

static char *
give_password(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return xstrdup(password);
}

static char *
give_token(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return xstrdup(token);
}

/* Is text among what was heard, as it is or in a line of base64? */
static bool
was_heard(const char *text)
{
	struct buf plain = BUF_INIT;
	size_t len;
	const char *heard = world_heard(&len), *end = heard + len, *lf;
	bool found = memmem(heard, len, text, strlen(text)) != NULL;

	for (; !found && heard < end; heard = lf + 1) {
		const char *at;

		lf = memchr(heard, '\n', (size_t)(end - heard));
		if (lf == NULL)
			break;
		/* the last word of the line */
		for (at = lf; at > heard && at[-1] != ' '; at--)
			continue;
		plain.len = 0;
		if (lf - at > 1 &&
		    base64_decode(at, (size_t)(lf - at - 1), &plain) == 0)
			found = memmem(plain.data, plain.len, text,
				    strlen(text)) != NULL;
	}
	buf_clear(&plain);
	return found;
}

static int
count(const char *word)
{
	size_t len, n = strlen(word);
	const char *at = world_heard(&len), *end = at + len;
	int found = 0;

	while ((at = memmem(at, (size_t)(end - at), word, n)) != NULL) {
		found++;
		at += n;
	}
	return found;
}

/* Was the last mechanism tried one in which the server proves itself? */
static bool
ended_in_scram(void)
{
	size_t len;
	const char *heard = world_heard(&len), *at = heard + len;

	for (; at > heard; at--)
		if (at[-1] == '\n' || at[-1] == '\377') {
			if (strncmp(at, "AUTH ", 5) == 0)
				return strncmp(at, "AUTH SCRAM-", 11) == 0;
			if (strncmp(at, "PASS ", 5) == 0 ||
			    strncmp(at, "RPOP ", 5) == 0 ||
			    strncmp(at, "APOP ", 5) == 0)
				return false;
		}
	return false;
}

static void
check_heard(const struct pop3_credentials *credentials, int result)
{
	bool may_reveal = credentials->insecure || credentials->tls;

	if (!may_reveal) {
		FUZZ_CHECK(!was_heard(password));
		FUZZ_CHECK(!was_heard(token));
	}
	FUZZ_CHECK(count("PASS ") <= 2);
	/* whoever is there does not know the password */
	FUZZ_CHECK(result == -1 || !ended_in_scram());
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const wanted[] = { NULL, "user", "apop", "rpop",
		"plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256",
		"external", "xoauth2", "oauthbearer" };
	static const struct pop3_options options = { .timeout_ms = 60000,
		.until_ms = INT64_MAX };
	struct fuzz fuzz = { data, size };
	unsigned int mode = fuzz_byte(&fuzz), split = fuzz_byte(&fuzz);
	struct pop3_credentials credentials = { .user = "user",
		.password = give_password,
		.token = mode & 0x10 ? give_token : NULL,
		.mechanism = wanted[(mode & 15) % 12],
		.tls = mode & 0x20,
		.insecure = mode & 0x40,
		.host = "pop.example.org" };
	struct err err = ERR_INIT;
	struct pop3 *pop3;
	int result;

	world_begin(fuzz.data, fuzz.len, split % 32);
	pop3 = pop3_new(stream_new(world_connect(), "peer"), &options);
	if (pop3_greeting(pop3, &err) == 0 && pop3_capa(pop3, &err) == 0) {
		result = pop3_login(pop3, &credentials, &err);
		FUZZ_CHECK(result == 0 || err.status != 0);
		check_heard(&credentials, result);
	}
	FUZZ_CHECK(world_elapsed() < 30 * 60000);
	pop3_free(pop3);
	world_end();
	return 0;
}
