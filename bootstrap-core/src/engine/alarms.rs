//! When whom to wake: what has no deadline costs nothing, however many channels are open.

use std::collections::{BTreeMap, BTreeSet};

use super::party::Owner;
use crate::machine::ChannelId;
use crate::time::Instant;

/// Who waits for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waiter {
    Line(ChannelId),
    Machine(Owner),
}

/// One alarm at most for each who waits.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    of: BTreeMap<Waiter, Instant>,
    by_time: BTreeSet<(Instant, Waiter)>,
}

impl Alarms {
    /// Puts this alarm in the place of the one before; `None` takes it away.
    pub(super) fn set(&mut self, waiter: Waiter, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.of.insert(waiter, at),
            None => self.of.remove(&waiter),
        };
        if let Some(before) = before {
            self.by_time.remove(&(before, waiter));
        }
        if let Some(at) = at {
            self.by_time.insert((at, waiter));
        }
    }

    /// The next one.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Those that are due. They stay until they are set anew.
    pub(super) fn due(&self, now: Instant) -> Vec<Waiter> {
        self.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, waiter)| *waiter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_replaces_the_one_before() {
        let at = Instant::from_millis;
        let (line, machine) = (Waiter::Line(ChannelId::new(1)), Waiter::Machine(Owner::Main));
        let mut alarms = Alarms::default();
        alarms.set(line, Some(at(10)));
        alarms.set(machine, Some(at(20)));
        assert_eq!((alarms.first(), alarms.due(at(9))), (Some(at(10)), Vec::new()));
        assert_eq!(alarms.due(at(20)), [line, machine]);
        alarms.set(line, Some(at(30)));
        assert_eq!((alarms.first(), alarms.due(at(20))), (Some(at(20)), vec![machine]));
        alarms.set(machine, None);
        alarms.set(line, None);
        assert_eq!((alarms.first(), alarms.due(at(99))), (None, Vec::new()));
    }
}
