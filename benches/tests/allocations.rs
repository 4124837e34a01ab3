//! A warm verification takes nothing from the heap.

use std::alloc::System;
use std::hint::black_box;

use attest_core::crypto::BUILT_IN;
use attest_core::tee::snp::Report;
use benches::Fixture;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
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
