/* SPDX-License-Identifier: ISC */
/*
 * A message as mboxrd has it (`top` writes so too). A From_ line, the message
 * with one more ">" before each line of the form >*"From ", and an empty line:
 *	From SENDER Www Mmm dd hh:mm:ss yyyy
 * SENDER is the Return-Path's address, else MAILER-DAEMON; the time is UTC.
 */
#ifndef DELIVER_MBOX_QUOTE_H
#define DELIVER_MBOX_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "deliver/return_path.h"

struct err;

struct mbox_quote {
	int fd;           /* borrowed: where it goes */
	const char *what; /* borrowed: names fd in sentences */
	time_t when;
	uint64_t written; /* octets so far, those in out included */
	bool begun;       /* the From_ line has been written */
	bool at_start;    /* nothing but ">" since the last newline */
	size_t matched;   /* octets of "From " held back */
	char last;        /* octet written */
	size_t head_len, out_len;
	char head[RETURN_PATH_WINDOW]; /* until the From_ line */
	char out[65536];
};

/* fd is written at its position. Constant memory; data in any split. */
void mbox_quote_begin(struct mbox_quote *quote, int fd, const char *what,
    time_t when);
int mbox_quote_write(struct mbox_quote *quote, const char *data, size_t len,
    struct err *err);
/* The last line is ended if it was not; all is written out. */
int mbox_quote_end(struct mbox_quote *quote, struct err *err);

#endif
