#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""poplib_compare.py SEED PORT TLSPORT CA PASSWORD_FILE [same-uidl]

Ask one server the same things with Python's poplib and with poplar ($POPLAR), by
every method that poplib has, and compare. Its users one and two have the same
mail. Prints a line for each comparison that failed, and at the end how many were
made; status 1 if any failed. Which messages are looked at closely depends on SEED.

rset, noop and rpop are missing: they show only in a session by hand.
"""

import json
import os
import poplib
import random
import re
import ssl
import subprocess
import sys

SEED, PORT, TLS_PORT, CA, PASSWORD_FILE = sys.argv[1:6]
SAME_UIDL = "same-uidl" in sys.argv[6:]  # one and two have the same UIDLs
rng = random.Random(SEED)
poplib._MAXLINE = 1 << 24  # it takes lines of 2048 octets only
made = 0
failed = 0

with open(PASSWORD_FILE, encoding="ascii") as file:
    PASSWORD = file.read().strip()
CONTEXT = ssl.create_default_context(cafile=CA)


def cleartext():
    return poplib.POP3("127.0.0.1", int(PORT), timeout=30)


def stls():
    pop = poplib.POP3("localhost", int(PORT), timeout=30)
    pop.stls(CONTEXT)
    return pop


def implicit():
    return poplib.POP3_SSL("localhost", int(TLS_PORT), context=CONTEXT, timeout=30)


def by_password(pop, user):
    pop.user(user)
    pop.pass_(PASSWORD)


def by_apop(pop, user):
    pop.apop(user, PASSWORD)


# name: how poplib gets there, how it logs in, poplar's options for both
WAYS = {
    "implicit TLS": (implicit, by_password, [
        "--host=localhost", "--port=" + TLS_PORT, "--tls=implicit", "--tls-ca-file=" + CA,
        "--auth=user"]),
    "STLS": (stls, by_password, [
        "--host=localhost", "--port=" + PORT, "--tls=starttls", "--tls-ca-file=" + CA]),
    "APOP": (cleartext, by_apop, [
        "--host=127.0.0.1", "--port=" + PORT, "--tls=none", "--auth=apop"]),
    "in the clear": (cleartext, by_password, [
        "--host=127.0.0.1", "--port=" + PORT, "--tls=none", "--auth=user",
        "--insecure-auth"]),
}


def login(way, user):
    connect, enter, _ = WAYS[way]
    pop = connect()
    enter(pop, user)
    return pop


def poplar(way, user, *words):
    """Standard output, or None if poplar refused."""
    run = subprocess.run(
        [os.environ["POPLAR"], *words, "--user=" + user, "--no-state",
         "--password-file=" + PASSWORD_FILE, *WAYS[way][2]],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if run.returncode != 0 and not run.stderr.startswith(b"poplar: "):
        raise RuntimeError("%r: %d %r" % (words, run.returncode, run.stderr))
    if run.returncode == 0 and run.stderr:
        raise RuntimeError("%r wrote %r" % (words, run.stderr))
    return run.stdout if run.returncode == 0 else None


def compare(what, theirs, ours):
    global made, failed
    made += 1
    if theirs != ours:
        failed += 1
        print("seed %s: %s: poplib %.300r, poplar %.300r" % (SEED, what, theirs, ours))


def refusable(method, *arguments):
    try:
        return method(*arguments)
    except poplib.error_proto:
        return None


def text(reply):
    """The lines of a long reply."""
    return None if reply is None else b"".join(line + b"\n" for line in reply[1])


def single(reply):
    """What follows +OK in a short one."""
    return None if reply is None else reply.split(b" ", 1)[1].rstrip() + b"\n"


def capabilities(lines):
    return {words[0]: words[1:] for words in (line.split() for line in lines)}


def greeting(welcome):
    # the time stamp of APOP differs in each session
    return re.sub(r"<[^>]*>", "<>", welcome)


def compare_capa(way):
    connect, enter, _ = WAYS[way]
    pop = connect()
    welcome = pop.getwelcome().decode()
    before = pop.capa()
    enter(pop, "one")
    after = pop.capa()
    pop.quit()
    # poplib keeps the greeting that it got, as poplar does
    verbose = poplar(way, "one", "capa", "--verbose").decode()
    compare(way + ": getwelcome", "+OK " + greeting(verbose.split("\n")[0][len("greeting: "):]),
            greeting(welcome))
    records = [json.loads(line) for line in poplar(way, "one", "capa", "--json").splitlines()]
    for phase, theirs in (("before", before), ("after", after)):
        compare("%s: capa %s login" % (way, phase), theirs, capabilities(
            record["capability"] for record in records if record["phase"] == phase))


def compare_listings(way):
    pop = login(way, "one")
    count, octets = pop.stat()
    compare(way + ": stat", b"%d %d\n" % (count, octets), poplar(way, "one", "stat"))
    compare(way + ": list", text(pop.list()), poplar(way, "one", "list"))
    compare(way + ": uidl", text(pop.uidl()), poplar(way, "one", "uidl"))
    for number in [1, count, count + 1, count + 1000, *rng.sample(range(1, count + 1), 3)]:
        for method in ("list", "uidl"):
            compare("%s: %s %d" % (way, method, number),
                    single(refusable(getattr(pop, method), number)),
                    poplar(way, "one", method, str(number)))
    pop.quit()
    return count


def compare_message(way, pop, number):
    compare("%s: retr %d" % (way, number), text(refusable(pop.retr, number)),
            poplar(way, "one", "fetch", "--stdout", str(number)))
    for lines in (0, rng.randrange(1, 30)):
        compare("%s: top %d %d" % (way, number, lines), text(refusable(pop.top, number, lines)),
                poplar(way, "one", "top", "-n%d" % lines, str(number)))


def compare_messages(way, numbers):
    pop = login(way, "one")
    for number in numbers:
        compare_message(way, pop, number)
    pop.quit()


def compare_utf8(way):
    connect, enter, _ = WAYS[way]
    pop = connect()
    offered = "UTF8" in pop.capa()
    accepted = refusable(pop.utf8) is not None
    enter(pop, "one")
    theirs = text(pop.retr(1))
    pop.quit()
    compare(way + ": utf8 is served when offered", accepted, offered)
    compare(way + ": retr 1 after utf8", theirs if accepted else None,
            poplar(way, "one", "fetch", "--stdout", "1", "--utf8=on"))
    compare(way + ": retr 1, utf8 as it comes", theirs,
            poplar(way, "one", "fetch", "--stdout", "1", "--utf8=auto"))


def compare_dele(way, count):
    doomed = sorted(rng.sample(range(1, count + 1), max(1, count // 6)))
    pop = login(way, "one")
    for number in doomed:
        pop.dele(number)
    compare(way + ": dele of what is not there", None, refusable(pop.dele, count + 1))
    pop.quit()
    compare(way + ": delete of what is not there", None,
            poplar(way, "two", "delete", str(count + 1)))
    compare("%s: delete %s" % (way, doomed), b"",
            poplar(way, "two", "delete", *map(str, doomed)))
    one, two = login(way, "one"), login(way, "two")
    compare(way + ": stat after dele", one.stat(), two.stat())
    compare(way + ": list after dele", one.list()[1], two.list()[1])
    if SAME_UIDL:
        compare(way + ": uidl after dele", one.uidl()[1], two.uidl()[1])
    for number in range(1, count - len(doomed) + 1):
        compare("%s: message %d after dele" % (way, number), text(one.retr(number)),
                text(two.retr(number)))
    one.quit()
    two.quit()


def main():
    for way in WAYS:
        compare_capa(way)
        compare_utf8(way)
        count = compare_listings(way)
        everything = way == "implicit TLS"
        compare_messages(way, range(1, count + 2) if everything else
                         rng.sample(range(1, count + 1), 4))
    for way in WAYS:
        compare_dele(way, count)
        count -= max(1, count // 6)
    print("%d comparisons, %d failed" % (made, failed))
    return 1 if failed else 0


sys.exit(main())
