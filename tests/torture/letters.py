# SPDX-License-Identifier: ISC
"""What the servers of the soak are like: how they give UIDLs and sizes, what
they do to a message that is retrieved, how they delete; and the messages."""

import collections
import hashlib

from netcase import lines
from popserver import Message, Session

# Each trait's values; the first is an ordinary server's.
TRAITS = {
    # unique  slot: the lowest number that is free  header, content: a hash
    # one: the same for all  none: UIDL is not served  long: up to 10 kB
    "uid": ("unique", "slot", "header", "content", "one", "none", "long"),
    # lf: a line end is one octet  guess: lf until a message was retrieved
    # untold: LIST is not served
    "size": ("exact", "more", "less", "lf", "guess", "untold"),
    # status: it writes Status into what was retrieved  anew: other octets
    # each time, but the same Message-ID
    "render": ("still", "status", "anew"),
    # lost: offered, and what follows a command in one packet is lost
    "pipelining": ("yes", "no", "lost"),
    # zero: QUIT deletes what was retrieved, as CAPA says  hide: likewise, as
    # Gmail does
    "expire": ("never", "zero", "hide"),
    # what befalls a DELE of every third message: it is accepted and not done,
    # refused, or ends the session
    "dele": ("done", "vain", "refused", "deadly"),
    # silent: the connection is closed in answer
    "quit": ("answered", "silent"),
    # a session ends after so many RETRs
    "ends": ("never", "3", "5"),
    # which of UIDL n, LIST n and TOP is not served
    "lacks": ("nothing", "uidl-n", "list-n", "both", "top"),
}
Character = collections.namedtuple(
    "Character", TRAITS, defaults=[values[0] for values in TRAITS.values()])

# The same UIDL for several messages, or none.
REPEATED = ("header", "content", "one")
# Those that a server may give anew to all.
RENUMBERED = ("unique", "long")
STUBBORN = 3  # every so many messages has a DELE that fails


def is_possible(character):
    """Can anybody get everything, and once, from such a server?"""
    uid, render = character.uid, character.render
    if render == "anew" and (uid in REPEATED + ("none",) or
                             character.size not in ("exact", "untold")):
        return False  # nothing tells that it is the same message
    if character.ends != "never" and (uid in REPEATED + ("none",) or
                                      character.lacks == "top"):
        return False  # all are to be seen to know which it is
    return character.dele != "deadly" or uid != "none"


def has_sentinel(character):
    """Can a reply that was lost be found out by another command?"""
    lacks = character.lacks
    return lacks != "both" and (
        character.uid != "none" and lacks != "uidl-n" or
        character.size != "untold" and lacks != "list-n")


def words(character):
    """What is not ordinary about it."""
    return ["%s=%s" % (trait, value) for trait, value in
            character._asdict().items() if value != TRAITS[trait][0]]


ODD = (lines(b"+OK 100 octets", b"text"),
       lines(b"-ERR no such message", b"", b"text"),
       b"",
       lines(b""),
       lines(b"+OK"),
       lines(b"From here", b">From there", b".", b"..", b""))


class Letter(Message):
    """A message that came to the mailbox. Those of one key are byte-identical;
    uids and sizes are all that the server ever listed for it."""

    def __init__(self, number, key, head, body):
        super().__init__(number, b"", head + lines(b"") + body)
        self.key = key
        self.head, self.body = head, body
        self.message_id = None
        self.uids = set()
        self.sizes = set()
        self.is_read = False    # retrieved, so Status is to be written
        self.gone = None        # poplar, expiry, other
        # what poplar did
        self.retrieved_in = None    # the last run
        self.attempts = []          # the runs that did and did not deliver it
        self.deletes = 0            # connections with a DELE for it
        self.delivered = []         # the runs that may have done it, each time
        self.is_asked_for = False   # a run was to delete it
        self.marked = False         # by mark-seen, before it was delivered
        self.is_untouched = False   # and before it was retrieved
        self.seen_whole = set()     # runs that listed it, and did all

    def is_stubborn(self):
        return self.number % STUBBORN == 1

    def is_odd(self):
        return self.message_id is None

    def name(self, uid):
        self.uid = uid
        self.uids.add(uid)

    def text(self, written):
        if not written or self.is_odd():
            return self.data
        return self.head + lines(b"Status: RO", b"X-UID: 7", b"") + self.body

    def anew(self, count):
        if self.is_odd():
            return self.data
        return self.head + lines(b"X-Rendered: %06d" % count, b"") + \
            self.body + lines(b"--=%06d--" % count)


def write_letter(number, key, filler, message_id=None):
    """filler lines make its size; others with as many have the same."""
    letter = Letter(number, key, lines(
        b"From: Ann <ann@example.org>", b"Subject: letter %06d" % key,
        b"Message-ID: <%06d@example.org>" % (
            key if message_id is None else message_id)),
        body_of(key, filler))
    letter.message_id = key if message_id is None else message_id
    return letter


def body_of(key, filler):
    return lines(b"text %06d" % key, *[b"filler"] * filler)


def odd_letter(number, key, kind):
    letter = Letter(number, key, b"", b"")
    letter.data = letter.body = ODD[kind % len(ODD)]
    return letter


class Mailbox:
    """The server's side that outlasts sessions: who gets which UIDL."""

    def __init__(self, server, character):
        self.server = server
        self.character = character
        self.letters = []     # all that ever came, in order
        self.generation = 0   # of UIDLs
        self.count = 0        # of renderings
        server.box = []

    def next_uid(self, letter):
        kind, number = self.character.uid, letter.number
        if kind == "slot":
            used = {other.uid for other in self.server.box}
            free = 1
            while b"%d" % free in used:
                free += 1
            return b"%d" % free
        if kind in ("header", "content"):
            text = letter.head if kind == "header" and letter.head \
                else letter.data
            return hashlib.md5(text).hexdigest().encode()
        if kind in ("one", "none"):
            return b"one"
        uid = b"u%d.%d" % (self.generation, number)
        if kind == "long":
            return uid + b"x" * (200 + 2450 * (number % 5) - len(uid))
        return uid

    def arrive(self, letter, uid=None):
        letter.name(self.next_uid(letter) if uid is None else uid)
        self.letters.append(letter)
        self.server.box.append(letter)

    def remove(self, letter, how):
        letter.gone = how
        self.server.box.remove(letter)

    def renumber(self):
        self.generation += 1
        for letter in self.server.box:
            letter.name(self.next_uid(letter))

    def size(self, text, letter):
        kind, octets = self.character.size, len(text)
        if kind == "more":
            return octets + 13
        if kind == "less":
            return max(octets - 7, 0)
        if kind == "lf" or kind == "guess" and not letter.is_read:
            return octets - text.count(b"\n")
        return octets


class Lively(Session):
    """A session of such a server. Its watch is told of what happens."""

    def __init__(self, server, line, plan, faulty):
        super().__init__(server, line, plan, faulty)
        self.mailbox, self.watch = server.mailbox, server.watch
        self.character = server.mailbox.character
        self.render = self.character.render
        self.texts = [letter.text(letter.is_read and self.render == "status")
                      if self.render != "anew" else letter.anew(0)
                      for letter in self.box]
        self.retrieved = []
        if self.character.expire == "hide":
            self.greeting = b"+OK Gpop ready"

    def read_line(self):
        line = super().read_line()
        if self.input and self.character.pipelining == "lost":
            self.input = b""
        elif self.input and self.character.pipelining == "no":
            self.watch.complain("pipelined", "%r behind %r" % (
                self.input, line))
        return line

    def uid(self, index):
        return self.box[index].uid

    def size(self, index):
        letter = self.box[index]
        size = self.mailbox.size(self.texts[index], letter)
        letter.sizes.add(size)
        return size

    def capa(self):
        found = super().capa()
        if self.character.expire == "zero":
            found.append(b"EXPIRE 0")
        if self.character.lacks == "top":
            found.remove(b"TOP")
        if self.character.uid == "none":
            found.remove(b"UIDL")
        return found

    def is_refused(self, verb, argument):
        lacks = self.character.lacks
        return (verb == "UIDL" and self.character.uid == "none"
                or verb == "LIST" and self.character.size == "untold"
                or verb == "TOP" and lacks == "top"
                or argument and (verb == "UIDL" and lacks in ("uidl-n", "both")
                                 or verb == "LIST" and
                                 lacks in ("list-n", "both"))
                or verb == "DELE" and self.is_stubborn(argument, "refused"))

    def is_stubborn(self, argument, how):
        """Does a DELE of it end so?"""
        return self.character.dele == how and argument.isdigit() and \
            0 < int(argument) <= len(self.box) and \
            self.box[int(argument) - 1].is_stubborn()

    def text(self, index):
        letter, text = self.box[index], self.texts[index]
        if self.render == "anew":
            self.mailbox.count += 1
            text = letter.anew(self.mailbox.count)
        self.watch.rendered(letter, text)
        return Message(0, b"", text).wire()

    def shown(self, index, verb):
        letter = self.box[index]
        if verb == "RETR":
            letter.is_read = True
            self.retrieved.append(letter)
            self.watch.retrieved(letter)

    def delete(self, index):
        if not self.is_stubborn("%d" % (index + 1), "vain"):
            super().delete(index)

    def leave(self):
        self.flush()
        self.line.end("fin")

    def command(self, verb, argument):
        self.watch.heard(verb, argument)
        if verb == "RETR" and self.character.ends != "never" and \
                len(self.retrieved) == int(self.character.ends):
            self.leave()
        if verb == "DELE" and argument.isdigit() and \
                0 < int(argument) <= len(self.box):
            self.box[int(argument) - 1].deletes += 1
            if self.is_stubborn(argument, "deadly"):
                self.leave()
        if verb == "QUIT" and self.character.quit == "silent":
            self.expunge()
            self.leave()
        super().command(verb, argument)

    def expunge(self):
        gone = [self.box[index] for index in sorted(self.deleted)]
        expired = []
        if self.character.expire != "never":
            expired = [letter for letter in self.box
                       if letter in self.retrieved and letter not in gone]
        self.watch.expunged(gone, expired)
        for letter in gone:
            self.mailbox.remove(letter, "poplar")
        for letter in expired:
            self.mailbox.remove(letter, "expiry")
