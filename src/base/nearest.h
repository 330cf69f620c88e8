/* SPDX-License-Identifier: ISC */
/* What somebody who mistyped a word may have meant. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* Zero, then word by word; the word itself is borrowed. */
struct nearest {
	const char *typed;
	size_t len;
	const char *word; /* the nearest so far; NULL: none is near */
	size_t distance;
};

/* typed has len octets, and must outlast the search. */
void nearest_begin(struct nearest *nearest, const char *typed, size_t len);
/*
 * Consider a word. One is near if few letters were left out, added, changed or
 * swapped: one for words of up to four letters, two for longer ones.
 */
void nearest_try(struct nearest *nearest, const char *word);

#endif
