/* SPDX-License-Identifier: ISC */
/*
 * The configuration: a file, which may include others (itself, a FIFO, a
 * directory), each account of it, and what check --print makes of that. Input:
 * the file.
 */
#include "account/config.h"

#include <string.h>
#include <sys/stat.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"

static unsigned int notes;

static void
on_note(void *arg, const char *text)
{
	const char *path = arg;

	/* "file:line: text"; an included file has another name */
	FUZZ_CHECK(strncmp(text, path, strlen(path) - 1) == 0);
	notes++;
}

/* What an include may find beside the configuration. */
static void
furnish(void)
{
	char name[512];

	snprintf(name, sizeof(name), "%s/fifo", fuzz_dir());
	(void)mkfifo(name, 0600);
	snprintf(name, sizeof(name), "%s/dir", fuzz_dir());
	(void)mkdir(name, 0700);
	(void)fuzz_file("d", "include c\ninclude = d\n", 22);
}

static void
check_account(struct account *account)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;

	config_print_account(account, &out);
	/* no secret is shown, unless something else is the same */
	FUZZ_CHECK(account->password == NULL ||
	    strlen(account->password) < 12 ||
	    strstr(buf_text(&out), account->password) == NULL ||
	    account->password_command != NULL ||
	    account->token_command != NULL || account->name != NULL);
	(void)account_complete(account, &err);
	buf_clear(&out);
	account_free(account);
}

/* Files elsewhere are not the input's. */
static int
leads_away(const struct fuzz *fuzz)
{
	char *text = fuzz_string(fuzz);
	int away = strstr(text, "include") != NULL &&
	    (strchr(text, '/') != NULL || strchr(text, '~') != NULL);

	free(text);
	return away;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[512];
	struct fuzz fuzz = { data, size };
	struct err err = ERR_INIT;
	struct config *config;
	struct account *account;
	char *const *names;

	if (leads_away(&fuzz))
		return 0;
	if (path[0] == '\0')
		furnish();
	snprintf(path, sizeof(path), "%s", fuzz_file("c", data, size));
	notes = 0;
	config = config_read(path, false, on_note, path, &err);
	if (config == NULL) {
		FUZZ_CHECK(err.status == EX_CONFIG && notes > 0);
		return 0;
	}
	FUZZ_CHECK(notes == 0);
	(void)config_default_account(config);
	account = config_account(config, NULL, &err);
	FUZZ_CHECK(account != NULL);
	account_free(account);
	for (size_t i = config_accounts(config, &names); i > 0; i--) {
		account = config_account(config, names[i - 1], &err);
		FUZZ_CHECK(account != NULL);
		check_account(account);
	}
	config_free(config);
	return 0;
}
