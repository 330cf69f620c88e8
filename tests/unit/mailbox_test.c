/* SPDX-License-Identifier: ISC */
/*
 * The decision whether a message is new, as tables: what the server lists,
 * what is recorded, and what follows. A row is played on a real journal.
 */
#include "mailbox/mailbox.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "net/stream.h"
#include "pop3/pop3.h"
#include "state/state.h"
#include "state/state_priv.h"
#include "test.h"

#define NOW 10000000u
#define OLD 1000u
#define YOUNG 9000000u
#define BETWEEN 5000000u

static char *dir;
static char *path;
static struct state *state;
static struct mailbox mailbox;
static struct fingerprinter *printer;
static struct err err;

/* ---- messages, by a letter ---- */

static const struct {
	char letter;
	const char *header, *body;
} contents[] = {
	{ 'a', "Message-ID: <a@x>\nSubject: a\n", "this is a\n" },
	/* an mbox server has written its Status into it */
	{ 'A', "Message-ID: <a@x>\nSubject: a\nStatus: RO\n", "this is a\n" },
	/* rendered anew: nothing but the Message-ID is the same */
	{ 'r', "Subject: a\nMessage-ID: <a@x>\nX-Seen: 2\n", "<p>a</p>\n" },
	/* the same header, another body */
	{ 't', "Message-ID: <a@x>\nSubject: a\n", "this is t\n" },
	{ 'b', "Message-ID: <b@x>\nSubject: b\n", "this is b\n" },
	{ 'c', "Message-ID: <c@x>\nSubject: c\n", "this is c, longer\n" },
	/* no Message-ID; and such a one, rendered anew */
	{ 'n', "Subject: n\n", "this is n\n" },
	{ 'q', "Subject: n\nX-Seen: 2\n", "<p>n</p>\n" },
};

static struct shown
show(char letter, bool whole)
{
	struct shown shown = { .octets = 0 };
	size_t i = 0;

	while (contents[i].letter != letter)
		i++;
	fingerprinter_update(printer, contents[i].header,
	    strlen(contents[i].header));
	fingerprinter_update(printer, "\n", 1);
	if (whole)
		fingerprinter_update(printer, contents[i].body,
		    strlen(contents[i].body));
	fingerprinter_final(printer, &shown.print, shown.whole);
	shown.octets = strlen(contents[i].header) + strlen(contents[i].body);
	return shown;
}

/* ---- records, as UIDL:FLAGS:CONTENT:SIZE ---- */

static const struct {
	char letter;
	uint16_t flag;
} letters[] = {
	{ 'd', STATE_DELIVERED },
	{ 'm', STATE_MARKED },
	{ 'o', STATE_OWED },
	{ 's', STATE_SENT },
	{ 'g', STATE_GONE },
	{ 'h', STATE_SHORT },
	{ 'u', STATE_UNDELETABLE },
	{ 'w', STATE_WHOLE_ONLY },
};

/* "?" is a size that was not told. */
static uint64_t
parse_size(const char *text)
{
	return strcmp(text, "?") == 0 ? STATE_UNSIZED :
					strtoull(text, NULL, 10);
}

/* A word's fields; "-" is an empty UIDL. */
static void
split(char *word, const char *fields[4])
{
	size_t n = 0;

	while (word != NULL && n < 4)
		fields[n++] = strsep(&word, ":");
	if (strcmp(fields[0], "-") == 0)
		fields[0] = "";
}

static struct state_entry *
deliver(const char *uid, char letter, uint64_t octets, const char *flags,
    unsigned int copy)
{
	struct shown shown = show(letter, true);
	struct state_record record = { .kind = "pipe",
		.path = "cat",
		.name = "",
		.spool = "",
		.uid = uid,
		.uid_len = strlen(uid),
		.list_octets = octets,
		.octets = shown.octets,
		.print = shown.print,
		.copy = (uint16_t)copy,
		.time = strchr(flags, 'y') != NULL ? YOUNG : OLD,
		.is_short = strchr(flags, 'h') != NULL };
	struct state_entry *entry = NULL;

	if (state_delivered(state, &record, &entry, &err) == -1)
		exit(1);
	if (strchr(flags, 'w') != NULL)
		index_set_whole(&state->index, entry, shown.whole);
	return entry;
}

static void
add_record(char *word)
{
	const char *fields[4];
	struct state_entry *entry;
	uint64_t octets;

	split(word, fields);
	octets = parse_size(fields[3]);
	if (strchr(fields[1], 'm') != NULL)
		entry = state_add_marked(state, fields[0], strlen(fields[0]),
		    octets, OLD);
	else
		entry = deliver(fields[0], fields[2][0], octets, fields[1], 0);
	if (strchr(fields[1], 'o') != NULL)
		state_owe(state, entry);
	if (strchr(fields[1], 's') != NULL)
		state_deletion(state, entry);
	if (strchr(fields[1], 'u') != NULL)
		state_undeletable(state, entry);
	if (strchr(fields[1], 'g') != NULL)
		state_gone(state, entry, NOW - 10);
	/* gone for so long that it may be forgotten */
	if (strchr(fields[1], 'G') != NULL)
		state_gone(state, entry, NOW - 40 * 86400);
}

/* Call fn for each word. */
static size_t
each_word(const char *text, void (*fn)(char *word))
{
	char *copy = xstrdup(text), *word, *end = copy;
	size_t n = 0;

	while (*end != '\0') {
		word = end;
		end += strcspn(end, " ");
		if (*end == ' ')
			*end++ = '\0';
		fn(word);
		n++;
	}
	free(copy);
	return n;
}

static void
begin_state(void)
{
	path = xasprintf("%s/journal", dir);
	state = state_open(path, "joe@pop.example.org", STATE_WRITE, &err);
	if (state == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	printer = fingerprinter_new(state_key(state), true);
}

static void
end_state(void)
{
	char *lock = xasprintf("%s.lock", path);

	mailbox_clear(&mailbox);
	fingerprinter_free(printer);
	state_close(state);
	(void)unlink(path);
	(void)unlink(lock);
	free(lock);
	free(path);
}

static int
write_record(void *arg, struct state_entry *entry)
{
	struct buf *out = arg;

	buf_printf(out, "%s%.*s:", out->len > 0 ? " " : "",
	    entry->uid_len > 0 ? (int)entry->uid_len : 1,
	    entry->uid_len > 0 ? entry->uid : "-");
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (entry->flags & letters[i].flag)
			buf_append(out, &letters[i].letter, 1);
	if (entry->list_octets == STATE_UNSIZED)
		buf_printf(out, ":?");
	else
		buf_printf(out, ":%ju", (uintmax_t)entry->list_octets);
	return 0;
}

/* ---- listings, as UIDL:CONTENT:SIZE ---- */

static bool without_uidl;
static char shown_letters[64];

static void
list_message(char *word)
{
	const char *fields[4];
	uint32_t num = (uint32_t)mailbox.count + 1;

	split(word, fields);
	shown_letters[num - 1] = fields[1][0];
	if (without_uidl)
		CHECK(mailbox_take_number(&mailbox, num));
	else
		CHECK(mailbox_take_uid(&mailbox, num, fields[0],
		    strlen(fields[0])));
	if (strcmp(fields[2], "?") != 0)
		CHECK(mailbox_take_size(&mailbox, num, parse_size(fields[2])));
}

/*
 * How the server and the session are, in letters: U it serves no UIDL; I its
 * listing is incomplete; o d a r the policy: owed, delivered, by age,
 * renumbered. And what is done: T no TOP; 0 1 2 so many are retrieved.
 */
static void
list_all(const char *how, const char *listing)
{
	without_uidl = strchr(how, 'U') != NULL;
	mailbox_begin(&mailbox, state);
	mailbox.uidl_asked = mailbox.list_asked = mailbox.has_list = true;
	mailbox.has_uidl = !without_uidl;
	mailbox.stat_count = each_word(listing, list_message);
	if (strchr(how, 'I') != NULL)
		mailbox.stat_count++;
	mailbox_join(&mailbox);
	mailbox.complete =
	    mailbox.has_uidl && mailbox.named == mailbox.stat_count;
}

static void
decide(const char *how)
{
	struct mailbox_policy policy = { .now = NOW,
		.owed = strchr(how, 'o') != NULL,
		.delivered = strchr(how, 'd') != NULL,
		.by_age = strchr(how, 'a') != NULL,
		.older_than = BETWEEN,
		.renumbered = strchr(how, 'r') != NULL };

	mailbox_decide(&mailbox, &policy);
}

/* A verdict as a letter, its record's serial if that is sure, and whether the
 * deletion is due, or (with proof) may go out. */
static void
write_message(struct buf *out, const struct message *message)
{
	buf_printf(out, "%s%c", out->len > 0 ? " " : "",
	    "-NSLC"[message->verdict]);
	if (message->flags & MESSAGE_PAIRED)
		buf_printf(out, "=%u", (unsigned int)message->entry->serial);
	if (message->flags & MESSAGE_DUE)
		buf_printf(out, "%s",
		    message->flags & MESSAGE_PROVED ? "!!" : "!");
}

static void
write_messages(struct buf *out)
{
	out->len = 0;
	for (size_t i = 0; i < mailbox.count; i++)
		write_message(out, &mailbox.messages[i]);
}

static size_t
next_of_group(size_t index)
{
	uint32_t next = mailbox.messages[index].next;

	return next == 0 ? SIZE_MAX : next - 1;
}

static void
look_at(size_t first, bool has_top)
{
	struct shown shown[64];
	size_t n = 0;

	for (size_t m = first; m != SIZE_MAX; m = next_of_group(m))
		shown[n++] = show(shown_letters[m], false);
	if (mailbox.messages[first].flags & MESSAGE_ALONE)
		mailbox_look(&mailbox, first, has_top ? shown : NULL);
	else
		mailbox_look_group(&mailbox, first, has_top ? shown : NULL,
		    has_top ? n : 0);
}

/* TOP of what wants it, as fetch does it. */
static void
look(const char *how)
{
	bool looked[64] = { false };

	for (size_t i = 0; i < mailbox.count; i++) {
		const struct message *message = &mailbox.messages[i];
		size_t first = mailbox_first(&mailbox, i);

		if ((message->verdict == VERDICT_LOOK ||
			(message->verdict == VERDICT_SEEN &&
			    (message->flags & MESSAGE_DUE))) &&
		    !looked[first]) {
			looked[first] = true;
			look_at(first, strchr(how, 'T') == NULL);
		}
	}
}

/* RETR: "+0" new, the first copy; "=1" known, record 1; "." not retrieved. */
static void
retrieve(size_t index, struct buf *out)
{
	struct shown shown = show(shown_letters[index], true);
	const struct message *message = &mailbox.messages[index];
	struct state_entry *entry = mailbox_settle(&mailbox, index, &shown);
	unsigned int copy;
	char uid[8] = "";
	size_t len;

	if (entry != NULL) {
		buf_printf(out, "=%u%s", (unsigned int)entry->serial,
		    message->flags & MESSAGE_DUE ? "!!" : "");
		return;
	}
	copy = mailbox_next_copy(&mailbox, index, &shown);
	mailbox_delivering(&mailbox, index);
	memcpy(uid, mailbox_uid(&mailbox, index, &len), message->uid_len);
	entry = deliver(uid, shown_letters[index],
	    mailbox_size(&mailbox, index), "", copy);
	mailbox_delivered(&mailbox, index, entry);
	buf_printf(out, "+%u", copy);
}

static void
retrieve_all(const char *how, struct buf *out)
{
	const char *digit = strpbrk(how, "0123456789");
	unsigned int left = digit == NULL ? 99 : (unsigned int)(*digit - '0');

	out->len = 0;
	for (size_t i = 0; i < mailbox.count; i++) {
		enum verdict verdict = mailbox.messages[i].verdict;

		if (out->len > 0)
			buf_append(out, " ", 1);
		if (left > 0 &&
		    (verdict == VERDICT_NEW || verdict == VERDICT_COMPARE)) {
			left--;
			retrieve(i, out);
		} else {
			buf_append(out, ".", 1);
		}
	}
}

struct row {
	const char *name, *records, *how, *listing;
	const char *decided, *looked, *settled, *after;
};

static void
check_row(const struct row *row)
{
	struct buf out = BUF_INIT;
	int bad = test_bad;

	begin_state();
	(void)each_word(row->records, add_record);
	list_all(row->how, row->listing);
	decide(row->how);
	write_messages(&out);
	CHECK_STR(buf_text(&out), row->decided);
	look(row->how);
	write_messages(&out);
	CHECK_STR(buf_text(&out), row->looked);
	retrieve_all(row->how, &out);
	CHECK_STR(buf_text(&out), row->settled);
	mailbox_finish(&mailbox);
	out.len = 0;
	(void)state_each(state, write_record, &out);
	CHECK_STR(buf_text(&out), row->after);
	if (test_bad > bad)
		printf("# in the row \"%s\"\n", row->name);
	buf_clear(&out);
	end_state();
}

#define CHECK_ROWS(rows)                                                       \
	do {                                                                   \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]);     \
		     i_++)                                                     \
			check_row(&(rows)[i_]);                                \
	} while (0)

/* ---- one message under its UIDL ---- */

static const struct row simple[] = {
	{ "nothing is recorded", "", "", "u:a:10", "N", "N", "+0", "u:d:10" },
	{ "several are new", "", "", "u:a:10 v:b:10", "N N", "N N", "+0 +0",
	    "u:d:10 v:d:10" },
	{ "delivered before", "u:d:a:10", "", "u:a:10", "S=1", "S=1", ".",
	    "u:d:10" },
	{ "delivered, and a new one", "u:d:a:10", "", "u:a:10 v:b:10", "S=1 N",
	    "S=1 N", ". +0", "u:d:10 v:d:10" },
	{ "marked before", "u:m::10", "", "u:a:10", "S=1", "S=1", ".",
	    "u:m:10" },
	{ "no longer listed", "u:d:a:10 v:d:b:10", "", "v:b:10", "S=2", "S=2",
	    ".", "u:dg:10 v:d:10" },
	{ "owed, and no longer listed", "u:do:a:10", "", "", "", "", "",
	    "u:dg:10" },
	{ "sent, and no longer listed", "u:dos:a:10", "", "", "", "", "",
	    "u:dg:10" },
	{ "an incomplete listing lacks it", "u:d:a:10", "I", "", "", "", "",
	    "u:d:10" },
	{ "gone for long, forgotten", "u:dG:a:10 v:d:b:10", "", "v:b:10", "S=2",
	    "S=2", ".", "v:d:10" },
	{ "gone, and it has come back", "u:dg:a:10", "", "u:a:10", "C", "C",
	    "=1", "u:d:10" },
	{ "gone, and its UIDL is another's now", "u:dg:a:10", "", "u:b:10", "C",
	    "C", "+0", "u:dg:10 u:d:10" },
	{ "sizes are not told", "u:d:a:10", "", "u:a:?", "S=1", "S=1", ".",
	    "u:d:10" },
	{ "a size was not told and now is", "u:d:a:?", "", "u:a:10", "S=1",
	    "S=1", ".", "u:d:10" },
	{ "the same of a marked one", "u:m::?", "", "u:a:10", "S=1", "S=1", ".",
	    "u:m:10" },
};

static const struct row resized[] = {
	{ "the server wrote Status into it", "u:d:a:10", "", "u:A:12", "L",
	    "S=1", ".", "u:d:12" },
	{ "only the size is another", "u:d:a:10", "", "u:a:12", "L", "S=1", ".",
	    "u:d:12" },
	{ "rendered anew, by its Message-ID", "u:d:a:10", "", "u:r:12", "L",
	    "S=1", ".", "u:d:12" },
	{ "rendered anew, without a Message-ID", "u:d:n:10", "", "u:q:12", "L",
	    "C", "+0", "u:dg:10 u:d:12" },
	{ "its UIDL is another's now", "u:d:a:10", "", "u:b:12", "L", "C", "+0",
	    "u:dg:10 u:d:12" },
	{ "the same without TOP", "u:d:a:10", "T", "u:b:12", "L", "C", "+0",
	    "u:dg:10 u:d:12" },
	{ "without TOP, the same octets", "u:d:a:10", "T", "u:a:12", "L", "C",
	    "=1", "u:d:12" },
	{ "without TOP, Status", "u:d:a:10", "T", "u:A:12", "L", "C", "=1",
	    "u:d:12" },
	{ "without TOP, rendered anew", "u:d:a:10", "T", "u:r:12", "L", "C",
	    "=1", "u:d:12" },
	{ "without TOP and Message-ID", "u:d:n:10", "T", "u:q:12", "L", "C",
	    "+0", "u:dg:10 u:d:12" },
	{ "not retrieved, so nothing is gone", "u:d:a:10", "0", "u:b:12", "L",
	    "C", ".", "u:d:10" },
	{ "a marked one: nothing to compare with", "u:m::10", "", "u:a:12", "C",
	    "C", "+0", "u:mg:10 u:d:12" },
	{ "an old record, the same", "u:dw:a:10", "", "u:a:12", "C", "C", "=1",
	    "u:d:12" },
	{ "an old record, another", "u:dw:a:10", "", "u:b:12", "C", "C", "+0",
	    "u:dgw:10 u:d:12" },
	{ "an old record, Status", "u:dw:a:10", "", "u:A:12", "C", "C", "+0",
	    "u:dgw:10 u:d:12" },
	{ "an old record, as it was", "u:dw:a:10", "", "u:a:10", "S=1", "S=1",
	    ".", "u:dw:10" },
};

static const struct row is_sent[] = {
	{ "still listed: TOP tells, owed again", "u:dos:a:10", "", "u:a:10",
	    "L", "S=1", ".", "u:do:10" },
	{ "the same, and it may be deleted", "u:dos:a:10", "o", "u:a:10", "L",
	    "S=1!!", ".", "u:do:10" },
	{ "its UIDL is another's now", "u:dos:a:10", "o", "u:b:10", "L", "C",
	    "+0", "u:dg:10 u:d:10" },
	{ "RETR tells", "u:dos:a:10", "oT", "u:a:10", "L", "C", "=1!!",
	    "u:do:10" },
	{ "an old record", "u:dosw:a:10", "o", "u:a:10", "C", "C", "=1!!",
	    "u:do:10" },
	{ "a live one of the group has taken its place", "u:dos:a:10 u:d:b:10",
	    "o", "u:b:10", "S=2", "S=2", ".", "u:dg:10 u:d:10" },
	{ "it is there, and the live one is not", "u:dos:a:10 u:d:b:10", "",
	    "u:a:12", "C", "C", "=1", "u:do:12 u:dg:10" },
	{ "both are there", "u:dos:a:10 u:d:b:10", "", "u:a:10 u:b:10", "C C",
	    "C C", "=1 =2", "u:do:10 u:d:10" },
};

static const struct row is_short[] = {
	{ "short: retrieved again, as short", "u:dh:a:50", "", "u:a:50", "C",
	    "C", "=1", "u:d:50" },
	{ "short, and this time it is longer", "u:dh:a:50", "", "u:c:50", "C",
	    "C", "+0", "u:dgh:50 u:d:50" },
	{ "short: its Message-ID proves nothing", "u:dh:a:50", "", "u:r:50",
	    "C", "C", "+0", "u:dgh:50 u:d:50" },
	{ "short and owed: not deleted before it is whole", "u:doh:a:50", "o",
	    "u:a:50", "C", "C", "=1!!", "u:do:50" },
	{ "a short one that is gone does not matter", "u:dgh:a:50 u:d:b:10", "",
	    "u:b:10", "S=2", "S=2", ".", "u:dgh:50 u:d:10" },
};

/* ---- several under one UIDL ---- */

static const struct row groups[] = {
	{ "as many as recorded, the same sizes", "u:d:a:10 u:d:c:20", "",
	    "u:c:20 u:a:10", "S S", "S S", ". .", "u:d:10 u:d:20" },
	{ "sizes not told", "u:d:a:10 u:d:c:20", "", "u:c:? u:a:?", "S S",
	    "S S", ". .", "u:d:10 u:d:20" },
	{ "one size told, and it fits", "u:d:a:10 u:d:c:20", "", "u:c:20 u:a:?",
	    "S S", "S S", ". .", "u:d:10 u:d:20" },
	{ "one size told, and it does not fit", "u:d:a:10 u:d:c:20", "",
	    "u:b:30 u:a:?", "C C", "C C", "+0 =1", "u:d:10 u:dg:20 u:d:30" },
	{ "one more", "u:d:a:10", "", "u:a:10 u:b:10", "C C", "C C", "=1 +0",
	    "u:d:10 u:d:10" },
	{ "one fewer", "u:d:a:10 u:d:b:10", "", "u:b:10", "C", "C", "=2",
	    "u:dg:10 u:d:10" },
	{ "another size", "u:d:a:10 u:d:b:10", "", "u:b:10 u:c:20", "C C",
	    "C C", "=2 +0", "u:dg:10 u:d:10 u:d:20" },
	{ "new ones, twins", "", "", "u:a:10 u:a:10", "N N", "N N", "+0 +1",
	    "u:d:10 u:d:10" },
	{ "a twin more", "u:d:a:10", "", "u:a:10 u:a:10", "C C", "C C", "=1 +1",
	    "u:d:10 u:d:10" },
	{ "a twin fewer", "u:d:a:10 u:d:a:10", "", "u:a:10", "C", "C", "=1",
	    "u:d:10 u:dg:10" },
	{ "retrieved in part: nothing is gone", "u:d:a:10 u:d:b:10 u:d:c:20",
	    "1", "u:b:10 u:c:20", "C C", "C C", "=2 .",
	    "u:d:10 u:d:10 u:d:20" },
	{ "Message-IDs do not count", "u:d:a:10", "", "u:r:10 u:b:10", "C C",
	    "C C", "+0 +0", "u:dg:10 u:d:10 u:d:10" },
	{ "Status does", "u:d:a:10", "", "u:b:10 u:A:12", "C C", "C C", "+0 =1",
	    "u:d:12 u:d:10" },
	{ "a gone one has come back", "u:d:a:10 u:dg:b:10", "", "u:a:10 u:b:10",
	    "C C", "C C", "=1 =2", "u:d:10 u:d:10" },
	{ "each record answers for one", "u:dg:a:10", "", "u:a:10 u:a:10",
	    "C C", "C C", "=1 +1", "u:d:10 u:d:10" },
	{ "one of them is short", "u:dh:a:50 u:d:b:10", "", "u:a:50 u:b:10",
	    "C C", "C C", "=1 =2", "u:d:50 u:d:10" },
	{ "groups do not mix", "u:d:a:10 v:d:b:10", "",
	    "u:b:10 u:a:10 v:b:10 v:a:10", "C C C C", "C C C C", "+0 =1 =2 +0",
	    "u:d:10 v:d:10 u:d:10 v:d:10" },
	{ "a UIDL that nothing is recorded of", "w:d:c:20", "",
	    "u:a:10 v:b:10 u:a:10 w:c:20", "N N N S=1", "N N N S=1",
	    "+0 +0 +1 .", "w:d:20 u:d:10 v:d:10 u:d:10" },
};

static const struct row marked[] = {
	{ "as many as marked", "u:m::10 u:m::10", "", "u:a:10 u:b:10", "S S",
	    "S S", ". .", "u:m:10 u:m:10" },
	{ "one fewer: which, cannot be told", "u:m::10 u:m::10", "", "u:a:10",
	    "C", "C", "=1", "u:m:10 u:mg:10" },
	{ "one more: the marked tell nothing", "u:m::10", "", "u:a:10 u:b:10",
	    "C C", "C C", "+0 +0", "u:d:10 u:d:10" },
	{ "one more of another size", "u:m::10", "", "u:a:10 u:c:20", "C C",
	    "C C", "=1 +0", "u:m:10 u:d:20" },
	{ "one more, and a delivered one", "u:m::10 u:d:a:10", "",
	    "u:a:10 u:b:10 u:c:20", "C C C", "C C C", "=2 =1 +0",
	    "u:m:10 u:d:10 u:d:20" },
	{ "none is retrieved: they stay", "u:m::10", "0", "u:a:10 u:b:10",
	    "C C", "C C", ". .", "u:m:10" },
	{ "of unknown size", "u:m::?", "", "u:a:10 u:b:10", "C C", "C C",
	    "+0 +0", "u:d:10 u:d:10" },
	{ "two of unknown size", "u:m::? u:m::?", "", "u:a:10 u:b:10", "S S",
	    "S S", ". .", "u:m:? u:m:?" },
	{ "sizes known then, one fewer and none told now", "u:m::10 u:m::20",
	    "", "u:a:?", "C", "C", "+0", "u:mg:10 u:mg:20 u:d:?" },
	{ "marked, and gone", "u:mg::10", "", "u:a:10", "C", "C", "+0",
	    "u:mg:10 u:d:10" },
	{ "marked is never due", "u:m::10", "od", "u:a:10", "S=1", "S=1", ".",
	    "u:m:10" },
	{ "taken for marked is not due", "u:m::10 u:d:b:20", "od",
	    "u:a:10 u:b:20 u:c:30", "C C C", "C C C", "=1 =2!! +0",
	    "u:m:10 u:d:20 u:d:30" },
};

/* ---- no UIDL ---- */

static const struct row no_uidl[] = {
	{ "nothing is recorded", "", "U", "-:a:10 -:a:10", "N N", "N N",
	    "+0 +1", "-:d:10 -:d:10" },
	{ "all are compared", "-:d:a:10", "U", "-:b:10 -:a:10", "C C", "C C",
	    "+0 =1", "-:d:10 -:d:10" },
	{ "one is not there", "-:d:a:10 -:d:b:10", "U", "-:b:10", "C", "C",
	    "=2", "-:dg:10 -:d:10" },
	{ "retrieved in part", "-:d:a:10 -:d:b:10", "U1", "-:b:10 -:c:20",
	    "C C", "C C", "=2 .", "-:d:10 -:d:10" },
	{ "one has come back", "-:dg:a:10", "U", "-:a:10", "C", "C", "=1",
	    "-:d:10" },
	{ "due after RETR", "-:do:a:10", "Uo", "-:a:10", "C", "C", "=1!!",
	    "-:do:10" },
	{ "no UIDL in a line", "", "", "-:a:10 u:b:10", "N N", "N N", "+0 +0",
	    "-:d:10 u:d:10" },
	{ "the server has UIDLs now", "-:d:a:10", "", "u:a:10 v:b:10", "C C",
	    "C C", "=1 +0", "u:d:10 v:d:10" },
	{ "a sent one was not deleted", "-:dos:a:10", "", "u:a:10", "C", "C",
	    "=1", "u:do:10" },
	{ "what was there without one is gone", "-:d:a:10", "", "u:b:10", "C",
	    "C", "+0", "-:dg:10 u:d:10" },
	{ "but not before all was compared", "-:d:a:10", "1", "u:b:10 v:c:20",
	    "C C", "C C", "+0 .", "-:d:10 u:d:10" },
	{ "nor by an incomplete listing", "-:d:a:10", "I", "u:b:10", "C", "C",
	    "+0", "-:d:10 u:d:10" },
};

/* ---- new UIDLs ---- */

static const struct row renumbered[] = {
	{ "without --renumbered all are new", "u:d:a:10 v:d:b:10", "",
	    "x:a:10 y:b:10", "N N", "N N", "+0 +0",
	    "u:dg:10 v:dg:10 x:d:10 y:d:10" },
	{ "with it, all are compared", "u:d:a:10 v:d:b:10", "r",
	    "x:b:10 y:a:10 z:c:20", "C C C", "C C C", "=2 =1 +0",
	    "y:d:10 x:d:10 z:d:20" },
	{ "UIDL is refused: by digest", "u:d:a:10 v:d:b:10", "Ur",
	    "-:b:10 -:c:20", "C C", "C C", "=2 +0", "u:dg:10 v:d:10 -:d:20" },
};

/* ---- what is to be deleted ---- */

static const struct row due[] = {
	{ "owed, and kept", "u:do:a:10", "", "u:a:10", "S=1", "S=1", ".",
	    "u:do:10" },
	{ "owed", "u:do:a:10", "o", "u:a:10", "S=1!", "S=1!!", ".", "u:do:10" },
	{ "Status", "u:do:a:10", "o", "u:A:10", "S=1!", "S=1!!", ".",
	    "u:do:10" },
	{ "only the Message-ID", "u:do:a:10", "o", "u:r:10", "S=1!", "S=1!!",
	    ".", "u:do:10" },
	{ "another header: RETR", "u:do:a:10", "o", "u:b:10", "S=1!", "C", "+0",
	    "u:dg:10 u:d:10" },
	{ "the same without TOP", "u:do:a:10", "oT", "u:b:10", "S=1!", "C",
	    "+0", "u:dg:10 u:d:10" },
	{ "no TOP: RETR proves it", "u:do:a:10", "oT", "u:a:10", "S=1!", "C",
	    "=1!!", "u:do:10" },
	{ "no TOP, another header, not retrieved", "u:do:a:10", "oT0", "u:b:10",
	    "S=1!", "C", ".", "u:do:10" },
	{ "an old record: RETR", "u:dow:a:10", "o", "u:a:10", "S=1!", "C",
	    "=1!!", "u:do:10" },
	{ "undeletable", "u:dou:a:10", "od", "u:a:10", "S=1", "S=1", ".",
	    "u:dou:10" },
	{ "all that was delivered", "u:d:a:10 v:m::10", "d", "u:a:10 v:b:10",
	    "S=1! S=2", "S=1!! S=2", ". .", "u:d:10 v:m:10" },
	{ "by age", "u:d:a:10 v:dy:b:10", "a", "u:a:10 v:b:10", "S=1! S=2",
	    "S=1!! S=2", ". .", "u:d:10 v:d:10" },
	{ "all of a group", "u:do:a:10 u:do:b:10", "o", "u:b:10 u:a:10",
	    "S! S!", "S=2!! S=1!!", ". .", "u:do:10 u:do:10" },
	{ "some of a group", "u:d:a:10 u:do:b:10", "o", "u:b:10 u:a:10",
	    "S! S!", "S=2!! S=1", ". .", "u:d:10 u:do:10" },
	{ "one header, both due", "u:do:a:10 u:do:t:10", "o", "u:t:10 u:a:10",
	    "S! S!", "S=1!! S=2!!", ". .", "u:do:10 u:do:10" },
	{ "one header, one due: RETR", "u:d:a:10 u:do:t:10", "o",
	    "u:t:10 u:a:10", "S! S!", "C C", "=2!! =1", "u:d:10 u:do:10" },
	{ "one of a group is another", "u:do:a:10 u:do:b:10", "o",
	    "u:a:10 u:n:10", "S! S!", "C C", "=1!! +0",
	    "u:do:10 u:dg:10 u:d:10" },
	{ "a group without TOP", "u:do:a:10 u:do:b:10", "oT", "u:b:10 u:a:10",
	    "S! S!", "C C", "=2!! =1!!", "u:do:10 u:do:10" },
	{ "a group with a marked one", "u:m::10 u:do:b:10", "o",
	    "u:b:10 u:a:10", "S! S!", "S=2!! S!", ". .", "u:m:10 u:do:10" },
	{ "a group with an old record", "u:dow:a:10 u:do:b:10", "o",
	    "u:b:10 u:a:10", "S! S!", "C C", "=2!! =1!!", "u:do:10 u:do:10" },
	{ "a group by age, young ones stay", "u:d:a:10 u:dy:b:10", "a",
	    "u:b:10 u:a:10", "S! S!", "S=2 S=1!!", ". .", "u:d:10 u:d:10" },
};

static void
test_simple(void)
{
	CHECK_ROWS(simple);
	CHECK_ROWS(resized);
}

static void
test_sent(void)
{
	CHECK_ROWS(is_sent);
}

static void
test_short(void)
{
	CHECK_ROWS(is_short);
}

static void
test_groups(void)
{
	CHECK_ROWS(groups);
	CHECK_ROWS(marked);
}

static void
test_no_uidl(void)
{
	CHECK_ROWS(no_uidl);
	CHECK_ROWS(renumbered);
}

static void
test_due(void)
{
	CHECK_ROWS(due);
}

/* ---- the decision itself ---- */

static const struct {
	struct group group;
	enum verdict verdict;
} verdicts[] = {
	/* no record, or none that this could be */
	{ { .listed = 1 }, VERDICT_NEW },
	{ { .listed = 3 }, VERDICT_NEW },
	{ { .listed = 1, .strangers = true }, VERDICT_COMPARE },
	/* as many, as they were */
	{ { .listed = 1, .live = 1, .same_sizes = true }, VERDICT_SEEN },
	{ { .listed = 3, .live = 3, .same_sizes = true }, VERDICT_SEEN },
	{ { .listed = 1, .live = 1, .same_sizes = true, .strangers = true },
	    VERDICT_SEEN },
	{ { .listed = 1, .live = 1, .same_sizes = true, .sent = 2, .gone = 5 },
	    VERDICT_SEEN },
	{ { .listed = 1, .live = 1, .same_sizes = true, .is_short = true },
	    VERDICT_COMPARE },
	/* one, and one record that TOP can be compared with */
	{ { .listed = 1, .live = 1, .has_print = true }, VERDICT_LOOK },
	{ { .listed = 1, .sent = 1, .has_print = true }, VERDICT_LOOK },
	{ { .listed = 1, .live = 1, .gone = 1, .has_print = true },
	    VERDICT_LOOK },
	{ { .listed = 1, .live = 1 }, VERDICT_COMPARE },
	{ { .listed = 1, .sent = 1 }, VERDICT_COMPARE },
	{ { .listed = 1, .live = 1, .has_print = true, .is_short = true },
	    VERDICT_COMPARE },
	/* anything else */
	{ { .listed = 1, .gone = 1, .has_print = true }, VERDICT_COMPARE },
	{ { .listed = 1, .live = 1, .sent = 1, .has_print = true },
	    VERDICT_COMPARE },
	{ { .listed = 2, .live = 1, .has_print = true }, VERDICT_COMPARE },
	{ { .listed = 1, .live = 2, .has_print = true }, VERDICT_COMPARE },
	{ { .listed = 2, .live = 2, .has_print = true }, VERDICT_COMPARE },
	{ { .listed = 2, .live = 1, .sent = 1, .has_print = true },
	    VERDICT_COMPARE },
	{ { .listed = 2, .sent = 2, .same_sizes = true }, VERDICT_COMPARE },
};

static void
test_verdict(void)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		enum verdict got = mailbox_verdict(&verdicts[i].group);

		if (got != verdicts[i].verdict)
			printf("# row %zu:\n", i);
		CHECK_INT(got, verdicts[i].verdict);
	}
}

/* ---- sizes that are no more than estimates ---- */

static void
test_estimates(void)
{
	struct buf out = BUF_INIT;

	begin_state();
	(void)each_word("u:doh:a:50 v:d:b:10", add_record);
	state_set_server(state, STATE_SERVER_ESTIMATES);
	list_all("o", "u:a:50 v:b:10");
	decide("o");
	write_messages(&out);
	CHECK_STR(buf_text(&out), "S=1! S=2");
	buf_clear(&out);
	end_state();
}

/* ---- refused listings ---- */

static void
test_check_uidl(void)
{
	static const struct {
		const char *records, *how;
		int result;
	} rows[] = {
		{ "u:d:a:10", "U", -1 },
		{ "u:m::10", "U", -1 },
		{ "u:dg:a:10", "U", -1 },
		{ "-:d:a:10 u:d:b:10", "U", -1 },
		{ "", "U", 0 },
		{ "-:d:a:10", "U", 0 },
		{ "u:d:a:10", "Ur", 0 },
		{ "u:d:a:10", "", 0 },
		{ "u:dg:a:10", "", 0 },
	};
	struct pop3_options options = { 0 };
	struct pop3 *pop3 = pop3_new(stream_new(-1, "work"), &options);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mailbox_policy policy = {
			.renumbered = strchr(rows[i].how, 'r') != NULL
		};

		begin_state();
		(void)each_word(rows[i].records, add_record);
		list_all(rows[i].how, "");
		err.status = 0;
		CHECK_INT(mailbox_check_uidl(&mailbox, &policy, pop3, &err),
		    rows[i].result);
		CHECK_INT(err.status, rows[i].result == 0 ? 0 : EX_TEMPFAIL);
		end_state();
	}
	pop3_free(pop3);
}

/* Numbers that make no sense. */
static void
test_numbers(void)
{
	begin_state();
	mailbox_begin(&mailbox, state);
	CHECK(!mailbox_take_uid(&mailbox, 0, "u", 1));
	CHECK(!mailbox_take_size(&mailbox, 0, 1));
	CHECK(!mailbox_take_number(&mailbox, 0));
	CHECK(!mailbox_take_uid(&mailbox, MAILBOX_NUMBER_MAX + 1, "u", 1));
	CHECK(!mailbox_take_number(&mailbox, UINT32_MAX));
	CHECK(mailbox_take_uid(&mailbox, 3, "u", 1));
	CHECK(!mailbox_take_uid(&mailbox, 3, "v", 1));
	CHECK(mailbox_take_size(&mailbox, 3, 1));
	CHECK(!mailbox_take_size(&mailbox, 3, 1));
	CHECK(mailbox_take_size(&mailbox, 1, UINT64_MAX));
	mailbox_join(&mailbox);
	CHECK_INT(mailbox.count, 3);
	CHECK_INT(mailbox.named, 2);
	CHECK_INT(mailbox_size(&mailbox, 0), STATE_UNSIZED);
	CHECK_INT(mailbox_size(&mailbox, 2), 1);
	decide("");
	CHECK_INT(mailbox.messages[1].verdict, VERDICT_NONE);
	CHECK_INT(mailbox.messages[2].verdict, VERDICT_NEW);
	end_state();
}

/* A second listing knows nothing of the first one. */
static void
test_again(void)
{
	struct buf out = BUF_INIT;
	struct shown shown;

	begin_state();
	(void)each_word("u:d:a:10 u:d:b:10 v:d:c:20", add_record);
	list_all("", "u:b:10 v:c:20");
	decide("");
	shown = show('b', true);
	CHECK(mailbox_settle(&mailbox, 0, &shown) != NULL);
	list_all("", "v:c:20 u:b:10 u:a:10");
	CHECK(!mailbox_is_repeated(&mailbox, 0));
	CHECK(mailbox_is_repeated(&mailbox, 2));
	CHECK_INT(mailbox_first(&mailbox, 2), 1);
	decide("");
	write_messages(&out);
	CHECK_STR(buf_text(&out), "S=3 S S");
	buf_clear(&out);
	end_state();
}

/* ---- marking ---- */

static const struct {
	const char *name, *records, *listing, *set;
	size_t added, known;
	const char *after;
} marks[] = {
	{ "all", "", "u:a:10 v:b:20", "", 2, 0, "u:m:10 v:m:20" },
	{ "those that are recorded are not marked", "u:d:a:10 v:m::20",
	    "u:a:10 v:b:20 w:c:30", "", 1, 2, "u:d:10 v:m:20 w:m:30" },
	{ "some", "", "u:a:10 v:b:20 w:c:30", "2-", 2, 0, "v:m:20 w:m:30" },
	{ "by UIDL", "", "u:a:10 v:b:20 u:c:30", "uid:u", 2, 0,
	    "u:m:10 u:m:30" },
	{ "new ones", "u:d:a:10", "u:a:10 v:b:20", "new", 1, 0,
	    "u:d:10 v:m:20" },
	{ "as many as are not recorded", "u:d:a:10", "u:a:10 u:b:10 u:c:10", "",
	    2, 1, "u:d:10 u:m:10 u:m:10" },
	{ "of another size", "u:d:a:10", "u:b:12", "", 1, 0, "u:d:10 u:m:12" },
	{ "sent ones are gone", "u:dos:a:10", "u:b:10", "", 1, 0,
	    "u:dg:10 u:m:10" },
	{ "gone ones do not count", "u:dg:a:10", "u:b:10", "", 1, 0,
	    "u:dg:10 u:m:10" },
	{ "sizes not told", "u:d:a:10", "u:a:? u:b:?", "", 1, 1,
	    "u:d:10 u:m:?" },
	{ "a size that was not told", "u:m::?", "u:a:10 v:b:10", "", 1, 1,
	    "u:m:10 v:m:10" },
};

static void
test_mark(void)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct msgset set = MSGSET_INIT;
		struct buf out = BUF_INIT;
		int bad = test_bad;
		size_t known;

		begin_state();
		(void)each_word(marks[i].records, add_record);
		if (marks[i].set[0] != '\0')
			CHECK_INT(msgset_add(&set, marks[i].set, &err), 0);
		list_all("", marks[i].listing);
		decide("");
		CHECK_INT(mailbox_mark(&mailbox, &set, &known), marks[i].added);
		CHECK_INT(known, marks[i].known);
		(void)state_each(state, write_record, &out);
		CHECK_STR(buf_text(&out), marks[i].after);
		if (test_bad > bad)
			printf("# in the row \"%s\"\n", marks[i].name);
		buf_clear(&out);
		msgset_clear(&set);
		end_state();
	}
}

/* ---- message sets ---- */

static struct buf missing;

static void
note_missing(void *arg, const struct err *what)
{
	(void)arg;
	buf_printf(&missing, "%s\n", what->text);
	CHECK_INT(what->status, EX_UNAVAILABLE);
}

static const struct {
	const char *set, *chosen, *missing;
} choices[] = {
	{ "all", "1 2 3 4", "" },
	{ "new", "2 3 4", "" },
	{ "seen", "1", "" },
	{ "seen,new", "1 2 3 4", "" },
	{ "2", "2", "" },
	{ "2-3", "2 3", "" },
	{ "3-", "3 4", "" },
	{ "9-", "", "" },
	{ "4-9", "4", "" },
	{ "9", "", "there is no message 9 on the server, which has 4\n" },
	{ "8-9", "", "there are no messages 8-9 on the server, which has 4\n" },
	{ "2,9,seen", "1 2",
	    "there is no message 9 on the server, which has 4\n" },
	{ "uid:w", "2 4", "" },
	{ "uid:x", "", "there is no message uid:x on the server\n" },
};

static void
test_choose(void)
{
	begin_state();
	(void)each_word("u:d:a:10 v:d:b:10", add_record);
	list_all("", "u:a:10 w:c:20 v:b:12 w:n:30");
	decide("");
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct msgset set = MSGSET_INIT;
		struct buf out = BUF_INIT;

		CHECK_INT(msgset_add(&set, choices[i].set, &err), 0);
		for (size_t m = 0; m < mailbox.count; m++)
			if (mailbox_is_chosen(&mailbox, m, &set))
				buf_printf(&out, "%s%zu",
				    out.len > 0 ? " " : "", m + 1);
		CHECK_STR(buf_text(&out), choices[i].chosen);
		missing.len = 0;
		CHECK_INT(mailbox_missing(&mailbox, &set, note_missing, NULL),
		    choices[i].missing[0] != '\0');
		CHECK_STR(buf_text(&missing), choices[i].missing);
		buf_clear(&out);
		msgset_clear(&set);
	}
	CHECK_INT(mailbox_missing(&mailbox, NULL, note_missing, NULL), 0);
	buf_clear(&missing);
	end_state();
}

static void
test_is_recorded(void)
{
	static const char row[] = "adAdbdcwnmtgr-q-";

	begin_state();
	(void)each_word("u:d:a:10 v:d:b:10 w:dw:c:10 x:m::10 y:dg:t:10",
	    add_record);
	for (const char *p = row; *p != '\0'; p += 2) {
		struct shown shown = show(p[0], true);

		CHECK_INT(mailbox_is_recorded(&(struct mailbox){ .state =
								     state },
			      &shown),
		    p[1] != '-' && p[1] != 'm');
	}
	end_state();
}

/* ---- very many ---- */

#define MANY ((size_t)1 << 18)

static struct shown
show_number(size_t i)
{
	struct shown shown = { .octets = 10 };

	memset(&shown.print, 1, sizeof(shown.print));
	memcpy(shown.print.body, &i, sizeof(i) < 8 ? sizeof(i) : 8);
	return shown;
}

static void
record_many(size_t n, bool twins)
{
	struct state_record *records = xcalloc(192, sizeof(*records));
	struct state_entry *entries[192];

	for (size_t done = 0; done < n; done += 192) {
		size_t batch = n - done < 192 ? n - done : 192;

		for (size_t i = 0; i < batch; i++)
			records[i] = (struct state_record){ .kind = "maildir",
				.path = "/m",
				.name = "n",
				.spool = "s",
				.uid = "u",
				.uid_len = 1,
				.list_octets = 10,
				.octets = 10,
				.print =
				    show_number(twins ? 1 : done + i).print,
				.time = OLD };
		if (state_commit(state, records, batch, entries, &err) == -1 ||
		    state_applied(state, entries, batch, &err) == -1)
			exit(1);
	}
	free(records);
}

static void
list_many(size_t n)
{
	mailbox_begin(&mailbox, state);
	mailbox.uidl_asked = mailbox.has_uidl = mailbox.has_list = true;
	for (uint32_t num = 1; num <= n; num++)
		if (!mailbox_take_uid(&mailbox, num, "u", 1) ||
		    !mailbox_take_size(&mailbox, num, 10))
			exit(1);
	mailbox.stat_count = n;
	mailbox.complete = true;
	mailbox_join(&mailbox);
}

/* How many of these are known. */
static size_t
settle_many(size_t n, bool twins)
{
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		struct shown shown = show_number(twins ? 1 : n - 1 - i);

		known += mailbox_settle(&mailbox, i, &shown) != NULL;
	}
	mailbox_finish(&mailbox);
	return known;
}

/*
 * Very many under one UIDL, distinct or equal, with as many records: a walk
 * over all of them for each would take hours.
 */
static void
check_many(bool twins)
{
	begin_state();
	record_many(MANY, twins);
	list_many(MANY);
	decide("o");
	CHECK_INT(mailbox.messages[MANY - 1].verdict, VERDICT_SEEN);
	/* one more, and it is equal to none or to all of them */
	list_many(MANY + 1);
	decide("o");
	CHECK_INT(mailbox.messages[0].verdict, VERDICT_COMPARE);
	CHECK_INT(settle_many(MANY + 1, twins), MANY);
	/* and half of them */
	list_many(MANY / 2);
	decide("o");
	CHECK_INT(settle_many(MANY / 2, twins), MANY / 2);
	CHECK_INT(state_count(state), MANY);
	end_state();
}

static void
test_many(void)
{
	check_many(false);
	check_many(true);
}

/* As many are marked, and one more is listed. */
static void
test_many_marked(void)
{
	size_t known;

	begin_state();
	list_many(MANY);
	decide("");
	CHECK_INT(mailbox_mark(&mailbox, &(struct msgset)MSGSET_INIT, &known),
	    MANY);
	list_many(MANY);
	decide("");
	CHECK_INT(mailbox.messages[0].verdict, VERDICT_SEEN);
	list_many(MANY - 1);
	decide("");
	CHECK_INT(settle_many(MANY - 1, false), MANY - 1);
	end_state();
}

int
main(void)
{
	/* where a sync costs nothing, if there is such a place */
	dir = xasprintf("%s/mailbox_test.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(dir) == NULL)
		return 1;
	TEST(test_verdict);
	TEST(test_simple);
	TEST(test_sent);
	TEST(test_short);
	TEST(test_groups);
	TEST(test_no_uidl);
	TEST(test_due);
	TEST(test_estimates);
	TEST(test_check_uidl);
	TEST(test_numbers);
	TEST(test_again);
	TEST(test_mark);
	TEST(test_choose);
	TEST(test_is_recorded);
	TEST(test_many);
	TEST(test_many_marked);
	(void)rmdir(dir);
	free(dir);
	return TEST_END();
}
