"""Workers in sub-interpreters, each with a lock of its own.

From 3.14 on this is concurrent.futures.InterpreterPoolExecutor. In 3.12 and 3.13 the same is made of what is there: a pool
of threads, an interpreter for each, arguments and results pickled between them.
"""

import pickle
import sys
import threading

import gild_call
import gild_marks as marks


def missing():
    """Why this interpreter cannot have them; None: it can."""
    if sys.version_info >= (3, 14):
        return None
    if sys.version_info < (3, 12):
        return "interpreters with a lock of their own are there from CPython 3.12 on"
    try:
        _modules()
    except ImportError as error:
        return "this build has no sub-interpreters (%s)" % error
    return None


def pool(workers, begin):
    """An executor of so many interpreters; each calls `begin` with its arguments first."""
    function, *args = begin
    if sys.version_info >= (3, 14):
        from concurrent.futures import InterpreterPoolExecutor

        return InterpreterPoolExecutor(max_workers=workers, initializer=function, initargs=tuple(args))
    return _Pool(workers, begin)


def _modules():
    """The module of interpreters and that of channels."""
    if sys.version_info >= (3, 13):
        import _interpchannels
        import _interpreters

        return _interpreters, _interpchannels
    import _xxinterpchannels
    import _xxsubinterpreters

    return _xxsubinterpreters, _xxinterpchannels


def _Pool(workers, begin):
    from concurrent.futures import ThreadPoolExecutor

    class Pool(ThreadPoolExecutor):
        """Threads, each with an interpreter in which its calls run."""

        def __init__(self):
            self._made = []
            self._own = threading.local()
            super().__init__(max_workers=workers, initializer=self._begin)

        def _begin(self):
            self._own.interpreter = _Interpreter()
            self._made.append(self._own.interpreter)
            self._own.interpreter.call(pickle.dumps(begin, pickle.HIGHEST_PROTOCOL))

        def submit(self, function, *args):
            return super().submit(self._call, function, args)

        def _call(self, function, args):
            before = marks.base(marks.ENCODE)
            try:
                data = pickle.dumps((function, *args), pickle.HIGHEST_PROTOCOL)
                marks.base(marks.IDLE)
                answer = self._own.interpreter.call(data)
                marks.base(marks.DECODE)
                is_error, value = pickle.loads(answer)
            finally:
                marks.base(before)
            if is_error:
                raise value
            return value

        def shutdown(self, wait=True, **options):
            super().shutdown(wait=wait, **options)
            while wait and self._made:
                self._made.pop().close()

    return Pool()


class _Interpreter:
    """One interpreter, and the channel by which it answers."""

    def __init__(self):
        self._interpreters, self._channels = _modules()
        if sys.version_info >= (3, 13):
            self._id = self._interpreters.create("isolated")
            self._channel = self._channels.create(1)
        else:
            self._id = self._interpreters.create(isolated=True)
            self._channel = self._channels.create()

    def call(self, data):
        """Runs a pickled call in it, and gives the pickled answer."""
        names = {"_gild_data": data, "_gild_channel": int(self._channel)}
        line = "import gild_interpreters; gild_interpreters.answer(_gild_channel, _gild_data)"
        run = getattr(self._interpreters, "exec", None) or self._interpreters.run_string
        failed = run(self._id, line, names)
        if failed is not None:
            raise gild_call.Refused("a sub-interpreter cannot be used: %s" % getattr(failed, "formatted", failed))
        return self._channels.recv(self._channel)

    def close(self):
        self._channels.destroy(self._channel)
        self._interpreters.destroy(self._id)


def answer(channel, data):
    """Called in the sub-interpreter: makes the call and sends what comes of it."""
    marks.base(marks.DECODE)
    try:
        function, *args = pickle.loads(data)
        marks.base(marks.IDLE)
        value = (False, function(*args))
    except BaseException as error:
        value = (True, error)
    marks.base(marks.ENCODE)
    try:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except BaseException as error:
        data = pickle.dumps((True, gild_call.Refused("the result cannot be pickled: %r" % (error,))))
    _, channels = _modules()
    if sys.version_info >= (3, 13):
        channels.send(channel, data, blocking=False)
    else:
        channels.send(channel, data)
