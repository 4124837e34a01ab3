//! What a live TPM signs and a verifier must not take: each by its own check.

use std::slice::from_ref;

use attest_core::crypto::HashAlgorithm;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::rules::{OneOf, Registers};
use attest_core::tee::vtpm::{
    self, AlgorithmId, Attest, AttestationKey, Attested, Name, PcrValue, TYPE_QUOTE, TpmEvidence, TpmQuote,
    TrustedAk,
};
use vectors_generate::tpm::AttestSpec;
use vectors_live::{AkKind, EkKind, Judge, KeyFiles, LiveTpm, evidence, failed};

const NONCE: &[u8] = &[0xa5; 32];
/// P-256, ECDSA, SHA-256.
const KIND: AkKind = AkKind::ALL[4];
const GOOD: [u8; 32] = [0x60; 32];

fn judge(keys: &[&KeyFiles]) -> Judge {
    let pinned = |key: &&KeyFiles| TrustedAk::pinned(Name::from_bytes(&key.name).expect("a name"));
    Judge::new(&keys.iter().map(pinned).collect::<Vec<_>>(), NONCE)
}

/// A TPM with an attestation key, and something in register 4.
fn start(test: &str) -> Option<(LiveTpm, KeyFiles)> {
    let tpm = LiveTpm::start(test)?;
    tpm.create_ek(EkKind::P256);
    tpm.extend(4, "sha256", &[1; 32]);
    let ak = tpm.create_ak(KIND);
    Some((tpm, ak))
}

/// The quote under these values.
fn with(quote: &TpmQuote, change: impl FnOnce(&mut Vec<PcrValue>)) -> TpmQuote {
    let mut quote = quote.clone();
    change(&mut quote.pcrs);
    quote
}

/// CVE-2024-29039: register 16, which anybody may reset and extend, stands behind a second entry of the same bank, and its value
/// is passed off as that of register 7.
#[test]
fn a_register_that_anybody_can_reset_stands_for_no_other() {
    let Some((tpm, ak)) = start("a_register_that_anybody_can_reset_stands_for_no_other") else { return };
    tpm.tool("tpm2_pcrreset", &["16"]);
    tpm.extend(16, "sha256", &GOOD);
    // The tool hands the list on as it is, and the TPM quotes it.
    let quote = tpm.quoted(&ak, KIND, "sha256:0,4+sha256:16", NONCE);
    let attest = Attest::parse_as(TYPE_QUOTE, &quote.attest).unwrap();
    let Attested::Quote { selection, pcr_digest } = attest.attested() else { panic!() };
    assert_eq!(selection.iter().map(|entry| entry.bank).collect::<Vec<_>>(), [AlgorithmId::SHA256; 2]);
    // It signs them in this order, so that without the rule the values would hold.
    let all: Vec<&[u8]> = quote.pcrs.iter().map(|pcr| pcr.value.as_slice()).collect();
    assert_eq!(PROVIDER.digest(HashAlgorithm::Sha256, &all).unwrap().as_bytes(), *pcr_digest);

    let judge = judge(&[&ak]);
    assert_eq!(judge.refuses(&evidence(&ak, from_ref(&quote), &[])), ["vtpm.quote.selection-bank"]);
    let spliced = with(&quote, |pcrs| pcrs[2].index = 7);
    let refused = judge.refuses(&evidence(&ak, &[spliced], &[]));
    assert_eq!(refused, ["vtpm.quote.selection-bank", "vtpm.pcr.selected", "vtpm.pcr.digest"]);
    // The same registers twice, and with another bank between.
    for selection in ["sha256:4+sha256:4", "sha256:4+sha384:4+sha256:16"] {
        let quote = tpm.quoted(&ak, KIND, selection, NONCE);
        let once = with(&quote, Vec::dedup);
        let refused = judge.refuses(&evidence(&ak, &[once], &[]));
        assert_eq!(refused, ["vtpm.quote.selection-bank"], "{selection}");
    }
}

#[test]
fn values_are_those_of_the_selection() {
    let Some((tpm, ak)) = start("values_are_those_of_the_selection") else { return };
    let quote = tpm.quoted(&ak, KIND, "sha256:4,7+sha384:4", NONCE);
    let judge = judge(&[&ak]);
    judge.verify(&evidence(&ak, from_ref(&quote), &[])).expect("the quote as it is");
    type Change = fn(&mut Vec<PcrValue>);
    let changes: [(&str, Change, &[&str]); 9] = [
        ("relabelled", |pcrs| pcrs[1].index = 8, &["vtpm.pcr.selected", "vtpm.pcr.digest"]),
        ("exchanged", |pcrs| (pcrs[0].index, pcrs[1].index) = (7, 4), &["vtpm.pcr.digest"]),
        (
            "another bank",
            |pcrs| pcrs[2].bank = AlgorithmId::SHA512,
            &["vtpm.pcr.selected", "vtpm.pcr.length", "vtpm.pcr.digest"],
        ),
        ("twice", |pcrs| pcrs.push(pcrs[0].clone()), &["vtpm.pcr.duplicate"]),
        (
            "twice, another value",
            |pcrs| pcrs.push(PcrValue { value: vec![9; 32], ..pcrs[1].clone() }),
            &["vtpm.pcr.duplicate"],
        ),
        ("a bank twice", |pcrs| pcrs.extend(pcrs.clone()), &["vtpm.pcr.duplicate"]),
        ("one more", |pcrs| pcrs.push(PcrValue { index: 9, ..pcrs[1].clone() }), &["vtpm.pcr.selected"]),
        ("one less", |pcrs| drop(pcrs.pop()), &["vtpm.pcr.selected", "vtpm.pcr.digest"]),
        (
            "borders moved",
            |pcrs| {
                let last = pcrs[0].value.pop().unwrap();
                pcrs[1].value.insert(0, last);
            },
            &["vtpm.pcr.length"],
        ),
    ];
    for (what, change, expected) in changes {
        let refused = judge.refuses(&evidence(&ak, &[with(&quote, change)], &[]));
        assert_eq!(refused, expected, "{what}");
    }
    // A quote that is handed over twice covers each register twice.
    let refused = judge.refuses(&evidence(&ak, &[quote.clone(), quote], &[]));
    assert_eq!(refused, ["vtpm.pcr.duplicate"]);
}

#[test]
fn a_quote_is_of_this_key_for_this_nonce() {
    let Some((tpm, ak)) = start("a_quote_is_of_this_key_for_this_nonce") else { return };
    let old = tpm.quoted(&ak, KIND, "sha256:4", &[0xa5; 31]);
    assert_eq!(judge(&[&ak]).refuses(&evidence(&ak, &[old], &[])), ["vtpm.quote.extra-data"]);
    let quote = tpm.quoted(&ak, KIND, "sha256:4", NONCE);
    assert_eq!(judge(&[]).refuses(&evidence(&ak, from_ref(&quote), &[])), ["vtpm.ak.trusted"]);
    // Every byte that was signed counts.
    let of = |quote: TpmQuote| evidence(&ak, &[quote], &[]);
    for at in 0..quote.attest.len() {
        let mut changed = quote.clone();
        changed.attest[at] ^= 1;
        assert!(judge(&[&ak]).verify(&of(changed)).is_err(), "byte {at}");
    }
    // Another key of the same kind: its public area under the quote of the first.
    let other = tpm.create_primary("other", "ecc256:ecdsa-sha256:null", AK);
    let refused = judge(&[&other]).refuses(&evidence(&other, &[quote], &[]));
    assert_eq!(refused, ["vtpm.quote.signature"]);
}

const AK: &str = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign";

/// A TPM quotes with any signing key. Only a restricted one that was made there and stays there counts.
#[test]
fn a_key_that_signs_anything_or_travels_is_refused() {
    let Some((tpm, _)) = start("a_key_that_signs_anything_or_travels_is_refused") else { return };
    for (name, attributes) in [
        ("unrestricted", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"),
        ("travels", "sensitivedataorigin|userwithauth|restricted|sign"),
    ] {
        let key = tpm.create_primary(name, "ecc256:ecdsa-sha256:null", attributes);
        let quote = tpm.quoted(&key, KIND, "sha256:4", NONCE);
        let refused = judge(&[&key]).refuses(&evidence(&key, &[quote], &[]));
        assert_eq!(refused, ["vtpm.ak.attributes"], "{name}");
    }
    // What the first is good for: a quote that no TPM made, of a register that nobody extended.
    let key = tpm.create_primary(
        "unrestricted",
        "ecc256:ecdsa-sha256:null",
        "sensitivedataorigin|userwithauth|sign",
    );
    let ak = tpm.create_primary("restricted", "ecc256:ecdsa-sha256:null", AK);
    let invented = AttestSpec::quote(
        &key.name,
        NONCE,
        (0x000b, [0x80, 0, 0]),
        PROVIDER.digest(HashAlgorithm::Sha256, &[&GOOD]).unwrap().as_bytes(),
    );
    let attest = invented.build();
    tpm.write("invented", &attest);
    let sign = |key: &KeyFiles| {
        ["-c", &key.context, "-g", "sha256", "-s", "ecdsa", "-f", "tss", "-o", "invented.sig", "invented"]
            .map(str::to_owned)
    };
    let words = sign(&key);
    tpm.tool("tpm2_sign", &words.each_ref().map(String::as_str));
    let pcrs = vec![PcrValue { bank: AlgorithmId::SHA256, index: 7, value: GOOD.to_vec() }];
    let quote = TpmQuote { attest, signature: tpm.read("invented.sig"), pcrs };
    let refused = judge(&[&key]).refuses(&evidence(&key, &[quote], &[]));
    assert_eq!(refused, ["vtpm.ak.attributes"]);
    // A restricted key does not sign it.
    assert!(tpm.refuses("tpm2_sign", &sign(&ak).each_ref().map(String::as_str)));
}

#[test]
fn weak_hashes_and_strange_keys_are_refused() {
    let Some((tpm, _)) = start("weak_hashes_and_strange_keys_are_refused") else { return };
    let weak = AkKind { hash: "sha1", ..KIND };
    let key = tpm.create_primary("weak", "ecc256:ecdsa-sha1:null", AK);
    let quote = tpm.quoted(&key, weak, "sha256:4", NONCE);
    let refused = judge(&[&key]).refuses(&evidence(&key, &[quote], &[]));
    assert_eq!(refused, ["vtpm.quote.signature-hash"]);
    // A bank of SHA-1 is read, and the strict policy does not take it.
    let key = tpm.create_primary("plain", "ecc256:ecdsa-sha256:null", AK);
    let quote = tpm.quoted(&key, KIND, "sha1:4", NONCE);
    let policy = vtpm::Policy::strict(OneOf::Any, Registers::Any);
    let verdict = judge(&[&key]).judge(&evidence(&key, from_ref(&quote), &[]), policy);
    assert_eq!(failed(verdict.checks()), ["vtpm.policy.banks"]);
    // A public area that says more of the key than the TPM does: another name, so nobody vouches for it.
    let mut public = key.public.clone();
    public[6] ^= 0x04;
    let evidence = TpmEvidence::new(vec![quote], AttestationKey::Public(public), Vec::new());
    assert_eq!(judge(&[&key]).refuses(&evidence), ["vtpm.ak.trusted"]);
}
