/* SPDX-License-Identifier: ISC */
/*
 * A fetch from beginning to end: state and destination first, so that a fault
 * there is found before any login; then sessions, until everything is done or
 * the server has been lost too often.
 */
#include "fetch/fetch.h"

#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "account/account.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "net/stream.h"
#include "state/state.h"

#define ATTEMPTS_MAX 3
/* Sessions in a row that got nothing done: some messages may kill a session. */
#define BARREN_MAX 10
#define REPEAT_MAX 1000

static bool
asks_for_new(const struct run *run)
{
	const struct msgset *set = run->options->set;

	return set == NULL || set->count == 0 || msgset_has(set, MSGSET_NEW);
}

/* The field that --received puts on top, without its name. */
static char *
received_field(const struct account *account)
{
	char host[256] = "localhost", date[64];
	time_t now = time(NULL);
	struct tm tm;

	(void)gethostname(host, sizeof(host) - 1);
	(void)localtime_r(&now, &tm);
	if (strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S %z", &tm) == 0)
		date[0] = '\0';
	return xasprintf("from %s by %s with POP3%s (poplar); %s",
	    account->host, host, account->tls == ACCOUNT_TLS_NONE ? "" : "S",
	    date);
}

static int
open_destination(struct run *run, struct err *err)
{
	const struct account *account = run->account;
	char *state = xstrdup(state_path(run->state));
	char *received = account->received ? received_field(account) : NULL;
	struct deliver_spec spec = {
		.kind = account->deliver_kind,
		.path = account->deliver_path,
		.identity = account->identity,
		.spool_dir = dirname(state),
		.account = account->name,
		.key = state_key(run->state),
		.sync = account->sync_files ? SYNC_FILES : SYNC_AUTO,
		.timeout_ms = account->timeout_ms,
		.until_ms = run->until_ms,
		.recipient = account->user,
		.show = run->options->show,
		.received = received,
	};

	if (account->no_state || !run->records)
		spec.spool_dir = NULL;
	run->deliver = deliver_open(&spec, err);
	free(received);
	free(state);
	return run->deliver == NULL ? -1 : 0;
}

/* A maildir full of our mail and no memory of it: ask before fetching all. */
static int
check_memory(struct run *run, struct err *err)
{
	const struct deliver_spec spec = {
		.kind = run->account->deliver_kind,
		.path = run->account->deliver_path,
		.identity = run->account->identity,
	};
	int has;

	if (!asks_for_new(run) || run->account->no_state || !run->records ||
	    spec.kind == NULL || state_listed(run->state) != 0 ||
	    !state_is_empty(run->state) ||
	    (has = deliver_has_own(&spec, err)) == 0)
		return 0;
	if (has == -1)
		return -1;
	return err_set(err, EX_TEMPFAIL,
	    "%s holds mail that poplar delivered, but the state file %s "
	    "remembers none of it; bring that file back, or `poplar state "
	    "mark-seen`, or take everything again with `poplar fetch all`",
	    spec.path, state_path(run->state));
}

static int
prepare(struct run *run, struct err *err)
{
	struct account *account = run->account;

	/* a look at message 3 is not a delivery */
	run->records = !account_to_stdout(account) || asks_for_new(run);
	if (run_open_state(run, run->records && !run->options->dry_run, err) ==
	    -1)
		return -1;
	run->printer =
	    fingerprinter_new(state_key(run->state), state_has_old(run->state));
	if (run->options->dry_run)
		return check_memory(run, err);
	/* before the destination is opened: opening makes what is missing */
	if (run->records && recover(run, err) == -1)
		return -1;
	if (open_destination(run, err) == -1)
		return -1;
	if (!run->records || account->no_state)
		return 0;
	if (check_memory(run, err) == -1)
		return -1;
	deliver_sweep(run->deliver, NULL, 0);
	return 0;
}

static void
report_plan(struct run *run)
{
	struct plan *plan = &run->plan;

	for (size_t i = 0; i < plan->count; i++)
		run_message(run, &plan->items[i], REPORT_PLANNED, NULL, NULL);
}

static void
begin_progress(struct run *run)
{
	struct report_progress *progress = &run->progress;

	progress->messages_total = progress->messages;
	progress->octets_total = progress->octets;
	for (size_t i = 0; i < run->plan.count; i++) {
		if (run->plan.items[i].flags & PLAN_DONE)
			continue;
		progress->messages_total++;
		progress->octets_total += plan_octets(run, &run->plan.items[i]);
	}
}

static void
warn_expiry(struct run *run)
{
	uint32_t days = pop3_expire_days(run->session.pop3);

	if (run->account->disposal == ACCOUNT_DELETE ||
	    days == POP3_EXPIRE_NEVER || run->plan.count == 0 ||
	    (state_server(run->state) & STATE_SERVER_EXPIRES))
		return;
	state_set_server(run->state, STATE_SERVER_EXPIRES);
	log_warn("%s: the server deletes mail %u days after it was "
		 "retrieved",
	    run->account->name, (unsigned int)days);
}

/* A destination that will take nothing is found before the first RETR. */
static bool
is_refused_ahead(struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->plan.count; i++) {
		if (run->plan.items[i].flags & PLAN_DONE)
			continue;
		run->final = deliver_probe(run->deliver, err) == -1;
		return run->final;
	}
	return false;
}

/* Everything between login and QUIT. */
static int
work(struct run *run, struct err *err)
{
	if (run_list(run, err) == -1)
		return -1;
	run->summary->on_server = run->mailbox.named;
	run->summary->listed = true;
	if (plan_make(run, err) == -1 || look(run, false, err) == -1)
		return -1;
	if (run->plan.look_count > 0)
		plan_sort(run);
	warn_expiry(run);
	if (filter_plan(run, err) == -1)
		return -1;
	if (run->options->dry_run) {
		report_plan(run);
		return 0;
	}
	if (is_refused_ahead(run, err))
		return -1;
	begin_progress(run);
	if (retrieve(run, err) == -1)
		return -1;
	if (run->stopping || !run->records)
		return 0;
	mailbox_finish(&run->mailbox);
	if (run->mailbox.complete)
		state_set_listed(run->state, (uint32_t)time(NULL));
	return 0;
}

/*
 * Several commands were on the way, and nothing came of the session: there are
 * servers that offer PIPELINING and lose what comes behind the first command.
 * But connections are lost for other reasons, too, so once is not enough.
 */
static void
doubt_pipelining(struct run *run)
{
	const struct pop3 *pop3 = run->session.pop3;

	run->trying_lockstep = false;
	if (run->account->pipelining == 1 || !pop3_lost_pipelined(pop3) ||
	    run->summary->delivered + run->summary->deleted >
		run->done_before) {
		run->unanswered = 0;
		return;
	}
	if (++run->unanswered < 2 && !pop3_was_silent(pop3))
		return;
	run->account->pipelining = 1;
	run->trying_lockstep = true;
	/* it was no message's fault */
	for (size_t i = 0; i < run->plan.count; i++) {
		run->plan.items[i].losses = 0;
		run->plan.items[i].flags &= (uint16_t)~PLAN_CAREFUL;
	}
}

/* It works one by one: the next runs begin so. */
static void
learn_lockstep(struct run *run)
{
	if (run->trying_lockstep &&
	    run->summary->delivered + run->summary->deleted >
		run->done_before) {
		state_set_server(run->state, STATE_SERVER_LOCKSTEP);
		log_warn("%s: %s offers PIPELINING, and leaves commands "
			 "unanswered; from now on they are sent one by one, as "
			 "with --pipelining off",
		    run->account->name, run->account->host);
	}
	run->trying_lockstep = false;
}

static int
one_session(struct run *run, struct err *err)
{
	struct err quit = ERR_INIT, local = ERR_INIT;
	int r;

	run->uncommitted = 0;
	run->probed = 0;
	run->lost_seen = false;
	run->deferred = 0;
	if (run_open_session(run, err) == -1)
		return -1;
	run->logged_in = true;
	r = work(run, err);
	/* the last A records are durable before QUIT */
	if (run->fault.status == 0 && commit_finish(run, &local) == -1) {
		run->fault = local;
		*err = local;
		r = -1;
	}
	if (run->fault.status != 0 || pop3_dead(run->session.pop3)) {
		doubt_pipelining(run);
		run_leave(run);
		return r;
	}
	if (run_quit(run, &quit) == 0 || r == -1)
		return r;
	*err = quit;
	return -1;
}

/* May another session go on where this one ended? */
static bool
is_worth_another(const struct run *run, const struct err *err, int attempts)
{
	if (run->fault.status != 0 || signals_stop() != 0 || !run->logged_in ||
	    run->final || attempts > ATTEMPTS_MAX ||
	    deadline_now() >= run->until_ms)
		return false;
	if (run->plan.is_explicit && !run->mailbox.has_uidl)
		return false;
	/* nonsense in a listing will be nonsense again */
	return err->status == EX_TEMPFAIL ||
	    (err->status == EX_PROTOCOL && run->retrieving);
}

/* Until the next attempt, or a signal. */
static void
back_off(const struct run *run, int attempts)
{
	static const int pauses_ms[] = { 0, 200, 1000, 3000 };
	int64_t until = deadline_earlier(deadline_after(pauses_ms[attempts]),
	    run->until_ms);
	struct pollfd pfd = { .fd = signals_fd(), .events = POLLIN };

	while (signals_stop() == 0 && deadline_now() < until)
		(void)poll(&pfd, 1, deadline_poll(until));
}

/* What was only compared was no step forward: it would be again and again. */
static uint64_t
done(const struct run *run)
{
	return run->summary->delivered + run->summary->deleted;
}

/* A message found to be beyond help is a step forward, too. */
static uint64_t
achieved(const struct run *run)
{
	return done(run) + run->summary->failed;
}

static int
sessions(struct run *run, struct err *err)
{
	struct err worst = ERR_INIT;
	int attempts = 0, barren = 0;

	for (;;) {
		uint64_t before = achieved(run), done_before = done(run);

		run->done_before = done_before;
		if (one_session(run, err) == 0) {
			learn_lockstep(run);
			return 0;
		}
		/* that it cannot connect any more is not why it began to fail
		 */
		if (err_worse(worst.status, err->status) == err->status)
			worst = *err;
		attempts = achieved(run) > before || run->trying_lockstep ?
		    1 :
		    attempts + 1;
		barren = done(run) > done_before ? 0 : barren + 1;
		if (barren == BARREN_MAX ||
		    !is_worth_another(run, err, attempts)) {
			*err = worst;
			return -1;
		}
		run->losses++;
		log_info("%s: %s; trying again", run->account->name, err->text);
		back_off(run, attempts);
	}
}

/*
 * And those in which deletions are tried that ended a session before: one,
 * and if it does not do so again, all.
 */
static int
all_sessions(struct run *run, struct err *err)
{
	static const size_t risks[] = { 1, SIZE_MAX };
	int r = sessions(run, err);

	for (size_t i = 0; i < 2 && r == 0 && run->deferred > 0; i++) {
		run->risks = risks[i];
		r = one_session(run, err);
	}
	run->risks = 0;
	return r;
}

static int
count_owed(void *arg, struct state_entry *entry)
{
	struct report_summary *summary = arg;

	if ((entry->flags & STATE_OWED) &&
	    !(entry->flags & (STATE_GONE | STATE_UNDELETABLE | STATE_SENT)))
		summary->owed++;
	return 0;
}

/* What stays when the work is over, whichever way. */
static int
conclude(struct run *run, int r, struct err *err)
{
	struct err local = ERR_INIT;

	if (run->state == NULL)
		return r;
	(void)state_each(run->state, count_owed, run->summary);
	if (run->fault.status != 0 || !run->records || run->options->dry_run)
		return r;
	if (commit_finish(run, &local) == -1 ||
	    state_sync(run->state, &local) == -1) {
		if (r == 0)
			*err = local;
		return -1;
	}
	if (r == 0 && !run->account->no_state &&
	    state_compact(run->state, false, &local) == -1)
		log_warn("%s: %s", run->account->name, local.text);
	return r;
}

int
fetch_run(struct account *account, const struct fetch_options *options,
    const struct report *report, struct report_summary *summary,
    struct err *err)
{
	struct run run = {
		.account = account,
		.options = options,
		.dry_run = options->dry_run,
		.report = report,
		.summary = summary,
		.until_ms = deadline_after(account->deadline_ms),
	};
	uint64_t before;
	int r;

	memset(summary, 0, sizeof(*summary));
	run.session.tunnel.pid = -1;
	r = prepare(&run, err);
	for (int n = 0; r == 0 && n < REPEAT_MAX; n++) {
		before = summary->delivered;
		r = all_sessions(&run, err);
		/* mail was delivered; what comes next may wait */
		if (n > 0 && r == -1 && run.login_delayed) {
			r = 0;
			break;
		}
		if (!account->repeat || summary->delivered == before ||
		    run.plan.is_explicit)
			break;
		plan_clear(&run.plan);
		carry_clear(&run.carry);
	}
	r = conclude(&run, r, err);
	if (signals_stop() != 0) {
		run_status(&run, 128 + signals_stop());
		r = err_set(err, 128 + signals_stop(), "interrupted");
	}
	if (r == -1)
		run_status(&run, err->status);
	run_free(&run);
	return r;
}
