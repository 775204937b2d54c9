"""The work that is run bare and under every peer, and the truth about it.

    python workload.py NAME SIZE REPORT

runs the workload NAME, SIZE units of work long, and writes what its threads measured of themselves to REPORT, as JSON.

The truth comes from the kernel and from nobody else: each thread holds its own life (CLOCK_MONOTONIC) against its CPU time
(CLOCK_THREAD_CPUTIME_ID), the time it was ready and had no core (schedstat's second figure), and the time it spent in calls that
are known to wait for something else than the lock (only `sleeping` has those). What is left of the life is waiting for the lock.
"""

import hashlib
import json
import os
import sys
import threading
import time

NANOSECONDS = 1_000_000_000
# CPython lets go of the lock in hashlib for buffers of more than 2047 bytes; this one takes milliseconds.
BUFFER = bytes(8 << 20)


def multiply(n):
    """The article's kernel: one growing integer, multiplied by every i*j*k with i, j, k in 1..n-1; no calls, no lock given up."""
    product = 1
    for i in range(1, n):
        for j in range(1, n):
            for k in range(1, n):
                product *= i * j * k
    return product


def fibonacci(n):
    """Nothing but calls: what a tracer of calls costs most with."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


class Exchange:
    """Two threads that hand a turn back and forth, and do nothing else: a hundred rounds a unit."""

    def __init__(self):
        self.turns, self.role, self.roles = [threading.Lock(), threading.Lock()], threading.local(), iter(range(2))
        self.turns[1].acquire()

    def __call__(self):
        if not hasattr(self.role, "mine"):
            mine = next(self.roles)
            self.role.mine, self.role.other = self.turns[mine], self.turns[1 - mine]
        mine, other = self.role.mine, self.role.other
        for _ in range(100):
            mine.acquire()
            other.release()


# name: threads, one unit of work
WORKLOADS = {
    "contended": (10, lambda: multiply(20)),
    "alone": (1, lambda: multiply(20)),
    "released": (4, lambda: hashlib.sha256(BUFFER)),
    "sleeping": (4, lambda: time.sleep(0.01)),
    "calls": (1, lambda: fibonacci(18)),
    "ping-pong": (2, Exchange()),
}
# Whose units wait, and not for the lock: they are timed one by one, and what they were off the core for is not the lock's.
WAITS_ELSEWHERE = ["sleeping"]
# Of whose units each thread does as many as every other.
IN_STEP = ["ping-pong"]


def now(schedstat):
    """Wall time, CPU time and run-queue wait of this thread so far, in nanoseconds.

    Always in this order: pread lets go of the lock, so it comes last, and the kernel answers it before the lock is waited for.
    """
    return time.monotonic_ns(), time.thread_time_ns(), int(os.pread(schedstat, 64, 0).split()[1])


def off_core_ns(start, end):
    """How long this thread was neither on a core nor ready for one."""
    life_ns, cpu_ns, run_queue_ns = (b - a for a, b in zip(start, end))
    return life_ns - cpu_ns - run_queue_ns


def timed(unit, schedstat):
    """Does one unit of work, and returns how long it waited for something."""
    start = now(schedstat)
    unit()
    return off_core_ns(start, now(schedstat))


def thread(unit, elsewhere, todo, barrier, accounts):
    """Takes units of work until there are none, and writes down where this thread's time went."""
    elsewhere_ns = units = 0
    schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    barrier.wait()
    start = now(schedstat)
    while True:
        try:
            todo.pop()
        except IndexError:
            break
        if elsewhere:
            elsewhere_ns += timed(unit, schedstat)
        else:
            unit()
        units += 1
    life_ns, cpu_ns, run_queue_ns = (b - a for a, b in zip(start, now(schedstat)))
    os.close(schedstat)
    accounts.append({
        "units": units, "life_ns": life_ns, "cpu_ns": cpu_ns, "run_queue_ns": run_queue_ns, "elsewhere_ns": elsewhere_ns,
    })


def stolen_seconds():
    """What the hypervisor has taken from this machine so far: the part of the truth that no thread can see."""
    with open("/proc/stat") as stat:
        return int(stat.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def main(name, size, report):
    count, unit = WORKLOADS[name]
    todo, accounts, barrier = [None] * size, [], threading.Barrier(count)
    todos = [list(todo) if name in IN_STEP else todo for _ in range(count)]
    threads = [threading.Thread(target=thread, args=(unit, name in WAITS_ELSEWHERE, todo, barrier, accounts)) for todo in todos]
    stolen, start = stolen_seconds(), time.monotonic_ns()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    wall_ns = time.monotonic_ns() - start
    truth = {
        "workload": name, "size": size, "threads": count, "wall_ns": wall_ns, "accounts": accounts,
        "stolen_seconds": stolen_seconds() - stolen, "python": sys.version.split()[0],
    }
    with open(report, "w") as file:
        json.dump(truth, file)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
