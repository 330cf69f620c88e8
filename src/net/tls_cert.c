/* SPDX-License-Identifier: ISC */
/* Certificates: what is trusted, and what is wrong with the one we got. */
#include "net/tls_cert.h"

#include <arpa/inet.h>
#include <bsd/readpassphrase.h>
#include <bsd/string.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "net/net.h"
#include "net/tls.h"
#include "net/tls_store.h"

#define PIN_LEN 32          /* SHA-256 */
#define NAMES_SHOWN 4       /* of a certificate that is for other hosts */
#define NAME_SHOWN 60       /* octets of each; more would hide the rest */
#define KEY_MAX (64 * 1024) /* of a file, looked at for a key */
#define PKCS11_SCHEME "pkcs11:"

struct tls_cert {
	const char *host;
	const struct tls_options *options;
	gnutls_certificate_credentials_t credentials; /* owned */
	unsigned char (*pins)[PIN_LEN];               /* owned */
	size_t pins_count;
	const struct tls_store *store; /* NULL: not yet */
	struct tls_store *own_store;   /* owned; NULL: options have one */
	bool all_loaded; /* into credentials, of the authorities */
	gnutls_alert_description_t alert; /* that refuses the peer's */
};

/* What a chain's first certificate says, for judging it. */
struct leaf {
	gnutls_x509_crt_t crt;
	unsigned char cert_pin[PIN_LEN], key_pin[PIN_LEN];
};

/* ---- our side: pins, our certificate, trust ---- */

static int
parse_pin(const char *text, unsigned char pin[PIN_LEN])
{
	char hex[2 * PIN_LEN];
	gnutls_datum_t in, out;
	const char *p;
	size_t n = 0;
	int rc = -1;

	if (strncasecmp(text, "sha256:", 7) == 0)
		text += 7;
	for (p = text; *p != '\0'; p++) {
		if (*p == ':')
			continue;
		if (n == sizeof(hex) || !isxdigit((unsigned char)*p))
			break;
		hex[n++] = (char)tolower((unsigned char)*p);
	}
	if (*p == '\0' && n == sizeof(hex))
		return parse_hex(hex, n, pin, PIN_LEN);

	in.data = (unsigned char *)text;
	in.size = (unsigned int)strlen(text);
	if (gnutls_base64_decode2(&in, &out) < 0)
		return -1;
	if (out.size == PIN_LEN) {
		memcpy(pin, out.data, PIN_LEN);
		rc = 0;
	}
	gnutls_free(out.data);
	return rc;
}

bool
tls_pin_is_good(const char *pin)
{
	unsigned char octets[PIN_LEN];

	return parse_pin(pin, octets) == 0;
}

static int
read_pins(struct tls_cert *cert, struct err *err)
{
	const char *const *p = cert->options->pins;

	for (; p != NULL && *p != NULL; p++) {
		cert->pins = xreallocarray(cert->pins, cert->pins_count + 1,
		    sizeof(*cert->pins));
		if (parse_pin(*p, cert->pins[cert->pins_count]) == -1)
			return err_set(err, EX_CONFIG,
			    "'%s' is not a pin: sha256: and 64 hex digits or "
			    "44 of base64",
			    *p);
		cert->pins_count++;
	}
	if (cert->options->pin_only && cert->pins_count == 0)
		return err_set(err, EX_CONFIG,
		    "no pin to trust instead of "
		    "certification authorities");
	return 0;
}

/* A token's PIN, from the terminal only. */
static int
ask_token_pin(void *arg, int attempt, const char *url, const char *label,
    unsigned int flags, char *pin, size_t pin_max)
{
	char *safe = log_safe(label, strlen(label));
	char *prompt = xasprintf("PIN of token %s: ", safe);
	int rc = GNUTLS_E_PKCS11_PIN_ERROR;

	(void)arg;
	(void)url;
	/* a wrong one may lock the token: asked for once */
	if (attempt == 0 && (flags & GNUTLS_PIN_FINAL_TRY) == 0 &&
	    readpassphrase(prompt, pin, pin_max, RPP_REQUIRE_TTY) != NULL &&
	    *pin != '\0')
		rc = 0;
	free(prompt);
	free(safe);
	return rc;
}

bool
tls_key_is_encrypted(const char *file)
{
	static const char *const marks[] = {
		"-----BEGIN ENCRYPTED PRIVATE KEY-----",
		"Proc-Type: 4,ENCRYPTED",
	};
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[KEY_MAX];
	bool encrypted = false;
	struct stat st;
	ssize_t n = -1;

	if (fd == -1)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, sizeof(text));
	(void)close(fd);
	for (size_t i = 0; i < 2 && n > 0; i++)
		encrypted = encrypted ||
		    memmem(text, (size_t)n, marks[i], strlen(marks[i])) != NULL;
	explicit_bzero(text, sizeof(text));
	return encrypted;
}

static bool
is_token(const char *name)
{
	return strncmp(name, PKCS11_SCHEME, strlen(PKCS11_SCHEME)) == 0;
}

static int
read_own(struct tls_cert *cert, struct err *err)
{
	const char *file = cert->options->cert_file;
	const char *key = cert->options->key_file;
	struct stat st;
	int rc;

	if (file == NULL && key == NULL)
		return 0;
	if (file == NULL)
		return err_set(err, EX_CONFIG,
		    "%s: a key without a "
		    "certificate (tls-cert)",
		    key);
	if (key == NULL)
		key = file;
	if (!is_token(key)) {
		if (stat(key, &st) == -1)
			return err_sys(err, EX_CONFIG, "%s", key);
		if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
			return err_set(err, EX_CONFIG,
			    "%s: holds a key and is "
			    "open to others; chmod o-rw it",
			    key);
	}
	if (is_token(key) || is_token(file))
		gnutls_certificate_set_pin_function(cert->credentials,
		    ask_token_pin, NULL);
	rc = gnutls_certificate_set_x509_key_file2(cert->credentials, file, key,
	    GNUTLS_X509_FMT_PEM, cert->options->key_password, 0);
	if (rc == GNUTLS_E_DECRYPTION_FAILED &&
	    cert->options->key_password != NULL)
		return err_set(err, EX_CONFIG,
		    "%s: the password of the key is wrong", key);
	if (rc < 0)
		return err_set(err, EX_CONFIG,
		    "cannot use certificate %s with key %s: %s", file, key,
		    gnutls_strerror(rc));
	return 0;
}

struct tls_cert *
tls_cert_new(const char *host, const struct tls_options *options,
    struct err *err)
{
	struct tls_cert *cert = xcalloc(1, sizeof(*cert));

	cert->host = host;
	cert->options = options;
	if (gnutls_certificate_allocate_credentials(&cert->credentials) < 0) {
		err_set(err, EX_OSERR, "out of memory");
		goto fail;
	}
	if (read_pins(cert, err) == 0 && read_own(cert, err) == 0)
		return cert;
fail:
	tls_cert_free(cert);
	return NULL;
}

void
tls_cert_free(struct tls_cert *cert)
{
	if (cert == NULL)
		return;
	if (cert->credentials != NULL)
		gnutls_certificate_free_credentials(cert->credentials);
	tls_store_free(cert->own_store);
	free(cert->pins);
	free(cert);
}

gnutls_certificate_credentials_t
tls_cert_credentials(const struct tls_cert *cert)
{
	return cert->credentials;
}

/* GnuTLS does not tell why it cannot read a file. */
static const char *
why_not(const char *file, int rc)
{
	if (rc >= 0)
		return "it is empty";
	return access(file, R_OK) == -1 ? strerror(errno) : gnutls_strerror(rc);
}

static int
load_authorities(struct tls_cert *cert, struct err *err)
{
	const char *file = cert->options->ca_file;
	int n;

	if (file == NULL) {
		n = gnutls_certificate_set_x509_system_trust(cert->credentials);
		if (n > 0)
			return 0;
		return err_set(err, EX_CONFIG,
		    "this system has no trusted "
		    "certificates (install ca-certificates, or name a file "
		    "with tls-ca-file)");
	}
	n = gnutls_certificate_set_x509_trust_file(cert->credentials, file,
	    GNUTLS_X509_FMT_PEM);
	if (n > 0)
		return 0;
	return err_set(err, EX_CONFIG, "%s: no certificates to trust: %s", file,
	    why_not(file, n));
}

static int
load_revocations(struct tls_cert *cert, struct err *err)
{
	const char *crl = cert->options->crl_file;
	int n;

	if (crl == NULL)
		return 0;
	n = gnutls_certificate_set_x509_crl_file(cert->credentials, crl,
	    GNUTLS_X509_FMT_PEM);
	if (n > 0)
		return 0;
	return err_set(err, EX_CONFIG, "%s: no revocation list: %s", crl,
	    why_not(crl, n));
}

/* The store that somebody has read for us, or one of our own. */
static const struct tls_store *
find_store(struct tls_cert *cert)
{
	if (cert->options->store != NULL)
		return cert->options->store;
	cert->own_store = tls_store_new(cert->options->ca_file);
	return cert->own_store;
}

int
tls_cert_trust(struct tls_cert *cert, struct err *err)
{
	if (cert->store != NULL || cert->options->pin_only)
		return 0;
	cert->store = find_store(cert);
	if (!tls_store_is_indexed(cert->store)) {
		if (load_authorities(cert, err) == -1)
			return -1;
		cert->all_loaded = true;
	}
	return load_revocations(cert, err);
}

/* Load the authorities that the peer's chain names. False: there are none. */
static bool
load_named(struct tls_cert *cert, gnutls_session_t session)
{
	const gnutls_datum_t *peers;
	unsigned int count = 0;
	struct tls_der *chain, *named;
	size_t i, n;
	int rc = 0;

	peers = gnutls_certificate_get_peers(session, &count);
	chain = xcalloc(count + 1, sizeof(*chain));
	for (i = 0; peers != NULL && i < count; i++) {
		chain[i].data = peers[i].data;
		chain[i].len = peers[i].size;
	}
	n = tls_store_named(cert->store, chain, i, &named);
	for (i = 0; i < n && rc >= 0; i++) {
		gnutls_datum_t der = { (void *)(uintptr_t)named[i].data,
			(unsigned int)named[i].len };

		rc = gnutls_certificate_set_x509_trust_mem(cert->credentials,
		    &der, GNUTLS_X509_FMT_DER);
	}
	free(named);
	free(chain);
	return n > 0 && rc >= 0;
}

/* Load all authorities, in place of those that are loaded. */
static int
load_all(struct tls_cert *cert, struct err *err)
{
	gnutls_x509_trust_list_t list;

	if (gnutls_x509_trust_list_init(&list, 0) < 0)
		return err_set(err, EX_OSERR, "out of memory");
	gnutls_certificate_set_trust_list(cert->credentials, list, 0);
	if (load_authorities(cert, err) == -1 ||
	    load_revocations(cert, err) == -1)
		return -1;
	cert->all_loaded = true;
	return 0;
}

/* ---- the peer's side ---- */

static void
format_date(time_t when, char *text, size_t size)
{
	struct tm tm;

	if (when == (time_t)-1 || gmtime_r(&when, &tm) == NULL ||
	    strftime(text, size, "%Y-%m-%d", &tm) == 0)
		(void)strncpy(text, "an unknown date", size);
}

static int
make_pins(gnutls_x509_crt_t crt, unsigned char cert_pin[PIN_LEN],
    unsigned char key_pin[PIN_LEN])
{
	size_t cert_len = PIN_LEN, key_len = PIN_LEN;

	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, cert_pin,
		&cert_len) < 0 ||
	    gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, key_pin,
		&key_len) < 0)
		return -1;
	return 0;
}

static int
import(gnutls_x509_crt_t *crt, const gnutls_datum_t *der)
{
	if (gnutls_x509_crt_init(crt) < 0)
		return -1;
	if (gnutls_x509_crt_import(*crt, der, GNUTLS_X509_FMT_DER) == 0)
		return 0;
	gnutls_x509_crt_deinit(*crt);
	return -1;
}

static bool
pin_matches(const struct tls_cert *cert, const struct leaf *leaf)
{
	size_t i;

	for (i = 0; i < cert->pins_count; i++)
		if (memcmp(cert->pins[i], leaf->cert_pin, PIN_LEN) == 0 ||
		    memcmp(cert->pins[i], leaf->key_pin, PIN_LEN) == 0)
			return true;
	return false;
}

/* An iPAddress as people write it. */
static void
alt_address(const char *octets, size_t len, char text[INET6_ADDRSTRLEN])
{
	int family = len == 4 ? AF_INET : AF_INET6;

	if ((len != 4 && len != 16) ||
	    inet_ntop(family, octets, text, INET6_ADDRSTRLEN) == NULL)
		(void)strlcpy(text, "an address", INET6_ADDRSTRLEN);
}

/*
 * The i-th subjectAltName, of whatever length, into name, and its type; a
 * negative number after the last.
 */
static int
alt_name(gnutls_x509_crt_t crt, unsigned int i, struct buf *name)
{
	size_t len = 256;
	int type, tries;

	for (tries = 0; tries < 2; tries++) {
		name->len = 0;
		type = gnutls_x509_crt_get_subject_alt_name(crt, i,
		    buf_grow(name, len), &len, NULL);
		if (type != GNUTLS_E_SHORT_MEMORY_BUFFER)
			break;
	}
	name->len = type >= 0 ? len : 0;
	return type;
}

/* At most longest octets of a name, and dots for the rest. */
static char *
safe_name(const char *name, size_t len, size_t longest)
{
	char *safe, *cut;

	if (len <= longest)
		return log_safe(name, len);
	safe = log_safe(name, longest);
	cut = xasprintf("%s...", safe);
	free(safe);
	return cut;
}

/* How many subjectAltNames could name a host; the first few into names. */
static size_t
alt_names(gnutls_x509_crt_t crt, size_t longest, struct buf *names)
{
	char address[INET6_ADDRSTRLEN], *safe;
	struct buf name = BUF_INIT;
	unsigned int i;
	size_t n = 0;
	int type;

	for (i = 0; (type = alt_name(crt, i, &name)) >= 0; i++) {
		if (type == GNUTLS_SAN_IPADDRESS) {
			alt_address(name.data, name.len, address);
			safe = xstrdup(address);
		} else if (type == GNUTLS_SAN_DNSNAME)
			safe = safe_name(name.data, name.len, longest);
		else
			continue;
		if (n < NAMES_SHOWN)
			buf_printf(names, "%s%s", n > 0 ? ", " : "", safe);
		else if (n == NAMES_SHOWN)
			buf_puts(names, ", ...");
		free(safe);
		n++;
	}
	buf_clear(&name);
	return n;
}

static void
common_name(gnutls_x509_crt_t crt, struct buf *out)
{
	char name[256], *safe;
	size_t len = sizeof(name);

	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
		0, name, &len) < 0)
		len = 0;
	safe = log_safe(name, len);
	buf_puts(out, len > 0 ? safe : "nobody");
	free(safe);
}

__attribute__((format(printf, 2, 3))) static void
add_reason(struct buf *reasons, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(reasons, "%s%s", reasons->len > 0 ? ", and " : "", text);
}

/* Is a * in it anything but the whole of its leftmost part? */
static bool
is_fragment(const char *name)
{
	const char *star = strchr(name, '*');

	return star != NULL &&
	    (star != name || name[1] != '.' || strchr(name + 1, '*') != NULL);
}

/* GnuTLS lets *p.example.org be for pop.example.org; RFC 7817 section 3 not. */
static bool
fits_by_fragment(const char *host, gnutls_x509_crt_t crt)
{
	const char *domain = strchr(host, '.');
	struct buf name = BUF_INIT;
	bool any = false, whole = false;
	int type;

	if (gnutls_x509_crt_check_hostname2(crt, host,
		GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS) != 0)
		return false;
	for (unsigned int i = 0; (type = alt_name(crt, i, &name)) >= 0; i++) {
		if (type != GNUTLS_SAN_DNSNAME)
			continue;
		if (is_fragment(buf_text(&name)))
			any = true;
		else if (name.data[0] == '*' && domain != NULL &&
		    strcasecmp(buf_text(&name) + 1, domain) == 0)
			whole = true;
	}
	buf_clear(&name);
	return any && !whole;
}

static void
judge_name(const struct tls_cert *cert, gnutls_x509_crt_t crt,
    unsigned int status, struct buf *reasons)
{
	struct buf names = BUF_INIT;
	size_t count = alt_names(crt, NAME_SHOWN, &names);

	if ((status & GNUTLS_CERT_UNEXPECTED_OWNER) != 0 ||
	    fits_by_fragment(cert->host, crt)) {
		if (names.len == 0)
			common_name(crt, &names);
		add_reason(reasons, "is for %s, not for %s", buf_text(&names),
		    cert->host);
	} else if (count == 0) {
		/* GnuTLS falls back to the CN; RFC 6125 and 8314 are past it */
		add_reason(reasons,
		    "names %s only as its common name (CN), not as a "
		    "subjectAltName",
		    cert->host);
	}
	buf_clear(&names);
}

static void
judge_dates(gnutls_x509_crt_t crt, unsigned int status, struct buf *reasons)
{
	time_t now = time(NULL);
	time_t from = gnutls_x509_crt_get_activation_time(crt);
	time_t until = gnutls_x509_crt_get_expiration_time(crt);
	char date[32];

	/* looked at here too: GnuTLS does not for an untrusted issuer */
	if (until < now) {
		format_date(until, date, sizeof(date));
		add_reason(reasons, "expired on %s", date);
	} else if ((status & GNUTLS_CERT_EXPIRED) != 0)
		add_reason(reasons,
		    "has an issuer whose own certificate has "
		    "expired");
	if (from > now) {
		format_date(from, date, sizeof(date));
		add_reason(reasons, "is not valid until %s", date);
	} else if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0)
		add_reason(reasons,
		    "has an issuer whose own certificate is "
		    "not valid yet");
}

static void
judge_issuer(gnutls_x509_crt_t crt, unsigned int status, struct buf *reasons)
{
	gnutls_datum_t dn;
	char *safe;

	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) == 0)
		return;
	if (gnutls_x509_crt_check_issuer(crt, crt) != 0) {
		add_reason(reasons, "is self-signed");
		return;
	}
	if (gnutls_x509_crt_get_issuer_dn3(crt, &dn, 0) < 0) {
		add_reason(reasons, "has an unknown issuer");
		return;
	}
	safe = log_safe(dn.data, dn.size);
	add_reason(reasons, "was issued by an unknown authority (%s)", safe);
	free(safe);
	gnutls_free(dn.data);
}

static void
judge_rest(unsigned int status, struct buf *reasons)
{
	static const struct {
		unsigned int bit;
		const char *words;
	} table[] = {
		{ GNUTLS_CERT_REVOKED, "was revoked" },
		{ GNUTLS_CERT_SIGNER_NOT_CA,
		    "was issued by a certificate that is no authority's" },
		{ GNUTLS_CERT_INSECURE_ALGORITHM,
		    "is signed with an insecure algorithm" },
		{ GNUTLS_CERT_SIGNATURE_FAILURE, "has a bad signature" },
		{ GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED,
		    "has a revocation list that is out of date" },
		{ GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
		    "has a revocation list from the future" },
		{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
		    "is outside what its issuer may sign" },
		{ GNUTLS_CERT_PURPOSE_MISMATCH, "is not for a server" },
		{ GNUTLS_CERT_MISSING_OCSP_STATUS,
		    "must come with a status (OCSP must-staple) and did not" },
		{ GNUTLS_CERT_INVALID_OCSP_STATUS,
		    "came with a bad status (OCSP)" },
		{ GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
		    "has a critical extension that is not known" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((status & table[i].bit) != 0)
			add_reason(reasons, "%s", table[i].words);
	if (status != 0 && reasons->len == 0)
		add_reason(reasons, "is not trusted");
}

/* RFC 8446 section 6.2: what the alert says, of the first that is so. */
static gnutls_alert_description_t
alert_for(unsigned int status)
{
	static const struct {
		unsigned int bits;
		gnutls_alert_description_t alert;
	} table[] = {
		{ GNUTLS_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED },
		{ GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED,
		    GNUTLS_A_CERTIFICATE_EXPIRED },
		{ GNUTLS_CERT_SIGNER_NOT_FOUND, GNUTLS_A_UNKNOWN_CA },
		{ GNUTLS_CERT_PURPOSE_MISMATCH,
		    GNUTLS_A_UNSUPPORTED_CERTIFICATE },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((status & table[i].bits) != 0)
			return table[i].alert;
	return GNUTLS_A_BAD_CERTIFICATE;
}

/* The chain against the authorities that are loaded; GnuTLS's code. */
static int
verify_chain(const struct tls_cert *cert, gnutls_session_t session,
    unsigned int *status)
{
	gnutls_typed_vdata_st data[2] = {
		{ .type = GNUTLS_DT_DNS_HOSTNAME,
		    .data = (unsigned char *)cert->host },
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID,
		    .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER },
	};

	return gnutls_certificate_verify_peers(session, data, 2, status);
}

/*
 * Against the few authorities that the chain names, if that will do: to accept
 * it GnuTLS would look at no others. To refuse it, all have a say.
 */
static bool
is_good_by_named(struct tls_cert *cert, gnutls_session_t session)
{
	unsigned int status;

	return !cert->all_loaded && load_named(cert, session) &&
	    verify_chain(cert, session, &status) == 0 && status == 0;
}

/*
 * The chain against the authorities; words for each fault into reasons. -1:
 * they cannot be loaded.
 */
static int
judge(struct tls_cert *cert, gnutls_session_t session, const struct leaf *leaf,
    struct buf *reasons, struct err *err)
{
	unsigned int status = 0;
	int rc = 0;

	if (!is_good_by_named(cert, session)) {
		if (!cert->all_loaded && load_all(cert, err) == -1)
			return -1;
		rc = verify_chain(cert, session, &status);
	}
	if (rc < 0) {
		add_reason(reasons, "cannot be checked: %s",
		    gnutls_strerror(rc));
		return 0;
	}
	cert->alert = alert_for(status);
	judge_dates(leaf->crt, status, reasons);
	judge_issuer(leaf->crt, status, reasons);
	judge_name(cert, leaf->crt, status, reasons);
	judge_rest(status, reasons);
	return 0;
}

static int
judge_leaf(struct tls_cert *cert, gnutls_session_t session,
    const struct leaf *leaf, struct err *err)
{
	struct buf reasons = BUF_INIT;
	char hex[2 * PIN_LEN + 1];
	int rc = 0;

	format_hex(leaf->key_pin, PIN_LEN, hex);
	if (cert->pins_count > 0 && !pin_matches(cert, leaf))
		add_reason(&reasons, "is not the one that is pinned");
	if (!cert->options->pin_only &&
	    (tls_cert_trust(cert, err) == -1 ||
		judge(cert, session, leaf, &reasons, err) == -1)) {
		cert->alert = GNUTLS_A_INTERNAL_ERROR;
		buf_clear(&reasons);
		return -1;
	}
	if (reasons.len > 0)
		rc = err_set(err, EX_UNAVAILABLE,
		    "the certificate of %s %s (its key: --tls-pin=sha256:%s)",
		    cert->host, buf_text(&reasons), hex);
	buf_clear(&reasons);
	return rc;
}

int
tls_cert_verify(struct tls_cert *cert, gnutls_session_t session,
    struct err *err)
{
	const gnutls_datum_t *chain;
	unsigned int count = 0;
	struct leaf leaf;
	int rc = -1;

	cert->alert = GNUTLS_A_BAD_CERTIFICATE;
	chain = gnutls_certificate_get_peers(session, &count);
	if (chain == NULL || count == 0)
		return err_set(err, EX_UNAVAILABLE, "%s shows no certificate",
		    cert->host);
	if (import(&leaf.crt, &chain[0]) == -1)
		return err_set(err, EX_UNAVAILABLE,
		    "the certificate of %s cannot be read", cert->host);
	if (make_pins(leaf.crt, leaf.cert_pin, leaf.key_pin) == -1)
		err_set(err, EX_UNAVAILABLE,
		    "the certificate of %s cannot be read", cert->host);
	else
		rc = judge_leaf(cert, session, &leaf, err);
	gnutls_x509_crt_deinit(leaf.crt);
	return rc;
}

int
tls_cert_alert(const struct tls_cert *cert)
{
	return cert->alert;
}

/* ---- in words ---- */

static void
describe_dn(int rc, gnutls_datum_t *dn, const char *key, struct buf *out)
{
	char *safe;

	if (rc < 0)
		return;
	safe = log_safe(dn->data, dn->size);
	buf_printf(out, "tls: %s %s\n", key, safe);
	free(safe);
	gnutls_free(dn->data);
}

static void
describe_one(gnutls_x509_crt_t crt, unsigned int depth, struct buf *out)
{
	unsigned char cert_pin[PIN_LEN], key_pin[PIN_LEN];
	char from[32], until[32], hex[2 * PIN_LEN + 1];
	gnutls_datum_t dn;
	int rc;

	rc = gnutls_x509_crt_get_dn3(crt, &dn, 0);
	describe_dn(rc, &dn, depth == 0 ? "certificate" : "chain", out);
	rc = gnutls_x509_crt_get_issuer_dn3(crt, &dn, 0);
	describe_dn(rc, &dn, "issuer", out);
	format_date(gnutls_x509_crt_get_activation_time(crt), from,
	    sizeof(from));
	format_date(gnutls_x509_crt_get_expiration_time(crt), until,
	    sizeof(until));
	buf_printf(out, "tls: valid %s to %s\n", from, until);
	if (depth > 0 || make_pins(crt, cert_pin, key_pin) == -1)
		return;
	format_hex(cert_pin, PIN_LEN, hex);
	buf_printf(out, "tls: certificate pin sha256:%s\n", hex);
	format_hex(key_pin, PIN_LEN, hex);
	buf_printf(out, "tls: key pin sha256:%s\n", hex);
}

void
tls_cert_describe(gnutls_session_t session, struct buf *out)
{
	const gnutls_datum_t *chain;
	struct buf names = BUF_INIT;
	gnutls_x509_crt_t crt;
	unsigned int i, count = 0;

	chain = gnutls_certificate_get_peers(session, &count);
	for (i = 0; chain != NULL && i < count; i++) {
		if (import(&crt, &chain[i]) == -1)
			continue;
		describe_one(crt, i, out);
		if (i == 0 && alt_names(crt, SIZE_MAX, &names) > 0 &&
		    names.len > 0)
			buf_printf(out, "tls: names %s\n", buf_text(&names));
		buf_clear(&names);
		gnutls_x509_crt_deinit(crt);
	}
}
