/* SPDX-License-Identifier: ISC */
/*
 * capa: what the server says it can do, before and after login, each line once;
 * with --verbose in sections, with the greeting and what TLS has agreed on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "net/stream.h"
#include "net/tls.h"
#include "session/session.h"

static void
put_line(const char *text)
{
	char *safe = log_safe(text, strlen(text));

	puts(safe);
	free(safe);
}

static bool
has_line(char *const *lines, const char *line)
{
	for (; lines != NULL && *lines != NULL; lines++)
		if (strcmp(*lines, line) == 0)
			return true;
	return false;
}

static void
put_json(const char *account, const char *phase, char *const *lines)
{
	struct buf out = BUF_INIT;
	struct json json;

	for (; lines != NULL && *lines != NULL; lines++) {
		json_begin(&json, &out);
		json_text(&json, "account", account);
		json_text(&json, "phase", phase);
		json_text(&json, "capability", *lines);
		json_end(&json);
	}
	fwrite(buf_text(&out), 1, out.len, stdout);
	buf_clear(&out);
}

/* lines, without those in but. */
static void
put_lines(char *const *lines, char *const *but)
{
	for (; lines != NULL && *lines != NULL; lines++)
		if (!has_line(but, *lines))
			put_line(*lines);
}

static void
put_connection(const struct session *session)
{
	const struct tls *tls = stream_tls(pop3_stream(session->pop3));
	struct buf out = BUF_INIT;

	printf("greeting: ");
	put_line(pop3_greeting_text(session->pop3));
	if (tls != NULL)
		tls_describe(tls, &out);
	else
		buf_puts(&out, "tls: none\n");
	fwrite(buf_text(&out), 1, out.len, stdout);
	buf_clear(&out);
}

/* Before login there is something to show even if the login then fails. */
static void
put_before(const struct cli *cli, const struct session *session)
{
	char *const *lines = session->capa_before;

	if (cli->json)
		put_json(session->account->name, "before", lines);
	else if (cli->verbose) {
		put_connection(session);
		puts("before login:");
		put_lines(lines, NULL);
	} else
		put_lines(lines, NULL);
}

static void
put_after(const struct cli *cli, const struct session *session)
{
	char *const *lines = session->capa_after;

	if (cli->json)
		put_json(session->account->name, "after", lines);
	else if (cli->verbose) {
		puts("after login:");
		put_lines(lines, NULL);
	} else
		put_lines(lines, session->capa_before);
}

static int
capa_print(struct cli *cli, struct session *session, struct account *account,
    struct err *err)
{
	bool known;

	if (session_connect(session, account,
		deadline_after(account->deadline_ms), err) == -1 ||
	    session_secure(session, err) == -1)
		return -1;
	known = pop3_capa_known(session->pop3);
	put_before(cli, session);
	if (session_login(session, err) == -1 ||
	    session_capa(session, err) == -1)
		return -1;
	put_after(cli, session);
	if (!known && !pop3_capa_known(session->pop3)) {
		err_set(err, EX_UNAVAILABLE, "%s does not answer CAPA",
		    pop3_peer(session->pop3));
		return -1;
	}
	return 0;
}

static int
capa_run(struct cli *cli)
{
	struct err err = ERR_INIT;
	struct account *account = cli_account(cli, &err);
	struct session session;
	int status;

	if (account == NULL)
		return cli_fail(&err);
	memset(&session, 0, sizeof(session));
	if (account->capa == ACCOUNT_CAPA_OFF)
		status = err_set(&err, EX_USAGE,
		    "the server is not asked, as capa = off is set; "
		    "--capa=auto asks it");
	else
		status = capa_print(cli, &session, account, &err);
	return cli_leave(account, &session, status, &err);
}

const struct command command_capa = {
	.name = "capa",
	.operands = "",
	.summary = "print what the server can do; -v: greeting and TLS too",
	.examples = "poplar capa -H pop.example.org\n"
		    "poplar capa -v -a work\n",
	.flags = COMMAND_ACCOUNT,
	.run = capa_run,
};
