"""Threads that ask somebody outside, who takes a millisecond to answer, beside threads that compute. As JSON: how often each of
the former asked, and how long it took until it had its answers.

    python echo.py ASKING COMPUTING SECONDS SWITCH-INTERVAL
"""

import json
import os
import select
import socket
import sys
import threading
import time


def answer(sockets):
    """The other process: until all of the other ends are closed."""
    while sockets:
        for ready in select.select(sockets, [], [])[0]:
            byte = ready.recv(1)
            if byte:
                time.sleep(0.001)
                ready.send(byte)
            else:
                sockets.remove(ready)


def main(asking, computing, seconds, interval):
    sys.setswitchinterval(interval)
    pairs = [socket.socketpair() for _ in range(asking)]
    if os.fork() == 0:
        for mine, _ in pairs:
            mine.close()
        answer([theirs for _, theirs in pairs])
        os._exit(0)
    for _, theirs in pairs:
        theirs.close()
    until = time.monotonic() + seconds
    told = []

    def ask(mine):
        count, waited_ns = 0, 0
        while time.monotonic() < until:
            start = time.perf_counter_ns()
            mine.send(b"x")
            mine.recv(1)
            waited_ns += time.perf_counter_ns() - start
            count += 1
        told.append({"tid": threading.get_native_id(), "count": count, "waited_ns": waited_ns})
        mine.close()

    def compute():
        x = 0
        while time.monotonic() < until:
            for _ in range(500):
                x += 1

    threads = [threading.Thread(target=ask, args=(mine,)) for mine, _ in pairs]
    threads += [threading.Thread(target=compute) for _ in range(computing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.wait()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
