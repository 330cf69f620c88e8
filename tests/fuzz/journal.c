/* SPDX-License-Identifier: ISC */
/*
 * The journal: what has been loaded is still there after events, compaction and
 * another load; what is damaged is refused, and can be repaired. Input: options
 * and how many events, then lines, to which header and checksums are added.
 */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "fuzz.h"
#include "state/state.h"

#define IDENTITY "user@pop.example.org"

static void
put_line(struct buf *out, const char *line, size_t len)
{
	char crc[16];

	snprintf(crc, sizeof(crc), "\t%08x\n", digest_crc32(0, line, len));
	buf_append(out, line, len);
	buf_puts(out, crc);
}

static void
make_file(struct fuzz fuzz, unsigned int mode)
{
	static const char header[] =
	    "poplar-state\t1\t" IDENTITY "\t00112233445566778899aabbccddeeff";
	struct buf out = BUF_INIT;
	char *line;
	size_t len;

	(void)buf_text(&out);
	if (mode & 1)
		put_line(&out, header, sizeof(header) - 1);
	if (mode & 2)
		while (fuzz_piece(&fuzz, '\n', &line, &len)) {
			put_line(&out, line, len);
			free(line);
		}
	else
		buf_append(&out, fuzz.data, fuzz.len);
	if (mode & 4 && out.len > 0)
		out.len--; /* torn */
	(void)fuzz_file("journal", out.data, out.len);
	buf_clear(&out);
}

/* All that matters of an entry, a line each. */
static int
note_entry(void *arg, struct state_entry *entry)
{
	struct buf *out = arg;

	buf_printf(out, "%x %d %d %u %u %llu %llu ", entry->flags, entry->copy,
	    entry->deletions, entry->time,
	    entry->flags & STATE_GONE ? entry->gone : 0,
	    (unsigned long long)entry->list_octets,
	    (unsigned long long)entry->octets);
	buf_append(out, &entry->print, sizeof(entry->print));
	buf_append(out, entry->uid, entry->uid_len);
	buf_puts(out, "\n");
	return 0;
}

static void
note(struct state *state, struct buf *out)
{
	const struct state_pending *pending;
	size_t n = state_pending(state, &pending);

	(void)state_each(state, note_entry, out);
	buf_printf(out, "%u %u %u %zu", state_login_after(state),
	    state_listed(state), state_server(state), state_count(state));
	(void)n;
}

static void
note_pending(struct state *state, struct buf *out)
{
	const struct state_pending *pending;
	size_t n = state_pending(state, &pending);

	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s %s %s %s %d\n", pending[i].kind,
		    pending[i].path, pending[i].name, pending[i].spool,
		    pending[i].marked);
}

struct events {
	struct state *state;
	unsigned int turn;
};

static int
befall(void *arg, struct state_entry *entry)
{
	struct events *events = arg;
	bool open = entry->flags & (STATE_COMMITTED | STATE_VOID);

	switch (open ? 0 : (entry->serial + events->turn) % 8) {
	case 1:
		state_owe(events->state, entry);
		break;
	case 2:
		state_deletion(events->state, entry);
		break;
	case 3:
		state_gone(events->state, entry, 1000);
		break;
	case 4:
		state_back(events->state, entry);
		break;
	case 5:
		state_whole(events->state, entry);
		break;
	case 6:
		state_undeletable(events->state, entry);
		break;
	case 7:
		state_forget(events->state, entry);
		break;
	}
	return 0;
}

static void
same(struct buf *a, struct buf *b)
{
	FUZZ_CHECK(
	    a->len == b->len && memcmp(buf_text(a), buf_text(b), a->len) == 0);
	buf_clear(b);
}

static struct state *
load(const char *path, struct err *err)
{
	return state_open(path, IDENTITY, STATE_WRITE, err);
}

static void
on_finding(void *arg, const char *text)
{
	FUZZ_CHECK(text[0] != '\0');
	++*(int *)arg;
}

/* A journal that could be loaded. */
static void
use(struct state *state, const char *path, unsigned int turn)
{
	struct events events = { state, turn };
	struct buf before = BUF_INIT, after = BUF_INIT, pending = BUF_INIT;
	struct err err = ERR_INIT;
	int findings = 0;

	(void)buf_text(&pending);
	note_pending(state, &pending);
	if (turn > 0)
		(void)state_each(state, befall, &events);
	if (turn & 1)
		state_add_marked(state, "added", 5, 9, 7);
	if (turn & 2)
		state_set_login_after(state, turn);
	FUZZ_CHECK(state_sync(state, &err) == 0);
	note(state, &before);
	state_close(state);
	for (int round = 0; round < 2; round++) {
		state = load(path, &err);
		FUZZ_CHECK(state != NULL);
		note(state, &after);
		same(&before, &after);
		(void)buf_text(&after);
		note_pending(state, &after);
		same(&pending, &after);
		FUZZ_CHECK(state_compact(state, true, &err) == 0);
		note(state, &after);
		same(&before, &after);
		state_close(state);
		FUZZ_CHECK(
		    state_check(path, false, on_finding, &findings, &err) == 0);
	}
	buf_clear(&before);
	buf_clear(&pending);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	unsigned int mode = fuzz_byte(&fuzz), turn = fuzz_byte(&fuzz);
	struct err err = ERR_INIT;
	char *path, *damaged;
	struct state *state;
	int noted = 0, found;

	make_file(fuzz, mode);
	path = xasprintf("%s/journal", fuzz_dir());
	damaged = xasprintf("%s.damaged", path);
	found = state_check(path, false, on_finding, &noted, &err);
	FUZZ_CHECK(found == noted);
	state = load(path, &err);
	if (state == NULL) {
		FUZZ_CHECK(err.status == EX_DATAERR && found > 0);
		if (state_check(path, true, on_finding, &noted, &err) >= 0)
			state = load(path, &err);
		/* but it may be somebody else's, whose name is not the file's
		 */
	}
	if (state != NULL)
		use(state, path, turn);
	(void)unlink(damaged);
	free(damaged);
	free(path);
	return 0;
}
