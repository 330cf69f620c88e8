/* SPDX-License-Identifier: ISC */
/*
 * The queue of requests and its readers: where all requests are under way
 * before the first answer comes, the same octets in one piece and in many give
 * the same outcome. Input: the size of the pieces, how many requests and what
 * window, what each is, then what the server says.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "net/stream.h"
#include "pop3/pop3.h"
#include "world.h"

#define REQUESTS 12

struct call {
	struct pop3_request request;
	struct buf log; /* what the callbacks were told */
	int done;
};

static int
on_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct call *call = arg;

	FUZZ_CHECK(!call->done && len > 0);
	buf_append(&call->log, data, len);
	if (call->log.len > 600)
		return err_set(err, EX_IOERR, "enough");
	return 0;
}

static int
on_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct call *call = arg;

	(void)err;
	FUZZ_CHECK(!call->done && memchr(line, '\n', len) == NULL);
	buf_append(&call->log, line, len);
	buf_append(&call->log, "\n", 1);
	return 0;
}

static void
on_done(void *arg, struct pop3_request *request)
{
	struct call *call = arg;

	FUZZ_CHECK(!call->done && request->result != POP3_PENDING);
	call->done = 1;
}

static void
submit(struct pop3 *pop3, struct call *call, unsigned int kind, size_t i)
{
	static const char *const commands[] = { "NOOP", "UIDL", "RETR",
		"AUTH X" };
	struct pop3_request *request = &call->request;
	struct err err = ERR_INIT;

	memset(call, 0, sizeof(*call));
	request->shape = (enum pop3_shape)(kind & 3);
	if (request->shape == POP3_BODY)
		request->max_octets = kind & 4 ? 1000 : 0;
	if (request->shape == POP3_LINES)
		request->max_lines = kind & 4 ? 7 : 0;
	request->weight = kind & 8 ? (uint64_t)kind << 12 : 0;
	request->body = on_body;
	request->line = on_line;
	request->done = on_done;
	request->arg = call;
	FUZZ_CHECK(pop3_submit(pop3, request, &err, "%s%s%zu",
		       commands[kind & 3], kind & 2 ? " " : "", i + 1) == 0);
}

/*
 * The whole session as text, which must not depend on the split. What follows
 * the last reply may be seen before the end of the session, or not.
 */
static void
record(struct pop3 *pop3, struct call *calls, size_t n, const struct err *err,
    struct buf *out)
{
	(void)err;
	buf_printf(out, "%d\n", calls[n - 1].request.result == POP3_LOST);
	for (size_t i = 0; i < n; i++) {
		struct pop3_request *request = &calls[i].request;

		FUZZ_CHECK(calls[i].done);
		buf_printf(out, "%d %d %s\n", request->result, request->code,
		    request->text);
		/* how much came of one that broke off is chance */
		if (request->result != POP3_LOST)
			buf_printf(out, "%" PRIu64 " %.*s %d\n",
			    request->octets, (int)request->head_len,
			    request->head, request->failed);
		if (request->result != POP3_LOST && !request->failed)
			buf_append(out, calls[i].log.data, calls[i].log.len);
		buf_clear(&calls[i].log);
	}
}

/* The greeting is ours: with the first request out, all of them are. */
static void
say(const struct fuzz *fuzz, unsigned int split)
{
	static struct buf script;
	static const char greeting[] = "+OK hello\r\n\376";

	buf_clear(&script);
	buf_append(&script, greeting, sizeof(greeting) - 1);
	buf_append(&script, fuzz->data, fuzz->len);
	world_begin((const uint8_t *)script.data, script.len, split);
}

static void
play(struct fuzz fuzz, unsigned int split, struct buf *out)
{
	struct pop3_options options = { .timeout_ms = 60000,
		.until_ms = INT64_MAX,
		.window = 64 };
	unsigned int mode = fuzz_byte(&fuzz);
	size_t n = mode % REQUESTS + 1;
	struct call calls[REQUESTS];
	struct err err = ERR_INIT;
	struct pop3 *pop3;

	if (mode & 0xc0)
		options.window = mode & 0x40 ? 1 : 2;
	for (size_t i = 0; i < n; i++)
		memset(&calls[i], 0, sizeof(calls[i]));
	fuzz.data += n;
	fuzz.len -= n;
	say(&fuzz, split);
	pop3 = pop3_new(stream_new(world_connect(), "peer"), &options);
	FUZZ_CHECK(pop3_greeting(pop3, &err) == 0);
	pop3_logged_in(pop3);
	for (size_t i = 0; i < n; i++)
		submit(pop3, &calls[i], fuzz.data[(ssize_t)i - (ssize_t)n], i);
	(void)pop3_drain(pop3, &err);
	FUZZ_CHECK(pop3_outstanding(pop3) == 0);
	record(pop3, calls, n, &err, out);
	pop3_free(pop3);
	FUZZ_CHECK(world_elapsed() <= 120000);
	world_end();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	unsigned int split = fuzz_byte(&fuzz);
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (fuzz.len < REQUESTS + 1)
		return 0;
	play(fuzz, 0, &whole);
	play(fuzz, split % 64 + 1, &pieces);
	/* of what breaks off, how and where is a matter of when it came */
	FUZZ_CHECK((data[1] & 0xc0) != 0 ||
	    (whole.data[0] == '1' && pieces.data[0] == '1') ||
	    (whole.len == pieces.len &&
		memcmp(whole.data, pieces.data, whole.len) == 0));
	buf_clear(&whole);
	buf_clear(&pieces);
	return 0;
}
