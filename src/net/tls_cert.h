/* SPDX-License-Identifier: ISC */
/*
 * Which certificates count: trust store, revocation lists, pins, our own
 * certificate and key; and what is wrong with one, in words.
 */
#ifndef NET_TLS_CERT_H
#define NET_TLS_CERT_H

struct buf;
struct err;
struct gnutls_certificate_credentials_st;
struct gnutls_session_int;
struct tls_cert;
struct tls_options;

/*
 * Reads pins and our own certificate; host and options must stay until the
 * handshake is over. NULL: EX_CONFIG.
 */
struct tls_cert *tls_cert_new(const char *host,
    const struct tls_options *options, struct err *err);
void tls_cert_free(struct tls_cert *cert);
struct gnutls_certificate_credentials_st *tls_cert_credentials(
    const struct tls_cert *cert);

/*
 * Read trusted certificates and revocation lists, once: apart, so that it can
 * be done while the server thinks about its first answer. -1: EX_CONFIG.
 */
int tls_cert_trust(struct tls_cert *cert, struct err *err);

/* Judge the peer's chain. -1: EX_UNAVAILABLE (or what tls_cert_trust says). */
int tls_cert_verify(struct tls_cert *cert, struct gnutls_session_int *session,
    struct err *err);

/* The alert (RFC 8446 section 6.2) that goes out for a chain just refused. */
int tls_cert_alert(const struct tls_cert *cert);

/* The chain and the pins, a line each (tls_describe). */
void tls_cert_describe(struct gnutls_session_int *session, struct buf *out);

#endif
