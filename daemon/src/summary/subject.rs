//! Notes on one subject: of a few cases each has its own, of many there are some, and it is said how many more there are.

/// Notes on one subject that are written out; of what is beyond them the last says which cases have the like of it.
const NOTES_MAX: usize = 4;
/// Most cases that are named where they share a note.
const NAMES_MAX: usize = 4;

/// What cases have to say on one subject.
#[derive(Debug, Default)]
pub(super) struct BySubject {
    /// Each note once, in the order of the first case that has it, with the cases that do.
    notes: Vec<(String, Vec<String>)>,
}

impl BySubject {
    /// Takes in the note of a case.
    pub fn add(&mut self, case: &str, note: String) {
        match self.notes.iter_mut().find(|(known, _)| *known == note) {
            Some((_, cases)) => cases.push(case.to_owned()),
            None => self.notes.push((note, vec![case.to_owned()])),
        }
    }

    /// The notes, each after the names of its cases, in a run of so many.
    pub fn finish(mut self, cases: usize) -> Vec<String> {
        let rest = self.notes.split_off(self.notes.len().min(NOTES_MAX));
        let alike: Vec<_> = rest.into_iter().flat_map(|(_, cases)| cases).collect();
        let mut written: Vec<_> =
            self.notes.into_iter().map(|(note, of)| format!("{}: {note}", names(&of, cases))).collect();
        if let Some(last) = written.last_mut().filter(|_| !alike.is_empty()) {
            *last += &format!(" (the like of it, with other figures: {})", names(&alike, cases));
        }
        written
    }
}

/// `threads-2, threads-4`, `all cases`, `threads-2, threads-4, threads-8 and 9 more cases`
fn names(of: &[String], cases: usize) -> String {
    if of.len() == cases && cases > 1 {
        return "all cases".to_owned();
    }
    match of.split_at_checked(NAMES_MAX - 1) {
        Some((named, others)) if others.len() > 1 => {
            format!("{} and {} more cases", named.join(", "), others.len())
        }
        _ => of.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(notes: &[(&str, &str)], cases: usize) -> Vec<String> {
        let mut subject = BySubject::default();
        notes.iter().for_each(|(case, note)| subject.add(case, (*note).to_owned()));
        subject.finish(cases)
    }

    #[test]
    fn cases_share_a_note_that_is_the_same() {
        assert_eq!(said(&[("a", "x"), ("b", "y"), ("c", "x")], 9), ["a, c: x", "b: y"]);
        assert_eq!(said(&[("a", "x"), ("b", "x")], 2), ["all cases: x"]);
        assert_eq!(said(&[("a", "x")], 1), ["a: x"]);
        let five: Vec<_> = ["a", "b", "c", "d", "e"].map(|case| (case, "x")).into();
        assert_eq!(said(&five[..4], 9), ["a, b, c, d: x"]);
        assert_eq!(said(&five, 9), ["a, b, c and 2 more cases: x"]);
    }

    #[test]
    fn of_many_notes_on_one_subject_only_the_first_are_written_out() {
        let notes: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|case| (case, case)).into();
        assert_eq!(said(&notes[..4], 9), ["a: a", "b: b", "c: c", "d: d"]);
        assert_eq!(said(&notes, 9), ["a: a", "b: b", "c: c", "d: d (the like of it, with other figures: e, f, g, h)"]);
    }
}
