"""What of the standard library is wrapped, so that it says what its threads do, and how: when a module is imported.

Nothing here is in the program's way. What is wrapped does what it did, under its own name; what an interpreter lacks is
reported to the library and left alone. A wrapper keeps what it needs in itself, because modules are emptied at the end.

    base phase      while a thread …
    idle            has nothing to do: waits for a condition, a thread's or process's end, an item, the first byte of a message
    encode, decode  makes bytes of a value, a value of bytes
    send, receive   moves the bytes of a message; waiting until there is room for them, or until the rest is there, is a part of it
"""

import sys

from gild_marks import DECODE, ENCODE, IDLE, RECEIVE, SEND, base, helper, here, inside, like, missing


def _replace(module, path, wrap):
    """Puts wrap(function) in the place of a function or method; KeyError, AttributeError: there is none."""
    *steps, name = path.split(".")
    owner = module
    for step in steps:
        owner = getattr(owner, step)
    found = vars(owner)[name]
    wrapped = wrap(getattr(found, "__func__", found))
    if isinstance(found, (staticmethod, classmethod)):
        wrapped = type(found)(wrapped)
    elif isinstance(owner, type) and not hasattr(found, "__get__"):
        # A builtin function is no method, wherever it lies.
        wrapped = staticmethod(wrapped)
    setattr(owner, name, wrapped)


def _within(phase, path):
    """Whoever is in this function is in this phase."""

    def patch(module):
        _replace(module, path, lambda function: inside(phase, function))

    return patch


# Threads that an executor has for itself, in the order of gild_engine::record::orders::HELPERS.
_FEEDER, _MANAGER, _POOL_WORKERS, _POOL_TASKS, _POOL_RESULTS = range(5)


def _runs(which, *paths):
    """Whoever runs the first of these functions that there is, is this helper."""

    def telling(function):
        tell = helper

        def wrapper(*args, **kwargs):
            tell(which)
            return function(*args, **kwargs)

        return like(function, wrapper)

    def patch(module):
        for path in paths[:-1]:
            try:
                return _replace(module, path, telling)
            except (AttributeError, KeyError):
                pass
        return _replace(module, paths[-1], telling)

    return patch


def _receiving(module):
    """Until the first part of a message is there its receiver is idle; from then on it receives."""

    def wrap(function):
        mark = base

        def _recv(*args, **kwargs):
            part = function(*args, **kwargs)
            before = mark(RECEIVE)
            if before not in (IDLE, RECEIVE):
                # It was called by somebody else, who will not take it back.
                mark(before)
            return part

        return like(function, _recv)

    _replace(module, "Connection._recv", wrap)
    _replace(module, "Connection._recv_bytes", lambda function: inside(IDLE, function))


def _simple_queue(module):
    """queue.SimpleQueue is of C, and its methods cannot be replaced: it becomes a class that has another get."""

    class SimpleQueue(module.SimpleQueue):
        __doc__ = module.SimpleQueue.__doc__
        __slots__ = ()
        __module__ = module.SimpleQueue.__module__
        __qualname__ = "SimpleQueue"

        get = inside(IDLE, module.SimpleQueue.get)

    module.SimpleQueue = SimpleQueue


def _pickling_between_interpreters(_):
    """Values that interpreters do not share are pickled by C code that looks these functions up."""
    import pickle

    _replace(pickle, "dumps", lambda function: inside(ENCODE, function))
    _replace(pickle, "loads", lambda function: inside(DECODE, function))


# The order is that of gild_engine::record::orders::PARTS.
_PARTS = (
    ("threading", (_within(IDLE, "Condition.wait"), _within(IDLE, "Thread.join"), _within(IDLE, "_shutdown"))),
    ("queue", (_simple_queue,)),
    (
        "multiprocessing.reduction",
        (_within(ENCODE, "ForkingPickler.dumps"), _within(DECODE, "ForkingPickler.loads")),
    ),
    (
        "multiprocessing.connection",
        (_within(SEND, "Connection._send_bytes"), _receiving, _within(IDLE, "wait")),
    ),
    ("multiprocessing.synchronize", (_within(IDLE, "Condition.wait"),)),
    (
        "multiprocessing.queues",
        (
            _within(IDLE, "Queue.get"),
            _within(IDLE, "SimpleQueue.get"),
            _runs(_FEEDER, "Queue._feed"),
        ),
    ),
    ("multiprocessing.popen_fork", (_within(IDLE, "Popen.wait"),)),
    (
        "multiprocessing.pool",
        (
            _runs(_POOL_WORKERS, "Pool._handle_workers"),
            _runs(_POOL_TASKS, "Pool._handle_tasks"),
            _runs(_POOL_RESULTS, "Pool._handle_results"),
        ),
    ),
    (
        "concurrent.futures.process",
        (_runs(_MANAGER, "_ExecutorManagerThread.run", "_queue_management_worker"),),
    ),
    ("concurrent.interpreters", (_pickling_between_interpreters,)),
)


def _patch(part, module, _parts=_PARTS, _missing=missing):
    for patch in _parts[part][1]:
        try:
            patch(module)
        except Exception:
            _missing(part)


class _Finder:
    """First of the finders: sees to it that a module of the table is patched right after it was executed."""

    def __init__(self, parts):
        self.parts = parts

    def find_spec(self, name, path=None, target=None):
        part = self.parts.get(name)
        if part is None:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find and find(name, path, target)
            if spec is not None:
                self.prepare(spec, part)
                return spec
        return None

    @staticmethod
    def prepare(spec, part):
        """Has the loader patch what it loads. It stays the loader, for whoever asks a module for it."""
        loader, patch = spec.loader, _patch
        try:
            execute = loader.exec_module

            def exec_module(module):
                execute(module)
                if module.__name__ == spec.name:
                    vars(loader).pop("exec_module", None)
                    patch(part, module)

            if isinstance(loader, type):
                raise TypeError("a loader that others have, too")
            loader.exec_module = exec_module
        except (AttributeError, TypeError):
            missing(part)


def install():
    """Patches what has been imported, and whatever will be."""
    parts = {name: part for part, (name, _) in enumerate(_PARTS)}
    sys.meta_path.insert(0, _Finder(parts))
    for name, part in parts.items():
        if name in sys.modules:
            _patch(part, sys.modules[name])
    here()
