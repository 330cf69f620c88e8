/* SPDX-License-Identifier: ISC */
/*
 * Run a command under ptrace, count its system calls of the kinds that matter
 * to what it leaves on a disk or says to a server, and put a fault at one of
 * them. A seccomp filter stops the command at these kinds only, so a run costs
 * hardly more than without.
 *
 *     inject [-rw] [-t SECONDS] [-p PREFIX] [-o OUTPUT] [-l TRACE -d DATA]
 *         [-k CALL -f FAULT] COMMAND [ARGUMENT...]
 *
 * Counting starts at the first call that names a path under PREFIX, so that the
 * dynamic loader is not counted. With -r the calls that look at files are the
 * ones that are counted, in place of those that change them. Only the command's
 * own process is counted; what it starts runs on, and is waited for. A second
 * thread of it is counted where it syncs; what a trace tells is in an order in
 * which the calls could have been made one by one. With -w such a sync waits
 * until the first thread has come to rest. Faults, at call number CALL:
 *
 *     kill-before  kill-after  errno=NUMBER  short  sig-before=N  sig-after=N
 *
 * errno: the call is not made and fails so; short: half is written.
 *
 * On standard output, one line, its fields separated by tabs:
 *     calls=N  hit=NAME|-  path=PATH|-  end=exit|signal|hang  status=N
 * The command's standard output goes to the file OUTPUT, else to standard
 * error.
 *
 * TRACE gets a line a counted call, fields separated by tabs: index, name,
 * result (negative: errno), inode, flags or length, offset, where its data are
 * in DATA, how long they are, path, second path; what is absent is "-". The
 * inode is what an open has opened, a link's source, else the descriptor's.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "torture/regs.h"

#define PATH_LEN 4096
/* Nothing is heard of the first thread for so long: it rests. */
#define REST_MS 20

/* What the arguments of a kind are. */
enum shape {
	FD,        /* (fd) */
	DATA,      /* (fd, data, len) */
	DATA_AT,   /* (fd, data, len, offset) */
	VECTOR,    /* (fd, iov, count) */
	LENGTH,    /* (fd, length) */
	PATH,      /* (path, ...) */
	AT,        /* (dirfd, path, ...) */
	OPEN,      /* (path, flags) */
	OPEN_AT,   /* (dirfd, path, flags) */
	TWO_PATHS, /* (path, path) */
	TWO_AT     /* (dirfd, path, dirfd, path) */
};

static const struct kind {
	int number;
	enum shape shape;
	const char *name;
} changing[] = {
	{ SYS_write, DATA, "write" },
	{ SYS_writev, VECTOR, "writev" },
	{ SYS_pwrite64, DATA_AT, "pwrite" },
	{ SYS_pwritev, VECTOR, "pwritev" },
	{ SYS_fsync, FD, "fsync" },
	{ SYS_fdatasync, FD, "fdatasync" },
	{ SYS_syncfs, FD, "syncfs" },
	{ SYS_sync_file_range, FD, "sync_file_range" },
	{ SYS_ftruncate, LENGTH, "ftruncate" },
	{ SYS_fallocate, FD, "fallocate" },
	{ SYS_copy_file_range, FD, "copy_file_range" },
	{ SYS_sendfile, FD, "sendfile" },
	{ SYS_close, FD, "close" },
	{ SYS_sendto, DATA, "send" },
	{ SYS_sendmsg, FD, "sendmsg" },
	{ SYS_openat, OPEN_AT, "open" },
	{ SYS_mkdirat, AT, "mkdir" },
	{ SYS_unlinkat, AT, "unlink" },
	{ SYS_linkat, TWO_AT, "link" },
	{ SYS_renameat2, TWO_AT, "rename" },
	{ SYS_renameat, TWO_AT, "rename" },
#ifdef SYS_open
	{ SYS_open, OPEN, "open" },
	{ SYS_creat, PATH, "creat" },
	{ SYS_mkdir, PATH, "mkdir" },
	{ SYS_rmdir, PATH, "rmdir" },
	{ SYS_unlink, PATH, "unlink" },
	{ SYS_link, TWO_PATHS, "link" },
	{ SYS_rename, TWO_PATHS, "rename" },
#endif
};

static const struct kind looking[] = {
	{ SYS_read, FD, "read" },
	{ SYS_pread64, FD, "pread" },
	{ SYS_lseek, FD, "lseek" },
	{ SYS_fstat, FD, "fstat" },
	{ SYS_fstatfs, FD, "fstatfs" },
	{ SYS_getdents64, FD, "getdents" },
	{ SYS_flock, FD, "flock" },
	{ SYS_fcntl, FD, "fcntl" },
	{ SYS_fchmod, FD, "fchmod" },
	{ SYS_newfstatat, AT, "stat" },
	{ SYS_statx, AT, "statx" },
	{ SYS_faccessat, AT, "access" },
	{ SYS_fchmodat, AT, "chmod" },
	{ SYS_readlinkat, AT, "readlink" },
#ifdef SYS_faccessat2
	{ SYS_faccessat2, AT, "access" },
#endif
#ifdef SYS_stat
	{ SYS_stat, PATH, "stat" },
	{ SYS_lstat, PATH, "stat" },
	{ SYS_access, PATH, "access" },
#endif
};
#define KINDS_MAX 64
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Those of this run. */
static const struct kind *kinds = changing;
static size_t kind_count = COUNT(changing);

enum fault {
	NONE,
	KILL_BEFORE,
	KILL_AFTER,
	ERRNO,
	SHORT,
	SIG_BEFORE,
	SIG_AFTER
};

static const struct {
	const char *name;
	enum fault fault;
} faults[] = {
	{ "kill-before", KILL_BEFORE },
	{ "kill-after", KILL_AFTER },
	{ "errno", ERRNO },
	{ "short", SHORT },
	{ "sig-before", SIG_BEFORE },
	{ "sig-after", SIG_AFTER },
};

/* A call at its entry. */
struct call {
	pid_t thread;
	const struct kind *kind;
	uint64_t args[6];
	char path[2][PATH_LEN];
	uint64_t inode, offset, data, data_len;
	bool has_offset;
};

static struct {
	pid_t pid;
	enum fault fault;
	int number; /* errno or signal */
	unsigned long at;
	const char *prefix;
	int output; /* -1 */
	FILE *trace, *data;
	unsigned long calls;
	bool counting, after; /* after: the call under way is at its fault */
	bool entered;         /* call is under way, and its end will be seen */
	bool lazy;            /* -w */
	pid_t held;           /* another thread, stopped at an entry; 0 */
	struct call call;
	const char *hit;
	char hit_path[PATH_LEN];
	bool ended;
	int status;
} run;

static volatile sig_atomic_t timed_out;

static void
on_alarm(int number)
{
	(void)number;
	timed_out = 1;
	kill(run.pid, SIGKILL);
	alarm(1); /* whom it has started, too */
}

static const struct kind *
find_kind(uint64_t number)
{
	size_t i;

	for (i = 0; i < kind_count; i++)
		if ((uint64_t)kinds[i].number == number)
			return &kinds[i];
	return NULL;
}

static size_t
read_memory(uint64_t from, void *to, size_t len)
{
	struct iovec local = { to, len },
		     remote = { (void *)(uintptr_t)from, len };
	ssize_t n = process_vm_readv(run.pid, &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* A path of the tracee; page by page, as the next page may not exist. */
static void
read_string(uint64_t from, char *to, size_t size)
{
	size_t len = 0, part, got;

	while (len < size - 1) {
		part = 4096 - (from + len) % 4096;
		if (part > size - 1 - len)
			part = size - 1 - len;
		got = read_memory(from + len, to + len, part);
		to[len + got] = '\0';
		if (got < part || memchr(to + len, '\0', got) != NULL)
			return;
		len += got;
	}
}

static void
fd_path(int fd, char *to, size_t size)
{
	char link[64];
	ssize_t n;

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)run.pid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)run.pid,
		    fd);
	n = readlink(link, to, size - 1);
	to[n < 0 ? 0 : n] = '\0';
}

static uint64_t
fd_inode(int fd, uint64_t *size)
{
	char link[64];
	struct stat st;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)run.pid, fd);
	if (stat(link, &st) == -1)
		return 0;
	if (size != NULL)
		*size = (uint64_t)st.st_size;
	return st.st_ino;
}

/* The absolute path that an argument names; "" with AT_EMPTY_PATH is fd's. */
static void
resolve(int dirfd, uint64_t string, char *to)
{
	static const char self[] = "/proc/self/fd/";
	char name[PATH_LEN];
	size_t len;

	read_string(string, name, sizeof(name));
	if (strncmp(name, self, sizeof(self) - 1) == 0) {
		snprintf(to, PATH_LEN, "/proc/%d/fd/%s", (int)run.pid,
		    name + sizeof(self) - 1);
	} else if (name[0] == '/') {
		memcpy(to, name, sizeof(name));
	} else {
		fd_path(dirfd, to, PATH_LEN);
		if (name[0] == '\0' || strcmp(name, ".") == 0)
			return;
		len = strlen(to);
		snprintf(to + len, PATH_LEN - len, "/%s", name);
	}
}

static void
resolve_paths(struct call *call)
{
	const uint64_t *args = call->args;

	call->path[0][0] = call->path[1][0] = '\0';
	switch (call->kind->shape) {
	case FD:
	case DATA:
	case DATA_AT:
	case VECTOR:
	case LENGTH:
		fd_path((int)args[0], call->path[0], PATH_LEN);
		break;
	case PATH:
	case OPEN:
		resolve(AT_FDCWD, args[0], call->path[0]);
		break;
	case AT:
	case OPEN_AT:
		resolve((int)args[0], args[1], call->path[0]);
		break;
	case TWO_PATHS:
		resolve(AT_FDCWD, args[0], call->path[0]);
		resolve(AT_FDCWD, args[1], call->path[1]);
		break;
	case TWO_AT:
		resolve((int)args[0], args[1], call->path[0]);
		resolve((int)args[2], args[3], call->path[1]);
		break;
	}
}

/* Where a write without an offset of its own will begin. */
static uint64_t
write_offset(int fd, uint64_t size)
{
	char name[64], line[128];
	unsigned long long pos = 0;
	unsigned int flags = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/fdinfo/%d", (int)run.pid, fd);
	if ((file = fopen(name, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		(void)sscanf(line, "pos: %llu", &pos);
		(void)sscanf(line, "flags: %o", &flags);
	}
	fclose(file);
	return flags & O_APPEND ? size : pos;
}

static void
save(struct call *call, uint64_t from, uint64_t len)
{
	char *buf = malloc(len + 1);

	if (buf == NULL || read_memory(from, buf, len) != len ||
	    fwrite(buf, 1, len, run.data) != len)
		err(1, "cannot save the data of a call");
	call->data_len += len;
	free(buf);
}

/* What a trace wants to know and only the entry can tell. */
static void
note(struct call *call)
{
	const uint64_t *args = call->args;
	struct iovec iov[64];
	uint64_t size = 0, i;
	struct stat st;

	call->inode = call->data_len = 0;
	call->has_offset = false;
	call->data = (uint64_t)ftello(run.data);
	switch (call->kind->shape) {
	case DATA:
	case VECTOR:
	case DATA_AT:
		call->inode = fd_inode((int)args[0], &size);
		call->offset = call->kind->shape == DATA_AT ?
		    args[3] :
		    write_offset((int)args[0], size);
		call->has_offset = true;
		if (call->kind->shape != VECTOR) {
			save(call, args[1], args[2]);
			break;
		}
		if (args[2] > 64 ||
		    read_memory(args[1], iov, args[2] * sizeof(iov[0])) == 0)
			errx(1, "a vector that cannot be read");
		for (i = 0; i < args[2]; i++)
			save(call, (uintptr_t)iov[i].iov_base, iov[i].iov_len);
		break;
	case FD:
	case LENGTH:
		call->inode = fd_inode((int)args[0], NULL);
		break;
	default:
		/* through /proc: the source is what the link there names */
		if ((strncmp(call->path[0], "/proc/", 6) == 0 ?
			    stat(call->path[0], &st) :
			    lstat(call->path[0], &st)) == 0)
			call->inode = st.st_ino;
	}
}

static void
write_trace(struct call *call, int64_t result)
{
	enum shape shape = call->kind->shape;
	uint64_t extra = 0;

	if (result >= 0 && (shape == OPEN || shape == OPEN_AT))
		call->inode = fd_inode((int)result, NULL);
	if (shape == OPEN)
		extra = call->args[1];
	else if (shape == OPEN_AT)
		extra = call->args[2];
	else if (shape == LENGTH)
		extra = call->args[1];
	fprintf(run.trace,
	    "%lu\t%s\t%lld\t%llu\t%llu\t%lld\t%llu\t%llu\t%s\t%s\n", run.calls,
	    call->kind->name, (long long)result,
	    (unsigned long long)call->inode, (unsigned long long)extra,
	    call->has_offset ? (long long)call->offset : -1,
	    (unsigned long long)call->data, (unsigned long long)call->data_len,
	    call->path[0][0] != '\0' ? call->path[0] : "-",
	    call->path[1][0] != '\0' ? call->path[1] : "-");
}

static bool
is_under_prefix(const struct call *call)
{
	if (run.prefix == NULL)
		return true;
	if (call->kind->shape < PATH)
		return false;
	return strncmp(call->path[0], run.prefix, strlen(run.prefix)) == 0;
}

/* The fault's part that comes before the call. */
static void
strike_before(struct call *call)
{
	struct regs regs;

	run.hit = call->kind->name;
	resolve_paths(call);
	memcpy(run.hit_path, call->path[0], PATH_LEN);
	switch (run.fault) {
	case KILL_BEFORE:
		kill(run.pid, SIGKILL);
		break;
	case SIG_BEFORE:
		kill(run.pid, run.number);
		break;
	case ERRNO:
		regs_get(call->thread, &regs);
		regs_fail(call->thread, &regs, run.number);
		break;
	case SHORT:
		if (call->kind->shape != DATA && call->kind->shape != DATA_AT) {
			run.hit = NULL;
			break;
		}
		regs_get(call->thread, &regs);
		regs_set_third(call->thread, &regs, (call->args[2] + 1) / 2);
		break;
	default:
		run.after = true;
	}
}

static void
strike_after(void)
{
	run.after = false;
	if (run.fault == KILL_AFTER)
		kill(run.pid, SIGKILL);
	else if (run.fault == SIG_AFTER)
		kill(run.pid, run.number);
}

static bool
is_sync(const struct kind *kind)
{
	return kind->number == SYS_fsync || kind->number == SYS_fdatasync ||
	    kind->number == SYS_syncfs;
}

/* At the entry of a call of our kinds. How to go on: PTRACE_... */
static enum __ptrace_request
enter(pid_t thread)
{
	struct __ptrace_syscall_info info;
	struct call *call = &run.call;
	const struct kind *kind;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) == -1)
		return PTRACE_CONT;
	kind = find_kind(info.seccomp.nr);
	if (thread != run.pid && !is_sync(kind))
		return PTRACE_CONT;
	call->thread = thread;
	call->kind = kind;
	memcpy(call->args, info.seccomp.args, sizeof(call->args));
	if (run.trace != NULL || !run.counting)
		resolve_paths(call);
	if (!run.counting && !(run.counting = is_under_prefix(call)))
		return PTRACE_CONT;
	run.calls++;
	if (run.calls == run.at)
		strike_before(call);
	if (run.trace != NULL)
		note(call);
	run.entered = run.trace != NULL || run.after;
	return run.entered ? PTRACE_SYSCALL : PTRACE_CONT;
}

static void
leave(void)
{
	struct __ptrace_syscall_info info;

	run.entered = false;
	if (run.trace != NULL &&
	    ptrace(PTRACE_GET_SYSCALL_INFO, run.call.thread, sizeof(info),
		&info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_EXIT)
		write_trace(&run.call, info.exit.rval);
	if (run.after)
		strike_after();
}

/* Of the command's process, not of one that it has started? */
static bool
is_own(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)run.pid,
	    (int)pid);
	return access(path, F_OK) == 0;
}

static void
let_on(pid_t pid)
{
	(void)ptrace(enter(pid), pid, NULL, NULL);
}

static void
let_held_on(void)
{
	pid_t pid = run.held;

	run.held = 0;
	if (pid != 0)
		let_on(pid);
}

static void
stopped(pid_t pid, int status)
{
	enum __ptrace_request how = PTRACE_CONT;
	int number = WSTOPSIG(status), pass = 0;

	if (timed_out)
		kill(pid, SIGKILL);
	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
		if (is_own(pid) && run.held == 0 &&
		    (run.entered || (run.lazy && pid != run.pid))) {
			run.held = pid;
			return;
		}
		if (is_own(pid))
			how = enter(pid);
	} else if (number == (SIGTRAP | 0x80)) {
		leave();
		(void)ptrace(how, pid, NULL, NULL);
		if (!run.lazy || run.held == run.pid)
			let_held_on();
		return;
	} else if (status >> 16 == 0 && number != SIGSTOP) {
		pass = number;
	}
	(void)ptrace(how, pid, NULL, (void *)(intptr_t)pass);
}

/* Stop at our kinds, let pass the others. */
static void
install_filter(void)
{
	struct sock_filter filter[KINDS_MAX + 3];
	struct sock_fprog program = { (unsigned short)(kind_count + 3),
		filter };
	size_t i;

	filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	for (i = 0; i < kind_count; i++)
		filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ |
			BPF_K,
		    (uint32_t)kinds[i].number, (uint8_t)(kind_count - i), 0);
	filter[i + 1] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[i + 2] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		err(1, "seccomp");
}

static void
start(char **argv)
{
	int status;

	if ((run.pid = fork()) == -1)
		err(1, "fork");
	if (run.pid == 0) {
		dup2(run.output != -1 ? run.output : STDERR_FILENO,
		    STDOUT_FILENO);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			err(1, "ptrace");
		raise(SIGSTOP);
		install_filter();
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if (waitpid(run.pid, &status, 0) == -1 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, run.pid, NULL,
		(void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD |
		    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
		    PTRACE_O_EXITKILL)) == -1)
		err(1, "cannot trace");
	(void)ptrace(PTRACE_CONT, run.pid, NULL, NULL);
}

/* waitpid(2), but a thread that is held goes on when all others rest. */
static pid_t
next_stop(int *status)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	pid_t pid;
	int i;

	for (i = 0; run.held != 0 && !run.entered && i < REST_MS; i++) {
		if ((pid = waitpid(-1, status, __WALL | WNOHANG)) != 0)
			return pid;
		(void)nanosleep(&moment, NULL);
	}
	if (!run.entered)
		let_held_on();
	return waitpid(-1, status, __WALL);
}

static void
watch(void)
{
	int status;
	pid_t pid;

	for (;;) {
		if ((pid = next_stop(&status)) == -1) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (WIFSTOPPED(status)) {
			stopped(pid, status);
		} else if (pid == run.pid) {
			run.ended = true;
			run.status = status;
		}
	}
}

static void
set_fault(const char *arg)
{
	size_t i, len = strcspn(arg, "=");

	for (i = 0; i < COUNT(faults); i++)
		if (strlen(faults[i].name) == len &&
		    memcmp(faults[i].name, arg, len) == 0)
			run.fault = faults[i].fault;
	if (run.fault == NONE)
		errx(1, "no such fault: %s", arg);
	if (arg[len] == '=')
		run.number = atoi(arg + len + 1);
}

static FILE *
create(const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		err(1, "%s", path);
	return file;
}

static void
report(void)
{
	bool exited = WIFEXITED(run.status);

	printf("calls=%lu\thit=%s\tpath=%s\tend=%s\tstatus=%d\n", run.calls,
	    run.hit != NULL ? run.hit : "-",
	    run.hit != NULL && run.hit_path[0] != '\0' ? run.hit_path : "-",
	    timed_out  ? "hang" :
		exited ? "exit" :
			 "signal",
	    exited ? WEXITSTATUS(run.status) : WTERMSIG(run.status));
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	unsigned int seconds = 30;
	int option;

	run.output = -1;
	while ((option = getopt(argc, argv, "+rwt:p:o:l:d:k:f:")) != -1) {
		switch (option) {
		case 'r':
			kinds = looking;
			kind_count = COUNT(looking);
			break;
		case 'w':
			run.lazy = true;
			break;
		case 't':
			seconds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'p':
			run.prefix = optarg;
			break;
		case 'o':
			run.output = open(optarg,
			    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
			if (run.output == -1)
				err(1, "%s", optarg);
			break;
		case 'l':
			run.trace = create(optarg);
			break;
		case 'd':
			run.data = create(optarg);
			break;
		case 'k':
			run.at = strtoul(optarg, NULL, 10);
			break;
		case 'f':
			set_fault(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind == argc || (run.trace == NULL) != (run.data == NULL))
		errx(2, "see the head of inject.c");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	start(argv + optind);
	alarm(seconds);
	watch();
	report();
	if (run.trace != NULL && (fclose(run.trace) || fclose(run.data)))
		err(1, "trace");
	return 0;
}
