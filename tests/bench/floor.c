/* SPDX-License-Identifier: ISC */
/*
 * The floor: the least that a client can do which retrieves everything from
 * a server that pipelines, and delivers it durably in batches of 64.  It
 * remembers nothing, recovers nothing and checks nothing; what poplar takes
 * longer is the price of its promises.
 *
 *	floor [-dluSw] [-c CAFILE] [-n WINDOW] [-s none|fsync|syncfs]
 *	    PORT USER PASSWORD [MAILDIR]
 *
 * -c speaks TLS; -d deletes what is delivered; -l logs in by AUTH PLAIN
 * rather than USER and PASS; -n allows WINDOW outstanding commands (default:
 * all at once); -s says what a batch costs (default syncfs); -w writes
 * nothing; -u only lists (UIDL), -S only asks STAT.
 */

#include "floor.h"

#include <err.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *ca_file;
	const char *user;
	const char *password;
	const char *maildir;
	enum sync_kind sync;
	unsigned long window;
	int port;
	bool by_plain;
	bool delete;
	bool only_uidl;
	bool only_stat;
	bool write_nothing;
};

static void
say(const char *verb, unsigned int num)
{
	char command[32];
	int len;

	len = snprintf(command, sizeof(command), "%s %u\r\n", verb, num);
	line_send(command, (size_t)len);
}

static char *
expect_ok(void)
{
	size_t len;
	char *line = line_read(&len);

	if (len < 5 || memcmp(line, "+OK", 3) != 0)
		errx(76, "%.*s", (int)len, line);
	line[len - 2] = '\0';
	return line;
}

static unsigned int
read_listing(void)
{
	unsigned int count = 0;
	size_t len;
	char *line;

	expect_ok();
	for (;;) {
		line = line_read(&len);
		if (len == 3 && line[0] == '.')
			return count;
		count++;
	}
}

static void
read_message(unsigned int num)
{
	size_t len;
	char *line;

	expect_ok();
	drop_begin(num);
	for (;;) {
		line = line_read(&len);
		if (line[0] == '.') {
			if (len == 3)
				break;
			line++;
			len--;
		}
		line[len - 2] = '\n';
		drop_write(line, len - 1);
	}
	drop_end();
}

static void
send_login(const struct options *options)
{
	char text[512];
	gnutls_datum_t blob = { (unsigned char *)text, 0 };
	gnutls_datum_t encoded;
	int len;

	if (!options->by_plain) {
		len = snprintf(text, sizeof(text), "USER %s\r\nPASS %s\r\n",
		    options->user, options->password);
		line_send(text, (size_t)len);
		return;
	}
	blob.size = (unsigned int)snprintf(text, sizeof(text), "%c%s%c%s", 0,
	    options->user, 0, options->password);
	if (gnutls_base64_encode2(&blob, &encoded) < 0)
		errx(71, "base64");
	line_send("AUTH PLAIN ", 11);
	line_send((char *)encoded.data, encoded.size);
	line_send("\r\n", 2);
}

static void
read_login(const struct options *options)
{
	expect_ok();
	if (!options->by_plain)
		expect_ok();
}

static void
fetch(const struct options *options)
{
	unsigned int asked = 0;
	unsigned int count;
	unsigned int i;

	line_send("UIDL\r\nLIST\r\n", 12);
	read_login(options);
	read_listing();
	count = read_listing();
	drop_open(options->write_nothing ? NULL : options->maildir,
	    options->sync);
	for (i = 1; i <= count; i++) {
		while (asked < count && asked - i + 1 < options->window)
			say("RETR", ++asked);
		read_message(i);
	}
	drop_close();
	for (i = 1; options->delete &&i <= count; i++)
		say("DELE", i);
	line_send("QUIT\r\n", 6);
	for (i = 1; options->delete &&i <= count; i++)
		expect_ok();
	expect_ok();
}

static void
ask(const struct options *options)
{
	if (options->only_uidl)
		line_send("UIDL\r\nQUIT\r\n", 12);
	else
		line_send("STAT\r\nQUIT\r\n", 12);
	read_login(options);
	if (options->only_uidl)
		printf("%u\n", read_listing());
	else
		puts(expect_ok() + 4);
	expect_ok();
}

static enum sync_kind
sync_named(const char *name)
{
	if (strcmp(name, "none") == 0)
		return SYNC_NONE;
	if (strcmp(name, "fsync") == 0)
		return SYNC_FSYNC;
	if (strcmp(name, "syncfs") == 0)
		return SYNC_SYNCFS;
	errx(64, "%s: none, fsync or syncfs", name);
}

static void
read_options(struct options *options, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "Sc:dln:s:uw")) != -1) {
		switch (opt) {
		case 'S':
			options->only_stat = true;
			break;
		case 'c':
			options->ca_file = optarg;
			break;
		case 'd':
			options->delete = true;
			break;
		case 'l':
			options->by_plain = true;
			break;
		case 'n':
			options->window = strtoul(optarg, NULL, 10);
			break;
		case 's':
			options->sync = sync_named(optarg);
			break;
		case 'u':
			options->only_uidl = true;
			break;
		case 'w':
			options->write_nothing = true;
			break;
		default:
			exit(64);
		}
	}
	if (argc - optind < 3)
		errx(64, "PORT USER PASSWORD are wanted");
	options->port = atoi(argv[optind]);
	options->user = argv[optind + 1];
	options->password = argv[optind + 2];
	options->maildir = argv[optind + 3];
}

int
main(int argc, char **argv)
{
	struct options options = { .sync = SYNC_SYNCFS, .window = 1u << 30 };

	read_options(&options, argc, argv);
	line_open(options.port, options.ca_file);
	expect_ok();
	send_login(&options);
	if (options.only_uidl || options.only_stat)
		ask(&options);
	else
		fetch(&options);
	return 0;
}
