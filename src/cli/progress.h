/* SPDX-License-Identifier: ISC */
/*
 * The progress line: on stderr, only on a terminal, not with -q, redrawn at
 * most ten times a second, out of the way of every line that is logged.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct account;
struct report_progress;

/* For these accounts, borrowed until progress_end. false: there is to be none.
 */
bool progress_begin(struct account *const *accounts, size_t count);
void progress_update(size_t account, const struct report_progress *progress);
void progress_done(size_t account);
/* A line that is not ours, but goes to the same terminal. */
void progress_line(const char *text, size_t len);
/* Gone from the screen. Harmless without progress_begin. */
void progress_end(void);

#endif
