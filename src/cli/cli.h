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
struct msgset;
struct session;
struct setting;

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
#define COMMAND_TEXT 0x08    /* no records: --json is unknown for it */

struct command {
	const char *name;
	const char *operands; /* "[MESSAGE...]", for the usage line */
	const char *summary;
	const char *examples;             /* lines; or NULL */
	const struct option_def *options; /* ended by name NULL; may be NULL */
	unsigned int flags;
	/* returns the exit status; sentences have been printed */
	int (*run)(struct cli *cli);
	/* one option; -1 EX_USAGE */
	int (
	    *option)(struct cli *cli, int id, const char *arg, struct err *err);
};

/* A setting given as an option; value is "yes" for a flag. */
struct cli_setting {
	const struct setting *setting;
	const char *value;
};

/* The parsed command line. Strings are argv's. */
struct cli {
	const struct command *command;
	/* global */
	bool help, json, version;
	int quiet, color; /* color: 0 auto, 1 always, 2 never */
	bool verbose, all_accounts;
	int debug; /* 0 to 3 */
	const char *debug_file;
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
	void *data; /* the command's: cli_data() */
};

extern const struct option_def global_options[];
extern const struct command *const commands[]; /* command.c; NULL-ended */
const struct command *command_find(const char *name);
/* Is this global option one that command (NULL: none named) takes? */
bool command_takes(const struct command *command,
    const struct option_def *option);
/* Has it an option of this name of its own? That hides the setting so named. */
bool command_has_own(const struct command *command, const char *name);

/* There is no such command: EX_USAGE, with the one that may be meant. -1. */
int cli_unknown_command(const char *name, struct err *err);

/* Fill cli from argv. -1: EX_USAGE. */
int cli_parse(struct cli *cli, int argc, char **argv, struct err *err);
void cli_clear(struct cli *cli);
/* cli->data, made of size zero octets at the first call; freed by cli_clear. */
void *cli_data(struct cli *cli, size_t size);

/* The operands as a message set. -1: EX_USAGE, with what may have been meant.
 */
int cli_messages(const struct cli *cli, struct msgset *set, struct err *err);

/* The accounts meant, completed, options laid over. Returns how many, -1
 * EX_USAGE or EX_CONFIG. Free each and the array. */
int cli_accounts(struct cli *cli, struct account ***accounts, struct err *err);
/* The one account of a command that takes one. */
struct account *cli_account(struct cli *cli, struct err *err);
void cli_accounts_free(struct account **accounts, int count);

/*
 * What a command that only looks does: open a session with the one account,
 * call work, QUIT, and print what went wrong, account first. work returns an
 * exit status, or -1 with err. Returns the exit status.
 */
int cli_visit(struct cli *cli,
    int (*work)(struct cli *cli, struct session *session, struct err *err));

/*
 * The end of such a visit: QUIT unless the session is lost, print err if status
 * is -1, free the account and what the session holds. Returns the exit status.
 */
int cli_leave(struct account *account, struct session *session, int status,
    struct err *err);

/* Print err as main does ("poplar: sentence", not for 75 with -qq); returns its
 * status. */
int cli_fail(const struct err *err);
/* May fd be written to in color? A terminal, NO_COLOR not set; or --color. */
bool cli_color(const struct cli *cli, int fd);
/* Flush stdout and check it: 0, or EX_IOERR reported. */
int cli_finish_output(void);

#endif
