# SPDX-License-Identifier: ISC
"""Random histories of a mailbox: what one is, how it is drawn, and how it is
played, with poplar itself and a server in this process.

A history is text, so that one that was found can be written down, shortened and
played again: what is not ordinary about the server (letters.TRAITS), to=
a destination and end= a policy; then its events, each after a semicolon:

    arrive F            a new letter, with F lines of filler
    arrive twin N       the octets of the Nth letter that ever came
    arrive mid N F      another letter with its Message-ID
    arrive head N F     another body under its header
    arrive odd K        one that is hard to tell from a reply (letters.ODD)
    remove N            another client takes away the Nth letter that is there
    replace N F         and a new one comes, which is given its UIDL
    renumber            all get new UIDLs, as they are and after a session
    wait H              H hours pass
    mark all|N          state mark-seen
    seen                delete seen
    fetch keep|delete|after [limit 1] [max SIZE] [newest] [FAULT...]

mark, seen and fetch take faults of the server and of the machine:

    cut OCTETS fin|rst|stall    reply KIND VERB NTH (popserver)    each
    kill N   term N   errno E N   at the Nth system call (inject)
    refuse temp|perm|before|after   by the pipe or the LMTP server
"""

import random

import letters
from letters import Character, TRAITS

DESTINATIONS = ("maildir", "mbox", "pipe", "lmtp", "stdout")
POLICIES = ("keep", "delete", "after")


class History:
    def __init__(self, character, destination, end, events):
        self.character = character
        self.destination = destination
        self.end = end
        self.events = events

    def __str__(self):
        head = letters.words(self.character) + [
            "to=" + self.destination, "end=" + self.end]
        return "; ".join([" ".join(head), *self.events])

    def but(self, **changes):
        return History(**{**self.__dict__, **changes})


def parse(text):
    head, *events = [part.strip() for part in text.split(";")]
    values = dict(word.split("=", 1) for word in head.split())
    destination, end = values.pop("to"), values.pop("end")
    return History(Character(**values), destination, end,
                   [event for event in events if event])


# Drawing one.

def draw_character(dice):
    while True:
        values = {"uid": dice.choice(("unique",) * 3 + TRAITS["uid"])}
        for trait in dice.sample(list(TRAITS)[1:], dice.choice((0, 1, 1, 2, 3))):
            values[trait] = dice.choice(TRAITS[trait][1:])
        character = Character(**values)
        if letters.is_possible(character):
            return character


def draw_arrival(dice):
    filler, which = dice.randrange(4), dice.randrange(20)
    return dice.choice(
        ["arrive %d" % filler] * 6 +
        ["arrive twin %d" % which, "arrive mid %d %d" % (which, filler),
         "arrive head %d %d" % (which, filler),
         "arrive odd %d" % dice.randrange(len(letters.ODD))])


def draw_fault(dice, character, destination):
    kind = dice.choice(("cut", "cut", "reply", "reply", "reply", "machine",
                        "machine", "refuse"))
    if kind == "cut":
        return "cut %d %s" % (dice.randrange(40, 1500), dice.choice(
            ("fin", "fin", "rst", "stall")))
    if kind == "reply":
        verb = dice.choice(("UIDL", "LIST", "RETR", "RETR", "DELE", "QUIT",
                            "TOP", "STAT"))
        kinds = {"UIDL": ("temp", "temp", "temp", "garbage"),
                 "LIST": ("temp", "temp", "err", "garbage"),
                 "DELE": ("err", "temp", "err-done", "fin", "swallow"),
                 "QUIT": ("err", "vain", "drop", "fin", "err-done")}.get(
                     verb, ("err", "temp", "garbage", "fin", "rst", "drop",
                            "swallow"))
        kind = dice.choice(kinds)
        if kind == "swallow" and verb in ("RETR", "TOP") and \
                not letters.has_sentinel(character):
            kind = "fin"
        return "reply %s %s %d" % (
            kind, verb, 1 if verb in ("UIDL", "LIST", "QUIT", "STAT")
            else dice.randrange(1, 4))
    if kind == "refuse" and destination in ("pipe", "lmtp"):
        return "refuse " + dice.choice(("temp", "perm", "before", "after"))
    return dice.choice(
        ["kill %d" % dice.randrange(1, 90)] * 2 +
        ["term %d" % dice.randrange(1, 60),
         "errno %s %d" % (dice.choice(("ENOSPC", "EIO", "EMFILE")),
                          dice.randrange(1, 90))])


def draw_session(dice, character, destination, end):
    policy = end if dice.random() < 0.6 else dice.choice(POLICIES)
    words = ["fetch", policy]
    for option, chance in (("limit 1", 0.08), ("max 150", 0.06),
                           ("newest", 0.05)):
        if dice.random() < chance:
            words.append(option)
    faults = {}
    for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 2))):
        fault = draw_fault(dice, character, destination)
        # one of a kind, as they are not told apart
        kind = fault.split()[0]
        faults["machine" if kind in ("kill", "term", "errno") else kind] = fault
    words += faults.values()
    if "cut" in faults or "reply" in faults:
        words += ["each"] if dice.random() < 0.15 else []
    return " ".join(words)


def draw_event(dice, character, destination, end):
    kind = dice.choices(
        ("arrive", "remove", "replace", "renumber", "wait", "mark", "seen",
         "fetch"), (32, 8, 5, 2, 5, 4, 3, 32))[0]
    if kind == "renumber" and character.uid not in letters.RENUMBERED:
        kind = "arrive"
    which = dice.randrange(8)
    if kind == "arrive":
        return draw_arrival(dice)
    if kind == "remove":
        return "remove %d" % which
    if kind == "replace":
        return "replace %d %d" % (which, dice.randrange(4))
    if kind == "wait":
        return "wait %d" % dice.choice((1, 12, 25, 25, 60))
    if kind == "mark":
        return "mark " + dice.choice(("all", "all", "%d" % which))
    if kind == "fetch":
        return draw_session(dice, character, destination, end)
    return kind


def draw(seed, number):
    dice = random.Random("%s-%s" % (seed, number))
    character = draw_character(dice)
    destination = dice.choice(DESTINATIONS)
    end = dice.choice(POLICIES)
    count = dice.randrange(5, 23)
    return History(character, destination, end, [
        draw_event(dice, character, destination, end) for _ in range(count)])
