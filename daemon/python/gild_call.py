"""What a trial calls: finding it by name, its inputs, and one task of it, wherever that runs.

This module is imported in every worker process and interpreter, so it imports nothing that a worker has no use for.
"""

import importlib
import os
import sys
import traceback

import gild_marks as marks


class Refused(Exception):
    """What the user has to know and can do something about; the message is all of it."""


class TaskError(Exception):
    """A task failed; travels from a worker to the coordinator."""

    def __init__(self, task, text):
        super().__init__(task, text)
        self.task = task
        self.text = text


def in_words(error):
    """What an error is, in its first line, and its traceback from the user's own code on."""
    stack = error.__traceback__
    while stack is not None and stack.tb_next is not None and _is_not_theirs(stack.tb_frame.f_code):
        stack = stack.tb_next
    what = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
    return what + "\n" + "".join(traceback.format_exception(type(error), error, stack)).strip()


def _is_not_theirs(code):
    here = os.path.dirname(__file__)
    file = code.co_filename
    return code is task.__code__ or file.startswith((here, "<frozen importlib")) or file.endswith("importlib/__init__.py")


def find(key, name):
    """What `module:object` names."""
    module_name, _, path = name.partition(":")
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that is there and needs another one says so by itself.
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise Refused("%s: there is no module %s in %s" % (key, error.name, ", ".join(_searched()))) from None
        raise Refused("%s: %s cannot be imported: %s" % (key, module_name, in_words(error))) from None
    except BaseException as error:
        raise Refused("%s: %s cannot be imported: %s" % (key, module_name, in_words(error))) from None
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise Refused("%s: %s has no %s" % (key, getattr(found, "__name__", module_name), attribute))
        found = getattr(found, attribute)
    if not callable(found):
        raise Refused("%s: %s is no function but of type %s" % (key, name, type(found).__name__))
    return found


def _searched():
    here = os.path.dirname(os.path.abspath(__file__))
    return [folder or os.getcwd() for folder in sys.path if os.path.abspath(folder or ".") != here]


def is_async(function):
    """Whether a call gives something to be awaited."""
    import inspect

    if inspect.iscoroutinefunction(function):
        return True
    return inspect.iscoroutinefunction(getattr(function, "__call__", None))


class Awaited:
    """A function that runs an asynchronous one to its end, on an event loop of its own."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        import asyncio

        return asyncio.run(self.function(*args))


def task(function, number, args):
    """Runs one task in the calling thread, which is a worker."""
    marks.take(number)
    before = marks.base(marks.COMPUTE)
    try:
        if setup_error is not None:
            raise Refused(setup_error)
        result = function(*args)
    except Refused as error:
        raise TaskError(number, str(error)) from None
    except BaseException as error:
        raise TaskError(number, in_words(error)) from None
    finally:
        marks.base(before)
    marks.done(number)
    return result


def credit(function):
    """Has `task` go by the name and place of the function that it calls.

    An interpreter gives its lock away where it looks for requests, which may be just behind a call. So a function that computes in a
    single operation gives it away in its caller, and it is the function that somebody wants to know of.
    """
    ours, code = task.__code__, getattr(function, "__code__", None)
    if isinstance(code, type(ours)):
        name, file, line = code.co_name, code.co_filename, code.co_firstlineno
    else:
        # Not written in Python: it has no line.
        name = str(getattr(function, "__name__", type(function).__name__))
        file, line = str(getattr(function, "__module__", None) or "built-in"), 0
    task.__code__ = ours.replace(co_name=name, co_filename=file, co_firstlineno=line)


# Why the setup of this process or interpreter failed. An executor would only say that it is broken.
setup_error = None


def begin(call, setup, cores):
    """Begins the life of a worker: it is pinned, has the function, and has called what is to be called before tasks."""
    global setup_error
    before = marks.base(marks.STARTUP)
    number = marks.join()
    if cores and number is not None:
        pin(cores[number % len(cores)])
    try:
        credit(find("call", call))
        if setup is not None:
            find("setup", setup)()
    except Refused as error:
        setup_error = str(error)
    except BaseException as error:
        setup_error = "setup: %s failed: %s" % (setup, in_words(error))
    # Between tasks a worker has nothing to do.
    marks.base(before if before is None else marks.IDLE)


def pin(core):
    """Pins the calling thread; None: it may run anywhere."""
    if core is not None:
        os.sched_setaffinity(0, {core})
        marks.pinned(core)
