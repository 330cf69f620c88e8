/* SPDX-License-Identifier: ISC */
/* stat: how many messages there are and how many octets, "COUNT OCTETS". */
#include <inttypes.h>
#include <stdio.h>

#include "account/account.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "session/session.h"

static int
stat_print(struct cli *cli, struct session *session, struct err *err)
{
	struct buf out = BUF_INIT;
	struct json json;
	struct pop3_request request = { .shape = POP3_LINE };
	struct pop3_stat stat;

	/* STAT and QUIT in one round trip, where that is allowed */
	if (pop3_submit(session->pop3, &request, err, "STAT") == -1 ||
	    session_quit_behind(session, err) == -1 ||
	    pop3_finish(session->pop3, &request, err) == -1)
		return -1;
	if (request.result != POP3_OK)
		return pop3_refused(session->pop3, &request, err);
	if (pop3_parse_stat(session->pop3, request.text, &stat, err) == -1)
		return -1;
	if (!cli->json) {
		printf("%" PRIu64 " %" PRIu64 "\n", stat.count, stat.octets);
		return 0;
	}
	json_begin(&json, &out);
	json_text(&json, "account", session->account->name);
	json_number(&json, "count", stat.count);
	json_number(&json, "octets", stat.octets);
	json_end(&json);
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
	return 0;
}

static int
stat_run(struct cli *cli)
{
	return cli_visit(cli, stat_print);
}

const struct command command_stat = {
	.name = "stat",
	.operands = "",
	.summary = "print how many messages there are, and how many octets",
	.examples = "poplar stat -a work\n"
		    "poplar stat -H pop.example.org -u joe\n",
	.flags = COMMAND_ACCOUNT,
	.run = stat_run,
};
