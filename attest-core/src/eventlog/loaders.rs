//! What boot loaders and Linux measured: GRUB, shim, systemd's boot loader and stub, the kernel's EFI stub, and Google's firmware.
//!
//! Each of these speaks for a register only as far as whatever ran in it was honest: in PCR 8 and up anything that ran since the
//! separator may have extended what it liked. The digests and their order are proven, who wrote them is not.
//!
//! What a list here shows is proven; that it is whole is not, for events are sorted by their types, which the log can change. Whoever
//! must know that there was nothing else compares [`super::Boot::digests`], which has every digest of a register.

use alloc::vec::Vec;

use super::coverage::{GRUB, Rule};
use super::{Compared, EventKind, Judged, Untrusted};
use crate::crypto::CryptoProvider;

/// A line that GRUB ran, or a command line that it handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrubLine<'a> {
    /// The text, which is proven.
    pub text: &'a [u8],
    /// `grub_cmd: `, `kernel_cmdline: ` or `module_cmdline: `: what it is called, which is not.
    pub prefix: Untrusted<&'a [u8]>,
}

/// A file whose digest is proven and whose name is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded<'a> {
    /// The digest, in the replayed bank.
    pub digest: &'a [u8],
    /// What the log calls it.
    pub name: Untrusted<&'a [u8]>,
}

/// A section of a unified kernel image, as systemd's stub measures it: the name, then the contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section<'a> {
    /// The name, proven by its digest.
    pub name: &'static str,
    /// The digest of the contents, in the replayed bank.
    pub digest: &'a [u8],
}

/// What Google's firmware says of itself in PCR 0. It is the host's firmware: it says so, and only the host could say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Firmware {
    /// The number in `GCE Virtual Firmware v2`.
    pub version: Option<u32>,
    /// The technology of GCE NonHostInfo.
    pub technology: Option<MemoryEncryption>,
}

/// The technology octet of GCE NonHostInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryEncryption {
    /// 0.
    None,
    /// 1.
    Sev,
    /// 2.
    SevEs,
    /// 3.
    Tdx,
    /// 4.
    SevSnp,
    /// Another octet.
    Other(u8),
}

/// Names of sections that the stub measures, in its order (systemd, UAPI group's Unified Kernel Image).
const SECTIONS: [&str; 16] = [
    ".linux",
    ".osrel",
    ".cmdline",
    ".initrd",
    ".ucode",
    ".splash",
    ".dtb",
    ".uname",
    ".sbat",
    ".pcrpkey",
    ".profile",
    ".dtbauto",
    ".hwids",
    ".efifw",
    ".pcrsig",
    ".separator",
];

fn of_register<'a, 'b>(events: &'b [Judged<'a>], pcr: u8) -> impl Iterator<Item = &'b Judged<'a>> {
    events.iter().filter(move |event| event.register() == Some(pcr))
}

/// Lines of PCR 8.
pub(super) fn grub_lines<'a>(events: &[Judged<'a>]) -> Vec<GrubLine<'a>> {
    of_register(events, 8)
        .filter_map(|event| {
            let proven = event.proven()?;
            let label = event.label().dangerous_unproven();
            let prefix = GRUB.iter().find(|prefix| label.starts_with(prefix))?;
            let text = match proven.rule() {
                Rule::GrubText | Rule::GrubTextWithNul => proven.as_bytes(),
                Rule::Whole | Rule::AllButLast | Rule::VariableContents | Rule::TagContents => return None,
            };
            Some(GrubLine { text, prefix: Untrusted::new(label.get(..prefix.len())?) })
        })
        .collect()
}

/// Digests of a register whose events are labels: files of PCR 9, shim's lists in PCR 14.
pub(super) fn labelled<'a>(events: &[Judged<'a>], pcr: u8, kind: EventKind) -> Vec<Loaded<'a>> {
    of_register(events, pcr)
        .filter(|event| event.raw_kind() == kind)
        .filter_map(|event| Some(Loaded { digest: event.proven_digest()?, name: event.label() }))
        .collect()
}

/// Command lines, credentials and addons of systemd's stub in PCR 12: proven data.
pub(super) fn overrides<'a>(events: &[Judged<'a>]) -> Vec<&'a [u8]> {
    of_register(events, 12).filter_map(|event| Some(event.proven()?.as_bytes())).collect()
}

/// Sections of PCR 11. Each is a digest of a known name with its NUL, then a digest; the register must begin with them, and
/// what does not fit ends the list. `None` if the register is not replayed or does not begin so.
pub(super) fn sections<'a>(
    compared: &Compared<'a>,
    events: &[Judged<'a>],
    provider: &CryptoProvider,
) -> Option<Vec<Section<'a>>> {
    let mut names = Vec::new();
    for name in SECTIONS {
        let parts: [&[u8]; 2] = [name.as_bytes(), b"\0"];
        names.push((name, provider.digest(compared.bank(), &parts).ok()?));
    }
    let digests: Vec<&'a [u8]> = of_register(events, 11).filter_map(Judged::proven_digest).collect();
    let sections = digests.chunks(2).map_while(|pair| {
        let [name, digest] = *pair else { return None };
        let (name, _) = names.iter().find(|(_, known)| known.as_bytes() == name)?;
        Some(Section { name, digest })
    });
    Some(sections.collect()).filter(|sections: &Vec<_>| !sections.is_empty())
}

/// What ends firmware's part of a register: 00000000 or FFFFFFFF, and 00000001 where something failed.
const SEPARATORS: [[u8; 4]; 3] = [[0; 4], [0xff; 4], [1, 0, 0, 0]];

/// Google's firmware, from what stands in PCR 0 before the separator; `None` if that says nothing of the kind.
///
/// A separator is known by its digest, whatever the log calls it. What follows it may be anybody's: a guest can extend the same
/// words later, and garble those of the firmware in the log. So an event before it whose data is not proven takes the claim
/// away, for it may be the one that counts, and so do words that stand there twice.
pub(super) fn firmware(
    compared: &Compared<'_>,
    events: &[Judged<'_>],
    provider: &CryptoProvider,
) -> Option<Firmware> {
    let mut separators = Vec::new();
    for data in &SEPARATORS {
        separators.push(provider.digest(compared.bank(), &[data]).ok()?);
    }
    let (mut version, mut technology) = (None, None);
    for event in of_register(events, 0) {
        let digest = event.proven_digest()?;
        match separators.iter().position(|separator| separator.as_bytes() == digest) {
            Some(0) => {
                let firmware = Firmware { version: version.flatten(), technology: technology.flatten() };
                return (firmware.version.is_some() || firmware.technology.is_some()).then_some(firmware);
            }
            Some(_) => return None,
            None => {}
        }
        let data = event.proven()?.as_bytes();
        let twice = (is_wide(data, GCE_VERSION) && version.replace(gce_version(data)).is_some())
            || (data.starts_with(GCE_TECHNOLOGY) && technology.replace(gce_technology(data)).is_some());
        if twice {
            return None;
        }
    }
    None
}

const GCE_VERSION: &[u8] = b"GCE Virtual Firmware v";
const GCE_TECHNOLOGY: &[u8] = b"GCE NonHostInfo\0";

/// Whether `data` starts with this ASCII text in UTF-16LE.
fn is_wide(data: &[u8], text: &[u8]) -> bool {
    let units = text.iter().flat_map(|octet| [*octet, 0]);
    data.len() >= text.len().saturating_mul(2)
        && data.iter().copied().zip(units).all(|(is, wanted)| is == wanted)
}

/// `GCE Virtual Firmware v` and a number, UTF-16LE with a NUL.
fn gce_version(data: &[u8]) -> Option<u32> {
    let mut narrow = Vec::new();
    for pair in data.chunks(2) {
        match pair {
            [octet, 0] => narrow.push(*octet),
            _ => return None,
        }
    }
    let number = narrow.strip_prefix(GCE_VERSION)?.strip_suffix(b"\0")?;
    core::str::from_utf8(number).ok()?.parse().ok()
}

/// `GCE NonHostInfo`, a NUL, the technology, 15 reserved octets.
fn gce_technology(data: &[u8]) -> Option<MemoryEncryption> {
    match data.strip_prefix(GCE_TECHNOLOGY)? {
        [technology, reserved @ ..] if reserved.len() == 15 => Some(match technology {
            0 => MemoryEncryption::None,
            1 => MemoryEncryption::Sev,
            2 => MemoryEncryption::SevEs,
            3 => MemoryEncryption::Tdx,
            4 => MemoryEncryption::SevSnp,
            other => MemoryEncryption::Other(*other),
        }),
        _ => None,
    }
}
