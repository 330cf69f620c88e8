/* SPDX-License-Identifier: ISC */
/*
 * Private to this room: what the table in setting.c is made of. A setter takes
 * text and is EX_USAGE when that will not do; a getter gives it back (see
 * struct setting).
 */
#ifndef ACCOUNT_ACCOUNT_PRIV_H
#define ACCOUNT_ACCOUNT_PRIV_H

#include <stdbool.h>
#include <stddef.h>

struct account;
struct err;
struct setting;

/* Groups of settings of which a layer gives one, bits of account->given. */
#define GIVEN_DESTINATION 0x01u
#define GIVEN_SECRET 0x02u
#define GIVEN_PINS 0x04u
#define GIVEN_IPV4 0x08u
#define GIVEN_IPV6 0x10u

/* -1 with the sentence: value is not what is wanted. */
int setting_refuse(struct err *err, const char *value, const char *wanted);
/* The field that the row names, of whatever type, and as a string. */
void *setting_field(const struct setting *setting,
    const struct account *account);
char **setting_string(const struct setting *setting,
    const struct account *account);
/* Replace a string, wiping the old one; value may be NULL. */
void setting_put(char **at, const char *value);
/* "yes" or "no". 0 or -1. */
int setting_flag(const char *value, bool *flag, struct err *err);
/* The index of value in names (ended by NULL), or -1. */
int setting_choose(const char *value, const char *const *names,
    const char *wanted, struct err *err);

typedef int setting_set_fn(const struct setting *setting,
    struct account *account, const char *value, struct err *err);
typedef char *setting_get_fn(const struct setting *setting,
    const struct account *account, size_t n);

/* Named after what they set: a type in setting.c, else one row or group. */
setting_set_fn setting_set_auth;
setting_set_fn setting_set_deadline;
setting_set_fn setting_set_delete;
setting_set_fn setting_set_delete_after;
setting_set_fn setting_set_destination;
setting_set_fn setting_set_family;
setting_set_fn setting_set_flag;
setting_set_fn setting_set_host;
setting_set_fn setting_set_keep;
setting_set_fn setting_set_lang;
setting_set_fn setting_set_limit;
setting_set_fn setting_set_netrc;
setting_set_fn setting_set_no_state;
setting_set_fn setting_set_password_fd;
setting_set_fn setting_set_pin;
setting_set_fn setting_set_pipelining;
setting_set_fn setting_set_port;
setting_set_fn setting_set_proxy;
setting_set_fn setting_set_secret;
setting_set_fn setting_set_size;
setting_set_fn setting_set_source;
setting_set_fn setting_set_state;
setting_set_fn setting_set_string;
setting_set_fn setting_set_sync;
setting_set_fn setting_set_timeout;
setting_set_fn setting_set_tls;
setting_set_fn setting_set_tls_host;
setting_set_fn setting_set_url;
setting_set_fn setting_set_capa;
setting_set_fn setting_set_utf8;

setting_get_fn setting_get_deadline;
setting_get_fn setting_get_delete;
setting_get_fn setting_get_delete_after;
setting_get_fn setting_get_destination;
setting_get_fn setting_get_family;
setting_get_fn setting_get_flag;
setting_get_fn setting_get_keep;
setting_get_fn setting_get_lang;
setting_get_fn setting_get_limit;
setting_get_fn setting_get_nothing;
setting_get_fn setting_get_password_fd;
setting_get_fn setting_get_pin;
setting_get_fn setting_get_pipelining;
setting_get_fn setting_get_proxy;
setting_get_fn setting_get_secret;
setting_get_fn setting_get_size;
setting_get_fn setting_get_string;
setting_get_fn setting_get_sync;
setting_get_fn setting_get_timeout;
setting_get_fn setting_get_tls;
setting_get_fn setting_get_capa;
setting_get_fn setting_get_utf8;

#endif
