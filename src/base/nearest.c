/* SPDX-License-Identifier: ISC */
#include "base/nearest.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MAX 40

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void
nearest_begin(struct nearest *nearest, const char *typed, size_t len)
{
	*nearest = (struct nearest){ typed, len, NULL, (len > 4 ? 2 : 1) + 1 };
}

/* How many letters must be left out, added, changed or swapped. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= a_len; i++)
		rows[i][0] = i;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++)
		for (size_t j = 1; j <= b_len; j++) {
			bool same = a[i - 1] == b[j - 1];
			size_t n = rows[i - 1][j - 1] + !same;

			n = least(n, rows[i - 1][j] + 1);
			n = least(n, rows[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				n = least(n, rows[i - 2][j - 2] + 1);
			rows[i][j] = n;
		}
	return rows[a_len][b_len];
}

void
nearest_try(struct nearest *nearest, const char *word)
{
	size_t len = strlen(word), n;

	if (nearest->len > WORD_MAX || len > WORD_MAX || nearest->len < 2)
		return;
	n = distance(nearest->typed, nearest->len, word, len);
	if (n >= nearest->distance)
		return;
	nearest->distance = n;
	nearest->word = word;
}
