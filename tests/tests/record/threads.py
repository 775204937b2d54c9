"""Threads that do one thing for a while, and what the kernel's own clocks say of each of them, as JSON.

    python threads.py WHAT THREADS SECONDS
"""

import hashlib
import json
import sys
import threading
import time
import zlib

BUFFER = bytes(16 << 20)


def spin(until):
    """Computes under the interpreter's lock."""
    x = 0
    while time.monotonic() < until:
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


def sleep(until):
    """Waits, and not for a lock."""
    while time.monotonic() < until:
        time.sleep(0.02)


def event(until):
    """Waits for somebody in a lock that is not the interpreter's."""
    threading.Event().wait(max(0.0, until - time.monotonic()))


def main(what, count, seconds):
    work = globals()[what]
    start = threading.Barrier(count)
    told = []

    def body():
        start.wait()
        work(time.monotonic() + seconds)
        told.append({"tid": threading.get_native_id(), "cpu_ns": time.thread_time_ns()})

    threads = [threading.Thread(target=body) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump({"version": sys.version.split()[0], "threads": told}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
