/* SPDX-License-Identifier: ISC */
/* Ask the server for its listings: STAT, UIDL and LIST. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "mailbox/mailbox.h"
#include "pop3/pop3.h"
#include "state/state.h"

struct asking {
	struct mailbox *mailbox;
	struct pop3 *pop3;
	uint64_t uidl_lines;
	uint32_t num; /* the only one asked for; 0: all */
	struct err failure;
};

/* Blank lines have been seen, and blanks before the number. */
static bool
is_blank(const char **line, size_t *len)
{
	while (*len > 0 && (**line == ' ' || **line == '\t')) {
		(*line)++;
		(*len)--;
	}
	return *len == 0;
}

static bool
is_unasked(const struct asking *asking, uint32_t num)
{
	return asking->num != 0 && num != asking->num;
}

/* Neither an odd number nor one that comes twice can be worked with. */
static int
refuse_number(const struct asking *asking, uint32_t num, struct err *err)
{
	if (is_unasked(asking, num))
		return err_set(err, EX_PROTOCOL,
		    "%s listed message %" PRIu32 " when asked for %" PRIu32,
		    pop3_peer(asking->pop3), num, asking->num);
	if (num > MAILBOX_NUMBER_MAX)
		return err_set(err, EX_PROTOCOL,
		    "%s listed message %" PRIu32 ", which is out of range",
		    pop3_peer(asking->pop3), num);
	return err_set(err, EX_PROTOCOL, "%s listed message %" PRIu32 " twice",
	    pop3_peer(asking->pop3), num);
}

static int
uidl_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct asking *asking = arg;
	const char *uid;
	size_t uid_len;
	uint32_t num;

	if (is_blank(&line, &len))
		return 0;
	asking->uidl_lines++;
	if (pop3_parse_uidl(asking->pop3, line, len, &num, &uid, &uid_len,
		err) == -1)
		return -1;
	if (is_unasked(asking, num) ||
	    !mailbox_take_uid(asking->mailbox, num, uid, uid_len))
		return refuse_number(asking, num, err);
	return 0;
}

static bool
has_number(const struct asking *asking, const char *line, size_t len,
    uint32_t *num)
{
	struct err ignored = ERR_INIT;
	const char *rest;
	size_t rest_len;

	return pop3_parse_uidl(asking->pop3, line, len, num, &rest, &rest_len,
		   &ignored) == 0;
}

static int
list_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct asking *asking = arg;
	uint64_t octets;
	uint32_t num;

	if (is_blank(&line, &len))
		return 0;
	if (pop3_parse_list(asking->pop3, line, len, &num, &octets, err) ==
	    -1) {
		/* a size that is no number is not told; the number must be */
		if (!has_number(asking, line, len, &num))
			return -1;
		err->status = 0;
		asking->mailbox->sizes_odd = true;
		octets = STATE_UNSIZED;
	}
	if (is_unasked(asking, num) ||
	    !mailbox_take_size(asking->mailbox, num, octets))
		return refuse_number(asking, num, err);
	return 0;
}

/* A listing command's outcome: served, refused (no error), or an error. */
static int
served(const struct asking *asking, struct pop3_request *request, bool *yes,
    struct err *err)
{
	if (pop3_finish(asking->pop3, request, err) == -1)
		return -1;
	if (request->failed) {
		*err = asking->failure;
		return -1;
	}
	*yes = request->result == POP3_OK;
	/* refused for the moment is not refused: what it lists is unknown */
	if (request->result == POP3_ERR)
		(void)pop3_refused(asking->pop3, request,
		    &asking->mailbox->refusal);
	if (request->result == POP3_LOST ||
	    (request->result == POP3_ERR &&
		pop3_code_status(request->code) == EX_TEMPFAIL))
		return pop3_refused(asking->pop3, request, err);
	return 0;
}

static int
note_stat(void *arg, const char *text, size_t len, struct err *err)
{
	struct asking *asking = arg;
	struct pop3_stat stat = { 0, 0 };
	struct err ignored = ERR_INIT;
	char *copy = xstrndup(text, len);

	(void)err;
	if (pop3_parse_stat(asking->pop3, copy, &stat, &ignored) == -1)
		asking->mailbox->stat_odd = true;
	asking->mailbox->stat_count = stat.count;
	free(copy);
	return 0;
}

static int
finish_stat(struct pop3 *pop3, struct pop3_request *request, struct err *err)
{
	if (pop3_finish(pop3, request, err) == -1)
		return -1;
	if (request->result != POP3_OK)
		return pop3_refused(pop3, request, err);
	return 0;
}

static struct pop3_request
lines_request(struct asking *asking,
    int (*line)(void *, const char *, size_t, struct err *))
{
	return (struct pop3_request){ .shape = POP3_LINES,
		.line = line,
		.arg = asking,
		.failure = &asking->failure };
}

static int
submit_all(struct asking *asking, unsigned int want, struct pop3_request *stat,
    struct pop3_request *uidl, struct pop3_request *list, struct err *err)
{
	struct pop3 *pop3 = asking->pop3;

	/* in this order: UIDL says which numbers LIST may repeat */
	if ((want & MAILBOX_STAT) &&
	    (pop3_capa_submit(pop3, err) == -1 ||
		pop3_submit(pop3, stat, err, "STAT") == -1))
		return -1;
	if (((want & MAILBOX_UIDL) &&
		pop3_submit(pop3, uidl, err, "UIDL") == -1) ||
	    ((want & MAILBOX_LIST) &&
		pop3_submit(pop3, list, err, "LIST") == -1))
		return -1;
	return pop3_drain(pop3, err);
}

static int
ask(struct asking *asking, unsigned int want, struct err *err)
{
	struct mailbox *mailbox = asking->mailbox;
	struct pop3_request uidl = lines_request(asking, uidl_line);
	struct pop3_request list = lines_request(asking, list_line);
	struct pop3_request stat = { .shape = POP3_LINE,
		.begin = note_stat,
		.arg = asking };

	if (submit_all(asking, want, &stat, &uidl, &list, err) == -1)
		return -1;
	if ((want & MAILBOX_STAT) &&
	    (pop3_capa_finish(asking->pop3, err) == -1 ||
		finish_stat(asking->pop3, &stat, err) == -1))
		return -1;
	mailbox->uidl_asked = want & MAILBOX_UIDL;
	mailbox->list_asked = want & MAILBOX_LIST;
	if (mailbox->uidl_asked &&
	    served(asking, &uidl, &mailbox->has_uidl, err) == -1)
		return -1;
	return mailbox->list_asked ?
	    served(asking, &list, &mailbox->has_list, err) :
	    0;
}

/* Neither listing is served: STAT's count is all there is. */
static int
take_numbers(struct asking *asking, struct err *err)
{
	struct mailbox *mailbox = asking->mailbox;

	for (uint64_t i = 1; i <= mailbox->stat_count; i++) {
		uint32_t num =
		    i <= MAILBOX_NUMBER_MAX ? (uint32_t)i : UINT32_MAX;

		if (!mailbox_take_number(mailbox, num))
			return refuse_number(asking, num, err);
	}
	return 0;
}

int
mailbox_ask(struct mailbox *mailbox, struct pop3 *pop3, struct state *state,
    unsigned int want, struct err *err)
{
	struct asking asking = { .mailbox = mailbox, .pop3 = pop3 };

	mailbox_begin(mailbox, state);
	if (ask(&asking, want, err) == -1)
		return -1;
	mailbox->complete = mailbox->has_uidl && (want & MAILBOX_STAT) &&
	    !mailbox->stat_odd && asking.uidl_lines == mailbox->stat_count;
	if ((want & MAILBOX_STAT) && !mailbox->has_uidl && !mailbox->has_list &&
	    !mailbox->stat_odd && take_numbers(&asking, err) == -1)
		return -1;
	mailbox_join(mailbox);
	return 0;
}

int
mailbox_ask_one(struct mailbox *mailbox, struct pop3 *pop3, uint32_t num,
    unsigned int want, struct err *err)
{
	struct asking asking = { .mailbox = mailbox, .pop3 = pop3, .num = num };
	struct pop3_request uidl = { .shape = POP3_LINE,
		.is_listing = true,
		.begin = uidl_line,
		.arg = &asking,
		.failure = &asking.failure };
	struct pop3_request list = uidl;

	list.begin = list_line;
	mailbox_begin(mailbox, NULL);
	mailbox->uidl_asked = want & MAILBOX_UIDL;
	mailbox->list_asked = want & MAILBOX_LIST;
	if ((mailbox->list_asked &&
		pop3_submit(pop3, &list, err, "LIST %" PRIu32, num) == -1) ||
	    (mailbox->uidl_asked &&
		pop3_submit(pop3, &uidl, err, "UIDL %" PRIu32, num) == -1) ||
	    pop3_drain(pop3, err) == -1)
		return -1;
	if ((mailbox->list_asked &&
		served(&asking, &list, &mailbox->has_list, err) == -1) ||
	    (mailbox->uidl_asked &&
		served(&asking, &uidl, &mailbox->has_uidl, err) == -1))
		return -1;
	if (mailbox->has_list == mailbox->list_asked &&
	    mailbox->has_uidl == mailbox->uidl_asked) {
		mailbox_join(mailbox);
		return 0;
	}
	*err = mailbox->refusal;
	return -1;
}

int
mailbox_check_uidl(const struct mailbox *mailbox,
    const struct mailbox_policy *policy, const struct pop3 *pop3,
    struct err *err)
{
	if (mailbox->has_uidl || mailbox->state == NULL || policy->renumbered ||
	    !state_has_uids(mailbox->state))
		return 0;
	return err_set(err, EX_TEMPFAIL,
	    "%s refused UIDL, which it has served before; nothing is fetched "
	    "or deleted, since without it new mail cannot be told from old "
	    "(if it does not come back, --renumbered compares all messages)",
	    pop3_peer(pop3));
}
