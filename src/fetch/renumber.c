/* SPDX-License-Identifier: ISC */
/* A mailbox whose UIDLs have all changed is asked about, not fetched again. */
#include "fetch/renumber.h"

#include <stdlib.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "fetch/run.h"
#include "state/state.h"

#define KNOWN_MIN 3

struct known {
	struct state *state;
	uint64_t *sizes;
	size_t count, room;
	size_t listed;
};

/* What was there and was not deleted by us. */
static int
collect(void *arg, struct state_entry *entry)
{
	struct known *known = arg;

	if (entry->uid_len == 0 || entry->deletions > 0 ||
	    (entry->flags & (STATE_GONE | STATE_COMMITTED)))
		return 0;
	if (entry->scratch > 0) {
		known->listed++;
		return -1; /* one is enough */
	}
	if (known->count == known->room) {
		known->room = known->room * 2 + 256;
		known->sizes = xreallocarray(known->sizes, known->room,
		    sizeof(*known->sizes));
	}
	known->sizes[known->count++] = entry->list_octets;
	return 0;
}

static int
digest_body(void *arg, const char *data, size_t len, struct err *err)
{
	(void)err;
	digest_update(arg, data, len);
	return 0;
}

/* Retrieve it and look its digest up. 1 known, 0 not, -1. */
static int
is_known(struct run *run, uint32_t num, struct err *err)
{
	unsigned char digest[DIGEST_LEN];
	struct digest *running = digest_new(state_key(run->state));
	int r =
	    pop3_retr(run->session.pop3, num, digest_body, running, NULL, err);

	digest_final(running, digest);
	digest_free(running);
	if (r == -1)
		return pop3_dead(run->session.pop3) ? -1 : 0;
	if (state_find_digest(run->state, digest) != NULL)
		return 1;
	/* a QUIT may delete it now, until it has been delivered */
	run->uncommitted++;
	run->probed = num;
	return 0;
}

int
renumber_check(struct run *run, struct err *err)
{
	struct listing *listing = &run->listing;
	struct known known = { .state = run->state };
	int r = 0;

	if (!listing->has_uidl || !listing->complete ||
	    listing->named < KNOWN_MIN)
		return 0;
	(void)state_each(run->state, collect, &known);
	if (known.listed > 0 || known.count < KNOWN_MIN ||
	    listing->named < known.count)
		goto out;
	if ((r = listing_sizes(listing, run->session.pop3, err)) == -1)
		goto out;
	qsort(known.sizes, known.count, sizeof(*known.sizes),
	    listing_compare_octets);
	for (size_t i = 0; i < listing->count; i++) {
		struct listed *listed = &listing->messages[i];

		if (!(listed->flags & LISTED_SIZED) ||
		    bsearch(&listed->octets, known.sizes, known.count,
			sizeof(*known.sizes), listing_compare_octets) == NULL)
			continue;
		r = is_known(run, (uint32_t)i + 1, err);
		break;
	}
	run->final = r == 1;
	if (r == 1)
		r = err_set(err, EX_TEMPFAIL,
		    "the server has renumbered its messages: none of %zu known "
		    "UIDLs is listed, but the mail is the same; --renumbered "
		    "compares all of it and records the new ones",
		    known.count);
out:
	free(known.sizes);
	return r;
}
