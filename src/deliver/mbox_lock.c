/* SPDX-License-Identifier: ISC */
/* An mbox's locks. */
#include "deliver/mbox_lock.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"

#define RETRY_MS 50
/* A lock file that old when the machine was started survived a crash. */
#define BOOT_SLACK_S 5
/* Who needs a lock for longer touches it now and then: liblockfile's rule. */
#define STALE_S 300

/* What came of one attempt. */
enum attempt {
	ATTEMPT_DONE,
	ATTEMPT_HELD,    /* by somebody else */
	ATTEMPT_REFUSED, /* this kind of lock cannot be had here */
	ATTEMPT_FAILED   /* errno */
};

static enum attempt
fcntl_lock(int fd, short type)
{
	struct flock lock;
	int rc;

	memset(&lock, 0, sizeof(lock));
	lock.l_type = type;
	lock.l_whence = SEEK_SET;
#ifdef F_OFD_SETLK
	rc = fcntl(fd, F_OFD_SETLK, &lock);
	if (rc == -1 && errno == EINVAL)
#endif
		rc = fcntl(fd, F_SETLK, &lock);
	if (rc == 0)
		return ATTEMPT_DONE;
	if (errno == EAGAIN || errno == EACCES)
		return ATTEMPT_HELD;
	if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP)
		return ATTEMPT_REFUSED;
	return ATTEMPT_FAILED;
}

static void
host_name(char *host, size_t size)
{
	if (gethostname(host, size) == -1 || host[0] == '\0')
		snprintf(host, size, "localhost");
	host[size - 1] = '\0';
}

static bool
is_from_before_boot(const struct stat *st)
{
	struct timespec up;

	if (clock_gettime(CLOCK_BOOTTIME, &up) == -1)
		return false;
	return st->st_mtime + BOOT_SLACK_S < time(NULL) - up.tv_sec;
}

/*
 * Does this say PID:HOST of this host, as far as it goes? When the power fails
 * a disk may keep a name and lose, or zero, what is in the file.
 */
static bool
is_remnant(const char *text, size_t len)
{
	char host[256];
	uint64_t pid;
	size_t digits;

	while (len > 0 && (text[len - 1] == '\0' || text[len - 1] == '\n'))
		len--;
	digits = parse_u64(text, len, INT32_MAX, &pid);
	if (digits == len)
		return true;
	if (digits == 0 || text[digits] != ':')
		return false;
	host_name(host, sizeof(host));
	return len - digits - 1 <= strlen(host) &&
	    memcmp(host, text + digits + 1, len - digits - 1) == 0;
}

/* PID:HOST of this host, and no such process (or only since a reboot)? */
static bool
is_dead(const char *text, size_t len, const struct stat *st)
{
	char host[256];
	uint64_t pid;
	size_t digits;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	digits = parse_u64(text, len, INT32_MAX, &pid);
	if (digits == 0 || pid == 0 || digits == len || text[digits] != ':')
		return false;
	host_name(host, sizeof(host));
	if (strlen(host) != len - digits - 1 ||
	    memcmp(host, text + digits + 1, len - digits - 1) != 0)
		return false;
	if ((pid_t)pid == getpid() || is_from_before_boot(st))
		return true;
	return kill((pid_t)pid, 0) == -1 && errno == ESRCH;
}

static int64_t
age_of(const struct stat *st)
{
	int64_t age = (int64_t)time(NULL) - st->st_mtime;

	return age < 0 ? 0 : age;
}

/*
 * Five minutes old, and not that of a process which lives on this host, as far
 * as it says? The PID may be followed by the name of a host.
 */
static bool
is_stale(const char *text, size_t len, const struct stat *st)
{
	char host[256];
	uint64_t pid;
	size_t digits;

	if (age_of(st) < STALE_S)
		return false;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	digits = parse_u64(text, len, INT32_MAX, &pid);
	if (digits == 0 || pid == 0)
		return true;
	host_name(host, sizeof(host));
	if (digits < len &&
	    (text[digits] != ':' || strlen(host) != len - digits - 1 ||
		memcmp(host, text + digits + 1, len - digits - 1) != 0))
		return true;
	return kill((pid_t)pid, 0) == -1 && errno == ESRCH;
}

/*
 * Whether a stale dotlock was taken away. alone: fcntl's lock is ours, so that
 * nobody who takes that one, too, can hold this.
 */
static bool
break_dead(const char *path, bool alone)
{
	struct stat st, now;
	char text[512];
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return false;
	len = fstat(fd, &st) == -1 ? -1 : read(fd, text, sizeof(text));
	close(fd);
	if (len == -1 ||
	    (!is_dead(text, (size_t)len, &st) &&
		!(is_from_before_boot(&st) && is_remnant(text, (size_t)len)) &&
		!(alone && is_stale(text, (size_t)len, &st))))
		return false;
	/* still the one that was looked at; others of us wait for fcntl */
	if (lstat(path, &now) == -1 || now.st_dev != st.st_dev ||
	    now.st_ino != st.st_ino)
		return false;
	return unlink(path) == 0;
}

static int
write_owner(int fd)
{
	char host[256], text[320];
	int len;

	host_name(host, sizeof(host));
	len = snprintf(text, sizeof(text), "%ld:%s", (long)getpid(), host);
	return write(fd, text, (size_t)len) == len ? 0 : -1;
}

/*
 * A file that is complete before it has its name, so that nobody sees it
 * empty. First without any name, then, for lack of that, under another one.
 */
static int
link_unnamed(const char *path)
{
	char *copy = xstrdup(path), *slash, self[64];
	int fd, rc = -1;

	if ((slash = strrchr(copy, '/')) != NULL)
		slash[slash == copy] = '\0';
	fd = open(slash == NULL ? "." : copy, O_TMPFILE | O_WRONLY | O_CLOEXEC,
	    0600);
	free(copy);
	if (fd == -1)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (write_owner(fd) == 0)
		rc = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
	close(fd);
	return rc;
}

static int
link_named(const char *path)
{
	char *name = xasprintf("%s.%ld", path, (long)getpid());
	int fd, rc = -1, saved;

	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd != -1) {
		if (write_owner(fd) == 0)
			rc = link(name, path);
		saved = errno;
		close(fd);
		unlink(name);
		errno = saved;
	}
	free(name);
	return rc;
}

/* Where links are refused it is empty for an instant. */
static int
make_directly(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc, saved;

	if (fd == -1)
		return -1;
	rc = write_owner(fd);
	saved = errno;
	close(fd);
	if (rc == -1)
		unlink(path);
	errno = saved;
	return rc;
}

static enum attempt
dotlock(const char *path, bool alone)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !break_dead(path, alone))
		return ATTEMPT_HELD;
	if (link_unnamed(path) == 0)
		return ATTEMPT_DONE;
	if (errno == EEXIST)
		return ATTEMPT_HELD;
	if (link_named(path) == 0 ||
	    (deliver_links_are_refused(errno) && make_directly(path) == 0))
		return ATTEMPT_DONE;
	switch (errno) {
	case EEXIST:
		return ATTEMPT_HELD;
	case EACCES:
	case EPERM:
	case EROFS:
	case ENAMETOOLONG:
	case EOPNOTSUPP:
	case ENOENT:
		return ATTEMPT_REFUSED;
	default:
		return ATTEMPT_FAILED;
	}
}

/*
 * fcntl is given back while a dotlock is waited for: others take them in the
 * other order.
 */
static enum attempt
lock_both(int fd, char *path, bool *has_dotlock)
{
	enum attempt first, second;

	first = fcntl_lock(fd, F_WRLCK);
	if (first == ATTEMPT_HELD || first == ATTEMPT_FAILED)
		return first;
	second = dotlock(path, first == ATTEMPT_DONE);
	*has_dotlock = second == ATTEMPT_DONE;
	if (second == ATTEMPT_DONE ||
	    (second == ATTEMPT_REFUSED && first == ATTEMPT_DONE))
		return ATTEMPT_DONE;
	if (first == ATTEMPT_DONE) {
		int saved = errno;

		(void)fcntl_lock(fd, F_UNLCK);
		errno = saved;
	}
	return second;
}

/* Where there is a dotlock: its name, and for how long. -1, always. */
static int
say_held(const char *path, const char *dot, struct err *err)
{
	struct stat st;
	int64_t age;
	char text[32];

	if (lstat(dot, &st) == -1)
		return err_set(err, EX_TEMPFAIL,
		    "%s is locked by another program", path);
	age = age_of(&st);
	if (age < 120)
		snprintf(text, sizeof(text), "%d seconds", (int)age);
	else if (age < 2 * 3600)
		snprintf(text, sizeof(text), "%d minutes", (int)(age / 60));
	else if (age < 2 * 86400)
		snprintf(text, sizeof(text), "%d hours", (int)(age / 3600));
	else
		snprintf(text, sizeof(text), "%lld days",
		    (long long)(age / 86400));
	return err_set(err, EX_TEMPFAIL,
	    "%s is locked: the lock file %s is %s old", path, dot, text);
}

int
mbox_lock(struct mbox_lock *lock, int fd, const char *path, int64_t until_ms,
    struct err *err)
{
	char *dot = xasprintf("%s.lock", path);
	bool has_dotlock = false;
	enum attempt attempt;

	lock->path = NULL;
	while ((attempt = lock_both(fd, dot, &has_dotlock)) == ATTEMPT_HELD) {
		if (deadline_now() >= until_ms || signals_stop() != 0)
			break;
		(void)poll(NULL, 0, RETRY_MS);
	}
	if (attempt == ATTEMPT_DONE) {
		if (has_dotlock)
			lock->path = dot;
		else
			free(dot);
		return 0;
	}
	if (attempt == ATTEMPT_HELD)
		say_held(path, dot, err);
	else if (attempt == ATTEMPT_REFUSED)
		err_set(err, EX_TEMPFAIL, "%s cannot be locked", path);
	else
		err_sys(err, EX_IOERR, "cannot lock %s", path);
	free(dot);
	return -1;
}

void
mbox_unlock(struct mbox_lock *lock, int fd)
{
	if (lock->path != NULL)
		unlink(lock->path);
	free(lock->path);
	lock->path = NULL;
	(void)fcntl_lock(fd, F_UNLCK);
}

void
mbox_lock_sweep(int fd, const char *path)
{
	char *dot = xasprintf("%s.lock", path);
	struct stat st;

	/* under fcntl's, as break_dead() wants it; who holds it will look */
	if (lstat(dot, &st) == 0 && fcntl_lock(fd, F_WRLCK) == ATTEMPT_DONE) {
		(void)break_dead(dot, true);
		(void)fcntl_lock(fd, F_UNLCK);
	}
	free(dot);
}

int
mbox_lock_look(const char *path, struct err *err)
{
	char *dot = xasprintf("%s.lock", path);
	struct stat st;
	int rc = 0;

	if (lstat(dot, &st) == 0)
		rc = say_held(path, dot, err);
	free(dot);
	return rc;
}
