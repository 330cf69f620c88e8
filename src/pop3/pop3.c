/* SPDX-License-Identifier: ISC */
/* The commands of RFC 1939 and RFC 6856 as plain calls: submit and finish one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/parse.h"
#include "pop3/pop3.h"

#define TOP_HEADER_MAX (UINT64_C(64) * 1024 * 1024)
#define TOP_LINE_MAX (UINT64_C(64) * 1024)

/* Submit-and-finish; a refusal is an error. */
static int
finish(struct pop3 *pop3, struct pop3_request *request, struct err *err)
{
	request->failure = err;
	if (pop3_finish(pop3, request, err) == -1)
		return -1;
	if (request->result != POP3_OK)
		return pop3_refused(pop3, request, err);
	return request->failed ? -1 : 0;
}

static int
simple(struct pop3 *pop3, const char *command, struct err *err)
{
	struct pop3_request request = { .shape = POP3_LINE };

	if (pop3_submit(pop3, &request, err, "%s", command) == -1)
		return -1;
	return finish(pop3, &request, err);
}

int
pop3_noop(struct pop3 *pop3, struct err *err)
{
	return simple(pop3, "NOOP", err);
}

int
pop3_quit(struct pop3 *pop3, struct err *err)
{
	return simple(pop3, "QUIT", err);
}

int
pop3_utf8(struct pop3 *pop3, struct err *err)
{
	return simple(pop3, "UTF8", err);
}

/* What lies behind the +OK is for stream_start_tls to judge. */
static void
stls_done(void *arg, struct pop3_request *request)
{
	(void)request;
	pop3_pause(arg);
}

int
pop3_stls(struct pop3 *pop3, struct err *err)
{
	struct pop3_request request = { .shape = POP3_LINE, .done = stls_done };

	request.arg = pop3;
	if (pop3_submit(pop3, &request, err, "STLS") == -1)
		return -1;
	return finish(pop3, &request, err);
}

static int
malformed(const struct pop3 *pop3, const char *command, const char *line,
    size_t len, struct err *err)
{
	char *safe = log_said(line, len, 80);

	(void)err_set(err, EX_PROTOCOL, "%s answered %s with \"%s\"",
	    pop3_peer(pop3), command, safe);
	free(safe);
	return -1;
}

static size_t
blanks(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (text[n] == ' ' || text[n] == '\t'))
		n++;
	return n;
}

/* number and the blanks behind it; how many octets they took, or 0. */
static size_t
message_number(const char *line, size_t len, uint32_t *num)
{
	uint64_t value;
	size_t n = parse_u64(line, len, UINT32_MAX, &value), gap;

	if (n == 0 || value == 0)
		return 0;
	gap = blanks(line + n, len - n);
	if (gap == 0 && n < len)
		return 0;
	*num = (uint32_t)value;
	return n + gap;
}

/* stat = count blank octets [ blank anything ] */
int
pop3_parse_stat(const struct pop3 *pop3, const char *text,
    struct pop3_stat *stat, struct err *err)
{
	size_t len = strlen(text), n = blanks(text, len), more;

	more = parse_u64(text + n, len - n, UINT32_MAX, &stat->count);
	if (more == 0 || text[n + more] != ' ')
		return malformed(pop3, "STAT", text, len, err);
	n += more;
	n += blanks(text + n, len - n);
	more = parse_u64(text + n, len - n, INT64_MAX, &stat->octets);
	if (more == 0 || (text[n + more] != '\0' && text[n + more] != ' '))
		return malformed(pop3, "STAT", text, len, err);
	return 0;
}

int
pop3_stat(struct pop3 *pop3, struct pop3_stat *stat, struct err *err)
{
	struct pop3_request request = { .shape = POP3_LINE };

	if (pop3_submit(pop3, &request, err, "STAT") == -1 ||
	    finish(pop3, &request, err) == -1)
		return -1;
	return pop3_parse_stat(pop3, request.text, stat, err);
}

/* scan listing = number blank octets [ blank anything ] */
int
pop3_parse_list(const struct pop3 *pop3, const char *line, size_t len,
    uint32_t *num, uint64_t *octets, struct err *err)
{
	size_t n = message_number(line, len, num), more;

	if (n == 0)
		return malformed(pop3, "LIST", line, len, err);
	more = parse_u64(line + n, len - n, INT64_MAX, octets);
	if (more == 0 ||
	    (n + more < len && line[n + more] != ' ' && line[n + more] != '\t'))
		return malformed(pop3, "LIST", line, len, err);
	return 0;
}

/*
 * unique-id listing = number blank uid; the uid may hold anything, blanks
 * too, or be missing. Leading blanks are cut.
 */
int
pop3_parse_uidl(const struct pop3 *pop3, const char *line, size_t len,
    uint32_t *num, const char **uid, size_t *uid_len, struct err *err)
{
	size_t n = message_number(line, len, num);

	if (n == 0)
		return malformed(pop3, "UIDL", line, len, err);
	*uid = line + n;
	*uid_len = len - n;
	return 0;
}

struct list_call {
	struct pop3 *pop3;
	pop3_list_fn *list;
	pop3_uidl_fn *uidl;
	void *arg;
	uint32_t num; /* asked for; 0: all */
};

/* The order is for the server to choose (RFC 1939 section 5). */
static int
as_asked(const struct list_call *call, uint32_t num, struct err *err)
{
	if (call->num == 0 || num == call->num)
		return 0;
	return err_set(err, EX_PROTOCOL,
	    "%s listed message %" PRIu32 " when asked for %" PRIu32,
	    pop3_peer(call->pop3), num, call->num);
}

static int
list_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct list_call *call = arg;
	uint64_t octets;
	uint32_t num;

	if (pop3_parse_list(call->pop3, line, len, &num, &octets, err) == -1 ||
	    as_asked(call, num, err) == -1)
		return -1;
	return call->list(call->arg, num, octets, err);
}

static int
uidl_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct list_call *call = arg;
	const char *uid;
	size_t uid_len;
	uint32_t num;

	if (pop3_parse_uidl(call->pop3, line, len, &num, &uid, &uid_len, err) ==
		-1 ||
	    as_asked(call, num, err) == -1)
		return -1;
	return call->uidl(call->arg, num, uid, uid_len, err);
}

static int
listing(struct list_call *call, const char *command,
    int (*line)(void *, const char *, size_t, struct err *), struct err *err)
{
	struct pop3_request request = { .shape = POP3_LINES };
	int submitted;

	request.arg = call;
	if (call->num == 0) {
		request.line = line;
		submitted =
		    pop3_submit(call->pop3, &request, err, "%s", command);
	} else {
		request.shape = POP3_LINE;
		request.begin = line;
		submitted = pop3_submit(call->pop3, &request, err,
		    "%s %" PRIu32, command, call->num);
	}
	if (submitted == -1)
		return -1;
	return finish(call->pop3, &request, err);
}

int
pop3_list(struct pop3 *pop3, uint32_t num, pop3_list_fn *fn, void *arg,
    struct err *err)
{
	struct list_call call = { pop3, fn, NULL, arg, num };

	return listing(&call, "LIST", list_line, err);
}

int
pop3_uidl(struct pop3 *pop3, uint32_t num, pop3_uidl_fn *fn, void *arg,
    struct err *err)
{
	struct list_call call = { pop3, NULL, fn, arg, num };

	return listing(&call, "UIDL", uidl_line, err);
}

int
pop3_retr(struct pop3 *pop3, uint32_t num, pop3_body_fn *fn, void *arg,
    uint64_t *octets, struct err *err)
{
	struct pop3_request request = { .shape = POP3_BODY, .body = fn };

	request.arg = arg;
	if (pop3_submit(pop3, &request, err, "RETR %" PRIu32, num) == -1 ||
	    finish(pop3, &request, err) == -1)
		return -1;
	if (octets != NULL)
		*octets = request.octets;
	return 0;
}

uint64_t
pop3_top_max(uint64_t lines)
{
	if (lines > (INT64_MAX - TOP_HEADER_MAX) / TOP_LINE_MAX)
		return INT64_MAX;
	return TOP_HEADER_MAX + lines * TOP_LINE_MAX;
}

int
pop3_top(struct pop3 *pop3, uint32_t num, uint64_t lines, pop3_body_fn *fn,
    void *arg, struct err *err)
{
	struct pop3_request request = { .shape = POP3_BODY, .body = fn };

	request.arg = arg;
	request.max_octets = pop3_top_max(lines);
	if (pop3_submit(pop3, &request, err, "TOP %" PRIu32 " %" PRIu64, num,
		lines) == -1)
		return -1;
	return finish(pop3, &request, err);
}
