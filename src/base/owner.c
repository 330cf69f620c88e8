/* SPDX-License-Identifier: ISC */
#include "base/owner.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

const char *
owner_fault(const struct stat *st, unsigned int allow)
{
	if (st->st_uid != geteuid() && !(allow & OWNER_ANY) &&
	    !(st->st_uid == 0 && (allow & OWNER_ROOT)))
		return "it belongs to another user";
	if (st->st_mode & S_IWOTH)
		return "everybody may write to it: chmod o-w";
	if ((st->st_mode & S_IWGRP) && !(allow & OWNER_GROUP))
		return "its group may write to it: chmod g-w";
	return NULL;
}

bool
owner_is_alone_in(gid_t group)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *members;
	size_t i;

	if (user == NULL || user->pw_gid != group ||
	    (members = getgrgid(group)) == NULL ||
	    strcmp(members->gr_name, user->pw_name) != 0)
		return false;
	for (i = 0; members->gr_mem[i] != NULL; i++)
		if (strcmp(members->gr_mem[i], user->pw_name) != 0)
			return false;
	return true;
}
