//! The channel as a plain value: states C0 to C5 and C9 of protocol section 5. It knows frames, not bytes of TLS and not devices.
//!
//! The handler that ships is the one that a model checker explores: no clock, no entropy, no I/O, and a [`Binder`] for all that comes
//! from the transport. Message bodies never enter it: the machine says whether one may be taken.

mod steps;

use std::time::Duration;

use attest_core::UnixTime;

use super::binding::{Binder, Hellos};
use super::error::{Error, Misuse};
use super::evidence::{EvidenceRequest, JudgeRequest, OwnEvidence};
use super::guard::{self, holds};
use super::terms::Config;
use crate::error::Code;
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};
use crate::wire::{EncodedClaims, Flow, FrameKind, Refusal};

/// What can happen to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The transport is ready, and is what the protocol demands.
    Established,
    /// A frame came. The body of a Message is not looked at.
    Frame(FrameKind, &'a [u8]),
    /// The host's answer to [`Output::ProduceEvidence`].
    Evidence(OwnEvidence),
    /// The host's answer to [`Output::Judge`].
    Judged(Judgement),
    /// The host wants new verdicts on the open channel.
    Reattest {
        /// Whether this end needs new evidence too; if not, it keeps its verdict.
        ask: bool,
    },
    /// The host gives up.
    Refuse(Refusal),
    /// Time has passed.
    Tick,
}

/// What the host's judge says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Judgement {
    /// Believed, until this time.
    Accepted {
        /// Who the peer is.
        peer: Peer,
        /// When the verdict ends, on the monotonic clock.
        until: Instant,
    },
    /// Not believed.
    Rejected {
        /// What the peer is told.
        code: Code,
        /// When it may come again.
        retry_after: Option<Duration>,
    },
}

impl Judgement {
    /// A peer that was believed, as seen by both clocks of the host at this moment.
    pub fn accepted(peer: Peer, now: Instant, wall: UnixTime) -> Self {
        let left = Duration::from_secs(peer.facts().valid_until.saturating_sub(wall.as_secs()));
        Self::Accepted { peer, until: now.after(left) }
    }
}

/// What a channel wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send this frame.
    Send(FrameKind, Vec<u8>),
    /// Make evidence, and answer with [`Input::Evidence`].
    ProduceEvidence(EvidenceRequest),
    /// Judge the peer's evidence, and answer with [`Input::Judged`].
    Judge(JudgeRequest),
    /// The channel is open.
    Opened {
        /// Who the peer is.
        peer: Peer,
        /// The claims under the evidence.
        claims: EncodedClaims,
    },
    /// The channel is open again, with new verdicts.
    Reopened {
        /// Who the peer is: newly judged, or the same as before.
        peer: Peer,
        /// The claims, if new evidence vouches for them. Others are nobody's.
        claims: Option<EncodedClaims>,
    },
    /// The Message that came may be taken.
    TakeMessage,
    /// It is over. Whatever is queued goes out, then the transport closes.
    Closed(Ended),
}

/// How a channel ended.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "one of two ends it")]
pub enum Ended {
    /// The peer refused.
    ByPeer(Refusal),
    /// This end did.
    ByUs(Error),
}

impl Eq for Ended {}

impl Ended {
    /// The code that went over the wire.
    pub const fn code(&self) -> Code {
        match self {
            Self::ByPeer(refusal) => refusal.code,
            Self::ByUs(error) => error.code(),
        }
    }
}

/// The channel machine of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    config: Config,
    /// How many Hellos this end has made.
    hellos: u32,
    /// The nonce of the peer's last Hello.
    last_nonce: Option<[u8; 32]>,
    /// The terms in force, once the flow is known.
    terms: Option<usize>,
    /// The verdict on the peer that stands.
    verdict: Option<(Peer, Instant)>,
    /// The end of the whole way to an open channel.
    open_by: Option<Deadline>,
    /// The end of the step at hand.
    step: Option<Deadline>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// C0.
    Handshake,
    /// C1: own Hello, if it was sent.
    Hellos(Option<OwnHello>),
    /// C2 to C4.
    Round(Box<Round>),
    /// C5.
    Open,
    /// C9.
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OwnHello {
    body: Vec<u8>,
    nonce: [u8; 32],
    /// Whether evidence is asked for; `false` only on an open channel.
    ask: bool,
}

/// One exchange of evidence and verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Round {
    hellos: Hellos,
    ask: bool,
    request: EvidenceRequest,
    /// The exporter for what the peer shows.
    peer_exported: [u8; 32],
    own: Own,
    peer: Theirs,
    verdict_sent: bool,
    verdict_received: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Own {
    /// It is the peer's turn.
    Held,
    Asked,
    /// Sent, with the hash of its frame's body.
    Sent([u8; 32]),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Theirs {
    Awaited,
    Judging { hash: [u8; 32], claims: EncodedClaims },
    Accepted { hash: [u8; 32], claims: Option<EncodedClaims> },
}

impl Theirs {
    const fn hash(&self) -> Option<[u8; 32]> {
        match self {
            Self::Awaited => None,
            Self::Judging { hash, .. } | Self::Accepted { hash, .. } => Some(*hash),
        }
    }
}

impl Machine {
    /// A channel whose transport begins its handshake at `now`.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            config,
            hellos: 0,
            last_nonce: None,
            terms: None,
            verdict: None,
            open_by: Some(Deadline::start(Timer::Open, now)),
            step: None,
            state: State::Handshake,
        }
    }

    /// Feeds one input; what is to be done comes back in order. What a peer does wrong ends the channel and is not an error here.
    ///
    /// # Errors
    /// [`Misuse`] if the host's call does not fit. Nothing has changed then.
    pub fn handle(
        &mut self,
        input: Input<'_>,
        now: Instant,
        binder: &impl Binder,
    ) -> Result<Vec<Output>, Misuse> {
        if matches!(self.state, State::Ended) {
            return Err(Misuse::Ended);
        }
        let mut out = Vec::new();
        let result = match self.overdue(now) {
            Some(error) => Err(error),
            None => self.dispatch(input, now, binder, &mut out)?,
        };
        if let Err(error) = result {
            self.give_up(error, &mut out);
        }
        Ok(out)
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let timers = [&self.open_by, &self.step].into_iter().flatten().map(|deadline| deadline.at);
        timers.chain(self.verdict.iter().map(|(_, until)| *until)).min()
    }

    /// Whether messages may be sent.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether it is over.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether a message of the peer may come.
    pub const fn takes_messages(&self) -> bool {
        match &self.state {
            State::Open => true,
            // A peer that had not yet seen this end's new Hello sent its message under the verdicts that stood.
            State::Hellos(own) => own.is_some() && self.verdict.is_some(),
            State::Handshake | State::Round(_) | State::Ended => false,
        }
    }

    /// The flow, once both ends speak of one.
    pub fn flow(&self) -> Option<Flow> {
        self.terms().map(|terms| terms.flow)
    }

    /// Ends the channel for a reason that the machine cannot see.
    pub(super) fn fail(&mut self, error: Error) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.has_ended() {
            self.give_up(error, &mut out);
        }
        out
    }

    /// Ends the channel without a word.
    pub(super) fn close(&mut self) {
        self.over(Ended::ByUs(Error::Host(Code::ACCEPTED)), &mut Vec::new());
    }

    /// The state's name in the table.
    pub const fn state(&self) -> &'static str {
        match &self.state {
            State::Handshake => "C0",
            State::Hellos(_) => "C1",
            State::Round(round) => match round.peer {
                Theirs::Awaited => "C2",
                Theirs::Judging { .. } => "C3",
                Theirs::Accepted { .. } => "C4",
            },
            State::Open => "C5",
            State::Ended => "C9",
        }
    }

    fn overdue(&self, now: Instant) -> Option<Error> {
        let over = [&self.step, &self.open_by].into_iter().flatten().find(|deadline| deadline.is_over(now));
        if let Some(deadline) = over.filter(|_| !holds(guard::TIMER, false)) {
            return Some(Error::Timeout(deadline.timer));
        }
        let expired = self.verdict.as_ref().is_some_and(|(_, until)| now >= *until);
        (!holds(guard::VALIDITY, !expired)).then_some(Error::Expired)
    }

    fn dispatch(
        &mut self,
        input: Input<'_>,
        now: Instant,
        binder: &impl Binder,
        out: &mut Vec<Output>,
    ) -> Result<Result<(), Error>, Misuse> {
        Ok(match input {
            Input::Established => self.established(now, out),
            Input::Frame(FrameKind::Hello, body) => self.hello(body, now, binder, out),
            Input::Frame(FrameKind::Evidence, body) => self.evidence(body, now, out),
            Input::Frame(FrameKind::Verdict, body) => self.verdict_frame(body, now, out),
            Input::Frame(FrameKind::Refusal, body) => self.refusal(body, out),
            Input::Frame(FrameKind::Message, _) => self.message(out),
            Input::Evidence(evidence) => self.own_evidence(evidence, now, out)?,
            Input::Judged(judgement) => self.judged(judgement, now, out)?,
            Input::Reattest { ask } => {
                if !self.is_open() {
                    return Err(Misuse::NotOpen);
                }
                self.open_by = Some(Deadline::start(Timer::Open, now));
                self.step = Some(Deadline::start(Timer::Hello, now));
                let own = self.make_hello(ask, out);
                self.state = State::Hellos(Some(own));
                Ok(())
            }
            Input::Refuse(refusal) => {
                let error = Error::Host(refusal.code);
                self.end(refusal, Ended::ByUs(error), out);
                Ok(())
            }
            Input::Tick => Ok(()),
        })
    }

    const fn out_of_order(&self, frame: FrameKind) -> Error {
        Error::OutOfOrder { frame, state: self.state() }
    }

    fn give_up(&mut self, error: Error, out: &mut Vec<Output>) {
        let refusal = Refusal { code: error.code(), retry_after: None, policy_epoch: None };
        self.end(refusal, Ended::ByUs(error), out);
    }

    fn end(&mut self, refusal: Refusal, ended: Ended, out: &mut Vec<Output>) {
        // A frame before TLS stands would be lost.
        if !matches!(self.state, State::Handshake) {
            out.push(Output::Send(FrameKind::Refusal, refusal.to_bytes()));
        }
        self.over(ended, out);
    }

    fn over(&mut self, ended: Ended, out: &mut Vec<Output>) {
        self.state = State::Ended;
        self.verdict = None;
        (self.open_by, self.step) = (None, None);
        out.push(Output::Closed(ended));
    }
}
