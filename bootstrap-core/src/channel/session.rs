//! One connection: bytes to TLS to frames to the machine, and back. No socket, no clock: the host moves bytes and tells the time.
//!
//! Contract: after each call, take [`Session::transmit`] and poll [`Session::poll`] until it answers [`ChannelEvent::Wait`].
//! What waits inside is bounded: one record and one frame that arrive, [`MAX_EVENTS`] events with messages of [`MAX_WAITING`] bytes,
//! [`MAX_QUEUED`] bytes to be sent.

use core::fmt;
use std::collections::VecDeque;

use attest_core::UnixTime;
use zeroize::Zeroizing;

use super::error::{Error, Misuse};
use super::evidence::{EvidenceRequest, JudgeRequest, OwnEvidence};
use super::machine::{Ended, Input, Judgement, Machine, Output};
use super::terms::Config;
use super::tls::{Identity, Tls, TlsError};
use crate::peer::Peer;
use crate::time::Instant;
use crate::wire::{self, EncodedClaims, Flow, Frame, FrameKind, FrameReader, Message, Refusal};

/// How many events may wait to be polled. A peer that sends more while the host is away is cut off.
pub const MAX_EVENTS: usize = 1024;

/// How many bytes of messages may wait to be polled: two of the largest.
pub const MAX_WAITING: usize = 2 * FrameKind::MESSAGE_WITH_POLICIES;

/// How many bytes may wait to be sent: two of the largest messages.
pub const MAX_QUEUED: usize = 2 * FrameKind::MESSAGE_WITH_POLICIES;

/// What a channel wants of its host, or tells it.
#[non_exhaustive]
pub enum ChannelEvent {
    /// Make evidence, and answer with [`Session::evidence`].
    ProduceEvidence(EvidenceRequest),
    /// Judge the peer's evidence, and answer with [`Session::judged`].
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
        /// Who the peer is.
        peer: Peer,
        /// The claims, if new evidence vouches for them.
        claims: Option<EncodedClaims>,
    },
    /// A message of the peer.
    Message(Message),
    /// It is over.
    Closed(Ended),
    /// Nothing to do until bytes come, or this time.
    Wait(Option<Instant>),
}

impl fmt::Debug for ChannelEvent {
    /// A message may carry secrets: only that there is one is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProduceEvidence(request) => f.debug_tuple("ProduceEvidence").field(request).finish(),
            Self::Judge(request) => f.debug_tuple("Judge").field(request).finish(),
            Self::Opened { peer, .. } => f.debug_tuple("Opened").field(peer).finish(),
            Self::Reopened { peer, .. } => f.debug_tuple("Reopened").field(peer).finish(),
            Self::Message(_) => f.write_str("Message(..)"),
            Self::Closed(ended) => f.debug_tuple("Closed").field(ended).finish(),
            Self::Wait(until) => f.debug_tuple("Wait").field(until).finish(),
        }
    }
}

/// One attested channel.
pub struct Session {
    tls: Tls,
    reader: FrameReader,
    machine: Machine,
    established: bool,
    events: VecDeque<ChannelEvent>,
    /// Bytes of the messages in `events`.
    waiting: usize,
    /// Bytes of the frames in `tls`.
    queued: usize,
}

impl Session {
    /// A channel over a connection that stands. `now` starts the timer of the whole way; `wall` is what TLS takes the time to be.
    ///
    /// # Errors
    /// [`Error::Tls`] if the key or the provider does not serve.
    pub fn new(config: Config, identity: &Identity, now: Instant, wall: UnixTime) -> Result<Self, Error> {
        let tls = Tls::new(identity, config.side, wall)?;
        Ok(Self {
            tls,
            // No message may come before the channel is open, and no room is made for one.
            reader: FrameReader::new(0),
            machine: Machine::new(config, now),
            established: false,
            events: VecDeque::new(),
            waiting: 0,
            queued: 0,
        })
    }

    /// Takes bytes that came from the peer. What is wrong with them ends the channel, as an event.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        let mut input = bytes;
        while !input.is_empty() && !self.machine.has_ended() {
            let mut plaintext = Zeroizing::new(Vec::new());
            let result = self.tls.receive(&mut input, &mut plaintext);
            // What came before the bytes that are wrong was right.
            let established = self.tls.is_established();
            match established {
                Ok(true) if !self.established => {
                    self.established = true;
                    self.feed(Input::Established, now);
                }
                Ok(_) => {}
                Err(error) => return self.fail(error.into()),
            }
            self.frames(&plaintext, now);
            match result {
                Err(error) => return self.fail(error.into()),
                Ok(()) if self.tls.is_closed() => return self.fail(Error::Closed),
                Ok(()) => {}
            }
        }
    }

    /// The connection below is gone, with or without a word of the peer.
    pub fn disconnected(&mut self) {
        self.fail(TlsError::CutOff.into());
    }

    /// Everything that is to be sent to the peer. Also after the end: the reason goes out with it.
    pub fn transmit(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.tls.transmit(&mut out);
        self.queued = 0;
        out
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.feed(Input::Tick, now);
    }

    /// What is next.
    pub fn poll(&mut self) -> ChannelEvent {
        self.events.pop_front().unwrap_or_else(|| {
            self.waiting = 0;
            ChannelEvent::Wait(self.machine.deadline())
        })
    }

    /// Answers [`ChannelEvent::ProduceEvidence`].
    ///
    /// # Errors
    /// [`Misuse`] if none was asked for, or if it is too large.
    pub fn evidence(&mut self, evidence: OwnEvidence, now: Instant) -> Result<(), Misuse> {
        self.ask(Input::Evidence(evidence), now)
    }

    /// Answers [`ChannelEvent::Judge`].
    ///
    /// # Errors
    /// [`Misuse`] if nothing waits to be judged.
    pub fn judged(&mut self, judgement: Judgement, now: Instant) -> Result<(), Misuse> {
        self.ask(Input::Judged(judgement), now)
    }

    /// Sends a message on the open channel.
    ///
    /// # Errors
    /// [`Misuse::NotOpen`] while it is not, [`Misuse::Full`] if too much waits to be sent.
    pub fn send(&mut self, message: &Message, now: Instant) -> Result<(), Misuse> {
        // A verdict that has ended must end the channel before anything is sent on it.
        self.feed(Input::Tick, now);
        if !self.machine.is_open() {
            return Err(Misuse::NotOpen);
        }
        let body = message.to_bytes();
        if self.queued.saturating_add(body.len()) > MAX_QUEUED {
            return Err(Misuse::Full);
        }
        self.write(&Frame { kind: FrameKind::Message, body })
    }

    /// Asks for new verdicts on the open channel. `ask`: whether this end needs new evidence too.
    ///
    /// # Errors
    /// [`Misuse::NotOpen`] while it is not.
    pub fn reattest(&mut self, ask: bool, now: Instant) -> Result<(), Misuse> {
        self.ask(Input::Reattest { ask }, now)
    }

    /// Ends the channel with a reason for the peer.
    ///
    /// # Errors
    /// [`Misuse::Ended`] if it is over.
    pub fn refuse(&mut self, refusal: Refusal, now: Instant) -> Result<(), Misuse> {
        self.ask(Input::Refuse(refusal), now)
    }

    /// Ends the channel with nothing more to say: what is queued goes out, then the end of TLS. No event follows.
    pub fn close(&mut self) {
        self.machine.close();
        self.tls.close();
        self.events.clear();
    }

    /// The flow, once both ends speak of one.
    pub fn flow(&self) -> Option<Flow> {
        self.machine.flow()
    }

    /// Whether messages may be sent.
    pub const fn is_open(&self) -> bool {
        self.machine.is_open()
    }

    /// The state's name in the table "Channel".
    pub const fn state(&self) -> &'static str {
        self.machine.state()
    }

    /// The group in which TLS exchanged keys, once it did.
    pub fn key_exchange(&self) -> Option<String> {
        self.tls.key_exchange()
    }

    fn frames(&mut self, plaintext: &[u8], now: Instant) {
        let mut input = plaintext;
        while !self.machine.has_ended() {
            match self.reader.read(&mut input) {
                Ok(Some(frame)) => self.frame(&frame, now),
                Ok(None) => return,
                // A message that is too early is that, and not too large.
                Err(wire::Error::FrameTooLarge { kind, .. })
                    if kind == FrameKind::Message.number() && !self.machine.takes_messages() =>
                {
                    return self.feed(Input::Frame(FrameKind::Message, &[]), now);
                }
                Err(error) => return self.fail(error.into()),
            }
        }
    }

    fn frame(&mut self, frame: &Frame, now: Instant) {
        // The machine refuses a frame by an output; only what the host asks can be misuse.
        let outputs = self.machine.handle(Input::Frame(frame.kind, &frame.body), now, &self.tls);
        outputs.unwrap_or_default().into_iter().for_each(|output| self.put_out(output, &frame.body));
    }

    fn take_message(&mut self, body: &[u8]) {
        let bytes = self.waiting.saturating_add(body.len());
        if self.events.len() >= MAX_EVENTS || bytes > MAX_WAITING {
            return self.fail(Error::TooFast { messages: self.events.len(), bytes: self.waiting });
        }
        self.waiting = bytes;
        match Message::from_bytes(body) {
            Ok(message) => self.events.push_back(ChannelEvent::Message(message)),
            Err(error) => self.fail(error.into()),
        }
    }

    fn ask(&mut self, input: Input<'_>, now: Instant) -> Result<(), Misuse> {
        let outputs = self.machine.handle(input, now, &self.tls)?;
        outputs.into_iter().for_each(|output| self.put_out(output, &[]));
        Ok(())
    }

    /// For what the host did not ask: after the end it means nothing.
    fn feed(&mut self, input: Input<'_>, now: Instant) {
        self.ask(input, now).ok();
    }

    fn fail(&mut self, error: Error) {
        self.machine.fail(error).into_iter().for_each(|output| self.put_out(output, &[]));
    }

    /// `message` is the body of the frame that led here.
    fn put_out(&mut self, output: Output, message: &[u8]) {
        match output {
            // A frame of ours always fits, and a transport that takes nothing more shows by its own error.
            Output::Send(kind, body) => {
                self.write(&Frame { kind, body: Zeroizing::new(body) }).ok();
            }
            Output::ProduceEvidence(request) => {
                self.events.push_back(ChannelEvent::ProduceEvidence(request));
            }
            Output::Judge(request) => self.events.push_back(ChannelEvent::Judge(request)),
            Output::Opened { peer, claims } => {
                self.reader.set_message_limit(message_limit(self.machine.flow()));
                self.events.push_back(ChannelEvent::Opened { peer, claims });
            }
            Output::Reopened { peer, claims } => {
                self.events.push_back(ChannelEvent::Reopened { peer, claims });
            }
            Output::TakeMessage => self.take_message(message),
            Output::Closed(ended) => {
                self.tls.close();
                self.events.push_back(ChannelEvent::Closed(ended));
            }
        }
    }

    fn write(&mut self, frame: &Frame) -> Result<(), Misuse> {
        let bytes = frame.to_bytes().map_err(|_| Misuse::TooLarge)?;
        self.queued = self.queued.saturating_add(bytes.len());
        self.tls.write(&bytes).map_err(|_| Misuse::Ended)
    }
}

/// Tickets of these flows bring policies (protocol section 4, frames).
const fn message_limit(flow: Option<Flow>) -> usize {
    match flow {
        Some(Flow::Join | Flow::Rejoin | Flow::Renew) => FrameKind::MESSAGE_WITH_POLICIES,
        Some(Flow::Init | Flow::Recover | Flow::Statement | Flow::Probe | Flow::Rotate) => FrameKind::MESSAGE,
        None => 0,
    }
}
