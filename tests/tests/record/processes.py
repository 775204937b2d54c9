"""Processes that come and go in every way that there is; ends as another program, with exit status 4."""

import os
import signal
import subprocess
import sys
import threading
import time

# A child that ends without ado.
if (child := os.fork()) == 0:
    time.sleep(0.05)
    os._exit(0)
os.waitpid(child, 0)

# One that is killed while it computes, with a thread that waits.
if (child := os.fork()) == 0:
    threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
    while True:
        pass
time.sleep(0.3)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)

# Programs, with descriptors closed and without.
for close in (True, False):
    subprocess.run(["/bin/true"], check=True, close_fds=close)
os.posix_spawn("/bin/true", ["true"], os.environ)
os.wait()

# One that is not there: exec fails, and life goes on.
try:
    os.execv("/nonexistent/program", ["program"])
except FileNotFoundError:
    pass

# What is blocked is the user's business: a child's end is heard of.
assert not signal.pthread_sigmask(signal.SIG_BLOCK, []), "signals are blocked"
print("alive")
sys.stdout.flush()
threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
os.execv("/bin/sh", ["sh", "-c", "exit 4"])
