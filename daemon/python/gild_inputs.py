"""The arguments of the tasks: a list of tuples."""

import json

from gild_call import Refused, find, in_words

# Most tasks of a trial (gild_model::python).
_TASKS_MAX = 1 << 20


def of_spec(inputs):
    """Of the kind that the experiment has."""
    ((kind, what),) = inputs.items()
    if kind == "same":
        return [tuple(what["args"])] * what["tasks"]
    if kind == "each":
        return [tuple(args) for args in what]
    found = _of_file(what) if kind == "file" else _of_generator(what)
    if not found:
        raise Refused("%s: %s has no inputs" % ("inputs_" + kind, what))
    return found


def _of_file(path):
    found = []
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    found.append(_of_line(line, "%s:%d" % (path, number)))
                    _check_number(path, found)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("inputs_file: %s: %s" % (path, error)) from None
    return found


def _of_line(line, place):
    try:
        args = json.loads(line)
    except ValueError as error:
        raise Refused("inputs_file: %s: %s; expected a JSON array of arguments" % (place, error)) from None
    if not isinstance(args, list):
        raise Refused("inputs_file: %s: expected a JSON array of arguments, such as [30]" % place)
    return tuple(args)


def _of_generator(name):
    function = find("inputs_from", name)
    found = []
    try:
        for args in function():
            if not isinstance(args, (tuple, list)):
                kind = type(args).__name__
                raise Refused("inputs_from: %s gave a %s; expected a tuple of arguments, such as (30,)" % (name, kind))
            found.append(tuple(args))
            _check_number(name, found)
    except Refused:
        raise
    except BaseException as error:
        raise Refused("inputs_from: %s failed:\n%s" % (name, in_words(error, 1))) from None
    return found


def _check_number(source, found):
    if len(found) > _TASKS_MAX:
        raise Refused("%s has more than %d inputs" % (source, _TASKS_MAX))
