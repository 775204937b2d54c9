"""Imported by every interpreter of a recorded program when it starts, because its folder is the first of PYTHONPATH.

It takes that folder out of sys.path again (children still find it in their environment), sees to it that the standard library
says what its threads do, and makes way for the sitecustomize that would have been imported otherwise, if there is one.

Interpreters of any age import it, so that far it has to be written for all of them.
"""

import sys


def _leave_no_trace():
    folder = __file__.rpartition("/")[0]
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    # The modules that it has here are imported by now; this one is to be another, or none.
    sys.path_importer_cache.pop(folder, None)
    del sys.modules[__name__]


def _speak_up():
    if sys.version_info < (3, 8):
        return
    import gild_marks

    if gild_marks.is_recorded():
        import gild_patches

        gild_patches.install()

        import gild_functions

        gild_functions.teach()


try:
    _speak_up()
except Exception:
    # Nothing of ours may keep a program from running. The library has not heard of us, and the report says so.
    pass
_leave_no_trace()

# What it raises is what the interpreter would have met without us: also that there is none.
import sitecustomize  # noqa: E402, F401
