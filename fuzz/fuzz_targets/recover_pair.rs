//! However a member that comes back is disturbed, and whoever brings its disk back, the invariants of protocol section 12 hold.
#![no_main]

use attestrap_fuzz::pairs::run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    run(input, true);
});
