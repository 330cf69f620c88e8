/* SPDX-License-Identifier: ISC */
/* Unstuffing an octet at a time: what the fast one must agree with. */
#ifndef FUZZ_SLOW_H
#define FUZZ_SLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slow {
	char *out; /* owned */
	size_t len, used;
	uint64_t octets;
	bool complete;
};

void slow_unstuff(const char *wire, size_t len, struct slow *slow);

#endif
