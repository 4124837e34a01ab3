//! The platforms of the test PKI: what a chip of each product reports and what AMD certifies for it.

use sha2::{Digest, Sha256, Sha512};

use crate::der_out::tlv;
use crate::keys::P384Key;
use crate::pki::CertSpec;
use crate::report::ReportSpec;

/// A product line: what has its own ARK.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Line {
    /// Third generation EPYC.
    Milan,
    /// Fourth generation EPYC, all variants.
    Genoa,
    /// Fifth generation EPYC.
    Turin,
}

impl Line {
    /// All lines.
    pub const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    /// The name in certificates and in KDS paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }
}

/// What a CA certificate is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The root, which signs the two others and the CRL.
    Ark,
    /// Signs VCEK certificates.
    Ask,
    /// Signs VLEK certificates.
    Asvk,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Ark, Self::Ask, Self::Asvk];
}

/// A product, as the CPUID bytes of a report tell it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Product {
    /// Milan, stepping 1.
    Milan,
    /// Genoa, stepping 1.
    Genoa,
    /// Siena, which belongs to the Genoa line.
    Siena,
    /// Turin classic.
    Turin,
}

impl Product {
    /// All products.
    pub const ALL: [Self; 4] = [Self::Milan, Self::Genoa, Self::Siena, Self::Turin];

    /// The line whose CA certifies this product.
    pub fn line(self) -> Line {
        match self {
            Self::Milan => Line::Milan,
            Self::Genoa | Self::Siena => Line::Genoa,
            Self::Turin => Line::Turin,
        }
    }

    /// CPUID family, model and stepping.
    pub fn cpuid(self) -> [u8; 3] {
        match self {
            Self::Milan => [0x19, 0x01, 0x01],
            Self::Genoa => [0x19, 0x11, 0x01],
            Self::Siena => [0x19, 0xA0, 0x02],
            Self::Turin => [0x1A, 0x02, 0x01],
        }
    }

    /// The firmware build, minor and major number of the default report.
    pub fn firmware(self) -> [u8; 3] {
        match self {
            Self::Milan => [35, 55, 1],
            Self::Genoa | Self::Siena => [49, 55, 1],
            Self::Turin => [65, 55, 1],
        }
    }

    /// The TCB of the default report and certificate, of current firmware.
    pub fn tcb(self) -> Tcb {
        match self {
            Self::Milan => Tcb { fmc: 0, bootloader: 4, tee: 0, snp: 27, microcode: 0xDE },
            Self::Genoa => Tcb { fmc: 0, bootloader: 10, tee: 0, snp: 27, microcode: 0x58 },
            Self::Siena => Tcb { fmc: 0, bootloader: 10, tee: 0, snp: 27, microcode: 0x1B },
            Self::Turin => Tcb { fmc: 1, bootloader: 3, tee: 2, snp: 5, microcode: 0x61 },
        }
    }

    /// PLATFORM_INFO of the default report: SMT, ECC and the alias check, and the IOMMU bit on Turin.
    pub fn platform_info(self) -> u64 {
        match self {
            Self::Milan | Self::Genoa | Self::Siena => 0x25,
            Self::Turin => 0x65,
        }
    }

    /// LAUNCH_MIT_VECTOR and CURRENT_MIT_VECTOR of the default v5 report.
    pub fn mitigations(self) -> u64 {
        match self {
            Self::Milan | Self::Genoa | Self::Siena => 0x0B,
            Self::Turin => 0x3F,
        }
    }

    /// The product name in a VCEK certificate.
    pub fn vcek_name(self) -> &'static str {
        match self {
            Self::Milan => "Milan-B0",
            Self::Genoa | Self::Siena => "Genoa",
            Self::Turin => "Turin",
        }
    }

    fn hwid_len(self) -> usize {
        if self.line() == Line::Turin { 8 } else { 64 }
    }
}

/// The security patch levels of a platform.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tcb {
    /// FMC, on Turin only.
    pub fmc: u8,
    /// Boot loader.
    pub bootloader: u8,
    /// TEE.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

impl Tcb {
    /// TCB_VERSION as a report of the line has it.
    pub fn bytes(self, line: Line) -> [u8; 8] {
        match line {
            Line::Milan | Line::Genoa => [self.bootloader, self.tee, 0, 0, 0, 0, self.snp, self.microcode],
            Line::Turin => [self.fmc, self.bootloader, self.tee, self.snp, 0, 0, 0, self.microcode],
        }
    }
}

/// One chip with its keys: the start of most cases.
///
/// The certificates and reports that it hands out agree with each other and pass every check.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The product.
    pub product: Product,
    /// The TCB in certificates, and every TCB in reports.
    pub tcb: Tcb,
    /// The chip identifier in a VCEK certificate: 64 octets, or 8 on Turin.
    pub hwid: Vec<u8>,
    /// The provider that a VLEK certificate names.
    pub csp_id: String,
    /// What the leaf keys derive from.
    pub label: String,
}

impl Platform {
    /// The default chip of a product.
    pub fn new(product: Product) -> Self {
        Self::numbered(product, 0)
    }

    /// Another chip of the product: its own identifier, its own keys, the same TCB.
    pub fn numbered(product: Product, number: u32) -> Self {
        let label = format!("{product:?}/{number}");
        let hwid = Sha512::digest(format!("hwid/{label}"))[..product.hwid_len()].to_vec();
        Self { product, tcb: product.tcb(), hwid, csp_id: "CN=cc-us-east-2.amazonaws.com".into(), label }
    }

    /// The same chip at another TCB. Keys depend on the TCB as they do in hardware.
    pub fn at(mut self, tcb: Tcb) -> Self {
        self.tcb = tcb;
        self
    }

    /// The key that a VCEK certificate is for.
    pub fn vcek_key(&self) -> P384Key {
        self.key("vcek")
    }

    /// The key that a VLEK certificate is for.
    pub fn vlek_key(&self) -> P384Key {
        self.key("vlek")
    }

    /// The VCEK certificate, signed by the ASK of the line.
    pub fn vcek(&self) -> CertSpec {
        CertSpec::vcek(self)
    }

    /// The VLEK certificate, signed by the ASVK of the line.
    pub fn vlek(&self) -> CertSpec {
        CertSpec::vlek(self)
    }

    /// A report of this chip, to be signed with the VCEK.
    pub fn report(&self, version: u32) -> ReportSpec {
        ReportSpec::new(self, version)
    }

    /// A report of this chip, to be signed with the VLEK: SIGNING_KEY is 1 and the chip identifier is masked.
    pub fn vlek_report(&self, version: u32) -> ReportSpec {
        ReportSpec { key_info: 1 << 2, chip_id: [0; 64], ..self.report(version) }
    }

    /// SHA-256 of the chip id: which machine.
    pub fn machine(&self) -> [u8; 32] {
        Sha256::digest(self.chip_id()).into()
    }

    /// An evidence envelope: a report of this chip over `report_data`, with the certificates that lead to its root.
    pub fn evidence(&self, report_data: [u8; 64]) -> Vec<u8> {
        let report = self.report(5).with(|report| report.report_data = report_data);
        let chain = [self.vcek().build(), CertSpec::ca(self.product.line(), Role::Ask).build()];
        crate::tpm::envelope("snp", &report.signed_with(&self.vcek_key()), &chain)
    }

    /// CHIP_ID of a report: the identifier with zeros up to 64 octets.
    ///
    /// # Panics
    ///
    /// When the identifier is longer than that.
    pub fn chip_id(&self) -> [u8; 64] {
        let mut out = [0; 64];
        out[..self.hwid.len()].copy_from_slice(&self.hwid);
        out
    }

    /// The identifier in the announced form, an OCTET STRING.
    pub fn hwid_octet_string(&self) -> Vec<u8> {
        tlv(crate::der_out::OCTET_STRING, &self.hwid)
    }

    fn key(&self, kind: &str) -> P384Key {
        let Tcb { fmc, bootloader, tee, snp, microcode } = self.tcb;
        P384Key::from_label(&format!("{kind}/{}/{fmc}.{bootloader}.{tee}.{snp}.{microcode}", self.label))
    }
}
