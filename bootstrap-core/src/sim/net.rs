//! The network: streams between hosts, whose pieces are late, lost and sent again, and which break.
//!
//! Machines speak over TLS over a stream. So a lost piece costs time and not a message, a piece that overtakes another one of its
//! stream waits for it, and a second copy is dropped. What a machine sees of all that is time, order between channels, and channels
//! that close without a word. Messages that come twice or out of order on *one* channel are the work of a peer that lies.

use super::clock::Time;
use super::entropy::Entropy;
use super::host::HostId;
use super::plan::Plan;

/// First timeout after which a lost piece is sent again; it doubles (RFC 6298: never below a second; 200 ms is what hosts do).
const RETRANSMIT: u64 = 200_000;
/// After so many losses of one piece the stream is given up: 25 s.
const RETRIES: u32 = 7;

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream delivers or it breaks")]
pub enum Fate {
    /// It arrives, then.
    Arrives(Time),
    /// The stream broke; both ends know by then.
    Broken(Time),
}

/// The network of a run.
#[derive(Clone, Debug)]
pub struct Net {
    entropy: Entropy,
    /// Counts, for the figures of a run.
    pub carried: u64,
    /// Pieces that had to be sent again.
    pub lost: u64,
    /// Streams that broke.
    pub broken: u64,
}

impl Net {
    /// A network with this entropy.
    pub const fn new(entropy: Entropy) -> Self {
        Self { entropy, carried: 0, lost: 0, broken: 0 }
    }

    /// Carries one piece that is sent at `now`, on a stream whose piece before it arrives at `behind`.
    pub fn carry(&mut self, plan: &Plan, from: HostId, to: HostId, now: Time, behind: Time) -> Fate {
        self.carried = self.carried.saturating_add(1);
        let mut sent = now;
        let mut wait = RETRANSMIT;
        for _ in 0..RETRIES {
            if self.entropy.happens(plan.reset) {
                self.broken = self.broken.saturating_add(1);
                return Fate::Broken(sent.after(self.entropy.within(&plan.latency)));
            }
            if plan.connected(from, to, sent) && !self.entropy.happens(plan.loss) {
                let overtaken = if self.entropy.happens(plan.reorder) { self.entropy.below(20) } else { 0 };
                let latency = self.entropy.within(&plan.latency);
                let takes = latency.saturating_mul(overtaken.saturating_add(1));
                return Fate::Arrives(sent.after(takes).max(behind));
            }
            self.lost = self.lost.saturating_add(1);
            sent = sent.after(wait);
            wait = wait.saturating_mul(2);
        }
        self.broken = self.broken.saturating_add(1);
        Fate::Broken(sent)
    }

    /// Whether a dial reaches its target twice.
    pub fn duplicates(&mut self, plan: &Plan) -> bool {
        self.entropy.happens(plan.duplicate)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Partition;
    use super::*;

    const A: HostId = HostId::new(0);
    const B: HostId = HostId::new(1);

    fn arrival(fate: Fate) -> u64 {
        match fate {
            Fate::Arrives(at) => at.as_micros(),
            Fate::Broken(at) => panic!("broken at {at:?}"),
        }
    }

    #[test]
    fn pieces_of_one_stream_keep_their_order() {
        let plan = Plan { reorder: 500_000, ..Plan::rough() };
        let plan = Plan { reset: 0, ..plan };
        let mut net = Net::new(Entropy::new(3));
        let mut behind = Time::default();
        for sent in 0..500 {
            let at = arrival(net.carry(&plan, A, B, Time::from_micros(sent), behind));
            assert!(at >= behind.as_micros());
            behind = Time::from_micros(at);
        }
        assert!(net.lost > 0);
    }

    #[test]
    fn a_partition_delays_and_a_long_one_breaks() {
        let cut = |seconds| Plan {
            partitions: vec![Partition {
                from: Time::default(),
                until: Time::from_secs(seconds),
                hosts: vec![A],
            }],
            ..Plan::calm()
        };
        let mut net = Net::new(Entropy::new(3));
        let at = arrival(net.carry(&cut(2), A, B, Time::default(), Time::default()));
        assert!((2_000_000..4_000_000).contains(&at), "{at}");
        let fate = net.carry(&cut(60), A, B, Time::default(), Time::default());
        assert!(matches!(fate, Fate::Broken(at) if at < Time::from_secs(30)), "{fate:?}");
        assert_eq!(net.broken, 1);
    }
}
