# SPDX-License-Identifier: ISC
"""Tables, and whether what was to be reached was."""

from meter import median

ROW = ["?"]  # the one being run
REACHED = []
MISSED = []
BROKEN = []  # runs of ours that did not deliver what they must


def is_ours(name):
    return name.startswith(("poplar", "floor"))


def table(results):
    """results: a list of samples for each client."""
    peer_walls = [median(samples, "wall") for name, samples in results.items()
                  if not is_ours(name) and
                  not any(sample.failed for sample in samples)]
    best = min(peer_walls) if peer_walls else None
    floor = median(results["floor"], "wall") if "floor" in results else None
    print("    %-14s %9s %19s %8s %8s %7s %7s  %s" % (
        "client", "wall s", "(min - max)", "CPU s", "MiB", "/peer", "/floor",
        "delivered"))
    for name, samples in results.items():
        if is_ours(name) and any(sample.failed for sample in samples):
            BROKEN.append("%s: %s" % (ROW[0], name))
        wall = median(samples, "wall")
        print("    %-14s %9.3f %19s %8.3f %8.1f %7s %7s  %s" % (
            name, wall, "(%.3f - %.3f)" % (
                min(sample.wall for sample in samples),
                max(sample.wall for sample in samples)),
            median(samples, "cpu"), median(samples, "peak"),
            "%.2f" % (wall / best) if best else "-",
            "%.2f" % (wall / floor) if floor else "-",
            ", ".join(sorted({sample.verdict for sample in samples}))),
            flush=True)


def ratio(results, ours, theirs, limit, field="wall"):
    """Say whether ours is at most limit of theirs."""
    if ours in results and theirs in results:
        if any(sample.failed for sample in results[ours] + results[theirs]):
            goal("%s or %s has failed" % (ours, theirs), 1, 0, "%d")
            return
        base = median(results[theirs], field)
        value = median(results[ours], field) / base if base else float("inf")
        goal("%s %s of %s" % (ours, field, theirs), value, limit)


def goal(what, value, limit, form="%.2f"):
    reached = value <= limit
    (REACHED if reached else MISSED).append(
        "%s: %s %s, to reach %s" % (ROW[0], what, form % value, form % limit))
    print("    %-5s %s: %s, to reach %s" % (
        "ok" if reached else "MISS", what, form % value, form % limit),
        flush=True)
