/* SPDX-License-Identifier: ISC */
/*
 * The configuration (poplar.conf(5)), line by line:
 *
 *	line    = comment / section / include / setting / nothing
 *	comment = "#" anything
 *	section = "[" ( "defaults" / "account" NAME ) "]"
 *	include = "include" [ "=" ] PATH
 *	setting = FLAG / KEY "=" value
 *	value   = text / DQUOTE *( octet / "\" ( DQUOTE / "\" / "n" / "t" ) )
 *	          DQUOTE
 *
 * Blanks around each are of no account. An included file begins in the section
 * that includes it. No sentence shows a line: it may hold a password.
 */
#include "account/config.h"

#include <bsd/libutil.h>
#include <bsd/sys/queue.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "account/secret.h"
#include "base/err.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/owner.h"
#include "base/xalloc.h"

#define INCLUDE_DEPTH 8
#define INCLUDE_FILES 1000

struct entry {
	STAILQ_ENTRY(entry) next;
	const struct setting *setting;
	char *value; /* NULL: a flag by its bare name */
};

struct section {
	STAILQ_ENTRY(section) next;
	char *name; /* NULL: [defaults] */
	STAILQ_HEAD(, entry) entries;
	/* a layer of its own, on which each value is tried when it is read */
	struct account *trial;
};

struct config {
	char *path;
	STAILQ_HEAD(, section) sections;
	char **names;
	size_t count;
	char *account; /* account = of [defaults] */
};

/* What reading needs and the configuration does not. */
struct reader {
	struct config *config;
	void (*note)(void *arg, const char *text);
	void *arg;
	unsigned int errors;
	unsigned int files;
	/* where account = stood, to complain later */
	char *account_place;
};

/* A place in a file. */
struct file {
	struct reader *reader;
	const char *path;
	int fd;
	size_t line;
	unsigned int depth;
	struct section *section; /* NULL: none yet */
	bool skipping;           /* in one that was refused */
	bool mode_noted;
};

static void read_file(struct reader *reader, FILE *stream, const char *path,
    unsigned int depth, struct section *section);

static char *
place(const struct file *file)
{
	char *safe = log_safe(file->path, strlen(file->path));
	char *text = xasprintf("%s:%zu", safe, file->line);

	free(safe);
	return text;
}

static void
complain_at(struct reader *reader, const char *where, const char *text)
{
	char *line = xasprintf("%s: %s", where, text);

	reader->errors++;
	if (reader->note != NULL)
		reader->note(reader->arg, line);
	free(line);
}

static void __attribute__((format(printf, 2, 3)))
complain(struct file *file, const char *fmt, ...)
{
	struct err text = ERR_INIT;
	char *where = place(file);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	complain_at(file->reader, where, text.text);
	free(where);
}

/* Sections. */

static struct section *
find_section(const struct config *config, const char *name)
{
	struct section *section;

	STAILQ_FOREACH (section, &config->sections, next) {
		if (name == NULL || section->name == NULL) {
			if (name == section->name)
				return section;
		} else if (strcmp(section->name, name) == 0)
			return section;
	}
	return NULL;
}

static struct section *
add_section(struct config *config, const char *name)
{
	struct section *section = xcalloc(1, sizeof(*section));

	STAILQ_INIT(&section->entries);
	section->trial = account_new();
	STAILQ_INSERT_TAIL(&config->sections, section, next);
	if (name == NULL)
		return section;
	section->name = xstrdup(name);
	config->names =
	    xreallocarray(config->names, config->count + 1, sizeof(char *));
	config->names[config->count++] = section->name;
	return section;
}

/* A name must do as an operand, in a line of a table and in this file. */
static bool
name_is_good(const char *name)
{
	if (name[0] == '-' || name[0] == '\0' || strstr(name, "://") != NULL)
		return false;
	return strpbrk(name, " \t[]\"") == NULL;
}

/* text is what stands between the brackets, trimmed. */
static void
read_section(struct file *file, char *text)
{
	const char *name = NULL;

	file->skipping = true;
	if (strncmp(text, "account", 7) == 0 &&
	    (text[7] == ' ' || text[7] == '\t')) {
		name = text + 8 + strspn(text + 8, " \t");
		if (!name_is_good(name)) {
			complain(file,
			    "the name of an account has no blanks, quotes, "
			    "brackets or \"://\" and does not begin with -");
			return;
		}
	} else if (strcmp(text, "defaults") != 0) {
		complain(file, "not [defaults] or [account NAME]");
		return;
	}
	if (find_section(file->reader->config, name) != NULL) {
		complain(file, "a second [%s%s]",
		    name == NULL ? "defaults" : "account ",
		    name == NULL ? "" : name);
		return;
	}
	file->section = add_section(file->reader->config, name);
	file->skipping = false;
}

/* Values. */

/* Cut a quoted value out in place. NULL with what is wrong in *problem. */
static char *
unquote(char *text, const char **problem)
{
	char *out = text, *p;

	for (p = text + 1; *p != '"'; p++) {
		*out = *p;
		if (*p == '\0') {
			*problem = "the quote is not closed";
			return NULL;
		}
		if (*p == '\\') {
			p++;
			*out = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
			if (*p == '\0' || strchr("\"\\nt", *p) == NULL) {
				*problem = "in quotes, \\ goes before \", \\, "
					   "n or t only";
				return NULL;
			}
		}
		out++;
	}
	if (p[1] != '\0') {
		*problem = "something follows the closing quote";
		return NULL;
	}
	*out = '\0';
	return text;
}

static bool
is_path(const struct setting *setting)
{
	return setting->arg != NULL &&
	    (strcmp(setting->arg, "FILE") == 0 ||
		strcmp(setting->arg, "DIR") == 0);
}

/*
 * A path is the same wherever poplar is started: ~ is the home directory, and
 * one that depends on the working directory is refused (NULL).
 */
static char *
expand_path(const char *value)
{
	char *home, *path;

	if (value[0] == '/' || strcmp(value, "-") == 0 ||
	    strncmp(value, "pkcs11:", 7) == 0)
		return xstrdup(value);
	if (value[0] != '~' || (value[1] != '/' && value[1] != '\0'))
		return NULL;
	if ((home = account_home()) == NULL)
		return NULL;
	path = xasprintf("%s%s", home, value + 1);
	free(home);
	return path;
}

static void
free_entry(struct entry *entry)
{
	if (entry->value != NULL)
		explicit_bzero(entry->value, strlen(entry->value));
	free(entry->value);
	free(entry);
}

static bool
is_duplicate(const struct section *section, const struct setting *setting)
{
	const struct entry *entry;

	if (setting->repeatable)
		return false;
	STAILQ_FOREACH (entry, &section->entries, next) {
		if (entry->setting == setting)
			return true;
	}
	return false;
}

/* A file that holds a secret is its owner's alone. */
static void
check_mode(struct file *file, const struct setting *setting, const char *value)
{
	struct err err = ERR_INIT;
	bool proxy = strcmp(setting->name, "proxy") == 0;

	if (file->mode_noted ||
	    !(setting->secret || (proxy && strchr(value, '@') != NULL)))
		return;
	if (secret_check_mode(file->fd, file->path, "a password", &err) == 0)
		return;
	complain(file, "%s", err.text);
	file->mode_noted = true;
}

static void
add_entry(struct file *file, const struct setting *setting, const char *value)
{
	struct section *section = file->section;
	struct entry *entry = xcalloc(1, sizeof(*entry));
	struct err err = ERR_INIT;

	entry->setting = setting;
	if (value != NULL && is_path(setting) && value[0] != '\0') {
		entry->value = expand_path(value);
		if (entry->value == NULL) {
			complain(file,
			    "%s: a path begins with / or ~/ here, as the "
			    "working directory may be any",
			    setting->name);
			free_entry(entry);
			return;
		}
	} else if (value != NULL)
		entry->value = xstrdup(value);
	if (account_set(section->trial, setting, entry->value, &err) == -1) {
		complain(file, "%s: %s", setting->name, err.text);
		free_entry(entry);
		return;
	}
	STAILQ_INSERT_TAIL(&section->entries, entry, next);
}

/* account = NAME of [defaults] is no setting of an account. */
static void
read_account(struct file *file, const char *value)
{
	struct config *config = file->reader->config;

	if (file->section->name != NULL)
		complain(file, "account: it belongs into [defaults]");
	else if (value == NULL)
		complain(file, "account: NAME is missing");
	else if (config->account != NULL)
		complain(file, "account: it is there already");
	else {
		config->account = xstrdup(value);
		file->reader->account_place = place(file);
	}
}

/* There is no such key; which one may be meant? */
static void
complain_of_key(struct file *file, const char *key)
{
	char *safe = log_safe(key, strlen(key));
	struct nearest nearest;

	nearest_begin(&nearest, key, strlen(key));
	for (const struct setting *s = settings; s->name != NULL; s++)
		if (!s->option_only)
			nearest_try(&nearest, s->name);
	if (nearest.word != NULL)
		complain(file, "unknown key %s; did you mean %s?", safe,
		    nearest.word);
	else
		complain(file, "unknown key %s", safe);
	free(safe);
}

static void
read_setting(struct file *file, const char *key, char *value)
{
	const struct setting *setting = setting_find(key);
	const char *problem = NULL;

	if (file->skipping)
		return;
	if (value != NULL && value[0] == '"' &&
	    (value = unquote(value, &problem)) == NULL) {
		complain(file, "%s", problem);
		return;
	}
	if (file->section == NULL)
		complain(file,
		    "a key before the first [defaults] or [account NAME]");
	else if (strcmp(key, "account") == 0)
		read_account(file, value);
	else if (setting == NULL)
		complain_of_key(file, key);
	else if (setting->option_only)
		complain(file, "%s: an option of the command line only",
		    setting->name);
	else if (is_duplicate(file->section, setting))
		complain(file, "%s: it is in this section already",
		    setting->name);
	else {
		if (value != NULL)
			check_mode(file, setting, value);
		add_entry(file, setting, value);
	}
}

/* Files and lines. */

/*
 * A FIFO, a terminal or an inherited descriptor (/dev/fd/0) would make poplar
 * wait, or take what is meant for somebody else: only the file that is named on
 * the command line may be one. NULL with *problem.
 */
static FILE *
open_included(const char *path, const char **problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE *stream = NULL;
	struct stat st;

	if (fd != -1 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		*problem = "not a regular file";
		close(fd);
		return NULL;
	}
	if (fd == -1 || (stream = fdopen(fd, "r")) == NULL)
		*problem = strerror(errno);
	if (fd != -1 && stream == NULL)
		close(fd);
	return stream;
}

static void
read_include(struct file *file, char *value)
{
	struct reader *reader = file->reader;
	const char *problem = NULL, *slash;
	char *path, *safe;
	FILE *stream;

	if (file->skipping)
		return;
	if (value[0] == '"')
		value = unquote(value, &problem);
	if (value == NULL || value[0] == '\0') {
		complain(file, "include: %s",
		    problem != NULL ? problem : "PATH is missing");
		return;
	}
	if (file->depth + 1 == INCLUDE_DEPTH ||
	    ++reader->files > INCLUDE_FILES) {
		complain(file, "include: more than %d files deep, or %d in all",
		    INCLUDE_DEPTH, INCLUDE_FILES);
		return;
	}
	if ((path = expand_path(value)) == NULL) {
		slash = strrchr(file->path, '/');
		path = xasprintf("%.*s%s",
		    slash == NULL ? 0 : (int)(slash + 1 - file->path),
		    file->path, value);
	}
	if ((stream = open_included(path, &problem)) == NULL) {
		safe = log_safe(path, strlen(path));
		complain(file, "include: %s: %s", safe, problem);
		free(safe);
	} else
		read_file(reader, stream, path, file->depth + 1, file->section);
	free(path);
}

static char *
trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	text[len] = '\0';
	return text;
}

static void
read_key(struct file *file, char *text)
{
	char *equals = strchr(text, '='), *key, *value = NULL;

	if (strncmp(text, "include", 7) == 0 &&
	    strchr(" \t=", text[7]) != NULL) {
		text = trim(text + 7);
		read_include(file, text[0] == '=' ? trim(text + 1) : text);
		return;
	}
	if (equals != NULL) {
		*equals = '\0';
		value = trim(equals + 1);
	}
	key = trim(text);
	if (key[0] == '\0' || strpbrk(key, " \t\"[]") != NULL)
		complain(file, "not KEY = VALUE, FLAG or [SECTION]");
	else
		read_setting(file, key, value);
}

/* len counts the octets, as a NUL may be among them. */
static void
read_line(struct file *file, char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\r')
		text[--len] = '\0';
	if (file->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3, len -= 3;
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') ||
		    text[i] == 0x7f) {
			complain(file, "a control character (0x%02x)",
			    (unsigned int)text[i]);
			return;
		}
	}
	text = trim(text);
	len = strlen(text);
	if (len == 0 || text[0] == '#')
		return;
	if (text[0] != '[') {
		read_key(file, text);
		return;
	}
	if (text[len - 1] != ']') {
		file->skipping = true;
		complain(file, "a [ without a ] at the end of the line");
		return;
	}
	text[len - 1] = '\0';
	read_section(file, trim(text + 1));
}

/* Who may write to it may have any command run. */
static void
check_writers(const struct file *file)
{
	const char *fault = NULL;
	unsigned int allow = OWNER_ROOT;
	struct stat st;
	char *safe;

	/* a pipe's owner is nobody's business */
	if (fstat(file->fd, &st) == -1 || !S_ISREG(st.st_mode))
		return;
	if ((st.st_mode & S_IWGRP) && owner_is_alone_in(st.st_gid))
		allow |= OWNER_GROUP;
	if ((fault = owner_fault(&st, allow)) == NULL)
		return;
	safe = log_safe(file->path, strlen(file->path));
	complain_at(file->reader, safe, fault);
	free(safe);
}

/* Closes stream. */
static void
read_file(struct reader *reader, FILE *stream, const char *path,
    unsigned int depth, struct section *section)
{
	/* no escapes, continuation or comments: # may be in a password */
	static const char delimiters[3] = { '\0', '\0', '\0' };
	struct file file = { .reader = reader,
		.path = path,
		.fd = fileno(stream),
		.depth = depth,
		.section = section };
	char *text;
	size_t len;

	check_writers(&file);
	for (;;) {
		size_t line = file.line + 1;

		errno = 0;
		text = fparseln(stream, &len, &file.line, delimiters, 0);
		if (text == NULL)
			break;
		file.line = line;
		read_line(&file, text, len);
		explicit_bzero(text, len);
		free(text);
	}
	if (ferror(stream))
		complain(&file, "%s", strerror(errno));
	fclose(stream);
}

static void
check_default_account(struct reader *reader)
{
	const char *name = reader->config->account;
	struct err err = ERR_INIT;
	char *safe;

	if (name == NULL || find_section(reader->config, name) != NULL)
		return;
	safe = log_safe(name, strlen(name));
	err_set(&err, EX_CONFIG, "account: there is no [account %s]", safe);
	complain_at(reader, reader->account_place, err.text);
	free(safe);
}

struct config *
config_read(const char *path, bool missing_ok,
    void (*note)(void *arg, const char *text), void *arg, struct err *err)
{
	struct config *config = xcalloc(1, sizeof(*config));
	struct reader reader = { .config = config, .note = note, .arg = arg };
	FILE *stream = fopen(path, "re");

	STAILQ_INIT(&config->sections);
	config->path = log_safe(path, strlen(path));
	if (stream == NULL && !(missing_ok && errno == ENOENT)) {
		err_sys(err, EX_CONFIG, "%s", config->path);
		config_free(config);
		return NULL;
	}
	if (stream != NULL) {
		read_file(&reader, stream, path, 0, NULL);
		check_default_account(&reader);
	}
	free(reader.account_place);
	if (reader.errors > 0) {
		err_set(err, EX_CONFIG, "%s: %u error%s, so nothing was done",
		    config->path, reader.errors, reader.errors == 1 ? "" : "s");
		config_free(config);
		return NULL;
	}
	return config;
}

void
config_free(struct config *config)
{
	struct section *section;
	struct entry *entry;

	if (config == NULL)
		return;
	while ((section = STAILQ_FIRST(&config->sections)) != NULL) {
		STAILQ_REMOVE_HEAD(&config->sections, next);
		while ((entry = STAILQ_FIRST(&section->entries)) != NULL) {
			STAILQ_REMOVE_HEAD(&section->entries, next);
			free_entry(entry);
		}
		account_free(section->trial);
		free(section->name);
		free(section);
	}
	free(config->names);
	free(config->account);
	free(config->path);
	free(config);
}

char *
config_default_path(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	char *home, *path;

	/* relative ones are to be ignored, says the specification */
	if (xdg != NULL && xdg[0] == '/')
		return xasprintf("%s/poplar/config", xdg);
	if ((home = account_home()) == NULL)
		return NULL;
	path = xasprintf("%s/.config/poplar/config", home);
	free(home);
	return path;
}

size_t
config_accounts(const struct config *config, char *const **names)
{
	*names = config->names;
	return config->count;
}

const char *
config_default_account(const struct config *config)
{
	if (config->account != NULL)
		return config->account;
	return config->count == 1 ? config->names[0] : NULL;
}

/* All of them were tried when they were read, so none is refused now. */
static int
apply(const struct section *section, struct account *account, struct err *err)
{
	const struct entry *entry;

	account_layer(account);
	if (section == NULL)
		return 0;
	STAILQ_FOREACH (entry, &section->entries, next) {
		if (account_set(account, entry->setting, entry->value, err) ==
		    -1)
			return err_prefix(err, "%s", entry->setting->name);
	}
	return 0;
}

static struct account *
make_account(const struct config *config, const char *name, bool foreign,
    struct err *err)
{
	const struct section *section = NULL;
	struct account *account;
	char *safe;

	if (name != NULL && (section = find_section(config, name)) == NULL) {
		safe = log_safe(name, strlen(name));
		err_set(err, EX_CONFIG, "no [account %s] in %s", safe,
		    config->path);
		free(safe);
		return NULL;
	}
	account = account_new();
	if (name != NULL)
		account->name = xstrdup(name);
	if (apply(find_section(config, NULL), account, err) == -1)
		goto fail;
	if (foreign)
		account_make_foreign(account);
	if (apply(section, account, err) == -1)
		goto fail;
	account_layer(account);
	return account;

fail:
	account_free(account);
	return NULL;
}

struct account *
config_account(const struct config *config, const char *name, struct err *err)
{
	return make_account(config, name, false, err);
}

struct account *
config_account_elsewhere(const struct config *config, const char *name,
    struct err *err)
{
	return make_account(config, name, true, err);
}
