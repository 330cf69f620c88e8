/* SPDX-License-Identifier: ISC */
/*
 * uidl: unique ids, "NUM UIDL", the UIDL encoded as vis(3) does, so that it can
 * be written behind uid:.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/select.h"
#include "cli/text.h"
#include "session/session.h"

static void
print_json(const char *account, const struct selected *message, struct buf *out)
{
	struct json json;

	out->len = 0;
	json_begin(&json, out);
	json_text(&json, "account", account);
	json_number(&json, "num", message->num);
	json_string(&json, "uidl", message->uid, message->uid_len);
	json_end(&json);
	fwrite(out->data, 1, out->len, stdout);
}

static void
print_text(const struct selected *message)
{
	char *text = log_uid(message->uid, message->uid_len);

	printf("%" PRIu32 " %s\n", message->num, text);
	free(text);
}

static int
uidl_print(struct cli *cli, struct session *session, struct err *err)
{
	struct selection selection;
	struct selected message;
	struct buf out = BUF_INIT;
	int status = -1;
	size_t i;

	if (select_messages(cli, session, SELECT_UIDS, &selection, err) == 0) {
		status = selection.status;
		for (i = 0; i < selection.count; i++) {
			message = select_get(&selection, i);
			if (!message.has_uid)
				continue;
			if (cli->json)
				print_json(session->account->name, &message,
				    &out);
			else
				print_text(&message);
		}
	}
	buf_clear(&out);
	select_clear(&selection);
	return status;
}

static int
uidl_run(struct cli *cli)
{
	return cli_visit(cli, uidl_print);
}

const struct command command_uidl = {
	.name = "uidl",
	.operands = "[MESSAGE...]",
	.summary = "print the messages' unique ids",
	.examples = "poplar uidl\n"
		    "poplar uidl -a work 1-20\n",
	.flags = COMMAND_ACCOUNT,
	.run = uidl_run,
};
