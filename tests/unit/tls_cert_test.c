/* SPDX-License-Identifier: ISC */
/* Every certificate a user can meet: trusted, or refused in words. */
#include <signal.h>
#include <sys/stat.h>

#include "net/tls_store.h"
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
check_sentence(const struct err *err, const char *text)
{
	if (text == NULL || strstr(err->text, text) != NULL)
		return;
	printf("# said: %s\n", err->text);
	CHECK(strstr(err->text, text) != NULL);
}

/*
 * The handshake, with only those authorities loaded that the chain names, and
 * with all of them, as from a store that cannot be indexed: no difference.
 */
static void
try_both(const char *host, const struct server *server, const struct pair *pair,
    const struct tls_options *options, struct err *err)
{
	struct tls_store *store = tls_store_new("/nonexistent");
	struct tls_options all = *options;
	struct err by_all = ERR_INIT;

	CHECK(!tls_store_is_indexed(store));
	all.store = store;
	try(host, server, pair, &all, &by_all);
	try(host, server, pair, options, err);
	CHECK_INT(err->status, by_all.status);
	if (err->status != 0 && by_all.status != 0)
		CHECK_STR(err->text, by_all.text);
	tls_store_free(store);
}

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
	try_both(row->host, &row->server, &pair, &options, &err);
	CHECK_INT(err.status, row->status);
	check_sentence(&err, row->text);
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

/* ---- bundles of authorities ---- */

enum {
	ROOT,
	INTER,       /* of ROOT */
	ROOT_TOO,    /* another key, the name of ROOT */
	OLD,         /* expired, the name and key of ROOT */
	EXPIRED,     /* a root of its own */
	CROSS,       /* the name and key of ROOT, of STRANGER */
	CROSS_INTER, /* the name and key of INTER, of EXPIRED */
	STRANGER,
	NOT_CA, /* the name and key of ROOT */
	LEAF,   /* of ROOT */
	DEEP,   /* of INTER */
	SELF,
	LATE, /* of EXPIRED */
	MADE,
	NONE = MADE
};

static void
make_authorities(struct pair *made, bool key_ids)
{
	const struct wish wishes[MADE] = {
		[ROOT] = { .cn = "Root", .authority = true },
		[INTER] = { .cn = "Inter",
		    .authority = true,
		    .issuer = &made[ROOT] },
		[ROOT_TOO] = { .cn = "Root", .authority = true, .serial = 2 },
		[OLD] = { .cn = "Root",
		    .authority = true,
		    .key = &made[ROOT],
		    .from = -20,
		    .until = -10,
		    .serial = 3 },
		[EXPIRED] = { .cn = "Expired",
		    .authority = true,
		    .from = -20,
		    .until = -10 },
		[STRANGER] = { .cn = "Stranger", .authority = true },
		[CROSS] = { .cn = "Root",
		    .authority = true,
		    .key = &made[ROOT],
		    .issuer = &made[EXPIRED],
		    .serial = 4 },
		[CROSS_INTER] = { .cn = "Inter",
		    .authority = true,
		    .key = &made[INTER],
		    .issuer = &made[EXPIRED],
		    .serial = 5 },
		[NOT_CA] = { .cn = "Root", .key = &made[ROOT], .serial = 6 },
		[LEAF] = { .cn = "x",
		    .san = "pop.example.org",
		    .issuer = &made[ROOT] },
		[DEEP] = { .cn = "x",
		    .san = "pop.example.org",
		    .issuer = &made[INTER] },
		[SELF] = { .cn = "x", .san = "pop.example.org" },
		[LATE] = { .cn = "x",
		    .san = "pop.example.org",
		    .issuer = &made[EXPIRED] },
	};

	for (size_t i = 0; i < MADE; i++) {
		struct wish wish = wishes[i];

		wish.key_ids = key_ids;
		make_pair(&made[i], &wish);
	}
}

/* Append certificates to a file, with text around each. */
static void
save_bundle(const char *path, const struct pair *made, const int *which)
{
	FILE *file = fopen(path, "w");
	gnutls_datum_t pem;

	if (file == NULL)
		must(GNUTLS_E_FILE_ERROR);
	for (; *which != NONE; which++) {
		must(gnutls_x509_crt_export2(made[*which].crt,
		    GNUTLS_X509_FMT_PEM, &pem));
		fprintf(file, "\n# number %d\nsubject=/CN=x\n%.*strailing\n",
		    *which, (int)pem.size, pem.data);
		gnutls_free(pem.data);
	}
	fclose(file);
}

#define UNKNOWN "was issued by an unknown authority"
#define EITHER (-1) /* as GnuTLS's version has it: only the same both ways */

/* What a server sends, who is trusted, and what is said of it. */
static const struct bundle_row {
	int sent[CHAIN_MAX + 1], trusted[6];
	int status;
	const char *text;
} bundle_rows[] = {
	{ { LEAF, NONE }, { STRANGER, ROOT, EXPIRED, NONE }, 0, NULL },
	{ { LEAF, ROOT, NONE }, { STRANGER, ROOT, NONE }, 0, NULL },
	{ { DEEP, INTER, NONE }, { STRANGER, ROOT, NONE }, 0, NULL },
	{ { DEEP, INTER, ROOT, NONE }, { ROOT, STRANGER, NONE }, 0, NULL },
	{ { DEEP, ROOT, INTER, NONE }, { ROOT, STRANGER, NONE }, 0, NULL },
	/* with what does not belong to the chain */
	{ { DEEP, INTER, STRANGER, NONE }, { ROOT, NONE }, 0, NULL },
	/* an authority below the root is trusted */
	{ { DEEP, NONE }, { STRANGER, INTER, NONE }, 0, NULL },
	{ { DEEP, INTER, NONE }, { STRANGER, INTER, NONE }, 0, NULL },
	{ { DEEP, NONE }, { STRANGER, ROOT, NONE }, EX_UNAVAILABLE, UNKNOWN },
	/* several of one name: with another key, expired, no authority */
	{ { LEAF, NONE }, { ROOT_TOO, ROOT, NONE }, 0, NULL },
	{ { LEAF, NONE }, { ROOT, ROOT_TOO, NONE }, EITHER, NULL },
	{ { DEEP, INTER, NONE }, { ROOT_TOO, STRANGER, ROOT, NONE }, 0, NULL },
	{ { LEAF, NONE }, { OLD, ROOT, NONE }, 0, NULL },
	{ { LEAF, NONE }, { ROOT, OLD, NONE }, 0, NULL },
	{ { LEAF, NONE }, { ROOT, ROOT, NONE }, 0, NULL },
	{ { LEAF, NONE }, { OLD, STRANGER, NONE }, EX_UNAVAILABLE, "expired" },
	{ { LATE, NONE }, { ROOT, EXPIRED, NONE }, EX_UNAVAILABLE, "expired" },
	{ { LEAF, NONE }, { ROOT_TOO, NONE }, EX_UNAVAILABLE, NULL },
	{ { LEAF, NONE }, { NOT_CA, NONE }, EX_UNAVAILABLE, NULL },
	/* signed by two, of whom one has expired or is not trusted */
	{ { DEEP, INTER, CROSS, NONE }, { ROOT, EXPIRED, NONE }, 0, NULL },
	{ { DEEP, INTER, CROSS, NONE }, { ROOT, NONE }, 0, NULL },
	{ { DEEP, CROSS_INTER, NONE }, { INTER, EXPIRED, NONE }, 0, NULL },
	{ { DEEP, CROSS_INTER, NONE }, { EXPIRED, NONE }, EX_UNAVAILABLE,
	    "expired" },
	{ { DEEP, CROSS_INTER, NONE }, { ROOT, NONE }, EX_UNAVAILABLE,
	    UNKNOWN },
	/* its own authority, or nobody's */
	{ { SELF, NONE }, { ROOT, SELF, NONE }, 0, NULL },
	{ { SELF, NONE }, { ROOT, NONE }, EX_UNAVAILABLE, "is self-signed" },
	{ { LEAF, NONE }, { LEAF, NONE }, 0, NULL },
	{ { LEAF, NONE }, { STRANGER, NONE }, EX_UNAVAILABLE, UNKNOWN },
};

static void
check_bundle(const struct pair *made, const struct bundle_row *row,
    const char *path)
{
	struct tls_options options = { .ca_file = path };
	struct server server = { .priority = MODERN };
	struct err err = ERR_INIT;

	for (size_t i = 1; row->sent[i] != NONE; i++)
		server.above[i - 1] = &made[row->sent[i]];
	save_bundle(path, made, row->trusted);
	try_both("pop.example.org", &server, &made[row->sent[0]], &options,
	    &err);
	if (row->status != EITHER)
		CHECK_INT(err.status, row->status);
	check_sentence(&err, row->text);
}

static void
check_bundles(bool key_ids)
{
	struct pair made[MADE];
	char path[64];

	make_authorities(made, key_ids);
	save(path, "bundle", NULL, NULL);
	for (size_t i = 0; i < sizeof(bundle_rows) / sizeof(*bundle_rows);
	     i++) {
		int bad = test_bad;

		check_bundle(made, &bundle_rows[i], path);
		if (test_bad != bad)
			printf("# that was row %zu\n", i);
	}
	unlink(path);
	for (size_t i = 0; i < MADE; i++)
		clear_pair(&made[i]);
}

/*
 * Only what the chain names is parsed: the ruin of another certificate goes
 * unnoticed, until all are needed to refuse a chain.
 */
static void
bundle_with_a_ruin(void)
{
	static const struct wish good = GOOD, self = { .cn = "me" };
	static const struct server server = { .priority = MODERN };
	struct tls_options options = { .crl_file = crl_file };
	struct err err = ERR_INIT;
	gnutls_datum_t der, pem, ruin;
	struct pair pair, other;
	char path[64];

	make_pair(&pair, &good);
	make_pair(&other, &self);
	must(gnutls_x509_crt_export2(other_ca.crt, GNUTLS_X509_FMT_DER, &der));
	memset(der.data + der.size - 100, 0xff, 100);
	must(gnutls_pem_base64_encode2("CERTIFICATE", &der, &ruin));
	must(gnutls_x509_crt_export2(ca.crt, GNUTLS_X509_FMT_PEM, &pem));
	save(path, "ruin", &ruin, &pem);
	options.ca_file = path;
	try("pop.example.org", &server, &pair, &options, &err);
	CHECK_INT(err.status, 0);
	try("pop.example.org", &server, &other, &options, &err);
	CHECK_INT(err.status, EX_CONFIG);
	check_sentence(&err, "/ruin: no certificates to trust: ");
	unlink(path);
	gnutls_free(der.data);
	gnutls_free(ruin.data);
	gnutls_free(pem.data);
	clear_pair(&pair);
	clear_pair(&other);
}

static void
bundle_of_a_thousand(void)
{
	static const struct wish good = GOOD;
	static const struct wish late = { .cn = "x",
		.san = "pop.example.org",
		.issuer = &other_ca };
	static const struct server server = { .priority = MODERN };
	struct tls_options options = { .ca_file = NULL };
	struct pair *made = calloc(1000, sizeof(*made)), pair, unknown;
	int which[1001] = { [1000] = NONE };
	char path[64], name[16];
	struct err err = ERR_INIT;

	CHECK(made != NULL);
	for (int i = 0; i < 1000; i++) {
		const struct wish wish = { .cn = name,
			.authority = true,
			.key = &ca };

		snprintf(name, sizeof(name), i == 700 ? "Test CA" : "CA %d", i);
		make_pair(&made[i], &wish);
		/* NONE stands for the end */
		which[i] = i == NONE ? 0 : i;
	}
	save(path, "thousand", NULL, NULL);
	save_bundle(path, made, which);
	options.ca_file = path;
	make_pair(&pair, &good);
	make_pair(&unknown, &late);
	try_both("pop.example.org", &server, &pair, &options, &err);
	CHECK_INT(err.status, 0);
	try_both("pop.example.org", &server, &unknown, &options, &err);
	CHECK_INT(err.status, EX_UNAVAILABLE);
	check_sentence(&err, UNKNOWN " (CN=Other CA)");
	unlink(path);
	for (int i = 0; i < 1000; i++)
		clear_pair(&made[i]);
	free(made);
	clear_pair(&pair);
	clear_pair(&unknown);
}

static void
bundles_without_key_identifiers(void)
{
	check_bundles(false);
}

static void
bundles_with_key_identifiers(void)
{
	check_bundles(true);
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
		{ { .ca_file = dir }, "no certificates to trust" },
		{ { .ca_file = "pkcs11:token=none" },
		    "no certificates to trust" },
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

		try_both("pop.example.org", &server, &pair, &table[i].options,
		    &err);
		CHECK_INT(err.status, EX_CONFIG);
		check_sentence(&err, table[i].text);
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
	TEST(bundles_without_key_identifiers);
	TEST(bundles_with_key_identifiers);
	TEST(bundle_with_a_ruin);
	TEST(bundle_of_a_thousand);
	TEST(pins);
	TEST(options_that_cannot_be_used);
	TEST(open_key);
	remove_files();
	return TEST_END();
}
