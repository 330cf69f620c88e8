/* SPDX-License-Identifier: ISC */
/* Settings that say what fetch does with a mailbox. */
#include "account/account_priv.h"

#include <inttypes.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"

static const char *const sync_names[] = { "auto", "files", NULL };

int
setting_set_destination(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	bool flag = true;

	if (setting->arg == NULL && setting_flag(value, &flag, err) == -1)
		return -1;
	if (!flag) {
		if (account->deliver_kind == NULL ||
		    strcmp(account->deliver_kind, setting->name) != 0)
			return 0;
		setting_put(&account->deliver_kind, NULL);
		setting_put(&account->deliver_path, NULL);
		return 0;
	}
	if (account->given & GIVEN_DESTINATION)
		return err_set(err, EX_USAGE,
		    "a second destination: there is %s already",
		    account->deliver_kind);
	account->given |= GIVEN_DESTINATION;
	setting_put(&account->deliver_kind, setting->name);
	setting_put(&account->deliver_path, setting->arg == NULL ? "-" : value);
	return 0;
}

char *
setting_get_destination(const struct setting *setting,
    const struct account *account, size_t n)
{
	if (n > 0 || account->deliver_kind == NULL ||
	    strcmp(account->deliver_kind, setting->name) != 0)
		return NULL;
	return xstrdup(setting->arg == NULL ? "yes" : account->deliver_path);
}

int
setting_set_keep(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	bool flag;

	(void)setting;
	if (setting_flag(value, &flag, err) == -1)
		return -1;
	if (!flag)
		return err_set(err, EX_USAGE,
		    "\"no\" does not say when: write delete or delete-after");
	account->disposal = ACCOUNT_KEEP;
	return 0;
}

char *
setting_get_keep(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	return n == 0 && account->disposal == ACCOUNT_KEEP ? xstrdup("yes") :
							     NULL;
}

int
setting_set_delete(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	bool flag;

	(void)setting;
	if (setting_flag(value, &flag, err) == -1)
		return -1;
	account->disposal = flag ? ACCOUNT_DELETE : ACCOUNT_KEEP;
	return 0;
}

char *
setting_get_delete(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	return n == 0 && account->disposal == ACCOUNT_DELETE ? xstrdup("yes") :
							       NULL;
}

int
setting_set_delete_after(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	uint64_t seconds;

	(void)setting;
	if (parse_age(value, &seconds) == -1)
		return setting_refuse(err, value,
		    "an age such as 12h, 30d or 2w");
	account->delete_after_s = seconds;
	account->disposal = ACCOUNT_DELETE_AFTER;
	return 0;
}

char *
setting_get_delete_after(const struct setting *setting,
    const struct account *account, size_t n)
{
	static const struct {
		uint64_t seconds;
		char letter;
	} units[] = { { 7 * 86400, 'w' }, { 86400, 'd' }, { 3600, 'h' } };
	uint64_t age = account->delete_after_s;

	(void)setting;
	if (n > 0 || account->disposal != ACCOUNT_DELETE_AFTER)
		return NULL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (age % units[i].seconds == 0)
			return xasprintf("%" PRIu64 "%c",
			    age / units[i].seconds, units[i].letter);
	}
	return xasprintf("%" PRIu64 "m", age / 60);
}

int
setting_set_size(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	if (parse_size(value, setting_field(setting, account)) == -1)
		return setting_refuse(err, value,
		    "a size such as 500, 10k, 5M or 1G");
	return 0;
}

char *
setting_get_size(const struct setting *setting, const struct account *account,
    size_t n)
{
	uint64_t size = *(const uint64_t *)setting_field(setting, account);
	const char *unit = "kMG";
	char letter = '\0';

	if (n > 0 || size == 0)
		return NULL;
	for (; *unit != '\0' && size % 1024 == 0; unit++) {
		size /= 1024;
		letter = *unit;
	}
	return xasprintf("%" PRIu64 "%.1s", size, &letter);
}

int
setting_set_limit(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	size_t len = strlen(value);

	if (parse_u64(value, len, UINT32_MAX,
		setting_field(setting, account)) != len)
		return setting_refuse(err, value, "a number of messages");
	return 0;
}

char *
setting_get_limit(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	if (n > 0 || account->limit == 0)
		return NULL;
	return xasprintf("%" PRIu64, account->limit);
}

int
setting_set_sync(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	int i = setting_choose(value, sync_names, "auto or files", err);

	(void)setting;
	if (i == -1)
		return -1;
	account->sync_files = i == 1;
	return 0;
}

char *
setting_get_sync(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	return n == 0 ? xstrdup(sync_names[account->sync_files]) : NULL;
}
