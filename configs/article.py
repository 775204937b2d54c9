"""The article's function: it multiplies, in one growing integer, i*j*k for every triple of 1 … n-1.

Its result is ((n-1)!)^(3*(n-1)^2): for n = 30 an integer of 32 KB, which another process has to send back.
"""

import os
import threading


def process(n):
    """One task."""
    print("process %d, thread %d" % (os.getpid(), threading.get_ident()))
    product = 1
    for i in range(1, n):
        for j in range(1, n):
            for k in range(1, n):
                product *= i * j * k
    return product
