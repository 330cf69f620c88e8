/* SPDX-License-Identifier: ISC */
/* AUTH in the tests' server with the mechanisms of GNU SASL, SCRAM's -PLUS
 * among them: there is no other server at hand that has these. */
#include "server/server.h"

#include <err.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct exchange {
	struct conn *conn;
	char *binding; /* base64 */
	bool exporter;
	char name[256];
};

/* The base64 of what both ends of this channel know. */
static void
find_binding(struct exchange *exchange)
{
	struct conn *conn = exchange->conn;
	gnutls_datum_t data;
	char *out;
	size_t len;

	if (conn->tls == NULL)
		return;
	exchange->exporter =
	    gnutls_protocol_get_version(conn->tls) >= GNUTLS_TLS1_3;
	if (gnutls_session_channel_binding(conn->tls,
		exchange->exporter ? GNUTLS_CB_TLS_EXPORTER :
				     GNUTLS_CB_TLS_UNIQUE,
		&data) < 0)
		return;
	/* as if the client were connected to somebody in the middle */
	if (conn->server->other_binding)
		data.data[0] ^= 1;
	if (gsasl_base64_to((char *)data.data, data.size, &out, &len) !=
	    GSASL_OK)
		err(1, NULL);
	exchange->binding = out;
	gnutls_free(data.data);
}

static int
callback(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	struct exchange *exchange = gsasl_session_hook_get(session);
	const struct server *server = exchange->conn->server;
	const char *name;
	size_t i;

	(void)library;
	if (property == GSASL_PASSWORD) {
		name = gsasl_property_fast(session, GSASL_AUTHID);
		for (i = 0; name != NULL && i < server->user_count; i++) {
			if (strcmp(server->users[i].name, name) != 0)
				continue;
			snprintf(exchange->name, sizeof(exchange->name), "%s",
			    name);
			gsasl_property_set(session, GSASL_PASSWORD,
			    server->users[i].password);
			return GSASL_OK;
		}
		return GSASL_NO_PASSWORD;
	}
	if (exchange->binding == NULL ||
	    property !=
		(exchange->exporter ? GSASL_CB_TLS_EXPORTER :
				      GSASL_CB_TLS_UNIQUE))
		return GSASL_NO_CALLBACK;
	gsasl_property_set(session, property, exchange->binding);
	return GSASL_OK;
}

/* Let both talk; GSASL_OK: the client is who it says. */
static int
converse(struct exchange *exchange, Gsasl_session *session, bool server_first,
    const char *first)
{
	struct conn *conn = exchange->conn;
	const char *heard = first;
	char *said = NULL;
	int rc;

	/* an initial response that is empty is "=" (RFC 5034) */
	if (heard != NULL && strcmp(heard, "=") == 0)
		heard = "";
	if (heard == NULL && server_first)
		heard = "";
	if (heard == NULL) {
		conn_say(conn, "+ ");
		if ((heard = conn_line(conn)) == NULL)
			return GSASL_AUTHENTICATION_ERROR;
	}
	for (;;) {
		if (strcmp(heard, "*") == 0)
			return GSASL_AUTHENTICATION_ERROR;
		rc = gsasl_step64(session, heard, &said);
		if (rc != GSASL_NEEDS_MORE && rc != GSASL_OK)
			return rc;
		/* SCRAM's last word, which the client answers by nothing */
		if (rc == GSASL_OK && (said == NULL || *said == '\0')) {
			gsasl_free(said);
			return rc;
		}
		conn_say(conn, "+ %s", said != NULL ? said : "");
		gsasl_free(said);
		said = NULL;
		if ((heard = conn_line(conn)) == NULL)
			return GSASL_AUTHENTICATION_ERROR;
		if (rc == GSASL_OK)
			return strcmp(heard, "*") != 0 ?
			    GSASL_OK :
			    GSASL_AUTHENTICATION_ERROR;
	}
}

const char *
sasl_serve(struct conn *conn, const char *mechanism, const char *first)
{
	static struct exchange exchange;
	Gsasl_session *session;
	Gsasl *library;
	int rc;

	memset(&exchange, 0, sizeof(exchange));
	exchange.conn = conn;
	find_binding(&exchange);
	if (gsasl_init(&library) != GSASL_OK)
		errx(1, "gsasl_init");
	gsasl_callback_set(library, callback);
	if (gsasl_server_start(library, mechanism, &session) != GSASL_OK)
		errx(1, "no such mechanism: %s", mechanism);
	gsasl_session_hook_set(session, &exchange);
	rc = converse(&exchange, session,
	    strcasecmp(mechanism, "LOGIN") == 0 ||
		strcasecmp(mechanism, "CRAM-MD5") == 0,
	    first);
	conn_log(conn, "SASL %s", gsasl_strerror_name(rc));
	gsasl_finish(session);
	gsasl_done(library);
	free(exchange.binding);
	return rc == GSASL_OK ? exchange.name : NULL;
}
