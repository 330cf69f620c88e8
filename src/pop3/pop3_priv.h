/* SPDX-License-Identifier: ISC */
/* What is inside a struct pop3: for the files of this room. */
#ifndef POP3_POP3_PRIV_H
#define POP3_POP3_PRIV_H

#include "base/buf.h"
#include "pop3/capa.h"
#include "pop3/pop3.h"
#include "pop3/reply.h"

struct pop3 {
	struct stream *stream; /* owned */
	struct pop3_options options;
	struct pop3_request greeting;
	char *greeting_text; /* owned; NULL before it came */
	bool greeted, logged_in;
	bool wide; /* pop3_widen() */
	enum pop3_stop stop;
	int wake_fd; /* pop3_step does not wait when this is readable; -1 */
	bool paused; /* a callback wants pop3_step to return */
	bool dead;
	bool silent;       /* it died because nothing was answered in time */
	size_t answered;   /* since nothing was under way */
	bool unanswerable; /* see pop3_lost_pipelined() */
	struct err death;

	/* head to before unsent: sent; from there: waiting for the window */
	struct pop3_request *head, **tail, *unsent;
	size_t sent, waiting;
	struct buf commands; /* text of those that wait */
	size_t text_sent;    /* octets of commands under way */
	uint64_t weight, waiting_weight, weight_limit;
	bool starved; /* weight was what kept the last one back */

	/* the reply at the head */
	enum {
		PHASE_STATUS,
		PHASE_LINES,
		PHASE_BODY
	} phase;
	struct reply_body body;
	uint32_t lines;
	/* here, as the compiler would clear a thousand octets for each line */
	struct err line_failure;
	enum pop3_code last_code;
	struct buf auth_reply;

	/* time: deadline.h */
	int64_t heard_at, rate_ms;
	uint64_t rate_from;
	bool inside_reply;

	struct capa capa, capa_coming;
	struct pop3_request capa_request;
	bool capa_fatal; /* if the session dies now, it is of CAPA */
};

/* The request at the head is done: taken out of the queue, and told. */
void queue_finish(struct pop3 *pop3, enum pop3_result result);
/* The session is over, everybody who waits is told. Returns -1. */
int queue_die(struct pop3 *pop3, struct err *err);

/* Take input in. 1: it moved on; 0: more is needed; -1: dead. */
int input_status(struct pop3 *pop3, char *data, size_t len, struct err *err);
int input_line(struct pop3 *pop3, char *data, size_t len, struct err *err);
int input_body(struct pop3 *pop3, char *data, size_t len, struct err *err);

/* USER, PASS, APOP, RPOP, AUTH: their arguments are nobody's business. */
bool trace_is_login(const char *command);
/* From now on what a login command says is stars; secret: all of it. */
void trace_hide(const char *command, bool secret);
void trace_command(const char *text, size_t len, bool secret);
/* Server text, from debug level on. */
void trace_reply(int level, const char *data, size_t len);
/* The status line that answers a login, or the greeting: no challenges. */
void trace_login_reply(const char *line, size_t len, bool valid);
void trace_greeting(const char *line, size_t len);
void trace_body(const char *data, size_t len);

#endif
