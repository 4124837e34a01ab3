//! Writes what Intel's platforms and services write, sound and unsound: PCK chains, TCB info, identities, lists and quotes.
//!
//! Names imitate Intel's; the organisation says that it is a fixture.

use sha2::{Digest, Sha256};

use crate::der_out::{boolean_true, octets, oid, pem, printable, seq, tlv, uint, utf8};
use crate::ext::Ext;
use crate::keys::P256Key;
use crate::pki::{CertSpec, name, validity};
use crate::sign::{Scheme, Signer};
use crate::{CrlSpec, time};

/// Dotted form of the SGX extension.
pub const SGX: &str = "1.2.840.113741.1.13.1";
/// Common names.
pub const ROOT: &str = "Intel SGX Root CA";
/// The authority of multi-package platforms.
pub const PLATFORM_CA: &str = "Intel SGX PCK Platform CA";
/// The authority of single processors.
pub const PROCESSOR_CA: &str = "Intel SGX PCK Processor CA";
/// Who signs TCB info and identities.
pub const TCB_SIGNER: &str = "Intel SGX TCB Signing";
/// A platform's leaf.
pub const PCK: &str = "Intel SGX PCK Certificate";
/// FMSPC of the default platform.
pub const FMSPC: [u8; 6] = [0x50, 0x80, 0x6f, 0, 0, 1];

/// The key of a role.
pub fn key(label: &str) -> P256Key {
    P256Key::from_label(&format!("tdx {label}"))
}

/// A name with Intel's parts in Intel's order.
pub fn intel_name(common_name: &str) -> Vec<u8> {
    name(&[
        ("2.5.4.3", utf8(common_name)),
        ("2.5.4.10", utf8("Test fixture, not Intel")),
        ("2.5.4.7", utf8("Santa Clara")),
        ("2.5.4.8", utf8("CA")),
        ("2.5.4.6", printable("US")),
    ])
}

fn certificate(subject: &str, issuer: &str, extensions: Vec<Ext>, valid: (&str, &str)) -> CertSpec {
    let scheme = Scheme::EcdsaP256;
    let algorithm = scheme.algorithm();
    CertSpec {
        inner_algorithm: algorithm.clone(),
        outer_algorithm: algorithm,
        scheme,
        issuer: intel_name(issuer),
        subject: intel_name(subject),
        validity: validity(valid.0, valid.1),
        spki: key(subject).spki(),
        signer: Signer::from(&key(issuer)),
        ..CertSpec::labelled(subject, issuer, extensions)
    }
}

/// digitalSignature and nonRepudiation, and no authority: what Intel's leaves say.
fn leaf_extensions() -> Vec<Ext> {
    vec![Ext::key_usage([6, 0xc0]), Ext::critical(crate::oid::BASIC_CONSTRAINTS, seq(&[]))]
}

/// The root.
pub fn root() -> CertSpec {
    let extensions = vec![Ext::key_usage([1, 6]), Ext::ca(Some(1))];
    certificate(ROOT, ROOT, extensions, ("2018-05-21T10:45:10Z", "2049-12-31T23:59:59Z")).serial(1)
}

/// A PCK authority of this name.
pub fn authority(subject: &str) -> CertSpec {
    let extensions = vec![Ext::key_usage([1, 6]), Ext::ca(Some(0))];
    certificate(subject, ROOT, extensions, ("2018-05-21T10:50:10Z", "2033-05-21T10:50:10Z")).serial(2)
}

/// A signer of collateral of this name.
pub fn signer(subject: &str) -> CertSpec {
    certificate(subject, ROOT, leaf_extensions(), ("2025-05-06T09:25:00Z", "2032-05-06T09:25:00Z")).serial(3)
}

/// A PCK certificate with this content of its SGX extension.
pub fn pck(sgx: Vec<u8>) -> CertSpec {
    let extensions = [leaf_extensions(), vec![Ext::new(SGX, sgx)]].concat();
    certificate(PCK, PLATFORM_CA, extensions, ("2025-02-06T23:25:51Z", "2032-02-06T23:25:51Z")).serial(4)
}

/// What a PCK certificate says of its platform, every member open to change.
#[derive(Clone, Debug)]
pub struct SgxSpec {
    /// The SVNs of the components.
    pub components: [u8; 16],
    /// PCESVN.
    pub pce_svn: u64,
    /// PCEID.
    pub pce_id: Vec<u8>,
    /// FMSPC.
    pub fmspc: Vec<u8>,
    /// Platform instance id; none for a processor's.
    pub piid: Option<[u8; 16]>,
    /// Arcs that are left out.
    pub without: Vec<String>,
    /// Arcs that stand twice.
    pub twice: Vec<String>,
}

impl Default for SgxSpec {
    fn default() -> Self {
        Self {
            components: [7, 7, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
            pce_svn: 11,
            pce_id: vec![0, 0],
            fmspc: FMSPC.to_vec(),
            piid: Some([0x77; 16]),
            without: Vec::new(),
            twice: Vec::new(),
        }
    }
}

impl SgxSpec {
    /// The extension's content.
    pub fn build(&self) -> Vec<u8> {
        let mut tcb: Vec<(String, Vec<u8>)> = (1..)
            .zip(self.components)
            .map(|(number, svn)| (format!("2.{number}"), uint(u64::from(svn))))
            .collect();
        tcb.push(("2.17".into(), uint(self.pce_svn)));
        tcb.push(("2.18".into(), octets(&self.components)));
        let configuration = [1, 2, 3].map(|number| (format!("7.{number}"), boolean_true())).to_vec();
        let mut members = vec![
            ("1".to_owned(), octets(&[0x99; 16])),
            ("2".to_owned(), self.list(tcb)),
            ("3".to_owned(), octets(&self.pce_id)),
            ("4".to_owned(), octets(&self.fmspc)),
            ("5".to_owned(), tlv(0x0a, &[1])),
        ];
        if let Some(piid) = &self.piid {
            members.push(("6".to_owned(), octets(piid)));
        }
        members.push(("7".to_owned(), self.list(configuration)));
        self.list(members)
    }

    fn list(&self, members: Vec<(String, Vec<u8>)>) -> Vec<u8> {
        let mut content = Vec::new();
        for (arc, value) in members.iter().filter(|(arc, _)| !self.without.contains(arc)) {
            let member = seq(&[&oid(&format!("{SGX}.{arc}")), value]);
            content.extend_from_slice(&member);
            if self.twice.contains(arc) {
                content.extend_from_slice(&member);
            }
        }
        seq(&[&content])
    }
}

/// A list of this issuer, two weeks old at the time of the cases.
pub fn crl(issuer: &str) -> CrlSpec {
    let scheme = Scheme::EcdsaP256;
    CrlSpec {
        inner_algorithm: scheme.algorithm(),
        issuer: intel_name(issuer),
        this_update: time::x509("2026-01-01T00:00:00Z"),
        next_update: time::x509("2026-01-31T00:00:00Z"),
        revoked: Vec::new(),
        extensions: vec![Ext::new(crate::oid::CRL_NUMBER, uint(1))],
        outer_algorithm: scheme.algorithm(),
        scheme,
        signer: Signer::from(&key(issuer)),
        ..CrlSpec::new(crate::Line::Milan)
    }
}

/// A document: a body, and its signature by this role.
pub fn document(member: &str, body: &str, by: &str) -> Vec<u8> {
    let signature = vectors::hex(&key(by).sign(body.as_bytes()));
    format!("{{\"{member}\":{body},\"signature\":\"{signature}\"}}").into_bytes()
}

/// A TCB level as JSON.
pub fn level(sgx: [u8; 16], pce_svn: u16, tdx: [u8; 16], status: &str, advisories: &[&str]) -> String {
    let list = |svns: [u8; 16]| svns.map(|svn| format!("{{\"svn\":{svn}}}")).join(",");
    let (sgx, tdx) = (list(sgx), list(tdx));
    format!(
        "{{\"tcb\":{{\"sgxtcbcomponents\":[{sgx}],\"pcesvn\":{pce_svn},\"tdxtcbcomponents\":[{tdx}]}},{}}}",
        said(status, advisories)
    )
}

/// A level of an enclave or a module as JSON.
pub fn svn_level(isv_svn: u16, status: &str, advisories: &[&str]) -> String {
    format!("{{\"tcb\":{{\"isvsvn\":{isv_svn}}},{}}}", said(status, advisories))
}

fn said(status: &str, advisories: &[&str]) -> String {
    let ids: Vec<String> = advisories.iter().map(|id| format!("\"{id}\"")).collect();
    let ids = if ids.is_empty() { String::new() } else { format!(",\"advisoryIDs\":[{}]", ids.join(",")) };
    format!("\"tcbDate\":\"2025-12-01T00:00:00Z\",\"tcbStatus\":\"{status}\"{ids}")
}

/// TCB info, every part open to change.
#[derive(Clone, Debug)]
pub struct TcbInfoSpec {
    /// FMSPC, in hexadecimal.
    pub fmspc: String,
    /// PCEID, in hexadecimal.
    pub pce_id: String,
    /// issueDate and nextUpdate.
    pub dates: (String, String),
    /// tcbEvaluationDataNumber.
    pub evaluation: u32,
    /// mrsigner, attributes and mask of each module identity, in hexadecimal.
    pub module: (String, String, String),
    /// Module identities: their ids, and their levels.
    pub modules: Vec<(String, Vec<String>)>,
    /// Levels of the platform.
    pub levels: Vec<String>,
}

impl Default for TcbInfoSpec {
    fn default() -> Self {
        let sgx = SgxSpec::default().components;
        let mut tdx = [0; 16];
        tdx[0] = 5;
        tdx[2] = 6;
        Self {
            fmspc: vectors::hex(&FMSPC).to_uppercase(),
            pce_id: "0000".into(),
            dates: ("2026-01-02T00:00:00Z".into(), "2026-02-01T00:00:00Z".into()),
            evaluation: 18,
            module: ("00".repeat(48), "00".repeat(8), "FF".repeat(8)),
            modules: vec![("TDX_01".into(), vec![svn_level(3, "UpToDate", &[])])],
            levels: vec![level(sgx, 11, tdx, "UpToDate", &[])],
        }
    }
}

impl TcbInfoSpec {
    /// The signed text.
    pub fn body(&self) -> String {
        let (signer, attributes, mask) = &self.module;
        let module = format!(
            "\"mrsigner\":\"{signer}\",\"attributes\":\"{attributes}\",\"attributesMask\":\"{mask}\""
        );
        let modules: Vec<String> = self
            .modules
            .iter()
            .map(|(id, levels)| format!("{{\"id\":\"{id}\",{module},\"tcbLevels\":[{}]}}", levels.join(",")))
            .collect();
        let Self { fmspc, pce_id, dates: (issued, next), evaluation, .. } = self;
        format!(
            "{{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"{issued}\",\"nextUpdate\":\"{next}\",\"fmspc\":\"{fmspc}\",\
             \"pceId\":\"{pce_id}\",\"tcbType\":0,\"tcbEvaluationDataNumber\":{evaluation},\"tdxModule\":{{{module}}},\
             \"tdxModuleIdentities\":[{}],\"tcbLevels\":[{}]}}",
            modules.join(","),
            self.levels.join(",")
        )
    }

    /// The document, as Intel's service gives it.
    pub fn build(&self) -> Vec<u8> {
        document("tcbInfo", &self.body(), TCB_SIGNER)
    }
}

/// The quoting enclave's identity, every part open to change.
#[derive(Clone, Debug)]
pub struct IdentitySpec {
    /// issueDate and nextUpdate.
    pub dates: (String, String),
    /// tcbEvaluationDataNumber.
    pub evaluation: u32,
    /// miscselect and its mask.
    pub misc: (String, String),
    /// attributes and their mask.
    pub attributes: (String, String),
    /// mrsigner.
    pub signer: String,
    /// isvprodid.
    pub product: u32,
    /// Levels.
    pub levels: Vec<String>,
}

impl Default for IdentitySpec {
    fn default() -> Self {
        Self {
            dates: ("2026-01-02T00:00:00Z".into(), "2026-02-01T00:00:00Z".into()),
            evaluation: 18,
            misc: ("00000000".into(), "FFFFFFFF".into()),
            attributes: (format!("11{}", "00".repeat(15)), format!("FB{}{}", "FF".repeat(7), "00".repeat(8))),
            signer: "DC".repeat(32),
            product: 2,
            levels: vec![svn_level(4, "UpToDate", &[])],
        }
    }
}

impl IdentitySpec {
    /// The signed text.
    pub fn body(&self) -> String {
        let Self { dates: (issued, next), evaluation, misc, attributes, signer, product, levels } = self;
        format!(
            "{{\"id\":\"TD_QE\",\"version\":2,\"issueDate\":\"{issued}\",\"nextUpdate\":\"{next}\",\
             \"tcbEvaluationDataNumber\":{evaluation},\"miscselect\":\"{}\",\"miscselectMask\":\"{}\",\
             \"attributes\":\"{}\",\"attributesMask\":\"{}\",\"mrsigner\":\"{signer}\",\"isvprodid\":{product},\
             \"tcbLevels\":[{}]}}",
            misc.0,
            misc.1,
            attributes.0,
            attributes.1,
            levels.join(",")
        )
    }

    /// The document, as Intel's service gives it.
    pub fn build(&self) -> Vec<u8> {
        document("enclaveIdentity", &self.body(), TCB_SIGNER)
    }
}

/// A TD report, every field open to change.
#[derive(Clone, Debug)]
pub struct ReportSpec {
    /// TEE_TCB_SVN.
    pub tee_tcb_svn: [u8; 16],
    /// MRSEAM.
    pub mr_seam: [u8; 48],
    /// MRSIGNERSEAM.
    pub mr_signer_seam: [u8; 48],
    /// SEAMATTRIBUTES.
    pub seam_attributes: [u8; 8],
    /// TDATTRIBUTES.
    pub attributes: u64,
    /// XFAM.
    pub xfam: u64,
    /// MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR0 to RTMR3.
    pub measurements: [[u8; 48]; 8],
    /// REPORTDATA.
    pub report_data: [u8; 64],
    /// TEE_TCB_SVN_2.
    pub tee_tcb_svn_2: [u8; 16],
    /// MRSERVICETD.
    pub mr_service_td: [u8; 48],
}

impl Default for ReportSpec {
    fn default() -> Self {
        let mut svn = [0; 16];
        [svn[0], svn[1], svn[2]] = [5, 1, 6];
        Self {
            tee_tcb_svn: svn,
            mr_seam: [0x11; 48],
            mr_signer_seam: [0; 48],
            seam_attributes: [0; 8],
            attributes: 1 << 28,
            xfam: 0x6_02e7,
            measurements: [0xa0, 0xa1, 0xa2, 0xa3, 0xb0, 0xb1, 0xb2, 0xb3].map(|octet| [octet; 48]),
            report_data: [0x5a; 64],
            tee_tcb_svn_2: svn,
            mr_service_td: [0; 48],
        }
    }
}

impl ReportSpec {
    fn build(&self, kind: u16) -> Vec<u8> {
        let mut body = [
            &self.tee_tcb_svn[..],
            &self.mr_seam,
            &self.mr_signer_seam,
            &self.seam_attributes,
            &self.attributes.to_le_bytes(),
            &self.xfam.to_le_bytes(),
            &self.measurements.concat(),
            &self.report_data,
        ]
        .concat();
        if kind >= 3 {
            body.extend(self.tee_tcb_svn_2);
            body.extend(self.mr_service_td);
        }
        if kind >= 4 {
            body.extend([0; 237]);
        }
        body
    }
}

/// A quote, every part open to change.
#[derive(Clone, Debug)]
pub struct QuoteSpec {
    /// Version.
    pub version: u16,
    /// Attestation key type.
    pub key_type: u16,
    /// TEE type.
    pub tee_type: u32,
    /// QE vendor id.
    pub vendor: [u8; 16],
    /// Body type: 2, 3 or 4.
    pub kind: u16,
    /// What the descriptor says of them; `None` for what they are.
    pub descriptor: (Option<u16>, Option<u32>),
    /// The report.
    pub report: ReportSpec,
    /// Who has the attestation key.
    pub attester: String,
    /// MISCSELECT of the QE report.
    pub misc: [u8; 4],
    /// ATTRIBUTES of the QE report.
    pub qe_attributes: [u8; 16],
    /// MRSIGNER of the QE report.
    pub qe_signer: [u8; 32],
    /// ISVPRODID and ISVSVN of the QE report.
    pub qe_product: (u16, u16),
    /// What the QE hashes along with the key.
    pub authentication: Vec<u8>,
    /// REPORTDATA of the QE report; `None` for what it must be.
    pub qe_report_data: Option<[u8; 64]>,
    /// Who has the platform's key.
    pub platform: String,
    /// Outer and inner certification data type.
    pub certification: (u16, u16),
    /// The chain, as it stands there.
    pub chain: Vec<u8>,
    /// Masks on the finished quote, by offset, before the trailer.
    pub flips: Vec<(usize, u8)>,
    /// Behind the quote.
    pub trailer: Vec<u8>,
}

impl QuoteSpec {
    /// A quote of this version and body type by the default platform.
    pub fn new(version: u16, kind: u16) -> Self {
        Self {
            version,
            key_type: 2,
            tee_type: 0x81,
            vendor: *b"\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07",
            kind,
            descriptor: (None, None),
            report: ReportSpec::default(),
            attester: "attestation key".into(),
            misc: [0; 4],
            qe_attributes: [0x11, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0],
            qe_signer: [0xdc; 32],
            qe_product: (2, 4),
            authentication: vec![0x20; 32],
            qe_report_data: None,
            platform: PCK.into(),
            certification: (6, 5),
            chain: chain(&[pck(SgxSpec::default().build()), authority(PLATFORM_CA), root()]),
            flips: Vec::new(),
            trailer: Vec::new(),
        }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Where the signature stands.
    pub fn signature_offset(&self) -> usize {
        self.signed().len() + 4
    }

    /// Where the QE report stands.
    pub fn qe_report_offset(&self) -> usize {
        self.signature_offset() + 64 + 64 + 6
    }

    fn signed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.version.to_le_bytes());
        out.extend(self.key_type.to_le_bytes());
        out.extend(self.tee_type.to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.vendor);
        out.extend([0x33; 20]);
        let body = self.report.build(self.kind);
        if self.version >= 5 {
            out.extend(self.descriptor.0.unwrap_or(self.kind).to_le_bytes());
            out.extend(self.descriptor.1.unwrap_or(body.len() as u32).to_le_bytes());
        }
        out.extend(body);
        out
    }

    fn qe_report(&self, attestation_key: &[u8]) -> Vec<u8> {
        let digest = Sha256::digest([attestation_key, &self.authentication].concat());
        let mut bound = [0; 64];
        bound[..32].copy_from_slice(&digest);
        let mut report = vec![0; 384];
        for (at, bytes) in [
            (0, &[4; 16][..]),
            (16, &self.misc),
            (48, &self.qe_attributes),
            (64, &[0xee; 32]),
            (128, &self.qe_signer),
            (256, &self.qe_product.0.to_le_bytes()),
            (258, &self.qe_product.1.to_le_bytes()),
            (320, &self.qe_report_data.unwrap_or(bound)),
        ] {
            report[at..at + bytes.len()].copy_from_slice(bytes);
        }
        report
    }

    /// The quote.
    pub fn build(&self) -> Vec<u8> {
        let signed = self.signed();
        let attester = key(&self.attester);
        let point = attester.sec1()[1..].to_vec();
        let report = self.qe_report(&point);
        let mut certified = report.clone();
        certified.extend(key(&self.platform).sign(&report));
        certified.extend((self.authentication.len() as u16).to_le_bytes());
        certified.extend(&self.authentication);
        certified.extend(self.certification.1.to_le_bytes());
        certified.extend((self.chain.len() as u32).to_le_bytes());
        certified.extend(&self.chain);
        let mut data = [attester.sign(&signed), point].concat();
        data.extend(self.certification.0.to_le_bytes());
        data.extend((certified.len() as u32).to_le_bytes());
        data.extend(certified);
        let mut quote = signed;
        quote.extend((data.len() as u32).to_le_bytes());
        quote.extend(data);
        for (at, mask) in &self.flips {
            quote[*at] ^= mask;
        }
        quote.extend(&self.trailer);
        quote
    }
}

/// Certificates as PEM, the leaf first, with the zero byte that Intel ends them with.
pub fn chain(certificates: &[CertSpec]) -> Vec<u8> {
    let text: String = certificates.iter().map(|spec| pem("CERTIFICATE", &spec.build())).collect();
    [text.as_bytes(), &[0]].concat()
}

/// Everything that verification wants besides a quote, as a store takes it.
#[derive(Clone, Debug)]
pub struct CollateralSpec {
    /// TCB info.
    pub tcb: Vec<u8>,
    /// The identity.
    pub identity: Vec<u8>,
    /// Certificates of signers.
    pub signers: Vec<CertSpec>,
    /// Lists.
    pub crls: Vec<CrlSpec>,
}

impl Default for CollateralSpec {
    fn default() -> Self {
        Self {
            tcb: TcbInfoSpec::default().build(),
            identity: IdentitySpec::default().build(),
            signers: vec![signer(TCB_SIGNER)],
            crls: vec![crl(ROOT), crl(PLATFORM_CA)],
        }
    }
}

impl CollateralSpec {
    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Other TCB info.
    pub fn tcb(self, change: impl FnOnce(&mut TcbInfoSpec)) -> Self {
        let mut spec = TcbInfoSpec::default();
        change(&mut spec);
        Self { tcb: spec.build(), ..self }
    }

    /// Another identity.
    pub fn identity(self, change: impl FnOnce(&mut IdentitySpec)) -> Self {
        let mut spec = IdentitySpec::default();
        change(&mut spec);
        Self { identity: spec.build(), ..self }
    }

    /// The pieces; an empty document is left out.
    pub fn build(&self) -> Vec<Vec<u8>> {
        let documents = [&self.tcb, &self.identity].into_iter().filter(|bytes| !bytes.is_empty()).cloned();
        let signers = self.signers.iter().map(CertSpec::build);
        documents.chain(signers).chain(self.crls.iter().map(CrlSpec::build)).collect()
    }
}
