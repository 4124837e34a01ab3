//! Live quotes through the whole line: every kind of key, both banks, every way in which a key is vouched for.

use std::collections::BTreeMap;
use std::slice::from_ref;
use std::time::Duration;

use attest_core::claims::Root;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::crypto::{HashAlgorithm, SignatureAlgorithm};
use attest_core::rules::{OneOf, Registers};
use attest_core::tee::vtpm::certify::CertifiedKey;
use attest_core::tee::vtpm::credential::{
    Activation, Challenge, EncryptedSecret, Form, IdObject, RANDOM_LEN, Randomness, Response, Sensitive,
    Start, TrustedEk,
};
use attest_core::tee::vtpm::signed::SignedBy;
use attest_core::tee::vtpm::{
    self, AkPath, Hierarchy, Key, Name, Public, Signature, SignatureValue, TYPE_CERTIFY, TpmQuote, TrustedAk,
};
use attest_core::values::Digest;
use attest_core::{Claims, UnixTime, Verdict};
use vectors_live::{AkKind, CERTIFY_NONCE, EkKind, Judge, KeyFiles, LiveTpm, evidence, failed};

const NONCE: &[u8] = &[0xa5; 32];
const SELECTIONS: [&str; 3] = ["sha256:0,7,11", "sha384:4,11", "sha384:4+sha256:0,11"];

fn name(key: &KeyFiles) -> Name {
    Name::from_bytes(&key.name).expect("a name")
}

fn pinned(key: &KeyFiles) -> TrustedAk {
    TrustedAk::pinned(name(key))
}

/// The strict policy, with the registers of a quote as they are.
fn policy(quote: &TpmQuote) -> vtpm::Policy {
    let registers: BTreeMap<_, _> = quote
        .pcrs
        .iter()
        .map(|pcr| {
            let bank = pcr.bank.hash().expect("a bank");
            ((bank, pcr.index), OneOf::only(Digest::new(&pcr.value).expect("a digest")))
        })
        .collect();
    vtpm::Policy::strict(OneOf::only(Root::Caller), Registers::Listed(registers))
}

fn claims(verdict: &Verdict) -> &vtpm::Claims {
    let Claims::Vtpm(claims) = verdict.claims() else { panic!("claims of another format") };
    claims
}

/// A quote by this key is accepted, with the claims that it covers and no others.
fn accepted(tpm: &LiveTpm, ak: &KeyFiles, kind: AkKind, trusted: TrustedAk, path: AkPath) -> vtpm::Claims {
    let quote = tpm.quoted(ak, kind, "sha256:0,7,11", NONCE);
    let verdict = Judge::new(&[trusted], NONCE).judge(&evidence(ak, from_ref(&quote), &[]), policy(&quote));
    assert!(verdict.is_accepted(), "{kind:?}: {:?}", failed(verdict.checks()));
    let claims = claims(&verdict);
    assert_eq!((claims.ak_path(), claims.ak_name()), (path, Some(&name(ak))));
    claims.clone()
}

#[test]
fn quotes_of_every_key_and_bank_are_accepted() {
    let Some(tpm) = LiveTpm::start("quotes_of_every_key_and_bank_are_accepted") else { return };
    tpm.create_ek(EkKind::Rsa2048);
    tpm.extend(11, "sha256", &[1; 32]);
    tpm.extend(4, "sha384", &[2; 48]);
    for kind in AkKind::ALL {
        let ak = tpm.create_ak(kind);
        let judge = Judge::new(&[pinned(&ak)], NONCE);
        for selection in SELECTIONS {
            let quote = tpm.quoted(&ak, kind, selection, NONCE);
            let verdict = judge.judge(&evidence(&ak, from_ref(&quote), &[]), policy(&quote));
            assert!(verdict.is_accepted(), "{kind:?} {selection}: {:?}", failed(verdict.checks()));
            let claims = claims(&verdict);
            assert_eq!(claims.pcrs().iter().count(), quote.pcrs.len());
            for pcr in &quote.pcrs {
                let value =
                    claims.pcrs().get(pcr.bank.hash().unwrap(), pcr.index).expect("a quoted register");
                assert_eq!(value.as_bytes(), pcr.value);
            }
            assert_eq!((claims.ak_path(), claims.root()), (AkPath::Pinned, Root::Caller));
            // It has the endorsement key as its parent.
            assert_eq!(claims.hierarchy(), None);
            assert!(claims.fresh() && claims.log().is_none());
        }
        // The same machine a moment later: the policy names the register that moved.
        let before = policy(&tpm.quoted(&ak, kind, SELECTIONS[0], NONCE));
        tpm.extend(11, "sha256", &[3; 32]);
        let quote = tpm.quoted(&ak, kind, SELECTIONS[0], NONCE);
        let verdict = judge.judge(&evidence(&ak, &[quote], &[]), before);
        assert_eq!(failed(verdict.checks()), ["vtpm.policy.pcr.11"], "{kind:?}");
    }
}

#[test]
fn two_quotes_of_two_banks_are_accepted_together() {
    let Some(tpm) = LiveTpm::start("two_quotes_of_two_banks_are_accepted_together") else { return };
    tpm.create_ek(EkKind::P384);
    let kind = AkKind::ALL[5];
    let ak = tpm.create_ak(kind);
    let quotes = ["sha256:0,1,2", "sha384:0,1,2"].map(|selection| tpm.quoted(&ak, kind, selection, NONCE));
    let verified = Judge::new(&[pinned(&ak)], NONCE).verify(&evidence(&ak, &quotes, &[])).unwrap();
    let Claims::Vtpm(claims) = verified.claims() else { panic!() };
    assert_eq!(claims.pcrs().iter().count(), 6);
    assert_eq!(claims.pcrs().banks().collect::<Vec<_>>(), [HashAlgorithm::Sha256, HashAlgorithm::Sha384]);
}

/// libtpms makes the salt as long as the digest, and has no command that would ask for another: the largest salt, which other
/// TPMs make, is a case of attest-core's own tests.
#[test]
fn a_salt_is_as_long_as_its_digest() {
    let Some(tpm) = LiveTpm::start("a_salt_is_as_long_as_its_digest") else { return };
    tpm.create_ek(EkKind::Rsa2048);
    for (kind, algorithm) in [
        (AkKind::ALL[2], SignatureAlgorithm::RsaPssSha256),
        (AkKind::ALL[3], SignatureAlgorithm::RsaPssSha384),
    ] {
        let ak = tpm.create_ak(kind);
        let quote = tpm.quote(&ak, kind, "sha256:0", NONCE);
        let Key::Rsa { modulus, .. } = Public::parse(&ak.public).unwrap().key() else { panic!() };
        let SignatureValue::Rsa(signature) = Signature::parse(&quote.signature).unwrap().value else {
            panic!()
        };
        // RSAPublicKey: a modulus of 257 octets with its sign, and 65537.
        let der = [b"\x30\x82\x01\x0a\x02\x82\x01\x01\0", modulus, b"\x02\x03\x01\0\x01"].concat();
        assert_eq!(PROVIDER.verify(algorithm, &der, &quote.attest, signature), Ok(Ok(())), "{kind:?}");
    }
}

#[test]
fn an_activated_key_is_trusted() {
    let Some(tpm) = LiveTpm::start("an_activated_key_is_trusted") else { return };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(10));
    for (ek_kind, kind) in EkKind::ALL.into_iter().zip([AkKind::ALL[0], AkKind::ALL[2], AkKind::ALL[4]]) {
        let ek = tpm.create_ek(ek_kind);
        let ak = tpm.create_ak(kind);
        let trusted = TrustedEk::pinned(&ek.public, &name(&ek), &PROVIDER).unwrap();
        let start = Start::new(&trusted, &ak.public, b"a session", Form::Mac, now);
        let random = Randomness::new([0x5c; RANDOM_LEN]);
        let (mut activation, challenge) = Activation::start(start, &random, &PROVIDER).unwrap();
        let secret = tpm.activate_credential(&ek, &ak, &challenge).expect("the TPM opens it");
        let response = Response::prove(&Sensitive::new(&secret), &name(&ek), &name(&ak), b"a session");
        let activated = activation.answer(&response, now).unwrap();
        let trusted = TrustedAk::activated(&activated);
        accepted(&tpm, &ak, kind, trusted.clone(), AkPath::Activation);
        // Another key of the same TPM gains nothing by it.
        let other = tpm.create_ak(AkKind::ALL[4]);
        let quote = tpm.quoted(&other, AkKind::ALL[4], "sha256:0", NONCE);
        let refused = Judge::new(&[trusted], NONCE).refuses(&evidence(&other, &[quote], &[]));
        assert_eq!(refused, ["vtpm.ak.trusted"], "{ek_kind:?}");
    }
}

/// The other way round: the tools make the credential, our parser reads it, what is written from its parts the TPM opens. The
/// caller compared the secret himself, so it is he who pins the key.
#[test]
fn a_key_that_the_tools_activated_is_pinned() {
    let Some(tpm) = LiveTpm::start("a_key_that_the_tools_activated_is_pinned") else { return };
    let sized = |part: &[u8]| [&u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    for ek_kind in EkKind::ALL {
        let (ek, kind) = (tpm.create_ek(ek_kind), AkKind::ALL[4]);
        let ak = tpm.create_ak(kind);
        let made = tpm.make_credential(&ek, &ak, &[7; 32]);
        let id = IdObject::parse(&made.id_object).unwrap();
        let secret = match Public::parse(&ek.public).unwrap().key() {
            Key::Rsa { .. } => EncryptedSecret::parse_rsa(&made.encrypted_secret),
            Key::Ecc { .. } => EncryptedSecret::parse_ecc(&made.encrypted_secret),
        };
        let secret = match secret.unwrap() {
            EncryptedSecret::Rsa(cipher) => cipher.to_vec(),
            EncryptedSecret::Ecc { x, y } => [sized(x), sized(y)].concat(),
        };
        let id_object = [sized(id.integrity), id.identity.to_vec()].concat();
        let again = Challenge::new(sized(&id_object), sized(&secret));
        assert_eq!(again, made);
        assert_eq!(tpm.activate_credential(&ek, &ak, &again), Some(vec![7; 32]), "{ek_kind:?}");
        accepted(&tpm, &ak, kind, pinned(&ak), AkPath::Pinned);
    }
}

#[test]
fn a_certified_key_is_trusted() {
    let Some(tpm) = LiveTpm::start("a_certified_key_is_trusted") else { return };
    tpm.create_ek(EkKind::Rsa2048);
    let (first, second) = (AkKind::ALL[0], AkKind::ALL[4]);
    let ak = tpm.create_ak(first);
    let attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign";
    let subject = tpm.create_primary("subject", "ecc256:ecdsa-sha256:null", attributes);
    let files = tpm.certify(&ak, first, &subject);
    let certifier = Public::parse(&ak.public).unwrap();
    let trusted = pinned(&ak);
    let signed =
        SignedBy::verify(&files.attest, TYPE_CERTIFY, &files.signature, certifier, &trusted, &PROVIDER)
            .unwrap();
    let public = Public::parse(&subject.public).unwrap();
    let certified = CertifiedKey::check(&signed, public, CERTIFY_NONCE, &PROVIDER).unwrap();
    let claims = accepted(&tpm, &subject, second, TrustedAk::certified(&certified), AkPath::Certify);
    assert_eq!(claims.hierarchy(), Some(Hierarchy::Owner));
    // Its counters are obfuscated there, and a policy can say that they must not be.
    let quote = tpm.quoted(&subject, second, "sha256:0", NONCE);
    let judge = Judge::new(&[pinned(&subject)], NONCE);
    let mut policy = policy(&quote);
    policy.hierarchies = OneOf::only(Hierarchy::Endorsement);
    let verdict = judge.judge(&evidence(&subject, &[quote], &[]), policy);
    assert_eq!(failed(verdict.checks()), ["vtpm.policy.hierarchy"]);
}
