//! Certificates of the test PKI, down to AMD's order of name parts.

use crate::der_out::{bits, context, ia5, oid as oid_der, printable, seq, set, uint, utf8};
use crate::ext::{Ext, ca_extensions, leaf_extensions, oid};
use crate::keys::{self, P384Key, RsaKey};
use crate::platform::{Line, Platform, Role};
use crate::sign::{Scheme, Signer};
use crate::time;

/// A certificate before it is signed.
///
/// Every field is the complete DER of its place, so that a case can put anything there. A field with no bytes is
/// left out.
#[derive(Clone, Debug)]
pub struct CertSpec {
    /// `[0]` with the version.
    pub version: Vec<u8>,
    /// Serial number.
    pub serial: Vec<u8>,
    /// Signature algorithm inside the signed part.
    pub inner_algorithm: Vec<u8>,
    /// Issuer.
    pub issuer: Vec<u8>,
    /// Validity.
    pub validity: Vec<u8>,
    /// Subject.
    pub subject: Vec<u8>,
    /// SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// Between the key and the extensions, where the unique identifiers would be.
    pub before_extensions: Vec<u8>,
    /// The extensions in order. With none, the field is left out.
    pub extensions: Vec<Ext>,
    /// After the extensions, inside the signed part.
    pub trailing: Vec<u8>,
    /// Signature algorithm outside the signed part.
    pub outer_algorithm: Vec<u8>,
    /// How the signature is really made.
    pub scheme: Scheme,
    /// Who signs.
    pub signer: Signer,
    /// Masks to put on the signature, by index.
    pub flips: Vec<(usize, u8)>,
}

impl CertSpec {
    /// The CA certificate of a line.
    pub fn ca(line: Line, role: Role) -> Self {
        let (serial, from, to) = ca_facts(line, role);
        let root = keys::ca(line, Role::Ark);
        Self {
            serial: uint(serial),
            validity: validity(from, to),
            subject: amd_name(&ca_name(line, role)),
            extensions: ca_extensions(line, role, keys::ca(line, role), root),
            ..Self::skeleton(
                &ca_name(line, Role::Ark),
                keys::ca(line, role).spki(),
                root,
                Scheme::AMD_TRAILER,
            )
        }
    }

    /// The Genoa ASK that AMD withdrew: serial 0x20001, its own key, on the default Genoa CRL.
    pub fn withdrawn_genoa_ask() -> Self {
        Self {
            serial: uint(0x2_0001),
            validity: validity("2022-01-26T15:57:38Z", "2047-01-26T15:57:38Z"),
            ..Self::ca(Line::Genoa, Role::Ask).key(&keys::ASK_GENOA_WITHDRAWN)
        }
    }

    /// A stranger's CA certificate: name, serial and dates of the real one, the rogue keys.
    pub fn rogue_ca(line: Line, role: Role) -> Self {
        let key = if role == Role::Ark { &keys::ARK_ROGUE } else { &keys::ASK_ROGUE };
        let spec = Self::ca(line, role).key(key).signed_by(&keys::ARK_ROGUE);
        // A root has no authority key identifier.
        if spec.has(oid::AKI) {
            spec.replacing(oid::AKI, Ext::aki(&keys::ARK_ROGUE.ski()).value)
        } else {
            spec
        }
    }

    /// The VCEK certificate of a platform.
    pub fn vcek(platform: &Platform) -> Self {
        let line = platform.product.line();
        let mut extensions = leaf_extensions(platform, platform.product.vcek_name());
        extensions.push(Ext::new(oid::HWID, platform.hwid.as_slice()));
        Self {
            validity: validity("2025-07-17T17:04:46Z", "2032-07-17T17:04:46Z"),
            subject: amd_name("SEV-VCEK"),
            extensions,
            ..Self::skeleton(
                &ca_name(line, Role::Ask),
                platform.vcek_key().spki(),
                keys::ca(line, Role::Ask),
                Scheme::AMD,
            )
        }
    }

    /// The VLEK certificate of a platform.
    pub fn vlek(platform: &Platform) -> Self {
        let line = platform.product.line();
        let mut extensions = leaf_extensions(platform, line.name());
        extensions.push(Ext::new(oid::CSP_ID, ia5(&platform.csp_id)));
        Self {
            validity: validity("2025-07-17T17:04:46Z", "2026-07-17T17:04:46Z"),
            subject: amd_name("SEV-VLEK"),
            extensions,
            ..Self::skeleton(
                &ca_name(line, Role::Asvk),
                platform.vlek_key().spki(),
                keys::ca(line, Role::Asvk),
                Scheme::AMD,
            )
        }
    }

    /// A certificate of the P-384 PKI whose keys follow from the names, for twenty years from 2025 on.
    pub fn labelled(subject: &str, issuer: &str, extensions: Vec<Ext>) -> Self {
        let algorithm = Scheme::Ecdsa.algorithm();
        Self {
            version: context(0, &[&uint(2)]),
            serial: uint(7),
            inner_algorithm: algorithm.clone(),
            issuer: common_name(issuer),
            validity: validity("2025-01-01T00:00:00Z", "2045-01-01T00:00:00Z"),
            subject: common_name(subject),
            spki: P384Key::from_label(subject).spki(),
            before_extensions: Vec::new(),
            extensions,
            trailing: Vec::new(),
            outer_algorithm: algorithm,
            scheme: Scheme::Ecdsa,
            signer: Signer::from(&P384Key::from_label(issuer)),
            flips: Vec::new(),
        }
    }

    /// The certificate of an authority of that PKI, with any number of others below it.
    pub fn authority(subject: &str, issuer: &str) -> Self {
        Self::labelled(subject, issuer, vec![Ext::ca(None), Ext::key_usage([1, 6])])
    }

    fn skeleton(issuer: &str, spki: Vec<u8>, signer: &'static RsaKey, scheme: Scheme) -> Self {
        Self {
            version: context(0, &[&uint(2)]),
            serial: uint(0),
            inner_algorithm: scheme.algorithm(),
            issuer: amd_name(issuer),
            validity: Vec::new(),
            subject: Vec::new(),
            spki,
            before_extensions: Vec::new(),
            extensions: Vec::new(),
            trailing: Vec::new(),
            outer_algorithm: scheme.algorithm(),
            scheme,
            signer: Signer::Rsa(signer),
            flips: Vec::new(),
        }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Another serial number.
    pub fn serial(self, serial: u64) -> Self {
        Self { serial: uint(serial), ..self }
    }

    /// Another version, as the number in the field: 2 is v3.
    pub fn version(self, version: u64) -> Self {
        Self { version: context(0, &[&uint(version)]), ..self }
    }

    /// Another issuer with AMD's other name parts.
    pub fn issuer(self, common_name: &str) -> Self {
        Self { issuer: amd_name(common_name), ..self }
    }

    /// Another subject with AMD's other name parts.
    pub fn subject(self, common_name: &str) -> Self {
        Self { subject: amd_name(common_name), ..self }
    }

    /// Other dates, written like `2025-07-17T17:04:46Z`.
    pub fn valid(self, from: &str, to: &str) -> Self {
        Self { validity: validity(from, to), ..self }
    }

    /// Another public key, with its identifier if the certificate has one.
    pub fn key(self, key: &'static RsaKey) -> Self {
        let spec = Self { spki: key.spki(), ..self };
        if spec.has(oid::SKI) { spec.replacing(oid::SKI, Ext::ski(&key.ski()).value) } else { spec }
    }

    /// Another signature scheme, made and named.
    pub fn scheme(self, scheme: Scheme) -> Self {
        let algorithm = scheme.algorithm();
        Self { inner_algorithm: algorithm.clone(), outer_algorithm: algorithm, scheme, ..self }
    }

    /// Another signature scheme, made but not named.
    pub fn signed_as(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// Another signer. The issuer's name and key identifier stay.
    pub fn signed_by(self, signer: impl Into<Signer>) -> Self {
        Self { signer: signer.into(), ..self }
    }

    /// The signature with one octet changed by a mask.
    pub fn flip_signature(self, index: usize, mask: u8) -> Self {
        self.with(|spec| spec.flips.push((index, mask)))
    }

    /// One more extension, at the end.
    pub fn adding(self, ext: Ext) -> Self {
        self.with(|spec| spec.extensions.push(ext))
    }

    /// An extension twice, next to each other.
    ///
    /// # Panics
    ///
    /// When it is not there.
    pub fn duplicating(self, oid: &str) -> Self {
        let at = self.position(oid);
        self.with(|spec| spec.extensions.insert(at, spec.extensions[at].clone()))
    }

    /// Other content for an extension.
    ///
    /// # Panics
    ///
    /// When it is not there.
    pub fn replacing(self, oid: &str, value: impl Into<Vec<u8>>) -> Self {
        let at = self.position(oid);
        self.with(|spec| spec.extensions[at].value = value.into())
    }

    /// An extension with another critical flag.
    ///
    /// # Panics
    ///
    /// When it is not there.
    pub fn marking(self, oid: &str, critical: bool) -> Self {
        let at = self.position(oid);
        self.with(|spec| spec.extensions[at].critical = critical)
    }

    /// Without an extension.
    ///
    /// # Panics
    ///
    /// When it is not there.
    pub fn without(self, oid: &str) -> Self {
        let at = self.position(oid);
        self.with(|spec| drop(spec.extensions.remove(at)))
    }

    /// Whether there is such an extension.
    pub fn has(&self, oid: &str) -> bool {
        self.extensions.iter().any(|ext| ext.oid == oid)
    }

    /// The signed part.
    pub fn tbs(&self) -> Vec<u8> {
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            context(3, &[&seq(&[&self.extensions.iter().flat_map(Ext::der).collect::<Vec<u8>>()])])
        };
        seq(&[
            &self.version,
            &self.serial,
            &self.inner_algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.spki,
            &self.before_extensions,
            &extensions,
            &self.trailing,
        ])
    }

    /// The signed certificate.
    pub fn build(&self) -> Vec<u8> {
        self.build_around(&self.tbs())
    }

    /// A certificate around another signed part, for DER that the fields cannot express.
    pub fn build_around(&self, tbs: &[u8]) -> Vec<u8> {
        seal(tbs, &self.outer_algorithm, self.scheme, &self.signer, &self.flips)
    }

    fn position(&self, oid: &str) -> usize {
        self.extensions.iter().position(|ext| ext.oid == oid).expect("the certificate has the extension")
    }
}

/// Signs `tbs` and puts the three parts of a certificate or CRL together.
pub(crate) fn seal(
    tbs: &[u8],
    algorithm: &[u8],
    scheme: Scheme,
    signer: &Signer,
    flips: &[(usize, u8)],
) -> Vec<u8> {
    let mut signature = signer.sign(scheme, tbs);
    for (index, mask) in flips {
        signature[*index] ^= mask;
    }
    seq(&[tbs, algorithm, &bits(&signature)])
}

/// A name with AMD's parts in AMD's order.
pub fn amd_name(common_name: &str) -> Vec<u8> {
    name(&[
        ("2.5.4.11", utf8("Engineering")),
        ("2.5.4.6", printable("US")),
        ("2.5.4.7", utf8("Santa Clara")),
        ("2.5.4.8", utf8("CA")),
        ("2.5.4.10", utf8("Advanced Micro Devices")),
        ("2.5.4.3", utf8(common_name)),
    ])
}

/// A name with nothing but a common name.
pub fn common_name(text: &str) -> Vec<u8> {
    name(&[("2.5.4.3", utf8(text))])
}

/// A name of parts: attribute type in dotted form, value as DER.
pub fn name(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let parts: Vec<u8> =
        parts.iter().flat_map(|(kind, value)| set(&[&seq(&[&oid_der(kind), value])])).collect();
    seq(&[&parts])
}

/// The common name of a CA.
pub fn ca_name(line: Line, role: Role) -> String {
    let prefix = match role {
        Role::Ark => "ARK",
        Role::Ask => "SEV",
        Role::Asvk => "SEV-VLEK",
    };
    format!("{prefix}-{}", line.name())
}

/// Validity of two times, written like `2025-07-17T17:04:46Z`.
pub fn validity(from: &str, to: &str) -> Vec<u8> {
    seq(&[&time::x509(from), &time::x509(to)])
}

/// Serial number and dates of AMD's own CA certificates. The ASVK dates of Genoa and Turin are made up.
fn ca_facts(line: Line, role: Role) -> (u64, &'static str, &'static str) {
    match (line, role) {
        (Line::Milan, Role::Ark) => (0x1_0000, "2020-10-22T17:23:05Z", "2045-10-22T17:23:05Z"),
        (Line::Milan, Role::Ask) => (0x1_0001, "2020-10-22T18:24:20Z", "2045-10-22T18:24:20Z"),
        (Line::Milan, Role::Asvk) => (0x1_0101, "2022-11-16T22:45:24Z", "2047-11-16T22:45:24Z"),
        (Line::Genoa, Role::Ark) => (0x2_0000, "2022-01-26T15:34:37Z", "2047-01-26T15:34:37Z"),
        (Line::Genoa, Role::Ask) => (0x2_0002, "2022-10-31T13:33:48Z", "2047-10-31T13:33:48Z"),
        (Line::Genoa, Role::Asvk) => (0x2_0101, "2022-11-16T23:02:19Z", "2047-11-16T23:02:19Z"),
        (Line::Turin, Role::Ark) => (0x3_0000, "2023-05-15T20:03:12Z", "2048-05-15T20:03:12Z"),
        (Line::Turin, Role::Ask) => (0x3_0001, "2023-05-15T20:25:21Z", "2048-05-15T20:25:21Z"),
        (Line::Turin, Role::Asvk) => (0x3_0101, "2023-05-15T20:40:00Z", "2048-05-15T20:40:00Z"),
    }
}
