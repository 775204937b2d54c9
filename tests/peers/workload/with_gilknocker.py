"""Runs a Python program with gilknocker in its process, which has no command line of its own.

    python with_gilknocker.py REPORT PROGRAM ARGS...

writes gilknocker's metric to REPORT, as JSON.
"""

import json
import runpy
import sys

from gilknocker import KnockKnock

# Its own example asks every 100 microseconds; every millisecond costs the program less. The other two intervals (how long it asks,
# how long it rests) are its defaults, 10 and 100 times this one.
POLLING_MICROSECONDS = 1000

if __name__ == "__main__":
    report, sys.argv = sys.argv[1], sys.argv[2:]
    knocker = KnockKnock(POLLING_MICROSECONDS)
    knocker.start()
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        metric = knocker.contention_metric
    finally:
        knocker.stop()
    with open(report, "w") as file:
        json.dump({"contention_metric": metric}, file)
