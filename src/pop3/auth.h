/* SPDX-License-Identifier: ISC */
/* Logging in: which way, and the exchange. GNU SASL is behind pop3/sasl.c. */
#ifndef POP3_AUTH_H
#define POP3_AUTH_H

#include <stdbool.h>

struct err;
struct pop3;

struct pop3_credentials {
	const char *user;
	const char *authzid; /* or NULL */
	/* Secrets are asked for when they are needed; NULL: EX_CONFIG and so
	 * on. The callee wipes and frees. */
	char *(*password)(void *arg, struct err *err);
	char *(
	    *token)(void *arg, struct err *err); /* or NULL: none configured */
	void *arg;
	const char
	    *mechanism;   /* --auth: "auto" or NULL, or one by name: user, apop,
			     rpop, plain, login, cram-md5, scram-sha-1,
			     scram-sha-1-plus, scram-sha-256, scram-sha-256-plus,
			     external, gssapi, xoauth2, oauthbearer */
	bool tls;         /* the line is protected */
	bool insecure;    /* --insecure-auth */
	const char *host; /* for SASL service names */
};

/*
 * Log in. At most two attempts that carry a password. -1: EX_NOPERM refused,
 * EX_TEMPFAIL IN-USE, LOGIN-DELAY, SYS/TEMP, EX_UNAVAILABLE no acceptable
 * mechanism, SYS/PERM, or where the server has AUTH-RESP-CODE no AUTH,
 * EX_PROTOCOL a server that does not prove itself.
 */
int pop3_login(struct pop3 *pop3, const struct pop3_credentials *credentials,
    struct err *err);

/* Is this a name that --auth takes? 0, or -1: EX_CONFIG. */
int pop3_auth_check(const char *mechanism, struct err *err);
const char *pop3_auth_names(void); /* all, separated by blanks */

#endif
