/* SPDX-License-Identifier: ISC */
/*
 * Has a reader filed a message? The files in new/ and cur/ of a maildir and of
 * the folders below it (Maildir++'s .Folder, or plain subdirectories) are
 * compared by inode. What lies anywhere else, in a tmp/ above all, is no
 * delivery: a backup by hard links gives every file a second name.
 */
#include "deliver/maildir.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folders within folders; a loop of bind mounts would have no end. */
#define DEPTH_MAX 16

static void
note_inode(struct maildir_filed *list, size_t n, const struct stat *st)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].device == st->st_dev && list[i].inode == st->st_ino)
			list[i].found = true;
}

static DIR *
open_dir(int at, const char *name)
{
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir;

	if (fd == -1)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		close(fd);
	return dir;
}

static void
search_files(int at, const char *name, struct maildir_filed *list, size_t n)
{
	DIR *dir = open_dir(at, name);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			note_inode(list, n, &st);
	closedir(dir);
}

/*
 * A folder that cannot be read is skipped: at worst its message comes a second
 * time.
 */
static void
search_folder(int at, const char *name, int depth, struct maildir_filed *list,
    size_t n)
{
	DIR *dir = open_dir(at, name);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		return;
	/* new/ before cur/: the way a reader moves them meanwhile */
	search_files(dirfd(dir), "new", list, n);
	search_files(dirfd(dir), "cur", list, n);
	while (depth < DEPTH_MAX && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, "new") == 0 ||
		    strcmp(entry->d_name, "cur") == 0 ||
		    strcmp(entry->d_name, "tmp") == 0)
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			search_folder(dirfd(dir), entry->d_name, depth + 1,
			    list, n);
	}
	closedir(dir);
}

void
maildir_find_filed(const char *path, struct maildir_filed *list, size_t n)
{
	char *whole;

	/* the maildir itself may be a symbolic link, the folders in it not */
	if ((whole = realpath(path, NULL)) == NULL)
		return;
	search_folder(AT_FDCWD, whole, 0, list, n);
	free(whole);
}
