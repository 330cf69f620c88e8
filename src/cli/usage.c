/* SPDX-License-Identifier: ISC */
/* Usage, made of the tables. */
#include "cli/usage.h"

#include <stdbool.h>
#include <string.h>

#include "account/account.h"
#include "cli/cli.h"

#define NAME_COLUMNS 32 /* longer ones have a line of their own */

static void
put_option(FILE *file, int letter, const char *name, const char *arg,
    const char *summary)
{
	char text[128], sign[8] = "    ";
	bool only_equals = arg != NULL && strcmp(arg, "[N]") == 0;

	if (letter != 0)
		snprintf(sign, sizeof(sign), "-%c, ", letter);
	snprintf(text, sizeof(text), "  %s--%s%s%s", sign, name,
	    arg == NULL     ? "" :
		only_equals ? "[=N]" :
			      " ",
	    arg == NULL || only_equals ? "" : arg);
	if (strlen(text) < NAME_COLUMNS)
		fprintf(file, "%-*s%s\n", NAME_COLUMNS, text, summary);
	else
		fprintf(file, "%s\n%*s%s\n", text, NAME_COLUMNS, "", summary);
}

static void
put_own(FILE *file, const struct option_def *option)
{
	put_option(file, option->letter, option->name, option->arg,
	    option->summary);
}

static void
put_global(FILE *file, const struct command *command)
{
	const struct option_def *option;

	for (option = global_options; option->name != NULL; option++)
		if (command_takes(command, option))
			put_own(file, option);
}

static void
put_settings(FILE *file, const struct command *command, int group)
{
	const struct setting *setting;

	for (setting = settings; setting->name != NULL; setting++)
		if ((int)setting->group == group && !setting->config_only &&
		    !command_has_own(command, setting->name))
			put_option(file, setting->letter, setting->name,
			    setting->arg, setting->summary);
}

void
usage_all(FILE *file)
{
	size_t i;

	fprintf(file,
	    "usage: poplar [options] COMMAND [options] [MESSAGE...]\n\n"
	    "Commands:\n");
	for (i = 0; commands[i] != NULL; i++)
		fprintf(file, "  %-8s%s\n", commands[i]->name,
		    commands[i]->summary);
	fprintf(file,
	    "\nMessages: 3  3-7  3-  all  new  seen  uid:UIDL\n"
	    "\nOptions of all commands (more: poplar help COMMAND):\n");
	put_global(file, NULL);
}

void
usage_command(FILE *file, const struct command *command)
{
	fprintf(file, "usage: poplar %s [options]%s%s\n\n%s\n", command->name,
	    command->operands[0] == '\0' ? "" : " ", command->operands,
	    command->summary);
	if (command->options != NULL) {
		fprintf(file, "\nOptions:\n");
		for (const struct option_def *option = command->options;
		     option->name != NULL; option++)
			put_own(file, option);
	}
	if (command->flags & COMMAND_FETCH) {
		fprintf(file, "\nWhat is done with messages:\n");
		put_settings(file, command, SETTING_FETCH);
	}
	if (command->flags & COMMAND_ACCOUNT) {
		fprintf(file, "\nWhere the mailbox is, and the way in:\n");
		put_settings(file, command, SETTING_WHERE);
	}
	fprintf(file, "\nOptions of all commands:\n");
	put_global(file, command);
}
