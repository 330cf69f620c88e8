/* SPDX-License-Identifier: ISC */
/* RFC 1939 section 3 as DESIGN has it, written for nothing but clearness. */
#include "slow.h"

#include <string.h>

#include "base/xalloc.h"

void
slow_unstuff(const char *wire, size_t len, struct slow *slow)
{
	bool at_start = true;
	size_t i = 0;

	memset(slow, 0, sizeof(*slow));
	slow->out = xmalloc(len + 1);
	while (i < len) {
		bool dot = at_start && wire[i] == '.';

		if (dot && len - i >= 3 && wire[i + 1] == '\r' &&
		    wire[i + 2] == '\n') {
			slow->complete = true;
			i += 3;
			break;
		}
		at_start = false;
		if (dot) {
			i++;
			continue;
		}
		if (len - i >= 2 && wire[i] == '\r' && wire[i + 1] == '\n') {
			slow->octets++;
			at_start = true;
			i++;
		}
		slow->out[slow->len++] = wire[i++];
		slow->octets++;
	}
	slow->used = i;
}
