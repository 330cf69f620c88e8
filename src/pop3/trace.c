/* SPDX-License-Identifier: ISC */
/* The conversation as --debug shows it, without what is secret. */
#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "pop3/queue.h"

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
