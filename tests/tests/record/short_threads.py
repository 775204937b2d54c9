"""Thousands of short threads, one after the other."""

import sys
import threading

for _ in range(int(sys.argv[1])):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
