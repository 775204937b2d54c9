"""The command line."""

import argparse
from pathlib import Path

from adapters import chosen

from .install import cache_folder
from .pairs import SIZES


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    result = argparse.ArgumentParser(
        prog="tests/peers/run",
        description="Runs one Python threads workload bare and under other people's profilers, and prints what each costs and how "
        "far its figure of lock waiting is from the truth.",
    )
    result.add_argument("--pairs", type=positive, metavar="N", help="pairs of every workload and peer (5)")
    result.add_argument("--quick", action="store_true", help="a quarter of the work, 2 pairs: to see that it runs, not to quote")
    result.add_argument("--only", metavar="PEERS", help="these peers alone, comma-separated: py-spy,austin")
    result.add_argument("--workloads", metavar="NAMES", help=f"these workloads alone, comma-separated ({','.join(SIZES)})")
    result.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured to a file")
    result.add_argument("--python", default="python3", help="the interpreter to measure with (python3)")
    result.add_argument("--cache", type=Path, default=cache_folder(), metavar="FOLDER", help="where the peers are kept (%(default)s)")
    result.add_argument("--timeout", type=positive, default=60, metavar="SECONDS", help="the limit of each program (%(default)s)")
    return result


def positive(text: str) -> int:
    """A number of things."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def parse(words: list) -> argparse.Namespace:
    """The arguments, with `peers` and `workloads` as lists; leaves with status 2 and the reason if they make no sense."""
    result = parser()
    arguments = result.parse_args(words)
    try:
        arguments.peers = chosen(arguments.only)
    except ValueError as error:
        result.error(str(error))
    asked = arguments.workloads.split(",") if arguments.workloads else list(SIZES)
    unknown = [name for name in asked if name not in SIZES]
    if unknown:
        result.error(f"--workloads: there is no {', '.join(unknown)}; there are {', '.join(SIZES)}")
    arguments.workloads = asked
    arguments.pairs = arguments.pairs or (2 if arguments.quick else 5)
    return arguments
