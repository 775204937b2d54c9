"""What a figure was measured on, and how quiet it was there."""

import datetime
import os
import platform
import time


def processor() -> str:
    """The processor's name, as the kernel has it."""
    with open("/proc/cpuinfo") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    return names[0] if names else platform.machine()


def times() -> list:
    """The machine's CPU time so far in clock ticks: user, nice, system, idle, iowait, irq, softirq, steal."""
    with open("/proc/stat") as stat:
        return [int(field) for field in stat.readline().split()[1:9]]


class Watch:
    """Looks at the machine from its making on."""

    def __init__(self):
        self.began, self.start, self.ticks, self.load = datetime.datetime.now(), time.monotonic(), times(), os.getloadavg()[0]

    def about(self) -> dict:
        """The machine, and how it was meanwhile."""
        spent = [after - before for before, after in zip(self.ticks, times())]
        total = sum(spent) or 1
        return {
            "date": self.began.date().isoformat(),
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release().split("-")[0],
            "libc": " ".join(platform.libc_ver()),
            "seconds": round(time.monotonic() - self.start),
            "load_before": round(self.load, 1),
            "idle_share": round(spent[3] / total, 3),
            "stolen_share": round(spent[7] / total, 4),
        }


def sentence(about: dict) -> str:
    """The machine in one line, for under a heading."""
    return (
        f"{about['date']}, {about['cores']} cores of {about['processor']}, Linux {about['kernel']}, {about['libc']}, "
        f"CPython {about['python']}; {about['pairs']} pairs each, {about['seconds']} s in all; load before: {about['load_before']}, "
        f"idle meanwhile: {100 * about['idle_share']:.0f} %, stolen by the hypervisor: {100 * about['stolen_share']:.1f} %"
    )
