/* SPDX-License-Identifier: ISC */
/* Escaped text, and the faults that are told by it. */
#include "server/server.h"

#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *
unescape(const char *text, size_t *len)
{
	static const char letters[] = "rntb0ae\\",
			  meant[] = "\r\n\t\b\0\a\033\\";
	char *out = malloc(strlen(text) + 1), *to = out;
	const char *at;

	if (out == NULL)
		err(1, NULL);
	while (*text != '\0') {
		if (*text != '\\' || text[1] == '\0') {
			*to++ = *text++;
		} else if (text[1] == 'x' && hex(text[2]) != -1 &&
		    hex(text[3]) != -1) {
			*to++ = (char)(hex(text[2]) << 4 | hex(text[3]));
			text += 4;
		} else if ((at = strchr(letters, text[1])) != NULL) {
			*to++ = meant[at - letters];
			text += 2;
		} else
			errx(1, "unknown escape \\%c", text[1]);
	}
	*to = '\0';
	*len = (size_t)(to - out);
	return out;
}

void
fault_add(struct server *server, enum fault_kind kind, enum ending ending,
    const char *spec, const char *text)
{
	const char *colon = strchr(spec, ':');
	struct fault *fault;
	char *end;
	size_t i;

	server->faults = reallocarray(server->faults, server->fault_count + 1,
	    sizeof(*server->faults));
	if (server->faults == NULL)
		err(1, NULL);
	fault = &server->faults[server->fault_count++];
	memset(fault, 0, sizeof(*fault));
	fault->kind = kind;
	fault->ending = ending;
	if (colon == NULL || (size_t)(colon - spec) >= sizeof(fault->command))
		errx(1, "not COMMAND:K: %s", spec);
	for (i = 0; spec + i < colon; i++)
		fault->command[i] = (char)toupper((unsigned char)spec[i]);
	fault->nth = strtoul(colon + 1, &end, 10);
	if (*end == '=')
		text = end + 1;
	else if (*end != '\0' || text == NULL)
		errx(1, "not COMMAND:K=TEXT: %s", spec);
	fault->text = unescape(text, &fault->text_len);
}

const struct fault *
fault_find(const struct server *server, const char *command, unsigned long nth,
    enum fault_kind kind)
{
	const struct fault *fault;

	for (fault = server->faults;
	     fault < server->faults + server->fault_count; fault++)
		if (fault->kind == kind &&
		    strcmp(fault->command, command) == 0 &&
		    (fault->nth == 0 || fault->nth == nth))
			return fault;
	return NULL;
}
