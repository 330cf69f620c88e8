/* SPDX-License-Identifier: ISC */
/* One poll(2) for connect, proxy and handshake: a deadline and a stop. */
#include "net/wait.h"

#include <errno.h>
#include <poll.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"

int
wait_for(int fd, short events, int64_t until_ms, const char *what,
    struct err *err)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = signals_fd(), .events = POLLIN },
	};
	int n;

	for (;;) {
		/* looked at first: an endless flood is late, too */
		if (deadline_now() >= until_ms)
			return err_set(err, EX_TEMPFAIL, "%s: timed out", what);
		n = poll(fds, 2, deadline_poll(until_ms));
		if (n == -1 && errno != EINTR)
			return err_sys(err, EX_OSERR, "poll");
		if (n > 0 && fds[1].revents != 0)
			return err_set(err, EX_TEMPFAIL, "%s: interrupted",
			    what);
		if (n > 0)
			return 0;
	}
}
