/* SPDX-License-Identifier: ISC */
/*
 * Message sets, one grammar for every command:
 *	set  = item *( "," item )       (also one item an operand)
 *	item = NUM | NUM "-" | NUM "-" NUM | "all" | "new" | "seen"
 * and, an operand of its own (a UIDL may hold a comma):
 *	"uid:" UIDL                     (UIDL vis(3)-encoded)
 */
#ifndef BASE_MSGSET_H
#define BASE_MSGSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum msgset_kind {
	MSGSET_NUMBERS, /* first to last; last UINT32_MAX: to the end */
	MSGSET_ALL,
	MSGSET_NEW,
	MSGSET_SEEN,
	MSGSET_UID
};

struct msgset_item {
	enum msgset_kind kind;
	uint32_t first, last;
	char *uid; /* owned; decoded, may hold any octet */
	size_t uid_len;
};

struct msgset {
	struct msgset_item *items; /* owned */
	size_t count;
};

#define MSGSET_INIT                                                            \
	{                                                                      \
		NULL, 0                                                        \
	}

/* Add one operand. -1: EX_USAGE, with a sentence that names it. */
int msgset_add(struct msgset *set, const char *operand, struct err *err);
void msgset_clear(struct msgset *set);

/* What must be asked before the set can be resolved. */
bool msgset_has(const struct msgset *set, enum msgset_kind kind);
/* Numbers or uid: are in it (EX_USAGE with more than one account). */
bool msgset_is_specific(const struct msgset *set);
/* Does a NUMBERS, ALL or UID item choose this message? uid may be NULL. */
bool msgset_matches(const struct msgset *set, uint32_t num, const char *uid,
    size_t uid_len);

#endif
