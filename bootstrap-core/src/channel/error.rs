//! Why a channel ends, for the host; [`Error::code`] is what the peer is told.

use super::tls::TlsError;
use crate::error::Code;
use crate::time::Timer;
use crate::wire::{self, Flow, FrameKind, Order};

/// Why this end gives a channel up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The chain's leaf has another key than the one that the peer holds in TLS.
    #[error("certificate chain: the leaf's key is not the TLS key")]
    ChainKey,
    /// The peer closed before there was a reason to.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer's evidence lacks something that this end demands.
    #[error("evidence: this end demands {0}, the peer shows it not")]
    Demand(&'static str),
    /// The transport has no exporter, although its handshake is complete.
    #[error("TLS: no exporter")]
    Exporter,
    /// The verdict on the peer is over, and there is no newer one.
    #[error("the verdict on the peer has ended")]
    Expired,
    /// The other end talks of another flow.
    #[error("Hello: expected flow {expected:?}, got {actual:?}")]
    Flow {
        /// The flow of this end.
        expected: Flow,
        /// The flow of the peer's Hello.
        actual: Flow,
    },
    /// The host gives it up, with this code.
    #[error("given up by the host: {0}")]
    Host(Code),
    /// Evidence of a kind that this end did not ask for.
    #[error("evidence: this end accepts no `{0}`")]
    Kind(String),
    /// The nonce is one that was used on this channel.
    #[error("Hello: the nonce was used on this channel before")]
    Nonce,
    /// The peer expects somebody else.
    #[error("Hello: the peer expects another {0}")]
    NotExpected(&'static str),
    /// This end does not serve the flow.
    #[error("Hello: flow {0:?} is not served here")]
    NotServed(Flow),
    /// Both ends want the other one to show first.
    #[error("Hello: this end's order is {own:?}, the peer's {peer:?}")]
    Order {
        /// What this end says.
        own: Order,
        /// What the peer says.
        peer: Order,
    },
    /// A frame that has no place here.
    #[error("a {frame:?} frame in state {state}")]
    OutOfOrder {
        /// The frame.
        frame: FrameKind,
        /// The state of the table "Channel".
        state: &'static str,
    },
    /// The judge refuses the evidence.
    #[error("the peer's evidence is refused: {0}")]
    Rejected(Code),
    /// An item stands over a slot that is not above the one before it.
    #[error("evidence: slot {0} comes twice, or out of order")]
    SlotOrder(u32),
    /// A timer ran out.
    #[error("{0} ran out")]
    Timeout(Timer),
    /// The transport refuses.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ends saw different frames.
    #[error("Verdict: the transcript differs")]
    Transcript,
    /// The peer sends faster than this end takes.
    #[error("{messages} messages of {bytes} bytes wait to be taken, and one more came")]
    TooFast {
        /// How many events wait.
        messages: usize,
        /// How many bytes their messages had.
        bytes: usize,
    },
    /// No version is common.
    #[error("Hello: no common version, the peer has {0:?}")]
    Version(Vec<u16>),
    /// A frame or its body is not what the protocol says.
    #[error(transparent)]
    Wire(#[from] wire::Error),
}

impl Error {
    /// What the peer is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::ChainKey | Self::Nonce => Code::NOT_BOUND,
            // To whoever dials again it is a peer that went away.
            Self::Closed | Self::Tls(TlsError::CutOff) => Code::SHUTTING_DOWN,
            Self::Tls(_) => Code::MALFORMED,
            Self::Demand(_) | Self::Kind(_) => Code::KIND,
            Self::Exporter => Code::INTERNAL,
            Self::Expired => Code::COLLATERAL,
            Self::Flow { .. } => Code::WRONG_VALUE,
            Self::Host(code) | Self::Rejected(code) => *code,
            Self::NotExpected(_) => Code::NOT_EXPECTED,
            Self::NotServed(_) => Code::NOT_SERVED,
            Self::Order { .. } | Self::OutOfOrder { .. } => Code::OUT_OF_ORDER,
            Self::SlotOrder(_) => Code::WRONG_VALUE,
            Self::Timeout(_) => Code::TIMEOUT,
            Self::Transcript => Code::TRANSCRIPT,
            Self::TooFast { .. } => Code::RATE,
            Self::Version(_) => Code::NO_COMMON_VERSION,
            Self::Wire(error) => error.code(),
        }
    }
}

/// A call that does not fit the channel's state. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// It has ended.
    #[error("the channel has ended")]
    Ended,
    /// Nobody asked for evidence.
    #[error("no evidence was asked for")]
    NoEvidenceAsked,
    /// Nothing waits to be judged.
    #[error("nothing waits to be judged")]
    NothingToJudge,
    /// Messages and re-attestation need an open channel.
    #[error("the channel is not open")]
    NotOpen,
    /// Too much waits to be sent.
    #[error("too much waits to be sent")]
    Full,
    /// The evidence has more than its frame may hold.
    #[error("the evidence is larger than its frame may be")]
    TooLarge,
    /// Terms that contradict each other: a demand for what is not accepted, one flow twice, or none.
    #[error("terms: {0}")]
    Terms(&'static str),
}
