"""What the global interpreter lock of this Python does, seen from threads that run under it.

Reads requests, one a line, and answers each with a line of JSON:

    spin THREADS INTERVAL_S SECONDS      threads that only compute
    convoy SPINNERS INTERVAL_S SECONDS   one thread that sleeps 0.5 ms per round beside threads that only compute

`gild.rs` beside this file does the same with gild's lock.
"""

import json
import statistics
import sys
import threading
import time

SLEEP_S = 0.0005

# What the threads of one request share; plain globals, so that a loop is a few bytecodes.
stopping = False
last = None
took_ns = []


def spin(me):
    """Computes, and notes when it finds that another thread had the lock since."""
    global last
    while not stopping:
        if last != me:
            last = me
            took_ns.append(time.perf_counter_ns())


def rounds(seconds):
    """Gives the lock up to sleep, as blocking calls do, and takes it again. How long each round took."""
    lengths_ns = []
    end_ns = time.perf_counter_ns() + int(seconds * 1e9)
    while True:
        start_ns = time.perf_counter_ns()
        if start_ns >= end_ns:
            return lengths_ns
        time.sleep(SLEEP_S)
        lengths_ns.append(time.perf_counter_ns() - start_ns)


def answer(what, threads, seconds):
    global stopping, last, took_ns
    stopping, last, took_ns = False, None, []
    workers = [threading.Thread(target=spin, args=(me,)) for me in range(threads)]
    for worker in workers:
        worker.start()
    if what == "spin":
        time.sleep(seconds)
    else:
        lengths_ns = rounds(seconds)
    stopping = True
    for worker in workers:
        worker.join()
    if what == "convoy":
        return {"p50_ns": statistics.median(lengths_ns)}
    # While the threads are being started, this one wants the lock as well.
    steady_ns = took_ns[2 * threads :]
    holds_ns = [later - earlier for earlier, later in zip(steady_ns, steady_ns[1:])]
    if not holds_ns:
        return {"hand_overs_per_s": 0, "hold_ns": seconds * 1e9}
    return {"hand_overs_per_s": len(holds_ns) / (sum(holds_ns) / 1e9), "hold_ns": statistics.median(holds_ns)}


def main():
    for line in sys.stdin:
        what, threads, interval_s, seconds = line.split()
        sys.setswitchinterval(float(interval_s))
        print(json.dumps(answer(what, int(threads), float(seconds))), flush=True)


main()
