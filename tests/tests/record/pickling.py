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
        start = time.perf_counter_ns()
        result = function(*args)
        spent = SPENT.setdefault((name, threading.get_native_id()), [0, 0])
        spent[0] += 1
        spent[1] += time.perf_counter_ns() - start
        return result

    setattr(ForkingPickler, name, staticmethod(by_hand))


timed("dumps")
timed("loads")


def tell():
    for (name, tid), (calls, ns) in sorted(SPENT.items()):
        line = {"pid": os.getpid(), "tid": tid, "name": name, "calls": calls, "ns": ns}
        os.write(1, (json.dumps(line) + "\n").encode())


def begin():
    """In a worker: what was spent so far was spent by the parent."""
    SPENT.clear()
    Finalize(None, tell, exitpriority=10)


def work(items):
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass
    return list(range(1000, 1000 + items))


def main(kind, method, workers, tasks, items):
    context = multiprocessing.get_context(method)
    if kind == "executor":
        with ProcessPoolExecutor(workers, context, begin) as pool:
            total = sum(map(len, pool.map(work, [items] * tasks)))
    else:
        pool = context.Pool(workers, begin)
        total = sum(map(len, pool.imap_unordered(work, [items] * tasks)))
        pool.close()
        pool.join()
    assert total == items * tasks
    tell()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
