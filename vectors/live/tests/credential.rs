//! Our challenge, a TPM's answer; the tools' challenge, our reading of it.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::tee::vtpm::credential::{
    Activation, EncryptedSecret, Form, IdObject, RANDOM_LEN, Randomness, Response, Sensitive, Start,
    TrustedEk,
};
use attest_core::tee::vtpm::{Key, Name, Public};
use vectors_live::{AkKind, EkKind, KeyFiles, LiveTpm};

const SESSION: &[u8] = b"the transcript of a session";

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The name that we compute is the one that the TPM computes.
fn name(key: &KeyFiles) -> Name {
    let name = Public::parse(&key.public).unwrap().name(&PROVIDER).unwrap();
    assert_eq!(name.as_bytes(), key.name);
    name
}

#[test]
fn a_tpm_opens_our_credentials_and_no_others() {
    let Some(tpm) = LiveTpm::start("a_tpm_opens_our_credentials_and_no_others") else { return };
    for ek_kind in EkKind::ALL {
        let ek = tpm.create_ek(ek_kind);
        let ek_name = name(&ek);
        let trusted = TrustedEk::pinned(&ek.public, &ek_name, &PROVIDER).unwrap();
        let ak = tpm.create_ak(AkKind::ALL[0]);
        let ak_name = name(&ak);
        for form in [Form::Mac, Form::Secret] {
            let start = Start::new(&trusted, &ak.public, SESSION, form, at(10));
            let random = Randomness::new([0x5c; RANDOM_LEN]);
            let (mut activation, challenge) = Activation::start(start, &random, &PROVIDER).unwrap();
            let secret = tpm.activate_credential(&ek, &ak, &challenge).expect("the TPM opens it");
            let response = match form {
                Form::Mac => Response::prove(&Sensitive::new(&secret), &ek_name, &ak_name, SESSION),
                Form::Secret => Response::secret(&secret),
            };
            let activated = activation.answer(&response, at(10)).unwrap();
            assert_eq!((activated.ek().name(), activated.ak_name()), (Some(&ek_name), &ak_name));

            let mut changed = challenge.clone();
            *changed.id_object.last_mut().unwrap() ^= 1;
            assert_eq!(tpm.activate_credential(&ek, &ak, &changed), None, "{ek_kind:?}");
        }
        // Another attestation key of the same TPM does not open it.
        let start = Start::new(&trusted, &ak.public, SESSION, Form::Mac, at(10));
        let random = Randomness::new([0x5d; RANDOM_LEN]);
        let (_, challenge) = Activation::start(start, &random, &PROVIDER).unwrap();
        let other = tpm.create_ak(AkKind::ALL[4]);
        assert_eq!(tpm.activate_credential(&ek, &other, &challenge), None, "{ek_kind:?}");
    }
}

#[test]
fn the_tools_credentials_have_the_form_that_we_read() {
    let Some(tpm) = LiveTpm::start("the_tools_credentials_have_the_form_that_we_read") else { return };
    for kind in EkKind::ALL {
        let (ek, secret) = (tpm.create_ek(kind), [7; 32]);
        let ak = tpm.create_ak(AkKind::ALL[4]);
        let public = Public::parse(&ek.public).unwrap();
        let challenge = tpm.make_credential(&ek, &ak, &secret);
        let id_object = IdObject::parse(&challenge.id_object).unwrap();
        assert_eq!(id_object.integrity.len(), public.name_alg().digest_len().unwrap());
        assert_eq!(id_object.identity.len(), 34);
        match public.key() {
            Key::Rsa { modulus, .. } => {
                let EncryptedSecret::Rsa(cipher) =
                    EncryptedSecret::parse_rsa(&challenge.encrypted_secret).unwrap()
                else {
                    panic!()
                };
                assert_eq!(cipher.len(), modulus.len());
            }
            Key::Ecc { curve, .. } => {
                let EncryptedSecret::Ecc { x, y } =
                    EncryptedSecret::parse_ecc(&challenge.encrypted_secret).unwrap()
                else {
                    panic!()
                };
                assert_eq!(
                    [x.len(), y.len()].map(Some),
                    [curve.curve().map(attest_core::crypto::Curve::field_len); 2]
                );
            }
        }
        assert_eq!(tpm.activate_credential(&ek, &ak, &challenge), Some(secret.to_vec()), "{kind:?}");
    }
}
