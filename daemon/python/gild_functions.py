"""Teaching the preloaded library of gild what functions look like in this interpreter (gild_preload's python/learn.rs).

Two functions say of themselves where their code objects are and what is in them; the library searches its way from the
thread's state to them, and so needs to know no structure of any version of Python.
"""

import os
import sys

_PART, _FACT, _LEARN = (n << 24 for n in (64, 65, 66))
_CODE, _TEXT_AT, _CODE_TYPE = 0, 4, 5

# Numbers that nothing else in a code object is likely to be.
_LINES = 0x2D431, 0x37B53


def _tell(fact, number):
    for order in (_PART | number >> 24, _PART | number & 0xFFFFFF, _FACT | fact):
        os.getpgid(-order)


def _describe(function, line):
    function.__code__ = code = function.__code__.replace(co_firstlineno=line)
    for fact, number in enumerate((id(code), id(code.co_name), id(code.co_filename), line), _CODE):
        _tell(fact, number)


def teach():
    """Has the library find out; whatever comes of it, the program goes on."""
    getpgid = os.getpgid

    # Inside of another one, so that their qualified names are not their names. Who is called must be Python code that calls
    # the library itself.
    def gild_function_one():
        getpgid(-_LEARN)
        _describe(gild_function_two, _LINES[1])
        gild_function_two()

    def gild_function_two():
        getpgid(-(_LEARN | 1))

    try:
        _tell(_TEXT_AT, sys.getsizeof("") - 1)
        _tell(_CODE_TYPE, id(type(gild_function_one.__code__)))
        _describe(gild_function_one, _LINES[0])
        gild_function_one()
    except OSError:
        # The library does not know these orders, or has not found what it looked for, which it says.
        pass
