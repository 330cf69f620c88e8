/* SPDX-License-Identifier: ISC */
/* The request queue, against a peer that answers commands from a table. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "net/stream.h"
#include "pop3/pop3.h"
#include "test.h"

struct turn {
	const char *command; /* NULL: say it unasked, at once */
	const char *reply;
};

static pid_t peer_pid;

/* How many whole lines are waiting to be read? */
static int
lines_waiting(int fd)
{
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
	int lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += data[i] == '\n';
	return lines;
}

static int
read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return n > 1 && line[n - 1] == '\n';
}

/* Exit 0: everything expected was heard, one at a time if lockstep. */
static void
play(int fd, const struct turn *turns, size_t n, int lockstep)
{
	char line[512], want[512];
	size_t i;

	for (i = 0; i < n; i++) {
		const char *reply = turns[i].reply;

		if (turns[i].command != NULL) {
			if (!read_line(fd, line, sizeof(line)))
				_exit(1);
			(void)snprintf(want, sizeof(want), "%s\r\n",
			    turns[i].command);
			if (strcmp(line, want) != 0)
				_exit(2);
			if (lockstep && lines_waiting(fd) > 0)
				_exit(3);
		}
		if (write(fd, reply, strlen(reply)) != (ssize_t)strlen(reply))
			_exit(4);
	}
	(void)shutdown(fd, SHUT_WR);
	while (read_line(fd, line, sizeof(line)))
		if (strcmp(line, "QUIT\r\n") != 0)
			_exit(5);
	_exit(0);
}

static struct pop3 *
begin_with(const struct turn *turns, size_t n, int lockstep,
    const struct pop3_options *options)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		abort();
	fflush(stdout);
	peer_pid = fork();
	if (peer_pid == 0) {
		close(fds[0]);
		play(fds[1], turns, n, lockstep);
	}
	close(fds[1]);
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return pop3_new(stream_new(fds[0], "peer"), options);
}

static struct pop3 *
begin(const struct turn *turns, size_t n, int lockstep, int timeout_ms)
{
	struct pop3_options options = { .timeout_ms = timeout_ms,
		.until_ms = DEADLINE_NEVER };

	return begin_with(turns, n, lockstep, &options);
}

/* The peer's verdict. */
static int
finish(struct pop3 *pop3)
{
	int status;

	pop3_free(pop3);
	(void)waitpid(peer_pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define BEGIN(turns, lockstep)                                                 \
	begin(turns, sizeof(turns) / sizeof((turns)[0]), lockstep, 5000)

static int
collect(void *arg, const char *data, size_t len, struct err *err)
{
	(void)err;
	strncat(arg, data, len);
	return 0;
}

static int
count_list(void *arg, uint32_t num, uint64_t octets, struct err *err)
{
	char text[64];

	(void)err;
	(void)snprintf(text, sizeof(text), "%u:%u ", (unsigned int)num,
	    (unsigned int)octets);
	strcat(arg, text);
	return 0;
}

static int
count_uidl(void *arg, uint32_t num, const char *uid, size_t len,
    struct err *err)
{
	char text[96];

	(void)err;
	(void)snprintf(text, sizeof(text), "%u:%.*s ", (unsigned int)num,
	    (int)len, uid);
	strcat(arg, text);
	return 0;
}

static void
plain_calls(void)
{
	static const struct turn turns[] = {
		{ NULL, "+OK hello <1.2@x>\r\n" },
		{ "STAT", "+OK 2 320\r\n" },
		{ "LIST", "+OK any text\r\n1 120\r\n2 200 more\r\n.\r\n" },
		{ "LIST 2", "+OK 2 200\r\n" },
		{ "UIDL", "+OK\r\n1 a b\r\n2 whqt\r\n.\r\n" },
		{ "UIDL 1", "+OK 1 a b\r\n" },
		{ "RETR 1", "+OK 9 octets\r\n..a\r\nb\r\n.\r\n" },
		{ "TOP 1 0", "+OK\r\nh\r\n\r\n.\r\n" },
		{ "NOOP", "+OK\n" },
		{ "UTF8", "+OK\r\n" },
		{ "QUIT", "+OK bye\r\n" },
	};
	struct err err = ERR_INIT;
	struct pop3 *pop3 = BEGIN(turns, 1);
	struct pop3_stat stat;
	char text[256] = "";
	uint64_t octets = 0;

	CHECK_INT(pop3_greeting(pop3, &err), 0);
	CHECK_STR(pop3_greeting_text(pop3), "hello <1.2@x>");
	CHECK_INT(pop3_stat(pop3, &stat, &err), 0);
	CHECK_INT(stat.count, 2);
	CHECK_INT(stat.octets, 320);
	CHECK_INT(pop3_list(pop3, 0, count_list, text, &err), 0);
	CHECK_INT(pop3_list(pop3, 2, count_list, text, &err), 0);
	CHECK_STR(text, "1:120 2:200 2:200 ");
	text[0] = '\0';
	CHECK_INT(pop3_uidl(pop3, 0, count_uidl, text, &err), 0);
	CHECK_INT(pop3_uidl(pop3, 1, count_uidl, text, &err), 0);
	CHECK_STR(text, "1:a b 2:whqt 1:a b ");
	text[0] = '\0';
	CHECK_INT(pop3_retr(pop3, 1, collect, text, &octets, &err), 0);
	CHECK_STR(text, ".a\nb\n");
	CHECK_INT(octets, 7);
	text[0] = '\0';
	CHECK_INT(pop3_top(pop3, 1, 0, collect, text, &err), 0);
	CHECK_STR(text, "h\n\n");
	CHECK_INT(pop3_noop(pop3, &err), 0);
	CHECK_INT(pop3_utf8(pop3, &err), 0);
	CHECK_INT(pop3_quit(pop3, &err), 0);
	CHECK_STR(err.text, "");
	CHECK_INT(finish(pop3), 0);
}

static void
refusals(void)
{
	static const struct turn turns[] = {
		{ NULL, "+OK\r\n" },
		{ "STAT", "-ERR mailbox \033locked\r\n" },
		{ "NOOP", "-ERR [SYS/TEMP] later\r\n" },
		{ "RETR 3", "-ERR gone\r\n" },
		{ "NOOP", "+OK\r\n" },
	};
	struct err err = ERR_INIT;
	struct pop3 *pop3 = BEGIN(turns, 1);
	struct pop3_request request = { .shape = POP3_LINE };
	struct pop3_stat stat;

	CHECK_INT(pop3_greeting(pop3, &err), 0);
	CHECK_INT(pop3_stat(pop3, &stat, &err), -1);
	CHECK_INT(err.status, EX_UNAVAILABLE);
	CHECK_STR(err.text, "peer refused STAT: mailbox \\^[locked");
	CHECK_INT(pop3_noop(pop3, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_INT(pop3_retr(pop3, 3, collect, NULL, NULL, &err), -1);
	CHECK_STR(err.text, "peer refused RETR 3: gone");
	CHECK_INT(pop3_noop(pop3, &err), 0);
	CHECK_INT(pop3_submit(pop3, &request, &err, "X %0300d", 0), -1);
	CHECK_INT(err.status, EX_USAGE);
	CHECK_INT(pop3_submit(pop3, &request, &err, "X %s", "a\r\nDELE 1"), -1);
	CHECK_INT(err.status, EX_USAGE);
	CHECK_INT(finish(pop3), 0);
}

/* Each greeting or reply kills the session, with this status. */
static void
out_of_step(void)
{
	static const struct {
		const char *greeting, *reply;
		int status;
	} cases[] = {
		{ "HTTP/1.1 400\r\n", NULL, EX_PROTOCOL },
		{ "-ERR [IN-USE] no\r\n", NULL, EX_TEMPFAIL },
		{ "-ERR no\r\n", NULL, EX_UNAVAILABLE },
		{ "+OK\r\n", "what\r\n", EX_PROTOCOL },
		{ "+OK\r\n", "", EX_TEMPFAIL },
		{ "+OK\r\n", "+OK 1 2", EX_TEMPFAIL },
		{ "+OK\r\n", "+OK one 2\r\n", EX_PROTOCOL },
		{ "+OK\r\n", "+OK -1 2\r\n", EX_PROTOCOL },
		{ "+OK\r\n", "+OK 9223372036854775808 2\r\n", EX_PROTOCOL },
		{ "+OK\r\n", "+OK 1 9223372036854775808\r\n", EX_PROTOCOL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct turn turns[] = {
			{ NULL, cases[i].greeting },
			{ "STAT", cases[i].reply },
		};
		struct err err = ERR_INIT;
		struct pop3 *pop3 =
		    begin(turns, cases[i].reply == NULL ? 1 : 2, 1, 5000);
		struct pop3_stat stat;

		if (pop3_greeting(pop3, &err) == 0)
			CHECK_INT(pop3_stat(pop3, &stat, &err), -1);
		CHECK_INT(err.status, cases[i].status);
		CHECK_INT(finish(pop3), 0);
	}
}

static void
unasked(void)
{
	static const struct turn turns[] = {
		{ NULL, "+OK\r\n" },
		{ "NOOP", "+OK\r\n+OK one too many\r\n" },
	};
	static const struct turn farewell[] = {
		{ NULL, "+OK\r\n" },
		{ "NOOP", "+OK\r\n-ERR shutting down\r\n" },
	};
	struct err err = ERR_INIT;
	struct pop3 *pop3 = BEGIN(turns, 1);

	CHECK_INT(pop3_greeting(pop3, &err), 0);
	/* said at once or at the next command, as it arrives */
	if (pop3_noop(pop3, &err) == 0)
		CHECK_INT(pop3_noop(pop3, &err), -1);
	CHECK_INT(err.status, EX_PROTOCOL);
	CHECK(pop3_dead(pop3));
	CHECK_INT(finish(pop3), 0);

	pop3 = BEGIN(farewell, 1);
	CHECK_INT(pop3_greeting(pop3, &err), 0);
	if (pop3_noop(pop3, &err) == 0)
		CHECK_INT(pop3_noop(pop3, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text, "peer ended the session: -ERR shutting down");
	CHECK_INT(finish(pop3), 0);
}

static void
listings(void)
{
	static const struct {
		const char *lines;
		int status;
	} cases[] = {
		{ "+OK\r\n1 10\r\n2 10\r\n.\r\n", 0 },
		{ "+OK\r\n.\r\n", 0 },
		{ "+OK\r\n2 10\r\n1 10\r\n3 10\r\n.\r\n", 0 },
		{ "+OK\r\n0 10\r\n.\r\n", EX_PROTOCOL },
		{ "+OK\r\n-1 10\r\n.\r\n", EX_PROTOCOL },
		{ "+OK\r\n4294967296 10\r\n.\r\n", EX_PROTOCOL },
		{ "+OK\r\n1 99999999999999999999\r\n.\r\n", EX_PROTOCOL },
		{ "+OK\r\n1\r\n.\r\n", EX_PROTOCOL },
		{ "+OK\r\n1 10\r\n", EX_TEMPFAIL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct turn turns[] = {
			{ NULL, "+OK\r\n" },
			{ "LIST", cases[i].lines },
		};
		struct err err = ERR_INIT;
		struct pop3 *pop3 = BEGIN(turns, 1);
		char text[256] = "";

		CHECK_INT(pop3_greeting(pop3, &err), 0);
		CHECK_INT(pop3_list(pop3, 0, count_list, text, &err),
		    cases[i].status == 0 ? 0 : -1);
		CHECK_INT(err.status, cases[i].status);
		CHECK_INT(finish(pop3), 0);
	}
}

/* 200 commands go out together once CAPA after login says PIPELINING. */
static void
pipelines(void)
{
	static struct turn turns[202];
	static char commands[200][24], replies[200][64];
	struct pop3_request requests[200];
	struct err err = ERR_INIT;
	struct pop3 *pop3;
	char text[8192] = "";

	turns[0] = (struct turn){ NULL, "+OK\r\n" };
	turns[1] = (struct turn){ "CAPA", "+OK\r\nPIPELINING\r\n.\r\n" };
	for (int i = 0; i < 200; i++) {
		(void)snprintf(commands[i], sizeof(commands[i]), "RETR %d",
		    i + 1);
		(void)snprintf(replies[i], sizeof(replies[i]),
		    i % 7 == 3 ? "-ERR %d\r\n" : "+OK\r\n%d\r\n.\r\n", i);
		turns[i + 2] = (struct turn){ commands[i], replies[i] };
	}
	pop3 = BEGIN(turns, 0);
	CHECK_INT(pop3_greeting(pop3, &err), 0);
	CHECK_INT(pop3_capa(pop3, &err), 0);
	CHECK(!pop3_pipelining(pop3));
	pop3_logged_in(pop3);
	CHECK(pop3_pipelining(pop3));
	memset(requests, 0, sizeof(requests));
	for (int i = 0; i < 200; i++) {
		requests[i].shape = POP3_BODY;
		requests[i].body = collect;
		requests[i].arg = text;
		CHECK(pop3_has_room(pop3));
		CHECK_INT(pop3_submit(pop3, &requests[i], &err, "RETR %d",
			      i + 1),
		    0);
	}
	CHECK_INT(pop3_outstanding(pop3), 200);
	CHECK_INT(pop3_drain(pop3, &err), 0);
	for (int i = 0; i < 200; i++)
		CHECK_INT(requests[i].result, i % 7 == 3 ? POP3_ERR : POP3_OK);
	CHECK(strncmp(text, "0\n1\n2\n4\n", 8) == 0);
	CHECK_INT(finish(pop3), 0);
}

static void
lost_requests(void)
{
	static const struct turn turns[] = {
		{ NULL, "+OK\r\n" },
		{ "RETR 1", "+OK\r\nhalf" },
	};
	struct pop3_request requests[2];
	struct err err = ERR_INIT;
	struct pop3 *pop3 = BEGIN(turns, 1);
	char text[64] = "";

	CHECK_INT(pop3_greeting(pop3, &err), 0);
	memset(requests, 0, sizeof(requests));
	for (int i = 0; i < 2; i++) {
		requests[i].shape = POP3_BODY;
		requests[i].body = collect;
		requests[i].arg = text;
		CHECK_INT(pop3_submit(pop3, &requests[i], &err, "RETR %d",
			      i + 1),
		    0);
	}
	CHECK_INT(pop3_drain(pop3, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_INT(requests[0].result, POP3_LOST);
	CHECK_INT(requests[1].result, POP3_LOST);
	CHECK_STR(text, "half");
	CHECK_INT(pop3_noop(pop3, &err), -1);
	CHECK_INT(finish(pop3), 0);
}

static void
silence(void)
{
	struct pop3_options options = { .timeout_ms = 50,
		.until_ms = DEADLINE_NEVER };
	struct err err = ERR_INIT;
	struct pop3 *pop3;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		abort();
	pop3 = pop3_new(stream_new(fds[0], "peer"), &options);
	CHECK_INT(pop3_greeting(pop3, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK(strstr(err.text, "did not answer") != NULL);
	pop3_free(pop3);
	close(fds[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		abort();
	options.timeout_ms = 0;
	options.until_ms = deadline_after(20);
	pop3 = pop3_new(stream_new(fds[1], "peer"), &options);
	CHECK_INT(pop3_greeting(pop3, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK(strstr(err.text, "deadline") != NULL);
	pop3_free(pop3);
	close(fds[0]);
}

/* Silence and a list without end are not waited for as long as all else. */
static void
deadly_capa(void)
{
	static const struct {
		const char *says;
		int closes, fatal;
		const char *want;
	} tests[] = {
		{ "+OK\r\n", 0, 1, "peer did not answer CAPA within 1 second" },
		{ "+OK\r\n+OK\r\nUSER\r\n", 0, 1,
		    "peer did not answer CAPA within 1 second" },
		{ "+OK\r\n", 1, 1,
		    "peer closed the connection in answer to CAPA" },
		{ "+OK\r\n+OK\r\n", 1, 1,
		    "peer closed the connection within its answer to CAPA" },
		{ "+OK\r\nwhat?\r\n", 0, 1,
		    "peer answered CAPA with something that is not a POP3 "
		    "reply: what?" },
		{ "+OK\r\n-ERR\r\n", 1, 1, "peer closed the connection" },
		/* these do not */
		{ "-ERR\r\n", 1, 0, "peer refused the connection" },
		{ "", 1, 0, "peer closed the connection before its greeting" },
		{ "+OK\r\n+OK\r\n.\r\n", 1, 0, "peer closed the connection" },
	};
	struct pop3_options options = { .timeout_ms = 600000,
		.until_ms = DEADLINE_NEVER,
		.early = true,
		.capa_ms = 100 };

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct err err = ERR_INIT;
		struct pop3 *pop3;
		size_t len = strlen(tests[i].says);
		int fds[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) ==
		    -1)
			abort();
		CHECK_INT(write(fds[1], tests[i].says, len), len);
		if (tests[i].closes)
			(void)shutdown(fds[1], SHUT_WR);
		pop3 = pop3_new(stream_new(fds[0], "peer"), &options);
		CHECK_INT(pop3_capa_submit(pop3, &err), 0);
		CHECK_INT(pop3_greeting(pop3, &err) == -1 ||
			pop3_capa_finish(pop3, &err) == -1 ||
			pop3_noop(pop3, &err) == -1,
		    1);
		CHECK_STR(err.text, tests[i].want);
		CHECK_INT(pop3_capa_fatal(pop3), tests[i].fatal);
		pop3_free(pop3);
		close(fds[1]);
	}
}

/* As if it had been refused, without asking. */
static void
no_capa(void)
{
	static const struct turn turns[] = {
		{ NULL, "+OK\r\n" },
		{ "NOOP", "+OK\r\n" },
	};
	struct pop3_options options = { .timeout_ms = 5000,
		.until_ms = DEADLINE_NEVER,
		.no_capa = true };
	struct err err = ERR_INIT;
	struct pop3 *pop3 = begin_with(turns, 2, 1, &options);

	CHECK_INT(pop3_greeting(pop3, &err), 0);
	CHECK_INT(pop3_capa(pop3, &err), 0);
	CHECK_INT(pop3_capa_known(pop3), 0);
	CHECK_INT(pop3_caps(pop3), 0);
	CHECK_INT(pop3_noop(pop3, &err), 0);
	CHECK_INT(finish(pop3), 0);
}

static void
capabilities(void)
{
	static const struct turn turns[] = {
		{ NULL, "+OK\r\n" },
		{ "CAPA",
		    "+OK\r\ntop\r\nUIDL\r\nEXPIRE 30 USER\r\nUTF8 USER\r\n"
		    "SASL PLAIN CRAM-MD5\r\nEXPIRENEVER\r\nPIPELINE\r\n"
		    ".\r\n" },
		{ "CAPA", "-ERR\r\n" },
	};
	struct err err = ERR_INIT;
	struct pop3 *pop3 = BEGIN(turns, 1);

	CHECK_INT(pop3_greeting(pop3, &err), 0);
	CHECK_INT(pop3_capa(pop3, &err), 0);
	CHECK(pop3_capa_known(pop3));
	CHECK_INT(pop3_caps(pop3),
	    POP3_CAP_TOP | POP3_CAP_UIDL | POP3_CAP_EXPIRE | POP3_CAP_UTF8 |
		POP3_CAP_SASL);
	CHECK_INT(pop3_expire_days(pop3), 30);
	CHECK_STR(pop3_sasl_mechanisms(pop3), "PLAIN CRAM-MD5");
	CHECK_STR(pop3_capa_lines(pop3)[5], "EXPIRENEVER");
	CHECK_INT(pop3_capa(pop3, &err), 0);
	CHECK(!pop3_capa_known(pop3));
	CHECK_INT(pop3_caps(pop3), 0);
	CHECK_INT(pop3_expire_days(pop3), POP3_EXPIRE_NEVER);
	CHECK_INT(finish(pop3), 0);
}

/* Login is over, and CAPA has offered PIPELINING. */
static struct pop3 *
begin_pipelined(int fds[2])
{
	static const char hello[] = "+OK\r\n";
	static const char capa[] = "+OK\r\nPIPELINING\r\n.\r\n";
	struct pop3_options options = { .timeout_ms = 1000,
		.until_ms = DEADLINE_NEVER };
	struct err err = ERR_INIT;
	struct pop3 *pop3;
	char line[64];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		abort();
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	CHECK_INT(write(fds[1], hello, strlen(hello)), strlen(hello));
	pop3 = pop3_new(stream_new(fds[0], "peer"), &options);
	CHECK_INT(pop3_greeting(pop3, &err), 0);
	CHECK_INT(pop3_capa_submit(pop3, &err), 0);
	CHECK_INT(pop3_step(pop3, deadline_now(), &err), 0);
	CHECK_INT(lines_waiting(fds[1]), 1);
	(void)read_line(fds[1], line, sizeof(line));
	CHECK_INT(write(fds[1], capa, strlen(capa)), strlen(capa));
	CHECK_INT(pop3_capa_finish(pop3, &err), 0);
	pop3_logged_in(pop3);
	return pop3;
}

/* How many commands are sent before anything is answered? */
static size_t
count_sent(bool wide)
{
	static struct pop3_request requests[3000];
	struct err err = ERR_INIT;
	char data[65536];
	size_t lines = 0;
	ssize_t n;
	int fds[2];
	struct pop3 *pop3 = begin_pipelined(fds);

	pop3_widen(pop3, wide);
	memset(requests, 0, sizeof(requests));
	for (size_t i = 0; i < 3000; i++)
		CHECK_INT(pop3_submit(pop3, &requests[i], &err, "NOOP"), 0);
	CHECK_INT(pop3_step(pop3, deadline_now(), &err), 0);
	while ((n = recv(fds[1], data, sizeof(data), MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += data[i] == '\n';
	pop3_free(pop3);
	close(fds[1]);
	return lines;
}

static void
windows(void)
{
	CHECK_INT(count_sent(false), 1024);
	CHECK_INT(count_sent(true), 3000);
}

/* Was it that several commands were sent in one go? */
static void
lost_pipelined(void)
{
	static const struct {
		const char *answers;
		bool want;
	} tests[] = {
		{ "", true },
		{ "+OK\r\n", true },
		{ "+OK\r\n+OK\r\n", false },
		/* within an answer: the line broke */
		{ "+OK\r\n+O", false },
		{ "+O", false },
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct pop3_request requests[4] = { 0 };
		struct err err = ERR_INIT;
		size_t len = strlen(tests[i].answers);
		int fds[2];
		struct pop3 *pop3 = begin_pipelined(fds);

		for (size_t j = 0; j < 4; j++)
			CHECK_INT(pop3_submit(pop3, &requests[j], &err, "NOOP"),
			    0);
		CHECK_INT(pop3_step(pop3, deadline_now(), &err), 0);
		CHECK_INT(write(fds[1], tests[i].answers, len), len);
		close(fds[1]);
		CHECK_INT(pop3_drain(pop3, &err), -1);
		CHECK_INT(pop3_lost_pipelined(pop3), tests[i].want);
		pop3_free(pop3);
	}
}

int
main(void)
{
	TEST(plain_calls);
	TEST(refusals);
	TEST(out_of_step);
	TEST(unasked);
	TEST(listings);
	TEST(pipelines);
	TEST(lost_requests);
	TEST(silence);
	TEST(capabilities);
	TEST(deadly_capa);
	TEST(no_capa);
	TEST(windows);
	TEST(lost_pipelined);
	return TEST_END();
}
