//! A public area is read or refused; what is read is the bytes received, and its name covers all of them.
#![no_main]

use attest_core::crypto::ring;
use attest_core::tee::vtpm::{Hierarchy, Key, Name, Public};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Public::parse(bytes) {
        Ok(public) => {
            assert_eq!(public.as_bytes(), bytes);
            if let Some(hash) = public.name_alg().hash() {
                let digest = ring::PROVIDER.digest(hash, &[bytes]).expect("a hash");
                let whole = [&public.name_alg().0.to_be_bytes(), digest.as_bytes()].concat();
                let name = public.name(&ring::PROVIDER).expect("a hash");
                assert_eq!(Some(&name), Name::from_bytes(&whole).as_ref());
                let qualified = name.qualified(&Hierarchy::Owner.handle(), &ring::PROVIDER).expect("a hash");
                assert_ne!(name, qualified);
            }
            match public.key() {
                Key::Rsa { bits, modulus, .. } => assert_eq!(usize::from(bits), modulus.len() * 8),
                Key::Ecc { curve, x, y } => {
                    assert!(curve.curve().is_none_or(|curve| [x.len(), y.len()] == [curve.field_len(); 2]));
                }
            }
        }
        Err(error) => assert!(error.offset <= bytes.len() && !error.to_string().is_empty()),
    }
});
