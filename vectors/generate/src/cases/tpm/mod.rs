//! Cases of TPM quotes.

mod form;
mod key;
mod lists;
mod machine;
mod quote;
mod registers;
mod rules;
mod signed;

use sha2::{Digest, Sha256};

use super::{Draft, Suite};
use crate::keys::SMALL;
use crate::tpm::{
    AkSpec, AttestSpec, ECDSA, Key, PublicSpec, QuoteSpec, RSAPSS, RSASSA, Value, envelope, evidence,
};
use crate::{CertSpec, Ext, Hash};

/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;
/// TPM_ALG_SHA384.
const SHA384: u16 = 0x000c;
/// The registers that a quote covers unless a case says otherwise: 0, 4 and 7.
const BITMAP: [u8; 3] = [0x91, 0, 0];
const INDICES: [u8; 3] = [0, 4, 7];

pub(super) fn add(suite: &mut Suite) {
    form::add(suite);
    key::add(suite);
    quote::add(suite);
    registers::add(suite);
    rules::add(suite);
    machine::add(suite);
}

/// The root of the test PKI for attestation key certificates.
pub(super) fn root() -> Vec<u8> {
    CertSpec::authority("TPM root", "TPM root").build()
}

/// A machine with an attestation key that signs quotes.
#[derive(Clone)]
struct Machine {
    key: Key,
    scheme: u16,
    hash: Hash,
    public: PublicSpec,
    /// Whether evidence brings the bare key.
    bare: bool,
}

impl Machine {
    fn new(key: Key, scheme: u16, hash: Hash) -> Self {
        let public = PublicSpec::ak(&key, Some((scheme, hash)));
        Self { key, scheme, hash, public, bare: false }
    }

    /// RSA with 2048 bits, RSASSA and SHA-256.
    fn rsa() -> Self {
        Self::new(Key::Rsa(&SMALL), RSASSA, Hash::Sha256)
    }

    /// P-256, ECDSA and SHA-256.
    fn p256() -> Self {
        Self::new(Key::p256("ak"), ECDSA, Hash::Sha256)
    }

    /// P-384, ECDSA and SHA-384.
    fn p384() -> Self {
        Self::new(Key::p384("ak"), ECDSA, Hash::Sha384)
    }

    /// One of each kind, by name.
    fn all() -> [(&'static str, Self); 5] {
        [
            ("rsassa", Self::rsa()),
            ("rsapss", Self::new(Key::Rsa(&SMALL), RSAPSS, Hash::Sha256)),
            ("rsassa-384", Self::new(Key::Rsa(&SMALL), RSASSA, Hash::Sha384)),
            ("p256", Self::p256()),
            ("p384", Self::p384()),
        ]
    }

    /// The same key, fixed to no scheme.
    fn free(mut self) -> Self {
        self.public.scheme = None;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut PublicSpec)) -> Self {
        change(&mut self.public);
        self
    }

    /// Pins the key by its name, whatever it is.
    fn pinned(self, suite: &mut Suite) -> Self {
        suite.keys.push(vectors::hex(&self.public.name()));
        self
    }

    /// A quote over registers 0, 4 and 7 of the SHA-256 bank.
    fn attest(&self) -> AttestSpec {
        let parts: Vec<u8> = INDICES.iter().flat_map(|index| value(SHA256, *index)).collect();
        let (signer, digest) = (self.public.qualified_name(), self.hash.digest(&parts));
        AttestSpec::quote(&signer, &[0x5a; 32], (SHA256, BITMAP), &digest)
    }

    /// Signs it as the key does.
    fn quote(&self, attest: &AttestSpec) -> QuoteSpec {
        let attest = attest.build();
        let signature = self.key.sign(self.scheme, self.hash, &attest);
        let values = INDICES.iter().map(|index| (SHA256, *index, value(SHA256, *index))).collect();
        QuoteSpec { attest, signature, values }
    }

    fn ak(&self) -> AkSpec {
        if self.bare { AkSpec::Spki(self.key.spki()) } else { AkSpec::Public(self.public.build()) }
    }

    /// Evidence of one quote.
    fn evidence(&self, attest: &AttestSpec) -> Vec<u8> {
        evidence(&[self.quote(attest)], &self.ak(), &[])
    }

    /// Evidence of a quote with other values.
    fn evidence_with(&self, attest: &AttestSpec, values: Vec<Value>) -> Vec<u8> {
        evidence(&[QuoteSpec { values, ..self.quote(attest) }], &self.ak(), &[])
    }

    /// Evidence with certificates.
    fn carrying(&self, certificates: &[Vec<u8>]) -> Vec<u8> {
        envelope("vtpm", &self.evidence(&self.attest()), certificates)
    }
}

/// The value of a register: what a digest of its name gives.
fn value(bank: u16, index: u8) -> Vec<u8> {
    let seed = [b"register".as_slice(), &bank.to_be_bytes(), &[index]].concat();
    match bank {
        SHA384 => Hash::Sha384.digest(&seed),
        0x000d | 0x0029 => Hash::Sha512.digest(&seed),
        0x0004 => Sha256::digest(seed)[..20].to_vec(),
        0x0028 => Hash::Sha384.digest(&seed),
        _ => Sha256::digest(seed).to_vec(),
    }
}

/// A certificate by a label's P-384 key; nothing said of what it is for.
fn certificate(subject: &str, issuer: &str, spki: Vec<u8>, extensions: Vec<Ext>) -> CertSpec {
    CertSpec { spki, ..CertSpec::labelled(subject, issuer, extensions) }
}

/// The certificate of an attestation key: digitalSignature and no more.
fn leaf(key: &Key) -> CertSpec {
    certificate("TPM key", "TPM authority", key.spki(), vec![Ext::key_usage([7, 0x80])])
}

impl Suite {
    /// A positive case for each of `checks`, for each kind of key.
    fn good(&mut self, checks: &[&str]) {
        for check in checks {
            for (name, machine) in Machine::all() {
                let machine = machine.pinned(self);
                let evidence = machine.evidence(&machine.attest());
                self.case(check, &format!("good-{name}"), "a quote as a TPM makes it", evidence).accepted();
            }
        }
    }

    /// A negative case whose bytes are refused.
    fn malformed(&mut self, check: &str, name: &str, why: &str, evidence: Vec<u8>) -> Draft<'_> {
        self.case(check, name, why, evidence).exit(30)
    }
}
