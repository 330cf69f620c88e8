/* SPDX-License-Identifier: ISC */
/*
 * The request queue: what has been submitted, what of it has been sent, and the
 * reply that is being read. All input passes through take_input().
 */
#include "pop3/pop3.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "net/stream.h"
#include "pop3/capa.h"
#include "pop3/pop3_priv.h"
#include "pop3/reply.h"

#define WINDOW_REQUESTS 1024
#define WINDOW_TEXT (12 * 1024)
/* Where answers are short, commands are what a long line waits for. */
#define WINDOW_REQUESTS_WIDE 32768
#define WINDOW_TEXT_WIDE (512 * 1024)
/* A long line wants the first answers to fill it; see the README, Speed. */
#define WEIGHT_FIRST (8 * 1024 * 1024)
#define WEIGHT_LAST (64 * 1024 * 1024)
#define WAITING_MAX 64
#define RATE_WINDOW_MS 60000
#define RATE_OCTETS_S 64
#define DRY_MS 3
#define BULK (64 * 1024)
#define GATHER_MIN (1024 * 1024)
#define GATHER_MS 1

static void
greeted(void *arg, struct pop3_request *request)
{
	struct pop3 *pop3 = arg;

	pop3->greeted = request->result == POP3_OK;
}

static int
keep_greeting(void *arg, const char *text, size_t len, struct err *err)
{
	struct pop3 *pop3 = arg;

	(void)err;
	pop3->greeting_text = xstrndup(text, len);
	return 0;
}

struct pop3 *
pop3_new(struct stream *stream, const struct pop3_options *options)
{
	struct pop3 *pop3 = xcalloc(1, sizeof(*pop3));

	pop3->stream = stream;
	pop3->options = *options;
	pop3->weight_limit = WEIGHT_FIRST;
	pop3->tail = &pop3->head;
	pop3->wake_fd = -1;
	pop3->heard_at = deadline_now();
	/* the greeting is the answer to a request that was never sent */
	pop3->greeting.shape = POP3_LINE;
	pop3->greeting.begin = keep_greeting;
	pop3->greeting.done = greeted;
	pop3->greeting.arg = pop3;
	(void)snprintf(pop3->greeting.name, sizeof(pop3->greeting.name),
	    "the connection");
	*pop3->tail = &pop3->greeting;
	pop3->tail = &pop3->greeting.next;
	pop3->sent = 1;
	return pop3;
}

void
queue_finish(struct pop3 *pop3, enum pop3_result result)
{
	struct pop3_request *request = pop3->head;

	pop3->head = request->next;
	if (pop3->head == NULL)
		pop3->tail = &pop3->head;
	if (request == pop3->unsent) {
		pop3->unsent = request->next;
		pop3->waiting--;
		pop3->waiting_weight -= request->expected;
	} else {
		pop3->sent--;
		pop3->weight -= request->expected;
		pop3->text_sent -= request->command_len;
	}
	pop3->answered = pop3->sent == 0 ? 0 : pop3->answered + 1;
	if (result != POP3_LOST)
		pop3->capa_fatal =
		    request == &pop3->capa_request && result == POP3_ERR;
	else if (request == &pop3->capa_request)
		pop3->capa_fatal = pop3->greeted;
	pop3->phase = PHASE_STATUS;
	request->next = NULL;
	request->result = result;
	if (request->done != NULL)
		request->done(request->arg, request);
}

int
queue_die(struct pop3 *pop3, struct err *err)
{
	if (!pop3->dead) {
		pop3->dead = true;
		pop3->death = *err;
		pop3->unanswerable = pop3->answered < 2 &&
		    pop3->answered + pop3->sent >= 2 && !pop3->inside_reply;
		while (pop3->head != NULL)
			queue_finish(pop3, POP3_LOST);
		buf_clear(&pop3->commands);
	}
	*err = pop3->death;
	return -1;
}

void
pop3_abort(struct pop3 *pop3, const struct err *why)
{
	struct err err = *why;

	(void)queue_die(pop3, &err);
}

void
pop3_free(struct pop3 *pop3)
{
	struct err err;

	if (pop3 == NULL)
		return;
	(void)err_set(&err, EX_TEMPFAIL, "the session was closed");
	pop3_abort(pop3, &err);
	stream_free(pop3->stream);
	capa_clear(&pop3->capa);
	capa_clear(&pop3->capa_coming);
	buf_clear(&pop3->auth_reply);
	free(pop3->greeting_text);
	free(pop3);
}

static int
enqueue(struct pop3 *pop3, struct pop3_request *request, const char *command,
    size_t len, bool secret, struct err *err)
{
	if (pop3->dead) {
		*err = pop3->death;
		return -1;
	}
	if (memchr(command, '\r', len) != NULL ||
	    memchr(command, '\n', len) != NULL ||
	    memchr(command, '\0', len) != NULL)
		return err_set(err, EX_USAGE,
		    "a command may not contain CR, LF or NUL");
	request->result = POP3_PENDING;
	request->next = NULL;
	request->command_len = len + 2;
	request->expected = request->weight;
	(void)snprintf(request->name, sizeof(request->name), "%.*s",
	    secret                      ? 4 :
		trace_is_login(command) ? (int)strcspn(command, " ") :
					  (int)sizeof(request->name) - 1,
	    secret ? "AUTH" : command);
	request->secret = secret;
	trace_hide(command, secret);
	buf_append(&pop3->commands, command, len);
	buf_append(&pop3->commands, "\r\n", 2);
	if (pop3->unsent == NULL)
		pop3->unsent = request;
	*pop3->tail = request;
	pop3->tail = &request->next;
	pop3->waiting++;
	pop3->waiting_weight += request->expected;
	return 0;
}

int
pop3_submit(struct pop3 *pop3, struct pop3_request *request, struct err *err,
    const char *fmt, ...)
{
	char command[POP3_COMMAND_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > POP3_COMMAND_MAX - 2)
		return err_set(err, EX_USAGE,
		    "a command may not be longer than %d octets",
		    POP3_COMMAND_MAX);
	return enqueue(pop3, request, command, (size_t)n, false, err);
}

static int
window(const struct pop3 *pop3)
{
	if (!pop3_pipelining(pop3))
		return 1;
	if (pop3->options.window > 1)
		return pop3->options.window;
	return pop3->wide ? WINDOW_REQUESTS_WIDE : WINDOW_REQUESTS;
}

static size_t
window_text(const struct pop3 *pop3)
{
	return pop3->wide ? WINDOW_TEXT_WIDE : WINDOW_TEXT;
}

void
pop3_widen(struct pop3 *pop3, bool wide)
{
	pop3->wide = wide;
}

bool
pop3_has_room(const struct pop3 *pop3)
{
	int limit = window(pop3);

	if (limit == 1)
		return pop3->sent + pop3->waiting == 0;
	if (pop3->waiting < WAITING_MAX)
		return true;
	return pop3->sent + pop3->waiting < (size_t)limit &&
	    pop3->text_sent + pop3->commands.len < window_text(pop3) &&
	    pop3->weight + pop3->waiting_weight < pop3->weight_limit;
}

size_t
pop3_outstanding(const struct pop3 *pop3)
{
	return pop3->sent + pop3->waiting;
}

bool
pop3_lost_pipelined(const struct pop3 *pop3)
{
	return pop3->unanswerable;
}

bool
pop3_was_silent(const struct pop3 *pop3)
{
	return pop3->silent;
}

bool
pop3_dead(const struct pop3 *pop3)
{
	return pop3->dead;
}

/* May the first unsent request join those that are under way? */
static bool
fits(struct pop3 *pop3, size_t limit)
{
	const struct pop3_request *next = pop3->unsent;

	if (pop3->sent == 0)
		return true;
	if (pop3->options.early && pop3->sent == 1 &&
	    pop3->head == &pop3->greeting)
		return true;
	if (pop3->sent >= limit)
		return false;
	if (pop3->text_sent + next->command_len > window_text(pop3))
		return false;
	if (pop3->weight + next->weight > pop3->weight_limit) {
		pop3->starved = true;
		return false;
	}
	return true;
}

/* Refilled at half, so that commands leave grouped. */
static bool
is_full_enough(const struct pop3 *pop3, size_t limit)
{
	return limit > 1 &&
	    (pop3->sent > limit / 2 ||
		pop3->text_sent > window_text(pop3) / 2 ||
		pop3->weight > pop3->weight_limit / 2);
}

/*
 * Nothing is outstanding, so nothing may arrive: a reply too many would be
 * taken for the answer to what is sent next.
 */
static int
check_silence(struct pop3 *pop3, struct err *err)
{
	int filled = stream_fill(pop3->stream, err);
	size_t len, line_len, used;
	char *input, *safe;

	input = stream_input(pop3->stream, &len);
	if (len == 0)
		return filled == -1 ? queue_die(pop3, err) : 0;
	if (reply_line(input, len, REPLY_STATUS_MAX, &line_len, &used) == 1)
		len = line_len;
	else
		line_len = len < 80 ? len : 80;
	safe = log_said(input, len, line_len);
	trace_reply(2, input, line_len);
	/* what a server says before it hangs up is news of that */
	if (line_len >= 4 && memcmp(input, "-ERR", 4) == 0)
		(void)err_set(err, EX_TEMPFAIL, "%s ended the session: %s",
		    pop3_peer(pop3), safe);
	else
		(void)err_set(err, EX_PROTOCOL,
		    "%s sent a reply that nobody asked for: %s",
		    pop3_peer(pop3), safe);
	free(safe);
	return queue_die(pop3, err);
}

static int
send_commands(struct pop3 *pop3, struct err *err)
{
	size_t limit = (size_t)window(pop3), n = 0;

	if (pop3->unsent == NULL || is_full_enough(pop3, limit))
		return 0;
	if (pop3->sent == 0 && check_silence(pop3, err) == -1)
		return -1;
	pop3->starved = false;
	while (pop3->unsent != NULL && fits(pop3, limit)) {
		struct pop3_request *request = pop3->unsent;

		trace_command(pop3->commands.data + n, request->command_len - 2,
		    request->secret);
		n += request->command_len;
		pop3->unsent = request->next;
		pop3->waiting--;
		pop3->waiting_weight -= request->expected;
		pop3->sent++;
		pop3->text_sent += request->command_len;
		pop3->weight += request->expected;
	}
	if (n == 0)
		return 0;
	stream_write(pop3->stream, pop3->commands.data, n);
	/* what was sent may be a secret: leave no second copy of it */
	memmove(pop3->commands.data, pop3->commands.data + n,
	    pop3->commands.len - n);
	explicit_bzero(pop3->commands.data + pop3->commands.len - n, n);
	pop3->commands.len -= n;
	pop3->heard_at = deadline_now();
	return 0;
}

/* 1: a reply moved on; 0: more input is needed; -1: dead. */
static int
take_some(struct pop3 *pop3, struct err *err)
{
	size_t len;
	char *data = stream_input(pop3->stream, &len);

	if (len == 0)
		return 0;
	if (pop3->sent == 0)
		return check_silence(pop3, err);
	switch (pop3->phase) {
	case PHASE_STATUS:
		return input_status(pop3, data, len, err);
	case PHASE_LINES:
		return input_line(pop3, data, len, err);
	case PHASE_BODY:
		break;
	}
	return input_body(pop3, data, len, err);
}

static int
take_input(struct pop3 *pop3, struct err *err)
{
	int any = 0, r;

	pop3->paused = false;
	while ((r = take_some(pop3, err)) == 1) {
		any = 1;
		if (pop3->paused)
			break;
	}
	return r == -1 ? -1 : any;
}

/* The line ran dry while weight was what held us back: allow more. */
static void
widen(struct pop3 *pop3, int64_t waited_ms)
{
	if (!pop3->starved || waited_ms < DRY_MS)
		return;
	if (pop3->weight_limit < WEIGHT_LAST)
		pop3->weight_limit *= 4;
	if (pop3->weight_limit > WEIGHT_LAST)
		pop3->weight_limit = WEIGHT_LAST;
}

/*
 * A drip inside a reply is too slow: judged over a minute, or over the timeout
 * where that is less. Only time spent waiting counts, so that our own work
 * does not.
 */
static int
check_rate(struct pop3 *pop3, int64_t waited_ms, struct err *err)
{
	int64_t window_ms = RATE_WINDOW_MS;
	uint64_t received;

	if (pop3->options.timeout_ms > 0 &&
	    pop3->options.timeout_ms < RATE_WINDOW_MS)
		window_ms = pop3->options.timeout_ms;
	pop3->rate_ms += waited_ms;
	if (pop3->rate_ms < window_ms)
		return 0;
	received = stream_received(pop3->stream) - pop3->rate_from;
	if (received * 1000 < (uint64_t)(RATE_OCTETS_S * window_ms) &&
	    pop3->inside_reply) {
		(void)err_set(err, EX_TEMPFAIL,
		    "%s sends less than %d octets a second", pop3_peer(pop3),
		    RATE_OCTETS_S);
		return queue_die(pop3, err);
	}
	pop3->rate_ms = 0;
	pop3->rate_from = stream_received(pop3->stream);
	return 0;
}

/* Silence counts against the timeout, a drip against a least rate. */
static int
check_time(struct pop3 *pop3, int64_t waited_ms, bool got, struct err *err)
{
	int64_t now = deadline_now();

	/* whatever comes, and however fast */
	if (now >= pop3->options.until_ms) {
		(void)err_set(err, EX_TEMPFAIL,
		    "the deadline passed while waiting for %s",
		    pop3_peer(pop3));
		return queue_die(pop3, err);
	}
	if (got) {
		pop3->heard_at = now;
		return check_rate(pop3, waited_ms, err);
	}
	if (pop3->options.timeout_ms > 0 &&
	    now - pop3->heard_at >= pop3->options.timeout_ms) {
		int seconds = (pop3->options.timeout_ms + 999) / 1000;

		pop3->silent = true;
		(void)err_set(err, EX_TEMPFAIL,
		    "%s did not answer %s within %d second%s", pop3_peer(pop3),
		    pop3->head->name, seconds, seconds == 1 ? "" : "s");
		return queue_die(pop3, err);
	}
	return 0;
}

static int64_t
step_deadline(const struct pop3 *pop3, int64_t until_ms)
{
	until_ms = deadline_earlier(until_ms, pop3->options.until_ms);
	if (pop3->options.timeout_ms <= 0)
		return until_ms;
	return deadline_earlier(until_ms,
	    pop3->heard_at + pop3->options.timeout_ms);
}

/*
 * The connection was lost while an answer was awaited: which one tells, for
 * instance, that it was the password that the server did not like.
 */
static int
lost(struct pop3 *pop3, struct err *err)
{
	static const char end[] = "closed the connection";
	const char *name = pop3->head->name, *comma = ",";
	struct err bare = *err;
	size_t len, begun;

	if (err->status != EX_TEMPFAIL)
		return queue_die(pop3, err);
	/* what came together with the end counts, too */
	(void)stream_input(pop3->stream, &begun);
	pop3->inside_reply = pop3->phase != PHASE_STATUS || begun > 0;
	len = strlen(bare.text);
	if (len >= sizeof(end) &&
	    strcmp(bare.text + len - strlen(end), end) == 0)
		comma = "";
	if (pop3->head == &pop3->greeting)
		(void)err_set(err, bare.status, "%s%s before its greeting",
		    bare.text, comma);
	else if (pop3->inside_reply)
		(void)err_set(err, bare.status, "%s%s within its answer to %s",
		    bare.text, comma, name);
	else
		(void)err_set(err, bare.status, "%s%s in answer to %s%s",
		    bare.text, comma, name,
		    trace_is_login(name) && strncasecmp(name, "USER", 4) != 0 ?
			", as some servers do when they refuse a password" :
			"");
	return queue_die(pop3, err);
}

/* Wait for input and take it in. 1, 0 when until_ms came first, or -1. */
static int
receive(struct pop3 *pop3, int64_t until_ms, struct err *err)
{
	size_t before, after;
	int64_t from = deadline_now(), waited;
	int ready, got = 0;

	(void)stream_input(pop3->stream, &before);
	pop3->inside_reply = pop3->phase != PHASE_STATUS || before > 0;
	/* first without waiting: most often there is something already */
	got = stream_fill(pop3->stream, err);
	if (got == 0) {
		ready = stream_wait(pop3->stream, step_deadline(pop3, until_ms),
		    pop3->stop != POP3_STOP_IGNORED, pop3->wake_fd, err);
		if (ready == -1)
			return lost(pop3, err);
		/* much is to come, and piece by piece: let some gather rather
		 * than be woken for each */
		if (ready == 1 && pop3->weight >= GATHER_MIN)
			(void)poll(NULL, 0, GATHER_MS);
		if (ready == 1)
			got = stream_fill(pop3->stream, err);
	}
	if (got == -1)
		return lost(pop3, err);
	(void)stream_input(pop3->stream, &after);
	/* the tail of a reply may wait for our acknowledgement of its head;
	 * while input comes in bulk nobody waits */
	if (pop3->sent == 1 && after - before < BULK)
		stream_quickack(pop3->stream);
	waited = deadline_now() - from;
	if (got == 1 && !pop3->inside_reply)
		widen(pop3, waited);
	if (check_time(pop3, waited, after > before, err) == -1)
		return -1;
	return got;
}

int
pop3_step(struct pop3 *pop3, int64_t until_ms, struct err *err)
{
	int any, got;

	if (pop3->dead) {
		*err = pop3->death;
		return -1;
	}
	if (signals_stop() != 0 && pop3->stop == POP3_STOP_DIES) {
		(void)err_set(err, 128 + signals_stop(), "interrupted");
		return queue_die(pop3, err);
	}
	any = take_input(pop3, err);
	if (any == -1 || send_commands(pop3, err) == -1)
		return -1;
	if (stream_unsent(pop3->stream) > 0 &&
	    stream_flush(pop3->stream, err) == -1)
		return queue_die(pop3, err);
	if (any == 1)
		return 1;
	if (pop3->sent == 0)
		return 0;
	got = receive(pop3, until_ms, err);
	if (got <= 0)
		return got;
	any = take_input(pop3, err);
	if (any == -1)
		return -1;
	return 1;
}

int
pop3_finish(struct pop3 *pop3, struct pop3_request *request, struct err *err)
{
	while (request->result == POP3_PENDING)
		if (pop3_step(pop3, DEADLINE_NEVER, err) == -1)
			return -1;
	return 0;
}

int
pop3_drain(struct pop3 *pop3, struct err *err)
{
	while (pop3_outstanding(pop3) > 0)
		if (pop3_step(pop3, DEADLINE_NEVER, err) == -1)
			return -1;
	return 0;
}

void
pop3_on_stop(struct pop3 *pop3, enum pop3_stop stop)
{
	pop3->stop = stop;
}

void
pop3_pause(struct pop3 *pop3)
{
	pop3->paused = true;
}

void
pop3_wake(struct pop3 *pop3, int fd)
{
	pop3->wake_fd = fd;
}

void
pop3_until(struct pop3 *pop3, int64_t until_ms)
{
	pop3->options.until_ms = until_ms;
}

int
pop3_greeting(struct pop3 *pop3, struct err *err)
{
	if (pop3->greeting.result == POP3_PENDING &&
	    pop3_finish(pop3, &pop3->greeting, err) == -1)
		return -1;
	if (pop3->greeting.result == POP3_LOST) {
		*err = pop3->death;
		return -1;
	}
	if (pop3->greeting.result == POP3_ERR)
		return pop3_refused(pop3, &pop3->greeting, err);
	return 0;
}

const char *
pop3_greeting_text(const struct pop3 *pop3)
{
	return pop3->greeting_text != NULL ? pop3->greeting_text : "";
}

enum pop3_code
pop3_last_code(const struct pop3 *pop3)
{
	return pop3->last_code;
}

int
pop3_code_status(enum pop3_code code)
{
	switch (code) {
	case POP3_CODE_IN_USE:
	case POP3_CODE_LOGIN_DELAY:
	case POP3_CODE_SYS_TEMP:
		return EX_TEMPFAIL;
	case POP3_CODE_AUTH:
		return EX_NOPERM;
	default:
		return EX_UNAVAILABLE;
	}
}

int
pop3_refused(const struct pop3 *pop3, const struct pop3_request *request,
    struct err *err)
{
	char *safe;

	if (request->result == POP3_LOST) {
		*err = pop3->death;
		return -1;
	}
	/* what fills it may have been cut */
	safe = log_said(request->text, strlen(request->text),
	    sizeof(request->text) - 2);
	(void)err_set(err, pop3_code_status(request->code), "%s refused %s%s%s",
	    pop3_peer(pop3), request->name, safe[0] != '\0' ? ": " : "", safe);
	free(safe);
	return -1;
}

int
pop3_auth_line(struct pop3 *pop3, const char *text, bool secret,
    struct buf *reply, enum pop3_code *code, struct err *err)
{
	struct pop3_request request = { .shape = POP3_CHALLENGE };

	buf_clear(&pop3->auth_reply);
	if (enqueue(pop3, &request, text, strlen(text), secret, err) == -1)
		return -1;
	if (pop3_finish(pop3, &request, err) == -1)
		return -1;
	if (request.result == POP3_LOST) {
		*err = pop3->death;
		return -1;
	}
	reply->len = 0;
	buf_append(reply, pop3->auth_reply.data, pop3->auth_reply.len);
	buf_clear(&pop3->auth_reply);
	if (code != NULL)
		*code = request.code;
	return (int)request.result;
}

void
pop3_logged_in(struct pop3 *pop3)
{
	pop3->logged_in = true;
}

bool
pop3_pipelining(const struct pop3 *pop3)
{
	if (!pop3->logged_in || pop3->options.window == 1)
		return false;
	return (pop3->capa.bits & POP3_CAP_PIPELINING) != 0;
}

struct stream *
pop3_stream(const struct pop3 *pop3)
{
	return pop3->stream;
}

const char *
pop3_peer(const struct pop3 *pop3)
{
	return stream_peer(pop3->stream);
}
