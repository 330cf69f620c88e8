# SPDX-License-Identifier: ISC
"""The mutants: one fault each, as text of src/ and what it becomes, and the
sweeps that are to catch it, first to last."""

import collections

# edits: (file below src, exact text that stands there once, its replacement)
Mutant = collections.namedtuple("Mutant", "name fault edits sweeps")


def network(series):
    return ("network", "--series", series)


def crash(points, *patterns):
    return ("crash", "-n", str(points), *patterns)


def between(points, *patterns):
    return ("between", "-n", str(points), *patterns)


def soak(count, *options):
    """The first count histories of $SOAK_SEED."""
    return ("soak", "--stop", "--count", str(count), *options)


def world(depth=4):
    """Every history of up to so many events."""
    return ("small-world", "-d", str(depth))


def decision(name, fault, file, old, new, depth=4):
    """One line of the decision, for the small world to catch."""
    return Mutant(name, fault, [("mailbox/" + file, old, new)],
                  [world(depth)])


MUTANTS = [
    Mutant(
        "dele-before-commit", "DELE goes out behind RETR, not after the commit",
        [("fetch/retrieve.c",
          "	batch->octets += octets;\n",
          "	batch->octets += octets;\n"
          "	if (run->account->disposal == ACCOUNT_DELETE)\n"
          "		dele_submit(run, NULL, plan->num);\n"),
         ("fetch/commit.c",
          "	else if (run->account->disposal == ACCOUNT_DELETE)\n"
          "		dele_submit(run, job->entry, plan->num);\n",
          "")],
        [network("replies plain pipelined maildir delete plain: "
                 "(empty|no-line) at RETR")]),
    Mutant(
        "new-unsynced", "new/ is not synced after the links",
        [("deliver/maildir.c",
          "	return sync_dir(maildir->new, deliver->path, err);\n",
          "	return 0;\n")],
        [crash(150, "maildir-delete-*-power")]),
    Mutant(
        "journal-unsynced", "the C records are not synced",
        [("state/state.c",
          "writer_records(state, err) == -1 || "
          "writer_sync(state, err) == -1) {\n",
          "writer_records(state, err) == -1) {\n")],
        [crash(150, "maildir-delete-*-power")]),
    Mutant(
        "files-unsynced", "what was received is not synced before C",
        [("deliver/spool.c",
          "	if (sync_batch(deliver->sync, fds, n, dirfd, err) == -1)\n",
          "	if (deliver->sync == NULL &&\n"
          "	    sync_batch(deliver->sync, fds, n, dirfd, err) == -1)\n")],
        [crash(150, "maildir-delete-*-power")]),
    Mutant(
        "rename", "a rename instead of a link",
        [("deliver/maildir.c",
          "	maildir->no_links = false;\n",
          "	maildir->no_links = true;\n")],
        [between(150, "reader-*-kill")]),
    Mutant(
        "close-ignored", "an error of close is passed over",
        [("deliver/maildir.c",
          "close(fds[i]) == -1 && rc == 0)\n",
          "close(fds[i]) == -1 && rc == 1)\n")],
        [crash(250, "maildir-delete-auto-errno")]),
    Mutant(
        "write-ignored", "an error of write is passed over",
        [("deliver/spool.c",
          "		n = write(fd, p, len);\n"
          "		if (n == -1 && errno == EINTR)\n"
          "			continue;\n"
          "		if (n == -1)\n"
          "			return err_sys(err, EX_IOERR, \"%s\", what);\n",
          "		n = write(fd, p, len);\n"
          "		if (n == -1 && errno == EINTR)\n"
          "			continue;\n"
          "		if (n == -1)\n"
          "			return 0;\n")],
        [crash(250, "maildir-delete-auto-errno")]),
    Mutant(
        "meanwhile-ignored",
        "what fails while a batch is synced is passed over",
        [("fetch/retrieve.c",
          "	/* and meanwhile, more was taken in */\n"
          "	return check(run, err);\n",
          "	return 0;\n")],
        [crash(500, "maildir70-*-errno")]),
    Mutant(
        "owed-cleared", "a deletion is no longer owed once QUIT is answered",
        [("fetch/dele.c",
          "		state_deletion(run->state, removed->entry);\n",
          "		state_gone(run->state, removed->entry, 1);\n")],
        [network("replies plain .* delete plain: vain at QUIT")]),
    Mutant(
        "sentinel-skipped", "a batch is committed whatever its sentinel says",
        [("fetch/sentinel.c",
          "	if (batch->answered_right) {\n		verify(batch);\n",
          "	if (request->result == POP3_OK) {\n		verify(batch);\n")],
        [network("replies plain pipelined maildir .* even: late at RETR")]),
    Mutant(
        "links-trusted", "a second link is taken for the one in new/",
        [("deliver/maildir_recover.c",
          "			traces[i].found = list[count++].found;\n",
          "			traces[i].found = list[count++].inode != 0;\n")],
        [between(150, "backup-*-kill")]),
    Mutant(
        "damage-cut", "damage to a short state is taken for a torn append",
        [("state/load.c",
          "		if (proves_sync(loader, &rest, &record))\n",
          "		if (proves_sync(loader, &rest, &record) &&\n"
          "		    reader->number > BATCH_LINES)\n")],
        [between(40, "rot-*-keep-*-kill")]),
    Mutant(
        "todays-options", "recovery goes to the destination of today's options",
        [("fetch/recover.c",
          "		.kind = from->kind,\n		.path = from->path,\n",
          "		.kind = run->account->deliver_kind,\n"
          "		.path = run->account->deliver_path,\n")],
        [between(150, "options-*-kill")]),
    Mutant(
        "applied-too-early", "A records are written before the links are made",
        [("fetch/commit.c",
          "	if (deliver_apply(run->deliver,",
          "	if (deliver_is_journalled(run->deliver) &&\n"
          "	    state_applied(run->state, commit->entries, commit->count,\n"
          "		err) == -1)\n"
          "		return -1;\n"
          "	if (deliver_apply(run->deliver,"),
         ("fetch/commit.c",
          "	if (journalled &&\n	    state_applied(",
          "	if (journalled && n == SIZE_MAX &&\n	    state_applied(")],
        [crash(200, "maildir-delete-*-kill")]),
    Mutant(
        "released-too-early", "tmp names go before their A records are durable",
        [("fetch/commit.c",
          "	if (state_sync(run->state, err) == -1)\n"
          "		return -1;\n"
          "	release(",
          "	(void)err;\n"
          "	release(")],
        [between(400, "reader-*-power")]),
    Mutant(
        "mbox-unmarked", "no M record before an mbox grows",
        [("deliver/mbox_file.c",
          "	if (hooks != NULL && hooks->mark != NULL) {\n",
          "	if (hooks != NULL && hooks->mark == NULL) {\n")],
        [crash(200, "mbox-*-kill"), crash(200, "mbox-*-power")]),
    Mutant(
        "mbox-unsynced", "an mbox is not synced after it grew",
        [("deliver/mbox_file.c",
          "	if (sync_file(file->fd, file->path, err) == -1)\n"
          "		return -1;\n",
          "")],
        [crash(200, "mbox-delete-*-power")]),
    Mutant(
        "dotlock-left", "the dotlock is not removed",
        [("deliver/mbox_lock.c",
          "	if (lock->path != NULL)\n		unlink(lock->path);\n",
          "")],
        [network("fin plain pipelined mbox delete: at .*[05]$")]),
    Mutant(
        "status-forgotten", "a failure does not reach the exit status",
        [("fetch/run.c",
          "	run->summary->status = err_worse("
          "run->summary->status, status);\n",
          "	(void)run;\n	(void)status;\n")],
        [network("replies plain pipelined maildir delete plain: "
                 "err at (RETR|QUIT|DELE)")]),
    decision(
        "group-ignored", "a message is judged as if it were alone",
        "decide.c", "entry != NULL && (message->flags & MESSAGE_ALONE) &&",
        "entry != NULL &&"),
    decision(
        "size-ignored", "what has a known UIDL is known, whatever its size",
        "decide.c", "group->live == group->listed &&\n	    group->same_sizes)\n",
        "group->live == group->listed)\n"),
    decision(
        "strangers-ignored", "records without UIDL are no reason to compare",
        "decide.c", "group->strangers ? VERDICT_COMPARE : VERDICT_NEW",
        "VERDICT_NEW"),
    decision(
        "sent-is-live", "a message whose deletion was accepted still counts",
        "decide.c", "	else if (entry->flags & STATE_SENT)\n		group->sent++;",
        "	else if (entry->flags & STATE_VOID)\n		group->sent++;"),
    decision(
        "absence-ignored", "what a complete listing lacks is not gone",
        "decide.c", "	if (!(entry->flags & STATE_GONE))\n		state_gone(",
        "	if (entry->flags & STATE_VOID)\n		state_gone(", 5),
    decision(
        "marked-is-due", "what is only marked is deleted, too",
        "decide.c", "(STATE_UNDELETABLE | STATE_MARKED)) ||\n	    "
        "!(entry->flags & STATE_DELIVERED) ||",
        "STATE_UNDELETABLE) ||"),
    decision(
        "any-header-is-proof", "TOP of another message is proof as well",
        "settle.c", "	    (fingerprint_same_id(&entry->print, &shown->print) ||",
        "	    (shown != NULL ||"),
    decision(
        "claimed-twice", "a record answers for any number of messages",
        "settle.c", "	entry->claimed = CLAIM_TAKEN;\n	message->entry = entry;\n"
        "	message->verdict", "	entry->claimed = CLAIM_NONE;\n"
        "	message->entry = entry;\n	message->verdict"),
    decision(
        "sent-unknown", "what was to be deleted and is there counts as new",
        "settle.c", "entry = prints_find(prints, group, KIN_SENT, shown);",
        "entry = NULL;"),
    decision(
        "gone-unknown", "what has come back counts as new",
        "settle.c", "entry = prints_find(prints, group, KIN_GONE, shown);",
        "entry = NULL;"),
    decision(
        "stranger-unknown", "a record without UIDL is nobody's",
        "settle.c", "		entry = prints_find(prints, 0, KIN_LIVE, shown);",
        "		entry = NULL;"),
    decision(
        "unclaimed-kept", "records that no message claimed stay live",
        "settle.c", "entry->claimed == CLAIM_NONE && !(entry->flags & STATE_GONE)",
        "entry->claimed == CLAIM_NONE && (entry->flags & STATE_VOID)", 5),
    decision(
        "mark-kept", "what is delivered and marked hides another message",
        "settle.c", "		forget_mark(mailbox, index);\n",
        "		(void)forget_mark;\n", 5),
    decision(
        "mark-believed", "where more are listed than recorded, marks tell still",
        "prints.c", "	return found != NULL && found->listed > found->live;\n",
        "	return found != NULL && found->listed > SIZE_MAX - 1;\n", 5),
    decision(
        "due-unasked", "a deletion that is not owed is due all the same",
        "decide.c", "(policy->owed && (entry->flags & STATE_OWED));",
        "policy->owed;"),
]
