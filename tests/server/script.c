/* SPDX-License-Identifier: ISC */
/*
 * Transcript mode: a file says what the server says and must hear.
 *
 *	# a comment
 *	TLS                 the server's side of a handshake, now
 *	S: text             said, with CRLF
 *	S-raw: te\x00xt\n   said as it is, C escapes undone, no CRLF
 *	S-file: path        a file's octets; relative to the transcript
 *	S-endless: text     like S-raw, until the client has gone; each % is how
 *			    often it has been said
 *	C: text             must be heard, literally
 *	C~ regex            must be heard: an extended regular expression, all
 *of it WAIT ms CLOSE, RST, STALL   end the connection by FIN, by reset, never
 *	NEXT                the next connection
 *
 * What is said between two C lines leaves in one write. A connection whose
 *lines are used up is closed, and the client must have nothing more to say.
 */
#include "server/server.h"

#include <err.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct script {
	const char *path;
	FILE *file;
	unsigned int line;
	char *text;
	size_t size;
	int failures;
};

/* The next line that means something, or NULL. */
static char *
next_line(struct script *script)
{
	ssize_t len;

	while (
	    (len = getline(&script->text, &script->size, script->file)) > 0) {
		script->line++;
		if (script->text[len - 1] == '\n')
			script->text[--len] = '\0';
		if (len > 0 && script->text[0] != '#')
			return script->text;
	}
	return NULL;
}

static void
complain(struct script *script, const char *wanted, const char *heard)
{
	fprintf(stderr, "%s:%u: wanted \"%s\", heard %s%s%s\n", script->path,
	    script->line, wanted, heard != NULL ? "\"" : "",
	    heard != NULL ? heard : "the end", heard != NULL ? "\"" : "");
	script->failures++;
}

/* The argument of a line that begins with word, or NULL. */
static char *
after(char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0)
		return NULL;
	if (line[len] == ' ')
		return line + len + 1;
	return line[len] == '\0' ? line + len : NULL;
}

static bool
matches(const char *pattern, const char *text)
{
	char *anchored;
	regex_t regex;
	bool yes;

	if (asprintf(&anchored, "^(%s)$", pattern) == -1)
		err(1, NULL);
	if (regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB) != 0)
		errx(1, "not a regular expression: %s", pattern);
	yes = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	free(anchored);
	return yes;
}

static void
hear(struct script *script, struct conn *conn, const char *wanted, bool regex)
{
	const char *heard = conn_line(conn);

	if (heard != NULL &&
	    (regex ? matches(wanted, heard) : strcmp(wanted, heard) == 0))
		return;
	complain(script, wanted, heard);
	conn_end(conn, END_RST);
}

static void
say_file(struct script *script, struct conn *conn, const char *name)
{
	const char *slash = strrchr(script->path, '/');
	char buf[8192], *path;
	FILE *file;
	size_t n;

	if (asprintf(&path, "%.*s%s",
		slash != NULL && *name != '/' ?
		    (int)(slash - script->path) + 1 :
		    0,
		script->path, name) == -1)
		err(1, NULL);
	if ((file = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (!conn->dead && (n = fread(buf, 1, sizeof(buf), file)) > 0)
		conn_copy(conn, buf, n);
	fclose(file);
	free(path);
}

static void
say_endless(struct conn *conn, const char *text)
{
	size_t len;
	char *raw = unescape(text, &len), number[24], *p;
	unsigned long n;

	for (n = 1; !conn->dead; n++) {
		snprintf(number, sizeof(number), "%lu", n);
		for (p = raw; p < raw + len; p++) {
			if (*p == '%')
				conn_copy(conn, number, strlen(number));
			else
				conn_copy(conn, p, 1);
		}
	}
	free(raw);
}

static void
step(struct script *script, struct conn *conn, char *line)
{
	char *arg, *raw;
	size_t len;

	if ((arg = after(line, "S:")) != NULL) {
		conn_copy(conn, arg, strlen(arg));
		conn_copy(conn, "\r\n", 2);
	} else if ((arg = after(line, "S-raw:")) != NULL) {
		raw = unescape(arg, &len);
		conn_copy(conn, raw, len);
		free(raw);
	} else if ((arg = after(line, "S-endless:")) != NULL)
		say_endless(conn, arg);
	else if ((arg = after(line, "S-file:")) != NULL)
		say_file(script, conn, arg);
	else if ((arg = after(line, "C:")) != NULL)
		hear(script, conn, arg, false);
	else if ((arg = after(line, "C~")) != NULL)
		hear(script, conn, arg, true);
	else if (strcmp(line, "TLS") == 0) {
		if (conn_tls(conn) == -1)
			complain(script, "a TLS handshake", "none");
	} else {
		conn_flush(conn);
		if ((arg = after(line, "WAIT")) != NULL)
			sleep_ms((unsigned int)strtoul(arg, NULL, 10));
		else if (strcmp(line, "CLOSE") == 0)
			conn_end(conn, END_FIN);
		else if (strcmp(line, "RST") == 0)
			conn_end(conn, END_RST);
		else if (strcmp(line, "STALL") == 0)
			conn_end(conn, END_STALL);
		else
			errx(1, "%s:%u: what is this? %s", script->path,
			    script->line, line);
	}
}

/* Play one connection's lines; returns whether another is to come. */
static bool
play(struct script *script, struct conn *conn)
{
	char *line;

	while ((line = next_line(script)) != NULL) {
		if (strcmp(line, "NEXT") == 0)
			break;
		if (!conn->dead)
			step(script, conn, line);
		else if (after(line, "S:") != NULL ||
		    after(line, "C:") != NULL || after(line, "C~") != NULL)
			script->failures++;
	}
	conn_flush(conn);
	if (!conn->dead) {
		if (conn->tls != NULL)
			gnutls_bye(conn->tls, GNUTLS_SHUT_WR);
		shutdown(conn->fd, SHUT_WR);
		line = conn_line(conn);
		if (line != NULL)
			complain(script, "nothing", line);
		conn_end(conn, END_FIN);
	}
	return script->text != NULL && strcmp(script->text, "NEXT") == 0 &&
	    !feof(script->file);
}

int
script_play(const struct server *server, int listener)
{
	struct script script = { .path = server->script };
	struct conn *conn = malloc(sizeof(*conn));
	unsigned long number = 0;
	bool more = true;
	int fd;

	if (conn == NULL)
		err(1, NULL);
	if ((script.file = fopen(script.path, "r")) == NULL)
		err(1, "%s", script.path);
	while (more) {
		do
			fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		while (fd == -1 && errno == EINTR);
		if (fd == -1)
			err(1, "accept");
		conn_open(conn, server, fd, ++number);
		more = play(&script, conn);
	}
	free(script.text);
	fclose(script.file);
	free(conn);
	return script.failures == 0 ? 0 : 1;
}
