/* SPDX-License-Identifier: ISC */
/*
 * top: a message's header and its first lines. Servers may send more than was
 * asked for, so it is cut here. One message is written as it is, several as
 * mboxrd; on a terminal nothing unprintable passes.
 */
#include <sys/mman.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/select.h"
#include "cli/text.h"
#include "deliver/mbox_quote.h"
#include "session/session.h"

#define AT_ONCE 128
#define LINES_DEFAULT 10

enum {
	TOP_LINES = 1
};

struct top_options {
	uint64_t lines;
};

static const struct option_def top_options[] = {
	{ "lines", 'n', "LINES", "lines of the body (10)", TOP_LINES },
	{ NULL, 0, NULL, NULL, 0 }
};

static int
top_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct top_options *options = cli_data(cli, sizeof(struct top_options));
	size_t len = strlen(arg);

	(void)id;
	if (len == 0 || parse_u64(arg, len, UINT32_MAX, &options->lines) != len)
		return err_set(err, EX_USAGE,
		    "--lines takes a number, 0 or more");
	return 0;
}

/* The messages under way and the one that is coming in. */
struct top {
	struct session *session;
	uint64_t lines;
	struct mbox_quote *quote; /* NULL: a single message */
	int fd;                   /* standard output, or a file in memory */
	bool terminal;
	int status;
	/* of the message that is coming in */
	bool in_body, at_start, ended;
	uint64_t left;
	bool broken; /* nothing can be written, as failure says */
	struct err failure;
	struct pop3_request requests[AT_ONCE];
};

/* How much of data is wanted: up to the last line's end. */
static size_t
cut(struct top *top, const char *data, size_t len)
{
	size_t used = 0, line;
	const char *end;

	while (used < len && !top->ended) {
		end = memchr(data + used, '\n', len - used);
		line =
		    end == NULL ? len - used : (size_t)(end - data) - used + 1;
		if (top->in_body && end != NULL)
			top->left--;
		else if (!top->in_body && top->at_start && data[used] == '\n')
			top->in_body = true;
		top->at_start = end != NULL;
		used += line;
		top->ended = top->in_body && top->left == 0 && top->at_start;
	}
	return used;
}

static int
put(struct top *top, const char *data, size_t len, struct err *err)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = write(top->fd, data, len);
		if (n == -1 && errno != EINTR)
			return err_sys(err, EX_IOERR, "standard output");
		if (n == -1)
			n = 0;
	}
	return 0;
}

static int
on_begin(void *arg, const char *text, size_t len, struct err *err)
{
	struct top *top = arg;

	(void)text;
	(void)len;
	(void)err;
	top->in_body = top->ended = false;
	top->at_start = true;
	top->left = top->lines;
	if (top->quote != NULL)
		mbox_quote_begin(top->quote, top->fd, "standard output",
		    time(NULL));
	return 0;
}

static int
on_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct top *top = arg;

	len = cut(top, data, len);
	if (top->quote != NULL)
		return mbox_quote_write(top->quote, data, len, err);
	return put(top, data, len, err);
}

/* What the file in memory holds, to the terminal. */
static int
show(struct top *top, struct err *err)
{
	if (text_show(top->fd, err) == -1)
		return -1;
	if (ftruncate(top->fd, 0) == -1 || lseek(top->fd, 0, SEEK_SET) == -1)
		return err_sys(err, EX_OSERR, "cannot show the message");
	return 0;
}

/* What is wrong with a message, or with where it is written: then broken. */
static int
finish(struct top *top, struct pop3_request *request, struct err *err)
{
	if (request->result != POP3_OK)
		return pop3_refused(top->session->pop3, request, err);
	if (request->failed ||
	    (top->quote != NULL &&
		mbox_quote_end(top->quote, &top->failure) == -1) ||
	    (top->terminal && show(top, &top->failure) == -1))
		top->broken = true;
	return 0;
}

/* A refused message does not stop the others. */
static void
on_done(void *arg, struct pop3_request *request)
{
	struct top *top = arg;
	struct err err = ERR_INIT;

	if (request->result == POP3_LOST || top->broken ||
	    finish(top, request, &err) == 0)
		return;
	err_prefix(&err, "%s", top->session->account->name);
	top->status = err_worse(top->status, cli_fail(&err));
}

static int
ask(struct top *top, uint32_t num, struct pop3_request *request,
    struct err *err)
{
	memset(request, 0, sizeof(*request));
	request->shape = POP3_BODY;
	request->weight = 4096;
	request->max_octets = pop3_top_max(top->lines);
	request->begin = on_begin;
	request->body = on_body;
	request->done = on_done;
	request->failure = &top->failure;
	request->arg = top;
	return pop3_submit(top->session->pop3, request, err,
	    "TOP %" PRIu32 " %" PRIu64, num, top->lines);
}

static int
ask_all(struct top *top, const struct selection *selection, struct err *err)
{
	struct pop3 *pop3 = top->session->pop3;
	size_t next = 0;

	if (selection->count > 1 && session_capa(top->session, err) == -1)
		return -1;
	while (next < selection->count || pop3_outstanding(pop3) > 0) {
		if (next < selection->count &&
		    pop3_outstanding(pop3) < AT_ONCE) {
			if (ask(top, selection->nums[next],
				&top->requests[next % AT_ONCE], err) == -1)
				return -1;
			next++;
		} else if (pop3_step(pop3, DEADLINE_NEVER, err) == -1)
			return -1;
		if (top->broken) {
			*err = top->failure;
			return -1;
		}
	}
	return 0;
}

static int
top_open(struct top *top, bool several, struct err *err)
{
	top->terminal = isatty(STDOUT_FILENO) == 1;
	top->fd = STDOUT_FILENO;
	if (top->terminal) {
		top->fd = memfd_create("poplar-top", MFD_CLOEXEC);
		if (top->fd == -1)
			return err_sys(err, EX_OSERR,
			    "cannot hold the message");
	}
	if (several)
		top->quote = xmalloc(sizeof(*top->quote));
	return 0;
}

static int
top_print(struct cli *cli, struct session *session, struct err *err)
{
	const struct top_options *options = cli->data;
	struct top *top = xcalloc(1, sizeof(*top));
	struct selection selection;
	int status = -1;

	top->session = session;
	top->lines = options != NULL ? options->lines : LINES_DEFAULT;
	top->fd = -1;
	if (select_messages(cli, session, 0, &selection, err) == -1 ||
	    top_open(top, selection.count > 1, err) == -1)
		goto out;
	if (ask_all(top, &selection, err) == -1)
		session_close(session); /* the requests are ours to free */
	else
		status = err_worse(selection.status, top->status);
out:
	if (top->fd != -1 && top->fd != STDOUT_FILENO)
		close(top->fd);
	select_clear(&selection);
	free(top->quote);
	free(top);
	return status;
}

static int
top_run(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (cli->operand_count == 0) {
		err_set(&err, EX_USAGE,
		    "top: which messages? (see poplar help top)");
		return cli_fail(&err);
	}
	return cli_visit(cli, top_print);
}

const struct command command_top = {
	.name = "top",
	.operands = "MESSAGE...",
	.summary = "print headers and the first lines of messages",
	.examples = "poplar top 3\n"
		    "poplar top -n 20 new\n",
	.options = top_options,
	.flags = COMMAND_ACCOUNT | COMMAND_TEXT,
	.run = top_run,
	.option = top_option,
};
