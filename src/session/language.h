/* SPDX-License-Identifier: ISC */
/* Which language the user reads, by his locale. */
#ifndef SESSION_LANGUAGE_H
#define SESSION_LANGUAGE_H

#include <stdbool.h>

#define LANGUAGE_SIZE 9

/*
 * The language of LC_ALL, LC_MESSAGES or LANG, the first that is set: "de" of
 * de_AT.UTF-8. false: none (C, POSIX), or what is beyond ASCII cannot be shown
 * (log_safe).
 */
bool language_of_locale(char tag[LANGUAGE_SIZE]);

#endif
