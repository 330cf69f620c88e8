/* SPDX-License-Identifier: ISC */
/*
 * --filter: each header goes to a command before its message is retrieved.
 * Exit 0: fetch it; 1: leave it; anything else is a failure of the command.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "account/account.h"
#include "base/child.h"
#include "base/err.h"
#include "fetch/fetch_priv.h"

struct header {
	FILE *file;
	bool ended; /* the empty line has come */
	char last;
};

/* The header only: some servers send the body too. */
static int
keep_header(void *arg, const char *data, size_t len, struct err *err)
{
	struct header *header = arg;
	size_t n = 0;

	while (n < len && !header->ended) {
		header->ended = data[n] == '\n' && header->last == '\n';
		header->last = data[n++];
	}
	if (fwrite(data, 1, n, header->file) != n)
		return err_sys(err, EX_IOERR, "cannot keep a header");
	return 0;
}

static int
ask_command(struct run *run, FILE *file, int *status, struct err *err)
{
	struct child child = { .pid = -1 };

	if (fflush(file) == EOF || fseek(file, 0, SEEK_SET) == -1)
		return err_sys(err, EX_IOERR, "cannot keep a header");
	if (child_start(&child, run->account->filter, NULL, fileno(file),
		STDERR_FILENO, -1, 0, err) == -1)
		return -1;
	return child_wait(&child, session_until(&run->session), keepalive_pump,
	    run, status, err);
}

static void
refused_by_command(int status, struct err *err)
{
	if (WIFSIGNALED(status))
		(void)err_set(err, EX_CANTCREAT,
		    "the filter was killed by signal %d", WTERMSIG(status));
	else
		(void)err_set(err,
		    WEXITSTATUS(status) == EX_TEMPFAIL ? EX_TEMPFAIL :
							 EX_CANTCREAT,
		    "the filter ended with status %d", WEXITSTATUS(status));
}

/* 1: fetch; 0: leave; -1: err says why not. */
static int
judge(struct run *run, const struct plan_item *item, struct err *err)
{
	struct header header = { .file = tmpfile(), .last = '\n' };
	int status = 0, r = -1;

	if (header.file == NULL)
		return err_sys(err, EX_IOERR, "cannot keep a header");
	(void)fcntl(fileno(header.file), F_SETFD, FD_CLOEXEC);
	if (pop3_top(run->session.pop3, item->num, 0, keep_header, &header,
		err) == 0 &&
	    ask_command(run, header.file, &status, err) == 0) {
		if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
			r = WEXITSTATUS(status) == 0;
		else
			refused_by_command(status, err);
	}
	(void)fclose(header.file);
	return r;
}

int
filter_plan(struct run *run, struct err *err)
{
	struct plan *plan = &run->plan;
	size_t kept = 0;

	if (run->account->filter == NULL)
		return 0;
	for (size_t i = 0; i < plan->count; i++) {
		struct plan_item *item = &plan->items[i];
		int r = item->flags & PLAN_DONE ? 1 : judge(run, item, err);

		if (r == 1) {
			plan->items[kept++] = *item;
			continue;
		}
		if (r == -1 && pop3_dead(run->session.pop3)) {
			/* the rest is planned again */
			memmove(&plan->items[kept], item,
			    (plan->count - i) * sizeof(*item));
			plan->count = kept + plan->count - i;
			return -1;
		}
		run_message(run, item, r == 0 ? REPORT_SKIPPED : REPORT_FAILED,
		    NULL, r == 0 ? NULL : err);
	}
	plan->count = kept;
	return 0;
}
