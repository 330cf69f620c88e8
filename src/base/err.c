/* SPDX-License-Identifier: ISC */
/* Errors as values. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/*
 * Every function formats into a buffer of its own first: callers may hand
 * err->text back to us as an argument.
 */
static void
store(struct err *err, int status, enum err_cause cause, const char *text)
{
	const size_t longest = sizeof(err->text) - 1;

	err->status = status;
	err->cause = cause;
	(void)snprintf(err->text, sizeof(err->text), "%s", text);
	if (strlen(err->text) == longest)
		utf8_cut(err->text, longest);
}

int
err_set(struct err *err, int status, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	store(err, status, ERR_OTHER, text);
	return -1;
}

static enum err_cause
cause_of(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ?
	    ERR_NO_ROOM :
	    ERR_OTHER;
}

int
err_sys(struct err *err, int status, const char *fmt, ...)
{
	const char *reason = strerror(errno);
	enum err_cause cause = cause_of(errno);
	char text[sizeof(err->text)];
	size_t used, left;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	used = strlen(text);
	left = sizeof(text) - used;
	(void)snprintf(text + used, left, ": %s", reason);
	store(err, status, cause, text);
	return -1;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	size_t used, len;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	used = strlen(text);
	len = strlen(err->text);
	if (used + 2 < sizeof(text)) {
		memcpy(text + used, ": ", 2);
		used += 2;
	}
	if (len > sizeof(text) - used - 1)
		len = sizeof(text) - used - 1;
	memcpy(text + used, err->text, len);
	text[used + len] = '\0';
	store(err, err->status, err->cause, text);
	return -1;
}

/* The place in the manual's order; 0 is the most telling. */
static int
rank(int status)
{
	static const int order[] = { EX_SOFTWARE, EX_OSERR, EX_IOERR,
		EX_CANTCREAT, EX_DATAERR, EX_CONFIG, EX_NOPERM, EX_PROTOCOL,
		EX_UNAVAILABLE, EX_NOHOST, EX_TEMPFAIL };
	const int n = sizeof(order) / sizeof(order[0]);
	int i;

	if (status == 0)
		return n;
	for (i = 0; i < n; i++) {
		if (order[i] == status)
			return i;
	}
	return -1;
}

int
err_worse(int a, int b)
{
	return rank(a) <= rank(b) ? a : b;
}
