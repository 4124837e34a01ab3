//! Writes what a TPM writes, sound and unsound: public areas, attestations, signatures, and the evidence that carries them.

use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use sha2::{Digest, Sha256};

use crate::cbor_out::{array, bytes, map, text, uint};
use crate::der_out::{context, seq, tlv, uint as number, utf8};
use crate::keys::{P384Key, RsaKey, ec_spki};
use crate::sign::{Hash, pkcs1v15, pss, salt_of};

/// Google's extension on the machine of a key.
pub const GCE_INSTANCE: &str = "1.3.6.1.4.1.11129.2.1.21";
/// TPM_ALG_RSASSA.
pub const RSASSA: u16 = 0x0014;
/// TPM_ALG_RSAPSS.
pub const RSAPSS: u16 = 0x0016;
/// TPM_ALG_ECDSA.
pub const ECDSA: u16 = 0x0018;
/// TPM_ALG_NULL.
pub const NULL: u16 = 0x0010;
/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign.
pub const AK_ATTRIBUTES: u32 = 0x0005_0072;

/// fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt.
pub const EK_ATTRIBUTES: u32 = 0x0003_00b2;

/// A key that can sign.
#[derive(Clone, Debug)]
pub enum Key {
    /// P-256, from a label.
    P256(Box<p256::ecdsa::SigningKey>),
    /// P-384.
    P384(Box<P384Key>),
    /// RSA.
    Rsa(&'static RsaKey),
}

impl Key {
    /// The P-256 key whose private scalar is SHA-256 of the label.
    ///
    /// # Panics
    /// When the digest is not below the group order, one case in 2^32.
    pub fn p256(label: &str) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&Sha256::digest(label));
        Self::P256(Box::new(key.expect("below the group order")))
    }

    /// The P-384 key of a label.
    pub fn p384(label: &str) -> Self {
        Self::P384(Box::new(P384Key::from_label(label)))
    }

    /// SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => {
                ec_spki("1.2.840.10045.3.1.7", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Self::P384(key) => key.spki(),
            Self::Rsa(key) => key.spki(),
        }
    }

    fn numbers(&self) -> Numbers {
        let ecc = |curve, point: &[u8]| {
            let (x, y) = point[1..].split_at((point.len() - 1) / 2);
            Numbers::Ecc { curve, x: x.to_vec(), y: y.to_vec() }
        };
        match self {
            Self::P256(key) => ecc(3, key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P384(key) => ecc(4, &key.sec1()),
            Self::Rsa(key) => {
                Numbers::Rsa { bits: (key.size() * 8) as u16, exponent: 0, modulus: key.modulus() }
            }
        }
    }

    /// TPMT_SIGNATURE over `message`.
    ///
    /// # Panics
    /// When the scheme is not one for this kind of key.
    pub fn sign(&self, scheme: u16, hash: Hash, message: &[u8]) -> Vec<u8> {
        let digest = hash.digest(message);
        let head = [scheme.to_be_bytes(), hash.tpm().to_be_bytes()].concat();
        let ecc = |r: &[u8], s: &[u8]| [head.as_slice(), &sized(r), &sized(s)].concat();
        match (self, scheme) {
            (Self::P256(key), ECDSA) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(&digest).expect("a digest");
                let (r, s) = signature.split_bytes();
                ecc(&r, &s)
            }
            (Self::P384(key), ECDSA) => {
                let signature = crate::sign::ecdsa_prehash(key, &digest);
                let (r, s) = signature.split_bytes();
                ecc(&r, &s)
            }
            (Self::Rsa(key), RSASSA) => {
                [head, sized(&key.raw_private(&pkcs1v15(key.size(), hash, message)))].concat()
            }
            (Self::Rsa(key), RSAPSS) => {
                let salt = salt_of(message, digest.len());
                [head, sized(&key.raw_private(&pss(key.size(), hash, hash, &salt, message)))].concat()
            }
            _ => panic!("{scheme:#x} is no scheme of this key"),
        }
    }
}

/// Numbers of a public area.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// TPMS_ECC_PARMS and TPMS_ECC_POINT.
    Ecc {
        /// TPM_ECC_CURVE.
        curve: u16,
        /// x.
        x: Vec<u8>,
        /// y.
        y: Vec<u8>,
    },
    /// TPMS_RSA_PARMS and the modulus.
    Rsa {
        /// keyBits.
        bits: u16,
        /// exponent.
        exponent: u32,
        /// The modulus.
        modulus: Vec<u8>,
    },
}

/// TPMT_PUBLIC, every field open to change.
#[derive(Clone, Debug)]
pub struct PublicSpec {
    /// type; `None` for the numbers' own.
    pub kind: Option<u16>,
    /// nameAlg.
    pub name_alg: u16,
    /// objectAttributes.
    pub attributes: u32,
    /// authPolicy.
    pub auth_policy: Vec<u8>,
    /// Key bits of AES in CFB mode; none for no symmetric algorithm.
    pub aes: Option<u16>,
    /// Scheme and its hash; none for null.
    pub scheme: Option<(u16, u16)>,
    /// The numbers.
    pub numbers: Numbers,
}

impl PublicSpec {
    /// An attestation key, as `TPM2_CreatePrimary` makes it.
    pub fn ak(key: &Key, scheme: Option<(u16, Hash)>) -> Self {
        let scheme = scheme.map(|(scheme, hash)| (scheme, hash.tpm()));
        Self {
            kind: None,
            name_alg: 0x000b,
            attributes: AK_ATTRIBUTES,
            auth_policy: Vec::new(),
            aes: None,
            scheme,
            numbers: key.numbers(),
        }
    }

    /// An endorsement key of the profile's first templates, but for its policy.
    pub fn ek(key: &Key) -> Self {
        Self { attributes: EK_ATTRIBUTES, aes: Some(128), ..Self::ak(key, None) }
    }

    /// TPMT_PUBLIC.
    pub fn build(&self) -> Vec<u8> {
        let own = match self.numbers {
            Numbers::Ecc { .. } => 0x0023,
            Numbers::Rsa { .. } => 0x0001,
        };
        let mut out = Vec::new();
        out.extend(self.kind.unwrap_or(own).to_be_bytes());
        out.extend(self.name_alg.to_be_bytes());
        out.extend(self.attributes.to_be_bytes());
        out.extend(sized(&self.auth_policy));
        match self.aes {
            None => out.extend(NULL.to_be_bytes()),
            // TPM_ALG_AES, the bits, TPM_ALG_CFB.
            Some(bits) => out.extend([0x0006, bits, 0x0043].map(u16::to_be_bytes).concat()),
        }
        match self.scheme {
            None => out.extend(NULL.to_be_bytes()),
            Some((scheme, hash)) => out.extend([scheme.to_be_bytes(), hash.to_be_bytes()].concat()),
        }
        match &self.numbers {
            Numbers::Ecc { curve, x, y } => {
                out.extend(curve.to_be_bytes());
                out.extend(NULL.to_be_bytes());
                out.extend([sized(x), sized(y)].concat());
            }
            Numbers::Rsa { bits, exponent, modulus } => {
                out.extend(bits.to_be_bytes());
                out.extend(exponent.to_be_bytes());
                out.extend(sized(modulus));
            }
        }
        out
    }

    /// nameAlg and SHA-256 of the public area, whatever nameAlg says.
    pub fn name(&self) -> Vec<u8> {
        [self.name_alg.to_be_bytes().as_slice(), &Sha256::digest(self.build())].concat()
    }

    /// The qualified name of a primary key of the endorsement hierarchy.
    pub fn qualified_name(&self) -> Vec<u8> {
        let digest = Sha256::digest([&[0x40, 0, 0, 0x0b], self.name().as_slice()].concat());
        [self.name_alg.to_be_bytes().as_slice(), &digest].concat()
    }
}

/// TPMS_ATTEST of a quote, every field open to change.
#[derive(Clone, Debug)]
pub struct AttestSpec {
    /// magic.
    pub magic: u32,
    /// type.
    pub kind: u16,
    /// qualifiedSigner.
    pub signer: Vec<u8>,
    /// extraData.
    pub extra_data: Vec<u8>,
    /// clockInfo.resetCount.
    pub reset_count: u32,
    /// clockInfo.restartCount.
    pub restart_count: u32,
    /// clockInfo.safe.
    pub safe: u8,
    /// firmwareVersion.
    pub firmware_version: u64,
    /// pcrSelect.count; `None` for what is listed.
    pub count: Option<u32>,
    /// Bank and bitmap.
    pub selection: Vec<(u16, Vec<u8>)>,
    /// pcrDigest.
    pub digest: Vec<u8>,
    /// Bytes behind it.
    pub trailing: Vec<u8>,
}

impl AttestSpec {
    /// A quote with sound values in every other field.
    pub fn quote(signer: &[u8], extra_data: &[u8], selection: (u16, [u8; 3]), digest: &[u8]) -> Self {
        let (bank, bitmap) = selection;
        Self {
            magic: 0xff54_4347,
            kind: 0x8018,
            signer: signer.to_vec(),
            extra_data: extra_data.to_vec(),
            reset_count: 3,
            restart_count: 1,
            safe: 1,
            firmware_version: 0x2019_0106_0016_3636,
            count: None,
            selection: vec![(bank, bitmap.to_vec())],
            digest: digest.to_vec(),
            trailing: Vec::new(),
        }
    }

    /// TPMS_ATTEST.
    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.magic.to_be_bytes());
        out.extend(self.kind.to_be_bytes());
        out.extend(sized(&self.signer));
        out.extend(sized(&self.extra_data));
        out.extend(7_000_u64.to_be_bytes());
        out.extend(self.reset_count.to_be_bytes());
        out.extend(self.restart_count.to_be_bytes());
        out.push(self.safe);
        out.extend(self.firmware_version.to_be_bytes());
        out.extend(self.count.unwrap_or(self.selection.len() as u32).to_be_bytes());
        for (bank, bitmap) in &self.selection {
            out.extend(bank.to_be_bytes());
            out.push(bitmap.len() as u8);
            out.extend(bitmap);
        }
        out.extend(sized(&self.digest));
        out.extend(&self.trailing);
        out
    }
}

/// A register's value: bank, number, value.
pub type Value = (u16, u8, Vec<u8>);

/// A quote with its signature and values.
#[derive(Clone, Debug)]
pub struct QuoteSpec {
    /// TPMS_ATTEST.
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE.
    pub signature: Vec<u8>,
    /// Values.
    pub values: Vec<Value>,
}

/// The key as evidence brings it.
#[derive(Clone, Debug)]
pub enum AkSpec {
    /// TPMT_PUBLIC.
    Public(Vec<u8>),
    /// SubjectPublicKeyInfo.
    Spki(Vec<u8>),
}

/// The evidence: a CBOR map.
pub fn evidence(quotes: &[QuoteSpec], ak: &AkSpec, event_log: &[u8]) -> Vec<u8> {
    let value = |(bank, index, value): &Value| {
        array(&[uint(u64::from(*bank)), uint(u64::from(*index)), bytes(value)])
    };
    let quote = |quote: &QuoteSpec| {
        let values: Vec<_> = quote.values.iter().map(value).collect();
        array(&[bytes(&quote.attest), bytes(&quote.signature), array(&values)])
    };
    let (kind, key) = match ak {
        AkSpec::Public(public) => (0, public),
        AkSpec::Spki(spki) => (1, spki),
    };
    map(&[
        (uint(0), text("attestrap/tpm-quote")),
        (uint(1), uint(1)),
        (uint(2), array(&quotes.iter().map(quote).collect::<Vec<_>>())),
        (uint(3), array(&[uint(kind), bytes(key)])),
        (uint(4), bytes(event_log)),
    ])
}

/// The envelope around evidence of a format, with the certificates that travel along.
pub fn envelope(format: &str, evidence: &[u8], certificates: &[Vec<u8>]) -> Vec<u8> {
    let certificates: Vec<_> = certificates.iter().map(|der| bytes(der)).collect();
    map(&[
        (uint(0), text("attestrap/evidence")),
        (uint(1), uint(1)),
        (uint(2), text(format)),
        (uint(3), bytes(evidence)),
        (uint(4), array(&certificates)),
        (uint(5), array(&[])),
    ])
}

/// Google's instance information with a project's number, as INTEGER content, and whether it is production. The zone is `zone-a`,
/// the project `project`, the instance 2^63 - 1 and `name`.
pub fn gce_instance(project: &[u8], production: bool) -> Vec<u8> {
    let octet = if production { 0xff } else { 0 };
    let properties = seq(&[&context(0, &[&number(9)]), &context(1, &[&tlv(0x01, &[octet])])]);
    seq(&[
        &utf8("zone-a"),
        &tlv(0x02, project),
        &utf8("project"),
        &number(u64::MAX >> 1),
        &utf8("name"),
        &context(0, &[&properties]),
    ])
}

/// A TPM2B.
pub fn sized(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes(), content].concat()
}
