/* SPDX-License-Identifier: ISC */
/*
 * Every history of a small world, or one that is written out. Worlds that are
 * the same, journal and all, have the same future: it is looked at once.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "state/record.h"

#include "world.h"

#define DEPTH_MAX 12

static const char *const mode_names[MODES] = { "unique", "slot", "hash",
	"alike", "none", "status", "no-top" };

/* What can happen. */
static const struct event {
	const char *name;
	enum {
		EVENT_ARRIVE,
		EVENT_LOSE,
		EVENT_RENUMBER,
		EVENT_SESSION
	} kind;
	unsigned int which;
	struct session session;
} events[] = {
	{ "arrive-a", EVENT_ARRIVE, 0, { .cut = 0 } },
	{ "arrive-b", EVENT_ARRIVE, 1, { .cut = 0 } },
	{ "arrive-c", EVENT_ARRIVE, 2, { .cut = 0 } },
	{ "lose-1", EVENT_LOSE, 0, { .cut = 0 } },
	{ "lose-2", EVENT_LOSE, 1, { .cut = 0 } },
	{ "renumber", EVENT_RENUMBER, 0, { .cut = 0 } },
	{ "mark", EVENT_SESSION, 0, { .task = TASK_MARK } },
	{ "keep", EVENT_SESSION, 0, { .task = TASK_KEEP } },
	{ "delete", EVENT_SESSION, 0, { .task = TASK_DELETE } },
	{ "age", EVENT_SESSION, 0, { .task = TASK_AGE } },
	{ "seen", EVENT_SESSION, 0, { .task = TASK_SEEN } },
	{ "limit-keep", EVENT_SESSION, 0,
	    { .task = TASK_KEEP, .limit = true } },
	{ "limit-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .limit = true } },
	{ "small-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .no_large = true } },
	{ "no-uidl-keep", EVENT_SESSION, 0,
	    { .task = TASK_KEEP, .no_uidl = true } },
	{ "no-uidl-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .no_uidl = true } },
	{ "no-list-mark", EVENT_SESSION, 0,
	    { .task = TASK_MARK, .no_list = true } },
	{ "no-list-keep", EVENT_SESSION, 0,
	    { .task = TASK_KEEP, .no_list = true } },
	{ "no-list-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .no_list = true } },
	{ "cut-first-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .cut = 1 } },
	{ "cut-keep", EVENT_SESSION, 0, { .task = TASK_KEEP, .cut = 2 } },
	{ "cut-delete", EVENT_SESSION, 0, { .task = TASK_DELETE, .cut = 2 } },
	{ "short-keep", EVENT_SESSION, 0,
	    { .task = TASK_KEEP, .short_size = true } },
	{ "short-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .short_size = true } },
	{ "expire-keep", EVENT_SESSION, 0,
	    { .task = TASK_KEEP, .expire = true } },
	{ "expire-limit-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .limit = true, .expire = true } },
	{ "expire-seen", EVENT_SESSION, 0,
	    { .task = TASK_SEEN, .expire = true } },
	{ "vain-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .vain = true } },
	{ "hidden-keep", EVENT_SESSION, 0,
	    { .task = TASK_KEEP, .hides = true } },
	{ "hidden-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .hides = true } },
	{ "quit-lost-delete", EVENT_SESSION, 0,
	    { .task = TASK_DELETE, .quit_lost = true } },
};
#define EVENTS (sizeof(events) / sizeof(events[0]))

/* What was seen of a world: how many histories go on from it, by depth. */
struct seen {
	uint64_t digest; /* 0: free */
	uint64_t histories[DEPTH_MAX];
};

struct search {
	struct seen *table;
	size_t mask, used;
	unsigned int found[MODES]; /* reported */
	size_t path[DEPTH_MAX], length;
	uint64_t worlds, sessions;
	int64_t until; /* 0: without end */
	bool stopped;
	int failures;
};

static int64_t
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void
copy_world(struct world *to, const struct world *from)
{
	memcpy(to, from, offsetof(struct world, journal) + from->journal_len);
}

/* An empty mailbox, and a journal of nothing but its header. */
static void
begin_world(struct world *world, enum mode mode)
{
	struct buf header = BUF_INIT;

	memset(world, 0, offsetof(struct world, journal));
	world->mode = mode;
	record_put_header(&header, "world", server_key());
	memcpy(world->journal, header.data, header.len);
	world->journal_len = header.len;
	buf_clear(&header);
}

static uint64_t
world_digest(struct world *world, bool compare)
{
	uint64_t hash = client_digest(world);
	const unsigned char *p = (const unsigned char *)world->letters;

	if (!compare)
		world->found &= ~(1u << FOUND_JOURNAL);
	for (size_t i = 0; i < sizeof(world->letters); i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	hash = (hash ^ (hash >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
	hash ^= (uint64_t)world->mode << 8 | (uint64_t)world->odd << 2 |
	    (uint64_t)world->gave_up << 3 | (uint64_t)world->blind << 1 |
	    (uint64_t)world->renumbered;
	hash = (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
	return hash == 0 ? 1 : hash;
}

/* false: it cannot happen here. */
static bool
happen(struct world *world, const struct event *event)
{
	switch (event->kind) {
	case EVENT_ARRIVE:
		return server_arrive(world, event->which);
	case EVENT_LOSE:
		return server_lose(world, event->which);
	case EVENT_RENUMBER:
		return server_renumber(world);
	case EVENT_SESSION:
		break;
	}
	if ((world->mode == MODE_NONE && event->session.no_uidl) ||
	    (world->renumbered && event->session.task == TASK_MARK))
		return false;
	if (client_is_verbose)
		printf("  %s\n", event->name);
	for (size_t i = 0; i < world->count; i++)
		world->letters[i].read = world->letters[i].dele = false;
	{
		int status = client_run(world, &event->session);

		if (client_is_verbose)
			printf("    status %d\n", status);
	}
	for (size_t i = 0; i < world->count; i++)
		world->letters[i].read = world->letters[i].dele = false;
	return true;
}

/* Three undisturbed sessions, the second with a journal written anew. */
static unsigned int
conclude(const struct world *from, enum task last)
{
	const struct session session = { .task = last };
	static struct world world;
	int status = 0;

	copy_world(&world, from);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			client_compact(&world);
		status = client_run(&world, &session);
		if (client_is_verbose)
			printf("  last: status %d\n", status);
	}
	oracle_judge(&world, last, status);
	return world.found;
}

static void
report(struct search *search, enum mode mode, unsigned int found,
    const char *last)
{
	for (unsigned int i = 0; i < FINDINGS; i++) {
		if (!(found & ~search->found[mode] & 1u << i))
			continue;
		printf("world: %s:\n%s %s:", finding_name(i), mode_names[mode],
		    last);
		for (size_t j = 0; j < search->length; j++)
			printf(" %s", events[search->path[j]].name);
		putchar('\n');
		fflush(stdout);
		search->failures++;
	}
	search->found[mode] |= found;
}

static void
judge(struct search *search, const struct world *world)
{
	report(search, world->mode, conclude(world, TASK_KEEP), "keep");
	report(search, world->mode, conclude(world, TASK_DELETE), "delete");
	search->sessions += 6;
	search->worlds++;
}

static void
grow(struct search *search)
{
	struct seen *old = search->table;
	size_t old_mask = search->mask;

	search->mask = old_mask * 2 + 1;
	search->table = xcalloc(search->mask + 1, sizeof(*search->table));
	for (size_t i = 0; i <= old_mask; i++) {
		size_t at = old[i].digest & search->mask;

		if (old[i].digest == 0)
			continue;
		while (search->table[at].digest != 0)
			at = (at + 1) & search->mask;
		search->table[at] = old[i];
	}
	free(old);
}

/* Its place, made if there is none. */
static struct seen *
look_up(struct search *search, uint64_t digest, bool *is_new)
{
	size_t at;

	if (search->used * 3 > search->mask * 2)
		grow(search);
	at = digest & search->mask;
	while (
	    search->table[at].digest != 0 && search->table[at].digest != digest)
		at = (at + 1) & search->mask;
	*is_new = search->table[at].digest == 0;
	if (*is_new) {
		search->table[at].digest = digest;
		search->used++;
	}
	return &search->table[at];
}

/* How many histories of up to depth more events begin with this world. */
static uint64_t
explore(struct search *search, struct world *world, size_t depth, bool session)
{
	uint64_t digest = world_digest(world, session), histories = 1;
	struct seen *seen;
	struct world *next;
	bool is_new;

	seen = look_up(search, digest, &is_new);
	if (is_new)
		judge(search, world);
	if (depth == 0)
		return 1;
	if (seen->histories[depth - 1] != 0)
		return seen->histories[depth - 1];
	if (search->stopped ||
	    (search->until != 0 && seconds() >= search->until)) {
		search->stopped = true;
		return 1;
	}
	next = xmalloc(sizeof(*next));
	for (size_t i = 0; i < EVENTS; i++) {
		copy_world(next, world);
		if (!happen(next, &events[i]))
			continue;
		search->sessions += events[i].kind == EVENT_SESSION;
		search->path[search->length++] = i;
		report(search, world->mode, next->found, "at once");
		histories += explore(search, next, depth - 1,
		    events[i].kind == EVENT_SESSION);
		search->length--;
	}
	free(next);
	if (!search->stopped)
		look_up(search, digest, &is_new)->histories[depth - 1] =
		    histories;
	return histories;
}

/* All modes to one depth, the shallow ones first; -1: there was no time. */
static void
search_to(struct search *search, size_t depth, unsigned int modes)
{
	static struct world world;
	int64_t from = seconds();
	uint64_t histories = 0;

	for (enum mode mode = 0; mode < MODES && !search->stopped; mode++) {
		if (!(modes & 1u << mode))
			continue;
		begin_world(&world, mode);
		search->length = 0;
		histories += explore(search, &world, depth, false);
	}
	if (!search->stopped)
		printf(
		    "world: %llu histories of up to %zu events, %llu worlds, "
		    "%llu sessions, %lld s, %d findings\n",
		    (unsigned long long)histories, depth,
		    (unsigned long long)search->worlds,
		    (unsigned long long)search->sessions,
		    (long long)(seconds() - from), search->failures);
	fflush(stdout);
}

/* ---- one history ---- */

static enum mode
find_mode(const char *name)
{
	enum mode mode = 0;

	while (mode < MODES && strcmp(mode_names[mode], name) != 0)
		mode++;
	if (mode == MODES)
		errx(EX_USAGE, "no such server: %s", name);
	return mode;
}

static const struct event *
find_event(const char *name)
{
	size_t i = 0;

	while (i < EVENTS && strcmp(events[i].name, name) != 0)
		i++;
	if (i == EVENTS)
		errx(EX_USAGE, "no such event: %s", name);
	return &events[i];
}

/* "MODE LAST: EVENT EVENT...". What is found. */
static unsigned int
play(const char *text)
{
	char *copy = xstrdup(text), *rest = copy, *mode, *last, *word;
	static struct world world;
	enum task task;

	mode = strsep(&rest, " ");
	last = strsep(&rest, " ");
	if (last == NULL)
		errx(EX_USAGE, "not SERVER LAST: EVENT...: %s", text);
	task = strcmp(last, "delete:") == 0 ? TASK_DELETE : TASK_KEEP;
	begin_world(&world, find_mode(mode));
	while ((word = strsep(&rest, " ")) != NULL) {
		const struct event *event = find_event(word);

		if (!happen(&world, event))
			errx(EX_USAGE, "%s: %s cannot happen", text, word);
		(void)world_digest(&world, event->kind == EVENT_SESSION);
	}
	free(copy);
	return conclude(&world, task);
}

static int
play_and_tell(const char *text)
{
	unsigned int found = play(text);

	for (unsigned int i = 0; i < FINDINGS; i++)
		if (found & 1u << i)
			printf("world: %s:\n%s\n", finding_name(i), text);
	return found != 0;
}

/* Histories in which something was found once: a line each. */
static int
play_file(const char *name)
{
	FILE *file = fopen(name, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int failures = 0;

	if (file == NULL)
		err(EX_NOINPUT, "%s", name);
	while ((len = getline(&line, &room, file)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && line[0] != '\0')
			failures += play_and_tell(line);
	}
	free(line);
	fclose(file);
	return failures;
}

static _Noreturn void
usage(void)
{
	fputs("usage: world [-d DEPTH] [-s SECONDS] [-m SERVER] [-f FILE]\n"
	      "       world -p HISTORY\n"
	      "Every history of up to DEPTH events (6), or as deep as SECONDS "
	      "allow; those of FILE first.\n"
	      "-p: one history, with all that is decided.\n",
	    stderr);
	exit(EX_USAGE);
}

int
main(int argc, char **argv)
{
	struct search search = { .mask = (1u << 16) - 1 };
	unsigned int modes = (1u << MODES) - 1;
	size_t depth = 6;
	int opt;

	search.table = xcalloc(search.mask + 1, sizeof(*search.table));
	server_begin();
	while ((opt = getopt(argc, argv, "d:s:m:f:p:")) != -1) {
		switch (opt) {
		case 'd':
			depth = strtoul(optarg, NULL, 10);
			break;
		case 's':
			search.until = seconds() + strtol(optarg, NULL, 10);
			break;
		case 'm':
			modes = 1u << find_mode(optarg);
			break;
		case 'f':
			search.failures += play_file(optarg);
			break;
		case 'p':
			client_is_verbose = true;
			return play_and_tell(optarg);
		default:
			usage();
		}
	}
	if (depth == 0 || depth >= DEPTH_MAX || optind != argc)
		usage();
	for (size_t d = 1; d <= depth && !search.stopped; d++)
		search_to(&search, d, modes);
	free(search.table);
	client_end();
	return search.failures != 0;
}
