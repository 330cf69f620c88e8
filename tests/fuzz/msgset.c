/* SPDX-License-Identifier: ISC */
/*
 * Message sets, against a plain reading of the grammar; and every UIDL, shown
 * as uidl shows it, is taken for itself. Input: an operand.
 */
#include "base/msgset.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fuzz.h"

/* Digits from 1 to 2^32-1, and nothing else. */
static int
number(const char *text, uint32_t *value)
{
	size_t len = strlen(text);
	uint64_t n = 0;

	if (len == 0 || strspn(text, "0123456789") != len)
		return 0;
	for (; *text != '\0'; text++) {
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > UINT32_MAX)
			return 0;
	}
	*value = (uint32_t)n;
	return n > 0;
}

/* One item as the grammar has it. 0: it is none. */
static int
read_item(char *text, struct msgset_item *item)
{
	char *dash = strchr(text, '-');

	memset(item, 0, sizeof(*item));
	item->kind = strcmp(text, "all") == 0 ? MSGSET_ALL :
	    strcmp(text, "new") == 0          ? MSGSET_NEW :
	    strcmp(text, "seen") == 0         ? MSGSET_SEEN :
						MSGSET_NUMBERS;
	if (item->kind != MSGSET_NUMBERS)
		return 1;
	if (dash != NULL)
		*dash++ = '\0';
	if (!number(text, &item->first))
		return 0;
	item->last = dash == NULL ? item->first : UINT32_MAX;
	if (dash != NULL && *dash != '\0' && !number(dash, &item->last))
		return 0;
	return item->last >= item->first;
}

static void
check_numbers(const struct msgset *set, int result, const char *operand)
{
	char *copy = xstrdup(operand), *rest = copy, *text;
	struct msgset_item item;
	size_t n = 0;
	int good = 1;

	while (good && (text = strsep(&rest, ",")) != NULL) {
		good = read_item(text, &item);
		if (!good || result == -1)
			continue;
		FUZZ_CHECK(n < set->count);
		FUZZ_CHECK(set->items[n].kind == item.kind);
		FUZZ_CHECK(set->items[n].first == item.first);
		FUZZ_CHECK(set->items[n].last == item.last);
		n++;
	}
	FUZZ_CHECK(good == (result == 0));
	FUZZ_CHECK(result == -1 || n == set->count);
	free(copy);
}

static void
check_uid(const char *uid, size_t len)
{
	struct msgset set = MSGSET_INIT;
	struct err err = ERR_INIT;
	char *shown = log_uid(uid, len);
	char *operand = xasprintf("uid:%s", shown);

	FUZZ_CHECK(msgset_add(&set, operand, &err) == (len > 0 ? 0 : -1));
	FUZZ_CHECK(len == 0 || msgset_matches(&set, 1, uid, len));
	msgset_clear(&set);
	free(operand);
	free(shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	char *operand = fuzz_string(&fuzz);
	struct msgset set = MSGSET_INIT;
	struct err err = ERR_INIT;
	int result = msgset_add(&set, operand, &err);

	FUZZ_CHECK(result == 0 || err.status == EX_USAGE);
	if (strncmp(operand, "uid:", 4) != 0)
		check_numbers(&set, result, operand);
	else if (result == 0)
		FUZZ_CHECK(msgset_matches(&set, 1, set.items[0].uid,
		    set.items[0].uid_len));
	for (uint32_t num = 1; num < 12; num++)
		(void)msgset_matches(&set, num, operand, strlen(operand));
	check_uid((const char *)data, size);
	msgset_clear(&set);
	free(operand);
	return 0;
}
