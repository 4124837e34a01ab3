//! Certificate extensions, and the lists of them that AMD's certificates carry.

use crate::der_out::{
    self, boolean_true, context, context_primitive, ia5, octets, oid as oid_der, seq, tlv, uint,
};
use crate::keys::RsaKey;
use crate::platform::{Line, Platform, Role};

/// Object identifiers of the extensions.
pub mod oid {
    /// subjectKeyIdentifier.
    pub const SKI: &str = "2.5.29.14";
    /// keyUsage.
    pub const KEY_USAGE: &str = "2.5.29.15";
    /// basicConstraints.
    pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    /// cRLNumber.
    pub const CRL_NUMBER: &str = "2.5.29.20";
    /// cRLDistributionPoints.
    pub const CRL_POINTS: &str = "2.5.29.31";
    /// authorityKeyIdentifier.
    pub const AKI: &str = "2.5.29.35";
    /// AMD: structure version.
    pub const STRUCT_VERSION: &str = "1.3.6.1.4.1.3704.1.1";
    /// AMD: product name.
    pub const PRODUCT_NAME: &str = "1.3.6.1.4.1.3704.1.2";
    /// AMD: boot loader patch level.
    pub const SPL_BOOTLOADER: &str = "1.3.6.1.4.1.3704.1.3.1";
    /// AMD: TEE patch level.
    pub const SPL_TEE: &str = "1.3.6.1.4.1.3704.1.3.2";
    /// AMD: SNP firmware patch level.
    pub const SPL_SNP: &str = "1.3.6.1.4.1.3704.1.3.3";
    /// AMD: reserved, absent on Turin.
    pub const SPL_4: &str = "1.3.6.1.4.1.3704.1.3.4";
    /// AMD: reserved.
    pub const SPL_5: &str = "1.3.6.1.4.1.3704.1.3.5";
    /// AMD: reserved.
    pub const SPL_6: &str = "1.3.6.1.4.1.3704.1.3.6";
    /// AMD: reserved.
    pub const SPL_7: &str = "1.3.6.1.4.1.3704.1.3.7";
    /// AMD: microcode patch level.
    pub const SPL_MICROCODE: &str = "1.3.6.1.4.1.3704.1.3.8";
    /// AMD: FMC patch level, on Turin only.
    pub const SPL_FMC: &str = "1.3.6.1.4.1.3704.1.3.9";
    /// AMD: chip identifier, in a VCEK certificate.
    pub const HWID: &str = "1.3.6.1.4.1.3704.1.4";
    /// AMD: provider, in a VLEK certificate.
    pub const CSP_ID: &str = "1.3.6.1.4.1.3704.1.5";
}

/// One extension.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ext {
    /// The identifier, in dotted form.
    pub oid: String,
    /// Whether the critical flag is written.
    pub critical: bool,
    /// The content of extnValue, right or wrong.
    pub value: Vec<u8>,
}

impl Ext {
    /// An extension that is not critical.
    pub fn new(oid: &str, value: impl Into<Vec<u8>>) -> Self {
        Self { oid: oid.into(), critical: false, value: value.into() }
    }

    /// A critical extension.
    pub fn critical(oid: &str, value: impl Into<Vec<u8>>) -> Self {
        Self { critical: true, ..Self::new(oid, value) }
    }

    /// Subject key identifier.
    pub fn ski(id: &[u8]) -> Self {
        Self::new(oid::SKI, octets(id))
    }

    /// Authority key identifier.
    pub fn aki(id: &[u8]) -> Self {
        Self::new(oid::AKI, seq(&[&context_primitive(0, id)]))
    }

    /// Critical BasicConstraints of a CA.
    pub fn ca(path_len: Option<u64>) -> Self {
        let path_len = path_len.map_or_else(Vec::new, uint);
        Self::critical(oid::BASIC_CONSTRAINTS, seq(&[&boolean_true(), &path_len]))
    }

    /// Critical KeyUsage from its BIT STRING content: unused bits, then the bits.
    ///
    /// `[1, 6]` is certificate and CRL signing. AMD writes certificate signing alone as `[1, 4]`, with a trailing
    /// zero bit that DER leaves out: `[2, 4]` is the canonical form.
    pub fn key_usage(content: [u8; 2]) -> Self {
        Self::critical(oid::KEY_USAGE, tlv(der_out::BIT_STRING, &content))
    }

    /// One CRL distribution point with one URL.
    pub fn crl_point(url: &str) -> Self {
        let name = context(0, &[&context(0, &[&context_primitive(6, url.as_bytes())])]);
        Self::new(oid::CRL_POINTS, seq(&[&seq(&[&name])]))
    }

    /// The extension as DER.
    pub fn der(&self) -> Vec<u8> {
        let critical = if self.critical { boolean_true() } else { Vec::new() };
        seq(&[&oid_der(&self.oid), &critical, &octets(&self.value)])
    }
}

/// AMD's extensions in AMD's order, which differs between the root and the intermediates.
pub(crate) fn ca_extensions(line: Line, role: Role, key: &RsaKey, root: &RsaKey) -> Vec<Ext> {
    let endpoint = if role == Role::Asvk { "vlek" } else { "vcek" };
    let crl_point = Ext::crl_point(&format!("https://kdsintf.amd.com/{endpoint}/v1/{}/crl", line.name()));
    match role {
        Role::Ark => vec![Ext::key_usage([1, 6]), Ext::ski(&key.ski()), Ext::ca(None), crl_point],
        Role::Ask | Role::Asvk => vec![
            Ext::ski(&key.ski()),
            Ext::aki(&root.ski()),
            Ext::ca(Some(0)),
            Ext::key_usage([1, 4]),
            crl_point,
        ],
    }
}

/// AMD's extensions that VCEK and VLEK share, in AMD's order, which differs between the structure versions.
pub(crate) fn leaf_extensions(platform: &Platform, product_name: &str) -> Vec<Ext> {
    let tcb = platform.tcb;
    let turin = platform.product.line() == Line::Turin;
    let number = |oid: &str, value: u8| Ext::new(oid, uint(u64::from(value)));
    let reserved = [oid::SPL_5, oid::SPL_6, oid::SPL_7].map(|oid| number(oid, 0));

    let mut out =
        vec![number(oid::STRUCT_VERSION, u8::from(turin)), Ext::new(oid::PRODUCT_NAME, ia5(product_name))];
    if turin {
        out.push(number(oid::SPL_FMC, tcb.fmc));
    }
    out.push(number(oid::SPL_BOOTLOADER, tcb.bootloader));
    out.push(number(oid::SPL_TEE, tcb.tee));
    if turin {
        out.push(number(oid::SPL_SNP, tcb.snp));
        out.extend(reserved);
    } else {
        out.push(number(oid::SPL_4, 0));
        out.extend(reserved);
        out.push(number(oid::SPL_SNP, tcb.snp));
    }
    out.push(number(oid::SPL_MICROCODE, tcb.microcode));
    out
}
