/* SPDX-License-Identifier: ISC */
/* The parts of the floor program: a line to the server, a maildir. */

#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>

/* Connect to a port of 127.0.0.1; with ca_file in TLS, checked against it. */
void line_open(int port, const char *ca_file);

/* Queue a command, with its CRLF; it is sent while replies are read. */
void line_send(const char *command, size_t len);

/*
 * The next line, len octets with its line end, until the next call.  Ends the
 * program when the server does.
 */
char *line_read(size_t *len);

enum sync_kind {
	SYNC_NONE,
	SYNC_FSYNC,
	SYNC_SYNCFS
};

/* Deliver to a maildir, which is made; dir NULL: to nowhere. */
void drop_open(const char *dir, enum sync_kind sync);

/* A message: begin, its text in any split, end; commits whole batches. */
void drop_begin(unsigned int num);
void drop_write(const char *text, size_t len);
void drop_end(void);

/* Commit the last batch. */
void drop_close(void);

#endif
