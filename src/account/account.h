/* SPDX-License-Identifier: ISC */
/*
 * An account: where a mailbox is, how to get in, and what fetch does with it.
 * Its settings are one table (setting.c), whose names are the long options and
 * the keys of the configuration.
 */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct tls_store;

enum account_tls {
	ACCOUNT_TLS_IMPLICIT,
	ACCOUNT_TLS_STARTTLS,
	ACCOUNT_TLS_NONE
};

enum account_utf8 {
	ACCOUNT_UTF8_AUTO,
	ACCOUNT_UTF8_ON,
	ACCOUNT_UTF8_OFF
};

enum account_capa {
	ACCOUNT_CAPA_AUTO,
	ACCOUNT_CAPA_OFF,
	/* no setting: the server has ended, or not answered, a session for it
	 */
	ACCOUNT_CAPA_GIVEN_UP
};

enum account_disposal {
	ACCOUNT_KEEP,
	ACCOUNT_DELETE,
	ACCOUNT_DELETE_AFTER
};

/* All strings owned; NULL when not set. */
struct account {
	char *name; /* [account NAME], or user@host: for sentences */
	/* where */
	char *host, *port, *user;
	enum account_tls tls;
	char *tls_ca_file, *tls_crl_file, *tls_cert, *tls_key, *tls_priority;
	char *tls_host; /* the name in the certificate; NULL: host */
	char *tls_key_password_command;
	char *tls_key_password; /* typed: account_prompt */
	char **tls_pins;        /* NULL-ended */
	bool tls_pin_only;
	/* borrowed; the authorities, where they have been read for several
	 * accounts at once */
	const struct tls_store *tls_store;
	int family; /* AF_* : -4, -6 */
	char *proxy, *source_address, *tunnel;
	/* how */
	char *auth;
	bool insecure_auth;
	char *password, *password_file, *password_command, *token_command;
	int password_fd; /* -1 */
	bool netrc;
	/* the server was named on the command line; what [defaults] would show
	 * it was left out (account_make_foreign) */
	bool foreign, withheld;
	bool warned; /* said once: nothing protects the password */
	enum account_capa capa;
	enum account_utf8 utf8;
	char *lang;     /* "off" or a language range (RFC 4647); NULL: auto */
	int pipelining; /* 0 auto, 1 off, N */
	int timeout_ms;
	int64_t deadline_ms; /* -1: none */
	/* state */
	char *identity; /* given, or made by account_complete */
	char *state_file;
	bool no_state;
	/* what fetch does */
	char *deliver_kind; /* "maildir" "mbox" "pipe" "lmtp" "stdout" */
	char *deliver_path;
	enum account_disposal disposal;
	uint64_t delete_after_s;
	uint64_t max_size, min_size; /* octets; 0: none */
	uint64_t limit, max_bytes;   /* 0: none */
	bool newest_first;
	char *filter;
	bool sync_files; /* --sync=files */
	bool received;
	bool repeat;
	bool renumbered;
	/* account_set's: groups of settings the present layer has given */
	unsigned int given;
};

struct account *account_new(void);
void account_free(struct account *account); /* wipes */
struct account *account_copy(const struct account *account);
/*
 * Begin a new layer: [defaults], [account NAME], the command line. What is set
 * from now on replaces the layers below as a group where settings exclude each
 * other (destinations, password sources, pins, -4 and -6); within one layer two
 * destinations, or -4 and -6, are an error. config_account() ends with one.
 */
void account_layer(struct account *account);
/*
 * The server is one that the command line names, by a URL or --host: it must
 * not get what was stored for others (RFC 2384 section 9). Passwords, tokens
 * and the client certificate of the layers so far are dropped, and ~/.netrc
 * counts only where it has an entry for this machine.
 */
void account_make_foreign(struct account *account);
/* $HOME, else the password database's; the caller frees. NULL: none. */
char *account_home(void);

/*
 * One setting: a row of the table that options, configuration, manual and
 * completions walk. arg NULL: a flag. Words divided by "|" in arg are all it
 * takes, but for those in capitals. optional "[=...]" is not used here.
 */
struct setting {
	const char *name;    /* "tls-ca-file" */
	int letter;          /* 'H', or 0 */
	const char *arg;     /* "FILE", or NULL */
	const char *summary; /* a few words for --help and the completions */
	enum {
		SETTING_WHERE,
		SETTING_FETCH
	} group;
	bool config_only; /* password, url */
	bool option_only; /* password-fd */
	bool repeatable;  /* tls-pin */
	bool secret;      /* never shown */
	size_t offset;    /* setting.c's: of the field, where there is one */
	int (*set)(const struct setting *setting, struct account *account,
	    const char *value, struct err *err);
	/* the nth value as text (a flag: "yes"), the caller frees; NULL: no
	 * more, or not set */
	char *(*get)(const struct setting *setting,
	    const struct account *account, size_t n);
};
extern const struct setting settings[]; /* ended by name NULL */
const struct setting *setting_find(const char *name);
/* 0, or -1: EX_USAGE with a sentence naming the value, without the source.
 * value of a flag: "yes" or "no"; NULL is "yes". */
int account_set(struct account *account, const struct setting *setting,
    const char *value, struct err *err);

/*
 * URLs: pop3s://user@host[:port], pop3:// (STLS), pop://user;auth=X@host (RFC
 * 2384; STLS). -1: EX_USAGE (a password in it, anything odd).
 */
int account_set_url(struct account *account, const char *url, struct err *err);

/* Would fetch write messages to standard output? */
bool account_to_stdout(const struct account *account);

/*
 * When all is set: defaults (port 995 or 110), canonical host, identity, name.
 * -1: EX_USAGE what is missing or does not go together.
 */
int account_complete(struct account *account, struct err *err);

/*
 * Password and token: literal, descriptor, file, command, netrc, prompt
 * (terminal only), in this order. The caller wipes and frees. NULL: EX_CONFIG
 * none to be had or the file is readable by others; EX_TEMPFAIL a command that
 * took too long. account_prompt asks beforehand and keeps it (before a fork),
 * or reads the descriptor, which only one process can; account_needs_prompt
 * says whether that is to be done.
 */
char *account_password(struct account *account, struct err *err);
char *account_token(struct account *account, struct err *err);
/* Is there a source of the password besides asking for it? */
bool account_has_password(const struct account *account);
/*
 * The same for the client certificate's key, if that is encrypted: by command,
 * or from the terminal, once. 0, *password NULL: it needs none. -1: as above.
 * account_prompt_key asks for what is to be typed, before a server waits.
 */
int account_prompt_key(struct account *account, struct err *err);
int account_key_password(struct account *account, char **password,
    struct err *err);
int account_prompt(struct account *account, struct err *err);
bool account_needs_prompt(const struct account *account);

#endif
