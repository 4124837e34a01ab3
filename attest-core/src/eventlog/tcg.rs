//! The TCG's two binary forms of a log, shape only: SHA-1 (TCG_PCR_EVENT) and crypto-agile (TCG_PCR_EVENT2), little-endian.
//!
//! Bounds: a log is at most [`MAX_LOG`] bytes and [`MAX_EVENTS`] events, an event has at most [`MAX_DIGESTS`] digests. The
//! largest of some eighty logs from real machines has 73 KB and 203 events. Nothing is copied and nothing is allocated.

use core::fmt;

use super::checks::wire as checks;
use super::header::{Header, MAX_DIGESTS, SPEC_ID, STRUCTURE};
use super::{Bank, EventKind, REGISTERS, SpecId, Untrusted};
use crate::checks::holds;
use crate::crypto::HashAlgorithm;
use crate::error::{Malformed, Problem};
use crate::reader::Reader;
use crate::values::Value;

/// The longest log that is read, in bytes.
pub const MAX_LOG: usize = 1024 * 1024;
/// The most events that are read, the Spec ID event not counted.
pub const MAX_EVENTS: usize = 16_384;
const LOCALITY: &[u8; 16] = b"StartupLocality\0";

/// What PCR 0 started from, as the log says. A wrong word here is a mismatch in PCR 0 and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the profile knows no others")]
pub enum Startup {
    /// Nothing is said: zero.
    Unsaid,
    /// A StartupLocality event: zero but for the last byte, which is the locality.
    Locality(u8),
    /// The first extend of PCR 0 is an EV_EFI_HCRTM_EVENT: as from locality 4.
    HCrtm,
}

impl Startup {
    /// The last byte of the value that PCR 0 started from.
    pub const fn last_octet(self) -> u8 {
        match self {
            Self::Unsaid => 0,
            Self::Locality(locality) => locality,
            Self::HCrtm => 4,
        }
    }
}

/// A log whose every event has been read once: walking it again cannot fail.
#[derive(Clone, Debug)]
pub struct Log<'a> {
    events: Reader<'a>,
    banks: [Bank; MAX_DIGESTS],
    bank_count: usize,
    spec_id: Option<SpecId<'a>>,
    startup: Startup,
    len: usize,
    /// How many events extend each register, so that a walk for one register ends with its last event.
    extends: [u16; REGISTERS],
}

/// One event. Everything in it is the log's own word.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    number: usize,
    index: u32,
    kind: EventKind,
    digests: Digests<'a>,
    data: &'a [u8],
}

/// The digests of one event, as they stand there: each was stepped over once, so that its bank and its length are known.
#[derive(Clone, Copy)]
struct Digests<'a> {
    /// Algorithm and digest, one after the other; in the SHA-1 form one digest and nothing else.
    bytes: &'a [u8],
    banks: [Bank; MAX_DIGESTS],
    agile: bool,
}

impl<'a> Log<'a> {
    /// Reads a whole log and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for a log, a header or an event past the stated bounds, cut short, or against one of the rules of
    /// [`super::checks::wire`]. Unknown event types and unknown algorithms *in the header* are values.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(bytes, false)
    }

    /// Reads the log of a confidential machine without a TPM, which the ACPI table CCEL points to. There a register's number is
    /// one higher than its name (0 is what the machine was built of, and nothing extends it), firmware writes the header under
    /// the number of the first, and the area is larger than the log: behind the last event it is filled with zeros, or with
    /// ones.
    ///
    /// # Errors
    /// As [`Log::parse`]. What fills the area up must be of one kind.
    pub fn parse_cc(area: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(area, true)
    }

    fn read(bytes: &'a [u8], cc: bool) -> Result<Self, Malformed> {
        let mut r = Reader::new(STRUCTURE, bytes);
        if bytes.len() > MAX_LOG {
            let problem = Problem::TooLarge { max: MAX_LOG, actual: bytes.len() };
            return Err(r.malformed("log", problem));
        }
        let mut log = Self {
            events: r.clone(),
            banks: [Bank::default(); MAX_DIGESTS],
            bank_count: 1,
            spec_id: None,
            startup: Startup::Unsaid,
            len: 0,
            extends: [0; REGISTERS],
        };
        log.banks[0] = Bank::SHA1;
        if r.left() > 0 {
            let first = log.read_legacy(&mut r, 0)?;
            if first.kind == EventKind::NO_ACTION && first.data.starts_with(SPEC_ID) {
                log.read_spec_id(&first, &r, cc)?;
                log.events = r;
            }
        }
        log.walk(cc)?;
        Ok(log)
    }

    /// The events, the Spec ID event not among them.
    pub fn events(&self) -> Events<'a> {
        Events { log: self.clone(), at: self.events.clone(), number: 0 }
    }

    /// The events that extend one register, in their order.
    pub(super) fn events_of(&self, pcr: u8) -> impl Iterator<Item = Event<'a>> + use<'a> {
        let count = self.extends.get(usize::from(pcr)).copied().unwrap_or_default();
        self.events().filter(move |event| event.register() == Some(pcr)).take(usize::from(count))
    }

    /// How many events there are, the Spec ID event not counted.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The header of a crypto-agile log; `None` for one in the SHA-1 form.
    pub const fn spec_id(&self) -> Option<&SpecId<'a>> {
        self.spec_id.as_ref()
    }

    /// The banks, in the header's order. SHA-1 alone for a log in the SHA-1 form.
    pub fn banks(&self) -> &[Bank] {
        self.banks.get(..self.bank_count).unwrap_or_default()
    }

    /// What PCR 0 started from, as the log says.
    pub const fn startup(&self) -> Startup {
        self.startup
    }

    /// Looks at every event once and keeps what concerns the whole.
    fn walk(&mut self, cc: bool) -> Result<(), Malformed> {
        let mut r = self.events.clone();
        let mut extended = false;
        while r.left() > 0 {
            if cc && r.is_filling() {
                self.events.cut(&r);
                break;
            }
            if self.len >= MAX_EVENTS {
                let actual = self.len.saturating_add(1);
                return Err(r.malformed("events", Problem::TooLarge { max: MAX_EVENTS, actual }));
            }
            let event = self.read_event(&mut r, self.len)?;
            self.len = self.len.saturating_add(1);
            let extended_so_far = event.register().and_then(|pcr| self.extends.get_mut(usize::from(pcr)));
            if let Some(count) = extended_so_far {
                *count = count.saturating_add(1);
            }
            match event.register() {
                None if event.index == 0 && event.data.starts_with(LOCALITY) => {
                    self.startup = self.read_locality(&event, &r, extended)?;
                }
                Some(0) => {
                    if !extended
                        && self.startup == Startup::Unsaid
                        && event.kind == EventKind::EFI_HCRTM_EVENT
                    {
                        self.startup = Startup::HCrtm;
                    }
                    extended = true;
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    // Inlined into each walk, so that an event is never moved as a whole: that is a third of what a replay costs beside hashing.
    #[inline(always)]
    fn read_event(&self, r: &mut Reader<'a>, number: usize) -> Result<Event<'a>, Malformed> {
        match self.spec_id {
            None => self.read_legacy(r, number),
            Some(_) => self.read_agile(r, number),
        }
    }

    /// TCG_PCR_EVENT.
    #[inline(always)]
    fn read_legacy(&self, r: &mut Reader<'a>, number: usize) -> Result<Event<'a>, Malformed> {
        let index = r.u32_le("pcrIndex")?;
        let kind = EventKind(r.u32_le("eventType")?);
        check_index(r, index, kind, 8)?;
        let bytes = r.bytes("digest", Bank::SHA1.digest_len())?;
        let digests = Digests { bytes, banks: self.banks, agile: false };
        let data = read_data(r, "event")?;
        Ok(Event { number, index, kind, digests, data })
    }

    /// TCG_PCR_EVENT2.
    #[inline(always)]
    fn read_agile(&self, r: &mut Reader<'a>, number: usize) -> Result<Event<'a>, Malformed> {
        let index = r.u32_le("pcrIndex")?;
        let kind = EventKind(r.u32_le("eventType")?);
        check_index(r, index, kind, 8)?;
        // Fewer digests than the header lists are genuine: Windows' loaders write one.
        let count = r.u32_le("digests.count")?;
        let in_bounds = usize::try_from(count).is_ok_and(|count| (1..=self.bank_count).contains(&count));
        if !holds(&checks::DIGEST_COUNT, in_bounds) {
            let expected = Value::OneOf(self.bank_count);
            return Err(r.unexpected(&checks::DIGEST_COUNT, "digests.count", 4, expected, count));
        }
        let (mut seen, before) = ([false; MAX_DIGESTS], r.clone());
        for _ in 0..count {
            let id = r.u16_le("digest.hashAlg")?;
            let found = self.banks().iter().zip(&mut seen).find(|(bank, _)| bank.id() == id);
            let Some((bank, seen)) = found else {
                // Without its size it cannot be stepped over.
                let expected = Value::OneOf(self.bank_count);
                return Err(r.unexpected(
                    &checks::DIGEST_LISTED,
                    "digest.hashAlg",
                    2,
                    expected,
                    u32::from(id),
                ));
            };
            if !holds(&checks::DIGEST_ONCE, !*seen) {
                return Err(r.unexpected(
                    &checks::DIGEST_ONCE,
                    "digest.hashAlg",
                    2,
                    "an algorithm of its own",
                    u32::from(id),
                ));
            }
            *seen = true;
            r.bytes("digest", bank.digest_len())?;
        }
        let digests = Digests { bytes: before.until(r), banks: self.banks, agile: true };
        let data = read_data(r, "event")?;
        Ok(Event { number, index, kind, digests, data })
    }

    /// TCG_EfiSpecIDEvent. `after` stands behind the event, so that offsets are those of the log.
    fn read_spec_id(&mut self, event: &Event<'a>, after: &Reader<'a>, cc: bool) -> Result<(), Malformed> {
        let base = after.offset().saturating_sub(event.data.len());
        let at =
            |malformed: Malformed| Malformed { offset: malformed.offset.saturating_add(base), ..malformed };
        // The first event has the SHA-1 form: this is its one digest.
        let zero = event.digests.bytes.iter().all(|octet| *octet == 0);
        let header = Header::read(event.data, if cc && event.index == 1 { 0 } else { event.index }, zero)
            .map_err(at)?;
        self.banks = header.banks;
        self.bank_count = header.bank_count;
        self.spec_id = Some(header.spec_id);
        Ok(())
    }

    /// TCG_EfiStartupLocalityEvent.
    fn read_locality(
        &self,
        event: &Event<'a>,
        after: &Reader<'a>,
        extended: bool,
    ) -> Result<Startup, Malformed> {
        let actual = event.data.get(LOCALITY.len()..).unwrap_or_default();
        let refuse = |check, expected: &'static str| {
            Err(after.unexpected(check, "StartupLocality", event.data.len(), expected, actual))
        };
        let locality = match actual {
            [locality @ (0 | 3 | 4)] => *locality,
            _ if holds(&checks::LOCALITY_VALUE, false) => 0,
            _ => return refuse(&checks::LOCALITY_VALUE, "locality 0, 3 or 4"),
        };
        if !holds(&checks::LOCALITY_EARLY, !extended) {
            return refuse(&checks::LOCALITY_EARLY, "before the first extend of PCR 0");
        }
        if !holds(&checks::LOCALITY_ONCE, !matches!(self.startup, Startup::Locality(_))) {
            return refuse(&checks::LOCALITY_ONCE, "once");
        }
        Ok(Startup::Locality(locality))
    }
}

/// Windows writes EV_NO_ACTION under index FFFFFFFFh. Only what extends must name a register.
fn check_index(r: &Reader<'_>, index: u32, kind: EventKind, width: usize) -> Result<(), Malformed> {
    let known = kind == EventKind::NO_ACTION || usize::try_from(index).is_ok_and(|index| index < REGISTERS);
    if holds(&checks::PCR_INDEX, known) {
        return Ok(());
    }
    Err(r.unexpected(&checks::PCR_INDEX, "pcrIndex", width, Value::OneOf(REGISTERS), index))
}

fn read_data<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], Malformed> {
    let size = r.u32_le("eventSize")?;
    r.bytes(field, usize::try_from(size).unwrap_or(usize::MAX))
}

impl<'a> Event<'a> {
    /// Position in the log, from 0, the Spec ID event not counted. The order between registers is proven by nothing.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// pcrIndex as it stands there; FFFFFFFFh for some EV_NO_ACTION entries of Windows.
    pub const fn index(&self) -> Untrusted<u32> {
        Untrusted::new(self.index)
    }

    /// The register that this event extends; `None` for EV_NO_ACTION, which extends none.
    pub fn register(&self) -> Option<u8> {
        match self.kind {
            EventKind::NO_ACTION => None,
            _ => u8::try_from(self.index).ok(),
        }
    }

    /// eventType.
    pub const fn kind(&self) -> Untrusted<EventKind> {
        Untrusted::new(self.kind)
    }

    /// The digest for a bank, if the event carries one.
    pub fn digest(&self, bank: HashAlgorithm) -> Option<Untrusted<&'a [u8]>> {
        self.digest_in(bank).map(Untrusted::new)
    }

    /// The event data: a label, until a covering digest proves it ([`super::Coverage`]).
    pub const fn label(&self) -> Untrusted<&'a [u8]> {
        Untrusted::new(self.data)
    }

    pub(super) fn digest_in(&self, bank: HashAlgorithm) -> Option<&'a [u8]> {
        self.digests.of(bank)
    }
}

impl<'a> Digests<'a> {
    fn of(&self, bank: HashAlgorithm) -> Option<&'a [u8]> {
        if !self.agile {
            return (bank == HashAlgorithm::Sha1).then_some(self.bytes);
        }
        let mut rest = self.bytes;
        while let Some((id, after)) = rest.split_first_chunk() {
            let id = u16::from_le_bytes(*id);
            let listed = self.banks.iter().find(|listed| listed.id() == id)?;
            let (digest, after) = after.split_at_checked(listed.digest_len())?;
            if listed.algorithm() == Some(bank) {
                return Some(digest);
            }
            rest = after;
        }
        None
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, index, kind, data, .. } = self;
        write!(f, "event {number}: PCR {index} {kind}, {} bytes", data.len())
    }
}

/// The events of a log, in its order.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    log: Log<'a>,
    at: Reader<'a>,
    number: usize,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Event<'a>> {
        if self.at.left() == 0 {
            return None;
        }
        // It was read before, so it can be read again.
        let event = self.log.read_event(&mut self.at, self.number).ok()?;
        self.number = self.number.saturating_add(1);
        Some(event)
    }
}
