"""Threads of which one computes and the others sleep a millisecond at a time, or of which all compute.

    hog.py one|all SECONDS
"""

import sys
import threading
import time


def hog(until):
    number = 0
    while time.monotonic() < until:
        for step in range(1000):
            number += step


def victim(until):
    while time.monotonic() < until:
        time.sleep(0.001)


until = time.monotonic() + float(sys.argv[2])
others = victim if sys.argv[1] == "one" else hog
threads = [threading.Thread(target=work, args=(until,)) for work in (hog, others, others)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
