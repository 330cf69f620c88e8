/* SPDX-License-Identifier: ISC */
/*
 * The journal: what is written is read again, by another process's view of it
 * and after every kind of damage.
 */
#include "state/record.h"
#include "state/state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "forbid.h"
#include "test.h"

#define IDENTITY "joe@pop.example.org"

static char dir[] = "/tmp/state_test.XXXXXX";
static char *path;

/* A journal name nobody has used; the last one's file is taken away. */
static void
fresh(void)
{
	static int number;

	if (path != NULL)
		(void)unlink(path);
	free(path);
	path = xasprintf("%s/j%d", dir, ++number);
}

static struct state *
must_open(enum state_mode mode)
{
	struct err err = ERR_INIT;
	struct state *state = state_open(path, IDENTITY, mode, &err);

	if (state == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return state;
}

static char open_text[sizeof(((struct err *)0)->text)]; /* its sentence */

static int
open_status(enum state_mode mode)
{
	struct err err = ERR_INIT;
	struct state *state = state_open(path, IDENTITY, mode, &err);

	snprintf(open_text, sizeof(open_text), "%s", err.text);
	state_close(state);
	return state == NULL ? err.status : 0;
}

static off_t
file_size(const char *name)
{
	struct stat st;

	return stat(name, &st) == -1 ? -1 : st.st_size;
}

static struct buf
slurp(const char *name)
{
	struct buf buf = BUF_INIT;
	FILE *f = fopen(name, "r");
	int c;

	while (f != NULL && (c = getc(f)) != EOF)
		buf_append(&buf, &(char){ (char)c }, 1);
	if (f != NULL)
		fclose(f);
	return buf;
}

static void
spit(const char *name, const char *data, size_t len)
{
	FILE *f = fopen(name, "w");

	fwrite(data, 1, len, f);
	fclose(f);
}

static struct state_record
record(const char *uid, size_t len, unsigned char digest)
{
	struct state_record r = { .kind = "maildir",
		.path = "/home/joe/My Mail",
		.device = 2049,
		.name = "1.p00.host,S=12",
		.spool = "poplar-0123-1",
		.uid = uid,
		.uid_len = len,
		.list_octets = 11,
		.octets = 12,
		.time = 1700000000 };

	memset(&r.print, digest, sizeof(r.print));
	return r;
}

static struct state_entry *
find(const struct state *state, const char *uid)
{
	return state_find(state, uid, strlen(uid));
}

/* Deliver a message of this UIDL in full. */
static struct state_entry *
deliver(struct state *state, const char *uid)
{
	struct state_record r = record(uid, strlen(uid), (unsigned char)uid[0]);
	struct state_entry *entry = NULL;
	struct err err = ERR_INIT;

	CHECK_INT(state_commit(state, &r, 1, &entry, &err), 0);
	CHECK_INT(state_applied(state, &entry, 1, &err), 0);
	return entry;
}

static void
deliver_many(struct state *state, int from, int n)
{
	char uid[32];

	for (; n > 0; n--) {
		(void)snprintf(uid, sizeof(uid), "uid-%d", from++);
		deliver(state, uid);
	}
}

static void
creates_and_locks(void)
{
	struct err err = ERR_INIT;
	struct state *state;
	struct stat st;
	char *lock;

	fresh();
	CHECK_INT(open_status(STATE_READ), 0);
	CHECK_INT(file_size(path), -1);
	state = must_open(STATE_WRITE);
	CHECK(state_is_empty(state));
	CHECK_STR(state_path(state), path);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	lock = xasprintf("%s.lock", path);
	CHECK_INT(stat(lock, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(open_status(STATE_WRITE), EX_TEMPFAIL);
	CHECK_INT(open_status(STATE_READ), 0);
	state_close(state);
	/* nothing was written, so nothing stays */
	CHECK_INT(file_size(path), -1);
	CHECK_INT(file_size(lock), -1);
	state = must_open(STATE_WRITE);
	(void)state_add_marked(state, "a", 1, STATE_UNSIZED, 1);
	CHECK_INT(state_sync(state, &err), 0);
	state_close(state);
	CHECK_INT(open_status(STATE_WRITE), 0);
	CHECK(file_size(path) > 0);
	CHECK_INT(file_size(lock), 0);
	free(lock);
}

static void
makes_directories(void)
{
	struct err err = ERR_INIT;
	struct state *state;
	struct stat st;
	char *deep, *where;

	setenv("HOME", dir, 1);
	unsetenv("XDG_STATE_HOME");
	deep = state_default_path("Joe/../x@h", &err);
	where = xasprintf("%s/.local/state/poplar/Joe%%2F..%%2Fx@h", dir);
	CHECK_STR(deep, where);
	free(where);
	state = state_open(deep, IDENTITY, STATE_WRITE, &err);
	CHECK(state != NULL);
	state_close(state);
	where = xasprintf("%s/.local/state/poplar", dir);
	CHECK_INT(stat(where, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	free(where);
	free(deep);
	setenv("XDG_STATE_HOME", "/some/where", 1);
	deep = state_default_path(".u@h", &err);
	CHECK_STR(deep, "/some/where/poplar/%2Eu@h");
	free(deep);
	deep = xasprintf("%s/a/b/c/d/e", dir);
	CHECK(state_open(deep, IDENTITY, STATE_WRITE, &err) == NULL);
	CHECK_INT(err.status, EX_CANTCREAT);
	free(deep);
}

static void
remembers(void)
{
	struct err err = ERR_INIT;
	const struct state_pending *pending;
	struct state_entry *entries[2], *entry;
	struct state_record records[2];
	struct state *state;

	fresh();
	state = must_open(STATE_WRITE);
	records[0] = record("a", 1, 1);
	records[1] = record("b b\t\\\n\xff", 7, 2);
	records[1].name = "";
	records[1].is_short = true;
	records[1].is_owed = true;
	records[1].copy = 3;
	CHECK_INT(state_commit(state, records, 2, entries, &err), 0);
	CHECK_INT(state_applied(state, entries, 1, &err), 0);
	CHECK_INT(state_count(state), 2);
	state_close(state);

	state = must_open(STATE_WRITE);
	entry = find(state, "a");
	CHECK(entry != NULL);
	CHECK_INT(entry->flags, STATE_DELIVERED);
	CHECK_INT(entry->octets, 12);
	CHECK_INT(entry->list_octets, 11);
	CHECK_INT(entry->time, 1700000000);
	CHECK_INT(entry->print.id[FINGERPRINT_PART - 1], 1);
	CHECK(state_next(state, entry) == NULL);
	CHECK(find(state, "b") == NULL);
	CHECK_INT(state_pending(state, &pending), 1);
	entry = pending[0].entry;
	CHECK(entry == state_find(state, records[1].uid, 7));
	CHECK_INT(entry->flags, STATE_COMMITTED | STATE_SHORT | STATE_OWED);
	CHECK_INT(entry->copy, 3);
	CHECK_STR(pending[0].kind, "maildir");
	CHECK_STR(pending[0].path, "/home/joe/My Mail");
	CHECK_STR(pending[0].name, "");
	CHECK_STR(pending[0].spool, "poplar-0123-1");
	CHECK_INT(pending[0].device, 2049);
	CHECK(!pending[0].marked);
	CHECK_INT(state_void(state, entry, &err), 0);
	state_close(state);

	state = must_open(STATE_READ);
	CHECK_INT(state_count(state), 1);
	CHECK_INT(state_pending(state, &pending), 0);
	CHECK(state_find(state, records[1].uid, 7) == NULL);
	state_close(state);
}

/* How many lines of the file begin with these octets? */
static int
count_lines(const char *start)
{
	struct buf whole = slurp(path);
	const char *line = whole.data;
	int n = 0;

	while (line < whole.data + whole.len) {
		n += strncmp(line, start, strlen(start)) == 0;
		line = (const char *)memchr(line, '\n',
			   (size_t)(whole.data + whole.len - line)) +
		    1;
	}
	buf_clear(&whole);
	return n;
}

/* An A line stands for serials in a row; what failed divides them. */
static void
applies_ranges(void)
{
	struct err err = ERR_INIT;
	const struct state_pending *pending;
	struct state_record r[8];
	struct state_entry *entries[8], *done[6];
	struct state *state;
	int i;

	fresh();
	state = must_open(STATE_WRITE);
	for (i = 0; i < 8; i++)
		r[i] = record(&"abcdefgh"[i], 1, 7);
	CHECK_INT(state_commit(state, r, 8, entries, &err), 0);
	CHECK_INT(state_void(state, entries[2], &err), 0);
	for (i = 0; i < 6; i++)
		done[i] = entries[i < 2 ? i : i < 4 ? i + 1 : i + 2];
	CHECK_INT(state_applied(state, done, 6, &err), 0);
	state_close(state);
	CHECK_INT(count_lines("A\t"), 3);
	CHECK_INT(count_lines("A\t1\t2\t"), 1);
	CHECK_INT(count_lines("A\t4\t5\t"), 1);
	CHECK_INT(count_lines("A\t7\t8\t"), 1);
	state = must_open(STATE_WRITE);
	CHECK_INT(state_count(state), 7);
	CHECK(find(state, "c") == NULL);
	CHECK_INT(find(state, "e")->flags, STATE_DELIVERED);
	CHECK_INT(state_pending(state, &pending), 1);
	CHECK(pending[0].entry == find(state, "f"));
	CHECK_INT(state_applied(state, &pending[0].entry, 1, &err), 0);
	CHECK_INT(state_compact(state, true, &err), 0);
	CHECK_INT(count_lines("A"), 0);
	CHECK_INT(count_lines("H"), 7);
	state_close(state);
}

/* A mark whose size before is these digits. */
static int
parse_before(const char *digits, uint64_t *before)
{
	char text[256], line[300];
	struct record parsed;
	const char *why;
	size_t len;

	(void)snprintf(text, sizeof(text), "M\tpath\t1\t2\t%s\t4\t%032d\t5\t6",
	    digits, 0);
	(void)snprintf(line, sizeof(line), "%s\t%08x", text,
	    digest_crc32(0, text, strlen(text)));
	len = strlen(line);
	if (record_parse(line, len, &parsed, &why) == -1)
		return -1;
	*before = parsed.before;
	return 0;
}

static void
parses_numbers(void)
{
	static const char *const bad[] = { "", "-1", " 1", "1 ", "0x1",
		"18446744073709551616", "19999999999999999999",
		"20000000000000000000", "36893488147419103232",
		"99999999999999999999", "100000000000000000000", "1\t2" };
	uint64_t value = 1;
	size_t i;

	CHECK_INT(parse_before("0", &value), 0);
	CHECK_INT(value, 0);
	CHECK_INT(parse_before("9999999999999999999", &value), 0);
	CHECK(value == 9999999999999999999u);
	CHECK_INT(parse_before("10000000000000000000", &value), 0);
	CHECK(value == 10000000000000000000u);
	CHECK_INT(parse_before("18446744073709551615", &value), 0);
	CHECK(value == UINT64_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(parse_before(bad[i], &value), -1);
}

static void
keeps_marks(void)
{
	struct err err = ERR_INIT;
	struct state_mark mark = { .path = "/mail/in box",
		.device = 1,
		.inode = 2,
		.before = 3,
		.length = 4 };
	const struct state_pending *pending;
	struct state_record r[3];
	struct state_entry *entries[3];
	struct state *state;
	int i;

	fresh();
	state = must_open(STATE_WRITE);
	for (i = 0; i < 3; i++)
		r[i] = record(&"xyz"[i], 1, 7);
	CHECK_INT(state_commit(state, r, 3, entries, &err), 0);
	mark.first = entries[1]->serial;
	mark.last = entries[2]->serial;
	memset(mark.digest, 9, sizeof(mark.digest));
	CHECK_INT(state_mark(state, &mark, &err), 0);
	CHECK_INT(state_applied(state, entries + 1, 1, &err), 0);
	CHECK_INT(state_compact(state, true, &err), 0);
	state_close(state);
	state = must_open(STATE_READ);
	CHECK_INT(state_pending(state, &pending), 2);
	CHECK(!pending[0].marked);
	CHECK(pending[1].marked);
	CHECK_STR(pending[1].mark.path, "/mail/in box");
	CHECK_INT(pending[1].mark.before, 3);
	CHECK_INT(pending[1].mark.length, 4);
	CHECK_INT(pending[1].mark.inode, 2);
	CHECK_INT(pending[1].mark.digest[3], 9);
	state_close(state);
}

/* The life of entries; the same must come out of a compacted journal. */
static void
check_events(enum state_mode mode)
{
	struct state *state = must_open(mode);
	struct state_entry *entry;

	CHECK_INT(state_count(state), 9);
	entry = find(state, "owed");
	CHECK_INT(entry->flags, STATE_DELIVERED | STATE_OWED);
	CHECK_INT(entry->deletions, 2);
	entry = find(state, "stuck");
	CHECK_INT(entry->flags, STATE_DELIVERED | STATE_UNDELETABLE);
	entry = find(state, "gone");
	CHECK_INT(entry->flags, STATE_DELIVERED | STATE_GONE);
	CHECK_INT(entry->gone, 1800000000);
	entry = find(state, "owed again");
	CHECK_INT(entry->flags, STATE_DELIVERED | STATE_OWED);
	CHECK(find(state, "back") != NULL);
	CHECK(find(state, "forgotten") == NULL);
	CHECK(find(state, "before") == NULL);
	entry = find(state, "back");
	CHECK_INT(entry->flags, STATE_DELIVERED);
	entry = find(state, "marked");
	CHECK_INT(entry->flags, STATE_MARKED);
	CHECK_INT(entry->time, 77);
	CHECK_INT(entry->list_octets, 700);
	entry = find(state, "unsized");
	CHECK(entry->list_octets == STATE_UNSIZED);
	entry = find(state, "sent");
	CHECK_INT(entry->flags, STATE_DELIVERED | STATE_OWED | STATE_SENT);
	CHECK_INT(entry->deletions, 2);
	entry = find(state, "learned");
	CHECK_INT(entry->list_octets, 4711);
	CHECK_INT(entry->octets, 4712);
	CHECK_INT(entry->print.stable[0], 200);
	CHECK_INT(state_server(state),
	    STATE_SERVER_ESTIMATES | STATE_SERVER_EXPIRES);
	CHECK_INT(state_login_after(state), 1234);
	CHECK_INT(state_listed(state), 4321);
	state_close(state);
}

static void
tells_events(void)
{
	struct err err = ERR_INIT;
	struct state *state;
	struct state_entry *entry;
	struct fingerprint print;

	memset(&print, 200, sizeof(print));
	fresh();
	state = must_open(STATE_WRITE);
	entry = deliver(state, "owed");
	state_owe(state, entry);
	state_owe(state, entry);
	state_deletion(state, entry);
	state_deletion(state, entry);
	state_owe(state, entry); /* it is still there */
	state_undeletable(state, deliver(state, "stuck"));
	entry = deliver(state, "gone");
	state_owe(state, entry);
	state_gone(state, entry, 1800000000);
	entry = deliver(state, "before");
	state_gone(state, entry, 1800000000);
	state_learn_uid(state, &entry, "back", 4);
	CHECK(entry == find(state, "back"));
	state_back(state, entry);
	entry = deliver(state, "owed again");
	state_gone(state, entry, 1800000000);
	state_owe(state, entry);
	state_forget(state, deliver(state, "forgotten"));
	state_add_marked(state, "marked", 6, 700, 77);
	state_add_marked(state, "unsized", 7, STATE_UNSIZED, 78);
	entry = deliver(state, "sent");
	state_owe(state, entry);
	state_refusal(state, entry);
	state_deletion(state, entry);
	entry = deliver(state, "learned");
	state_learn_size(state, entry, 4711);
	state_learn_print(state, entry, 4712, &print);
	state_set_server(state, STATE_SERVER_ESTIMATES);
	state_set_server(state, STATE_SERVER_EXPIRES);
	state_set_server(state, STATE_SERVER_ESTIMATES);
	state_set_login_after(state, 1234);
	state_set_listed(state, 4321);
	state_set_listed(state, 5000);
	CHECK_INT(state_sync(state, &err), 0);
	state_close(state);
	check_events(STATE_READ);
	state = must_open(STATE_WRITE);
	CHECK_INT(state_compact(state, true, &err), 0);
	deliver(state, "after");
	CHECK_INT(state_compact(state, false, &err), 0);
	state_forget(state, find(state, "after"));
	CHECK_INT(state_sync(state, &err), 0);
	state_close(state);
	check_events(STATE_READ);
	check_events(STATE_WRITE);
}

static void
counts_copies(void)
{
	struct state *state;
	struct state_entry *first, *second;
	int i;

	fresh();
	state = must_open(STATE_WRITE);
	first = deliver(state, "same");
	second = deliver(state, "same");
	for (i = 0; i < 300; i++)
		deliver(state, "sand");
	CHECK(find(state, "same") == first);
	CHECK(state_next(state, first) == second);
	CHECK(state_next(state, second) == NULL);
	deliver(state, "sand");
	state_forget(state, first);
	CHECK(find(state, "same") == second);
	state_close(state);
}

#define SYNCED_LEN (sizeof("P\tc0a0c0a0\n") - 1)

/* Whatever prefix of the file a crash leaves, the rest of it counts. */
static void
survives_torn_tails(void)
{
	struct state *state;
	struct buf whole, left;
	size_t cut, header, count, last = 0;

	fresh();
	state = must_open(STATE_WRITE);
	header = (size_t)file_size(path);
	deliver_many(state, 0, 3);
	state_close(state);
	whole = slurp(path);
	for (cut = header; cut < whole.len; cut++) {
		spit(path, whole.data, cut);
		state = must_open(STATE_READ);
		count = state_count(state);
		CHECK(count >= last && count <= 3);
		last = count;
		state_close(state);
		CHECK_INT(file_size(path), cut);
		state = must_open(STATE_WRITE);
		CHECK_INT(state_count(state), count);
		left = slurp(path);
		CHECK(left.len <= cut + SYNCED_LEN &&
		    left.data[left.len - 1] == '\n');
		buf_clear(&left);
		deliver(state, "next");
		state_close(state);
		state = must_open(STATE_READ);
		CHECK_INT(state_count(state), count + 1);
		state_close(state);
	}
	for (cut = 0; cut < header; cut++) {
		spit(path, whole.data, cut);
		CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
		CHECK(strstr(open_text,
			  cut == 0 ? "it is empty" :
				     "its first line is incomplete") != NULL);
		CHECK_INT(file_size(path), cut);
	}
	buf_clear(&whole);
}

/* The beginning of line n, from 1. */
static size_t
line_at(const struct buf *whole, int n)
{
	const char *p = whole->data;

	while (--n > 0)
		p = (const char *)memchr(p, '\n',
			whole->len - (size_t)(p - whole->data)) +
		    1;
	return (size_t)(p - whole->data);
}

static struct buf
journal(void (*fill)(struct state *state))
{
	struct err err = ERR_INIT;
	struct state *state;

	fresh();
	state = must_open(STATE_WRITE);
	fill(state);
	CHECK_INT(state_sync(state, &err), 0);
	state_close(state);
	return slurp(path);
}

static void
fill_one_by_one(struct state *state)
{
	deliver_many(state, 0, 200);
}

/* As a fetch does: all in one batch. */
static void
fill_batch(struct state *state)
{
	struct err err = ERR_INIT;
	struct state_record r[30];
	struct state_entry *entries[30];
	int i;

	for (i = 0; i < 30; i++)
		r[i] = record(&"abcdefghijklmnopqrstuvwxyz0123"[i], 1, 7);
	CHECK_INT(state_commit(state, r, 30, entries, &err), 0);
	CHECK_INT(state_applied(state, entries, 30, &err), 0);
	state_set_listed(state, 5);
}

/* As a fetch into a pipe does. */
static void
fill_delivered(struct state *state)
{
	struct err err = ERR_INIT;
	struct state_record r;
	struct state_entry *entry;
	int i;

	for (i = 0; i < 30; i++) {
		r = record(&"abcdefghijklmnopqrstuvwxyz0123"[i], 1, 7);
		CHECK_INT(state_delivered(state, &r, &entry, &err), 0);
	}
}

static void
fill_marked(struct state *state)
{
	int i;

	for (i = 0; i < 30; i++)
		state_add_marked(state, &"abcdefghijklmnopqrstuvwxyz0123"[i], 1,
		    12, 5);
}

static void
fill_compacted(struct state *state)
{
	struct err err = ERR_INIT;

	fill_delivered(state);
	CHECK_INT(state_compact(state, true, &err), 0);
}

/* One flipped octet anywhere but in the last line, which says nothing new. */
static void
refuses_damage(void)
{
	static void (*const fills[])(struct state * state) = { fill_one_by_one,
		fill_batch, fill_delivered, fill_marked, fill_compacted };
	struct state *state;
	struct buf whole;
	size_t i, k;

	for (k = 0; k < sizeof(fills) / sizeof(fills[0]); k++) {
		whole = journal(fills[k]);
		for (i = 0; i < whole.len - SYNCED_LEN; i += 37) {
			whole.data[i] ^= 1;
			spit(path, whole.data, whole.len);
			CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
			CHECK_INT(open_status(STATE_READ), EX_DATAERR);
			CHECK_INT(file_size(path), whole.len);
			whole.data[i] ^= 1;
		}
		spit(path, whole.data, whole.len);
		state = must_open(STATE_READ);
		i = state_count(state);
		state_close(state);
		whole.data[whole.len - 3] ^= 1;
		spit(path, whole.data, whole.len);
		state = must_open(STATE_WRITE);
		CHECK_INT(state_count(state), i);
		state_close(state);
		CHECK_INT(file_size(path), whole.len);
		buf_clear(&whole);
	}
}

/*
 * A journal of before there were P lines: its A lines tell that the C lines
 * were durable.
 */
static void
refuses_damage_of_old(void)
{
	struct buf whole = journal(fill_batch), old = BUF_INIT;
	struct state *state;
	const char *line = whole.data, *end;
	int n;

	for (; line < whole.data + whole.len; line = end + 1) {
		end =
		    memchr(line, '\n', (size_t)(whole.data + whole.len - line));
		if (*line != 'P')
			buf_append(&old, line, (size_t)(end - line) + 1);
	}
	for (n = 2; n <= 31; n++) {
		size_t i = line_at(&old, n) + 5;

		old.data[i] ^= 1;
		spit(path, old.data, old.len);
		CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
		CHECK_INT(file_size(path), old.len);
		old.data[i] ^= 1;
	}
	/* torn off within the A line */
	spit(path, old.data, line_at(&old, 32) + 4);
	state = must_open(STATE_WRITE);
	CHECK_INT(state_count(state), 30);
	deliver(state, "next");
	state_close(state);
	state = must_open(STATE_READ);
	CHECK_INT(state_count(state), 31);
	state_close(state);
	buf_clear(&old);
	buf_clear(&whole);
}

/*
 * A power cut during an append: any piece of it may be missing, whatever has
 * reached the disk behind that. What is older stays.
 */
static void
survives_torn_appends(void)
{
	struct state *state;
	struct buf before = journal(fill_batch), after, torn;
	size_t i, len;
	int n;

	log_setup(&(struct log_options){ .quiet = 1, .debug_fd = -1 });
	state = must_open(STATE_WRITE);
	fill_delivered(state);
	after = slurp(path);
	state_close(state);
	for (len = 1; len < after.len - before.len; len = len * 7 + 3)
		for (i = before.len; i + len <= after.len; i += 61) {
			torn = (struct buf)BUF_INIT;
			buf_append(&torn, after.data, after.len);
			memset(torn.data + i, 0, len);
			spit(path, torn.data, torn.len);
			state = must_open(STATE_WRITE);
			CHECK(state_count(state) >= 30);
			CHECK(find(state, "a") != NULL);
			deliver(state, "next");
			state_close(state);
			state = must_open(STATE_READ);
			CHECK(find(state, "next") != NULL);
			state_close(state);
			buf_clear(&torn);
		}
	/* the same piece of what is older is damage */
	for (n = 2; n < 31; n++) {
		torn = (struct buf)BUF_INIT;
		buf_append(&torn, after.data, after.len);
		memset(torn.data + line_at(&torn, n), 0, 20);
		spit(path, torn.data, torn.len);
		CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
		CHECK_INT(file_size(path), torn.len);
		buf_clear(&torn);
	}
	log_setup(NULL);
	buf_clear(&before);
	buf_clear(&after);
}

/* What an earlier run wrote and may not have synced is synced before more. */
static void
survives_two_torn_runs(void)
{
	struct buf whole = journal(fill_batch);
	struct err err = ERR_INIT;
	struct state *state;

	/* as the first run left it: it was killed before its sync */
	spit(path, whole.data, whole.len - SYNCED_LEN);
	state = must_open(STATE_WRITE);
	(void)state_add_marked(state, "x", 1, 12, 5);
	CHECK_INT(state_sync(state, &err), 0);
	state_close(state);
	buf_clear(&whole);
	whole = slurp(path);
	CHECK_INT(count_lines("P\t"), 3);
	CHECK(strstr(buf_text(&whole), "\nP\t") <
	    strstr(buf_text(&whole), "\nS\t"));
	buf_clear(&whole);
}

/* What no crash can have written, because its checksum fits. */
static void
refuses_what_does_not_fit(void)
{
	static const char *const lines[] = { "O\t77", "A\t31\t40", "j\t1",
		"S\t1\tx\t5", "T\tnoon", "" };
	struct buf whole = journal(fill_batch);
	char crc[16];
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct buf more = BUF_INIT;

		buf_append(&more, whole.data, whole.len);
		buf_puts(&more, lines[i]);
		(void)snprintf(crc, sizeof(crc), "\t%08x\n",
		    digest_crc32(0, lines[i], strlen(lines[i])));
		buf_puts(&more, crc);
		spit(path, more.data, more.len);
		/* the last one is too short to be told from a torn line */
		CHECK_INT(open_status(STATE_READ),
		    lines[i][0] == '\0' ? 0 : EX_DATAERR);
		buf_clear(&more);
	}
	buf_clear(&whole);
}

static void
note(void *arg, const char *text)
{
	struct buf *notes = arg;

	buf_printf(notes, "%s\n", text);
}

static void
repairs(void)
{
	struct err err = ERR_INIT;
	struct buf notes = BUF_INIT, whole, again;
	struct state *state;
	char *damaged, *line;

	fresh();
	state = must_open(STATE_WRITE);
	deliver_many(state, 0, 200);
	state_close(state);
	CHECK_INT(state_check(path, false, note, &notes, &err), 0);
	CHECK_INT(notes.len, 0);
	whole = slurp(path);
	line = strchr(whole.data, '\n') + 10;
	*line ^= 1;
	spit(path, whole.data, whole.len);
	CHECK_INT(state_check(path, false, note, &notes, &err), 2);
	CHECK_STR(buf_text(&notes),
	    "line 2: wrong checksum\n"
	    "line 4: about messages that are not there\n");
	CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
	CHECK_INT(state_check(path, true, note, &notes, &err), 2);
	state = must_open(STATE_WRITE);
	CHECK_INT(state_count(state), 199);
	state_close(state);
	damaged = xasprintf("%s.damaged", path);
	again = slurp(damaged);
	CHECK_MEM(again.data, again.len, whole.data, whole.len);
	/* a header that is lost */
	buf_clear(&again);
	again = slurp(path);
	again.data[0] = 'x';
	spit(path, again.data, again.len);
	CHECK_INT(state_check(path, true, note, &notes, &err), 1);
	CHECK_INT(state_check(path, false, note, &notes, &err), 0);
	state = state_open(path, strrchr(path, '/') + 1, STATE_READ, &err);
	CHECK(state != NULL);
	if (state != NULL)
		CHECK_INT(state_count(state), 199);
	state_close(state);
	free(damaged);
	buf_clear(&again);
	buf_clear(&whole);
	buf_clear(&notes);
}

/* Where links are refused the old file is copied. */
static void
repairs_without_links(void)
{
	struct err err = ERR_INIT;
	struct buf notes = BUF_INIT, whole = journal(fill_batch), kept;
	char *damaged = xasprintf("%s.damaged", path);
	int status;
	pid_t pid;

	whole.data[line_at(&whole, 3) + 5] ^= 1;
	spit(path, whole.data, whole.len);
	fflush(stdout);
	if ((pid = fork()) == 0) {
#ifdef SYS_link
		CHECK_INT(forbid(SYS_link, EACCES), 0);
#endif
		CHECK_INT(forbid(SYS_linkat, EACCES), 0);
		CHECK(state_check(path, true, note, &notes, &err) > 0);
		fflush(stdout);
		_exit(test_bad != 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	kept = slurp(damaged);
	CHECK_MEM(kept.data, kept.len, whole.data, whole.len);
	CHECK_INT(open_status(STATE_WRITE), 0);
	buf_clear(&kept);
	buf_clear(&whole);
	buf_clear(&notes);
	free(damaged);
}

static void
refuses_others(void)
{
	struct err err = ERR_INIT;
	struct state_record r = record("u", 1, 1);
	struct state_entry *entry;
	struct state *state;
	FILE *f;

	fresh();
	state = must_open(STATE_WRITE);
	deliver(state, "one");
	/* a lock that did not hold */
	f = fopen(path, "a");
	fputs("x\n", f);
	fclose(f);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	err = (struct err)ERR_INIT;
	CHECK_INT(state_sync(state, &err), -1);
	state_close(state);
	CHECK(state_open(path, "other@host", STATE_READ, &err) == NULL);
	CHECK_INT(err.status, EX_DATAERR);
	/* reading only */
	state = must_open(STATE_READ);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), -1);
	CHECK_INT(err.status, EX_SOFTWARE);
	state_close(state);
	(void)unlink(path);
	CHECK_INT(symlink("/dev/null", path), 0);
	CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
	CHECK_INT(open_status(STATE_READ), EX_DATAERR);
	CHECK(strstr(open_text, "symbolic link") != NULL);
}

/* Whoever may write to the state tells poplar where mail goes. */
static void
refuses_what_others_may_write(void)
{
	static const struct {
		mode_t mode;
		const char *says; /* NULL: it is used */
	} modes[] = { { 0600, NULL }, { 0640, NULL }, { 0644, NULL },
		{ 0660, "its group may write to it" },
		{ 0602, "everybody may write to it" } };
	static const char *const suffixes[] = { "", ".lock" };
	struct state *state;
	size_t i, k;
	char *name;

	fresh();
	state = must_open(STATE_WRITE);
	deliver(state, "one");
	state_close(state);
	for (k = 0; k < 2; k++) {
		name = xasprintf("%s%s", path, suffixes[k]);
		for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
			CHECK_INT(chmod(name, modes[i].mode), 0);
			CHECK_INT(open_status(STATE_WRITE),
			    modes[i].says == NULL ? 0 : EX_DATAERR);
			if (modes[i].says != NULL) {
				CHECK(strstr(open_text, name) != NULL);
				CHECK(strstr(open_text, modes[i].says) != NULL);
			}
			/* who only reads takes no lock */
			CHECK_INT(open_status(STATE_READ),
			    modes[i].says == NULL || k == 1 ? 0 : EX_DATAERR);
		}
		CHECK_INT(chmod(name, 0600), 0);
		/* only root can give a file away */
		if (chown(name, 54321, (gid_t)-1) == 0) {
			CHECK_INT(open_status(STATE_WRITE), EX_DATAERR);
			CHECK(strstr(open_text, "another user") != NULL);
			CHECK_INT(chown(name, geteuid(), (gid_t)-1), 0);
		}
		free(name);
	}
	CHECK_INT(open_status(STATE_WRITE), 0);
}

/* A file system without locks: it says where else the state may lie. */
static void
tells_of_no_locks(void)
{
	static const int errors[] = { ENOLCK, EOPNOTSUPP, ENOSYS };
	size_t i;
	int status;
	pid_t pid;

	fresh();
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fflush(stdout);
		if ((pid = fork()) == 0) {
			CHECK_INT(forbid(SYS_flock, errors[i]), 0);
			CHECK_INT(open_status(STATE_WRITE), EX_CANTCREAT);
			CHECK(strstr(open_text, "--state") != NULL);
			CHECK(strstr(open_text, strerror(errors[i])) != NULL);
			fflush(stdout);
			_exit(test_bad != 0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
	}
}

/* No identity's file is what a run of another takes for its own. */
static void
names_do_not_clash(void)
{
	static const struct {
		const char *identity, *name;
	} names[] = { { "joe@pop.example.org", "joe@pop.example.org" },
		{ "joe@pop.new", "joe@pop%2Enew" },
		{ "joe@pop.LOCK", "joe@pop%2ELOCK" },
		{ "joe@pop.damaged", "joe@pop%2Edamaged" },
		{ "joe@pop.damaged-2", "joe@pop%2Edamaged-2" },
		{ "joe@pop.news", "joe@pop.news" },
		{ "joe@new.example", "joe@new.example" },
		{ "joe@pop.lock.lock", "joe@pop.lock%2Elock" } };
	struct err err = ERR_INIT;
	char *where;
	size_t i;

	setenv("XDG_STATE_HOME", dir, 1);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		where = state_default_path(names[i].identity, &err);
		CHECK_STR(strrchr(where, '/') + 1, names[i].name);
		free(where);
	}
}

/* More events than a batch, and than are worth appending. */
static void
takes_many_events(void)
{
	struct err err = ERR_INIT;
	struct state *state;
	char uid[32];
	int i, n;

	for (n = 250; n <= 64000; n *= 16) {
		fresh();
		state = must_open(STATE_WRITE);
		deliver_many(state, 0, 2);
		for (i = 0; i < n; i++) {
			(void)snprintf(uid, sizeof(uid), "many-%d", i);
			state_add_marked(state, uid, strlen(uid), 6, 5);
		}
		deliver_many(state, 2, 2);
		CHECK_INT(state_sync(state, &err), 0);
		state_close(state);
		state = must_open(STATE_READ);
		CHECK_INT(state_count(state), n + 4);
		CHECK(find(state, "many-0") != NULL);
		CHECK(find(state, uid) != NULL);
		CHECK(find(state, "uid-1") != NULL);
		CHECK(find(state, "uid-3") != NULL);
		state_close(state);
	}
}

static void
compacts_when_it_pays(void)
{
	struct err err = ERR_INIT;
	struct state_entry *entry;
	struct state *state;
	off_t before;
	int i;

	fresh();
	state = must_open(STATE_WRITE);
	deliver_many(state, 0, 20);
	CHECK_INT(state_sync(state, &err), 0);
	before = file_size(path);
	CHECK_INT(state_compact(state, false, &err), 0);
	CHECK_INT(file_size(path), before);
	entry = find(state, "uid-7");
	for (i = 0; i < 600; i++) {
		state_gone(state, entry, 5);
		state_back(state, entry);
	}
	CHECK_INT(state_sync(state, &err), 0);
	CHECK(file_size(path) > before);
	CHECK_INT(state_compact(state, false, &err), 0);
	CHECK(file_size(path) < before);
	deliver(state, "last");
	state_close(state);
	state = must_open(STATE_READ);
	CHECK_INT(state_count(state), 21);
	state_close(state);
}

/* A disk that is full, without root: a limit on the size of files. */
static void
survives_full_disk(void)
{
	struct err err = ERR_INIT;
	struct state_record r = record("two", 3, 1);
	struct state_entry *entry;
	struct rlimit old, limit;
	struct state *state;
	off_t before;

	fresh();
	state = must_open(STATE_WRITE);
	deliver(state, "one");
	before = file_size(path);
	signal(SIGXFSZ, SIG_IGN);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)before + 40;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), -1);
	CHECK_INT(err.status, EX_IOERR);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK_INT(file_size(path), before);
	/* never again, though there is room now */
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), -1);
	CHECK_INT(state_sync(state, &err), -1);
	CHECK_INT(state_compact(state, true, &err), -1);
	CHECK_INT(file_size(path), before);
	state_close(state);
	state = must_open(STATE_WRITE);
	CHECK_INT(state_count(state), 1);
	/* a compaction that fails leaves all as it was */
	limit.rlim_cur = 100;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_INT(state_compact(state, true, &err), -1);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK_INT(file_size(path), before);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), 0);
	state_close(state);
	state = must_open(STATE_READ);
	CHECK_INT(state_count(state), 2);
	state_close(state);
}

static int
find_without_uid(void *arg, struct state_entry *entry)
{
	*(struct state_entry **)arg = entry;
	return entry->uid_len == 0 ? -1 : 0;
}

static void
takes_any_uidl(void)
{
	struct state_record r;
	struct state_entry *entry;
	struct err err = ERR_INIT;
	struct state *state;
	char uid[256], *big = xmalloc(65535);
	int i;

	for (i = 0; i < 256; i++)
		uid[i] = (char)i;
	memset(big, '\\', 65535);
	fresh();
	state = must_open(STATE_WRITE);
	r = record(uid, 256, 1);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), 0);
	r = record(big, 65535, 2);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), 0);
	r = record("", 0, 3);
	CHECK_INT(state_commit(state, &r, 1, &entry, &err), 0);
	state_close(state);
	state = must_open(STATE_WRITE);
	CHECK_INT(state_count(state), 3);
	entry = state_find(state, uid, 256);
	CHECK(entry != NULL && entry->print.header[0] == 1);
	entry = state_find(state, big, 65535);
	CHECK(entry != NULL && entry->print.header[0] == 2);
	CHECK(state_find(state, "", 0) == NULL);
	CHECK_INT(state_each(state, find_without_uid, &entry), -1);
	CHECK(entry != NULL && entry->print.body[0] == 3);
	if (entry != NULL)
		state_learn_uid(state, &entry, uid, 256);
	CHECK(state_next(state, state_find(state, uid, 256)) == entry);
	CHECK_INT(state_count(state), 3);
	state_close(state);
	free(big);
}

int
main(void)
{
	char *command;

	if (mkdtemp(dir) == NULL)
		return 1;
	TEST(creates_and_locks);
	TEST(makes_directories);
	TEST(remembers);
	TEST(applies_ranges);
	TEST(parses_numbers);
	TEST(keeps_marks);
	TEST(tells_events);
	TEST(counts_copies);
	TEST(survives_torn_tails);
	TEST(refuses_damage);
	TEST(refuses_damage_of_old);
	TEST(survives_torn_appends);
	TEST(survives_two_torn_runs);
	TEST(refuses_what_does_not_fit);
	TEST(repairs);
	TEST(repairs_without_links);
	TEST(refuses_others);
	TEST(refuses_what_others_may_write);
	TEST(tells_of_no_locks);
	TEST(names_do_not_clash);
	TEST(takes_many_events);
	TEST(compacts_when_it_pays);
	TEST(survives_full_disk);
	TEST(takes_any_uidl);
	free(path);
	command = xasprintf("rm -rf %s", dir);
	CHECK_INT(system(command), 0);
	free(command);
	return TEST_END();
}
