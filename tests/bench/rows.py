# SPDX-License-Identifier: ISC
"""The rows of the benchmark: what is run, and what poplar is to reach."""

import os
import platform
import shutil
import subprocess
from contextlib import ExitStack

import meter
import report
from peers import Job, PEERS
from report import goal, ratio, table
from servers import Dovecot, canned, relay

SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
RTT_MS = 50
SLOW = ("fetchmail", "getmail", "fdm")
FLOORS = ("floor", "floor-fsync", "floor-nosync", "floor-nowrite")
EXPECTED = {}


def file_system(path):
    """The kind of the file system that path is on."""
    with open("/proc/mounts", encoding="utf-8") as file:
        mounts = [entry.split()[1:3] for entry in file]
    return max((len(point), kind) for point, kind in mounts
               if (path + "/").startswith(point.rstrip("/") + "/"))[1]


def introduce(bench):
    kind = file_system(bench.work)
    print("Linux %s, %d CPUs, %s on %s; scale %g, %d runs" % (
        platform.release(), os.cpu_count(), kind,
        os.path.dirname(bench.work), bench.scale, bench.runs))
    print("Medians of runs in turn (A B C, B C A). /peer: of the best peer's "
          "wall; /floor: of floor's.")
    if kind == "tmpfs":
        print("A tmpfs syncs nothing: set BENCH_DIR to a journaled disk.")


def finish():
    """What was missed; the status is for wrong deliveries only."""
    print("\n%d of %d figures reached" % (
        len(report.REACHED), len(report.REACHED) + len(report.MISSED)))
    for what in report.MISSED:
        print("    MISS   %s" % what)
    for what in report.BROKEN:
        print("    BROKEN %s" % what)
    return 1 if report.BROKEN else 0


def small(bench, count):
    """Whole at the default scale already: rows where time is round trips."""
    return max(10, int(count * min(1, bench.scale * 5)))


def mail(bench, count):
    """The common corpus, and what its first count messages are."""
    largest = max(bench.scaled(10000), small(bench, 1000))
    corpus = bench.corpus("-n", str(largest))
    if count not in EXPECTED:
        EXPECTED[count] = meter.Expected(corpus, count)
    return corpus, EXPECTED[count]


def duel(bench, names, port, expected=None, runs=None, before=None, wrap=(),
         env=None, **how):
    """Alternate the clients; a list of samples for each."""
    results = {name: [] for name in names}
    if expected is not None:
        how["count"] = expected.count
    for turn in range(runs or bench.runs):
        start = turn % len(names) if names else 0
        for name in names[start:] + names[:start]:
            if turn > 0 and name in SLOW and not bench.full:
                continue
            if before is not None:
                before()
            job = Job(bench, bench.meter.home(), port, **how)
            results[name].append(bench.meter.sample(
                name, job, None if name == "floor-nowrite" else expected,
                wrap, env))
            bench.meter.clean(job)
    return results


def goals_wall(results, of_mpop, of_curl=1.0):
    ratio(results, "poplar", "mpop", of_mpop)
    ratio(results, "poplar", "curl", of_curl)


def plain_dovecot(bench):
    """10,000 varied messages from Dovecot, no TLS, keep"""
    if bench.dovecot is None:
        print("    Dovecot is not installed")
        return
    corpus, expected = mail(bench, bench.scaled(10000))
    names = bench.clients("poplar", *PEERS, "floor", "floor-fsync")
    with Dovecot(bench) as dovecot:
        dovecot.mailbox("u1", corpus, expected.count)
        duel(bench, ["floor-nowrite"], dovecot.port, runs=1)
        results = duel(bench, names, dovecot.port, expected)
    table(results)
    goals_wall(results, 0.27)


def plain_canned(bench):
    """10,000 varied messages from the canned server, no TLS, keep"""
    corpus, expected = mail(bench, bench.scaled(10000))
    names = bench.clients("poplar", "poplar-files", *PEERS, *FLOORS)
    with canned(bench, corpus, limit=expected.count) as server:
        results = duel(bench, names, server.port, expected)
    table(results)
    goals_wall(results, 0.20, 0.65)
    ratio(results, "poplar", "floor", 1.25)
    ratio(results, "poplar-files", "floor-fsync", 1.25)
    ratio(results, "poplar", "mpop", 0.6, "cpu")


def fast_peers(bench):
    every = bench.full or "BENCH_PEERS" in os.environ
    return [name for name in PEERS if every or name not in SLOW]


def tls_dovecot(bench):
    """10,000 varied messages from Dovecot over TLS, keep"""
    if bench.dovecot is None:
        print("    Dovecot is not installed")
        return
    corpus, expected = mail(bench, bench.scaled(10000))
    names = bench.clients("poplar", *fast_peers(bench), "floor")
    with Dovecot(bench) as dovecot:
        dovecot.mailbox("u1", corpus, expected.count)
        duel(bench, ["floor-nowrite"], dovecot.port, runs=1)
        results = duel(bench, names, dovecot.tls_port, expected, tls=True)
    table(results)
    goals_wall(results, 0.30)


def tls_canned(bench):
    """10,000 varied messages from the canned server over TLS, keep"""
    corpus, expected = mail(bench, bench.scaled(10000))
    names = bench.clients("poplar", *fast_peers(bench), "floor",
                          "floor-nosync")
    with canned(bench, corpus, tls=True, limit=expected.count) as server:
        results = duel(bench, names, server.port, expected, tls=True)
    table(results)
    ratio(results, "poplar", "mpop", 0.23)


def against_keep(bench, names, port, expected, before=None):
    keep = duel(bench, names, port, expected, before=before)
    table(keep)
    print("    and with delete:")
    delete = duel(bench, names, port, expected, before=before, delete=True)
    table(delete)
    if "poplar" in keep:
        goal("poplar with delete, of keep", meter.median(
            delete["poplar"], "wall") / meter.median(keep["poplar"], "wall"),
            1.1)


def delete_canned(bench):
    """10,000 varied messages from the canned server, keep and delete"""
    corpus, expected = mail(bench, bench.scaled(10000))
    with canned(bench, corpus, limit=expected.count) as server:
        against_keep(bench, bench.clients("poplar", "mpop", "floor"),
                     server.port, expected)


def delete_dovecot(bench):
    """10,000 varied messages from Dovecot, keep and delete, a fresh mailbox"""
    if bench.dovecot is None:
        print("    Dovecot is not installed")
        return
    corpus, expected = mail(bench, bench.scaled(10000))
    with Dovecot(bench) as dovecot:
        against_keep(
            bench, bench.clients("poplar", "mpop", "floor"), dovecot.port,
            expected, lambda: dovecot.mailbox("u1", corpus, expected.count))


def line_with(bench, mbit):
    corpus, expected = mail(bench, small(bench, 1000))
    peers = PEERS if bench.full else ("mpop",)
    names = bench.clients("poplar", *peers, "floor")
    with ExitStack() as stack:
        server = stack.enter_context(
            canned(bench, corpus, tls=True, limit=expected.count))
        far = stack.enter_context(relay(bench, server, RTT_MS, mbit))
        results = duel(bench, names, far.port, expected, tls=True)
    table(results)
    ratio(results, "poplar", "mpop", 0.70)
    ratio(results, "poplar", "floor", 1.08)
    if "poplar" in results:
        more = meter.median(results["poplar"], "wall") - \
            meter.median(results["floor"], "wall")
        print("    poplar - floor: %.1f round trips" % (
            more * 1000 / RTT_MS))


def line(bench):
    """1,000 messages over TLS and a line of 50 ms that carries any amount"""
    line_with(bench, None)


def line_250(bench):
    """1,000 messages over TLS and a line of 50 ms and 250 Mbit/s"""
    line_with(bench, 250)


def lockstep(bench):
    """a server without PIPELINING: round trips beside one a message"""
    corpus, expected = mail(bench, 1000 if bench.full else 50)
    names = bench.clients("poplar", "mpop", "fdm", "curl")
    for name in names:
        with canned(bench, corpus, tls=True, pipelining=False,
                    limit=expected.count) as server:
            job = Job(bench, bench.meter.home(), server.port, tls=True,
                      count=expected.count)
            bench.meter.call(name, job)
            verdict = bench.meter.check(job, expected)
            bench.meter.clean(job)
            turns = server.turns() + 2 - expected.count
        print("    %-14s %d messages and %d round trips, TCP and TLS "
              "included; %s" % (name, expected.count, turns, verdict))
        if name == "poplar":
            goal("round trips beside one a message", turns, 15, "%d")


def prime(bench, name, port, count):
    """A home in which the client has seen everything already."""
    off = {"SLOWSYNC_MS": "off", "LD_PRELOAD": bench.program("slowsync.so")}
    job = Job(bench, bench.meter.home(), port)
    if name == "floor":
        job.what = "uidl"
        return job
    bench.meter.call(name, job, env=off)
    new = os.path.join(job.maildir("u1"), "new")
    if len(os.listdir(new)) != count:
        print("    %s has seen only %d" % (name, len(os.listdir(new))))
    os.rename(new, job.path("seen-before"))
    os.mkdir(new)
    return job


def nothing_from(bench, port, count):
    names = bench.clients("poplar", "mpop", "floor")
    jobs = {name: prime(bench, name, port, count) for name in names}
    results = {name: [] for name in names}
    for turn in range(bench.runs * 3):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            sample = bench.meter.sample(name, jobs[name])
            sample.verdict += left_alone(jobs[name])
            results[name].append(sample)
    for job in jobs.values():
        bench.meter.clean(job)
    table(results)
    return results


def nothing_of(bench, count):
    print("    from the canned server, %d:" % count)
    with canned(bench, count) as server:
        results = nothing_from(bench, server.port, count)
    ratio(results, "poplar", "mpop", 1.0, "cpu")
    ratio(results, "poplar", "mpop", 1.0, "peak")
    if bench.dovecot is None:
        return
    print("    from Dovecot, %d:" % count)
    with Dovecot(bench) as dovecot:
        dovecot.small_mailbox("u1", count)
        results = nothing_from(bench, dovecot.port, count)
    ratio(results, "poplar", "floor", 1.2)


def left_alone(job):
    new = os.path.join(job.maildir("u1"), "new")
    count = len(os.listdir(new)) if os.path.isdir(new) else 0
    return "%d fetched again" % count if count > 0 else "nothing"


def nothing(bench):
    """nothing new among 10,000 messages"""
    nothing_of(bench, small(bench, 10000))


def nothing_large(bench):
    """nothing new among 100,000 messages"""
    nothing_of(bench, small(bench, 100000))


def big(bench):
    """one message of 1 GiB, no TLS"""
    corpus = bench.corpus("-b", str(bench.scaled(1 << 30)))
    expected = meter.Expected(corpus)
    peers = ("mpop", "curl") + (SLOW if bench.full else ())
    names = bench.clients("poplar", *peers, "floor")
    with canned(bench, corpus) as server:
        results = duel(bench, names, server.port, expected)
    table(results)
    ratio(results, "poplar", "floor", 1.1)
    ratio(results, "poplar", "mpop", 1.0)
    ratio(results, "poplar", "mpop", 0.6, "cpu")
    if "poplar" in results:
        goal("poplar's MiB", meter.median(results["poplar"], "peak"), 12,
             "%.1f")


def instructions(bench):
    """instructions a delivered octet (callgrind), no TLS"""
    if shutil.which("valgrind") is None:
        print("    valgrind is not installed")
        return
    corpus, expected = mail(bench, small(bench, 1000))
    names = bench.clients("poplar", "mpop", "curl",
                          *(("fetchmail", "fdm") if bench.full else ()),
                          "floor", "floor-nowrite")
    with canned(bench, corpus, limit=expected.count) as server:
        for name in names:
            job = Job(bench, bench.meter.home(), server.port,
                      count=expected.count)
            value = bench.meter.instructions(name, job) / expected.octets
            bench.meter.clean(job)
            print("    %-14s %6.2f" % (name, value), flush=True)
            if name == "poplar":
                goal("instructions an octet", value, 4.5)


def calls_of(bench, tls):
    corpus, expected = mail(bench, small(bench, 1000))
    names = bench.clients("poplar", *fast_peers(bench), "floor",
                          "floor-fsync")
    print("    %-14s %12s %12s %18s" % (
        "TLS" if tls else "no TLS", "calls/message", "syncs in all",
        "receives/16 KiB"))
    with canned(bench, corpus, tls=tls, limit=expected.count) as server:
        for name in names:
            job = Job(bench, bench.meter.home(), server.port, tls=tls,
                      count=expected.count)
            total, syncs, receives = bench.meter.system_calls(name, job)
            bench.meter.clean(job)
            blocks = expected.octets / 16384
            print("    %-14s %12.1f %12d %18.2f" % (
                name, total / expected.count, syncs, receives / blocks),
                flush=True)
            if name == "poplar" and tls:
                goal("receives a 16 KiB", receives / blocks, 1)
            elif name == "poplar":
                goal("calls a message", total / expected.count, 8)


def calls(bench):
    """system calls a message, syncs, receive calls (strace)"""
    if shutil.which("strace") is None:
        print("    strace is not installed")
        return
    calls_of(bench, False)
    calls_of(bench, True)


def with_system_ca(bench):
    """A prefix that puts our certificate among the system's, or None."""
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    for options in (["-m"], ["-r", "-m"]):
        prefix = ["unshare", *options, "sh", "-c", script, "sh",
                  bench.bundle, SYSTEM_CA]
        try:
            if subprocess.run([*prefix, "true"], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0:
                return prefix
        except OSError:
            return None
    return None


def stat_with(bench, port, **how):
    names = bench.clients("poplar", "mpop", "fdm", "curl", "floor")
    if "-r" in how.get("wrap", ()) and "fdm" in names:
        names.remove("fdm")  # it takes itself for root there, and gives up
    results = duel(bench, names, port, runs=bench.runs * 5, tls=True,
                   what="stat", **how)
    table(results)
    for peer in ("mpop", "fdm"):
        ratio(results, "poplar", peer, 1.0)
        ratio(results, "poplar", peer, 1.0, "cpu")


def stat(bench):
    """stat on an empty mailbox over TLS: one CA file, then the system's"""
    with canned(bench, 0, tls=True) as server:
        stat_with(bench, server.port)
        prefix = with_system_ca(bench)
        if prefix is None:
            print("    no name space of one's own: not with the system's CAs")
            return
        print("    with the system's CAs:")
        stat_with(bench, server.port, wrap=prefix, system_ca=True)


def stat_line(bench):
    """stat over TLS and a line of 50 ms, in round trips"""
    names = bench.clients("poplar", "mpop", "fetchmail", "fdm", "curl",
                          "floor")
    with ExitStack() as stack:
        server = stack.enter_context(canned(bench, 0, tls=True))
        far = stack.enter_context(relay(bench, server, RTT_MS))
        results = duel(bench, names, far.port, tls=True, what="stat")
    table(results)
    for name, samples in results.items():
        trips = meter.median(samples, "wall") * 1000 / RTT_MS
        print("    %-14s %5.1f round trips" % (name, trips))
        if name == "poplar":
            goal("round trips of stat", trips, 5.5, "%.1f")


def accounts(bench):
    """8 accounts of 100 messages over TLS and a line of 50 ms, one call"""
    corpus, expected = mail(bench, small(bench, 100))
    users = ["u%d" % number for number in range(1, 9)]
    names = bench.clients("poplar", "mpop", "mpop-each",
                          *(("fdm",) if bench.full else ()))
    with ExitStack() as stack:
        server = stack.enter_context(
            canned(bench, corpus, tls=True, limit=expected.count))
        far = stack.enter_context(relay(bench, server, RTT_MS))
        alone = duel(bench, bench.clients("poplar", "floor"), far.port,
                     expected, tls=True)
        results = duel(bench, names, far.port, expected, tls=True,
                       users=users)
    print("    one account alone:")
    table(alone)
    print("    all eight:")
    table(results)
    ratio(results, "poplar", "mpop-each", 0.75)
    if "poplar" in results:
        goal("poplar's eight accounts, of one", meter.median(
            results["poplar"], "wall") / meter.median(
                alone["poplar"], "wall"), 1.3)


def slow_disk(bench):
    """a disk whose every sync call takes 5 ms more, no TLS"""
    corpus, expected = mail(bench, small(bench, 1000))
    names = bench.clients("poplar", "mpop", "floor", "floor-fsync")
    with canned(bench, corpus, limit=expected.count) as server:
        results = duel(bench, names, server.port, expected,
                       env={"LD_PRELOAD": bench.program("slowsync.so")})
    table(results)
    ratio(results, "poplar", "mpop", 0.12)


ROWS = {
    "plain-dovecot": plain_dovecot,
    "plain-canned": plain_canned,
    "tls-dovecot": tls_dovecot,
    "tls-canned": tls_canned,
    "delete-dovecot": delete_dovecot,
    "delete-canned": delete_canned,
    "line": line,
    "line-250": line_250,
    "lockstep": lockstep,
    "nothing": nothing,
    "nothing-large": nothing_large,
    "big": big,
    "instructions": instructions,
    "calls": calls,
    "stat": stat,
    "stat-line": stat_line,
    "accounts": accounts,
    "slow-disk": slow_disk,
}
