//! Statements: what operators sign (section 8). Shapes only; who may sign them, [`crate::authority`] says.

use attest_core::UnixTime;
use attest_core::cbor::{Decoder, Encoder};
use attest_core::error::Malformed;

use super::error::Error;
use super::field::{Field, List, Record, kind, whole, written};
use super::identity::{Authority, Genesis};
use super::number::{Bounded, LeastLock, TransitionPhase, Uses, VoucherUse};
use super::record::record;
use super::string::{CaKey, Kind, Name, NamePattern, SetRules, StatementPayload};
use crate::ids::SameNodeClass;
use crate::ids::{ClusterId, KeyEpoch, MachineId, NodeId, ReferenceSetId, Role, StatementHash, VoucherId};
use crate::keys::CheckValue;

/// What operators say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a statement that is not known is refused")]
pub enum Statement {
    /// 1: who is accepted, as what.
    Policy(PolicyStatement),
    /// 2: one node more, once.
    Voucher(Voucher),
    /// 3: another epoch of keys.
    Transition(Transition),
    /// 4: who is left after a loss.
    Rescue(Rescue),
}

record! {
    /// Everything about a cluster that may change.
    pub struct PolicyStatement = "policy" [1] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// The policy epoch: 1 for the first, one more each time.
        2 => epoch: u32,
        /// The hash of the policy before; for the first, the cluster id.
        3 => previous: StatementHash,
        /// It holds from here on.
        4 => not_before: UnixTime,
        /// Services grant nothing by it from here on.
        5 => not_after: UnixTime,
        /// Who may sign the next one.
        6 => authority: Authority,
        /// What is accepted.
        7 => sets: List<ReferenceSet, 1, 64>,
        /// What may take the place of what.
        8 => replacements: List<Replacement, 0, 64>,
        /// Who gets which role.
        9 => rules: List<Rule, 1, 64>,
        /// Who is out.
        10 => revoked: Revoked,
        /// How long things hold.
        11 => limits: Limits,
    }
}

record! {
    /// A set of reference values.
    pub struct ReferenceSet = "refset" {
        /// Its id.
        0 => id: ReferenceSetId,
        /// The kind of evidence that it is for.
        1 => kind: Kind,
        /// What it demands: an attest-core policy as JSON.
        2 => rules: SetRules,
        /// It accepts nothing from here on.
        3 => not_after: UnixTime,
        /// A lower one never takes the place of a higher one.
        4 => security_version: u32,
        /// Roles that a machine of this set may have.
        5 => roles: List<Role, 1, 2>,
    }
}

record! {
    /// Which sets may take the place of which.
    pub struct Replacement = "replace" {
        /// Those before.
        0 => from: List<ReferenceSetId, 1, 16>,
        /// Those after.
        1 => to: List<ReferenceSetId, 1, 16>,
        /// For what.
        2 => uses: Uses,
        /// Until when.
        3 => not_after: UnixTime,
    }
}

record! {
    /// Who gets which role. The first rule that matches decides.
    pub struct Rule = "rule" {
        /// Its number, for reports.
        0 => id: u16,
        /// The role.
        1 => role: Role,
        /// Sets that it is for.
        2 => sets: List<ReferenceSetId, 1, 16>,
        /// The least class of same-node proof.
        3 => same_node: SameNodeClass,
        /// Machines that it is for; left out, any machine, which is a finding.
        4 => machines: Option<List<MachineId, 1, 4096>>,
        /// How a node is named.
        5 => name: Option<NamePattern>,
        /// Whether a voucher is needed.
        6 => voucher: Option<bool>,
        /// Whether a token is needed.
        7 => token: Option<bool>,
        /// The least class of lock.
        8 => lock: LeastLock,
    }
}

record! {
    /// Who is out.
    pub struct Revoked = "revoked" {
        /// Sets.
        0 => sets: List<ReferenceSetId, 0, 256>,
        /// Nodes.
        1 => nodes: List<NodeId, 0, 4096>,
        /// Machines.
        2 => machines: List<MachineId, 0, 4096>,
        /// Whether open channels are judged again at once.
        3 => urgent: bool,
    }
}

record! {
    /// How long things hold.
    pub struct Limits = "limits" {
        /// Life of a node certificate, in seconds.
        0 => certificate: Bounded<1, 604_800>,
        /// Age of a policy, in seconds, past which services grant nothing.
        1 => policy: Bounded<1, 604_800>,
        /// Life of evidence, in lives of a certificate.
        2 => evidence: Bounded<1, 64>,
    }
}

record! {
    /// Lets one node in, once.
    pub struct Voucher = "voucher" [2] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// Its id, spent when it is used.
        2 => id: VoucherId,
        /// The machine that it is for.
        3 => machine: VoucherMachine,
        /// The role.
        4 => role: Role,
        /// The name.
        5 => name: Option<Name>,
        /// Addresses for the certificate.
        6 => addresses: List<Name, 0, 8>,
        /// From when.
        7 => not_before: UnixTime,
        /// Until when.
        8 => not_after: UnixTime,
        /// For what.
        9 => usage: VoucherUse,
        /// For a replacement, the node whose place is taken.
        10 => node: Option<NodeId>,
    }
}

/// The machine that a voucher is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one machine or any")]
pub enum VoucherMachine {
    /// Any machine: written as null, never left out.
    Any,
    /// This one.
    One(MachineId),
}

record! {
    /// Leads from one epoch of keys to another (section 10).
    pub struct Transition = "transition" [3] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// One more each time.
        2 => counter: u32,
        /// The epoch before.
        3 => from: KeyEpoch,
        /// The epoch after.
        4 => to: KeyEpoch,
        /// Where it stands.
        5 => phase: TransitionPhase,
        /// The CA's key of the epoch after.
        6 => ca: Option<CaKey>,
        /// The check of the data root of the epoch after.
        7 => data_check: Option<CheckValue>,
    }
}

record! {
    /// Says who is left after a loss (section 9).
    pub struct Rescue = "rescue" [4] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// The recovery epoch: one more each time.
        2 => epoch: u32,
        /// The hash of the rescue before; for the first, the cluster id.
        3 => previous: StatementHash,
        /// Nodes that are kept.
        4 => kept: List<NodeId, 1, 64>,
        /// Nodes that are cast out.
        5 => cast_out: List<NodeId, 0, 64>,
    }
}

impl Statement {
    /// The payload that is signed and hashed.
    ///
    /// # Errors
    /// [`Error::Count`] if it is longer than a payload may be.
    pub fn to_payload(&self) -> Result<StatementPayload, Error> {
        StatementPayload::new(written(self))
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Error`] unless it is one map of the rule and nothing else.
    pub fn from_payload(payload: &StatementPayload) -> Result<Self, Error> {
        Ok(whole("statement", payload.as_bytes(), StatementPayload::MAX)?)
    }
}

impl Field for Statement {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Policy(policy) => policy.encode(encoder),
            Self::Voucher(voucher) => voucher.encode(encoder),
            Self::Transition(transition) => transition.encode(encoder),
            Self::Rescue(rescue) => rescue.encode(encoder),
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.fields(field, |fields| {
            let (kind, unknown) = kind(fields, "a statement of a kind that is not known")?;
            Ok(match kind {
                1 => Self::Policy(Record::read(fields)?),
                2 => Self::Voucher(Record::read(fields)?),
                3 => Self::Transition(Record::read(fields)?),
                4 => Self::Rescue(Record::read(fields)?),
                _ => return Err(unknown),
            })
        })
    }
}

impl Field for VoucherMachine {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Any => drop(encoder.null()),
            Self::One(machine) => machine.encode(encoder),
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match decoder.null(field)? {
            true => Ok(Self::Any),
            false => MachineId::decode(field, decoder).map(Self::One),
        }
    }
}

impl PolicyStatement {
    /// The first policy of a cluster, by the authority of its genesis and from its creation on: machines of one set may be workers. Nobody
    /// is out, and nothing takes the place of anything. Other decisions are fields.
    ///
    /// # Errors
    /// [`Error::Count`], which one set and one rule never give.
    pub fn first(
        genesis: &Genesis,
        cluster: ClusterId,
        not_after: UnixTime,
        set: ReferenceSet,
    ) -> Result<Self, Error> {
        let rules = List::new(vec![Rule::workers(1, vec![set.id])?])?;
        Ok(Self {
            cluster,
            epoch: 1,
            previous: StatementHash::new(*cluster.as_bytes()),
            not_before: genesis.created,
            not_after,
            authority: genesis.authority.clone(),
            sets: List::new(vec![set])?,
            replacements: List::default(),
            rules,
            revoked: Revoked::default(),
            limits: Limits::default(),
        })
    }
}

impl Rule {
    /// Workers of these sets, on any machine (a finding), named by number. Same-node proof of class 1, and any lock.
    ///
    /// # Errors
    /// [`Error::Count`] for no set, or more than 16.
    pub fn workers(id: u16, sets: Vec<ReferenceSetId>) -> Result<Self, Error> {
        Ok(Self {
            id,
            role: Role::Worker,
            sets: List::new(sets)?,
            same_node: SameNodeClass::Platform,
            machines: None,
            name: Some(NamePattern::new("worker-{seq}")?),
            voucher: None,
            token: None,
            lock: LeastLock::Any,
        })
    }

    /// Seats of these sets, on these machines only, named by their machine. Same-node proof of class 2, and any lock.
    ///
    /// # Errors
    /// [`Error::Count`] for no set or more than 16, no machine or more than 4,096.
    pub fn seats(id: u16, sets: Vec<ReferenceSetId>, machines: Vec<MachineId>) -> Result<Self, Error> {
        Ok(Self {
            role: Role::Seat,
            same_node: SameNodeClass::SnpKey,
            machines: Some(List::new(machines)?),
            name: Some(NamePattern::new("seat-{machine8}")?),
            ..Self::workers(id, sets)?
        })
    }
}

impl Default for Revoked {
    /// Nobody.
    fn default() -> Self {
        Self { sets: List::default(), nodes: List::default(), machines: List::default(), urgent: false }
    }
}

impl Default for Limits {
    /// Certificates of a day, policies of a week, evidence as old as one certificate (section 8).
    fn default() -> Self {
        Self {
            certificate: Bounded::clamped(86_400),
            policy: Bounded::clamped(604_800),
            evidence: Bounded::clamped(1),
        }
    }
}
