//! A warm verification takes nothing from the heap; a quote's takes a few times the evidence, whatever the log says.

use std::alloc::System;
use std::hint::black_box;

use attest_core::crypto::BUILT_IN;
use attest_core::tee::snp::Report;
use benches::Fixture;
use benches::tpm::TpmFixture;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// In one test, for the count is the whole process's.
#[test]
fn verification_allocates_nothing_or_little() {
    warm_verification_allocates_nothing();
    quotes_allocate_a_few_times_their_evidence();
}

fn quotes_allocate_a_few_times_their_evidence() {
    for count in [25, 150, 10_000] {
        let fixture = TpmFixture::new(count);
        let provider = BUILT_IN[0];
        assert!(fixture.holds(provider));
        let region = Region::new(ALLOCATOR);
        assert!(fixture.holds(provider));
        let change = region.change();
        let evidence = fixture.evidence.bytes.len();
        println!(
            "{count} events: {} allocations, {} bytes for {evidence}",
            change.allocations, change.bytes_allocated
        );
        assert!(change.bytes_allocated <= 3 * evidence + 64 * 1024 && change.allocations < 100);
    }
}

fn warm_verification_allocates_nothing() {
    let fixture = Fixture::new();
    for provider in BUILT_IN {
        let store = fixture.warm_store(provider);
        // Providers set themselves up in their first call.
        black_box(fixture.warm(&store, provider));
        let region = Region::new(ALLOCATOR);
        let report = Report::parse(black_box(&fixture.evidence.bytes)).is_ok();
        let verified = fixture.warm(&store, provider);
        let change = region.change();
        assert!(report && !verified.checks().is_empty());
        println!("{}: {} allocations, {} bytes", provider.name, change.allocations, change.bytes_allocated);
        assert_eq!((change.allocations, change.reallocations), (0, 0), "{}", provider.name);
    }
}
