/* SPDX-License-Identifier: ISC */
/* Usage, made of the tables. */
#include "cli/usage.h"

#include <stdbool.h>
#include <string.h>

#include "account/account.h"
#include "cli/cli.h"

#define COLUMNS 80
#define NAME_COLUMNS 32 /* longer ones have a line of their own */
#define COMMAND_COLUMNS 10

/* text and a line end; the cursor is at column indent, and so are its lines. */
static void
put_wrapped(FILE *file, size_t indent, const char *text)
{
	size_t at = indent, len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (at > indent && at + 1 + len > COLUMNS) {
			fprintf(file, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			putc(' ', file);
			at++;
		}
		fwrite(text, 1, len, file);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	putc('\n', file);
}

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
		fprintf(file, "%-*s", NAME_COLUMNS, text);
	else
		fprintf(file, "%s\n%*s", text, NAME_COLUMNS, "");
	put_wrapped(file, NAME_COLUMNS, summary);
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
	for (i = 0; commands[i] != NULL; i++) {
		fprintf(file, "  %-*s", COMMAND_COLUMNS - 2, commands[i]->name);
		put_wrapped(file, COMMAND_COLUMNS, commands[i]->summary);
	}
	fprintf(file,
	    "\nMessages: 3  3-7  3-  all  new  seen  uid:UIDL\n"
	    "\nOptions of all commands (more: poplar help COMMAND):\n");
	put_global(file, NULL);
}

static void
put_examples(FILE *file, const struct command *command)
{
	if (command->examples == NULL)
		return;
	fprintf(file, "\nExamples:\n");
	for (const char *line = command->examples; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		fprintf(file, "  %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

/* Names alone, for those who have seen them before. */
static void
put_names(FILE *file, const struct command *command, int group,
    const char *heading)
{
	const struct setting *setting;
	size_t at = strlen(heading), len;

	fprintf(file, "\n%s", heading);
	for (setting = settings; setting->name != NULL; setting++) {
		if ((int)setting->group != group || setting->config_only ||
		    command_has_own(command, setting->name))
			continue;
		len = strlen(setting->name) + 3;
		if (at + len > COLUMNS) {
			fprintf(file, "\n ");
			at = 1;
		}
		fprintf(file, " --%s", setting->name);
		at += len;
	}
	putc('\n', file);
}

static void
put_briefly(FILE *file, const struct command *command)
{
	if (command->flags & COMMAND_FETCH)
		put_names(file, command, SETTING_FETCH, "More options:");
	if (command->flags & COMMAND_ACCOUNT)
		fprintf(file,
		    "\nThe account: -a NAME, or -H HOST -u USER; without these "
		    "the\nconfiguration's default. ");
	else
		putc('\n', file);
	fprintf(file, "Every option: poplar help --all %s\n", command->name);
}

static void
put_all(FILE *file, const struct command *command)
{
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

void
usage_command(FILE *file, const struct command *command, bool all)
{
	fprintf(file, "usage: poplar %s [options]%s%s\n\n", command->name,
	    command->operands[0] == '\0' ? "" : " ", command->operands);
	put_wrapped(file, 0, command->summary);
	if (!all)
		put_examples(file, command);
	if (command->options != NULL) {
		fprintf(file, "\nOptions:\n");
		for (const struct option_def *option = command->options;
		     option->name != NULL; option++)
			put_own(file, option);
	}
	if (all)
		put_all(file, command);
	else
		put_briefly(file, command);
}
