//! Why a statement is not believed, or somebody not let in.

use attest_core::UnixTime;

use crate::error::Code;
use crate::ids::{ClusterId, KeyEpoch, KeyId, ReferenceSetId, StatementHash};
use crate::peer::SameNodeClass;
use crate::wire::Error;

/// Why a statement is not believed, or somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The payload is no statement.
    #[error(transparent)]
    Wire(#[from] Error),
    /// A statement of another kind than the one that is due here.
    #[error("expected a {expected}, got a {actual}")]
    Kind {
        /// The kind that is due.
        expected: &'static str,
        /// The kind that came.
        actual: &'static str,
    },
    /// A statement about another cluster.
    #[error("expected a statement about {expected}, got one about {actual}")]
    OtherCluster {
        /// This cluster.
        expected: ClusterId,
        /// The cluster that it names.
        actual: ClusterId,
    },
    /// A signature in the name of a key that may sign, which is not that key's.
    #[error("the signature of {key} does not hold")]
    Signature {
        /// The key.
        key: KeyId,
    },
    /// A key that must sign, and did not.
    #[error("{key} must sign and did not")]
    NotSigned {
        /// The key.
        key: KeyId,
    },
    /// A key that is not one of those that may sign.
    #[error("{key} is not one of the keys that may sign")]
    Stranger {
        /// The key.
        key: KeyId,
    },
    /// Too few keys signed.
    #[error("{needed} operators must sign, {actual} did")]
    Threshold {
        /// How many must.
        needed: usize,
        /// How many did, each counted once.
        actual: usize,
    },
    /// A content that makes no sense.
    #[error("{field}: {problem}")]
    Content {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number that does not follow the one that is held.
    #[error("{what}: expected {expected}, got {actual}")]
    Sequence {
        /// Which number.
        what: &'static str,
        /// The one that is due.
        expected: u32,
        /// The one that came.
        actual: u32,
    },
    /// A statement that is older than what is held, and too old to compare.
    #[error("{what} {actual} is old, {held} is held")]
    Old {
        /// Which number.
        what: &'static str,
        /// The newest that is held.
        held: u32,
        /// The one that came.
        actual: u32,
    },
    /// Two statements with one number: somebody with authority signed both.
    #[error("{what} {number}: {held} is held, {shown} was shown")]
    Forked {
        /// Which number.
        what: &'static str,
        /// The number.
        number: u32,
        /// Hash of the statement that is held, or that the new one should follow.
        held: StatementHash,
        /// Hash of the one that came, or that it says to follow.
        shown: StatementHash,
    },
    /// The clock stands before a time that is known to have been.
    #[error("the clock says {now:?}, and it is past {floor:?}")]
    Clock {
        /// A time that has been.
        floor: UnixTime,
        /// What the clock says.
        now: UnixTime,
    },
    /// No policy is held, so nobody is let in.
    #[error("no policy is held")]
    NoPolicy,
    /// The policy is past its time, so nobody is let in.
    #[error("the policy ended at {not_after:?}")]
    PolicyEnded {
        /// Its end.
        not_after: UnixTime,
    },
    /// No rule gives a role.
    #[error("no rule matches")]
    NoRule,
    /// A rule would match with a voucher or a token.
    #[error("rule {rule} needs a voucher or a token")]
    VoucherNeeded {
        /// The first such rule.
        rule: u16,
    },
    /// A voucher that is not for this machine, use or time.
    #[error("the voucher's {field} does not fit")]
    Voucher {
        /// What does not fit.
        field: &'static str,
    },
    /// The rule gives a role, and nothing gives a name.
    #[error("rule {rule} gives no name")]
    NoName {
        /// The rule.
        rule: u16,
    },
    /// Revoked.
    #[error("this {what} is revoked, or cannot be told from one that is")]
    Revoked {
        /// A set, a node or a machine.
        what: &'static str,
    },
    /// Evidence by a set that may not take the place of the enrolled one.
    #[error("no rule lets an accepted set take the place of {enrolled}")]
    NotReplaceable {
        /// The set that the node was enrolled with.
        enrolled: ReferenceSetId,
    },
    /// The proof of the same node is weaker than the rule demands.
    #[error("same-node class {needed:?} is needed, {actual:?} was shown")]
    SameNodeClass {
        /// The least that the rule takes.
        needed: SameNodeClass,
        /// What was shown.
        actual: SameNodeClass,
    },
    /// A key epoch that is not the one that is due.
    #[error("expected key epoch {expected}, got {actual}")]
    KeyEpoch {
        /// The one that is due.
        expected: KeyEpoch,
        /// The one that came.
        actual: KeyEpoch,
    },
}

impl Fault {
    /// What the peer is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::Wire(_)
            | Self::Kind { .. }
            | Self::OtherCluster { .. }
            | Self::Signature { .. }
            | Self::NotSigned { .. }
            | Self::Stranger { .. }
            | Self::Threshold { .. }
            | Self::Content { .. } => Code::STATEMENT,
            Self::Old { .. } | Self::Forked { .. } => Code::FORKED,
            // What lies between was not shown: whoever is told fetches the chain first.
            Self::Sequence { .. } => Code::OLD_POLICY,
            Self::KeyEpoch { .. } => Code::KEY_EPOCH,
            // This side's own trouble: another peer may do better.
            Self::Clock { .. } => Code::INTERNAL,
            Self::NoPolicy => Code::NOT_INITIALISED,
            Self::PolicyEnded { .. } => Code::OLD_POLICY,
            Self::NoRule | Self::NoName { .. } => Code::NO_RULE,
            Self::VoucherNeeded { .. } | Self::Voucher { .. } => Code::VOUCHER,
            Self::Revoked { .. } => Code::NO_MEMBER,
            Self::NotReplaceable { .. } => Code::NO_MEMBER,
            Self::SameNodeClass { .. } => Code::SAME_NODE,
        }
    }
}
