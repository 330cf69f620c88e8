/* SPDX-License-Identifier: ISC */
/*
 * For the tests of TLS: certificates made on the spot, and servers that are a
 * process each, on a socket pair.
 */
#ifndef UNIT_TLS_SERVER_H
#define UNIT_TLS_SERVER_H

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/parse.h"
#include "net/stream.h"
#include "net/tls.h"
#include "test.h"

#define DAY ((time_t)24 * 60 * 60)
/* A certificate that holds for pop.example.org. */
#define GOOD                                                                   \
	{                                                                      \
		.cn = "good", .san = "pop.example.org", .issuer = &ca          \
	}

#define CHAIN_MAX 5 /* certificates that a server sends */

#define MODERN "NORMAL"
#define ONLY12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define ONLY11 "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT"

/* ---- certificates ---- */

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

static struct pair ca, other_ca;
static char dir[] = "/tmp/tls_test.XXXXXX";
static char ca_file[64], crl_file[64], client_file[64], empty_file[64];

static inline void
must(int rc)
{
	if (rc >= 0)
		return;
	printf("Bail out! %s\n", gnutls_strerror(rc));
	exit(1);
}

struct wish {
	const char *cn, *san;
	time_t from, until;        /* days from now; 0, 0: valid */
	const struct pair *issuer; /* NULL: itself */
	const struct pair *key;    /* whose key it has, too; NULL: a new one */
	bool authority, must_staple, key_ids;
	unsigned char serial;
	int others;           /* so many other names before san */
	size_t others_octets; /* each so long, or 0: as they come */
};

/* RFC 7633: the server must send an OCSP answer, which ours never does. */
static inline void
set_must_staple(gnutls_x509_crt_t crt)
{
	gnutls_x509_tlsfeatures_t features;

	must(gnutls_x509_tlsfeatures_init(&features));
	must(gnutls_x509_tlsfeatures_add(features, 5)); /* status_request */
	must(gnutls_x509_crt_set_tlsfeatures(crt, features));
	gnutls_x509_tlsfeatures_deinit(features);
}

/* Names before the one that counts: other-0.example.net and so on. */
static inline void
set_others(gnutls_x509_crt_t crt, const struct wish *wish)
{
	char name[1024];
	int i, len;

	for (i = 0; i < wish->others; i++) {
		len = snprintf(name, sizeof(name), "%0*d.example.net",
		    wish->others_octets > 12 ? (int)wish->others_octets - 12 :
					       1,
		    i);
		must(gnutls_x509_crt_set_subject_alt_name(crt,
		    GNUTLS_SAN_DNSNAME, name, (unsigned int)len,
		    GNUTLS_FSAN_APPEND));
	}
}

static inline void
make_key(gnutls_x509_privkey_t *key, const struct pair *other)
{
	must(gnutls_x509_privkey_init(key));
	if (other != NULL)
		must(gnutls_x509_privkey_cpy(*key, other->key));
	else
		must(gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
}

/* The identifiers by which an issuer is found among several of its name. */
static inline void
set_key_ids(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
	unsigned char id[64];
	size_t len = sizeof(id);

	must(gnutls_x509_crt_get_key_id(crt, 0, id, &len));
	must(gnutls_x509_crt_set_subject_key_id(crt, id, len));
	len = sizeof(id);
	must(gnutls_x509_crt_get_key_id(issuer, 0, id, &len));
	must(gnutls_x509_crt_set_authority_key_id(crt, id, len));
}

/* GnuTLS does not see the names in a certificate that it has just made. */
static inline void
read_again(gnutls_x509_crt_t *crt)
{
	gnutls_datum_t der;

	must(gnutls_x509_crt_export2(*crt, GNUTLS_X509_FMT_DER, &der));
	gnutls_x509_crt_deinit(*crt);
	must(gnutls_x509_crt_init(crt));
	must(gnutls_x509_crt_import(*crt, &der, GNUTLS_X509_FMT_DER));
	gnutls_free(der.data);
}

static inline void
make_pair(struct pair *pair, const struct wish *wish)
{
	time_t now = time(NULL);
	unsigned char serial = wish->serial != 0 ? wish->serial : 9;

	make_key(&pair->key, wish->key);
	must(gnutls_x509_crt_init(&pair->crt));
	must(gnutls_x509_crt_set_version(pair->crt, 3));
	must(gnutls_x509_crt_set_serial(pair->crt, &serial, 1));
	must(gnutls_x509_crt_set_key(pair->crt, pair->key));
	must(gnutls_x509_crt_set_dn_by_oid(pair->crt,
	    GNUTLS_OID_X520_COMMON_NAME, 0, wish->cn,
	    (unsigned int)strlen(wish->cn)));
	set_others(pair->crt, wish);
	if (wish->san != NULL)
		must(gnutls_x509_crt_set_subject_alt_name(pair->crt,
		    strcmp(wish->san, "\177\0\0\1") == 0 ?
			GNUTLS_SAN_IPADDRESS :
			GNUTLS_SAN_DNSNAME,
		    wish->san,
		    wish->san[0] == '\177' ? 4 :
					     (unsigned int)strlen(wish->san),
		    GNUTLS_FSAN_APPEND));
	must(gnutls_x509_crt_set_activation_time(pair->crt,
	    wish->from != 0 ? now + wish->from * DAY : now - DAY));
	must(gnutls_x509_crt_set_expiration_time(pair->crt,
	    wish->until != 0 ? now + wish->until * DAY : now + 30 * DAY));
	must(gnutls_x509_crt_set_basic_constraints(pair->crt,
	    wish->authority ? 1 : 0, -1));
	if (wish->authority)
		must(gnutls_x509_crt_set_key_usage(pair->crt,
		    GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
	if (wish->must_staple)
		set_must_staple(pair->crt);
	if (wish->key_ids)
		set_key_ids(pair->crt,
		    wish->issuer != NULL ? wish->issuer->crt : pair->crt);
	must(gnutls_x509_crt_sign2(pair->crt,
	    wish->issuer != NULL ? wish->issuer->crt : pair->crt,
	    wish->issuer != NULL ? wish->issuer->key : pair->key,
	    GNUTLS_DIG_SHA256, 0));
	read_again(&pair->crt);
}

static inline void
clear_pair(struct pair *pair)
{
	gnutls_x509_crt_deinit(pair->crt);
	gnutls_x509_privkey_deinit(pair->key);
}

static inline void
save(char path[64], const char *name, const gnutls_datum_t *one,
    const gnutls_datum_t *two)
{
	int fd;

	snprintf(path, 64, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 ||
	    (one != NULL && write(fd, one->data, one->size) == -1) ||
	    (two != NULL && write(fd, two->data, two->size) == -1))
		must(GNUTLS_E_FILE_ERROR);
	close(fd);
}

static inline void
save_crl(void)
{
	gnutls_x509_crl_t crl;
	gnutls_datum_t pem;
	time_t now = time(NULL);
	unsigned char serial = 66;

	must(gnutls_x509_crl_init(&crl));
	must(gnutls_x509_crl_set_version(crl, 2));
	must(gnutls_x509_crl_set_this_update(crl, now - DAY));
	must(gnutls_x509_crl_set_next_update(crl, now + DAY));
	must(gnutls_x509_crl_set_crt_serial(crl, &serial, 1, now - DAY));
	must(gnutls_x509_crl_sign2(crl, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0));
	must(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem));
	save(crl_file, "crl", &pem, NULL);
	gnutls_free(pem.data);
	gnutls_x509_crl_deinit(crl);
}

static inline void
make_files(void)
{
	static const struct wish authority = { .cn = "Test CA",
		.authority = true,
		.serial = 1 };
	static const struct wish other = { .cn = "Other CA",
		.authority = true,
		.serial = 2 };
	static const struct wish client = { .cn = "client",
		.issuer = &ca,
		.serial = 3 };
	struct pair pair;
	gnutls_datum_t crt, key;

	if (mkdtemp(dir) == NULL)
		must(GNUTLS_E_FILE_ERROR);
	make_pair(&ca, &authority);
	make_pair(&other_ca, &other);
	must(gnutls_x509_crt_export2(ca.crt, GNUTLS_X509_FMT_PEM, &crt));
	save(ca_file, "ca", &crt, NULL);
	gnutls_free(crt.data);
	make_pair(&pair, &client);
	must(gnutls_x509_crt_export2(pair.crt, GNUTLS_X509_FMT_PEM, &crt));
	must(gnutls_x509_privkey_export2(pair.key, GNUTLS_X509_FMT_PEM, &key));
	save(client_file, "client", &crt, &key);
	gnutls_free(crt.data);
	gnutls_free(key.data);
	clear_pair(&pair);
	save(empty_file, "empty", NULL, NULL);
	save_crl();
}

static inline void
remove_files(void)
{
	unlink(ca_file);
	unlink(crl_file);
	unlink(client_file);
	unlink(empty_file);
	rmdir(dir);
	clear_pair(&ca);
	clear_pair(&other_ca);
}

/* ---- the server ---- */

struct server {
	const char *priority;
	bool wants_client;
	const char *sni; /* what must have been asked for; "": nothing */
	int (*serve)(gnutls_session_t session); /* NULL: greet, take, end */
	const char *clear;                      /* said instead of TLS */
	size_t record; /* octets of a record at most; 0: 16 KiB */
	const struct pair *above[CHAIN_MAX - 1]; /* sent after its own */
};

/* run_server's return for an alert that ended the handshake, and its number */
#define ALERTED 100

static const char *greeting = "+OK ready\r\n";

/* Sends the greeting, echoes a line, ends TLS well. */
static inline int
greet(gnutls_session_t session)
{
	char line[100];
	ssize_t n;

	if (gnutls_record_send(session, greeting, strlen(greeting)) < 0)
		return 2;
	do
		n = gnutls_record_recv(session, line, sizeof(line));
	while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
	if (n < 0 || gnutls_record_send(session, line, (size_t)n) < 0)
		return 3;
	gnutls_bye(session, GNUTLS_SHUT_WR);
	return 0;
}

static inline int
check_hello(gnutls_session_t session, const struct server *server)
{
	char name[256];
	size_t len = sizeof(name) - 1;
	unsigned int type;
	gnutls_datum_t alpn;

	if (server->sni == NULL)
		return 0;
	if (gnutls_server_name_get(session, name, &len, &type, 0) < 0)
		len = 0;
	name[len] = '\0';
	if (gnutls_alpn_get_selected_protocol(session, &alpn) < 0 ||
	    alpn.size != 4)
		return 8;
	return strcmp(name, server->sni) == 0 ? 0 : 9;
}

static inline int
run_server(int fd, const struct server *server, const struct pair *pair)
{
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	gnutls_datum_t pop3 = { (unsigned char *)"pop3", 4 };
	gnutls_x509_crt_t chain[CHAIN_MAX] = { pair->crt };
	int rc, count = 1;

	if (server->clear != NULL) {
		if (write(fd, server->clear, strlen(server->clear)) == -1)
			return 1;
		while (read(fd, &rc, sizeof(rc)) > 0)
			continue;
		return 0;
	}
	while (count < CHAIN_MAX && server->above[count - 1] != NULL) {
		chain[count] = server->above[count - 1]->crt;
		count++;
	}
	must(gnutls_certificate_allocate_credentials(&cred));
	must(gnutls_certificate_set_x509_key(cred, chain, count, pair->key));
	must(gnutls_certificate_set_x509_trust_file(cred, ca_file,
	    GNUTLS_X509_FMT_PEM));
	must(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL));
	must(gnutls_priority_set_direct(session, server->priority, NULL));
	must(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred));
	must(gnutls_alpn_set_protocols(session, &pop3, 1, 0));
	if (server->wants_client) {
		gnutls_certificate_server_set_request(session,
		    GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert(session, NULL, 0);
	}
	if (server->record > 0)
		must((int)gnutls_record_set_max_size(session, server->record));
	gnutls_transport_set_int(session, fd);
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
		return ALERTED + (int)gnutls_alert_get(session);
	if (rc < 0) {
		gnutls_alert_send_appropriate(session, rc);
		shutdown(fd, SHUT_WR);
		while (read(fd, &rc, sizeof(rc)) > 0)
			continue;
		return 1;
	}
	rc = check_hello(session, server);
	if (rc == 0)
		rc = server->serve != NULL ? server->serve(session) :
					     greet(session);
	return rc;
}

/* Our end of a connection to such a server. */
static inline int
start_server(const struct server *server, const struct pair *pair, pid_t *pid)
{
	int fds[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		abort();
	fflush(stdout);
	*pid = fork();
	if (*pid == 0) {
		alarm(10);
		close(fds[0]);
		rc = run_server(fds[1], server, pair);
		_exit(rc);
	}
	close(fds[1]);
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return fds[0];
}

static inline int
end_server(pid_t pid)
{
	int status = -1;

	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the client ---- */

/* Wait for input until something comes or it ends. */
static inline int
fill(struct stream *stream, struct err *err)
{
	int64_t until = deadline_after(5000);
	int rc;

	do
		rc = stream_wait(stream, until, false, -1, err);
	while (rc == 1 && (rc = stream_fill(stream, err)) == 0 &&
	    deadline_now() < until);
	return rc;
}

/* Greeting, a line echoed, close_notify: all that a good server does. */
static inline void
converse(struct stream *stream)
{
	struct err err = ERR_INIT;
	size_t len;
	char *data;

	CHECK_INT(fill(stream, &err), 1);
	data = stream_input(stream, &len);
	CHECK_MEM(data, len, greeting, strlen(greeting));
	stream_consume(stream, len);
	stream_write(stream, "CAPA\r\n", 6);
	CHECK_INT(stream_flush(stream, &err), 0);
	CHECK_INT(stream_unsent(stream), 0);
	CHECK_INT(fill(stream, &err), 1);
	data = stream_input(stream, &len);
	CHECK_MEM(data, len, "CAPA\r\n", 6);
	stream_consume(stream, len);
	CHECK_INT(fill(stream, &err), -1);
	CHECK_STR(err.text, "peer closed the connection");
	CHECK(stream_received(stream) > 100);
}

static inline void
key_pin(const struct pair *pair, char hex[65])
{
	unsigned char id[32];
	size_t len = sizeof(id);

	must(gnutls_x509_crt_get_key_id(pair->crt, GNUTLS_KEYID_USE_SHA256, id,
	    &len));
	format_hex(id, len, hex);
}

/* Handshake as the table wants it; the sentence in err. */
static inline void
try(const char *host, const struct server *server, const struct pair *pair,
    const struct tls_options *options, struct err *err)
{
	pid_t pid;
	int fd = start_server(server, pair, &pid);
	struct stream *stream = stream_new(fd, "peer");

	if (stream_start_tls(stream, host, options, deadline_after(5000),
		err) == 0) {
		if (server->wants_client && options->cert_file == NULL)
			CHECK_INT(fill(stream, err), -1);
		else
			converse(stream);
	}
	stream_free(stream);
	if (err->status == 0)
		CHECK_INT(end_server(pid), 0);
	else
		(void)end_server(pid);
}

#endif
