/* SPDX-License-Identifier: ISC */
/* A mailbox whose UIDLs have all changed is asked about, not fetched again. */
#include "fetch/renumber.h"

#include <stdlib.h>
#include <sysexits.h>

#include "account/account.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "mailbox/mailbox.h"
#include "state/state.h"

#define KNOWN_MIN 3

struct known {
	struct state *state;
	uint64_t *sizes; /* of those whose size was told */
	size_t sized, room;
	size_t count;
	size_t listed;
};

/* What was there and was not deleted by us. */
static int
collect(void *arg, struct state_entry *entry)
{
	struct known *known = arg;

	if (entry->uid_len == 0 ||
	    (entry->flags & (STATE_SENT | STATE_GONE | STATE_COMMITTED)))
		return 0;
	if (entry->listed > 0) {
		known->listed++;
		return -1; /* one is enough */
	}
	known->count++;
	if (entry->list_octets == STATE_UNSIZED)
		return 0;
	if (known->sized == known->room) {
		known->room *= 2;
		known->sizes = xreallocarray(known->sizes, known->room,
		    sizeof(*known->sizes));
	}
	known->sizes[known->sized++] = entry->list_octets;
	return 0;
}

static int
print_body(void *arg, const char *data, size_t len, struct err *err)
{
	(void)err;
	fingerprinter_update(arg, data, len);
	return 0;
}

/* Retrieve it, and look for its record. 1 known, 0 not, -1. */
static int
is_known(struct run *run, uint32_t num, struct err *err)
{
	struct shown shown;
	int r = pop3_retr(run->session.pop3, num, print_body, run->printer,
	    &shown.octets, err);

	fingerprinter_final(run->printer, &shown.print, shown.whole);
	if (r == -1)
		return pop3_dead(run->session.pop3) ? -1 : 0;
	if (mailbox_is_recorded(&run->mailbox, &shown))
		return 1;
	/* a QUIT may delete it now, until it has been delivered */
	run->uncommitted++;
	run->probed = num;
	return 0;
}

static int
compare_octets(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/*
 * One that the account's options would fetch, of a size that is recorded; or
 * else any such, since servers that write into a message change its size.
 */
static size_t
choose_one(const struct run *run, const struct known *known)
{
	const struct mailbox *mailbox = &run->mailbox;
	const struct account *account = run->account;
	size_t other = SIZE_MAX;

	for (size_t i = 0; i < mailbox->count; i++) {
		uint64_t octets = mailbox_size(mailbox, i);

		if ((octets == STATE_UNSIZED &&
			(account->max_size != 0 || account->min_size != 0)) ||
		    (account->max_size != 0 && octets > account->max_size) ||
		    (account->min_size != 0 && octets < account->min_size))
			continue;
		if (bsearch(&octets, known->sizes, known->sized,
			sizeof(*known->sizes), compare_octets) != NULL)
			return i;
		if (other == SIZE_MAX)
			other = i;
	}
	return other;
}

int
renumber_check(struct run *run, struct err *err)
{
	const struct mailbox *mailbox = &run->mailbox;
	struct known known = { .state = run->state };
	size_t index;
	int r = 0;

	/* where retrieving may delete, all may well be gone */
	if (!mailbox->has_uidl || !mailbox->complete ||
	    mailbox->named < KNOWN_MIN ||
	    pop3_expire_days(run->session.pop3) == 0)
		return 0;
	known.room = 64;
	known.sizes = xreallocarray(NULL, known.room, sizeof(*known.sizes));
	(void)state_each(run->state, collect, &known);
	if (known.listed == 0 && known.count >= KNOWN_MIN &&
	    mailbox->named >= known.count) {
		qsort(known.sizes, known.sized, sizeof(*known.sizes),
		    compare_octets);
		index = choose_one(run, &known);
		if (index != SIZE_MAX)
			r = is_known(run, (uint32_t)index + 1, err);
	}
	run->final = r == 1;
	if (r == 1)
		r = err_set(err, EX_TEMPFAIL,
		    "the server has renumbered its messages: none of %zu known "
		    "UIDLs is listed, but the mail is the same; --renumbered "
		    "compares all of it and records the new ones",
		    known.count);
	free(known.sizes);
	return r;
}
