//! One line per goal.

/// A measured figure beside its floor.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub what: &'static str,
    /// The figure, with its unit.
    pub measured: String,
    /// The floor, with its unit; empty where the goal is absolute.
    pub floor: String,
    /// What the goal is about: a ratio to the floor, or the figure itself.
    pub value: f64,
    /// The most that the value may be.
    pub goal: f64,
    /// Unit of value and goal; `×` for a ratio.
    pub unit: &'static str,
}

impl Row {
    /// A time per operation against its floor, both in nanoseconds.
    pub fn ratio(what: &'static str, measured_ns: f64, floor_ns: f64, goal: f64) -> Row {
        let (measured, floor) = (time(measured_ns), time(floor_ns));
        Row { what, measured, floor, value: measured_ns / floor_ns, goal, unit: "×" }
    }

    /// Whether the goal was met.
    pub fn met(&self) -> bool {
        self.value <= self.goal
    }
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.2} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.3} ms", ns / 1e6),
    }
}

/// Prints the head of the table.
pub fn header() {
    println!("{:<58} {:>12} {:>12} {:>12} {:>12}", "what", "measured", "floor", "value", "goal");
}

/// Prints a line.
pub fn print(row: &Row) {
    let verdict = if row.met() { "met" } else { "MISSED" };
    let (value, goal) = (format!("{:.3} {}", row.value, row.unit), format!("≤ {:.4} {}", row.goal, row.unit));
    println!("{:<58} {:>12} {:>12} {value:>12} {goal:>12}  {verdict}", row.what, row.measured, row.floor);
}
