/* SPDX-License-Identifier: ISC */
/*
 * Delivery to a command: /bin/sh -c CMD with the message as its input. Its exit
 * status 0 is success, whether it has read everything or not; 75 leaves the
 * message for later, anything else means that it was refused.
 */
#include <sys/wait.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"

#define ENV_COUNT 3

static void
make_env(const struct deliver *deliver, const struct deliver_item *item,
    char *env[ENV_COUNT + 1])
{
	char *uidl = item->uid == NULL ? xstrdup("") :
					 log_ascii(item->uid, item->uid_len);

	env[0] = xasprintf("POPLAR_ACCOUNT=%s",
	    deliver->account == NULL ? deliver->identity : deliver->account);
	env[1] = xasprintf("POPLAR_UIDL=%s", uidl);
	env[2] = xasprintf("POPLAR_OCTETS=%" PRIu64, item->octets);
	env[3] = NULL;
	free(uidl);
}

/* What the wait status means. 0, or 1 with the sentence in item->err. */
static int
judge(const struct deliver *deliver, struct deliver_item *item, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		err_set(&item->err,
		    WEXITSTATUS(status) == EX_TEMPFAIL ? EX_TEMPFAIL :
							 EX_CANTCREAT,
		    "%s: exit status %d", deliver->path, WEXITSTATUS(status));
	else
		err_set(&item->err, EX_CANTCREAT, "%s: killed by signal %d",
		    deliver->path, WTERMSIG(status));
	return 1;
}

static int
run(struct deliver *deliver, struct deliver_item *item,
    const struct deliver_hooks *hooks, struct err *err)
{
	int64_t until_ms = deadline_earlier(deliver->until_ms,
	    deadline_after(deliver->timeout_ms));
	struct child child = { -1 };
	char *env[ENV_COUNT + 1];
	int status = 0, rc, i;

	if (lseek(item->fd, 0, SEEK_SET) == -1)
		return err_sys(err, EX_IOERR, "%s", deliver->spool_dir);
	make_env(deliver, item, env);
	/* its output is not our data: stdout is for results */
	rc = child_start(&child, deliver->path, (const char *const *)env,
	    item->fd, STDERR_FILENO, -1, 0, err);
	for (i = 0; i < ENV_COUNT; i++)
		free(env[i]);
	if (rc == -1)
		return err_prefix(err, "%s", deliver->path);
	if (child_wait(&child, until_ms, hooks == NULL ? NULL : hooks->pump,
		hooks == NULL ? NULL : hooks->arg, &status, &item->err) == -1) {
		err_prefix(&item->err, "%s", deliver->path);
		return 1;
	}
	return judge(deliver, item, status);
}

/* What the shell would run, if that can be told without one: 0 if not. */
static size_t
program_len(const char *command)
{
	size_t len = strcspn(command, " \t\n");
	size_t plain = strspn(command,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "/._+-");

	return plain == len && command[0] != '-' ? len : 0;
}

/* A program that is not there is found before anything is retrieved for it. */
static int
probe(struct deliver *deliver, struct err *err)
{
	int64_t until_ms = deadline_earlier(deliver->until_ms,
	    deadline_after(deliver->timeout_ms));
	size_t len = program_len(deliver->path);
	struct child child = { -1 };
	char *command;
	int status = 0, rc;

	if (len == 0)
		return 0;
	command = xasprintf("command -v %.*s", (int)len, deliver->path);
	rc = child_start(&child, command, NULL, -1, -1, -1, 0, err);
	if (rc == 0)
		rc = child_wait(&child, until_ms, NULL, NULL, &status, err);
	free(command);
	if (rc == 0 && status != 0)
		rc = err_set(err, EX_CANTCREAT,
		    "there is no program %.*s to give mail to", (int)len,
		    deliver->path);
	return rc;
}

static int
apply(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	return handover_apply(deliver, items, n, hooks, run, err);
}

const struct kind kind_pipe = {
	.name = "pipe",
	.has_spools = true,
	.open = handover_open,
	.probe = probe,
	.begin = handover_begin,
	.write = handover_write,
	.drop = handover_drop,
	.apply = apply,
	.release = handover_release,
};
