//! Signature databases: EFI_SIGNATURE_LIST and EFI_SIGNATURE_DATA (UEFI, 32.4.1), and the GUIDs of these and of variables.

use alloc::vec::Vec;
use core::fmt;

use crate::error::Malformed;
use crate::reader::Reader;

/// One entry of a signature database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature<'a> {
    /// SignatureType, as it stands in memory.
    pub kind: [u8; 16],
    /// SignatureOwner, as it stands in memory: who put the entry there, by its own word.
    pub owner: [u8; 16],
    /// SignatureData: a certificate, a digest.
    pub data: &'a [u8],
}

impl Signature<'_> {
    /// EFI_CERT_X509_GUID.
    pub const X509: [u8; 16] = *b"\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72";
    /// EFI_CERT_SHA256_GUID.
    pub const SHA256: [u8; 16] = *b"\x26\x16\xc4\xc1\x4c\x50\x92\x40\xac\xa9\x41\xf9\x36\x93\x43\x28";
}

/// The entries of a signature database, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signatures<'a> {
    /// All of them.
    pub entries: Vec<Signature<'a>>,
    /// X.509 certificates, DER.
    pub certificates: Vec<&'a [u8]>,
    /// SHA-256 digests of images.
    pub sha256: Vec<&'a [u8]>,
    /// How many entries are of another type.
    pub others: usize,
}

impl<'a> Signatures<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut found = Self::default();
        let mut r = Reader::new("EFI_SIGNATURE_LIST", bytes);
        while r.left() > 0 {
            let kind = *r.take::<16>("SignatureType")?;
            let list = usize::try_from(r.u32_le("SignatureListSize")?).unwrap_or(usize::MAX);
            let header = usize::try_from(r.u32_le("SignatureHeaderSize")?).unwrap_or(usize::MAX);
            let size = usize::try_from(r.u32_le("SignatureSize")?).unwrap_or(usize::MAX);
            r.bytes("SignatureHeader", header)?;
            // What the list says of its size, less the 28 bytes of its head.
            let mut entries = Reader::new(
                "EFI_SIGNATURE_LIST",
                r.bytes("Signatures", list.saturating_sub(28).saturating_sub(header))?,
            );
            while entries.left() > 0 {
                let mut entry =
                    Reader::new("EFI_SIGNATURE_DATA", entries.bytes("SignatureData", size.max(17))?);
                let owner = *entry.take::<16>("SignatureOwner")?;
                let data = entry.bytes("SignatureData", entry.left())?;
                found.entries.push(Signature { kind, owner, data });
                match kind {
                    Signature::X509 => found.certificates.push(data),
                    Signature::SHA256 => found.sha256.push(data),
                    _ => found.others = found.others.saturating_add(1),
                }
            }
        }
        Ok(found)
    }
}

/// A GUID by its name, if it has a known one, and as it is written.
pub(super) struct Guid<'a>(pub(super) &'a [u8; 16]);

/// Those that boot logs have, by how they are written.
const NAMES: [(&str, &str); 12] = [
    ("8be4df61-93ca-11d2-aa0d-00e098032b8c", "EFI global variables"),
    ("d719b2cb-3d3a-4596-a3bc-dad00e67656f", "EFI image security database"),
    ("605dab50-e046-4300-abb6-3dd810dd8b23", "shim"),
    ("77fa9abd-0359-4d32-bd60-28f4e78f784b", "Microsoft"),
    ("4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "systemd-boot"),
    ("a5c059a1-94e4-4aa7-87b5-ab155c2bf072", "X.509"),
    ("c1c41626-504c-4092-aca9-41f936934328", "SHA-256"),
    ("826ca512-cf10-4ac9-b187-be01496631bd", "SHA-1"),
    ("3c5766e8-269c-4e34-aa14-ed776e85b3b6", "RSA-2048"),
    ("3bd2a492-96c0-4079-b420-fcf98ef103ed", "SHA-256 of an X.509 tbsCertificate, with a time"),
    ("7076876e-80c2-4ee6-aad2-28b349a6865b", "SHA-384 of an X.509 tbsCertificate, with a time"),
    ("446dbf63-2502-4cda-bcfa-2465d2b0fe9d", "SHA-512 of an X.509 tbsCertificate, with a time"),
];

impl fmt::Display for Guid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, rest @ ..] = *self.0;
        let (first, second, third) =
            (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, g]), u16::from_le_bytes([h, i]));
        let [j, k, node @ ..] = rest;
        let written = alloc::format!(
            "{first:08x}-{second:04x}-{third:04x}-{j:02x}{k:02x}-{}",
            crate::values::Hex(&node)
        );
        match NAMES.iter().find(|(guid, _)| *guid == written) {
            Some((_, name)) => write!(f, "{name} ({written})"),
            None => f.write_str(&written),
        }
    }
}
