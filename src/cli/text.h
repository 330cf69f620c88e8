/* SPDX-License-Identifier: ISC */
/*
 * Text for people: what came in a message made safe to show, and fitted into
 * columns as the user's terminal draws them (LC_CTYPE).
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct buf;
struct err;

/*
 * Append data as printable UTF-8, whatever the locale: control characters
 * become blanks, and what is invalid, invisible or turns the direction of text
 * U+FFFD, each octet of it one.
 */
void text_safe(const char *data, size_t len, struct buf *out);
/*
 * The same for a terminal: in the charset of the locale, and "?" for characters
 * that it lacks.
 */
void text_shown(const char *data, size_t len, struct buf *out);
/*
 * The same for lines of mail as they come in, their ends kept. A line that has
 * no end yet waits, but not for ever: of one over TEXT_WAITS octets all whole
 * characters are taken. Returns how much of data was taken.
 */
#define TEXT_WAITS 4096
size_t text_shown_lines(const char *data, size_t len, struct buf *out);

/*
 * The file fd, from its beginning, to standard output as text_shown makes it,
 * but with its lines. -1: EX_IOERR.
 */
int text_show(int fd, struct err *err);

/*
 * Append text, which text_safe made, in the user's charset and in exactly
 * columns columns: filled with blanks, or cut. What his charset lacks is "?".
 */
void text_fit(const char *text, size_t columns, struct buf *out);
/* The columns text takes so. */
size_t text_width(const char *text);

/* "2026-11-21T08:33:50+01:00", or "2026-11-21 08:33": local time. */
void text_date(time_t when, bool brief, struct buf *out);

/* "812 B", "12.3 kB": for people; powers of 1000. */
void text_size(uint64_t octets, char *text, size_t size);

/* Columns of the terminal that fd is, or 0: it is not one. */
size_t text_columns(int fd);
/* Is it one whose cursor moves and which knows colours? */
bool text_has_cursor(int fd);

#endif
