//! One report for many waiting channels (architecture section 4, point 6): the report commits to a Merkle tree over their slots.
//!
//! Why a plain slot is never read as a batch, nor a batch as a slot: report data is a hash in both cases, under tags that differ,
//! and a batch is only looked for where the item says that it is one. Why a node is never read as a leaf: they have the tags of
//! RFC 9162, section 2.1.1. Why no place in the tree can be claimed twice: the number of leaves is hashed with the root, and the
//! length of a path follows from that number and the index.

use sha2::{Digest, Sha256, Sha512};

use super::binding::{Slot, finish_256, finish_512};

/// The most slots that one report serves.
pub const MAX_SLOTS: usize = 1 << MAX_PATH;

/// The most hashes of a path.
pub const MAX_PATH: usize = 16;

/// A tree over the slots of waiting channels, on the side that makes evidence.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The tree from its leaves to its root. A node without a sibling goes up as it is, which gives the tree of RFC 9162.
    levels: Vec<Vec<[u8; 32]>>,
}

impl Batch {
    /// A tree over `slots`, in this order; `None` for none, and for more than [`MAX_SLOTS`].
    pub fn new(slots: &[Slot]) -> Option<Self> {
        if slots.is_empty() || slots.len() > MAX_SLOTS {
            return None;
        }
        let mut levels = vec![slots.iter().map(leaf).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below
                .chunks(2)
                .filter_map(|pair| match pair {
                    [left, right] => Some(node(left, right)),
                    [alone] => Some(*alone),
                    _ => None,
                })
                .collect();
            levels.push(above);
        }
        Some(Self { levels })
    }

    /// How many slots it serves.
    pub fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Never: there is no tree over nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the report must carry.
    pub fn report_data(&self) -> [u8; 64] {
        let root = self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default();
        report_data(u32::try_from(self.len()).unwrap_or(u32::MAX), &root)
    }

    /// What the channel with the slot at `index` is told; `None` beyond the last.
    pub fn place(&self, index: usize) -> Option<Place> {
        self.levels.first()?.get(index)?;
        let beside = |(level, nodes): (usize, &Vec<[u8; 32]>)| {
            let at = index.checked_shr(u32::try_from(level).ok()?)?;
            nodes.get(at ^ 1).copied()
        };
        Some(Place {
            count: u32::try_from(self.len()).ok()?,
            index: u32::try_from(index).ok()?,
            path: self.levels.iter().enumerate().filter_map(beside).collect(),
        })
    }
}

/// Where one channel's slot stands in the tree, on the side that checks evidence. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is what the wire carries")]
pub struct Place {
    /// How many slots the tree has.
    pub count: u32,
    /// Which of them is this channel's.
    pub index: u32,
    /// The siblings on the way to the root, lowest first.
    pub path: Vec<[u8; 32]>,
}

/// Why a place is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPlace {
    /// The tree has no slots, or too many.
    #[error("a batch has 1 to {MAX_SLOTS} slots, this one {count}")]
    Count {
        /// How many it has.
        count: u32,
    },
    /// The index is not below the number of slots.
    #[error("index {index} of a batch with {count} slots")]
    Index {
        /// The index.
        index: u32,
        /// The number of slots.
        count: u32,
    },
    /// The path is not as long as the index and the number of slots make it.
    #[error("a path of {actual} hashes where slot {index} of {count} has {expected}")]
    Path {
        /// The index.
        index: u32,
        /// The number of slots.
        count: u32,
        /// How long the path must be.
        expected: usize,
        /// How long it is.
        actual: usize,
    },
}

impl Place {
    /// What a report must carry that serves `slot` at this place (RFC 9162, 2.1.3.2).
    ///
    /// # Errors
    /// [`BadPlace`] for a number, an index or a length of the path that no batch has. Whether the hashes are right shows when the
    /// report's data are compared.
    pub fn report_data(&self, slot: &Slot) -> Result<[u8; 64], BadPlace> {
        let Self { count, index, path } = self;
        let (count, index) = (*count, *index);
        let fits = usize::try_from(count).is_ok_and(|count| (1..=MAX_SLOTS).contains(&count));
        let Some(last) = count.checked_sub(1).filter(|_| fits) else {
            return Err(BadPlace::Count { count });
        };
        if index > last {
            return Err(BadPlace::Index { index, count });
        }
        let steps = steps(index, last);
        if steps.len() != path.len() {
            return Err(BadPlace::Path { index, count, expected: steps.len(), actual: path.len() });
        }
        let root = steps.iter().zip(path).fold(leaf(slot), |below, (step, sibling)| match step {
            Step::FromLeft => node(&below, sibling),
            Step::FromRight => node(sibling, &below),
        });
        Ok(report_data(count, &root))
    }
}

/// On which side of its sibling the way to the root comes up.
enum Step {
    FromLeft,
    FromRight,
}

/// The way from a slot to the root, level by level; where there is no sibling, there is no step.
fn steps(mut index: u32, mut last: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    while last > 0 {
        if index & 1 == 1 {
            steps.push(Step::FromRight);
        } else if index < last {
            steps.push(Step::FromLeft);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    steps
}

fn leaf(slot: &Slot) -> [u8; 32] {
    finish_256(Sha256::new_with_prefix([0]).chain_update(slot.as_bytes()))
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    finish_256(Sha256::new_with_prefix([1]).chain_update(left).chain_update(right))
}

fn report_data(count: u32, root: &[u8; 32]) -> [u8; 64] {
    let hash = Sha512::new_with_prefix(b"attest-tls/1 batch\0");
    finish_512(hash.chain_update(count.to_be_bytes()).chain_update(root))
}

#[cfg(test)]
mod tests {
    use attest_core::values::Hex;

    use super::*;

    /// Slot i = SHA-512("attestrap batch vector" || u8 i), as in the vectors of protocol section 4.
    fn slots(count: usize) -> Vec<Slot> {
        let slot = |at: usize| {
            let hash = Sha512::new_with_prefix(b"attestrap batch vector");
            Slot::from_bytes(finish_512(hash.chain_update([u8::try_from(at % 256).unwrap()])))
        };
        (0..count).map(slot).collect()
    }

    /// Computed with Python's hashlib by the recursive definition of RFC 9162, 2.1.1 and 2.1.3.1.
    #[test]
    fn known_answers() {
        for (count, expected) in [
            (1, "4cd319586aece35158d0dba3f9dad007e98af9367cda8b389e4f61b33037872d"),
            (2, "f3c1fa1a6f14f09f11c6d8fb083a74d89e5ef05ff9f04063569f691686f77c94"),
            (3, "940d335175f276611f80e02af0fce707c97dba0058a8a5f4478f770c24659ff4"),
            (5, "704dc22a1cf6b901484280c3a3de6456525bd003d8b96b78b4851f9dc4b5d26b"),
        ] {
            let data = Batch::new(&slots(count)).unwrap().report_data();
            assert_eq!(Hex(&data[..32]).to_string(), expected, "{count} slots");
        }
        let five = Batch::new(&slots(5)).unwrap();
        assert_eq!(
            Hex(&five.report_data()).to_string(),
            "704dc22a1cf6b901484280c3a3de6456525bd003d8b96b78b4851f9dc4b5d26b\
             68ff2d6ae65bb03fa48ad30c65a16281bcc1183b2cd6822915a84e8700c30d79"
        );
        let path = |index| {
            let path = five.place(index).unwrap().path;
            path.iter().map(|hash| Hex(hash).to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            path(3),
            [
                "ae90dc38e02f453a45d2ae031273a10e098593406ab14ec8ac80906c69516bc6",
                "30aef15e53ad465e0a56d8f7d976387c44b474a90aff4a3539f50d763f06a528",
                "35ae63eb9fbc3580343bb3fc77f96e49c67436d55f247005dfc8f84eacc4e78c"
            ]
        );
        // The fifth goes up alone until it meets the root of the other four.
        assert_eq!(path(4), ["c918b759f1a549f2d587743ee1c2571821de944286464df65b4d7012934c43d7"]);
    }

    #[test]
    fn every_place_of_every_tree_holds_and_no_other() {
        for count in 1..=33 {
            let slots = slots(count);
            let batch = Batch::new(&slots).unwrap();
            assert_eq!(batch.len(), count);
            assert_eq!(batch.place(count), None);
            for (at, slot) in slots.iter().enumerate() {
                let place = batch.place(at).unwrap();
                assert_eq!(place.report_data(slot), Ok(batch.report_data()), "slot {at} of {count}");
                let others = slots.iter().enumerate().filter(|(other, _)| *other != at);
                for (other, slot) in others {
                    assert_ne!(place.report_data(slot), Ok(batch.report_data()), "{other} as {at}");
                }
            }
        }
    }

    #[test]
    fn a_place_that_no_tree_has_is_refused() {
        let slots = slots(5);
        let good = Batch::new(&slots).unwrap().place(3).unwrap();
        let with = |change: fn(&mut Place)| {
            let mut place = good.clone();
            change(&mut place);
            place.report_data(&slots[3])
        };
        assert_eq!(with(|place| place.count = 0), Err(BadPlace::Count { count: 0 }));
        assert_eq!(with(|place| place.count = 65_537), Err(BadPlace::Count { count: 65_537 }));
        assert_eq!(with(|place| place.index = 5), Err(BadPlace::Index { index: 5, count: 5 }));
        assert_eq!(with(|place| place.index = u32::MAX), Err(BadPlace::Index { index: u32::MAX, count: 5 }));
        let path = |actual| Err(BadPlace::Path { index: 3, count: 5, expected: 3, actual });
        assert_eq!(with(|place| place.path.truncate(2)), path(2));
        assert_eq!(with(|place| place.path.push([0; 32])), path(4));
        assert_eq!(with(|place| place.path.clear()), path(0));
        // A batch of one has no path, and is still no plain slot.
        let one = Place { count: 1, index: 0, path: Vec::new() };
        assert_ne!(one.report_data(&slots[0]).unwrap(), *slots[0].as_bytes());
        let longer = Place { path: vec![[0; 32]], ..one };
        let expected = BadPlace::Path { index: 0, count: 1, expected: 0, actual: 1 };
        assert_eq!(longer.report_data(&slots[0]), Err(expected));
    }

    #[test]
    fn the_number_of_slots_is_part_of_what_is_signed() {
        // Slot 0 has a path of one length in trees of 3 and of 4: the same hashes must not serve both.
        let slots = slots(4);
        let place = Batch::new(&slots).unwrap().place(0).unwrap();
        let lies = Place { count: 3, ..place.clone() };
        assert_ne!(lies.report_data(&slots[0]), place.report_data(&slots[0]));
    }

    #[test]
    fn a_node_is_no_leaf() {
        // The 64 bytes below the root of a tree of two, taken for a slot of a tree of one.
        let slots = slots(2);
        let below: Vec<u8> = slots.iter().flat_map(leaf).collect();
        let forged = Slot::from_bytes(below.try_into().unwrap());
        let root = node(&leaf(&slots[0]), &leaf(&slots[1]));
        assert_ne!(leaf(&forged), root);
    }

    #[test]
    fn trees_have_a_least_and_a_most() {
        assert!(Batch::new(&[]).is_none());
        let most = vec![slots(1)[0]; MAX_SLOTS];
        let batch = Batch::new(&most).unwrap();
        let last = batch.place(MAX_SLOTS - 1).unwrap();
        assert_eq!(last.path.len(), MAX_PATH);
        assert_eq!(last.report_data(&most[0]), Ok(batch.report_data()));
        assert!(Batch::new(&vec![most[0]; MAX_SLOTS + 1]).is_none());
    }
}
