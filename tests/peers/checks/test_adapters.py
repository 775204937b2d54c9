"""What each adapter reads out of a real output (samples/, from 10 threads under one lock)."""

import json
import tempfile
import unittest
from pathlib import Path

from adapters import ALL, austin, chosen, gild, gilknocker, peer, py_spy, scalene, viztracer
from side_by_side import install

SAMPLES = Path(__file__).resolve().parent / "samples"


def sample(name):
    return (SAMPLES / name).read_text()


def reads(one, name, output, wall_seconds=1.0):
    """What a peer reads if its output is this sample."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / output).write_text(sample(name))
        return one.read(Path(folder), wall_seconds)


class Outputs(unittest.TestCase):
    def test_py_spy_with_gil_counts_holders_and_has_no_waiting(self):
        # 115 samples, one of which is the main thread's.
        self.assertEqual(py_spy.samples(sample("py-spy-gil.raw")), 114)
        said = reads(py_spy.PEERS[0], "py-spy-gil.raw", py_spy.OUTPUT, wall_seconds=1.2)
        self.assertIsNone(said.lock_wait)
        self.assertIn("holds the lock", said.why_none)
        self.assertEqual(said.instead, "a holder in 95 % of the samples due")

    def test_py_spy_by_default_counts_active_threads_without_the_barrier(self):
        # 89 samples: 11 of the main thread, 6 at the barrier.
        counted = py_spy.samples(sample("py-spy-default.raw"))
        self.assertEqual(counted, 72)
        said = reads(py_spy.PEERS[1], "py-spy-default.raw", py_spy.OUTPUT, wall_seconds=counted / 250)
        self.assertIsNone(said.lock_wait)
        self.assertEqual(said.instead, "2.5 threads active at once")

    def test_gilknocker_reports_its_metric(self):
        said = reads(gilknocker.PEERS[0], "gilknocker.json", gilknocker.OUTPUT)
        self.assertAlmostEqual(said.lock_wait, 0.9613, places=4)
        self.assertIsNone(said.why_none)

    def test_gild_pools_the_waits_of_all_threads_but_the_first(self):
        # The last figure of a row is what it waited for a core, which is not waiting for the lock; of one it is not known.
        rows = [
            (7, "other-lock", 900, 0), (8, "lock-wait", 90, 20), (8, "switch-wait", 10, None), (8, "compute", 0, 0), (9, "compute", 100, 50),
        ]
        text = "".join(
            json.dumps({"pid": 7, "tid": tid, "phase": phase, "wall_ns": ns, "run_queue_ns": queued}) + "\n"
            for tid, phase, ns, queued in rows
        )
        self.assertEqual(gild.waiting_share(text), 0.4)
        self.assertIsNone(gild.waiting_share(""))

    def test_viztracer_books_waiting_as_work(self):
        said = reads(viztracer.PEERS[0], "viztracer.json", viztracer.OUTPUT)
        self.assertIsNone(said.lock_wait)
        self.assertRegex(said.instead, r"^(9\d|100) % of thread time is in the work's own calls$")

    def test_an_event_about_the_lock_would_not_go_unnoticed(self):
        trace = json.loads(sample("viztracer.json"))
        trace["traceEvents"].append({"ph": "X", "name": "GIL wait", "dur": 1, "ts": 0, "pid": 1, "tid": 1})
        with self.assertRaisesRegex(ValueError, "GIL wait"):
            viztracer.booked(trace)

    def test_scalene_has_three_parts_and_no_waiting(self):
        said = reads(scalene.PEERS[0], "scalene.json", scalene.OUTPUT)
        self.assertIsNone(said.lock_wait)
        shares = [float(part.split(" %")[0]) for part in said.instead.split(", ")]
        self.assertEqual(len(shares), 3)
        self.assertAlmostEqual(sum(shares), 100, delta=2)

    def test_scalene_without_files_is_a_failure(self):
        with self.assertRaisesRegex(ValueError, "without files"):
            scalene.split({"alloc_samples": 0})

    def test_austin_idle_time_is_of_threads_at_work_alone(self):
        # Of the 20 samples past the barrier all but the running thread's are idle.
        share = reads(austin.PEERS[0], "austin.txt", austin.OUTPUT).lock_wait
        self.assertTrue(0.8 < share < 1, share)
        waiting = [line for line in sample("austin.txt").splitlines() if "Barrier" in line]
        self.assertIsNone(austin.idle_share("\n".join(waiting)))

    def test_austin_adds_microseconds_not_samples(self):
        stack = "P1;T0:2;/x/workload.py:thread:86;/x/workload.py:multiply:30"
        self.assertAlmostEqual(austin.idle_share(f"# mode: full\n\n{stack} 300,1,0\n{stack} 100,0,4096\n"), 0.75)

    def test_austin_without_a_sample_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / austin.OUTPUT).write_text("# austin: 3.7.0\n")
            with self.assertRaisesRegex(ValueError, "no sample"):
                austin.PEERS[0].read(Path(folder), 1.0)


class Peers(unittest.TestCase):
    def test_every_peer_is_pinned_and_every_pin_has_a_peer(self):
        pins = install.pins(install.REQUIREMENTS.read_text())
        self.assertEqual({one.package for one in ALL if one.package}, set(pins))

    def test_names_are_told_apart(self):
        self.assertEqual(len({one.name for one in ALL}), len(ALL))

    def test_every_command_line_runs_the_workload(self):
        workload = ["/x/workload.py", "alone", "7", "/y/truth.json"]
        for one in ALL:
            line = one.command(Path("/venv/bin"), workload, Path("/out"))
            without = [word for word in line if word != "---"]
            self.assertEqual(without[-4:], workload, one.name)
            self.assertTrue(any(word.startswith("/out/") for word in line), one.name)

    def test_only_takes_tools_and_names(self):
        self.assertEqual([one.name for one in chosen("py-spy,Austin")], ["py-spy --gil", "py-spy (default)", "Austin -f"])
        self.assertEqual([one.name for one in chosen("scalene --cpu-only")], ["Scalene --cpu-only"])
        self.assertEqual(chosen(None), ALL)
        for wrong in ("pyspy", ","):
            with self.assertRaisesRegex(ValueError, "there is no peer"):
                chosen(wrong)

    def test_a_main_thread_is_not_at_work(self):
        self.assertFalse(peer.is_working("P1;T0:1;/x/workload.py:<module>:121;/x/workload.py:main:110"))
        self.assertFalse(peer.is_working("thread (2): Thread-1 (thread);Thread.run (threading.py:982)"))
