/* SPDX-License-Identifier: ISC */
/* The mailbox on the server, and what it says of its messages. */
#include <stdlib.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/xalloc.h"

#include "world.h"

#define STATUS "Status: RO\n"

static const struct {
	const char *header, *body;
} contents[] = {
	{ "Message-ID: <a@x>\nSubject: one\n", "this is one\n" },
	{ "Message-ID: <b@x>\nSubject: two\n", "this is two\n" },
	{ "Message-ID: <c@x>\nSubject: three\n", "this is a longer one\n" },
};
#define CONTENTS (sizeof(contents) / sizeof(contents[0]))

static const unsigned char key[DIGEST_KEY_LEN];
static struct shown whole[CONTENTS][2], tops[CONTENTS][2];

static struct shown
show(struct fingerprinter *printer, size_t content, bool status, bool body)
{
	const char *header = contents[content].header;
	const char *text = contents[content].body;
	struct shown shown = { .octets = 0 };

	fingerprinter_update(printer, header, strlen(header));
	if (status)
		fingerprinter_update(printer, STATUS, strlen(STATUS));
	fingerprinter_update(printer, "\n", 1);
	if (body)
		fingerprinter_update(printer, text, strlen(text));
	fingerprinter_final(printer, &shown.print, shown.whole);
	shown.octets =
	    strlen(header) + strlen(text) + (status ? strlen(STATUS) : 0);
	return shown;
}

void
server_begin(void)
{
	struct fingerprinter *printer = fingerprinter_new(key, false);

	for (size_t i = 0; i < CONTENTS; i++)
		for (size_t status = 0; status < 2; status++) {
			whole[i][status] = show(printer, i, status, true);
			tops[i][status] = show(printer, i, status, false);
		}
	fingerprinter_free(printer);
}

const unsigned char *
server_key(void)
{
	return key;
}

static uint8_t
lowest_free(const struct world *world)
{
	uint8_t uid = 1;

	for (size_t i = 0; i < world->count; i++)
		if (world->letters[i].here && world->letters[i].uid == uid) {
			uid++;
			i = SIZE_MAX; /* from the first one again */
		}
	return uid;
}

static uint8_t
new_uid(const struct world *world, unsigned int content)
{
	switch (world->mode) {
	case MODE_UNIQUE:
	case MODE_STATUS:
		return (uint8_t)(world->count + 1);
	case MODE_SLOT:
	case MODE_NO_TOP:
		return lowest_free(world);
	case MODE_HASH:
		return content == 2 ? 2 : 1;
	case MODE_ALIKE:
		return 1;
	case MODE_NONE:
	case MODES:
		break;
	}
	return 0;
}

bool
server_arrive(struct world *world, unsigned int content)
{
	if (world->count == LETTERS_MAX)
		return false;
	world->letters[world->count] =
	    (struct letter){ .content = (uint8_t)content,
		    .uid = new_uid(world, content),
		    .here = true };
	world->count++;
	return true;
}

size_t
server_list(const struct world *world, size_t here[LETTERS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < world->count; i++)
		if (world->letters[i].here)
			here[n++] = i;
	return n;
}

bool
server_lose(struct world *world, unsigned int nth)
{
	size_t here[LETTERS_MAX];

	if (nth >= server_list(world, here))
		return false;
	world->letters[here[nth]].here = false;
	return true;
}

bool
server_renumber(struct world *world)
{
	size_t here[LETTERS_MAX];

	if ((world->mode != MODE_UNIQUE && world->mode != MODE_STATUS) ||
	    world->renumbered || server_list(world, here) == 0)
		return false;
	for (size_t i = 0; i < world->count; i++)
		world->letters[i].uid = (uint8_t)(world->letters[i].uid + 10);
	world->renumbered = world->blind = true;
	return true;
}

const char *
server_uid(const struct letter *letter)
{
	static char text[8];

	text[0] = 'u';
	text[1] = (char)('0' + letter->uid / 10);
	text[2] = (char)('0' + letter->uid % 10);
	text[3] = '\0';
	return text;
}

uint64_t
server_size(const struct letter *letter)
{
	return whole[letter->content][letter->has_status].octets;
}

struct shown
server_retr(struct world *world, struct letter *letter)
{
	struct shown shown = whole[letter->content][letter->has_status];

	letter->read = true;
	letter->has_status |= world->mode == MODE_STATUS;
	return shown;
}

struct shown
server_top(const struct letter *letter)
{
	return tops[letter->content][letter->has_status];
}
