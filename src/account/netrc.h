/* SPDX-License-Identifier: ISC */
/* Private to this room: passwords in ~/.netrc. */
#ifndef ACCOUNT_NETRC_H
#define ACCOUNT_NETRC_H

struct account;
struct err;

/*
 * The password for account's host and user; NULL if there is none, or no file.
 * The default entry is not for a server that the command line names.
 * The caller wipes and frees. -1: EX_CONFIG readable by others, or malformed
 * (with the line, without its text).
 */
int netrc_password(const struct account *account, char **password,
    struct err *err);
/* Why there was none, as a clause. The caller frees. */
char *netrc_missing(const struct account *account);

#endif
