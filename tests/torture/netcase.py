# SPDX-License-Identifier: ISC
"""One case of the network sweep: a faulted run of poplar, a clean one, and what
came of it."""
import collections
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from popserver import Message, Plan

PASSWORD = "open-sesame-7"
EARLY, LATE = 7, 3  # messages there at first; gone at last
BACK_OFF_S = 5  # all the pauses between attempts that change nothing
CLEAN_TIMEOUT_S = 30
BAD = ("lost", "doubled", "damaged", "undeleted", "locks", "hangs", "deaths",
       "false0", "failed", "leftovers")

# arrivals: the mailbox holds the first messages, then, kept, the last ones.
Case = collections.namedtuple(
    "Case", "series name plan tls mbox keep box timeout runs sync arrivals",
    defaults=[False])


def lines(*text):
    return b"".join(line + b"\r\n" for line in text)


def letter(i, *body):
    return lines(b"From: Ann <ann@example.org>", b"Subject: message %d" % i,
                 b"", *body)


def messages(kind):
    """Twelve messages; those of one kind are alike in what it says."""
    if kind == "even":  # all of one size: octets tell nothing
        data = [letter(i, b"text") for i in range(10, 22)]
    elif kind == "twins":  # the same octets four times, each thrice
        data = [letter(i % 4 + 1, b"text") for i in range(12)]
    elif kind == "big":
        data = [letter(i, *[b"%06d" % n for n in range(i * 1200)])
                for i in range(1, 13)]
    else:
        data = [letter(i, *[b"line %d of it" % n for n in range(i % 5)])
                for i in range(1, 13)]
        data[1] = letter(2, b".", b"..two", b"From here", b">From there", b".")
        data[2] = letter(3, b"nul \x00 bare cr \r eight bits \xff\xfe")
        data[7] = data[6].replace(b"message 7", b"message 8")  # as long
        if kind == "odd":
            data[4] = lines(b"+OK 100 octets") + data[4]
            data[9] = lines(b"-ERR not at all") + data[9]
            data[10] = lines(b"")
    return [Message(i, b"u%d-%s" % (i, kind.encode()), d)
            for i, d in enumerate(data)]


def delivered_form(data):
    return data.replace(b"\r\n", b"\n")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_mbox(path):
    """The messages of an mboxrd file."""
    if not os.path.exists(path):
        return []
    parts = re.split(rb"^From .*\n", read(path), flags=re.M)
    found = [] if not parts[0] else [b"before the first From: " + parts[0]]
    for part in parts[1:]:
        if part.endswith(b"\n"):
            part = part[:-1]
        found.append(re.sub(rb"^>(>*From )", rb"\1", part, flags=re.M))
    return found


def environment(home):
    kept = {key: value for key, value in os.environ.items()
            if key == "PATH" or key.endswith("SAN_OPTIONS")}
    return {**kept, "HOME": home, "LC_ALL": "C"}


def is_death(status, said):
    """By signal, or by its own or a sanitizer's judgement."""
    return status is not None and (
        status < 0 or status == 70 or "Sanitizer" in said)


def write_password(path):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(PASSWORD + "\n")


def login(port, password):
    """poplar's options, but for how it gets there."""
    return ["--no-config", "--port", str(port), "--user", "tester",
            "--password-file", password]


PLAIN = ["--host", "127.0.0.1", "--tls", "none", "--insecure-auth"]


def leftovers(state, target):
    """What no clean run may leave: tmp files, spools, locks."""
    found = [name for name in os.listdir(state)
             if name not in ("state", "state.lock")]
    tmp = os.path.join(target, "tmp")
    if os.path.isdir(tmp):
        found += os.listdir(tmp)
    return found


def die_with(parent):
    """This process of a pool must not outlive its parent."""
    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Trial:
    """The place of one case: destination, state, how poplar is called."""

    def __init__(self, poplar, where, server, case, ca):
        self.where = where
        self.server = server
        self.case = case
        self.poplar = poplar
        self.target = os.path.join(where, "mbox" if case.mbox else "maildir")
        self.state = os.path.join(where, "state")
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(self.state)
        password = os.path.join(where, "password")
        write_password(password)
        self.arguments = [
            "fetch", *login(server.port, password),
            "--state", self.state + "/state", "--sync=" + case.sync,
            "--mbox" if case.mbox else "--maildir", self.target]
        if case.tls:
            self.arguments += ["--host", "localhost", "-4", "--tls", "implicit",
                               "--tls-ca-file", ca]
        else:
            self.arguments += PLAIN
        if not case.keep:
            self.arguments.append("--delete")

    def run(self, plan, timeout):
        """(status or None when it hung, what it said)."""
        self.server.begin(plan)
        process = subprocess.Popen(
            [self.poplar, *self.arguments, "--timeout", str(timeout)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, cwd=self.where,
            env=environment(self.where))
        began = time.monotonic()
        status = None
        while status is None:
            try:
                process.wait(0.5 if status is None else None)
                status = process.returncode
            except subprocess.TimeoutExpired:
                allowed = self.server.connections * timeout + BACK_OFF_S
                if time.monotonic() - began > (allowed + MARGIN_S) * crowd():
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    break
        said = process.stderr.read().decode("utf-8", "replace")
        process.stderr.close()
        self.server.settle()
        return status, said

    def delivered(self):
        if self.case.mbox:
            return read_mbox(self.target)
        found = []
        for part in ("new", "cur"):
            path = os.path.join(self.target, part)
            if os.path.isdir(path):
                found += [read(os.path.join(path, name))
                          for name in os.listdir(path)]
        return found

    def compare(self, box, served, allowed):
        """lost, doubled, damaged, undeleted; served is what the server had."""
        wanted = collections.Counter(delivered_form(m.data) for m in box)
        got = collections.Counter(self.delivered())
        lost = sum((wanted - got).values())
        extra = got - wanted
        doubled = sum(n for data, n in extra.items() if data in wanted)
        damaged = sum(n for data, n in extra.items()
                      if data not in wanted and data not in allowed)
        left = len(self.server.box)
        if self.case.keep:
            return lost + served - left, doubled, damaged, 0
        return lost, doubled, damaged, left


MARGIN_S = 10


def crowd():
    """How many want each processor: others use this machine, too."""
    return max(1, os.getloadavg()[0] / os.cpu_count())


def shortened(box):
    """What a server that drops a line cannot but make us deliver besides; the
    status line, too, where the text begins like one."""
    return {delivered_form(m.data).split(b"\n", 1)[1] for m in box}


def try_case(poplar, where, server, case, ca):
    """Counts of what is bad, and text that explains them."""
    bad = dict.fromkeys(BAD, 0)
    said = []
    box = messages(case.box)
    first = box[:EARLY] if case.arrivals else box
    server.box = list(first)
    trial = Trial(poplar, where, server, case, ca)
    allowed = shortened(box) \
        if case.plan.kind in ("no-line", "no-status") else set()
    is_lie = case.plan.kind == "vain" or case.plan.lie in EXCUSES
    for n in range(case.runs):
        status, text = trial.run(case.plan, case.timeout)
        said.append("run %d: %s %s" % (n + 1, status, text))
        bad["hangs"] += status is None
        bad["deaths"] += is_death(status, text)
        bad["failed"] += status not in FITTING
        now = trial.compare(first, len(first), allowed)
        bad["false0"] += status == 0 and not is_lie and (
            now[0] > 0 or now[3] > 0)
        bad["locks"] += os.path.exists(trial.target + ".lock")
    last = box
    if case.arrivals:
        last = box[LATE:]
        server.box = list(last)
    # the UIDLs of a mailbox are what they are, strange or not
    lasting = case.plan.lie if (case.plan.lie or "").startswith("uidl") else None
    status, text = trial.run(
        Plan(pipelining=case.plan.pipelining, lie=lasting), CLEAN_TIMEOUT_S)
    said.append("clean run: %s %s" % (status, text))
    bad["hangs"] += status is None
    bad["deaths"] += is_death(status, text)
    bad["failed"] += status not in (0, None)
    for name, count in zip(BAD, trial.compare(box, len(last), allowed)):
        bad[name] = count
    left = leftovers(trial.state, trial.target)
    bad["leftovers"] = len(left)
    bad["locks"] += os.path.exists(trial.target + ".lock")
    if left:
        said.append("left: " + " ".join(left))
    if not any(bad.values()):
        shutil.rmtree(where, ignore_errors=True)
    return bad, "".join(line.rstrip("\n") + "\n" for line in said)


# What a run may say of a server: all done, refused, try later, broke the
# protocol, login refused; and None, which is a hang.
FITTING = (0, 69, 75, 76, 77, None)
# Lies that no client can see through while they are told.
EXCUSES = ("stat-none", "listing-short")
