//! What went wrong, for two readers: the host gets the typed error, the peer a code.

use core::fmt;

/// A refusal code of protocol section 4: all that a peer is ever told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u8);

/// What the one who got a refusal can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// A person must mend something first.
    Fix,
    /// Ask another peer.
    Peer,
    /// Ask here again, after the hint.
    Retry,
    /// Ask here again, or another peer.
    RetryOrPeer,
    /// Over until this machine boots again.
    Boot,
}

impl Code {
    /// Not a refusal.
    pub const ACCEPTED: Self = Self(0);
    /// 10: malformed.
    pub const MALFORMED: Self = Self(10);
    /// 11: too large.
    pub const TOO_LARGE: Self = Self(11);
    /// 12: wrong type or value.
    pub const WRONG_VALUE: Self = Self(12);
    /// 13: unknown critical field.
    pub const UNKNOWN_CRITICAL: Self = Self(13);
    /// 14: no common version.
    pub const NO_COMMON_VERSION: Self = Self(14);
    /// 15: flow not served here.
    pub const NOT_SERVED: Self = Self(15);
    /// 16: out of order.
    pub const OUT_OF_ORDER: Self = Self(16);
    /// 17: timeout.
    pub const TIMEOUT: Self = Self(17);
    /// 18: transcript differs.
    pub const TRANSCRIPT: Self = Self(18);
    /// 20: evidence kind not accepted.
    pub const KIND: Self = Self(20);
    /// 21: not bound to this channel.
    pub const NOT_BOUND: Self = Self(21);
    /// 22: evidence untrusted.
    pub const UNTRUSTED: Self = Self(22);
    /// 23: policy refused.
    pub const POLICY: Self = Self(23);
    /// 24: collateral missing.
    pub const COLLATERAL: Self = Self(24);
    /// 25: not whom I expected.
    pub const NOT_EXPECTED: Self = Self(25);
    /// 26: lock state wrong.
    pub const LOCK_STATE: Self = Self(26);
    /// 27: configuration digest.
    pub const CONFIGURATION: Self = Self(27);
    /// 28: key or mac proof failed.
    pub const KEY_PROOF: Self = Self(28);
    /// 30: no rule matches.
    pub const NO_RULE: Self = Self(30);
    /// 31: CSR refused.
    pub const CSR: Self = Self(31);
    /// 32: voucher or token missing or used.
    pub const VOUCHER: Self = Self(32);
    /// 33: no member, cast out or revoked.
    pub const NO_MEMBER: Self = Self(33);
    /// 34: same-node proof failed.
    pub const SAME_NODE: Self = Self(34);
    /// 35: generation: rollback or clone.
    pub const GENERATION: Self = Self(35);
    /// 36: key epoch unknown.
    pub const KEY_EPOCH: Self = Self(36);
    /// 37: statement invalid.
    pub const STATEMENT: Self = Self(37);
    /// 38: statement old or forked.
    pub const FORKED: Self = Self(38);
    /// 40: busy.
    pub const BUSY: Self = Self(40);
    /// 41: not initialised.
    pub const NOT_INITIALISED: Self = Self(41);
    /// 42: locked to another cluster.
    pub const LOCKED: Self = Self(42);
    /// 43: another attempt is bound.
    pub const OTHER_ATTEMPT: Self = Self(43);
    /// 44: my policy is old.
    pub const OLD_POLICY: Self = Self(44);
    /// 45: store without quorum.
    pub const NO_QUORUM: Self = Self(45);
    /// 46: shutting down.
    pub const SHUTTING_DOWN: Self = Self(46);
    /// 47: seat taken.
    pub const SEAT_TAKEN: Self = Self(47);
    /// 48: rate limit.
    pub const RATE: Self = Self(48);
    /// 50: wrong secret.
    pub const WRONG_SECRET: Self = Self(50);
    /// 51: share wrong.
    pub const SHARE_WRONG: Self = Self(51);
    /// 52: share of another set.
    pub const SHARE_FOREIGN: Self = Self(52);
    /// 53: already up.
    pub const ALREADY_UP: Self = Self(53);
    /// 54: peers live, not alone.
    pub const PEERS_LIVE: Self = Self(54);
    /// 55: floor not reached.
    pub const FLOOR: Self = Self(55);
    /// 60: internal.
    pub const INTERNAL: Self = Self(60);
    /// 61: driver failed.
    pub const DRIVER: Self = Self(61);

    /// The code with this number, also one that is not known here.
    pub const fn new(code: u8) -> Self {
        Self(code)
    }

    /// Its number on the wire.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether it is none.
    pub const fn is_accepted(self) -> bool {
        self.0 == 0
    }

    /// What can be done about it. A code that is not known here counts as its tens: what a peer of a later version says must not
    /// make this one give up or hammer.
    pub const fn class(self) -> Class {
        match self.0 {
            17 | 24 | 40 | 41 | 47 | 48 => Class::Retry,
            44 | 45 => Class::RetryOrPeer,
            15 | 25 | 36 | 46 | 60 => Class::Peer,
            26 | 42 => Class::Boot,
            49 => Class::Retry,
            62..=69 => Class::Peer,
            _ => Class::Fix,
        }
    }

    /// Its words in protocol section 4, if it is known here.
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "accepted",
            10 => "malformed",
            11 => "too large",
            12 => "wrong type or value",
            13 => "unknown critical field",
            14 => "no common version",
            15 => "flow not served here",
            16 => "out of order",
            17 => "timeout",
            18 => "transcript differs",
            20 => "evidence kind not accepted",
            21 => "not bound to this channel",
            22 => "evidence untrusted",
            23 => "policy refused",
            24 => "collateral missing",
            25 => "not whom I expected",
            26 => "lock state wrong",
            27 => "configuration digest",
            28 => "key or mac proof failed",
            30 => "no rule matches",
            31 => "CSR refused",
            32 => "voucher or token missing or used",
            33 => "no member, cast out or revoked",
            34 => "same-node proof failed",
            35 => "generation: rollback or clone",
            36 => "key epoch unknown",
            37 => "statement invalid",
            38 => "statement old or forked",
            40 => "busy",
            41 => "not initialised",
            42 => "locked to another cluster",
            43 => "another attempt is bound",
            44 => "my policy is old",
            45 => "store without quorum",
            46 => "shutting down",
            47 => "seat taken",
            48 => "rate limit",
            50 => "wrong secret",
            51 => "share wrong",
            52 => "share of another set",
            53 => "already up",
            54 => "peers live, not alone",
            55 => "floor not reached",
            60 => "internal",
            61 => "driver failed",
            _ => return None,
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{} ({meaning})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}
