/* SPDX-License-Identifier: ISC */
/*
 * The CAPA reply. capability = word *( " " argument ); words without regard to
 * case. A server may send words no RFC knows; they are shown and not acted on.
 */
#include "pop3/capa.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/deadline.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "pop3/pop3.h"
#include "pop3/pop3_priv.h"

static const struct {
	const char *word;
	unsigned int bit;
} words[] = {
	{ "TOP", POP3_CAP_TOP },
	{ "UIDL", POP3_CAP_UIDL },
	{ "USER", POP3_CAP_USER },
	{ "PIPELINING", POP3_CAP_PIPELINING },
	{ "STLS", POP3_CAP_STLS },
	{ "UTF8", POP3_CAP_UTF8 },
	{ "LANG", POP3_CAP_LANG },
	{ "RESP-CODES", POP3_CAP_RESP_CODES },
	{ "AUTH-RESP-CODE", POP3_CAP_AUTH_RESP_CODE },
	{ "EXPIRE", POP3_CAP_EXPIRE },
	{ "LOGIN-DELAY", POP3_CAP_LOGIN_DELAY },
	{ "SASL", POP3_CAP_SASL },
	{ "IMPLEMENTATION", POP3_CAP_IMPLEMENTATION },
};

static unsigned int
capability_bit(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == len &&
		    strncasecmp(words[i].word, word, len) == 0)
			return words[i].bit;
	return 0;
}

static uint32_t
expire_days(const char *text)
{
	uint64_t days;

	if (parse_u64(text, strlen(text), POP3_EXPIRE_NEVER - 1, &days) == 0)
		return POP3_EXPIRE_NEVER;
	return (uint32_t)days;
}

void
capa_add(struct capa *capa, const char *line, size_t len)
{
	char *text = xstrndup(line, len);
	size_t word = strcspn(text, " \t");
	const char *arguments = text + word + strspn(text + word, " \t");
	unsigned int bit = capability_bit(text, word);

	if (capa->count == 0)
		capa->expire_days = POP3_EXPIRE_NEVER;
	capa->lines =
	    xreallocarray(capa->lines, capa->count + 2, sizeof(*capa->lines));
	capa->lines[capa->count++] = text;
	capa->lines[capa->count] = NULL;
	capa->bits |= bit;
	if (bit == POP3_CAP_SASL && capa->sasl == NULL)
		capa->sasl = xstrdup(arguments);
	if (bit == POP3_CAP_EXPIRE)
		capa->expire_days = expire_days(arguments);
}

void
capa_clear(struct capa *capa)
{
	for (size_t i = 0; i < capa->count; i++)
		free(capa->lines[i]);
	free(capa->lines);
	free(capa->sasl);
	memset(capa, 0, sizeof(*capa));
}

static int
capa_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct pop3 *pop3 = arg;

	(void)err;
	capa_add(&pop3->capa_coming, line, len);
	return 0;
}

/* What was known until now holds until the answer is complete. */
static void
capa_done(void *arg, struct pop3_request *request)
{
	struct pop3 *pop3 = arg;

	if (request->result == POP3_LOST)
		return;
	capa_clear(&pop3->capa);
	pop3->capa = pop3->capa_coming;
	memset(&pop3->capa_coming, 0, sizeof(pop3->capa_coming));
	pop3->capa.known = request->result == POP3_OK;
}

int
pop3_capa_submit(struct pop3 *pop3, struct err *err)
{
	capa_clear(&pop3->capa_coming);
	memset(&pop3->capa_request, 0, sizeof(pop3->capa_request));
	pop3->capa_request.shape = POP3_LINES;
	pop3->capa_request.max_lines = CAPA_LINES_MAX;
	pop3->capa_request.line = capa_line;
	pop3->capa_request.done = capa_done;
	pop3->capa_request.arg = pop3;
	if (pop3->options.no_capa) {
		pop3->capa_request.result = POP3_ERR;
		return 0;
	}
	return pop3_submit(pop3, &pop3->capa_request, err, "CAPA");
}

/* Some servers know no CAPA and say nothing: do not wait long for that. */
static int
wait_for_capa(struct pop3 *pop3, struct err *err)
{
	int64_t until_ms = deadline_after(pop3->options.capa_ms);
	int seconds = (pop3->options.capa_ms + 999) / 1000;

	while (pop3->capa_request.result == POP3_PENDING) {
		if (pop3_step(pop3, until_ms, err) == -1)
			return -1;
		if (pop3->capa_request.result == POP3_PENDING &&
		    deadline_poll(until_ms) == 0) {
			(void)err_set(err, EX_TEMPFAIL,
			    "%s did not answer CAPA within %d second%s",
			    pop3_peer(pop3), seconds, seconds == 1 ? "" : "s");
			return queue_die(pop3, err);
		}
	}
	return 0;
}

int
pop3_capa_finish(struct pop3 *pop3, struct err *err)
{
	if (pop3->options.capa_ms > 0 && wait_for_capa(pop3, err) == -1)
		return -1;
	if (pop3_finish(pop3, &pop3->capa_request, err) == -1)
		return -1;
	if (pop3->capa_request.result == POP3_LOST)
		return pop3_refused(pop3, &pop3->capa_request, err);
	return 0;
}

int
pop3_capa(struct pop3 *pop3, struct err *err)
{
	if (pop3_capa_submit(pop3, err) == -1)
		return -1;
	return pop3_capa_finish(pop3, err);
}

bool
pop3_capa_fatal(const struct pop3 *pop3)
{
	/* behind a refused CAPA, nonsense is another matter */
	return pop3->dead && pop3->capa_fatal &&
	    (pop3->death.status == EX_TEMPFAIL ||
		pop3->capa_request.result == POP3_LOST);
}

void
pop3_capa_forget(struct pop3 *pop3)
{
	capa_clear(&pop3->capa);
}

unsigned int
pop3_caps(const struct pop3 *pop3)
{
	return pop3->capa.bits;
}

bool
pop3_capa_known(const struct pop3 *pop3)
{
	return pop3->capa.known;
}

char *const *
pop3_capa_lines(const struct pop3 *pop3)
{
	static char *const none[] = { NULL };

	return pop3->capa.lines != NULL ? pop3->capa.lines : none;
}

const char *
pop3_sasl_mechanisms(const struct pop3 *pop3)
{
	return pop3->capa.sasl != NULL ? pop3->capa.sasl : "";
}

uint32_t
pop3_expire_days(const struct pop3 *pop3)
{
	return pop3->capa.count > 0 ? pop3->capa.expire_days :
				      POP3_EXPIRE_NEVER;
}
