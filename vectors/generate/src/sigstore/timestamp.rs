//! A timestamp authority (RFC 3161).

use super::{MADE, certificate::purposes};
use crate::der_out::{context, octets, oid, seq, set, uint};
use crate::keys::P384Key;
use crate::pki::common_name;
use crate::sign::{Hash, Scheme, Signer};
use crate::{CertSpec, Ext, time};

const ROOT: &str = "root.time.test";
const AUTHORITY: &str = "time.test";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
const POLICY: &str = "1.3.6.1.4.1.57264.2";

/// The authority's own certificate, and its root.
pub fn timestamp_authority() -> [CertSpec; 2] {
    let purpose = Ext { critical: true, ..purposes(TIME_STAMPING) };
    let own = CertSpec::labelled(AUTHORITY, ROOT, vec![Ext::key_usage([7, 0x80]), purpose]);
    [own, CertSpec::authority(ROOT, ROOT)]
}

/// A response before it is signed.
#[derive(Clone, Debug)]
pub struct TimestampSpec {
    /// PKIStatus.
    pub status: u64,
    /// The time that it vouches for.
    pub time: &'static str,
    /// What it is about, where that is not the signature.
    pub about: Option<Vec<u8>>,
    /// Version of TSTInfo.
    pub version: u64,
    /// The authority's own certificate, which the signed attributes name.
    pub certificate: CertSpec,
    /// Who signs.
    pub signer: P384Key,
    /// Identifiers of the signed attributes.
    pub attributes: Vec<&'static str>,
    /// The content's type, as it is signed.
    pub content_type: &'static str,
    /// The content's digest, where it is not the true one.
    pub digest: Option<Vec<u8>>,
}

impl TimestampSpec {
    /// A genuine response.
    pub fn new() -> Self {
        let [certificate, _] = timestamp_authority();
        Self {
            status: 0,
            time: MADE,
            about: None,
            version: 1,
            certificate,
            signer: P384Key::from_label(AUTHORITY),
            attributes: vec![CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2],
            content_type: TST_INFO,
            digest: None,
        }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// TimeStampResp about a signature.
    pub fn make(&self, signature: &[u8]) -> Vec<u8> {
        let about = self.about.as_deref().unwrap_or(signature);
        let imprint = seq(&[&Hash::Sha256.algorithm(), &octets(&Hash::Sha256.digest(about))]);
        let made = time::generalized(self.time);
        let info = seq(&[&uint(self.version), &oid(POLICY), &imprint, &uint(7), &made]);
        let certificate = octets(&Hash::Sha256.digest(&self.certificate.build()));
        let digest = self.digest.clone().unwrap_or_else(|| Hash::Sha384.digest(&info));
        let mut attributes: Vec<Vec<u8>> = self
            .attributes
            .iter()
            .map(|name| {
                let value = match *name {
                    CONTENT_TYPE => oid(self.content_type),
                    MESSAGE_DIGEST => octets(&digest),
                    _ => seq(&[&seq(&[&seq(&[&certificate])])]),
                };
                seq(&[&oid(name), &set(&[&value])])
            })
            .collect();
        // A SET OF is in the order of its encodings (X.690, 11.6).
        attributes.sort();
        let attributes = attributes.concat();
        let signature = Signer::from(&self.signer).sign(Scheme::Ecdsa, &set(&[&attributes]));
        let signer = seq(&[
            &uint(1),
            &seq(&[&common_name(ROOT), &self.certificate.serial]),
            &Hash::Sha384.algorithm(),
            &context(0, &[&attributes]),
            &Scheme::Ecdsa.algorithm(),
            &octets(&signature),
        ]);
        let signed = seq(&[
            &uint(3),
            &set(&[&Hash::Sha384.algorithm()]),
            &seq(&[&oid(TST_INFO), &context(0, &[&octets(&info)])]),
            &set(&[&signer]),
        ]);
        let response = seq(&[&oid(SIGNED_DATA), &context(0, &[&signed])]);
        seq(&[&seq(&[&uint(self.status)]), &response])
    }
}

impl Default for TimestampSpec {
    fn default() -> Self {
        Self::new()
    }
}
