/* SPDX-License-Identifier: ISC */
/* Which files of authorities can be indexed, and what is found in them. */
#include "net/tls_store.h"

#include <signal.h>

#include "tls_server.h"

static char file[64];

static void
save_text(const struct buf *text)
{
	gnutls_datum_t all = { (unsigned char *)text->data,
		(unsigned int)text->len };

	save(file, "store", &all, NULL);
}

static struct tls_store *
open_text(const struct buf *text)
{
	save_text(text);
	return tls_store_new(file);
}

static void
add_pem(struct buf *text, const struct pair *pair)
{
	gnutls_datum_t pem;

	must(gnutls_x509_crt_export2(pair->crt, GNUTLS_X509_FMT_PEM, &pem));
	buf_append(text, pem.data, pem.size);
	gnutls_free(pem.data);
}

static gnutls_datum_t
der_of(const struct pair *pair)
{
	gnutls_datum_t der;

	must(gnutls_x509_crt_export2(pair->crt, GNUTLS_X509_FMT_DER, &der));
	return der;
}

/* How many certificates in the store a chain of this one names. */
static size_t
count_named(const struct tls_store *store, const struct pair *pair)
{
	gnutls_datum_t der = der_of(pair);
	struct tls_der chain = { der.data, der.size }, *named;
	size_t n = tls_store_named(store, &chain, 1, &named);

	free(named);
	gnutls_free(der.data);
	return n;
}

/* What GnuTLS finds in it: so many, or a negative number. */
static int
count_by_gnutls(const struct buf *text)
{
	gnutls_datum_t data = { (unsigned char *)text->data,
		(unsigned int)text->len };
	gnutls_x509_crt_t *list;
	unsigned int n;
	int rc;

	rc = gnutls_x509_crt_list_import2(&list, &n, &data, GNUTLS_X509_FMT_PEM,
	    0);
	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return (int)n;
}

/* ---- the text ---- */

/* Write the certificate's PEM with each occurrence of one text replaced. */
static void
add_replaced(struct buf *text, const char *from, const char *to)
{
	struct buf pem = BUF_INIT;
	const char *at, *next;

	add_pem(&pem, &ca);
	at = buf_text(&pem);
	while ((next = strstr(at, from)) != NULL) {
		buf_append(text, at, (size_t)(next - at));
		buf_puts(text, to);
		at = next + strlen(from);
	}
	buf_puts(text, at);
	buf_clear(&pem);
}

/* After other_ca's comes ca's: with text before, changed, with text behind. */
static void
texts(void)
{
	static const struct {
		const char *before, *from, *to, *behind;
		bool indexed;
	} table[] = {
		{ "", "", "", "", true },
		{ "# Test CA\nsubject=/CN=x\n\n", "", "", "the end", true },
		{ "-----BEGIN\n-----END CERTIFICATE-----\n", "", "", "", true },
		{ "\xff\xfe-----BEGIN -----", "", "", "-----BEGIN ", true },
		{ "", "\n", "\r\n", "", true },
		{ "", "\n", " \t\n\n", "", true },
		{ "", "CERTIFICATE-----\n", "CERTIFICATE-----", "", true },
		/* of other things GnuTLS takes no notice */
		{ "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n"
		  "-----END TRUSTED CERTIFICATE-----\n",
		    "", "", "", true },
		{ "-----BEGIN X509 CRL-----\nA\n-----END X509 CRL-----\n", "",
		    "", "-----BEGIN EC PRIVATE KEY-----\n", true },
		/* of these it does, in its own way */
		{ "", "CERTIFICATE", "X509 CERTIFICATE", "", false },
		{ "", "BEGIN CERTIFICATE-", "BEGIN CERTIFICATE -", "", false },
		{ "", "", "", "-----BEGIN CERTIFICATE", false },
		{ "", "", "", "-----BEGIN CERTIFICATE-----\n", false },
		{ "", "", "", "-----BEGIN CERTIFICATE REQUEST-----\n", false },
		{ "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		    "", "", "", false },
		/* and these are damaged */
		{ "", "-----END CERTIFICATE-----", "", "", false },
		{ "", "-----END CERT", "---END CERT", "", false },
		{ "", "-----END CERT", "=-----END CERT", "", false },
		{ "", "-----END CERT", "A-----END CERT", "", false },
		{ "", "-----END CERT", "AAAA-----END CERT", "", false },
		{ "", "CERTIFICATE-----\nM", "CERTIFICATE-----\n", "", false },
		{ "", "CERTIFICATE-----\nM", "CERTIFICATE-----\n.M", "",
		    false },
		{ "", "CERTIFICATE-----\nM", "CERTIFICATE-----\nA", "", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text = BUF_INIT;
		struct tls_store *store;
		int bad = test_bad;

		add_pem(&text, &other_ca);
		buf_puts(&text, table[i].before);
		if (*table[i].from != '\0')
			add_replaced(&text, table[i].from, table[i].to);
		else
			add_pem(&text, &ca);
		buf_puts(&text, table[i].behind);
		store = open_text(&text);
		CHECK_INT(tls_store_is_indexed(store), table[i].indexed);
		if (table[i].indexed) {
			CHECK_INT(count_named(store, &ca), 1);
			CHECK_INT(count_named(store, &other_ca), 1);
			CHECK_INT(count_by_gnutls(&text), 2);
		}
		if (test_bad != bad)
			printf("# that was row %zu\n", i);
		tls_store_free(store);
		buf_clear(&text);
	}
}

/* Where an index is made, GnuTLS sees the same; wherever the file is cut. */
static void
cut_files(void)
{
	struct buf text = BUF_INIT;
	struct tls_store *store;
	int indexed = 0, count;
	size_t len;

	add_pem(&text, &ca);
	add_pem(&text, &other_ca);
	len = text.len;
	for (text.len = 0; text.len <= len; text.len++) {
		store = open_text(&text);
		if (tls_store_is_indexed(store)) {
			count = (int)(count_named(store, &ca) +
			    count_named(store, &other_ca));
			CHECK_INT(count_by_gnutls(&text), count);
			indexed++;
		}
		tls_store_free(store);
	}
	/* between the two, and at the end */
	CHECK_INT(indexed, (int)strlen("\n-----BEGIN CERTIFICATE") + 2);
	buf_clear(&text);
}

/* Whatever octet is another one: nothing is read that is not there. */
static void
damaged_files(void)
{
	static const char others[] = { '\0', '-', '=', 'A', '/', '\n', '\xff' };
	struct buf text = BUF_INIT;
	struct tls_store *store;

	add_pem(&text, &ca);
	for (size_t i = 0; i < text.len * sizeof(others); i++) {
		char *at = text.data + i / sizeof(others), was = *at;

		*at = others[i % sizeof(others)];
		store = open_text(&text);
		CHECK(count_named(store, &other_ca) == 0);
		tls_store_free(store);
		*at = was;
	}
	buf_clear(&text);
}

/* ---- DER ---- */

/* A certificate cut off or with another octet somewhere names nobody, or is
 * read as far as it goes; in a store it is one that GnuTLS must look at. */
static void
damaged_certificates(void)
{
	gnutls_datum_t der = der_of(&ca), cut, pem;
	struct buf text = BUF_INIT;
	struct tls_store *store, *damaged;
	struct tls_der chain = { der.data, 0 }, *named;

	add_pem(&text, &ca);
	store = open_text(&text);
	for (unsigned int i = 0; i < der.size; i++) {
		chain.len = i;
		CHECK(tls_store_named(store, &chain, 1, &named) == 0 || i > 60);
		free(named);
		cut = (gnutls_datum_t){ der.data, i };
		must(gnutls_pem_base64_encode2("CERTIFICATE", &cut, &pem));
		save(file, "store", &pem, NULL);
		gnutls_free(pem.data);
		damaged = tls_store_new(file);
		CHECK(!tls_store_is_indexed(damaged));
		tls_store_free(damaged);
	}
	chain.len = der.size;
	for (unsigned int i = 0; i < 256 * der.size; i++) {
		unsigned char was = der.data[i / 256];

		der.data[i / 256] = (unsigned char)i;
		CHECK(tls_store_named(store, &chain, 1, &named) <= 1);
		free(named);
		der.data[i / 256] = was;
	}
	tls_store_free(store);
	buf_clear(&text);
	gnutls_free(der.data);
}

/* ---- who is named ---- */

static void
named_in_order(void)
{
	static const struct wish twin = { .cn = "Test CA", .authority = true };
	static const struct wish leaf = GOOD;
	static const struct wish stranger = { .cn = "test ca" };
	struct pair second, good, none;
	struct buf text = BUF_INIT;
	struct tls_der chain[2], *named;
	struct tls_store *store;
	gnutls_datum_t der[4];

	make_pair(&second, &twin);
	make_pair(&good, &leaf);
	make_pair(&none, &stranger);
	add_pem(&text, &second);
	add_pem(&text, &other_ca);
	add_pem(&text, &ca);
	store = open_text(&text);
	CHECK_INT(count_named(store, &good), 2);
	CHECK_INT(count_named(store, &ca), 2);
	CHECK_INT(count_named(store, &other_ca), 1);
	CHECK_INT(count_named(store, &none), 0);
	der[0] = der_of(&other_ca);
	der[1] = der_of(&good);
	der[2] = der_of(&second);
	der[3] = der_of(&ca);
	for (size_t i = 0; i < 2; i++)
		chain[i] = (struct tls_der){ der[i].data, der[i].size };
	CHECK_INT(tls_store_named(store, chain, 2, &named), 3);
	CHECK_MEM(named[0].data, named[0].len, der[2].data, der[2].size);
	CHECK_MEM(named[1].data, named[1].len, der[0].data, der[0].size);
	CHECK_MEM(named[2].data, named[2].len, der[3].data, der[3].size);
	free(named);
	CHECK_INT(tls_store_named(store, NULL, 0, &named), 0);
	free(named);
	for (size_t i = 0; i < 4; i++)
		gnutls_free(der[i].data);
	tls_store_free(store);
	buf_clear(&text);
	clear_pair(&second);
	clear_pair(&good);
	clear_pair(&none);
}

static void
thousand(void)
{
	struct buf text = BUF_INIT;
	struct tls_store *store;
	struct pair *pairs = calloc(1000, sizeof(*pairs));
	char name[16];

	for (int i = 0; i < 1000; i++) {
		const struct wish wish = { .cn = name,
			.authority = true,
			.key = &ca };

		snprintf(name, sizeof(name), "CA %d", i);
		make_pair(&pairs[i], &wish);
		add_pem(&text, &pairs[i]);
	}
	store = open_text(&text);
	CHECK(tls_store_is_indexed(store));
	for (int i = 0; i < 1000; i++) {
		CHECK_INT(count_named(store, &pairs[i]), 1);
		clear_pair(&pairs[i]);
	}
	CHECK_INT(count_named(store, &ca), 0);
	tls_store_free(store);
	free(pairs);
	buf_clear(&text);
}

/* ---- the file ---- */

static void
files_without_an_index(void)
{
	static const char url[] = "pkcs11:token=x";
	const char *const files[] = { "/nonexistent", dir, empty_file, crl_file,
		"/dev/null", "/dev/zero", "", url, "fifo" };
	struct tls_store *store;
	struct buf text = BUF_INIT;

	/* GnuTLS would not open a file of this name */
	add_pem(&text, &ca);
	save_text(&text);
	CHECK(chdir(dir) == 0 && rename(file, url) == 0);
	CHECK(mkfifo("fifo", 0600) == 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		store = tls_store_new(files[i]);
		if (tls_store_is_indexed(store))
			printf("# %s\n", files[i]);
		CHECK(!tls_store_is_indexed(store));
		CHECK_INT(count_named(store, &ca), 0);
		tls_store_free(store);
	}
	CHECK(unlink(url) == 0 && unlink("fifo") == 0);
	tls_store_free(NULL);
	buf_clear(&text);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_files();
	TEST(texts);
	TEST(cut_files);
	TEST(damaged_files);
	TEST(damaged_certificates);
	TEST(named_in_order);
	TEST(thousand);
	TEST(files_without_an_index);
	unlink(file);
	remove_files();
	return TEST_END();
}
