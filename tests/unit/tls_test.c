/* SPDX-License-Identifier: ISC */
/*
 * TLS against servers of our own: a process each, on a socket pair, with
 * certificates made here. The table is what a user can meet.
 */
#include "net/tls.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
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
#include "test.h"

#define DAY ((time_t)24 * 60 * 60)
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

static void
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
	bool authority;
	unsigned char serial;
};

static void
make_pair(struct pair *pair, const struct wish *wish)
{
	time_t now = time(NULL);
	unsigned char serial = wish->serial != 0 ? wish->serial : 9;

	must(gnutls_x509_privkey_init(&pair->key));
	must(gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	must(gnutls_x509_crt_init(&pair->crt));
	must(gnutls_x509_crt_set_version(pair->crt, 3));
	must(gnutls_x509_crt_set_serial(pair->crt, &serial, 1));
	must(gnutls_x509_crt_set_key(pair->crt, pair->key));
	must(gnutls_x509_crt_set_dn_by_oid(pair->crt,
	    GNUTLS_OID_X520_COMMON_NAME, 0, wish->cn,
	    (unsigned int)strlen(wish->cn)));
	if (wish->san != NULL)
		must(gnutls_x509_crt_set_subject_alt_name(pair->crt,
		    strcmp(wish->san, "\177\0\0\1") == 0 ?
			GNUTLS_SAN_IPADDRESS :
			GNUTLS_SAN_DNSNAME,
		    wish->san,
		    wish->san[0] == '\177' ? 4 :
					     (unsigned int)strlen(wish->san),
		    0));
	must(gnutls_x509_crt_set_activation_time(pair->crt,
	    wish->from != 0 ? now + wish->from * DAY : now - DAY));
	must(gnutls_x509_crt_set_expiration_time(pair->crt,
	    wish->until != 0 ? now + wish->until * DAY : now + 30 * DAY));
	must(gnutls_x509_crt_set_basic_constraints(pair->crt,
	    wish->authority ? 1 : 0, -1));
	if (wish->authority)
		must(gnutls_x509_crt_set_key_usage(pair->crt,
		    GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
	must(gnutls_x509_crt_sign2(pair->crt,
	    wish->issuer != NULL ? wish->issuer->crt : pair->crt,
	    wish->issuer != NULL ? wish->issuer->key : pair->key,
	    GNUTLS_DIG_SHA256, 0));
}

static void
clear_pair(struct pair *pair)
{
	gnutls_x509_crt_deinit(pair->crt);
	gnutls_x509_privkey_deinit(pair->key);
}

static void
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

static void
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

static void
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

static void
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
};

static const char *greeting = "+OK ready\r\n";

/* Sends the greeting, echoes a line, ends TLS well. */
static int
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

static int
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

static int
run_server(int fd, const struct server *server, const struct pair *pair)
{
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	gnutls_datum_t pop3 = { (unsigned char *)"pop3", 4 };
	gnutls_x509_crt_t chain[1] = { pair->crt };
	int rc;

	if (server->clear != NULL) {
		if (write(fd, server->clear, strlen(server->clear)) == -1)
			return 1;
		while (read(fd, &rc, sizeof(rc)) > 0)
			continue;
		return 0;
	}
	must(gnutls_certificate_allocate_credentials(&cred));
	must(gnutls_certificate_set_x509_key(cred, chain, 1, pair->key));
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
	gnutls_transport_set_int(session, fd);
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
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
static int
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

static int
end_server(pid_t pid)
{
	int status = -1;

	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the client ---- */

/* Wait for input until something comes or it ends. */
static int
fill(struct stream *stream, struct err *err)
{
	int64_t until = deadline_after(5000);
	int rc;

	do
		rc = stream_wait(stream, until, false, err);
	while (rc == 1 && (rc = stream_fill(stream, err)) == 0 &&
	    deadline_now() < until);
	return rc;
}

/* Greeting, a line echoed, close_notify: all that a good server does. */
static void
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
	CHECK(stream_closed(stream));
	CHECK(stream_received(stream) > 100 && stream_sent(stream) > 100);
}

static void
key_pin(const struct pair *pair, char hex[65])
{
	unsigned char id[32];
	size_t len = sizeof(id);

	must(gnutls_x509_crt_get_key_id(pair->crt, GNUTLS_KEYID_USE_SHA256, id,
	    &len));
	format_hex(id, len, hex);
}

/* Handshake as the table wants it; the sentence in err. */
static void
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

#define GOOD                                                                   \
	{                                                                      \
		.cn = "good", .san = "pop.example.org", .issuer = &ca          \
	}

enum {
	CRL = 1,    /* with a revocation list */
	CLIENT = 2, /* with a client certificate */
	NO_PIN = 4  /* the sentence has no pin */
};

struct row {
	int flags;
	struct wish wish;
	struct server server;
	const char *host;
	int status;
	const char *text; /* part of the sentence */
};

static void
check_row(const struct row *row)
{
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	struct pair pair;
	char hex[65];

	make_pair(&pair, &row->wish);
	key_pin(&pair, hex);
	if ((row->flags & CRL) != 0)
		options.crl_file = crl_file;
	if ((row->flags & CLIENT) != 0)
		options.cert_file = client_file;
	try(row->host, &row->server, &pair, &options, &err);
	CHECK_INT(err.status, row->status);
	if (row->text != NULL && strstr(err.text, row->text) == NULL) {
		printf("# said: %s\n", err.text);
		CHECK(strstr(err.text, row->text) != NULL);
	}
	/* a bad certificate comes with its pin, ready to paste */
	if (row->status == EX_UNAVAILABLE && (row->flags & NO_PIN) == 0)
		CHECK(strstr(err.text, "--tls-pin=sha256:") != NULL &&
		    strstr(err.text, hex) != NULL);
	clear_pair(&pair);
}

static void
certificates(void)
{
	const struct row table[] = {
		{ 0, GOOD, { .priority = MODERN, .sni = "pop.example.org" },
		    "pop.example.org", 0, NULL },
		{ 0, GOOD, { .priority = ONLY12, .sni = "pop.example.org" },
		    "pop.example.org", 0, NULL },
		{ 0, GOOD, { .priority = MODERN, .sni = "pop.example.org" },
		    "POP.example.org.", 0, NULL },
		{ 0,
		    { .cn = "x",
			.san = "xn--bcher-kva.example",
			.issuer = &ca },
		    { .priority = MODERN, .sni = "xn--bcher-kva.example" },
		    "b\xc3\xbc"
		    "cher.example",
		    0, NULL },
		{ 0, { .cn = "x", .san = "\177\0\0\1", .issuer = &ca },
		    { .priority = MODERN, .sni = "" }, "127.0.0.1", 0, NULL },
		{ 0, { .cn = "x", .san = "127.0.0.2", .issuer = &ca },
		    { .priority = MODERN }, "127.0.0.1", EX_UNAVAILABLE,
		    "is for 127.0.0.2, not for 127.0.0.1" },
		{ 0,
		    { .cn = "pop.example.org",
			.san = "www.example.org",
			.issuer = &ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "is for www.example.org, not for pop.example.org" },
		{ 0, { .cn = "pop.example.org", .issuer = &ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "only as its common name (CN)" },
		{ 0,
		    { .cn = "x",
			.san = "pop.example.org",
			.from = -20,
			.until = -10,
			.issuer = &ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "expired on 20" },
		{ 0,
		    { .cn = "x",
			.san = "pop.example.org",
			.from = 10,
			.until = 20,
			.issuer = &ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "is not valid until 20" },
		{ 0, { .cn = "x", .san = "pop.example.org" },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "is self-signed" },
		{ 0,
		    { .cn = "x",
			.san = "pop.example.org",
			.issuer = &other_ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "was issued by an unknown authority (CN=Other CA)" },
		{ 0, { .cn = "a\033b", .issuer = &ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "is for a\\^[b, not" },
		{ CRL,
		    { .cn = "x",
			.san = "pop.example.org",
			.issuer = &ca,
			.serial = 66 },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "was revoked" },
		{ CRL, GOOD, { .priority = MODERN }, "pop.example.org", 0,
		    NULL },
		{ NO_PIN, GOOD, { .priority = MODERN, .wants_client = true },
		    "pop.example.org", EX_UNAVAILABLE,
		    "wants a client certificate" },
		{ NO_PIN, GOOD, { .priority = ONLY12, .wants_client = true },
		    "pop.example.org", EX_UNAVAILABLE,
		    "wants a client certificate" },
		{ CLIENT, GOOD, { .priority = MODERN, .wants_client = true },
		    "pop.example.org", 0, NULL },
		{ CLIENT, GOOD, { .priority = ONLY12, .wants_client = true },
		    "pop.example.org", 0, NULL },
		{ NO_PIN, GOOD, { .priority = ONLY11 }, "pop.example.org",
		    EX_UNAVAILABLE, "does not offer TLS 1.2 or newer" },
		{ NO_PIN, GOOD, { .clear = "+OK POP3 ready\r\n" },
		    "pop.example.org", EX_UNAVAILABLE,
		    "pop.example.org does not speak TLS there; try "
		    "--tls=starttls or port 995" },
		{ NO_PIN, GOOD, { .clear = "-ERR\r\n" }, "pop.example.org",
		    EX_UNAVAILABLE, "does not speak TLS there" },
	};
	size_t i;
	int bad = test_bad;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		check_row(&table[i]);
		if (test_bad != bad)
			printf("# that was row %zu\n", i);
		bad = test_bad;
	}
}

/* ---- pins ---- */

static void
pins(void)
{
	static const struct wish wish = GOOD;
	static const struct wish self = { .cn = "me", .san = "elsewhere" };
	static const struct server server = { .priority = MODERN };
	char key[80], upper[100], wrong[80], cert[120];
	unsigned char id[32];
	size_t len = sizeof(id), i, n;
	struct pair good, own;
	gnutls_datum_t raw = { id, sizeof(id) }, base64;

	make_pair(&good, &wish);
	make_pair(&own, &self);
	strcpy(key, "sha256:");
	key_pin(&own, key + 7);
	for (i = 0, n = 0; key[7 + i] != '\0'; i++) {
		if (i > 0 && i % 2 == 0)
			upper[n++] = ':';
		upper[n++] =
		    (char)(key[7 + i] >= 'a' ? key[7 + i] - 32 : key[7 + i]);
	}
	upper[n] = '\0';
	strcpy(wrong, key);
	wrong[70] = wrong[70] == '0' ? '1' : '0';
	must(gnutls_x509_crt_get_fingerprint(own.crt, GNUTLS_DIG_SHA256, id,
	    &len));
	must(gnutls_base64_encode2(&raw, &base64));
	snprintf(cert, sizeof(cert), "sha256:%.*s", (int)base64.size,
	    base64.data);
	gnutls_free(base64.data);

	struct {
		const struct pair *pair;
		const char *list[3];
		bool only;
		int status;
		const char *text;
	} table[] = {
		{ &own, { key }, true, 0, NULL },
		{ &own, { upper }, true, 0, NULL },
		{ &own, { wrong, cert }, true, 0, NULL },
		{ &own, { wrong }, true, EX_UNAVAILABLE,
		    "is not the one that is pinned" },
		{ &own, { key }, false, EX_UNAVAILABLE, "is self-signed" },
		{ &good, { key }, false, EX_UNAVAILABLE,
		    "is not the one that is pinned" },
		{ &own, { "sha256:abcd" }, true, EX_CONFIG, "is not a pin" },
		{ &own, { "" }, true, EX_CONFIG, "is not a pin" },
		{ &own, { NULL }, true, EX_CONFIG, "no pin" },
	};
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct tls_options options = { .ca_file = ca_file,
			.pins = table[i].list,
			.pin_only = table[i].only };
		struct err err = ERR_INIT;

		try("pop.example.org", &server, table[i].pair, &options, &err);
		CHECK_INT(err.status, table[i].status);
		if (table[i].text != NULL)
			CHECK(strstr(err.text, table[i].text) != NULL);
		if (test_bad != 0)
			printf("# row %zu: %s\n", i, err.text);
	}
	clear_pair(&good);
	clear_pair(&own);
}

static void
options_that_cannot_be_used(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = MODERN };
	const struct {
		struct tls_options options;
		const char *text;
	} table[] = {
		{ { .ca_file = "/nonexistent" }, "/nonexistent: no certif" },
		{ { .ca_file = empty_file }, "no certificates to trust" },
		{ { .ca_file = ca_file, .crl_file = empty_file },
		    "no revocation list" },
		{ { .ca_file = ca_file, .priority = "NORMAL:+NONSENSE" },
		    "wrong from '" },
		{ { .ca_file = ca_file, .cert_file = "/nonexistent" },
		    "/nonexistent: No such file" },
		{ { .ca_file = ca_file, .cert_file = empty_file },
		    "cannot use certificate" },
		{ { .ca_file = ca_file, .key_file = client_file },
		    "a key without a certificate" },
	};
	struct pair pair;
	size_t i;

	make_pair(&pair, &wish);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;

		try("pop.example.org", &server, &pair, &table[i].options, &err);
		CHECK_INT(err.status, EX_CONFIG);
		if (strstr(err.text, table[i].text) == NULL)
			printf("# said: %s\n", err.text);
		CHECK(strstr(err.text, table[i].text) != NULL);
	}
	clear_pair(&pair);
}

static void
open_key(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = MODERN };
	struct tls_options options = { .ca_file = ca_file,
		.cert_file = client_file };
	struct err err = ERR_INIT;
	struct pair pair;

	make_pair(&pair, &wish);
	CHECK(chmod(client_file, 0644) == 0);
	try("pop.example.org", &server, &pair, &options, &err);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK(strstr(err.text, "open to others") != NULL);
	CHECK(chmod(client_file, 0600) == 0);
	clear_pair(&pair);
}

/* ---- endings and data ---- */

static int
cut_short(gnutls_session_t session)
{
	return gnutls_record_send(session, greeting, strlen(greeting)) > 0 ? 0 :
									     2;
}

static void
ends_without_close_notify(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = MODERN,
		.serve = cut_short };
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	struct pair pair;
	struct stream *stream;
	size_t len;
	pid_t pid;

	make_pair(&pair, &wish);
	stream = stream_new(start_server(&server, &pair, &pid), "peer");
	CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
		      deadline_after(5000), &err),
	    0);
	CHECK_INT(fill(stream, &err), 1);
	CHECK_MEM(stream_input(stream, &len), 11, greeting, 11);
	CHECK_INT(fill(stream, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text,
	    "pop.example.org closed the connection without ending TLS");
	CHECK(stream_closed(stream));
	CHECK_INT(stream_fill(stream, &err), -1);
	stream_free(stream);
	CHECK_INT(end_server(pid), 0);
	clear_pair(&pair);
}

static void
silence(void)
{
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	CHECK(tls_start(fds[0], "pop.example.org", &options, deadline_after(30),
		  &err) == NULL);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text, "pop.example.org: TLS handshake: timed out");
	close(fds[1]);
	err.status = 0;
	CHECK(tls_start(fds[0], "pop.example.org", &options, deadline_after(30),
		  &err) == NULL);
	CHECK_INT(err.status, EX_TEMPFAIL);
	close(fds[0]);
}

#define FLOOD_RECORDS 400
#define FLOOD_SIZE 10007

/* Records whose octets count on; then takes as much and compares. */
static int
flood(gnutls_session_t session)
{
	unsigned char block[FLOOD_SIZE], next = 0;
	size_t i, total = 0;
	ssize_t n;
	int r;

	for (r = 0; r < FLOOD_RECORDS; r++) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = next++;
		if (gnutls_record_send(session, block, sizeof(block)) < 0)
			return 2;
	}
	for (next = 0; total < (size_t)FLOOD_RECORDS * FLOOD_SIZE;
	     total += (size_t)n) {
		do
			n = gnutls_record_recv(session, block, sizeof(block));
		while (n == GNUTLS_E_AGAIN);
		if (n <= 0)
			return 3;
		for (i = 0; i < (size_t)n; i++)
			if (block[i] != next++)
				return 4;
	}
	gnutls_bye(session, GNUTLS_SHUT_WR);
	return 0;
}

/* Both ways at once, more than any buffer holds, in the right order. */
static void
much_both_ways(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = MODERN,
		.serve = flood };
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	struct pair pair;
	struct stream *stream;
	unsigned char block[FLOOD_SIZE], out = 0, in = 0;
	size_t i, len, total = 0;
	char *data;
	int r, rc = 0, wrong = 0;
	pid_t pid;

	make_pair(&pair, &wish);
	stream = stream_new(start_server(&server, &pair, &pid), "peer");
	CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
		      deadline_after(5000), &err),
	    0);
	for (r = 0; r < FLOOD_RECORDS; r++) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = out++;
		stream_write(stream, block, sizeof(block));
		CHECK_INT(stream_flush(stream, &err), 0);
	}
	CHECK(stream_unsent(stream) > 0); /* it reads only later */
	while ((rc = fill(stream, &err)) == 1) {
		data = stream_input(stream, &len);
		len = len > 100 ? len - 100 : len;
		for (i = 0; i < len; i++)
			wrong += (unsigned char)data[i] != in++;
		total += len;
		stream_consume(stream, len);
	}
	CHECK_INT(wrong, 0);
	(void)stream_input(stream, &len);
	CHECK_INT(total + len, FLOOD_RECORDS * FLOOD_SIZE);
	CHECK_STR(err.text, "peer closed the connection");
	CHECK_INT(stream_unsent(stream), 0);
	stream_free(stream);
	CHECK_INT(end_server(pid), 0);
	clear_pair(&pair);
}

/* Says its channel binding first; we must have the same. */
static int
say_binding(gnutls_session_t session)
{
	gnutls_datum_t data;
	gnutls_channel_binding_t type =
	    gnutls_protocol_get_version(session) == GNUTLS_TLS1_3 ?
	    GNUTLS_CB_TLS_EXPORTER :
	    GNUTLS_CB_TLS_UNIQUE;

	must(gnutls_session_channel_binding(session, type, &data));
	if (gnutls_record_send(session, data.data, data.size) < 0)
		return 2;
	return 0;
}

static void
binding_and_facts(void)
{
	static const struct wish wish = GOOD;
	static const struct {
		struct server server;
		const char *type, *version;
	} table[] = {
		{ { .priority = MODERN, .serve = say_binding }, "tls-exporter",
		    "tls: TLS1.3 " },
		{ { .priority = ONLY12, .serve = say_binding }, "tls-unique",
		    "tls: TLS1.2 " },
		{ { .priority = ONLY12 ":%NO_SESSION_HASH",
		      .serve = say_binding },
		    NULL, "tls: TLS1.2 " },
	};
	struct tls_options options = { .ca_file = ca_file };
	struct pair pair;
	char hex[65];
	size_t i, len;

	make_pair(&pair, &wish);
	key_pin(&pair, hex);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;
		struct buf data = BUF_INIT, facts = BUF_INIT;
		pid_t pid;
		struct stream *stream =
		    stream_new(start_server(&table[i].server, &pair, &pid),
			"peer");
		const char *type, *text;

		CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
			      deadline_after(5000), &err),
		    0);
		type = tls_binding(stream_tls(stream), &data);
		CHECK_INT(fill(stream, &err), 1);
		text = stream_input(stream, &len);
		if (table[i].type != NULL) {
			CHECK_STR(type, table[i].type);
			CHECK_MEM(data.data, data.len, text, len);
		} else
			CHECK(type == NULL && data.len == 0);
		tls_describe(stream_tls(stream), &facts);
		text = buf_text(&facts);
		CHECK(strstr(text, table[i].version) == text);
		CHECK(strstr(text, "tls: certificate CN=good\n") != NULL);
		CHECK(strstr(text, "tls: issuer CN=Test CA\n") != NULL);
		CHECK(strstr(text, "tls: names pop.example.org\n") != NULL);
		CHECK(strstr(text, "tls: key pin sha256:") != NULL);
		CHECK(strstr(text, hex) != NULL);
		buf_clear(&data);
		buf_clear(&facts);
		stream_free(stream);
		CHECK_INT(end_server(pid), 0);
	}
	clear_pair(&pair);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_files();
	TEST(certificates);
	TEST(pins);
	TEST(options_that_cannot_be_used);
	TEST(open_key);
	TEST(ends_without_close_notify);
	TEST(silence);
	TEST(much_both_ways);
	TEST(binding_and_facts);
	remove_files();
	return TEST_END();
}
