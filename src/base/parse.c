/* SPDX-License-Identifier: ISC */
/* Numbers and sizes out of text, strictly. */
#include "base/parse.h"

#include <string.h>

size_t
parse_u64(const char *text, size_t len, uint64_t max, uint64_t *value)
{
	/* so many digits always fit */
	const size_t safe = len < 19 ? len : 19;
	uint64_t sum = 0, digit;
	size_t i;

	for (i = 0; i < safe; i++) {
		digit = (uint64_t)((unsigned char)text[i] - '0');
		if (digit > 9)
			break;
		sum = sum * 10 + digit;
	}
	for (; i >= safe && i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		digit = (uint64_t)(text[i] - '0');
		if (sum > (UINT64_MAX - digit) / 10)
			return 0;
		sum = sum * 10 + digit;
	}
	if (i == 0 || sum > max)
		return 0;
	*value = sum;
	return i;
}

/* Digits and at most one letter behind them, which goes to *unit ('\0'). */
static int
number_unit(const char *text, uint64_t *value, char *unit)
{
	size_t used = parse_u64(text, strlen(text), UINT64_MAX, value);

	if (used == 0)
		return -1;
	*unit = text[used];
	return *unit != '\0' && text[used + 1] != '\0' ? -1 : 0;
}

static int
multiply(uint64_t value, uint64_t factor, uint64_t *product)
{
	if (value > UINT64_MAX / factor)
		return -1;
	*product = value * factor;
	return 0;
}

int
parse_size(const char *text, uint64_t *octets)
{
	uint64_t value, factor = 1;
	char unit;

	if (number_unit(text, &value, &unit) == -1)
		return -1;
	switch (unit) {
	case 'G':
	case 'g':
		factor *= 1024;
		/* FALLTHROUGH */
	case 'M':
	case 'm':
		factor *= 1024;
		/* FALLTHROUGH */
	case 'K':
	case 'k':
		factor *= 1024;
		/* FALLTHROUGH */
	case '\0':
		return multiply(value, factor, octets);
	default:
		return -1;
	}
}

int
parse_age(const char *text, uint64_t *seconds)
{
	uint64_t value;
	char unit;

	if (number_unit(text, &value, &unit) == -1)
		return -1;
	switch (unit) {
	case 'm':
		return multiply(value, 60, seconds);
	case 'h':
		return multiply(value, 60 * 60, seconds);
	case 'd':
		return multiply(value, 24 * 60 * 60, seconds);
	case 'w':
		return multiply(value, 7 * 24 * 60 * 60, seconds);
	default:
		return -1;
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
parse_hex(const char *text, size_t text_len, unsigned char *data, size_t len)
{
	size_t i;

	if (text_len % 2 != 0 || text_len / 2 != len)
		return -1;
	for (i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return -1;
		data[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

void
format_hex(const unsigned char *data, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	text[2 * len] = '\0';
}
