//! Rules: from what was verified of a peer to its role and its name (section 7).

use attest_core::UnixTime;

use super::chain::PolicyChain;
use super::fault::Fault;
use super::names::{fill, is_dns_name};
use crate::ids::{MachineId, NodeId, ReferenceSetId, Role, TokenId, VoucherId};
use crate::peer::{Facts, SameNodeClass};
use crate::wire::{LeastLock, LockClass, Name, Rule, Voucher, VoucherMachine, VoucherUse};

/// A newcomer, as far as it is known: what was proven, and what it brings.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks must say all of it")]
pub struct Applicant<'a> {
    /// What was proven on its channel.
    pub facts: &'a Facts,
    /// What will hold its lock.
    pub lock: LockClass,
    /// A voucher that [`PolicyChain::voucher`] gave, unspent.
    pub voucher: Option<&'a Voucher>,
    /// The join token whose secret it proved. An id among the proven ones says only that a secret was known, not of what kind: the
    /// service names it once it has derived that secret as a token's.
    pub token: Option<TokenId>,
    /// A number that no node's name has had yet.
    pub sequence: u32,
}

/// What a newcomer gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Decision {
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: Name,
    /// Addresses for its certificate, from a voucher only.
    pub addresses: Vec<Name>,
    /// The rule that decided.
    pub rule: u16,
    /// The set that it is enrolled with: the first of the rule's that accepts it.
    pub set: ReferenceSetId,
    /// The voucher that is spent.
    pub voucher: Option<VoucherId>,
    /// The rule takes any machine: a finding.
    pub any_machine: bool,
    /// Nothing but the image holds the lock: a finding.
    pub lock_register_absent: bool,
}

/// Why a rule passes somebody over.
#[derive(PartialEq, Eq)]
enum Mismatch {
    /// It is for others.
    Others,
    /// A voucher or a token would do.
    NeedsVoucher,
}

impl PolicyChain {
    /// Role and name of a newcomer: the first rule that matches decides.
    ///
    /// # Errors
    /// [`Fault`]: nobody is let in without a policy that holds, and no revoked machine or one that cannot be told from it.
    pub fn decide(&self, applicant: &Applicant<'_>, now: UnixTime) -> Result<Decision, Fault> {
        let current = self.granting(now)?;
        let machine = applicant.facts.machine.as_ref();
        current.check_machine(machine)?;
        let mut needed = None;
        for rule in &current.policy.rules {
            let live =
                |set: &&ReferenceSetId| applicant.facts.sets.contains(set) && current.is_live(set, now);
            let Some(set) = rule.sets.iter().find(live) else {
                continue;
            };
            match matches(rule, applicant, now) {
                Ok(voucher) => return decision(rule, *set, voucher, applicant),
                Err(Mismatch::NeedsVoucher) => needed = needed.or(Some(rule.id)),
                Err(Mismatch::Others) => {}
            }
        }
        Err(needed.map_or(Fault::NoRule, |rule| Fault::VoucherNeeded { rule }))
    }

    /// The strongest class of same-node proof that was shown.
    pub(super) fn class_of(facts: &Facts) -> SameNodeClass {
        facts.same_node.iter().map(|proof| proof.class).max().unwrap_or(SameNodeClass::None)
    }

    /// Whether this node is out by name.
    pub fn is_cast_out(&self, node: &NodeId) -> bool {
        self.policy().is_some_and(|policy| policy.revoked.nodes.contains(node))
    }
}

impl super::chain::Current {
    /// A machine that hides its id could be any of those that are revoked, and its host decides whether it hides.
    pub(super) fn check_machine(&self, machine: Option<&MachineId>) -> Result<(), Fault> {
        let revoked = &self.policy.revoked.machines;
        match machine {
            Some(machine) if !revoked.contains(machine) => Ok(()),
            None if revoked.is_empty() => Ok(()),
            Some(_) | None => Err(Fault::Revoked { what: "machine" }),
        }
    }
}

fn matches<'a>(
    rule: &Rule,
    applicant: &Applicant<'a>,
    now: UnixTime,
) -> Result<Option<&'a Voucher>, Mismatch> {
    let machine = applicant.facts.machine.as_ref();
    let machine_fits =
        rule.machines.as_ref().is_none_or(|list| machine.is_some_and(|machine| list.contains(machine)));
    let lock_fits = match rule.lock {
        LeastLock::Any => true,
        LeastLock::Class(least) => applicant.lock >= least,
    };
    if !machine_fits || !lock_fits || PolicyChain::class_of(applicant.facts) < rule.same_node {
        return Err(Mismatch::Others);
    }
    let voucher = applicant.voucher.filter(|voucher| {
        voucher.usage == VoucherUse::Join
            && voucher.role == rule.role
            && voucher.not_before <= now
            && now < voucher.not_after
            && match voucher.machine {
                VoucherMachine::Any => true,
                VoucherMachine::One(one) => machine == Some(&one),
            }
    });
    let voucher_fits = rule.voucher != Some(true) || voucher.is_some();
    let token_fits = rule.token != Some(true) || applicant.has_token(rule.role, now);
    match voucher_fits && token_fits {
        true => Ok(voucher),
        false => Err(Mismatch::NeedsVoucher),
    }
}

impl Applicant<'_> {
    /// Whether it proved a token for this role that has not expired: u32 expiry, u8 role, 11 random bytes (section 2).
    fn has_token(&self, role: Role, now: UnixTime) -> bool {
        self.token.is_some_and(|token| {
            let [a, b, c, d, number, ..] = *token.as_bytes();
            self.facts.macs.contains(token.as_bytes())
                && now.as_secs() < u64::from(u32::from_be_bytes([a, b, c, d]))
                && number == role.number()
        })
    }
}

fn decision(
    rule: &Rule,
    set: ReferenceSetId,
    voucher: Option<&Voucher>,
    applicant: &Applicant<'_>,
) -> Result<Decision, Fault> {
    let named = voucher.and_then(|voucher| voucher.name.clone()).filter(|name| is_dns_name(name.as_str()));
    let filled = || {
        rule.name
            .as_ref()
            .and_then(|pattern| fill(pattern, applicant.facts.machine.as_ref(), applicant.sequence))
    };
    Ok(Decision {
        role: rule.role,
        name: named.or_else(filled).ok_or(Fault::NoName { rule: rule.id })?,
        addresses: voucher.map(|voucher| voucher.addresses.to_vec()).unwrap_or_default(),
        rule: rule.id,
        set,
        voucher: voucher.map(|voucher| voucher.id),
        any_machine: rule.machines.is_none()
            && voucher.is_none_or(|voucher| voucher.machine == VoucherMachine::Any),
        lock_register_absent: applicant.lock == LockClass::Software,
    })
}
