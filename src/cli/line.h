/* SPDX-License-Identifier: ISC */
/*
 * Lines that somebody types: edited, with history and completion, where
 * standard input is a terminal and libedit was there to build with; plain
 * lines otherwise.
 */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include <stdbool.h>

struct line;

/* A word that completes as the first of a line. words is NULL-ended; it and
 * prompt are borrowed. */
struct line *line_open(const char *prompt, const char *const *words);
void line_close(struct line *line);
/* Is it a person at a terminal? */
bool line_is_terminal(const struct line *line);
/*
 * The next line without its end, until the next call; NULL: the end, or a stop
 * signal (base/signals.h).
 */
const char *line_read(struct line *line);

#endif
