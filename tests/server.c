/* SPDX-License-Identifier: ISC */
/*
 * The tests' and the demo's POP3 server: serves a directory of messages, or
 * plays a transcript (server/script.c), on loopback only, at ports that the
 * kernel picks and that it prints as "PORT n" and, with a certificate, "TLSPORT
 * n". It can be made to fail and to lie at any place, the same way in every
 * run. Status: 0, or 1 when it could not run or its transcript was not
 * followed.
 */
#include "server/server.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 256

static volatile sig_atomic_t playing, stopping;
static pid_t children[CHILDREN];
static sigset_t signals_all; /* blocked but in ppoll: none may be missed */

static void
on_signal(int signal_number)
{
	(void)signal_number;
	/* A transcript is played in this process and knows no loop to leave. */
	if (playing)
		_exit(1);
	stopping = 1;
}

enum option_id {
	OPT_FIRST = 256,
	OPT_MAILBOX,
	OPT_SCRIPT,
	OPT_ADDRESS,
	OPT_USER,
	OPT_PER_USER,
	OPT_PRELOAD,
	OPT_RAW,
	OPT_UIDL,
	OPT_UIDL_MAP,
	OPT_SALT,
	OPT_LOCK,
	OPT_APOP,
	OPT_SASL,
	OPT_OTHER_BINDING,
	OPT_UTF8,
	OPT_CAPS,
	OPT_CAPS_AFTER,
	OPT_NO_CAPA,
	OPT_NO_UIDL,
	OPT_NO_TOP,
	OPT_NO_PIPELINING,
	OPT_NO_STLS,
	OPT_CERT,
	OPT_KEY,
	OPT_CLIENT_CA,
	OPT_PRIORITY,
	OPT_KEEP_DELETED,
	OPT_HIDE_RETRIEVED,
	OPT_STAT,
	OPT_SIZE_LIE,
	OPT_CUT_AFTER,
	OPT_CUT_RAW_AFTER,
	OPT_CUT,
	OPT_FAULT_CONNECTIONS,
	OPT_ERR_AT,
	OPT_REPLACE,
	OPT_BEFORE,
	OPT_AFTER,
	OPT_CLOSE_AT,
	OPT_RST_AT,
	OPT_STALL_AT,
	OPT_DROP_AT,
	OPT_LATENCY,
	OPT_LOG,
	OPT_UNTIL_EOF,
	OPT_LIFETIME,
	OPT_HELP
};

static const struct help {
	const char *name, *arg, *text;
	int id;
} options[] = {
	{ "mailbox", "DIR",
	    "serve the files of DIR, in the order of their names",
	    OPT_MAILBOX },
	{ "script", "FILE", "play a transcript instead (server/script.c)",
	    OPT_SCRIPT },
	{ "address", "ADDR", "127.0.0.1 (default), another 127.x, or ::1",
	    OPT_ADDRESS },
	{ "user", "NAME:PASSWORD", "repeatable; default tester:open-sesame-7",
	    OPT_USER },
	{ "per-user", NULL, "the mailbox of a user is DIR/NAME", OPT_PER_USER },
	{ "preload", NULL, "load once, not at each login", OPT_PRELOAD },
	{ "raw", NULL, "files are as on the wire but for dots", OPT_RAW },
	{ "uidl", "name|hash", "UIDLs are file names, or a hash of them",
	    OPT_UIDL },
	{ "uidl-map", "FILE", "lines \"FILE UIDL\", escapes undone",
	    OPT_UIDL_MAP },
	{ "salt", "TEXT", "other text, other hashes as UIDLs", OPT_SALT },
	{ "lock", NULL, "a second session gets [IN-USE]", OPT_LOCK },
	{ "apop", NULL, "a timestamp in the greeting, APOP served", OPT_APOP },
	{ "sasl", "\"A B\"", "these mechanisms too, by GNU SASL", OPT_SASL },
	{ "other-binding", NULL, "the channel is another one than the client's",
	    OPT_OTHER_BINDING },
	{ "utf8", NULL, "UTF8 (RFC 6856) offered and served", OPT_UTF8 },
	{ "caps", "A,B,C", "CAPA's lines, in place of the truth", OPT_CAPS },
	{ "caps-after", "A,B,C", "the same after login", OPT_CAPS_AFTER },
	{ "no-capa", NULL, "CAPA is refused", OPT_NO_CAPA },
	{ "no-uidl", NULL, "UIDL is refused", OPT_NO_UIDL },
	{ "no-top", NULL, "TOP is refused", OPT_NO_TOP },
	{ "no-pipelining", NULL, "PIPELINING is not offered",
	    OPT_NO_PIPELINING },
	{ "no-stls", NULL, "STLS is not offered and refused", OPT_NO_STLS },
	{ "cert", "FILE", "PEM certificate: TLS", OPT_CERT },
	{ "key", "FILE", "its PEM key", OPT_KEY },
	{ "client-ca", "FILE", "clients must have a certificate from this CA",
	    OPT_CLIENT_CA },
	{ "priority", "STRING", "GnuTLS priority string", OPT_PRIORITY },
	{ "keep-deleted", NULL, "say +OK to DELE and QUIT, delete nothing",
	    OPT_KEEP_DELETED },
	{ "hide-retrieved", NULL, "QUIT deletes what was retrieved",
	    OPT_HIDE_RETRIEVED },
	{ "stat", "TEXT", "what STAT says after +OK", OPT_STAT },
	{ "size-lie", "N", "added to every size that is announced",
	    OPT_SIZE_LIE },
	{ "cut-after", "N", "cut after N octets sent (within TLS, if any)",
	    OPT_CUT_AFTER },
	{ "cut-raw-after", "N", "cut after N octets sent, TLS's own included",
	    OPT_CUT_RAW_AFTER },
	{ "cut", "fin|rst|stall", "how to cut (default fin)", OPT_CUT },
	{ "fault-connections", "K", "cuts and faults only in the first K",
	    OPT_FAULT_CONNECTIONS },
	{ "err-at", "COMMAND:K[=TEXT]",
	    "refuse the K-th COMMAND of a connection (0: each)", OPT_ERR_AT },
	{ "replace", "COMMAND:K=TEXT",
	    "say TEXT (escapes undone) and do nothing; also GREETING:1",
	    OPT_REPLACE },
	{ "before", "COMMAND:K=TEXT", "say TEXT before the answer",
	    OPT_BEFORE },
	{ "after", "COMMAND:K=TEXT", "say TEXT after the answer", OPT_AFTER },
	{ "close-at", "COMMAND:K", "FIN in place of doing and answering",
	    OPT_CLOSE_AT },
	{ "rst-at", "COMMAND:K", "the same with a reset", OPT_RST_AT },
	{ "stall-at", "COMMAND:K", "the same with silence", OPT_STALL_AT },
	{ "drop-at", "COMMAND:K", "do it, then FIN in place of the answer",
	    OPT_DROP_AT },
	{ "latency", "MS", "wait so long after each read", OPT_LATENCY },
	{ "log", "FILE", "append what is heard, and octets sent", OPT_LOG },
	{ "until-eof", NULL, "end when standard input ends", OPT_UNTIL_EOF },
	{ "lifetime", "S", "end after S seconds (default 600)", OPT_LIFETIME },
	{ "help", NULL, "this text", OPT_HELP },
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static void
usage(void)
{
	size_t i;

	puts("usage: server --mailbox DIR|--script FILE [options]");
	for (i = 0; i < OPTION_COUNT; i++)
		printf("  --%s%s%s\n\t%s\n", options[i].name,
		    options[i].arg != NULL ? " " : "",
		    options[i].arg != NULL ? options[i].arg : "",
		    options[i].text);
	exit(0);
}

static unsigned long long
number(const char *arg)
{
	char *end;
	unsigned long long n = strtoull(arg, &end, 10);

	if (end == arg || *end != '\0')
		errx(1, "not a number: %s", arg);
	return n;
}

static void
add_user(struct server *server, const char *arg)
{
	struct user *user;
	char *colon;

	server->users = reallocarray(server->users, server->user_count + 1,
	    sizeof(*server->users));
	if (server->users == NULL)
		err(1, NULL);
	user = &server->users[server->user_count++];
	if ((user->name = strdup(arg)) == NULL)
		err(1, NULL);
	if ((colon = strchr(user->name, ':')) == NULL)
		errx(1, "not NAME:PASSWORD: %s", arg);
	*colon = '\0';
	user->password = colon + 1;
}

static enum ending
ending(const char *arg)
{
	if (strcmp(arg, "fin") == 0)
		return END_FIN;
	if (strcmp(arg, "rst") == 0)
		return END_RST;
	if (strcmp(arg, "stall") == 0)
		return END_STALL;
	errx(1, "not fin, rst or stall: %s", arg);
}

/* The options that make it err; false: it is none of them. */
static bool
fault_option(struct server *server, int id, const char *arg)
{
	switch (id) {
	case OPT_CUT_AFTER:
		server->cut_after = number(arg);
		return true;
	case OPT_CUT_RAW_AFTER:
		server->cut_raw_after = number(arg);
		return true;
	case OPT_CUT:
		server->cut_ending = ending(arg);
		return true;
	case OPT_FAULT_CONNECTIONS:
		server->fault_connections = (unsigned long)number(arg);
		return true;
	case OPT_ERR_AT:
		fault_add(server, FAULT_REPLACE, END_FIN, arg,
		    "-ERR refused by the test\\r\\n");
		return true;
	case OPT_REPLACE:
		fault_add(server, FAULT_REPLACE, END_FIN, arg, NULL);
		return true;
	case OPT_BEFORE:
		fault_add(server, FAULT_BEFORE, END_FIN, arg, NULL);
		return true;
	case OPT_AFTER:
		fault_add(server, FAULT_AFTER, END_FIN, arg, NULL);
		return true;
	case OPT_CLOSE_AT:
		fault_add(server, FAULT_END, END_FIN, arg, "");
		return true;
	case OPT_RST_AT:
		fault_add(server, FAULT_END, END_RST, arg, "");
		return true;
	case OPT_STALL_AT:
		fault_add(server, FAULT_END, END_STALL, arg, "");
		return true;
	case OPT_DROP_AT:
		fault_add(server, FAULT_DROP, END_FIN, arg, "");
		return true;
	default:
		return false;
	}
}

/* The options that are on or off; false: it is none of them. */
static bool
flag_option(struct server *server, int id)
{
	bool *const flags[] = {
		[OPT_PER_USER - OPT_FIRST] = &server->per_user,
		[OPT_PRELOAD - OPT_FIRST] = &server->preload,
		[OPT_RAW - OPT_FIRST] = &server->raw,
		[OPT_LOCK - OPT_FIRST] = &server->lock,
		[OPT_APOP - OPT_FIRST] = &server->apop,
		[OPT_OTHER_BINDING - OPT_FIRST] = &server->other_binding,
		[OPT_UTF8 - OPT_FIRST] = &server->utf8,
		[OPT_NO_CAPA - OPT_FIRST] = &server->no_capa,
		[OPT_NO_UIDL - OPT_FIRST] = &server->no_uidl,
		[OPT_NO_TOP - OPT_FIRST] = &server->no_top,
		[OPT_NO_PIPELINING - OPT_FIRST] = &server->no_pipelining,
		[OPT_NO_STLS - OPT_FIRST] = &server->no_stls,
		[OPT_KEEP_DELETED - OPT_FIRST] = &server->keep_deleted,
		[OPT_HIDE_RETRIEVED - OPT_FIRST] = &server->hide_retrieved,
		[OPT_UNTIL_EOF - OPT_FIRST] = &server->until_eof,
		[OPT_HELP - OPT_FIRST] = NULL,
	};

	if (flags[id - OPT_FIRST] == NULL)
		return false;
	*flags[id - OPT_FIRST] = true;
	return true;
}

/* The options that are a word kept; false: it is none of them. */
static bool
word_option(struct server *server, int id, const char *arg)
{
	const char **const words[] = {
		[OPT_MAILBOX - OPT_FIRST] = &server->mailbox,
		[OPT_SCRIPT - OPT_FIRST] = &server->script,
		[OPT_ADDRESS - OPT_FIRST] = &server->address,
		[OPT_UIDL_MAP - OPT_FIRST] = &server->uidl_map,
		[OPT_SALT - OPT_FIRST] = &server->salt,
		[OPT_SASL - OPT_FIRST] = &server->sasl,
		[OPT_CAPS - OPT_FIRST] = &server->caps,
		[OPT_CAPS_AFTER - OPT_FIRST] = &server->caps_after,
		[OPT_CERT - OPT_FIRST] = &server->cert,
		[OPT_KEY - OPT_FIRST] = &server->key,
		[OPT_CLIENT_CA - OPT_FIRST] = &server->client_ca,
		[OPT_PRIORITY - OPT_FIRST] = &server->priority,
		[OPT_STAT - OPT_FIRST] = &server->stat,
		[OPT_HELP - OPT_FIRST] = NULL,
	};

	if (words[id - OPT_FIRST] == NULL)
		return false;
	*words[id - OPT_FIRST] = arg;
	return true;
}

static void
other_option(struct server *server, int id, const char *arg)
{
	switch (id) {
	case OPT_USER:
		add_user(server, arg);
		break;
	case OPT_UIDL:
		server->uidl_is_name = strcmp(arg, "name") == 0;
		break;
	case OPT_SIZE_LIE:
		server->size_lie = strtol(arg, NULL, 10);
		break;
	case OPT_LATENCY:
		server->latency_ms = (unsigned int)number(arg);
		break;
	case OPT_LIFETIME:
		server->lifetime_s = (unsigned int)number(arg);
		break;
	case OPT_LOG:
		server->log_fd =
		    open(arg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (server->log_fd == -1)
			err(1, "%s", arg);
		break;
	case OPT_HELP:
		usage();
		break;
	default:
		exit(1);
	}
}

static void
parse_options(struct server *server, int argc, char **argv)
{
	struct option table[OPTION_COUNT + 1];
	size_t i;
	int id;

	memset(table, 0, sizeof(table));
	for (i = 0; i < OPTION_COUNT; i++) {
		table[i].name = options[i].name;
		table[i].has_arg = options[i].arg != NULL;
		table[i].val = options[i].id;
	}
	while ((id = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (id == '?')
			exit(1);
		if (!flag_option(server, id) &&
		    !word_option(server, id, optarg) &&
		    !fault_option(server, id, optarg))
			other_option(server, id, optarg);
	}
	if (optind < argc || !server->mailbox == !server->script)
		errx(1, "give --mailbox or --script; see --help");
	if (server->user_count == 0)
		add_user(server, "tester:open-sesame-7");
	if (server->preload && server->per_user)
		errx(1, "--preload is for one mailbox");
}

static void
set_up_tls(struct server *server)
{
	int rc;

	if (server->cert == NULL)
		return;
	gnutls_certificate_allocate_credentials(&server->credentials);
	if ((rc = gnutls_certificate_set_x509_key_file(server->credentials,
		 server->cert, server->key, GNUTLS_X509_FMT_PEM)) < 0)
		errx(1, "%s: %s", server->cert, gnutls_strerror(rc));
	if (server->client_ca != NULL &&
	    (rc = gnutls_certificate_set_x509_trust_file(server->credentials,
		 server->client_ca, GNUTLS_X509_FMT_PEM)) < 0)
		errx(1, "%s: %s", server->client_ca, gnutls_strerror(rc));
	if ((rc = gnutls_priority_init(&server->priorities, server->priority,
		 NULL)) < 0)
		errx(1, "priority: %s", gnutls_strerror(rc));
}

/* A listening socket at a free port, which is printed. */
static int
listen_at(const struct server *server, const char *name)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool is_six = strcmp(server->address, "::1") == 0;
	struct sockaddr *address =
	    is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t len = is_six ? sizeof(six) : sizeof(four);
	int fd;

	if (!is_six &&
	    (inet_pton(AF_INET, server->address, &four.sin_addr) != 1 ||
		strncmp(server->address, "127.", 4) != 0))
		errx(1, "not a loopback address: %s", server->address);
	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, address, len) == -1 || listen(fd, 64) == -1 ||
	    getsockname(fd, address, &len) == -1)
		err(1, "%s", server->address);
	printf("%s %d\n", name, ntohs(is_six ? six.sin6_port : four.sin_port));
	return fd;
}

static void
reap(void)
{
	pid_t pid;
	size_t i;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (i = 0; i < CHILDREN; i++)
			if (children[i] == pid)
				children[i] = 0;
}

/* Serve a connection in a process of its own. */
static void
serve(const struct server *server, struct mailbox *preloaded, int fd,
    unsigned long connection, bool tls)
{
	struct conn *conn;
	pid_t pid;
	size_t i;

	reap();
	for (i = 0; i < CHILDREN - 1 && children[i] != 0; i++)
		;
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid > 0) {
		children[i] = pid;
		close(fd);
		return;
	}
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &signals_all, NULL);
	alarm(server->lifetime_s);
	if ((conn = malloc(sizeof(*conn))) == NULL)
		err(1, NULL);
	conn_open(conn, server, fd, connection);
	if (!tls || conn_tls(conn) == 0)
		pop3_serve(conn, server, preloaded);
	_exit(0);
}

static void
accept_loop(const struct server *server, struct mailbox *preloaded,
    int listener, int tls_listener)
{
	struct pollfd fds[] = { { .fd = listener, .events = POLLIN },
		{ .fd = tls_listener, .events = POLLIN },
		{ .fd = server->until_eof ? STDIN_FILENO : -1,
		    .events = POLLIN } };
	unsigned long connections = 0;
	sigset_t none;
	char buf[256];
	int fd, i;

	sigemptyset(&none);
	sigprocmask(SIG_BLOCK, &signals_all, NULL);
	while (!stopping) {
		if (ppoll(fds, 3, NULL, &none) == -1)
			continue;
		for (i = 0; i < 2; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			fd = accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC);
			if (fd != -1)
				serve(server, preloaded, fd, ++connections,
				    i == 1);
		}
		if (fds[2].revents != 0 &&
		    read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			break;
	}
	for (i = 0; i < CHILDREN; i++)
		if (children[i] > 0)
			kill(children[i], SIGKILL);
}

int
main(int argc, char **argv)
{
	/* Static, so that all of it is in reach to the end: nothing leaks. */
	static struct server server = { .address = "127.0.0.1",
		.cut_after = UINT64_MAX,
		.cut_raw_after = UINT64_MAX,
		.fault_connections = (unsigned long)-1,
		.priority = "NORMAL",
		.lifetime_s = 600,
		.log_fd = -1 };
	struct sigaction action = { .sa_handler = on_signal };
	static struct mailbox *preloaded;
	const int signals[] = { SIGTERM, SIGINT, SIGALRM };
	int listener, tls_listener = -1, i;

	parse_options(&server, argc, argv);
	set_up_tls(&server);
	playing = server.script != NULL;
	sigemptyset(&signals_all);
	for (i = 0; i < 3; i++) {
		sigaddset(&signals_all, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	alarm(server.lifetime_s);
	if (server.preload)
		preloaded = mailbox_load(&server, server.mailbox);
	listener = listen_at(&server, "PORT");
	if (server.cert != NULL && server.script == NULL)
		tls_listener = listen_at(&server, "TLSPORT");
	if (fflush(stdout) == EOF)
		err(1, "stdout");
	if (server.script != NULL)
		return script_play(&server, listener);
	accept_loop(&server, preloaded, listener, tls_listener);
	return 0;
}
