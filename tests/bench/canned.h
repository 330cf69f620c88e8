/* SPDX-License-Identifier: ISC */
/* The mail of the canned server: every reply ready for the wire. */

#ifndef BENCH_CANNED_H
#define BENCH_CANNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message {
	const char *reply; /* status line, stuffed text, the lone dot */
	size_t reply_len;
	size_t status_len; /* of it the status line */
	uint64_t octets;   /* as LIST has them */
	char uidl[17];
};

struct mail {
	struct message *messages;
	unsigned int count;
	uint64_t octets;
	char *list; /* the replies to LIST and UIDL, whole */
	size_t list_len;
	char *uidl;
	size_t uidl_len;
};

/* At most limit messages of the maildir dir, in the order of their names. */
void mail_load(struct mail *, const char *dir, unsigned int limit);

/* count small messages made up here. */
void mail_make_up(struct mail *, unsigned int count);

#endif
