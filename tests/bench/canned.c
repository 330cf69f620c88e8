/* SPDX-License-Identifier: ISC */
/*
 * A POP3 server that costs next to nothing, so that a client's own cost is
 * what remains: every reply is ready in memory before the first connection.
 *
 *	canned [-P] [-c CERT -k KEY] [-n LIMIT] -d MAILDIR | -g COUNT
 *
 * -d serves a maildir (corpus.c makes one), -g COUNT small messages; -P takes
 * PIPELINING out of CAPA and answers one command at a time; -c and -k speak
 * TLS.  Every user exists, has every password, and sees the same mail anew in
 * every session.  Prints "port N", and "turns N" for each session: how often it
 * had to wait for the client after it had answered, round trips where nothing
 *is pipelined.  Ends when its standard input does.
 */

#include "canned.h"
#include "listen.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define IOV_MAX_USED 64
#define LIFE_S 3600
#define TEXT_OCTETS 65536

struct conn {
	int fd;
	gnutls_session_t tls;
	const struct mail *mail;
	bool pipelining;
	bool *deleted;
	unsigned int deleted_count;
	bool wants_plain; /* AUTH PLAIN waits for its line */
	bool over;
	bool answered; /* since the last receive */
	struct iovec iov[IOV_MAX_USED];
	int iov_count;
	char text[TEXT_OCTETS];
	size_t text_len;
};

static void
write_plain(struct conn *conn)
{
	struct iovec *iov = conn->iov;
	int count = conn->iov_count;
	ssize_t n;

	while (count > 0) {
		n = writev(conn->fd, iov, count);
		if (n == -1)
			_exit(1);
		while (count > 0 && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
}

static void
write_tls(struct conn *conn)
{
	const char *p;
	size_t left;
	ssize_t n;
	int i;

	for (i = 0; i < conn->iov_count; i++) {
		p = conn->iov[i].iov_base;
		left = conn->iov[i].iov_len;
		while (left > 0) {
			n = gnutls_record_send(conn->tls, p, left);
			if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
				continue;
			if (n < 0)
				_exit(1);
			p += n;
			left -= (size_t)n;
		}
	}
}

static void
flush(struct conn *conn)
{
	if (conn->tls != NULL)
		write_tls(conn);
	else
		write_plain(conn);
	conn->iov_count = 0;
	conn->text_len = 0;
}

/* data must stay until the flush; what continues the last run joins it. */
static void
answer(struct conn *conn, const char *data, size_t len)
{
	struct iovec *last = &conn->iov[conn->iov_count - 1];

	conn->answered = true;
	if (conn->iov_count > 0 &&
	    (const char *)last->iov_base + last->iov_len == data) {
		last->iov_len += len;
		return;
	}
	if (conn->iov_count == IOV_MAX_USED)
		flush(conn);
	conn->iov[conn->iov_count].iov_base = (char *)(uintptr_t)data;
	conn->iov[conn->iov_count].iov_len = len;
	conn->iov_count++;
}

__attribute__((format(printf, 2, 3))) static void
answerf(struct conn *conn, const char *format, ...)
{
	char line[256];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (conn->text_len + (size_t)len > TEXT_OCTETS ||
	    conn->iov_count == IOV_MAX_USED)
		flush(conn);
	memcpy(conn->text + conn->text_len, line, (size_t)len);
	answer(conn, conn->text + conn->text_len, (size_t)len);
	conn->text_len += (size_t)len;
}

/* The message that an argument names, or NULL after a refusal. */
static const struct message *
named(struct conn *conn, const char *argument, unsigned int *index)
{
	unsigned long num = strtoul(argument, NULL, 10);

	if (num < 1 || num > conn->mail->count || conn->deleted[num - 1]) {
		answerf(conn, "-ERR no such message\r\n");
		return NULL;
	}
	*index = (unsigned int)num - 1;
	return &conn->mail->messages[num - 1];
}

static void
do_capa(struct conn *conn, const char *argument)
{
	(void)argument;
	answerf(conn, "+OK\r\nUIDL\r\nTOP\r\n%sUSER\r\nSASL PLAIN\r\n.\r\n",
	    conn->pipelining ? "PIPELINING\r\n" : "");
}

static void
do_ok(struct conn *conn, const char *argument)
{
	(void)argument;
	answerf(conn, "+OK\r\n");
}

static void
do_auth(struct conn *conn, const char *argument)
{
	if (strncasecmp(argument, "PLAIN", 5) != 0) {
		answerf(conn, "-ERR PLAIN only\r\n");
	} else if (argument[5] == ' ') {
		answerf(conn, "+OK\r\n");
	} else {
		answerf(conn, "+ \r\n");
		conn->wants_plain = true;
	}
}

static void
do_stat(struct conn *conn, const char *argument)
{
	uint64_t octets = conn->mail->octets;
	unsigned int i;

	(void)argument;
	for (i = 0; conn->deleted_count > 0 && i < conn->mail->count; i++)
		if (conn->deleted[i])
			octets -= conn->mail->messages[i].octets;
	answerf(conn, "+OK %u %" PRIu64 "\r\n",
	    conn->mail->count - conn->deleted_count, octets);
}

static void
list_rest(struct conn *conn, bool uidl)
{
	const struct message *message = conn->mail->messages;
	unsigned int i;

	answerf(conn, "+OK\r\n");
	for (i = 0; i < conn->mail->count; i++, message++) {
		if (conn->deleted[i])
			continue;
		if (uidl)
			answerf(conn, "%u %s\r\n", i + 1, message->uidl);
		else
			answerf(conn, "%u %" PRIu64 "\r\n", i + 1,
			    message->octets);
	}
	answerf(conn, ".\r\n");
}

static void
do_list(struct conn *conn, const char *argument)
{
	const struct message *message;
	unsigned int index;

	if (*argument != '\0') {
		message = named(conn, argument, &index);
		if (message != NULL)
			answerf(conn, "+OK %u %" PRIu64 "\r\n", index + 1,
			    message->octets);
	} else if (conn->deleted_count > 0) {
		list_rest(conn, false);
	} else {
		answer(conn, conn->mail->list, conn->mail->list_len);
	}
}

static void
do_uidl(struct conn *conn, const char *argument)
{
	const struct message *message;
	unsigned int index;

	if (*argument != '\0') {
		message = named(conn, argument, &index);
		if (message != NULL)
			answerf(conn, "+OK %u %s\r\n", index + 1,
			    message->uidl);
	} else if (conn->deleted_count > 0) {
		list_rest(conn, true);
	} else {
		answer(conn, conn->mail->uidl, conn->mail->uidl_len);
	}
}

static void
do_retr(struct conn *conn, const char *argument)
{
	const struct message *message;
	unsigned int index;

	message = named(conn, argument, &index);
	if (message != NULL)
		answer(conn, message->reply, message->reply_len);
}

static void
do_top(struct conn *conn, const char *argument)
{
	const struct message *message;
	const char *end;
	const char *p;
	const char *nl;
	const char *count;
	unsigned long lines;
	unsigned int index;
	bool header = true;

	message = named(conn, argument, &index);
	if (message == NULL)
		return;
	count = strchr(argument, ' ');
	lines = count == NULL ? 0 : strtoul(count, NULL, 10);
	p = message->reply + message->status_len;
	end = message->reply + message->reply_len - 3;
	while (p < end && (header || lines > 0)) {
		if (header)
			header = *p != '\r';
		else
			lines--;
		nl = memchr(p, '\n', (size_t)(end - p));
		p = nl + 1;
	}
	answer(conn, message->reply, (size_t)(p - message->reply));
	answerf(conn, ".\r\n");
}

static void
do_dele(struct conn *conn, const char *argument)
{
	unsigned int index;

	if (named(conn, argument, &index) == NULL)
		return;
	conn->deleted[index] = true;
	conn->deleted_count++;
	answerf(conn, "+OK\r\n");
}

static void
do_rset(struct conn *conn, const char *argument)
{
	memset(conn->deleted, 0, conn->mail->count * sizeof(*conn->deleted));
	conn->deleted_count = 0;
	do_ok(conn, argument);
}

static void
do_quit(struct conn *conn, const char *argument)
{
	do_ok(conn, argument);
	conn->over = true;
}

static void
obey(struct conn *conn, const char *line)
{
	static const struct {
		char name[5];
		void (*run)(struct conn *, const char *);
	} commands[] = { { "RETR", do_retr }, { "DELE", do_dele },
		{ "UIDL", do_uidl }, { "LIST", do_list }, { "STAT", do_stat },
		{ "TOP", do_top }, { "CAPA", do_capa }, { "USER", do_ok },
		{ "PASS", do_ok }, { "AUTH", do_auth }, { "NOOP", do_ok },
		{ "RSET", do_rset }, { "QUIT", do_quit } };
	size_t len = strcspn(line, " ");
	size_t i;

	if (conn->wants_plain) {
		conn->wants_plain = false;
		answerf(conn, "+OK\r\n");
		return;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strlen(commands[i].name) == len &&
		    strncasecmp(line, commands[i].name, len) == 0) {
			commands[i].run(conn, line + len + (line[len] == ' '));
			return;
		}
	}
	answerf(conn, "-ERR unknown command\r\n");
}

/* A client that leaves Nagle on must not wait for our late ACK. */
static ssize_t
pull(gnutls_transport_ptr_t ptr, void *buf, size_t len)
{
	struct conn *conn = ptr;
	int on = 1;

	setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	return read(conn->fd, buf, len);
}

static ssize_t
receive(struct conn *conn, char *buf, size_t len)
{
	ssize_t n;

	if (conn->tls == NULL)
		return pull(conn, buf, len);
	do
		n = gnutls_record_recv(conn->tls, buf, len);
	while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
	return n;
}

static ssize_t
push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int count)
{
	struct conn *conn = ptr;

	return writev(conn->fd, iov, count);
}

/* The number of turns. */
static unsigned int
converse(struct conn *conn)
{
	static char buf[262144];
	unsigned int turns = 0;
	size_t len = 0;
	ssize_t n;
	char *line;
	char *nl;

	answerf(conn, "+OK canned\r\n");
	while (!conn->over) {
		turns += conn->answered;
		conn->answered = false;
		flush(conn);
		n = receive(conn, buf + len, sizeof(buf) - len);
		if (n <= 0)
			return turns;
		len += (size_t)n;
		line = buf;
		while (!conn->over &&
		    (nl = memchr(line, '\n', (size_t)(buf + len - line))) !=
			NULL) {
			*nl = '\0';
			if (nl > line && nl[-1] == '\r')
				nl[-1] = '\0';
			obey(conn, line);
			if (!conn->pipelining)
				flush(conn);
			line = nl + 1;
		}
		len = (size_t)(buf + len - line);
		memmove(buf, line, len);
	}
	flush(conn);
	return turns;
}

static void
serve(struct conn *conn, gnutls_certificate_credentials_t cred)
{
	int on = 1;
	int rc;

	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->deleted = calloc(conn->mail->count + 1, sizeof(bool));
	if (conn->deleted == NULL)
		err(71, "calloc");
	if (cred != NULL) {
		gnutls_init(&conn->tls, GNUTLS_SERVER);
		gnutls_set_default_priority(conn->tls);
		gnutls_credentials_set(conn->tls, GNUTLS_CRD_CERTIFICATE, cred);
		gnutls_transport_set_ptr(conn->tls, conn);
		gnutls_transport_set_pull_function(conn->tls, pull);
		gnutls_transport_set_vec_push_function(conn->tls, push);
		do
			rc = gnutls_handshake(conn->tls);
		while (rc < 0 && gnutls_error_is_fatal(rc) == 0);
		if (rc < 0)
			_exit(1);
	}
	printf("turns %u\n", converse(conn));
	fflush(stdout);
	if (conn->tls != NULL)
		gnutls_bye(conn->tls, GNUTLS_SHUT_WR);
}

static void
loop(struct conn *conn, gnutls_certificate_credentials_t cred)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	alarm(LIFE_S);
	fds[0].fd = listen_loopback();
	fds[1].fd = STDIN_FILENO;
	while (poll(fds, 2, -1) != -1 && fds[1].revents == 0) {
		conn->fd = accept(fds[0].fd, NULL, NULL);
		if (conn->fd == -1)
			continue;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			alarm(LIFE_S);
			close(fds[0].fd);
			serve(conn, cred);
			_exit(0);
		}
		close(conn->fd);
	}
}

int
main(int argc, char **argv)
{
	static struct mail mail;
	static struct conn conn = { .mail = &mail, .pipelining = true };
	gnutls_certificate_credentials_t cred = NULL;
	const char *cert = NULL;
	const char *key = NULL;
	const char *dir = NULL;
	unsigned int count = 0;
	unsigned int limit = UINT32_MAX;
	int opt;

	while ((opt = getopt(argc, argv, "Pc:d:g:k:n:")) != -1) {
		switch (opt) {
		case 'P':
			conn.pipelining = false;
			break;
		case 'c':
			cert = optarg;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'g':
			count = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'k':
			key = optarg;
			break;
		case 'n':
			limit = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		default:
			return 64;
		}
	}
	if (cert != NULL) {
		gnutls_certificate_allocate_credentials(&cred);
		if (gnutls_certificate_set_x509_key_file(cred, cert, key,
			GNUTLS_X509_FMT_PEM) < 0)
			errx(1, "%s, %s: not a certificate and its key", cert,
			    key == NULL ? "no key" : key);
	}
	if (dir != NULL)
		mail_load(&mail, dir, limit);
	else
		mail_make_up(&mail, count);
	loop(&conn, cred);
	return 0;
}
