/* SPDX-License-Identifier: ISC */
/* The lines of a journal, read in large pieces, without an allocation a line.
 */
#ifndef STATE_READER_H
#define STATE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct reader {
	int fd;           /* borrowed */
	const char *name; /* borrowed; for sentences */
	char *data;       /* owned */
	size_t cap, start, end;
	uint64_t read_at; /* in the file: where data + end belongs */
	uint64_t offset;  /* of the line last returned */
	uint64_t number;  /* of that line, from 1 */
	bool complete;    /* it ended with LF */
};

void reader_init(struct reader *reader, int fd, const char *name);
void reader_clear(struct reader *reader);
/*
 * The next line without its LF; valid until the next call. One that is longer
 * than a record can be comes in pieces. 1, 0 at the end, -1 EX_IOERR.
 */
int reader_next(struct reader *reader, const char **line, size_t *len,
    struct err *err);

#endif
