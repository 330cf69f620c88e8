/* SPDX-License-Identifier: ISC */
/* Private to check: what is found, and where it looks. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>

struct account;
struct cli;

/* One account under examination. */
struct check {
	const struct cli *cli;
	struct account *account;
	int status; /* the worst of what is wrong */
	unsigned int wrong;
};

enum finding {
	FINDING_OK,
	FINDING_NOTE, /* works, but one should know */
	FINDING_WRONG
};

/*
 * Print a finding: what was looked at ("tls"), a sentence, and what to do about
 * it (NULL: nothing). status counts with FINDING_WRONG.
 */
void check_say(struct check *check, const char *what, enum finding finding,
    int status, const char *mend, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* What can be seen without the server: clock, state file, destination. Nothing
 * is made. */
void check_local(struct check *check);
/* The server: connection, TLS, login, NOOP, QUIT. */
void check_server(struct check *check);

#endif
