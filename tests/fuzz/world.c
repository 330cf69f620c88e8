/* SPDX-License-Identifier: ISC */
/*
 * The world of world.h. The linker puts the functions here before the system's
 * (ld --wrap), in poplar's objects only.
 */
#include "world.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "net/net.h"

static struct {
	const uint8_t *script;
	size_t len, connections;
	unsigned int split, turn;
	int peer;        /* the server's end; -1 */
	int said_it;     /* all of this connection */
	size_t commands; /* heard and not yet waited for */
	struct buf heard;
} world = { .peer = -1 };

/* Since the process began: poplar may keep points in time. */
static int64_t now_ms = 1000000;
static int64_t begun_ms;

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_clock_gettime(clockid_t id, struct timespec *when);
int __wrap_net_connect(const struct net_target *target, struct child *tunnel,
    int64_t until_ms, struct err *err);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);
int __wrap_sync_file_range(int fd, off_t offset, off_t n, unsigned int flags);

void
world_begin(const uint8_t *script, size_t len, unsigned int split)
{
	world_end();
	world.script = script;
	world.len = len;
	world.split = split;
	world.turn = 0;
	world.connections = 0;
	world.heard.len = 0;
	begun_ms = now_ms;
}

/* What the client has said; all of it, so that it never has to wait. */
static void
listen_to(void)
{
	char data[4096];
	ssize_t n;

	while ((n = recv(world.peer, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		buf_append(&world.heard, data, (size_t)n);
		for (ssize_t i = 0; i < n; i++)
			world.commands += data[i] == '\n';
	}
}

static void
hang_up(void)
{
	if (world.peer == -1)
		return;
	listen_to();
	close(world.peer);
	world.peer = -1;
}

void
world_end(void)
{
	hang_up();
	world.len = 0;
}

int
world_connect(void)
{
	int fds[2], size = 1 << 20;

	if (world.connections > 0) {
		const uint8_t *next =
		    memchr(world.script, WORLD_HANGS_UP, world.len);

		hang_up();
		if (next == NULL)
			return -1;
		world.len -= (size_t)(next + 1 - world.script);
		world.script = next + 1;
	}
	FUZZ_CHECK(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	world.peer = fds[1];
	world.said_it = 0;
	world.commands = 0;
	world.connections++;
	buf_append(&world.heard, "\377", 1);
	return fds[0];
}

/* May the server speak? What it waits for is taken off. */
static int
is_its_turn(void)
{
	while (world.len > 0 && *world.script == WORLD_WAITS) {
		if (world.commands == 0)
			return 0;
		world.commands--;
		world.script++;
		world.len--;
	}
	return 1;
}

/* Say the next piece, or that there is none. 0: nothing to be said now. */
static int
speak(void)
{
	size_t n = 0;
	ssize_t said;

	if (world.peer == -1 || world.said_it)
		return 0;
	listen_to();
	if (!is_its_turn())
		return 0;
	while (n < world.len && world.script[n] < WORLD_WAITS)
		n++;
	if (n == 0) {
		world.said_it = 1;
		(void)shutdown(world.peer, SHUT_WR);
		return 1;
	}
	if (world.split > 0 && n > world.turn % (world.split + 1) + 1)
		n = world.turn % (world.split + 1) + 1;
	world.turn += 7;
	said = send(world.peer, world.script, n, MSG_NOSIGNAL);
	if (said <= 0) {
		world.said_it = 1; /* the client has closed */
		return 0;
	}
	world.script += said;
	world.len -= (size_t)said;
	return 1;
}

const char *
world_heard(size_t *len)
{
	if (world.peer != -1)
		listen_to();
	*len = world.heard.len;
	return buf_text(&world.heard);
}

int64_t
world_elapsed(void)
{
	return now_ms - begun_ms;
}

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	for (;;) {
		int ready = __real_poll(fds, n, 0);

		if (ready != 0)
			return ready;
		if (!speak())
			break;
	}
	/* nobody will ever say anything any more */
	FUZZ_CHECK(timeout >= 0);
	now_ms += timeout;
	return 0;
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *when)
{
	(void)id;
	when->tv_sec = now_ms / 1000;
	when->tv_nsec = now_ms % 1000 * 1000000;
	return 0;
}

int
__wrap_net_connect(const struct net_target *target, struct child *tunnel,
    int64_t until_ms, struct err *err)
{
	int fd = world_connect();

	(void)target;
	(void)tunnel;
	(void)until_ms;
	if (fd == -1)
		return err_set(err, EX_TEMPFAIL, "nobody is there");
	return fd;
}

int
__wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

int
__wrap_fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
__wrap_syncfs(int fd)
{
	(void)fd;
	return 0;
}

int
__wrap_sync_file_range(int fd, off_t offset, off_t n, unsigned int flags)
{
	(void)fd;
	(void)offset;
	(void)n;
	(void)flags;
	return 0;
}
