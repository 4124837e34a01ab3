//! The SGX extension of a PCK certificate: which platform, and at which TCB it signs.

use der::{AnyRef, Decode, ErrorKind, Reader as _, SliceReader, Tag, Tagged};

/// Content octets of 1.2.840.113741.1.13.1.
pub(super) const EXTENSION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01];

/// What Intel certifies of a platform (Intel SGX PCK Certificate and CRL Profile, 1.3.5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pck {
    ppid: [u8; 16],
    components: [u8; 16],
    pce_svn: u16,
    cpu_svn: [u8; 16],
    pce_id: [u8; 2],
    fmspc: [u8; 6],
    sgx_type: u8,
    piid: Option<[u8; 16]>,
    dynamic: Option<bool>,
    cached_keys: Option<bool>,
    smt: Option<bool>,
}

// The PPID is the processor's, and private to its owner: it must not end in a log.
impl core::fmt::Debug for Pck {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use crate::values::Hex;
        f.debug_struct("Pck")
            .field("fmspc", &Hex(&self.fmspc))
            .field("components", &Hex(&self.components))
            .field("pce_svn", &self.pce_svn)
            .finish_non_exhaustive()
    }
}

impl Pck {
    /// Reads the extension's value; `None` unless everything that every PCK certificate has is there, once, in its form.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut found = Found::default();
        each(value, |arc, value| found.take(arc, value)).ok()?;
        found.whole()
    }

    /// PPID, 13.1.1: the processor, by a number that is private to its owner. Show [`Pck::piid`] instead.
    pub const fn ppid(&self) -> &[u8; 16] {
        &self.ppid
    }

    /// The SVNs of the TCB's components, 13.1.2.1 to 13.1.2.16.
    pub const fn components(&self) -> [u8; 16] {
        self.components
    }

    /// PCESVN, 13.1.2.17.
    pub const fn pce_svn(&self) -> u16 {
        self.pce_svn
    }

    /// CPUSVN, 13.1.2.18: the components as the processor writes them.
    pub const fn cpu_svn(&self) -> [u8; 16] {
        self.cpu_svn
    }

    /// PCEID, 13.1.3.
    pub const fn pce_id(&self) -> [u8; 2] {
        self.pce_id
    }

    /// FMSPC, 13.1.4: family, model, stepping and more, which TCB info is written for.
    pub const fn fmspc(&self) -> [u8; 6] {
        self.fmspc
    }

    /// SGX type, 13.1.5: 0 standard, 1 scalable, 2 scalable with integrity.
    pub const fn sgx_type(&self) -> u8 {
        self.sgx_type
    }

    /// Platform instance id, 13.1.6: the machine. A PCK of the Processor CA has none.
    pub const fn piid(&self) -> Option<[u8; 16]> {
        self.piid
    }

    /// Whether platforms may be added to or taken from, 13.1.7.1.
    pub const fn dynamic_platform(&self) -> Option<bool> {
        self.dynamic
    }

    /// Whether Intel keeps the platform's root keys, 13.1.7.2.
    pub const fn cached_keys(&self) -> Option<bool> {
        self.cached_keys
    }

    /// Whether simultaneous multithreading is on, 13.1.7.3.
    pub const fn smt(&self) -> Option<bool> {
        self.smt
    }
}

/// Members as they are found.
#[derive(Default)]
struct Found {
    ppid: Option<[u8; 16]>,
    components: [Option<u8>; 16],
    pce_svn: Option<u16>,
    cpu_svn: Option<[u8; 16]>,
    pce_id: Option<[u8; 2]>,
    fmspc: Option<[u8; 6]>,
    sgx_type: Option<u8>,
    piid: Option<[u8; 16]>,
    dynamic: Option<bool>,
    cached_keys: Option<bool>,
    smt: Option<bool>,
}

impl Found {
    fn take(&mut self, arc: &[u8], value: AnyRef<'_>) -> der::Result<()> {
        match *arc {
            [1] => once(&mut self.ppid, octets(value)?),
            [2] => each_of(value, |arc, value| self.take_tcb(arc, value)),
            [3] => once(&mut self.pce_id, octets(value)?),
            [4] => once(&mut self.fmspc, octets(value)?),
            [5] => match (value.tag(), value.value()) {
                (Tag::Enumerated, [kind]) => once(&mut self.sgx_type, *kind),
                _ => Err(ErrorKind::Value { tag: Tag::Enumerated }.into()),
            },
            [6] => once(&mut self.piid, octets(value)?),
            [7] => each_of(value, |arc, value| match *arc {
                [7, 1] => once(&mut self.dynamic, value.decode_as()?),
                [7, 2] => once(&mut self.cached_keys, value.decode_as()?),
                [7, 3] => once(&mut self.smt, value.decode_as()?),
                _ => Ok(()),
            }),
            // Members of newer profiles are none of our business.
            _ => Ok(()),
        }
    }

    fn take_tcb(&mut self, arc: &[u8], value: AnyRef<'_>) -> der::Result<()> {
        match *arc {
            [2, 17] => once(&mut self.pce_svn, value.decode_as()?),
            [2, 18] => once(&mut self.cpu_svn, octets(value)?),
            [2, number] => {
                let slot =
                    usize::from(number).checked_sub(1).and_then(|index| self.components.get_mut(index));
                match slot {
                    Some(slot) => once(slot, value.decode_as()?),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn whole(self) -> Option<Pck> {
        let mut components = [0; 16];
        for (slot, component) in components.iter_mut().zip(self.components) {
            *slot = component?;
        }
        Some(Pck {
            ppid: self.ppid?,
            components,
            pce_svn: self.pce_svn?,
            cpu_svn: self.cpu_svn?,
            pce_id: self.pce_id?,
            fmspc: self.fmspc?,
            sgx_type: self.sgx_type?,
            piid: self.piid,
            dynamic: self.dynamic,
            cached_keys: self.cached_keys,
            smt: self.smt,
        })
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> der::Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ErrorKind::Value { tag: Tag::Sequence }.into()),
    }
}

fn octets<const N: usize>(value: AnyRef<'_>) -> der::Result<[u8; N]> {
    let bad = || ErrorKind::Length { tag: Tag::OctetString }.into();
    value.tag().assert_eq(Tag::OctetString)?;
    value.value().try_into().map_err(|_| bad())
}

/// Reads SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, ANY }, whose identifiers lie under the extension's own.
fn each(der: &[u8], f: impl FnMut(&[u8], AnyRef<'_>) -> der::Result<()>) -> der::Result<()> {
    each_of(AnyRef::try_from(der)?, f)
}

fn each_of(list: AnyRef<'_>, mut f: impl FnMut(&[u8], AnyRef<'_>) -> der::Result<()>) -> der::Result<()> {
    list.tag().assert_eq(Tag::Sequence)?;
    let mut reader = SliceReader::new(list.value())?;
    while !reader.is_finished() {
        reader.sequence(|r| {
            let id = AnyRef::decode(r)?;
            id.tag().assert_eq(Tag::ObjectIdentifier)?;
            let value = AnyRef::decode(r)?;
            match id.value().strip_prefix(EXTENSION) {
                Some(arc) => f(arc, value),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}
