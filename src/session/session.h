/* SPDX-License-Identifier: ISC */
/*
 * From an account to a logged-in pop3: connect, TLS or STLS, CAPA, UTF8, login,
 * LANG. QUIT. What depends on all four of net, account, pop3 and their order is
 * here and nowhere else.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/child.h"
#include "pop3/pop3.h"

struct account;
struct buf;
struct err;

struct session {
	struct account *account; /* borrowed */
	struct pop3 *pop3;
	struct child tunnel;
	int64_t until_ms;                 /* of the whole run */
	unsigned int caps_before;         /* CAPA before login */
	char **capa_before, **capa_after; /* lines, for capa; owned */
	bool utf8;
	struct pop3_request lang; /* under way, or answered */
	struct pop3_request quit; /* under way: session_quit_behind */
	bool quitting;
};

/*
 * Steps, each done by session_open in order; check takes them one by one. All
 * return 0 or -1 with account's name not yet in front. Where a server dies of
 * CAPA, session_secure and session_login begin anew without it (account->capa
 * is then ACCOUNT_CAPA_GIVEN_UP): session->pop3 may be another behind them.
 */
int session_connect(struct session *session, struct account *account,
    int64_t until_ms, struct err *err); /* connected, TLS, greeting */
int session_secure(struct session *session,
    struct err *err); /* CAPA, STLS, CAPA, UTF8 */
/* LANG is only queued: it leaves with what is submitted next. */
int session_login(struct session *session, struct err *err);
int session_open(struct session *session, struct account *account,
    int64_t until_ms, struct err *err);

/* When the next step must be done: --timeout from now, or --deadline. */
int64_t session_until(const struct session *session);

/* CAPA as it is after login, asked now if it was not; none with capa = off. */
int session_capa(struct session *session, struct err *err);

/*
 * Queue QUIT behind what has been submitted, to save a round trip; session_quit
 * then waits for its answer.
 */
int session_quit_behind(struct session *session, struct err *err);
/*
 * QUIT, its answer checked; closes. -1: EX_UNAVAILABLE refused (deletions may
 * not have been made); lost, which matters only if deletes.
 */
int session_quit(struct session *session, bool deletes, struct err *err);
/* Without QUIT. Harmless when closed or never opened (a zeroed struct). */
void session_close(struct session *session);

#endif
