"""Threads that do one thing for a while, and what the kernel's own clocks say of each of them, as JSON.

    python threads.py WHAT[,WHAT…] THREADS SECONDS [SWITCH-INTERVAL]

The threads take turns at what there is to do.
"""

import gc
import hashlib
import json
import os
import queue
import sys
import threading
import time
import zlib

if "array" in sys.argv[1]:
    # Or it starts threads of its own.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy

BUFFER = bytes(16 << 20)
SMALLER = bytes(4 << 20)
LOCK = threading.Lock()
LIST = []
last = None
turns = 0


def spin(until):
    """Computes under the interpreter's lock, and counts whenever it was another thread's turn in between."""
    global last, turns
    me = threading.get_ident()
    x = 0
    while time.monotonic() < until:
        if last != me:
            last = me
            turns += 1
        for _ in range(2000):
            x += 1


def checksum(until):
    """Computes without it."""
    while time.monotonic() < until:
        zlib.crc32(BUFFER)


def digest(until):
    """The same."""
    while time.monotonic() < until:
        hashlib.sha256(BUFFER).digest()


def compress(until):
    """The same."""
    while time.monotonic() < until:
        zlib.compress(SMALLER)


def array(until):
    """The same, in a library that is not Python's own."""
    numbers = numpy.arange(1 << 20, dtype=float)
    while time.monotonic() < until:
        numpy.sqrt(numbers, out=numbers)


def contend(until):
    """Two threads want the same lock all the time, and compute while they have it."""
    x = 0
    while time.monotonic() < until:
        with LOCK:
            for _ in range(2000):
                x += 1


def append(until):
    """All put something into one list, which has a lock of its own where the interpreter has none."""
    while time.monotonic() < until:
        for _ in range(2000):
            LIST.append(None)
        if len(LIST) > 1_000_000:
            LIST.clear()


def collect(until):
    """Stops all the others, again and again, where there is no lock that would have stopped them."""
    while time.monotonic() < until:
        gc.collect()
        time.sleep(0.001)


def queue_get(until):
    """Waits for an item that does not come."""
    try:
        queue.SimpleQueue().get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        pass


def sleep(until):
    """Waits, and not for a lock."""
    while time.monotonic() < until:
        time.sleep(0.02)


def event(until):
    """Waits for somebody in a lock that is not the interpreter's."""
    threading.Event().wait(max(0.0, until - time.monotonic()))


def main(what, count, seconds):
    works = [globals()[name] for name in what.split(",")]
    start = threading.Barrier(count)
    told = []

    def body(work):
        start.wait()
        work(time.monotonic() + seconds)
        told.append({"tid": threading.get_native_id(), "cpu_ns": time.thread_time_ns(), "what": work.__name__})

    threads = [threading.Thread(target=body, args=(works[n % len(works)],)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump({"version": sys.version.split()[0], "turns": turns, "threads": told}, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 4:
        sys.setswitchinterval(float(sys.argv[4]))
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
