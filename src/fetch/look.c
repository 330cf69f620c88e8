/* SPDX-License-Identifier: ISC */
/*
 * Messages that are looked at: TOP n 0 in one stream, and behind it the DELE
 * of what has the header that was delivered (poplar-delivery(7), "Identity").
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "state/state.h"

/* A header's usual size. */
#define LOOK_OCTETS 2048

/* A message whose TOP or RETR is under way. */
struct look {
	struct look *next; /* among the free ones */
	struct looking *looking;
	struct group_look *group; /* NULL: it is alone */
	size_t index, place;      /* of the message; in its group */
	struct pop3_request request;
};

/* The messages of one UIDL, until all have been looked at. */
struct group_look {
	size_t first, count, answered;
	bool refused;
	struct shown *shown; /* owned */
};

struct looking {
	struct run *run;
	bool compare_here;
	struct look *free_looks;
	size_t next;  /* in the plan's looks */
	size_t at;    /* within a group: the next message; or SIZE_MAX */
	size_t place; /* of it */
	struct group_look *group; /* it is in */
	size_t *compare;          /* owned; messages to be retrieved here */
	size_t compare_next, compare_count, compare_room;
};

static void
queue_compare(struct looking *looking, size_t index)
{
	if (looking->compare_count == looking->compare_room) {
		looking->compare_room += looking->compare_room / 2 + 64;
		looking->compare = xreallocarray(looking->compare,
		    looking->compare_room, sizeof(*looking->compare));
	}
	looking->compare[looking->compare_count++] = index;
}

/* What TOP has shown is not enough, or shows another message. */
static void
go_on(struct looking *looking, size_t index)
{
	struct run *run = looking->run;

	if (run->mailbox.messages[index].verdict != VERDICT_COMPARE)
		dele_due(run, index);
	else if (looking->compare_here)
		queue_compare(looking, index);
	else
		plan_add(run, index, 0);
}

static int
look_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct look *look = arg;

	(void)err;
	fingerprinter_update(look->looking->run->printer, data, len);
	return 0;
}

static void
end_group(struct looking *looking, struct group_look *group)
{
	struct mailbox *mailbox = &looking->run->mailbox;
	size_t index = group->first;

	mailbox_look_group(mailbox, group->first,
	    group->refused ? NULL : group->shown, group->count);
	for (size_t i = 0; i < group->count; i++) {
		uint32_t next = mailbox->messages[index].next;

		go_on(looking, index);
		index = next - 1;
	}
	free(group->shown);
	free(group);
}

static void
top_done(struct look *look, const struct shown *shown)
{
	struct looking *looking = look->looking;
	struct group_look *group = look->group;

	if (group == NULL) {
		mailbox_look(&looking->run->mailbox, look->index, shown);
		go_on(looking, look->index);
		return;
	}
	if (shown == NULL)
		group->refused = true;
	else
		group->shown[look->place] = *shown;
	if (++group->answered == group->count)
		end_group(looking, group);
}

static void
release(struct look *look)
{
	look->next = look->looking->free_looks;
	look->looking->free_looks = look;
}

static void
look_done(void *arg, struct pop3_request *request)
{
	struct look *look = arg;
	struct run *run = look->looking->run;
	struct shown shown;

	run->spoken_at = deadline_now();
	fingerprinter_final(run->printer, &shown.print, shown.whole);
	shown.octets = request->octets;
	run->lost_seen |= request->result == POP3_LOST;
	if (request->result == POP3_LOST) {
		/* the last one of a group frees it */
		if (look->group != NULL &&
		    ++look->group->answered == look->group->count) {
			free(look->group->shown);
			free(look->group);
		}
	} else {
		top_done(look, request->result == POP3_OK ? &shown : NULL);
	}
	release(look);
}

static void
compare_done(void *arg, struct pop3_request *request)
{
	struct look *look = arg;
	struct run *run = look->looking->run;
	const struct state_entry *known;
	struct shown shown;

	run->spoken_at = deadline_now();
	fingerprinter_final(run->printer, &shown.print, shown.whole);
	shown.octets = request->octets;
	run->lost_seen |= request->result == POP3_LOST;
	if (request->result == POP3_OK) {
		known = mailbox_settle(&run->mailbox, look->index, &shown);
		/* delivered, not only marked? */
		if (known == NULL || (known->flags & STATE_MARKED))
			run->uncommitted++;
		if (known != NULL)
			dele_due(run, look->index);
	}
	release(look);
}

static int
submit(struct looking *looking, size_t index, struct group_look *group,
    size_t place, bool whole, struct err *err)
{
	struct run *run = looking->run;
	struct look *look = looking->free_looks;
	uint32_t num = (uint32_t)index + 1;

	if (look != NULL)
		looking->free_looks = look->next;
	else
		look = xmalloc(sizeof(*look));
	*look = (struct look){ .looking = looking,
		.group = group,
		.index = index,
		.place = place,
		.request = { .shape = POP3_BODY,
		    .weight = whole ? run->mailbox.messages[index].octets :
				      LOOK_OCTETS,
		    .body = look_body,
		    .done = whole ? compare_done : look_done,
		    .arg = look } };
	if (!whole)
		look->request.max_octets = pop3_top_max(0);
	return whole ? pop3_submit(run->session.pop3, &look->request, err,
			   "RETR %" PRIu32, num) :
		       pop3_submit(run->session.pop3, &look->request, err,
			   "TOP %" PRIu32 " 0", num);
}

/* Begin with the next group of the plan. */
static void
open_group(struct looking *looking)
{
	struct run *run = looking->run;
	const struct mailbox *mailbox = &run->mailbox;
	size_t first = run->plan.looks[looking->next++];
	struct group_look *group;

	looking->at = first;
	looking->place = 0;
	looking->group = NULL;
	if (mailbox->messages[first].flags & MESSAGE_ALONE)
		return;
	group = xcalloc(1, sizeof(*group));
	group->first = first;
	for (uint32_t next = (uint32_t)first + 1; next != 0;
	     next = mailbox->messages[next - 1].next)
		group->count++;
	group->shown = xcalloc(group->count, sizeof(*group->shown));
	looking->group = group;
}

static int
submit_top(struct looking *looking, struct err *err)
{
	uint32_t next;

	if (looking->at == SIZE_MAX)
		open_group(looking);
	next = looking->run->mailbox.messages[looking->at].next;
	if (submit(looking, looking->at, looking->group, looking->place, false,
		err) == -1)
		return -1;
	looking->place++;
	looking->at = looking->group == NULL || next == 0 ? SIZE_MAX : next - 1;
	return 0;
}

/* No TOP: the octets of whole messages must tell. */
static void
do_without(struct looking *looking, size_t first)
{
	struct mailbox *mailbox = &looking->run->mailbox;
	size_t index = first;
	uint32_t next;

	if (mailbox->messages[first].flags & MESSAGE_ALONE)
		mailbox_look(mailbox, first, NULL);
	else
		mailbox_look_group(mailbox, first, NULL, 0);
	do {
		next = mailbox->messages[index].next;
		go_on(looking, index);
		index = next - 1;
	} while (next != 0);
}

static bool
has_top(const struct run *run)
{
	const struct pop3 *pop3 = run->session.pop3;

	return !pop3_capa_known(pop3) || (pop3_caps(pop3) & POP3_CAP_TOP);
}

static int
submit_more(struct looking *looking, struct err *err)
{
	struct run *run = looking->run;
	struct plan *plan = &run->plan;

	while (looking->next < plan->look_count && !has_top(run))
		do_without(looking, plan->looks[looking->next++]);
	while ((looking->next < plan->look_count || looking->at != SIZE_MAX) &&
	    pop3_has_room(run->session.pop3))
		if (submit_top(looking, err) == -1)
			return -1;
	while (looking->compare_next < looking->compare_count &&
	    pop3_has_room(run->session.pop3))
		if (submit(looking, looking->compare[looking->compare_next++],
			NULL, 0, true, err) == -1)
			return -1;
	return 0;
}

int
look(struct run *run, bool compare_here, struct err *err)
{
	struct looking looking = { .run = run,
		.compare_here = compare_here,
		.at = SIZE_MAX };
	struct pop3 *pop3 = run->session.pop3;
	struct look *next;
	int r = 0;

	pop3_widen(pop3, true);
	while (r == 0 &&
	    (looking.next < run->plan.look_count || looking.at != SIZE_MAX ||
		looking.compare_next < looking.compare_count ||
		pop3_outstanding(pop3) > 0)) {
		r = submit_more(&looking, err);
		if (r == 0 && pop3_outstanding(pop3) > 0 &&
		    pop3_step(pop3, DEADLINE_NEVER, err) == -1)
			r = -1;
	}
	pop3_widen(pop3, false);
	if (r == -1)
		pop3_abort(pop3, err); /* nothing may point here any more */
	if (looking.at != SIZE_MAX && looking.group != NULL) {
		free(looking.group->shown);
		free(looking.group);
	}
	for (struct look *l = looking.free_looks; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	free(looking.compare);
	return r;
}
