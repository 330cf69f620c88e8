/* SPDX-License-Identifier: ISC */
/* The lines of a journal, read in large pieces, without an allocation a line.
 */
#ifndef STATE_LINES_H
#define STATE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct lines {
	int fd;           /* borrowed */
	const char *name; /* borrowed; for sentences */
	char *data;       /* owned */
	size_t cap, start, end;
	uint64_t read_at; /* in the file: where data + end belongs */
	uint64_t offset;  /* of the line last returned */
	uint64_t number;  /* of that line, from 1 */
	bool complete;    /* it ended with LF */
};

void lines_init(struct lines *lines, int fd, const char *name);
void lines_clear(struct lines *lines);
/*
 * The next line without its LF; valid until the next call. One that is longer
 * than a record can be comes in pieces. 1, 0 at the end, -1 EX_IOERR.
 */
int lines_next(struct lines *lines, const char **line, size_t *len,
    struct err *err);

#endif
