# SPDX-License-Identifier: ISC
"""A place to fetch in: a server with its mailbox, a home with a destination,
and what can be counted there afterwards."""

import collections
import os
import shutil
import subprocess

SOURCE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(SOURCE))
BUILD = os.path.abspath(os.environ.get("POPLAR_BUILD", TOP + "/build"))
POPLAR = os.path.abspath(os.environ.get("POPLAR", BUILD + "/poplar"))
SERVER = BUILD + "/tests/server"
INJECT = BUILD + "/tests/inject"

# Longer than any of poplar's own limits that the runs are given.
HANG_SECONDS = 30
LIMITS = ["--timeout", "5", "--deadline", "20"]

FOREIGN = (b"From someone@example.org Thu Jan  1 00:00:00 1970\n"
           b"Subject: was here before\n\nold\n>From quoted\n\n")


class Trouble(Exception):
    """The sweeps themselves do not work."""


def build():
    """Compile the injector if it is older than its source."""
    sources = [SOURCE + "/inject.c", SOURCE + "/regs.h"]
    os.makedirs(os.path.dirname(INJECT), exist_ok=True)
    if (os.path.exists(INJECT) and os.path.getmtime(INJECT) >=
            max(os.path.getmtime(source) for source in sources)):
        return
    new = "%s.%d" % (INJECT, os.getpid())
    subprocess.run(
        os.environ.get("CC", "cc").split() +
        ["-std=c11", "-D_GNU_SOURCE", "-O2", "-I" + TOP + "/tests", "-o", new,
         sources[0]], check=True)
    os.rename(new, INJECT)


def messages(count):
    """Names and octets of the messages, in the server's order; LF ends lines.
    The first twelve are the awkward ones."""
    large = b"".join(b"%05d %s\n" % (i, b"abcdefghij" * 6)
                     for i in range(3000))
    head = b"From: a@example.org\nSubject: %d\n\n"
    bodies = [
        head % 1 + b"plain\n",
        head % 2 + b".\n..\n.dot\nend\n",
        head % 3 + b"\nFrom here\n>From there\n>>From\n\n\n",
        b"",
        head % 5 + b"first of one UIDL\n",
        head % 5 + b"second of one UIDL\n",
        head % 7 + large,
        head % 8 + b"the same twice\n",
        head % 8 + b"the same twice\n",
        head % 10 + b"nul \0 8-bit \xff\xfe bare \r cr\n",
        b"no header at all\n",
        b"Return-Path: <b@example.org>\n" + head % 12,
    ]
    bodies += [head % n + b"filler %d\n" % n for n in range(13, count + 1)]
    return [("%03d" % n, body) for n, body in enumerate(bodies[:count], 1)]


SAME_UIDL = ("005", "006")


class Variant:
    """How poplar is run: destination, policy and way of syncing. lazy: what a
    second thread syncs waits until the first one has come to rest."""

    def __init__(self, kind, policy, sync, count=12, lazy=False):
        self.kind, self.policy, self.sync = kind, policy, sync
        self.count, self.lazy = count, lazy
        self.name = "-".join(
            [kind if count == 12 else kind + str(count), policy,
             "lazy" if lazy else sync])
        self.delete = policy == "delete"
        # somebody's mail is there before ours, in one of the two
        self.foreign = kind == "mbox" and self.delete


VARIANTS = [Variant(kind, policy, sync)
            for kind in ("maildir", "mbox", "pipe")
            for policy in ("delete", "keep")
            for sync in ("auto", "files")]
# One that fills a batch is synced while more of them come.
VARIANTS += [Variant("maildir", "delete", "auto", 70),
             Variant("maildir", "keep", "files", 70),
             Variant("mbox", "delete", "files", 70),
             Variant("maildir", "delete", "auto", 70, lazy=True),
             Variant("mbox", "delete", "auto", 70, lazy=True),
             Variant("maildir", "delete", "auto", 270, lazy=True)]


Outcome = collections.namedtuple("Outcome", "calls hit path end status stderr")
Count = collections.namedtuple("Count", "lost doubled damaged undeleted")


def parse_mbox(data):
    """The messages of an mboxrd file; what is before the first From_ line
    counts as one, because it is damage."""
    found, lines = [], None
    blank = True
    for line in data.splitlines(keepends=True) if b"\r" not in data \
            else split_lf(data):
        if line.startswith(b"From ") and blank:
            if lines is not None:
                found.append(lines)
            lines = []
        else:
            if lines is None:
                lines = []
            unquoted = line.lstrip(b">")
            if line != unquoted and unquoted.startswith(b"From "):
                line = line[1:]
            lines.append(line)
        blank = line == b"\n"
    if lines is not None:
        found.append(lines)
    for lines in found:
        if lines and lines[-1] == b"\n":
            lines.pop()
        else:
            lines.append(b"[no blank line at the end]")
    return [b"".join(lines) for lines in found]


def split_lf(data):
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


class Box:
    """One worker's place for one variant; everything is under self.dir."""

    def __init__(self, work, variant):
        self.variant = variant
        self.dir = os.path.join(work, variant.name)
        self.home = self.dir + "/home"
        self.mail = self.dir + "/mail"
        self.target = self.home + "/target"
        self.messages = messages(variant.count)
        self.wanted = collections.Counter(
            body for _, body in self.messages)
        self.master = self.dir + "/master"
        os.makedirs(self.master)
        for name, body in self.messages:
            self.write(os.path.join(self.master, name), body)
        self.write(self.dir + "/password", b"open-sesame-7\n")
        os.chmod(self.dir + "/password", 0o600)
        self.write(self.dir + "/uidls", b"".join(
            b"%s one-for-two\n" % name.encode() for name in SAME_UIDL))
        os.makedirs(self.mail)
        self.start_server()
        self.environment = {"HOME": self.home, "PATH": os.environ["PATH"],
                            "TARGET": self.target, "LC_ALL": "C"}
        self.environment.update(
            {key: value for key, value in os.environ.items()
             if key.endswith("SAN_OPTIONS")})
        # a leak check stops threads by ptrace, which the injector holds
        self.environment["ASAN_OPTIONS"] = ":".join(filter(None, (
            self.environment.get("ASAN_OPTIONS"), "detect_leaks=0")))

    @staticmethod
    def write(path, data):
        with open(path, "wb") as file:
            file.write(data)

    def start_server(self):
        self.server = subprocess.Popen(
            [SERVER, "--mailbox", self.mail, "--uidl-map",
             self.dir + "/uidls", "--until-eof", "--lifetime", "36000"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word = self.server.stdout.readline().split()
        if len(word) != 2 or word[0] != "PORT":
            raise Trouble("the server does not start")
        self.port = word[1]

    def close(self):
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def command(self):
        variant = self.variant
        destination = {
            "maildir": ["--maildir", self.target],
            "mbox": ["--mbox", self.target],
            "pipe": ["--pipe", 't=$(mktemp "$TARGET/.XXXXXX") && '
                     'cat >"$t" && mv "$t" "$TARGET/m${t##*/.}"'],
        }[variant.kind]
        return [POPLAR, "fetch", "--no-config", "--host", "127.0.0.1",
                "--port", self.port, "--user", "tester", "--tls=none",
                "--insecure-auth", "--password-file", self.dir + "/password",
                "--" + variant.policy, "--sync=" + variant.sync,
                *LIMITS, *destination]

    def reset(self):
        """Everything as before the first fetch."""
        self.empty(self.home)
        if self.variant.foreign:
            self.write(self.target, FOREIGN)
        elif self.variant.kind == "pipe":
            os.mkdir(self.target)
        self.serve(name for name, _ in self.messages)

    @staticmethod
    def empty(path):
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)

    def serve(self, names):
        """Let the server have these messages."""
        self.empty(self.mail)
        for name in names:
            os.link(os.path.join(self.master, name),
                    os.path.join(self.mail, name))

    def inject(self, *options):
        """poplar under the injector."""
        ran = subprocess.run(
            [INJECT, "-t", str(HANG_SECONDS), "-p", self.home,
             *(["-w"] if self.variant.lazy else []), *options,
             *self.command()], env=self.environment, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        words = ran.stdout.decode().rstrip("\n").split("\t")
        if ran.returncode != 0 or len(words) != 5:
            raise Trouble("inject failed: %s" % ran.stderr.decode())
        values = [word.split("=", 1)[1] for word in words]
        return Outcome(int(values[0]), values[1], values[2], values[3],
                       int(values[4]), ran.stderr.decode(errors="replace"))

    def record(self):
        """A run without a fault: its trace and the data of its calls."""
        self.reset()
        trace, data = self.dir + "/trace", self.dir + "/data"
        outcome = self.inject("-l", trace, "-d", data)
        if (outcome.end, outcome.status) != ("exit", 0) or any(self.count()):
            raise Trouble("%s fails without a fault: %s %d %s: %s" % (
                self.variant.name, outcome.end, outcome.status, self.count(),
                outcome.stderr))
        with open(trace, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split("\t") for line in file]
        with open(data, "rb") as file:
            return lines, file.read()

    def fetch(self):
        """poplar without a fault; (end, status, stderr)."""
        try:
            ran = subprocess.run(
                self.command(), env=self.environment, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, timeout=HANG_SECONDS)
        except subprocess.TimeoutExpired:
            return "hang", 0, ""
        text = ran.stderr.decode(errors="replace")
        if ran.returncode < 0:
            return "signal", -ran.returncode, text
        return "exit", ran.returncode, text

    def delivered(self):
        """The octets of every message in the destination."""
        if self.variant.kind == "mbox":
            if not os.path.exists(self.target):
                return []
            return parse_mbox(self.read(self.target))
        if self.variant.kind == "pipe":
            return [self.read(entry.path) for entry in os.scandir(self.target)
                    if entry.name[0] == "m"]
        found = []
        for subdir in ("new", "cur"):
            path = os.path.join(self.target, subdir)
            if os.path.isdir(path):
                found += [self.read(entry.path)
                          for entry in os.scandir(path)]
        return found

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()

    def count(self):
        """What is wrong now, if everything should be over."""
        wanted = self.wanted.copy()
        if self.variant.foreign:
            wanted.update(parse_mbox(FOREIGN))
        actual = collections.Counter(self.delivered())
        lost = sum((wanted - actual).values())
        doubled = damaged = 0
        for body, surplus in (actual - wanted).items():
            if body in wanted:
                doubled += surplus
            else:
                damaged += surplus
        left = len(os.listdir(self.mail))
        if not self.variant.delete:
            lost += len(self.messages) - left
            left = 0
        return Count(lost, doubled, damaged, left)

    def leftovers(self):
        """Files that should be gone: tmp names, spools, new journals."""
        found = []
        for path, _, names in os.walk(self.home):
            inside = os.path.relpath(path, self.home)
            for name in names:
                if inside == "target/tmp" or name.startswith("poplar-") or \
                        name.endswith(".new"):
                    found.append(os.path.join(inside, name))
        return found

    def stale_lock(self):
        return self.variant.kind == "mbox" and \
            os.path.lexists(self.target + ".lock")
