/* SPDX-License-Identifier: ISC */
/* What the parts of the tests' POP3 server share. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* How a connection ends. */
enum ending {
	END_FIN,
	END_RST,
	END_STALL
};

enum fault_kind {
	FAULT_REPLACE, /* say text, do nothing */
	FAULT_BEFORE,  /* say text, then do and answer */
	FAULT_AFTER,   /* do and answer, then say text */
	FAULT_END,     /* end the connection instead */
	FAULT_DROP     /* do it, end the connection instead of answering */
};

struct fault {
	enum fault_kind kind;
	char command[16];
	unsigned long nth; /* of its kind in a connection; 0: each */
	char *text;        /* of END and DROP: NULL */
	size_t text_len;
	enum ending ending;
};

struct user {
	char *name;
	char *password;
};

struct server {
	const char *mailbox;
	const char *script;
	const char *address;
	struct user *users;
	size_t user_count;
	struct fault *faults;
	size_t fault_count;
	bool per_user, preload, raw, uidl_is_name, lock;
	bool apop, utf8, keep_deleted, hide_retrieved;
	bool no_capa, no_uidl, no_top, no_pipelining, no_stls;
	const char *caps, *caps_after; /* comma separated, or NULL */
	const char *uidl_map, *salt;
	const char *sasl; /* mechanisms by GNU SASL, blank separated, or NULL */
	bool other_binding;
	const char *stat; /* said in place of the truth, or NULL */
	long size_lie;
	const char *cert, *key, *client_ca, *priority;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priorities;
	uint64_t cut_after, cut_raw_after; /* UINT64_MAX: never */
	enum ending cut_ending;
	unsigned long fault_connections; /* faults only in the first so many */
	unsigned int latency_ms, lifetime_s;
	bool until_eof;
	int log_fd;
};

#define CONN_IOVS 256
#define CONN_TEXT 65536

struct conn {
	const struct server *server;
	unsigned long number; /* from 1 */
	int fd;
	gnutls_session_t tls;
	bool dead;   /* ended by us, by the peer, or by a fault */
	bool faulty; /* faults are on in this connection */
	uint64_t sent, sent_raw;
	/* input: what has arrived, and how far it is used */
	char in[65536];
	size_t in_len, in_pos;
	/* output: pieces, and the place of those that had to be copied */
	struct iovec iov[CONN_IOVS];
	int iov_count;
	size_t queued;
	char text[CONN_TEXT];
	size_t text_len;
};

/* conn.c */
void conn_open(struct conn *conn, const struct server *server, int fd,
    unsigned long number);
/* The server's side of a handshake; -1: it failed and the connection is dead.
 */
int conn_tls(struct conn *conn);
/*
 * The next line without its line end, NUL-terminated, valid until the next
 * call; what is queued is sent before waiting for it. NULL: there is no more.
 */
char *conn_line(struct conn *conn);
/* Is a whole line there without waiting? */
bool conn_has_line(const struct conn *conn);
/* Queue octets by reference: they must stay until the flush. */
void conn_add(struct conn *conn, const void *data, size_t len);
/* Queue octets by copy. */
void conn_copy(struct conn *conn, const void *data, size_t len);
void conn_say(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Forget what was queued since the last flush. */
void conn_forget(struct conn *conn);
void conn_flush(struct conn *conn);
/* End it so; a stall lasts until the peer goes away. */
void conn_end(struct conn *conn, enum ending ending);
/* An orderly end: flush, close_notify. */
void conn_close(struct conn *conn);
/* A line in the log, if there is one. */
void conn_log(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sleep_ms(unsigned int ms);

/* mailbox.c */
struct message {
	char *path, *name, *uid;
	char *wire; /* stuffed, with the last line's dot */
	size_t wire_len;
	uint64_t size;
	bool *gone; /* shared by all processes when preloaded */
	bool deleted, retrieved;
};

struct mailbox {
	struct message *messages;
	size_t count;
	int lock_fd;
};

/* Load all messages of a directory, in the order of their names. */
struct mailbox *mailbox_load(const struct server *server, const char *dir);
/* Drop the messages that other sessions removed. */
void mailbox_refresh(struct mailbox *mailbox);
/* Remove what is marked as deleted; -1: not everything. */
int mailbox_expunge(struct mailbox *mailbox, const struct server *server);
/* -1: another session holds it. */
int mailbox_lock(struct mailbox *mailbox, const char *dir);

/* pop3.c: a session over a mailbox. */
void pop3_serve(struct conn *conn, const struct server *server,
    struct mailbox *preloaded);

/* script.c: play a transcript to the connections of listener; 0: all heard. */
int script_play(const struct server *server, int listener);

/*
 * sasl.c: an exchange of this mechanism; first is the initial response or
 * NULL. The user's name, or NULL: refused.
 */
const char *sasl_serve(struct conn *conn, const char *mechanism,
    const char *first);

/* text.c */
/* Copy with C escapes undone; *len octets, NUL-terminated. */
char *unescape(const char *text, size_t *len);
/* COMMAND:K[=TEXT] of a fault option. */
void fault_add(struct server *server, enum fault_kind kind, enum ending ending,
    const char *spec, const char *text);
const struct fault *fault_find(const struct server *server, const char *command,
    unsigned long nth, enum fault_kind kind);

#endif
