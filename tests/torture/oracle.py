# SPDX-License-Identifier: ISC
"""What must hold of a history: what was offered is delivered, once a copy;
nothing is deleted that was not; what is owed goes; status 0 says so. It knows
each message as the server does, not by what poplar can see; where two cannot be
told apart by anything that poplar sees, that is excused, and counted.

A letter may be excused by another that was delivered and that was never listed
together with it in a run that did everything, if they share a UIDL (or have
none) and are
    twin    byte-identical
    head    of one header (or of one Message-ID), which is all that TOP shows
    shadow  of one size, the other taken away by another client: this one looks
            like that one, and nothing is retrieved to see whether it is
each by one of its own."""

import collections

from letters import REPEATED
from netcase import delivered_form

GIVEN_UP = 3  # sessions with DELE and the message still there


def may_swap(letter, other):
    return letter.key == other.key and not letter.delivered and \
        len(other.delivered) == 1 and any(
            run in letter.attempts for run in other.delivered[0])


def swap(letter, other):
    """other was not delivered, but letter."""
    letter.delivered, other.delivered = other.delivered, letter.delivered
    letter.attempts, other.attempts = other.attempts, letter.attempts


def share_uid(character, one, other, blind):
    return character.uid == "none" or blind or bool(one.uids & other.uids)


class Oracle:
    def __init__(self, box, at_least_once):
        self.box = box                     # letters.Mailbox
        self.character = box.character
        self.at_least_once = at_least_once
        self.keys = {}                     # delivered octets: key
        self.findings = []                 # (kind, text)
        self.excused = collections.Counter()
        self.repeats = 0   # allowed where a delivery can only be repeated
        self.blind = False                 # new UIDLs, or a session without
        self.has_marked = False

    def complain(self, kind, text):
        self.findings.append((kind, text))

    # What is seen.

    def rendered(self, letter, text):
        self.keys[delivered_form(text)] = letter.key

    def arrived(self, found, run):
        """found: octets of messages that are new in the destination. Of what
        is not a message's octets, nothing is known here: it is returned."""
        unknown = []
        for octets in found:
            key = self.keys.get(octets)
            letters = [letter for letter in self.box.letters
                       if letter.key == key]
            if not letters:
                unknown.append(octets)
                continue
            letter = min(letters, key=lambda letter: (
                len(letter.delivered), letter.retrieved_in is None,
                letter.retrieved_in is not run, letter.marked,
                letter.gone is not None, letter.number))
            letter.delivered.append(
                letter.attempts or [letter.retrieved_in or run])
            letter.attempts = []
        return unknown

    def retrieved(self, letter, run):
        letter.retrieved_in = run
        if not letter.delivered and run not in letter.attempts:
            letter.attempts.append(run)

    # What cannot be known.

    def likeness(self, letter, other):
        if letter is other or not (other.delivered or other.marked or
                                   self.has_twin(other)) or \
                letter.seen_whole & other.seen_whole or \
                not share_uid(self.character, letter, other, self.blind):
            return None
        if other.delivered and letter.key == other.key:
            return "twin"
        if self.character.uid == "none":
            return None
        if other.delivered and not letter.is_odd() and (
                letter.head == other.head or
                letter.message_id == other.message_id):
            return "head"
        same_size = self.character.size == "untold" or \
            bool(letter.sizes & other.sizes)
        if same_size and other.gone in ("other", "expiry"):
            return "shadow"
        return None

    def has_twin(self, letter):
        """One of its octets was delivered, under an id they may share."""
        return any(other.delivered and other.key == letter.key and
                   share_uid(self.character, letter, other, self.blind)
                   for other in self.box.letters if other is not letter)

    def inexcusable(self, letters, kinds=("twin", "head", "shadow")):
        """Of those that should be delivered, (what is not and has no excuse,
        kinds of the excuses). Which of byte-identical letters was delivered is
        a guess: the best is taken."""
        bad, excuses = self.match(letters, kinds)
        for letter in list(bad):
            for other in self.box.letters:
                if not may_swap(letter, other):
                    continue
                swap(letter, other)
                gone = [other] if other.gone in ("poplar", "expiry") else []
                better = self.match(letters + gone, kinds)
                if len(better[0]) < len(bad):
                    bad, excuses = better
                    break
                swap(letter, other)
        return bad, excuses

    def match(self, letters, kinds):
        taken = {}

        def place(letter, tried):
            for other in self.box.letters:
                kind = self.likeness(letter, other)
                if kind not in kinds or other in tried:
                    continue
                tried.add(other)
                if other not in taken or place(taken[other][0], tried):
                    taken[other] = (letter, kind)
                    return True
            return False

        bad = [letter for letter in letters
               if not letter.delivered and not place(letter, set())]
        return bad, [kind for _, kind in taken.values()]

    def is_alone(self, letter):
        """Does nothing ever make it hard to know?"""
        return not self.blind and \
            self.character.uid not in REPEATED + ("none",) and not any(
                other is not letter and self.likeness_ever(letter, other)
                for other in self.box.letters)

    @staticmethod
    def likeness_ever(letter, other):
        return letter.uids & other.uids or letter.key == other.key or (
            not letter.is_odd() and (letter.message_id == other.message_id or
                                     letter.head == other.head))

    # Judgements.

    def deleted(self, letters, run, how):
        """At QUIT; what was delivered by now is known."""
        bad, kinds = self.inexcusable(letters, ("twin", "head"))
        self.excused.update("deleted " + kind for kind in kinds)
        for letter in bad:
            self.complain(
                "marked-deleted" if letter.marked else "deleted-undelivered",
                "letter %d by %s in %s" % (letter.number, how, run))
        if how == "expiry":
            return
        for letter in letters:
            if letter.delivered and self.is_alone(letter) and \
                    not run.may_delete(letter):
                self.complain("deleted-unasked", "letter %d in %s" % (
                    letter.number, run))

    def undelivered(self, letters):
        """Those that should have been, and no excuse."""
        return self.inexcusable([letter for letter in letters
                                 if letter.delivered or not letter.marked])

    def claims_all(self, run, letters):
        """The run has said 0, and these were there for it."""
        for letter in letters:
            letter.seen_whole.add(run)
        bad, _ = self.undelivered(letters)
        for letter in bad:
            self.complain("false0", "letter %d is not delivered after %s" % (
                letter.number, run))

    def stuck(self, run):
        """What is still there, though the run should have deleted it."""
        by_key = collections.defaultdict(list)
        for letter in self.box.server.box:
            by_key[letter.key].append(letter)
        for key, letters in by_key.items():
            there = [letter for letter in letters
                     if letter.delivered and not self.is_hopeless(letter)]
            spared = [letter for letter in self.box.letters
                      if letter.key == key and (
                          letter.marked or not letter.delivered or
                          not run.should_delete(letter))]
            if len(there) > len(spared):
                self.complain("undeleted", "letter %d stays after %s" % (
                    there[0].number, run))

    def is_hopeless(self, letter):
        if letter.is_stubborn() and self.character.dele != "done":
            return True
        if letter.deletes >= GIVEN_UP:
            self.excused["undeletable"] += 1
            return True
        return False

    def close(self, last, counts):
        """The end. counts: {octets: number} of the destination, or None."""
        bad, kinds = self.undelivered(
            [letter for letter in self.box.letters if letter.gone is None])
        self.excused.update(kinds)
        for letter in bad:
            self.complain("lost", "letter %d was never delivered" %
                          letter.number)
        repeats = 0
        for letter in self.box.letters:
            repeats += max(0, len(letter.delivered) - 1)
            if len(letter.delivered) > 1 and not self.at_least_once:
                self.complain("doubled", "letter %d is there %d times" % (
                    letter.number, len(letter.delivered)))
            if letter.is_untouched and letter.delivered and \
                    self.is_alone(letter):
                self.complain("marked-delivered", "letter %d" % letter.number)
        if repeats > self.repeats and self.at_least_once:
            self.complain("doubled", "%d times, where %d may be" % (
                repeats, self.repeats))
        self.excused["repeated"] += min(repeats, self.repeats)
        self.recount(counts)
        self.stuck(last)

    def recount(self, counts):
        if counts is None:
            return
        wanted = collections.Counter(
            letter.key for letter in self.box.letters
            for _ in letter.delivered)
        got = collections.Counter()
        for octets, number in counts.items():
            got[self.keys.get(octets)] += number
        if got.pop(None, 0):
            self.complain("damaged", "the destination holds what is no message")
        if wanted - got:
            self.complain("vanished", "%d messages" %
                          sum((wanted - got).values()))
