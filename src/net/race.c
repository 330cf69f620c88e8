/* SPDX-License-Identifier: ISC */
/*
 * Happy Eyeballs (RFC 8305): the families take turns, and an address that has
 * not answered after 250 ms is not waited for before the next is tried, too.
 * The first connection is taken, the others are given up.
 */
#include "net/race.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "net/resolve.h"

/* RFC 8305 section 5, Connection Attempt Delay */
#define DELAY_MS 250

struct attempt {
	int fd; /* -1: not begun, or over */
	struct err err;
};

struct race {
	const struct address *addresses;
	struct attempt *attempts; /* owned */
	struct pollfd *polled;    /* owned; all attempts, then signals_fd() */
	size_t count, begun, open;
	const char *source;
	int won; /* the descriptor, or -1 */
};

/* RFC 8305 section 4: the families take turns, the first one's first. */
static void
take_turns(struct address *addresses, size_t n)
{
	size_t i, j;

	for (i = 1; i < n; i++) {
		sa_family_t last = addresses[i - 1].sockaddr.ss_family;
		struct address other;

		for (j = i; j < n && addresses[j].sockaddr.ss_family == last;
		     j++)
			continue;
		if (j == n)
			return;
		other = addresses[j];
		memmove(&addresses[i + 1], &addresses[i],
		    (j - i) * sizeof(*addresses));
		addresses[i] = other;
	}
}

static int
bind_source(int fd, int family, const char *source, struct err *err)
{
	struct address *local;
	int rc = 0;

	if (resolve(source, NULL, family, DEADLINE_NEVER, &local, err) == -1) {
		err->status = EX_USAGE;
		return err_prefix(err, "source address");
	}
	if (bind(fd, (const struct sockaddr *)&local->sockaddr, local->len) ==
	    -1)
		rc = err_sys(err, EX_USAGE, "source address %s", source);
	free(local);
	return rc;
}

/* The attempt is over: it has won, or err says why not. */
static void
finish(struct race *race, struct attempt *attempt, int error)
{
	race->open--;
	if (error == 0)
		race->won = attempt->fd;
	else {
		err_set(&attempt->err, EX_TEMPFAIL, "%s", strerror(error));
		(void)close(attempt->fd);
	}
	attempt->fd = -1;
}

static void
begin(struct race *race)
{
	const struct address *address = &race->addresses[race->begun];
	struct attempt *attempt = &race->attempts[race->begun++];
	int family = address->sockaddr.ss_family;

	attempt->fd =
	    socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd == -1) {
		err_sys(&attempt->err, EX_TEMPFAIL, "socket");
		return;
	}
	if (race->source != NULL &&
	    bind_source(attempt->fd, family, race->source, &attempt->err) ==
		-1) {
		(void)close(attempt->fd);
		attempt->fd = -1;
		return;
	}
	race->open++;
	if (connect(attempt->fd, (const struct sockaddr *)&address->sockaddr,
		address->len) == 0)
		finish(race, attempt, 0);
	else if (errno != EINPROGRESS && errno != EINTR)
		finish(race, attempt, errno);
}

/* What became of those that poll(2) shows. */
static void
look(struct race *race)
{
	size_t i;

	for (i = 0; i < race->begun && race->won == -1; i++) {
		struct attempt *attempt = &race->attempts[i];
		int error = 0;
		socklen_t len = sizeof(error);

		if (attempt->fd == -1 || race->polled[i].revents == 0)
			continue;
		if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error,
			&len) == -1)
			error = errno;
		finish(race, attempt, error);
	}
}

/* Until one is over or until_ms. -1: poll failed, or a signal came. */
static int
wait_open(struct race *race, int64_t until_ms, struct err *err)
{
	size_t i;

	for (i = 0; i < race->begun; i++) {
		race->polled[i].fd = race->attempts[i].fd;
		race->polled[i].events = POLLOUT;
		race->polled[i].revents = 0;
	}
	race->polled[i].fd = signals_fd();
	race->polled[i].events = POLLIN;
	race->polled[i].revents = 0;
	if (poll(race->polled, (nfds_t)i + 1, deadline_poll(until_ms)) == -1 &&
	    errno != EINTR)
		return err_sys(err, EX_OSERR, "poll");
	if (race->polled[i].revents != 0 || signals_stop() != 0)
		return err_set(err, EX_TEMPFAIL, "connecting: interrupted");
	look(race);
	return 0;
}

static int
run(struct race *race, int64_t until_ms, struct err *err)
{
	int64_t next_ms = 0;

	while (race->won == -1) {
		bool more = race->begun < race->count;

		if (more && (race->open == 0 || deadline_now() >= next_ms)) {
			begin(race);
			next_ms = deadline_after(DELAY_MS);
			continue;
		}
		if (race->open == 0)
			return err_set(err, EX_USAGE, "none is left");
		if (deadline_now() >= until_ms)
			return err_set(err, EX_TEMPFAIL,
			    "connecting: timed out");
		if (wait_open(race,
			more ? deadline_earlier(next_ms, until_ms) : until_ms,
			err) == -1)
			return -1;
	}
	return 0;
}

/* What each said; those that said nothing, why they are not waited for. */
static void
tell(const struct race *race, const char *host, struct err *err)
{
	struct buf said = BUF_INIT;
	char address[NI_MAXHOST];
	int status = EX_USAGE;
	size_t i;

	for (i = 0; i < race->begun; i++) {
		const struct err *one = race->attempts[i].err.status != 0 ?
		    &race->attempts[i].err :
		    err;
		bool name = true;

		resolve_text(&race->addresses[i], address, sizeof(address));
		if (address[0] == '\0' || strcmp(address, host) == 0)
			name = false;
		buf_printf(&said, "%s%s%s%s", said.len > 0 ? ", " : "",
		    name ? address : "", name ? ": " : "", one->text);
		/* a source of the wrong family is wrong only if none fits */
		if (one->status != EX_USAGE)
			status = one->status;
	}
	err_set(err, status, "%s", buf_text(&said));
	buf_clear(&said);
}

int
race_connect(struct address *addresses, size_t n, const char *source,
    const char *host, int64_t until_ms, struct err *err)
{
	struct race race = { .addresses = addresses,
		.count = n,
		.source = source,
		.won = -1 };
	struct err why = ERR_INIT;
	size_t i;
	int on = 1;

	take_turns(addresses, n);
	race.attempts = xcalloc(n, sizeof(*race.attempts));
	race.polled = xcalloc(n + 1, sizeof(*race.polled));
	for (i = 0; i < n; i++)
		race.attempts[i].fd = -1;
	if (run(&race, until_ms, &why) == -1) {
		tell(&race, host, &why);
		*err = why;
	}
	for (i = 0; i < n; i++)
		if (race.attempts[i].fd != -1)
			(void)close(race.attempts[i].fd);
	free(race.attempts);
	free(race.polled);
	/* a path of a socket needs none, and says so */
	if (race.won != -1)
		(void)setsockopt(race.won, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	return race.won;
}
