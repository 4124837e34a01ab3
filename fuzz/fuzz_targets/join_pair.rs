//! However a first node and one that joins are disturbed, the invariants of protocol section 12 hold.
#![no_main]

use attestrap_fuzz::pairs::run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    run(input, false);
});
