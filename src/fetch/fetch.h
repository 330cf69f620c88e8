/* SPDX-License-Identifier: ISC */
/* Fetching one account: plan, retrieve, commit, recover, delete. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdbool.h>

#include "fetch/report.h"

struct account;
struct err;
struct msgset;

struct fetch_options {
	const struct msgset *set; /* NULL: new */
	bool dry_run;
	/* how a message is shown on standard output; NULL: as it is */
	int (*show)(int fd, struct err *err);
};

/*
 * Fetch with what account says (destination, which it must have; disposal,
 * limits). What befalls
 * one message goes to report and summary, and the work goes on; the status is
 * the worst of all. 0, or -1 with the sentence that ended it (already counted
 * in summary->status).
 */
int fetch_run(struct account *account, const struct fetch_options *options,
    const struct report *report, struct report_summary *summary,
    struct err *err);

struct delete_options {
	const struct msgset *set;
	bool policy_only; /* no set: only --older-than, --delete-after */
	bool by_age;      /* of the set, only what is older than this */
	uint64_t older_than_s;
	bool dry_run;
	bool force; /* all/new may name undelivered mail */
	/* asked on a terminal for all/new over undelivered mail; NULL: refuse
	 * with EX_USAGE */
	bool (*confirm)(void *arg, uint64_t undelivered);
};

/* delete: DELE, then QUIT, checked. As fetch_run. */
int fetch_delete(struct account *account, const struct delete_options *options,
    const struct report *report, struct report_summary *summary,
    struct err *err);

#endif
