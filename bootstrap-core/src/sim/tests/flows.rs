//! Every flow under no faults, and under many seeds with faults.

use crate::error::Code;
use crate::machine::record::MemberPhase;
use crate::sim::cast::{Cast, Casting, IMAGE, NEXT_IMAGE};
use crate::sim::host::HostId;
use crate::sim::law::Content;
use crate::sim::plan::{Crash, CrashAt, Partition, Plan};
use crate::sim::trace::Trace;

/// Seeds of the runs with faults.
const SEEDS: core::ops::Range<u64> = 0..60;
/// Long enough, in seconds, for anything that anybody waits for.
const LONG: u64 = 3_000;

fn diagram(cast: &Cast) -> String {
    cast.world.trace.to_mermaid(|host| match host.number() {
        0 => "operator".to_owned(),
        1 => "first".to_owned(),
        number => format!("node {number}"),
    })
}

/// A run that ended well, and broke nothing.
fn ends_well(cast: &Cast, what: &str, seed: u64, well: bool) {
    assert_eq!(cast.broken(), Vec::new(), "{what}, seed {seed}:\n{}", diagram(cast));
    assert!(well, "{what}, seed {seed}:\n{}\n{}", diagram(cast), ends(cast));
}

/// The last words of every host.
fn ends(cast: &Cast) -> String {
    let mut text = String::new();
    for host in cast.world.hosts() {
        let mine: Vec<_> = cast.world.trace.entries().iter().filter(|entry| entry.host == host.id).collect();
        for entry in mine.iter().skip(mine.len().saturating_sub(12)) {
            text += &format!("{} {:.0?} {:.200}\n", host.id.number(), entry.at, format!("{:?}", entry.what));
        }
    }
    text
}

fn cast(seed: u64, plan: &Plan, casting: Casting) -> Cast {
    Cast::new(seed, plan.clone(), Trace::whole(), casting)
}

/// Whether all nodes become members: while things go wrong, or once nothing does any more. Nobody promises more than that.
fn settles(cast: &mut Cast) -> bool {
    if cast.settle(LONG / 3) {
        return true;
    }
    let rough = core::mem::replace(&mut cast.world.plan, Plan::calm());
    let well = cast.settle(LONG);
    cast.world.plan = rough;
    well
}

fn member(cast: &Cast, host: HostId) -> (u32, MemberPhase) {
    let disk = &cast.world.host(host).unwrap().devices.disk;
    let member = disk.member.as_deref().unwrap();
    (member.generation, member.phase)
}

/// Runs `flow` calm once, and rough under many seeds.
fn everywhere(what: &str, casting: Casting, flow: impl Fn(&mut Cast) -> bool) {
    let mut calm = cast(7, &Plan::calm(), casting);
    let well = flow(&mut calm);
    ends_well(&calm, what, 7, well);
    for seed in SEEDS {
        let mut rough = cast(seed, &Plan::rough(), casting);
        let well = flow(&mut rough);
        ends_well(&rough, what, seed, well);
    }
}

#[test]
fn init() {
    everywhere("init", Casting::of(0, 0), settles);
    let software = Casting { tpm: false, ..Casting::of(0, 0) };
    everywhere("init without a register", software, settles);
}

#[test]
fn join() {
    everywhere("join", Casting::of(4, 1), settles);
    let software = Casting { tpm: false, ..Casting::of(4, 1) };
    everywhere("join without a register", software, settles);
}

#[test]
fn rejoin() {
    everywhere("rejoin", Casting::of(3, 2), |cast| {
        if !settles(cast) {
            return false;
        }
        let node = cast.nodes[2];
        let (before, _) = member(cast, node);
        cast.reboot(node, None);
        let back = settles(cast);
        // A generation whose Done was lost is granted once more.
        back && member(cast, node).0 >= before
    });
}

/// All seats are down: an operator brings back one after the other, and then the rest come back by themselves.
#[test]
fn recover() {
    everywhere("recover", Casting::of(3, 2), |cast| {
        if !settles(cast) {
            return false;
        }
        let all: Vec<HostId> = core::iter::once(cast.first).chain(cast.nodes.iter().copied()).collect();
        for node in &all {
            cast.reboot(*node, None);
        }
        cast.run_for(20);
        assert!(!all.iter().any(|node| cast.world.host(*node).unwrap().memory.services));
        for node in &all[..3] {
            cast.push(*node, false, None);
        }
        settles(cast)
    });
}

/// The same of a single node, whose operator says that nobody else will come.
#[test]
fn recover_alone() {
    everywhere("recover alone", Casting::of(0, 0), |cast| {
        if !settles(cast) {
            return false;
        }
        cast.reboot(cast.first, None);
        cast.run_for(20);
        cast.push(cast.first, true, None);
        settles(cast)
    });
}

/// Two of three custodians bring a node back, in any order.
#[test]
fn recover_by_shares() {
    for (one, other) in [(1, 2), (2, 1), (1, 3), (3, 2)] {
        everywhere("k of n", Casting::of(1, 0), |cast| {
            if !settles(cast) {
                return false;
            }
            let node = cast.first;
            cast.reboot(node, None);
            cast.run_for(20);
            let shares = [one, other].map(|index| cast.share(index).unwrap());
            for share in shares {
                cast.push_share(node, share);
                cast.run_for(10);
            }
            settles(cast)
        });
    }
}

/// One share is none: nothing opens, and what was held is forgotten after T-shares.
#[test]
fn one_share_is_not_enough() {
    let mut cast = cast(7, &Plan::calm(), Casting::of(0, 0));
    assert!(settles(&mut cast));
    let node = cast.first;
    cast.reboot(node, None);
    cast.run_for(20);
    let share = cast.share(1).unwrap();
    cast.push_share(node, share.clone());
    cast.push_share(node, share);
    cast.run_for(100);
    assert!(!cast.world.host(node).unwrap().devices.disk.mounted);
    assert_eq!(cast.broken(), Vec::new());
}

/// Epoch 2 has the old set, the new one and the rule that the new may replace the old; nodes reboot one by one into the new image;
/// epoch 3 has the new set only.
#[test]
fn rolling_upgrade() {
    everywhere("upgrade", Casting::of(3, 2), |cast| {
        if !settles(cast) {
            return false;
        }
        let both = Content {
            sets: vec![IMAGE, NEXT_IMAGE],
            seat_sets: vec![IMAGE, NEXT_IMAGE],
            replace: vec![(IMAGE, NEXT_IMAGE)],
            ..cast.casting.content()
        };
        let only = Content {
            sets: vec![NEXT_IMAGE],
            seat_sets: vec![NEXT_IMAGE],
            replace: Vec::new(),
            ..both.clone()
        };
        if !published(cast, &both, 2) {
            return false;
        }
        let all: Vec<HostId> = core::iter::once(cast.first).chain(cast.nodes.iter().copied()).collect();
        for node in all {
            cast.reboot(node, Some(NEXT_IMAGE));
            if !settles(cast) {
                return false;
            }
        }
        if !published(cast, &only, 3) {
            return false;
        }
        let node = cast.nodes[2];
        cast.reboot(node, None);
        settles(cast)
    });
}

/// Without the replace rule, a node with another image does not get its disk, and with the old set gone neither does the old image.
#[test]
fn an_upgrade_needs_its_rule() {
    let mut cast = cast(7, &Plan::calm(), Casting::of(1, 0));
    assert!(settles(&mut cast));
    let both = Content {
        sets: vec![IMAGE, NEXT_IMAGE],
        seat_sets: vec![IMAGE, NEXT_IMAGE],
        ..cast.casting.content()
    };
    assert!(published(&mut cast, &both, 2));
    let node = cast.nodes[0];
    cast.reboot(node, Some(NEXT_IMAGE));
    assert!(!cast.settle(120));
    let refused = cast.refusals(cast.first);
    assert!(refused.contains(&(Code::POLICY, "S0: set allowed or replaced, class")), "{refused:?}");
    assert_eq!(cast.broken(), Vec::new());
}

fn published(cast: &mut Cast, content: &Content, epoch: u32) -> bool {
    for _ in 0..20 {
        cast.publish(content);
        let done = cast.run_until(120, |cast| {
            let cluster = cast.cluster().unwrap();
            cast.world.store(&cluster).and_then(|store| store.tip()).is_some_and(|tip| tip.epoch >= epoch)
        });
        if done {
            return true;
        }
    }
    false
}

/// Seats that are cut off decide nothing, and join again what was decided without them.
#[test]
fn a_partition_heals() {
    for seed in SEEDS {
        let mut cast = cast(seed, &Plan::calm(), Casting::of(4, 2));
        assert!(settles(&mut cast));
        let (from, cut) = (cast.world.now(), cast.nodes[1]);
        let until = from.after(200_000_000);
        cast.world.plan.partitions.push(Partition { from, until, hosts: vec![cut, cast.nodes[3]] });
        cast.reboot(cast.nodes[2], None);
        cast.reboot(cast.nodes[3], None);
        cast.run_for(150);
        assert!(cast.is_member(cast.nodes[2]), "seed {seed}: on the side of the quorum");
        assert!(!cast.is_member(cast.nodes[3]), "seed {seed}: on the other side");
        let well = settles(&mut cast);
        ends_well(&cast, "partition", seed, well);
    }
}

#[test]
fn one_seed_is_one_run() {
    let run = |seed| {
        let mut cast = cast(seed, &Plan::rough(), Casting::of(4, 1));
        settles(&mut cast);
        (cast.world.trace.digest(), cast.world.trace.count())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

/// A crash ahead of every output of every host, of the process and of the machine.
#[test]
fn a_crash_anywhere_heals() {
    let casting = Casting::of(1, 0);
    let mut calm = cast(7, &Plan::calm(), casting);
    assert!(settles(&mut calm));
    for host in calm.world.hosts().iter().map(|host| (host.id, host.outputs())) {
        for output in 1..=host.1 {
            for crash in [Crash::Process, Crash::Machine] {
                let crash_at = Some(CrashAt { host: host.0, output, crash });
                let plan = Plan { crash_at, ..Plan::calm() };
                let mut cast = cast(7, &plan, casting);
                let well = settles(&mut cast);
                ends_well(&cast, &format!("{crash_at:?}"), 7, well);
            }
        }
    }
}
