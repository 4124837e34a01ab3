//! Verifies one SEV-SNP report with crate `sev` and prints the median time of a verification.

use std::path::Path;
use std::time::Instant;

use sev::certs::snp::{Certificate, Chain, Verifiable, builtin::milan, ca};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

const ROUNDS: usize = 300;
const NAME: &str = if cfg!(feature = "openssl") { "sev_crate" } else { "sev_crate_pure" };

fn main() {
    let dir = std::env::args().nth(1).expect("usage: peer-sev DIRECTORY WITH report.bin AND vcek.der");
    let read = |name: &str| std::fs::read(Path::new(&dir).join(name)).expect("the file is there");
    let (report, vcek) = (read("report.bin"), read("vcek.der"));
    // With `parsed` the roots are parsed once, outside the measurement; else as the crate hands them out, at each call.
    let parsed_once = std::env::args().nth(2).is_some_and(|word| word == "parsed");
    let roots = || (milan::ark().expect("built in"), milan::ask().expect("built in"));
    let once = roots();
    let mut times: Vec<u128> = Vec::new();
    for round in 0..ROUNDS + ROUNDS / 10 {
        let start = Instant::now();
        let (ark, ask) = if parsed_once { once.clone() } else { roots() };
        let parsed = AttestationReport::from_bytes(&report).expect("a report");
        let chain = Chain { ca: ca::Chain { ark, ask }, vek: Certificate::from_der(&vcek).expect("a certificate") };
        (&chain, &parsed).verify().expect("it verifies");
        let spent = start.elapsed().as_nanos();
        if round >= ROUNDS / 10 {
            times.push(spent);
        }
    }
    times.sort_unstable();
    let with = if parsed_once { "_roots_parsed_once" } else { "" };
    println!("{NAME}{with} {}", times[times.len() / 2]);
}
