/* SPDX-License-Identifier: ISC */
/* One SASL exchange, the client's side, by GNU SASL. */
#ifndef POP3_SASL_H
#define POP3_SASL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct sasl;

/*
 * What a server may ask of us in SCRAM (RFC 5802 section 5.1, "i="): about a
 * second of work, as no signal is heard meanwhile.
 */
#define SASL_ITERATIONS_MAX 1000000
/* And what it must, where others may be listening (RFC 7677 section 4). */
#define SASL_ITERATIONS_CLEAR 4096

struct sasl_options {
	const char *mechanism; /* as AUTH takes it */
	const char *user;
	const char *authzid;  /* or NULL */
	const char *password; /* or NULL */
	const char *host;     /* or NULL */
	/* channel binding for -PLUS: "tls-exporter" or "tls-unique" */
	const char *binding_type;
	const void *binding;
	size_t binding_len;
	bool clear; /* what is sent may be heard by others */
};

/* NULL: EX_CONFIG, the library does not know the mechanism. */
struct sasl *sasl_new(const struct sasl_options *options, struct err *err);
void sasl_free(struct sasl *sasl);

/*
 * What to answer to a challenge (decoded; empty at first), appended to
 * response. Returns 1 while the exchange goes on, 0 when it is complete for our
 * side: only then may the server's +OK be believed. -1: EX_PROTOCOL the server
 * does not prove itself or asks too much, EX_CONFIG the password cannot be
 * used, EX_NOPERM no Kerberos ticket.
 */
int sasl_step(struct sasl *sasl, const char *challenge, size_t len,
    struct buf *response, struct err *err);

#endif
