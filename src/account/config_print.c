/* SPDX-License-Identifier: ISC */
/* An account as the configuration would say it; config.c has the grammar. */
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "account/config.h"
#include "base/buf.h"

static void
print_value(const char *value, struct buf *out)
{
	size_t len = strlen(value);

	if (value[0] != '"' && strpbrk(value, "\n\t") == NULL && len > 0 &&
	    value[0] != ' ' && value[len - 1] != ' ') {
		buf_puts(out, value);
		return;
	}
	buf_puts(out, "\"");
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			buf_puts(out, "\\n");
		else if (*value == '\t')
			buf_puts(out, "\\t");
		else
			buf_printf(out, "%s%c",
			    *value == '"' || *value == '\\' ? "\\" : "",
			    *value);
	}
	buf_puts(out, "\"");
}

static void
print_setting(const struct account *account, const struct setting *setting,
    struct buf *out)
{
	char *value;

	for (size_t n = 0; (value = setting->get(setting, account, n)) != NULL;
	     n++) {
		/* the file does not take it, but the reader of this does */
		if (setting->option_only)
			buf_puts(out, "# ");
		buf_puts(out, setting->name);
		if (setting->arg != NULL) {
			buf_puts(out, " = ");
			print_value(value, out);
		}
		buf_puts(out, "\n");
		free(value);
	}
}

void
config_print_account(const struct account *account, struct buf *out)
{
	buf_printf(out, "[account %s]\n",
	    account->name != NULL ? account->name : "unnamed");
	for (const struct setting *row = settings; row->name != NULL; row++)
		print_setting(account, row, out);
}
