/* SPDX-License-Identifier: ISC */
/*
 * What all commands share. A command is a file with one constant struct; main.c
 * has the table of them, and help, usage, completions and tests walk it.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;
struct cli;
struct config;
struct err;

/* An option that is not a setting of an account (account/account.h). */
struct option_def {
	const char *name; /* without the dashes */
	int letter;       /* or 0 */
	const char
	    *arg; /* NULL: a flag; "[N]": only as --name=N; else needed */
	const char *summary;
	int id; /* the command's own enum, > 0 */
};

#define COMMAND_ACCOUNT 0x01 /* takes -a, URLs, and the "where" settings */
#define COMMAND_FETCH 0x02   /* takes the "fetch" settings too */
#define COMMAND_MANY 0x04    /* more than one account may be named */

struct command {
	const char *name;
	const char *operands; /* "[MESSAGE...]", for the usage line */
	const char *summary;
	const struct option_def *options; /* ended by name NULL; may be NULL */
	unsigned int flags;
	/* returns the exit status; sentences have been printed */
	int (*run)(struct cli *cli);
	/* one option; -1 EX_USAGE */
	int (
	    *option)(struct cli *cli, int id, const char *arg, struct err *err);
};

/* The parsed command line. */
struct cli {
	const struct command *command;
	/* global */
	bool help, json, version;
	int quiet, color; /* color: 0 auto, 1 always, 2 never */
	bool verbose, all_accounts;
	const char *config_file;
	bool no_config;
	/* operands that are not accounts, in order */
	char **operands;
	size_t operand_count;
	/* -a and operands with "://", in order */
	char **accounts;
	size_t account_count;
	/* settings given as options, in order, to be laid over each account */
	struct cli_setting *settings;
	size_t setting_count;
	void *data; /* the command's */
};

extern const struct option_def global_options[];
extern const struct command *const commands[]; /* main.c; NULL-ended */
const struct command *command_find(const char *name);

/* Fill cli from argv. -1: EX_USAGE. */
int cli_parse(struct cli *cli, int argc, char **argv, struct err *err);
void cli_clear(struct cli *cli);

/* The accounts meant, completed, options laid over. Returns how many, -1
 * EX_USAGE or EX_CONFIG. Free each and the array. */
int cli_accounts(struct cli *cli, struct account ***accounts, struct err *err);
/* The one account of a command that takes one. */
struct account *cli_account(struct cli *cli, struct err *err);

/* Print err as main does ("poplar: sentence", not for 75 with -qq); returns its
 * status. */
int cli_fail(const struct err *err);
/* Flush stdout and check it: 0, or EX_IOERR reported. */
int cli_finish_output(void);

#endif
