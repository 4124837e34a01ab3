//! Whose key: the chain ARK, ASK or ASVK, VCEK or VLEK, proven apart from any report.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::anchors::{Anchors, Authority};
use super::checks::{verify as checks, wire};
use super::tcb::{ProductLine, Tcb, TcbLayout};
use super::wire::Fields;
use crate::checks::Checks;
use crate::collateral::{Collateral, Proof};
use crate::context::Context;
use crate::crypto::{CryptoProvider, SignatureAlgorithm};
use crate::error::{Malformed, Problem, Refused, Unsupported};
use crate::values::{Short, Value};
use crate::x509::{Certificate, CertificateList, Name, PublicKey, Validity};

/// How many supplied intermediates of the right name are tried: each costs an RSA verification.
const MAX_INTERMEDIATES: usize = 4;

/// Which of AMD's two kinds of endorsement key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyKind {
    /// Versioned chip endorsement key: one chip.
    Vcek,
    /// Versioned loaded endorsement key: one cloud provider.
    Vlek,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: &[Self] = &[Self::Vcek, Self::Vlek];

    /// The name in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vcek => "VCEK",
            Self::Vlek => "VLEK",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::Vcek => "SEV-VCEK",
            Self::Vlek => "SEV-VLEK",
        }
    }
}

/// What a VEK certificate says, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vek {
    pub(crate) kind: KeyKind,
    pub(crate) line: ProductLine,
    pub(crate) tcb: Tcb,
    /// HWID padded to the length of CHIP_ID; VCEK only.
    pub(crate) hwid: Option<[u8; 64]>,
    /// CSP_ID; VLEK only.
    pub(crate) csp_id: Option<Short>,
    pub(crate) validity: Validity,
    pub(crate) public_key: [u8; 97],
}

/// A chain that was proven: its signatures, names and extensions hold. Dates and revocation are looked at with each report.
#[derive(Clone, Debug)]
pub struct Endorsement {
    pub(crate) vek: Vek,
    /// The certificate itself: a proof counts for these bytes only.
    pub(crate) vek_der: Box<[u8]>,
    pub(crate) vek_serial: Box<[u8]>,
    pub(crate) ca: Authority,
    pub(crate) ark: Authority,
    pub(crate) checks: Checks,
}

impl Proof for Endorsement {}

impl Endorsement {
    /// Proves the chain of one VEK certificate. Intermediates and roots in `supplied` are judged as supplied; where there are
    /// none, the anchors' own are used.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made.
    pub fn prove(
        vek_der: &[u8],
        supplied: &Collateral,
        anchors: &Anchors,
        provider: &CryptoProvider,
    ) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let vek = Certificate::parse(vek_der)?;
        let kind = judge_leaf(&vek, &mut checks)?;
        let chain = Chain::find(&vek, supplied, anchors)?;

        let root = chain.roots.iter().find(|root| !anchors.knows(root.spki()));
        let stranger =
            root.map(|root| Value::text(root.subject().common_name().unwrap_or("a root without a name")));
        let actual = match (stranger, &chain.ark) {
            (Some(stranger), _) => stranger,
            (None, Some(_)) => Value::Phrase("the anchor"),
            (None, None) => issuer_name(&vek),
        };
        let known = stranger.is_none() && chain.ark.is_some();
        checks.require(&checks::ANCHOR_KNOWN, known, "a root that the caller trusts", actual);
        let Some(ark) = chain.ark.clone() else { return Err(refused(&checks)) };

        let issued = chain.candidates.iter().any(|ca| ca.subject.as_ref() == vek.issuer().as_der());
        checks.require(&checks::VEK_ISSUER, issued, chain.subject(), issuer_name(&vek));
        let Some(ca) = chain.signer(&vek, provider, &mut checks)? else { return Err(refused(&checks)) };
        judge_intermediate(&ca, &ark, kind, &chain, provider, &mut checks)?;
        let decoded = judge_extensions(&vek, kind, ark.line, &mut checks)?;
        match Refused::of(&checks) {
            Some(refused) => Err(refused),
            None => Ok(Self {
                vek: decoded,
                vek_der: vek_der.into(),
                vek_serial: vek.serial().into(),
                ca,
                ark,
                checks,
            }),
        }
    }

    /// Which kind of key.
    pub const fn kind(&self) -> KeyKind {
        self.vek.kind
    }

    /// The product line that the chain vouches for.
    pub const fn product_line(&self) -> ProductLine {
        self.vek.line
    }

    /// The TCB that the key was derived for.
    pub const fn tcb(&self) -> Tcb {
        self.vek.tcb
    }
}

fn refused(checks: &Checks) -> Refused {
    Refused::of(checks).unwrap_or_else(|| Unsupported::Format(Value::Phrase("chain")).into())
}

fn issuer_name(certificate: &Certificate<'_>) -> Value {
    certificate.issuer().common_name().map_or(Value::None, Value::text)
}

/// The parts of a chain, found by name.
struct Chain<'a> {
    /// Whether the intermediates were supplied, rather than pinned.
    supplied: bool,
    candidates: Vec<Authority>,
    /// Supplied self-issued certificates.
    roots: Vec<Certificate<'a>>,
    ark: Option<Authority>,
}

impl<'a> Chain<'a> {
    fn find(vek: &Certificate<'_>, supplied: &'a Collateral, anchors: &Anchors) -> Result<Self, Malformed> {
        let issuer = vek.issuer().as_der();
        let pinned = anchors.intermediate(issuer);
        let mut roots = Vec::new();
        let mut candidates = Vec::new();
        for der in supplied.certificates() {
            let certificate = Certificate::parse(der)?;
            let (subject, by) = (certificate.subject(), certificate.issuer());
            if subject == by {
                roots.push(certificate);
            } else if subject.as_der() == issuer || pinned.is_some_and(|ca| *ca.issuer == *by.as_der()) {
                // Of this line: what was supplied is judged as supplied, and a wrong one is not papered over by a pinned one.
                candidates.extend(Authority::supplied(&certificate, anchors));
            }
        }
        candidates.retain(|ca| !is_leaf(Name(&ca.subject)));
        let supplied = !candidates.is_empty();
        if !supplied {
            candidates.extend(pinned.cloned());
        }
        // The right name first; if there is none, a stranger is kept so that the refusal can name it.
        candidates.sort_by_key(|ca| *ca.subject != *issuer);
        candidates.truncate(MAX_INTERMEDIATES);
        let by = candidates.first().map(|ca| ca.issuer.clone()).unwrap_or_default();
        roots.retain(|root| *root.subject().as_der() == *by);
        Ok(Self { supplied, candidates, roots, ark: anchors.root(&by).cloned() })
    }

    fn subject(&self) -> Value {
        let subject = self.candidates.first().and_then(|ca| Name(&ca.subject).common_name());
        subject.map_or(Value::Phrase("an intermediate that was supplied or is pinned"), Value::text)
    }

    /// The intermediate that signed the VEK certificate.
    fn signer(
        &self,
        vek: &Certificate<'_>,
        provider: &CryptoProvider,
        checks: &mut Checks,
    ) -> Result<Option<Authority>, Refused> {
        let algorithm = SignatureAlgorithm::RsaPssSha384;
        let mut signer = None;
        for ca in self.candidates.iter().filter(|ca| ca.rsa_bits != 0) {
            let verified = provider
                .verify(algorithm, &ca.public_key, vek.signed_bytes(), vek.signature())
                .map_err(|error| Refused::with(error, checks))?;
            if verified.is_ok() {
                signer = Some(ca);
                break;
            }
        }
        let by = signer.or_else(|| self.candidates.first());
        let made = signer.is_some();
        let name = by.and_then(|ca| Name(&ca.subject).common_name()).map_or(Value::None, Value::text);
        let actual = if made { name } else { Value::Phrase("a signature that does not verify") };
        let ok = checks.require(&checks::VEK_SIGNATURE, made, name, actual);
        Ok(by.filter(|_| ok).cloned())
    }
}

fn is_leaf(name: Name<'_>) -> bool {
    KeyKind::ALL.iter().any(|kind| name.common_name() == Some(kind.subject()))
}

/// What can be said of the leaf alone. Returns its kind.
fn judge_leaf(vek: &Certificate<'_>, checks: &mut Checks) -> Result<KeyKind, Refused> {
    let common_name = vek.subject().common_name().unwrap_or_default();
    let kind = KeyKind::ALL.iter().copied().find(|kind| kind.subject() == common_name);
    let named = kind.is_some() && is_amd(vek.subject());
    checks.require(&checks::VEK_SUBJECT, named, "SEV-VCEK or SEV-VLEK of AMD", Value::text(common_name));
    let leaf = vek.extensions().all(|extension| {
        extension.is_ok_and(|e| !e.critical && e.id != [0x55, 0x1d, 0x13] && e.id != [0x55, 0x1d, 0x0f])
    });
    checks.require(
        &checks::VEK_PROFILE,
        leaf,
        "a leaf",
        if leaf { "a leaf" } else { "critical or CA extensions" },
    );
    let on_curve = matches!(vek.public_key(), PublicKey::P384(_));
    checks.require(&checks::VEK_KEY, on_curve, "P-384", if on_curve { "P-384" } else { "another key" });
    let pss = vek.signature_algorithm() == Some(SignatureAlgorithm::RsaPssSha384);
    let actual = if pss { "RSASSA-PSS with SHA-384" } else { "another algorithm or other parameters" };
    checks.require(&checks::VEK_ALGORITHM, pss, "RSASSA-PSS with SHA-384", actual);
    match (kind, Refused::of(checks)) {
        (Some(kind), None) => Ok(kind),
        (None, None) => Ok(KeyKind::Vcek),
        (_, Some(refused)) => Err(refused),
    }
}

fn judge_intermediate(
    ca: &Authority,
    ark: &Authority,
    kind: KeyKind,
    chain: &Chain<'_>,
    provider: &CryptoProvider,
    checks: &mut Checks,
) -> Result<(), Refused> {
    let expected = match kind {
        KeyKind::Vcek => "an ASK",
        KeyKind::Vlek => "an ASVK",
    };
    let actual = if ca.issues == Some(KeyKind::Vlek) { "an ASVK" } else { "an ASK" };
    let of_kind = ca.issues == Some(kind);
    checks.require(&checks::CA_KIND, of_kind, expected, if ca.issues.is_some() { actual } else { "neither" });
    checks.require(
        &checks::CA_ISSUER,
        ca.issuer == ark.subject,
        Name(&ark.subject).common_name().map_or(Value::None, Value::text),
        Name(&ca.issuer).common_name().map_or(Value::None, Value::text),
    );
    let constraints = if ca.may_sign_leaves { "keyCertSign, CA, path length 0" } else { "something else" };
    checks.require(
        &checks::CA_CONSTRAINTS,
        ca.may_sign_leaves,
        "keyCertSign, CA, path length 0",
        constraints,
    );
    checks.require(&checks::CA_KEY, ca.rsa_bits == 4096, Value::Number(4096), u64::from(ca.rsa_bits));
    if !chain.supplied || ca.pinned {
        checks.not_applicable(&checks::CA_SIGNATURE, "the intermediate is pinned beside its root");
        return Ok(());
    }
    let verified = provider
        .verify(SignatureAlgorithm::RsaPssSha384, &ark.public_key, &ca.tbs, &ca.signature)
        .map_err(|error| Refused::with(error, checks))?;
    let actual =
        if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
    checks.require(&checks::CA_SIGNATURE, verified.is_ok() && ca.pss, "a signature that verifies", actual);
    Ok(())
}

/// OU, C, L, ST, O as AMD writes them, then the common name.
fn is_amd(name: Name<'_>) -> bool {
    const PARTS: [(&[u8], &str); 5] = [
        (&[0x55, 0x04, 0x0b], "Engineering"),
        (&[0x55, 0x04, 0x06], "US"),
        (&[0x55, 0x04, 0x07], "Santa Clara"),
        (&[0x55, 0x04, 0x08], "CA"),
        (&[0x55, 0x04, 0x0a], "Advanced Micro Devices"),
    ];
    let mut at = 0_usize;
    let mut same = true;
    let read = name.for_each(|kind, value| {
        same &= match PARTS.get(at) {
            Some((known, text)) => *known == kind && *text == value,
            None => at == PARTS.len() && kind == crate::x509::COMMON_NAME,
        };
        at = at.saturating_add(1);
    });
    read.is_ok() && same && at == PARTS.len().saturating_add(1)
}

/// Content octets of 1.3.6.1.4.1.3704.1.
const AMD: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01];

fn judge_extensions(
    vek: &Certificate<'_>,
    kind: KeyKind,
    line: ProductLine,
    checks: &mut Checks,
) -> Result<Vek, Refused> {
    let extensions = Extensions::read(vek, line)?;
    let missing = extensions.missing(kind, line);
    checks.require(
        &checks::VEK_EXTENSIONS,
        missing.is_none(),
        "all of this kind's extensions, none of the other's",
        missing.unwrap_or("all"),
    );
    let version = match line.tcb_layout() {
        TcbLayout::Milan => 0,
        TcbLayout::Turin => 1,
    };
    let found = extensions.struct_version.unwrap_or(u8::MAX);
    checks.require(&checks::VEK_STRUCT_VERSION, found == version, u64::from(version), u64::from(found));
    let product =
        extensions.product.map(|name| core::str::from_utf8(name).unwrap_or_default()).unwrap_or_default();
    // "Milan-B0": AMD's stepping is not the part's, so only the line counts.
    let named = product.split('-').next().unwrap_or_default();
    checks.require(&checks::VEK_PRODUCT, named == line.name(), line.name(), Value::text(product));

    let mut public_key = [0; 97];
    if let PublicKey::P384(point) = vek.public_key() {
        public_key.iter_mut().zip(point).for_each(|(slot, octet)| *slot = *octet);
    }
    let hwid = extensions.hwid.map(|hwid| {
        let mut padded = [0; 64];
        padded.iter_mut().zip(hwid).for_each(|(slot, octet)| *slot = *octet);
        padded
    });
    let [bootloader, tee, snp, microcode, fmc] = extensions.levels;
    let fmc = matches!(line.tcb_layout(), TcbLayout::Turin).then_some(fmc.unwrap_or_default());
    let level = |level: Option<u8>| level.unwrap_or_default();
    Ok(Vek {
        kind,
        line,
        tcb: Tcb::new(fmc, level(bootloader), level(tee), level(snp), level(microcode)),
        hwid,
        csp_id: extensions.csp_id.map(Short::new),
        validity: vek.validity(),
        public_key,
    })
}

/// Whether a VEK certificate looks like the one for this report. A hint for choosing among several, not a check.
pub(crate) fn fits(vek: &Certificate<'_>, fields: &Fields) -> bool {
    let issuer = vek.issuer().common_name().and_then(|name| name.rsplit('-').next());
    let Some(line) = issuer.and_then(ProductLine::from_name) else { return false };
    let Ok(extensions) = Extensions::read(vek, line) else { return false };
    let tcb = fields.reported_tcb().components(line.tcb_layout());
    let levels = [Some(tcb.bootloader), Some(tcb.tee), Some(tcb.snp), Some(tcb.microcode), tcb.fmc];
    let chip =
        extensions.hwid.is_none_or(|hwid| fields.chip_id_is_masked() || fields.chip_id().starts_with(hwid));
    let kind = if fields.signing_key() == 1 { KeyKind::Vlek } else { KeyKind::Vcek };
    extensions.levels == levels && chip && vek.subject().common_name() == Some(kind.subject())
}

/// AMD's extensions (AMD 57230), as far as they are there.
#[derive(Default)]
struct Extensions<'a> {
    struct_version: Option<u8>,
    product: Option<&'a [u8]>,
    /// Boot loader, TEE, SNP, microcode, FMC: arcs 3.1, 3.2, 3.3, 3.8, 3.9.
    levels: [Option<u8>; 5],
    hwid: Option<&'a [u8]>,
    csp_id: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    fn read(vek: &Certificate<'a>, line: ProductLine) -> Result<Self, Malformed> {
        let mut found = Self::default();
        for extension in vek.extensions() {
            let extension = extension?;
            let Some(arc) = extension.id.strip_prefix(AMD) else { continue };
            let wrong = |expected: &'static str| Malformed {
                structure: "VEK certificate",
                field: "extension",
                offset: extension.offset,
                problem: Problem::value(&wire::EXTENSION, expected, extension.value),
            };
            let small = || small_integer(extension.value).ok_or_else(|| wrong("an INTEGER from 0 to 255"));
            match arc {
                [1] => found.struct_version = Some(small()?),
                [2] => found.product = Some(ia5(extension.value).ok_or_else(|| wrong("an IA5String"))?),
                [3, part] => {
                    let level = small()?;
                    let slot = match part {
                        1 => found.levels.first_mut(),
                        2 => found.levels.get_mut(1),
                        3 => found.levels.get_mut(2),
                        8 => found.levels.get_mut(3),
                        9 => found.levels.get_mut(4),
                        // spl_4 to spl_7 are reserved.
                        _ => None,
                    };
                    if let Some(slot) = slot {
                        *slot = Some(level);
                    }
                }
                [4] => {
                    let len = line.chip_id_len();
                    let hwid = raw_or_octets(extension.value, len);
                    found.hwid = Some(hwid.ok_or_else(|| wrong("the chip's id, raw or in an OCTET STRING"))?);
                }
                [5] => found.csp_id = Some(ia5(extension.value).ok_or_else(|| wrong("an IA5String"))?),
                // Arcs that are not known are none of our business: AMD adds some.
                _ => {}
            }
        }
        Ok(found)
    }

    /// Which extension is missing or too many for this kind and line.
    fn missing(&self, kind: KeyKind, line: ProductLine) -> Option<&'static str> {
        let [bootloader, tee, snp, microcode, fmc] = self.levels;
        let turin = matches!(line.tcb_layout(), TcbLayout::Turin);
        let rules = [
            (self.struct_version.is_none(), "no struct version"),
            (self.product.is_none(), "no product name"),
            (bootloader.is_none(), "no boot loader level"),
            (tee.is_none(), "no TEE level"),
            (snp.is_none(), "no SNP level"),
            (microcode.is_none(), "no microcode level"),
            (turin && fmc.is_none(), "no FMC level"),
            (!turin && fmc.is_some(), "an FMC level"),
            (kind == KeyKind::Vcek && self.hwid.is_none(), "no HWID"),
            (kind == KeyKind::Vcek && self.csp_id.is_some(), "a CSP id in a VCEK"),
            (kind == KeyKind::Vlek && self.hwid.is_some(), "a HWID in a VLEK"),
            (kind == KeyKind::Vlek && self.csp_id.is_none_or(<[u8]>::is_empty), "no CSP id"),
        ];
        rules.iter().find(|(broken, _)| *broken).map(|(_, what)| *what)
    }
}

/// A DER INTEGER from 0 to 255 in its one canonical form.
const fn small_integer(value: &[u8]) -> Option<u8> {
    match value {
        [0x02, 0x01, small] if *small < 0x80 => Some(*small),
        [0x02, 0x02, 0x00, large] if *large >= 0x80 => Some(*large),
        _ => None,
    }
}

/// A short IA5String.
fn ia5(value: &[u8]) -> Option<&[u8]> {
    match value {
        [0x16, length, text @ ..]
            if usize::from(*length) == text.len() && *length < 0x80 && text.is_ascii() =>
        {
            Some(text)
        }
        _ => None,
    }
}

/// HWID: raw octets, as AMD issues it, or the OCTET STRING that AMD announced. The first raw octet may look like a tag.
fn raw_or_octets(value: &[u8], len: usize) -> Option<&[u8]> {
    if value.len() == len {
        return Some(value);
    }
    match value {
        [0x04, length, octets @ ..] if usize::from(*length) == len && octets.len() == len => Some(octets),
        _ => None,
    }
}

/// A revocation list whose signature was proven.
#[derive(Clone, Debug)]
pub struct Revocations {
    pub(crate) der: Box<[u8]>,
    /// The key that signed it.
    pub(crate) signer: Box<[u8]>,
}

impl Proof for Revocations {}

impl Revocations {
    /// Proves a CRL of one of the anchors' roots apart from any report. Its dates are looked at with each report.
    ///
    /// # Errors
    /// [`Refused`] if no root of the anchors issued it, or if the signature does not verify.
    pub fn prove(der: &[u8], anchors: &Anchors, provider: &CryptoProvider) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let crl = CertificateList::parse(der)?;
        let issuer = crl.issuer().common_name().map_or(Value::None, Value::text);
        let root = anchors.root(crl.issuer().as_der());
        checks.require(&checks::CRL_ISSUER, root.is_some(), "a root that the caller trusts", issuer);
        let Some(root) = root else { return Err(refused(&checks)) };
        let proven = Self::prove_by(&crl, root, provider).map_err(|error| Refused::with(error, &checks))?;
        let actual =
            if proven.is_some() { "a signature that verifies" } else { "a signature that does not verify" };
        checks.require(&checks::CRL_SIGNATURE, proven.is_some(), "a signature that verifies", actual);
        proven.ok_or_else(|| refused(&checks))
    }

    /// Proves that `signer`, in its role as the CRL's issuer, signed it.
    pub(crate) fn prove_by(
        crl: &CertificateList<'_>,
        signer: &Authority,
        provider: &CryptoProvider,
    ) -> Result<Option<Self>, Unsupported> {
        let algorithm = SignatureAlgorithm::RsaPssSha384;
        let verified = provider.verify(algorithm, &signer.public_key, crl.signed_bytes(), crl.signature())?;
        Ok((verified.is_ok() && crl.signature_algorithm() == Some(algorithm))
            .then(|| Self { der: crl.as_der().into(), signer: signer.public_key.clone() }))
    }
}

/// Dates of a chain that was proven, at the time of this verification; and the anchors of this caller.
pub(crate) fn judge_dates(endorsement: &Endorsement, context: &Context<'_>, checks: &mut Checks) {
    let now = context.now.as_secs();
    let known = context.anchors.snp.knows(&endorsement.ark.spki);
    if !known {
        checks.require(
            &checks::ANCHOR_KNOWN,
            false,
            "a root that this caller trusts",
            "a root of another caller",
        );
    }
    for (check, validity) in [
        (&checks::ANCHOR_VALIDITY, endorsement.ark.validity),
        (&checks::CA_VALIDITY, endorsement.ca.validity),
        (&checks::VEK_VALIDITY, endorsement.vek.validity),
    ] {
        let bound = if now < validity.not_before { validity.not_before } else { validity.not_after };
        checks.require(check, validity.holds_at(now), Value::Time(bound), Value::Time(now));
    }
}
