"""A Python with the peers, in a folder that is kept: made the first time, which takes the network."""

import hashlib
import os
import subprocess
from pathlib import Path

from .child import complaint

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
VENV_SECONDS = 120
PIP_SECONDS = 300
PIP = ["install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--retries", "1", "--timeout", "20"]


class InstallFailure(Exception):
    """There is no Python to install the peers for."""


def pins(text: str) -> dict:
    """Package to version, from a requirements file of `name==version` lines."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return dict(line.split("==") for line in lines if line)


def cache_folder() -> Path:
    """Where Pythons are kept, as the XDG base directory specification has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gild-peers"


def interpreter(python: str) -> str:
    """Which interpreter a name stands for. A shim (pyenv's) is a script of its own, so the interpreter is asked."""
    try:
        asked = call([python, "-c", "import sys; print(sys.executable, sys.version_info[:3])"], VENV_SECONDS)
    except OSError as error:
        raise InstallFailure(f"cannot run {python}: {error.strerror}; name another with --python") from error
    if asked.returncode != 0:
        raise InstallFailure(f"{python} does not run: {complaint(asked.stdout)}; name another with --python")
    return asked.stdout.strip()


def call(command: list, limit_seconds: float):
    """Runs a program of Python's own and returns what it said."""
    return subprocess.run(
        command, timeout=limit_seconds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True,
    )


def make_venv(python: str, cache: Path) -> Path:
    """The folder of programs of an environment for this interpreter and these requirements."""
    described = interpreter(python)
    executable = described.rsplit(" (", 1)[0]
    key = hashlib.sha256((described + REQUIREMENTS.read_text()).encode()).hexdigest()[:12]
    folder = cache / key
    programs = folder / "bin"
    if not (folder / "made").exists():
        made = call([executable, "-m", "venv", "--clear", str(folder)], VENV_SECONDS)
        if made.returncode != 0:
            raise InstallFailure(f"{executable} -m venv {folder}: {complaint(made.stdout)}")
        (folder / "made").touch()
    return programs


def install(programs: Path, packages: list) -> dict:
    """Installs each package in its pinned version where it is not there yet; returns package to reason of those that cannot be had."""
    wanted, missing = pins(REQUIREMENTS.read_text()), {}
    there = installed(programs)
    for package in packages:
        pin = f"{package}=={wanted[package]}"
        if there.get(package) == wanted[package]:
            continue
        try:
            ran = call([str(programs / "python"), "-m", "pip", *PIP, pin], PIP_SECONDS)
        except subprocess.TimeoutExpired:
            missing[package] = f"cannot install {pin}: pip did not end within {PIP_SECONDS} s"
            continue
        if ran.returncode != 0:
            missing[package] = f"cannot install {pin}: {complaint(ran.stdout)}"
    return missing


def installed(programs: Path) -> dict:
    """Every package of the environment and its version."""
    listed = call([str(programs / "python"), "-m", "pip", "freeze", "--disable-pip-version-check"], PIP_SECONDS)
    return dict(line.split("==") for line in listed.stdout.splitlines() if "==" in line)
