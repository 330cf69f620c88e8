/* SPDX-License-Identifier: ISC */
/*
 * The floor program's delivery: tmp, a sync of the batch, link into new, sync
 * of new, a journal record a message, sync of the journal.
 */

#include "floor.h"

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BATCH_MESSAGES 64
#define BATCH_OCTETS (32u << 20)
#define OUT_OCTETS 262144

static enum sync_kind kind;
static int tmp_fd = -1;
static int new_fd = -1;
static int journal_fd = -1;
static int fd = -1;
static int fds[BATCH_MESSAGES];
static unsigned int nums[BATCH_MESSAGES];
static unsigned int batch;
static size_t batch_octets;
static char out[OUT_OCTETS];
static size_t out_len;

static int
open_dir(const char *dir, const char *part)
{
	char path[4096];
	int dir_fd;

	snprintf(path, sizeof(path), "%s%s", dir, part);
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		err(73, "%s", path);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY);
	if (dir_fd == -1)
		err(73, "%s", path);
	return dir_fd;
}

void
drop_open(const char *dir, enum sync_kind sync)
{
	kind = sync;
	if (dir == NULL)
		return;
	close(open_dir(dir, ""));
	close(open_dir(dir, "/cur"));
	tmp_fd = open_dir(dir, "/tmp");
	new_fd = open_dir(dir, "/new");
	journal_fd =
	    openat(new_fd, "../journal", O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (journal_fd == -1)
		err(73, "journal");
}

static void
name_of(char *name, size_t len, unsigned int num)
{
	snprintf(name, len, "1790000000.p%024x.floor", num);
}

void
drop_begin(unsigned int num)
{
	char name[64];

	if (new_fd == -1)
		return;
	name_of(name, sizeof(name), num);
	fd = openat(tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		err(73, "%s", name);
	nums[batch] = num;
}

static void
flush(void)
{
	if (fd != -1 && out_len > 0 &&
	    write(fd, out, out_len) != (ssize_t)out_len)
		err(74, "write");
	batch_octets += out_len;
	out_len = 0;
}

void
drop_write(const char *text, size_t len)
{
	if (out_len + len > sizeof(out))
		flush();
	if (len > sizeof(out))
		errx(76, "a line too long");
	memcpy(out + out_len, text, len);
	out_len += len;
}

static void
sync_batch(void)
{
	unsigned int i;

	if (kind == SYNC_SYNCFS && syncfs(tmp_fd) == -1)
		err(74, "syncfs");
	for (i = 0; kind == SYNC_FSYNC && i < batch; i++)
		if (fsync(fds[i]) == -1 || close(fds[i]) == -1)
			err(74, "fsync");
}

static void
commit(void)
{
	char records[BATCH_MESSAGES * 64];
	char name[64];
	size_t len = 0;
	unsigned int i;

	sync_batch();
	for (i = 0; i < batch; i++) {
		name_of(name, sizeof(name), nums[i]);
		if (linkat(tmp_fd, name, new_fd, name, 0) == -1)
			err(73, "link");
		len += (size_t)snprintf(records + len, sizeof(records) - len,
		    "%s\n", name);
	}
	if (kind != SYNC_NONE && fsync(new_fd) == -1)
		err(74, "fsync");
	if (write(journal_fd, records, len) != (ssize_t)len ||
	    (kind != SYNC_NONE && fdatasync(journal_fd) == -1))
		err(74, "journal");
	for (i = 0; i < batch; i++) {
		name_of(name, sizeof(name), nums[i]);
		unlinkat(tmp_fd, name, 0);
	}
	batch = 0;
	batch_octets = 0;
}

void
drop_end(void)
{
	flush();
	if (new_fd == -1)
		return;
	if (kind == SYNC_FSYNC)
		fds[batch] = fd;
	else if (close(fd) == -1)
		err(74, "close");
	batch++;
	fd = -1;
	if (batch == BATCH_MESSAGES || batch_octets >= BATCH_OCTETS)
		commit();
}

void
drop_close(void)
{
	if (batch > 0)
		commit();
}
