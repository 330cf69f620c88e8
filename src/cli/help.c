/* SPDX-License-Identifier: ISC */
/* help: usage of poplar, or of the commands named. */
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/usage.h"

#include <stdlib.h>
#include <string.h>

static int
help_run(struct cli *cli)
{
	const struct command *command;
	struct err err = ERR_INIT;
	char *name;
	size_t i;

	if (cli->operand_count == 0)
		usage_all(stdout);
	for (i = 0; i < cli->operand_count; i++) {
		command = command_find(cli->operands[i]);
		if (command == NULL) {
			name = log_safe(cli->operands[i],
			    strlen(cli->operands[i]));
			err_set(&err, EX_USAGE,
			    "unknown command %s (see poplar help)", name);
			free(name);
			return cli_fail(&err);
		}
		if (i > 0)
			putchar('\n');
		usage_command(stdout, command);
	}
	return cli_finish_output();
}

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND...]",
	.summary = "print how to use poplar or a command",
	.flags = COMMAND_TEXT,
	.run = help_run,
};
