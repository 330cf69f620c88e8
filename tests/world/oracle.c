/* SPDX-License-Identifier: ISC */
/*
 * What must hold of a history, from what was offered, delivered and deleted.
 * Shares nothing with src.
 */
#include "world.h"

const char *
finding_name(enum finding finding)
{
	static const char *const names[FINDINGS] = { "deleted undelivered",
		"marked and deleted", "deleted unasked", "delivered twice",
		"marked and delivered", "never delivered",
		"owed and not deleted", "another journal than was written" };

	return names[finding];
}

static void
find(struct world *world, enum finding finding)
{
	world->found |= 1u << finding;
}

static bool
is_same_uid(const struct world *world, const struct letter *a,
    const struct letter *b)
{
	return world->blind || a->uid == b->uid;
}

/* Its octets came once, under its UIDL or none: nobody can tell them apart. */
static bool
has_delivered_twin(const struct world *world, size_t index)
{
	const struct letter *letter = &world->letters[index];

	for (size_t i = 0; i < world->count; i++)
		if (i != index && world->letters[i].delivered &&
		    world->letters[i].content == letter->content &&
		    is_same_uid(world, &world->letters[i], letter))
			return true;
	return false;
}

static bool
is_alike(const struct world *world, const struct letter *a,
    const struct letter *b, bool unsized)
{
	return is_same_uid(world, a, b) &&
	    (unsized || (a->content == 2) == (b->content == 2));
}

/*
 * One of its size and UIDL that was delivered or marked, and that the server or
 * another client has taken away: without a RETR nobody can tell, unless more
 * are listed than are known.
 */
static bool
is_in_shadow(const struct world *world, size_t index)
{
	const struct letter *letter = &world->letters[index];
	size_t listed = 0, known = 0;
	bool unsized = false, gone = false;

	if (letter->uid == 0)
		return false;
	for (size_t i = 0; i < world->count; i++)
		unsized |= world->letters[i].unsized &&
		    world->letters[i].uid == letter->uid;
	for (size_t i = 0; i < world->count; i++) {
		const struct letter *other = &world->letters[i];
		bool is_known = other->delivered || other->marked ||
		    has_delivered_twin(world, i);

		if (!is_alike(world, letter, other, unsized))
			continue;
		listed += other->here;
		known += is_known && !other->deleted_by_us && !other->missed;
		gone |= is_known && !other->here && !other->deleted_by_us &&
		    !other->missed;
		if (unsized && other->hidden)
			return true;
	}
	return gone && listed <= known;
}

/* One that nobody can tell from it, by size and UIDL, went in its place. */
static bool
was_spared(const struct world *world, size_t index)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct letter *other = &world->letters[i];

		if (!other->here && !(other->owed && other->deleted_by_us) &&
		    is_alike(world, other, &world->letters[index], world->odd))
			return true;
	}
	return false;
}

void
oracle_listed(struct world *world, const size_t *listed, size_t n,
    bool compared)
{
	for (size_t i = 0; i < world->count; i++) {
		struct letter *letter = &world->letters[i];
		bool may_be_listed = false;

		for (size_t j = 0; j < n; j++) {
			const struct letter *other = &world->letters[listed[j]];

			may_be_listed |= other->uid == letter->uid &&
			    !(compared && other->read);
		}
		/* a mark has no digest that could show anything */
		letter->missed |= !letter->here && !may_be_listed &&
		    !(compared && letter->seen);
	}
}

void
oracle_marked(struct world *world, size_t index)
{
	struct letter *letter = &world->letters[index];

	letter->seen = true;
	letter->marked |= letter->delivered == 0 &&
	    (world->odd || world->blind || !is_in_shadow(world, index));
	letter->owed = false; /* if it was to be gone, it is only marked now */
}

void
oracle_hidden(struct world *world, size_t index)
{
	for (size_t i = 0; i < world->count; i++) {
		struct letter *letter = &world->letters[i];

		if (!is_alike(world, letter, &world->letters[index], false))
			continue;
		letter->owed = false;
		letter->hidden = true;
	}
}

/* It, or one that nobody can tell from it. */
static bool
may_go(const struct world *world, size_t index)
{
	for (size_t i = 0; i < world->count; i++)
		if (world->letters[i].may_go &&
		    is_alike(world, &world->letters[i], &world->letters[index],
			world->odd))
			return true;
	return false;
}

void
oracle_deleted(struct world *world, size_t index, enum task task, bool asked)
{
	struct letter *letter = &world->letters[index];

	letter->here = false;
	letter->deleted_by_us = asked;
	if (letter->delivered) {
		if (asked && task == TASK_DELETE && !may_go(world, index))
			find(world, FOUND_UNASKED);
		return;
	}
	if (letter->marked && world->mode == MODE_UNIQUE && !world->blind)
		find(world, FOUND_MARKED);
	else if (!has_delivered_twin(world, index))
		find(world, letter->marked ? FOUND_MARKED : FOUND_DELETED);
}

/* More deliveries than messages of these octets and this UIDL. */
static bool
is_double(const struct world *world, size_t index)
{
	const struct letter *letter = &world->letters[index];
	size_t twins = 0, deliveries = 0;

	for (size_t i = 0; i < world->count; i++) {
		const struct letter *other = &world->letters[i];

		if (other->content == letter->content &&
		    is_same_uid(world, other, letter)) {
			twins++;
			deliveries += other->delivered;
		}
	}
	return deliveries > twins;
}

void
oracle_judge(struct world *world, enum task last, int status)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct letter *letter = &world->letters[i];

		if (is_double(world, i))
			find(world, FOUND_DOUBLE);
		if (letter->marked && letter->delivered && !world->odd &&
		    !letter->hidden && !world->blind &&
		    world->mode <= MODE_SLOT)
			find(world, FOUND_UNWANTED);
		if (!letter->here)
			continue;
		if (!letter->delivered && !letter->marked &&
		    !has_delivered_twin(world, i) && !is_in_shadow(world, i))
			find(world, FOUND_NEVER);
		if (last == TASK_DELETE && status == 0 && !world->gave_up &&
		    letter->owed && !was_spared(world, i))
			find(world, FOUND_UNDELETED);
	}
}
