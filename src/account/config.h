/* SPDX-License-Identifier: ISC */
/* The configuration file, poplar.conf(5): strict, every error at once. */
#ifndef ACCOUNT_CONFIG_H
#define ACCOUNT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct account;
struct buf;
struct err;

struct config; /* read once */

/* The default path; the caller frees. NULL: no home. */
char *config_default_path(void);

/*
 * Read path. missing_ok: no file is an empty configuration. note is called for
 * every error, "file:line: text"; then NULL with EX_CONFIG.
 */
struct config *config_read(const char *path, bool missing_ok,
    void (*note)(void *arg, const char *text), void *arg, struct err *err);
void config_free(struct config *config);

/* Names of [account NAME] in order of the file. */
size_t config_accounts(const struct config *config, char *const **names);
/* account= of [defaults], or the only account; NULL. */
const char *config_default_account(const struct config *config);
/* A new account with [defaults] and then [account NAME] applied (name NULL:
 * defaults only). NULL: EX_CONFIG no such account. */
struct account *config_account(const struct config *config, const char *name,
    struct err *err);
/* The same for a server that the command line names (account_make_foreign). */
struct account *config_account_elsewhere(const struct config *config,
    const char *name, struct err *err);
/* As it would be written, secrets as stars, for check --print. */
void config_print_account(const struct account *account, struct buf *out);

#endif
