/* SPDX-License-Identifier: ISC */
/*
 * What fetch and delete tell people and scripts about: a line or a JSON object
 * for a message, a warning, a summary. One for all accounts of a run.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

struct account;
struct cli;
struct err;
struct report_message;
struct report_summary;

/* A message's: JSON; with --dry-run what would be done; why it failed. */
void cli_report_message(const struct cli *cli, const struct account *account,
    bool many, const struct report_message *message);
void cli_report_warning(const struct account *account, const struct err *err);
/*
 * The account's: what ended it (err->status 0: nothing did), JSON, a summary
 * line. Returns the account's exit status.
 */
int cli_report_account(const struct cli *cli, const struct account *account,
    const struct report_summary *summary, struct err *err);

#endif
