//! Values as findings carry them: fixed size, no heap, rendered on demand.

use core::fmt;

/// What a check expected or saw. At most 64 bytes of content, so that a verdict needs no heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing to show: the check has no operand on this side.
    None,
    /// A fixed phrase.
    Phrase(&'static str),
    /// A count or a plain number, shown in decimal.
    Number(u64),
    /// At least this number.
    AtLeast(u64),
    /// A bit field, shown in hexadecimal.
    Bits(u64),
    /// Bytes, shown in lower-case hexadecimal.
    Bytes(Short),
    /// Text that came from outside, shown with anything but printable ASCII escaped.
    Text(Short),
    /// One of so many listed values.
    OneOf(usize),
    /// Seconds since 1970-01-01 00:00 UTC, shown as a date.
    Time(u64),
    /// Later than this second, shown as a date.
    After(u64),
    /// A span of seconds, shown in days and what is left over.
    Seconds(u64),
    /// Firmware version: major, minor, build.
    Version([u8; 3]),
    /// Security patch levels: FMC (Turin only), boot loader, TEE, SNP, microcode.
    Tcb {
        /// FMC, present on Turin only.
        fmc: Option<u8>,
        /// Boot loader.
        bootloader: u8,
        /// TEE.
        tee: u8,
        /// SNP firmware.
        snp: u8,
        /// Microcode.
        microcode: u8,
    },
}

/// Up to 64 bytes, inline. Longer input is cut, and says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short {
    bytes: [u8; 64],
    len: u8,
    cut: bool,
}

impl Short {
    /// Keeps the first 64 bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let front = bytes.get(..64).unwrap_or(bytes);
        let len = u8::try_from(front.len()).unwrap_or(64);
        let mut kept = Self { bytes: [0; 64], len, cut: bytes.len() > 64 };
        kept.bytes.iter_mut().zip(front).for_each(|(slot, octet)| *slot = *octet);
        kept
    }

    /// The bytes kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether the input was longer than what is kept.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(self.as_bytes()))
    }
}

/// A digest of at most 64 bytes, inline. Which hash function made it, its owner knows.
// Aligned, because a replay moves thousands of them, and odd addresses made each move a stall.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(align(8))]
pub struct Digest {
    bytes: [u8; 64],
    len: u8,
}

impl Digest {
    /// A digest of these bytes; `None` for more than 64.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= 64).then(|| Self::of_hash(bytes))
    }

    /// What a hash function gave, which is never longer than 64 bytes: were it, the first 64.
    #[inline]
    pub(crate) fn of_hash(bytes: &[u8]) -> Self {
        let mut digest = Self { bytes: [0; 64], len: u8::try_from(bytes.len().min(64)).unwrap_or(64) };
        match (<&[u8; 32]>::try_from(bytes), digest.bytes.first_chunk_mut()) {
            // Nearly all have this length, and a copy of a known length is two moves instead of a call.
            (Ok(known), Some(front)) => *front = *known,
            _ => digest.bytes.iter_mut().zip(bytes).for_each(|(slot, octet)| *slot = *octet),
        }
        digest
    }

    /// `len` bytes that are all `octet`; `len` is cut to 64.
    pub fn filled(octet: u8, len: usize) -> Self {
        let len = len.min(64);
        let mut digest = Self { bytes: [0; 64], len: u8::try_from(len).unwrap_or(64) };
        digest.bytes.iter_mut().take(len).for_each(|slot| *slot = octet);
        digest
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(self.as_bytes()))
    }
}

impl From<Digest> for Value {
    fn from(digest: Digest) -> Self {
        Self::bytes(digest.as_bytes())
    }
}

/// What a caller wants evidence to commit to: up to 66 bytes, the most that TPM2B_DATA holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Nonce {
    /// The longest, in bytes. 32 is what every TPM takes.
    pub const MAX: usize = 66;

    /// A nonce of these bytes; `None` for more than [`Nonce::MAX`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut nonce = Self { bytes: [0; Self::MAX], len: u8::try_from(bytes.len()).ok()? };
        nonce.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(nonce)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(self.as_bytes()))
    }
}

/// Shows bytes in lower-case hexadecimal.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value {
    /// Bytes, of which the first 64 are kept.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(Short::new(bytes))
    }

    /// Text from outside, of which the first 64 bytes are kept.
    pub fn text(text: &str) -> Self {
        Self::Text(Short::new(text.as_bytes()))
    }
}

impl From<&'static str> for Value {
    fn from(phrase: &'static str) -> Self {
        Self::Phrase(phrase)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(u64::from(number))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::bytes(bytes)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Phrase(phrase) => f.write_str(phrase),
            Self::Number(number) => write!(f, "{number}"),
            Self::AtLeast(number) => write!(f, ">= {number}"),
            Self::Bits(bits) => write!(f, "{bits:#x}"),
            Self::Bytes(short) => {
                write!(f, "{}{}", Hex(short.as_bytes()), if short.cut { "..." } else { "" })
            }
            Self::Text(short) => {
                write!(f, "{}{}", short.as_bytes().escape_ascii(), if short.cut { "..." } else { "" })
            }
            Self::OneOf(1) => f.write_str("the one listed value"),
            Self::OneOf(count) => write!(f, "one of {count} listed values"),
            Self::Time(seconds) => write_time(f, *seconds),
            Self::After(seconds) => {
                f.write_str("after ")?;
                write_time(f, *seconds)
            }
            Self::Seconds(span) => write_span(f, *span),
            Self::Version([major, minor, build]) => write!(f, "{major}.{minor}.{build}"),
            Self::Tcb { fmc, bootloader, tee, snp, microcode } => {
                if let Some(fmc) = fmc {
                    write!(f, "fmc {fmc} ")?;
                }
                write!(f, "bootloader {bootloader} tee {tee} snp {snp} microcode {microcode}")
            }
        }
    }
}

fn write_span(f: &mut fmt::Formatter<'_>, span: u64) -> fmt::Result {
    let mut left = span;
    write!(f, "{} d", left.wrapping_div(86_400))?;
    left = left.wrapping_rem(86_400);
    for (unit, name) in [(3_600, "h"), (60, "min"), (1, "s")] {
        let count = left.checked_div(unit).unwrap_or_default();
        if count > 0 {
            write!(f, " {count} {name}")?;
        }
        left = left.checked_rem(unit).unwrap_or_default();
    }
    Ok(())
}

/// RFC 3339, UTC, to the second. Years past 9999 are shown as seconds.
fn write_time(f: &mut fmt::Formatter<'_>, seconds: u64) -> fmt::Result {
    match der::DateTime::from_unix_duration(core::time::Duration::from_secs(seconds)) {
        Ok(time) => write!(f, "{time}"),
        Err(_) => write!(f, "{seconds} s"),
    }
}
