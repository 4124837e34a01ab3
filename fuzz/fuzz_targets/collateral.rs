//! Collateral is added whole or not at all; adding it again adds nothing; a bundle carries it.
#![no_main]

use attest_core::Store;
use attest_core::collateral::Collateral;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut collateral = Collateral::new();
    match collateral.add(bytes) {
        Ok(added) => {
            assert_eq!(collateral.certificates().chain(collateral.crls()).count(), added);
            assert_eq!(collateral.add(bytes), Ok(0));
            let mut again = Collateral::new();
            for der in collateral.certificates().chain(collateral.crls()) {
                assert_eq!(again.add(der), Ok(1));
            }
            assert_eq!(again, collateral);
            let bundle = Store::with(collateral.clone()).to_bundle();
            assert_eq!(Store::from_bundle(&bundle).expect("our own bundle").supplied(), &collateral);
        }
        Err(error) => assert!(collateral.is_empty() && !error.to_string().is_empty()),
    }
});
