/* SPDX-License-Identifier: ISC */
/* The protocol of the tests' server in mailbox mode: RFC 1939, 2449, 2595,
 * 5034 (PLAIN) and 6856 (UTF8), and the places where it can be made to err. */
#include "server/server.h"

#include <ctype.h>
#include <err.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMESTAMP "<4711.1@poplar.example>"

struct session {
	struct conn *conn;
	const struct server *server;
	struct mailbox *mailbox; /* NULL before login */
	struct mailbox *preloaded;
	char *user;
	bool ended;
};

static void
login(struct session *session, const char *user, bool right)
{
	const struct server *server = session->server;
	char dir[4096];

	if (!right) {
		conn_say(session->conn, "-ERR [AUTH] Authentication failed.");
		return;
	}
	snprintf(dir, sizeof(dir), server->per_user ? "%s/%s" : "%s",
	    server->mailbox, user);
	if (session->preloaded != NULL) {
		session->mailbox = session->preloaded;
		mailbox_refresh(session->mailbox);
	} else
		session->mailbox = mailbox_load(server, dir);
	if (server->lock && mailbox_lock(session->mailbox, dir) == -1) {
		session->mailbox = NULL;
		conn_say(session->conn,
		    "-ERR [IN-USE] Mailbox is locked by another session.");
		return;
	}
	conn_say(session->conn, "+OK Logged in.");
}

static const struct user *
find_user(const struct server *server, const char *name)
{
	size_t i;

	for (i = 0; i < server->user_count; i++)
		if (strcmp(server->users[i].name, name) == 0)
			return &server->users[i];
	return NULL;
}

static void
do_user(struct session *session, char *arg)
{
	free(session->user);
	if ((session->user = strdup(arg)) == NULL)
		err(1, NULL);
	conn_say(session->conn, "+OK");
}

static void
do_pass(struct session *session, char *arg)
{
	const struct user *user;

	if (session->user == NULL) {
		conn_say(session->conn, "-ERR No username given.");
		return;
	}
	user = find_user(session->server, session->user);
	login(session, session->user,
	    user != NULL && strcmp(user->password, arg) == 0);
}

static void
do_apop(struct session *session, char *arg)
{
	char *digest = strchr(arg, ' '), text[512], want[33];
	const struct user *user;
	unsigned char md5[16];
	int i, len;

	if (!session->server->apop || digest == NULL) {
		conn_say(session->conn, "-ERR APOP is not served");
		return;
	}
	*digest++ = '\0';
	if ((user = find_user(session->server, arg)) == NULL) {
		login(session, arg, false);
		return;
	}
	len = snprintf(text, sizeof(text), TIMESTAMP "%s", user->password);
	gnutls_hash_fast(GNUTLS_DIG_MD5, text, (size_t)len, md5);
	for (i = 0; i < 16; i++)
		snprintf(want + 2 * i, 3, "%02x", md5[i]);
	login(session, arg, strcmp(want, digest) == 0);
}

/* RFC 4616: authorisation identity, NUL, name, NUL, password. */
static void
plain(struct session *session, const char *base64)
{
	gnutls_datum_t in = { .data = (unsigned char *)(uintptr_t)base64,
		.size = (unsigned int)strlen(base64) },
		       out;
	const struct user *user = NULL;
	char text[1024], *name, *password;

	if (gnutls_base64_decode2(&in, &out) < 0) {
		conn_say(session->conn, "-ERR Not base64");
		return;
	}
	memset(text, 0, sizeof(text));
	memcpy(text, out.data,
	    out.size < sizeof(text) - 3 ? out.size : sizeof(text) - 3);
	gnutls_free(out.data);
	name = text + strlen(text) + 1;
	password = name + strlen(name) + 1;
	user = find_user(session->server, name);
	login(session, name,
	    user != NULL && strcmp(user->password, password) == 0);
}

/* Is it one of those that GNU SASL serves? */
static bool
by_sasl(const struct session *session, const char *mechanism)
{
	const char *list = session->server->sasl;
	size_t len = strlen(mechanism);

	while (list != NULL && *list != '\0') {
		if (strncasecmp(list, mechanism, len) == 0 &&
		    (list[len] == ' ' || list[len] == '\0'))
			return true;
		list += strcspn(list, " ");
		list += strspn(list, " ");
	}
	return false;
}

static void
do_auth(struct session *session, char *arg)
{
	const char *user;
	char *initial = strchr(arg, ' ');

	if (initial != NULL)
		*initial++ = '\0';
	if (*arg == '\0') {
		conn_say(session->conn, "+OK\r\nPLAIN\r\n.");
	} else if (by_sasl(session, arg)) {
		user = sasl_serve(session->conn, arg, initial);
		login(session, user != NULL ? user : "", user != NULL);
	} else if (strcasecmp(arg, "PLAIN") != 0) {
		conn_say(session->conn,
		    "-ERR [AUTH] Unsupported authentication mechanism.");
	} else if (initial != NULL) {
		plain(session, initial);
	} else {
		conn_say(session->conn, "+ ");
		if ((initial = conn_line(session->conn)) == NULL)
			session->ended = true;
		else if (strcmp(initial, "*") == 0)
			conn_say(session->conn, "-ERR Cancelled.");
		else
			plain(session, initial);
	}
}

/* A line each of a comma separated list. */
static void
say_list(struct conn *conn, const char *list)
{
	size_t len;

	for (; *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		conn_say(conn, "%.*s", (int)len, list);
	}
}

static void
do_capa(struct session *session, char *arg)
{
	const struct server *server = session->server;
	struct conn *conn = session->conn;
	bool before = session->mailbox == NULL;
	const char *list = before || server->caps_after == NULL ?
	    server->caps :
	    server->caps_after;

	(void)arg;
	if (server->no_capa) {
		conn_say(conn, "-ERR Unknown command.");
		return;
	}
	conn_say(conn, "+OK");
	if (list != NULL)
		say_list(conn, list);
	else {
		say_list(conn, "CAPA,RESP-CODES,AUTH-RESP-CODE");
		if (!server->no_top)
			conn_say(conn, "TOP");
		if (!server->no_uidl)
			conn_say(conn, "UIDL");
		if (!server->no_pipelining)
			conn_say(conn, "PIPELINING");
		if (server->utf8)
			conn_say(conn, "UTF8");
		if (before && conn->tls == NULL && server->cert != NULL &&
		    !server->no_stls)
			conn_say(conn, "STLS");
		if (before)
			conn_say(conn, "USER\r\nSASL PLAIN%s%s",
			    server->sasl != NULL ? " " : "",
			    server->sasl != NULL ? server->sasl : "");
		conn_say(conn, "IMPLEMENTATION poplar-test-server");
	}
	conn_say(conn, ".");
}

static void
do_stls(struct session *session, char *arg)
{
	struct conn *conn = session->conn;

	(void)arg;
	if (conn->tls != NULL || session->server->cert == NULL ||
	    session->server->no_stls) {
		conn_say(conn, "-ERR TLS is not possible now.");
		return;
	}
	conn_say(conn, "+OK Begin TLS negotiation now.");
	if (conn_tls(conn) == -1)
		session->ended = true;
}

/* The message a number names, or NULL, which has been said. */
static struct message *
number(struct session *session, const char *arg)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (!isdigit((unsigned char)*arg) || (*end != '\0' && *end != ' ') ||
	    n == 0 || n > session->mailbox->count) {
		conn_say(session->conn, "-ERR There's no message %s.",
		    strlen(arg) < 100 ? arg : "like that");
		return NULL;
	}
	if (session->mailbox->messages[n - 1].deleted) {
		conn_say(session->conn, "-ERR Message is deleted.");
		return NULL;
	}
	return &session->mailbox->messages[n - 1];
}

static uint64_t
listed_size(const struct session *session, const struct message *message)
{
	return message->size + (uint64_t)session->server->size_lie;
}

static void
do_stat(struct session *session, char *arg)
{
	const struct mailbox *mailbox = session->mailbox;
	uint64_t octets = 0;
	size_t i, count = 0;

	(void)arg;
	if (session->server->stat != NULL) {
		conn_say(session->conn, "+OK %s", session->server->stat);
		return;
	}
	for (i = 0; i < mailbox->count; i++) {
		if (mailbox->messages[i].deleted)
			continue;
		octets += listed_size(session, &mailbox->messages[i]);
		count++;
	}
	conn_say(session->conn, "+OK %zu %" PRIu64, count, octets);
}

static void
do_list(struct session *session, char *arg)
{
	const struct mailbox *mailbox = session->mailbox;
	const struct message *message;
	size_t i;

	if (*arg != '\0') {
		if ((message = number(session, arg)) != NULL)
			conn_say(session->conn, "+OK %td %" PRIu64,
			    message - mailbox->messages + 1,
			    listed_size(session, message));
		return;
	}
	conn_say(session->conn, "+OK %zu messages:", mailbox->count);
	for (i = 0; i < mailbox->count; i++)
		if (!mailbox->messages[i].deleted)
			conn_say(session->conn, "%zu %" PRIu64, i + 1,
			    listed_size(session, &mailbox->messages[i]));
	conn_say(session->conn, ".");
}

/* Longer than conn_say takes, it may be. */
static void
say_uid(struct conn *conn, const char *status, size_t num, const char *uid)
{
	char number[64];
	int len = snprintf(number, sizeof(number), "%s%zu ", status, num);

	conn_copy(conn, number, (size_t)len);
	conn_copy(conn, uid, strlen(uid));
	conn_copy(conn, "\r\n", 2);
}

static void
do_uidl(struct session *session, char *arg)
{
	const struct mailbox *mailbox = session->mailbox;
	const struct message *message;
	size_t i;

	if (session->server->no_uidl) {
		conn_say(session->conn, "-ERR Unknown command.");
		return;
	}
	if (*arg != '\0') {
		if ((message = number(session, arg)) != NULL)
			say_uid(session->conn, "+OK ",
			    (size_t)(message - mailbox->messages) + 1,
			    message->uid);
		return;
	}
	conn_say(session->conn, "+OK");
	for (i = 0; i < mailbox->count; i++)
		if (!mailbox->messages[i].deleted)
			say_uid(session->conn, "", i + 1,
			    mailbox->messages[i].uid);
	conn_say(session->conn, ".");
}

static void
do_retr(struct session *session, char *arg)
{
	struct message *message = number(session, arg);

	if (message == NULL)
		return;
	message->retrieved = true;
	conn_say(session->conn, "+OK %" PRIu64 " octets",
	    listed_size(session, message));
	conn_add(session->conn, message->wire, message->wire_len);
}

static void
do_top(struct session *session, char *arg)
{
	struct message *message;
	const char *at, *end, *line_end;
	const char *space = strchr(arg, ' ');
	long lines = -1; /* left of the body; -1: still in the header */

	if (session->server->no_top || space == NULL) {
		conn_say(session->conn, "-ERR Unknown command.");
		return;
	}
	if ((message = number(session, arg)) == NULL)
		return;
	at = message->wire;
	end = message->wire + message->wire_len - 3;
	while (at < end && lines != 0) {
		line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
		if (lines > 0)
			lines--;
		else if (line_end == at)
			lines = strtol(space, NULL, 10);
		at = line_end + 2;
	}
	conn_say(session->conn, "+OK");
	conn_add(session->conn, message->wire, (size_t)(at - message->wire));
	conn_say(session->conn, ".");
}

static void
do_dele(struct session *session, char *arg)
{
	struct message *message = number(session, arg);

	if (message == NULL)
		return;
	message->deleted = true;
	conn_say(session->conn, "+OK Marked to be deleted.");
}

static void
do_noop(struct session *session, char *arg)
{
	(void)arg;
	conn_say(session->conn, "+OK");
}

static void
do_rset(struct session *session, char *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < session->mailbox->count; i++)
		session->mailbox->messages[i].deleted = false;
	conn_say(session->conn, "+OK");
}

static void
do_utf8(struct session *session, char *arg)
{
	(void)arg;
	conn_say(session->conn,
	    session->server->utf8 ? "+OK UTF8 enabled" :
				    "-ERR Unknown command.");
}

static void
do_quit(struct session *session, char *arg)
{
	(void)arg;
	session->ended = true;
	if (session->mailbox != NULL &&
	    mailbox_expunge(session->mailbox, session->server) == -1)
		conn_say(session->conn, "-ERR Some messages were not deleted.");
	else
		conn_say(session->conn, "+OK Logging out.");
}

#define BEFORE 1 /* allowed before login */
#define AFTER 2  /* allowed after it */

static const struct command {
	const char *name;
	int when;
	void (*run)(struct session *session, char *arg);
} commands[] = {
	{ "RETR", AFTER, do_retr },
	{ "DELE", AFTER, do_dele },
	{ "TOP", AFTER, do_top },
	{ "LIST", AFTER, do_list },
	{ "UIDL", AFTER, do_uidl },
	{ "STAT", AFTER, do_stat },
	{ "NOOP", AFTER, do_noop },
	{ "RSET", AFTER, do_rset },
	{ "CAPA", BEFORE | AFTER, do_capa },
	{ "QUIT", BEFORE | AFTER, do_quit },
	{ "UTF8", BEFORE, do_utf8 },
	{ "STLS", BEFORE, do_stls },
	{ "USER", BEFORE, do_user },
	{ "PASS", BEFORE, do_pass },
	{ "APOP", BEFORE, do_apop },
	{ "AUTH", BEFORE, do_auth },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
perform(struct session *session, const struct command *command, char *arg)
{
	int now = session->mailbox == NULL ? BEFORE : AFTER;

	if (command == NULL || !(command->when & now))
		conn_say(session->conn, "-ERR Unknown command.");
	else
		command->run(session, arg);
}

/* Perform a command, or what a fault puts in its place. */
static void
perform_faulty(struct session *session, const struct command *command,
    char *arg, const char *name, unsigned long nth)
{
	const struct server *server = session->server;
	struct conn *conn = session->conn;
	const struct fault *fault;

	if ((fault = fault_find(server, name, nth, FAULT_END)) != NULL) {
		conn_flush(conn);
		conn_end(conn, fault->ending);
		return;
	}
	if ((fault = fault_find(server, name, nth, FAULT_REPLACE)) != NULL) {
		conn_copy(conn, fault->text, fault->text_len);
		return;
	}
	if ((fault = fault_find(server, name, nth, FAULT_BEFORE)) != NULL)
		conn_copy(conn, fault->text, fault->text_len);
	if ((fault = fault_find(server, name, nth, FAULT_DROP)) != NULL)
		conn_flush(conn);
	perform(session, command, arg);
	if (fault != NULL) {
		conn_forget(conn);
		conn_end(conn, fault->ending);
	}
	if ((fault = fault_find(server, name, nth, FAULT_AFTER)) != NULL)
		conn_copy(conn, fault->text, fault->text_len);
}

static void
greet(struct session *session)
{
	const struct fault *fault;
	struct conn *conn = session->conn;

	if (conn->faulty &&
	    (fault = fault_find(session->server, "GREETING", 1,
		 FAULT_REPLACE)) != NULL)
		conn_copy(conn, fault->text, fault->text_len);
	else if (conn->faulty &&
	    (fault = fault_find(session->server, "GREETING", 1, FAULT_END)) !=
		NULL)
		conn_end(conn, fault->ending);
	else
		conn_say(conn, "+OK poplar test server ready%s",
		    session->server->apop ? " " TIMESTAMP : "");
}

void
pop3_serve(struct conn *conn, const struct server *server,
    struct mailbox *preloaded)
{
	struct session session = { .conn = conn,
		.server = server,
		.preloaded = preloaded };
	unsigned long counts[COMMAND_COUNT] = { 0 };
	const struct command *command;
	char *line, *arg;
	size_t i;

	greet(&session);
	while (
	    !session.ended && !conn->dead && (line = conn_line(conn)) != NULL) {
		arg = line + strcspn(line, " ");
		if (*arg != '\0')
			*arg++ = '\0';
		for (i = 0; i < COMMAND_COUNT &&
		     strcasecmp(commands[i].name, line) != 0;
		     i++)
			;
		command = i < COMMAND_COUNT ? &commands[i] : NULL;
		if (command != NULL && conn->faulty && server->fault_count > 0)
			perform_faulty(&session, command, arg, command->name,
			    ++counts[i]);
		else
			perform(&session, command, arg);
	}
	conn_close(conn);
	free(session.user);
}
