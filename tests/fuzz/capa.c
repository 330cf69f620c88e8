/* SPDX-License-Identifier: ISC */
/* Lines of a CAPA reply, against a reading with strtok. Input: the lines. */
#include "pop3/capa.h"

#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "fuzz.h"
#include "pop3/pop3.h"

static const char *const words[] = { "TOP", "UIDL", "USER", "PIPELINING",
	"STLS", "UTF8", "LANG", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE",
	"LOGIN-DELAY", "SASL", "IMPLEMENTATION" };
static const unsigned int bits[] = { POP3_CAP_TOP, POP3_CAP_UIDL, POP3_CAP_USER,
	POP3_CAP_PIPELINING, POP3_CAP_STLS, POP3_CAP_UTF8, POP3_CAP_LANG,
	POP3_CAP_RESP_CODES, POP3_CAP_AUTH_RESP_CODE, POP3_CAP_EXPIRE,
	POP3_CAP_LOGIN_DELAY, POP3_CAP_SASL, POP3_CAP_IMPLEMENTATION };

static unsigned int
bit_of(const char *line)
{
	size_t n = strcspn(line, " \t");
	char *copy = xstrndup(line, n);
	unsigned int bit = 0;

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (strcasecmp(copy, words[i]) == 0)
			bit = bits[i];
	free(copy);
	return bit;
}

static void
check_line(const struct capa *before, const struct capa *after,
    const char *line)
{
	const char *rest = line + strcspn(line, " \t");
	unsigned int bit = bit_of(line);

	rest += strspn(rest, " \t");
	FUZZ_CHECK(after->count == before->count + 1);
	FUZZ_CHECK(strcmp(after->lines[before->count], line) == 0);
	FUZZ_CHECK(after->lines[after->count] == NULL);
	FUZZ_CHECK(after->bits == (before->bits | bit));
	if (bit == POP3_CAP_SASL && before->sasl == NULL)
		FUZZ_CHECK(strcmp(after->sasl, rest) == 0);
	if (bit == POP3_CAP_EXPIRE) {
		unsigned long long days = strtoull(rest, NULL, 10);

		if (rest[0] < '0' || rest[0] > '9' || days > UINT32_MAX)
			days = POP3_EXPIRE_NEVER;
		FUZZ_CHECK(after->expire_days == days);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	struct capa capa = { 0 };
	char *line;
	size_t len;

	while (fuzz_piece(&fuzz, '\n', &line, &len)) {
		struct capa before = capa;
		char *text = xstrndup(line, len);

		capa_add(&capa, line, len);
		check_line(&before, &capa, text);
		free(text);
		free(line);
	}
	capa_clear(&capa);
	return 0;
}
