"""What a program can see of the modules that gild wraps, and of how it was started: nothing that it would not see without."""

import concurrent.futures.process
import concurrent.futures.thread
import importlib.util
import inspect
import linecache
import multiprocessing.connection
import multiprocessing.pool
import multiprocessing.queues
import multiprocessing.reduction
import pickle
import queue
import sys
import threading

FUNCTIONS = [
    threading.Condition.wait,
    threading.Thread.join,
    threading._shutdown,
    multiprocessing.reduction.ForkingPickler.dumps,
    multiprocessing.connection.Connection._send_bytes,
    multiprocessing.connection.Connection._recv,
    multiprocessing.connection.wait,
    multiprocessing.queues.Queue.get,
    multiprocessing.queues.Queue._feed,
    multiprocessing.pool.Pool._handle_workers,
]

print(sys.path[1:], "sitecustomize" in sys.modules, getattr(sys, "users_own", None))
for module in [threading, queue, multiprocessing.connection, concurrent.futures.process]:
    spec = importlib.util.find_spec(module.__name__)
    print(module.__name__, module.__spec__.loader is module.__loader__, vars(module.__loader__) == vars(spec.loader))
    print(linecache.getline(module.__file__, 1), type(spec.loader), spec.loader.get_filename(module.__name__))
for function in FUNCTIONS:
    print(function.__name__, function.__qualname__, function.__module__, function.__doc__, inspect.signature(function))
    print(inspect.getsource(function))

items = queue.SimpleQueue()
items.put(1)
print(queue.SimpleQueue, isinstance(items, queue.SimpleQueue), items.get(), items.empty(), queue.SimpleQueue.__doc__)
try:
    items.get(timeout=0.01)
except queue.Empty:
    print("empty")
try:
    items.get(block=True, timeout=-1)
except ValueError as error:
    print(error, error.__context__)
print(multiprocessing.reduction.ForkingPickler.loads(pickle.dumps([1])))
try:
    multiprocessing.reduction.ForkingPickler.dumps(lambda: None)
except (pickle.PicklingError, AttributeError) as error:
    print(type(error), error.__context__)


class Odd(threading.Thread):
    def join(self, timeout=None):
        super().join(timeout)
        print("joined")


odd = Odd(target=print, args=("ran",))
odd.start()
odd.join()
try:
    threading.Condition().wait()
except RuntimeError as error:
    print(error, error.__context__)
