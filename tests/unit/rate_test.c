/* SPDX-License-Identifier: ISC */
/*
 * A server that drips: inside a reply less than 64 octets a second, over a
 * minute, end the session. The clock is ours, so that the minutes are none.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "net/stream.h"
#include "pop3/pop3.h"
#include "test.h"

/* In place of base/deadline.c: each look at the clock takes this long. */
static int64_t clock_ms, look_ms;

int64_t
deadline_now(void)
{
	return clock_ms += look_ms;
}

int64_t
deadline_after(int64_t ms)
{
	return clock_ms + ms;
}

int64_t
deadline_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int
deadline_poll(int64_t at)
{
	(void)at;
	return 0;
}

static void
say(int fd, const char *text)
{
	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

static uint64_t taken;

static int
take(void *arg, const char *data, size_t len, struct err *err)
{
	(void)arg;
	(void)data;
	(void)err;
	taken += len;
	return 0;
}

/*
 * RETR, its body coming n octets at a time, each after some looks at the
 * clock. Returns the seconds after which the session was dead, or 0.
 */
static int64_t
drip(int n, int64_t ms, int seconds, int timeout_ms, struct err *err)
{
	struct pop3_options options = { .timeout_ms = timeout_ms,
		.until_ms = DEADLINE_NEVER };
	struct pop3_request retr = { .shape = POP3_BODY, .body = take };
	char piece[256];
	struct pop3 *pop3;
	int64_t from, dead = 0;
	int fds[2];

	*err = (struct err)ERR_INIT;
	look_ms = 0;
	memset(piece, 'x', sizeof(piece));
	piece[n] = '\0';
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_INT(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	pop3 = pop3_new(stream_new(fds[0], "work"), &options);
	say(fds[1], "+OK\r\n");
	CHECK_INT(pop3_greeting(pop3, err), 0);
	CHECK_INT(pop3_submit(pop3, &retr, err, "RETR 1"), 0);
	(void)pop3_step(pop3, clock_ms, err); /* it goes out */
	say(fds[1], "+OK\r\nA");
	CHECK_INT(pop3_step(pop3, clock_ms, err), 1);
	CHECK_INT(taken, 1);
	look_ms = ms;
	from = clock_ms;
	while (dead == 0 && clock_ms - from < seconds * 1000) {
		if (write(fds[1], piece, (size_t)n) != n ||
		    pop3_step(pop3, DEADLINE_NEVER, err) == -1)
			dead = (clock_ms - from) / 1000;
	}
	pop3_free(pop3);
	(void)close(fds[1]);
	taken = 0;
	return dead;
}

static void
slow(void)
{
	struct err err;
	int64_t dead = drip(1, 300, 600, 60000, &err);

	CHECK(dead >= 60);
	CHECK(dead <= 240);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text, "work sends less than 64 octets a second");
}

static void
fast_enough(void)
{
	struct err err;

	CHECK_INT(drip(200, 300, 600, 60000, &err), 0);
	CHECK_STR(err.text, "");
}

/* A minute where more time is given than that, or any. */
static void
timeouts(void)
{
	static const struct {
		int timeout_ms;
		int64_t least, most;
	} table[] = {
		{ 5000, 5, 20 },
		{ 20000, 20, 80 },
		{ 300000, 60, 240 },
		{ 0, 60, 240 },
	};
	struct err err;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t dead = drip(1, 300, 600, table[i].timeout_ms, &err);

		CHECK(dead >= table[i].least);
		CHECK(dead <= table[i].most);
		CHECK_STR(err.text, "work sends less than 64 octets a second");
		CHECK_INT(drip(200, 300, 600, table[i].timeout_ms, &err), 0);
	}
}

int
main(void)
{
	TEST(slow);
	TEST(timeouts);
	TEST(fast_enough);
	return TEST_END();
}
