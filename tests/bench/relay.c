/* SPDX-License-Identifier: ISC */
/*
 * A long line on loopback: relays TCP connections to a port of 127.0.0.1 and
 * delays each direction by half a round trip. MBIT is what each direction of a
 * connection carries in a second, in 10^6 bits (without it: no limit).
 *
 *	relay RTT_MS PORT [MBIT]
 *
 * Prints "port N" and ends when its standard input does.  Connecting also
 * costs a round trip: the client's kernel says "connected" at once, so what the
 * client sends first waits a round trip longer, and the server sees the
 * connection when the third packet of the handshake would have come.
 */

#include "listen.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_OCTETS 131072
#define WAY_MAX_OCTETS (256u << 20)
#define LIFE_S 3600

struct chunk {
	struct chunk *next;
	int64_t due_ns;
	size_t len;
	size_t sent;
	char data[];
};

/* One direction. */
struct way {
	int from;
	int to;
	struct chunk *first;
	struct chunk **last;
	size_t octets;
	int64_t busy_ns; /* until then the line carries what came before */
	bool ended;      /* from has reached its end */
	bool closed;     /* and to has been told */
};

static int64_t half_ns;
static double ns_per_octet;

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
take(struct way *way)
{
	static char buf[CHUNK_OCTETS];
	struct chunk *chunk;
	ssize_t n = recv(way->from, buf, sizeof(buf), 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = 0;
	chunk = malloc(sizeof(*chunk) + (size_t)n);
	if (chunk == NULL)
		err(71, "malloc");
	__builtin_memcpy(chunk->data, buf, (size_t)n);
	if (way->busy_ns < now_ns())
		way->busy_ns = now_ns();
	way->busy_ns += (int64_t)((double)n * ns_per_octet);
	chunk->due_ns = way->busy_ns + half_ns;
	chunk->len = (size_t)n;
	chunk->sent = 0;
	chunk->next = NULL;
	*way->last = chunk;
	way->last = &chunk->next;
	way->octets += (size_t)n;
	/* An empty chunk is the end, which travels as slowly as the rest. */
	way->ended = n == 0;
}

/* Send what is due; true when the other side takes no more at the moment. */
static bool
give(struct way *way)
{
	struct chunk *chunk;
	ssize_t n;

	while ((chunk = way->first) != NULL && chunk->due_ns <= now_ns()) {
		if (chunk->len == 0) {
			shutdown(way->to, SHUT_WR);
			way->closed = true;
		}
		while (chunk->sent < chunk->len) {
			n = send(way->to, chunk->data + chunk->sent,
			    chunk->len - chunk->sent, MSG_NOSIGNAL);
			if (n == -1 && errno == EAGAIN)
				return true;
			if (n == -1)
				exit(0);
			chunk->sent += (size_t)n;
		}
		way->octets -= chunk->len;
		way->first = chunk->next;
		if (way->first == NULL)
			way->last = &way->first;
		free(chunk);
	}
	return false;
}

static struct timespec
until(const struct way *up, bool up_full, const struct way *down,
    bool down_full)
{
	int64_t wait_ns = 1000000000;
	int64_t now = now_ns();
	struct timespec ts;

	if (!up_full && up->first != NULL && up->first->due_ns - now < wait_ns)
		wait_ns = up->first->due_ns - now;
	if (!down_full && down->first != NULL &&
	    down->first->due_ns - now < wait_ns)
		wait_ns = down->first->due_ns - now;
	if (wait_ns < 0)
		wait_ns = 0;
	ts.tv_sec = wait_ns / 1000000000;
	ts.tv_nsec = wait_ns % 1000000000;
	return ts;
}

static bool
may_take(const struct way *way)
{
	return !way->ended && way->octets < WAY_MAX_OCTETS;
}

static void
relay(struct way *up, struct way *down)
{
	struct pollfd fds[2];
	struct timespec ts;
	bool up_full;
	bool down_full;

	while (!up->closed || !down->closed) {
		up_full = give(up);
		down_full = give(down);
		fds[0].fd = up->from;
		fds[0].events = (short)((may_take(up) ? POLLIN : 0) |
		    (down_full ? POLLOUT : 0));
		fds[1].fd = down->from;
		fds[1].events = (short)((may_take(down) ? POLLIN : 0) |
		    (up_full ? POLLOUT : 0));
		/* Else poll reports a hang-up again and again. */
		if (fds[0].events == 0)
			fds[0].fd = -1;
		if (fds[1].events == 0)
			fds[1].fd = -1;
		ts = until(up, up_full, down, down_full);
		if (ppoll(fds, 2, &ts, NULL) == -1 && errno != EINTR)
			err(71, "ppoll");
		if (may_take(up) && fds[0].fd != -1 && fds[0].revents != 0)
			take(up);
		if (may_take(down) && fds[1].fd != -1 && fds[1].revents != 0)
			take(down);
	}
}

static void
set_up(int fd)
{
	int on = 1;
	int octets = 4 << 20;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void
sleep_until(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void
serve(int client, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int64_t start_ns = now_ns();
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct way up = { .from = client, .to = server, .last = &up.first };
	struct way down = { .from = server, .to = client, .last = &down.first };
	struct pollfd fds = { .fd = client, .events = POLLIN };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	set_up(client);
	/* Now the client is connected, and what it has sent sets out. */
	sleep_until(start_ns + 2 * half_ns);
	if (poll(&fds, 1, 0) == 1)
		take(&up);
	/* Now the server hears of it. */
	sleep_until(start_ns + 3 * half_ns);
	if (connect(server, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		exit(1);
	set_up(server);
	relay(&up, &down);
}

int
main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int client;

	if (argc != 3 && argc != 4)
		errx(64, "usage: relay RTT_MS PORT [MBIT]");
	half_ns = (int64_t)(strtod(argv[1], NULL) * 1e6 / 2);
	if (argc == 4)
		ns_per_octet = 8e3 / strtod(argv[3], NULL);
	signal(SIGCHLD, SIG_IGN);
	alarm(LIFE_S);
	fds[0].fd = listen_loopback();
	fds[1].fd = STDIN_FILENO;
	while (poll(fds, 2, -1) != -1 && fds[1].revents == 0) {
		client = accept(fds[0].fd, NULL, NULL);
		if (client == -1)
			continue;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			alarm(LIFE_S);
			close(fds[0].fd);
			serve(client, atoi(argv[2]));
			_exit(0);
		}
		close(client);
	}
	return 0;
}
