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
}

impl Timer {
    /// How long it runs.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hello | Self::Offer => 5,
            Self::Verdict | Self::Grant => 30,
            Self::Evidence | Self::Lock => 60,
            Self::Open => 90,
            Self::Progress => 120,
            Self::SeatReservation => 10 * 60,
            Self::Done | Self::Shares => 15 * 60,
            Self::Init => 30 * 60,
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
        }
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
