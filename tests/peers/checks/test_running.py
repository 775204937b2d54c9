"""Programs with a limit, peers that fail, and the workload itself."""

import os
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from adapters.peer import Peer, Reported
from side_by_side import child, pairs

LIMIT_SECONDS = 60


def is_alive(pid):
    """Whether a process is there; one that is dead and not yet waited for is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Script(Peer):
    """A peer that is a few lines of Python: argv is its output folder, then the workload."""

    def command(self, programs, workload, folder):
        return [*self.options, str(folder), *workload]

    def read(self, folder, wall_seconds):
        return Reported(lock_wait=float((folder / "said").read_text()))


def script(text):
    return Script("script", "script", "a test", (sys.executable, "-c", text))


RUN_IT = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[2:]], check=True)\n"


class Children(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def assert_gone(self, pid):
        deadline = time.monotonic() + LIMIT_SECONDS
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(is_alive(pid))

    def test_a_program_that_does_not_end_is_killed_with_its_children(self):
        # Long enough for a shell to write one line, however busy the machine is.
        ended = child.run(["sh", "-c", "sleep 600 & echo $! > pid; wait"], self.folder, 5)
        self.assertEqual(ended.failure, "did not end within 5 s")
        self.assert_gone(int((self.folder / "pid").read_text()))

    def test_what_a_program_leaves_behind_is_killed(self):
        ended = child.run(["sh", "-c", "sleep 600 & echo $! > pid"], self.folder, LIMIT_SECONDS)
        self.assertIsNone(ended.failure)
        self.assert_gone(int((self.folder / "pid").read_text()))

    def test_a_failure_says_what_the_program_said_last(self):
        ended = child.run(["sh", "-c", "echo one; echo two >&2; exit 3"], self.folder, LIMIT_SECONDS)
        self.assertEqual(ended.failure, "ended with status 3: two")
        ended = child.run(["sh", "-c", "kill -9 $$"], self.folder, LIMIT_SECONDS)
        self.assertEqual(ended.failure, "ended with signal 9: it said nothing")

    def test_a_program_that_is_not_there_is_named(self):
        ended = child.run(["/nowhere/at-all"], self.folder, LIMIT_SECONDS)
        self.assertEqual(ended.failure, "cannot start /nowhere/at-all: No such file or directory")


class Pairs(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        programs = Path(holder.name) / "bin"
        programs.mkdir()
        # Not a link: pyenv's shims and virtual environments look at where they are called from.
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python").chmod(0o755)
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.lab = pairs.Lab(programs, Path(holder.name) / "trial", LIMIT_SECONDS, environment)
        smaller = mock.patch.dict(pairs.SIZES, {"contended": 40, "alone": 4, "released": 8, "sleeping": 40, "calls": 4})
        smaller.start()
        self.addCleanup(smaller.stop)

    def test_a_pair_has_both_truths_and_what_the_peer_said(self):
        for bare_first in (True, False):
            pair = self.lab.pair(script(RUN_IT + "open(sys.argv[1] + '/said', 'w').write('0.25')"), "alone", bare_first)
            self.assertIsNone(pair.failure)
            self.assertEqual(pair.reported.lock_wait, 0.25)
            self.assertGreater(pair.bare.cpu, 0)
            self.assertGreater(pair.under.cpu, 0)
            self.assertGreater(pair.under_command_seconds, pair.under.wall_seconds)

    def test_every_way_to_fail_is_a_pair_with_a_reason(self):
        for text, reason in (
            ("raise SystemExit('no permission')", "ended with status 1: no permission"),
            ("pass", "the workload did not come to its end under it"),
            (RUN_IT, "its output cannot be read: FileNotFoundError"),
            (RUN_IT + "open(sys.argv[1] + '/said', 'w').write('?')", "its output cannot be read: ValueError"),
        ):
            pair = self.lab.pair(script(text), "alone", bare_first=False)
            self.assertIn(reason, pair.failure)
            self.assertIsNone(pair.under)

    def test_a_peer_that_cannot_be_installed_is_not_tried(self):
        (pair,) = pairs.measure(self.lab, [script("pass")], ["alone"], 1, {"script": "cannot install script==1"})
        self.assertEqual(pair.failure, "cannot install script==1")

    def test_a_workload_that_does_not_run_is_an_error(self):
        with mock.patch.dict(pairs.SIZES, {"unknown": 1}), self.assertRaisesRegex(pairs.BareFailure, "KeyError"):
            self.lab.bare("unknown")

    def test_every_workload_runs_and_its_lives_add_up(self):
        truths = {name: self.lab.bare(name)[0] for name in pairs.SIZES}
        for name, one in truths.items():
            self.assertAlmostEqual(one.cpu + one.run_queue + one.elsewhere + one.lock_wait, 1, msg=name)
            self.assertGreater(one.cpu, 0, name)
        self.assertGreater(truths["contended"].lock_wait, truths["alone"].lock_wait)
        self.assertGreater(truths["sleeping"].elsewhere, truths["sleeping"].cpu)
        self.assertGreater(truths["sleeping"].elsewhere, truths["sleeping"].lock_wait)
