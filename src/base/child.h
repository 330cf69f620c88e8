/* SPDX-License-Identifier: ISC */
/*
 * The only place that starts a process. A child gets default signals, the limit
 * of core files that poplar was started with, no descriptor but 0, 1 and 2, and
 * no secret in its environment.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;

struct child {
	pid_t pid; /* -1: none */
};

/*
 * Run /bin/sh -c command. in, out and errfd become its 0, 1, 2 (-1:
 * /dev/null for in and out, ours for errfd); they stay open here. env is a
 * NULL-ended list of NAME=VALUE put over our environment, or NULL. The child
 * leads a process group of its own unless it needs the terminal (tty), and
 * there is one.
 */
int child_start(struct child *child, const char *command,
    const char *const *env, int in, int out, int errfd, int tty,
    struct err *err);

/*
 * Wait until it ends or until_ms (deadline.h; the group is then killed and
 * reaped: -1, EX_TEMPFAIL). While waiting, pump(arg, ms) is called again and
 * again if not NULL: it may sleep up to ms. Returns 0 and the wait status.
 */
int child_wait(struct child *child, int64_t until_ms,
    void (*pump)(void *arg, int ms), void *arg, int *status, struct err *err);

/* Kill the group and reap; harmless when there is none. */
void child_kill(struct child *child);
/* The same, but asked first to end (SIGTERM), for a second. */
void child_end(struct child *child);

/*
 * What call(arg, out) puts into out, at most max octets, in a process of its
 * own: for calls that know neither time nor signals. It has our memory and none
 * of our descriptors but 0, 1 and 2. Until until_ms or a stop signal
 * (EX_TEMPFAIL); then it is killed. Less may come than was put in, if the
 * process failed.
 */
typedef void child_call_fn(const void *arg, struct buf *out);
int child_answer(child_call_fn *call, const void *arg, size_t max,
    int64_t until_ms, struct buf *out, struct err *err);

/*
 * What command prints, at most max octets (more: EX_CONFIG), without one
 * trailing newline; stdin is /dev/null, the terminal stays reachable. It has
 * printed all when it has ended, whatever it has left running. A
 * non-zero exit or no output is EX_CONFIG, lateness EX_TEMPFAIL.
 */
int child_capture(const char *command, size_t max, int64_t until_ms,
    struct buf *out, struct err *err);

/*
 * Run command with a socket pair as its 0 and 1 (--tunnel). Returns our end.
 */
int child_tunnel(struct child *child, const char *command, struct err *err);

/* fork(2) with stdio flushed; for one process an account. Same returns. */
pid_t child_fork(void);

#endif
