/* SPDX-License-Identifier: ISC */
/* The stream without TLS, over socket pairs. */
#include "net/stream.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"
#include "net/tls.h"
#include "test.h"

#define WINDOW ((size_t)256 * 1024)

/* A stream and the other end, both non-blocking. */
static struct stream *
pair(int *other)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		fds) == -1)
		abort();
	*other = fds[1];
	return stream_new(fds[0], "peer");
}

static void
any_split(void)
{
	static const char text[] = "+OK one\r\n-ERR two\r\n.\r\n";
	struct err err = ERR_INIT;
	size_t cut, len, total = sizeof(text) - 1;
	int other;

	for (cut = 0; cut <= total; cut++) {
		struct stream *stream = pair(&other);
		char *data;

		CHECK_INT(stream_fill(stream, &err), 0);
		CHECK(write(other, text, cut) == (ssize_t)cut);
		CHECK_INT(stream_fill(stream, &err), cut > 0);
		(void)stream_input(stream, &len);
		CHECK_INT(len, cut);
		stream_consume(stream, cut / 2);
		CHECK(write(other, text + cut, total - cut) ==
		    (ssize_t)(total - cut));
		CHECK_INT(stream_fill(stream, &err), cut < total);
		data = stream_input(stream, &len);
		CHECK_MEM(data, len, text + cut / 2, total - cut / 2);
		data[0] = 'x'; /* writable: readers compact in place */
		stream_consume(stream, len);
		(void)stream_input(stream, &len);
		CHECK_INT(len, 0);
		CHECK_INT(stream_received(stream), total);
		stream_free(stream);
		close(other);
	}
}

static void
end_of_stream(void)
{
	struct err err = ERR_INIT;
	size_t len;
	int other;
	struct stream *stream = pair(&other);

	CHECK(write(other, "last", 4) == 4);
	close(other);
	CHECK_INT(stream_wait(stream, deadline_after(1000), true, -1, &err), 1);
	CHECK_INT(stream_fill(stream, &err), 1);
	CHECK_INT(stream_wait(stream, deadline_after(1000), true, -1, &err), 1);
	CHECK_INT(stream_fill(stream, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text, "peer closed the connection");
	CHECK_MEM(stream_input(stream, &len), 4, "last", 4);
	CHECK_INT(stream_fill(stream, &err), -1);
	stream_free(stream);
}

/* A refused write is told only after what the peer said last. */
static void
last_words(void)
{
	struct err err = ERR_INIT;
	size_t len;
	int other;
	struct stream *stream = pair(&other);

	CHECK(write(other, "-ERR bye\r\n", 10) == 10);
	close(other);
	stream_write(stream, "NOOP\r\n", 6);
	CHECK_INT(stream_flush(stream, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_INT(stream_wait(stream, deadline_after(1000), true, -1, &err), 1);
	CHECK_INT(stream_fill(stream, &err), 1);
	CHECK_MEM(stream_input(stream, &len), 10, "-ERR bye\r\n", 10);
	stream_free(stream);
}

static void
window_is_bounded(void)
{
	static char block[8192];
	struct err err = ERR_INIT;
	size_t len;
	int other, i;
	struct stream *stream = pair(&other);

	for (i = 0; i < 200; i++) {
		while (write(other, block, sizeof(block)) > 0)
			continue;
		CHECK(stream_fill(stream, &err) >= 0);
	}
	(void)stream_input(stream, &len);
	CHECK_INT(len, WINDOW);
	CHECK_INT(stream_fill(stream, &err), 0);
	/* nobody can take input now: it is not waited for */
	CHECK_INT(stream_wait(stream, deadline_after(20), true, -1, &err), 0);
	stream_consume(stream, 1000);
	CHECK_INT(stream_wait(stream, deadline_after(1000), true, -1, &err), 1);
	CHECK_INT(stream_fill(stream, &err), 1);
	stream_free(stream);
	close(other);
}

/* Unconsumed octets keep their order whatever is consumed between receives. */
static void
order_is_kept(void)
{
	struct err err = ERR_INIT;
	unsigned char block[3001], next_in = 0, next_out = 0;
	size_t i, len, round, used;
	char *data;
	int other;
	struct stream *stream = pair(&other);

	for (round = 0; round < 2000; round++) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = next_in++;
		CHECK(write(other, block, sizeof(block)) == sizeof(block));
		CHECK_INT(stream_fill(stream, &err), 1);
		data = stream_input(stream, &len);
		used = round % 7 == 6 ? len : len * 2 / 3;
		for (i = 0; i < used && test_bad == 0; i++)
			CHECK((unsigned char)data[i] == next_out++);
		stream_consume(stream, used);
	}
	stream_free(stream);
	close(other);
}

static void
output(void)
{
	struct err err = ERR_INIT;
	char data[64];
	int other;
	struct stream *stream = pair(&other);

	stream_write(stream, "USER a\r\n", 8);
	stream_write(stream, "", 0);
	stream_write(stream, "PASS b\r\n", 8);
	CHECK_INT(stream_unsent(stream), 16);
	CHECK_INT(recv(other, data, sizeof(data), 0), -1);
	CHECK_INT(stream_flush(stream, &err), 0);
	CHECK_INT(stream_unsent(stream), 0);
	CHECK_MEM(data, (size_t)recv(other, data, sizeof(data), 0),
	    "USER a\r\nPASS b\r\n", 16);
	/* what is left goes out at the end */
	stream_write(stream, "QUIT\r\n", 6);
	stream_free(stream);
	CHECK_MEM(data, (size_t)recv(other, data, sizeof(data), 0), "QUIT\r\n",
	    6);
	close(other);
}

/* Both directions full: input is still served, and then output goes on. */
static void
full_both_ways(void)
{
	static char block[65536];
	struct err err = ERR_INIT;
	size_t len, queued = 4 * 1024 * 1024, received = 0;
	int other, rounds = 0;
	ssize_t n;
	struct stream *stream = pair(&other);

	for (len = 0; len < queued; len += sizeof(block))
		stream_write(stream, block, sizeof(block));
	CHECK_INT(stream_flush(stream, &err), 0);
	CHECK(stream_unsent(stream) > 0);
	while (write(other, block, sizeof(block)) > 0)
		continue;
	/* the other end reads only after we have taken its octets */
	while (stream_unsent(stream) > 0 && rounds++ < 10000) {
		CHECK_INT(stream_wait(stream, deadline_after(1), true, -1,
			      &err) >= 0,
		    1);
		if (stream_fill(stream, &err) == 1) {
			(void)stream_input(stream, &len);
			stream_consume(stream, len);
		} else
			while ((n = read(other, block, sizeof(block))) > 0)
				received += (size_t)n;
	}
	CHECK_INT(stream_unsent(stream), 0);
	while ((n = read(other, block, sizeof(block))) > 0)
		received += (size_t)n;
	CHECK_INT(received, queued);
	stream_free(stream);
	close(other);
}

static void
time_passes(void)
{
	struct err err = ERR_INIT;
	int64_t start = deadline_now();
	int other;
	struct stream *stream = pair(&other);

	CHECK_INT(stream_wait(stream, deadline_after(30), true, -1, &err), 0);
	CHECK(deadline_now() - start >= 29);
	CHECK_INT(stream_wait(stream, deadline_now(), true, -1, &err), 0);
	CHECK(write(other, "a", 1) == 1);
	CHECK_INT(stream_wait(stream, deadline_now(), true, -1, &err), 1);
	stream_quickack(stream);
	stream_free(stream);
	close(other);
}

static void
clear_text_before_tls(void)
{
	struct err err = ERR_INIT;
	struct tls_options options = { .ca_file = NULL };
	int other;
	struct stream *stream = pair(&other);

	CHECK(write(other, "+OK stls\r\n+OK injected\r\n", 24) == 24);
	CHECK_INT(stream_fill(stream, &err), 1);
	stream_consume(stream, 10);
	CHECK_INT(stream_start_tls(stream, "peer", &options,
		      deadline_after(1000), &err),
	    -1);
	CHECK_INT(err.status, EX_UNAVAILABLE);
	CHECK(strstr(err.text, "sent 14 octets in the clear") != NULL);
	CHECK(stream_tls(stream) == NULL);
	/* not yet received makes no difference */
	stream_consume(stream, 14);
	CHECK(write(other, "+OK late\r\n", 10) == 10);
	CHECK_INT(stream_start_tls(stream, "peer", &options,
		      deadline_after(1000), &err),
	    -1);
	CHECK(strstr(err.text, "sent 10 octets in the clear") != NULL);
	stream_free(stream);
	close(other);
}

/* Last: the signal stays noted. */
static void
signals_interrupt(void)
{
	struct err err = ERR_INIT;
	int64_t start = deadline_now();
	int other;
	struct stream *stream = pair(&other);

	signals_install();
	raise(SIGTERM);
	CHECK_INT(stream_wait(stream, deadline_after(5000), true, -1, &err), 0);
	CHECK(deadline_now() - start < 2000);
	CHECK_INT(signals_stop(), SIGTERM);
	CHECK(write(other, "a", 1) == 1);
	CHECK_INT(stream_wait(stream, deadline_after(5000), false, -1, &err),
	    1);
	stream_free(stream);
	close(other);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST(any_split);
	TEST(end_of_stream);
	TEST(last_words);
	TEST(window_is_bounded);
	TEST(order_is_kept);
	TEST(output);
	TEST(full_both_ways);
	TEST(time_passes);
	TEST(clear_text_before_tls);
	TEST(signals_interrupt);
	return TEST_END();
}
