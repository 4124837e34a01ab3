//! Instruction counts: what a shared machine can compare from one run to the next.
#![allow(missing_docs, reason = "the macros of gungraun make public items without docs")]

use std::hint::black_box;

use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::tee::snp::Report;
use attest_core::{Claims, Store, Verdict, Verified};
use benches::Fixture;
use benches::tpm::TpmFixture;
use gungraun::{library_benchmark, library_benchmark_group, main};

fn warm_setup() -> (Fixture, Store) {
    let fixture = Fixture::new();
    let store = fixture.warm_store(&PROVIDER);
    (fixture, store)
}

fn judge_setup() -> (Fixture, Verified<Claims>) {
    let fixture = Fixture::new();
    let verified = fixture.cold(&PROVIDER);
    (fixture, verified)
}

#[library_benchmark]
#[bench::real(setup = Fixture::new)]
fn parse(fixture: Fixture) -> bool {
    Report::parse(black_box(&fixture.evidence.bytes)).is_ok()
}

#[library_benchmark]
#[bench::real(setup = Fixture::new)]
fn cold(fixture: Fixture) -> Verified<Claims> {
    fixture.cold(&PROVIDER)
}

#[library_benchmark]
#[bench::real(setup = warm_setup)]
fn warm((fixture, store): (Fixture, Store)) -> Verified<Claims> {
    fixture.warm(&store, &PROVIDER)
}

#[library_benchmark]
#[bench::real(setup = judge_setup)]
fn policy((fixture, verified): (Fixture, Verified<Claims>)) -> Verdict {
    fixture.policy.judge(verified)
}

fn tpm_judge_setup() -> (TpmFixture, Verified<Claims>) {
    let fixture = TpmFixture::new(150);
    let verified = fixture.verify(&PROVIDER);
    (fixture, verified)
}

#[library_benchmark]
#[bench::events_150(setup = TpmFixture::new, args = (150))]
fn tpm_quote(fixture: TpmFixture) -> bool {
    fixture.holds(&PROVIDER)
}

#[library_benchmark]
#[bench::events_150(setup = TpmFixture::new, args = (150))]
#[bench::events_10000(setup = TpmFixture::new, args = (10_000))]
fn tpm_replay(fixture: TpmFixture) -> usize {
    fixture.replay(&PROVIDER)
}

#[library_benchmark]
#[bench::events_150(setup = TpmFixture::new, args = (150))]
#[bench::events_10000(setup = TpmFixture::new, args = (10_000))]
fn tpm_hashing(fixture: TpmFixture) -> [[u8; 32]; 24] {
    fixture.hash()
}

#[library_benchmark]
#[bench::events_150(setup = tpm_judge_setup)]
fn tpm_policy((fixture, verified): (TpmFixture, Verified<Claims>)) -> Verdict {
    fixture.policy.judge(verified)
}

library_benchmark_group!(name = snp, benchmarks = [parse, cold, warm, policy]);
library_benchmark_group!(name = tpm, benchmarks = [tpm_quote, tpm_replay, tpm_hashing, tpm_policy]);
main!(library_benchmark_groups = snp, tpm);
