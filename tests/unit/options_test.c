/* SPDX-License-Identifier: ISC */
/* The command line: cli/options.c, and the tables it walks. */
#include "unit/test.h"

#include <stdlib.h>

#include "account/account.h"
#include "base/err.h"
#include "cli/cli.h"

#define ARGS_MAX 16

static struct cli cli;
static struct err err;

/* line at blanks; returns cli_parse's. */
static int
parse(const char *line)
{
	static char text[512];
	char *args[ARGS_MAX] = { (char *)(uintptr_t) "poplar" };
	int count = 1;

	cli_clear(&cli);
	memset(&err, 0, sizeof(err));
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word != NULL;
	     word = strtok(NULL, " "))
		args[count++] = word;
	return cli_parse(&cli, count, args, &err);
}

static void
refused(const char *line, const char *text)
{
	CHECK_INT(parse(line), -1);
	CHECK_INT(err.status, EX_USAGE);
	CHECK_STR(err.text, text);
}

static void
test_places(void)
{
	static const char *const lines[] = {
		"--json --host mx -v list 3 5-7",
		"list --host=mx 3 --json 5-7 -v",
		"-vH mx --json list -- 3 5-7",
		"list 3 5-7 -v -Hmx --json",
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CHECK_INT(parse(lines[i]), 0);
		CHECK(cli.command == command_find("list"));
		CHECK(cli.json);
		CHECK(cli.verbose);
		CHECK_INT(cli.setting_count, 1);
		if (cli.setting_count == 1) {
			CHECK_STR(cli.settings[0].setting->name, "host");
			CHECK_STR(cli.settings[0].value, "mx");
		}
		CHECK_INT(cli.operand_count, 2);
		if (cli.operand_count == 2) {
			CHECK_STR(cli.operands[0], "3");
			CHECK_STR(cli.operands[1], "5-7");
		}
	}
}

static void
test_end_of_options(void)
{
	CHECK_INT(parse("list -- --json -v"), 0);
	CHECK(!cli.json);
	CHECK_INT(cli.operand_count, 2);
	CHECK_INT(parse("-- list"), 0);
	CHECK(cli.command == command_find("list"));
	CHECK_INT(parse("-- --json"), -1);
}

static void
test_own_options(void)
{
	/* before the command its options are known by any command's table */
	CHECK_INT(parse("-n 3 top 5"), 0);
	CHECK(cli.command == command_find("top"));
	CHECK_INT(cli.operand_count, 1);
	CHECK_INT(parse("top -n3 5"), 0);
	CHECK_INT(parse("fetch --jobs=8 --dry-run"), 0);
	refused("fetch --jobs 0", "--jobs takes a number from 1 to 64");
	refused("top -n -1 3", "--lines takes a number, 0 or more");
}

static void
test_flags_of_settings(void)
{
	CHECK_INT(parse("stat --netrc"), 0);
	CHECK_INT(cli.setting_count, 1);
	if (cli.setting_count == 1)
		CHECK_STR(cli.settings[0].value, "yes");
	refused("stat --netrc=no", "--netrc takes no value");
}

static void
test_unknown(void)
{
	refused("--foo fetch", "unknown option --foo (see poplar help)");
	refused("fetch --foo", "unknown option --foo (see poplar help fetch)");
	refused("fetch --foo=3",
	    "unknown option --foo (see poplar help fetch)");
	refused("stat --maildir x",
	    "unknown option --maildir (see poplar help stat)");
	refused("list --dry-run",
	    "unknown option --dry-run (see poplar help list)");
	refused("stat -n 3", "unknown option -n (see poplar help stat)");
	refused("top --json 3", "unknown option --json (see poplar help top)");
	refused("stat -a x --all-accounts",
	    "unknown option --all-accounts (see poplar help stat)");
	/* not abbreviated, no secrets */
	refused("stat --verb", "unknown option --verb (see poplar help stat)");
	refused("stat --password x",
	    "unknown option --password (see poplar help stat)");
	refused("stat -vZ", "unknown option -Z (see poplar help stat)");
	refused("stat --\033[2J",
	    "unknown option --\\^[[2J (see poplar help stat)");
	refused("frobnicate", "unknown command frobnicate (see poplar help)");
}

static void
test_values(void)
{
	refused("stat --host", "--host needs a value: HOST");
	refused("stat -H", "--host needs a value: HOST");
	refused("--json=yes stat", "--json takes no value");
	refused("stat --color=blue", "--color takes auto, always or never");
	CHECK_INT(parse("stat --color=never"), 0);
	CHECK_INT(cli.color, 2);
	CHECK_INT(parse("stat --host="), 0);
}

static void
test_debug(void)
{
	refused("--debug 2 stat", "--debug 2: write --debug=2");
	refused("list --debug 3", "--debug 3: write --debug=3");
	refused("stat --debug=4", "--debug takes 1, 2 or 3, as in --debug=2");
	refused("stat --debug=", "--debug takes 1, 2 or 3, as in --debug=2");
	CHECK_INT(parse("--debug=3 stat"), 0);
	CHECK_INT(cli.debug, 3);
	CHECK_INT(parse("--debug stat"), 0);
	CHECK_INT(cli.debug, 1);
	CHECK_INT(parse("list -d 3"), 0);
	CHECK_INT(cli.debug, 1);
	CHECK_INT(cli.operand_count, 1);
}

static void
test_accounts(void)
{
	CHECK_INT(parse("fetch -a work pop3s://u@h uid:a://b"), 0);
	CHECK_INT(cli.account_count, 2);
	CHECK_INT(cli.operand_count, 1);
	refused("stat -a x pop3s://u@h",
	    "stat takes one account, and 2 are named");
	refused("fetch -a x --all-accounts",
	    "--all-accounts leaves no account to be named");
	refused("stat 3", "stat takes no operands (see poplar help stat)");
	refused("stat --config x --no-config",
	    "--config and --no-config exclude each other");
	/* help takes no account, so this is an operand */
	CHECK_INT(parse("help a://b"), 0);
	CHECK_INT(cli.operand_count, 1);
}

static void
test_help(void)
{
	CHECK_INT(parse("-h"), 0);
	CHECK(cli.help && cli.command == NULL);
	CHECK_INT(parse("stat 3 4 -h"), 0);
	CHECK(cli.help && cli.command == command_find("stat"));
	CHECK_INT(parse("--version"), 0);
	CHECK(cli.version);
	CHECK_INT(parse("-qq"), 0);
	CHECK_INT(cli.quiet, 2);
	CHECK_INT(parse(""), 0);
	CHECK(cli.command == NULL);
}

/*
 * Before the command is known options are looked up in all tables, so one name
 * or letter must mean one thing: a value or none.
 */
struct known {
	const char *name;
	int letter;
	bool value;
};
static struct known known[512];
static size_t known_count;

static void
know(const char *name, int letter, bool value)
{
	size_t i;

	for (i = 0; i < known_count; i++) {
		if (strcmp(known[i].name, name) == 0) {
			CHECK_INT(known[i].value, value);
			CHECK_INT(known[i].letter, letter);
		} else if (letter != 0 && known[i].letter == letter) {
			printf("# -%c: --%s and --%s\n", letter, name,
			    known[i].name);
			test_bad++;
		}
	}
	known[known_count++] = (struct known){ name, letter, value };
}

static void
know_all(const struct option_def *options)
{
	for (; options != NULL && options->name != NULL; options++)
		know(options->name, options->letter, options->arg != NULL);
}

static void
test_tables_agree(void)
{
	const struct setting *setting;
	size_t i;

	know_all(global_options);
	for (setting = settings; setting->name != NULL; setting++)
		if (!setting->config_only)
			know(setting->name, setting->letter,
			    setting->arg != NULL);
	for (i = 0; commands[i] != NULL; i++) {
		know_all(commands[i]->options);
		CHECK(commands[i]->options == NULL ||
		    commands[i]->option != NULL);
		CHECK(commands[i]->operands != NULL);
		CHECK(commands[i]->summary != NULL);
	}
}

int
main(void)
{
	TEST(test_places);
	TEST(test_end_of_options);
	TEST(test_own_options);
	TEST(test_flags_of_settings);
	TEST(test_unknown);
	TEST(test_values);
	TEST(test_debug);
	TEST(test_accounts);
	TEST(test_help);
	TEST(test_tables_agree);
	cli_clear(&cli);
	return TEST_END();
}
