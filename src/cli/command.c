/* SPDX-License-Identifier: ISC */
/* The table of commands, in the order that help shows them. */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"

const struct command *const commands[] = { &command_stat, &command_list,
	&command_fetch, &command_top, &command_uidl, &command_delete,
	&command_capa, &command_check, &command_shell, &command_state,
	&command_help, NULL };

const struct command *
command_find(const char *name)
{
	size_t i;

	for (i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
