"""Austin: reads the program's stacks from outside (process_vm_readv), without stopping it.

In full mode (-f) a sample is a line: the stack, a blank, and `microseconds,idle,bytes`, where idle is 1 if the kernel called the
thread anything but runnable. Lines that start with # are about the recording.
"""

from pathlib import Path

from .peer import Peer, Reported, is_working

INTERVAL = "1ms"
OUTPUT = "austin.txt"


def idle_share(text: str):
    """The share of the time of threads at work that was idle; None if there is no sample of one."""
    idle_us = total_us = 0
    for line in text.splitlines():
        stack, _, metrics = line.rpartition(" ")
        if line.startswith("#") or not is_working(stack):
            continue
        time_us, idle, _ = (int(metric) for metric in metrics.split(","))
        total_us += time_us
        idle_us += time_us * idle
    return idle_us / total_us if total_us else None


class Austin(Peer):
    def command(self, programs: Path, workload: list, folder: Path) -> list:
        options = [*self.options, "-i", INTERVAL, "-o", str(folder / OUTPUT)]
        return [str(programs / "austin"), *options, str(programs / "python"), *workload]

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        share = idle_share((folder / OUTPUT).read_text())
        if share is None:
            raise ValueError("it has no sample of a thread at work")
        return Reported(share)


PEERS = [Austin("Austin -f", "austin-dist", "idle time, whatever a thread waits for", ("-f",))]
