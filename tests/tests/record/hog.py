"""Threads of which one computes and the others sleep a millisecond at a time, or of which all compute; the one that computes
may have a library do it.

    hog.py one|all|decoder SECONDS
"""

import pickle
import sys
import threading
import time
from multiprocessing.reduction import ForkingPickler

LIST = pickle.dumps(list(range(1000, 101_000)))


def hog(until):
    number = 0
    while time.monotonic() < until:
        for step in range(1000):
            number += step


def decoder(until):
    while time.monotonic() < until:
        ForkingPickler.loads(LIST)


def victim(until):
    while time.monotonic() < until:
        time.sleep(0.001)


until = time.monotonic() + float(sys.argv[2])
one = decoder if sys.argv[1] == "decoder" else hog
others = hog if sys.argv[1] == "all" else victim
threads = [threading.Thread(target=work, args=(until,)) for work in (one, others, others)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
