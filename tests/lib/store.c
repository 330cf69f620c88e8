/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into poplar: the file of authorities $STORE, which is the system's
 * or another one, is $STORE_IS instead. Each time it is opened, the name of the
 * function goes to $STORE_LOG: poplar calls open(), GnuTLS fopen().
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
place(const char *path)
{
	const char *store = getenv("STORE");

	if (store != NULL && strcmp(path, store) == 0)
		return getenv("STORE_IS");
	return path;
}

static int
real_open(const char *path, int flags, mode_t mode)
{
	int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");

	return next(path, flags, mode);
}

static void
note(const char *path, const char *function)
{
	int fd;

	if (place(path) == path)
		return;
	fd =
	    real_open(getenv("STORE_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd == -1 || write(fd, function, strlen(function)) == -1)
		abort();
	close(fd);
}

static int
our_open(const char *path, int flags, va_list ap)
{
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;

	note(path, "open\n");
	return real_open(place(path), flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = our_open(path, flags, ap);
	va_end(ap);
	return fd;
}

int
open64(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = our_open(path, flags, ap);
	va_end(ap);
	return fd;
}

FILE *
fopen(const char *path, const char *mode)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");

	note(path, "fopen\n");
	return next(place(path), mode);
}

FILE *
fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

int
stat(const char *path, struct stat *st)
{
	int (*next)(const char *, struct stat *) = dlsym(RTLD_NEXT, "stat");

	return next(place(path), st);
}
