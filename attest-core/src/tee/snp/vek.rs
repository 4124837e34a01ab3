//! The endorsement key's certificate: AMD's name, profile and extensions (AMD 57230, 58369).

use super::checks::{verify as checks, wire};
use super::tcb::{ProductLine, Tcb, TcbLayout};
use super::wire::Fields;
use crate::checks::{Checks, holds};
use crate::crypto::HashAlgorithm;
use crate::error::{Malformed, Problem, Refused};
use crate::values::{Short, Value};
use crate::x509::{Certificate, Name, PublicKey, SignatureScheme, Validity};

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

    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::Vcek => "SEV-VCEK",
            Self::Vlek => "SEV-VLEK",
        }
    }
}

/// What a VEK certificate says, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vek {
    pub(super) kind: KeyKind,
    pub(super) line: ProductLine,
    pub(super) tcb: Tcb,
    /// HWID padded to the length of CHIP_ID; VCEK only.
    pub(super) hwid: Option<[u8; 64]>,
    /// CSP_ID; VLEK only.
    pub(super) csp_id: Option<Short>,
    pub(super) validity: Validity,
    pub(super) public_key: [u8; 97],
}

pub(super) fn is_leaf(common_name: &str) -> bool {
    KeyKind::ALL.iter().any(|kind| common_name == kind.subject())
}

/// What can be said of the leaf alone. Returns its kind.
pub(super) fn judge_leaf(vek: &Certificate<'_>, checks: &mut Checks) -> Result<KeyKind, Refused> {
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
    let pss = vek.signature_scheme() == Some(SignatureScheme::RsaPss(HashAlgorithm::Sha384));
    let actual = if pss { "RSASSA-PSS with SHA-384" } else { "another algorithm or other parameters" };
    checks.require(&checks::VEK_ALGORITHM, pss, "RSASSA-PSS with SHA-384", actual);
    match (kind, Refused::of(checks)) {
        (Some(kind), None) => Ok(kind),
        (None, None) => Ok(KeyKind::Vcek),
        (_, Some(refused)) => Err(refused),
    }
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

pub(super) fn judge_extensions(
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
pub(super) fn fits(vek: &Certificate<'_>, fields: &Fields) -> bool {
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
            if let Err(expected) = found.take(arc, extension.value, line) {
                let problem = Problem::value(&wire::EXTENSION, expected, extension.value);
                let offset = extension.offset;
                if !holds(&wire::EXTENSION, false) {
                    return Err(Malformed {
                        structure: "VEK certificate",
                        field: "extension",
                        offset,
                        problem,
                    });
                }
            }
        }
        Ok(found)
    }

    /// Takes one extension in; the error is the form that it should have.
    fn take(&mut self, arc: &[u8], value: &'a [u8], line: ProductLine) -> Result<(), &'static str> {
        let small = || small_integer(value).ok_or("an INTEGER from 0 to 255");
        let text = || ia5(value).ok_or("an IA5String");
        let [bootloader, tee, snp, microcode, fmc] = &mut self.levels;
        match arc {
            [1] => self.struct_version = Some(small()?),
            [2] => self.product = Some(text()?),
            [3, 1] => *bootloader = Some(small()?),
            [3, 2] => *tee = Some(small()?),
            [3, 3] => *snp = Some(small()?),
            [3, 8] => *microcode = Some(small()?),
            [3, 9] => *fmc = Some(small()?),
            // spl_4 to spl_7 are reserved.
            [3, _] => drop(small()?),
            [4] => {
                let hwid = raw_or_octets(value, line.chip_id_len());
                self.hwid = Some(hwid.ok_or("the chip's id, raw or in an OCTET STRING")?);
            }
            // Longer text could not be compared in full.
            [5] => {
                let named = text().ok().filter(|name| name.len() <= 64);
                self.csp_id = Some(named.ok_or("an IA5String of at most 64 characters")?);
            }
            // Arcs that are not known are none of our business: AMD adds some.
            _ => {}
        }
        Ok(())
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
