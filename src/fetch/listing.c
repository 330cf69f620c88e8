/* SPDX-License-Identifier: ISC */
/*
 * The listings. Servers disagree with themselves (STAT 10, LIST 5, UIDL 5 has
 * been seen), so a message exists when any listing names it; only a number
 * that repeats or is out of range is refused, because then nobody knows which
 * message a DELE would hit.
 */
#include "fetch/listing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "pop3/pop3.h"
#include "state/state.h"

#define NUMBER_MAX (1u << 20)

struct asking {
	struct listing *listing;
	struct pop3 *pop3;
	struct state *state;
	uint64_t lines;
};

/* Room for more, by an eighth: a full mailbox is to fit a small machine. */
static size_t
more_room(size_t needed)
{
	return needed + needed / 8 + 64;
}

static struct listed *
slot(struct listing *listing, struct pop3 *pop3, uint32_t num, struct err *err)
{
	if (num > NUMBER_MAX) {
		(void)err_set(err, EX_PROTOCOL,
		    "%s listed message %" PRIu32 ", which is out of range",
		    pop3_peer(pop3), num);
		return NULL;
	}
	if (num > listing->room) {
		listing->room = more_room(num);
		/* at once as many as STAT said: nothing is moved then */
		if (listing->room < listing->stat_count &&
		    listing->stat_count <= NUMBER_MAX)
			listing->room = listing->stat_count;
		listing->messages = xreallocarray(listing->messages,
		    listing->room, sizeof(*listing->messages));
	}
	if (num > listing->count) {
		memset(listing->messages + listing->count, 0,
		    (num - listing->count) * sizeof(*listing->messages));
		listing->count = num;
	}
	return &listing->messages[num - 1];
}

static void
keep_uid(struct listing *listing, struct listed *listed, const char *uid,
    size_t len)
{
	if (listing->text_room - listing->text_len < len) {
		listing->text_room = more_room(listing->text_len + len);
		listing->text =
		    xreallocarray(listing->text, listing->text_room, 1);
	}
	memcpy(listing->text + listing->text_len, uid, len);
	listed->uid_at = (uint32_t)listing->text_len;
	listing->text_len += len;
}

/* The listings have come: give back what they did not need. */
static void
trim(struct listing *listing)
{
	if (listing->room > listing->count && listing->count > 0) {
		listing->room = listing->count;
		listing->messages = xreallocarray(listing->messages,
		    listing->room, sizeof(*listing->messages));
	}
	if (listing->text_room > listing->text_len && listing->text_len > 0) {
		listing->text_room = listing->text_len;
		listing->text =
		    xreallocarray(listing->text, listing->text_room, 1);
	}
}

static int
uidl_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct asking *asking = arg;
	struct listing *listing = asking->listing;
	struct listed *listed;
	const char *uid;
	size_t uid_len;
	uint32_t num;

	asking->lines++;
	if (pop3_parse_uidl(asking->pop3, line, len, &num, &uid, &uid_len,
		err) == -1)
		return -1;
	listed = slot(listing, asking->pop3, num, err);
	if (listed == NULL)
		return -1;
	if (listed->flags & LISTED_HERE)
		return err_set(err, EX_PROTOCOL,
		    "%s listed message %" PRIu32 " twice",
		    pop3_peer(asking->pop3), num);
	listed->flags |= LISTED_HERE;
	listed->uid_len = (uint16_t)uid_len;
	if (uid_len == 0)
		return 0;
	if (asking->state != NULL)
		listed->entry = state_find(asking->state, uid, uid_len);
	if (listed->entry != NULL) {
		if (++listed->entry->scratch > 1)
			listing->repeated = true;
		return 0;
	}
	keep_uid(listing, listed, uid, uid_len);
	return 0;
}

static int
list_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct asking *asking = arg;
	struct listed *listed;
	uint64_t octets;
	uint32_t num;

	if (pop3_parse_list(asking->pop3, line, len, &num, &octets, err) == -1)
		return -1;
	listed = slot(asking->listing, asking->pop3, num, err);
	if (listed == NULL)
		return -1;
	if (listed->flags & LISTED_SIZED)
		return err_set(err, EX_PROTOCOL,
		    "%s listed message %" PRIu32 " twice",
		    pop3_peer(asking->pop3), num);
	listed->flags |= LISTED_SIZED | LISTED_HERE;
	listed->octets = octets;
	return 0;
}

const char *
listing_uid(const struct listing *listing, size_t index, size_t *len)
{
	const struct listed *listed = &listing->messages[index];

	*len = listed->uid_len;
	if (listed->entry != NULL)
		return listed->entry->uid;
	return listed->uid_len == 0 ? "" : listing->text + listed->uid_at;
}

/* Sorting strange UIDLs: no server can make this quadratic. */
static const struct listing *sorting;

static int
compare_uids(const void *a, const void *b)
{
	size_t a_len, b_len;
	const char *a_uid, *b_uid;

	a_uid = listing_uid(sorting, *(const uint32_t *)a, &a_len);
	b_uid = listing_uid(sorting, *(const uint32_t *)b, &b_len);
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a_uid, b_uid, a_len);
}

/* Mark those among the unknown UIDLs that repeat. */
static void
mark_repeated(struct listing *listing)
{
	uint32_t *unknown =
	    xreallocarray(NULL, listing->count + 1, sizeof(*unknown));
	size_t n = 0;

	for (size_t i = 0; i < listing->count; i++) {
		struct listed *listed = &listing->messages[i];

		if (listed->entry == NULL && listed->uid_len > 0)
			unknown[n++] = (uint32_t)i;
		else if (listed->entry != NULL && listed->entry->scratch > 1)
			listed->flags |= LISTED_REPEATED;
	}
	sorting = listing;
	qsort(unknown, n, sizeof(*unknown), compare_uids);
	for (size_t i = 1; i < n; i++) {
		if (compare_uids(&unknown[i - 1], &unknown[i]) != 0)
			continue;
		listing->messages[unknown[i - 1]].flags |= LISTED_REPEATED;
		listing->messages[unknown[i]].flags |= LISTED_REPEATED;
		listing->repeated = true;
	}
	free(unknown);
}

/* A listing command's outcome: served, refused (no error), or an error. */
static int
served(struct pop3 *pop3, struct pop3_request *request,
    const struct err *failure, bool *yes, struct err *err)
{
	if (pop3_finish(pop3, request, err) == -1)
		return -1;
	if (request->result == POP3_LOST)
		return pop3_refused(pop3, request, err);
	if (request->failed) {
		*err = *failure;
		return -1;
	}
	*yes = request->result == POP3_OK;
	return 0;
}

static int
note_stat(void *arg, const char *text, size_t len, struct err *err)
{
	struct asking *asking = arg;
	struct pop3_stat stat = { 0, 0 };
	struct err ignored = ERR_INIT;
	char *copy = xstrndup(text, len);

	(void)err;
	if (pop3_parse_stat(asking->pop3, copy, &stat, &ignored) == -1)
		asking->listing->stat_odd = true;
	asking->listing->stat_count = stat.count;
	free(copy);
	return 0;
}

static int
finish_stat(struct pop3 *pop3, struct pop3_request *request, struct err *err)
{
	if (pop3_finish(pop3, request, err) == -1)
		return -1;
	if (request->result != POP3_OK)
		return pop3_refused(pop3, request, err);
	return 0;
}

static int
ask(struct listing *listing, struct asking *asking, struct pop3 *pop3,
    bool sizes, struct err *err)
{
	struct err uidl_failure = ERR_INIT, list_failure = ERR_INIT;
	struct pop3_request stat = { .shape = POP3_LINE,
		.begin = note_stat,
		.arg = asking };
	struct pop3_request uidl = { .shape = POP3_LINES,
		.line = uidl_line,
		.arg = asking,
		.failure = &uidl_failure };
	struct pop3_request list = { .shape = POP3_LINES,
		.line = list_line,
		.arg = asking,
		.failure = &list_failure };

	/* in this order: UIDL says which numbers LIST may repeat */
	if (pop3_capa_submit(pop3, err) == -1 ||
	    pop3_submit(pop3, &stat, err, "STAT") == -1 ||
	    pop3_submit(pop3, &uidl, err, "UIDL") == -1 ||
	    (sizes && pop3_submit(pop3, &list, err, "LIST") == -1))
		return -1;
	if (pop3_drain(pop3, err) == -1)
		return -1;
	if (pop3_capa_finish(pop3, err) == -1 ||
	    finish_stat(pop3, &stat, err) == -1 ||
	    served(pop3, &uidl, &uidl_failure, &listing->has_uidl, err) == -1)
		return -1;
	if (sizes) {
		listing->list_asked = true;
		return served(pop3, &list, &list_failure, &listing->has_list,
		    err);
	}
	return 0;
}

/* What an earlier listing took is good for the next one. */
static void
forget(struct listing *listing)
{
	struct listing empty = { .messages = listing->messages,
		.room = listing->room,
		.text = listing->text,
		.text_room = listing->text_room };

	*listing = empty;
}

int
listing_ask(struct listing *listing, struct pop3 *pop3, struct state *state,
    bool sizes, struct err *err)
{
	struct asking asking = { listing, pop3, state, 0 };

	forget(listing);
	if (ask(listing, &asking, pop3, sizes, err) == -1)
		return -1;
	listing->complete = listing->has_uidl && !listing->stat_odd &&
	    asking.lines == listing->stat_count;
	/* without a full UIDL listing only LIST can say what is there */
	if (!listing->complete && listing_sizes(listing, pop3, err) == -1)
		return -1;
	if (!listing->has_uidl && !listing->has_list && !listing->stat_odd)
		for (uint64_t i = 1; i <= listing->stat_count; i++) {
			struct listed *listed = slot(listing, pop3,
			    i <= NUMBER_MAX ? (uint32_t)i : UINT32_MAX, err);

			if (listed == NULL)
				return -1;
			listed->flags |= LISTED_HERE;
		}
	trim(listing);
	mark_repeated(listing);
	for (size_t i = 0; i < listing->count; i++)
		listing->named += listing->messages[i].flags & LISTED_HERE;
	return 0;
}

int
listing_sizes(struct listing *listing, struct pop3 *pop3, struct err *err)
{
	struct err failure = ERR_INIT;
	struct asking asking = { listing, pop3, NULL, 0 };
	struct pop3_request list = { .shape = POP3_LINES,
		.line = list_line,
		.arg = &asking,
		.failure = &failure };

	if (listing->list_asked)
		return 0;
	listing->list_asked = true;
	if (pop3_submit(pop3, &list, err, "LIST") == -1)
		return -1;
	return served(pop3, &list, &failure, &listing->has_list, err);
}

int
listing_compare_octets(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
listing_clear(struct listing *listing)
{
	free(listing->messages);
	free(listing->text);
	memset(listing, 0, sizeof(*listing));
}
