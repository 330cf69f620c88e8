/* SPDX-License-Identifier: ISC */
/* Every certificate a user can meet: trusted, or refused in words. */
#include <signal.h>
#include <sys/stat.h>

#include "tls_server.h"

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

/* A * stands for one whole part, the leftmost (RFC 7817 section 3). */
static void
wildcards(void)
{
	static const struct {
		const char *san, *host;
		bool fits;
	} table[] = {
		{ "*.example.org", "pop.example.org", true },
		{ "*.example.org", "POP.example.org", true },
		{ "*.example.org", "example.org", false },
		{ "*.example.org", "a.pop.example.org", false },
		{ "p*.example.org", "pop.example.org", false },
		{ "*p.example.org", "pop.example.org", false },
		{ "p*p.example.org", "pop.example.org", false },
		{ "pop.*.org", "pop.example.org", false },
		{ "*.*.org", "pop.example.org", false },
		{ "*", "pop.example.org", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row row = { 0,
			{ .cn = "x", .san = table[i].san, .issuer = &ca },
			{ .priority = MODERN }, table[i].host,
			table[i].fits ? 0 : EX_UNAVAILABLE,
			table[i].fits ? NULL : ", not for " };
		int bad = test_bad;

		check_row(&row);
		if (test_bad != bad)
			printf("# that was %s\n", table[i].san);
	}
}

/* The same behind names that fill more than one buffer. */
static void
wildcards_behind_long_names(void)
{
	static const size_t lengths[] = { 0, 200, 255, 256, 257, 400, 1000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct row fragment = { 0,
			{ .cn = "x",
			    .san = "*p.example.org",
			    .issuer = &ca,
			    .others = 3,
			    .others_octets = lengths[i] },
			{ .priority = MODERN }, "pop.example.org",
			EX_UNAVAILABLE, ", not for pop.example.org" };
		struct row whole = fragment;
		int bad = test_bad;

		check_row(&fragment);
		whole.wish.san = "*.example.org";
		whole.status = 0;
		whole.text = NULL;
		check_row(&whole);
		if (test_bad != bad)
			printf("# that was behind %zu octets\n", lengths[i]);
	}
}

/* The server hears why its certificate is refused. */
static void
alerts(void)
{
	static const struct {
		struct wish wish;
		int alert, flags;
	} table[] = {
		{ { .cn = "x", .san = "pop.example.org" }, GNUTLS_A_UNKNOWN_CA,
		    0 },
		{ { .cn = "x", .san = "pop.example.org", .issuer = &other_ca },
		    GNUTLS_A_UNKNOWN_CA, 0 },
		{ { .cn = "x",
		      .san = "pop.example.org",
		      .issuer = &ca,
		      .from = -20,
		      .until = -10 },
		    GNUTLS_A_CERTIFICATE_EXPIRED, 0 },
		{ { .cn = "x", .san = "www.example.org", .issuer = &ca },
		    GNUTLS_A_BAD_CERTIFICATE, 0 },
		{ { .cn = "x", .san = "*p.example.org", .issuer = &ca },
		    GNUTLS_A_BAD_CERTIFICATE, 0 },
		{ { .cn = "x",
		      .san = "pop.example.org",
		      .issuer = &ca,
		      .serial = 66 },
		    GNUTLS_A_CERTIFICATE_REVOKED, CRL },
	};
	static const struct server servers[] = { { .priority = MODERN },
		{ .priority = ONLY12 } };

	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		struct tls_options options = { .ca_file = ca_file };
		struct err err = ERR_INIT;
		struct pair pair;
		pid_t pid;
		int fd;

		make_pair(&pair, &table[i / 2].wish);
		if ((table[i / 2].flags & CRL) != 0)
			options.crl_file = crl_file;
		fd = start_server(&servers[i % 2], &pair, &pid);
		CHECK(tls_start(fd, "pop.example.org", &options,
			  deadline_after(5000), &err) == NULL);
		CHECK_INT(err.status, EX_UNAVAILABLE);
		close(fd);
		CHECK_INT(end_server(pid), ALERTED + table[i / 2].alert);
		clear_pair(&pair);
	}
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
		/* an address is no name, and does not make up for one */
		{ 0,
		    { .cn = "pop.example.org",
			.san = "\177\0\0\1",
			.issuer = &ca },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "is for 127.0.0.1, not for pop.example.org" },
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
		{ 0, { .cn = "a\033b", .issuer = &ca }, { .priority = MODERN },
		    "pop.example.org", EX_UNAVAILABLE, "is for a\\^[b, not" },
		{ 0,
		    { .cn = "x",
			.san = "pop.example.org",
			.issuer = &ca,
			.must_staple = true },
		    { .priority = MODERN }, "pop.example.org", EX_UNAVAILABLE,
		    "must come with a status (OCSP must-staple)" },
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
		    "wrong at octet 8" },
		{ { .ca_file = ca_file, .priority = ONLY11 },
		    "TLS 1.2 is the least" },
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

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_files();
	TEST(certificates);
	TEST(wildcards);
	TEST(wildcards_behind_long_names);
	TEST(alerts);
	TEST(pins);
	TEST(options_that_cannot_be_used);
	TEST(open_key);
	remove_files();
	return TEST_END();
}
