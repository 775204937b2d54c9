"""The identity of results: SHA-256 over their values in task order.

Pickle will not do: what it writes depends on which objects are the same object, and that differs between results that
stayed in memory and such that were sent. So values are walked, and each is written as its type and what it is made of:

  numbers, text, bytes     their value
  list, tuple              their items in order
  dict                     its items in order
  set, frozenset           the digests of their items, sorted: their order depends on the seed of hashes
  others                   what copying or pickling them would take (`__reduce_ex__`), walked in the same way
"""

import hashlib
import struct

# Values that are walked at most; beyond them a digest would take longer than the trial.
_VALUES_MAX = 20_000_000


class NoDigest(Exception):
    """Why there is none."""


def of_results(results):
    """As hexadecimal digits."""
    hashed = hashlib.sha256()
    left = [_VALUES_MAX]
    for task, result in enumerate(results):
        try:
            _walk(result, hashed.update, left, set())
        except NoDigest as error:
            raise NoDigest("the result of task %d: %s" % (task, error)) from None
        except RecursionError:
            raise NoDigest("the result of task %d is nested too deeply" % task) from None
    return hashed.hexdigest()


def _walk(value, write, left, above):
    left[0] -= 1
    if left[0] < 0:
        raise NoDigest("all results together have more than %d values" % _VALUES_MAX)
    kind = type(value)
    plain = _PLAIN.get(kind)
    if plain is not None:
        letter, encode = plain
        data = encode(value)
        write(b"%s%d:" % (letter, len(data)))
        write(data)
        return
    if id(value) in above:
        raise NoDigest("it contains itself")
    above.add(id(value))
    _walk_parts(value, kind, write, left, above)
    above.discard(id(value))


def _walk_parts(value, kind, write, left, above):
    if kind is list or kind is tuple:
        write(b"%s%d:" % (b"l" if kind is list else b"t", len(value)))
        for item in value:
            _walk(item, write, left, above)
    elif kind is dict:
        write(b"d%d:" % len(value))
        for key, item in value.items():
            _walk(key, write, left, above)
            _walk(item, write, left, above)
    elif kind is set or kind is frozenset:
        write(b"s%d:" % len(value))
        for digest in sorted(_alone(item, left, above) for item in value):
            write(digest)
    elif isinstance(value, type) or kind in _NAMED:
        _write_name(value, write)
    else:
        _walk_reduced(value, kind, write, left, above)


def _alone(value, left, above):
    hashed = hashlib.sha256()
    _walk(value, hashed.update, left, above)
    return hashed.digest()


def _walk_reduced(value, kind, write, left, above):
    try:
        reduced = value.__reduce_ex__(4)
    except Exception as error:
        raise NoDigest("a %s cannot be taken apart: %s" % (kind.__qualname__, error)) from None
    write(b"o:")
    _write_name(kind, write)
    if isinstance(reduced, str):
        write(b"g%s:" % reduced.encode())
        return
    for part in reduced:
        # The items of a list or a dict come as iterators.
        _walk(list(part) if hasattr(part, "__next__") else part, write, left, above)


def _write_name(value, write):
    name = "%s.%s" % (getattr(value, "__module__", None), getattr(value, "__qualname__", value))
    write(b"n%d:" % len(name.encode()))
    write(name.encode())


def _int(value):
    return value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)


def _float(value):
    # There are many NaNs and they are all the same to whoever compares results.
    return b"nan" if value != value else struct.pack("<d", value)


def _no_bytes(_):
    return b""


_PLAIN = {
    type(None): (b"N", _no_bytes),
    type(Ellipsis): (b"E", _no_bytes),
    type(NotImplemented): (b"I", _no_bytes),
    bool: (b"b", lambda value: b"1" if value else b"0"),
    int: (b"i", _int),
    float: (b"f", _float),
    complex: (b"c", lambda value: _float(value.real) + _float(value.imag)),
    str: (b"u", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: (b"y", bytes),
    bytearray: (b"a", bytes),
}
_NAMED = {type(_walk), type(len)}
