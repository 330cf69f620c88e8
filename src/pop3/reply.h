/* SPDX-License-Identifier: ISC */
/* The shapes of POP3 replies, parsed in place: no I/O, no allocation. */
#ifndef POP3_REPLY_H
#define POP3_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pop3/pop3.h"

#define REPLY_STATUS_MAX 8192
#define REPLY_LINE_MAX 65536

/*
 * Look for one line at data. 1: *line_len octets without their end (LF or
 * CRLF), *used with it; 0: incomplete; -1: longer than max.
 */
int reply_line(const char *data, size_t len, size_t max, size_t *line_len,
    size_t *used);

/*
 * status = ( "+OK" | "-ERR" ) [ ( " " | TAB ) [ "[" code "]" ] text ]
 * Returns POP3_OK, POP3_ERR, POP3_MORE ("+", "+ text": only if challenge) or
 * -1: out of step. *text is what stands behind it and one blank.
 */
int reply_status(const char *line, size_t len, bool challenge,
    enum pop3_code *code, const char **text, size_t *text_len);

/*
 * A message (RFC 1939 section 3) as it streams by. Zero it before the first
 * octet.
 */
struct reply_body {
	bool inside;     /* not at the beginning of a line */
	bool complete;   /* CRLF "." CRLF has been seen */
	uint64_t octets; /* so far, CRLF as two, stuffing removed */
};

/*
 * Turn data into what is to be delivered, in place: *out_len octets at data.
 * CRLF becomes LF, a dot after CRLF goes, everything else stays. Returns how
 * many octets have been used up; up to two at the end may be left, which must
 * be offered again with more behind them. The same result in any split.
 */
size_t reply_body(struct reply_body *body, char *data, size_t len,
    size_t *out_len);

#endif
