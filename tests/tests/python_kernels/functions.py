"""Functions that the tests call."""

import asyncio
import math
import os
import signal
import sys
import threading
import time
import zlib


def burn(loops):
    """Computes, and holds the interpreter's lock."""
    total = 0
    for number in range(loops):
        total += number * number
    return total


_BYTES = bytes(1 << 20)


def release(times):
    """Computes without the lock."""
    total = 0
    for _ in range(times):
        total = zlib.crc32(_BYTES, total)
    return total


def single(limit):
    return sum(range(limit))


# Not written in Python.
native = math.factorial


def large(size):
    return b"x" * size


def values(number):
    """Results of many kinds, some with parts that are one object, some whose order depends on the seed of hashes."""
    part = [number, float(number), None, True]
    text = {"a%d" % number, "b", "c", "d"}
    return {"part": part, "again": part, "set": text, "frozen": frozenset(text), "text": "ä", "bytes": b"\0", 3: (1, 2j)}


async def nap(seconds):
    await asyncio.sleep(seconds)
    return seconds


def echo(*args):
    return args


def inputs():
    for number in range(5):
        yield (number,)


def number(_ignored):
    return time.time_ns()


_ready = []


def setup():
    _ready.append(os.getpid())


def is_ready(_number):
    return _ready == [os.getpid()]


def fails(number):
    if number == 3:
        raise ValueError("number %d is bad" % number)
    return number


def ends(number):
    if number == 3:
        os._exit(7)
    return number


def is_killed(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def endless(number):
    while number == 3:
        pass
    return number


async def endless_wait(number):
    while number == 3:
        await asyncio.sleep(1)
    return number


def lock(_number):
    return threading.Lock()


def no_setup():
    raise RuntimeError("no database")


def wrong_inputs():
    yield 3


nameless = lambda number: number  # noqa: E731
version = sys.version_info
