/* SPDX-License-Identifier: ISC */
/*
 * A world in which a server says what the input has, and time passes only
 * where poplar waits: poll(2) finds the next piece of the script, or the end of
 * the connection, or else its timeout is over at once. Nothing is synced.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stddef.h>
#include <stdint.h>

/* In a script: the server waits for one more command before it goes on. */
#define WORLD_WAITS 0xfe
/* The server hangs up; what follows is the next connection's. */
#define WORLD_HANGS_UP 0xff

/*
 * split: 0, what is said at a turn comes at once; else a piece has 1 to split +
 * 1 octets, by turns.
 */
void world_begin(const uint8_t *script, size_t len, unsigned int split);
/* The next connection, non-blocking; -1: there is no server any more. What
 * net_connect() does from world_begin on. */
int world_connect(void);
/* All that was sent to the server, with an 0xff before each connection's. */
const char *world_heard(size_t *len);
void world_end(void);
/* Milliseconds since world_begin. */
int64_t world_elapsed(void);

#endif
