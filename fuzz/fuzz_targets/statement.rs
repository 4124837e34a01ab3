//! A chain goes on by one or not at all, a statement that it holds changes nothing, and what nobody signed is not believed.
#![no_main]

use attestrap_fuzz::protocol::{CHAIN, NOW, payloads};
use bootstrap_core::wire::Signed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(signed) = Signed::from_bytes(input) {
        assert_eq!(signed.to_bytes(), input);
        assert!(CHAIN.publish(&signed, *NOW).is_err() && CHAIN.voucher(&signed, *NOW).is_err());
    }
    let mut chain = CHAIN.clone();
    for signed in payloads(input) {
        assert_eq!(Signed::from_bytes(&signed.to_bytes()).as_ref(), Ok(&signed));
        let _ = chain.voucher(&signed, *NOW);
        let Ok(next) = chain.publish(&signed, *NOW) else { continue };
        let epoch = |tip: &bootstrap_core::authority::PolicyChain| tip.tip().map_or(0, |tip| tip.epoch);
        assert!(next == chain || epoch(&next) == epoch(&chain) + 1);
        assert_eq!(next.publish(&signed, *NOW).as_ref(), Ok(&next));
        assert_eq!(chain.catch_up([&signed], *NOW).as_ref(), Ok(&next));
        chain = next;
    }
});
