/* SPDX-License-Identifier: ISC */
/* A run's state, session and report: what fetch and delete share. */
#include "fetch/fetch_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "account/account.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "state/state.h"

#define LOGIN_DELAY_S 60

void
run_status(struct run *run, int status)
{
	run->summary->status = err_worse(run->summary->status, status);
}

void
run_warn(struct run *run, const struct err *err)
{
	run_status(run, err->status);
	if (run->report->warning != NULL && told_first(&run->told, err->text))
		run->report->warning(run->report->arg, err);
}

/*
 * A message that an earlier session passed over or failed at: true if that is
 * all that is to be told of it now.
 */
static bool
told_before(struct run *run, const struct report_message *message)
{
	struct message *listed;
	uint16_t flag = message->outcome == REPORT_SKIPPED ? MESSAGE_SKIPPED :
	    message->outcome == REPORT_FAILED              ? MESSAGE_FAILED :
							     0;

	if (message->num == 0 || message->num > run->mailbox.count)
		return false;
	listed = &run->mailbox.messages[message->num - 1];
	if (listed->flags & flag)
		return true;
	if (listed->flags & MESSAGE_SKIPPED) {
		run->summary->skipped--;
		listed->flags &= (uint16_t)~MESSAGE_SKIPPED;
	}
	listed->flags |= flag;
	return false;
}

/* Count it in the summary, and pass it on. */
static void
tell(struct run *run, const struct report_message *message)
{
	struct report_summary *summary = run->summary;

	if (told_before(run, message))
		return;
	summary->delivered += message->outcome == REPORT_DELIVERED;
	summary->known += message->outcome == REPORT_KNOWN;
	summary->skipped += message->outcome == REPORT_SKIPPED;
	summary->failed += message->outcome == REPORT_FAILED;
	if (message->outcome == REPORT_PLANNED && message->deleted) {
		summary->planned_deletions++;
	} else if (message->outcome == REPORT_PLANNED) {
		summary->planned++;
		summary->planned_octets += message->octets;
	}
	if (message->outcome == REPORT_DELETED) {
		summary->deleted++;
		if (summary->on_server > 0)
			summary->on_server--;
	}
	if (message->outcome == REPORT_FAILED)
		run_status(run, message->err->status);
	if (run->report->message != NULL)
		run->report->message(run->report->arg, message);
}

void
run_message(struct run *run, const struct plan_item *plan,
    enum report_outcome outcome, const char *name, const struct err *err)
{
	size_t len;
	const char *uid = plan_uid(run, plan, &len);
	struct report_message message = {
		.outcome = outcome,
		.num = plan->num,
		.uid = len > 0 ? uid : NULL,
		.uid_len = len,
		.octets = plan_octets(run, plan),
		.name = name,
		.err = err,
	};

	tell(run, &message);
}

void
run_listed(struct run *run, uint32_t num, enum report_outcome outcome,
    bool deletion)
{
	size_t len;
	const char *uid = mailbox_uid(&run->mailbox, num - 1, &len);
	struct report_message message = {
		.outcome = outcome,
		.num = num,
		.uid = len > 0 ? uid : NULL,
		.uid_len = len,
		.octets = run->mailbox.messages[num - 1].octets,
		.deleted = deletion,
	};

	tell(run, &message);
}

const char *
run_tmpdir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL && dir[0] == '/' ? dir : "/tmp";
}

/* A state that leaves nothing behind: its files have no name any more. */
static struct state *
open_unkept(struct run *run, struct err *err)
{
	char *dir = xasprintf("%s/poplar-XXXXXX", run_tmpdir());
	char *path, *lock;
	struct state *state = NULL;

	if (mkdtemp(dir) == NULL) {
		(void)err_sys(err, EX_CANTCREAT, "cannot make %s", dir);
		free(dir);
		return NULL;
	}
	path = xasprintf("%s/state", dir);
	lock = xasprintf("%s.lock", path);
	state = state_open(path, run->account->identity, STATE_WRITE, err);
	(void)unlink(path);
	(void)unlink(lock);
	(void)rmdir(dir);
	free(lock);
	free(path);
	free(dir);
	return state;
}

int
run_open_state(struct run *run, bool write, struct err *err)
{
	struct account *account = run->account;
	char *path;

	if (account->no_state) {
		run->state = open_unkept(run, err);
		return run->state == NULL ? -1 : 0;
	}
	path = account->state_file != NULL ?
	    xstrdup(account->state_file) :
	    state_default_path(account->identity, err);
	if (path == NULL)
		return -1;
	run->state = state_open(path, account->identity,
	    write ? STATE_WRITE : STATE_READ, err);
	free(path);
	return run->state == NULL ? -1 : 0;
}

/* The server itself has asked for a pause between logins. */
static int
check_login_delay(const struct run *run, struct err *err)
{
	uint32_t after = state_login_after(run->state);
	uint32_t now = (uint32_t)time(NULL);

	if (after <= now || after - now > 86400)
		return 0;
	return err_set(err, EX_TEMPFAIL,
	    "%s asked for a pause between logins; the next one may come in "
	    "%u seconds",
	    run->account->host, (unsigned int)(after - now));
}

/* CAPA's LOGIN-DELAY in seconds (RFC 2449 section 6.5). */
static uint32_t
login_delay(const struct pop3 *pop3)
{
	char *const *lines = pop3_capa_lines(pop3);
	uint64_t seconds;

	for (; *lines != NULL; lines++)
		if (strncasecmp(*lines, "LOGIN-DELAY ", 12) == 0 &&
		    parse_u64(*lines + 12, strlen(*lines + 12), 86400,
			&seconds) > 0)
			return (uint32_t)seconds;
	return LOGIN_DELAY_S;
}

int
run_open_session(struct run *run, struct err *err)
{
	struct session *session = &run->session;

	if (check_login_delay(run, err) == -1)
		return -1;
	if (run->account->pipelining == 0 &&
	    (state_server(run->state) & STATE_SERVER_LOCKSTEP))
		run->account->pipelining = 1;
	if (session_connect(session, run->account, run->until_ms, err) == 0 &&
	    session_secure(session, err) == 0) {
		if (session_login(session, err) == 0)
			return 0;
		run->login_delayed =
		    pop3_last_code(session->pop3) == POP3_CODE_LOGIN_DELAY;
		if (run->login_delayed)
			state_set_login_after(run->state,
			    (uint32_t)time(NULL) + login_delay(session->pop3));
	}
	session_close(session);
	return -1;
}

/* What is not listed cannot be fetched: that is not success. */
static void
warn_disagreement(struct run *run)
{
	const struct mailbox *mailbox = &run->mailbox;
	const char *peer = pop3_peer(run->session.pop3);
	struct err err;

	if ((mailbox->stat_odd || mailbox->sizes_odd) &&
	    told_first(&run->told, "nonsense"))
		log_warn("%s: %s answered %s with nonsense; what it says of "
			 "sizes or counts is not used",
		    run->account->name, peer,
		    mailbox->stat_odd ? "STAT" : "LIST");
	if (mailbox->stat_odd || mailbox->named == mailbox->stat_count)
		return;
	(void)err_set(&err, EX_PROTOCOL,
	    "%s says that it has %" PRIu64 " messages, and lists %" PRIu64,
	    peer, mailbox->stat_count, mailbox->named);
	run_warn(run, &err);
}

int
run_list(struct run *run, struct err *err)
{
	carry_remember(run);
	told_keep(&run->told, &run->mailbox);
	if (mailbox_ask(&run->mailbox, run->session.pop3, run->state,
		MAILBOX_ALL, err) == -1)
		return -1;
	told_carry(&run->told, &run->mailbox);
	warn_disagreement(run);
	return 0;
}

void
run_policy(const struct run *run, struct mailbox_policy *policy)
{
	const struct account *account = run->account;
	uint32_t now = (uint32_t)time(NULL);

	*policy = (struct mailbox_policy){ .now = now,
		.renumbered = account->renumbered,
		.owed = account->disposal != ACCOUNT_KEEP,
		.by_age = account->disposal == ACCOUNT_DELETE_AFTER &&
		    account->delete_after_s <= now };
	if (policy->by_age)
		policy->older_than = now - (uint32_t)account->delete_after_s;
}

/* Here a QUIT deletes what was retrieved, DELE or not. */
static bool
quit_deletes(const struct run *run)
{
	const struct pop3 *pop3 = run->session.pop3;
	const char *host = run->account->host;
	size_t len = strlen(host);

	return pop3_expire_days(pop3) == 0 ||
	    strstr(pop3_greeting_text(pop3), "Gpop") != NULL ||
	    (len >= 9 && strcasecmp(host + len - 9, "gmail.com") == 0) ||
	    (len >= 14 && strcasecmp(host + len - 14, "googlemail.com") == 0);
}

/* Without QUIT no DELE counts. */
static void
warn_no_quit(struct run *run)
{
	struct err err;

	if (run->dele_done_count == 0)
		return;
	(void)err_set(&err, EX_TEMPFAIL,
	    "%zu %s to be deleted %s for the next run: QUIT would have made "
	    "%s delete mail that was not kept",
	    run->dele_done_count,
	    run->dele_done_count == 1 ? "message that was" :
					"messages that were",
	    run->dele_done_count == 1 ? "waits" : "wait",
	    pop3_peer(run->session.pop3));
	run_warn(run, &err);
}

int
run_quit(struct run *run, struct err *err)
{
	int r;

	if (run->uncommitted > 0 && !pop3_dead(run->session.pop3) &&
	    quit_deletes(run)) {
		warn_no_quit(run);
		run_leave(run);
		return 0;
	}
	if (pop3_dead(run->session.pop3)) {
		run_leave(run);
		return 0;
	}
	r = session_quit(&run->session, run->dele_done_count > 0, err);
	dele_settle(run,
	    r == 0                         ? QUIT_OK :
		err->status == EX_TEMPFAIL ? QUIT_UNKNOWN :
					     QUIT_NONE);
	return r;
}

void
run_leave(struct run *run)
{
	dele_settle(run, QUIT_NONE);
	session_close(&run->session);
}

void
run_free(struct run *run)
{
	session_close(&run->session);
	while (run->batches != NULL) {
		struct batch *batch = run->batches;

		run->batches = batch->next;
		commit_abandon(run, batch);
	}
	commit_leave(run);
	for (struct job *job = run->free_jobs, *next; job != NULL; job = next) {
		next = job->next;
		free(job);
	}
	dele_free(run);
	plan_clear(&run->plan);
	carry_clear(&run->carry);
	told_clear(&run->told);
	mailbox_clear(&run->mailbox);
	fingerprinter_free(run->printer);
	deliver_close(run->deliver);
	state_close(run->state);
}
