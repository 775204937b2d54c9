"""Rows as Markdown, and everything as JSON."""

import dataclasses
import re

# What the truth of each workload is about.
ABOUT = {
    "contended": "10 threads of computation under one lock",
    "alone": "1 thread of the same computation: nobody to wait for",
    "released": "4 threads of hashing, which gives the lock away",
    "sleeping": "4 threads that sleep: they wait, but not for the lock",
    "calls": "1 thread that does nothing but call: nobody to wait for",
    "ping-pong": "2 threads that hand a lock of their own back and forth; which part of that is waiting for the interpreter's lock, no "
    "clock tells",
}
HEAD = ["peer", "wall ratio", "CPU ratio", "whole command", "lock wait, bare", "lock wait, under it", "it reports", "error, points", "notes"]
LEGEND = ["peer", "what it reports as waiting for the lock"]


def unsigned_zero(text: str) -> str:
    """What rounds to zero has no sign worth printing."""
    return re.sub(r"[-+](0\.0+)(?![0-9])", r"\1", text)


def ratio(spread) -> str:
    """A ratio of times: median and extremes."""
    return "–" if spread is None else f"{spread.median:.2f} [{spread.low:.2f}..{spread.high:.2f}]"


def percents(spread) -> str:
    """The median of shares as per cent."""
    return "–" if spread is None else unsigned_zero(f"{100 * spread.median:.1f} %")


def points(spread) -> str:
    """A difference of shares, in percentage points."""
    if spread is None:
        return "–"
    middle, low, high = (unsigned_zero(f"{100 * share:+.1f}") for share in (spread.median, spread.low, spread.high))
    return f"{middle} [{low}..{high}]"


def notes(row) -> str:
    """What a peer says where it has no figure of lock waiting; and what went wrong."""
    parts = [f"says: {row.instead}"] if row.instead else []
    if row.failures:
        reasons = "; ".join(dict.fromkeys(row.failures))
        parts.append(f"FAILED {len(row.failures)} of {row.pairs + len(row.failures)}: {reasons}")
    return "; ".join(parts)


def cells(row) -> list:
    """A row in words."""
    truths = [percents(row.truth_bare), percents(row.truth_under)]
    ratios = [ratio(row.wall_ratio), ratio(row.cpu_ratio), ratio(row.command_ratio)]
    return [row.peer, *ratios, *truths, percents(row.reported), points(row.error), notes(row)]


def line(texts: list) -> str:
    """A line of a table."""
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def legend(rows: list, meanings: dict) -> list:
    """What each peer's figure is (meanings: peer to that), or why it has none."""
    lines = [line(LEGEND), line(["---"] * len(LEGEND))]
    for peer in dict.fromkeys(row.peer for row in rows):
        mine = [row for row in rows if row.peer == peer]
        reasons = list(dict.fromkeys(row.why_none for row in mine if row.why_none))
        if any(row.reported for row in mine):
            reasons.insert(0, meanings[peer])
        elif reasons:
            reasons[0] = f"nothing: {reasons[0]}"
        lines.append(line([peer, "; ".join(reasons) or "not known: it never ran to its end here"]))
    return lines


def heading(workload: str, rows: list) -> str:
    """What the workload is, and how long it had to wait for a core without any peer."""
    waits = [row.run_queue_bare for row in rows if row.run_queue_bare]
    if not waits:
        return f"**{workload}**: {ABOUT[workload]}"
    low, high = min(wait.low for wait in waits), max(wait.high for wait in waits)
    return f"**{workload}**: {ABOUT[workload]}; bare, it waited for a core for {100 * low:.0f} to {100 * high:.0f} % of its threads' time"


def markdown(rows: list, meanings: dict) -> str:
    """The legend, and one table per workload."""
    lines = [*legend(rows, meanings), ""]
    for workload in dict.fromkeys(row.workload for row in rows):
        mine = [row for row in rows if row.workload == workload]
        lines += [heading(workload, mine), "", line(HEAD), line(["---"] * len(HEAD))]
        lines += [line(cells(row)) for row in mine]
        lines.append("")
    return "\n".join(lines).rstrip()


def document(about: dict, rows: list, pairs: list) -> dict:
    """Everything that was measured, for --json. Shares are between 0 and 1; null is what was not measured."""
    return {
        "about": about,
        "rows": [dataclasses.asdict(row) for row in rows],
        "pairs": [dataclasses.asdict(pair) for pair in pairs],
    }
