/* SPDX-License-Identifier: ISC */
/* TLS as a stream: versions, endings, much data, channel bindings. */
#include "net/tls.h"

#include <signal.h>

#include "tls_server.h"

/* A priority of the user's does not bring old versions back. */
static void
minimum_holds(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = ONLY11 };
	struct tls_options options = { .ca_file = ca_file,
		.priority = "NORMAL:+VERS-TLS1.1:%COMPAT" };
	struct err err = ERR_INIT;
	struct pair pair;

	make_pair(&pair, &wish);
	try("pop.example.org", &server, &pair, &options, &err);
	CHECK_INT(err.status, EX_UNAVAILABLE);
	CHECK_STR(err.text, "pop.example.org does not offer TLS 1.2 or newer");
	clear_pair(&pair);
}

static int
cut_short(gnutls_session_t session)
{
	return gnutls_record_send(session, greeting, strlen(greeting)) > 0 ? 0 :
									     2;
}

static void
ends_without_close_notify(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = MODERN,
		.serve = cut_short };
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	struct pair pair;
	struct stream *stream;
	size_t len;
	pid_t pid;

	make_pair(&pair, &wish);
	stream = stream_new(start_server(&server, &pair, &pid), "peer");
	CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
		      deadline_after(5000), &err),
	    0);
	CHECK_INT(fill(stream, &err), 1);
	CHECK_MEM(stream_input(stream, &len), 11, greeting, 11);
	CHECK_INT(fill(stream, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text,
	    "pop.example.org closed the connection without ending TLS");
	CHECK_INT(stream_fill(stream, &err), -1);
	stream_free(stream);
	CHECK_INT(end_server(pid), 0);
	clear_pair(&pair);
}

static void
silence(void)
{
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	CHECK(tls_start(fds[0], "pop.example.org", &options, deadline_after(30),
		  &err) == NULL);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text, "pop.example.org: TLS handshake: timed out");
	close(fds[1]);
	err.status = 0;
	CHECK(tls_start(fds[0], "pop.example.org", &options, deadline_after(30),
		  &err) == NULL);
	CHECK_INT(err.status, EX_TEMPFAIL);
	close(fds[0]);
}

/* Messages of the handshake in many records, and in more than one of 16 KiB. */
static void
handshake_in_pieces(void)
{
	static const struct {
		int names; /* of 1,000 octets each */
		struct server server;
	} table[] = {
		{ 0, { .priority = MODERN, .record = 512 } },
		{ 0, { .priority = ONLY12, .record = 512 } },
		{ 5, { .priority = MODERN, .record = 512 } },
		{ 5, { .priority = ONLY12, .record = 512 } },
		{ 15, { .priority = MODERN } },
		{ 16, { .priority = ONLY12 } },
		{ 40, { .priority = MODERN } },
		{ 60, { .priority = ONLY12 } },
	};
	struct tls_options options = { .ca_file = ca_file };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct wish wish = { .cn = "good",
			.san = "pop.example.org",
			.issuer = &ca,
			.others = table[i].names,
			.others_octets = 1000 };
		struct err err = ERR_INIT;
		struct pair pair;

		make_pair(&pair, &wish);
		try("pop.example.org", &table[i].server, &pair, &options, &err);
		CHECK_INT(err.status, 0);
		if (err.status != 0)
			printf("# row %zu: %s\n", i, err.text);
		clear_pair(&pair);
	}
}

/* A HelloRequest means nothing here; without end, time ends it. */
static void
handshake_flood(void)
{
	static const char record[] = "\x16\x03\x03\0\x04\0\0\0";
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	int64_t began = deadline_now();
	int fds[2];
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	pid = fork();
	if (pid == 0) {
		alarm(10);
		close(fds[0]);
		while (write(fds[1], record, sizeof(record)) > 0)
			continue;
		_exit(0);
	}
	close(fds[1]);
	CHECK(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(tls_start(fds[0], "pop.example.org", &options,
		  deadline_after(300), &err) == NULL);
	CHECK(deadline_now() - began < 5000);
	close(fds[0]);
	(void)end_server(pid);
}

/* ---- another handshake (TLS 1.2) ---- */

/* Ask, say something before it can have been heard, and wait for it. */
static int
shake_again(gnutls_session_t session)
{
	int rc;

	if (gnutls_rehandshake(session) < 0 ||
	    gnutls_record_send(session, "+OK ", 4) != 4)
		return 2;
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc < 0)
		return rc == GNUTLS_E_FATAL_ALERT_RECEIVED ? 4 : 3;
	return greet(session);
}

static int
shake_twice(gnutls_session_t session)
{
	int rc;

	rc = gnutls_rehandshake(session);
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	return rc < 0 ? 5 : shake_again(session);
}

static int
expect_refusal(gnutls_session_t session)
{
	char line[100];
	ssize_t n;

	if (gnutls_rehandshake(session) < 0)
		return 2;
	n = gnutls_record_recv(session, line, sizeof(line));
	if (n != GNUTLS_E_WARNING_ALERT_RECEIVED ||
	    gnutls_alert_get(session) != GNUTLS_A_NO_RENEGOTIATION)
		return 3;
	return gnutls_record_send(session, "+OK ", 4) == 4 ? greet(session) : 4;
}

/*
 * What is written before the new handshake is over goes out after it, and what
 * the server said before it was heard is not lost.
 */
static void
asked_for_another(void)
{
	static const struct wish wish = GOOD;
	static const struct server table[] = {
		{ .priority = ONLY12, .serve = shake_again },
		{ .priority = ONLY12, .serve = shake_again, .record = 512 },
		{ .priority = ONLY12, .serve = shake_twice },
		{ .priority = ONLY12 ":%DISABLE_SAFE_RENEGOTIATION",
		    .serve = expect_refusal },
	};
	struct tls_options options = { .ca_file = ca_file };
	struct pair pair;

	make_pair(&pair, &wish);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;
		struct stream *stream;
		size_t len = 0;
		pid_t pid;

		stream =
		    stream_new(start_server(&table[i], &pair, &pid), "peer");
		CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
			      deadline_after(5000), &err),
		    0);
		while (len < 14 && fill(stream, &err) == 1)
			(void)stream_input(stream, &len);
		CHECK_MEM(stream_input(stream, &len), len, "+OK +OK ready\r\n",
		    15);
		stream_write(stream, "CAPA\r\n", 6);
		CHECK_INT(stream_flush(stream, &err), 0);
		stream_consume(stream, len);
		CHECK_INT(fill(stream, &err), 1);
		CHECK_MEM(stream_input(stream, &len), 6, "CAPA\r\n", 6);
		stream_free(stream);
		CHECK_INT(end_server(pid), 0);
		if (test_bad != 0)
			printf("# row %zu: %s\n", i, err.text);
	}
	clear_pair(&pair);
}

static gnutls_certificate_credentials_t second;

static int
change_certificate(gnutls_session_t session)
{
	must(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, second));
	return shake_again(session);
}

/* Another certificate than the first is no good, though it is good in itself.
 */
static void
another_certificate(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = ONLY12,
		.serve = change_certificate };
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	struct pair first, other;
	struct stream *stream;
	int rc = 1;
	pid_t pid;

	make_pair(&first, &wish);
	make_pair(&other, &wish);
	must(gnutls_certificate_allocate_credentials(&second));
	must(gnutls_certificate_set_x509_key(second, &other.crt, 1, other.key));
	stream = stream_new(start_server(&server, &first, &pid), "peer");
	CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
		      deadline_after(5000), &err),
	    0);
	while (rc == 1)
		rc = fill(stream, &err);
	CHECK_INT(rc, -1);
	CHECK_INT(err.status, EX_UNAVAILABLE);
	CHECK(strstr(err.text, "TLS with pop.example.org failed: ") != NULL);
	stream_free(stream);
	CHECK_INT(end_server(pid), 4);
	gnutls_certificate_free_credentials(second);
	clear_pair(&first);
	clear_pair(&other);
}

#define FLOOD_RECORDS 400
#define FLOOD_SIZE 10007

/* Records whose octets count on; then takes as much and compares. */
static int
flood(gnutls_session_t session)
{
	unsigned char block[FLOOD_SIZE], next = 0;
	size_t i, total = 0;
	ssize_t n;
	int r;

	for (r = 0; r < FLOOD_RECORDS; r++) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = next++;
		if (gnutls_record_send(session, block, sizeof(block)) < 0)
			return 2;
	}
	for (next = 0; total < (size_t)FLOOD_RECORDS * FLOOD_SIZE;
	     total += (size_t)n) {
		do
			n = gnutls_record_recv(session, block, sizeof(block));
		while (n == GNUTLS_E_AGAIN);
		if (n <= 0)
			return 3;
		for (i = 0; i < (size_t)n; i++)
			if (block[i] != next++)
				return 4;
	}
	gnutls_bye(session, GNUTLS_SHUT_WR);
	return 0;
}

/* Both ways at once, more than any buffer holds, in the right order. */
static void
much_both_ways(void)
{
	static const struct wish wish = GOOD;
	static const struct server server = { .priority = MODERN,
		.serve = flood };
	struct tls_options options = { .ca_file = ca_file };
	struct err err = ERR_INIT;
	struct pair pair;
	struct stream *stream;
	unsigned char block[FLOOD_SIZE], out = 0, in = 0;
	size_t i, len, total = 0;
	char *data;
	int r, rc = 0, wrong = 0;
	pid_t pid;

	make_pair(&pair, &wish);
	stream = stream_new(start_server(&server, &pair, &pid), "peer");
	CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
		      deadline_after(5000), &err),
	    0);
	for (r = 0; r < FLOOD_RECORDS; r++) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = out++;
		stream_write(stream, block, sizeof(block));
		CHECK_INT(stream_flush(stream, &err), 0);
	}
	CHECK(stream_unsent(stream) > 0); /* it reads only later */
	while ((rc = fill(stream, &err)) == 1) {
		data = stream_input(stream, &len);
		len = len > 100 ? len - 100 : len;
		for (i = 0; i < len; i++)
			wrong += (unsigned char)data[i] != in++;
		total += len;
		stream_consume(stream, len);
	}
	CHECK_INT(wrong, 0);
	(void)stream_input(stream, &len);
	CHECK_INT(total + len, FLOOD_RECORDS * FLOOD_SIZE);
	CHECK_STR(err.text, "peer closed the connection");
	CHECK_INT(stream_unsent(stream), 0);
	stream_free(stream);
	CHECK_INT(end_server(pid), 0);
	clear_pair(&pair);
}

/* Says its channel binding first; we must have the same. */
static int
say_binding(gnutls_session_t session)
{
	gnutls_datum_t data;
	gnutls_channel_binding_t type =
	    gnutls_protocol_get_version(session) == GNUTLS_TLS1_3 ?
	    GNUTLS_CB_TLS_EXPORTER :
	    GNUTLS_CB_TLS_UNIQUE;

	must(gnutls_session_channel_binding(session, type, &data));
	if (gnutls_record_send(session, data.data, data.size) < 0)
		return 2;
	return 0;
}

static void
binding_and_facts(void)
{
	static const struct wish wish = GOOD;
	static const struct {
		struct server server;
		const char *type, *version;
	} table[] = {
		{ { .priority = MODERN, .serve = say_binding }, "tls-exporter",
		    "tls: TLS1.3 " },
		{ { .priority = ONLY12, .serve = say_binding }, "tls-unique",
		    "tls: TLS1.2 " },
		{ { .priority = ONLY12 ":%NO_SESSION_HASH",
		      .serve = say_binding },
		    NULL, "tls: TLS1.2 " },
	};
	struct tls_options options = { .ca_file = ca_file };
	struct pair pair;
	char hex[65];
	size_t i, len;

	make_pair(&pair, &wish);
	key_pin(&pair, hex);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;
		struct buf data = BUF_INIT, facts = BUF_INIT;
		pid_t pid;
		struct stream *stream =
		    stream_new(start_server(&table[i].server, &pair, &pid),
			"peer");
		const char *type, *text;

		CHECK_INT(stream_start_tls(stream, "pop.example.org", &options,
			      deadline_after(5000), &err),
		    0);
		type = tls_binding(stream_tls(stream), &data);
		CHECK_INT(fill(stream, &err), 1);
		text = stream_input(stream, &len);
		if (table[i].type != NULL) {
			CHECK_STR(type, table[i].type);
			CHECK_MEM(data.data, data.len, text, len);
		} else
			CHECK(type == NULL && data.len == 0);
		tls_describe(stream_tls(stream), &facts);
		text = buf_text(&facts);
		CHECK(strstr(text, table[i].version) == text);
		CHECK(strstr(text, "tls: certificate CN=good\n") != NULL);
		CHECK(strstr(text, "tls: issuer CN=Test CA\n") != NULL);
		CHECK(strstr(text, "tls: names pop.example.org\n") != NULL);
		CHECK(strstr(text, "tls: key pin sha256:") != NULL);
		CHECK(strstr(text, hex) != NULL);
		buf_clear(&data);
		buf_clear(&facts);
		stream_free(stream);
		CHECK_INT(end_server(pid), 0);
	}
	clear_pair(&pair);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_files();
	TEST(minimum_holds);
	TEST(ends_without_close_notify);
	TEST(silence);
	TEST(handshake_in_pieces);
	TEST(handshake_flood);
	TEST(asked_for_another);
	TEST(another_certificate);
	TEST(much_both_ways);
	TEST(binding_and_facts);
	remove_files();
	return TEST_END();
}
