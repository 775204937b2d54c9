//! Process and thread ids that are unique in a file: the real ones where they are, others where two tracks have the same.
//!
//! Two cases may have had processes of the same id, one after the other; a worker of the models `sequential` and `event-loop` runs on
//! its coordinator's thread. Readers take equal ids for one process or thread.

use std::collections::HashSet;

/// No process or thread has an id from here on (`PID_MAX_LIMIT`, proc_pid_max(5)).
const FREE_FROM: u32 = 1 << 22;

/// Ids of one kind that were given so far: the main thread of a process has the id of the process.
#[derive(Debug)]
pub struct Ids {
    taken: HashSet<u32>,
    next: u32,
}

impl Ids {
    /// None given yet.
    pub fn new() -> Ids {
        Ids { taken: HashSet::new(), next: FREE_FROM }
    }

    /// This id if nobody has it yet, else one that no process can have.
    pub fn take(&mut self, real: Option<u32>) -> u32 {
        match real {
            Some(id) if self.taken.insert(id) => id,
            _ => {
                self.next += 1;
                self.next - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_given_once() {
        let mut ids = Ids::new();
        let given = [Some(7), Some(8), Some(7), None].map(|real| ids.take(real));
        assert_eq!(given, [7, 8, FREE_FROM, FREE_FROM + 1]);
    }
}
