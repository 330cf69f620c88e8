/* SPDX-License-Identifier: ISC */
/*
 * A connection's two queues. Input is a window of WINDOW octets in one run,
 * made at the first receive; what is not consumed moves to its front only when
 * there is little or no room behind it. Output is sent whole by stream_flush,
 * and wiped behind what was sent, as a password may have been in it.
 */
#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "net/tls.h"

#define WINDOW ((size_t)256 * 1024)
#define MOVE_CHEAP ((size_t)4 * 1024) /* not worth keeping where it is */
#define ROOM_SMALL (WINDOW / 4)
#define OUT_FIRST ((size_t)1024)

struct stream {
	int fd;
	char *peer;      /* owned */
	struct tls *tls; /* owned; NULL without TLS */

	char *window; /* owned; NULL before the first receive */
	size_t in_start, in_len;
	bool closed;

	char *out; /* owned */
	size_t out_start, out_len, out_cap;

	uint64_t received; /* in the clear */
};

struct stream *
stream_new(int fd, const char *peer)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));

	stream->fd = fd;
	stream->peer = xstrdup(peer);
	log_debug(1, "= connected to %s", peer);
	return stream;
}

const char *
stream_peer(const struct stream *stream)
{
	return stream->peer;
}

void
stream_free(struct stream *stream)
{
	struct err unused = ERR_INIT;

	if (stream == NULL)
		return;
	if (!stream->closed)
		(void)stream_flush(stream, &unused);
	tls_free(stream->tls);
	(void)close(stream->fd);
	if (stream->out != NULL)
		explicit_bzero(stream->out, stream->out_cap);
	free(stream->out);
	free(stream->window);
	free(stream->peer);
	free(stream);
}

int
stream_start_tls(struct stream *stream, const char *host,
    const struct tls_options *options, int64_t until_ms, struct err *err)
{
	/* a server that has said +OK is silent until we begin */
	if (stream->received > 0 && stream->in_len == 0 &&
	    stream_fill(stream, err) == -1)
		return -1;
	if (stream->in_len > 0)
		return err_set(err, EX_UNAVAILABLE,
		    "%s sent %zu octets in the clear where TLS was to begin: "
		    "somebody may be tampering with the connection",
		    stream->peer, stream->in_len);
	stream->tls = tls_start(stream->fd, host, options, until_ms, err);
	if (stream->tls == NULL)
		return -1;
	log_debug(1, "= TLS with %s", stream->peer);
	return 0;
}

struct tls *
stream_tls(const struct stream *stream)
{
	return stream->tls;
}

/* ---- input ---- */

char *
stream_input(const struct stream *stream, size_t *len)
{
	static char nothing[1];

	*len = stream->in_len;
	if (stream->window == NULL)
		return nothing;
	return stream->window + stream->in_start;
}

void
stream_consume(struct stream *stream, size_t len)
{
	stream->in_start += len;
	stream->in_len -= len;
	if (stream->in_len == 0)
		stream->in_start = 0;
}

/* Room behind what is unconsumed; 0: the window is full. */
static size_t
make_room(struct stream *stream)
{
	size_t room;

	if (stream->window == NULL)
		stream->window = xmalloc(WINDOW);
	room = WINDOW - stream->in_start - stream->in_len;
	if (stream->in_start > 0 &&
	    (stream->in_len <= MOVE_CHEAP || room < ROOM_SMALL)) {
		memmove(stream->window, stream->window + stream->in_start,
		    stream->in_len);
		stream->in_start = 0;
		room = WINDOW - stream->in_len;
	}
	return room;
}

static int
lost(struct stream *stream, struct err *err)
{
	stream->closed = true;
	return err_set(err, EX_TEMPFAIL, "%s closed the connection",
	    stream->peer);
}

static ssize_t
receive(struct stream *stream, char *data, size_t len, struct err *err)
{
	ssize_t n;

	if (stream->tls != NULL) {
		n = tls_recv(stream->tls, data, len, err);
		if (n == -2)
			return lost(stream, err);
		stream->closed = n == -1;
		return n;
	}
	do
		n = recv(stream->fd, data, len, 0);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == 0)
		return lost(stream, err);
	if (n == -1) {
		stream->closed = true;
		return err_sys(err, EX_TEMPFAIL, "lost the connection to %s",
		    stream->peer);
	}
	stream->received += (uint64_t)n;
	return n;
}

int
stream_fill(struct stream *stream, struct err *err)
{
	size_t room;
	ssize_t n;

	/* TLS keeps what ended it; a socket says it again */
	room = make_room(stream);
	if (room == 0)
		return 0;
	n = receive(stream, stream->window + stream->in_start + stream->in_len,
	    room, err);
	if (n <= 0)
		return (int)n;
	stream->in_len += (size_t)n;
	return 1;
}

/* ---- output ---- */

void
stream_write(struct stream *stream, const void *data, size_t len)
{
	size_t cap;
	char *out;

	if (stream->out_start + stream->out_len + len > stream->out_cap) {
		cap = stream->out_cap > 0 ? stream->out_cap : OUT_FIRST;
		while (cap < stream->out_len + len)
			cap *= 2;
		/* not realloc: it would leave a copy of secrets behind */
		out = xmalloc(cap);
		if (stream->out != NULL) {
			memcpy(out, stream->out + stream->out_start,
			    stream->out_len);
			explicit_bzero(stream->out, stream->out_cap);
			free(stream->out);
		}
		stream->out = out;
		stream->out_cap = cap;
		stream->out_start = 0;
	}
	if (len > 0)
		memcpy(stream->out + stream->out_start + stream->out_len, data,
		    len);
	stream->out_len += len;
}

static ssize_t
transmit(struct stream *stream, const char *data, size_t len, struct err *err)
{
	ssize_t n;

	if (stream->tls != NULL)
		return tls_send(stream->tls, data, len, err);
	do
		n = send(stream->fd, data, len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == -1)
		return err_sys(err, EX_TEMPFAIL, "lost the connection to %s",
		    stream->peer);
	return n;
}

int
stream_flush(struct stream *stream, struct err *err)
{
	char *data;
	ssize_t n;

	while (stream->out_len > 0) {
		data = stream->out + stream->out_start;
		n = transmit(stream, data, stream->out_len, err);
		if (n <= 0)
			return (int)n;
		explicit_bzero(data, (size_t)n);
		stream->out_start += (size_t)n;
		stream->out_len -= (size_t)n;
	}
	stream->out_start = 0;
	return 0;
}

size_t
stream_unsent(const struct stream *stream)
{
	return stream->out_len;
}

/* ---- waiting ---- */

/* What to ask poll(2) for; 0: nothing. */
static short
events_wanted(const struct stream *stream, bool room)
{
	short handshaking =
	    stream->tls != NULL ? tls_handshaking(stream->tls) : 0;

	if (handshaking != 0)
		return room ? handshaking : 0;
	return (
	    short)((room ? POLLIN : 0) | (stream->out_len > 0 ? POLLOUT : 0));
}

/*
 * poll(2) told revents. 1: input; 0: go on waiting; -1. A peer that has said
 * its last word and closed is heard before a failed write is told.
 */
static int
woken(struct stream *stream, short revents, bool room, struct err *err)
{
	struct err write_err = ERR_INIT;
	int rc = 0;

	if (stream->tls != NULL && tls_handshaking(stream->tls) != 0)
		return 1; /* stream_fill goes on with it */
	if (stream->out_len > 0 && (revents & ~POLLIN) != 0)
		rc = stream_flush(stream, &write_err);
	if (room && (revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		return 1;
	if (rc == -1)
		*err = write_err;
	return rc;
}

int
stream_wait(struct stream *stream, int64_t until_ms, bool interruptible,
    int wake_fd, struct err *err)
{
	struct pollfd fds[3];
	bool room;
	int n;

	fds[1].fd = interruptible ? signals_fd() : -1;
	fds[2].fd = wake_fd;
	fds[1].events = fds[2].events = POLLIN;
	room = stream->in_len < WINDOW;
	if (room && stream->tls != NULL && tls_pending(stream->tls))
		return woken(stream, POLLIN | POLLOUT, room, err);
	for (;;) {
		fds[0].events = events_wanted(stream, room);
		/* nothing to ask: POLLHUP alone would not let us sleep */
		fds[0].fd = fds[0].events != 0 ? stream->fd : -1;
		n = poll(fds, 3, deadline_poll(until_ms));
		if (n == -1 && errno != EINTR)
			return err_sys(err, EX_OSERR, "poll");
		if (n > 0 && (fds[1].revents != 0 || fds[2].revents != 0))
			return 0;
		if (n > 0 && fds[0].revents != 0) {
			n = woken(stream, fds[0].revents, room, err);
			if (n != 0)
				return n;
		}
		if (deadline_now() >= until_ms)
			return 0;
	}
}

void
stream_quickack(struct stream *stream)
{
	int on = 1;

	/* no TCP underneath (Unix socket, tunnel): nothing to hurry */
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_QUICKACK, &on,
	    sizeof(on));
}

uint64_t
stream_received(const struct stream *stream)
{
	return stream->received +
	    (stream->tls != NULL ? tls_received(stream->tls) : 0);
}
