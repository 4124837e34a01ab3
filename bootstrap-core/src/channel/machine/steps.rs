//! The rows of the table "Channel", one function for each kind of input.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Ended, Judgement, Machine, Output, Own, OwnHello, Round, State, Theirs};
use crate::channel::binding::{Binder, Binding, Hellos, Side, Transcript, finish_256};
use crate::channel::error::{Error, Misuse};
use crate::channel::evidence::{EvidenceRequest, OwnEvidence, read};
use crate::channel::guard::{self, holds};
use crate::channel::terms::Terms;
use crate::error::Code;
use crate::time::{Deadline, Instant, Timer};
use crate::wire::{Bounded, Expected, FrameKind, Hello, List, Order, Refusal, Verdict};

impl Machine {
    /// C0. The client speaks first; the server answers the flow that it asks for.
    pub(super) fn established(&mut self, now: Instant, out: &mut Vec<Output>) -> Result<(), Error> {
        if !matches!(self.state, State::Handshake) {
            return Ok(());
        }
        self.step = Some(Deadline::start(Timer::Hello, now));
        let own = match self.config.side {
            Side::Client => {
                self.terms = Some(0);
                Some(self.make_hello(true, out))
            }
            Side::Server => None,
        };
        self.state = State::Hellos(own);
        Ok(())
    }

    /// C1, or C5 if the peer wants new verdicts.
    pub(super) fn hello(
        &mut self,
        body: &[u8],
        now: Instant,
        binder: &impl Binder,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let own = match &self.state {
            State::Hellos(own) => own.clone(),
            State::Open => {
                self.open_by = Some(Deadline::start(Timer::Open, now));
                None
            }
            State::Handshake | State::Round(_) | State::Ended => {
                return Err(self.out_of_order(FrameKind::Hello));
            }
        };
        let hello = Hello::from_bytes(body)?;
        let common = hello.versions.iter().any(|version| self.config.versions.contains(version));
        if !holds(guard::VERSION, common) {
            return Err(Error::Version(hello.versions.to_vec()));
        }
        let terms = self.agree_on_flow(&hello)?.clone();
        check_expected(&hello.expects, &self.config.own)?;
        if let Some(missing) = terms.demand.unmet(hello.shows.iter(), true)
            && !holds(guard::SHOWS, false)
        {
            return Err(Error::Demand(missing));
        }
        let order = agree_on_order(terms.order, hello.order)?;
        let own = match own {
            Some(own) => own,
            None => self.make_hello(true, out),
        };
        let used = hello.nonce == own.nonce || self.last_nonce == Some(hello.nonce);
        if !holds(guard::FRESH_NONCE, !used) {
            return Err(Error::Nonce);
        }
        self.last_nonce = Some(hello.nonce);

        let side = self.config.side;
        let hellos = Hellos::new(side, &own.body, body);
        let export = |of| binder.export(of, &hellos).ok_or(Error::Exporter);
        let kinds = terms.shows.iter().filter(|kind| hello.accepts.contains(kind)).cloned().collect();
        let request = EvidenceRequest {
            flow: terms.flow,
            kinds,
            side,
            exported: export(side)?,
            own_key: binder.own_key(),
            peer_key: binder.peer_key(),
            hellos,
        };
        let first = match order {
            Order::Both => true,
            Order::ClientFirst => side == Side::Client,
            Order::ServerFirst => side == Side::Server,
        };
        self.step = Some(Deadline::start(Timer::Evidence, now));
        if first {
            out.push(Output::ProduceEvidence(request.clone()));
        }
        self.state = State::Round(Box::new(Round {
            hellos,
            ask: own.ask,
            peer_exported: export(side.other())?,
            request,
            own: if first { Own::Asked } else { Own::Held },
            peer: Theirs::Awaited,
            verdict_sent: false,
            verdict_received: false,
        }));
        Ok(())
    }

    /// C2: the host has made evidence.
    pub(super) fn own_evidence(
        &mut self,
        evidence: OwnEvidence,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<Result<(), Error>, Misuse> {
        let State::Round(round) = &mut self.state else { return Err(Misuse::NoEvidenceAsked) };
        if round.own != Own::Asked {
            return Err(Misuse::NoEvidenceAsked);
        }
        let body = evidence.into_body()?;
        round.own = Own::Sent(finish_256(Sha256::new_with_prefix(&body)));
        out.push(Output::Send(FrameKind::Evidence, body));
        self.proceed(now, out);
        Ok(Ok(()))
    }

    /// C2: the peer's evidence.
    pub(super) fn evidence(&mut self, body: &[u8], now: Instant, out: &mut Vec<Output>) -> Result<(), Error> {
        let out_of_order = self.out_of_order(FrameKind::Evidence);
        let Some(terms) = self.terms().cloned() else { return Err(out_of_order) };
        let State::Round(round) = &mut self.state else { return Err(out_of_order) };
        if round.peer != Theirs::Awaited {
            return Err(out_of_order);
        }
        let hash = finish_256(Sha256::new_with_prefix(body));
        let (own_key, peer_key) = (round.request.own_key, round.request.peer_key);
        let side = self.config.side.other();
        let binding =
            |claims: &[u8]| Binding::of(side, &round.peer_exported, peer_key, own_key, &round.hellos, claims);
        let request = read(body, &terms, side, round.ask, peer_key, binding)?;
        round.peer = match round.ask {
            true => {
                let claims = request.claims.clone();
                out.push(Output::Judge(request));
                Theirs::Judging { hash, claims }
            }
            // Nothing was asked for, so nothing vouches for these claims: the verdict that stands, stands.
            false => Theirs::Accepted { hash, claims: None },
        };
        self.proceed(now, out);
        Ok(())
    }

    /// C3.
    pub(super) fn judged(
        &mut self,
        judgement: Judgement,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<Result<(), Error>, Misuse> {
        let State::Round(round) = &mut self.state else { return Err(Misuse::NothingToJudge) };
        let Theirs::Judging { hash, claims } = &round.peer else { return Err(Misuse::NothingToJudge) };
        match judgement {
            Judgement::Accepted { peer, until } => {
                round.peer = Theirs::Accepted { hash: *hash, claims: Some(claims.clone()) };
                self.verdict = Some((peer, until));
                self.proceed(now, out);
                Ok(Ok(()))
            }
            Judgement::Rejected { code, retry_after } => {
                let transcript = transcript(self.config.side, round);
                let retry_after = retry_after.map(millis);
                let verdict = Verdict { code, transcript: *transcript.as_bytes(), retry_after };
                out.push(Output::Send(FrameKind::Verdict, verdict.to_bytes()));
                self.over(Ended::ByUs(Error::Rejected(code)), out);
                Ok(Ok(()))
            }
        }
    }

    /// C3, C4: the peer's verdict. One that accepts comes behind both evidences, so T is whole.
    pub(super) fn verdict_frame(
        &mut self,
        body: &[u8],
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let out_of_order = self.out_of_order(FrameKind::Verdict);
        let side = self.config.side;
        let State::Round(round) = &mut self.state else { return Err(out_of_order) };
        let verdict = Verdict::from_bytes(body)?;
        if !verdict.code.is_accepted() {
            let Verdict { code, retry_after, .. } = verdict;
            let refusal = Refusal { code, retry_after, policy_epoch: None };
            self.over(Ended::ByPeer(refusal), out);
            return Ok(());
        }
        let whole = matches!(round.own, Own::Sent(_)) && round.peer.hash().is_some();
        if !holds(guard::BOTH_SHOWN, whole) || round.verdict_received {
            return Err(out_of_order);
        }
        if !holds(guard::TRANSCRIPT, verdict.transcript == *transcript(side, round).as_bytes()) {
            return Err(Error::Transcript);
        }
        round.verdict_received = true;
        self.proceed(now, out);
        Ok(())
    }

    pub(super) fn refusal(&mut self, body: &[u8], out: &mut Vec<Output>) -> Result<(), Error> {
        let refusal = Refusal::from_bytes(body)?;
        self.over(Ended::ByPeer(refusal), out);
        Ok(())
    }

    /// C5.
    pub(super) fn message(&mut self, out: &mut Vec<Output>) -> Result<(), Error> {
        if !holds(guard::MESSAGE_WHEN_OPEN, self.takes_messages()) {
            return Err(self.out_of_order(FrameKind::Message));
        }
        out.push(Output::TakeMessage);
        Ok(())
    }

    /// What follows once something in the round has changed. The last step's timer starts when both ends have shown.
    fn proceed(&mut self, now: Instant, out: &mut Vec<Output>) {
        let making = self.step.is_some_and(|step| step.timer == Timer::Evidence);
        if let State::Round(round) = &self.state
            && matches!(round.own, Own::Sent(_))
            && round.peer != Theirs::Awaited
            && making
        {
            self.step = Some(Deadline::start(Timer::Verdict, now));
        }
        let side = self.config.side;
        let State::Round(round) = &mut self.state else { return };
        // The one who shows second does so only to a peer that it believes: chip ids are for friends.
        let Theirs::Accepted { claims, .. } = &round.peer else { return };
        if round.own == Own::Held {
            round.own = Own::Asked;
            out.push(Output::ProduceEvidence(round.request.clone()));
        }
        if !matches!(round.own, Own::Sent(_)) {
            return;
        }
        if !round.verdict_sent {
            let transcript = *transcript(side, round).as_bytes();
            let verdict = Verdict { code: Code::ACCEPTED, transcript, retry_after: None };
            out.push(Output::Send(FrameKind::Verdict, verdict.to_bytes()));
            round.verdict_sent = true;
        }
        let Some((peer, _)) = self.verdict.clone().filter(|_| round.verdict_received) else { return };
        let claims = claims.clone();
        let first = self.hellos == 1;
        self.state = State::Open;
        (self.open_by, self.step) = (None, None);
        out.push(match claims {
            Some(claims) if first => Output::Opened { peer, claims },
            claims => Output::Reopened { peer, claims },
        });
    }

    pub(super) fn terms(&self) -> Option<&Terms> {
        self.config.terms.get(self.terms?)
    }

    /// The terms of the flow that both ends speak of.
    fn agree_on_flow(&mut self, hello: &Hello) -> Result<&Terms, Error> {
        let served = |terms: &Terms| terms.flow == hello.flow;
        let at = match self.terms {
            None => self.config.terms.iter().position(served).ok_or(Error::NotServed(hello.flow))?,
            Some(at) => at,
        };
        let terms = self.config.terms.get(at).ok_or(Error::NotServed(hello.flow))?;
        if !holds(guard::FLOW, served(terms)) {
            return Err(Error::Flow { expected: terms.flow, actual: hello.flow });
        }
        self.terms = Some(at);
        Ok(terms)
    }

    pub(super) fn make_hello(&mut self, ask: bool, out: &mut Vec<Output>) -> OwnHello {
        let mut hash = Sha256::new_with_prefix(b"attest-tls/1 nonce\0");
        hash.update(self.config.seed);
        hash.update(self.hellos.to_be_bytes());
        let nonce = finish_256(hash);
        self.hellos = self.hellos.saturating_add(1);
        // Terms exist: the flow is known before a Hello is made.
        let body = self.terms().map(|terms| {
            let accepts = if ask { terms.accepts.clone() } else { List::default() };
            let hello = Hello {
                versions: self.config.versions.clone(),
                nonce,
                flow: terms.flow,
                shows: terms.shows.clone(),
                accepts,
                expects: self.config.expects.clone(),
                order: terms.order,
                clock: None,
            };
            hello.to_bytes()
        });
        let body = body.unwrap_or_default();
        out.push(Output::Send(FrameKind::Hello, body.clone()));
        OwnHello { body, nonce, ask }
    }
}

fn transcript(side: Side, round: &Round) -> Transcript {
    let own = match round.own {
        Own::Held | Own::Asked => None,
        Own::Sent(hash) => Some(hash),
    };
    Transcript::new(side, &round.hellos, own, round.peer.hash())
}

/// A field that the peer left out, it does not know; one that it names must be this end's.
fn check_expected(expected: &Expected, own: &Expected) -> Result<(), Error> {
    let wrong = [
        (expected.cluster.is_some() && expected.cluster != own.cluster, "cluster"),
        (expected.name.is_some() && expected.name != own.name, "name"),
        (expected.node.is_some() && expected.node != own.node, "node"),
    ];
    match wrong.into_iter().find(|(wrong, _)| !holds(guard::EXPECTED, !wrong)) {
        Some((_, what)) => Err(Error::NotExpected(what)),
        None => Ok(()),
    }
}

/// An end that says "both" lets the other one choose; two that want each other to begin would wait for ever.
fn agree_on_order(own: Order, peer: Order) -> Result<Order, Error> {
    match (own, peer) {
        (Order::Both, order) | (order, Order::Both) => Ok(order),
        (own, peer) if own == peer => Ok(own),
        (own, peer) => Err(Error::Order { own, peer }),
    }
}

fn millis(wait: Duration) -> Bounded<0, 86_400_000> {
    Bounded::clamped(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX))
}
