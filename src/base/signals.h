/* SPDX-License-Identifier: ISC */
/*
 * Signals that ask us to end: INT, TERM, HUP. The first is noted here and
 * acted on where it is safe; a second one ends the process at once.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <sys/types.h>

/*
 * Install the handlers; SIGPIPE and SIGXFSZ are ignored. SIGCHLD is not, and
 * nothing is blocked, however we were started.
 */
void signals_install(void);
/* The signal that has come, or 0. */
int signals_stop(void);
/* A descriptor that is readable once a signal has come; for poll(2). */
int signals_fd(void);
/* In a forked process: a descriptor of its own (child_fork does this). */
void signals_forked(void);
/*
 * Ask a process made by child_fork to stop, as a first signal would. It may
 * have had one already, from the terminal: this one never counts as a second.
 */
void signals_pass_on(pid_t pid);

#endif
