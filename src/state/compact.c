/* SPDX-License-Identifier: ISC */
/*
 * The journal written anew, without what no longer counts. Entries and what
 * befell them come from the index, destinations from the old file: both are in
 * the order of serials.
 */
#include <unistd.h>

#include "base/err.h"
#include "state/reader.h"
#include "state/record.h"
#include "state/state_priv.h"

#define DEAD_LINES 1000
#define WRITE_SIZE ((size_t)64 * 1024)

struct rewrite {
	struct state *state;
	int fd;
	struct buf out;
	uint64_t size, lines;
	size_t place; /* entries before it have been dealt with */
};

static int
put_out(struct rewrite *rewrite, size_t least, struct err *err)
{
	if (rewrite->out.len <= least)
		return 0;
	if (file_write(rewrite->fd, rewrite->state->path, rewrite->out.data,
		rewrite->out.len, rewrite->size, err) == -1)
		return -1;
	rewrite->size += rewrite->out.len;
	rewrite->out.len = 0;
	return 0;
}

/* A delivery says itself that it is owed; an S line cannot. */
static bool
needs_owed(const struct state_entry *entry)
{
	return (entry->flags & STATE_OWED) && (entry->flags & STATE_MARKED);
}

static unsigned int
event_lines(const struct state_entry *entry)
{
	return needs_owed(entry) + entry->deletions +
	    !!(entry->flags & STATE_SENT) +
	    !!(entry->flags & STATE_UNDELETABLE) +
	    !!(entry->flags & STATE_GONE);
}

static void
put_events(struct rewrite *rewrite, const struct state_entry *entry)
{
	struct buf *out = &rewrite->out;
	unsigned int i;

	if (needs_owed(entry))
		record_put_number(out, RECORD_OWED, entry->serial);
	for (i = 0; i < entry->deletions; i++)
		record_put_number(out,
		    i + 1 == entry->deletions && (entry->flags & STATE_DEADLY) ?
			RECORD_DEADLY :
			RECORD_REFUSAL,
		    entry->serial);
	if (entry->flags & STATE_SENT)
		record_put_number(out, RECORD_SENT, entry->serial);
	if (entry->flags & STATE_UNDELETABLE)
		record_put_number(out, RECORD_UNDELETABLE, entry->serial);
	if (entry->flags & STATE_GONE)
		record_put_gone(out, entry->serial, entry->gone);
	rewrite->lines += event_lines(entry);
}

/*
 * Marked entries up to serial; they may be newer than the old file. *entry is
 * the delivery of that serial, whose line is at hand, if it is live.
 */
static int
put_marked(struct rewrite *rewrite, uint32_t serial, struct state_entry **entry,
    struct err *err)
{
	const struct index *index = &rewrite->state->index;
	struct state_entry *next;

	*entry = NULL;
	for (; rewrite->place < index->count; rewrite->place++) {
		next = index_at(index, rewrite->place);
		if (next->serial > serial)
			break;
		if (next->flags & STATE_VOID)
			continue;
		if (!(next->flags & STATE_MARKED)) {
			if (next->serial != serial)
				return err_set(err, EX_SOFTWARE,
				    "%s lacks the delivery %lu",
				    rewrite->state->path,
				    (unsigned long)next->serial);
			*entry = next;
			continue;
		}
		record_put_seen(&rewrite->out, next);
		rewrite->lines++;
		put_events(rewrite, next);
		if (put_out(rewrite, WRITE_SIZE, err) == -1)
			return -1;
	}
	return 0;
}

static int
copy_line(struct rewrite *rewrite, const char *line, size_t len,
    const struct record *record, struct err *err)
{
	struct state_entry *entry;

	switch (record->type) {
	case RECORD_COMMIT:
	case RECORD_DELIVERED:
	case RECORD_HELD:
		if (put_marked(rewrite, record->serial, &entry, err) == -1)
			return -1;
		if (entry == NULL)
			return 0;
		if (entry->flags & STATE_COMMITTED)
			record_put_pending(&rewrite->out, entry, record);
		else
			record_put_held(&rewrite->out, entry);
		rewrite->lines++;
		put_events(rewrite, entry);
		break;
	case RECORD_MARK:
		/* It counts as long as one of its messages is not applied. */
		if (!index_is_open(&rewrite->state->index, record->serial,
			record->last))
			return 0;
		buf_append(&rewrite->out, line, len);
		buf_append(&rewrite->out, "\n", 1);
		rewrite->lines++;
		break;
	default:
		return 0;
	}
	return put_out(rewrite, WRITE_SIZE, err);
}

static int
copy_journal(struct rewrite *rewrite, struct err *err)
{
	struct state *state = rewrite->state;
	struct state_entry *entry;
	struct record record;
	struct reader reader;
	const char *line, *why;
	size_t len;
	int got;

	reader_init(&reader, state->fd, state->path);
	record_put_header(&rewrite->out, state->identity, state->key);
	rewrite->lines = 1;
	while ((got = reader_next(&reader, &line, &len, err)) == 1) {
		if (reader.number == 1)
			continue;
		if (record_parse(line, len, &record, &why) == -1) {
			got = err_set(err, EX_IOERR, "line %llu of %s: %s",
			    (unsigned long long)reader.number, state->path,
			    why);
			break;
		}
		got = copy_line(rewrite, line, len, &record, err);
		if (got == -1)
			break;
	}
	reader_clear(&reader);
	if (got == -1 || put_marked(rewrite, UINT32_MAX, &entry, err) == -1)
		return -1;
	if (state->login_after != 0) {
		record_put_number(&rewrite->out, RECORD_LOGIN,
		    state->login_after);
		rewrite->lines++;
	}
	if (state->listed != 0) {
		record_put_number(&rewrite->out, RECORD_LISTED, state->listed);
		rewrite->lines++;
	}
	if (state->server != 0) {
		record_put_server(&rewrite->out, state->server);
		rewrite->lines++;
	}
	rewrite->lines += vain_put(state, &rewrite->out);
	/* the whole file is synced before it has its name */
	record_put_synced(&rewrite->out);
	rewrite->lines++;
	return put_out(rewrite, 0, err);
}

/* Does the old file still end where we left it? */

int
compact_rewrite(struct state *state, struct err *err)
{
	struct rewrite rewrite = { .state = state, .fd = -1 };
	bool installed = false;
	int result = -1;

	if (writer_alone(state, err) == -1)
		return -1;
	rewrite.fd = file_create(state->path, err);
	if (rewrite.fd == -1)
		return -1;
	if (copy_journal(&rewrite, err) == 0)
		result = file_install(state->path, rewrite.fd, state->dir_fd,
		    &installed, err);
	buf_clear(&rewrite.out);
	if (!installed) {
		close(rewrite.fd);
		file_discard(state->path);
		return -1;
	}
	close(state->fd);
	state->fd = rewrite.fd;
	state->size = rewrite.size;
	state->lines = rewrite.lines;
	state->long_lines = 0;
	state->unsynced = state->unsynced_lines = 0;
	state->out.len = 0;
	state->out_lines = 0;
	if (result == -1)
		state->dead = true;
	return result;
}

static bool
is_worthwhile(const struct state *state)
{
	uint64_t live = state->index.live, place;
	const struct state_entry *entry;

	/* where a message went to is of no use any more */
	if (state->long_lines > DEAD_LINES + live / 4)
		return true;
	/* Counting events takes a walk: only if it can matter. */
	if (state->lines + state->out_lines <= 2 * live + DEAD_LINES)
		return false;
	for (place = 0; place < state->index.count; place++) {
		entry = index_at(&state->index, place);
		if (!(entry->flags & STATE_VOID))
			live += event_lines(entry);
	}
	return state->lines + state->out_lines > 2 * live + DEAD_LINES;
}

int
state_compact(struct state *state, bool force, struct err *err)
{
	if (writer_allowed(state, err) == -1)
		return -1;
	if (!force && !is_worthwhile(state))
		return 0;
	return compact_rewrite(state, err);
}
