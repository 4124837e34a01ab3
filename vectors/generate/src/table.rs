//! The certificate table of an extended report, well formed or not.

use crate::der_out::pem;

/// The GUIDs of the table, in text order as hosts write them.
pub mod guid {
    /// VCEK certificate.
    pub const VCEK: [u8; 16] = 0x63da758d_e664_4564_adc5_f4b93be8accd_u128.to_be_bytes();
    /// VLEK certificate.
    pub const VLEK: [u8; 16] = 0xa8074bc2_a25a_483e_aae6_39c045a0b8a1_u128.to_be_bytes();
    /// ASK or ASVK certificate.
    pub const ASK: [u8; 16] = 0x4ab7b379_bbac_4fe4_a02f_05aef327c782_u128.to_be_bytes();
    /// ARK certificate.
    pub const ARK: [u8; 16] = 0xc0b406a4_a803_4952_9743_3fb6014cd0ae_u128.to_be_bytes();
    /// CRL.
    pub const CRL: [u8; 16] = 0x92f81bc3_5811_4d3d_97ff_d19f88dc67ea_u128.to_be_bytes();
    /// One that nobody assigned.
    pub const UNKNOWN: [u8; 16] = 0x01234567_89ab_4def_8123_456789abcdef_u128.to_be_bytes();

    /// The GUID as some hosts write it: the first three groups little endian.
    pub fn mixed_endian(mut guid: [u8; 16]) -> [u8; 16] {
        guid[..4].reverse();
        guid[4..6].reverse();
        guid[6..8].reverse();
        guid
    }
}

/// The length of an entry of the header.
pub const ENTRY_LEN: usize = 24;

/// One entry and its data.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The GUID as written.
    pub guid: [u8; 16],
    /// The data as written.
    pub data: Vec<u8>,
    /// The offset to write instead of the true one.
    pub offset: Option<u32>,
    /// The length to write instead of the true one.
    pub length: Option<u32>,
}

/// A table before it is written.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// The entries in order. Their data follows the header in the same order.
    pub entries: Vec<Entry>,
    /// Whether the zero entry ends the header.
    pub terminated: bool,
    /// The size to which zeros fill the buffer, as a multiple. Hosts fill whole pages.
    pub pad_to: usize,
}

impl Default for TableSpec {
    /// An empty table that fills one page.
    fn default() -> Self {
        Self { entries: Vec::new(), terminated: true, pad_to: 4096 }
    }
}

impl TableSpec {
    /// A table with ARK, intermediate and VCEK in PEM, in this order, like the full tables in the field.
    pub fn chain(ark: &[u8], ask: &[u8], vcek: &[u8]) -> Self {
        let cert = |der: &[u8]| pem("CERTIFICATE", der).into_bytes();
        Self::default().entry(guid::ARK, cert(ark)).entry(guid::ASK, cert(ask)).entry(guid::VCEK, cert(vcek))
    }

    /// A table with nothing but a VLEK in DER.
    pub fn vlek(vlek: &[u8]) -> Self {
        Self::default().entry(guid::VLEK, vlek)
    }

    /// A table of many entries that all name the same few bytes.
    pub fn many(count: usize) -> Self {
        let mut spec = Self { pad_to: 1, ..Self::default() };
        let header = u32::try_from((count + 1) * ENTRY_LEN).expect("offsets are 32 bits");
        for number in 0..count {
            let data = if number == 0 { vec![0x30, 0x00] } else { Vec::new() };
            let guid = (number as u128 + 1).to_be_bytes();
            spec.entries.push(Entry { guid, data, offset: Some(header), length: Some(2) });
        }
        spec
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// One more entry, at the end.
    pub fn entry(self, guid: [u8; 16], data: impl Into<Vec<u8>>) -> Self {
        self.with(|spec| spec.entries.push(Entry { guid, data: data.into(), offset: None, length: None }))
    }

    /// All GUIDs mixed-endian.
    pub fn mixed_endian(self) -> Self {
        self.with(|spec| {
            spec.entries.iter_mut().for_each(|entry| entry.guid = guid::mixed_endian(entry.guid))
        })
    }

    /// Without the zero entry.
    pub fn unterminated(self) -> Self {
        Self { terminated: false, ..self }
    }

    /// An entry whose offset and length add up past 32 bits, to a place inside the table.
    pub fn wrapping(self, index: usize) -> Self {
        self.with(|spec| {
            spec.entries[index].offset = Some(0xFFFF_FFF0);
            spec.entries[index].length = Some(0x100);
        })
    }

    /// An entry that starts inside the header.
    pub fn inside_header(self, index: usize) -> Self {
        self.with(|spec| spec.entries[index].offset = Some(ENTRY_LEN as u32))
    }

    /// An entry that starts one byte before its data, in the data of the entry before.
    ///
    /// # Panics
    ///
    /// When it is the first entry.
    pub fn overlapping(self, index: usize) -> Self {
        assert_ne!(index, 0, "before the first data lies the header");
        let offset = self.true_offset(index) - 1;
        self.with(|spec| spec.entries[index].offset = Some(offset))
    }

    /// An entry that reaches one byte past the buffer.
    pub fn past_end(self, index: usize) -> Self {
        let length = self.build().len() as u32 - self.true_offset(index) + 1;
        self.with(|spec| spec.entries[index].length = Some(length))
    }

    /// An entry twice, next to each other, with the data twice.
    pub fn duplicating(self, index: usize) -> Self {
        self.with(|spec| spec.entries.insert(index, spec.entries[index].clone()))
    }

    /// An entry of length zero.
    pub fn empty(self, index: usize) -> Self {
        self.with(|spec| spec.entries[index].length = Some(0))
    }

    /// The table as bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut offset = self.header_len();
        for entry in &self.entries {
            out.extend(entry.guid);
            out.extend(entry.offset.unwrap_or(offset as u32).to_le_bytes());
            out.extend(entry.length.unwrap_or(entry.data.len() as u32).to_le_bytes());
            offset += entry.data.len();
        }
        if self.terminated {
            out.extend([0; ENTRY_LEN]);
        }
        for entry in &self.entries {
            out.extend(&entry.data);
        }
        out.resize(out.len().next_multiple_of(self.pad_to), 0);
        out
    }

    fn header_len(&self) -> usize {
        (self.entries.len() + usize::from(self.terminated)) * ENTRY_LEN
    }

    fn true_offset(&self, index: usize) -> u32 {
        let before: usize = self.entries[..index].iter().map(|entry| entry.data.len()).sum();
        (self.header_len() + before) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_point_at_the_data() {
        let table = TableSpec::chain(b"a", b"bb", b"ccc").build();
        assert_eq!(table.len(), 4096);
        assert_eq!(table[..16], guid::ARK);
        for (index, der) in [b"a".as_slice(), b"bb", b"ccc"].iter().enumerate() {
            let number = |at: usize| {
                let bytes = table[index * ENTRY_LEN + at..][..4].try_into().expect("four bytes");
                u32::from_le_bytes(bytes) as usize
            };
            assert_eq!(&table[number(16)..][..number(20)], pem("CERTIFICATE", der).as_bytes());
        }
    }

    #[test]
    fn many_entries_share_bytes() {
        assert_eq!(TableSpec::many(1000).build().len(), 1001 * ENTRY_LEN + 2);
    }

    #[test]
    fn mixed_endian_twice_is_text_order() {
        assert_eq!(guid::mixed_endian(guid::VCEK)[..8], [0x8D, 0x75, 0xDA, 0x63, 0x64, 0xE6, 0x64, 0x45]);
        assert_eq!(guid::mixed_endian(guid::mixed_endian(guid::VCEK)), guid::VCEK);
    }
}
