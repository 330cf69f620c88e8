/* SPDX-License-Identifier: ISC */
/* The mail of the canned server, turned into replies before anyone asks. */

#include "canned.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a text grows by on the wire, and its octets by LIST. */
static size_t
wire_size(const char *text, size_t len, uint64_t *octets)
{
	const char *end = text + len;
	const char *p = text;
	const char *nl;
	size_t dots = 0;
	size_t lines = 0;

	while (p < end) {
		if (*p == '.')
			dots++;
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			break;
		lines++;
		p = nl + 1;
	}
	*octets = len + lines;
	return len + lines + dots;
}

static char *
stuff(char *out, const char *text, size_t len)
{
	const char *end = text + len;
	const char *nl;

	while (text < end) {
		if (*text == '.')
			*out++ = '.';
		nl = memchr(text, '\n', (size_t)(end - text));
		if (nl == NULL)
			nl = end;
		memcpy(out, text, (size_t)(nl - text));
		out += nl - text;
		*out++ = '\r';
		*out++ = '\n';
		text = nl + 1;
	}
	return out;
}

/* The text must end with a line end, as the corpus does. */
static char *
add(struct mail *mail, char *wire, const char *text, size_t len)
{
	struct message *message = &mail->messages[mail->count];
	uint64_t octets;
	char *p = wire;

	wire_size(text, len, &octets);
	p += sprintf(p, "+OK %" PRIu64 " octets\r\n", octets);
	message->status_len = (size_t)(p - wire);
	p = stuff(p, text, len);
	memcpy(p, ".\r\n", 3);
	p += 3;
	message->reply = wire;
	message->reply_len = (size_t)(p - wire);
	message->octets = octets;
	mail->count++;
	snprintf(message->uidl, sizeof(message->uidl), "%016" PRIx64,
	    mail->count * UINT64_C(0x9e3779b97f4a7c15));
	mail->octets += octets;
	return p;
}

static void
list(struct mail *mail)
{
	size_t room = (size_t)mail->count * 40 + 64;
	struct message *message;
	unsigned int i;
	char *l;
	char *u;

	mail->list = l = malloc(room);
	mail->uidl = u = malloc(room);
	if (l == NULL || u == NULL)
		err(71, "malloc");
	l += sprintf(l, "+OK %u messages\r\n", mail->count);
	u += sprintf(u, "+OK\r\n");
	for (i = 0; i < mail->count; i++) {
		message = &mail->messages[i];
		l += sprintf(l, "%u %" PRIu64 "\r\n", i + 1, message->octets);
		u += sprintf(u, "%u %s\r\n", i + 1, message->uidl);
	}
	l += sprintf(l, ".\r\n");
	u += sprintf(u, ".\r\n");
	mail->list_len = (size_t)(l - mail->list);
	mail->uidl_len = (size_t)(u - mail->uidl);
}

static char *
map_file(const char *name, size_t *len)
{
	struct stat st;
	char *text;
	int fd = open(name, O_RDONLY);

	if (fd == -1 || fstat(fd, &st) == -1)
		err(1, "%s", name);
	*len = (size_t)st.st_size;
	text = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		err(1, "%s", name);
	close(fd);
	return text;
}

/*
 * All replies stand in one area: a run of messages is one write.  Huge pages
 * keep the fork for a connection from copying many page table entries.
 */
static char *
area(size_t octets)
{
	char *p = mmap(NULL, octets, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(71, "mmap");
	madvise(p, octets, MADV_HUGEPAGE);
	return p;
}

static int
is_message(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void
mail_load(struct mail *mail, const char *dir, unsigned int limit)
{
	char path[4096];
	struct dirent **names;
	size_t total = 0;
	uint64_t octets;
	size_t len;
	char *text;
	char *wire;
	int count;
	int i;

	snprintf(path, sizeof(path), "%s/cur", dir);
	count = scandir(path, &names, is_message, alphasort);
	if (count == -1 || chdir(path) == -1)
		err(1, "%s", path);
	if ((unsigned int)count > limit)
		count = (int)limit;
	mail->messages = calloc((size_t)count + 1, sizeof(*mail->messages));
	if (mail->messages == NULL)
		err(71, "calloc");
	for (i = 0; i < count; i++) {
		text = map_file(names[i]->d_name, &len);
		total += wire_size(text, len, &octets) + 64;
		munmap(text, len);
	}
	wire = area(total + 1);
	for (i = 0; i < count; i++) {
		text = map_file(names[i]->d_name, &len);
		wire = add(mail, wire, text, len);
		munmap(text, len);
	}
	list(mail);
}

void
mail_make_up(struct mail *mail, unsigned int count)
{
	char text[256];
	unsigned int i;
	char *wire = area((size_t)count * 320 + 1);
	int len;

	mail->messages = calloc((size_t)count + 1, sizeof(*mail->messages));
	if (mail->messages == NULL)
		err(71, "calloc");
	for (i = 0; i < count; i++) {
		len = snprintf(text, sizeof(text),
		    "From: Sender <s@example.org>\nTo: user@example.org\n"
		    "Subject: small message %u\nMessage-ID: <%u@example.org>\n"
		    "\nSmall, number %u.\n",
		    i, i, i);
		wire = add(mail, wire, text, (size_t)len);
	}
	list(mail);
}
