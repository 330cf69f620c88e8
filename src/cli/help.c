/* SPDX-License-Identifier: ISC */
/* help: usage of poplar, or of the commands named. */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/usage.h"

enum {
	HELP_ALL = 1
};

static const struct option_def help_options[] = {
	{ "all", 0, NULL, "every option of the commands", HELP_ALL },
	{ NULL, 0, NULL, NULL, 0 }
};

static int
help_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	(void)id;
	(void)arg;
	(void)err;
	(void)cli_data(cli, 1);
	return 0;
}

static int
help_run(struct cli *cli)
{
	const struct command *command;
	struct err err = ERR_INIT;
	size_t i;

	if (cli->operand_count == 0)
		usage_all(stdout);
	for (i = 0; i < cli->operand_count; i++) {
		command = command_find(cli->operands[i]);
		if (command == NULL) {
			(void)cli_unknown_command(cli->operands[i], &err);
			return cli_fail(&err);
		}
		if (i > 0)
			putchar('\n');
		usage_command(stdout, command, cli->data != NULL);
	}
	return cli_finish_output();
}

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND...]",
	.summary = "print how to use poplar or a command",
	.examples = "poplar help fetch\n"
		    "poplar help --all fetch\n",
	.options = help_options,
	.flags = COMMAND_TEXT,
	.run = help_run,
	.option = help_option,
};
