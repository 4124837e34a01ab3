//! Two ends in one place: for tests, simulators, and to measure a handshake.

use super::session::{ChannelEvent, Session};
use crate::time::Instant;

/// Moves bytes between two ends and gives each of their events to `host`, with the index of the end, until nothing moves any more.
/// A whole attested handshake is one call, with hosts that answer at once. Returns the bytes that each end sent.
pub fn pump(
    ends: &mut [Session; 2],
    now: Instant,
    mut host: impl FnMut(usize, &mut Session, ChannelEvent),
) -> [usize; 2] {
    let mut sent = [0_usize; 2];
    let [one, two] = ends;
    loop {
        let moved = [turn(0, one, two, now, &mut host), turn(1, two, one, now, &mut host)];
        if moved.iter().all(Option::is_none) {
            return sent;
        }
        for (sum, bytes) in sent.iter_mut().zip(moved) {
            *sum = sum.saturating_add(bytes.unwrap_or_default());
        }
    }
}

/// The events of one end, then its bytes. How many there were; `None` if nothing happened.
fn turn(
    at: usize,
    from: &mut Session,
    to: &mut Session,
    now: Instant,
    host: &mut impl FnMut(usize, &mut Session, ChannelEvent),
) -> Option<usize> {
    let mut moved = false;
    loop {
        let event = from.poll();
        if matches!(event, ChannelEvent::Wait(_)) {
            break;
        }
        host(at, from, event);
        moved = true;
    }
    let bytes = from.transmit();
    if bytes.is_empty() {
        return moved.then_some(0);
    }
    to.receive(&bytes, now);
    Some(bytes.len())
}
