//! A storm: all nodes of a cluster boot within ten seconds and want to join, while things go wrong; and what a join service does in a
//! second when evidence is slow to make.
//!
//! ```text
//! cargo run --release -p bootstrap-core --features sim --example storm -- [--nodes 1000,10000,100000] [--svg FILE]
//! ```
//!
//! Machines, admission and backoff are those that ship. Network, clocks, devices and keys are simulated, so the figures are about the
//! protocol and the memory of its states, and not about the arithmetic of signatures: one judgement of a peer counts as [`JUDGING`].

use std::alloc::System;
use std::fmt::Write as _;
use std::time::Instant;

use bootstrap_core::sim::cast::{Cast, Casting};
use bootstrap_core::sim::clock::Time;
use bootstrap_core::sim::host::Evidence;
use bootstrap_core::sim::plan::Plan;
use bootstrap_core::sim::trace::Trace;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a service's processor needs for one peer, in microseconds: a TLS handshake with a hybrid key exchange, one report, one chain.
const JUDGING: u64 = 1_000;
/// Seats that answer, beside the first one.
const SEATS: u32 = 2;
/// Nobody waits longer than that, in simulated seconds.
const LONGEST: u64 = 7_200;

fn main() {
    let mut sizes = vec![1_000, 10_000, 100_000];
    let mut svg = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| usage());
        match argument.as_str() {
            "--nodes" => {
                sizes = value.split(',').map(|size| size.parse().unwrap_or_else(|_| usage())).collect()
            }
            "--svg" => svg = Some(value),
            _ => usage(),
        }
    }
    println!(
        "{SEATS} seats and the first node answer; two judges each, {JUDGING} us a peer; evidence 140 ms, batched"
    );
    println!(
        "| nodes | members | wall s | simulated s | joins / simulated s | events | bytes a node, peak | sent again | broken |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let storms: Vec<Storm> = sizes.iter().map(|nodes| storm(*nodes)).collect();
    println!();
    println!("one seat, {CLIENTS} newcomers within a second, no faults");
    println!(
        "| evidence takes | joins / s, one by one | joins / s, batched | batched, of what no wait allows |"
    );
    println!("| ---: | ---: | ---: | ---: |");
    let mut rates = Vec::new();
    for takes in [0, 140_000, 1_000_000] {
        let rate = [false, true].map(|batched| throughput(takes, batched));
        let best = rates.first().map_or(rate[1], |first: &(u64, [f64; 2])| first.1[1]);
        rates.push((takes, rate));
        println!(
            "| {} ms | {:.1} | {:.1} | {:.0} % |",
            takes / 1_000,
            rate[0],
            rate[1],
            100.0 * rate[1] / best
        );
    }
    if let Some(file) = svg {
        std::fs::write(&file, plot(&storms, &rates)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

fn usage() -> ! {
    eprintln!("storm [--nodes N,N,..] [--svg FILE]");
    std::process::exit(2);
}

struct Storm {
    nodes: u32,
    seconds: f64,
    bytes: f64,
    /// Members at each simulated second.
    members: Vec<usize>,
}

fn storm(nodes: u32) -> Storm {
    let plan = Plan {
        latency: 500..20_000,
        loss: 10_000,
        duplicate: 5_000,
        reorder: 20_000,
        reset: 2_000,
        crash: 2,
        no_collateral: 5_000,
        driver: 20_000,
        drift: 200,
        ..Plan::calm()
    };
    let before = ALLOCATOR.stats();
    let held = || {
        let now = ALLOCATOR.stats();
        (now.bytes_allocated - before.bytes_allocated) as f64
            - (now.bytes_deallocated - before.bytes_deallocated) as f64
    };
    let started = Instant::now();
    let mut cast = Cast::new(
        u64::from(nodes),
        plan,
        Trace::hashed(),
        Casting { within: 10, ..Casting::of(nodes, SEATS) },
    );
    let everybody: Vec<_> = cast.world.hosts().iter().map(|host| host.id).collect();
    for host in everybody {
        cast.world.equip(host, Evidence { takes: 140_000, batched: true }, 0);
    }
    for seat in cast.services.clone().iter() {
        cast.world.equip(*seat, Evidence { takes: 140_000, batched: true }, JUDGING);
        cast.world.admit(*seat, 2, 1_000_000 / JUDGING as u32);
    }
    let mut storm = Storm { nodes, seconds: 0.0, bytes: 0.0, members: Vec::new() };
    let begun = 60;
    for second in begun.. {
        cast.world.run(Time::from_secs(second), u64::MAX).unwrap_or_else(|error| panic!("{error}"));
        cast.world.rest(Time::from_secs(second));
        if second % 600 == 0 {
            cast.attend();
        }
        storm.bytes = f64::max(storm.bytes, held() / f64::from(nodes));
        let members = cast.nodes.iter().filter(|node| cast.is_member(**node)).count();
        storm.members.push(members);
        if members == cast.nodes.len() || second > LONGEST {
            break;
        }
    }
    storm.seconds = storm.members.len() as f64;
    let (figures, members) = (cast.world.figures(), *storm.members.last().unwrap_or(&0));
    println!(
        "| {nodes} | {members} | {:.1} | {:.0} | {:.0} | {} | {:.0} | {} | {} |",
        started.elapsed().as_secs_f64(),
        storm.seconds,
        members as f64 / storm.seconds,
        figures.steps,
        storm.bytes,
        figures.lost,
        figures.broken,
    );
    storm
}

/// Enough that a seat never runs out of work in the middle.
const CLIENTS: u32 = 2_000;

fn throughput(takes: u64, batched: bool) -> f64 {
    let mut cast =
        Cast::new(7, Plan::calm(), Trace::hashed(), Casting { within: 1, ..Casting::of(CLIENTS, 0) });
    let service = cast.first;
    cast.world.equip(service, Evidence { takes, batched }, JUDGING);
    cast.world.admit(service, 2, 1_000_000 / JUDGING as u32);
    let begun = Time::from_secs(60);
    let mut at = begun;
    let mut members = 0;
    while members < cast.nodes.len() && at < begun.after(120_000_000) {
        at = at.after(100_000);
        cast.world.run(at, u64::MAX).unwrap_or_else(|error| panic!("{error}"));
        cast.world.rest(at);
        members = cast.nodes.iter().filter(|node| cast.is_member(**node)).count();
    }
    members as f64 * 1e6 / (at.as_micros() - begun.as_micros()) as f64
}

/// Two charts side by side: members over time, and joins a second by how long evidence takes.
fn plot(storms: &[Storm], rates: &[(u64, [f64; 2])]) -> String {
    const COLOURS: [&str; 4] = ["#1b6ca8", "#c8553d", "#588157", "#6d597a"];
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"360\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"900\" height=\"360\" fill=\"white\"/>\n\
         <text x=\"40\" y=\"24\">Members, of all nodes, over simulated time</text>\n\
         <path d=\"M40 40V320H430\" fill=\"none\" stroke=\"black\"/>\n",
    );
    let longest = storms.iter().map(|storm| storm.seconds).fold(1.0, f64::max);
    for (storm, colour) in storms.iter().zip(COLOURS) {
        let mut path = String::from("M40 320");
        for (second, members) in storm.members.iter().enumerate() {
            let x = 40.0 + 390.0 * second as f64 / longest;
            let y = 320.0 - 280.0 * *members as f64 / f64::from(storm.nodes);
            let _ = write!(path, "L{x:.1} {y:.1}");
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
    }
    for (row, (storm, colour)) in storms.iter().zip(COLOURS).enumerate() {
        let y = 240 + 20 * row;
        let _ = writeln!(
            svg,
            "<text x=\"230\" y=\"{y}\" fill=\"{colour}\">{} nodes, {:.1} KiB each</text>",
            storm.nodes,
            storm.bytes / 1024.0
        );
    }
    let _ =
        writeln!(svg, "<text x=\"40\" y=\"336\">0 s</text><text x=\"400\" y=\"336\">{longest:.0} s</text>");
    svg.push_str("<text x=\"480\" y=\"24\">Joins a second by one seat, by how long evidence takes</text>\n");
    svg.push_str("<path d=\"M480 40V320H880\" fill=\"none\" stroke=\"black\"/>\n");
    let best = rates.iter().flat_map(|(_, rate)| rate).fold(1.0, |best: f64, rate| best.max(*rate));
    for (group, (takes, rate)) in rates.iter().enumerate() {
        for (bar, (rate, colour)) in rate.iter().zip(COLOURS).enumerate() {
            let (x, height) = (500 + 130 * group + 50 * bar, 270.0 * rate / best);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{:.1}\" width=\"44\" height=\"{height:.1}\" fill=\"{colour}\"/>\
                 <text x=\"{x}\" y=\"{:.1}\">{rate:.0}</text>",
                320.0 - height,
                316.0 - height
            );
        }
        let _ = writeln!(svg, "<text x=\"{}\" y=\"336\">{} ms</text>", 510 + 130 * group, takes / 1_000);
    }
    let _ = writeln!(
        svg,
        "<text x=\"720\" y=\"60\" fill=\"{}\">one by one</text><text x=\"720\" y=\"80\" fill=\"{}\">batched</text>\n</svg>",
        COLOURS[0], COLOURS[1]
    );
    svg
}
