"""Telling the preloaded library of gild, which is in this process, what the calling thread is doing.

An order is a call of getpgid(2) for a process that cannot exist: the library stands in for that function and takes negative
numbers for orders (gild_engine::record::orders has the other side). It works in every interpreter, needs no extension
module, and does not give the interpreter's lock away. Where nothing is recorded the kernel answers ESRCH.

This module is imported whenever an interpreter starts: it imports nothing that is not there already. What its functions need
they have as defaults, because threads and destructors may still call them when the interpreter has emptied its modules.
"""

import os

_HELLO, _BASE, _PLANNED, _WALL_BEGIN, _WALL_END, _TAKE, _DONE, _COLLECTED = (n << 24 for n in range(1, 9))
_HELPER, _HERE, _MISSING = (n << 24 for n in range(9, 12))

# The numbers of phases in the ledger (gild_model::phase).
STARTUP, IDLE, DECODE, ENCODE, SEND, RECEIVE, COMPUTE = 0, 1, 2, 3, 4, 5, 8

_JOIN, _PINNED, _TURN = (n << 24 for n in range(32, 35))

_VERSION = 1


def _obeyed(order, _getpgid=os.getpgid):
    """The answer to an order; None: nobody obeys."""
    try:
        return _getpgid(-order)
    except OSError:
        return None


def is_recorded():
    """Whether the calling thread is recorded, by a library that has these orders."""
    return _obeyed(_HELLO) == _VERSION


def base(phase, _getpgid=os.getpgid, _base=_BASE):
    """From now on the calling thread is in this phase when it is in no call that has one of its own.

    The answer is to be given back later, to this function; None is taken for nothing.
    """
    if phase is None:
        return None
    try:
        return _getpgid(-(_base | phase))
    except OSError:
        return None


def inside(phase, function):
    """The same function, during which the calling thread is in this phase."""
    mark = base

    def wrapper(*args, **kwargs):
        before = mark(phase)
        try:
            return function(*args, **kwargs)
        finally:
            mark(before)

    return like(function, wrapper)


def like(function, wrapper):
    """The wrapper, which says of itself what the function does (as functools.wraps, which is not imported yet)."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(wrapper, name, getattr(function, name, None))
    wrapper.__wrapped__ = function
    return wrapper


def helper(which, _obeyed=_obeyed, _helper=_HELPER):
    """The calling thread is an executor's own: which one, of gild_engine::record::orders::HELPERS."""
    return _obeyed(_helper | which)


def here():
    """What wraps the standard library is in this process."""
    return _obeyed(_HERE)


def missing(part, _obeyed=_obeyed, _missing=_MISSING):
    """This interpreter's standard library lacks something in this part of what is to be wrapped."""
    return _obeyed(_missing | part)


def planned(tasks):
    """The trial has so many tasks; to be said once, before the first of them is given to anybody."""
    return _obeyed(_PLANNED | tasks)


def wall_begin(is_worker):
    """The wall time of the trial starts; the calling thread is its coordinator, or its only worker."""
    return _obeyed(_WALL_BEGIN | is_worker)


def wall_end():
    """The wall time of the trial ends."""
    return _obeyed(_WALL_END)


def take(task):
    """The calling thread has taken this task."""
    return _obeyed(_TAKE | task)


def done(task):
    """The result of this task is done."""
    return _obeyed(_DONE | task)


def collected(task):
    """The calling thread has the result of this task in its hands."""
    return _obeyed(_COLLECTED | task)


def join():
    """The calling thread is a worker from now on; the answer is its number."""
    return _obeyed(_JOIN)


def pinned(core):
    """The calling thread has been pinned to this core."""
    return _obeyed(_PINNED | core)


def turn(task):
    """Of several tasks that the calling thread has taken and not finished, this is the current one."""
    return _obeyed(_TURN | task)
