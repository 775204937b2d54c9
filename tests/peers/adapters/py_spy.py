"""py-spy: stops the program a hundred times a second and reads its stacks from outside (ptrace, process_vm_readv).

Its raw output has a line per stack: frames joined by `;`, a blank, the number of samples.
"""

from pathlib import Path

from .peer import Peer, Reported, is_working, percent

RATE = 100
OUTPUT = "py-spy.raw"


def samples(text: str) -> int:
    """How many samples were taken of threads at work."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line)
    return sum(int(count) for stack, _, count in lines if is_working(stack))


class PySpy(Peer):
    def command(self, programs: Path, workload: list, folder: Path) -> list:
        options = [*self.options, "-r", str(RATE), "-t", "-f", "raw", "-o", str(folder / OUTPUT)]
        return [str(programs / "py-spy"), "record", *options, "--", str(programs / "python"), *workload]

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        per_instant = samples((folder / OUTPUT).read_text()) / (RATE * wall_seconds)
        if "--gil" in self.options:
            return Reported(
                why_none="samples only the thread that holds the lock; has no figure for those that wait",
                instead=f"a holder in {percent(per_instant)} of the samples due",
            )
        return Reported(
            why_none="a thread is active or idle; waiting for the lock is neither",
            instead=f"{per_instant:.1f} threads active at once",
        )


PEERS = [
    PySpy("py-spy --gil", "py-spy", "who holds the lock", ("--gil",)),
    PySpy("py-spy (default)", "py-spy", "active threads"),
]
