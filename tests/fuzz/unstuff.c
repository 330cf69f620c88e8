/* SPDX-License-Identifier: ISC */
/* Bodies in any split, against the slow reference. Input: a piece's size,
 * then the octets of the wire. */
#include <stdbool.h>
#include <string.h>

#include "base/xalloc.h"
#include "fuzz.h"
#include "pop3/reply.h"
#include "slow.h"

static void
unstuff(const char *wire, size_t len, unsigned int step, struct slow *got)
{
	struct reply_body body = { 0 };
	size_t fed = 0, have = 0;

	memset(got, 0, sizeof(*got));
	got->out = xmalloc(len + 1);
	while (fed < len && !body.complete) {
		size_t n = (fed * 7 + 1) % (step + 1) + 1, used, out;
		char *window;

		if (n > len - fed)
			n = len - fed;
		have += n;
		fed += n;
		window = xmalloc(have);
		memcpy(window, wire + fed - have, have);
		used = reply_body(&body, window, have, &out);
		FUZZ_CHECK(used <= have && out <= used);
		memcpy(got->out + got->len, window, out);
		got->len += out;
		got->used += used;
		have -= used;
		FUZZ_CHECK(body.complete || have <= 2);
		free(window);
	}
	got->complete = body.complete;
	got->octets = body.octets;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	unsigned int step = fuzz_byte(&fuzz);
	char *wire = fuzz_rest(&fuzz);
	struct slow want, got;

	slow_unstuff(wire, fuzz.len, &want);
	unstuff(wire, fuzz.len, step, &got);
	FUZZ_CHECK(got.complete == want.complete);
	FUZZ_CHECK(
	    got.len <= want.len && memcmp(got.out, want.out, got.len) == 0);
	if (want.complete) {
		FUZZ_CHECK(got.len == want.len);
		FUZZ_CHECK(got.used == want.used);
		FUZZ_CHECK(got.octets == want.octets);
	} else {
		FUZZ_CHECK(want.len - got.len <= 2);
	}
	free(want.out);
	free(got.out);
	free(wire);
	return 0;
}
