/* SPDX-License-Identifier: ISC */
/* What a fetch tells its caller while it works. Strings are borrowed. */
#ifndef FETCH_REPORT_H
#define FETCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum report_outcome {
	REPORT_DELIVERED, /* in its destination, recorded */
	REPORT_KNOWN,     /* retrieved, but delivered before (by digest) */
	REPORT_SKIPPED,   /* by size, filter or limit; stays on the server */
	REPORT_FAILED,    /* err says why; stays on the server */
	REPORT_DELETED,   /* DELE and QUIT accepted */
	REPORT_PLANNED    /* --dry-run: would be fetched or deleted */
};

struct report_message {
	enum report_outcome outcome;
	uint32_t num;
	const char *uid; /* NULL: the server gives none */
	size_t uid_len;
	uint64_t octets;
	const char *name; /* file name in the maildir, or NULL */
	int deleted;      /* PLANNED: it is a deletion */
	const struct err *err;
};

struct report_progress {
	uint64_t messages, messages_total; /* to be retrieved */
	uint64_t octets, octets_total;
};

struct report_summary {
	uint64_t delivered, octets, known, skipped, failed, deleted;
	uint64_t planned, planned_octets; /* --dry-run: would be fetched */
	uint64_t planned_deletions;       /* and deleted */
	bool listed;        /* the server has said what there is */
	uint64_t on_server; /* of those listed, not deleted by us */
	uint64_t owed;      /* deletions still owed at the end */
	int status;
};

struct report {
	void (*message)(void *arg, const struct report_message *message);
	void (*progress)(void *arg, const struct report_progress *progress);
	void (*warning)(void *arg, const struct err *err);
	void *arg;
};

#endif
