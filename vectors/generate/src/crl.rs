//! Certificate revocation lists of the test PKI, a month old at [`time::NOW`].

use crate::der_out::{context, seq, uint};
use crate::ext::{Ext, oid};
use crate::keys::{self, P384Key};
use crate::pki::{amd_name, ca_name, common_name, seal};
use crate::platform::{Line, Role};
use crate::sign::{Scheme, Signer};
use crate::time;

/// A CRL before it is signed.
///
/// As in [`CertSpec`](crate::CertSpec), fields are complete DER and a field with no bytes is left out.
#[derive(Clone, Debug)]
pub struct CrlSpec {
    /// Version.
    pub version: Vec<u8>,
    /// Signature algorithm inside the signed part.
    pub inner_algorithm: Vec<u8>,
    /// Issuer.
    pub issuer: Vec<u8>,
    /// thisUpdate.
    pub this_update: Vec<u8>,
    /// nextUpdate.
    pub next_update: Vec<u8>,
    /// The revoked certificates, each as [`revoked`] writes it. With none, the field is left out.
    pub revoked: Vec<Vec<u8>>,
    /// The extensions in order. With none, the field is left out.
    pub extensions: Vec<Ext>,
    /// Signature algorithm outside the signed part.
    pub outer_algorithm: Vec<u8>,
    /// How the signature is really made.
    pub scheme: Scheme,
    /// Who signs.
    pub signer: Signer,
    /// Masks to put on the signature, by index.
    pub flips: Vec<(usize, u8)>,
}

impl CrlSpec {
    /// The CRL of a line: empty, except that Genoa's lists the withdrawn ASK.
    pub fn new(line: Line) -> Self {
        let root = keys::ca(line, Role::Ark);
        let withdrawn = if line == Line::Genoa { vec![revoked(0x2_0001)] } else { Vec::new() };
        Self {
            version: uint(1),
            inner_algorithm: Scheme::AMD.algorithm(),
            issuer: amd_name(&ca_name(line, Role::Ark)),
            this_update: time::x509("2025-12-01T12:00:00Z"),
            next_update: time::x509("2026-12-08T00:00:00Z"),
            revoked: withdrawn,
            extensions: vec![Ext::aki(&root.ski()), Ext::new(oid::CRL_NUMBER, uint(6))],
            outer_algorithm: Scheme::AMD.algorithm(),
            scheme: Scheme::AMD,
            signer: Signer::Rsa(root),
            flips: Vec::new(),
        }
    }

    /// The empty CRL of an authority of the P-384 PKI whose keys follow from the names.
    pub fn labelled(issuer: &str) -> Self {
        let algorithm = Scheme::Ecdsa.algorithm();
        Self {
            inner_algorithm: algorithm.clone(),
            issuer: common_name(issuer),
            revoked: Vec::new(),
            extensions: vec![Ext::new(oid::CRL_NUMBER, uint(6))],
            outer_algorithm: algorithm,
            scheme: Scheme::Ecdsa,
            signer: Signer::from(&P384Key::from_label(issuer)),
            ..Self::new(Line::Milan)
        }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// One more revoked serial number.
    pub fn revoking(self, serial: u64) -> Self {
        self.with(|spec| spec.revoked.push(revoked(serial)))
    }

    /// Another issuer with AMD's other name parts.
    pub fn issuer(self, common_name: &str) -> Self {
        Self { issuer: amd_name(common_name), ..self }
    }

    /// Other dates, written like `2025-07-17T17:04:46Z`. Without the second, nextUpdate is left out.
    pub fn updates(self, this: &str, next: Option<&str>) -> Self {
        Self { this_update: time::x509(this), next_update: next.map(time::x509).unwrap_or_default(), ..self }
    }

    /// Another CRL number.
    pub fn number(self, number: u64) -> Self {
        self.with(|spec| {
            let number_ext = spec.extensions.iter_mut().find(|ext| ext.oid == oid::CRL_NUMBER);
            number_ext.expect("the CRL has a number").value = uint(number);
        })
    }

    /// Without an extension.
    pub fn without(self, oid: &str) -> Self {
        self.with(|spec| spec.extensions.retain(|ext| ext.oid != oid))
    }

    /// One more extension, at the end.
    pub fn adding(self, ext: Ext) -> Self {
        self.with(|spec| spec.extensions.push(ext))
    }

    /// Another signature scheme, made and named.
    pub fn scheme(self, scheme: Scheme) -> Self {
        let algorithm = scheme.algorithm();
        Self { inner_algorithm: algorithm.clone(), outer_algorithm: algorithm, scheme, ..self }
    }

    /// Another signer. The issuer's name and key identifier stay.
    pub fn signed_by(self, signer: impl Into<Signer>) -> Self {
        Self { signer: signer.into(), ..self }
    }

    /// The signature with one octet changed by a mask.
    pub fn flip_signature(self, index: usize, mask: u8) -> Self {
        self.with(|spec| spec.flips.push((index, mask)))
    }

    /// The signed part.
    pub fn tbs(&self) -> Vec<u8> {
        let revoked = if self.revoked.is_empty() { Vec::new() } else { seq(&[&self.revoked.concat()]) };
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            context(0, &[&seq(&[&self.extensions.iter().flat_map(Ext::der).collect::<Vec<u8>>()])])
        };
        seq(&[
            &self.version,
            &self.inner_algorithm,
            &self.issuer,
            &self.this_update,
            &self.next_update,
            &revoked,
            &extensions,
        ])
    }

    /// The signed CRL.
    pub fn build(&self) -> Vec<u8> {
        self.build_around(&self.tbs())
    }

    /// A CRL around another signed part, for DER that the fields cannot express.
    pub fn build_around(&self, tbs: &[u8]) -> Vec<u8> {
        seal(tbs, &self.outer_algorithm, self.scheme, &self.signer, &self.flips)
    }
}

/// An entry of the list without entry extensions, revoked when AMD withdrew the first Genoa ASK.
pub fn revoked(serial: u64) -> Vec<u8> {
    seq(&[&uint(serial), &time::x509("2022-10-31T12:00:00Z")])
}
