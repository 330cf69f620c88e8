/* SPDX-License-Identifier: ISC */
/*
 * Prints the tables of commands, options and settings, a row a line, for
 * completions/generate and docs.bats. Fields are divided by TABs; an empty one
 * is "-". The rows:
 *
 *	command NAME OPERANDS SUMMARY
 *	option COMMAND NAME LETTER ARG REPEATABLE SUMMARY
 *	key NAME ARG
 *	mechanism NAME
 */
#include <stdio.h>
#include <string.h>

#include "account/account.h"
#include "cli/cli.h"
#include "pop3/auth.h"

static const char *
or_dash(const char *text)
{
	return text == NULL || *text == '\0' ? "-" : text;
}

static void
print_option(const struct command *command, const char *name, int letter,
    const char *arg, bool repeatable, const char *summary)
{
	printf("option\t%s\t%s\t%c\t%s\t%d\t%s\n", command->name, name,
	    letter != 0 ? letter : '-', or_dash(arg), repeatable,
	    or_dash(summary));
}

static void
print_command(const struct command *command)
{
	const struct option_def *option;
	const struct setting *setting;

	printf("command\t%s\t%s\t%s\n", command->name,
	    or_dash(command->operands), command->summary);
	for (option = command->options; option != NULL && option->name != NULL;
	     option++)
		print_option(command, option->name, option->letter, option->arg,
		    false, option->summary);
	for (setting = settings; setting->name != NULL; setting++)
		if (!setting->config_only &&
		    !command_has_own(command, setting->name) &&
		    command->flags &
			(setting->group == SETTING_FETCH ? COMMAND_FETCH :
							   COMMAND_ACCOUNT))
			print_option(command, setting->name, setting->letter,
			    setting->arg, setting->repeatable,
			    setting->summary);
	for (option = global_options; option->name != NULL; option++)
		if (command_takes(command, option))
			print_option(command, option->name, option->letter,
			    option->arg,
			    strcmp(option->name, "account") == 0 &&
				command->flags & COMMAND_MANY,
			    option->summary);
}

static void
print_mechanisms(void)
{
	const char *at = pop3_auth_names();
	size_t len;

	for (; *at != '\0'; at += len + strspn(at + len, " ")) {
		len = strcspn(at, " ");
		printf("mechanism\t%.*s\n", (int)len, at);
	}
}

int
main(void)
{
	const struct setting *setting;
	size_t i;

	for (i = 0; commands[i] != NULL; i++)
		print_command(commands[i]);
	for (setting = settings; setting->name != NULL; setting++)
		if (!setting->option_only)
			printf("key\t%s\t%s\n", setting->name,
			    or_dash(setting->arg));
	print_mechanisms();
	return 0;
}
