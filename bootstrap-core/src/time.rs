//! Time as the machines see it: a monotonic count that the host hands in, and deadlines that say why.

use core::fmt;
use core::time::Duration;

/// A point of the host's monotonic clock, in milliseconds since any start of its choice. Never wall time: a machine that must judge
/// dates is told them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// `millis` after the host's start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the host's start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This point, `wait` later; the end of time if that is beyond it.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A point in time at which something ends, with what ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// The timer of protocol section 5 that ends.
    pub timer: Timer,
}

impl Deadline {
    /// The end of `timer`, started at `now`.
    #[must_use]
    pub fn start(timer: Timer, now: Instant) -> Self {
        Self { at: now.after(timer.length()), timer }
    }

    /// The one of two that comes first.
    #[must_use]
    pub fn min_by_time(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// Whether it has come.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.at
    }
}

/// The timers of protocol section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// A Hello, once TLS stands.
    Hello,
    /// An Offer, once the channel is open.
    Offer,
    /// The peer's evidence.
    Evidence,
    /// The peer's verdict.
    Verdict,
    /// The whole way to an open channel.
    Open,
    /// Locked, after an Offer or an opened init.
    Lock,
    /// A Grant, after Locked.
    Grant,
    /// Silence between two messages of progress.
    Progress,
    /// An init, in all.
    Init,
    /// Done, after a Grant.
    Done,
    /// How long a seat stays reserved for one newcomer.
    SeatReservation,
    /// How long shares of a recovery are held, from the first one.
    Shares,
    /// How long a restarted node asks its peers before it believes that none will come.
    Peers,
    /// How long a custodian with too many wrong shares waits.
    Penalty,
    /// Between two dials; its length is drawn (section 11), at most this.
    Backoff,
    /// To the next renewal of a certificate; its length follows the certificate's life, at most this.
    Renew,
}

impl Timer {
    /// How long it runs.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hello | Self::Offer => 5,
            Self::Verdict | Self::Grant | Self::Peers => 30,
            Self::Evidence | Self::Lock => 60,
            Self::Open => 90,
            Self::Progress | Self::Backoff => 120,
            Self::SeatReservation | Self::Penalty => 10 * 60,
            Self::Done | Self::Shares => 15 * 60,
            Self::Init => 30 * 60,
            Self::Renew => 7 * 24 * 60 * 60,
        })
    }

    /// Its name in protocol section 5.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "T-hello",
            Self::Offer => "T-offer",
            Self::Evidence => "T-evidence",
            Self::Verdict => "T-verdict",
            Self::Open => "T-open",
            Self::Lock => "T-lock",
            Self::Grant => "T-grant",
            Self::Progress => "T-progress",
            Self::Init => "T-init",
            Self::Done => "T-done",
            Self::SeatReservation => "T-seat",
            Self::Shares => "T-shares",
            Self::Peers => "T-peers",
            Self::Penalty => "T-penalty",
            Self::Backoff => "T-backoff",
            Self::Renew => "T-renew",
        }
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
