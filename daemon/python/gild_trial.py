"""A trial of a function in Python, by the executors that its interpreter has; and a look at whether there can be one.

The daemon's program `gild python` starts it, as

    python -c "import gild_trial; gild_trial.main(SPEC, ANSWER)"

with the preloaded library of gild in the process. SPEC and ANSWER are descriptors of files: what to do, as JSON, and what came
of it (daemon/src/python/harness.rs has both). Between `wall_begin` and `wall_end` happens what the trial is about and nothing
else: importing, making inputs, comparing results lie outside.
"""

import functools
import json
import os
import sys

import gild_call
import gild_inputs
import gild_marks as marks
from gild_call import Refused, TaskError, in_words

# Longest text of an error: the end of a traceback says most.
_ERROR_MAX = 16_000


class Broken(Exception):
    """Worker processes ended in the middle of the trial: their exit statuses by process id, negative for signals."""

    def __init__(self, exits):
        super().__init__(exits)
        self.exits = exits


def main(spec, answer):
    """Does what the spec says, and writes the answer."""
    os.set_inheritable(spec, False)
    os.set_inheritable(answer, False)
    with os.fdopen(spec, encoding="utf-8") as file:
        spec = json.load(file)
    # The current folder is in the path where the user has it, not before everything else.
    sys.path[:] = [folder for folder in sys.path if folder != ""]
    try:
        told = _probe(spec) if spec["probe"] else _trial(spec)
    except Broken as error:
        told = {"outcome": "broken", "exits": sorted(error.exits.items())}
    except Refused as error:
        told = {"outcome": "failed", "error": _cut(str(error))}
    except BaseException as error:
        told = {"outcome": "failed", "error": _cut(in_words(error))}
    with os.fdopen(answer, "w", encoding="utf-8") as file:
        json.dump(told, file)
    if "gild_interpreters" in sys.modules:
        # The end of an interpreter that had others in it hangs in some versions.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)


def _cut(text):
    return text if len(text) <= _ERROR_MAX else "…" + text[-_ERROR_MAX:]


def _probe(spec):
    """Whether trials of this call can be run here; says what is known of it."""
    if not marks.is_recorded():
        raise Refused(
            "the library that keeps the accounts cannot be preloaded into %s: it is static, privileged or made for "
            "another libc than glibc" % sys.executable
        )
    call = gild_call.find("call", spec["call"])
    if spec["setup"] is not None:
        gild_call.find("setup", spec["setup"])
    inputs = gild_inputs.of_spec(spec["inputs"])
    models = spec["models"]
    if "processes" in models or "subinterpreters" in models:
        _check_pickle(spec["call"], call, inputs)
    if "subinterpreters" in models:
        import gild_interpreters

        missing = gild_interpreters.missing()
        if missing is not None:
            raise Refused("model subinterpreters: %s" % missing)
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {"outcome": "possible", "gil": gil, "tasks": len(inputs)}


def _check_pickle(name, call, inputs):
    """What other processes and interpreters are sent must go through pickle."""
    import pickle

    try:
        pickle.dumps(call)
    except Exception as error:
        raise Refused(
            "call: %s cannot be sent to other processes (%s: %s): they find a function by its own name in its module, which "
            "a lambda, a function inside another one and one that was replaced do not have"
            % (name, type(error).__name__, error)
        ) from None
    for number, args in enumerate(inputs):
        # Tasks with the same arguments share one tuple.
        if number and args is inputs[number - 1]:
            continue
        try:
            pickle.dumps(args)
        except Exception as error:
            raise Refused(
                "inputs: the arguments of task %d cannot be sent to other processes (%s: %s)"
                % (number, type(error).__name__, error)
            ) from None


def _trial(spec):
    call = gild_call.find("call", spec["call"])
    gild_call.credit(call)
    inputs = gild_inputs.of_spec(spec["inputs"])
    if marks.planned(len(inputs)) is None:
        raise Refused("the library that keeps the accounts is not in this interpreter (pid %d)" % os.getpid())
    notes = []
    try:
        results = _MODELS[spec["model"]](spec, call, inputs)
    except TaskError as error:
        raise Refused("task %d: %s" % (error.task, error.text)) from None
    blocks_loop = spec["model"] == "event-loop" and not gild_call.is_async(call)
    told = {"outcome": "done", "digest": None, "blocks_loop": blocks_loop, "notes": notes}
    if spec["deterministic"]:
        import gild_digest

        try:
            told["digest"] = gild_digest.of_results(results)
        except gild_digest.NoDigest as error:
            notes.append("results were not compared: %s" % error)
    return told


def _setup_here(spec):
    """Models of one interpreter call the setup once, before the wall time."""
    if spec["setup"] is not None:
        setup = gild_call.find("setup", spec["setup"])
        try:
            setup()
        except BaseException as error:
            raise Refused("setup: %s failed: %s" % (spec["setup"], in_words(error))) from None


def _plain(call):
    """The function as something that gives its result when it is called."""
    return gild_call.Awaited(call) if gild_call.is_async(call) else call


def _sequential(spec, call, inputs):
    _setup_here(spec)
    call = _plain(call)
    affinity = _pin_here(spec)
    marks.wall_begin(1)
    results = []
    for number, args in enumerate(inputs):
        results.append(gild_call.task(call, number, args))
        marks.collected(number)
    marks.wall_end()
    os.sched_setaffinity(0, affinity)
    return results


def _pin_here(spec):
    affinity = os.sched_getaffinity(0)
    if spec["cores"]:
        os.sched_setaffinity(0, {spec["cores"][0]})
    return affinity


def _threads(spec, call, inputs):
    from concurrent.futures import ThreadPoolExecutor

    _setup_here(spec)
    if spec["interval_us"] is not None:
        sys.setswitchinterval(spec["interval_us"] / 1e6)
    task = functools.partial(gild_call.task, _plain(call))
    begin = (spec["call"], None, spec["cores"])
    marks.wall_begin(0)
    with ThreadPoolExecutor(max_workers=spec["workers"], initializer=gild_call.begin, initargs=begin) as pool:
        results = _collect(pool.map(task, range(len(inputs)), inputs))
    marks.wall_end()
    return results


def _processes(spec, call, inputs):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    context = multiprocessing.get_context(spec["start"])
    task = functools.partial(gild_call.task, _plain(call))
    begin = (spec["call"], spec["setup"], spec["cores"])
    children = {}
    try:
        marks.wall_begin(0)
        with ProcessPoolExecutor(
            max_workers=spec["workers"], mp_context=context, initializer=gild_call.begin, initargs=begin
        ) as pool:
            given = pool.map(task, range(len(inputs)), inputs, chunksize=spec["chunk"])
            children = pool._processes
            results = _collect(given)
        marks.wall_end()
    except BrokenProcessPool:
        raise Broken(_exits(children)) from None
    return results


def _exits(children):
    """Which worker processes are gone by themselves: those that the executor ends then get SIGTERM."""
    exits = {pid: child.exitcode for pid, child in dict(children).items() if child.exitcode not in (None, 0)}
    own = {pid: status for pid, status in exits.items() if status != -15}
    return own or exits


def _subinterpreters(spec, call, inputs):
    import gild_interpreters

    task = functools.partial(gild_call.task, _plain(call))
    begin = (gild_call.begin, spec["call"], spec["setup"], spec["cores"])
    marks.wall_begin(0)
    with gild_interpreters.pool(spec["workers"], begin) as pool:
        results = _collect(pool.map(task, range(len(inputs)), inputs))
    marks.wall_end()
    return results


def _collect(results):
    """All results, in order; whoever waits for one has nothing to do."""
    before = marks.base(marks.IDLE)
    collected = []
    try:
        for result in results:
            marks.collected(len(collected))
            collected.append(result)
    except (TaskError, Refused):
        raise
    except BaseException as error:
        from concurrent.futures import BrokenExecutor

        if isinstance(error, BrokenExecutor):
            raise
        raise TaskError(len(collected), "it, or its result, could not be sent: %s" % in_words(error)) from None
    finally:
        marks.base(before)
    return collected


def _event_loop(spec, call, inputs):
    import asyncio

    _setup_here(spec)
    affinity = _pin_here(spec)
    marks.wall_begin(1)
    results = asyncio.run(_gather(call, inputs, spec["in_flight"] or len(inputs)))
    marks.wall_end()
    os.sched_setaffinity(0, affinity)
    return results


async def _gather(call, inputs, in_flight):
    """Runs all tasks on the running loop, at most so many at once."""
    import asyncio
    import inspect

    room = asyncio.Semaphore(in_flight)
    flying = {}

    async def one(number, args):
        async with room:
            flying[number] = None
            marks.take(number)
            try:
                result = call(*args)
                if inspect.isawaitable(result):
                    result = await result
            except BaseException as error:
                raise TaskError(number, in_words(error)) from None
            marks.done(number)
            marks.collected(number)
            del flying[number]
            # While the loop waits, its task is the one that has been in flight for longest.
            for oldest in flying:
                marks.turn(oldest)
                break
            return result

    return await asyncio.gather(*(one(number, args) for number, args in enumerate(inputs)))


_MODELS = {
    "sequential": _sequential,
    "threads": _threads,
    "processes": _processes,
    "event-loop": _event_loop,
    "subinterpreters": _subinterpreters,
}
