//! The entropy of a run: everything that is drawn in it follows from one seed.

use core::ops::Range;

use crate::machine::backoff::{SplitMix64, mix};

/// A generator. It is not for secrets: whoever knows the seed is meant to know the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entropy {
    draws: SplitMix64,
}

impl Entropy {
    /// From this seed.
    pub const fn new(seed: u64) -> Self {
        Self { draws: SplitMix64(seed) }
    }

    /// A generator of its own for one part of a run, so that what one part draws does not shift what another one gets.
    #[must_use]
    pub const fn fork(&self, part: u64) -> Self {
        Self { draws: SplitMix64(mix(self.draws.0 ^ mix(part))) }
    }

    /// 64 random bits.
    pub const fn word(&mut self) -> u64 {
        self.draws.word()
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draws.below(bound)
    }

    /// A number in this range; its start if it is empty.
    pub fn within(&mut self, range: &Range<u64>) -> u64 {
        range.start.saturating_add(self.below(range.end.saturating_sub(range.start)))
    }

    /// Whether something happens that does so this often in a million times.
    pub fn happens(&mut self, per_million: u32) -> bool {
        per_million != 0 && self.below(1_000_000) < u64::from(per_million)
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            for (byte, drawn) in chunk.iter_mut().zip(self.word().to_le_bytes()) {
                *byte = drawn;
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_run_and_another_seed_another() {
        let draw = |seed| {
            let mut entropy = Entropy::new(seed);
            (entropy.word(), entropy.below(1000), entropy.bytes::<20>())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn parts_do_not_shift_each_other() {
        let root = Entropy::new(7);
        let mut first = root.fork(1);
        first.word();
        assert_eq!(root.fork(2), root.fork(2));
        assert_ne!(root.fork(1), root.fork(2));
    }

    #[test]
    fn draws_keep_their_bounds_and_reach_them() {
        let mut entropy = Entropy::new(1);
        let drawn: Vec<u64> = (0..2000).map(|_| entropy.within(&(10..15))).collect();
        assert!(drawn.iter().all(|number| (10..15).contains(number)));
        assert!((10..15).all(|number| drawn.contains(&number)));
        assert_eq!(entropy.within(&(3..3)), 3);
        assert!(!(0..2000).any(|_| entropy.happens(0)));
        assert!((0..2000).all(|_| entropy.happens(1_000_000)));
    }
}
