/* SPDX-License-Identifier: ISC */
/*
 * list: numbers and sizes, "NUM OCTETS"; --long: state, date, sender and
 * subject too, through TOP. All TOPs are in the queue at once as far as the
 * window goes; a line is printed as its answer comes in.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/header.h"
#include "cli/json.h"
#include "cli/select.h"
#include "cli/text.h"
#include "session/session.h"

#define AT_ONCE 4096
#define HEADER_MAX (64 * 1024) /* what is looked at of a message's header */
#define FIELD_MAX 4096         /* and of one field */

/* Columns of sender and subject together; and of the sender. */
#define TEXTS_WANTED 30
#define TEXTS_LEAST 20
#define FROM_LEAST 9
#define FROM_MOST 24

enum {
	LIST_LONG = 1
};

struct list_options {
	bool is_long;
};

static const struct option_def list_options[] = {
	{ "long", 'l', NULL, "with state, date, sender and subject",
	    LIST_LONG },
	{ NULL, 0, NULL, NULL, 0 }
};

static int
list_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct list_options *options =
	    cli_data(cli, sizeof(struct list_options));

	(void)arg;
	(void)err;
	options->is_long = id == LIST_LONG;
	return 0;
}

/* One TOP on its way. */
struct listing;
struct lookup {
	struct listing *listing;
	struct selected message;
	struct pop3_request request;
	struct buf header;
	bool busy, ended;
};

struct listing {
	struct cli *cli;
	struct session *session;
	struct selection selection;
	struct buf out; /* the line that is made */
	size_t columns; /* of the terminal; 0: none, or JSON */
	/* what each field takes */
	size_t num_columns, size_columns, date_columns;
	size_t from_columns, subject_columns;
	bool color;
	struct lookup *lookups; /* AT_ONCE of them */
};

/* What a header says. */
struct facts {
	struct buf from, subject;
	bool has_from, has_subject, has_date;
	time_t date;
};

static void
facts_read(struct facts *facts, const struct buf *header)
{
	struct buf value = BUF_INIT;

	memset(facts, 0, sizeof(*facts));
	facts->has_from =
	    header_field(header->data, header->len, "From", &value);
	if (facts->has_from)
		header_sender(value.data,
		    value.len < FIELD_MAX ? value.len : FIELD_MAX,
		    &facts->from);
	value.len = 0;
	facts->has_subject =
	    header_field(header->data, header->len, "Subject", &value);
	if (facts->has_subject)
		header_decode(value.data,
		    value.len < FIELD_MAX ? value.len : FIELD_MAX,
		    &facts->subject);
	value.len = 0;
	if (header_field(header->data, header->len, "Date", &value))
		facts->has_date =
		    header_date(value.data, value.len, &facts->date);
	buf_clear(&value);
}

static void
facts_clear(struct facts *facts)
{
	buf_clear(&facts->from);
	buf_clear(&facts->subject);
}

static const char *
state_word(const struct selected *message)
{
	static const char *const words[] = { "-", "new", "seen", "owed" };

	return words[message->state];
}

static void
put_string(struct json *json, const char *name, bool known,
    const struct buf *text)
{
	if (known)
		json_string(json, name, text->data, text->len);
	else
		json_text(json, name, NULL);
}

static void
put_json(struct listing *listing, const struct selected *message,
    const struct facts *facts)
{
	struct buf date = BUF_INIT;
	struct json json;

	json_begin(&json, &listing->out);
	json_text(&json, "account", listing->session->account->name);
	json_number(&json, "num", message->num);
	if (message->has_octets)
		json_number(&json, "octets", message->octets);
	else
		json_text(&json, "octets", NULL);
	if (facts != NULL) {
		json_text(&json, "state",
		    message->state == SELECTED_UNKNOWN ? NULL :
							 state_word(message));
		if (facts->has_date)
			text_date(facts->date, false, &date);
		json_text(&json, "date",
		    facts->has_date ? buf_text(&date) : NULL);
		put_string(&json, "from", facts->has_from, &facts->from);
		put_string(&json, "subject", facts->has_subject,
		    &facts->subject);
	}
	json_end(&json);
	buf_clear(&date);
}

/* A field that is never empty and holds neither TAB nor line end. */
static void
put_safe(struct buf *out, const struct buf *text)
{
	if (text->len == 0)
		buf_puts(out, "-");
	else
		text_safe(text->data, text->len, out);
}

static void
put_tabbed(struct listing *listing, const struct selected *message,
    const struct facts *facts)
{
	struct buf *out = &listing->out;

	buf_printf(out, "%" PRIu32 "\t", message->num);
	if (message->has_octets)
		buf_printf(out, "%" PRIu64, message->octets);
	else
		buf_puts(out, "-");
	buf_printf(out, "\t%s\t", state_word(message));
	if (facts->has_date)
		text_date(facts->date, false, out);
	else
		buf_puts(out, "-");
	buf_puts(out, "\t");
	put_safe(out, &facts->from);
	buf_puts(out, "\t");
	put_safe(out, &facts->subject);
	buf_puts(out, "\n");
}

static void
put_fitted(struct buf *out, const struct buf *text, size_t columns)
{
	struct buf safe = BUF_INIT;

	put_safe(&safe, text);
	text_fit(buf_text(&safe), columns, out);
	buf_clear(&safe);
}

static void
put_columns(struct listing *listing, const struct selected *message,
    const struct facts *facts)
{
	const int num = (int)listing->num_columns;
	const int size = (int)listing->size_columns;
	bool bold = listing->color && message->state == SELECTED_NEW;
	struct buf *out = &listing->out, date = BUF_INIT;

	buf_printf(out, "%*" PRIu32 " ", num, message->num);
	if (message->has_octets)
		buf_printf(out, "%*" PRIu64, size, message->octets);
	else
		buf_printf(out, "%*s", size, "-");
	buf_printf(out, " %s%-4s%s ", bold ? "\033[1m" : "",
	    state_word(message), bold ? "\033[0m" : "");
	if (facts->has_date)
		text_date(facts->date, true, &date);
	else
		buf_puts(&date, "-");
	if (listing->date_columns > 0)
		buf_printf(out, "%-*.*s ", (int)listing->date_columns,
		    (int)listing->date_columns, buf_text(&date));
	buf_clear(&date);
	if (listing->from_columns > 0) {
		put_fitted(out, &facts->from, listing->from_columns);
		buf_puts(out, " ");
		put_fitted(out, &facts->subject, listing->subject_columns);
	}
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_puts(out, "\n");
}

static void
put(struct listing *listing, const struct selected *message,
    const struct facts *facts)
{
	listing->out.len = 0;
	if (listing->cli->json)
		put_json(listing, message, facts);
	else if (facts == NULL) {
		if (message->has_octets)
			buf_printf(&listing->out, "%" PRIu32 " %" PRIu64 "\n",
			    message->num, message->octets);
	} else if (listing->columns > 0)
		put_columns(listing, message, facts);
	else
		put_tabbed(listing, message, facts);
	if (listing->out.len > 0)
		fwrite(listing->out.data, 1, listing->out.len, stdout);
}

/* Keep the header; servers without TOP n 0 send lines of the body, or all. */
static int
on_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct lookup *lookup = arg;
	struct buf *header = &lookup->header;

	(void)err;
	if (lookup->ended)
		return 0;
	buf_append(header, data, len);
	if (header->len > HEADER_MAX) {
		header->len = HEADER_MAX;
		lookup->ended = true;
	} else if (memmem(header->data, header->len, "\n\n", 2) != NULL)
		lookup->ended = true;
	return 0;
}

/* TOP is optional: who refuses it gets a line without what it would say. */
static void
on_done(void *arg, struct pop3_request *request)
{
	struct lookup *lookup = arg;
	struct facts facts;

	lookup->busy = false;
	if (request->result == POP3_LOST)
		return;
	if (request->result != POP3_OK)
		lookup->header.len = 0;
	facts_read(&facts, &lookup->header);
	put(lookup->listing, &lookup->message, &facts);
	facts_clear(&facts);
}

static int
look_up(struct listing *listing, const struct selected *message,
    struct lookup *lookup, struct err *err)
{
	struct pop3_request *request = &lookup->request;

	memset(request, 0, sizeof(*request));
	request->shape = POP3_BODY;
	request->weight = 2048; /* a header's usual size */
	request->max_octets = pop3_top_max(0);
	request->body = on_body;
	request->done = on_done;
	request->arg = lookup;
	lookup->listing = listing;
	lookup->message = *message;
	lookup->header.len = 0;
	lookup->ended = false;
	if (pop3_submit(listing->session->pop3, request, err,
		"TOP %" PRIu32 " 0", message->num) == -1)
		return -1;
	lookup->busy = true;
	return 0;
}

/* Replies come in the order of the requests, so slots are taken in a ring. */
static int
print_long(struct listing *listing, struct err *err)
{
	struct pop3 *pop3 = listing->session->pop3;
	struct selection *selection = &listing->selection;
	size_t next = 0;

	if (selection->count > 1 && session_capa(listing->session, err) == -1)
		return -1; /* it says whether commands may be pipelined */
	pop3_widen(pop3, true);
	while (next < selection->count || pop3_outstanding(pop3) > 0) {
		if (next < selection->count &&
		    !listing->lookups[next % AT_ONCE].busy) {
			struct selected message = select_get(selection, next);

			if (look_up(listing, &message,
				&listing->lookups[next % AT_ONCE], err) == -1)
				return -1;
			next++;
			continue;
		}
		if (pop3_step(pop3, DEADLINE_NEVER, err) == -1)
			return -1;
	}
	return 0;
}

/*
 * What is left for sender and subject is theirs; where that is little, the date
 * goes without its time, or goes.
 */
static void
share_columns(struct listing *listing)
{
	/* state 4, and a blank behind each field but the last */
	size_t used = listing->num_columns + listing->size_columns + 7;
	size_t left = listing->columns > used ? listing->columns - used : 0;
	size_t date = left >= 17 + TEXTS_WANTED ? 16 :
	    left >= 11 + TEXTS_LEAST            ? 10 :
						  0;
	size_t from;

	if (date > 0)
		left -= date + 1;
	listing->date_columns = date;
	if (left < 8)
		return;
	from = left / 3;
	if (from < FROM_LEAST)
		from = left / 2 < FROM_LEAST ? left / 2 : FROM_LEAST;
	else if (from > FROM_MOST)
		from = FROM_MOST;
	listing->from_columns = from;
	listing->subject_columns = left - from - 1;
}

static void
measure(struct listing *listing)
{
	const struct selection *selection = &listing->selection;
	struct selected message;
	size_t i, num, size;
	char text[32];

	listing->columns = text_columns(STDOUT_FILENO);
	if (listing->columns > 0)
		listing->columns--; /* some wrap in the last one */
	listing->color = cli_color(listing->cli, STDOUT_FILENO);
	for (i = 0; i < selection->count; i++) {
		message = select_get(selection, i);
		num = (size_t)snprintf(text, sizeof(text), "%" PRIu32,
		    message.num);
		size = (size_t)snprintf(text, sizeof(text), "%" PRIu64,
		    message.octets);
		if (num > listing->num_columns)
			listing->num_columns = num;
		if (size > listing->size_columns)
			listing->size_columns = size;
	}
	share_columns(listing);
}

static int
list_print(struct cli *cli, struct session *session, struct err *err)
{
	const struct list_options *options = cli->data;
	bool is_long = options != NULL && options->is_long;
	struct listing listing = { .cli = cli, .session = session };
	int status = -1;
	size_t i;

	if (select_messages(cli, session,
		SELECT_OCTETS | (is_long ? SELECT_STATE : 0),
		&listing.selection, err) == -1)
		goto out;
	status = listing.selection.status;
	if (!is_long) {
		for (i = 0; i < listing.selection.count; i++) {
			struct selected message =
			    select_get(&listing.selection, i);

			put(&listing, &message, NULL);
		}
		goto out;
	}
	measure(&listing);
	listing.lookups = xcalloc(AT_ONCE, sizeof(*listing.lookups));
	if (print_long(&listing, err) == -1) {
		status = -1;
		/* their storage is the queue's until they have ended */
		session_close(session);
	}
	for (i = 0; i < AT_ONCE; i++)
		buf_clear(&listing.lookups[i].header);
out:
	free(listing.lookups);
	buf_clear(&listing.out);
	select_clear(&listing.selection);
	return status;
}

static int
list_run(struct cli *cli)
{
	return cli_visit(cli, list_print);
}

const struct command command_list = {
	.name = "list",
	.operands = "[MESSAGE...]",
	.summary = "list messages and their sizes, or more with --long",
	.examples = "poplar list new\n"
		    "poplar list --long -a work 1-20\n",
	.options = list_options,
	.flags = COMMAND_ACCOUNT,
	.run = list_run,
	.option = list_option,
};
