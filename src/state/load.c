/* SPDX-License-Identifier: ISC */
/*
 * From a journal to the index, in one pass. Of a delivery only what the index
 * holds is kept; the destinations of those that have no A line are read again
 * at the end, when it is known which they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "state/reader.h"
#include "state/record.h"
#include "state/state_priv.h"

/* Octets of the file an entry takes, about: for the first size of tables. */
#define OCTETS_AN_ENTRY 160
#define PRUNE_MIN 512

void
loader_init(struct loader *loader, struct state *state)
{
	*loader = (struct loader){ .state = state };
	loader->commit_prune = loader->mark_prune = PRUNE_MIN;
}

void
loader_clear(struct loader *loader)
{
	buf_clear(&loader->scratch);
	free(loader->commits);
	free(loader->marks);
	*loader = (struct loader){ 0 };
}

static size_t
prune(struct loader *loader, struct load_line *lines, size_t count)
{
	size_t kept = 0, i;

	for (i = 0; i < count; i++)
		if (index_is_open(&loader->state->index, lines[i].first,
			lines[i].last))
			lines[kept++] = lines[i];
	return kept;
}

static void
note_line(struct loader *loader, struct load_line **lines, size_t *count,
    size_t *cap, size_t *limit, const struct load_line *line)
{
	if (*count >= *limit) {
		*count = prune(loader, *lines, *count);
		*limit = *count * 2 < PRUNE_MIN ? PRUNE_MIN : *count * 2;
	}
	if (*count == *cap) {
		*cap = *cap == 0 ? 64 : *cap * 2;
		*lines = xreallocarray(*lines, *cap, sizeof(**lines));
	}
	(*lines)[(*count)++] = *line;
}

/* A record that begins an entry: C, D, S. */
static int
add_entry(struct loader *loader, const struct record *record, uint64_t offset,
    size_t len, const char **why)
{
	struct state *state = loader->state;
	struct load_line line = { offset, record->serial, record->serial,
		(uint32_t)len };
	struct state_entry *entry;
	const char *uid;
	size_t uid_len;

	*why = "a serial that does not rise";
	if (record->serial <= state->last_serial)
		return -1;
	*why = "malformed UIDL";
	if (record_decode(record->uid, &loader->scratch, &uid, &uid_len) ==
		-1 ||
	    uid_len > RECORD_UID_MAX)
		return -1;
	state->last_serial = record->serial;
	entry = index_add(&state->index, record->serial, uid, uid_len);
	entry->time = record->time;
	if (record->type == RECORD_SEEN) {
		index_set_sizes(entry, record->list_octets, 0);
		entry->flags = STATE_MARKED;
		return 0;
	}
	index_set_sizes(entry, record->list_octets, record->octets);
	entry->copy = record->copy;
	entry->flags =
	    record->type == RECORD_COMMIT ? STATE_COMMITTED : STATE_DELIVERED;
	if (record->is_short)
		entry->flags |= STATE_SHORT;
	if (record->is_owed)
		entry->flags |= STATE_OWED;
	if (record->is_old)
		index_set_whole(&state->index, entry, record->digest);
	else
		entry->print = record->print;
	if (record->type == RECORD_COMMIT)
		note_line(loader, &loader->commits, &loader->commit_count,
		    &loader->commit_cap, &loader->commit_prune, &line);
	return 0;
}

static int
learn_uid(struct loader *loader, struct state_entry *entry,
    const struct record *record, const char **why)
{
	const char *uid;
	size_t len;

	*why = "malformed UIDL";
	if (record_decode(record->uid, &loader->scratch, &uid, &len) == -1 ||
	    len > RECORD_UID_MAX || len == 0)
		return -1;
	if (!(entry->flags & STATE_VOID))
		index_rename(&loader->state->index, entry, uid, len);
	return 0;
}

/* A record about an entry that is there. */
static int
change_entry(struct loader *loader, struct state_entry *entry,
    const struct record *record, const char **why)
{
	switch (record->type) {
	case RECORD_OWED:
		index_owe(entry);
		break;
	case RECORD_DELETION:
		index_deletion(entry);
		break;
	case RECORD_SENT:
		index_sent(entry);
		break;
	case RECORD_REFUSAL:
	case RECORD_DEADLY:
		index_refusal(entry, record->type == RECORD_DEADLY);
		break;
	case RECORD_UNDELETABLE:
		entry->flags |= STATE_UNDELETABLE;
		break;
	case RECORD_GONE:
		index_gone(entry, record->time);
		break;
	case RECORD_BACK:
		index_back(entry);
		break;
	case RECORD_SIZE:
		index_set_sizes(entry, record->list_octets, entry->octets);
		break;
	case RECORD_PRINT:
		index_set_print(&loader->state->index, entry, record->octets,
		    &record->print);
		break;
	case RECORD_FORGOTTEN:
	case RECORD_VOID:
		index_drop(&loader->state->index, entry);
		break;
	case RECORD_WHOLE:
		entry->flags &= (uint16_t)~STATE_SHORT;
		loader->state->proved++;
		break;
	default:
		return learn_uid(loader, entry, record, why);
	}
	return 0;
}

/* An A record. Nearly always it is about the last commits that were noted. */
static int
apply_range(struct loader *loader, const struct record *record,
    const char **why)
{
	const struct load_line *commit;

	*why = "about messages that are not there";
	if (!index_apply(&loader->state->index, record->serial, record->last))
		return -1;
	for (; loader->commit_count > 0; loader->commit_count--) {
		commit = &loader->commits[loader->commit_count - 1];
		if (commit->first < record->serial ||
		    commit->first > record->last)
			break;
	}
	return 0;
}

static int
apply_vain(struct loader *loader, const struct record *record, const char **why)
{
	const char *uid;
	size_t len;

	*why = "malformed UIDL";
	if (record_decode(record->uid, &loader->scratch, &uid, &len) == -1 ||
	    len > RECORD_UID_MAX || len == 0)
		return -1;
	vain_set(loader->state, uid, len, record->runs, record->time);
	return 0;
}

int
loader_apply(struct loader *loader, const struct record *record,
    uint64_t offset, size_t len, const char **why)
{
	struct load_line line = { offset, record->serial, record->last,
		(uint32_t)len };
	struct state_entry *entry;

	switch (record->type) {
	case RECORD_COMMIT:
	case RECORD_DELIVERED:
		loader->state->long_lines++;
		return add_entry(loader, record, offset, len, why);
	case RECORD_HELD:
	case RECORD_SEEN:
		return add_entry(loader, record, offset, len, why);
	case RECORD_APPLIED:
		return apply_range(loader, record, why);
	case RECORD_LOGIN:
		loader->state->login_after = record->time;
		return 0;
	case RECORD_LISTED:
		loader->state->listed = record->time;
		return 0;
	case RECORD_SERVER:
		loader->state->server |= record->facts;
		return 0;
	case RECORD_VAIN:
		return apply_vain(loader, record, why);
	case RECORD_SYNCED:
		return 0;
	case RECORD_MARK:
		note_line(loader, &loader->marks, &loader->mark_count,
		    &loader->mark_cap, &loader->mark_prune, &line);
		return 0;
	default:
		entry = index_serial(&loader->state->index, record->serial);
		*why = "about a message that is not there";
		if (entry == NULL)
			return -1;
		return change_entry(loader, entry, record, why);
	}
}

/* ---- what recovery needs ---- */

static const char *
keep_text(struct loader *loader, struct record_text text)
{
	struct state *state = loader->state;
	const char *data;
	size_t len;

	if (record_decode(text, &loader->scratch, &data, &len) == -1)
		return NULL;
	if ((state->string_count & (state->string_count + 1)) == 0)
		state->strings = xreallocarray(state->strings,
		    2 * (state->string_count + 1), sizeof(*state->strings));
	state->strings[state->string_count] = xstrndup(data, len);
	return state->strings[state->string_count++];
}

/* Read a line of the file again. The line is in *line until the next call. */
static int
read_again(struct loader *loader, const struct load_line *at, struct buf *line,
    struct record *record, struct err *err)
{
	const struct state *state = loader->state;
	const char *why;
	size_t n;

	line->len = 0;
	(void)buf_grow(line, at->len);
	if (file_read(state->fd, state->path, line->data, at->len, at->offset,
		&n, err) == -1)
		return -1;
	if (n != at->len ||
	    record_parse(line->data, at->len, record, &why) == -1)
		return err_set(err, EX_IOERR,
		    "%s changed while it was being read", state->path);
	return 0;
}

static int
keep_mark(struct loader *loader, const struct load_line *at, struct buf *line,
    struct state_mark *mark, struct err *err)
{
	struct record record;

	if (read_again(loader, at, line, &record, err) == -1)
		return -1;
	mark->path = keep_text(loader, record.path);
	if (mark->path == NULL)
		return err_set(err, EX_DATAERR, "malformed path in %s",
		    loader->state->path);
	mark->device = record.device;
	mark->inode = record.inode;
	mark->before = record.before;
	mark->length = record.length;
	memcpy(mark->digest, record.digest, DIGEST_LEN);
	mark->first = record.serial;
	mark->last = record.last;
	return 0;
}

static int
keep_commit(struct loader *loader, const struct load_line *at, struct buf *line,
    struct state_pending *pending, struct err *err)
{
	struct record record;
	size_t i;

	if (read_again(loader, at, line, &record, err) == -1)
		return -1;
	pending->entry = index_serial(&loader->state->index, at->first);
	pending->kind = keep_text(loader, record.kind);
	pending->path = keep_text(loader, record.path);
	pending->name = keep_text(loader, record.name);
	pending->spool = keep_text(loader, record.spool);
	pending->device = record.device;
	if (pending->kind == NULL || pending->path == NULL ||
	    pending->name == NULL || pending->spool == NULL)
		return err_set(err, EX_DATAERR, "malformed text in %s",
		    loader->state->path);
	/* The last M counts: a batch may have been tried twice. */
	for (i = loader->mark_count; i > 0; i--) {
		if (at->first < loader->marks[i - 1].first ||
		    at->first > loader->marks[i - 1].last)
			continue;
		pending->marked = true;
		return keep_mark(loader, &loader->marks[i - 1], line,
		    &pending->mark, err);
	}
	return 0;
}

static int
keep_pending(struct loader *loader, struct err *err)
{
	struct state *state = loader->state;
	struct buf line = BUF_INIT;
	size_t i;
	int result = 0;

	loader->commit_count =
	    prune(loader, loader->commits, loader->commit_count);
	loader->mark_count = prune(loader, loader->marks, loader->mark_count);
	state->pending =
	    xcalloc(loader->commit_count + 1, sizeof(*state->pending));
	for (i = 0; i < loader->commit_count && result == 0; i++)
		result = keep_commit(loader, &loader->commits[i], &line,
		    &state->pending[i], err);
	state->pending_count = loader->commit_count;
	buf_clear(&line);
	return result;
}

/* ---- the pass ---- */

static int
load_header(struct state *state, struct reader *reader, const char *identity,
    struct err *err)
{
	struct buf scratch = BUF_INIT;
	struct record_text text;
	const char *line, *data, *why = "it is empty";
	size_t len;
	int got, result = -1;

	got = reader_next(reader, &line, &len, err);
	if (got == -1)
		return -1;
	if (got == 1)
		why = reader->complete ? "malformed identity" :
					 "its first line is incomplete";
	if (got == 0 || !reader->complete ||
	    record_parse_header(line, len, &text, state->key, &why) == -1 ||
	    record_decode(text, &scratch, &data, &len) == -1) {
		err_set(err, EX_DATAERR,
		    "the state %s cannot be used: %s: see poplar state check "
		    "--repair",
		    state->path, why);
		goto out;
	}
	state->identity = xstrndup(data, len);
	if (identity != NULL && strcmp(state->identity, identity) != 0) {
		err_set(err, EX_DATAERR, "the state %s belongs to %s, not %s",
		    state->path, state->identity, identity);
		goto out;
	}
	result = 0;
out:
	buf_clear(&scratch);
	return result;
}

/* What is known of the lines from the first invalid one on. */
struct rest {
	uint64_t line;   /* the first */
	const char *why; /* what is wrong with it */
	uint64_t second; /* where the one behind it is */
	char last;       /* the type of the last valid line; 0: none */
	uint64_t lost;   /* valid lines */
};

/*
 * Does this valid line prove that the first invalid one was durable once? A P
 * line says so. Journals of before there were any tell it too: a write ends
 * with its C or M lines and is synced then, so that what follows them came
 * later; and an A or V line comes only after the sync of its C line.
 */
static bool
proves_sync(const struct loader *loader, const struct rest *rest,
    const struct record *record)
{
	if (record->type == RECORD_SYNCED)
		return true;
	if ((rest->last == RECORD_COMMIT || rest->last == RECORD_MARK) &&
	    record->type != rest->last)
		return true;
	if (record->type == RECORD_APPLIED)
		return record->last > loader->state->last_serial;
	return record->type == RECORD_VOID &&
	    record->serial > loader->state->last_serial;
}

static int
refuse(const struct state *state, const struct rest *rest, struct err *err)
{
	return err_set(err, EX_DATAERR,
	    "the state %s is damaged at line %llu (%s): see poplar state check "
	    "--repair",
	    state->path, (unsigned long long)rest->line, rest->why);
}

/*
 * The line last read is invalid, and its checksum is wrong. Can a crash have
 * left it and all that follows, so that they may be cut off? Only the last
 * append can be torn, though its parts may reach the disk in any order.
 */
static int
look_behind(struct loader *loader, struct reader *reader, const char *why,
    struct err *err)
{
	struct rest rest = { .line = reader->number, .why = why };
	struct record record;
	const char *line, *unused;
	size_t len;
	int got;

	while ((got = reader_next(reader, &line, &len, err)) == 1) {
		if (rest.second == 0)
			rest.second = reader->offset;
		/* more than is ever unsynced */
		if (reader->offset - rest.second > BATCH_OCTETS ||
		    reader->number - rest.line > BATCH_LINES)
			return refuse(loader->state, &rest, err);
		if (!reader->complete ||
		    record_parse(line, len, &record, &unused) == -1)
			continue;
		if (proves_sync(loader, &rest, &record))
			return refuse(loader->state, &rest, err);
		rest.last = record.type;
		rest.lost++;
	}
	/* A crash can do that, but so can a bad disk: it is to be known. */
	if (got == 0 && rest.lost > 0)
		log_warn("line %llu of %s is invalid (%s): the last %llu "
			 "records after it are ignored",
		    (unsigned long long)rest.line, loader->state->path, why,
		    (unsigned long long)rest.lost);
	return got;
}

static int
load_records(struct state *state, struct reader *reader, struct loader *loader,
    uint64_t *valid, struct err *err)
{
	struct rest rest = { 0 };
	struct record record;
	const char *line;
	char last = RECORD_SYNCED; /* the header is durable */
	size_t len;
	int got;

	for (;;) {
		*valid = reader->read_at - (reader->end - reader->start);
		got = reader_next(reader, &line, &len, err);
		if (got <= 0)
			break;
		rest.line = reader->number;
		rest.why = "incomplete";
		if (!reader->complete ||
		    record_parse(line, len, &record, &rest.why) == -1) {
			if (reader->complete && record_is_sound(line, len))
				return refuse(state, &rest, err);
			return look_behind(loader, reader, rest.why, err);
		}
		/* no crash writes what is sound and does not fit */
		if (loader_apply(loader, &record, reader->offset, len,
			&rest.why) == -1)
			return refuse(state, &rest, err);
		last = record.type;
		state->lines++;
	}
	/* then its sync may not have come about */
	if (last != RECORD_SYNCED)
		state->unsynced = SIZE_MAX;
	return got;
}

int
load_journal(struct state *state, const char *identity, uint64_t *valid,
    struct err *err)
{
	struct loader loader;
	struct reader reader;
	int result = -1;

	if (file_size(state->fd, state->path, &state->size, err) == -1)
		return -1;
	loader_init(&loader, state);
	reader_init(&reader, state->fd, state->path);
	if (load_header(state, &reader, identity, err) == -1)
		goto out;
	state->lines = 1;
	index_init(&state->index, (size_t)(state->size / OCTETS_AN_ENTRY),
	    state->key);
	if (load_records(state, &reader, &loader, valid, err) == -1)
		goto out;
	result = keep_pending(&loader, err);
out:
	reader_clear(&reader);
	loader_clear(&loader);
	return result;
}
