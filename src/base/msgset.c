/* SPDX-License-Identifier: ISC */
/* Message sets; the grammar is in the header. */
#include "base/msgset.h"

#define LIBBSD_NETBSD_VIS /* chooses between prototypes we do not use */
#include <bsd/vis.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"

static struct msgset_item *
add(struct msgset *set, enum msgset_kind kind)
{
	struct msgset_item *item;

	set->items = xreallocarray(set->items, set->count + 1, sizeof(*item));
	item = &set->items[set->count++];
	memset(item, 0, sizeof(*item));
	item->kind = kind;
	return item;
}

static int
complain(struct err *err, const char *operand, const char *why)
{
	char *shown = log_safe(operand, strlen(operand));

	err_set(err, EX_USAGE, "message set \"%s\": %s", shown, why);
	free(shown);
	return -1;
}

/* NUM | NUM "-" | NUM "-" NUM; returns what is wrong, or NULL. */
static const char *
add_numbers(struct msgset *set, const char *text, size_t len)
{
	uint64_t first, last;
	struct msgset_item *item;
	size_t used = parse_u64(text, len, UINT32_MAX, &first);

	if (used == 0) {
		return len > 0 && text[0] >= '0' && text[0] <= '9' ?
		    "the number is too large" :
		    "not a number, all, new, seen or uid:UIDL";
	}
	last = first;
	if (used < len && text[used] == '-') {
		last = UINT32_MAX;
		if (++used < len) {
			size_t more = parse_u64(text + used, len - used,
			    UINT32_MAX, &last);

			if (more == 0)
				return "what follows - is not a number";
			used += more;
		}
	}
	if (used != len)
		return "something follows the number";
	if (first == 0 || last == 0)
		return "messages are numbered from 1";
	if (last < first)
		return "the range runs backwards";
	item = add(set, MSGSET_NUMBERS);
	item->first = (uint32_t)first;
	item->last = (uint32_t)last;
	return NULL;
}

static const char *
add_item(struct msgset *set, const char *text, size_t len)
{
	static const struct {
		const char *word;
		enum msgset_kind kind;
	} words[] = { { "all", MSGSET_ALL }, { "new", MSGSET_NEW },
		{ "seen", MSGSET_SEEN } };
	size_t i;

	if (len == 0)
		return "an item is missing";
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == len &&
		    memcmp(words[i].word, text, len) == 0) {
			add(set, words[i].kind);
			return NULL;
		}
	}
	return add_numbers(set, text, len);
}

static const char *
add_uid(struct msgset *set, const char *encoded)
{
	char *uid = xmalloc(strlen(encoded) + 1);
	struct msgset_item *item;
	int len = strunvis(uid, encoded);

	if (len <= 0) {
		free(uid);
		return len == 0 ? "the UIDL is empty" :
				  "the UIDL is not vis(3)-encoded";
	}
	item = add(set, MSGSET_UID);
	item->uid = uid;
	item->uid_len = (size_t)len;
	return NULL;
}

int
msgset_add(struct msgset *set, const char *operand, struct err *err)
{
	const char *at = operand, *why;

	if (strncmp(operand, "uid:", 4) == 0) {
		why = add_uid(set, operand + 4);
		return why != NULL ? complain(err, operand, why) : 0;
	}
	for (;;) {
		size_t len = strcspn(at, ",");

		why = add_item(set, at, len);
		if (why != NULL)
			return complain(err, operand, why);
		if (at[len] == '\0')
			return 0;
		at += len + 1;
	}
}

void
msgset_clear(struct msgset *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		free(set->items[i].uid);
	free(set->items);
	*set = (struct msgset)MSGSET_INIT;
}

bool
msgset_has(const struct msgset *set, enum msgset_kind kind)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->items[i].kind == kind)
			return true;
	}
	return false;
}

bool
msgset_is_specific(const struct msgset *set)
{
	return msgset_has(set, MSGSET_NUMBERS) || msgset_has(set, MSGSET_UID);
}

bool
msgset_matches(const struct msgset *set, uint32_t num, const char *uid,
    size_t uid_len)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		const struct msgset_item *item = &set->items[i];

		switch (item->kind) {
		case MSGSET_NUMBERS:
			if (num >= item->first && num <= item->last)
				return true;
			break;
		case MSGSET_ALL:
			return true;
		case MSGSET_UID:
			if (uid != NULL && uid_len == item->uid_len &&
			    memcmp(uid, item->uid, uid_len) == 0)
				return true;
			break;
		case MSGSET_NEW:
		case MSGSET_SEEN:
			break;
		}
	}
	return false;
}
