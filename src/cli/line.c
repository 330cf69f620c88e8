/* SPDX-License-Identifier: ISC */
/*
 * Lines that somebody types. This is the file chosen for HAVE_LIBEDIT. The
 * prompt and what is typed go to standard output when that is a terminal too,
 * else to standard error, so that a file gets replies only.
 */
#include "cli/line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#include "base/buf.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "cli/text.h"

struct line {
	const char *prompt;
	const char *const *words;
	FILE *terminal; /* NULL: nobody is there */
	char *text;     /* owned; getline's */
	size_t size;
#ifdef HAVE_LIBEDIT
	struct buf edited;
	EditLine *el;  /* owned; NULL without a terminal */
	History *past; /* owned */
#endif
};

#ifdef HAVE_LIBEDIT

#define HISTORY_LINES 500

static char *
show_prompt(EditLine *el)
{
	static char none[] = "";
	struct line *line;
	char *prompt;

	if (el_get(el, EL_CLIENTDATA, &line) == -1)
		return none;
	/* libedit does not write to it */
	memcpy(&prompt, &line->prompt, sizeof(prompt));
	return prompt;
}

/* Wait for a key, or for a signal that ends us; libedit would wait on. */
static int
wait_for_key(void)
{
	struct pollfd fds[2] = { { STDIN_FILENO, POLLIN, 0 },
		{ signals_fd(), POLLIN, 0 } };

	int n;

	while (signals_stop() == 0) {
		n = poll(fds, 2, -1);
		if (n > 0 && fds[0].revents != 0)
			return 1;
		if (n == -1 && errno != EINTR)
			break;
	}
	return 0;
}

/* Offer the words that begin with the len octets at text, each on a line. */
static void
show_words(const struct line *line, const char *text, size_t len)
{
	fputc('\n', line->terminal);
	for (size_t i = 0; line->words[i] != NULL; i++)
		if (strncmp(line->words[i], text, len) == 0)
			fprintf(line->terminal, "%s  ", line->words[i]);
	fputc('\n', line->terminal);
	fflush(line->terminal);
}

/*
 * What TAB does: the first word as far as is clear goes into rest, to be typed
 * behind what is there; or what it may be is shown, and rest is empty.
 */
static void
complete(EditLine *el, char *rest, size_t size)
{
	const LineInfo *info = el_line(el);
	size_t len = (size_t)(info->cursor - info->buffer), common = 0, n = 0;
	const char *first = "";
	struct line *line;

	rest[0] = '\0';
	if (el_get(el, EL_CLIENTDATA, &line) == -1 ||
	    memchr(info->buffer, ' ', len) != NULL)
		return;
	for (size_t i = 0; line->words[i] != NULL; i++) {
		if (strncmp(line->words[i], info->buffer, len) != 0)
			continue;
		if (n++ == 0) {
			first = line->words[i];
			common = strlen(first);
		}
		while (strncmp(first, line->words[i], common) != 0)
			common--;
	}
	if (n > 1 && common == len) {
		show_words(line, info->buffer, len);
		el_set(el, EL_REFRESH);
	} else if (n > 0)
		(void)snprintf(rest, size, "%.*s%s", (int)(common - len),
		    first + len, n == 1 ? " " : "");
}

/* A key from the terminal; 0: the end. */
static int
next_key(wchar_t *key)
{
	mbstate_t state;
	size_t n;
	char c;

	memset(&state, 0, sizeof(state));
	do {
		if (wait_for_key() == 0 || read(STDIN_FILENO, &c, 1) != 1)
			return 0;
		n = mbrtowc(key, &c, 1, &state);
	} while (n == (size_t)-2);
	if (n == (size_t)-1)
		*key = L'?';
	return 1;
}

/*
 * The next key for libedit. TAB is dealt with here: a function of ours in
 * libedit (EL_ADDFN) leaks its name.
 */
static int
get_key(EditLine *el, wchar_t *key)
{
	char rest[64];

	while (next_key(key) == 1) {
		if (*key != L'\t')
			return 1;
		complete(el, rest, sizeof(rest));
		if (rest[0] == '\0')
			continue;
		*key = (wchar_t)(unsigned char)rest[0];
		if (rest[1] != '\0')
			el_push(el, rest + 1);
		return 1;
	}
	return 0;
}

static void
edit_open(struct line *line)
{
	HistEvent event;

	line->el = el_init("poplar", stdin, line->terminal, stderr);
	if (line->el == NULL)
		return;
	line->past = history_init();
	if (line->past != NULL) {
		history(line->past, &event, H_SETSIZE, HISTORY_LINES);
		history(line->past, &event, H_SETUNIQUE, 1);
		el_set(line->el, EL_HIST, history, line->past);
	}
	el_set(line->el, EL_CLIENTDATA, line);
	el_set(line->el, EL_PROMPT, show_prompt);
	el_set(line->el, EL_EDITOR, "emacs");
	el_set(line->el, EL_GETCFN, get_key);
	el_set(line->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

static void
edit_close(struct line *line)
{
	if (line->el != NULL)
		el_end(line->el);
	if (line->past != NULL)
		history_end(line->past);
	buf_clear(&line->edited);
}

static const char *
edit_read(struct line *line)
{
	HistEvent event;
	const char *text;
	int n = 0;

	/* before the prompt: libedit would do it behind that, and lose a ^D
	 * that comes between the two */
	el_set(line->el, EL_PREP_TERM, 1);
	text = el_gets(line->el, &n);
	if (text == NULL || n <= 0) {
		fputc('\n', line->terminal);
		return NULL;
	}
	line->edited.len = 0;
	buf_append(&line->edited, text,
	    (size_t)n - (text[n - 1] == '\n' ? 1 : 0));
	text = buf_text(&line->edited);
	if (line->past != NULL && text[0] != '\0')
		history(line->past, &event, H_ENTER, text);
	return text;
}

#endif

struct line *
line_open(const char *prompt, const char *const *words)
{
	struct line *line = xcalloc(1, sizeof(*line));

	line->prompt = prompt;
	line->words = words;
	if (isatty(STDIN_FILENO) == 1) {
		if (isatty(STDOUT_FILENO) == 1)
			line->terminal = stdout;
		else if (isatty(STDERR_FILENO) == 1)
			line->terminal = stderr;
	}
#ifdef HAVE_LIBEDIT
	/* libedit wants a cursor that it can move */
	if (line->terminal != NULL && text_has_cursor(fileno(line->terminal)))
		edit_open(line);
#endif
	return line;
}

void
line_close(struct line *line)
{
	if (line == NULL)
		return;
#ifdef HAVE_LIBEDIT
	edit_close(line);
#endif
	free(line->text);
	free(line);
}

bool
line_is_terminal(const struct line *line)
{
	return line->terminal != NULL;
}

const char *
line_read(struct line *line)
{
	ssize_t len;

#ifdef HAVE_LIBEDIT
	if (line->el != NULL)
		return edit_read(line);
#endif
	if (line->terminal != NULL) {
		fputs(line->prompt, line->terminal);
		fflush(line->terminal);
	}
	if (signals_stop() != 0 ||
	    (len = getline(&line->text, &line->size, stdin)) <= 0) {
		if (line->terminal != NULL)
			fputc('\n', line->terminal);
		return NULL;
	}
	if (line->text[len - 1] == '\n')
		line->text[--len] = '\0';
	/* lines of a file that came from elsewhere */
	if (len > 0 && line->text[len - 1] == '\r')
		line->text[len - 1] = '\0';
	return line->text;
}
