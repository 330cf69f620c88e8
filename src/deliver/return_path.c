/* SPDX-License-Identifier: ISC */
/* The envelope sender, from the header. */
#include "deliver/return_path.h"

#include <ctype.h>
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

#define LOCAL_MAX 64 /* RFC 5321 section 4.5.3.1 */
#define DOMAIN_MAX 255
#define LABEL_MAX 63

/* Parts of these characters with one separator between two. */
static bool
is_dotted(const char *text, size_t len, bool (*is_part)(const char *, size_t))
{
	const char *dot;
	size_t part;

	for (;;) {
		dot = memchr(text, '.', len);
		part = dot == NULL ? len : (size_t)(dot - text);
		if (!is_part(text, part))
			return false;
		if (dot == NULL)
			return true;
		text += part + 1;
		len -= part + 1;
	}
}

static bool
is_atom(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    strchr("!#$%&'*+-/=?^_`{|}~", text[i]) == NULL)
			return false;
	return len > 0;
}

static bool
is_label(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    (text[i] != '-' || i == 0 || i + 1 == len))
			return false;
	return len > 0 && len <= LABEL_MAX;
}

/* The length of a quoted string that text begins with, 0: it is none. */
static size_t
quoted_length(const char *text)
{
	size_t i;

	if (text[0] != '"')
		return 0;
	for (i = 1; text[i] != '\0'; i++) {
		if (text[i] == '"')
			return i + 1;
		if (text[i] == '\\' && text[++i] == '\0')
			break;
	}
	return 0;
}

static bool
is_domain(const char *text)
{
	size_t len = strlen(text);

	if (len > DOMAIN_MAX)
		return false;
	if (text[0] == '[')
		return len > 2 && strcspn(text + 1, "[]\\") == len - 2 &&
		    text[len - 1] == ']';
	return is_dotted(text, len, is_label);
}

bool
return_path_is_mailbox(const char *address)
{
	size_t local = quoted_length(address);

	if (address[0] != '"') {
		local = strcspn(address, "@");
		if (!is_dotted(address, local, is_atom))
			return false;
	}
	return local > 0 && local <= LOCAL_MAX && address[local] == '@' &&
	    is_domain(address + local + 1);
}
