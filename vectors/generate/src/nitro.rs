//! Nitro documents under a test PKI of AWS's shape: root, region, zone, instance, leaf, all on P-384.

use crate::cbor_out::{NULL, array, bytes, int, map, map_indefinite, tag, text, uint};
use crate::sign::{Hash, ecdsa_prehash};
use crate::{CertSpec, Ext, P384Key, time};

/// The time of every default document: three seconds into its certificate's three hours.
pub const MADE: &str = "2026-01-01T00:00:03Z";

/// The nonce of every default document.
pub const NONCE: [u8; 64] = [0x5a; 64];

/// What a document attests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An enclave.
    Enclave,
    /// An instance with a NitroTPM.
    NitroTpm,
}

impl Kind {
    /// Its module id.
    pub fn module_id(self) -> &'static str {
        match self {
            Self::Enclave => "i-0123456789abcdef0-enc0198f0123456789a",
            Self::NitroTpm => "i-0123456789abcdef0-tpm0000000000000000",
        }
    }

    /// The field of its registers.
    pub fn pcr_field(self) -> &'static str {
        match self {
            Self::Enclave => "pcrs",
            Self::NitroTpm => "nitrotpm_pcrs",
        }
    }

    fn registers(self) -> u8 {
        match self {
            Self::Enclave => 16,
            Self::NitroTpm => 24,
        }
    }
}

/// The names of the authorities, root first.
pub const AUTHORITIES: [&str; 4] = [
    "test.nitro-enclaves",
    "0123456789abcdef.eu-test-1.test.nitro-enclaves",
    "fedcba9876543210.zonal.eu-test-1.test.nitro-enclaves",
    "i-0123456789abcdef0.eu-test-1.test.nitro-enclaves",
];

/// A chain before it is signed.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Root, region, zone, instance.
    pub authorities: [CertSpec; 4],
    /// The certificate of the document's key.
    pub leaf: CertSpec,
}

impl Chain {
    /// The chain of AWS's shape for a module: each authority allows as many below it as there are.
    pub fn new(module_id: &str) -> Self {
        let [root, region, zone, instance] = AUTHORITIES;
        let ca = |subject: &str, issuer: &str, below| {
            CertSpec::labelled(subject, issuer, vec![Ext::ca(Some(below)), Ext::key_usage([1, 6])])
        };
        let subject = format!("{module_id}.eu-test-1.aws");
        let leaf = CertSpec::labelled(&subject, instance, vec![Ext::key_usage([7, 0x80])]);
        Self {
            authorities: [
                ca(root, root, 3).valid("2019-10-28T13:28:05Z", "2049-10-28T14:28:05Z"),
                ca(region, root, 2).valid("2025-12-25T00:00:00Z", "2026-01-14T00:00:00Z"),
                ca(zone, region, 1).valid("2025-12-31T00:00:00Z", "2026-01-06T00:00:00Z"),
                ca(instance, zone, 0).valid("2025-12-31T12:00:00Z", "2026-01-01T12:00:00Z"),
            ],
            leaf: leaf.valid(time::NOW, "2026-01-01T03:00:03Z"),
        }
    }

    /// The root's certificate, which a verifier is told to trust.
    pub fn root(&self) -> Vec<u8> {
        self.authorities[0].build()
    }

    /// The authorities as a document carries them, root first.
    pub fn bundle(&self) -> Vec<Vec<u8>> {
        self.authorities.iter().map(CertSpec::build).collect()
    }

    /// The chain with one certificate changed: 0 is the leaf, 1 its issuer, 4 the root.
    pub fn with(mut self, at: usize, change: impl FnOnce(CertSpec) -> CertSpec) -> Self {
        match at.checked_sub(1) {
            None => self.leaf = change(self.leaf),
            Some(above) => {
                let place = self.authorities.len() - 1 - above;
                self.authorities[place] = change(self.authorities[place].clone());
            }
        }
        self
    }
}

/// A document before it is signed.
///
/// Every part is the complete CBOR of its place, so that a case can put anything there.
#[derive(Clone, Debug)]
pub struct DocumentSpec {
    /// The tag in front, if any.
    pub tag: Option<u64>,
    /// Content of the protected header's byte string.
    pub protected: Vec<u8>,
    /// The unprotected header.
    pub unprotected: Vec<u8>,
    /// Fields of the payload, in order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the payload is a map of indefinite length, as a NitroTPM's is.
    pub indefinite: bool,
    /// Who signs.
    pub signer: P384Key,
    /// What is signed in front of the two headers: the context string.
    pub context: &'static str,
}

impl DocumentSpec {
    /// A genuine document of this kind, with a nonce and a key, under `chain`.
    pub fn new(kind: Kind, chain: &Chain) -> Self {
        let module_id = kind.module_id();
        let registers: Vec<_> = (0..kind.registers()).map(|index| (index, register(index))).collect();
        let named = |name: &str, value: Vec<u8>| (text(name), value);
        Self {
            tag: None,
            protected: map(&[(int(1), int(-35))]),
            unprotected: map(&[]),
            fields: vec![
                named("module_id", text(module_id)),
                named("digest", text("SHA384")),
                named("timestamp", uint(time::unix(MADE) * 1_000 + 437)),
                named(kind.pcr_field(), pcrs(&registers)),
                named("certificate", bytes(&chain.leaf.build())),
                named("cabundle", array(&chain.bundle().iter().map(|der| bytes(der)).collect::<Vec<_>>())),
                named("public_key", bytes(b"a key")),
                named("user_data", NULL.to_vec()),
                named("nonce", bytes(&NONCE)),
            ],
            indefinite: kind == Kind::NitroTpm,
            signer: P384Key::from_label(&format!("{module_id}.eu-test-1.aws")),
            context: "Signature1",
        }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The field with another value, or one more field.
    pub fn field(mut self, name: &str, value: Vec<u8>) -> Self {
        let key = text(name);
        match self.fields.iter_mut().find(|(found, _)| *found == key) {
            Some((_, found)) => *found = value,
            None => self.fields.push((key, value)),
        }
        self
    }

    /// The payload.
    pub fn payload(&self) -> Vec<u8> {
        if self.indefinite { map_indefinite(&self.fields) } else { map(&self.fields) }
    }

    /// Signature over the Sig_structure of RFC 9052, section 4.4: r, then s.
    pub fn signature(&self) -> Vec<u8> {
        let parts = [text(self.context), bytes(&self.protected), bytes(&[]), bytes(&self.payload())];
        let signature = ecdsa_prehash(&self.signer, &Hash::Sha384.digest(&array(&parts)));
        let (r, s) = signature.split_bytes();
        [r.as_slice(), s.as_slice()].concat()
    }

    /// The document.
    pub fn build(&self) -> Vec<u8> {
        self.build_with(&self.signature())
    }

    /// The document with any signature.
    pub fn build_with(&self, signature: &[u8]) -> Vec<u8> {
        let parts =
            [bytes(&self.protected), self.unprotected.clone(), bytes(&self.payload()), bytes(signature)];
        let whole = array(&parts);
        self.tag.map_or_else(|| whole.clone(), |number| tag(number, &whole))
    }
}

/// The value that a register has by default: never zero.
pub fn register(index: u8) -> [u8; 48] {
    let digest = Hash::Sha384.digest(&[index]);
    digest.try_into().expect("48 bytes")
}

/// A map of registers.
pub fn pcrs(entries: &[(u8, [u8; 48])]) -> Vec<u8> {
    let pairs: Vec<_> =
        entries.iter().map(|(index, value)| (uint(u64::from(*index)), bytes(value))).collect();
    map(&pairs)
}
