//! What goes wrong in a run.

use core::ops::Range;

use super::clock::Time;
use super::host::HostId;

/// The faults of a run and how often they come. Chances are in a million; times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Plan {
    /// One way of one piece of a stream.
    pub latency: Range<u64>,
    /// A piece is lost, and sent again after a timeout that doubles.
    pub loss: u32,
    /// A piece arrives twice. The stream drops the second one; a first message of a connection (a dial) does not know better.
    pub duplicate: u32,
    /// A piece takes up to twenty times as long, so that later pieces of other streams overtake it.
    pub reorder: u32,
    /// A connection breaks at a piece, without a word.
    pub reset: u32,
    /// Who cannot reach whom, and when.
    pub partitions: Vec<Partition>,
    /// A host crashes at one of its outputs.
    pub crash: u32,
    /// A host crashes exactly here, and nowhere else again.
    pub crash_at: Option<CrashAt>,
    /// How long a crashed host is away.
    pub away: Range<u64>,
    /// A judge lacks collateral, and refuses with 24.
    pub no_collateral: u32,
    /// How long collateral takes that a judge has to wait for.
    pub collateral: Range<u64>,
    /// How far host clocks run wrong, in millionths, each its own way.
    pub drift: u32,
    /// A disk, a register, a counter or a file fails to do what it is told.
    pub device: u32,
    /// How long each of them takes.
    pub device_time: Range<u64>,
    /// A cluster driver gives up.
    pub driver: u32,
    /// How long it takes.
    pub driver_time: Range<u64>,
    /// A message of a host that lies is another one than it should be.
    pub lie: u32,
}

/// Hosts that nobody else reaches, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Partition {
    /// From when.
    pub from: Time,
    /// Until when.
    pub until: Time,
    /// Who is cut off from all others; they reach one another.
    pub hosts: Vec<HostId>,
}

/// One crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct CrashAt {
    /// Whose.
    pub host: HostId,
    /// Ahead of which of its outputs, counted over all its boots.
    pub output: u32,
    /// What is lost.
    pub crash: Crash,
}

/// What a crash takes with it. Nothing in memory survives either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between a process and its machine")]
pub enum Crash {
    /// The process: the boot goes on, with its lock file and its registers.
    Process,
    /// The machine: a new boot, with registers as the firmware leaves them.
    Machine,
}

impl Plan {
    /// Nothing goes wrong. A network of half a millisecond to two, devices of one to five, drivers of one second to three.
    pub const fn calm() -> Self {
        Self {
            latency: 500..2_000,
            loss: 0,
            duplicate: 0,
            reorder: 0,
            reset: 0,
            partitions: Vec::new(),
            crash: 0,
            crash_at: None,
            away: 1_000_000..5_000_000,
            no_collateral: 0,
            collateral: 0..1,
            drift: 0,
            device: 0,
            device_time: 1_000..5_000,
            driver: 0,
            driver_time: 1_000_000..3_000_000,
            lie: 0,
        }
    }

    /// Everything goes wrong now and then.
    pub fn rough() -> Self {
        Self {
            latency: 500..50_000,
            loss: 20_000,
            duplicate: 10_000,
            reorder: 30_000,
            reset: 5_000,
            crash: 5_000,
            no_collateral: 20_000,
            collateral: 0..3_000_000,
            drift: 500,
            driver: 50_000,
            ..Self::calm()
        }
    }

    /// Whether these two reach each other at `now`.
    pub fn connected(&self, from: HostId, to: HostId, now: Time) -> bool {
        self.partitions
            .iter()
            .filter(|partition| partition.from <= now && now < partition.until)
            .all(|partition| partition.hosts.contains(&from) == partition.hosts.contains(&to))
    }
}
