/* SPDX-License-Identifier: ISC */
/*
 * The conversation as --debug shows it, without what is secret. That is also
 * all of what is needed to try passwords without the server: what it sends for
 * a proof (nonce, salt, challenge, the timestamp in the greeting) beside what
 * is computed from it.
 */
#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "pop3/mechanism.h"
#include "pop3/pop3_priv.h"

/* Commands whose arguments are nobody's business. */
bool
trace_is_login(const char *command)
{
	static const char *const verbs[] = { "USER", "PASS", "APOP", "RPOP",
		"AUTH" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strncasecmp(command, verbs[i], 4) == 0 &&
		    (command[4] == ' ' || command[4] == '\0'))
			return true;
	return false;
}

/* AUTH mechanism [ response ]: "=" is an empty one. */
static void
hide_response(char *arguments)
{
	const char *response;

	(void)strsep(&arguments, " ");
	response = strsep(&arguments, " ");
	if (response != NULL && strcmp(response, "=") != 0)
		log_secret(response);
}

/* APOP name digest */
static void
hide_digest(char *arguments)
{
	char *digest = strrchr(arguments, ' ');

	if (digest == NULL)
		return;
	*digest++ = '\0';
	log_hide(arguments);
	log_secret(digest);
}

void
trace_hide(const char *command, bool secret)
{
	char *copy, *arguments;
	size_t len;

	if (secret) {
		log_secret(command);
		return;
	}
	if (!trace_is_login(command) || command[4] == '\0')
		return;
	copy = xstrdup(command);
	len = strlen(copy);
	arguments = copy + 5;
	if (strncasecmp(copy, "AUTH", 4) == 0)
		hide_response(arguments);
	else if (strncasecmp(copy, "APOP", 4) == 0)
		hide_digest(arguments);
	else if (strncasecmp(copy, "PASS", 4) == 0)
		log_secret(arguments);
	else
		log_hide(arguments);
	freezero(copy, len);
}

void
trace_command(const char *text, size_t len, bool secret)
{
	char *command, *safe;
	size_t verb, mechanism;

	if (log_options()->debug < 1)
		return;
	command = xstrndup(text, len);
	verb = strcspn(command, " ");
	if (secret) {
		log_debug(1, "> ****");
	} else if (!trace_is_login(command) || command[verb] == '\0') {
		safe = log_ascii(command, len);
		log_debug(1, "> %s", safe);
		free(safe);
	} else if (strncasecmp(command, "AUTH", verb) == 0) {
		mechanism = strcspn(command + verb + 1, " ");
		log_debug(1, "> %.*s%s", (int)(verb + 1 + mechanism), command,
		    command[verb + 1 + mechanism] != '\0' ? " ****" : "");
	} else {
		log_debug(1, "> %.*s ****", (int)verb, command);
	}
	freezero(command, len);
}

/* Server text in the trace: level is 2 for lines, 3 for bodies. */
void
trace_reply(int level, const char *data, size_t len)
{
	char *safe;

	if (log_options()->debug < level)
		return;
	safe = log_ascii(data, len);
	log_debug(level, "< %s", safe);
	free(safe);
}

/* It is in no other words that a server has to end a login by. */
#define CODED_LEAST 16

/* Stars over what may be base64: a server may show its signature behind +OK. */
static void
cover_coded(char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/=";
	size_t n;

	for (; *text != '\0'; text += n) {
		n = strspn(text, alphabet);
		if (n >= CODED_LEAST)
			memset(text, '*', n);
		if (n == 0)
			n = 1;
	}
}

void
trace_login_reply(const char *line, size_t len, bool valid)
{
	char *safe;

	if (log_options()->debug < 2)
		return;
	if (!valid || line[0] == '-') {
		/* no reply: it may be a part of what was sent */
		trace_reply(2, valid ? line : "****", valid ? len : 4);
		return;
	}
	safe = log_ascii(line, len);
	if (strncmp(safe, "+OK", 3) == 0) {
		cover_coded(safe);
		log_debug(2, "< %s", safe);
	} else if (len > 2) {
		log_hide(safe + 2);
		log_debug(2, "< + ****");
	} else {
		log_debug(2, "< +");
	}
	free(safe);
}

void
trace_greeting(const char *line, size_t len)
{
	char *copy = xstrndup(line, len), *stamp;
	const char *at, *rest = copy;
	size_t stamp_len;

	while ((at = mechanism_timestamp(rest, &stamp_len)) != NULL) {
		stamp = xstrndup(at + 1, stamp_len - 2);
		log_hide(stamp);
		free(stamp);
		rest = at + stamp_len;
	}
	free(copy);
	trace_reply(2, line, len);
}

/*
 * A message line by line. What has no end yet has a backslash behind it, as in
 * vis(3) one that is escaped cannot stand: the rest is in the next line.
 */
void
trace_body(const char *data, size_t len)
{
	const char *lf;
	char *safe;
	bool ends;

	if (log_options()->debug < 3)
		return;
	for (; len > 0; len -= (size_t)(lf - data), data = lf) {
		lf = memchr(data, '\n', len);
		ends = lf != NULL;
		lf = ends ? lf + 1 : data + len;
		safe = log_ascii(data, (size_t)(lf - data) - ends);
		log_debug(3, "< %s%s", safe, ends ? "" : "\\");
		free(safe);
	}
}
