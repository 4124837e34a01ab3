//! What the TPM targets share: providers that believe everything, whom they trust, and seeds.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use attest_core::crypto::{
    BadSignature, CryptoProvider, HashAlgorithm, HashFunction, SignatureAlgorithm, SignatureVerifier, ring,
};
use attest_core::rules::{OneOf, Registers};
use attest_core::tee::snp;
use attest_core::tee::vtpm::pcrsig::SigningKey;
use attest_core::tee::vtpm::{
    self, Attest, AttestationKey, Attested, Key, Name, Public, TpmEvidence, TrustedAk,
};
use attest_core::values::Digest;
use attest_core::{Policy, TrustAnchors};
use vectors::set::Set;

use crate::ANY_POLICY;

/// NO SECURITY: every signature holds and every digest is zeros, so that any bytes reach every check.
pub static CREDULOUS: CryptoProvider = CryptoProvider::new("credulous", SCHEMES, ZEROS);
/// NO SECURITY: every signature holds. Digests are real, so that names and registers must be.
pub static BELIEVING: LazyLock<CryptoProvider> =
    LazyLock::new(|| CryptoProvider::new("believing", SCHEMES, ring::PROVIDER.hashes));

static SCHEMES: &[&dyn SignatureVerifier] = &[
    &Yes(SignatureAlgorithm::EcdsaP256Sha256),
    &Yes(SignatureAlgorithm::EcdsaP256Sha384),
    &Yes(SignatureAlgorithm::EcdsaP384Sha256),
    &Yes(SignatureAlgorithm::EcdsaP384Sha384),
    &Yes(SignatureAlgorithm::EcdsaP521Sha512),
    &Yes(SignatureAlgorithm::RsaPkcs1Sha256),
    &Yes(SignatureAlgorithm::RsaPkcs1Sha384),
    &Yes(SignatureAlgorithm::RsaPkcs1Sha512),
    &Yes(SignatureAlgorithm::RsaPssTpmSha256),
    &Yes(SignatureAlgorithm::RsaPssSha384),
];
static ZEROS: &[&dyn HashFunction] = &[
    &Zeros(HashAlgorithm::Sha1),
    &Zeros(HashAlgorithm::Sha256),
    &Zeros(HashAlgorithm::Sha384),
    &Zeros(HashAlgorithm::Sha512),
];

#[derive(Debug)]
struct Yes(SignatureAlgorithm);

impl SignatureVerifier for Yes {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), BadSignature> {
        Ok(())
    }
}

#[derive(Debug)]
struct Zeros(HashAlgorithm);

impl HashFunction for Zeros {
    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }

    fn digest(&self, _: &[&[u8]]) -> Digest {
        Digest::filled(0, self.0.digest_len())
    }
}

fn set() -> Set {
    Set::vtpm().expect("the generated set")
}

/// Root and keys of the generated vectors, and the keys whose digest is zeros.
pub static ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(|| {
    let set = set();
    let mut anchors = TrustAnchors::new(snp::Anchors::none());
    for root in &set.manifest.roots {
        anchors.vtpm.add_root(&set.blob(&root.file).expect("a blob")).expect("a root");
    }
    let keys = set.manifest.keys.iter().map(|key| vectors::unhex(key).expect("hexadecimal"));
    let zeros =
        [(4, 20), (0xb, 32), (0xc, 48), (0xd, 64)].map(|(id, len)| [vec![0, id], vec![0; len]].concat());
    for id in keys.chain(zeros).chain([vec![0; 32]]) {
        anchors.vtpm.add_key(match <[u8; 32]>::try_from(id.as_slice()) {
            Ok(spki) => TrustedAk::pinned_spki(spki),
            Err(_) => TrustedAk::pinned(Name::from_bytes(&id).expect("a name")),
        });
    }
    anchors
});

/// The strict policy, and the one that asks for nothing.
pub static POLICIES: LazyLock<[Policy; 2]> = LazyLock::new(|| {
    let strict = vtpm::Policy::strict(OneOf::Any, Registers::Any);
    [Policy::for_vtpm(strict), Policy::from_toml(ANY_POLICY).expect("our own policy")]
});

/// A vendor's key whose fingerprint is zeros, by the provider's word.
pub static VENDOR: LazyLock<SigningKey> = LazyLock::new(|| {
    let modulus = evidence().find_map(|(_, evidence)| match &evidence.ak {
        AttestationKey::Public(public) => match Public::parse(public).ok()?.key() {
            Key::Rsa { bits: 2048, modulus, .. } => Some(modulus.to_vec()),
            Key::Rsa { .. } | Key::Ecc { .. } => None,
        },
        AttestationKey::Spki(_) => None,
    });
    // SubjectPublicKeyInfo of a key with 2048 bits and 65537.
    let head = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0\x03\x82\x01\x0f\0\x30\x82\x01\x0a\x02\x82\x01\x01\0";
    let spki = [head, modulus.expect("an RSA key").as_slice(), b"\x02\x03\x01\0\x01"].concat();
    SigningKey::from_spki(&spki, &CREDULOUS).expect("a key")
});

/// Evidence of the generated set, each once, that can be read.
fn evidence() -> impl Iterator<Item = (String, TpmEvidence)> {
    let (set, mut seen) = (set(), BTreeSet::new());
    let cases = set.manifest.cases.clone().into_iter().filter(move |case| seen.insert(case.evidence.clone()));
    cases.filter_map(move |case| {
        let bytes = set.blob(&case.evidence).expect("a blob");
        Some((case.id.replace(['/', '.'], "-"), TpmEvidence::parse(&bytes).ok()?))
    })
}

/// The quote with a digest of zeros in it.
fn zeroed(mut evidence: TpmEvidence) -> TpmEvidence {
    for quote in &mut evidence.quotes {
        let len = match Attest::parse(&quote.attest).as_ref().map(Attest::attested) {
            Ok(Attested::Quote { pcr_digest, .. }) => pcr_digest.len(),
            _ => 0,
        };
        let at = quote.attest.len() - len;
        quote.attest[at..].fill(0);
    }
    evidence
}

/// Seeds of `vtpm_evidence`: each kind of key as it is and with zeros, each refusal once, and what no parser takes.
pub fn evidence_seeds() -> Vec<(String, Vec<u8>)> {
    let set = set();
    let mut out = Vec::new();
    for (name, evidence) in evidence().filter(|(name, _)| name.starts_with("vtpm-wire-magic-good")) {
        out.push((name.clone(), evidence.to_bytes()));
        out.push((format!("{name}-zeros"), zeroed(evidence).to_bytes()));
    }
    let log = crate::eventlog::seeds().into_iter().find(|(name, _)| *name == "tcg-agile");
    if let (Some((_, first)), Some((_, log))) = (evidence().next(), log) {
        out.push(("log".to_owned(), {
            let first = zeroed(first);
            TpmEvidence::new(first.quotes, first.ak, log).to_bytes()
        }));
    }
    let mut checks = BTreeSet::new();
    for case in &set.manifest.cases {
        if case.exit != 0 && case.check.starts_with("vtpm.") && checks.insert(case.check.clone()) {
            let name = case.id.replace(['/', '.'], "-");
            out.push((name, set.blob(&case.evidence).expect("a blob")));
        }
    }
    out
}

/// Seeds of `vtpm_public`.
pub fn public_seeds() -> Vec<(String, Vec<u8>)> {
    let mut seen = BTreeSet::new();
    let keys = evidence().filter_map(|(name, evidence)| match evidence.ak {
        AttestationKey::Public(public) => Some((name, public)),
        AttestationKey::Spki(_) => None,
    });
    let distinct = keys.filter(|(_, public)| seen.insert(public.clone()));
    let (read, refused): (Vec<_>, Vec<_>) = distinct.partition(|(_, public)| Public::parse(public).is_ok());
    read.into_iter().take(16).chain(refused.into_iter().take(8)).collect()
}

/// Seeds of `vtpm_creation`: an attestation, its signature, who signed, the key, its creation data.
pub fn creation_seeds() -> Vec<(String, Vec<u8>)> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let name = [&[0, 0xb][..], &[0; 32]].concat();
    let attest = |kind: u16, body: [&[u8]; 2]| {
        let head = [&vtpm::MAGIC.to_be_bytes()[..], &kind.to_be_bytes(), &sized(&name), &sized(b"")].concat();
        [head, [&[0; 16][..], &[1], &[0; 8]].concat(), sized(body[0]), sized(body[1])].concat()
    };
    let parent = sized(&[0x40, 0, 0, 0x0b]);
    let data =
        [&[0, 0, 0, 1, 0, 0xb, 3, 1, 0, 0][..], &sized(&[0; 32]), &[1, 0, 0x10], &parent, &parent, &[0, 0]]
            .concat();
    let Some((_, first)) = evidence().next() else { return Vec::new() };
    let AttestationKey::Public(public) = &first.ak else { return Vec::new() };
    let signature = &first.quotes[0].signature;
    let framed = |attest: Vec<u8>| {
        let blobs = [&attest, signature, public, public, &data];
        blobs.iter().flat_map(|blob| [&(blob.len() as u16).to_le_bytes(), blob.as_slice()].concat()).collect()
    };
    vec![
        ("creation".to_owned(), framed(attest(vtpm::TYPE_CREATION, [&name, &[0; 32]]))),
        ("certify".to_owned(), framed(attest(vtpm::TYPE_CERTIFY, [&name, &name]))),
    ]
}

/// Seeds of `vtpm_pcrsig`: zeros throughout, which the provider takes, and what is refused.
pub fn pcrsig_seeds() -> Vec<(String, Vec<u8>)> {
    let zeros = "00".repeat(32);
    let entry = |pcrs: &str| {
        format!("{{\"pcrs\":[{pcrs}],\"pkfp\":\"{zeros}\",\"pol\":\"{zeros}\",\"sig\":\"AAAA\"}}")
    };
    let document = |bank: &str, pcrs: &str| format!("{{\"{bank}\":[{}]}}", entry(pcrs));
    let both = format!("{{\"sha1\":[],\"sha256\":[{},{}],\"more\":[1]}}", entry("11"), entry("4,7,11"));
    let named = [
        ("sha256", document("sha256", "11")),
        ("sha384", document("sha384", "0,11,23")),
        ("both", both),
        ("register-24", document("sha256", "24")),
        ("none", document("sha512", "")),
    ];
    named.map(|(name, text)| (name.to_owned(), text.into_bytes())).into()
}
