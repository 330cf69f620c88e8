/* SPDX-License-Identifier: ISC */
/*
 * Diagnostics: everything poplar says that is not data goes through here, to
 * stderr, a whole line in one write(2). Text from outside must pass through
 * log_safe() first.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

struct log_options {
	int quiet;    /* count of -q: 1 drops summaries, 2 status 75 too */
	bool verbose; /* -v */
	int debug;    /* 0 to 3: --debug */
	int debug_fd; /* where the trace goes; -1: stderr */
};

/* Applies to the whole process; a NULL restores the defaults. */
void log_setup(const struct log_options *options);
const struct log_options *log_options(void);

/* "poplar: " text newline, always. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same with "warning: "; not with -q. */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Summaries: with -v, or when stderr is a terminal; never with -q. */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line of the trace, if --debug is at least level: "SECONDS text". */
void log_debug(int level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * From now on this word (copied) is stars in the trace; a secret also in what
 * log_said() makes. Forget all of them, wiped.
 */
void log_hide(const char *word);
void log_secret(const char *word);
void log_forget(void);

/*
 * Called before and after each line goes to stderr, so that a progress line
 * can be taken away and put back (cli/progress.c); NULL for none.
 */
void log_around(void (*before)(void), void (*after)(void));

/*
 * data as printable text: vis(3) VIS_CSTYLE|VIS_NOLOCALE, but blanks stay, and
 * so do characters that can be seen if the user's charset (LC_CTYPE) is UTF-8.
 * The caller frees. For server text in records, and for what a user gave.
 */
char *log_safe(const void *data, size_t len);
/* A UIDL as uid: takes it. The caller frees. */
char *log_uid(const char *uid, size_t len);
/*
 * At most max octets of data likewise, with stars over secrets, also over the
 * head of one that is cut at the end. For server text in sentences: some
 * servers repeat what they were sent.
 */
char *log_said(const void *data, size_t len, size_t max);
/* The same in ASCII, which unvis(3) undoes: for traces and programs. */
char *log_ascii(const void *data, size_t len);

#endif
