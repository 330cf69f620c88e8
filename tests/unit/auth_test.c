/* SPDX-License-Identifier: ISC */
/*
 * Which mechanism is chosen, and whole logins against a scripted server at the
 * other end of a socket pair: what it must hear, and what came of it.
 */
#include <fcntl.h>
#include <gsasl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "net/stream.h"
#include "pop3/auth.h"
#include "pop3/mechanism.h"
#include "pop3/pop3.h"
#include "test.h"

#define ALL                                                                    \
	"LOGIN plain SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 "              \
	"SCRAM-SHA-256-PLUS CRAM-MD5 EXTERNAL GSSAPI XOAUTH2 OAUTHBEARER"
#define HIDE "work offers no login that keeps the password secret"

static void
choice(void)
{
	static const struct {
		const char *wanted, *sasl;
		int may_reveal; /* 1: over TLS; 2: --insecure-auth */
		int token, binding;
		const char *want; /* names, or the sentence's beginning */
		int status;
	} tests[] = {
		/* over TLS */
		{ NULL, "", 1, 0, 1, "user", 0 },
		{ "auto", "PLAIN LOGIN", 1, 0, 0, "plain login user", 0 },
		{ NULL, ALL, 1, 1, 1,
		    "oauthbearer xoauth2 scram-sha-256-plus scram-sha-256 "
		    "scram-sha-1-plus scram-sha-1 plain login user",
		    0 },
		{ NULL, ALL, 1, 0, 0,
		    "scram-sha-256 scram-sha-1 plain login user", 0 },
		{ NULL, "CRAM-MD5 EXTERNAL PLAINER", 1, 1, 1, "user", 0 },
		/* without */
		{ NULL, ALL, 0, 1, 0, "scram-sha-256 scram-sha-1", 0 },
		{ NULL, "PLAIN CRAM-MD5 XOAUTH2", 0, 0, 0, HIDE,
		    EX_UNAVAILABLE },
		{ NULL, "PLAIN CRAM-MD5 XOAUTH2", 0, 1, 0,
		    "the token is not sent to work without TLS",
		    EX_UNAVAILABLE },
		/* nor with --insecure-auth, which is for passwords */
		{ NULL, "PLAIN XOAUTH2 OAUTHBEARER", 2, 1, 0, "plain user", 0 },
		{ "oauthbearer", ALL, 2, 1, 0,
		    "--auth oauthbearer would send the token to work in the "
		    "clear, which is never done",
		    EX_CONFIG },
		{ NULL, "", 0, 0, 0, HIDE, EX_UNAVAILABLE },
		/* asked for */
		{ "cram-md5", ALL, 0, 0, 0, "cram-md5", 0 },
		{ "CRAM-MD5", "", 0, 0, 0, "cram-md5", 0 },
		{ "apop", "", 0, 0, 0, "apop", 0 },
		{ "rpop", "", 0, 0, 0, "rpop", 0 },
		{ "user", ALL, 1, 0, 0, "user", 0 },
		{ "xoauth2", "", 1, 1, 0, "xoauth2", 0 },
		{ "user", "", 0, 0, 0,
		    "--auth user would send the password to work in the clear",
		    EX_CONFIG },
		{ "xoauth2", ALL, 0, 1, 0,
		    "--auth xoauth2 would send the token to work in the clear",
		    EX_CONFIG },
		{ "gssapi", "PLAIN \033X", 1, 0, 0,
		    "work does not offer --auth gssapi, but: PLAIN \\^[X",
		    EX_CONFIG },
		{ "scram-sha-1-plus", ALL, 1, 0, 0,
		    "--auth scram-sha-1-plus needs TLS with channel binding",
		    EX_CONFIG },
		{ "ntlm", ALL, 1, 0, 0, "there is no --auth ntlm", EX_CONFIG },
	};
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct mechanism_offer offer = { .peer = "work",
			.wanted = tests[i].wanted,
			.sasl = tests[i].sasl,
			.tls = tests[i].may_reveal == 1,
			.may_reveal = tests[i].may_reveal != 0,
			.token = tests[i].token != 0,
			.binding = tests[i].binding != 0 };
		const struct mechanism *list[MECHANISMS_MAX];
		struct err err = ERR_INIT;
		char names[256] = "";
		int j, n = mechanism_choose(&offer, list, &err);

		for (j = 0; j < n; j++) {
			if (j > 0)
				strcat(names, " ");
			strcat(names, list[j]->name);
		}
		CHECK_INT(err.status, tests[i].status);
		if (n == -1) {
			err.text[strlen(tests[i].want)] = '\0';
			CHECK_STR(err.text, tests[i].want);
		} else {
			CHECK_STR(names, tests[i].want);
		}
	}
}

/* Every name that is shown is known, and the other way round. */
static void
names(void)
{
	struct err err = ERR_INIT;
	char *all = xstrdup(pop3_auth_names()), *word, *rest = all;
	int n = 0;

	while ((word = strsep(&rest, " ")) != NULL) {
		CHECK_INT(pop3_auth_check(word, &err), 0);
		n += mechanism_find(word) != NULL;
	}
	CHECK_INT(n, 14);
	CHECK_INT(pop3_auth_check("ntlm", &err), -1);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_INT(pop3_auth_check("", &err), -1);
	free(all);
}

static void
timestamps(void)
{
	static const struct {
		const char *greeting, *want;
	} tests[] = {
		{ "ready <1896.697170952@dbc.mtview.ca.us>",
		    "<1896.697170952@dbc.mtview.ca.us>" },
		{ "<a@b> <c@d>", "<a@b>" },
		{ "ready", NULL },
		{ "<>", NULL },
		{ "<noat>", NULL },
		{ "<@b>", NULL },
		{ "<a@b", NULL },
		{ "<a b@c>", NULL },
		{ "<a@b\201>", NULL },
		{ "<<a@b>", NULL },
	};
	size_t i, len;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		const char *at = mechanism_timestamp(tests[i].greeting, &len);

		if (tests[i].want == NULL)
			CHECK(at == NULL);
		else
			CHECK_MEM(at, len, tests[i].want,
			    strlen(tests[i].want));
	}
}

/*
 * The other side, in a process: script is what it must hear ("-": nothing yet)
 * and what it says to that, in pairs, to NULL; then it says no more. Exits 0 if
 * it heard exactly this.
 */
static void
serve(int fd, const char *const *script)
{
	FILE *in = fdopen(fd, "r+");
	char line[4096];

	setvbuf(in, NULL, _IONBF, 0);
	for (; *script != NULL; script += 2) {
		const char *want = script[0];

		if (strcmp(want, "-") != 0) {
			if (fgets(line, sizeof(line), in) == NULL)
				_exit(1);
			line[strcspn(line, "\r")] = '\0';
			if (strcmp(want, line) != 0) {
				printf("# heard \"%s\", wanted \"%s\"\n", line,
				    want);
				fflush(stdout);
				_exit(1);
			}
		}
		if (write(fd, script[1], strlen(script[1])) == -1)
			_exit(1);
	}
	if (shutdown(fd, SHUT_WR) == -1 ||
	    fgets(line, sizeof(line), in) != NULL) {
		printf("# heard more: %s", line);
		fflush(stdout);
		_exit(1);
	}
	_exit(0);
}

/* In place of the library's: the nonce of RFC 5802, see sasl_test.c. */
int
gsasl_nonce(char *data, size_t len)
{
	struct buf nonce = BUF_INIT;

	(void)base64_decode("fyko+d2lbbFgONRv9qkxdawL", 24, &nonce);
	memset(data, 0, len);
	memcpy(data, nonce.data, nonce.len < len ? nonce.len : len);
	buf_clear(&nonce);
	return GSASL_OK;
}

static int asked;

static char *
password(void *arg, struct err *err)
{
	(void)err;
	asked++;
	return xstrdup(arg);
}

struct session {
	const char *mechanism;
	int tls, insecure, token;
	const char *secret;
	const char *const *script;
};

static const char *who = "user";

/* A whole session; returns as pop3_login. */
static int
run(const struct session *session, struct err *err)
{
	struct pop3_options options = { .timeout_ms = 20000,
		.until_ms = deadline_after(20000) };
	struct pop3_credentials credentials = {
		.user = who,
		.password = password,
		.arg = (void *)(uintptr_t)(session->secret ? session->secret :
							     "pencil"),
		.mechanism = session->mechanism,
		.tls = session->tls != 0,
		.insecure = session->insecure != 0,
		.host = "pop.example.org",
	};
	struct pop3 *pop3;
	int fds[2], result, status = -1;
	pid_t pid;

	if (session->token) {
		credentials.token = password;
		credentials.password = NULL;
	}
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = child_fork();
	if (pid == 0) {
		(void)close(fds[0]);
		serve(fds[1], session->script);
	}
	(void)close(fds[1]);
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pop3 = pop3_new(stream_new(fds[0], "work"), &options);
	*err = (struct err)ERR_INIT;
	asked = 0;
	CHECK_INT(pop3_greeting(pop3, err), 0);
	CHECK_INT(pop3_capa(pop3, err), 0);
	result = pop3_login(pop3, &credentials, err);
	pop3_free(pop3);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	return result;
}

#define GREETING "-", "+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n"
#define CAPA(lines) "CAPA", "+OK\r\n" lines ".\r\n"

static void
logins(void)
{
	static const char *const user[] = { GREETING, "CAPA", "-ERR\r\n",
		"USER user", "+OK\r\n", "PASS pencil", "+OK\r\n", NULL };
	static const char *const apop[] = { GREETING, "CAPA", "-ERR\r\n",
		"APOP user c4c9334bac560ecc979e58001b3e22fb", "+OK\r\n", NULL };
	static const char *const rpop[] = { GREETING, "CAPA", "-ERR\r\n",
		"USER user", "+OK\r\n", "RPOP user", "+OK\r\n", NULL };
	static const char *const plain[] = { GREETING,
		CAPA("SASL PLAIN LOGIN\r\n"), "AUTH PLAIN AHVzZXIAcGVuY2ls",
		"+OK in\r\n", NULL };
	/* a server that does not take the initial response from the line */
	static const char *const again[] = { GREETING, CAPA("SASL PLAIN\r\n"),
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "+\r\n", "AHVzZXIAcGVuY2ls",
		"+OK\r\n", NULL };
	/* a bare "+", and prompts that are not base64 */
	static const char *const login[] = { GREETING, CAPA("SASL LOGIN\r\n"),
		"AUTH LOGIN", "+\r\n", "dXNlcg==", "+ Password:\r\n",
		"cGVuY2ls", "+OK\r\n", NULL };
	static const char *const cram[] = { GREETING, CAPA("SASL CRAM-MD5\r\n"),
		"AUTH CRAM-MD5",
		"+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
		"\r\n",
		"dXNlciAyNjZmODJiYjJkMWFjZTY3MjlkMmM1NzNlNGUwMDRjNg==",
		"+OK\r\n", NULL };
	static const char *const external[] = { GREETING,
		CAPA("SASL EXTERNAL\r\n"), "AUTH EXTERNAL dXNlcg==", "+OK\r\n",
		NULL };
	static const char *const xoauth2[] = { GREETING,
		CAPA("SASL XOAUTH2 PLAIN\r\n"), "AUTH XOAUTH2", "+ \r\n",
		"dXNlcj11c2VyAWF1dGg9QmVhcmVyIHBlbmNpbAEB", "+OK\r\n", NULL };
	/* no list of mechanisms: no initial response */
	static const char *const refused[] = { GREETING, "CAPA", "-ERR\r\n",
		"AUTH PLAIN", "+ \r\n", "AHVzZXIAcGVuY2ls", "+OK\r\n", NULL };
	static const char *const unlisted[] = { GREETING, CAPA("USER\r\n"),
		"AUTH PLAIN", "+\r\n", "AHVzZXIAcGVuY2ls", "+OK\r\n", NULL };
	static const char *const unlisted_external[] = { GREETING,
		CAPA("UIDL\r\n"), "AUTH EXTERNAL", "+ \r\n",
		"dXNlcg==", "+OK\r\n", NULL };
	/* a refusal of the mechanism is none of the password, whatever is
	 * behind it */
	static const char *const mechanism[] = { GREETING,
		CAPA("SASL LOGIN\r\nAUTH-RESP-CODE\r\n"), "AUTH LOGIN",
		"-ERR not now\r\n", "USER user", "+OK\r\n", "PASS pencil",
		"+OK\r\n", NULL };
	static const struct session sessions[] = {
		{ NULL, 1, 0, 0, NULL, user },
		{ NULL, 0, 1, 0, NULL, user },
		{ "user", 1, 0, 0, NULL, user },
		{ "apop", 0, 0, 0, "tanstaaf", apop },
		{ "rpop", 0, 0, 0, NULL, rpop },
		{ NULL, 1, 0, 0, NULL, plain },
		{ "plain", 1, 0, 0, NULL, again },
		{ "login", 1, 0, 0, NULL, login },
		{ "cram-md5", 0, 0, 0, NULL, cram },
		{ "external", 1, 0, 0, NULL, external },
		{ NULL, 1, 0, 1, NULL, xoauth2 },
		{ "plain", 1, 0, 0, NULL, refused },
		{ "plain", 1, 0, 0, NULL, unlisted },
		{ "external", 1, 0, 0, NULL, unlisted_external },
		{ NULL, 1, 0, 0, NULL, mechanism },
	};
	size_t i;

	for (i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
		struct err err;

		CHECK_INT(run(&sessions[i], &err), 0);
		CHECK_STR(err.text, "");
		CHECK(asked <= 1);
	}
}

/* An AUTH line has room for 255 octets; longer responses go behind it. */
static void
long_secrets(void)
{
	static const char *script[] = { GREETING, CAPA("SASL PLAIN\r\n"), NULL,
		NULL, NULL, NULL, NULL };
	char secret[201], fits[512], alone[512];
	struct session session = { NULL, 1, 0, 0, secret, script };
	struct err err;

	/* 6 + 174 octets are 240 in base64, with "AUTH PLAIN " and CRLF 253 */
	memset(secret, 'x', 174);
	secret[174] = '\0';
	strcpy(fits, "AUTH PLAIN AHVzZXIA");
	while (strlen(fits) < 251)
		strcat(fits, "eHh4");
	script[4] = fits;
	script[5] = "+OK\r\n";
	CHECK_INT(run(&session, &err), 0);

	memset(secret, 'x', 177);
	secret[177] = '\0';
	strcpy(alone, fits + strlen("AUTH PLAIN "));
	strcat(alone, "eHh4");
	{
		const char *two[] = { GREETING, CAPA("SASL PLAIN\r\n"),
			"AUTH PLAIN", "+ \r\n", alone, "+OK\r\n", NULL };

		session.script = two;
		CHECK_INT(run(&session, &err), 0);
	}
}

/* RFC 1939 section 3 and RFC 2449 section 4: what a command can hold. */
static void
user_names(void)
{
	static const char *const none[] = { GREETING, CAPA("USER\r\n"), NULL };
	static const struct {
		const char *mechanism;
		size_t len; /* 0: one with a blank */
		const char *want;
	} tests[] = {
		{ "apop", 0,
		    "--auth apop takes a user name without blanks, as the "
		    "digest follows one" },
		{ "user", 249,
		    "the user name is too long: USER takes 248 octets" },
		{ "rpop", 249,
		    "the user name is too long: USER takes 248 octets" },
		{ "apop", 216,
		    "the user name is too long: APOP takes 215 octets" },
	};
	char name[250];

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct session session = { tests[i].mechanism, 1, 0, 0, NULL,
			none };
		struct err err;

		memset(name, 'x', sizeof(name));
		name[tests[i].len] = '\0';
		who = tests[i].len == 0 ? "joe smith" : name;
		CHECK_INT(run(&session, &err), -1);
		CHECK_INT(err.status, EX_CONFIG);
		CHECK_STR(err.text, tests[i].want);
	}
	memset(name, 'x', 248);
	name[248] = '\0';
	who = name;
	{
		char *command = xasprintf("USER %s", name);
		const char *fits[] = { GREETING, CAPA("USER\r\n"), command,
			"+OK\r\n", "PASS pencil", "+OK\r\n", NULL };
		struct session session = { "user", 1, 0, 0, NULL, fits };
		struct err err;

		CHECK_INT(run(&session, &err), 0);
		free(command);
	}
	who = "user";
}

static void
refusals(void)
{
	static const char *const wrong[] = { GREETING, CAPA("SASL PLAIN\r\n"),
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "-ERR [AUTH] no\033[m\r\n",
		NULL };
	/* who would say [AUTH] means something else: no other way is tried */
	static const char *const other[] = { GREETING,
		CAPA("SASL CRAM-MD5 PLAIN LOGIN\r\nAUTH-RESP-CODE\r\n"),
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "-ERR no such thing\r\n", NULL };
	static const char *const unknown[] = { GREETING,
		CAPA("SASL PLAIN LOGIN\r\nAUTH-RESP-CODE\r\n"),
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "-ERR [X-WHY] no\r\n", NULL };
	/* neither does a fault of the server, whether it has AUTH-RESP-CODE */
	static const char *const sys[] = { GREETING,
		CAPA("SASL PLAIN LOGIN\r\n"), "AUTH PLAIN AHVzZXIAcGVuY2ls",
		"-ERR [SYS] down\r\n", NULL };
	static const char *const sys_odd[] = { GREETING,
		CAPA("SASL LOGIN PLAIN\r\nAUTH-RESP-CODE\r\n"),
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "-ERR [sys/odd/x] down\r\n",
		NULL };
	static const char *const sys_early[] = { GREETING,
		CAPA("SASL LOGIN\r\n"), "AUTH LOGIN", "-ERR [SYS/NEW] x\r\n",
		NULL };
	/* the line is closed behind the refusal: that is not the news */
	static const char *const closed[] = { GREETING, CAPA("SASL LOGIN\r\n"),
		"AUTH LOGIN", "-ERR go away\r\n", "USER user", "", NULL };
	static const char *const in_use[] = { GREETING, CAPA("USER\r\n"),
		"USER user", "+OK\r\n", "PASS pencil",
		"-ERR [IN-USE] locked\r\n", NULL };
	static const char *const delay[] = { GREETING, CAPA("USER\r\n"),
		"USER user", "-ERR [LOGIN-DELAY] slow down\r\n", NULL };
	static const char *const perm[] = { GREETING,
		CAPA("SASL PLAIN LOGIN\r\n"), "AUTH PLAIN AHVzZXIAcGVuY2ls",
		"-ERR [SYS/PERM] gone\r\n", NULL };
	static const char *const clear[] = { GREETING,
		CAPA("SASL PLAIN CRAM-MD5\r\nUSER\r\n"), NULL };
	static const char *const config[] = { GREETING, CAPA("USER\r\n"),
		NULL };
	static const char *const early[] = { GREETING,
		CAPA("SASL CRAM-MD5\r\n"), "AUTH CRAM-MD5", "+OK\r\n", NULL };
	static const char *const garbage[] = { GREETING,
		CAPA("SASL CRAM-MD5\r\n"), "AUTH CRAM-MD5", "+ !!\r\n", "*",
		"-ERR\r\n", NULL };
	static const char *const unread[] = { GREETING,
		CAPA("SASL OAUTHBEARER\r\n"), "AUTH OAUTHBEARER", "+ \r\n",
		"bixhPXVzZXIsAWhvc3Q9cG9wLmV4YW1wbGUub3JnAWF1dGg9QmVhcmVyIHBl"
		"bmNpbAEB",
		"+ {\"status\":\"401\"}\r\n", "*", "-ERR bad\r\n", NULL };
	static const char *const listed[] = { GREETING,
		CAPA("SASL PLAIN LOGIN\r\n"), NULL };
	static const char *const token[] = { GREETING,
		CAPA("SASL XOAUTH2 PLAIN\r\n"), "AUTH XOAUTH2", "+\r\n",
		"dXNlcj11c2VyAWF1dGg9QmVhcmVyIHBlbmNpbAEB",
		"+ eyJzdGF0dXMiOiI0MDEbIn0=\r\n", "", "-ERR bad token\r\n",
		NULL };
	static const char *const liar[] = { GREETING,
		CAPA("SASL OAUTHBEARER\r\n"), "AUTH OAUTHBEARER", "+ \r\n",
		"bixhPXVzZXIsAWhvc3Q9cG9wLmV4YW1wbGUub3JnAWF1dGg9QmVhcmVyIHBl"
		"bmNpbAEB",
		"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n", "AQ==", "+OK\r\n", NULL };
	static const struct {
		struct session session;
		int status;
		const char *want;
	} tests[] = {
		{ { NULL, 1, 0, 0, NULL, wrong }, EX_NOPERM,
		    "work refused the login: [AUTH] no\\^[[m" },
		{ { NULL, 1, 0, 0, NULL, other }, EX_UNAVAILABLE,
		    "work refused the login: no such thing" },
		{ { NULL, 1, 0, 0, NULL, unknown }, EX_UNAVAILABLE,
		    "work refused the login: [X-WHY] no" },
		{ { NULL, 1, 0, 0, NULL, sys }, EX_UNAVAILABLE,
		    "work refused the login: [SYS] down" },
		{ { NULL, 1, 0, 0, NULL, sys_odd }, EX_UNAVAILABLE,
		    "work refused the login: [sys/odd/x] down" },
		{ { NULL, 1, 0, 0, NULL, sys_early }, EX_UNAVAILABLE,
		    "work refused the login: [SYS/NEW] x" },
		{ { NULL, 1, 0, 0, NULL, closed }, EX_NOPERM,
		    "work refused the login: go away" },
		{ { NULL, 1, 0, 0, NULL, in_use }, EX_TEMPFAIL,
		    "work refused the login: [IN-USE] locked" },
		{ { NULL, 1, 0, 0, NULL, delay }, EX_TEMPFAIL,
		    "work refused the login: [LOGIN-DELAY] slow down" },
		{ { NULL, 1, 0, 0, NULL, perm }, EX_UNAVAILABLE,
		    "work refused the login: [SYS/PERM] gone" },
		{ { NULL, 0, 0, 0, NULL, clear }, EX_UNAVAILABLE,
		    "work offers no login that keeps the password secret on a "
		    "line without TLS; use --tls=implicit or --tls=starttls, "
		    "or --insecure-auth to send it in the clear" },
		{ { "user", 0, 0, 0, NULL, config }, EX_CONFIG,
		    "--auth user would send the password to work in the "
		    "clear; use --tls, or --insecure-auth if that is wanted" },
		{ { "user", 1, 0, 0, "pen\rcil", config }, EX_CONFIG,
		    "the password holds a line end" },
		{ { "apop", 0, 0, 0, "tanst\303\244\303\244f", config },
		    EX_CONFIG,
		    "--auth apop takes a user name and a password in ASCII" },
		{ { "user", 1, 0, 1, NULL, config }, EX_CONFIG,
		    "--auth user needs a password, and --token-command is all "
		    "that is configured" },
		{ { NULL, 1, 0, 1, NULL, config }, EX_CONFIG,
		    "work offers no login by token (OAUTHBEARER or XOAUTH2), "
		    "and no password is configured" },
		{ { NULL, 1, 0, 1, NULL, listed }, EX_CONFIG,
		    "work offers no login by token (OAUTHBEARER or XOAUTH2), "
		    "only: PLAIN LOGIN, and no password is configured" },
		{ { NULL, 0, 1, 1, NULL, config }, EX_CONFIG,
		    "the token is not sent without TLS, and no password is "
		    "configured; use --tls=implicit or --tls=starttls" },
		{ { NULL, 1, 0, 1, NULL, unread }, EX_NOPERM,
		    "work refused the login: bad" },
		{ { "xoauth2", 1, 0, 0, NULL, config }, EX_CONFIG,
		    "--auth xoauth2 needs --token-command" },
		{ { "cram-md5", 1, 0, 0, NULL, early }, EX_PROTOCOL,
		    "work ended the CRAM-MD5 login before it had proved "
		    "itself" },
		{ { "cram-md5", 1, 0, 0, NULL, garbage }, EX_PROTOCOL,
		    "work: CRAM-MD5: the server's challenge is not base64" },
		{ { NULL, 1, 0, 1, NULL, token }, EX_NOPERM,
		    "work refused the login: bad token "
		    "({\"status\":\"401\\^[\"})" },
		{ { NULL, 1, 0, 1, NULL, liar }, EX_PROTOCOL,
		    "work refused the token and then accepted it" },
	};
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct err err;

		CHECK_INT(run(&tests[i].session, &err), -1);
		CHECK_INT(err.status, tests[i].status);
		CHECK_STR(err.text, tests[i].want);
	}
}

#define SCRAM_FIRST                                                            \
	"AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM"
#define SCRAM_SERVER                                                           \
	"+ cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZj"                           \
	"TkhZSlkxWlZ2V1ZzN2oscz1XMjJaYUowU05ZN3NvRXNVRWpiNmdRPT0saT00MDk2\r\n"
#define SCRAM_FINAL                                                            \
	"Yz1iaXdzLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdMM3JmY05IWUpZMVpW"         \
	"dldWczdqLHA9a2hQdW5iRU4xYlM2WlIxMGVRY2pFQVlaVytUOWFTQng3eS9VTVlUalhkaz0="

/* Proofs: of ours, and above all of the server's. */
static void
proofs(void)
{
	static const char *const good[] = { GREETING,
		CAPA("SASL PLAIN SCRAM-SHA-256\r\n"), SCRAM_FIRST, SCRAM_SERVER,
		SCRAM_FINAL,
		"+ dj1QVVowL3VyeFg4NmVHV2gvcGFEVjVYeE5KU2ExL0lTRmozaUNBMkJ4YVQwPQ==\r\n",
		"", "+OK\r\n", NULL };
	static const char *const apart[] = { GREETING,
		CAPA("SASL SCRAM-SHA-256\r\n"), SCRAM_FIRST, "+\r\n",
		"biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM",
		SCRAM_SERVER, SCRAM_FINAL,
		"+ dj1QVVowL3VyeFg4NmVHV2gvcGFEVjVYeE5KU2ExL0lTRmozaUNBMkJ4YVQwPQ==\r\n",
		"", "+OK\r\n", NULL };
	/* it has no secret for this: the password may still do */
	static const char *const plain[] = { GREETING,
		CAPA("SASL PLAIN SCRAM-SHA-256 SCRAM-SHA-1\r\n"), SCRAM_FIRST,
		SCRAM_SERVER, SCRAM_FINAL, "-ERR [AUTH] no\r\n",
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "+OK\r\n", NULL };
	static const char *const error[] = { GREETING,
		CAPA("SASL PLAIN SCRAM-SHA-256\r\n"), SCRAM_FIRST,
		"+ ZT11bmtub3duLXVzZXI=\r\n", "*", "-ERR no\r\n",
		"AUTH PLAIN AHVzZXIAcGVuY2ls", "-ERR no\r\n", NULL };
	/* these must never get the password */
	static const char *const unproven[] = { GREETING,
		CAPA("SASL PLAIN SCRAM-SHA-256\r\n"), SCRAM_FIRST, SCRAM_SERVER,
		SCRAM_FINAL, "+OK\r\n", NULL };
	static const char *const impostor[] = { GREETING,
		CAPA("SASL PLAIN SCRAM-SHA-256\r\n"), SCRAM_FIRST, SCRAM_SERVER,
		SCRAM_FINAL,
		"+ dj1BQUFBL3VyeFg4NmVHV2gvcGFEVjVYeE5KU2ExL0lTRmozaUNBMkJ4YVQwPQ==\r\n",
		"*", "-ERR\r\n", NULL };
	static const char *const greedy[] = { GREETING,
		CAPA("SASL PLAIN SCRAM-SHA-256\r\n"), SCRAM_FIRST,
		"+ cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWl"
		"Z2V1ZzN2oscz1XMjJaYUowU05ZN3NvRXNVRWpiNmdRPT0saT0xMDAwMDAwMDAw\r\n",
		"*", "-ERR\r\n", NULL };
	static const struct {
		const char *const *script;
		int result, status;
	} tests[] = {
		{ good, 0, 0 },
		{ apart, 0, 0 },
		{ plain, 0, 0 },
		{ error, -1, EX_NOPERM },
		{ unproven, -1, EX_PROTOCOL },
		{ impostor, -1, EX_PROTOCOL },
		{ greedy, -1, EX_PROTOCOL },
	};
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct session session = { .tls = 1,
			.script = tests[i].script };
		struct err err;

		CHECK_INT(run(&session, &err), tests[i].result);
		CHECK_INT(err.status, tests[i].status);
		CHECK_INT(asked, 1);
	}
}

int
main(void)
{
	TEST(choice);
	TEST(names);
	TEST(timestamps);
	TEST(logins);
	TEST(long_secrets);
	TEST(user_names);
	TEST(refusals);
	TEST(proofs);
	return TEST_END();
}
