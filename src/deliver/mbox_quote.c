/* SPDX-License-Identifier: ISC */
/* A message as mboxrd has it. */
#include "deliver/mbox_quote.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "deliver/deliver_priv.h"

static const char from[] = "From ";
#define FROM_LEN (sizeof(from) - 1)

static int
flush(struct mbox_quote *quote, struct err *err)
{
	size_t len = quote->out_len;

	quote->out_len = 0;
	return spool_write(quote->fd, quote->out, len, quote->what, err);
}

/* Large runs pass the buffer by. */
static int
put(struct mbox_quote *quote, const char *data, size_t len, struct err *err)
{
	if (len == 0)
		return 0;
	quote->written += len;
	quote->last = data[len - 1];
	if (quote->out_len + len > sizeof(quote->out) &&
	    flush(quote, err) == -1)
		return -1;
	if (len > sizeof(quote->out) / 2 && quote->out_len == 0)
		return spool_write(quote->fd, data, len, quote->what, err);
	memcpy(quote->out + quote->out_len, data, len);
	quote->out_len += len;
	return 0;
}

void
mbox_quote_begin(struct mbox_quote *quote, int fd, const char *what,
    time_t when)
{
	quote->fd = fd;
	quote->what = what;
	quote->when = when;
	quote->written = 0;
	quote->begun = false;
	quote->at_start = true;
	quote->matched = quote->head_len = quote->out_len = 0;
}

/*
 * At the start of a line: ">" go out as they come, for one more of them may
 * stand anywhere among them; "From " is held back until it is whole or not.
 * Returns how many octets of data were used, or -1.
 */
static ssize_t
line_start(struct mbox_quote *quote, const char *data, size_t len,
    struct err *err)
{
	size_t used = 0;

	while (used < len && quote->at_start) {
		if (quote->matched == 0 && data[used] == '>') {
			if (put(quote, data + used, 1, err) == -1)
				return -1;
			used++;
		} else if (data[used] == from[quote->matched]) {
			used++;
			if (++quote->matched < FROM_LEN)
				continue;
			if (put(quote, ">", 1, err) == -1 ||
			    put(quote, from, FROM_LEN, err) == -1)
				return -1;
			quote->matched = 0;
			quote->at_start = false;
		} else {
			if (put(quote, from, quote->matched, err) == -1)
				return -1;
			quote->matched = 0;
			quote->at_start = false;
		}
	}
	return (ssize_t)used;
}

/* The next newline before ">" or "F", the only ones that matter; NULL: none
 * before the last octet. */
static const char *
next_stop(const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (++p == end)
			return NULL;
		if (*p == '>' || *p == 'F')
			return p - 1;
	}
	return NULL;
}

static int
body(struct mbox_quote *quote, const char *data, size_t len, struct err *err)
{
	const char *stop;
	ssize_t used;
	size_t run;

	while (len > 0) {
		if (quote->at_start) {
			used = line_start(quote, data, len, err);
			if (used == -1)
				return -1;
			data += used;
			len -= (size_t)used;
			continue;
		}
		stop = next_stop(data, len);
		run = stop == NULL ? len : (size_t)(stop - data) + 1;
		if (put(quote, data, run, err) == -1)
			return -1;
		quote->at_start = data[run - 1] == '\n';
		data += run;
		len -= run;
	}
	return 0;
}

static int
from_line(struct mbox_quote *quote, struct err *err)
{
	char address[RETURN_PATH_MAX], date[64], line[RETURN_PATH_MAX + 80];
	struct tm tm;
	int len;

	return_path(quote->head, quote->head_len, address);
	if (gmtime_r(&quote->when, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	/* strftime's names would follow the locale */
	if (asctime_r(&tm, date) == NULL)
		date[0] = '\0';
	date[strcspn(date, "\n")] = '\0';
	len = snprintf(line, sizeof(line), "From %s %s\n",
	    address[0] == '\0' ? "MAILER-DAEMON" : address, date);
	if (put(quote, line, (size_t)len, err) == -1)
		return -1;
	quote->begun = true;
	return body(quote, quote->head, quote->head_len, err);
}

static bool
head_is_whole(const struct mbox_quote *quote, size_t before)
{
	/* an empty line may have begun with the octet before */
	size_t from_here = before > 0 ? before - 1 : 0;

	return quote->head_len == sizeof(quote->head) ||
	    (quote->head_len > 0 && quote->head[0] == '\n') ||
	    memmem(quote->head + from_here, quote->head_len - from_here, "\n\n",
		2) != NULL;
}

int
mbox_quote_write(struct mbox_quote *quote, const char *data, size_t len,
    struct err *err)
{
	size_t before = quote->head_len, n;

	if (!quote->begun) {
		n = sizeof(quote->head) - before;
		if (n > len)
			n = len;
		memcpy(quote->head + before, data, n);
		quote->head_len += n;
		if (!head_is_whole(quote, before))
			return 0;
		if (from_line(quote, err) == -1)
			return -1;
		data += n;
		len -= n;
	}
	return body(quote, data, len, err);
}

int
mbox_quote_end(struct mbox_quote *quote, struct err *err)
{
	if (!quote->begun && from_line(quote, err) == -1)
		return -1;
	if (put(quote, from, quote->matched, err) == -1)
		return -1;
	if (quote->last != '\n' && put(quote, "\n", 1, err) == -1)
		return -1;
	if (put(quote, "\n", 1, err) == -1)
		return -1;
	return flush(quote, err);
}
