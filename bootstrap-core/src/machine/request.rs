//! What a join service is asked, and what it plans to do about it: the guards of S0 (protocol section 5, table `join_service`).

use crate::error::Code;
use crate::ids::{BootId, NodeId, Role, VoucherId};
use crate::peer::{Peer, SameNodeClass};
use crate::time::{Deadline, Instant, Timer};

use super::facts::{Claims, JoinClaims, PolicyTip, RejoinClaims, RenewClaims};
use super::guard::{Guard, removed};
use super::join_service::ServiceConfig;
use super::message::Flow;
use super::rules::{Decision, Rules};
use super::store::{Audit, Entry, Standing, Transaction, Version, View};

/// A peer, with what it asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) peer: Peer,
    boot: BootId,
    asked: Asked,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Join(JoinClaims),
    Rejoin(RejoinClaims),
    Renew(RenewClaims),
}

/// What will be offered and granted, once decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Plan {
    pub(super) flow: Flow,
    /// As it is to stand in the store; `standing` as it stands there now, or will by the reservation.
    pub(super) entry: Entry,
    /// Whether the reservation is new.
    pub(super) reserve: bool,
    pub(super) version: Version,
    pub(super) generation: u32,
    pub(super) boot: BootId,
    pub(super) csr: Vec<u8>,
    pub(super) held: Option<PolicyTip>,
    pub(super) policy: PolicyTip,
    pub(super) least_lock: u8,
    pub(super) voucher: Option<VoucherId>,
    pub(super) provisional: bool,
}

impl Request {
    pub(super) fn of(peer: Peer, claims: Claims) -> Result<Self, (Code, &'static str)> {
        let asked = match claims {
            Claims::Join(claims) => Asked::Join(claims),
            Claims::Rejoin(claims) => Asked::Rejoin(claims),
            Claims::Renew(claims) => Asked::Renew(claims),
            Claims::Init(_)
            | Claims::Node(_)
            | Claims::Service(_)
            | Claims::Recover(_)
            | Claims::Author(_) => {
                return Err((Code::NOT_SERVED, "S0: join, rejoin or renew"));
            }
        };
        if !peer.facts().is_attested() && !matches!(asked, Asked::Renew(_)) {
            return Err((Code::UNTRUSTED, "S0: evidence was accepted"));
        }
        let boot = peer.facts().boot.ok_or((Code::WRONG_VALUE, "S0: the claims name the boot"))?;
        Ok(Self { peer, boot, asked })
    }

    const fn flow(&self) -> Flow {
        match &self.asked {
            Asked::Join(_) => Flow::Join,
            Asked::Rejoin(_) => Flow::Rejoin,
            Asked::Renew(_) => Flow::Renew,
        }
    }

    const fn node(&self) -> Option<NodeId> {
        match &self.asked {
            Asked::Join(claims) => claims.node,
            Asked::Rejoin(claims) => Some(claims.node),
            Asked::Renew(claims) => Some(claims.node),
        }
    }

    fn voucher(&self) -> Option<VoucherId> {
        match &self.asked {
            Asked::Join(claims) => claims.voucher.as_ref().map(|voucher| voucher.id),
            Asked::Rejoin(_) | Asked::Renew(_) => None,
        }
    }

    pub(super) fn look(&self) -> Transaction {
        let facts = self.peer.facts();
        Transaction::Look { same_node: facts.same_node.clone(), node: self.node(), voucher: self.voucher() }
    }

    pub(super) fn audit(&self, code: Code, policy: PolicyTip) -> Audit {
        Audit {
            flow: self.flow(),
            node: self.node(),
            machine: self.peer.facts().machine,
            boot: Some(self.boot),
            code,
            policy: policy.epoch,
        }
    }

    /// The guards of S0, all of them: a plan, or the code of the first that does not hold.
    pub(super) fn plan(
        &self,
        view: &View,
        rules: &dyn Rules,
        config: &ServiceConfig,
        now: Instant,
    ) -> Result<Plan, (Code, &'static str)> {
        match &self.asked {
            Asked::Join(claims) => self.plan_join(claims, view, rules, config, now),
            Asked::Rejoin(claims) => self.plan_rejoin(claims, view, rules, config),
            Asked::Renew(claims) => self.plan_renew(claims, view, rules),
        }
    }

    fn plan_join(
        &self,
        claims: &JoinClaims,
        view: &View,
        rules: &dyn Rules,
        config: &ServiceConfig,
        now: Instant,
    ) -> Result<Plan, (Code, &'static str)> {
        if !view.quorum {
            return Err((Code::NO_QUORUM, "S0: the store has quorum"));
        }
        let enrolled = claims.enrol.class == SameNodeClass::None || self.peer.proved_same_node(&claims.enrol);
        if !enrolled && !removed(Guard::ServiceSameNode) {
            return Err((Code::SAME_NODE, "S0: what is enrolled was proven here"));
        }
        if let Some(entry) = &view.entry {
            if let Some(plan) = self.resume(claims, entry, view, rules, now)? {
                return Ok(plan);
            }
        } else if claims.node.is_some() {
            return Err((Code::NO_MEMBER, "S0: the node that is resumed is known"));
        }
        let decision =
            rules.admit(&self.peer, claims, view).map_err(|code| (code, "S0: a rule gives role and name"))?;
        if decision.voucher.is_some() && (decision.voucher != self.voucher() || view.voucher_spent) {
            return Err((Code::VOUCHER, "S0: the voucher that is shown is not spent"));
        }
        if decision.role == Role::Seat && view.pending_seat.is_some_and(|(_, until)| now < until) {
            return Err((Code::SEAT_TAKEN, "S0: one new seat at a time"));
        }
        let until = Deadline::start(Timer::SeatReservation, now).at;
        let entry = Entry {
            node: view.entry.as_ref().map_or(config.fresh, |entry| entry.node),
            role: decision.role,
            name: decision.name.clone(),
            same_node: claims.enrol.clone(),
            machine: self.peer.facts().machine,
            set: decision.set,
            disk: claims.disk,
            standing: Standing::Reserved(self.boot, until),
            confirmed: (0, None),
        };
        Ok(Plan { reserve: true, ..self.planned(entry, 1, &decision, view, rules, &claims.csr, None) })
    }

    /// S0, a join that goes on: `None` if there is nothing to go on with.
    fn resume(
        &self,
        claims: &JoinClaims,
        entry: &Entry,
        view: &View,
        rules: &dyn Rules,
        now: Instant,
    ) -> Result<Option<Plan>, (Code, &'static str)> {
        let same_node = self.peer.proved_same_node(&entry.same_node) || removed(Guard::ServiceSameNode);
        if !same_node || claims.node.is_some_and(|node| node != entry.node) {
            return Err((Code::SAME_NODE, "S0: resumed by the node that was reserved or granted"));
        }
        let (boot, generation) = match entry.standing {
            Standing::CastOut => return Err((Code::NO_MEMBER, "S0: not cast out")),
            // A member whose disk is blank has lost it, or its host hides it: a voucher must say which.
            Standing::Confirmed => return Err((Code::GENERATION, "S0: a member comes back by its disk")),
            Standing::Reserved(_, until) if now >= until => return Ok(None),
            Standing::Reserved(boot, _) => (boot, 1),
            Standing::Granted(generation, boot) => (boot, generation),
        };
        if entry.confirmed.0 > 0 {
            return Err((Code::GENERATION, "S0: a member comes back by its disk"));
        }
        let strong = entry.same_node.class > SameNodeClass::Platform;
        if !strong && boot != self.boot && !removed(Guard::ServiceBoot) {
            return Err((Code::SAME_NODE, "S0: resumed in the same boot, below class 2"));
        }
        let decision =
            rules.readmit(&self.peer, entry).map_err(|code| (code, "S0: a rule still takes it"))?;
        let entry = Entry { disk: claims.disk, ..entry.clone() };
        Ok(Some(self.planned(entry, generation, &decision, view, rules, &claims.csr, None)))
    }

    fn plan_rejoin(
        &self,
        claims: &RejoinClaims,
        view: &View,
        rules: &dyn Rules,
        config: &ServiceConfig,
    ) -> Result<Plan, (Code, &'static str)> {
        let entry = self.member(claims.node, view)?;
        if !self.peer.proved_same_node(&entry.same_node) && !removed(Guard::ServiceSameNode) {
            return Err((Code::SAME_NODE, "S0: the same node as enrolled"));
        }
        if claims.disk != entry.disk {
            return Err((Code::SAME_NODE, "S0: the disk of that node"));
        }
        let enrol = claims.enrol.as_ref();
        if enrol.is_some_and(|enrol| !self.peer.proved_same_node(enrol)) {
            return Err((Code::SAME_NODE, "S0: what is enrolled anew was proven here"));
        }
        let provisional = !view.quorum;
        if provisional && (entry.role != Role::Seat || !config.up) {
            return Err((Code::NO_QUORUM, "S0: the store has quorum, or the caller is a seat and I am up"));
        }
        let decision =
            rules.readmit(&self.peer, entry).map_err(|code| (code, "S0: set allowed or replaced, class"))?;
        let generation = match entry.standing {
            Standing::Granted(generation, _) => generation,
            _ => entry.confirmed.0.checked_add(1).ok_or((Code::GENERATION, "S0: a generation is left"))?,
        };
        let entry = Entry {
            same_node: enrol.cloned().unwrap_or_else(|| entry.same_node.clone()),
            set: decision.set,
            ..entry.clone()
        };
        let plan = self.planned(entry, generation, &decision, view, rules, &claims.csr, None);
        Ok(Plan { provisional, ..plan })
    }

    fn plan_renew(
        &self,
        claims: &RenewClaims,
        view: &View,
        rules: &dyn Rules,
    ) -> Result<Plan, (Code, &'static str)> {
        let certified = self.peer.facts().member.as_ref();
        if certified.is_none_or(|member| member.node != claims.node) {
            return Err((Code::NO_MEMBER, "S0: a certificate of the node that asks"));
        }
        if !view.quorum {
            return Err((Code::NO_QUORUM, "S0: the store has quorum"));
        }
        let entry = self.member(claims.node, view)?;
        let mine = rules.tip();
        if claims.policy.epoch > mine.epoch {
            return Err((Code::OLD_POLICY, "S0: my policy is no older than the caller's"));
        }
        if claims.policy.epoch == mine.epoch && claims.policy != mine {
            return Err((Code::FORKED, "S0: one policy of each epoch"));
        }
        let expected = match entry.standing {
            Standing::Granted(generation, boot) => (generation, Some(boot)),
            _ => entry.confirmed,
        };
        if expected != (claims.generation, Some(self.boot)) && !removed(Guard::ServiceBoot) {
            return Err((Code::GENERATION, "S0: generation and boot as confirmed, or as granted"));
        }
        let decision = rules.renew(&self.peer, entry).map_err(|code| (code, "S0: may renew"))?;
        let held = Some(claims.policy);
        Ok(self.planned(entry.clone(), claims.generation, &decision, view, rules, &claims.csr, held))
    }

    fn member<'v>(&self, node: NodeId, view: &'v View) -> Result<&'v Entry, (Code, &'static str)> {
        view.entry
            .as_ref()
            .filter(|entry| entry.node == node)
            .filter(|entry| !matches!(entry.standing, Standing::CastOut | Standing::Reserved(..)))
            .ok_or((Code::NO_MEMBER, "S0: a member, not cast out"))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a plan, once")]
    fn planned(
        &self,
        entry: Entry,
        generation: u32,
        decision: &Decision,
        view: &View,
        rules: &dyn Rules,
        csr: &[u8],
        held: Option<PolicyTip>,
    ) -> Plan {
        Plan {
            flow: self.flow(),
            entry,
            reserve: false,
            version: view.version,
            generation,
            boot: self.boot,
            csr: csr.to_vec(),
            held,
            policy: rules.tip(),
            least_lock: decision.least_lock,
            voucher: decision.voucher,
            provisional: false,
        }
    }
}

impl Plan {
    /// The receiver's entry, once granted.
    pub(super) fn granted_entry(&self) -> Entry {
        Entry { standing: Standing::Granted(self.generation, self.boot), ..self.entry.clone() }
    }

    pub(super) fn confirmation(&self) -> Transaction {
        Transaction::Confirm {
            expect: self.version,
            node: self.entry.node,
            generation: self.generation,
            boot: self.boot,
        }
    }

    pub(super) fn audit(&self, code: Code) -> Audit {
        Audit {
            flow: self.flow,
            node: Some(self.entry.node),
            machine: self.entry.machine,
            boot: Some(self.boot),
            code,
            policy: self.policy.epoch,
        }
    }
}
