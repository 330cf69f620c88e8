/* SPDX-License-Identifier: ISC */
/* Identity by UIDL and digest (DELIVERY.md, "Identity and deletion"). */
#include "fetch/known.h"

#include <stdbool.h>
#include <string.h>

#include "account/account.h"
#include "fetch/run.h"
#include "state/state.h"

static bool
is_free(const struct state_entry *entry, const struct job *job)
{
	return !(entry->scratch & KNOWN_CLAIMED) &&
	    memcmp(entry->digest, job->digest, DIGEST_LEN) == 0;
}

/* May an entry of another UIDL, or of none, be this message? */
static bool
may_differ(const struct run *run, size_t uid_len,
    const struct state_entry *entry)
{
	if (uid_len == 0 || entry->uid_len == 0)
		return true;
	return run->account->renumbered &&
	    (entry->scratch & ~KNOWN_CLAIMED) == 0;
}

struct state_entry *
known_find(struct run *run, const struct job *job)
{
	struct state_entry *e;
	size_t len;
	const char *uid = plan_uid(run, job->plan, &len);

	if (!(job->plan->flags & PLAN_COMPARE))
		return NULL;
	if (len > 0)
		for (e = state_find(run->state, uid, len); e != NULL;
		     e = state_next(run->state, e))
			if (is_free(e, job))
				return e;
	for (e = state_find_digest(run->state, job->digest); e != NULL;
	     e = state_next_digest(run->state, e))
		if (is_free(e, job) && may_differ(run, len, e))
			return e;
	return NULL;
}

static bool
has_uid(const struct run *run, const struct plan_item *item, const char *uid,
    size_t len)
{
	size_t its_len;
	const char *its = plan_uid(run, item, &its_len);

	return its_len == len && memcmp(its, uid, len) == 0;
}

unsigned int
known_copies(struct run *run, const struct job *job, struct job *const *before,
    size_t n)
{
	struct state_entry *e;
	unsigned int copies = 0;
	size_t len;
	const char *uid = plan_uid(run, job->plan, &len);

	if (!(job->plan->flags & (PLAN_COMPARE | PLAN_DELIBERATE)))
		return 0;
	for (e = state_find_digest(run->state, job->digest); e != NULL;
	     e = state_next_digest(run->state, e))
		if (e->uid_len == len && memcmp(e->uid, uid, len) == 0)
			copies++;
	for (size_t i = 0; i < n; i++)
		if (has_uid(run, before[i]->plan, uid, len) &&
		    memcmp(before[i]->digest, job->digest, DIGEST_LEN) == 0)
			copies++;
	return copies;
}
