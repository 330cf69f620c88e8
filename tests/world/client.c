/* SPDX-License-Identifier: ISC */
/*
 * What src/fetch does with a mailbox and a journal, a message a batch, without
 * a line to a server: the decision, its order and what is written are the real
 * ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/msgset.h"
#include "state/state.h"

#include "world.h"

#define DELETIONS_MAX 3
#define PROOFS 3
#define SHORT_BY 5

struct client {
	struct world *world;
	const struct session *session;
	size_t here[LETTERS_MAX]; /* the letter of message index */
	size_t n;
	size_t delivered;   /* in this session */
	size_t uncommitted; /* retrieved, and nothing is recorded of it */
	size_t retrieved;
	size_t planned[LETTERS_MAX], plan_count;
	struct state_entry *removed[LETTERS_MAX];
	size_t dele_done_count;
	int status;
};

bool client_is_verbose;

/* What they have allocated is used again. */
static struct mailbox mailbox;
static struct state *state;
static uint64_t closed_digest;

static void
say(const char *what, size_t index)
{
	if (client_is_verbose)
		printf("    %s %zu\n", what, index + 1);
}

static void
must(int r, const struct err *err)
{
	if (r != -1)
		return;
	printf("world: %s\n", err->text);
	exit(EX_SOFTWARE);
}

static struct letter *
letter_of(const struct client *client, size_t index)
{
	return &client->world->letters[client->here[index]];
}

/* ---- digests of journals ---- */

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash ^= value;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t
mix_octets(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		hash = mix(hash, p[i]);
	return hash;
}

static uint64_t
entry_digest(const struct state_entry *entry)
{
	uint64_t hash = mix(entry->list_octets, entry->flags);

	hash = mix(hash, (uint64_t)entry->deletions << 32 | entry->gone);
	hash = mix(hash, (uint64_t)entry->copy << 48 | entry->octets);
	hash = mix_octets(hash, entry->uid, entry->uid_len);
	if (!(entry->flags & STATE_MARKED))
		hash = mix_octets(hash, &entry->print, sizeof(entry->print));
	return hash;
}

struct sums {
	uint64_t ordered, any_order;
};

static int
add_entry(void *arg, struct state_entry *entry)
{
	struct sums *sums = arg;
	uint64_t hash = entry_digest(entry);

	sums->ordered = mix(sums->ordered, hash);
	sums->any_order += hash;
	return 0;
}

static struct sums
sum_up(void)
{
	struct sums sums = { 1, 0 };

	(void)state_each(state, add_entry, &sums);
	sums.ordered = mix(sums.ordered,
	    (uint64_t)state_server(state) << 8 | state_proved(state));
	return sums;
}

static void
open_state(struct world *world)
{
	struct err err = ERR_INIT;

	memory_use(world);
	state = state_open("world", "world", STATE_WRITE, &err);
	must(state == NULL ? -1 : 0, &err);
}

static void
close_state(void)
{
	struct err err = ERR_INIT;

	must(state_sync(state, &err), &err);
	closed_digest = sum_up().any_order;
	state_close(state);
	state = NULL;
}

uint64_t
client_digest(struct world *world)
{
	struct sums sums;

	open_state(world);
	sums = sum_up();
	state_close(state);
	state = NULL;
	if (sums.any_order != closed_digest)
		world->found |= 1u << FOUND_JOURNAL;
	return sums.ordered;
}

void
client_compact(struct world *world)
{
	struct err err = ERR_INIT;

	open_state(world);
	must(state_compact(state, true, &err), &err);
	close_state();
	(void)client_digest(world);
}

void
client_end(void)
{
	mailbox_clear(&mailbox);
}

/* ---- the listing ---- */

/* false: it was refused for the moment, and the session ends. */
static bool
ask(struct client *client)
{
	const struct session *session = client->session;
	bool has_uidl = client->world->mode != MODE_NONE && !session->no_uidl;

	mailbox_begin(&mailbox, state);
	mailbox.uidl_asked = mailbox.list_asked = true;
	mailbox.has_uidl = mailbox.complete = has_uidl;
	mailbox.has_list = !session->no_list;
	mailbox.stat_count = client->n;
	for (size_t i = 0; i < client->n; i++) {
		struct letter *letter = letter_of(client, i);
		const char *uid = server_uid(letter);
		uint32_t num = (uint32_t)i + 1;

		if (has_uidl)
			(void)mailbox_take_uid(&mailbox, num, uid, strlen(uid));
		if (mailbox.has_list)
			(void)mailbox_take_size(&mailbox, num,
			    server_size(letter) +
				(session->short_size ? SHORT_BY : 0));
		(void)mailbox_take_number(&mailbox, num);
		letter->unsized |= session->no_list;
	}
	mailbox_join(&mailbox);
	if (has_uidl || client->world->mode == MODE_NONE)
		return true;
	if (state_has_uids(state) && !client->world->renumbered)
		return false;
	client->world->blind = true;
	return true;
}

static void
decide(const struct client *client)
{
	enum task task = client->session->task;
	struct mailbox_policy policy = { .now = NOW,
		.renumbered = client->world->renumbered,
		.owed = task == TASK_DELETE || task == TASK_AGE,
		.delivered = task == TASK_SEEN,
		.by_age = task == TASK_AGE,
		.older_than = NOW };

	mailbox_decide(&mailbox, &policy);
	for (size_t i = 0; i < client->n && client_is_verbose; i++)
		printf("    %zu: verdict %d flags %x\n", i + 1,
		    mailbox.messages[i].verdict, mailbox.messages[i].flags);
}

/* ---- deletions ---- */

static void
dele(struct client *client, size_t index, struct state_entry *entry)
{
	if (!(entry->flags & STATE_OWED))
		state_owe(state, entry);
	letter_of(client, index)->dele = true;
	letter_of(client, index)->may_go |=
	    client->session->task != TASK_DELETE;
	client->removed[client->dele_done_count++] = entry;
	say("DELE", index);
}

static void
dele_if_due(struct client *client, size_t index)
{
	struct message *message = &mailbox.messages[index];

	if (!(message->flags & MESSAGE_DUE) ||
	    !(message->flags & MESSAGE_PROVED))
		return;
	if (client->session->task == TASK_SEEN &&
	    !(message->flags & MESSAGE_WANTED))
		return;
	if (message->entry->deletions >= DELETIONS_MAX) {
		state_undeletable(state, message->entry);
		client->world->gave_up = true;
		client->status = EX_UNAVAILABLE;
		return;
	}
	dele(client, index, message->entry);
}

/* ---- looking ---- */

static bool
is_excluded(const struct client *client, size_t index)
{
	return client->session->no_large &&
	    (!mailbox.has_list || letter_of(client, index)->content == 2);
}

static void
plan(struct client *client, size_t index)
{
	if (is_excluded(client, index))
		client->status =
		    mailbox.has_list ? client->status : EX_UNAVAILABLE;
	else
		client->planned[client->plan_count++] = index;
}

/* delete seen retrieves what TOP cannot tell, to compare it and no more. */
static void
compare_here(struct client *client, size_t index)
{
	struct shown shown =
	    server_retr(client->world, letter_of(client, index));
	struct state_entry *known = mailbox_settle(&mailbox, index, &shown);

	say("RETR to compare", index);
	if (known == NULL || (known->flags & STATE_MARKED))
		client->uncommitted++;
	if (known != NULL)
		dele_if_due(client, index);
}

static void
look_at_group(struct client *client, size_t first)
{
	struct shown shown[LETTERS_MAX];
	bool has_top = client->world->mode != MODE_NO_TOP;
	size_t members[LETTERS_MAX], n = 0;

	for (uint32_t next = (uint32_t)first + 1; next != 0;
	     next = mailbox.messages[next - 1].next) {
		members[n] = next - 1;
		shown[n++] = server_top(letter_of(client, next - 1));
	}
	say(has_top ? "TOP" : "no TOP", first);
	if (mailbox.messages[first].flags & MESSAGE_ALONE)
		mailbox_look(&mailbox, first, has_top ? shown : NULL);
	else
		mailbox_look_group(&mailbox, first, has_top ? shown : NULL, n);
	for (size_t i = 0; i < n; i++)
		if (mailbox.messages[members[i]].verdict != VERDICT_COMPARE)
			dele_if_due(client, members[i]);
		else if (client->session->task == TASK_SEEN)
			compare_here(client, members[i]);
		else
			plan(client, members[i]);
}

static bool
wants_look(const struct client *client, const struct message *message)
{
	if (client->session->task == TASK_SEEN)
		return (message->flags & MESSAGE_DUE) ||
		    message->verdict == VERDICT_LOOK;
	return message->verdict == VERDICT_LOOK ||
	    (message->verdict == VERDICT_SEEN &&
		(message->flags & MESSAGE_DUE));
}

static int
compare_numbers(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

static void
look(struct client *client)
{
	for (size_t i = 0; i < client->n; i++) {
		struct message *message = &mailbox.messages[i];
		size_t first = mailbox_first(&mailbox, i);

		if (!wants_look(client, message)) {
			if (client->session->task != TASK_SEEN &&
			    (message->verdict == VERDICT_NEW ||
				message->verdict == VERDICT_COMPARE))
				plan(client, i);
			continue;
		}
		message->flags |= MESSAGE_WANTED;
		mailbox.messages[first].flags |= MESSAGE_LOOKED;
	}
	for (size_t i = 0; i < client->n; i++)
		if (mailbox.messages[i].flags & MESSAGE_LOOKED)
			look_at_group(client, i);
	qsort(client->planned, client->plan_count, sizeof(client->planned[0]),
	    compare_numbers);
}

/* ---- delivering ---- */

static void
deliver(struct client *client, size_t index, const struct shown *shown)
{
	struct letter *letter = letter_of(client, index);
	bool deletes = client->session->task == TASK_DELETE;
	struct state_record record = { .kind = "maildir",
		.path = "/m",
		.name = "n",
		.spool = "",
		.list_octets = mailbox_size(&mailbox, index),
		.octets = shown->octets,
		.print = shown->print,
		.time = NOW,
		.is_owed = deletes };
	struct state_entry *entry;
	struct err err = ERR_INIT;

	record.uid = mailbox_uid(&mailbox, index, &record.uid_len);
	record.copy = (uint16_t)mailbox_next_copy(&mailbox, index, shown);
	record.is_short = mailbox.has_list &&
	    shown->octets < record.list_octets &&
	    !(state_server(state) & STATE_SERVER_ESTIMATES);
	mailbox_delivering(&mailbox, index);
	must(state_commit(state, &record, 1, &entry, &err), &err);
	letter->delivered++;
	must(state_applied(state, &entry, 1, &err), &err);
	mailbox_delivered(&mailbox, index, entry);
	client->delivered++;
	say("delivered", index);
	letter->may_go |= deletes;
	letter->owed |= deletes;
	if (record.is_short)
		client->status = EX_TEMPFAIL;
	else if (deletes)
		dele(client, index, entry);
}

static void
retrieve_one(struct client *client, size_t index)
{
	struct shown shown =
	    server_retr(client->world, letter_of(client, index));
	struct state_entry *known = mailbox_settle(&mailbox, index, &shown);

	say("RETR", index);
	client->retrieved++;
	if (state_proved(state) >= PROOFS)
		state_set_server(state, STATE_SERVER_ESTIMATES);
	if (known != NULL) {
		client->uncommitted += (known->flags & STATE_MARKED) != 0;
		dele_if_due(client, index);
	} else if (client->session->limit && client->delivered > 0) {
		client->uncommitted++;
	} else {
		deliver(client, index, &shown);
	}
}

/* -1: the line was lost. */
static int
retrieve(struct client *client)
{
	size_t sure = 0;

	for (size_t i = 0; i < client->plan_count; i++) {
		size_t index = client->planned[i];
		bool is_new = mailbox.messages[index].verdict == VERDICT_NEW;

		if (is_new && client->session->limit && sure++ > 0)
			continue;
		if (client->session->cut == client->retrieved + 1)
			return -1;
		retrieve_one(client, index);
	}
	return client->session->cut == 0 ? 0 : -1;
}

/* ---- the session ---- */

static void
settle_deletions(const struct client *client)
{
	for (size_t i = 0; i < client->dele_done_count; i++)
		if (client->session->quit_lost)
			state_sent(state, client->removed[i]);
		else
			state_deletion(state, client->removed[i]);
}

static void
update(struct client *client)
{
	struct world *world = client->world;

	for (size_t i = 0; i < world->count; i++)
		if (world->letters[i].dele ||
		    (client->session->expire && world->letters[i].read))
			oracle_deleted(world, i, client->session->task,
			    world->letters[i].dele);
}

static void
quit(struct client *client)
{
	/* what was not kept is not to be deleted by QUIT */
	if (client->session->expire && client->uncommitted > 0) {
		if (client->dele_done_count > 0)
			client->status = EX_TEMPFAIL;
		return;
	}
	if (!client->session->vain)
		update(client);
	if (client->session->quit_lost && client->dele_done_count > 0)
		client->status = EX_TEMPFAIL;
	settle_deletions(client);
}

static void
fetch(struct client *client)
{
	decide(client);
	look(client);
	if (mailbox.complete)
		oracle_listed(client->world, client->here, client->n, false);
	if (retrieve(client) == -1) {
		client->status = EX_TEMPFAIL;
		return;
	}
	if (client->session->task != TASK_SEEN) {
		mailbox_finish(&mailbox);
		oracle_listed(client->world, client->here, client->n, true);
		if (mailbox.complete)
			state_set_listed(state, NOW);
	}
	quit(client);
}

static void
mark(struct client *client)
{
	struct mailbox_policy policy = { .now = NOW };
	struct msgset set = MSGSET_INIT;
	struct err err = ERR_INIT;
	size_t known;

	must(msgset_add(&set, "all", &err), &err);
	mailbox_decide(&mailbox, &policy);
	if (mailbox.complete)
		oracle_listed(client->world, client->here, client->n, false);
	(void)mailbox_mark(&mailbox, &set, &known);
	msgset_clear(&set);
	if (!mailbox.has_uidl)
		return;
	for (size_t i = 0; i < client->n; i++)
		oracle_marked(client->world, client->here[i]);
}

int
client_run(struct world *world, const struct session *session)
{
	struct client client = { .world = world, .session = session };

	for (size_t i = 0; i < world->count; i++)
		world->letters[i].read = world->letters[i].dele = false;
	client.n = server_list(world, client.here);
	if (session->hides && client.n > 0) {
		oracle_hidden(world, client.here[0]);
		memmove(client.here, client.here + 1,
		    --client.n * sizeof(client.here[0]));
	}
	world->odd |= session->no_list || session->short_size || session->vain;
	open_state(world);
	if (!ask(&client))
		client.status = EX_TEMPFAIL;
	else if (session->task == TASK_MARK)
		mark(&client);
	else
		fetch(&client);
	close_state();
	/* all that is there has been compared */
	if (client.status == 0 && mailbox.has_uidl &&
	    session->task <= TASK_AGE && !session->limit &&
	    !session->no_large && !session->hides)
		world->renumbered = false;
	return client.status;
}
