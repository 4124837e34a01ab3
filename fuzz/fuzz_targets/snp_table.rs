//! Entries of a certificate table lie inside it, behind its header, and apart from each other.
#![no_main]

use attest_core::tee::snp::{collateral_of_table, parse_table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse_table(bytes) {
        Ok(entries) => {
            let mut free_from = (entries.len() + 1) * 24;
            let mut ranges: Vec<_> = entries.iter().map(|e| (e.offset as usize, e.data)).collect();
            ranges.sort_unstable_by_key(|(at, _)| *at);
            for (at, data) in ranges {
                assert!(at >= free_from && !data.is_empty());
                assert_eq!(&bytes[at..at + data.len()], data);
                free_from = at + data.len();
            }
        }
        Err(error) => assert!(error.offset <= bytes.len() && !error.to_string().is_empty()),
    }
    let _ = collateral_of_table(bytes).map_err(|error| error.to_string());
});
