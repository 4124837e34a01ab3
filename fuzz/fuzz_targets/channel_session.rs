//! Whoever is open has seen what the other end sent; a stranger's bytes end a session or change nothing, in one piece and in two.
#![no_main]

use attestrap_fuzz::channel::{run, stranger};
use bootstrap_core::channel::binding::Side;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| match input {
    [side @ 0x80..=0xff, first, bytes @ ..] => {
        let side = if side % 2 == 1 { Side::Server } else { Side::Client };
        let whole = stranger(side, bytes, bytes.len());
        assert_eq!(stranger(side, bytes, usize::from(*first)), whole);
    }
    [order, script @ ..] => {
        run(*order, script);
    }
    [] => {}
});
