# SPDX-License-Identifier: ISC
"""A history being played: poplar itself is run, with a server in this process."""

import collections
import errno
import os
import shutil
import signal
import subprocess
import threading

import box
import letters
from destination import Destination
from netcase import (PLAIN, crowd, environment, is_death, leftovers, login,
                     write_password)
from oracle import Oracle
from popserver import FOREVER, Plan

AGE_H = 24
CLOSING = 3
# Waiting is short: poplar's clock runs so many times as fast.
SPEED = 10
TIMEOUT_S, STALLED_TIMEOUT_S = 40, 6
DEADLINE_S = 200
HANG_S = 30  # of ours
CONNECTIONS_MAX = 40  # of a run, besides those that a long mailbox needs
STALLING = ("stall", "swallow")
REPEATS = 1  # of a pipe or an LMTP server, where poplar is stopped
RENUMBERED_MIN = 3
# What a run may say: see netcase; and that a destination or the machine has
# refused, or that it was ended by a signal.
FITTING = (0, 69, 71, 73, 74, 75, 76, 128 + signal.SIGTERM)
NO_PASSWORD = 78  # its file could not be read
CLOCK = box.BUILD + "/tests/clock.so"

OPTIONS = {"limit": 1, "max": 1, "newest": 0, "cut": 2, "reply": 3, "each": 0,
           "kill": 1, "term": 1, "errno": 2, "refuse": 1, "renumbered": 0}


class Run:
    """One run of poplar: what it is to do, and what came of it."""

    def __init__(self, number, event, clock):
        self.number = number
        self.event = event
        self.clock = clock
        words = event.split()
        self.command, self.policy = words[0], None
        self.marks = None
        rest = words[1:]
        if self.command == "fetch":
            self.policy = rest.pop(0)
        elif self.command == "mark":
            self.marks = rest.pop(0)
        self.options = {}
        while rest:
            name = rest.pop(0)
            count = OPTIONS[name]
            self.options[name], rest = rest[:count], rest[count:]
        self.status, self.text = None, ""
        self.is_killed = "kill" in self.options  # by us
        self.heard = []

    def __str__(self):
        return "run %d (%s)" % (self.number, self.event)

    def is_stopped(self):
        return any(name in self.options for name in ("kill", "term", "errno"))

    def does_all(self):
        """Where sizes are not told, another message may look the same."""
        return self.command == "fetch" and \
            not set(self.options) & {"limit", "max"} and \
            self.options.get("reply", [])[:2] != ["err", "LIST"]

    def may_delete(self, letter):
        """Of what was delivered, by any of the runs that may have done it."""
        runs = [run for runs in letter.delivered for run in runs]
        return self.command == "seen" or self.policy in (
            "delete", "after") and (letter.is_asked_for or any(
                self.is_due(run) for run in runs))

    def should_delete(self, letter):
        """Whichever run has delivered it; the last one counts."""
        return self.policy is not None and bool(letter.delivered) and all(
            self.is_due(run) for run in letter.delivered[-1])

    def is_due(self, run):
        """What that run has delivered."""
        if self.policy == "after" and self.clock - run.clock >= AGE_H * 3600:
            return True
        return self.policy in ("delete", "after") and run.policy == "delete"

    def plan(self, character):
        kind, verb, nth = self.options.get("reply", (None, None, 0))
        cut, ending = self.options.get("cut", (None, "fin"))
        return Plan(cut=None if cut is None else int(cut), ending=ending,
                    kind=kind, verb=verb, nth=int(nth),
                    connections=FOREVER if "each" in self.options else 1,
                    pipelining=character.pipelining != "no")

    def timeout(self, character):
        stalls = character.pipelining == "lost" or \
            self.options.get("cut", ("", ""))[1] == "stall" or \
            self.options.get("reply", ("",))[0] in STALLING
        return STALLED_TIMEOUT_S if stalls else TIMEOUT_S

    def injection(self):
        for name, fault in (("kill", "kill-after"),
                            ("term", "sig-after=%d" % signal.SIGTERM)):
            if name in self.options:
                return ["-k", self.options[name][0], "-f", fault]
        if "errno" in self.options:
            name, at = self.options["errno"]
            return ["-k", at, "-f", "errno=%d" % getattr(errno, name)]
        return None


def taken_in_vain(letter):
    """May it have been delivered, and poplar not know it?"""
    return any(run.is_stopped() or "refuse" in run.options
               for runs in letter.delivered for run in runs)


class World:
    """A history being played, and the server's watch."""

    def __init__(self, where, server, history, verbose=False):
        self.where = where
        self.history = history
        self.character = history.character
        self.verbose = verbose
        self.server = server
        self.box = letters.Mailbox(server, self.character)
        server.mailbox, server.watch = self.box, self
        self.home = where + "/home"
        self.state = self.home + "/state"
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(self.state)
        self.password = where + "/password"
        write_password(self.password)
        self.destination = Destination(history.destination, self.home)
        self.oracle = Oracle(self.box, history.destination in (
            "pipe", "lmtp", "stdout"))
        self.clock = 0
        self.keys = 0
        self.run = None
        self.runs = []
        self.lock = threading.Lock()
        self.process = None
        self.renumbered = False

    # What the server tells.

    def heard(self, verb, argument):
        self.run.heard.append((verb + " " + argument[:12]).strip())
        if self.server.connections > CONNECTIONS_MAX + len(self.box.letters):
            self.oracle.complain("endless", "%d connections in %s" % (
                self.server.connections, self.run))
            self.kill()

    def kill(self):
        self.run.is_killed = True
        self.process.kill()

    def rendered(self, letter, text):
        self.oracle.rendered(letter, text)

    def retrieved(self, letter):
        self.oracle.retrieved(letter, self.run)

    def expunged(self, letters, expired):
        self.collect()
        self.oracle.deleted(letters, self.run, "DELE")
        self.oracle.deleted(expired, self.run, "expiry")

    def complain(self, kind, text):
        self.oracle.complain(kind, text)

    def collect(self):
        with self.lock:
            unknown = self.oracle.arrived(self.destination.fresh(), self.run)
        # what a run that was stopped leaves in a file is mended by the next
        if unknown and self.history.destination not in ("mbox", "stdout"):
            self.oracle.complain("damaged", "%r in %s" % (
                unknown[0][:80], self.run))

    # Running poplar.

    def arguments(self, run):
        words = [*login(self.server.port, self.password), *PLAIN,
                 "--state", self.state + "/state",
                 "--timeout", str(run.timeout(self.character)),
                 "--deadline", str(DEADLINE_S)]
        if run.command == "mark":
            return ["state", "mark-seen", run.marks, *words]
        if run.command == "seen":
            return ["delete", "seen", *words]
        words = ["fetch", *words, *self.destination.arguments(),
                 *{"keep": ["--keep"], "delete": ["--delete"],
                   "after": ["--delete-after", "%dh" % AGE_H]}[run.policy]]
        for name, option in (("limit", "--limit"), ("max", "--max-size"),
                             ("newest", "--newest-first"),
                             ("renumbered", "--renumbered")):
            if name in run.options:
                words += [option, *run.options[name]]
        return words

    def environment(self):
        found = {**environment(self.home), "TARGET": self.destination.target,
                 "LD_PRELOAD": CLOCK, "CLOCK_OFFSET": str(self.clock),
                 "CLOCK_SPEED": str(SPEED)}
        # a leak check stops threads by ptrace, which the injector holds
        found["ASAN_OPTIONS"] = ":".join(filter(None, (
            found.get("ASAN_OPTIONS"), "detect_leaks=0",
            "verify_asan_link_order=0")))
        return found

    def poplar(self, run):
        out = os.path.join(self.where, "out%d" % run.number)
        command = [box.POPLAR, *self.arguments(run)]
        injection = run.injection()
        if injection:
            command = [box.INJECT, "-t", str(HANG_S), "-p", self.home, "-o",
                       out, *injection, *command]
        if run.command == "fetch" and self.history.destination == "stdout":
            self.destination.runs.append(out)
        with open(out, "wb") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if injection else file,
                stderr=subprocess.PIPE, cwd=self.where, env=self.environment())
        try:
            said, text = self.process.communicate(timeout=HANG_S * crowd())
        except subprocess.TimeoutExpired:
            self.kill()
            said, text = self.process.communicate()
            self.complain("hang", str(run))
        run.text = text.decode("utf-8", "replace")
        run.status = self.process.returncode
        if injection and run.status == 0:
            end, status = said.decode().rstrip("\n").split("\t")[-2:]
            status = int(status.partition("=")[2])
            run.status = status if end == "end=exit" else -status

    def play_run(self, event):
        """poplar, and what must hold after any run of it."""
        if self.renumbered and event.startswith("fetch"):
            event += " renumbered"
        run = self.run = Run(len(self.runs) + 1, event, self.clock)
        self.runs.append(run)
        there = [letter for letter in self.server.box]
        for letter in there:
            letter.is_asked_for |= bool(letter.delivered) and \
                run.may_delete(letter)
        self.server.begin(run.plan(self.character))
        if "refuse" in run.options:
            self.destination.refuse(run.options["refuse"][0])
        self.poplar(run)
        self.server.settle()
        self.destination.allow()
        before = sum(len(letter.delivered) for letter in self.box.letters)
        self.collect()
        after = sum(len(letter.delivered) for letter in self.box.letters)
        self.allow_repeats(run, after - before)
        self.say("%s: %s, %s%s" % (
            run, run.status, " ".join(run.heard),
            "".join("\n    " + line for line in run.text.splitlines())))
        if is_death(run.status, run.text) and \
                not (run.status == -signal.SIGKILL and run.is_killed):
            self.complain("death", "%s: %s %s" % (run, run.status, run.text))
        elif run.status not in FITTING and run.status >= 0 and \
                not (run.is_stopped() and run.status == NO_PASSWORD):
            self.complain("status", "%s: %s %s" % (run, run.status, run.text))
        if run.command == "mark":
            self.mark(run, there)
        if run.command == "fetch":
            self.look_for_renumbering(run)
        if run.status == 0 and run.does_all():
            self.oracle.claims_all(run, there)
        return run

    def allow_repeats(self, run, delivered):
        """Where a delivery is known only to have been made when its record is
        written, a run that is stopped in between makes it again."""
        if run.is_stopped():
            self.oracle.repeats += delivered \
                if self.history.destination == "stdout" else REPEATS
        if run.options.get("refuse") == ["after"]:
            self.oracle.repeats += 1

    @staticmethod
    def mark(run, there):
        """mark-seen has done it, or may have if it was stopped."""
        if run.status == 0 or run.is_stopped():
            if run.marks != "all":
                there = there[int(run.marks) - 1:int(run.marks)]
            for letter in there:
                if not letter.delivered or taken_in_vain(letter):
                    letter.marked = True
                    letter.is_untouched |= letter.retrieved_in is None

    def look_for_renumbering(self, run):
        """What poplar then asks for is done, until it has worked."""
        self.renumbered = run.status != 0 and (
            self.renumbered or "renumbered" in run.text)
        self.oracle.blind |= self.renumbered

    # Events. A number that is too high counts from the beginning again.

    def add(self, letter, uid=None):
        self.box.arrive(letter, uid)

    def new_key(self):
        self.keys += 1
        return self.keys, len(self.box.letters) + 1

    def do_arrive(self, kind, *numbers):
        came = self.box.letters
        if kind.isdigit() or not came and kind != "odd":
            key, number = self.new_key()
            filler = int(kind if kind.isdigit() else numbers[-1]) % 4
            self.add(letters.write_letter(number, key, filler))
            return
        if kind == "odd":
            which = int(numbers[0]) % len(letters.ODD)
            number = len(came) + 1
            self.add(letters.odd_letter(number, -1 - which, which))
            return
        model = came[int(numbers[0]) % len(came)]
        self.add(self.like(model, kind, numbers))

    def like(self, model, kind, numbers):
        number = len(self.box.letters) + 1
        if kind == "twin":
            letter = letters.Letter(number, model.key, model.head, model.body)
            letter.data = model.data
            letter.message_id = model.message_id
            return letter
        key, number = self.new_key()
        letter = letters.write_letter(number, key, int(numbers[1]),
                                      model.message_id)
        if kind == "head" and not model.is_odd():
            head = model.head
            letter = letters.Letter(number, key, head, letter.body)
            letter.message_id = model.message_id
        return letter

    def do_remove(self, which):
        if self.server.box:
            self.box.remove(self.server.box[int(which) % len(self.server.box)],
                            "other")

    def do_replace(self, which, filler):
        uid = None
        if self.server.box:
            letter = self.server.box[int(which) % len(self.server.box)]
            uid = letter.uid
            self.box.remove(letter, "other")
        key, number = self.new_key()
        self.add(letters.write_letter(number, key, int(filler)), uid)

    def do_renumber(self):
        """Only where it can be known: there are three at least, a session has
        just seen them all, and each has octets by which it is known."""
        if self.character.uid not in letters.RENUMBERED or \
                self.character.expire != "never" or \
                self.character.render == "anew" or \
                self.play_run("fetch keep").status != 0 or \
                len(self.server.box) < RENUMBERED_MIN or \
                any(letter.marked or not letter.delivered
                    for letter in self.server.box):
            return
        self.box.renumber()
        self.oracle.blind = True
        self.play_run("fetch keep")
        self.play_run("fetch keep")

    def do_wait(self, hours):
        self.clock += int(hours) * 3600

    def play(self):
        """What was found: [(kind, text)]."""
        for event in self.history.events:
            word, *rest = event.split()
            self.say(event)
            if word in ("fetch", "mark", "seen"):
                if word == "mark" and rest[0] != "all":
                    if not self.server.box:
                        continue
                    number = int(rest[0]) % len(self.server.box) + 1
                    event = " ".join([word, str(number), *rest[1:]])
                self.play_run(event)
            else:
                getattr(self, "do_" + word)(*rest)
            if self.oracle.findings:
                return self.oracle.findings
        self.close()
        return self.oracle.findings

    def close(self):
        if self.history.end == "after":
            self.do_wait(2 * AGE_H)
        for n in range(CLOSING):
            run = self.play_run("fetch " + self.history.end)
            if self.history.end == "after":
                self.do_wait(2 * AGE_H)
        if run.status != 0 and not self.is_excused(run):
            self.complain("failed", "%s: %s %s" % (run, run.status, run.text))
        counts = None
        if self.history.destination != "stdout":
            counts = collections.Counter(self.destination.everything())
        self.oracle.close(run, counts)
        left = leftovers(self.state, self.destination.target)
        if left:
            self.complain("leftovers", " ".join(left))
        if os.path.lexists(self.destination.target + ".lock"):
            self.complain("locks", "the dotlock stays")

    def is_excused(self, run):
        """A deletion that is refused or undone is told, three times. And where
        QUIT deletes what was looked at, none may be said for the sake of what
        was marked."""
        return self.history.end != "keep" and (
            self.character.dele != "done" or
            self.character.expire != "never" and
            any(letter.marked for letter in self.server.box))

    def end(self):
        self.destination.close()

    def say(self, text):
        if self.verbose:
            print("    " + text, flush=True)


def build():
    """The injector and the clock, if they are older than their sources."""
    box.build()
    source = os.path.join(box.TOP, "tests", "lib", "clock.c")
    if not os.path.exists(CLOCK) or \
            os.path.getmtime(CLOCK) < os.path.getmtime(source):
        new = "%s.%d" % (CLOCK, os.getpid())
        subprocess.run(
            [*os.environ.get("CC", "cc").split(), "-D_GNU_SOURCE", "-shared",
             "-fPIC", "-o", new, source], check=True)
        os.rename(new, CLOCK)


def play(history, where, server, verbose=False):
    """(findings, excuses) of a history."""
    world = World(where, server, history, verbose)
    try:
        findings = world.play()
    finally:
        world.end()
        shutil.rmtree(where, ignore_errors=True)
    return findings, world.oracle.excused
