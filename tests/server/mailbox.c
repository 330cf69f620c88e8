/* SPDX-License-Identifier: ISC */
/*
 * A directory with a file a message as a mailbox. Each is turned into what RETR
 * sends - lines ended by CRLF, dots stuffed, the last line's dot - when the
 * mailbox is loaded, so that serving it costs a writev.
 */
#include "server/server.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's octets, len of them. */
static char *
read_file(const char *path, size_t *len)
{
	struct stat st;
	char *data;
	ssize_t n;
	size_t used = 0;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 || fstat(fd, &st))
		err(1, "%s", path);
	if ((data = malloc((size_t)st.st_size + 1)) == NULL)
		err(1, NULL);
	while ((n = read(fd, data + used, (size_t)st.st_size - used)) > 0)
		used += (size_t)n;
	if (n == -1)
		err(1, "%s", path);
	close(fd);
	*len = used;
	return data;
}

/*
 * Unless raw, each LF gets its CR if it has none. A last line without line end
 * gets one: the protocol cannot say that there is none.
 */
static void
make_wire(struct message *message, const char *data, size_t len, bool raw)
{
	bool line_start = true;
	size_t i;
	char *to;

	/* At worst "\n" becomes "\r\n" and "." becomes "..". */
	if ((message->wire = to = malloc(2 * len + 5)) == NULL)
		err(1, NULL);
	message->size = 0;
	for (i = 0; i < len; i++) {
		if (line_start && data[i] == '.') {
			*to++ = '.';
			message->size--;
		}
		if (data[i] == '\n' && !raw && (i == 0 || data[i - 1] != '\r'))
			*to++ = '\r';
		*to++ = data[i];
		line_start = data[i] == '\n' && to - message->wire >= 2 &&
		    to[-2] == '\r';
	}
	if (len > 0 && !line_start) {
		*to++ = '\r';
		*to++ = '\n';
	}
	message->size += (uint64_t)(to - message->wire);
	memcpy(to, ".\r\n", 3);
	message->wire_len = (size_t)(to - message->wire) + 3;
	/* What malloc got too much would be held as often as there are
	 * messages. */
	if ((to = realloc(message->wire, message->wire_len)) != NULL)
		message->wire = to;
}

/* FNV-1a over name and salt. */
static char *
hash_uid(const char *name, const char *salt)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	const char *part[2] = { name, salt };
	char *uid;
	int i;

	for (i = 0; i < 2; i++)
		for (const char *p = part[i]; p != NULL && *p != '\0'; p++)
			hash = (hash ^ (unsigned char)*p) *
			    UINT64_C(0x100000001b3);
	if (asprintf(&uid, "%016" PRIx64, hash) == -1)
		err(1, NULL);
	return uid;
}

/* The map has a line "FILE UIDL" for each file whose UIDL it sets. */
static void
read_uidl_map(struct mailbox *mailbox, const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL, *space;
	size_t size = 0, i;
	ssize_t len;

	if (file == NULL)
		err(1, "%s", path);
	while ((len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		if ((space = strchr(line, ' ')) == NULL)
			errx(1, "%s: no UIDL: %s", path, line);
		*space = '\0';
		for (i = 0; i < mailbox->count; i++) {
			if (strcmp(mailbox->messages[i].name, line) != 0)
				continue;
			free(mailbox->messages[i].uid);
			mailbox->messages[i].uid = unescape(space + 1, &size);
		}
	}
	free(line);
	fclose(file);
}

static int
visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
load_message(struct message *message, const struct server *server,
    const char *dir, const char *name)
{
	size_t len;
	char *data;

	if (asprintf(&message->path, "%s/%s", dir, name) == -1)
		err(1, NULL);
	message->name = strrchr(message->path, '/') + 1;
	data = read_file(message->path, &len);
	make_wire(message, data, len, server->raw);
	free(data);
	message->uid =
	    server->uidl_is_name ? strdup(name) : hash_uid(name, server->salt);
	if (message->uid == NULL)
		err(1, NULL);
}

struct mailbox *
mailbox_load(const struct server *server, const char *dir)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	struct dirent **entries;
	bool *gone;
	int count, i;

	if ((count = scandir(dir, &entries, visible, by_name)) == -1)
		err(1, "%s", dir);
	if (mailbox == NULL ||
	    (mailbox->messages = calloc((size_t)count + 1,
		 sizeof(*mailbox->messages))) == NULL)
		err(1, NULL);
	gone = mmap(NULL, (size_t)count + 1, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (gone == MAP_FAILED)
		err(1, "mmap");
	for (i = 0; i < count; i++) {
		load_message(&mailbox->messages[i], server, dir,
		    entries[i]->d_name);
		mailbox->messages[i].gone = gone + i;
		free(entries[i]);
	}
	free(entries);
	mailbox->count = (size_t)count;
	mailbox->lock_fd = -1;
	if (server->uidl_map != NULL)
		read_uidl_map(mailbox, server->uidl_map);
	return mailbox;
}

void
mailbox_refresh(struct mailbox *mailbox)
{
	size_t from, to = 0;

	for (from = 0; from < mailbox->count; from++)
		if (!*mailbox->messages[from].gone)
			mailbox->messages[to++] = mailbox->messages[from];
	mailbox->count = to;
}

int
mailbox_expunge(struct mailbox *mailbox, const struct server *server)
{
	struct message *message;
	size_t i;
	int rc = 0;

	for (i = 0; i < mailbox->count; i++) {
		message = &mailbox->messages[i];
		if (!message->deleted &&
		    !(server->hide_retrieved && message->retrieved))
			continue;
		if (server->keep_deleted && message->deleted)
			continue;
		if (unlink(message->path) == -1 && errno != ENOENT)
			rc = -1;
		else
			*message->gone = true;
	}
	return rc;
}

int
mailbox_lock(struct mailbox *mailbox, const char *dir)
{
	mailbox->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mailbox->lock_fd == -1)
		err(1, "%s", dir);
	return flock(mailbox->lock_fd, LOCK_EX | LOCK_NB);
}
