/* SPDX-License-Identifier: ISC */
/* The ways to log in, and which of them to try in which order. */
#ifndef POP3_MECHANISM_H
#define POP3_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum mechanism_kind {
	MECHANISM_USER,  /* USER and PASS */
	MECHANISM_APOP,  /* RFC 1939 section 7 */
	MECHANISM_RPOP,  /* RFC 1081: trusted host, no password */
	MECHANISM_SASL,  /* AUTH, by GNU SASL */
	MECHANISM_TOKEN, /* AUTH with a bearer token */
};

struct mechanism {
	const char *name; /* as --auth takes it */
	const char *sasl; /* as AUTH takes it, or NULL */
	enum mechanism_kind kind;
	bool automatic;
	bool reveals; /* who listens can use what he hears */
	bool binding; /* needs TLS channel binding */
	bool first;   /* the client speaks first */
	bool password;
	/* the server has judged a secret after this many responses */
	int proof_at;
};

#define MECHANISMS_MAX 16

struct mechanism_offer {
	const char *peer;
	const char *wanted; /* --auth, or NULL */
	const char *sasl;   /* CAPA's list; "" if there is none */
	bool tls;
	bool may_reveal;     /* TLS, or --insecure-auth */
	bool token, binding; /* we have one */
};

/*
 * Fill list with what to try, the best first; returns how many, or -1:
 * EX_UNAVAILABLE nothing acceptable, EX_CONFIG wanted cannot be used.
 */
int mechanism_choose(const struct mechanism_offer *offer,
    const struct mechanism *list[MECHANISMS_MAX], struct err *err);

const struct mechanism *mechanism_find(const char *name);

/* The APOP timestamp in a greeting, or NULL; *len its length with <>. */
const char *mechanism_timestamp(const char *greeting, size_t *len);

#endif
