/* SPDX-License-Identifier: ISC */
/* Private to this room: a connection to an LMTP server, lines both ways. */
#ifndef DELIVER_LMTP_CONN_H
#define DELIVER_LMTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deliver_hooks;
struct err;
struct net_target;

struct lmtp_conn {
	int fd;           /* -1: none */
	const char *peer; /* borrowed: names it in sentences */
	int timeout_ms;   /* of each answer */
	int64_t until_ms; /* deadline.h: of all of them */
	int64_t stop_ms;  /* since a stop signal: as well; 0: none has come */
	bool eight_bit;   /* 8BITMIME was offered */
	size_t in_pos, in_len, out_len;
	char in[4096];
	char out[65536];
};

/* What a server said; text is its last line, ready to be shown. */
struct lmtp_reply {
	int code;
	char text[512];
};

/* Connect, greeting, LHLO. -1: EX_TEMPFAIL, and there is no connection. */
int lmtp_connect(struct lmtp_conn *conn, const struct net_target *target,
    const struct deliver_hooks *hooks, struct err *err);
/* QUIT, and close; the answer is waited for a little, for politeness. */
void lmtp_close(struct lmtp_conn *conn);
/* Queue octets; they are sent as room runs out and by lmtp_reply. */
int lmtp_send(struct lmtp_conn *conn, const void *data, size_t len,
    const struct deliver_hooks *hooks, struct err *err);
/*
 * Send what is queued and read a reply. -1: EX_TEMPFAIL lost, late or not LMTP:
 * the connection has been closed.
 */
int lmtp_reply(struct lmtp_conn *conn, struct lmtp_reply *reply,
    const struct deliver_hooks *hooks, struct err *err);

#endif
