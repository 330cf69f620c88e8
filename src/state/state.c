/* SPDX-License-Identifier: ISC */
/* Opening, asking and changing a state: the calls of state.h. */
#include "state/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sync.h"
#include "base/xalloc.h"
#include "state/record.h"
#include "state/state_priv.h"

/* ---- opening ---- */

/* A new journal, in place and durable; its descriptor. */
static int
create(struct state *state, const char *identity, struct err *err)
{
	struct buf header = BUF_INIT;
	bool installed = false;
	int fd, result = -1;

	if (identity == NULL)
		return err_set(err, EX_DATAERR, "there is no state %s",
		    state->path);
	fd = file_create(state->path, err);
	if (fd == -1)
		return -1;
	digest_random(state->key, sizeof(state->key));
	record_put_header(&header, identity, state->key);
	if (file_write(fd, state->path, header.data, header.len, 0, err) == 0)
		result = file_install(state->path, fd, state->dir_fd,
		    &installed, err);
	if (result == 0) {
		state->made = header.len;
		buf_clear(&header);
		return fd;
	}
	buf_clear(&header);
	close(fd);
	if (!installed)
		file_discard(state->path);
	return -1;
}

static int
open_write(struct state *state, const char *identity, struct err *err)
{
	struct err first = ERR_INIT;

	state->dir_fd = file_open_dir(state->path, true, err);
	if (state->dir_fd == -1)
		return -1;
	state->lock_fd = file_lock(state->path, err);
	if (state->lock_fd == -1)
		return -1;
	/* What a crash has left half made. */
	file_discard(state->path);
	state->fd = file_open(state->path, STATE_WRITE, &first);
	if (state->fd == -1 && errno == ENOENT)
		state->fd = create(state, identity, err);
	else if (state->fd == -1)
		*err = first;
	return state->fd == -1 ? -1 : 0;
}

/* Nothing there: as if nothing had been delivered. */
static int
open_empty(struct state *state, const char *identity)
{
	state->identity = xstrdup(identity == NULL ? "" : identity);
	digest_random(state->key, sizeof(state->key));
	index_init(&state->index, 0, state->key);
	return 0;
}

static int
open_read(struct state *state, const char *identity, struct err *err)
{
	struct err first = ERR_INIT;
	uint64_t valid;

	state->fd = file_open(state->path, STATE_READ, &first);
	if (state->fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return open_empty(state, identity);
	if (state->fd == -1) {
		*err = first;
		return -1;
	}
	return load_journal(state, identity, &valid, err);
}

/* Take away what a crash left unfinished. */
static int
cut_tail(struct state *state, uint64_t valid, struct err *err)
{
	if (valid == state->size)
		return 0;
	if (file_cut(state->fd, state->path, valid, err) == -1)
		return -1;
	state->size = valid;
	state->unsynced = SIZE_MAX;
	return writer_sync(state, err);
}

struct state *
state_open(const char *path, const char *identity, enum state_mode mode,
    struct err *err)
{
	struct state *state = xcalloc(1, sizeof(*state));
	uint64_t valid = 0;
	int result;

	state->fd = state->lock_fd = state->dir_fd = -1;
	state->mode = mode;
	state->path = xstrdup(path);
	if (mode == STATE_READ)
		result = open_read(state, identity, err);
	else if ((result = open_write(state, identity, err)) == 0 &&
	    (result = load_journal(state, identity, &valid, err)) == 0)
		result = cut_tail(state, valid, err);
	if (result == 0)
		return state;
	state_close(state);
	return NULL;
}

/* Did we make it, and has nobody written to it? */
static bool
is_untouched(const struct state *state)
{
	struct err ignored = ERR_INIT;
	uint64_t size;

	return state->made != 0 && !state->dead &&
	    file_size(state->fd, state->path, &size, &ignored) == 0 &&
	    size == state->made;
}

void
state_close(struct state *state)
{
	size_t i;

	if (state == NULL)
		return;
	for (i = 0; i < state->string_count; i++)
		free(state->strings[i]);
	free(state->strings);
	free(state->pending);
	vain_clear(state);
	index_clear(&state->index);
	buf_clear(&state->out);
	if (is_untouched(state))
		file_remove(state->path, state->dir_fd);
	if (state->fd != -1)
		close(state->fd);
	if (state->dir_fd != -1)
		close(state->dir_fd);
	if (state->lock_fd != -1)
		close(state->lock_fd);
	free(state->path);
	free(state->identity);
	explicit_bzero(state->key, sizeof(state->key));
	free(state);
}

/* ---- asking ---- */

const unsigned char *
state_key(const struct state *state)
{
	return state->key;
}

const char *
state_path(const struct state *state)
{
	return state->path;
}

bool
state_is_empty(const struct state *state)
{
	return state->index.live == 0;
}

size_t
state_count(const struct state *state)
{
	return state->index.live;
}

bool
state_has_uids(const struct state *state)
{
	const struct state_entry *entry;
	size_t place;

	for (place = 0; place < state->index.count; place++) {
		entry = index_at(&state->index, place);
		if (entry->uid_len > 0 && !(entry->flags & STATE_VOID))
			return true;
	}
	return false;
}

bool
state_has_old(const struct state *state)
{
	return state->index.old > 0;
}

unsigned int
state_server(const struct state *state)
{
	return state->server;
}

unsigned int
state_proved(const struct state *state)
{
	return state->proved;
}

struct state_entry *
state_find(const struct state *state, const char *uid, size_t len)
{
	return index_uid(&state->index, uid, len);
}

struct state_entry *
state_next(const struct state *state, const struct state_entry *entry)
{
	return index_uid_next(&state->index, entry);
}

int
state_each(struct state *state, state_each_fn *fn, void *arg)
{
	struct state_entry *entry;
	size_t place;
	int result;

	for (place = 0; place < state->index.count; place++) {
		entry = index_at(&state->index, place);
		if (entry->flags & STATE_VOID)
			continue;
		result = fn(arg, entry);
		if (result == -1)
			return -1;
	}
	return 0;
}

uint32_t
state_login_after(const struct state *state)
{
	return state->login_after;
}

size_t
state_pending(const struct state *state, const struct state_pending **pending)
{
	*pending = state->pending;
	return state->pending_count;
}

/* ---- delivering ---- */

static struct state_entry *
add_entry(struct state *state, uint32_t serial,
    const struct state_record *record, uint16_t flags)
{
	struct state_entry *entry =
	    index_add(&state->index, serial, record->uid, record->uid_len);

	index_set_sizes(entry, record->list_octets, record->octets);
	entry->print = record->print;
	entry->time = record->time;
	entry->copy = record->copy;
	entry->flags = (uint16_t)(flags | (record->is_short ? STATE_SHORT : 0) |
	    (record->is_owed ? STATE_OWED : 0));
	return entry;
}

/*
 * Serials are never used again: there must be n more. A line must be short
 * enough to be read again; nothing but an absurd command is too long.
 */
static int
check_records(const struct state *state, const struct state_record *records,
    size_t n, struct err *err)
{
	const struct state_record *r;

	if (n > UINT32_MAX - state->last_serial)
		return err_set(err, EX_DATAERR, "%s has no serials left",
		    state->path);
	for (r = records; r < records + n; r++) {
		if (r->uid_len > RECORD_UID_MAX)
			return err_set(err, EX_PROTOCOL,
			    "a UIDL of %zu octets is too long", r->uid_len);
		if (strlen(r->path) + strlen(r->name) + strlen(r->spool) >
		    RECORD_LINE_MAX / 8)
			return err_set(err, EX_CANTCREAT,
			    "a destination of %zu octets is too long",
			    strlen(r->path));
	}
	return 0;
}

int
state_commit(struct state *state, const struct state_record *records, size_t n,
    struct state_entry **entries, struct err *err)
{
	uint64_t before;
	uint32_t first;
	size_t i;

	if (check_records(state, records, n, err) == -1 ||
	    writer_prepare(state, err) == -1)
		return -1;
	before = state->size;
	first = state->last_serial + 1;
	for (i = 0; i < n; i++)
		record_put_delivery(&state->out, RECORD_COMMIT,
		    ++state->last_serial, &records[i]);
	state->out_lines += n;
	state->long_lines += n;
	if (writer_records(state, err) == -1 || writer_sync(state, err) == -1) {
		/* What is not known to be durable must not come back. */
		if (err->status != EX_TEMPFAIL)
			writer_fail(state, before);
		return -1;
	}
	for (i = 0; i < n; i++)
		entries[i] = add_entry(state, first + (uint32_t)i, &records[i],
		    STATE_COMMITTED);
	return 0;
}

int
state_applied(struct state *state, struct state_entry *const *entries, size_t n,
    struct err *err)
{
	size_t i, first = 0;

	for (i = 0; i < n; i++) {
		entries[i]->flags =
		    (uint16_t)((entries[i]->flags & ~STATE_COMMITTED) |
			STATE_DELIVERED);
		if (i + 1 < n &&
		    entries[i + 1]->serial == entries[i]->serial + 1)
			continue;
		record_put_applied(&state->out, entries[first]->serial,
		    entries[i]->serial);
		state->out_lines++;
		first = i + 1;
	}
	return writer_events(state, err);
}

int
state_delivered(struct state *state, const struct state_record *record,
    struct state_entry **entry, struct err *err)
{
	if (check_records(state, record, 1, err) == -1 ||
	    writer_prepare(state, err) == -1)
		return -1;
	state->long_lines++;
	record_put_delivery(&state->out, RECORD_DELIVERED, ++state->last_serial,
	    record);
	state->out_lines++;
	if (writer_records(state, err) == -1)
		return -1;
	*entry = add_entry(state, state->last_serial, record, STATE_DELIVERED);
	return 0;
}

int
state_mark(struct state *state, const struct state_mark *mark, struct err *err)
{
	if (writer_prepare(state, err) == -1)
		return -1;
	record_put_mark(&state->out, mark);
	state->out_lines++;
	if (writer_records(state, err) == -1)
		return -1;
	return writer_sync(state, err);
}

int
state_sync(struct state *state, struct err *err)
{
	if (writer_events(state, err) == -1)
		return -1;
	return writer_sync(state, err);
}

/* ---- events ---- */

static void
put_event(struct state *state, enum record_type type, uint32_t number)
{
	record_put_number(&state->out, type, number);
	state->out_lines++;
}

int
state_void(struct state *state, struct state_entry *entry, struct err *err)
{
	index_drop(&state->index, entry);
	put_event(state, RECORD_VOID, entry->serial);
	return writer_events(state, err);
}

void
state_owe(struct state *state, struct state_entry *entry)
{
	if ((entry->flags & (STATE_OWED | STATE_SENT)) == STATE_OWED)
		return;
	index_owe(entry);
	put_event(state, RECORD_OWED, entry->serial);
}

void
state_deletion(struct state *state, struct state_entry *entry)
{
	if (entry->deletions == UINT8_MAX || (entry->flags & STATE_GONE))
		return;
	index_deletion(entry);
	put_event(state, RECORD_DELETION, entry->serial);
}

void
state_sent(struct state *state, struct state_entry *entry)
{
	if (entry->flags & (STATE_SENT | STATE_GONE))
		return;
	index_sent(entry);
	put_event(state, RECORD_SENT, entry->serial);
}

static void
put_refusal(struct state *state, struct state_entry *entry, bool deadly)
{
	if (entry->deletions == UINT8_MAX || (entry->flags & STATE_GONE))
		return;
	index_refusal(entry, deadly);
	put_event(state, deadly ? RECORD_DEADLY : RECORD_REFUSAL,
	    entry->serial);
}

void
state_refusal(struct state *state, struct state_entry *entry)
{
	put_refusal(state, entry, false);
}

void
state_deadly(struct state *state, struct state_entry *entry)
{
	put_refusal(state, entry, true);
}

void
state_undeletable(struct state *state, struct state_entry *entry)
{
	if (entry->flags & STATE_UNDELETABLE)
		return;
	entry->flags |= STATE_UNDELETABLE;
	put_event(state, RECORD_UNDELETABLE, entry->serial);
}

void
state_gone(struct state *state, struct state_entry *entry, uint32_t now)
{
	if (entry->flags & STATE_GONE)
		return;
	index_gone(entry, now);
	record_put_gone(&state->out, entry->serial, now);
	state->out_lines++;
}

void
state_back(struct state *state, struct state_entry *entry)
{
	if (!(entry->flags & STATE_GONE))
		return;
	index_back(entry);
	put_event(state, RECORD_BACK, entry->serial);
}

void
state_forget(struct state *state, struct state_entry *entry)
{
	if (entry->flags & STATE_VOID)
		return;
	index_drop(&state->index, entry);
	put_event(state, RECORD_FORGOTTEN, entry->serial);
}

void
state_whole(struct state *state, struct state_entry *entry)
{
	if (!(entry->flags & STATE_SHORT))
		return;
	entry->flags &= (uint16_t)~STATE_SHORT;
	state->proved++;
	put_event(state, RECORD_WHOLE, entry->serial);
}

void
state_learn_uid(struct state *state, struct state_entry **entry,
    const char *uid, size_t len)
{
	if (len == 0 || len > RECORD_UID_MAX ||
	    (len == (*entry)->uid_len && memcmp((*entry)->uid, uid, len) == 0))
		return;
	*entry = index_rename(&state->index, *entry, uid, len);
	record_put_uid(&state->out, *entry);
	state->out_lines++;
}

void
state_learn_size(struct state *state, struct state_entry *entry,
    uint64_t list_octets)
{
	if (entry->list_octets == list_octets)
		return;
	index_set_sizes(entry, list_octets, entry->octets);
	record_put_size(&state->out, entry);
	state->out_lines++;
}

void
state_learn_print(struct state *state, struct state_entry *entry,
    uint64_t octets, const struct fingerprint *print)
{
	if (!(entry->flags & STATE_WHOLE_ONLY) &&
	    memcmp(&entry->print, print, sizeof(*print)) == 0 &&
	    entry->octets == octets)
		return;
	index_set_print(&state->index, entry, octets, print);
	record_put_print(&state->out, entry);
	state->out_lines++;
}

void
state_set_server(struct state *state, unsigned int fact)
{
	if (state->server & fact)
		return;
	state->server |= fact;
	record_put_server(&state->out, state->server);
	state->out_lines++;
}

struct state_entry *
state_add_marked(struct state *state, const char *uid, size_t len,
    uint64_t list_octets, uint32_t time)
{
	struct state_entry *entry;

	entry = index_add(&state->index, ++state->last_serial, uid,
	    len > RECORD_UID_MAX ? RECORD_UID_MAX : len);
	index_set_sizes(entry, list_octets, 0);
	entry->time = time;
	entry->flags = STATE_MARKED;
	record_put_seen(&state->out, entry);
	state->out_lines++;
	return entry;
}

uint32_t
state_listed(const struct state *state)
{
	return state->listed;
}

void
state_set_listed(struct state *state, uint32_t when)
{
	if (state->listed != 0)
		return;
	state->listed = when;
	put_event(state, RECORD_LISTED, when);
}

void
state_set_login_after(struct state *state, uint32_t when)
{
	if (state->login_after == when)
		return;
	state->login_after = when;
	put_event(state, RECORD_LOGIN, when);
}
