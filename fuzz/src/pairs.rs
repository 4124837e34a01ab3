//! A first node and one that joins or comes back, in the deterministic network of bootstrap-core. What goes wrong, and when, is the
//! fuzzer's.

use bootstrap_core::sim::cast::{Cast, Casting, NEXT_IMAGE, OTHER_IMAGE};
use bootstrap_core::sim::host::HostId;
use bootstrap_core::sim::plan::{Crash, Plan};
use bootstrap_core::sim::trace::{Entry, Trace, What};

/// Steps of one input that count: each may be a minute of simulated time.
const MOST_STEPS: usize = 24;

/// Runs a script: a seed and how it is cast, then two bytes a step. `settled`: from a cluster that stands, so that the second node
/// comes back instead of joining. Whether a channel opened to that node during the script, and it is a member at the end.
///
/// # Panics
/// If the run breaks an invariant of protocol section 12.
pub fn run(input: &[u8], settled: bool) -> bool {
    let [seed, casting, script @ ..] = input else { return false };
    let casting = Casting { tpm: casting & 1 == 0, ..Casting::of(1, u32::from(casting >> 1 & 1)) };
    let mut cast = Cast::new(u64::from(*seed), Plan::calm(), Trace::whole(), casting);
    if settled {
        assert!(cast.settle(600), "a calm cluster stands");
    }
    let before = cast.world.trace.entries().len();
    for step in script.chunks_exact(2).take(MOST_STEPS) {
        take(&mut cast, step[0], step[1]);
    }
    cast.run_for(60);
    let broken = cast.broken();
    assert!(broken.is_empty(), "{broken:?}");
    let Some(node) = cast.nodes.first().copied() else { return false };
    let opened = |entry: &Entry| entry.host == node && matches!(entry.what, What::Opened(..));
    cast.is_member(node) && cast.world.trace.entries().iter().skip(before).any(opened)
}

fn take(cast: &mut Cast, step: u8, with: u8) {
    let host = HostId::new(u32::from(with % 3));
    let node = cast.nodes.first().copied().unwrap_or(cast.first);
    let rate = u32::from(with) * 1_000;
    match step % 16 {
        0 | 1 => cast.run_for(u64::from(with % 60)),
        2 => cast.world.crash(host, Crash::Process),
        3 => cast.world.crash(host, Crash::Machine),
        4 => cast.reboot(node, None),
        5 => cast.reboot(node, Some(NEXT_IMAGE)),
        6 => cast.reboot(node, Some(OTHER_IMAGE)),
        7 => {
            let content = cast.casting.content();
            cast.publish(&content);
        }
        8 => drop(cast.push(node, with % 2 == 0, None)),
        9 => {
            let share = cast.share(1 + with % 3);
            share.and_then(|share| cast.push_share(node, share));
        }
        10 => cast.world.plan.loss = rate,
        11 => cast.world.plan.reset = rate,
        12 => cast.world.plan.crash = rate / 4,
        13 => cast.world.plan.device = rate,
        14 => cast.world.plan.driver = rate,
        _ => cast.world.plan = Plan::rough(),
    }
}

/// A calm run, a rough one, each crash, each way back.
pub fn seeds(settled: bool) -> Vec<(String, Vec<u8>)> {
    let mut seeds = vec![
        ("calm".to_owned(), vec![7, 0, 0, 59, 0, 59]),
        ("calm-without-tpm".to_owned(), vec![7, 1, 0, 59, 0, 59]),
        ("rough-seat".to_owned(), vec![3, 2, 15, 0, 0, 59, 0, 59, 0, 59]),
    ];
    for step in 2..15 {
        let wait = if settled { 5 } else { 59 };
        seeds.push((format!("step-{step:02}"), vec![1, step % 4, 0, wait, step, 2, 0, 20, step, 1, 0, 59]));
    }
    seeds
}
