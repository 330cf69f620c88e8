/* SPDX-License-Identifier: ISC */
/* The envelope sender, from the header. */
#include "deliver/return_path.h"

#include <string.h>
#include <strings.h>

#define FIELD "Return-Path:"
#define FIELD_LEN (sizeof(FIELD) - 1)

static void
take(const char *value, size_t len, char address[RETURN_PATH_MAX])
{
	size_t i;

	while (len > 0 && strchr(" \t<", value[0]) != NULL && value[0] != '\0')
		value++, len--;
	while (len > 0 && value[len - 1] != '\0' &&
	    strchr(" \t\r>", value[len - 1]) != NULL)
		len--;
	if (len >= RETURN_PATH_MAX)
		return;
	for (i = 0; i < len; i++)
		if (value[i] <= ' ' || value[i] >= 127 || value[i] == '<' ||
		    value[i] == '>')
			return;
	memcpy(address, value, len);
	address[len] = '\0';
}

void
return_path(const char *head, size_t len, char address[RETURN_PATH_MAX])
{
	const char *line = head, *end;
	size_t left;

	address[0] = '\0';
	while ((left = len - (size_t)(line - head)) > 0) {
		end = memchr(line, '\n', left);
		/* a cut line or the end of the header */
		if (end == NULL || end == line ||
		    (end == line + 1 && line[0] == '\r'))
			return;
		if ((size_t)(end - line) >= FIELD_LEN &&
		    strncasecmp(line, FIELD, FIELD_LEN) == 0) {
			take(line + FIELD_LEN, (size_t)(end - line) - FIELD_LEN,
			    address);
			return;
		}
		line = end + 1;
	}
}
