"""A process pool whose values are pickled, and what that took, timed by hand in the same calls: a line of JSON per thread.

    python pickling.py executor|pool METHOD WORKERS TASKS ITEMS
"""

import json
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize

SPENT = {}


def timed(name):
    function = getattr(ForkingPickler, name)

    def by_hand(*args):
        start, start_cpu = time.perf_counter_ns(), time.thread_time_ns()
        result = function(*args)
        end_cpu, end = time.thread_time_ns(), time.perf_counter_ns()
        spent = SPENT.setdefault((name, threading.get_native_id()), [0, 0, 0])
        spent[0] += 1
        spent[1] += end - start
        spent[2] += end_cpu - start_cpu
        return result

    setattr(ForkingPickler, name, staticmethod(by_hand))


timed("dumps")
timed("loads")


def tell():
    for (name, tid), (calls, ns, cpu_ns) in sorted(SPENT.items()):
        line = {"pid": os.getpid(), "tid": tid, "name": name, "calls": calls, "ns": ns, "cpu_ns": cpu_ns}
        os.write(1, (json.dumps(line) + "\n").encode())


def begin(barrier):
    """In a worker: what was spent so far was spent by the parent. All of them are there before the first begins."""
    SPENT.clear()
    barrier.wait()
    Finalize(None, tell, exitpriority=10)


def work(items):
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass
    return list(range(1000, 1000 + items))


def main(kind, method, workers, tasks, items):
    context = multiprocessing.get_context(method)
    barrier = context.Barrier(workers)
    if kind == "executor":
        with ProcessPoolExecutor(workers, context, begin, (barrier,)) as pool:
            total = sum(map(len, pool.map(work, [items] * tasks)))
    else:
        pool = context.Pool(workers, begin, (barrier,))
        total = sum(map(len, pool.imap_unordered(work, [items] * tasks)))
        pool.close()
        pool.join()
    assert total == items * tasks
    tell()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
