/* SPDX-License-Identifier: ISC */
/*
 * RFC 5322 dates, section 4.3's obsolete forms included:
 *	[day-name ","] DAY MONTH YEAR HOUR ":" MINUTE [":" SECOND] [ZONE]
 * with comments and blanks between any two of them.
 */
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "cli/header.h"

/* Longer ones are cut: what counts is in the first words. */
#define FIELD_MAX 256

struct date {
	int64_t year, month, day, second, offset;
};

/*
 * The field with one blank for comments, blanks and commas between words, and
 * none around a colon. In comments, which nest, a backslash takes the next
 * character as it is (section 3.2.2).
 */
static void
simplify(const char *data, size_t len, char *out, size_t size)
{
	size_t n = 0;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (depth > 0 && c == '\\')
			i++;
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0 && depth-- == 1)
			c = ' ';
		if (depth > 0)
			continue;
		if (c == ',' || isspace((unsigned char)c))
			c = ' ';
		if (c == ' ' && (n == 0 || strchr(" :", out[n - 1]) != NULL))
			continue;
		if (c == ':' && n > 0 && out[n - 1] == ' ')
			n--;
		if (n + 1 < size)
			out[n++] = c;
	}
	out[n] = '\0';
}

/* The next word of a simplified field, or "". */
static char *
next(char **rest)
{
	static char none[] = "";
	char *word = strsep(rest, " ");

	return word != NULL ? word : none;
}

static bool
number(const char *text, uint64_t max, int64_t *value)
{
	uint64_t parsed;
	size_t len = strlen(text);

	if (len == 0 || parse_u64(text, len, max, &parsed) != len)
		return false;
	*value = (int64_t)parsed;
	return true;
}

static bool
month(const char *text, int64_t *value)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	size_t i;

	for (i = 0; i < 12; i++)
		if (strncasecmp(text, names + 3 * i, 3) == 0) {
			*value = (int64_t)i + 1;
			return true;
		}
	return false;
}

/* HH:MM[:SS]; a leap second counts as the one after. */
static bool
time_of_day(char *text, int64_t *second)
{
	char *minute_text = strchr(text, ':'), *second_text;
	int64_t h, m, s = 0;

	if (minute_text == NULL)
		return false;
	*minute_text++ = '\0';
	second_text = strchr(minute_text, ':');
	if (second_text != NULL)
		*second_text++ = '\0';
	if (!number(text, 23, &h) || !number(minute_text, 59, &m) ||
	    (second_text != NULL && !number(second_text, 60, &s)))
		return false;
	*second = h * 3600 + m * 60 + s;
	return true;
}

/* Seconds east of UTC; what is not known is UTC (section 4.3). */
static int64_t
zone(const char *text)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {
		{ "EST", -5 },
		{ "EDT", -4 },
		{ "CST", -6 },
		{ "CDT", -5 },
		{ "MST", -7 },
		{ "MDT", -6 },
		{ "PST", -8 },
		{ "PDT", -7 },
	};
	int64_t value;
	size_t i;

	if ((*text == '+' || *text == '-') && strlen(text) == 5 &&
	    number(text + 1, 9999, &value)) {
		value = value / 100 * 3600 + value % 100 * 60;
		return *text == '-' ? -value : value;
	}
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (strcasecmp(text, zones[i].name) == 0)
			return zones[i].hours * 3600;
	return 0;
}

/* Days since 1970 in the Gregorian calendar, years beginning in March. */
static int64_t
days(int64_t year, int64_t mon, int64_t day)
{
	if (mon <= 2) {
		year--;
		mon += 12;
	}
	return 365 * year + year / 4 - year / 100 + year / 400 +
	    (153 * (mon - 3) + 2) / 5 + day - 1 - 719468;
}

bool
header_date(const char *value, size_t len, time_t *when)
{
	struct date date = { 0, 0, 0, 0, 0 };
	char text[FIELD_MAX], *rest = text, *word;

	simplify(value, len, text, sizeof(text));
	word = next(&rest);
	if (isalpha((unsigned char)word[0]))
		word = next(&rest);
	if (!number(word, 31, &date.day) || date.day == 0 ||
	    !month(next(&rest), &date.month))
		return false;
	word = next(&rest);
	if (!number(word, 9999, &date.year))
		return false;
	if (strlen(word) < 4)
		date.year += strlen(word) == 2 && date.year < 50 ? 2000 : 1900;
	if (!time_of_day(next(&rest), &date.second))
		return false;
	date.offset = zone(next(&rest));
	*when = (time_t)(days(date.year, date.month, date.day) * 86400 +
	    date.second - date.offset);
	return true;
}
