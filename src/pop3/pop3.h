/* SPDX-License-Identifier: ISC */
/*
 * The protocol core (RFC 1939, 2449, 2595, 5034, 6856): one queue of requests.
 * A request is submitted; replies finish in order. Lock-step is a window of
 * one.
 */
#ifndef POP3_POP3_H
#define POP3_POP3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct pop3;
struct stream;

/* Response codes (RFC 2449 section 8, RFC 3206, RFC 6856). */
enum pop3_code {
	POP3_CODE_NONE,
	POP3_CODE_IN_USE,
	POP3_CODE_LOGIN_DELAY,
	POP3_CODE_SYS_TEMP,
	POP3_CODE_SYS_PERM,
	POP3_CODE_SYS, /* with no lower level, or one that nobody knows */
	POP3_CODE_AUTH,
	POP3_CODE_UTF8,
	POP3_CODE_OTHER
};

/* Bits of pop3_caps(). */
#define POP3_CAP_TOP (1u << 0)
#define POP3_CAP_UIDL (1u << 1)
#define POP3_CAP_USER (1u << 2)
#define POP3_CAP_PIPELINING (1u << 3)
#define POP3_CAP_STLS (1u << 4)
#define POP3_CAP_UTF8 (1u << 5)
#define POP3_CAP_LANG (1u << 7)
#define POP3_CAP_RESP_CODES (1u << 8)
#define POP3_CAP_AUTH_RESP_CODE (1u << 9)
#define POP3_CAP_EXPIRE (1u << 10)
#define POP3_CAP_LOGIN_DELAY (1u << 11)
#define POP3_CAP_SASL (1u << 12)
#define POP3_CAP_IMPLEMENTATION (1u << 13)

#define POP3_EXPIRE_NEVER UINT32_MAX

/* Octets of a command with its CRLF (RFC 2449 section 4). */
#define POP3_COMMAND_MAX 255

struct pop3_options {
	int timeout_ms;   /* no octet within: EX_TEMPFAIL */
	int64_t until_ms; /* the whole session (deadline.h) */
	int window;   /* requests in flight at most: 0 as many as are useful, 1
		       * never pipeline; more than one only where CAPA offers it
		       */
	bool early;   /* CAPA may travel before the greeting has come */
	bool no_capa; /* CAPA is not sent, as if it had been refused */
	int capa_ms;  /* CAPA must be answered within this; 0: as all else */
};

/* What a request takes as its reply. */
enum pop3_shape {
	POP3_LINE,     /* a status line */
	POP3_LINES,    /* +OK, then lines to a dot: CAPA, LIST, UIDL */
	POP3_BODY,     /* +OK, then a message to a dot: RETR, TOP */
	POP3_CHALLENGE /* a status line, or "+" and a challenge: AUTH */
};

/* 0 unanswered; these while and after finishing. */
enum pop3_result {
	POP3_PENDING,
	POP3_OK,
	POP3_ERR,
	POP3_MORE, /* a challenge */
	POP3_LOST  /* the session died first */
};

/*
 * Storage is the submitter's until done has been called. A callback of body or
 * lines that returns -1 stops further calls for this request (the rest of its
 * reply is read and dropped).
 */
struct pop3_request {
	enum pop3_shape shape;
	uint64_t weight; /* octets expected: counts against the window */
	/* more than this, of body or lines, and the session is dead: */
	uint64_t max_octets; /* 0: 32 MiB for lines, none for bodies */
	uint32_t max_lines;  /* 0: 2^20 */
	bool is_listing; /* of one message: as long as a line of the listing */
	/* octets as delivered: unstuffed, line ends LF; any split */
	int (*body)(void *arg, const char *data, size_t len, struct err *err);
	/* one line without its end */
	int (*line)(void *arg, const char *line, size_t len, struct err *err);
	/* what stands behind +OK, raw and whole; may be NULL */
	int (*begin)(void *arg, const char *text, size_t len, struct err *err);
	void (*done)(void *arg, struct pop3_request *request);
	void *arg;
	struct err *failure; /* where a callback's -1 is put; may be NULL */

	/* the outcome */
	enum pop3_result result;
	enum pop3_code code;
	char text[256];  /* the status line behind +OK or -ERR, raw, cut */
	uint64_t octets; /* of the body: CRLF as two, stuffing removed */
	char head[5];    /* the first octets of the body */
	uint8_t head_len;
	bool failed; /* a callback returned -1 */

	/* the queue's */
	struct pop3_request *next;
	size_t command_len;
	bool secret;
	uint64_t expected; /* what is left of weight */
	char name[24];     /* for sentences: "RETR 3", no arguments of logins */
};

/*
 * Takes the stream. greeting must be read with pop3_greeting before any
 * other command may finish; a command submitted before it waits in line.
 */
struct pop3 *pop3_new(struct stream *stream,
    const struct pop3_options *options);
/* Without QUIT: a session that ends so deletes nothing (RFC 1939 section 6). */
void pop3_free(struct pop3 *pop3);

/*
 * -1: EX_UNAVAILABLE refused (EX_TEMPFAIL with IN-USE and the like),
 * EX_PROTOCOL not a POP3 greeting, EX_TEMPFAIL lost or late.
 */
int pop3_greeting(struct pop3 *pop3, struct err *err);
const char *pop3_greeting_text(const struct pop3 *pop3);

/*
 * Put a command in the queue; it goes out when the window allows and pop3_step
 * is called. request->shape, callbacks, weight are set. CR, LF, NUL or more
 * than 255 octets (AUTH continuation aside): -1, EX_SOFTWARE or EX_USAGE.
 */
int pop3_submit(struct pop3 *pop3, struct pop3_request *request,
    struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Is it time to submit more? A few commands wait behind the window, so that
 * they leave grouped. */
bool pop3_has_room(const struct pop3 *pop3);
size_t pop3_outstanding(const struct pop3 *pop3);
/*
 * What a stop signal (base/signals.h) does: kills the session with 128+n; makes
 * pop3_step return 0; nothing any more (the caller is draining).
 */
enum pop3_stop {
	POP3_STOP_DIES,
	POP3_STOP_RETURNS,
	POP3_STOP_IGNORED
};
void pop3_on_stop(struct pop3 *pop3, enum pop3_stop stop);
/* From a callback: pop3_step returns before it takes in another reply. */
void pop3_pause(struct pop3 *pop3);
/* pop3_step returns 0 once fd (-1: none) is readable, too. */
void pop3_wake(struct pop3 *pop3, int fd);
/* Another deadline for the whole session. */
void pop3_until(struct pop3 *pop3, int64_t until_ms);

/*
 * Move on: send what the window allows, wait at most until until_ms for input,
 * handle it. 1: something happened, 0: until_ms or a stop signal came first;
 * -1: the session is dead (all outstanding requests have been finished as
 * POP3_LOST): EX_TEMPFAIL lost or late, EX_PROTOCOL out of step.
 */
int pop3_step(struct pop3 *pop3, int64_t until_ms, struct err *err);
/* Until this request is done; 0 whatever its result, -1 as pop3_step. */
int pop3_finish(struct pop3 *pop3, struct pop3_request *request,
    struct err *err);
/* Until none is outstanding. */
int pop3_drain(struct pop3 *pop3, struct err *err);
bool pop3_dead(const struct pop3 *pop3);
/*
 * How it died: of several commands sent in one go, none was answered, or only
 * the first; the timeout passed.
 */
bool pop3_lost_pipelined(const struct pop3 *pop3);
bool pop3_was_silent(const struct pop3 *pop3);
/* End it here: everything outstanding finishes as POP3_LOST. */
void pop3_abort(struct pop3 *pop3, const struct err *why);

/* A refused request as an error: "host refused RETR 3: words". -1. The status
 * is by its code: 75, 69 or 77. */
int pop3_refused(const struct pop3 *pop3, const struct pop3_request *request,
    struct err *err);

/*
 * Plain calls: submit and finish one. 0, or -1: EX_UNAVAILABLE (by code 75, 77)
 * refused, EX_PROTOCOL malformed, EX_TEMPFAIL lost.
 */
struct pop3_stat {
	uint64_t count, octets;
};
int pop3_stat(struct pop3 *pop3, struct pop3_stat *stat, struct err *err);
int pop3_noop(struct pop3 *pop3, struct err *err);
int pop3_quit(struct pop3 *pop3, struct err *err);

/* LIST: num 0 for all. One call a line, in the server's order. A number that is
 * 0 or passes 2^32-1 is EX_PROTOCOL. */
typedef int pop3_list_fn(void *arg, uint32_t num, uint64_t octets,
    struct err *err);
int pop3_list(struct pop3 *pop3, uint32_t num, pop3_list_fn *fn, void *arg,
    struct err *err);
/* UIDL likewise; uid is any octets up to the end of the line. */
typedef int pop3_uidl_fn(void *arg, uint32_t num, const char *uid, size_t len,
    struct err *err);
int pop3_uidl(struct pop3 *pop3, uint32_t num, pop3_uidl_fn *fn, void *arg,
    struct err *err);
/* RETR and TOP to a callback that gets octets with LF line ends. octets may be
 * NULL: as received. */
typedef int pop3_body_fn(void *arg, const char *data, size_t len,
    struct err *err);
int pop3_retr(struct pop3 *pop3, uint32_t num, pop3_body_fn *fn, void *arg,
    uint64_t *octets, struct err *err);
int pop3_top(struct pop3 *pop3, uint32_t num, uint64_t lines, pop3_body_fn *fn,
    void *arg, struct err *err);
/* max_octets for TOP: enough for every header, and for servers that send the
 * whole of most messages; but not without end. */
uint64_t pop3_top_max(uint64_t lines);

/* Parsers of listing lines, for those who submit LIST and UIDL themselves. 0,
 * or -1 EX_PROTOCOL. */
int pop3_parse_stat(const struct pop3 *pop3, const char *text,
    struct pop3_stat *stat, struct err *err);
int pop3_parse_list(const struct pop3 *pop3, const char *line, size_t len,
    uint32_t *num, uint64_t *octets, struct err *err);
int pop3_parse_uidl(const struct pop3 *pop3, const char *line, size_t len,
    uint32_t *num, const char **uid, size_t *uid_len, struct err *err);

/* CAPA (RFC 2449). A refusal is not an error: no capabilities. */
int pop3_capa(struct pop3 *pop3, struct err *err);
/* CAPA in two halves, so that other commands can travel with it. */
int pop3_capa_submit(struct pop3 *pop3, struct err *err);
int pop3_capa_finish(struct pop3 *pop3, struct err *err);
void pop3_capa_forget(struct pop3 *pop3);
/*
 * Did the session die of CAPA? It was not answered, or not to its end, or the
 * server hung up behind its -ERR.
 */
bool pop3_capa_fatal(const struct pop3 *pop3);
unsigned int pop3_caps(const struct pop3 *pop3);
bool pop3_capa_known(const struct pop3 *pop3); /* it was answered +OK */
/* Lines as sent (not escaped), in order; NULL-ended; the session's. */
char *const *pop3_capa_lines(const struct pop3 *pop3);
const char *pop3_sasl_mechanisms(const struct pop3 *pop3); /* "" if none */
uint32_t pop3_expire_days(const struct pop3 *pop3); /* or POP3_EXPIRE_NEVER */
/* From here on: the login is over, the window follows CAPA's PIPELINING. */
void pop3_logged_in(struct pop3 *pop3);
/* What is asked from now on has short answers, as TOP n 0 has: many more
 * requests may be under way where the server has PIPELINING. */
void pop3_widen(struct pop3 *pop3, bool wide);
bool pop3_pipelining(const struct pop3 *pop3);

/*
 * One line of a login. text (NULL: none) is sent with CRLF; what may be secret
 * is traced as stars. reply (cleared first) gets the raw text behind +OK, -ERR
 * or "+ ". Returns POP3_OK, POP3_ERR, POP3_MORE (a challenge), or -1.
 */
int pop3_auth_line(struct pop3 *pop3, const char *text, bool secret,
    struct buf *reply, enum pop3_code *code, struct err *err);

/* The response code of the last -ERR. */
enum pop3_code pop3_last_code(const struct pop3 *pop3);
/* The exit status a response code stands for (-ERR without one: 69). */
int pop3_code_status(enum pop3_code code);

/* UTF8 (RFC 6856). */
int pop3_utf8(struct pop3 *pop3, struct err *err);

/* STLS: the command only; the caller then starts TLS on the stream. */
int pop3_stls(struct pop3 *pop3, struct err *err);
struct stream *pop3_stream(const struct pop3 *pop3);
const char *pop3_peer(const struct pop3 *pop3);

#endif
