/* SPDX-License-Identifier: ISC */
/* locale = language [ "_" territory ] [ "." charset ] [ "@" modifier ] */
#include "session/language.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Without the territory: a server is more likely to have "de" than "de-AT". */
bool
language_of_locale(char tag[LANGUAGE_SIZE])
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *locale = NULL;
	size_t len;

	for (size_t i = 0; i < 3 && (locale == NULL || *locale == '\0'); i++)
		locale = getenv(names[i]);
	if (locale == NULL || !utf8_is_charset())
		return false;
	len = strspn(locale, "abcdefghijklmnopqrstuvwxyz");
	if (len < 2 || len >= LANGUAGE_SIZE ||
	    strchr("_.@", locale[len]) == NULL)
		return false; /* C, POSIX, the path of a file */
	memcpy(tag, locale, len);
	tag[len] = '\0';
	return true;
}
