//! The names of things: fixed strings of bytes, each a type of its own, so that no two can be mistaken for one another.
//!
//! None of them is a secret. Shown and read as lower-case hexadecimal.

use core::fmt;
use core::num::NonZeroU32;

use attest_core::values::Hex;

/// A string that is not the hexadecimal form of an id: two lower-case digits for each byte, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what}: expected {expected} lower-case hexadecimal digits, got {actual} characters that are not that"
)]
#[non_exhaustive]
pub struct NotAnId {
    /// Which id.
    pub what: &'static str,
    /// How many digits it has.
    pub expected: usize,
    /// How many characters the string has.
    pub actual: usize,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident[$len:literal] = $what:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name([u8; $len]);

            impl $name {
                /// How many bytes it has.
                pub const LEN: usize = $len;

                /// The id with these bytes.
                pub const fn new(bytes: [u8; $len]) -> Self {
                    Self(bytes)
                }

                /// Its bytes.
                pub const fn as_bytes(&self) -> &[u8; $len] {
                    &self.0
                }

                /// Reads the form that `Display` writes.
                ///
                /// # Errors
                /// [`NotAnId`] for any other string.
                pub fn from_hex(text: &str) -> Result<Self, NotAnId> {
                    let mut bytes = [0; $len];
                    match base16ct::lower::decode(text, &mut bytes) {
                        Ok(decoded) if decoded.len() == $len => Ok(Self(bytes)),
                        _ => Err(NotAnId { what: $what, expected: $len * 2, actual: text.len() }),
                    }
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    Hex(&self.0).fmt(f)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!(stringify!($name), "({})"), self)
                }
            }
        )*
    };
}

ids! {
    /// A run of an init: the same one when it is repeated after a crash (section 4, init claims 2).
    AttemptId[16] = "attempt id";
    /// A boot of a node, drawn at start (section 4, node claims 3).
    BootId[16] = "boot id";
    /// A cluster: the hash of its genesis record (section 2).
    ClusterId[32] = "cluster id";
    /// The measured configuration of a node, hashed (section 7).
    ConfigDigest[32] = "configuration digest";
    /// A disk, drawn when it is formatted, so that a disk that is formatted again never meets a key twice (section 2).
    DiskId[16] = "disk id";
    /// A public key: the first eight bytes of its hash (section 4, statements).
    KeyId[8] = "key id";
    /// A machine: the hash of CHIP_ID, PIID, or the name of an endorsement or attestation key (section 7).
    MachineId[32] = "machine id";
    /// A node of a cluster, kept over reboots and over a change of its machine (sections 2 and 6).
    NodeId[16] = "node id";
    /// A set of reference values (section 8).
    ReferenceSetId[32] = "reference set id";
    /// All shares that one split of one secret made (section 2).
    ShareSetId[16] = "share set id";
    /// A statement: the hash of its payload (section 8).
    StatementHash[32] = "statement hash";
    /// A join token: u32 expiry, u8 role, 11 random bytes (section 2).
    TokenId[16] = "token id";
    /// A node voucher (section 4, voucher 2).
    VoucherId[16] = "voucher id";
}

/// An epoch of the master secret or of the roots, from 1 (sections 2 and 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpoch(NonZeroU32);

impl KeyEpoch {
    /// The epoch that a genesis fixes.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The epoch with this number; `None` for 0, which no cluster has.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The epoch that a rotation leads to; `None` after the last one.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for KeyEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a node is in its cluster (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a role more would change what every ticket may hold")]
pub enum Role {
    /// Its own disk keys and one certificate, nothing more.
    Worker,
    /// A control plane seat: it holds the roots of the live epochs and runs the join service.
    Seat,
}

impl Role {
    /// The role with this number on the wire.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Worker),
            2 => Some(Self::Seat),
            _ => None,
        }
    }

    /// Its number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Worker => 1,
            Self::Seat => 2,
        }
    }

    /// Its word in the URI of a node certificate (section 7) and in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Seat => "seat",
        }
    }

    /// The role with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "worker" => Some(Self::Worker),
            "seat" => Some(Self::Seat),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How hard a proof of the same node is to forge (protocol section 6), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SameNodeClass {
    /// 0: nothing.
    None,
    /// 1: the platform's id, beside a voucher secret.
    Platform,
    /// 2: a key that the SNP firmware derives for this image on this chip.
    SnpKey,
    /// 3: the attestation key of a TPM.
    Tpm,
}

impl SameNodeClass {
    /// The class of this number on the wire.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::Platform,
            2 => Self::SnpKey,
            3 => Self::Tpm,
            _ => return None,
        })
    }

    /// Its number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Platform => 1,
            Self::SnpKey => 2,
            Self::Tpm => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = NodeId::new(core::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap()));
        assert_eq!(id.to_string(), "404142434445464748494a4b4c4d4e4f");
        assert_eq!(format!("{id:?}"), "NodeId(404142434445464748494a4b4c4d4e4f)");
        assert_eq!(NodeId::from_hex(&id.to_string()), Ok(id));
    }

    #[test]
    fn only_the_one_form_of_an_id_is_read() {
        let refused = |text: &str| {
            let error = NodeId::from_hex(text).unwrap_err();
            assert_eq!(error, NotAnId { what: "node id", expected: 32, actual: text.len() });
        };
        refused("");
        refused("404142434445464748494a4b4c4d4e");
        refused("404142434445464748494a4b4c4d4e4f50");
        refused("404142434445464748494A4B4C4D4E4F");
        refused("404142434445464748494a4b4c4d4e4g");
        refused("404142434445464748494a4b4c4d4e4");
    }

    #[test]
    fn epochs_start_at_one_and_end() {
        assert_eq!(KeyEpoch::new(0), None);
        assert_eq!(KeyEpoch::FIRST.next().map(KeyEpoch::number), Some(2));
        assert_eq!(KeyEpoch::new(u32::MAX).unwrap().next(), None);
    }

    #[test]
    fn roles_have_one_number_and_one_word() {
        for role in [Role::Worker, Role::Seat] {
            assert_eq!(Role::from_number(role.number()), Some(role));
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_number(0), None);
        assert_eq!(Role::from_word("Seat"), None);
    }
}
