/* SPDX-License-Identifier: ISC */
/* What OAUTHBEARER (RFC 7628) and XOAUTH2 say. */
#ifndef POP3_OAUTH_H
#define POP3_OAUTH_H

struct buf;
struct err;

/*
 * The client's message, not yet base64. host may be NULL. -1: EX_CONFIG, user
 * or token hold what may not be in it.
 */
int oauth_message(const char *mechanism, const char *user, const char *authzid,
    const char *host, const char *token, struct buf *out, struct err *err);

/* The answer, in base64, to a challenge that says why the token is refused. */
const char *oauth_acknowledge(const char *mechanism);

#endif
