//! How long a client waits before it asks again (protocol section 11):
//! `wait(n) = max(hint x (1 + u), min(60 s, 0.5 s x 2^n) x (1 + u) / 2)`, u uniform in [0, 1) from the seed.
//!
//! So after any number of failures a wait is below 60 s, or below twice the hint; and the first dial after a boot comes within 5 s.

use core::time::Duration;

use crate::time::Instant;

const FIRST_DIAL: u64 = 5_000;
const STEP: u64 = 500;
const LONGEST: u64 = 60_000;
/// Longest hint that is followed: a server never gives a longer one.
const LONGEST_HINT: u64 = 60_000;
/// A connection of this length forgets the failures before it.
const SETTLED: Duration = Duration::from_secs(600);

/// The waits of one client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    draws: SplitMix64,
    failures: u32,
    connected: Option<Instant>,
}

impl Backoff {
    /// From this seed; two clients with two seeds do not wait in step.
    pub fn new(seed: [u8; 32]) -> Self {
        // Folded, so that every byte of the seed counts; zero is a seed like any other.
        let state = seed.chunks_exact(8).fold(0x9e37_79b9_7f4a_7c15_u64, |state, chunk| {
            let word = chunk.iter().fold(0, |word: u64, byte| (word << 8) | u64::from(*byte));
            mix(state ^ word)
        });
        Self { draws: SplitMix64(state), failures: 0, connected: None }
    }

    /// The wait before the first dial after a boot: below 5 s.
    pub fn first(&mut self) -> Duration {
        Duration::from_millis(self.part_of(FIRST_DIAL))
    }

    /// The wait after one more failure, with the hint of the peer that refused, in milliseconds (0: none).
    pub fn failed(&mut self, hint: u32, now: Instant) -> Duration {
        if self.connected.take().is_some_and(|since| now >= since.after(SETTLED)) {
            self.failures = 0;
        }
        let doubled = 1_u64.checked_shl(self.failures).unwrap_or(u64::MAX);
        let step = STEP.saturating_mul(doubled).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = (step / 2).saturating_add(self.part_of(step / 2));
        let hint = u64::from(hint).min(LONGEST_HINT);
        let hinted = hint.saturating_add(self.part_of(hint));
        Duration::from_millis(own.max(hinted))
    }

    /// A channel opened.
    pub const fn opened(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// A number below `bound`, for choices among endpoints.
    pub fn below(&mut self, bound: u16) -> u16 {
        u16::try_from(self.part_of(u64::from(bound))).unwrap_or_default()
    }

    /// A uniform part of `whole`: below it, or 0.
    fn part_of(&mut self, whole: u64) -> u64 {
        self.draws.below(whole)
    }
}

/// The generator of that name. Not for secrets: only so that clients do not wait in step, and that a simulated run has a seed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    /// 64 bits.
    pub(crate) const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, or 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.word()).saturating_mul(u128::from(bound));
        u64::try_from(wide >> 64).unwrap_or_default()
    }
}

/// Its finalizer.
pub(crate) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(0);

    #[test]
    fn waits_double_up_to_a_minute_and_keep_their_bounds() {
        for seed in 0..200_u8 {
            let mut backoff = Backoff::new([seed; 32]);
            assert!(backoff.first() < Duration::from_secs(5));
            for n in 0..80_u32 {
                let step = 500_u64.saturating_mul(1_u64.checked_shl(n).unwrap_or(u64::MAX)).min(60_000);
                let wait = u64::try_from(backoff.failed(0, NOW).as_millis()).unwrap();
                assert!((step / 2..step).contains(&wait), "seed {seed}, failure {n}: {wait} ms");
            }
        }
    }

    #[test]
    fn a_hint_is_waited_for_and_never_more_than_twice() {
        for seed in 0..200_u8 {
            let wait = Backoff::new([seed; 32]).failed(1_500, NOW);
            assert!((1_500..3_000).contains(&wait.as_millis()));
            let most = Backoff::new([seed; 32]).failed(u32::MAX, NOW);
            assert!((60_000..120_000).contains(&most.as_millis()));
        }
    }

    #[test]
    fn ten_minutes_of_connection_forget_failures_and_less_does_not() {
        let mut backoff = Backoff::new([1; 32]);
        for _ in 0..10 {
            backoff.failed(0, NOW);
        }
        let mut short = backoff.clone();
        short.opened(NOW);
        assert!(short.failed(0, Instant::from_millis(599_999)) >= Duration::from_secs(30));
        backoff.opened(NOW);
        assert!(backoff.failed(0, Instant::from_millis(600_000)) < Duration::from_millis(500));
    }

    #[test]
    fn seeds_spread_the_first_dials() {
        let mut firsts: Vec<_> = (0..=255_u8).map(|seed| Backoff::new([seed; 32]).first()).collect();
        firsts.sort();
        // 256 uniform draws of 5 s: a quarter of them falls into each quarter, give or take five deviations.
        for quarter in 0..4_u64 {
            let (from, to) = (quarter * 1_250, (quarter + 1) * 1_250);
            let inside =
                firsts.iter().filter(|at| (u128::from(from)..u128::from(to)).contains(&at.as_millis()));
            assert!((29..=99).contains(&inside.count()), "quarter {quarter}");
        }
    }
}
