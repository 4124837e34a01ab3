//! Numbers of the rules, each a type with its values.

use attest_core::cbor::{Decoder, Encoder, Fields};
use attest_core::error::{Malformed, Problem};

use super::field::{Field, Record, Slot, absent};
use crate::ids::ClusterId;
use crate::ids::SameNodeClass;

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// This number; `None` if it is outside.
    pub const fn new(number: u32) -> Option<Self> {
        match MIN <= number && number <= MAX {
            true => Some(Self(number)),
            false => None,
        }
    }

    /// The number, or the bound that it passes.
    pub const fn clamped(number: u32) -> Self {
        match number {
            low if low < MIN => Self(MIN),
            high if high > MAX => Self(MAX),
            number => Self(number),
        }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> Field for Bounded<MIN, MAX> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.0.encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        let number = decoder.uint_in(field, u64::from(MIN)..=u64::from(MAX))?;
        let number = u32::try_from(number).ok().and_then(Self::new);
        number.ok_or_else(|| here.malformed(field, Problem::Type("an integer of its size")))
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[expect(clippy::exhaustive_enums, reason = "a number more is another rule, and whoever matches must look at it")]
            pub enum $name {
                $($(#[$variant_doc])* $variant,)*
            }

            impl $name {
                /// All of them, by number.
                pub const ALL: &[Self] = &[$(Self::$variant),*];

                /// Its number on the wire.
                pub const fn number(self) -> u8 {
                    match self {
                        $(Self::$variant => $number,)*
                    }
                }

                /// The one with this number.
                pub const fn from_number(number: u8) -> Option<Self> {
                    match number {
                        $($number => Some(Self::$variant),)*
                        _ => None,
                    }
                }
            }

            impl Field for $name {
                fn encode(&self, encoder: &mut Encoder<'_>) {
                    self.number().encode(encoder);
                }

                fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
                    let here = decoder.clone();
                    Self::from_number(u8::decode(field, decoder)?)
                        .ok_or_else(|| here.malformed(field, Problem::Type($what)))
                }
            }
        )*
    };
}

numbers! {
    /// Who holds what at the start (section 2, custody).
    Custody = "a custody" {
        /// The operator holds one master secret.
        Joint = 0,
        /// Two custodians hold one root each.
        Split = 1,
        /// The identity root is made inside the first node and never leaves attested seats.
        NodeBorn = 2,
    }

    /// What a channel is for (section 4).
    Flow = "a flow" {
        /// An operator initialises a node.
        Init = 1,
        /// A node joins.
        Join = 2,
        /// A member comes back after a boot.
        Rejoin = 3,
        /// An operator or custodian opens a node's disk.
        Recover = 4,
        /// Statements are published.
        Statement = 5,
        /// A member renews its certificate.
        Renew = 6,
        /// Somebody looks at a node's evidence.
        Probe = 7,
        /// An operator rotates the master secret.
        Rotate = 8,
    }

    /// What holds a lock (section 5, registers).
    LockClass = "a class of lock" {
        /// The measured image alone.
        Software = 1,
        /// A register of a TPM.
        TpmPcr = 2,
        /// A run-time measurement register of TDX.
        Rtmr = 3,
    }

    /// How a node is to prove its lock (offer 5).
    LockProof = "a proof of the lock" {
        /// Its word, in Locked.
        Claim = 0,
        /// New evidence that shows the register.
        Evidence = 1,
    }

    /// Who shows evidence first (hello 6).
    Order = "an order of evidence" {
        /// Both at once.
        Both = 0,
        /// The client, then the server.
        ClientFirst = 1,
        /// The server, then the client.
        ServerFirst = 2,
    }

    /// Who pushes a recovery (recover-claims 2).
    RecoverySource = "a source of recovery" {
        /// An operator, with the keys.
        Operator = 1,
        /// A custodian, with a share.
        Custodian = 2,
    }

    /// Which secret was split (share 1).
    SecretKind = "a kind of secret" {
        /// The master secret.
        Master = 1,
        /// The identity root.
        Identity = 2,
        /// The data root.
        Data = 3,
    }

    /// Where a rotation stands (section 10).
    TransitionPhase = "a phase of a transition" {
        /// Seats hold both epochs.
        Begin = 1,
        /// New certificates and secrets come from the new epoch.
        Commit = 2,
        /// The old epoch is forgotten.
        Retire = 3,
        /// The new epoch is forgotten.
        Abort = 4,
    }

    /// What a voucher is good for (voucher 9).
    VoucherUse = "a use of a voucher" {
        /// To join.
        Join = 0,
        /// To put a new machine in a node's place.
        Replace = 1,
        /// To wipe a foreign disk.
        Wipe = 2,
    }
}

/// What a rule demands of a lock (rule 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third demand")]
pub enum LeastLock {
    /// Any class will do. Written as 0, never left out.
    Any,
    /// This class, or a later one.
    Class(LockClass),
}

impl Field for LeastLock {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Any => 0_u8.encode(encoder),
            Self::Class(class) => class.encode(encoder),
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut ahead = decoder.clone();
        if u8::decode(field, &mut ahead)? == 0 {
            *decoder = ahead;
            return Ok(Self::Any);
        }
        LockClass::decode(field, decoder).map(Self::Class)
    }
}

/// Whether a node is locked, by what, and to which cluster (rule lock).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "locked or not")]
pub enum LockState {
    /// Not locked.
    Open,
    /// Locked for the rest of this boot.
    Locked {
        /// What holds the lock.
        class: LockClass,
        /// To whom.
        cluster: ClusterId,
    },
}

impl Record for LockState {
    const RULE: &'static str = "lock";
    const TAG: Option<u64> = None;

    fn pairs(&self) -> usize {
        match self {
            Self::Open => 1,
            Self::Locked { .. } => 2,
        }
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Open => drop(encoder.uint(0).uint(0)),
            Self::Locked { class, cluster } => {
                class.encode(encoder.uint(0));
                cluster.encode(encoder.uint(1));
            }
        }
    }

    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        match Slot::read("class", 0, fields)? {
            LeastLock::Any => absent("cluster", 1, fields).map(|()| Self::Open),
            LeastLock::Class(class) => Ok(Self::Locked { class, cluster: Slot::read("cluster", 1, fields)? }),
        }
    }
}

/// What one set may do in another's place (replace 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Uses(u8);

impl Uses {
    /// Open the disk of a node that was enrolled with the other set.
    pub const DISK: Self = Self(1);
    /// Take a seat's place.
    pub const SEAT: Self = Self(2);
    /// Receive the roots of live epochs.
    pub const ROOTS: Self = Self(4);

    /// All of these.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Field for Uses {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.0.encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        match u8::decode(field, decoder)? {
            bits @ 1..=7 => Ok(Self(bits)),
            _ => Err(here.malformed(field, Problem::Type("one or more of the uses 1, 2 and 4"))),
        }
    }
}

impl Field for SameNodeClass {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.number().encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        Self::from_number(u8::decode(field, decoder)?)
            .ok_or_else(|| here.malformed(field, Problem::Type("a class of same-node proof")))
    }
}
