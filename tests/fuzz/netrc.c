/* SPDX-License-Identifier: ISC */
/* ~/.netrc, for user at pop.example.org. Input: the file. */
#include "account/netrc.h"

#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;
	char *password = NULL;

	(void)fuzz_file(".netrc", data, size);
	account->host = xstrdup("pop.example.org");
	account->user = xstrdup("user");
	if (netrc_password(account, &password, &err) == -1) {
		FUZZ_CHECK(err.status == EX_CONFIG && password == NULL);
		FUZZ_CHECK(strncmp(err.text, "~/.netrc: line ", 15) == 0);
	} else if (password != NULL) {
		FUZZ_CHECK(password[0] != '\0');
		FUZZ_CHECK(strpbrk(password, "\r\n") == NULL);
		FUZZ_CHECK(strlen(password) < size);
	}
	free(password);
	account_free(account);
	return 0;
}
