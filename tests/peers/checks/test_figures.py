"""From accounts to shares, from pairs to rows, from rows to tables."""

import json
import unittest
from pathlib import Path

from adapters.peer import Reported
from side_by_side import rows, table, truth
from side_by_side.pairs import SIZES, Pair

SAMPLES = Path(__file__).resolve().parent / "samples"


def measured(wall_seconds, lock_wait):
    return truth.Truth(wall_seconds, cpu_seconds=3 * wall_seconds, cpu=0.1, run_queue=0.9 - lock_wait, elsewhere=0.0, lock_wait=lock_wait)


def pair(ratio, reported, bare=0.8, under=0.85):
    return Pair("contended", "peer", None, measured(2.0, bare), measured(2.0 * ratio, under), 3.0, 6.0, Reported(reported, None))


class Truths(unittest.TestCase):
    def test_lock_wait_is_what_is_left_of_the_threads_lives(self):
        account = {"life_ns": 100, "cpu_ns": 10, "run_queue_ns": 20, "elsewhere_ns": 5}
        other = {"life_ns": 300, "cpu_ns": 30, "run_queue_ns": 20, "elsewhere_ns": 35}
        folded = truth.fold({"wall_ns": 2_000_000_000, "accounts": [account, other]})
        self.assertEqual(folded.wall_seconds, 2.0)
        self.assertAlmostEqual(folded.cpu_seconds, 40e-9)
        self.assertAlmostEqual(folded.cpu, 0.1)
        self.assertAlmostEqual(folded.run_queue, 0.1)
        self.assertAlmostEqual(folded.elsewhere, 0.1)
        self.assertAlmostEqual(folded.lock_wait, 0.7)

    def test_a_real_report_of_ten_threads_under_one_lock(self):
        folded = truth.read(SAMPLES / "truth.json")
        self.assertTrue(0.6 < folded.lock_wait < 0.9, folded)
        self.assertAlmostEqual(folded.cpu + folded.run_queue + folded.elsewhere + folded.lock_wait, 1)


class Rows(unittest.TestCase):
    def test_medians_and_extremes_come_from_the_pairs(self):
        row = rows.row("contended", "peer", [pair(1.0, 0.9), pair(1.5, 0.8), pair(1.1, 0.95)])
        self.assertEqual(row.pairs, 3)
        self.assertAlmostEqual(row.wall_ratio.median, 1.1)
        self.assertAlmostEqual(row.wall_ratio.low, 1.0)
        self.assertAlmostEqual(row.wall_ratio.high, 1.5)
        self.assertAlmostEqual(row.cpu_ratio.high, 1.5)
        self.assertAlmostEqual(row.command_ratio.median, 2.0)

    def test_the_error_is_against_the_truth_of_the_same_run(self):
        row = rows.row("contended", "peer", [pair(1.0, 0.9, bare=0.2, under=0.85)])
        self.assertAlmostEqual(row.error.median, 0.05)

    def test_what_was_not_reported_is_none_and_not_zero(self):
        row = rows.row("contended", "peer", [pair(1.0, None)])
        self.assertIsNone(row.reported)
        self.assertIsNone(row.error)
        self.assertEqual(table.cells(row)[6:8], ["–", "–"])
        self.assertEqual(table.cells(rows.row("contended", "peer", [pair(1.0, 0.0)]))[6], "0.0 %")

    def test_a_peer_that_never_ran_is_a_row_with_the_reason(self):
        failed = [Pair("contended", "peer", "cannot start it")] * 2
        (row,) = rows.rows(failed)
        self.assertEqual(row.pairs, 0)
        self.assertEqual(table.cells(row)[1:8], ["–"] * 7)
        self.assertEqual(table.cells(row)[8], "FAILED 2 of 2: cannot start it")

    def test_one_failure_does_not_hide_the_other_pairs(self):
        row = rows.row("contended", "peer", [pair(1.2, 0.9), Pair("contended", "peer", "status 1")])
        self.assertEqual(row.pairs, 1)
        self.assertAlmostEqual(row.wall_ratio.median, 1.2)
        self.assertEqual(table.notes(row), "FAILED 1 of 2: status 1")


class Tables(unittest.TestCase):
    def test_every_workload_has_a_heading(self):
        self.assertEqual(set(table.ABOUT), set(SIZES))

    def test_a_table_has_a_line_per_row_and_no_stray_bars(self):
        row = rows.row("contended", "peer", [pair(1.0, 0.9), Pair("contended", "peer", "a | b")])
        text = table.markdown([row], {"peer": "what it is"})
        self.assertIn("| peer | what it is |", text)
        self.assertIn("bare, it waited for a core for 10 to 10 % of its threads' time", text)
        self.assertIn("a \\| b", text)
        self.assertIn("| peer | 1.00 [1.00..1.00] | 1.00 [1.00..1.00] | 2.00 [2.00..2.00] | 80.0 % | 85.0 % | 90.0 % | +5.0 [+5.0..+5.0] |", text)

    def test_what_rounds_to_zero_has_no_sign(self):
        self.assertEqual(table.percents(rows.spread([-0.0001])), "0.0 %")
        self.assertEqual(table.percents(rows.spread([-0.0123])), "-1.2 %")
        self.assertEqual(table.points(rows.spread([-0.0001, 0.0001])), "0.0 [0.0..0.0]")
        self.assertEqual(table.points(rows.spread([-0.005])), "-0.5 [-0.5..-0.5]")

    def test_the_document_is_json_with_null_for_what_was_not_measured(self):
        pairs = [pair(1.0, None), Pair("contended", "peer", "status 1")]
        text = json.dumps(table.document({"pairs": 2}, rows.rows(pairs), pairs))
        document = json.loads(text)
        self.assertIsNone(document["rows"][0]["reported"])
        self.assertIsNone(document["pairs"][1]["bare"])
        self.assertEqual(document["pairs"][0]["under"]["lock_wait"], 0.85)
