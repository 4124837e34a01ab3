//! Simulated time, what a host's clock makes of it, and the queue of what is to come.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::time::Instant;

/// A point of simulated time: microseconds since the run began. No host sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// `micros` after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// `seconds` after the start.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This point, that many microseconds later.
    #[must_use]
    pub const fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A host's monotonic clock: it began somewhere, and runs fast or slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct HostClock {
    /// What it showed, in milliseconds, when the run began.
    pub offset: u64,
    /// How much too fast it runs, in millionths; negative for too slow.
    pub drift: i32,
}

impl HostClock {
    /// What it shows at `time`.
    pub fn read(&self, time: Time) -> Instant {
        let millis = time.0.saturating_mul(self.rate()) / MILLION / 1000;
        Instant::from_millis(self.offset.saturating_add(millis))
    }

    /// When it first shows `instant`.
    pub fn reaches(&self, instant: Instant) -> Time {
        let micros = instant.as_millis().saturating_sub(self.offset).saturating_mul(1000);
        let scaled = u128::from(micros).saturating_mul(u128::from(MILLION));
        let time = scaled.div_ceil(u128::from(self.rate()));
        Time(u64::try_from(time).unwrap_or(u64::MAX))
    }

    fn rate(&self) -> u64 {
        MILLION.saturating_add_signed(i64::from(self.drift)).max(1)
    }
}

const MILLION: u64 = 1_000_000;

/// What is to come, by time; what falls on one time comes in the order in which it was put in.
#[derive(Debug)]
pub struct Queue<E> {
    now: Time,
    next: u64,
    heap: BinaryHeap<Entry<E>>,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    order: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { now: Time::default(), next: 0, heap: BinaryHeap::new() }
    }
}

impl<E> Queue<E> {
    /// The time of the last event that was taken.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How many are to come.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Puts an event in; one in the past comes now.
    pub fn put(&mut self, at: Time, event: E) {
        self.heap.push(Entry { at: at.max(self.now), order: self.next, event });
        self.next = self.next.wrapping_add(1);
    }

    /// The next event, and the time with it.
    pub fn take(&mut self) -> Option<E> {
        let Entry { at, event, .. } = self.heap.pop()?;
        self.now = at;
        Some(event)
    }

    /// Lets time pass to `until`, if nothing comes before.
    pub fn rest(&mut self, until: Time) {
        let free = self.next_at().is_none_or(|next| next >= until);
        if free {
            self.now = self.now.max(until);
        }
    }

    /// When the next event comes.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }
}

impl<E> Ord for Entry<E> {
    /// The heap gives its greatest first, so the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_order() {
        let mut queue = Queue::default();
        for (at, name) in [(5, "c"), (1, "a"), (5, "d"), (3, "b")] {
            queue.put(Time::from_micros(at), name);
        }
        assert_eq!(core::iter::from_fn(|| queue.take()).collect::<String>(), "abcd");
        queue.put(Time::from_micros(2), "late");
        assert_eq!(queue.next_at(), Some(Time::from_micros(5)));
    }

    #[test]
    fn a_clock_reaches_what_it_will_show() {
        for (offset, drift) in [(0, 0), (77, 500), (1 << 40, -500), (3, 200_000), (3, -200_000)] {
            let clock = HostClock { offset, drift };
            for after in [0, 1, 999, 60_000, 86_400_000] {
                let wanted = Instant::from_millis(offset + after);
                let at = clock.reaches(wanted);
                assert!(clock.read(at) >= wanted, "{clock:?} {after}");
                let before = Time::from_micros(at.as_micros().saturating_sub(2000));
                assert!(after == 0 || clock.read(before) < wanted, "{clock:?} {after}");
            }
        }
        let fast = HostClock { offset: 0, drift: 100_000 };
        assert_eq!(fast.read(Time::from_secs(10)), Instant::from_millis(11_000));
    }
}
