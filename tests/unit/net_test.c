/* SPDX-License-Identifier: ISC */
/* Host names, connecting, proxies: loopback only. */
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "net/race.h"
#include "net/resolve.h"
#include "test.h"

#define LONG_LABEL                                                             \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
canonical_hosts(void)
{
	static const struct {
		const char *host, *want; /* NULL: refused */
	} table[] = {
		{ "Pop.Example.ORG", "pop.example.org" },
		{ "pop.example.org.", "pop.example.org" },
		{ "b\xc3\xbc"
		  "cher.example",
		    "xn--bcher-kva.example" },
		{ "B\xc3\x9c"
		  "CHER.example.",
		    "xn--bcher-kva.example" },
		{ "my_host", "my_host" },
		{ "192.0.2.7", "192.0.2.7" },
		{ "[2001:DB8:0::1]", "2001:db8::1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "fe80::1%eth0", "fe80::1%eth0" },
		{ "", NULL },
		{ ".", NULL },
		{ "..", NULL },
		{ "a..b", NULL },
		{ ".a", NULL },
		{ "a b", NULL },
		{ "a/b", NULL },
		{ "/run/socket", NULL },
		{ "a\nb", NULL },
		{ "a\033b", NULL },
		{ "-a.example", NULL },
		{ "a@b", NULL },
		{ "a:b", NULL },
		{ "[::1", NULL },
		{ "b\xc3", NULL },
		{ "b\xc3\xbc b", NULL },
		{ "b\xc3\xbc\xef\xbc\x8f"
		  "b",
		    NULL },                /* a full-width slash */
		{ "b\xe2\x84\x80", NULL }, /* a/c in one sign */
		{ "a\xe3\x80\x82"
		  "b",
		    "a.b" }, /* an ideographic dot */
		{ LONG_LABEL ".example", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;
		char *got = net_canonical_host(table[i].host, &err);

		if (table[i].want != NULL)
			CHECK_STR(got, table[i].want);
		else {
			if (got != NULL)
				printf("# accepted: %s\n", table[i].host);
			CHECK(got == NULL);
			CHECK_INT(err.status, EX_USAGE);
			CHECK(strpbrk(err.text, "\n\033") == NULL);
		}
		free(got);
	}
}

static void
loopback_and_literals(void)
{
	CHECK(net_is_loopback("127.0.0.1"));
	CHECK(net_is_loopback("127.9.8.7"));
	CHECK(net_is_loopback("::1"));
	CHECK(net_is_loopback("[::1]"));
	CHECK(net_is_loopback("::ffff:127.0.0.1"));
	CHECK(net_is_loopback("LocalHost."));
	CHECK(net_is_loopback("mail.localhost"));
	CHECK(net_is_loopback("/run/pop3"));
	CHECK(!net_is_loopback("notlocalhost"));
	CHECK(!net_is_loopback("localhost.example.org"));
	CHECK(!net_is_loopback("10.0.0.1"));
	CHECK(!net_is_loopback("2001:db8::1"));
	CHECK(!net_is_loopback(""));
	CHECK(net_is_literal("192.0.2.1"));
	CHECK(net_is_literal("[::1]"));
	CHECK(net_is_literal("fe80::1%lo"));
	CHECK(!net_is_literal("192.0.2.1.example"));
	CHECK(!net_is_literal("192.0.2"));
	CHECK(!net_is_literal("192.0.2.1%lo"));
	CHECK(!net_is_literal("localhost"));
}

/* A listener on loopback; port in text. */
static int
listen_local(char port[8], int backlog)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    (backlog > 0 && listen(fd, backlog) == -1) ||
	    getsockname(fd, (struct sockaddr *)&in, &len) == -1)
		abort();
	snprintf(port, 8, "%u", ntohs(in.sin_port));
	return fd;
}

static void
connects(void)
{
	struct err err = ERR_INIT;
	char port[8];
	int listener = listen_local(port, 5), fd, on = 0;
	socklen_t len = sizeof(on);
	struct net_target target = { .host = "localhost", .port = port };

	/* ::1 refuses, the next address takes us */
	fd = net_connect(&target, NULL, deadline_after(5000), &err);
	CHECK(fd != -1);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on);
	close(fd);
	target.host = "127.0.0.1";
	target.source = "127.0.0.2";
	fd = net_connect(&target, NULL, deadline_after(5000), &err);
	CHECK(fd != -1);
	close(fd);
	close(listener);
}

/* ---- several addresses ---- */

static struct address
address_of(const char *text, const char *port)
{
	struct address *found = NULL, address;
	struct err err = ERR_INIT;

	CHECK_INT(resolve(text, port, AF_UNSPEC, DEADLINE_NEVER, &found, &err),
	    1);
	address = *found;
	free(found);
	return address;
}

/* The families take turns, and else the order is the resolver's. */
static void
addresses_take_turns(void)
{
	static const struct {
		const char *given[6], *want[6];
	} table[] = {
		{ { "::2", "::3", "::4", "127.0.0.2", "127.0.0.3" },
		    { "::2", "127.0.0.2", "::3", "127.0.0.3", "::4" } },
		{ { "127.0.0.2", "127.0.0.3", "127.0.0.4", "::2" },
		    { "127.0.0.2", "::2", "127.0.0.3", "127.0.0.4" } },
		{ { "::2", "127.0.0.2" }, { "::2", "127.0.0.2" } },
		{ { "127.0.0.2", "127.0.0.3" }, { "127.0.0.2", "127.0.0.3" } },
		{ { "127.0.0.2" }, { "127.0.0.2" } },
	};
	struct address addresses[6];
	struct err err = ERR_INIT;
	char text[100], port[8];
	size_t i, n;

	close(listen_local(port, 0));
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (n = 0; n < 6 && table[i].given[n] != NULL; n++)
			addresses[n] = address_of(table[i].given[n], port);
		/* over at once: it is their order that counts */
		CHECK_INT(race_connect(addresses, n, NULL, "x",
			      deadline_after(5000), &err),
		    -1);
		while (n-- > 0) {
			resolve_text(&addresses[n], text, sizeof(text));
			CHECK_STR(text, table[i].want[n]);
		}
	}
}

/* An address that is silent costs a quarter of a second, not all the time. */
static void
silent_addresses(void)
{
	struct err err = ERR_INIT;
	struct address addresses[4];
	char dead_port[8], port[8], unused_port[8];
	int dead = listen_local(dead_port, 1), queue[16], n, fd;
	int listener = listen_local(port, 5);
	int unused = listen_local(unused_port, 0);
	int64_t began;

	for (n = 0; n < 16; n++) {
		addresses[0] = address_of("127.0.0.1", dead_port);
		queue[n] = race_connect(addresses, 1, NULL, "x",
		    deadline_after(50), &err);
		if (queue[n] == -1)
			break;
	}
	CHECK(n < 16);
	addresses[1] = address_of("127.0.0.1", dead_port);
	addresses[2] = address_of("127.0.0.1", unused_port);
	addresses[3] = address_of("127.0.0.1", port);
	began = deadline_now();
	fd = race_connect(addresses, 4, NULL, "x", deadline_after(20000), &err);
	CHECK(fd != -1);
	CHECK(deadline_now() - began >= 400);
	CHECK(deadline_now() - began < 5000);
	close(fd);
	/* those that are silent are heard, too, when nobody else is left */
	err = (struct err)ERR_INIT;
	CHECK_INT(race_connect(addresses, 3, NULL, "x", deadline_after(700),
		      &err),
	    -1);
	CHECK_STR(err.text,
	    "127.0.0.1: connecting: timed out, 127.0.0.1: connecting: timed "
	    "out, 127.0.0.1: Connection refused");
	CHECK_INT(err.status, EX_TEMPFAIL);
	close(dead);
	while (n-- > 0)
		close(queue[n]);
	close(listener);
	close(unused);
}

static void
check_refused(const struct net_target *target, int status, const char *text)
{
	struct err err = ERR_INIT;

	CHECK_INT(net_connect(target, NULL, deadline_after(2000), &err), -1);
	CHECK_INT(err.status, status);
	if (strstr(err.text, text) == NULL)
		printf("# said: %s\n", err.text);
	CHECK(strstr(err.text, text) != NULL);
}

static void
refusals(void)
{
	char port[8], path[200];
	int bound = listen_local(port, 0); /* bound, so that nobody listens */
	struct net_target target = { .host = "127.0.0.1", .port = port };

	check_refused(&target, EX_TEMPFAIL, "Connection refused");
	target.source = "192.0.2.1";
	check_refused(&target, EX_USAGE, "source address 192.0.2.1");
	target.source = "::1";
	check_refused(&target, EX_USAGE, "source address");
	target.source = NULL;
	target.port = "no-such-port";
	check_refused(&target, EX_USAGE, "no port named no-such-port");
	target.port = port;
	target.host = "a b";
	check_refused(&target, EX_USAGE, "'a b' is not a host name");
	target.host = "127.0.0.1";
	target.family = AF_INET6;
	check_refused(&target, EX_NOHOST, "127.0.0.1 is not an IPv6 address");
	target.host = "[::1]";
	target.family = AF_INET;
	check_refused(&target, EX_NOHOST, "::1 is not an IPv4 address");
	target.family = AF_UNSPEC;
	target.host = "/nonexistent/socket";
	check_refused(&target, EX_TEMPFAIL, "No such file");
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	target.host = path;
	check_refused(&target, EX_USAGE, "too long");
	target.host = "127.0.0.1";
	target.proxy = "https://localhost";
	check_refused(&target, EX_USAGE, "socks5h://");
	target.proxy = "socks5h://user@localhost";
	check_refused(&target, EX_USAGE, "malformed proxy");
	target.proxy = "socks5h://us%0:pw@localhost";
	check_refused(&target, EX_USAGE, "malformed proxy");
	close(bound);
}

static void
time_is_kept(void)
{
	struct err err = ERR_INIT;
	char port[8];
	int listener = listen_local(port, 1), queue[16], i;
	struct net_target target = { .host = "127.0.0.1", .port = port };
	int64_t start = deadline_now();

	/* the queue of a listener that accepts nothing fills: then silence */
	for (i = 0; i < 16; i++) {
		queue[i] = net_connect(&target, NULL, deadline_after(50), &err);
		if (queue[i] == -1)
			break;
	}
	CHECK(i < 16);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK(strstr(err.text, "timed out") != NULL);
	CHECK(deadline_now() - start < 2000);
	while (i-- > 0)
		close(queue[i]);
	close(listener);
}

static void
unix_sockets(void)
{
	char dir[] = "/tmp/net_test.XXXXXX";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct err err = ERR_INIT;
	struct net_target target = { .host = un.sun_path, .port = "110" };
	int listener, fd;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", dir);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&un, sizeof(un)) == 0);
	CHECK(listen(listener, 1) == 0);
	fd = net_connect(&target, NULL, deadline_after(1000), &err);
	CHECK(fd != -1);
	close(fd);
	close(listener);
	unlink(un.sun_path);
	rmdir(dir);
}

static void
tunnels(void)
{
	struct err err = ERR_INIT;
	struct child child = { -1 };
	struct net_target target = { .host = "pop.example.org",
		.port = "110",
		.tunnel = "printf '+OK hello'; exec cat" };
	struct pollfd poller = { .events = POLLIN };
	char data[16];
	ssize_t n;

	poller.fd = net_connect(&target, &child, deadline_after(5000), &err);
	CHECK(poller.fd != -1);
	CHECK((fcntl(poller.fd, F_GETFL) & O_NONBLOCK) != 0);
	CHECK_INT(poll(&poller, 1, 5000), 1);
	n = recv(poller.fd, data, sizeof(data), 0);
	CHECK_MEM(data, n > 0 ? (size_t)n : 0, "+OK hello", 9);
	close(poller.fd);
	child_kill(&child);
}

/* ---- SOCKS ---- */

struct exchange {
	const char *want, *say;
	size_t want_len, say_len;
};

#define EXCHANGE(want, say)                                                    \
	{                                                                      \
		want, say, sizeof(want) - 1, sizeof(say) - 1                   \
	}

/* Plays a proxy: exit status 0 when it got what it wanted, octet by octet. */
static pid_t
play_proxy(int listener, const struct exchange *script, size_t n)
{
	unsigned char data[600];
	size_t i;
	int fd;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(5);
	fd = accept(listener, NULL, NULL);
	for (i = 0; i < n; i++) {
		size_t want = script[i].want_len;

		if (want > 0 &&
		    (recv(fd, data, want, MSG_WAITALL) != (ssize_t)want ||
			memcmp(data, script[i].want, want) != 0))
			_exit(1);
		if (send(fd, script[i].say, script[i].say_len, 0) == -1)
			_exit(2);
	}
	_exit(0);
}

static int
run_proxy(const char *login, const char *scheme, const char *host,
    const struct exchange *script, size_t n, struct err *err)
{
	char port[8], url[100];
	int listener = listen_local(port, 5), fd, status = -1;
	struct net_target target = { .host = host,
		.port = "995",
		.proxy = url };
	pid_t pid = play_proxy(listener, script, n);

	close(listener);
	snprintf(url, sizeof(url), "%s://%s127.0.0.1:%s", scheme, login, port);
	fd = net_connect(&target, NULL, deadline_after(5000), err);
	if (fd != -1)
		CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	return fd;
}

static void
proxy_passes_names(void)
{
	static const struct exchange script[] = {
		EXCHANGE("\5\2\0\2", "\5\2"),
		EXCHANGE("\1\4us:r\3p@w", "\1\0"),
		EXCHANGE("\5\1\0\3\17pop.example.org\3\343",
		    "\5\0\0\3\4abcd\0\1+OK"),
	};
	struct err err = ERR_INIT;
	char data[8];
	int fd = run_proxy("us%3Ar:p%40w@", "socks5h", "Pop.Example.org.",
	    script, 3, &err);

	CHECK(fd != -1);
	/* not one octet of the server's was eaten */
	CHECK_INT(recv(fd, data, sizeof(data), MSG_DONTWAIT), 3);
	CHECK_MEM(data, 3, "+OK", 3);
	close(fd);
}

static void
proxy_passes_addresses(void)
{
	static const struct exchange script[] = {
		EXCHANGE("\5\1\0", "\5\0"),
		EXCHANGE("\5\1\0\1\177\0\0\1\3\343", "\5\0\0\1\1\2\3\4\0\1"),
	};
	static const struct exchange script6[] = {
		EXCHANGE("\5\1\0", "\5\0"),
		EXCHANGE("\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\3\343",
		    "\5\0\0\4aaaabbbbccccdddd\0\1"),
	};
	struct err err = ERR_INIT;
	int fd = run_proxy("", "socks5", "127.0.0.1", script, 2, &err);

	CHECK(fd != -1);
	close(fd);
	fd = run_proxy("", "socks5h", "[2001:db8::1]", script6, 2, &err);
	CHECK(fd != -1);
	close(fd);
}

static void
proxy_by_http(void)
{
	static const struct {
		const char *login, *host;
		struct exchange script[1];
		int status; /* 0: connected */
		const char *text;
	} table[] = {
		{ "", "Pop.Example.org.",
		    { EXCHANGE("CONNECT pop.example.org:995 HTTP/1.1\r\n"
			       "Host: pop.example.org:995\r\n\r\n",
			"HTTP/1.0 200 Connection established\r\n"
			"Via: x\r\n\r\n+OK") },
		    0, "" },
		{ "us%3Ar:p%40w@", "[2001:db8::1]",
		    { EXCHANGE("CONNECT [2001:db8::1]:995 HTTP/1.1\r\n"
			       "Host: [2001:db8::1]:995\r\n"
			       "Proxy-Authorization: Basic dXM6cjpwQHc=\r\n"
			       "\r\n",
			"HTTP/1.1 204\r\n\r\n+OK") },
		    0, "" },
		{ "", "a.b",
		    { EXCHANGE("CONNECT a.b:995 HTTP/1.1\r\n"
			       "Host: a.b:995\r\n\r\n",
			"HTTP/1.1 407 No\r\n\r\n") },
		    EX_NOPERM, "the proxy wants a user and a password" },
		{ "", "a.b",
		    { EXCHANGE("CONNECT a.b:995 HTTP/1.1\r\n"
			       "Host: a.b:995\r\n\r\n",
			"HTTP/1.1 403 not \033there\r\n\r\n") },
		    EX_UNAVAILABLE, "the proxy says: 403 not \\^[there" },
		{ "", "a.b",
		    { EXCHANGE("CONNECT a.b:995 HTTP/1.1\r\n"
			       "Host: a.b:995\r\n\r\n",
			"HTTP/1.1 502 Bad gateway\r\n\r\n") },
		    EX_TEMPFAIL, "the proxy says: 502 Bad gateway" },
		{ "", "a.b",
		    { EXCHANGE("CONNECT a.b:995 HTTP/1.1\r\n"
			       "Host: a.b:995\r\n\r\n",
			"+OK POP3 ready\r\n") },
		    EX_PROTOCOL, "the proxy does not speak HTTP" },
		{ "", "a.b",
		    { EXCHANGE("CONNECT a.b:995 HTTP/1.1\r\n"
			       "Host: a.b:995\r\n\r\n",
			"HTTP/1.1 20\r\n\r\n") },
		    EX_PROTOCOL, "the proxy does not speak HTTP" },
		{ "", "a.b",
		    { EXCHANGE("CONNECT a.b:995 HTTP/1.1\r\n"
			       "Host: a.b:995\r\n\r\n",
			"HTTP/1.1 200") },
		    EX_TEMPFAIL, "the proxy closed the connection" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;
		char data[8];
		int fd = run_proxy(table[i].login, "http", table[i].host,
		    table[i].script, 1, &err);

		CHECK_INT(err.status, table[i].status);
		if (strstr(err.text, table[i].text) == NULL)
			printf("# said: %s\n", err.text);
		CHECK(strstr(err.text, table[i].text) != NULL);
		if (fd == -1)
			continue;
		/* not one octet of the server's was eaten */
		CHECK_INT(recv(fd, data, sizeof(data), MSG_DONTWAIT), 3);
		CHECK_MEM(data, 3, "+OK", 3);
		close(fd);
	}
}

static void
proxy_refuses(void)
{
	static const struct {
		const char *login;
		struct exchange script[3];
		size_t n;
		int status;
		const char *text;
	} table[] = {
		{ "", { EXCHANGE("\5\1\0", "\5\377") }, 1, EX_NOPERM,
		    "the proxy wants a user and a password" },
		{ "u:p@",
		    { EXCHANGE("\5\2\0\2", "\5\2"),
			EXCHANGE("\1\1u\1p", "\1\1") },
		    2, EX_NOPERM, "the proxy refuses the user or password" },
		{ "", { EXCHANGE("\5\1\0", "HT") }, 1, EX_PROTOCOL,
		    "the proxy does not speak SOCKS 5" },
		{ "", { EXCHANGE("\5\1\0", "") }, 1, EX_TEMPFAIL,
		    "the proxy closed the connection" },
		{ "",
		    { EXCHANGE("\5\1\0", "\5\0"),
			EXCHANGE("\5\1\0\3\3a.b\3\343", "\5\5") },
		    2, EX_TEMPFAIL, "the proxy says: connection refused" },
		{ "",
		    { EXCHANGE("\5\1\0", "\5\0"),
			EXCHANGE("\5\1\0\3\3a.b\3\343", "\5\2") },
		    2, EX_UNAVAILABLE, "the proxy says: its rules forbid it" },
		{ "",
		    { EXCHANGE("\5\1\0", "\5\0"),
			EXCHANGE("\5\1\0\3\3a.b\3\343", "\5\0\0\7\0") },
		    2, EX_PROTOCOL, "the proxy does not speak SOCKS 5" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(run_proxy(table[i].login, "socks5h", "a.b",
			      table[i].script, table[i].n, &err),
		    -1);
		CHECK_INT(err.status, table[i].status);
		if (strstr(err.text, table[i].text) == NULL)
			printf("# said: %s\n", err.text);
		CHECK(strstr(err.text, table[i].text) != NULL);
	}
}

int
main(void)
{
	TEST(canonical_hosts);
	TEST(loopback_and_literals);
	TEST(connects);
	TEST(addresses_take_turns);
	TEST(silent_addresses);
	TEST(refusals);
	TEST(time_is_kept);
	TEST(unix_sockets);
	TEST(tunnels);
	TEST(proxy_passes_names);
	TEST(proxy_passes_addresses);
	TEST(proxy_by_http);
	TEST(proxy_refuses);
	return TEST_END();
}
