/* SPDX-License-Identifier: ISC */
/* TLS for a stream, through GnuTLS; nothing else includes its headers but
 * base/digest.c. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;
struct tls;
struct tls_store;

struct tls_options {
	const char *ca_file; /* NULL: the system's trust store */
	/* what is in ca_file, read already; NULL: it is read */
	const struct tls_store *store;
	const char *crl_file;
	const char *const *pins; /* NULL-ended SHA-256 pins, hex (colons
				    allowed) or base64, "sha256:" before it
				    allowed: of certificate or public key */
	bool pin_only;           /* pins instead of the CAs, not in addition */
	const char *cert_file, *key_file; /* PEM, or pkcs11: URLs */
	const char *key_password;         /* of key_file, or NULL */
	const char *priority;             /* GnuTLS priority string, or NULL */
};

/* Is it one that pins above may hold? */
bool tls_pin_is_good(const char *pin);
/* Does the key in this PEM file need a password? (PKCS #8, or traditional) */
bool tls_key_is_encrypted(const char *file);

/*
 * Handshake as a client on fd (non-blocking, borrowed) with host as SNI and for
 * verification, until until_ms. TLS 1.2 or newer, ALPN pop3 offered. NULL:
 * EX_UNAVAILABLE with a sentence that says what is wrong with the certificate
 * and, where it helps, the pin seen, or that the other side does not speak TLS;
 * EX_TEMPFAIL lost or late; EX_CONFIG for options that cannot be used
 * (unreadable file, bad priority, bad pin).
 */
struct tls *tls_start(int fd, const char *host,
    const struct tls_options *options, int64_t until_ms, struct err *err);

/*
 * Decrypted octets into data: > 0; 0: none now; -1: an error; -2: closed by
 * close_notify. A FIN without close_notify is -1, EX_TEMPFAIL.
 */
ssize_t tls_recv(struct tls *tls, void *data, size_t len, struct err *err);
/* Like tls_recv; after 0 the same data must be offered again. */
ssize_t tls_send(struct tls *tls, const void *data, size_t len,
    struct err *err);
/*
 * The event (poll(2)) that another handshake, which the server asked for, is
 * waiting for; tls_recv goes on with it, and tls_send sends nothing before it
 * is over. 0: there is none.
 */
short tls_handshaking(const struct tls *tls);
/* Is input waiting that poll(2) on the descriptor would not show? */
bool tls_pending(const struct tls *tls);
/* Octets received and sent on the descriptor, handshake included. */
uint64_t tls_received(const struct tls *tls);
/* close_notify, not waited for; frees. */
void tls_free(struct tls *tls);

/*
 * Protocol, cipher, chain (subject, issuer, dates), pins, one line each:
 * "tls: TLS1.3 ..." and so on, for capa --verbose and check. Server text is
 * escaped.
 */
void tls_describe(const struct tls *tls, struct buf *out);

/*
 * Channel binding data for SCRAM-*-PLUS: "tls-exporter" on TLS 1.3,
 * "tls-unique" on 1.2 with extended master secret. The type, or NULL where
 * there is none.
 */
const char *tls_binding(struct tls *tls, struct buf *out);

/* host as A-labels (IDNA 2008); the caller frees. NULL: it has none. */
char *tls_idna(const char *host);

#endif
