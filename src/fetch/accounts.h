/* SPDX-License-Identifier: ISC */
/*
 * Several accounts at once: one process each, a few at a time. Their reports
 * come to the caller through pipes, so that one process prints.
 */
#ifndef FETCH_ACCOUNTS_H
#define FETCH_ACCOUNTS_H

#include <stddef.h>

#include "fetch/report.h"

struct account;
struct err;
struct fetch_options;

struct accounts_report {
	void (*message)(void *arg, size_t account,
	    const struct report_message *message);
	void (*progress)(void *arg, size_t account,
	    const struct report_progress *progress);
	void (*warning)(void *arg, size_t account, const struct err *err);
	/* its end: fetch_run's summary, and its error (status 0: none) */
	void (*done)(void *arg, size_t account,
	    const struct report_summary *summary, struct err *err);
	/*
	 * A whole line that a process wrote to stderr, to be written there; for
	 * when there is a progress line to be kept clean. NULL: they write
	 * themselves.
	 */
	void (*line)(void *arg, const char *text, size_t len);
	void *arg;
};

/*
 * fetch_run for count accounts, at most jobs at a time; done is called once for
 * each. Two that have a mailbox or a state in common are fetched one after the
 * other. One account is fetched in this process. Passwords that have to be
 * typed are asked for first. A signal that asks us to stop is passed on.
 */
void accounts_fetch(struct account *const *accounts, size_t count, int jobs,
    const struct fetch_options *options, const struct accounts_report *report);

#endif
