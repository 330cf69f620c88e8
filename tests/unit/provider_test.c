/* SPDX-License-Identifier: ISC */
/* Who is recognised: cli/provider.c. */
#include "unit/test.h"

#include "cli/provider.h"

static const char *
name(const char *host, const char *user)
{
	const struct provider *provider = provider_find(host, user);

	return provider != NULL ? provider->name : "nobody";
}

static void
test_hosts(void)
{
	CHECK_STR(name("pop.gmail.com", NULL), "Gmail");
	CHECK_STR(name("GMAIL.COM", NULL), "Gmail");
	CHECK_STR(name("outlook.office365.com", "a@work.example"), "Microsoft");
	CHECK_STR(name("pop.aol.com", NULL), "AOL");
	CHECK_STR(name("notgmail.com", NULL), "nobody");
	CHECK_STR(name("gmail.com.example.org", NULL), "nobody");
	CHECK_STR(name("", NULL), "nobody");
}

static void
test_users(void)
{
	CHECK_STR(name("127.0.0.1", "ann@hotmail.com"), "Microsoft");
	CHECK_STR(name(NULL, "ann@me.com"), "iCloud");
	CHECK_STR(name(NULL, "ann"), "nobody");
	CHECK_STR(name(NULL, "ann@"), "nobody");
	CHECK_STR(name(NULL, NULL), "nobody");
	/* the server counts for more than the address */
	CHECK_STR(name("pop.fastmail.com", "ann@gmail.com"), "Fastmail");
}

int
main(void)
{
	TEST(test_hosts);
	TEST(test_users);
	return TEST_END();
}
