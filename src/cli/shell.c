/* SPDX-License-Identifier: ISC */
/*
 * shell: a session by hand. Commands come a line each from a person or a pipe,
 * the server's replies go to standard output, what is refused is reported. A
 * person goes on; a script ends there, as what follows may rest on it ("retr 1
 * > file", "dele 1"), and without QUIT, so that nothing is deleted.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "account/account.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/text.h"
#include "session/session.h"

#define ARGS_MAX 2
#define LAST_MAX 20
#define TOP_LINES 10
#define COMMAND_SIZE 256

struct shell {
	struct pop3 *pop3;
	const struct account *account;
	struct line *line;
	int status;
	bool ended;
	bool stopped; /* by a failure: the lines left are not run */
	/* by AUTH: the server takes the next line for a response */
	bool challenged;
	uint32_t deleted;
	char *last[LAST_MAX]; /* owned; status lines, the newest first */
	/* of the command under way */
	char *path; /* behind ">"; NULL: standard output */
	FILE *out;  /* NULL: not open yet */
	bool escape, body;
	struct buf shown; /* a line of a body that is still coming */
	uint64_t octets;
};

/* ---- output ---- */

/* A file is opened when there is something for it: a refusal leaves it be. */
static int
open_out(struct shell *shell, struct err *err)
{
	int fd;

	if (shell->out != NULL)
		return 0;
	if (shell->path == NULL) {
		shell->out = stdout;
	} else {
		fd = open(shell->path,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
		if (fd == -1)
			return err_sys(err, EX_CANTCREAT, "%s", shell->path);
		shell->out = fdopen(fd, "w");
	}
	shell->escape = isatty(fileno(shell->out)) == 1;
	return 0;
}

static void
put_line(struct shell *shell, const char *data, size_t len)
{
	char *safe;

	if (shell->escape) {
		safe = log_safe(data, len);
		fputs(safe, shell->out);
		free(safe);
	} else
		fwrite(data, 1, len, shell->out);
	fputc('\n', shell->out);
}

static int
on_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct shell *shell = arg;
	struct buf *shown = &shell->shown, safe = BUF_INIT;
	size_t used;

	(void)err;
	shell->octets += len;
	if (!shell->escape) {
		fwrite(data, 1, len, shell->out);
		return 0;
	}
	buf_append(shown, data, len);
	used = text_shown_lines(shown->data, shown->len, &safe);
	memmove(shown->data, shown->data + used, shown->len - used);
	shown->len -= used;
	fwrite(buf_text(&safe), 1, safe.len, shell->out);
	buf_clear(&safe);
	return 0;
}

/* What of a body never came to its line's end. */
static void
show_rest(struct shell *shell)
{
	struct buf safe = BUF_INIT;

	text_shown(shell->shown.data, shell->shown.len, &safe);
	buf_puts(&safe, "\n");
	fwrite(safe.data, 1, safe.len, shell->out);
	buf_clear(&safe);
	shell->shown.len = 0;
}

static int
on_line(void *arg, const char *line, size_t len, struct err *err)
{
	(void)err;
	put_line(arg, line, len);
	return 0;
}

static void
remember(struct shell *shell, const char *sign, const char *text, size_t len)
{
	free(shell->last[LAST_MAX - 1]);
	memmove(shell->last + 1, shell->last,
	    (LAST_MAX - 1) * sizeof(shell->last[0]));
	shell->last[0] =
	    xasprintf("%s%s%.*s", sign, len > 0 ? " " : "", (int)len, text);
}

/* The line in front of a body is not shown: what follows is mail. */
static int
on_begin(void *arg, const char *text, size_t len, struct err *err)
{
	struct shell *shell = arg;

	remember(shell, "+OK", text, len);
	if (open_out(shell, err) == -1)
		return -1;
	if (!shell->body)
		put_line(shell, shell->last[0], strlen(shell->last[0]));
	return 0;
}

/* ---- a command and its reply ---- */

static bool
is_verb(const char *command, const char *verb)
{
	size_t len = strlen(verb);

	return strncasecmp(command, verb, len) == 0 &&
	    (command[len] == '\0' || command[len] == ' ');
}

static void
count_deletions(struct shell *shell, const char *command)
{
	if (is_verb(command, "DELE"))
		shell->deleted++;
	else if (is_verb(command, "RSET"))
		shell->deleted = 0;
}

static int
talk(struct shell *shell, enum pop3_shape shape, struct err *err,
    const char *command)
{
	struct pop3_request request = { .shape = shape,
		.body = on_body,
		.line = on_line,
		.begin = on_begin,
		.arg = shell,
		.failure = err };

	shell->body = shape == POP3_BODY;
	shell->octets = 0;
	if (pop3_submit(shell->pop3, &request, err, "%s", command) == -1 ||
	    pop3_finish(shell->pop3, &request, err) == -1)
		return -1;
	if (request.result == POP3_OK) {
		count_deletions(shell, command);
		return request.failed ? -1 : 0;
	}
	remember(shell, request.result == POP3_MORE ? "+" : "-ERR",
	    request.text, strlen(request.text));
	if (request.result != POP3_MORE)
		return pop3_refused(shell->pop3, &request, err);
	shell->challenged = true;
	if (open_out(shell, err) == -1)
		return -1;
	put_line(shell, shell->last[0], strlen(shell->last[0]));
	return 0;
}

/* A server may repeat a response decoded: what is in it is secret, too. */
static void
hide_decoded(const char *text)
{
	struct buf decoded = BUF_INIT;
	const char *part, *end;

	if (base64_decode(text, strlen(text), &decoded) == 0) {
		part = buf_text(&decoded);
		end = part + decoded.len;
		/* PLAIN has its parts divided by NUL */
		for (; part < end; part += strlen(part) + 1)
			log_secret(part);
	}
	buf_clear(&decoded);
}

/* An answer to a challenge; it may be a password, whatever it looks like. */
static int
respond(struct shell *shell, const char *text, struct err *err)
{
	static const char *const signs
	    [] = { [POP3_OK] = "+OK", [POP3_ERR] = "-ERR", [POP3_MORE] = "+" };
	struct buf reply = BUF_INIT;
	enum pop3_code code;
	char *words;
	int result;

	hide_decoded(text);
	result = pop3_auth_line(shell->pop3, text, strcmp(text, "*") != 0,
	    &reply, &code, err);
	if (result == -1)
		return -1;
	shell->challenged = result == POP3_MORE;
	remember(shell, signs[result], buf_text(&reply), reply.len);
	if (result == POP3_ERR) {
		words = log_said(reply.data, reply.len, reply.len);
		err_set(err, pop3_code_status(code), "%s refused AUTH%s%s",
		    pop3_peer(shell->pop3), words[0] != '\0' ? ": " : "",
		    words);
		free(words);
		result = -1;
	} else if ((result = open_out(shell, err)) == 0)
		put_line(shell, shell->last[0], strlen(shell->last[0]));
	buf_clear(&reply);
	return result;
}

static int __attribute__((format(printf, 4, 5))) talkf(struct shell *shell,
    enum pop3_shape shape, struct err *err, const char *fmt, ...)
{
	char command[COMMAND_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return talk(shell, shape, err, command);
}

/* ---- the commands ---- */

struct verb {
	const char *name, *operands, *summary;
	size_t least, most; /* operands */
	int (*run)(struct shell *shell, char *const *args, struct err *err);
};
static int run_help(struct shell *shell, char *const *args, struct err *err);

static int
number(const char *text, uint64_t least, uint32_t *value, struct err *err)
{
	size_t len = strlen(text);
	uint64_t n;

	if (len == 0 || parse_u64(text, len, UINT32_MAX, &n) != len ||
	    n < least) {
		char *safe = log_safe(text, len);

		err_set(err, EX_USAGE, "%s is not a number", safe);
		free(safe);
		return -1;
	}
	*value = (uint32_t)n;
	return 0;
}

static int
run_stat(struct shell *shell, char *const *args, struct err *err)
{
	(void)args;
	return talk(shell, POP3_LINE, err, "STAT");
}

static int
listing(struct shell *shell, const char *name, const char *arg, struct err *err)
{
	uint32_t num;

	if (arg == NULL)
		return talk(shell, POP3_LINES, err, name);
	if (number(arg, 1, &num, err) == -1)
		return -1;
	return talkf(shell, POP3_LINE, err, "%s %" PRIu32, name, num);
}

static int
run_list(struct shell *shell, char *const *args, struct err *err)
{
	return listing(shell, "LIST", args[0], err);
}

static int
run_uidl(struct shell *shell, char *const *args, struct err *err)
{
	return listing(shell, "UIDL", args[0], err);
}

static int
run_retr(struct shell *shell, char *const *args, struct err *err)
{
	uint32_t num;

	if (number(args[0], 1, &num, err) == -1)
		return -1;
	return talkf(shell, POP3_BODY, err, "RETR %" PRIu32, num);
}

static int
run_top(struct shell *shell, char *const *args, struct err *err)
{
	uint32_t num, lines = TOP_LINES;

	if (number(args[0], 1, &num, err) == -1 ||
	    (args[1] != NULL && number(args[1], 0, &lines, err) == -1))
		return -1;
	return talkf(shell, POP3_BODY, err, "TOP %" PRIu32 " %" PRIu32, num,
	    lines);
}

static int
run_dele(struct shell *shell, char *const *args, struct err *err)
{
	uint32_t num;

	if (number(args[0], 1, &num, err) == -1)
		return -1;
	return talkf(shell, POP3_LINE, err, "DELE %" PRIu32, num);
}

static int
run_rset(struct shell *shell, char *const *args, struct err *err)
{
	(void)args;
	return talk(shell, POP3_LINE, err, "RSET");
}

static int
run_noop(struct shell *shell, char *const *args, struct err *err)
{
	(void)args;
	return talk(shell, POP3_LINE, err, "NOOP");
}

static int
run_rpop(struct shell *shell, char *const *args, struct err *err)
{
	const char *user = args[0] != NULL ? args[0] : shell->account->user;

	if (user == NULL)
		return err_set(err, EX_USAGE, "rpop: which user?");
	return talkf(shell, POP3_LINE, err, "RPOP %s", user);
}

static int
run_capa(struct shell *shell, char *const *args, struct err *err)
{
	(void)args;
	return talk(shell, POP3_LINES, err, "CAPA");
}

static int
run_last(struct shell *shell, char *const *args, struct err *err)
{
	uint32_t n = 1;

	if ((args[0] != NULL && number(args[0], 1, &n, err) == -1) ||
	    open_out(shell, err) == -1)
		return -1;
	if (n > LAST_MAX)
		n = LAST_MAX;
	while (n-- > 0)
		if (shell->last[n] != NULL)
			put_line(shell, shell->last[n], strlen(shell->last[n]));
	return 0;
}

/* Would its reply be taken for many, or the session no longer be ours? */
static int
run_raw(struct shell *shell, char *const *args, struct err *err)
{
	static const char *const multi[] = { "CAPA", "RETR", "TOP", NULL };
	const char *command = args[0];
	bool many = strcasecmp(command, "LIST") == 0 ||
	    strcasecmp(command, "UIDL") == 0;

	if (shell->challenged)
		return respond(shell, command, err);
	for (size_t i = 0; multi[i] != NULL; i++)
		many = many || is_verb(command, multi[i]);
	if (many)
		return err_set(err, EX_USAGE,
		    "its reply has many lines: use raw+");
	if (is_verb(command, "STLS"))
		return err_set(err, EX_USAGE,
		    "TLS cannot begin here: use --tls=starttls");
	shell->ended = is_verb(command, "QUIT");
	return talk(shell, POP3_CHALLENGE, err, command);
}

static int
run_raw_lines(struct shell *shell, char *const *args, struct err *err)
{
	bool body = is_verb(args[0], "RETR") || is_verb(args[0], "TOP");

	if (is_verb(args[0], "AUTH"))
		return err_set(err, EX_USAGE,
		    "its reply is one line, or a challenge: use raw");
	return talk(shell, body ? POP3_BODY : POP3_LINES, err, args[0]);
}

static int
run_quit(struct shell *shell, char *const *args, struct err *err)
{
	struct err ignored = ERR_INIT;

	(void)args;
	if (shell->challenged)
		/* QUIT would be taken for the response */
		(void)respond(shell, "*", &ignored);
	shell->ended = true;
	return talk(shell, POP3_LINE, err, "QUIT");
}

static const struct verb verbs[] = {
	{ "stat", "", "how many messages and octets there are", 0, 0,
	    run_stat },
	{ "list", "[N]", "octets of all messages, or of one", 0, 1, run_list },
	{ "uidl", "[N]", "unique ids of all messages, or of one", 0, 1,
	    run_uidl },
	{ "retr", "N", "a message; with > FILE, into a file", 1, 1, run_retr },
	{ "top", "N [LINES]", "its header and first lines (10)", 1, 2,
	    run_top },
	{ "dele", "N", "mark a message to be deleted by quit", 1, 1, run_dele },
	{ "rset", "", "take all these marks back", 0, 0, run_rset },
	{ "noop", "", "nothing, but the server answers", 0, 0, run_noop },
	{ "rpop", "[USER]", "RPOP, which hardly any server knows", 0, 1,
	    run_rpop },
	{ "capa", "", "what the server can do now", 0, 0, run_capa },
	{ "last", "[N]", "the last status lines (1)", 0, 1, run_last },
	{ "raw", "COMMAND", "send this; the reply is one line", 1, 1, run_raw },
	{ "raw+", "COMMAND", "send this; the reply ends at a dot", 1, 1,
	    run_raw_lines },
	{ "quit", "", "delete what is marked, and leave", 0, 0, run_quit },
	{ "help", "", "this list; > FILE goes behind any command", 0, 0,
	    run_help },
	{ NULL, NULL, NULL, 0, 0, NULL }
};

static int
run_help(struct shell *shell, char *const *args, struct err *err)
{
	(void)args;
	if (open_out(shell, err) == -1)
		return -1;
	for (const struct verb *verb = verbs; verb->name != NULL; verb++)
		fprintf(shell->out, "%-5s%-12s%s\n", verb->name, verb->operands,
		    verb->summary);
	return 0;
}

/* ---- a line typed ---- */

static char *
skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

static void
cut_blanks(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
		text[--len] = '\0';
}

/* Take "> FILE" off the end of text. ~/ is the home, nothing else expands. */
static int
take_path(struct shell *shell, char *text, struct err *err)
{
	char *at = text, *home;

	while ((at = strchr(at, '>')) != NULL && at > text &&
	    strchr(" \t", at[-1]) == NULL)
		at++;
	if (at == NULL)
		return 0;
	*at++ = '\0';
	cut_blanks(text);
	at = skip_blanks(at);
	cut_blanks(at);
	if (*at == '\0' || *at == '>')
		return err_set(err, EX_USAGE, "> takes a file to be written");
	home = strncmp(at, "~/", 2) == 0 ? account_home() : NULL;
	shell->path =
	    home != NULL ? xasprintf("%s%s", home, at + 1) : xstrdup(at);
	free(home);
	return 0;
}

static int
split(const struct verb *verb, char *text, char **args, struct err *err)
{
	bool whole = strncmp(verb->name, "raw", 3) == 0;
	size_t n = 0;

	while (*(text = skip_blanks(text)) != '\0') {
		if (n == verb->most)
			goto usage;
		args[n++] = text;
		text += whole ? strlen(text) : strcspn(text, " \t");
		if (*text != '\0')
			*text++ = '\0';
	}
	if (n >= verb->least)
		return 0;
usage:
	return err_set(err, EX_USAGE, "usage: %s%s%s", verb->name,
	    verb->operands[0] != '\0' ? " " : "", verb->operands);
}

static const struct verb *
find_verb(const char *text, size_t len)
{
	const struct verb *verb;

	for (verb = verbs; verb->name != NULL; verb++)
		if (strlen(verb->name) == len &&
		    strncasecmp(verb->name, text, len) == 0)
			return verb;
	return NULL;
}

/* These send nothing that would be taken for a response. */
static bool
may_follow_challenge(const struct verb *verb)
{
	return verb != NULL &&
	    (verb->run == run_raw || verb->run == run_help ||
		verb->run == run_last || verb->run == run_quit);
}

static int
run_line(struct shell *shell, char *text, struct err *err)
{
	char *args[ARGS_MAX + 1] = { NULL }, *safe;
	size_t len = strcspn(text, " \t>");
	const struct verb *verb = find_verb(text, len);

	/* what was typed may be the response without raw: do not repeat it */
	if (shell->challenged && !may_follow_challenge(verb))
		return err_set(err, EX_USAGE,
		    "the server waits for the answer to its challenge: send it "
		    "with raw, or give up with raw *");
	if (verb == NULL) {
		safe = log_safe(text, len);
		err_set(err, EX_USAGE, "unknown command %s (try help)", safe);
		free(safe);
		return -1;
	}
	if (take_path(shell, text + len, err) == -1 ||
	    split(verb, text + len, args, err) == -1)
		return -1;
	return verb->run(shell, args, err);
}

/* End what a command has put out: 0, or -1. result: how it went so far. */
static int
close_out(struct shell *shell, int result, struct err *err)
{
	if (shell->shown.len > 0)
		show_rest(shell);
	if (shell->out != NULL && shell->path != NULL) {
		bool failed = ferror(shell->out) != 0;

		if ((fclose(shell->out) != 0 || failed) && result == 0)
			result = err_sys(err, EX_IOERR, "%s", shell->path);
		else if (result == -1)
			err_prefix(err, "%s is not whole", shell->path);
		else if (shell->body)
			log_info("%s: %" PRIu64 " octets", shell->path,
			    shell->octets);
	} else if (fflush(stdout) != 0 && result == 0)
		/* cli_finish_output says so; nobody reads on */
		shell->ended = true;
	shell->out = NULL;
	free(shell->path);
	shell->path = NULL;
	return result;
}

/*
 * may_fail: the line said so. Mistyping at a terminal is no failure of the
 * session.
 */
static void
report(struct shell *shell, const struct err *err, bool may_fail)
{
	bool terminal = line_is_terminal(shell->line);
	int status;

	if (err->status == EX_USAGE && terminal) {
		log_error("%s", err->text);
		return;
	}
	status = cli_fail(err);
	/* that the session is over is never overlooked */
	if (may_fail && !pop3_dead(shell->pop3))
		return;
	shell->status = err_worse(shell->status, status);
	shell->stopped = !terminal && !pop3_dead(shell->pop3);
}

static void
one_line(struct shell *shell, const char *line)
{
	struct err err = ERR_INIT;
	char *copy = xstrdup(line), *text = skip_blanks(copy);
	bool may_fail = text[0] == '-';

	if (may_fail)
		text = skip_blanks(text + 1);
	cut_blanks(text);
	shell->body = false;
	if (text[0] != '\0' && text[0] != '#' &&
	    close_out(shell, run_line(shell, text, &err), &err) == -1)
		report(shell, &err, may_fail);
	explicit_bzero(copy, strlen(copy));
	free(copy);
}

/* ---- the session ---- */

static void
say_deleted(const struct shell *shell)
{
	if (shell->deleted > 0)
		printf("%" PRIu32 " message%s deleted\n", shell->deleted,
		    shell->deleted == 1 ? "" : "s");
	else if (line_is_terminal(shell->line))
		puts("nothing deleted");
}

/* QUIT was answered, refused, or the session is lost: what of the marks? */
static void
leave(struct shell *shell)
{
	const char *last = shell->last[0];

	if (shell->ended && !pop3_dead(shell->pop3) && last != NULL &&
	    strncmp(last, "+OK", 3) == 0)
		say_deleted(shell);
	else if (shell->deleted > 0 && !shell->ended &&
	    (signals_stop() != 0 || shell->stopped))
		log_error("%s before QUIT: nothing is deleted",
		    signals_stop() != 0 ? "interrupted" : "stopped");
	else if (shell->deleted > 0)
		log_error("%" PRIu32 " message%s may not have been deleted",
		    shell->deleted, shell->deleted == 1 ? "" : "s");
}

static void
converse(struct shell *shell)
{
	const char *line;

	while (!shell->ended && !shell->stopped && !pop3_dead(shell->pop3)) {
		line = line_read(shell->line);
		if (signals_stop() != 0)
			/* without QUIT a server deletes nothing */
			break;
		one_line(shell, line != NULL ? line : "quit");
	}
	leave(shell);
}

static int
shell_work(struct cli *cli, struct session *session, struct err *err)
{
	struct shell shell = { .pop3 = session->pop3,
		.account = session->account };
	const char *words[sizeof(verbs) / sizeof(verbs[0])];

	(void)cli;
	(void)err;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		words[i] = verbs[i].name;
	shell.line = line_open("poplar> ", words);
	if (line_is_terminal(shell.line))
		log_info("%s at %s; help lists the commands",
		    session->account->name, pop3_peer(session->pop3));
	converse(&shell);
	session_close(session);
	line_close(shell.line);
	for (size_t i = 0; i < LAST_MAX; i++)
		free(shell.last[i]);
	buf_clear(&shell.shown);
	return shell.status;
}

static int
shell_run(struct cli *cli)
{
	return cli_visit(cli, shell_work);
}

const struct command command_shell = {
	.name = "shell",
	.operands = "",
	.summary = "a session by hand, from a terminal or a pipe",
	.examples = "poplar shell -a work\n"
		    "echo 'retr 3 > message' | poplar shell\n",
	.flags = COMMAND_ACCOUNT | COMMAND_TEXT,
	.run = shell_run,
};
