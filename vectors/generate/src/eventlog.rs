//! Writes event logs, sound and unsound: whatever it is told. It hashes nothing, so that a digest can be anything.

/// EV_NO_ACTION, the type that extends nothing.
pub const NO_ACTION: u32 = 3;
/// The bytes that a StartupLocality event begins with.
pub const STARTUP_LOCALITY: &[u8] = b"StartupLocality\0";

/// A header as the specification has it, with every number open to change.
#[derive(Clone, Debug)]
pub struct Header {
    /// pcrIndex.
    pub pcr: u32,
    /// eventType.
    pub kind: u32,
    /// The SHA-1 digest, which must be zero.
    pub digest: [u8; 20],
    /// specVersionMinor, specVersionMajor, specErrata, uintnSize.
    pub version: [u8; 4],
    /// numberOfAlgorithms; `None` for what is listed.
    pub count: Option<u32>,
    /// TPM_ALG_ID and digestSize.
    pub algorithms: Vec<(u16, u16)>,
    /// vendorInfoSize; `None` for what is there.
    pub vendor_len: Option<u8>,
    /// vendorInfo.
    pub vendor: Vec<u8>,
}

impl Header {
    /// The header that firmware writes for these banks.
    pub fn new(algorithms: &[(u16, u16)]) -> Self {
        Self {
            pcr: 0,
            kind: NO_ACTION,
            digest: [0; 20],
            version: [0, 2, 0, 2],
            count: None,
            algorithms: algorithms.to_vec(),
            vendor_len: None,
            vendor: Vec::new(),
        }
    }

    fn data(&self) -> Vec<u8> {
        let mut data = b"Spec ID Event03\0\0\0\0\0".to_vec();
        data.extend(self.version);
        let listed = u32::try_from(self.algorithms.len()).unwrap_or(u32::MAX);
        data.extend(self.count.unwrap_or(listed).to_le_bytes());
        for (id, size) in &self.algorithms {
            data.extend(id.to_le_bytes());
            data.extend(size.to_le_bytes());
        }
        data.push(self.vendor_len.unwrap_or_else(|| u8::try_from(self.vendor.len()).unwrap_or(u8::MAX)));
        data.extend(&self.vendor);
        data
    }
}

/// A log under construction.
#[derive(Clone, Debug, Default)]
pub struct LogWriter {
    bytes: Vec<u8>,
}

impl LogWriter {
    /// An empty log, for the SHA-1 form.
    pub fn new() -> Self {
        Self::default()
    }

    /// A crypto-agile log that begins with `header`.
    pub fn agile(header: &Header) -> Self {
        Self::new().legacy(header.pcr, header.kind, &header.digest, &header.data())
    }

    /// Adds a TCG_PCR_EVENT.
    #[must_use]
    pub fn legacy(self, pcr: u32, kind: u32, digest: &[u8; 20], data: &[u8]) -> Self {
        self.u32(pcr).u32(kind).raw(digest).data(data)
    }

    /// Adds a TCG_PCR_EVENT2.
    #[must_use]
    pub fn event(self, pcr: u32, kind: u32, digests: &[(u16, &[u8])], data: &[u8]) -> Self {
        let count = u32::try_from(digests.len()).unwrap_or(u32::MAX);
        let head = self.u32(pcr).u32(kind).u32(count);
        digests.iter().fold(head, |log, (id, digest)| log.raw(&id.to_le_bytes()).raw(digest)).data(data)
    }

    /// Adds a number.
    #[must_use]
    pub fn u32(self, number: u32) -> Self {
        self.raw(&number.to_le_bytes())
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// The log.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn data(self, data: &[u8]) -> Self {
        self.u32(u32::try_from(data.len()).unwrap_or(u32::MAX)).raw(data)
    }
}
