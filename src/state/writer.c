/* SPDX-License-Identifier: ISC */
/*
 * The end of the journal. Nothing else writes there; after a failure nothing
 * is written any more, because what a failed write or sync has left on the
 * disk cannot be known.
 */
#include <string.h>

#include "base/err.h"
#include "base/sync.h"
#include "state/record.h"
#include "state/state_priv.h"

/* Batches of events, each with its sync, that still beat a new file. */
#define BATCHES_MAX 8

int
writer_fail(struct state *state, uint64_t size)
{
	struct err ignored = ERR_INIT;

	state->dead = true;
	state->out.len = 0;
	state->out_lines = 0;
	if (file_cut(state->fd, state->path, size, &ignored) == 0) {
		state->size = size;
		(void)sync_data(state->fd, state->path, &ignored);
	}
	return -1;
}

/*
 * Say that all lines up to here are durable. Without this line, if there is no
 * room for it, damage to them may be taken for what a crash has left.
 */
static void
say_synced(struct state *state)
{
	struct err ignored = ERR_INIT;
	struct buf line = BUF_INIT;
	uint64_t size;

	/* somebody else's line: the next write finds that out, too */
	if (file_size(state->fd, state->path, &size, &ignored) == -1 ||
	    size != state->size)
		return;
	record_put_synced(&line);
	if (file_write(state->fd, state->path, line.data, line.len, state->size,
		&ignored) == 0) {
		state->size += line.len;
		state->lines++;
	} else if (file_cut(state->fd, state->path, state->size, &ignored) ==
	    -1) {
		state->dead = true;
	}
	buf_clear(&line);
}

int
writer_sync(struct state *state, struct err *err)
{
	if (state->unsynced == 0)
		return 0;
	if (sync_data(state->fd, state->path, err) == -1) {
		state->dead = true;
		return -1;
	}
	state->unsynced = 0;
	state->unsynced_lines = 0;
	say_synced(state);
	return 0;
}

int
writer_alone(struct state *state, struct err *err)
{
	uint64_t size;

	if (file_size(state->fd, state->path, &size, err) == -1)
		return writer_fail(state, state->size);
	if (size == state->size)
		return 0;
	state->dead = true;
	return err_set(err, EX_TEMPFAIL,
	    "another process has written to %s in spite of its lock",
	    state->path);
}

static int
write_batch(struct state *state, const char *data, size_t len, size_t lines,
    struct err *err)
{
	if (state->unsynced > 0 &&
	    (state->unsynced > BATCH_OCTETS ||
		state->unsynced + len > BATCH_OCTETS ||
		state->unsynced_lines + lines > BATCH_LINES) &&
	    writer_sync(state, err) == -1)
		return -1;
	if (writer_alone(state, err) == -1)
		return -1;
	if (file_write(state->fd, state->path, data, len, state->size, err) ==
	    -1)
		return writer_fail(state, state->size);
	state->size += len;
	state->lines += lines;
	state->unsynced += len;
	state->unsynced_lines += lines;
	return 0;
}

int
writer_records(struct state *state, struct err *err)
{
	const char *data = state->out.data, *line, *end;
	size_t len, lines;

	end = data + state->out.len;
	while (data < end) {
		line = data;
		for (lines = 0; line < end && lines < BATCH_LINES; lines++) {
			len = (size_t)((char *)memchr(line, '\n',
					   (size_t)(end - line)) -
				  line) +
			    1;
			if (lines > 0 &&
			    (size_t)(line - data) + len > BATCH_OCTETS)
				break;
			line += len;
		}
		if (write_batch(state, data, (size_t)(line - data), lines,
			err) == -1)
			return -1;
		data = line;
	}
	state->out.len = 0;
	state->out_lines = 0;
	return 0;
}

int
writer_allowed(const struct state *state, struct err *err)
{
	if (state->mode != STATE_WRITE)
		return err_set(err, EX_SOFTWARE, "%s was opened for reading",
		    state->path);
	if (state->dead)
		return err_set(err, EX_IOERR,
		    "%s is not written any more after a failure", state->path);
	return 0;
}

int
writer_prepare(struct state *state, struct err *err)
{
	if (writer_allowed(state, err) == -1)
		return -1;
	if (state->out.len <= BATCHES_MAX * BATCH_OCTETS &&
	    state->out_lines <= BATCHES_MAX * BATCH_LINES)
		return 0;
	if (compact_rewrite(state, err) == 0)
		return 0;
	state->dead = true;
	return -1;
}

int
writer_events(struct state *state, struct err *err)
{
	if (state->out_lines == 0 && !state->dead)
		return 0;
	if (writer_prepare(state, err) == -1)
		return -1;
	return writer_records(state, err);
}
