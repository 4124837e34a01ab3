//! Wall time by provider.

use attest_core::crypto::BUILT_IN;
use attest_core::tee::snp::Report;
use attest_core::{explain, verdict_to_json};
use benches::Fixture;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::new();
    bencher.bench(|| Report::parse(black_box(&fixture.evidence.bytes)).is_ok());
}

#[divan::bench(args = 0..BUILT_IN.len())]
fn cold(bencher: Bencher<'_, '_>, provider: usize) {
    let fixture = Fixture::new();
    bencher.bench(|| fixture.cold(BUILT_IN[provider]));
}

#[divan::bench(args = 0..BUILT_IN.len())]
fn warm(bencher: Bencher<'_, '_>, provider: usize) {
    let fixture = Fixture::new();
    let store = fixture.warm_store(BUILT_IN[provider]);
    bencher.bench(|| fixture.warm(&store, BUILT_IN[provider]));
}

#[divan::bench]
fn policy(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::new();
    let verified = fixture.cold(BUILT_IN[0]);
    bencher.bench(|| fixture.policy.judge(verified.clone()));
}

#[divan::bench]
fn text(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::new();
    let verdict = fixture.policy.judge(fixture.cold(BUILT_IN[0]));
    bencher.bench(|| explain::verdict(&verdict, explain::Style::Plain, explain::Detail::Full));
}

#[divan::bench]
fn json(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::new();
    let verdict = fixture.policy.judge(fixture.cold(BUILT_IN[0]));
    bencher.bench(|| verdict_to_json(&verdict));
}
