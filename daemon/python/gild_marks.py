"""Telling the preloaded library of gild, which is in this process, what the calling thread is doing.

An order is a call of getpgid(2) for a process that cannot exist: the library stands in for that function and takes negative
numbers for orders (gild_engine::record::orders has the other side). It works in every interpreter, needs no extension
module, and does not give the interpreter's lock away. Where nothing is recorded the kernel answers ESRCH.
"""

import functools
import os

_getpgid = os.getpgid

_HELLO, _BASE, _PLANNED, _WALL_BEGIN, _WALL_END, _TAKE, _DONE, _COLLECTED = (n << 24 for n in range(1, 9))

# The numbers of phases in the ledger (gild_model::phase).
IDLE, DECODE, ENCODE, SEND, RECEIVE, COMPUTE = 1, 2, 3, 4, 5, 8

_VERSION = 1


def _obeyed(order):
    """The answer to an order; None: nobody obeys."""
    try:
        return _getpgid(-order)
    except OSError:
        return None


def is_recorded():
    """Whether the calling thread is recorded, by a library that has these orders."""
    return _obeyed(_HELLO) == _VERSION


def base(phase):
    """From now on the calling thread is in this phase when it is in no call that has one of its own.

    The answer is to be given back later, to this function; None is taken for nothing.
    """
    return None if phase is None else _obeyed(_BASE | phase)


def inside(phase, function):
    """The same function, during which the calling thread is in this phase."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        before = base(phase)
        try:
            return function(*args, **kwargs)
        finally:
            base(before)

    return wrapper


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
