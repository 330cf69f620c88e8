/* SPDX-License-Identifier: ISC */
/*
 * SASL exchanges: against the vectors of RFC 5802 and RFC 7677, against GNU
 * SASL's own server side, and against servers that cheat.
 */
#include <gsasl.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "pop3/oauth.h"
#include "pop3/sasl.h"
#include "test.h"

#define BINDING "bindingbindingbindingbindingbind"
#define NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define BOTH NONCE "3rfcNHYJY1ZVvWVs7j"

/*
 * In place of the library's: the client's nonce is RFC 5802's while fixed is
 * set. (RFC 7677's has another length than GNU SASL makes; its salt, user and
 * password are used with this nonce, and the proof is from an implementation
 * that reproduces RFC 7677's own.)
 */
static int fixed;

int
gsasl_nonce(char *data, size_t len)
{
	struct buf nonce = BUF_INIT;

	if (!fixed)
		return gsasl_random(data, len);
	(void)base64_decode(NONCE, strlen(NONCE), &nonce);
	memset(data, 0, len);
	memcpy(data, nonce.data, nonce.len < len ? nonce.len : len);
	buf_clear(&nonce);
	return GSASL_OK;
}

static struct err err;

static struct sasl *
client(const char *mechanism, const char *password)
{
	struct sasl_options options = { .mechanism = mechanism,
		.user = "user",
		.password = password,
		.host = "pop.example.org",
		.binding_type = "tls-exporter",
		.binding = BINDING,
		.binding_len = strlen(BINDING) };
	struct sasl *sasl;

	err = (struct err)ERR_INIT;
	sasl = sasl_new(&options, &err);
	CHECK(sasl != NULL);
	return sasl;
}

static int
step(struct sasl *sasl, const char *challenge, struct buf *out)
{
	out->len = 0;
	err = (struct err)ERR_INIT;
	return sasl_step(sasl, challenge, strlen(challenge), out, &err);
}

static void
vectors(void)
{
	static const struct {
		const char *mechanism, *first, *server_first, *final,
		    *server_final;
	} tests[] = {
		{ "SCRAM-SHA-1", "n,,n=user,r=" NONCE,
		    "r=" BOTH ",s=QSXCR+Q6sek8bf92,i=4096",
		    "c=biws,r=" BOTH ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
		{ "SCRAM-SHA-256", "n,,n=user,r=" NONCE,
		    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		    "c=biws,r=" BOTH
		    ",p=khPunbEN1bS6ZR10eQcjEAYZW+T9aSBx7y/UMYTjXdk=",
		    "v=PUZ0/urxX86eGWh/paDV5XxNJSa1/ISFj3iCA2BxaT0=" },
		{ "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=" NONCE,
		    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		    "c=cD10bHMtZXhwb3J0ZXIsLGJpbmRpbmdiaW5kaW5nYmluZGluZ2Jp"
		    "bmRpbmdiaW5k,r=" BOTH
		    ",p=6x8adkmI5Tn8WCZhfuIZ/SXtOFDJFPAI4Chx4fU/rv4=",
		    "v=/IbBmcP/EK0XU1UeKD8nBD3JDgHx/wWZHp0RJlEpxno=" },
	};
	struct buf out = BUF_INIT;
	size_t i;

	fixed = 1;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct sasl *sasl = client(tests[i].mechanism, "pencil");

		CHECK_INT(step(sasl, "", &out), 1);
		CHECK_STR(buf_text(&out), tests[i].first);
		CHECK_INT(step(sasl, tests[i].server_first, &out), 1);
		CHECK_STR(buf_text(&out), tests[i].final);
		CHECK_INT(step(sasl, tests[i].server_final, &out), 0);
		CHECK_INT(out.len, 0);
		CHECK_INT(step(sasl, tests[i].server_final, &out), -1);
		sasl_free(sasl);
	}
	fixed = 0;
	buf_clear(&out);
}

/* What a server may do wrong after a good client-first-message. */
static void
cheats(void)
{
	static const struct {
		const char *server_first, *server_final;
		int status;
		const char *want;
	} tests[] = {
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		    "v=PUZ0/urxX86eGWh/paDV5XxNJSa1/ISFj3iCA2BxaT1=",
		    EX_PROTOCOL, NULL },
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", EX_PROTOCOL, NULL },
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		    "e=invalid-proof\033", EX_NOPERM,
		    "SCRAM-SHA-256 was refused: invalid-proof\\^[" },
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "",
		    EX_PROTOCOL, NULL },
		{ "r=another" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", NULL,
		    EX_PROTOCOL, NULL },
		{ "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==", NULL, EX_PROTOCOL,
		    NULL },
		{ "", NULL, EX_PROTOCOL, NULL },
		/* an extension that would have to be understood */
		{ "m=x,r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", NULL,
		    EX_PROTOCOL, NULL },
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001", NULL,
		    EX_PROTOCOL,
		    "the server asks for more iterations of SCRAM-SHA-256 "
		    "than 1000000, or for none" },
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,"
		  "i=99999999999999999999999",
		    NULL, EX_PROTOCOL,
		    "the server asks for more iterations of SCRAM-SHA-256 "
		    "than 1000000, or for none" },
		{ "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0", NULL,
		    EX_PROTOCOL,
		    "the server asks for more iterations of SCRAM-SHA-256 "
		    "than 1000000, or for none" },
	};
	struct buf out = BUF_INIT;
	size_t i;

	fixed = 1;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct sasl *sasl = client("SCRAM-SHA-256", "pencil");
		int result;

		CHECK_INT(step(sasl, "", &out), 1);
		result = step(sasl, tests[i].server_first, &out);
		if (tests[i].server_final != NULL) {
			CHECK_INT(result, 1);
			result = step(sasl, tests[i].server_final, &out);
		}
		if (result != -1)
			printf("# believed: %zu\n", i);
		CHECK_INT(result, -1);
		CHECK_INT(err.status, tests[i].status);
		if (tests[i].want != NULL)
			CHECK_STR(err.text, tests[i].want);
		sasl_free(sasl);
	}
	fixed = 0;
	buf_clear(&out);
}

static const char *server_binding;

static int
server_asks(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	const char *text;

	(void)library;
	switch (property) {
	case GSASL_PASSWORD:
		gsasl_property_set(session, property, "pencil");
		return GSASL_OK;
	case GSASL_CB_TLS_EXPORTER:
		if (server_binding == NULL)
			return GSASL_NO_CALLBACK;
		gsasl_property_set(session, property, server_binding);
		return GSASL_OK;
	case GSASL_VALIDATE_EXTERNAL:
		text = gsasl_property_fast(session, GSASL_AUTHZID);
		return text != NULL && strcmp(text, "user") == 0 ?
		    GSASL_OK :
		    GSASL_AUTHENTICATION_ERROR;
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* Let both sides talk; 1 if both believe each other. */
static int
converse(const char *mechanism, const char *password)
{
	struct sasl *sasl = client(mechanism, password);
	struct buf out = BUF_INIT;
	Gsasl *library;
	Gsasl_session *session;
	char *challenge = NULL;
	size_t len = 0;
	int server, more = 1, rounds = 0;
	int first = strcmp(mechanism, "LOGIN") != 0 &&
	    strcmp(mechanism, "CRAM-MD5") != 0;

	CHECK_INT(gsasl_init(&library), GSASL_OK);
	gsasl_callback_set(library, server_asks);
	CHECK_INT(gsasl_server_start(library, mechanism, &session), GSASL_OK);
	if (first)
		more = sasl_step(sasl, "", 0, &out, &err);
	do {
		server =
		    gsasl_step(session, out.data, out.len, &challenge, &len);
		if (server != GSASL_OK && server != GSASL_NEEDS_MORE)
			break;
		out.len = 0;
		if (more == 1 && (server == GSASL_NEEDS_MORE || len > 0))
			more = sasl_step(sasl, challenge, len, &out, &err);
		gsasl_free(challenge);
		challenge = NULL;
	} while (server == GSASL_NEEDS_MORE && more != -1 && ++rounds < 10);
	gsasl_free(challenge);
	gsasl_finish(session);
	gsasl_done(library);
	sasl_free(sasl);
	buf_clear(&out);
	return server == GSASL_OK && more == 0;
}

static void
servers(void)
{
	static const char *const tests[] = { "PLAIN", "LOGIN", "CRAM-MD5",
		"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
		"SCRAM-SHA-256-PLUS" };
	struct buf coded = BUF_INIT;
	size_t i;

	base64_encode(BINDING, strlen(BINDING), &coded);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		int plus = strstr(tests[i], "PLUS") != NULL;

		server_binding = plus ? buf_text(&coded) : NULL;
		if (!converse(tests[i], "pencil") || converse(tests[i], "pen"))
			printf("# %s\n", tests[i]);
		CHECK(converse(tests[i], "pencil"));
		CHECK(!converse(tests[i], "pen"));
		if (!plus)
			continue;
		/* somebody in the middle has another channel */
		server_binding = "YW5vdGhlcg==";
		CHECK(!converse(tests[i], "pencil"));
	}
	server_binding = NULL;
	CHECK(converse("EXTERNAL", NULL));
	buf_clear(&coded);
}

static void
unusable(void)
{
	struct sasl_options options = { .mechanism = "NO-SUCH", .user = "u" };

	err = (struct err)ERR_INIT;
	CHECK(sasl_new(&options, &err) == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_STR(err.text, "NO-SUCH: Unknown SASL mechanism");
	/* a password that SASLprep forbids */
	options.mechanism = "SCRAM-SHA-1";
	options.password = "pen\001cil";
	CHECK(sasl_new(&options, &err) == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_STR(err.text,
	    "SCRAM-SHA-1 does not allow this user name or password");
	sasl_free(NULL);
}

static void
tokens(void)
{
	struct buf out = BUF_INIT;

	err = (struct err)ERR_INIT;
	/* the example of RFC 7628 section 4.1, without its port */
	CHECK_INT(oauth_message("OAUTHBEARER", "user@example.com", NULL,
		      "server.example.com", "vF9dft4qmTc2Nvb3RlckBhbHR==", &out,
		      &err),
	    0);
	CHECK_STR(buf_text(&out),
	    "n,a=user@example.com,\001host=server.example.com\001"
	    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHR==\001\001");
	out.len = 0;
	CHECK_INT(oauth_message("OAUTHBEARER", "a=b,c", NULL, NULL, "t", &out,
		      &err),
	    0);
	CHECK_STR(buf_text(&out), "n,a=a=3Db=2Cc,\001auth=Bearer t\001\001");
	out.len = 0;
	CHECK_INT(oauth_message("XOAUTH2", "u", "shared", "h", "t", &out, &err),
	    0);
	CHECK_STR(buf_text(&out), "user=shared\001auth=Bearer t\001\001");
	CHECK_INT(oauth_message("XOAUTH2", "u", NULL, NULL, "a\001b", &out,
		      &err),
	    -1);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_INT(oauth_message("XOAUTH2", "u", NULL, NULL, "", &out, &err),
	    -1);
	CHECK_INT(oauth_message("XOAUTH2", "u\r", NULL, NULL, "t", &out, &err),
	    -1);
	CHECK_STR(oauth_acknowledge("OAUTHBEARER"), "AQ==");
	CHECK_STR(oauth_acknowledge("XOAUTH2"), "");
	buf_clear(&out);
}

int
main(void)
{
	TEST(vectors);
	TEST(cheats);
	TEST(servers);
	TEST(unusable);
	TEST(tokens);
	return TEST_END();
}
