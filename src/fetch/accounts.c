/* SPDX-License-Identifier: ISC */
/*
 * One process an account. A frame on the pipe is a struct frame and what its
 * lengths say: the sentence of an error, a UIDL, a file name. Both ends are the
 * same program, so structs travel as they are.
 */
#include "fetch/accounts.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "fetch/fetch.h"
#include "net/tls_store.h"

#define PROGRESS_MS 100 /* between two frames of progress */
#define STORES_MAX 8    /* files of authorities kept for all processes */

enum frame_type {
	FRAME_MESSAGE,
	FRAME_PROGRESS,
	FRAME_WARNING,
	FRAME_DONE
};

struct frame {
	enum frame_type type;
	bool has_uid, has_name, has_err;
	size_t uid_len, name_len, text_len; /* of what follows */
	int status;                         /* of the error */
	union {
		struct report_message message;
		struct report_progress progress;
		struct report_summary summary;
	} u;
};

/* The child's side. */
struct sender {
	int fd;
	int64_t next_progress_ms;
};

static void
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return; /* nobody listens; the mail is what counts */
		data += n;
		len -= (size_t)n;
	}
}

static void
frame_send(const struct sender *sender, struct frame *frame, const char *uid,
    const char *name, const struct err *err)
{
	struct buf out = BUF_INIT;

	frame->has_uid = uid != NULL;
	frame->has_name = name != NULL;
	frame->has_err = err != NULL;
	frame->name_len = name == NULL ? 0 : strlen(name);
	frame->text_len = err == NULL ? 0 : strlen(err->text);
	frame->status = err == NULL ? 0 : err->status;
	buf_append(&out, frame, sizeof(*frame));
	if (uid != NULL)
		buf_append(&out, uid, frame->uid_len);
	if (name != NULL)
		buf_puts(&out, name);
	if (err != NULL)
		buf_puts(&out, err->text);
	write_all(sender->fd, out.data, out.len);
	buf_clear(&out);
}

/* Padding travels too, and is to be zero. */
static void
frame_init(struct frame *frame, enum frame_type type)
{
	memset(frame, 0, sizeof(*frame));
	frame->type = type;
}

static void
send_message(void *arg, const struct report_message *message)
{
	struct frame frame;

	frame_init(&frame, FRAME_MESSAGE);
	frame.u.message = *message;
	frame.uid_len = message->uid == NULL ? 0 : message->uid_len;
	frame_send(arg, &frame, message->uid, message->name, message->err);
}

static void
send_progress(void *arg, const struct report_progress *progress)
{
	struct sender *sender = arg;
	int64_t now_ms = deadline_now();
	struct frame frame;

	if (now_ms < sender->next_progress_ms)
		return;
	sender->next_progress_ms = now_ms + PROGRESS_MS;
	frame_init(&frame, FRAME_PROGRESS);
	frame.u.progress = *progress;
	frame_send(sender, &frame, NULL, NULL, NULL);
}

static void
send_warning(void *arg, const struct err *err)
{
	struct frame frame;

	frame_init(&frame, FRAME_WARNING);
	frame_send(arg, &frame, NULL, NULL, err);
}

static void
child_run(struct account *account, const struct fetch_options *options, int fd)
{
	struct sender sender = { fd, 0 };
	struct report report = { send_message, send_progress, send_warning,
		&sender };
	struct report_summary summary;
	struct err err = ERR_INIT;
	struct frame frame;

	memset(&summary, 0, sizeof(summary));
	if (fetch_run(account, options, &report, &summary, &err) == 0)
		err.status = 0;
	frame_init(&frame, FRAME_DONE);
	frame.u.summary = summary;
	frame_send(&sender, &frame, NULL, NULL, &err);
	account_free(account);
}

/* The parent's side of one process. */
struct worker {
	size_t account;
	pid_t pid;                        /* 0: none */
	int reports, lines;               /* pipes; -1: closed */
	short reports_ready, lines_ready; /* what poll(2) answered */
	struct buf input;                 /* frames, not yet whole */
	struct buf text;                  /* of stderr, not yet a line */
	bool done;
};

/* The authorities of the accounts that trust this file. */
struct shared_store {
	const char *ca_file; /* an account's; NULL: the system's */
	struct tls_store *store;
};

struct pool {
	struct account *const *accounts;
	size_t account_count;
	const struct fetch_options *options;
	const struct accounts_report *report;
	struct worker *workers;
	size_t worker_count;
	struct shared_store stores[STORES_MAX];
	size_t store_count;
	bool told;    /* the signal has been passed on */
	bool crowded; /* no process could be started: one has to end first */
};

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
fail(const struct pool *pool, size_t account, struct err *err)
{
	struct report_summary summary;

	memset(&summary, 0, sizeof(summary));
	summary.status = err->status;
	pool->report->done(pool->report->arg, account, &summary, err);
}

/* What the child has of ours that is not its own: the other children's ends. */
static void
become_child(struct pool *pool, int lines)
{
	struct log_options options = *log_options();
	size_t i;

	for (i = 0; i < pool->worker_count; i++) {
		close_fd(&pool->workers[i].reports);
		close_fd(&pool->workers[i].lines);
	}
	log_around(NULL, NULL);
	if (lines == -1)
		return;
	dup2(lines, STDERR_FILENO);
	close(lines);
	/* stderr is a terminal, though no longer for log_info() */
	options.verbose = true;
	log_setup(&options);
}

/* -1: there is no descriptor for its pipes, or no process to be had. */
static int
worker_start(struct pool *pool, struct worker *worker, size_t account)
{
	int reports[2] = { -1, -1 }, lines[2] = { -1, -1 };

	if (pipe2(reports, O_CLOEXEC) == -1 ||
	    (pool->report->line != NULL && pipe2(lines, O_CLOEXEC) == -1) ||
	    (worker->pid = child_fork()) == -1) {
		worker->pid = 0;
		close_fd(&reports[0]);
		close_fd(&reports[1]);
		close_fd(&lines[0]);
		close_fd(&lines[1]);
		return -1;
	}
	if (worker->pid == 0) {
		close_fd(&reports[0]);
		close_fd(&lines[0]);
		become_child(pool, lines[1]);
		child_run(pool->accounts[account], pool->options, reports[1]);
		_exit(0);
	}
	close_fd(&reports[1]);
	close_fd(&lines[1]);
	worker->account = account;
	worker->reports = reports[0];
	worker->lines = lines[0];
	worker->done = false;
	return 0;
}

static void
dispatch(const struct pool *pool, struct worker *worker, struct frame *frame,
    const char *uid, const char *name, struct err *err)
{
	const struct accounts_report *report = pool->report;

	switch (frame->type) {
	case FRAME_MESSAGE:
		frame->u.message.uid = frame->has_uid ? uid : NULL;
		frame->u.message.name = frame->has_name ? name : NULL;
		frame->u.message.err = frame->has_err ? err : NULL;
		report->message(report->arg, worker->account,
		    &frame->u.message);
		break;
	case FRAME_PROGRESS:
		report->progress(report->arg, worker->account,
		    &frame->u.progress);
		break;
	case FRAME_WARNING:
		report->warning(report->arg, worker->account, err);
		break;
	case FRAME_DONE:
		worker->done = true;
		report->done(report->arg, worker->account, &frame->u.summary,
		    err);
		break;
	}
}

/* Hand out the frames that are whole. */
static void
take_frames(const struct pool *pool, struct worker *worker)
{
	struct buf *input = &worker->input;
	struct err err;
	struct frame frame;
	const char *rest;
	size_t at = 0, len;
	char *name;

	while (input->len - at >= sizeof(frame)) {
		memcpy(&frame, input->data + at, sizeof(frame));
		len = sizeof(frame) + frame.uid_len + frame.name_len +
		    frame.text_len;
		if (input->len - at < len)
			break;
		rest = input->data + at + sizeof(frame);
		name = xstrndup(rest + frame.uid_len, frame.name_len);
		err_set(&err, frame.status, "%.*s", (int)frame.text_len,
		    rest + frame.uid_len + frame.name_len);
		dispatch(pool, worker, &frame, rest, name, &err);
		free(name);
		at += len;
	}
	if (at > 0) {
		memmove(input->data, input->data + at, input->len - at);
		input->len -= at;
	}
}

/* The child's stderr, line by line; without its newline at the end: all. */
static void
take_lines(const struct pool *pool, struct worker *worker, bool ended)
{
	struct buf *text = &worker->text;
	char *end;
	size_t len;

	while (text->len > 0) {
		end = memchr(text->data, '\n', text->len);
		if (end == NULL && !ended)
			return;
		len = end == NULL ? text->len : (size_t)(end - text->data) + 1;
		pool->report->line(pool->report->arg, text->data, len);
		memmove(text->data, text->data + len, text->len - len);
		text->len -= len;
	}
}

/* 1: octets came, 0: none now, -1: the end. */
static int
fill(int fd, struct buf *buf)
{
	char data[16384];
	ssize_t n = read(fd, data, sizeof(data));

	if (n > 0)
		buf_append(buf, data, (size_t)n);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return 0;
	return n > 0 ? 1 : -1;
}

/* Wait for the end of the process, which is near; its wait status. */
static int
worker_reap(struct pool *pool, struct worker *worker)
{
	int status = 0;

	while (waitpid(worker->pid, &status, 0) == -1 && errno == EINTR)
		continue;
	worker->pid = 0;
	worker->input.len = 0;
	pool->crowded = false;
	return status;
}

/* It has ended: by its own word, or somehow. */
static void
worker_end(struct pool *pool, struct worker *worker)
{
	const char *name = pool->accounts[worker->account]->name;
	struct err err = ERR_INIT;
	int status = worker_reap(pool, worker);

	if (worker->done)
		return;
	if (WIFSIGNALED(status) && signals_stop() == WTERMSIG(status))
		err_set(&err, 128 + WTERMSIG(status), "interrupted");
	else if (WIFSIGNALED(status))
		err_set(&err, EX_SOFTWARE, "its process was killed: %s",
		    strsignal(WTERMSIG(status)));
	else
		/* 71 from xmalloc, which has said so */
		err_set(&err,
		    WEXITSTATUS(status) == 0 ? EX_SOFTWARE :
					       WEXITSTATUS(status),
		    "the process for %s ended early", name);
	fail(pool, worker->account, &err);
}

static void
worker_read(struct pool *pool, struct worker *worker)
{
	if (worker->lines_ready != 0 &&
	    fill(worker->lines, &worker->text) == -1) {
		take_lines(pool, worker, true);
		close_fd(&worker->lines);
	} else
		take_lines(pool, worker, false);
	if (worker->reports_ready != 0 &&
	    fill(worker->reports, &worker->input) == -1)
		close_fd(&worker->reports);
	take_frames(pool, worker);
	/* a process it left behind may hold stderr open: that is not waited
	 * for */
	if (worker->reports == -1) {
		worker_end(pool, worker);
		take_lines(pool, worker, true);
		close_fd(&worker->lines);
	}
}

static void
pass_signal_on(struct pool *pool)
{
	size_t i;

	if (pool->told || signals_stop() == 0)
		return;
	pool->told = true;
	for (i = 0; i < pool->worker_count; i++)
		if (pool->workers[i].pid > 0)
			signals_pass_on(pool->workers[i].pid);
}

/*
 * Add fd to the set, if it is open. Closed ones are left out rather than put in
 * as -1: poll(2) answers EINVAL when it gets more entries than descriptors may
 * be open.
 */
static void
watch(struct pollfd *fds, nfds_t *count, int fd)
{
	if (fd == -1)
		return;
	fds[*count].fd = fd;
	fds[*count].events = POLLIN;
	fds[(*count)++].revents = 0;
}

/* What became of fd in the set; *at is the next entry. */
static short
watched(const struct pollfd *fds, nfds_t *at, int fd)
{
	return fd == -1 ? 0 : fds[(*at)++].revents;
}

/*
 * Without poll(2) the processes cannot be heard. They are asked to stop; what
 * they have delivered is recorded, and the next run finds it so.
 */
static void
pool_abandon(struct pool *pool, const struct err *reason)
{
	struct worker *worker;
	struct err err;
	size_t i;

	for (i = 0; i < pool->worker_count; i++) {
		worker = &pool->workers[i];
		if (worker->pid == 0)
			continue;
		signals_pass_on(worker->pid);
		close_fd(&worker->reports);
		close_fd(&worker->lines);
		err = *reason;
		(void)worker_reap(pool, worker);
		if (!worker->done)
			fail(pool, worker->account, &err);
	}
}

static void
pool_read(struct pool *pool, const struct pollfd *fds)
{
	struct worker *worker;
	nfds_t at = 0;
	size_t i;

	for (i = 0; i < pool->worker_count; i++) {
		worker = &pool->workers[i];
		worker->reports_ready = watched(fds, &at, worker->reports);
		worker->lines_ready = watched(fds, &at, worker->lines);
	}
	for (i = 0; i < pool->worker_count; i++)
		if (pool->workers[i].pid > 0)
			worker_read(pool, &pool->workers[i]);
}

static void
pool_wait(struct pool *pool)
{
	struct pollfd *fds = xcalloc(2 * pool->worker_count + 1, sizeof(*fds));
	struct err err = ERR_INIT;
	nfds_t count = 0;
	size_t i;
	int n;

	for (i = 0; i < pool->worker_count; i++) {
		watch(fds, &count, pool->workers[i].reports);
		watch(fds, &count, pool->workers[i].lines);
	}
	watch(fds, &count, pool->told ? -1 : signals_fd());
	n = poll(fds, count, -1);
	if (n > 0)
		pool_read(pool, fds);
	pass_signal_on(pool);
	if (n == -1 && errno != EINTR) {
		err_sys(&err, EX_OSERR, "cannot wait for its process");
		pool_abandon(pool, &err);
	}
	free(fds);
}

static bool
pool_busy(const struct pool *pool)
{
	size_t i;

	for (i = 0; i < pool->worker_count; i++)
		if (pool->workers[i].pid > 0)
			return true;
	return false;
}

static struct worker *
pool_idle(const struct pool *pool)
{
	size_t i;

	for (i = 0; i < pool->worker_count; i++)
		if (pool->workers[i].pid == 0)
			return &pool->workers[i];
	return NULL;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * Each process would read the same authorities: they are read here, once. With
 * more files than usual an account reads its own.
 */
static void
share_store(struct pool *pool, struct account *account)
{
	struct shared_store *shared = pool->stores;
	struct shared_store *end = shared + pool->store_count;

	if (account->tls == ACCOUNT_TLS_NONE || account->tls_pin_only)
		return;
	while (shared < end && !same(shared->ca_file, account->tls_ca_file))
		shared++;
	if (shared == pool->stores + STORES_MAX)
		return;
	if (shared == end) {
		shared->ca_file = account->tls_ca_file;
		shared->store = tls_store_new(account->tls_ca_file);
		pool->store_count++;
	}
	account->tls_store = shared->store;
}

/*
 * A mailbox lets in one session at a time, and a state one run: of two such
 * accounts the second waits for the first.
 */
static bool
exclude_each_other(const struct account *a, const struct account *b)
{
	if (same(a->user, b->user) && same(a->host, b->host) &&
	    same(a->port, b->port) && same(a->tunnel, b->tunnel))
		return true;
	if (a->no_state || b->no_state)
		return false;
	if (a->state_file != NULL || b->state_file != NULL)
		return same(a->state_file, b->state_file);
	return same(a->identity, b->identity);
}

/* The first account that is still to be fetched and can be now, or count. */
static size_t
pool_choose(const struct pool *pool, const bool *taken, size_t count)
{
	const struct worker *worker;
	size_t i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; !taken[i] && j < pool->worker_count; j++) {
			worker = &pool->workers[j];
			if (worker->pid > 0 &&
			    exclude_each_other(pool->accounts[i],
				pool->accounts[worker->account]))
				break;
		}
		if (!taken[i] && j == pool->worker_count)
			break;
	}
	return i;
}

/* Ask for the passwords that must be typed; who has none is done with. */
static bool *
ask_passwords(const struct pool *pool, size_t count)
{
	bool *taken = xcalloc(count, sizeof(*taken));
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!account_needs_prompt(pool->accounts[i]) ||
		    account_prompt(pool->accounts[i], &err) == 0)
			continue;
		taken[i] = true;
		fail(pool, i, &err);
	}
	return taken;
}

/* An account fetched in this process; arg of its report. */
struct own {
	const struct accounts_report *report;
	size_t account;
};

static void
own_message(void *arg, const struct report_message *message)
{
	const struct own *own = arg;

	own->report->message(own->report->arg, own->account, message);
}

static void
own_progress(void *arg, const struct report_progress *progress)
{
	const struct own *own = arg;

	own->report->progress(own->report->arg, own->account, progress);
}

static void
own_warning(void *arg, const struct err *err)
{
	const struct own *own = arg;

	own->report->warning(own->report->arg, own->account, err);
}

static void
fetch_here(const struct pool *pool, size_t account)
{
	struct own own = { pool->report, account };
	struct report report = { own_message, own_progress, own_warning, &own };
	struct report_summary summary;
	struct err err = ERR_INIT;

	memset(&summary, 0, sizeof(summary));
	if (fetch_run(pool->accounts[account], pool->options, &report, &summary,
		&err) == 0)
		err.status = 0;
	pool->report->done(pool->report->arg, account, &summary, &err);
}

/*
 * Begin with the next account, in a process of its own. While others run, one
 * of them will end and make room for it; where nobody else can make room, it is
 * fetched in this process. False: there is nothing to begin with now.
 */
static bool
pool_start(struct pool *pool, bool *taken, size_t count)
{
	struct worker *worker = pool_idle(pool);
	struct err err = ERR_INIT;
	size_t next;

	if (worker == NULL || pool->crowded)
		return false;
	next = pool_choose(pool, taken, count);
	if (next == count)
		return false;
	share_store(pool, pool->accounts[next]);
	if (signals_stop() != 0) {
		err_set(&err, 128 + signals_stop(), "interrupted");
		fail(pool, next, &err);
	} else if (worker_start(pool, worker, next) == -1) {
		pool->crowded = pool_busy(pool);
		if (pool->crowded)
			return false;
		fetch_here(pool, next);
	}
	taken[next] = true;
	return true;
}

static void
pool_init(struct pool *pool, size_t worker_count)
{
	size_t i;

	pool->worker_count = worker_count;
	pool->workers = xcalloc(worker_count, sizeof(*pool->workers));
	for (i = 0; i < worker_count; i++)
		pool->workers[i].reports = pool->workers[i].lines = -1;
}

static void
pool_clear(struct pool *pool)
{
	size_t i;

	for (i = 0; i < pool->worker_count; i++) {
		buf_clear(&pool->workers[i].input);
		buf_clear(&pool->workers[i].text);
	}
	free(pool->workers);
	for (i = 0; i < pool->account_count; i++)
		pool->accounts[i]->tls_store = NULL;
	for (i = 0; i < pool->store_count; i++)
		tls_store_free(pool->stores[i].store);
}

void
accounts_fetch(struct account *const *accounts, size_t count, int jobs,
    const struct fetch_options *options, const struct accounts_report *report)
{
	struct pool pool = { .accounts = accounts,
		.account_count = count,
		.options = options,
		.report = report };
	bool *taken;

	if (count == 1) {
		fetch_here(&pool, 0);
		return;
	}
	pool_init(&pool, (size_t)jobs < count ? (size_t)jobs : count);
	taken = ask_passwords(&pool, count);
	for (;;) {
		if (pool_start(&pool, taken, count))
			continue;
		if (!pool_busy(&pool))
			break;
		pool_wait(&pool);
	}
	pool_clear(&pool);
	free(taken);
}
