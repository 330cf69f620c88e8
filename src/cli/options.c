/* SPDX-License-Identifier: ISC */
/*
 * The command line. Options may stand anywhere, so it is walked twice: first to
 * find the command, for which it must be known which options take a value
 * (options of the same name do or do not in all commands alike), then to apply
 * what the command takes.
 */
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/xalloc.h"
#include "cli/cli.h"

enum {
	GLOBAL_HELP = 1,
	GLOBAL_VERSION,
	GLOBAL_ACCOUNT,
	GLOBAL_ALL_ACCOUNTS,
	GLOBAL_CONFIG,
	GLOBAL_NO_CONFIG,
	GLOBAL_QUIET,
	GLOBAL_VERBOSE,
	GLOBAL_JSON,
	GLOBAL_COLOR,
	GLOBAL_DEBUG,
	GLOBAL_DEBUG_FILE
};

const struct option_def global_options[] = {
	{ "account", 'a', "NAME|URL", "an account of the configuration",
	    GLOBAL_ACCOUNT },
	{ "all-accounts", 0, NULL, "every account of the configuration",
	    GLOBAL_ALL_ACCOUNTS },
	{ "config", 0, "FILE", "read this configuration file", GLOBAL_CONFIG },
	{ "no-config", 0, NULL, "read none", GLOBAL_NO_CONFIG },
	{ "json", 0, NULL, "records as JSON, one a line", GLOBAL_JSON },
	{ "color", 0, "auto|always|never", "color on a terminal",
	    GLOBAL_COLOR },
	{ "quiet", 'q', NULL, "no summaries; twice: no word of what will pass",
	    GLOBAL_QUIET },
	{ "verbose", 'v', NULL, "say more", GLOBAL_VERBOSE },
	{ "debug", 'd', "[N]", "trace: 1 commands, 2 lines, 3 messages too",
	    GLOBAL_DEBUG },
	{ "debug-file", 0, "FILE", "append the trace to FILE",
	    GLOBAL_DEBUG_FILE },
	{ "help", 'h', NULL, "how to use poplar, or a command", GLOBAL_HELP },
	{ "version", 0, NULL, "which version this is", GLOBAL_VERSION },
	{ NULL, 0, NULL, NULL, 0 }
};

bool
command_has_own(const struct command *command, const char *name)
{
	const struct option_def *option = command->options;

	for (; option != NULL && option->name != NULL; option++)
		if (strcmp(option->name, name) == 0)
			return true;
	return false;
}

bool
command_takes(const struct command *command, const struct option_def *option)
{
	if (command == NULL)
		return true;
	switch (option->id) {
	case GLOBAL_ACCOUNT:
	case GLOBAL_CONFIG:
	case GLOBAL_NO_CONFIG:
		return command->flags & COMMAND_ACCOUNT;
	case GLOBAL_ALL_ACCOUNTS:
		return command->flags & COMMAND_MANY;
	case GLOBAL_JSON:
		return !(command->flags & COMMAND_TEXT);
	default:
		return true;
	}
}

/* What an option turns out to be: one of own and setting. */
struct found {
	const struct option_def *own;
	const struct setting *setting;
	bool global;
	const char *name, *arg;
};

/* The option meant: by name (of name_len octets), or by letter. */
struct sought {
	const char *name;
	size_t name_len;
	int letter;
};

static bool
matches(const struct sought *sought, const char *name, int letter)
{
	if (sought->name == NULL)
		return sought->letter == letter;
	return strncmp(name, sought->name, sought->name_len) == 0 &&
	    name[sought->name_len] == '\0';
}

static bool
find_in(const struct option_def *options, const struct sought *sought,
    struct found *found)
{
	for (; options != NULL && options->name != NULL; options++) {
		if (!matches(sought, options->name, options->letter))
			continue;
		memset(found, 0, sizeof(*found));
		found->own = options;
		found->name = options->name;
		found->arg = options->arg;
		return true;
	}
	return false;
}

/* Does command (NULL: any) take it? */
static bool
setting_fits(const struct command *command, const struct setting *setting)
{
	return command == NULL ||
	    (command->flags &
		(setting->group == SETTING_FETCH ? COMMAND_FETCH :
						   COMMAND_ACCOUNT));
}

static bool
find_setting(const struct command *command, const struct sought *sought,
    struct found *found)
{
	const struct setting *setting;

	for (setting = settings; setting->name != NULL; setting++) {
		if (setting->config_only ||
		    !matches(sought, setting->name, setting->letter))
			continue;
		if (!setting_fits(command, setting))
			return false;
		memset(found, 0, sizeof(*found));
		found->setting = setting;
		found->name = setting->name;
		found->arg = setting->arg;
		return true;
	}
	return false;
}

/* command NULL: any command's. */
static bool
find(const struct command *command, const struct sought *sought,
    struct found *found)
{
	size_t i;

	if (command != NULL && find_in(command->options, sought, found))
		return true;
	if (find_in(global_options, sought, found) &&
	    command_takes(command, found->own)) {
		found->global = true;
		return true;
	}
	if (find_setting(command, sought, found))
		return true;
	for (i = 0; command == NULL && commands[i] != NULL; i++)
		if (find_in(commands[i]->options, sought, found))
			return true;
	return false;
}

/* Is it an option of another command, and so no mistyped one? */
static bool
is_elsewhere(const struct sought *sought)
{
	struct found found;

	return find(NULL, sought, &found);
}

static void
try_all(struct nearest *nearest, const struct option_def *options)
{
	for (; options != NULL && options->name != NULL; options++)
		nearest_try(nearest, options->name);
}

/* The option that may have been meant, or NULL. */
static const char *
find_nearest(const struct command *command, const struct sought *sought)
{
	struct nearest nearest;

	if (sought->name == NULL || is_elsewhere(sought))
		return NULL;
	nearest_begin(&nearest, sought->name, sought->name_len);
	if (command != NULL)
		try_all(&nearest, command->options);
	try_all(&nearest, global_options);
	for (const struct setting *s = settings; s->name != NULL; s++)
		if (!s->config_only && setting_fits(command, s))
			nearest_try(&nearest, s->name);
	return nearest.word;
}

static int
unknown(const struct cli *cli, const struct sought *sought, struct err *err)
{
	const char *meant = find_nearest(cli->command, sought);
	char *text = sought->name != NULL ?
	    log_safe(sought->name, sought->name_len) :
	    log_safe(&(char){ (char)sought->letter }, 1);

	err_set(err, EX_USAGE, "unknown option %s%s%s%s%s",
	    sought->name != NULL ? "--" : "-", text,
	    meant != NULL            ? "; did you mean --" :
		cli->command != NULL ? " (see poplar help " :
				       " (see poplar help",
	    meant != NULL            ? meant :
		cli->command != NULL ? cli->command->name :
				       "",
	    meant != NULL ? "?" : ")");
	free(text);
	return -1;
}

int
cli_unknown_command(const char *name, struct err *err)
{
	struct nearest nearest;
	char *text = log_safe(name, strlen(name));

	nearest_begin(&nearest, name, strlen(name));
	for (size_t i = 0; commands[i] != NULL; i++)
		nearest_try(&nearest, commands[i]->name);
	if (nearest.word != NULL)
		err_set(err, EX_USAGE, "unknown command %s; did you mean %s?",
		    text, nearest.word);
	else
		err_set(err, EX_USAGE, "unknown command %s (see poplar help)",
		    text);
	free(text);
	return -1;
}

static int
choose(const char *value, const char *const *words)
{
	int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	return -1;
}

static int
apply_debug(struct cli *cli, const char *value, struct err *err)
{
	static const char *const levels[] = { "0", "1", "2", "3", NULL };

	cli->debug = value == NULL ? 1 : choose(value, levels);
	if (cli->debug == -1)
		return err_set(err, EX_USAGE,
		    "--debug takes 1, 2 or 3, as in --debug=2");
	return 0;
}

static int
apply_color(struct cli *cli, const char *value, struct err *err)
{
	static const char *const words[] = { "auto", "always", "never", NULL };

	cli->color = choose(value, words);
	if (cli->color == -1)
		return err_set(err, EX_USAGE,
		    "--color takes auto, always or never");
	return 0;
}

static void
add_account(struct cli *cli, char *text)
{
	cli->accounts = xreallocarray(cli->accounts, cli->account_count + 1,
	    sizeof(*cli->accounts));
	cli->accounts[cli->account_count++] = text;
}

static int
apply_global(struct cli *cli, int id, char *value, struct err *err)
{
	switch (id) {
	case GLOBAL_HELP:
		cli->help = true;
		break;
	case GLOBAL_VERSION:
		cli->version = true;
		break;
	case GLOBAL_ACCOUNT:
		add_account(cli, value);
		break;
	case GLOBAL_ALL_ACCOUNTS:
		cli->all_accounts = true;
		break;
	case GLOBAL_CONFIG:
		cli->config_file = value;
		break;
	case GLOBAL_NO_CONFIG:
		cli->no_config = true;
		break;
	case GLOBAL_QUIET:
		cli->quiet++;
		break;
	case GLOBAL_VERBOSE:
		cli->verbose = true;
		break;
	case GLOBAL_JSON:
		cli->json = true;
		break;
	case GLOBAL_COLOR:
		return apply_color(cli, value, err);
	case GLOBAL_DEBUG:
		return apply_debug(cli, value, err);
	case GLOBAL_DEBUG_FILE:
		cli->debug_file = value;
		break;
	}
	return 0;
}

static int
apply(struct cli *cli, const struct found *found, char *value, struct err *err)
{
	struct cli_setting *setting;

	/* commands and settings judge theirs themselves, and [N] is a number */
	if (found->global && value != NULL && value[0] == '\0' &&
	    strcmp(found->arg, "[N]") != 0)
		return err_set(err, EX_USAGE, "--%s: the value is empty",
		    found->name);
	if (found->global)
		return apply_global(cli, found->own->id, value, err);
	if (cli->command == NULL)
		return 0; /* whose it is will never be known */
	if (found->own != NULL)
		return cli->command->option(cli, found->own->id, value, err);
	cli->settings = xreallocarray(cli->settings, cli->setting_count + 1,
	    sizeof(*cli->settings));
	setting = &cli->settings[cli->setting_count++];
	setting->setting = found->setting;
	setting->value = found->arg == NULL ? "yes" : value;
	return 0;
}

/* A walk along argv. */
struct walk {
	struct cli *cli;
	int argc, at; /* at: the argument looked at */
	char **argv;
	bool applying; /* the second one */
};

static int
missing(const struct found *found, struct err *err)
{
	return err_set(err, EX_USAGE, "--%s needs a value: %s", found->name,
	    found->arg);
}

static int
walk_long(struct walk *walk, char *text, struct err *err)
{
	char *equals = strchr(text, '='), *value = NULL;
	struct sought sought = { text, 0, 0 };
	struct found found;

	sought.name_len =
	    equals != NULL ? (size_t)(equals - text) : strlen(text);
	if (!find(walk->cli->command, &sought, &found))
		return unknown(walk->cli, &sought, err);
	if (equals != NULL)
		value = equals + 1;
	if (found.arg == NULL && equals != NULL)
		return err_set(err, EX_USAGE, "--%s takes no value",
		    found.name);
	if (found.arg != NULL && strcmp(found.arg, "[N]") == 0) {
		/* it would be taken for message 2 */
		if (value == NULL && walk->at + 1 < walk->argc &&
		    strlen(walk->argv[walk->at + 1]) == 1 &&
		    strchr("123", walk->argv[walk->at + 1][0]) != NULL)
			return err_set(err, EX_USAGE, "--%s %s: write --%s=%s",
			    found.name, walk->argv[walk->at + 1], found.name,
			    walk->argv[walk->at + 1]);
	} else if (found.arg != NULL && value == NULL) {
		if (walk->at + 1 == walk->argc)
			return missing(&found, err);
		value = walk->argv[++walk->at];
	}
	return walk->applying ? apply(walk->cli, &found, value, err) : 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
walk_letters(struct walk *walk, char *text, struct err *err)
{
	struct sought sought = { NULL, 0, 0 };
	struct found found;
	char *value;

	for (; *text != '\0'; text++) {
		sought.letter = (unsigned char)*text;
		if (!find(walk->cli->command, &sought, &found))
			return unknown(walk->cli, &sought, err);
		value = NULL;
		if (found.arg != NULL &&
		    (strcmp(found.arg, "[N]") != 0 || is_digit(text[1]))) {
			if (text[1] != '\0')
				value = text + 1;
			else if (walk->at + 1 < walk->argc)
				value = walk->argv[++walk->at];
			else
				return missing(&found, err);
		}
		if (walk->applying &&
		    apply(walk->cli, &found, value, err) == -1)
			return -1;
		if (value != NULL)
			break;
	}
	return 0;
}

static void
add_operand(struct cli *cli, char *text)
{
	if (cli->command->flags & COMMAND_ACCOUNT &&
	    strncmp(text, "uid:", 4) != 0 && strstr(text, "://") != NULL) {
		add_account(cli, text);
		return;
	}
	cli->operands = xreallocarray(cli->operands, cli->operand_count + 1,
	    sizeof(*cli->operands));
	cli->operands[cli->operand_count++] = text;
}

static int
walk_along(struct walk *walk, struct err *err)
{
	bool options = true, named = false;
	char *text;

	for (walk->at = 1; walk->at < walk->argc; walk->at++) {
		text = walk->argv[walk->at];
		if (options && strcmp(text, "--") == 0) {
			options = false;
			continue;
		}
		if (options && strncmp(text, "--", 2) == 0) {
			if (walk_long(walk, text + 2, err) == -1)
				return -1;
		} else if (options && text[0] == '-' && text[1] != '\0') {
			if (walk_letters(walk, text + 1, err) == -1)
				return -1;
		} else if (!walk->applying) {
			walk->cli->command = command_find(text);
			if (walk->cli->command == NULL)
				return cli_unknown_command(text, err);
			return 0;
		} else if (named)
			add_operand(walk->cli, text);
		else
			named = true;
	}
	return 0;
}

static int
check(const struct cli *cli, struct err *err)
{
	const struct command *command = cli->command;

	if (command == NULL)
		return 0;
	if (cli->no_config && cli->config_file != NULL)
		return err_set(err, EX_USAGE,
		    "--config and --no-config exclude each other");
	if (cli->all_accounts && cli->account_count > 0)
		return err_set(err, EX_USAGE,
		    "--all-accounts leaves no account to be named");
	if (cli->account_count > 1 && !(command->flags & COMMAND_MANY))
		return err_set(err, EX_USAGE,
		    "%s takes one account, and %zu are named", command->name,
		    cli->account_count);
	if (cli->operand_count > 0 &&
	    (command->operands == NULL || command->operands[0] == '\0'))
		return err_set(err, EX_USAGE,
		    "%s takes no operands (see poplar help %s)", command->name,
		    command->name);
	return 0;
}

int
cli_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
	struct walk walk = { cli, argc, 0, argv, false };

	memset(cli, 0, sizeof(*cli));
	if (walk_along(&walk, err) == -1)
		return -1;
	walk.applying = true;
	if (walk_along(&walk, err) == -1)
		return -1;
	/* who asks for help is not told what else is missing */
	return cli->help || cli->version ? 0 : check(cli, err);
}

void *
cli_data(struct cli *cli, size_t size)
{
	if (cli->data == NULL)
		cli->data = xcalloc(1, size);
	return cli->data;
}

void
cli_clear(struct cli *cli)
{
	free(cli->operands);
	free(cli->accounts);
	free(cli->settings);
	free(cli->data);
	memset(cli, 0, sizeof(*cli));
}
