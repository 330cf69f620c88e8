/* SPDX-License-Identifier: ISC */
/* Messages whose RETR never ended well: how many runs have tried each. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "state/record.h"
#include "state/state_priv.h"

#define VAIN_MAX 256
#define FORGET_AFTER_S (30 * 86400)

static struct state_vain *
find(const struct state *state, const char *uid, size_t len)
{
	for (size_t i = 0; i < state->vain_count; i++)
		if (state->vain[i].len == len &&
		    memcmp(state->vain[i].uid, uid, len) == 0)
			return &state->vain[i];
	return NULL;
}

static void
forget(struct state *state, struct state_vain *vain)
{
	struct state_vain *last = &state->vain[state->vain_count - 1];

	free(vain->uid);
	memmove(vain, vain + 1, (size_t)(last - vain) * sizeof(*vain));
	state->vain_count--;
}

void
vain_set(struct state *state, const char *uid, size_t len, uint32_t runs,
    uint32_t time)
{
	struct state_vain *vain = find(state, uid, len);

	if (vain != NULL)
		forget(state, vain);
	if (runs == 0)
		return;
	if (state->vain_count == VAIN_MAX)
		forget(state, &state->vain[0]);
	state->vain = xreallocarray(state->vain, state->vain_count + 1,
	    sizeof(*state->vain));
	vain = &state->vain[state->vain_count++];
	*vain = (struct state_vain){ xmalloc(len), len, runs, time };
	memcpy(vain->uid, uid, len);
}

void
vain_clear(struct state *state)
{
	while (state->vain_count > 0)
		forget(state, &state->vain[state->vain_count - 1]);
	free(state->vain);
	state->vain = NULL;
}

size_t
vain_put(const struct state *state, struct buf *out)
{
	uint32_t newest = 0;
	size_t lines = 0;

	for (size_t i = 0; i < state->vain_count; i++)
		if (state->vain[i].time > newest)
			newest = state->vain[i].time;
	for (size_t i = 0; i < state->vain_count; i++) {
		const struct state_vain *vain = &state->vain[i];

		if (newest - vain->time > FORGET_AFTER_S)
			continue;
		record_put_vain(out, vain->uid, vain->len, vain->runs,
		    vain->time);
		lines++;
	}
	return lines;
}

unsigned int
state_vain(const struct state *state, const char *uid, size_t len)
{
	const struct state_vain *vain = find(state, uid, len);

	return vain == NULL ? 0 : vain->runs;
}

void
state_set_vain(struct state *state, const char *uid, size_t len,
    unsigned int runs, uint32_t now)
{
	if (len == 0 || state_vain(state, uid, len) == runs)
		return;
	vain_set(state, uid, len, runs, now);
	record_put_vain(&state->out, uid, len, runs, now);
	state->out_lines++;
}
