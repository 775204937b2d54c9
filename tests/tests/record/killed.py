"""Processes that are killed by their parent, each in another way, while a thread of theirs computes and another one waits.

    python killed.py kill|killpg|terminate
"""

import multiprocessing
import os
import signal
import sys
import threading
import time


def live():
    """Computes until the end, beside a thread that waits for nothing."""
    os.setpgid(0, 0)
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    while True:
        pass


def killed(send):
    if (child := os.fork()) == 0:
        live()
    time.sleep(0.5)
    send(child, signal.SIGKILL)
    os.waitpid(child, 0)


def terminated():
    # A pool whose workers have nothing to do, left as the documentation leaves it.
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(abs, range(2))
        time.sleep(0.5)


if __name__ == "__main__":
    {"kill": lambda: killed(os.kill), "killpg": lambda: killed(os.killpg), "terminate": terminated}[sys.argv[1]]()
