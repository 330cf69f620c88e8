/* SPDX-License-Identifier: ISC */
/*
 * DELEs: queued among the RETRs, counted as done only when QUIT was answered,
 * owed until a complete listing lacks the message (poplar-delivery(7)).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "state/state.h"

#define DELETIONS_MAX 3

static void
keep(struct run *run, const struct dele *dele)
{
	if (run->dele_done_count == run->dele_done_room) {
		run->dele_done_room =
		    run->dele_done_count + run->dele_done_count / 8 + 64;
		run->dele_done = xreallocarray(run->dele_done,
		    run->dele_done_room, sizeof(*run->dele_done));
	}
	run->dele_done[run->dele_done_count++] =
	    (struct dele_done){ dele->entry, dele->num };
}

static void
dele_answered(void *arg, struct pop3_request *request)
{
	struct dele *dele = arg;
	struct run *run = dele->run;
	struct err err = ERR_INIT;

	if (request->result == POP3_OK)
		keep(run, dele);
	else if (request->result == POP3_ERR) {
		(void)pop3_refused(run->session.pop3, request, &err);
		run_warn(run, &err);
	}
	/* refused, or the one that a session ended on: counted, for it alone */
	if (dele->entry != NULL && request->result == POP3_ERR)
		state_refusal(run->state, dele->entry);
	if (dele->entry != NULL && request->result == POP3_LOST &&
	    !run->lost_seen)
		state_deadly(run->state, dele->entry);
	run->lost_seen |= request->result == POP3_LOST;
	dele->next = run->free_deles;
	run->free_deles = dele;
}

void
dele_submit(struct run *run, struct state_entry *entry, uint32_t num)
{
	struct dele *dele = run->free_deles;
	struct err err = ERR_INIT;

	if (dele == NULL)
		dele = xmalloc(sizeof(*dele));
	else
		run->free_deles = dele->next;
	memset(dele, 0, sizeof(*dele));
	dele->run = run;
	dele->entry = entry;
	dele->num = num;
	dele->request.shape = POP3_LINE;
	dele->request.done = dele_answered;
	dele->request.arg = dele;
	if (entry != NULL && !(entry->flags & STATE_OWED))
		state_owe(run->state, entry);
	/* a dead session: it stays owed */
	if (pop3_submit(run->session.pop3, &dele->request, &err,
		"DELE %" PRIu32, num) == -1) {
		dele->next = run->free_deles;
		run->free_deles = dele;
	}
}

static bool
is_vain(struct run *run, struct state_entry *entry, uint32_t num)
{
	struct err err;

	if (entry->deletions < DELETIONS_MAX)
		return false;
	(void)err_set(&err, EX_UNAVAILABLE,
	    "message %" PRIu32 " is still there after %d deletions; it will "
	    "not be tried again",
	    num, DELETIONS_MAX);
	state_undeletable(run->state, entry);
	run_warn(run, &err);
	return true;
}

/*
 * What ended a session may end this one, too, and then nothing that is deleted
 * in it counts. May it be tried now?
 */
static bool
may_risk(struct run *run, const struct state_entry *entry)
{
	if (!(entry->flags & STATE_DEADLY) || run->options == NULL ||
	    run->dry_run)
		return true;
	if (run->risks > 0) {
		run->risks--;
		return true;
	}
	run->deferred++;
	return false;
}

void
dele_due(struct run *run, size_t index)
{
	struct message *message = &run->mailbox.messages[index];
	uint32_t num = (uint32_t)index + 1;

	if (!(message->flags & MESSAGE_DUE) ||
	    !(message->flags & MESSAGE_PROVED) ||
	    /* the delete command looks at whole groups, and may want less */
	    (run->options == NULL && !(message->flags & MESSAGE_WANTED)) ||
	    is_vain(run, message->entry, num) || !may_risk(run, message->entry))
		return;
	if (run->dry_run)
		run_listed(run, num, REPORT_PLANNED, true);
	else
		dele_submit(run, message->entry, num);
}

static void
settle_one(struct run *run, const struct dele_done *removed, enum quit quit)
{
	if (quit == QUIT_OK)
		run_listed(run, removed->num, REPORT_DELETED, false);
	if (removed->entry == NULL)
		return;
	if (quit == QUIT_OK)
		state_deletion(run->state, removed->entry);
	else
		state_sent(run->state, removed->entry);
}

void
dele_settle(struct run *run, enum quit quit)
{
	for (size_t i = 0; quit != QUIT_NONE && i < run->dele_done_count; i++)
		settle_one(run, &run->dele_done[i], quit);
	run->dele_done_count = 0;
}

void
dele_free(struct run *run)
{
	struct dele *next;

	for (struct dele *r = run->free_deles; r != NULL; r = next) {
		next = r->next;
		free(r);
	}
	free(run->dele_done);
}
