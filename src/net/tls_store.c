/* SPDX-License-Identifier: ISC */
/*
 * Certificates in PEM (RFC 7468 section 5), decoded where the text lies. Each
 * is read as far as its subject (RFC 5280 section 4.1):
 *
 *	Certificate    = SEQUENCE { TBSCertificate, ... }
 *	TBSCertificate = SEQUENCE { [0] version OPTIONAL, serial INTEGER,
 *	                 signature SEQUENCE, issuer Name, validity SEQUENCE,
 *	                 subject Name, ... }
 *	Name           = SEQUENCE
 *
 * Whatever is unusual is left to GnuTLS, which may understand it, or knows what
 * to say of it: such a file has no index.
 */
#include "net/tls_store.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"

#define FILE_MAX ((off_t)64 * 1024 * 1024)

#define BEGIN "-----BEGIN "
#define LABEL "CERTIFICATE"
#define OLD_LABEL "X509 CERTIFICATE"
#define END "-----END CERTIFICATE-----"

#define INTEGER 0x02
#define SEQUENCE 0x30
#define VERSION 0xa0 /* [0] */

/* What an octet is in base64, if it is none of its 64 digits. */
#define BLANK 64
#define OTHER 65

struct trusted {
	struct tls_der der, subject;
};

struct tls_store {
	unsigned char *text; /* owned; the certificates point into it */
	struct trusted *certs;
	size_t count, room;
};

/* Where in the text we are. */
struct scan {
	unsigned char *at, *end;
	unsigned char values[256]; /* of octets in base64 */
};

/* ---- DER ---- */

/* Contents of an element that rest begins with; false: it is cut off. */
static bool
element_contents(const struct tls_der *rest, struct tls_der *contents)
{
	size_t head = 2, len;

	if (rest->len < head)
		return false;
	len = rest->data[1];
	if (len >= 0x80) {
		head += len & 0x7f;
		if (head == 2 || head > 2 + 4 || rest->len < head)
			return false;
		len = 0;
		for (size_t i = 2; i < head; i++)
			len = len << 8 | rest->data[i];
	}
	contents->data = rest->data + head;
	contents->len = len;
	return len <= rest->len - head;
}

/*
 * Take an element with this tag off the front of rest: all of it, and its
 * contents. Either may be NULL.
 */
static bool
take(struct tls_der *rest, unsigned char tag, struct tls_der *whole,
    struct tls_der *contents)
{
	struct tls_der in;
	size_t len;

	if (rest->len == 0 || rest->data[0] != tag ||
	    !element_contents(rest, &in))
		return false;
	len = (size_t)(in.data - rest->data) + in.len;
	if (whole != NULL) {
		whole->data = rest->data;
		whole->len = len;
	}
	if (contents != NULL)
		*contents = in;
	rest->data += len;
	rest->len -= len;
	return true;
}

/* The names in a certificate, of whom it is and who signed it. */
static bool
read_names(struct tls_der cert, struct tls_der *issuer, struct tls_der *subject)
{
	struct tls_der signed_part, rest;

	if (!take(&cert, SEQUENCE, NULL, &signed_part) || cert.len > 0 ||
	    !take(&signed_part, SEQUENCE, NULL, &rest))
		return false;
	(void)take(&rest, VERSION, NULL, NULL);
	return take(&rest, INTEGER, NULL, NULL) &&
	    take(&rest, SEQUENCE, NULL, NULL) &&
	    take(&rest, SEQUENCE, issuer, NULL) &&
	    take(&rest, SEQUENCE, NULL, NULL) &&
	    take(&rest, SEQUENCE, subject, NULL);
}

/* ---- PEM ---- */

static void
scan_init(struct scan *scan, unsigned char *text, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	scan->at = text;
	scan->end = text + len;
	memset(scan->values, OTHER, sizeof(scan->values));
	for (unsigned char i = 0; i < 64; i++)
		scan->values[(unsigned char)digits[i]] = i;
	scan->values['\n'] = scan->values['\r'] = BLANK;
	scan->values[' '] = scan->values['\t'] = BLANK;
}

/* Does text come next? Then it is skipped. */
static bool
scan_text(struct scan *scan, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(scan->end - scan->at) < len ||
	    memcmp(scan->at, text, len) != 0)
		return false;
	scan->at += len;
	return true;
}

/*
 * The last digits, which are no group of four, and their padding; bits that
 * stand for nothing must be zero. Returns how many octets they make, or -1.
 */
static int
scan_padding(struct scan *scan, unsigned int digits, uint32_t bits,
    unsigned char *out)
{
	switch (digits) {
	case 0:
		return 0;
	case 2:
		out[0] = (unsigned char)(bits >> 4);
		return (bits & 0xf) == 0 && scan_text(scan, "==") ? 1 : -1;
	case 3:
		out[0] = (unsigned char)(bits >> 10);
		out[1] = (unsigned char)(bits >> 2);
		return (bits & 0x3) == 0 && scan_text(scan, "=") ? 2 : -1;
	default:
		return -1;
	}
}

/* Decode groups of four digits that nothing interrupts; the end of out. */
static unsigned char *
scan_groups(struct scan *scan, unsigned char *out)
{
	const unsigned char *values = scan->values, *in = scan->at;
	unsigned int a, b, c, d;

	for (; scan->end - in >= 4; in += 4) {
		a = values[in[0]];
		b = values[in[1]];
		c = values[in[2]];
		d = values[in[3]];
		if ((a | b | c | d) >= BLANK)
			break;
		*out++ = (unsigned char)(a << 2 | b >> 4);
		*out++ = (unsigned char)(b << 4 | c >> 2);
		*out++ = (unsigned char)(c << 6 | d);
	}
	scan->at += in - scan->at;
	return out;
}

/* Decode base64 in its place; false: it is not that. */
static bool
scan_base64(struct scan *scan, struct tls_der *der)
{
	unsigned char *out = scan->at, value;
	unsigned int digits = 0;
	uint32_t bits = 0;
	int rest;

	der->data = out;
	for (;; scan->at++) {
		if (digits == 0)
			out = scan_groups(scan, out);
		if (scan->at == scan->end)
			return false;
		value = scan->values[*scan->at];
		if (value == BLANK)
			continue;
		if (value == OTHER)
			break;
		bits = bits << 6 | value;
		if (++digits < 4)
			continue;
		*out++ = (unsigned char)(bits >> 16);
		*out++ = (unsigned char)(bits >> 8);
		*out++ = (unsigned char)bits;
		digits = 0;
	}
	rest = scan_padding(scan, digits, bits, out);
	if (rest == -1)
		return false;
	der->len = (size_t)(out + rest - der->data);
	while (scan->at < scan->end && scan->values[*scan->at] == BLANK)
		scan->at++;
	return true;
}

/* Go behind the next "-----BEGIN " that GnuTLS would not skip either. */
static bool
scan_begin(struct scan *scan)
{
	static const char *const labels[] = { LABEL, OLD_LABEL };
	unsigned char *found;

	while ((found = memmem(scan->at, (size_t)(scan->end - scan->at), BEGIN,
		    strlen(BEGIN))) != NULL) {
		scan->at = found + strlen(BEGIN);
		for (size_t i = 0; i < 2; i++) {
			size_t len = strlen(labels[i]);

			if ((size_t)(scan->end - scan->at) >= len &&
			    memcmp(scan->at, labels[i], len) == 0)
				return true;
		}
	}
	return false;
}

static void
add(struct tls_store *store, const struct trusted *cert)
{
	if (store->count == store->room) {
		store->room = 2 * store->room + 64;
		store->certs = xreallocarray(store->certs, store->room,
		    sizeof(*store->certs));
	}
	store->certs[store->count++] = *cert;
}

/* False: GnuTLS had better look at it. */
static bool
index_text(struct tls_store *store, size_t len)
{
	struct tls_der issuer;
	struct trusted cert;
	struct scan scan;

	scan_init(&scan, store->text, len);
	while (scan_begin(&scan)) {
		if (!scan_text(&scan, LABEL "-----") ||
		    !scan_base64(&scan, &cert.der) || !scan_text(&scan, END) ||
		    !read_names(cert.der, &issuer, &cert.subject))
			return false;
		add(store, &cert);
	}
	return true;
}

/* ---- the file ---- */

/* How much of a regular file was read into *text, which the caller frees. */
static size_t
read_file(const char *file, unsigned char **text)
{
	size_t len = 0, size;
	struct stat st;
	ssize_t n;
	int fd;

	/* GnuTLS takes it for the name of a token; a FIFO can be read once */
	if (gnutls_url_is_supported(file) != 0 || stat(file, &st) == -1 ||
	    !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return 0;
	size = (size_t)st.st_size;
	*text = xmalloc(size + 1);
	while (len < size) {
		n = read(fd, *text + len, size - len);
		if (n == 0 || (n == -1 && errno != EINTR))
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd);
	return len;
}

struct tls_store *
tls_store_new(const char *file)
{
	struct tls_store *store = xcalloc(1, sizeof(*store));
	size_t len;

	len = read_file(file != NULL ? file : POPLAR_CA_FILE, &store->text);
	if (len == 0 || !index_text(store, len))
		store->count = 0;
	return store;
}

void
tls_store_free(struct tls_store *store)
{
	if (store == NULL)
		return;
	free(store->certs);
	free(store->text);
	free(store);
}

bool
tls_store_is_indexed(const struct tls_store *store)
{
	return store->count > 0;
}

/* ---- who is named ---- */

static bool
is_among(const struct tls_der *name, const struct tls_der *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].len == name->len &&
		    memcmp(names[i].data, name->data, name->len) == 0)
			return true;
	return false;
}

size_t
tls_store_named(const struct tls_store *store, const struct tls_der *chain,
    size_t count, struct tls_der **named)
{
	struct tls_der *names = xcalloc(2 * count + 1, sizeof(*names));
	size_t i, n = 0, found = 0;

	for (i = 0; i < count; i++)
		if (read_names(chain[i], &names[n], &names[n + 1]))
			n += 2;
	*named = xcalloc(store->count + 1, sizeof(**named));
	for (i = 0; i < store->count; i++)
		if (is_among(&store->certs[i].subject, names, n))
			(*named)[found++] = store->certs[i].der;
	free(names);
	return found;
}
