//! Who is served next, and who is told to come later (protocol section 11). Memory is bounded: nothing here grows with the number of
//! those who ask, only with the number of those who are let in to wait.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::time::{Instant, Timer};

/// Half-open channels of one source.
const HALF_OPEN_EACH: u16 = 64;
/// Half-open channels in all.
const HALF_OPEN: usize = 4096;
/// Requests that wait for a judge, in all.
const QUEUE: usize = 4096;
/// Sources whose failures are counted; beyond, the one that failed longest ago is forgotten.
const COUNTED: usize = 4096;
/// Failed verdicts that a source may have at once, and how fast it may have more: one each second.
const FAILURES: u8 = 10;
const REFILL: u64 = 1_000;
/// A client waits that long for a verdict; who has waited for half of it is told to come later.
const LONGEST_WAIT: Duration = Timer::Evidence.length().checked_div(2).unwrap();
const LONGEST_HINT: u64 = 60_000;

/// Where a channel comes from: an IPv4 /24 or an IPv6 /56, as the host cut it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source(u64);

impl Source {
    /// Of an IPv4 address: its first 24 bits.
    pub const fn v4(address: [u8; 4]) -> Self {
        let [a, b, c, _] = address;
        Self(u64::from_be_bytes([1, 0, 0, 0, 0, a, b, c]))
    }

    /// Of an IPv6 address: its first 56 bits.
    pub const fn v6(address: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, ..] = address;
        Self(u64::from_be_bytes([2, a, b, c, d, e, f, g]))
    }
}

/// What is asked for, which decides how soon.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the three classes of protocol section 11")]
pub enum Class {
    /// Renew, or rejoin, of a node with a valid certificate: weight 8.
    Member,
    /// Rejoin: weight 4.
    Rejoin,
    /// Join: weight 1.
    Join,
}

impl Class {
    const ALL: [Self; 3] = [Self::Member, Self::Rejoin, Self::Join];

    const fn weight(self) -> u8 {
        match self {
            Self::Member => 8,
            Self::Rejoin => 4,
            Self::Join => 1,
        }
    }
}

/// One request that was let in, by the number that the host gave it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number that only its host understands")]
pub struct Ticket(pub u64);

/// What to do with a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "let in or not")]
pub enum Entry {
    /// It waits for its turn.
    Queued,
    /// Refusal 40, with this hint in milliseconds.
    Shed(u32),
    /// Refusal 48, with this hint in milliseconds: too many of this source's verdicts failed.
    Limited(u32),
}

/// The admission of one service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Admission {
    half_open: BTreeMap<Source, u16>,
    half_open_all: usize,
    queues: [Queue; 3],
    /// How much of its weight each class has left in this round.
    credit: [u8; 3],
    queued: usize,
    failures: BTreeMap<Source, Bucket>,
    judges: u16,
    judging: u16,
    /// What one judge does in a second.
    rate: u32,
}

/// One class: a queue for each source, and the order in which sources have their turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Queue {
    turns: VecDeque<Source>,
    waiting: BTreeMap<Source, VecDeque<(Ticket, Instant)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Bucket {
    spent: u8,
    since: Instant,
}

impl Admission {
    /// `judges` verifications at once, each of which does `rate` of them in a second; both at least 1.
    pub fn new(judges: u16, rate: u32) -> Self {
        Self {
            half_open: BTreeMap::new(),
            half_open_all: 0,
            queues: Default::default(),
            credit: Class::ALL.map(Class::weight),
            queued: 0,
            failures: BTreeMap::new(),
            judges: judges.max(1),
            judging: 0,
            rate: rate.max(1),
        }
    }

    /// A connection, before TLS: whether it may go on.
    pub fn accept(&mut self, source: Source) -> bool {
        let open = self.half_open.get(&source).copied().unwrap_or_default();
        if open >= HALF_OPEN_EACH || self.half_open_all >= HALF_OPEN {
            return false;
        }
        self.half_open.insert(source, open.saturating_add(1));
        self.half_open_all = self.half_open_all.saturating_add(1);
        true
    }

    /// An accepted connection is open, or gone.
    pub fn settled(&mut self, source: Source) {
        let Some(open) = self.half_open.get_mut(&source) else { return };
        *open = open.saturating_sub(1);
        self.half_open_all = self.half_open_all.saturating_sub(1);
        if *open == 0 {
            self.half_open.remove(&source);
        }
    }

    /// A request whose evidence waits to be judged.
    pub fn enter(&mut self, class: Class, source: Source, ticket: Ticket, now: Instant) -> Entry {
        if let Some(wait) = self.limited(source, now) {
            return Entry::Limited(wait);
        }
        if self.queued >= QUEUE {
            return Entry::Shed(self.hint());
        }
        let [member, rejoin, join] = &mut self.queues;
        let queue = match class {
            Class::Member => member,
            Class::Rejoin => rejoin,
            Class::Join => join,
        };
        let waiting = queue.waiting.entry(source).or_default();
        if waiting.is_empty() {
            queue.turns.push_back(source);
        }
        waiting.push_back((ticket, now));
        self.queued = self.queued.saturating_add(1);
        Entry::Queued
    }

    /// The next request to judge, if a judge is free. `shed` takes those that have waited too long; each is to be refused with 40 and
    /// the hint.
    pub fn next(&mut self, now: Instant, shed: &mut Vec<(Ticket, u32)>) -> Option<Ticket> {
        while self.judging < self.judges {
            let (ticket, since) = self.pop()?;
            if now >= since.after(LONGEST_WAIT) {
                shed.push((ticket, self.hint()));
                continue;
            }
            self.judging = self.judging.saturating_add(1);
            return Some(ticket);
        }
        None
    }

    /// A judge is free again; whether the verdict was a failure is counted against the source.
    pub fn judged(&mut self, source: Source, accepted: bool, now: Instant) {
        self.judging = self.judging.saturating_sub(1);
        if accepted {
            return;
        }
        if !self.failures.contains_key(&source) && self.failures.len() >= COUNTED {
            let oldest =
                self.failures.iter().min_by_key(|(_, bucket)| bucket.since).map(|(source, _)| *source);
            if let Some(oldest) = oldest {
                self.failures.remove(&oldest);
            }
        }
        let bucket = self.failures.entry(source).or_insert(Bucket { spent: 0, since: now });
        bucket.refill(now);
        bucket.spent = bucket.spent.saturating_add(1).min(FAILURES);
    }

    /// How many wait.
    pub const fn queued(&self) -> usize {
        self.queued
    }

    /// `1000 ms x (1 + queue / rate)`, at most 60 s.
    fn hint(&self) -> u32 {
        let queued = u64::try_from(self.queued).unwrap_or(u64::MAX);
        let rate = u64::from(self.rate).saturating_mul(u64::from(self.judges));
        let seconds = queued.checked_div(rate).unwrap_or_default().saturating_add(1);
        u32::try_from(seconds.saturating_mul(1_000).min(LONGEST_HINT)).unwrap_or(u32::MAX)
    }

    fn limited(&mut self, source: Source, now: Instant) -> Option<u32> {
        let bucket = self.failures.get_mut(&source)?;
        bucket.refill(now);
        if bucket.spent == 0 {
            self.failures.remove(&source);
            return None;
        }
        (bucket.spent >= FAILURES).then_some(1_000)
    }

    /// Classes by their weights, sources of one class in turn.
    fn pop(&mut self) -> Option<(Ticket, Instant)> {
        for fresh in [false, true] {
            if fresh {
                self.credit = Class::ALL.map(Class::weight);
            }
            for (queue, credit) in self.queues.iter_mut().zip(&mut self.credit) {
                if *credit > 0
                    && let Some(next) = queue.pop()
                {
                    *credit = credit.saturating_sub(1);
                    self.queued = self.queued.saturating_sub(1);
                    return Some(next);
                }
            }
        }
        None
    }
}

impl Queue {
    fn pop(&mut self) -> Option<(Ticket, Instant)> {
        let source = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&source)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        next
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let passed = now.as_millis().saturating_sub(self.since.as_millis());
        let back = passed.checked_div(REFILL).unwrap_or_default();
        self.spent = self.spent.saturating_sub(u8::try_from(back).unwrap_or(u8::MAX));
        self.since = self.since.after(Duration::from_millis(back.saturating_mul(REFILL)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(0);

    fn source(number: u8) -> Source {
        Source::v4([10, 0, number, 1])
    }

    #[test]
    fn half_open_channels_are_limited_by_source_and_in_all() {
        let mut admission = Admission::new(2, 100);
        for _ in 0..64 {
            assert!(admission.accept(source(1)));
        }
        assert!(!admission.accept(Source::v4([10, 0, 1, 200])));
        assert!(admission.accept(source(2)));
        admission.settled(source(1));
        assert!(admission.accept(source(1)));
        let mut all = 65;
        for net in 0..=255_u8 {
            while admission.accept(Source::v4([11, 0, net, 0])) {
                all += 1;
            }
        }
        assert_eq!(all, 4096);
        assert_eq!(admission.half_open.values().map(|open| usize::from(*open)).sum::<usize>(), 4096);
    }

    #[test]
    fn classes_get_eight_four_and_one_of_thirteen() {
        let mut admission = Admission::new(u16::MAX, 1);
        for number in 0..130 {
            for class in Class::ALL {
                assert_eq!(
                    admission.enter(class, source(1), Ticket(number * 3 + class as u64), NOW),
                    Entry::Queued
                );
            }
        }
        let mut served = [0; 3];
        for _ in 0..130 {
            let Ticket(number) = admission.next(NOW, &mut Vec::new()).unwrap();
            served[usize::try_from(number % 3).unwrap()] += 1;
        }
        assert_eq!(served, [80, 40, 10]);
    }

    #[test]
    fn a_class_alone_gets_everything() {
        let mut admission = Admission::new(u16::MAX, 1);
        for number in 0..20 {
            admission.enter(Class::Join, source(1), Ticket(number), NOW);
        }
        let served: Vec<_> = core::iter::from_fn(|| admission.next(NOW, &mut Vec::new())).collect();
        assert_eq!(served, (0..20).map(Ticket).collect::<Vec<_>>());
    }

    #[test]
    fn one_source_does_not_push_the_others_back() {
        let mut admission = Admission::new(u16::MAX, 1);
        for number in 0..1000 {
            admission.enter(Class::Join, source(1), Ticket(number), NOW);
        }
        admission.enter(Class::Join, source(2), Ticket(7777), NOW);
        let first: Vec<_> = (0..2).filter_map(|_| admission.next(NOW, &mut Vec::new())).collect();
        assert_eq!(first, [Ticket(0), Ticket(7777)]);
    }

    #[test]
    fn no_more_judges_than_there_are() {
        let mut admission = Admission::new(2, 1);
        for number in 0..3 {
            admission.enter(Class::Join, source(1), Ticket(number), NOW);
        }
        assert!(admission.next(NOW, &mut Vec::new()).is_some());
        assert!(admission.next(NOW, &mut Vec::new()).is_some());
        assert_eq!(admission.next(NOW, &mut Vec::new()), None);
        admission.judged(source(1), true, NOW);
        assert_eq!(admission.next(NOW, &mut Vec::new()), Some(Ticket(2)));
    }

    #[test]
    fn a_full_queue_sheds_with_a_hint_that_grows_with_it() {
        let mut admission = Admission::new(1, 100);
        for number in 0..4096 {
            assert_eq!(admission.enter(Class::Join, source(1), Ticket(number), NOW), Entry::Queued);
        }
        assert_eq!(admission.enter(Class::Member, source(2), Ticket(9999), NOW), Entry::Shed(41_000));
        assert_eq!(Admission::new(1, 1).hint(), 1_000);
        admission.rate = 1;
        assert_eq!(admission.hint(), 60_000);
    }

    #[test]
    fn who_waited_for_half_of_the_time_is_shed() {
        let mut admission = Admission::new(4, 1);
        admission.enter(Class::Join, source(1), Ticket(1), NOW);
        admission.enter(Class::Join, source(1), Ticket(2), Instant::from_millis(1));
        let mut shed = Vec::new();
        assert_eq!(admission.next(Instant::from_millis(30_000), &mut shed), Some(Ticket(2)));
        assert_eq!(shed, [(Ticket(1), 1_000)]);
    }

    #[test]
    fn ten_failures_limit_a_source_and_a_second_forgives_one() {
        let mut admission = Admission::new(u16::MAX, 1);
        for _ in 0..10 {
            assert_eq!(admission.enter(Class::Join, source(1), Ticket(0), NOW), Entry::Queued);
            admission.judged(source(1), false, NOW);
        }
        assert_eq!(admission.enter(Class::Join, source(1), Ticket(0), NOW), Entry::Limited(1_000));
        assert_eq!(admission.enter(Class::Join, source(2), Ticket(0), NOW), Entry::Queued);
        let later = Instant::from_millis(1_000);
        assert_eq!(admission.enter(Class::Join, source(1), Ticket(0), later), Entry::Queued);
        admission.judged(source(1), false, later);
        assert_eq!(admission.enter(Class::Join, source(1), Ticket(0), later), Entry::Limited(1_000));
    }

    #[test]
    fn failures_are_counted_for_so_many_sources_and_no_more() {
        let mut admission = Admission::new(1, 1);
        for number in 0..5000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            admission.judged(Source::v4([a, b, c, 0]), false, Instant::from_millis(number.into()));
        }
        assert_eq!(admission.failures.len(), 4096);
    }
}
