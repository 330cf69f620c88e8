/* SPDX-License-Identifier: ISC */
/*
 * What an earlier run committed and did not finish: decided by each record's
 * own destination, not by today's options (poplar-delivery(7)).
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "state/state.h"

struct recovery {
	struct run *run;
	const struct state_pending *from; /* n of one destination */
	size_t n;
	const char *path;
};

static bool
same_destination(const struct state_pending *a, const struct state_pending *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->path, b->path) == 0 &&
	    a->device == b->device;
}

static void
fill(const struct state_pending *from, struct deliver_pending *to)
{
	to->name = from->name;
	to->spool = from->spool;
	to->uid = from->entry->uid;
	to->uid_len = from->entry->uid_len;
	to->octets = from->entry->octets;
	to->marked = from->marked;
	if (!from->marked)
		return;
	to->device = from->mark.device;
	to->inode = from->mark.inode;
	to->before = from->mark.before;
	to->length = from->mark.length;
	memcpy(to->mark_digest, from->mark.digest, DIGEST_LEN);
	to->group = from->mark.first;
}

static int
mark(void *arg, uint64_t device, uint64_t inode, uint64_t before,
    uint64_t length, const unsigned char digest[DIGEST_LEN], struct err *err)
{
	struct recovery *recovery = arg;
	struct state_mark mark = {
		.path = recovery->path,
		.device = device,
		.inode = inode,
		.before = before,
		.length = length,
		.first = recovery->from[0].entry->serial,
		.last = recovery->from[recovery->n - 1].entry->serial,
	};

	memcpy(mark.digest, digest, DIGEST_LEN);
	return state_mark(recovery->run->state, &mark, err);
}

/* Write down what was decided, durably. */
static int
record(struct run *run, const struct state_pending *from,
    const struct deliver_pending *pending, size_t n, struct err *err)
{
	struct state_entry **applied = xcalloc(n, sizeof(*applied));
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (pending[i].decision == DELIVER_APPLIED)
			applied[count++] = from[i].entry;
		else
			r = state_void(run->state, from[i].entry, err);
	}
	if (r == 0)
		r = state_applied(run->state, applied, count, err);
	if (r == 0)
		r = state_sync(run->state, err);
	free(applied);
	return r;
}

static int
recover_destination(struct run *run, const struct state_pending *from, size_t n,
    struct err *err)
{
	struct recovery recovery = { run, from, n, from->path };
	struct deliver_hooks hooks = { .mark = mark, .arg = &recovery };
	struct deliver_pending *pending = xcalloc(n, sizeof(*pending));
	char *path = xstrdup(state_path(run->state));
	struct deliver_spec spec = {
		.kind = from->kind,
		.path = from->path,
		.identity = run->account->identity,
		.spool_dir = dirname(path),
		.account = run->account->name,
		.key = state_key(run->state),
		.sync = run->account->sync_files ? SYNC_FILES : SYNC_AUTO,
		.timeout_ms = run->account->timeout_ms,
	};
	int r;

	for (size_t i = 0; i < n; i++)
		fill(&from[i], &pending[i]);
	r = deliver_recover(&spec, from->device, pending, n, &hooks, err);
	if (r == 0)
		r = record(run, from, pending, n, err);
	if (r == 0)
		deliver_recovered(&spec, pending, n);
	free(pending);
	free(path);
	return r;
}

static int
compare_destinations(const void *a, const void *b)
{
	const struct state_pending *x = a, *y = b;
	int order = strcmp(x->kind, y->kind);

	if (order == 0)
		order = strcmp(x->path, y->path);
	if (order != 0)
		return order;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return x->entry->serial < y->entry->serial ? -1 : 1;
}

int
recover(struct run *run, struct err *err)
{
	const struct state_pending *found;
	size_t n = state_pending(run->state, &found), end;
	struct state_pending *pending;
	int r = 0;

	if (n == 0)
		return 0;
	pending = xcalloc(n, sizeof(*pending));
	memcpy(pending, found, n * sizeof(*pending));
	qsort(pending, n, sizeof(*pending), compare_destinations);
	for (size_t i = 0; i < n && r == 0; i = end) {
		for (end = i + 1;
		     end < n && same_destination(&pending[i], &pending[end]);)
			end++;
		r = recover_destination(run, pending + i, end - i, err);
	}
	free(pending);
	return r;
}
