/* SPDX-License-Identifier: ISC */
/* The only user of GNU SASL. */
#include "pop3/sasl.h"

#include <gsasl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"

struct sasl {
	Gsasl *library;
	Gsasl_session *session;
	char *mechanism, *host;
	bool scram, clear, complete;
};

static int
complain(const struct sasl *sasl, int result, struct err *err)
{
	const char *name = sasl->mechanism;

	switch (result) {
	case GSASL_SASLPREP_ERROR:
		return err_set(err, EX_CONFIG,
		    "%s does not allow this user name or password", name);
	case GSASL_MALLOC_ERROR:
		return err_set(err, EX_OSERR, "%s: out of memory", name);
	case GSASL_AUTHENTICATION_ERROR:
	case GSASL_INTEGRITY_ERROR:
		return err_set(err, EX_PROTOCOL,
		    "%s: the server does not prove that it knows the password",
		    name);
	case GSASL_MECHANISM_PARSE_ERROR:
	case GSASL_BASE64_ERROR:
	case GSASL_MECHANISM_CALLED_TOO_MANY_TIMES:
		return err_set(err, EX_PROTOCOL,
		    "%s: the server's challenge makes no sense", name);
	default:
		return err_set(err, EX_CONFIG, "%s: %s", name,
		    gsasl_strerror(result));
	}
}

/* Kerberos says only that it failed; where it did says more. */
static int
complain_kerberos(const struct sasl *sasl, bool first, struct err *err)
{
	if (!first)
		return err_set(err, EX_PROTOCOL,
		    "%s: the server does not prove that it knows its own key",
		    sasl->mechanism);
	return err_set(err, EX_NOPERM,
	    "%s: there is no Kerberos ticket for pop/%s; kinit(1) gets one, "
	    "klist(1) shows them",
	    sasl->mechanism, sasl->host);
}

/*
 * 2.2.0 refuses plain SCRAM when it knows a binding, so that one is given
 * for -PLUS only.
 */
static void
set_binding(struct sasl *sasl, const struct sasl_options *options)
{
	size_t len = strlen(options->mechanism);
	struct buf coded = BUF_INIT;

	if (options->binding_type == NULL || len < 5 ||
	    strcmp(options->mechanism + len - 5, "-PLUS") != 0)
		return;
	base64_encode(options->binding, options->binding_len, &coded);
	gsasl_property_set(sasl->session,
	    strcmp(options->binding_type, "tls-exporter") == 0 ?
		GSASL_CB_TLS_EXPORTER :
		GSASL_CB_TLS_UNIQUE,
	    buf_text(&coded));
	buf_clear(&coded);
}

static void
set_properties(struct sasl *sasl, const struct sasl_options *options)
{
	const char *authzid = options->authzid;

	/*
	 * Neither a certificate nor a ticket says whose mail is wanted. Unless
	 * told, a server gives that of the ticket's owner, and it would be
	 * taken for that of the user. Elsewhere the user name is sent anyway.
	 */
	if (authzid == NULL &&
	    (strcmp(options->mechanism, "EXTERNAL") == 0 ||
		strcmp(options->mechanism, "GSSAPI") == 0))
		authzid = options->user;
	gsasl_property_set(sasl->session, GSASL_AUTHID, options->user);
	gsasl_property_set(sasl->session, GSASL_SERVICE, "pop");
	if (authzid != NULL)
		gsasl_property_set(sasl->session, GSASL_AUTHZID, authzid);
	if (options->password != NULL)
		gsasl_property_set(sasl->session, GSASL_PASSWORD,
		    options->password);
	if (options->host != NULL)
		gsasl_property_set(sasl->session, GSASL_HOSTNAME,
		    options->host);
	set_binding(sasl, options);
}

/*
 * Before anything is sent: the library would find out in the middle of the
 * exchange, and leak.
 */
static int
check_password(const char *password)
{
	char *prepared = NULL;
	int result;

	if (password == NULL)
		return GSASL_OK;
	result =
	    gsasl_saslprep(password, (Gsasl_saslprep_flags)0, &prepared, NULL);
	if (prepared != NULL) {
		explicit_bzero(prepared, strlen(prepared));
		gsasl_free(prepared);
	}
	return result;
}

struct sasl *
sasl_new(const struct sasl_options *options, struct err *err)
{
	struct sasl *sasl = xcalloc(1, sizeof(*sasl));
	int result = GSASL_OK;

	sasl->mechanism = xstrdup(options->mechanism);
	sasl->host = xstrdup(options->host != NULL ? options->host : "");
	sasl->scram = strncmp(options->mechanism, "SCRAM-", 6) == 0;
	sasl->clear = options->clear;
	if (sasl->scram)
		result = check_password(options->password);
	if (result == GSASL_OK)
		result = gsasl_init(&sasl->library);
	if (result == GSASL_OK)
		result = gsasl_client_start(sasl->library, options->mechanism,
		    &sasl->session);
	if (result != GSASL_OK) {
		(void)complain(sasl, result, err);
		sasl_free(sasl);
		return NULL;
	}
	set_properties(sasl, options);
	return sasl;
}

void
sasl_free(struct sasl *sasl)
{
	const char *kept;

	if (sasl == NULL)
		return;
	if (sasl->session != NULL) {
		/* the library frees its copy without wiping it */
		kept = gsasl_property_fast(sasl->session, GSASL_PASSWORD);
		if (kept != NULL)
			explicit_bzero((char *)(uintptr_t)kept, strlen(kept));
		gsasl_finish(sasl->session);
	}
	if (sasl->library != NULL)
		gsasl_done(sasl->library);
	free(sasl->mechanism);
	free(sasl->host);
	free(sasl);
}

/*
 * server-first-message = [ext ","] nonce "," salt "," iteration-count ...
 * The library would do whatever work it is asked for. A proof that took little
 * of it gives the password away to whoever asked for that in the server's name.
 */
static int
check_iterations(const struct sasl *sasl, const char *challenge, size_t len,
    struct err *err)
{
	const char *end = challenge + len, *at = challenge, *comma;

	for (; at < end; at = comma + 1) {
		uint64_t count;

		comma = memchr(at, ',', (size_t)(end - at));
		if (comma == NULL)
			comma = end;
		if (comma - at < 2 || at[0] != 'i' || at[1] != '=')
			continue;
		if (parse_u64(at + 2, (size_t)(comma - at - 2),
			SASL_ITERATIONS_MAX,
			&count) != (size_t)(comma - at - 2) ||
		    count == 0)
			return err_set(err, EX_PROTOCOL,
			    "the server asks for more iterations of %s than "
			    "%d, or for none",
			    sasl->mechanism, SASL_ITERATIONS_MAX);
		if (sasl->clear && count < SASL_ITERATIONS_CLEAR)
			return err_set(err, EX_PROTOCOL,
			    "the server asks for less than %d iterations, "
			    "which is too easy to undo for who listens; use "
			    "TLS",
			    SASL_ITERATIONS_CLEAR);
	}
	return 0;
}

static int
check_scram(const struct sasl *sasl, const char *challenge, size_t len,
    struct err *err)
{
	char *why;

	/* server-error (RFC 5802 section 7), which the library cannot read */
	if (len > 2 && memcmp(challenge, "e=", 2) == 0) {
		why = log_said(challenge + 2, len - 2, 128);
		(void)err_set(err, EX_NOPERM, "%s was refused: %s",
		    sasl->mechanism, why);
		free(why);
		return -1;
	}
	return check_iterations(sasl, challenge, len, err);
}

int
sasl_step(struct sasl *sasl, const char *challenge, size_t len,
    struct buf *response, struct err *err)
{
	char *out = NULL;
	size_t out_len = 0;
	int result;

	if (sasl->complete)
		return complain(sasl, GSASL_MECHANISM_CALLED_TOO_MANY_TIMES,
		    err);
	if (sasl->scram && check_scram(sasl, challenge, len, err) == -1)
		return -1;
	result = gsasl_step(sasl->session, challenge, len, &out, &out_len);
	if (out != NULL) {
		buf_append(response, out, out_len);
		explicit_bzero(out, out_len);
		gsasl_free(out);
	}
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE &&
	    strcmp(sasl->mechanism, "GSSAPI") == 0)
		return complain_kerberos(sasl, len == 0, err);
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
		return complain(sasl, result, err);
	sasl->complete = result == GSASL_OK;
	return sasl->complete ? 0 : 1;
}
