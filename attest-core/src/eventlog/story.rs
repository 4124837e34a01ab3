//! What may be said of a boot, and the whole log as lines that say of each event how much of it is proven.
//!
//! Memory: one entry of fixed size an event, [`super::MAX_EVENTS`] at most.

use alloc::vec::Vec;
use core::fmt;

use super::loaders;
use super::variables::{self, Proof, is_variable, write_text};
use super::{
    BootChain, Compared, Coverage, EventKind, Firmware, GrubLine, Judged, Loaded, Outcome, REGISTERS, Rule,
    Section, SecureBoot, Variable,
};
use crate::crypto::CryptoProvider;
use crate::error::Error;
use crate::values::Hex;

/// How much of a label a line shows, in bytes.
const SHOWN: usize = 80;

/// A boot: its events, each next to what is proven of it, and the claims that follow.
#[derive(Clone, Debug)]
pub struct Boot<'a> {
    compared: Compared<'a>,
    events: Vec<Judged<'a>>,
    sections: Option<Vec<Section<'a>>>,
    firmware: Option<Firmware>,
}

impl<'a> Boot<'a> {
    /// Judges every event.
    pub fn new(compared: Compared<'a>, provider: &CryptoProvider) -> Self {
        let mut events = Vec::with_capacity(compared.log().len());
        events.extend(compared.judge(provider));
        let sections = loaders::sections(&compared, &events, provider);
        let firmware = loaders::firmware(&compared, &events, provider);
        Self { compared, events, sections, firmware }
    }

    /// The registers, and how the log stands to them.
    pub const fn registers(&self) -> &Compared<'a> {
        &self.compared
    }

    /// All events, in the log's order.
    pub fn events(&self) -> &[Judged<'a>] {
        &self.events
    }

    /// Secure Boot.
    ///
    /// # Errors
    /// The rule that takes the claim away ([`super::checks::claims`]).
    pub fn secure_boot(&self) -> Result<SecureBoot<'a>, Error> {
        SecureBoot::read(&self.compared, self.events.iter().copied())
    }

    /// What was started.
    ///
    /// # Errors
    /// The rule that takes the claim away ([`super::checks::claims`]).
    pub fn boot_chain(&self) -> Result<BootChain<'a>, Error> {
        BootChain::read(&self.compared, &self.events)
    }

    /// All digests that a register was extended with, in order, whatever the log calls them. Empty unless it is replayed. The
    /// lists below show parts of them and sort by type, so that a log can leave out of them what it likes.
    pub fn digests(&self, pcr: u8) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.events
            .iter()
            .filter(move |event| event.register() == Some(pcr))
            .filter_map(Judged::proven_digest)
    }

    /// Google's firmware, from PCR 0 as far as its separator, which is known by its digest: what follows there may be the
    /// guest's. `None` if there is no separator, if it reports an error, if the data of any event before it is not proven, or if
    /// anything of this stands there twice.
    pub const fn firmware(&self) -> Option<Firmware> {
        self.firmware
    }

    /// What GRUB ran and handed over, from PCR 8: the lines whose text is proven.
    pub fn grub_lines(&self) -> Vec<GrubLine<'a>> {
        loaders::grub_lines(&self.events)
    }

    /// Files that GRUB loaded, from PCR 9: digests are proven, names are not.
    pub fn loaded_files(&self) -> Vec<Loaded<'a>> {
        loaders::labelled(&self.events, 9, EventKind::IPL)
    }

    /// Load options and initrd that the kernel's EFI stub measured, from PCR 9: digests are proven, tags are not.
    pub fn stub_loads(&self) -> Vec<Loaded<'a>> {
        loaders::labelled(&self.events, 9, EventKind::EVENT_TAG)
    }

    /// shim's lists, from PCR 14: digests are proven, names are not.
    pub fn shim_lists(&self) -> Vec<Loaded<'a>> {
        loaders::labelled(&self.events, 14, EventKind::IPL)
    }

    /// Configuration of systemd's boot loader, from PCR 5: digests are proven, names are not.
    pub fn loader_configuration(&self) -> Vec<Loaded<'a>> {
        loaders::labelled(&self.events, 5, EventKind::EVENT_TAG)
    }

    /// Sections of a unified kernel image, from PCR 11; `None` if the register does not begin with one.
    pub fn sections(&self) -> Option<&[Section<'a>]> {
        self.sections.as_deref()
    }

    /// Command lines, credentials and addons that were given beside the image, from PCR 12: the proven ones.
    pub fn overrides(&self) -> Vec<&'a [u8]> {
        loaders::overrides(&self.events)
    }

    /// The log as lines.
    pub const fn story<'b>(&'b self, provider: &'b CryptoProvider) -> Story<'b, 'a> {
        Story { boot: self, provider }
    }
}

/// A log as lines: register, type, digest, how much is proven, and the data in words: UEFI variables by name, owner and what they
/// hold, one line more for each entry of a signature database; the rest with everything but printable ASCII escaped. First the
/// registers that do not come out. The same log next to the same registers gives the same text.
#[derive(Clone, Copy, Debug)]
pub struct Story<'b, 'a> {
    boot: &'b Boot<'a>,
    provider: &'b CryptoProvider,
}

impl fmt::Display for Story<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bank = self.boot.compared.bank().name();
        writeln!(f, "bank {bank}, {} events, {REGISTERS} registers", self.boot.events.len())?;
        for (pcr, outcome) in self.boot.compared.outcomes() {
            match outcome {
                Outcome::Replayed | Outcome::Untouched | Outcome::Unverified => {}
                Outcome::Mismatch { expected, actual } => {
                    writeln!(f, "PCR {pcr:2} MISMATCH: is {expected:?}, the log gives {actual:?}")?;
                }
                Outcome::Unexplained { verified } => {
                    writeln!(f, "PCR {pcr:2} unexplained: is {verified:?}, the log has no event for it")?;
                }
                Outcome::UnsupportedBank(reason) => {
                    writeln!(f, "PCR {pcr:2} cannot be replayed in this bank: {reason:?}")?;
                }
            }
        }
        self.boot.events.iter().try_for_each(|event| line(f, event, self.provider))
    }
}

fn line(f: &mut fmt::Formatter<'_>, event: &Judged<'_>, provider: &CryptoProvider) -> fmt::Result {
    match event.register() {
        Some(pcr) => write!(f, "PCR {pcr:2} ")?,
        None => f.write_str("       ")?,
    }
    let digest = event.digest().dangerous_unproven();
    let prefix = digest.get(..8).unwrap_or(digest);
    write!(f, "{:34} {} {:11} ", event.raw_kind(), Hex(prefix), event.coverage().word())?;
    if is_variable(event.raw_kind()) {
        let label = event.label().dangerous_unproven();
        let (bytes, exact, proof) = match event.coverage() {
            Coverage::Covered(data) => match data.rule() {
                Rule::Whole => (data.as_bytes(), true, Proof::Whole),
                Rule::AllButLast => (data.as_bytes(), false, Proof::Whole),
                // No other rule is tried for a variable but that of its contents.
                Rule::VariableContents | Rule::TagContents | Rule::GrubText | Rule::GrubTextWithNul => {
                    (label, false, Proof::Contents)
                }
            },
            Coverage::Uncovered | Coverage::Unexplained | Coverage::Unmeasured => {
                (label, false, Proof::Nothing)
            }
        };
        if let Ok(variable) = Variable::parse(bytes, exact, &[]) {
            variables::write(f, &variable, event.raw_kind(), proof, provider)?;
            return writeln!(f);
        }
    }
    let (label, proven) = match event.coverage() {
        Coverage::Covered(data) => (data.as_bytes(), true),
        Coverage::Uncovered | Coverage::Unexplained | Coverage::Unmeasured => {
            (event.label().dangerous_unproven(), false)
        }
    };
    let note = describe(event.raw_kind(), label);
    let shown = label.get(..SHOWN).unwrap_or(label);
    let rest = label.len().saturating_sub(shown.len());
    match (proven, note) {
        (true, Some(note)) => write!(f, "{note}: ")?,
        (false, Some(note)) => write!(f, "said to be {note}: ")?,
        (true, None) => {}
        (false, None) => f.write_str("said: ")?,
    }
    write_text(f, shown)?;
    if rest > 0 {
        write!(f, "... {rest} bytes more")?;
    }
    writeln!(f)
}

const fn describe(kind: EventKind, label: &[u8]) -> Option<&'static str> {
    match (kind, label) {
        (EventKind::SEPARATOR, [0, 0, 0, 0]) => Some("end of firmware's own part"),
        (EventKind::SEPARATOR, _) => Some("separator that reports an error"),
        (EventKind::EFI_BOOT_SERVICES_APPLICATION, _) => Some("an application"),
        (EventKind::EFI_BOOT_SERVICES_DRIVER | EventKind::EFI_RUNTIME_SERVICES_DRIVER, _) => Some("a driver"),
        (EventKind::EFI_PLATFORM_FIRMWARE_BLOB | EventKind::EFI_PLATFORM_FIRMWARE_BLOB2, _) => {
            Some("firmware")
        }
        _ => None,
    }
}
