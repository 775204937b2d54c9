//! Which looks at a recording are worth a line where there is no terminal: when threads or processes have come or gone, and
//! ever more seldom when nothing else is new.

use gild_model::look::Look;

/// What was said last.
#[derive(Debug, Default)]
pub struct Looks {
    last: Option<(u64, [u32; 3])>,
}

impl Looks {
    /// Whether this look is worth a line.
    pub fn is_news(&mut self, look: &Look) -> bool {
        let now = [look.processes, look.threads, look.alive];
        let news = self.last.is_none_or(|(wall_ns, last)| last != now || look.wall_ns >= 2 * wall_ns);
        if news {
            self.last = Some((look.wall_ns, now));
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_is_said_at_once_and_time_that_passes_now_and_then() {
        let look = |wall_ns, threads| Look {
            wall_ns,
            processes: 1,
            threads,
            alive: 1,
            hand_overs: None,
            phases: Vec::new(),
            rows: Vec::new(),
        };
        let mut looks = Looks::default();
        let said = [(5, 1), (6, 1), (7, 2), (8, 2), (14, 2), (27, 2), (28, 2)]
            .map(|(at, threads)| looks.is_news(&look(at, threads)));
        assert_eq!(said, [true, false, true, false, true, false, true]);
    }
}
