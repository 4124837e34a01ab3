//! UEFI variables in a log: their form, and their contents in words.

use core::fmt;

use super::signatures::{Guid, Signature, Signatures};
use super::{EventKind, Judged, Rule};
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::Malformed;
use crate::reader::Reader;
use crate::values::Hex;
use crate::x509::Certificate;

/// EFI_GLOBAL_VARIABLE, as it stands in memory.
pub(super) const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
/// EFI_IMAGE_SECURITY_DATABASE_GUID, as it stands in memory.
pub(super) const SECURITY_DATABASE: [u8; 16] =
    *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// Variables that hold EFI_SIGNATURE_LISTs.
const DATABASES: [&str; 6] = ["PK", "KEK", "db", "dbx", "dbt", "dbr"];
/// How many entries of a database are written out; a dbx has hundreds of digests.
const MAX_SHOWN: usize = 64;
/// How much of the contents of another variable is shown, in bytes.
const SHOWN: usize = 80;

/// UEFI_VARIABLE_DATA whose every byte is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    guid: [u8; 16],
    name: &'a [u8],
    data: &'a [u8],
    digest: &'a [u8],
}

impl<'a> Variable<'a> {
    /// Reads the data of an event that is proven as a whole.
    pub(super) fn of(event: &Judged<'a>) -> Option<Self> {
        let proven = event.proven()?;
        let exact = proven.rule() == Rule::Whole;
        event.whole().and_then(|bytes| Self::parse(bytes, exact, event.proven_digest()?).ok())
    }

    /// Old shim versions hash some bytes past the structure too; those say nothing.
    pub(super) fn parse(bytes: &'a [u8], exact: bool, digest: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("UEFI_VARIABLE_DATA", bytes);
        let guid = *r.take("VariableName")?;
        let name = usize::try_from(r.u64_le("UnicodeNameLength")?).unwrap_or(usize::MAX);
        let len = usize::try_from(r.u64_le("VariableDataLength")?).unwrap_or(usize::MAX);
        let name = r.bytes("UnicodeName", name.saturating_mul(2))?;
        let data = r.bytes("VariableData", len)?;
        if exact {
            r.finish("event")?;
        }
        Ok(Self { guid, name, data, digest })
    }

    /// VariableName: the vendor GUID, as it stands in memory.
    pub const fn guid(&self) -> &[u8; 16] {
        &self.guid
    }

    /// UnicodeName, UTF-16LE.
    pub const fn name_utf16(&self) -> &'a [u8] {
        self.name
    }

    /// Whether the name is this one.
    pub fn is_named(&self, name: &str) -> bool {
        let units = self.name.chunks(2).map(|pair| match *pair {
            [low, high] => u16::from_le_bytes([low, high]),
            _ => 0,
        });
        units.eq(name.encode_utf16())
    }

    /// The contents.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The digest of the event, in the replayed bank: over GUID, lengths, name and contents.
    pub const fn digest(&self) -> &'a [u8] {
        self.digest
    }

    /// The contents as EFI_SIGNATURE_LISTs.
    ///
    /// # Errors
    /// [`Malformed`] if they are not.
    pub fn signatures(&self) -> Result<Signatures<'a>, Malformed> {
        Signatures::parse(self.data)
    }
}

/// Types of events whose data is UEFI_VARIABLE_DATA (PC Client Platform Firmware Profile, 10.4.1).
pub(super) const fn is_variable(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::EFI_VARIABLE_AUTHORITY
            | EventKind::EFI_VARIABLE_BOOT
            | EventKind::EFI_VARIABLE_BOOT2
            | EventKind::EFI_VARIABLE_DRIVER_CONFIG
    )
}

/// Writes a variable in words: its name, whose it is, and what it holds. `proven` says how much of it is.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    variable: &Variable<'_>,
    kind: EventKind,
    proven: Proof,
    provider: &CryptoProvider,
) -> fmt::Result {
    f.write_str(match proven {
        Proof::Contents => "contents proven, said to be ",
        Proof::Nothing => "said: ",
        Proof::Whole => "",
    })?;
    write_wide(f, variable.name)?;
    write!(f, " of {}", Guid(&variable.guid))?;
    match kind {
        EventKind::EFI_VARIABLE_AUTHORITY => authority(f, variable.data, provider),
        _ if DATABASES.iter().any(|name| variable.is_named(name)) => database(f, variable.data, provider),
        _ => contents(f, variable),
    }
}

/// How much of a variable is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// What it holds; not what it is called.
    Contents,
    /// Nothing: all of it is the log's word.
    Nothing,
    /// All of it.
    Whole,
}

fn database(f: &mut fmt::Formatter<'_>, data: &[u8], provider: &CryptoProvider) -> fmt::Result {
    let Ok(Signatures { entries, .. }) = Signatures::parse(data) else {
        write!(f, ": no list of signatures: ")?;
        return octets(f, data);
    };
    match entries.len() {
        0 => f.write_str(": empty")?,
        1 => f.write_str(": 1 entry")?,
        count => write!(f, ": {count} entries")?,
    }
    for entry in entries.iter().take(MAX_SHOWN) {
        write!(f, "\n            ")?;
        signature(f, entry, provider)?;
    }
    match entries.len().checked_sub(MAX_SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, "\n            ... {more} more"),
    }
}

/// What verified an image: EFI_SIGNATURE_DATA of db, or what shim used and set: a bare certificate, a digest, text.
fn authority(f: &mut fmt::Formatter<'_>, data: &[u8], provider: &CryptoProvider) -> fmt::Result {
    let owned = data.split_first_chunk::<16>();
    if let Some((owner, certificate)) = owned.filter(|(_, rest)| Certificate::parse(rest).is_ok()) {
        f.write_str(": ")?;
        return signature(
            f,
            &Signature { kind: Signature::X509, owner: *owner, data: certificate },
            provider,
        );
    }
    f.write_str(": ")?;
    match owned {
        _ if Certificate::parse(data).is_ok() => certificate(f, data, provider),
        Some((owner, digest)) if digest.len() == 32 => {
            signature(f, &Signature { kind: Signature::SHA256, owner: *owner, data: digest }, provider)
        }
        _ => octets(f, data),
    }
}

fn signature(f: &mut fmt::Formatter<'_>, entry: &Signature<'_>, provider: &CryptoProvider) -> fmt::Result {
    match entry.kind {
        Signature::X509 => certificate(f, entry.data, provider)?,
        Signature::SHA256 => write!(f, "image with SHA-256 {}", Hex(entry.data))?,
        kind => {
            write!(f, "{}, ", Guid(&kind))?;
            hashed(f, entry.data, provider)?;
        }
    }
    write!(f, ", owner {}", Guid(&entry.owner))
}

/// SHA-256 of the whole certificate, and its subject.
fn certificate(f: &mut fmt::Formatter<'_>, der: &[u8], provider: &CryptoProvider) -> fmt::Result {
    f.write_str("certificate ")?;
    match Certificate::parse(der) {
        Err(_) => f.write_str("that is not read")?,
        Ok(certificate) => match certificate.subject().common_name() {
            Some(name) => write!(f, "\"{}\"", name.escape_default())?,
            None => f.write_str("without a common name")?,
        },
    }
    f.write_str(", ")?;
    hashed(f, der, provider)
}

fn hashed(f: &mut fmt::Formatter<'_>, bytes: &[u8], provider: &CryptoProvider) -> fmt::Result {
    match provider.digest(HashAlgorithm::Sha256, &[bytes]) {
        Ok(digest) => write!(f, "SHA-256 {digest:?}"),
        Err(_) => write!(f, "{} bytes", bytes.len()),
    }
}

/// Other variables: flags as numbers, the order of boot entries, the title of one (UEFI, 3.1.3 and 3.3), else as they are.
fn contents(f: &mut fmt::Formatter<'_>, variable: &Variable<'_>) -> fmt::Result {
    f.write_str(": ")?;
    match *variable.data {
        [] => f.write_str("empty"),
        [flag @ (0 | 1)] => write!(f, "{flag}"),
        _ if variable.is_named("BootOrder") && variable.data.len().is_multiple_of(2) => {
            variable.data.chunks_exact(2).enumerate().try_for_each(|(at, pair)| {
                let comma = if at == 0 { "" } else { ", " };
                write!(f, "{comma}{:02X}{:02X}", pair.get(1).unwrap_or(&0), pair.first().unwrap_or(&0))
            })
        }
        [_, _, _, _, _, _, ref title @ ..] if variable.is_load_option() => {
            let end = title.chunks_exact(2).position(|pair| *pair == [0, 0]).unwrap_or_default();
            f.write_str("\"")?;
            write_wide(f, title.get(..end.saturating_mul(2)).unwrap_or_default())?;
            write!(f, "\", {} bytes", variable.data.len())
        }
        ref other => octets(f, other),
    }
}

impl Variable<'_> {
    /// Boot and four hexadecimal digits: EFI_LOAD_OPTION.
    fn is_load_option(&self) -> bool {
        let digits = self.name.strip_prefix(b"B\0o\0o\0t\0".as_slice()).unwrap_or_default();
        let digit = |pair: &[u8]| matches!(*pair, [digit, 0] if digit.is_ascii_hexdigit());
        digits.len() == 8 && digits.chunks_exact(2).all(digit)
    }
}

/// The first of the bytes, with everything but printable ASCII escaped.
fn octets(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    write_text(f, shown)?;
    match bytes.len().saturating_sub(shown.len()) {
        0 => Ok(()),
        rest => write!(f, "... {rest} bytes more"),
    }
}

/// Text on one line. UTF-16 of ASCII, which firmware and systemd write, is shown as the text that it is.
pub(super) fn write_text(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let wide = matches!(bytes, [0x20..=0x7e, 0, _, _, ..])
        && bytes.chunks(2).all(|pair| matches!(pair, [0x20..=0x7e, 0] | [0, 0]));
    match wide {
        true => bytes.iter().step_by(2).try_for_each(|octet| write!(f, "{}", octet.escape_ascii())),
        false => write!(f, "{}", bytes.escape_ascii()),
    }
}

/// UTF-16LE, with everything but printable ASCII escaped.
fn write_wide(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let units = bytes.chunks(2).map(|pair| match *pair {
        [low, high] => u16::from_le_bytes([low, high]),
        _ => 0,
    });
    char::decode_utf16(units).try_for_each(|unit| match unit {
        Ok(letter) => write!(f, "{}", letter.escape_default()),
        Err(lone) => write!(f, "\\u{{{:x}}}", lone.unpaired_surrogate()),
    })
}
