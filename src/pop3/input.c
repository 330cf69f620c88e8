/* SPDX-License-Identifier: ISC */
/* The reply at the head of the queue, a piece at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "net/foreign.h"
#include "net/stream.h"
#include "pop3/pop3_priv.h"

#define LINES_OCTETS_MAX (32 * 1024 * 1024)
#define LINES_MAX (1u << 20)

static int
out_of_step(struct pop3 *pop3, const char *line, size_t len, struct err *err)
{
	const char *protocol =
	    pop3->greeted ? NULL : foreign_protocol(line, len);
	/* it may have repeated, cut anywhere, what it was to keep to itself */
	bool quote = !trace_is_login(pop3->head->name);
	char *safe;

	if (protocol != NULL) {
		(void)foreign_error(pop3_peer(pop3), protocol, err);
		return queue_die(pop3, err);
	}
	safe = log_said(line, len, 80);
	(void)err_set(err, EX_PROTOCOL,
	    "%s answered %s with something that is not a POP3 reply%s%s",
	    pop3_peer(pop3), pop3->head->name, quote ? ": " : "",
	    quote ? safe : "");
	free(safe);
	return queue_die(pop3, err);
}

static int
too_much(struct pop3 *pop3, const char *what, struct err *err)
{
	(void)err_set(err, EX_PROTOCOL, "%s answered %s with %s",
	    pop3_peer(pop3), pop3->head->name, what);
	(void)queue_die(pop3, err);
	pop3->capa_fatal = false; /* it would be the same with others */
	return -1;
}

/* What a callback made of it; a failure is kept, and the reply read on. */
static void
note_failure(struct pop3_request *request, int result, const struct err *err)
{
	if (result == 0)
		return;
	request->failed = true;
	if (request->failure != NULL)
		*request->failure = *err;
}

static void
trace_status(const struct pop3 *pop3, const char *line, size_t len, bool valid)
{
	const struct pop3_request *request = pop3->head;

	if (request == &pop3->greeting)
		trace_greeting(line, len);
	else if (request->shape == POP3_CHALLENGE ||
	    trace_is_login(request->name))
		trace_login_reply(line, len, valid);
	else
		trace_reply(2, line, len);
}

int
input_status(struct pop3 *pop3, char *data, size_t len, struct err *err)
{
	struct pop3_request *request = pop3->head;
	const char *text;
	size_t line_len, used, text_len;
	int result, found;

	found = reply_line(data, len,
	    request->is_listing ? REPLY_LINE_MAX : REPLY_STATUS_MAX, &line_len,
	    &used);
	if (found == -1)
		return too_much(pop3, "an endless status line", err);
	if (found == 0)
		return 0;
	result = reply_status(data, line_len, request->shape == POP3_CHALLENGE,
	    &request->code, &text, &text_len);
	trace_status(pop3, data, line_len, result != -1);
	if (result == -1)
		return out_of_step(pop3, data, line_len, err);
	stream_consume(pop3->stream, used);
	if (result == POP3_ERR)
		pop3->last_code = request->code;
	(void)snprintf(request->text, sizeof(request->text), "%.*s",
	    (int)text_len, text);
	if (request->shape == POP3_CHALLENGE)
		buf_append(&pop3->auth_reply, text, text_len);
	if (result == POP3_OK && request->begin != NULL) {
		struct err failure = ERR_INIT;

		note_failure(request,
		    request->begin(request->arg, text, text_len, &failure),
		    &failure);
	}
	if (result != POP3_OK || request->shape == POP3_LINE ||
	    request->shape == POP3_CHALLENGE) {
		queue_finish(pop3, (enum pop3_result)result);
		return 1;
	}
	pop3->phase = request->shape == POP3_BODY ? PHASE_BODY : PHASE_LINES;
	memset(&pop3->body, 0, sizeof(pop3->body));
	pop3->lines = 0;
	return 1;
}

int
input_line(struct pop3 *pop3, char *data, size_t len, struct err *err)
{
	struct pop3_request *request = pop3->head;
	size_t line_len, used;
	uint64_t max_octets =
	    request->max_octets != 0 ? request->max_octets : LINES_OCTETS_MAX;
	uint32_t max_lines =
	    request->max_lines != 0 ? request->max_lines : LINES_MAX;
	int found;

	found = reply_line(data, len, REPLY_LINE_MAX, &line_len, &used);
	if (found == -1)
		return too_much(pop3, "an endless line", err);
	if (found == 0)
		return 0;
	trace_reply(2, data, line_len);
	if (line_len == 1 && data[0] == '.') {
		stream_consume(pop3->stream, used);
		queue_finish(pop3, POP3_OK);
		return 1;
	}
	request->octets += used;
	if (++pop3->lines > max_lines || request->octets > max_octets)
		return too_much(pop3, "an endless listing", err);
	if (data[0] == '.') {
		data++;
		line_len--;
	}
	if (request->line != NULL && !request->failed) {
		struct err *failure = &pop3->line_failure;

		failure->status = 0;
		failure->text[0] = '\0';
		note_failure(request,
		    request->line(request->arg, data, line_len, failure),
		    failure);
	}
	stream_consume(pop3->stream, used);
	return 1;
}

static void
keep_head(struct pop3_request *request, const char *data, size_t len)
{
	size_t room = sizeof(request->head) - request->head_len;

	if (len > room)
		len = room;
	memcpy(request->head + request->head_len, data, len);
	request->head_len = (uint8_t)(request->head_len + len);
}

int
input_body(struct pop3 *pop3, char *data, size_t len, struct err *err)
{
	struct pop3_request *request = pop3->head;
	size_t out_len, used;
	uint64_t less;

	used = reply_body(&pop3->body, data, len, &out_len);
	if (used == 0)
		return 0;
	request->octets = pop3->body.octets;
	less = used < request->expected ? used : request->expected;
	request->expected -= less;
	pop3->weight -= less;
	if (request->max_octets != 0 && request->octets > request->max_octets)
		return too_much(pop3, "an endless message", err);
	if (out_len > 0) {
		if (request->head_len < sizeof(request->head))
			keep_head(request, data, out_len);
		trace_body(data, out_len);
	}
	if (out_len > 0 && !request->failed) {
		struct err failure = ERR_INIT;

		note_failure(request,
		    request->body(request->arg, data, out_len, &failure),
		    &failure);
	}
	stream_consume(pop3->stream, used);
	if (pop3->body.complete) {
		log_debug(2, "< (%" PRIu64 " octets)", request->octets);
		queue_finish(pop3, POP3_OK);
	}
	return 1;
}
