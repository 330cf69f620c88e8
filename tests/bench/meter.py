# SPDX-License-Identifier: ISC
"""Runs a client once, checks what it delivered, and counts what it cost."""

import collections
import hashlib
import os
import re
import signal
import statistics
import subprocess
import tempfile

import peers

TIMEOUT_S = 900
SYNCS = {"fsync", "fdatasync", "sync", "syncfs", "msync"}
RECEIVES = {"read", "readv", "recvfrom", "recvmsg", "recv"}


class Sample:
    """One run: seconds, KiB, and what the check said."""

    def __init__(self, line, verdict):
        wall, user, system, peak, status = line.split()
        self.wall = float(wall)
        self.cpu = float(user) + float(system)
        self.peak = int(peak) / 1024
        self.status = int(status)
        self.verdict = verdict
        self.failed = self.status != 0


class Expected:
    """The digests of the messages that a run must deliver."""

    def __init__(self, corpus, limit=None):
        cur = os.path.join(corpus, "cur")
        names = sorted(os.listdir(cur))[:limit]
        self.count = len(names)
        self.octets = 0
        self.whole = collections.Counter()
        self.body = collections.Counter()
        for name in names:
            whole, body, octets = digests(os.path.join(cur, name))
            self.whole[whole] += 1
            self.body[body] += 1
            self.octets += octets

    def verdict(self, maildir):
        """"exact"; "headers" when only headers differ; or what is wrong."""
        whole = collections.Counter()
        body = collections.Counter()
        new = os.path.join(maildir, "new")
        names = os.listdir(new) if os.path.isdir(new) else []
        for name in names:
            one, other, _ = digests(os.path.join(new, name))
            whole[one] += 1
            body[other] += 1
        if whole == self.whole:
            return "exact"
        if body == self.body:
            return "headers"
        return "%d of %d exact" % (sum((whole & self.whole).values()),
                                   self.count)


def digests(path):
    """Of all, and of what follows the header, CRLF taken for LF."""
    whole, body = hashlib.blake2b(), hashlib.blake2b()
    octets, in_body, last = 0, False, b""
    with open(path, "rb") as file:
        while True:
            block = file.read(1 << 20)
            if not block:
                break
            block, last = last + block, b""
            if block.endswith(b"\r"):
                block, last = block[:-1], b"\r"
            block = block.replace(b"\r\n", b"\n")
            octets += len(block)
            whole.update(block)
            if in_body:
                body.update(block)
            elif b"\n\n" in block:
                body.update(block.split(b"\n\n", 1)[1])
                in_body = True
    whole.update(last)
    return whole.digest(), body.digest(), octets


class Meter:
    def __init__(self, bench):
        self.bench = bench

    def home(self):
        return tempfile.mkdtemp(prefix="home-", dir=self.bench.work)

    def environment(self, job, extra):
        env = {key: value for key, value in os.environ.items()
               if key in ("PATH", "LD_LIBRARY_PATH")}
        env.update(HOME=job.home, LC_ALL="C",
                   XDG_STATE_HOME=job.path("state"),
                   XDG_CONFIG_HOME=job.path("config-home"))
        env.update(extra)
        return env

    def call(self, name, job, wrap=(), env=None):
        """Run the client under wrap; its exit status."""
        argv, extra = peers.CLIENTS[name](job)
        extra = dict(extra, **(env or {}))
        if argv[0] == "setpriv" and wrap[:1] == ["valgrind"]:
            # or nobody could not write what root's valgrind has opened
            drop = argv.index("--clear-groups") + 1
            argv, wrap = argv[:drop] + wrap + argv[drop:], []
        with open(job.path("output"), "ab") as output:
            process = subprocess.Popen(
                list(wrap) + argv, env=self.environment(job, extra),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=job.home, start_new_session=True)
            try:
                return process.wait(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return 124
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def sample(self, name, job, expected=None, wrap=(), env=None):
        """One measured run in job.home, whose output is checked."""
        line_file = job.path("measured")
        self.settle()
        self.call(name, job, [*wrap, self.bench.program("measure"),
                              line_file], env)
        verdict = ""
        if expected is not None:
            verdict = self.check(job, expected)
        if not os.path.exists(line_file):
            return Sample("%d 0 0 0 1" % TIMEOUT_S, "killed")
        with open(line_file, encoding="ascii") as file:
            taken = Sample(file.readlines()[-1], verdict)
        if taken.status >> 8 == peers.NO_MAIL.get(name):
            taken.status = 0
        taken.failed = taken.status != 0 or "of" in verdict.split()
        if taken.status != 0:
            taken.verdict += " status %d" % (taken.status >> 8)
        if taken.failed:
            self.complain(name, job)
        return taken

    def complain(self, name, job):
        with open(job.path("output"), "rb") as file:
            text = file.read()[-300:].decode("utf-8", "replace").strip()
        if text:
            print("    %s: %s" % (name, text.replace("\n", "\n    ")))

    def check(self, job, expected):
        verdicts = {expected.verdict(job.maildir(user)) for user in job.users}
        return " ".join(sorted(verdicts))

    def settle(self):
        """What an earlier run left to write must not burden the next."""
        os.sync()

    def clean(self, job):
        """Give back the room, but not the inodes: see run."""
        for top, _, names in os.walk(job.home):
            for name in names:
                path = os.path.join(top, name)
                if os.path.isfile(path):
                    os.truncate(path, 0)

    def system_calls(self, name, job):
        """strace's account: (all, syncs, receives from sockets)."""
        trace = job.path("trace")
        self.call(name, job, ["strace", "-f", "-qq", "-yy", "-s", "0",
                              "-o", trace])
        calls = syncs = receives = 0
        pattern = re.compile(r"^\d+ +(\w+)\((?:\d+<(\w+))?")
        with open(trace, encoding="utf-8", errors="replace") as file:
            for line in file:
                match = pattern.match(line)
                if match is None:
                    continue
                calls += 1
                syncs += match[1] in SYNCS
                receives += match[1] in RECEIVES and \
                    (match[2] or "").startswith("TCP")
        return calls, syncs, receives

    def instructions(self, name, job):
        """callgrind's account, children included."""
        self.call(name, job, ["valgrind", "-q", "--tool=callgrind",
                              "--trace-children=yes",
                              "--callgrind-out-file=" +
                              job.path("callgrind.%p")])
        total = 0
        for entry in os.listdir(job.home):
            if not entry.startswith("callgrind."):
                continue
            with open(job.path(entry), encoding="utf-8",
                      errors="replace") as file:
                for line in file:
                    if line.startswith(("totals:", "summary:")):
                        total += int(line.split()[1])
                        break
        return total


def median(samples, field):
    return statistics.median(getattr(sample, field) for sample in samples)
