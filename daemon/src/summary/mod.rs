//! Trials folded into figures: one line per case of a run.
