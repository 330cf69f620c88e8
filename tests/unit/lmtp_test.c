/* SPDX-License-Identifier: ISC */
/* src/deliver/lmtp.c against a server that follows a script. */
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/signals.h"

#include "deliver_test.h"

static struct err err;
static int listener = -1;
static char address[128];

/*
 * A script: lines of what the client must say ("C ") and what we answer
 * ("S "), "D" reads up to the final dot, "X" closes, "A" accepts the next
 * connection, "K" has the client asked to end. What the client said in D goes
 * to the file "data" in place.
 */
static void
listen_tcp(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    listen(listener, 5) == -1 ||
	    getsockname(listener, (struct sockaddr *)&in, &len) == -1)
		exit(99);
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(in.sin_port));
}

static void
listen_unix(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_place("socket"));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&un, sizeof(un)) == -1 ||
	    listen(listener, 5) == -1)
		exit(99);
	snprintf(address, sizeof(address), "%s", un.sun_path);
}

static void
expect_line(FILE *in, const char *want)
{
	char line[1024] = "";
	size_t len = strlen(want);

	if (fgets(line, sizeof(line), in) == NULL ||
	    strncmp(line, want, len) != 0) {
		fprintf(stderr, "# server: got %s wanted %s\n", line, want);
		_exit(1);
	}
}

static void
take_data(FILE *in)
{
	char line[4096];
	FILE *out = fopen(in_place("data"), "a");

	while (
	    fgets(line, sizeof(line), in) != NULL && strcmp(line, ".\r\n") != 0)
		fputs(line, out);
	fclose(out);
}

static pid_t
serve(const char *const *script)
{
	FILE *in = NULL;
	pid_t pid;
	int fd = -1;

	fflush(stdout);
	if ((pid = fork()) != 0)
		return pid;
	alarm(20);
	for (; *script != NULL; script++) {
		switch ((*script)[0]) {
		case 'A':
			fd = accept(listener, NULL, NULL);
			in = fdopen(fd, "r");
			break;
		case 'C':
			expect_line(in, *script + 2);
			break;
		case 'S':
			dprintf(fd, "%s\r\n", *script + 2);
			break;
		case 'K':
			kill(getppid(), SIGTERM);
			break;
		case 'D':
			take_data(in);
			break;
		default:
			fclose(in);
			break;
		}
	}
	_exit(0);
}

static int
delivered(void *arg, struct deliver_item *item, struct err *e)
{
	(void)item;
	(void)e;
	++*(int *)arg;
	return 0;
}

static const char *text =
    "Return-Path: <joe@example.org>\nA: b\n\n.dot\n..\nlast";

/* count messages in one batch, handed to the address; what became of each. */
static void
hand_until(const char *to, int batches, int count, int failed[4], int *done,
    int timeout_ms, int64_t until_ms)
{
	struct deliver_spec spec = make_spec("lmtp", to);
	struct deliver_hooks hooks = { .delivered = delivered, .arg = done };
	struct deliver_item items[4], *list[4];
	struct deliver *deliver;
	int i, batch;

	*done = 0;
	spec.recipient = "jane";
	spec.timeout_ms = timeout_ms;
	spec.until_ms = until_ms;
	deliver = deliver_open(&spec, &err);
	CHECK(deliver != NULL);
	for (batch = 0; batch < batches; batch++) {
		for (i = 0; i < count; i++) {
			list[i] = &items[i];
			CHECK_INT(receive(deliver, list[i], "u", text, &err),
			    0);
		}
		CHECK_INT(deliver_apply(deliver, list, (size_t)count, &hooks,
			      &err),
		    0);
		for (i = 0; i < count; i++)
			failed[i] = items[i].failed;
		deliver_release(deliver, list, (size_t)count);
	}
	deliver_close(deliver);
}

static void
hand(const char *to, int batches, int count, int failed[4], int *done,
    int timeout_ms)
{
	hand_until(to, batches, count, failed, done, timeout_ms,
	    DEADLINE_NEVER);
}

static void
finish(pid_t server)
{
	int status = -1;

	CHECK_INT(waitpid(server, &status, 0), server);
	CHECK_INT(status, 0);
	close(listener);
	remove_tree(place);
}

static void
test_transcript(void)
{
	static const char *const script[] = { "A", "S 220 here", "C LHLO ",
		"S 250-here", "S 250-8BITMIME", "S 250 SIZE",
		"C MAIL FROM:<joe@example.org> BODY=8BITMIME\r\n", "S 250 ok",
		"C RCPT TO:<jane>\r\n", "S 250 ok", "C DATA\r\n", "S 354 go",
		"D", "S 250 delivered", "C QUIT", NULL };
	int failed[4], done;
	size_t len;
	pid_t pid;
	char *got;

	make_place();
	listen_tcp();
	pid = serve(script);
	hand(address, 1, 1, failed, &done, 5000);
	CHECK_INT(failed[0], 0);
	CHECK_INT(done, 1);
	got = get_file(in_place("data"), &len);
	CHECK_STR(got,
	    "Return-Path: <joe@example.org>\r\nA: b\r\n\r\n"
	    "..dot\r\n...\r\nlast\r\n");
	free(got);
	finish(pid);
}

/* What MAIL FROM says for a Return-Path, and what a CR before a dot becomes. */
static void
test_text(void)
{
	static const struct {
		const char *text, *from, *data;
	} cases[] = {
		{ "Return-Path: <a\"b@x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <\"a b\"@x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <\"a.\\\"b\"@x.example>\n\nx\n",
		    "<\"a.\\\"b\"@x.example>", NULL },
		{ "Return-Path: <a+b=c@x-y.example>\n\nx\n",
		    "<a+b=c@x-y.example>", NULL },
		{ "Return-Path: <a@[192.0.2.1]>\n\nx\n", "<a@[192.0.2.1]>",
		    NULL },
		{ "Return-Path: <a..b@x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <.a@x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <root>\n\nx\n", "<>", NULL },
		{ "Return-Path: <@b.example:a@x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <a@x..example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <a@-x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <a@b@x.example>\n\nx\n", "<>", NULL },
		{ "Return-Path: <a@>\n\nx\n", "<>", NULL },
		{ "A: b\n\nx\r.\r\ny\n", "<>", "A: b\r\n\r\nx\r..\r\r\ny\r\n" },
		{ "A: b\n\nx\ry\n\r.z\r", "<>",
		    "A: b\r\n\r\nx\ry\r\n\r..z\r\r\n" },
		{ ".\n\r\n.\r\n.", "<>", "..\r\n\r\r\n..\r\r\n..\r\n" },
	};
	const char *before = text;
	char from[128];
	int failed[4], done;
	size_t i, len;
	pid_t pid;
	char *got;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const script[] = { "A", "S 220 here", "C LHLO ",
			"S 250 here", from, "S 250 ok", "C RCPT", "S 250 ok",
			"C DATA", "S 354 go", "D", "S 250 ok", "C QUIT",
			"S 221 bye", NULL };

		make_place();
		listen_tcp();
		snprintf(from, sizeof(from), "C MAIL FROM:%s\r\n",
		    cases[i].from);
		text = cases[i].text;
		pid = serve(script);
		hand(address, 1, 1, failed, &done, 5000);
		CHECK_INT(done, 1);
		if (cases[i].data != NULL) {
			got = get_file(in_place("data"), &len);
			CHECK_STR(got, cases[i].data);
			free(got);
		}
		finish(pid);
		if (test_bad)
			printf("# in case %zu\n", i);
	}
	text = before;
}

/* A bare CR that ends one piece of a large message, and the dot of the next. */
static void
test_pieces(void)
{
	static const char *const script[] = { "A", "S 220 here", "C LHLO ",
		"S 250 here", "C MAIL", "S 250 ok", "C RCPT", "S 250 ok",
		"C DATA", "S 354 go", "D", "S 250 ok", "C QUIT", NULL };
	const size_t piece = 16384;
	const char *before = text;
	char *large = xmalloc(2 * piece);
	int failed[4], done;
	pid_t pid;
	size_t len;
	char *got;

	memset(large, 'x', 2 * piece);
	large[piece - 1] = '\r';
	large[piece] = '.';
	for (len = 1000; len < piece - 1; len += 1000)
		large[len] = '\n';
	large[2 * piece - 2] = '\n';
	large[2 * piece - 1] = '\0';
	make_place();
	listen_tcp();
	text = large;
	pid = serve(script);
	hand(address, 1, 1, failed, &done, 5000);
	CHECK_INT(done, 1);
	got = get_file(in_place("data"), &len);
	CHECK(strstr(got, "x\r..x") != NULL);
	free(got);
	free(large);
	text = before;
	finish(pid);
}

/* A server that does not answer keeps nobody longer than five seconds. */
static void
test_signal(void)
{
	static const char *const silent[] = { "A", "S 220 here", "C LHLO ",
		"S 250 here", "C MAIL", "K", "C never", NULL };
	int64_t start = deadline_now();
	int failed[4], done, status;
	pid_t pid, child;

	make_place();
	listen_tcp();
	fflush(stdout);
	/* the signal is for a process that may have had it */
	if ((child = fork()) == 0) {
		signals_install();
		pid = serve(silent);
		hand(address, 1, 2, failed, &done, 60000);
		CHECK_INT(failed[0], EX_TEMPFAIL);
		CHECK_INT(failed[1], EX_TEMPFAIL);
		CHECK_INT(done, 0);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fflush(stdout);
		_exit(test_bad != 0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK(deadline_now() - start < 20000);
	close(listener);
	remove_tree(place);
}

/* Refusals at every step; each message is judged by itself. */
static void
test_refusals(void)
{
	static const char *const script[] = { "A", "S 220 here", "C LHLO ",
		"S 250 here", "C MAIL FROM:<joe@example.org>\r\n", "S 451 full",
		"C RSET", "S 250 ok", "C MAIL", "S 250 ok",
		"C RCPT TO:<bob@example.org>\r\n", "S 550 no such user",
		"C RSET", "S 250 ok", "C MAIL", "S 250 ok", "C RCPT",
		"S 250 ok", "C DATA", "S 354 go", "D", "S 552 too much",
		"C RSET", "S 250 ok", "C MAIL", "S 250 ok", "C RCPT",
		"S 250 ok", "C DATA", "S 354 go", "D", "S 250 ok", NULL };
	int failed[4], done;
	char to[256];
	pid_t pid;

	make_place();
	listen_unix();
	pid = serve(script);
	snprintf(to, sizeof(to), "%s!bob@example.org", address);
	hand(to, 1, 4, failed, &done, 5000);
	CHECK_INT(failed[0], EX_TEMPFAIL);
	CHECK_INT(failed[1], EX_CANTCREAT);
	CHECK_INT(failed[2], EX_CANTCREAT);
	CHECK_INT(failed[3], 0);
	CHECK_INT(done, 1);
	finish(pid);
}

/* Lost in the middle: that one is left, the next goes by a new connection. */
static void
test_lost(void)
{
	static const char *const script[] = { "A", "S 220 here", "C LHLO ",
		"S 250 here", "C MAIL", "S 250 ok", "C RCPT", "S 250 ok",
		"C DATA", "S 354 go", "D", "X", "A", "S 220 here", "C LHLO ",
		"S 250 here", "C MAIL", "S 250 ok", "C RCPT", "S 250 ok",
		"C DATA", "S 354 go", "D", "S 250 ok", NULL };
	int failed[4], done;
	pid_t pid;

	make_place();
	listen_tcp();
	pid = serve(script);
	hand(address, 1, 2, failed, &done, 5000);
	CHECK_INT(failed[0], EX_TEMPFAIL);
	CHECK_INT(failed[1], 0);
	CHECK_INT(done, 1);
	finish(pid);
}

/* Between batches the server closed: nothing is lost by that. */
static void
test_idle(void)
{
	static const char *const script[] = { "A", "S 220 here", "C LHLO ",
		"S 250 here", "C MAIL", "S 250 ok", "C RCPT", "S 250 ok",
		"C DATA", "S 354 go", "D", "S 250 ok", "C MAIL", "S 421 idle",
		"X", "A", "S 220 here", "C LHLO ", "S 250 here", "C MAIL",
		"S 250 ok", "C RCPT", "S 250 ok", "C DATA", "S 354 go", "D",
		"S 250 ok", NULL };
	int failed[4], done;
	pid_t pid;

	make_place();
	listen_tcp();
	pid = serve(script);
	hand(address, 2, 1, failed, &done, 5000);
	CHECK_INT(failed[0], 0);
	CHECK_INT(done, 2);
	finish(pid);
}

/* Nobody there, a greeting that is none, one that never comes. */
static void
test_trouble(void)
{
	static const char *const not_lmtp[] = { "A", "S SSH-2.0", NULL };
	static const char *const busy[] = { "A", "S 421 busy", NULL };
	static const char *const silent[] = { NULL };
	const char *const *const scripts[] = { not_lmtp, busy, silent };
	int failed[4], done;
	size_t i;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		make_place();
		listen_tcp();
		pid = serve(scripts[i]);
		hand(address, 1, 2, failed, &done, i == 2 ? 50 : 5000);
		CHECK_INT(failed[0], EX_TEMPFAIL);
		CHECK_INT(failed[1], EX_TEMPFAIL);
		CHECK_INT(done, 0);
		finish(pid);
	}
	make_place();
	hand(in_place("nobody"), 1, 1, failed, &done, 5000);
	CHECK_INT(failed[0], EX_TEMPFAIL);
	remove_tree(place);
}

/* --deadline is heeded while an answer is waited for. */
static void
test_deadline(void)
{
	static const char *const silent[] = { NULL };
	int64_t start = deadline_now();
	int failed[4], done;
	pid_t pid;

	make_place();
	listen_tcp();
	pid = serve(silent);
	hand_until(address, 1, 1, failed, &done, 60000, start + 1000);
	CHECK_INT(failed[0], EX_TEMPFAIL);
	CHECK_INT(done, 0);
	CHECK(deadline_now() - start < 30000);
	finish(pid);
}

static void
test_addresses(void)
{
	static const char *const bad[] = { "host", "host:", ":24", "host:24!",
		"host:24!a b", "host:24!<x>", "host:25", "host:025",
		"host:smtp", "[::1]:25!host" };
	struct deliver_spec spec;
	struct deliver *deliver;
	size_t i;

	make_place();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec = make_spec("lmtp", bad[i]);
		err.status = 0;
		deliver = deliver_open(&spec, &err);
		CHECK(deliver == NULL);
		CHECK_INT(err.status, EX_CONFIG);
		CHECK(strstr(err.text, "host") != NULL || bad[i][0] == ':' ||
		    bad[i][0] == '[');
		deliver_close(deliver);
	}
	spec = make_spec("lmtp", "[::1]:24!x@example.org");
	deliver = deliver_open(&spec, &err);
	CHECK(deliver != NULL);
	deliver_close(deliver);
	remove_tree(place);
}

int
main(void)
{
	TEST(test_transcript);
	TEST(test_text);
	TEST(test_pieces);
	TEST(test_signal);
	TEST(test_refusals);
	TEST(test_lost);
	TEST(test_idle);
	TEST(test_trouble);
	TEST(test_deadline);
	TEST(test_addresses);
	return TEST_END();
}
