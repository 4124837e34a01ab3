//! ATTESTATION_REPORT of any version, signed and then altered.

use p384::NonZeroScalar;
use p384::elliptic_curve::Curve;
use p384::elliptic_curve::ops::Neg;
use sha2::{Digest, Sha384};

use crate::keys::P384Key;
use crate::platform::Platform;
use crate::sign::ecdsa_prehash;

/// The length of a report.
pub const LEN: usize = 0x4A0;

/// The length of the signed part, and where R starts.
pub const SIGNED_LEN: usize = 0x2A0;

/// Where S starts.
pub const S_OFFSET: usize = SIGNED_LEN + FIELD_LEN;

/// Where the reserved bytes after S start.
pub const TAIL_OFFSET: usize = S_OFFSET + FIELD_LEN;

/// The length of R and of S, padding included.
pub const FIELD_LEN: usize = 72;

/// A report before it is signed.
///
/// Fields that a version does not have are not written. Use struct update to set some:
/// `ReportSpec { policy: 0xB_0000, ..chip.report(3) }`.
#[derive(Clone, Debug)]
pub struct ReportSpec {
    /// VERSION.
    pub version: u32,
    /// GUEST_SVN.
    pub guest_svn: u32,
    /// POLICY.
    pub policy: u64,
    /// FAMILY_ID.
    pub family_id: [u8; 16],
    /// IMAGE_ID.
    pub image_id: [u8; 16],
    /// VMPL.
    pub vmpl: u32,
    /// SIGNATURE_ALGO.
    pub signature_algo: u32,
    /// CURRENT_TCB.
    pub current_tcb: [u8; 8],
    /// PLATFORM_INFO.
    pub platform_info: u64,
    /// KEY_INFO: AUTHOR_KEY_EN, MASK_CHIP_KEY, SIGNING_KEY from bit 2.
    pub key_info: u32,
    /// REPORT_DATA.
    pub report_data: [u8; 64],
    /// MEASUREMENT.
    pub measurement: [u8; 48],
    /// HOST_DATA.
    pub host_data: [u8; 32],
    /// ID_KEY_DIGEST.
    pub id_key_digest: [u8; 48],
    /// AUTHOR_KEY_DIGEST.
    pub author_key_digest: [u8; 48],
    /// REPORT_ID.
    pub report_id: [u8; 32],
    /// REPORT_ID_MA.
    pub report_id_ma: [u8; 32],
    /// REPORTED_TCB.
    pub reported_tcb: [u8; 8],
    /// CPUID family, model and stepping, from version 3.
    pub cpuid: [u8; 3],
    /// CHIP_ID.
    pub chip_id: [u8; 64],
    /// COMMITTED_TCB.
    pub committed_tcb: [u8; 8],
    /// CURRENT_BUILD, CURRENT_MINOR, CURRENT_MAJOR.
    pub current_firmware: [u8; 3],
    /// COMMITTED_BUILD, COMMITTED_MINOR, COMMITTED_MAJOR.
    pub committed_firmware: [u8; 3],
    /// LAUNCH_TCB.
    pub launch_tcb: [u8; 8],
    /// LAUNCH_MIT_VECTOR, from version 5.
    pub launch_mit_vector: u64,
    /// CURRENT_MIT_VECTOR, from version 5.
    pub current_mit_vector: u64,
    /// Bytes to write at offsets before signing.
    pub patches: Vec<(usize, Vec<u8>)>,
    /// Changes of the signature.
    pub signature_edits: Vec<SigEdit>,
    /// Bytes to write at offsets after signing.
    pub late_patches: Vec<(usize, Vec<u8>)>,
}

impl ReportSpec {
    /// A report of a platform that passes every check: production policy, VMPL 0, every TCB alike, VCEK as the
    /// signing key.
    pub fn new(platform: &Platform, version: u32) -> Self {
        let product = platform.product;
        let tcb = platform.tcb.bytes(product.line());
        Self {
            version,
            guest_svn: 0,
            policy: 0x3_0000,
            family_id: [0; 16],
            image_id: [0; 16],
            vmpl: 0,
            signature_algo: 1,
            current_tcb: tcb,
            platform_info: product.platform_info(),
            key_info: 0,
            report_data: [0x5A; 64],
            measurement: Sha384::digest("measurement").into(),
            host_data: [0; 32],
            id_key_digest: [0; 48],
            author_key_digest: [0; 48],
            report_id: [0x1D; 32],
            report_id_ma: [0xFF; 32],
            reported_tcb: tcb,
            cpuid: product.cpuid(),
            chip_id: platform.chip_id(),
            committed_tcb: tcb,
            current_firmware: product.firmware(),
            committed_firmware: product.firmware(),
            launch_tcb: tcb,
            launch_mit_vector: product.mitigations(),
            current_mit_vector: product.mitigations(),
            patches: Vec::new(),
            signature_edits: Vec::new(),
            late_patches: Vec::new(),
        }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Bytes at an offset, before signing.
    pub fn patch(self, offset: usize, bytes: &[u8]) -> Self {
        self.with(|spec| spec.patches.push((offset, bytes.to_vec())))
    }

    /// Bytes at an offset, after signing.
    pub fn patch_late(self, offset: usize, bytes: &[u8]) -> Self {
        self.with(|spec| spec.late_patches.push((offset, bytes.to_vec())))
    }

    /// A change of the signature.
    pub fn edit_signature(self, edit: SigEdit) -> Self {
        self.with(|spec| spec.signature_edits.push(edit))
    }

    /// The report with zeros for a signature, late patches not applied.
    ///
    /// # Panics
    ///
    /// When a patch is out of bounds.
    pub fn unsigned(&self) -> Vec<u8> {
        let mut out = vec![0; LEN];
        let mut put = |offset: usize, bytes: &[u8]| out[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(0x000, &self.version.to_le_bytes());
        put(0x004, &self.guest_svn.to_le_bytes());
        put(0x008, &self.policy.to_le_bytes());
        put(0x010, &self.family_id);
        put(0x020, &self.image_id);
        put(0x030, &self.vmpl.to_le_bytes());
        put(0x034, &self.signature_algo.to_le_bytes());
        put(0x038, &self.current_tcb);
        put(0x040, &self.platform_info.to_le_bytes());
        put(0x048, &self.key_info.to_le_bytes());
        put(0x050, &self.report_data);
        put(0x090, &self.measurement);
        put(0x0C0, &self.host_data);
        put(0x0E0, &self.id_key_digest);
        put(0x110, &self.author_key_digest);
        put(0x140, &self.report_id);
        put(0x160, &self.report_id_ma);
        put(0x180, &self.reported_tcb);
        if self.version >= 3 {
            put(0x188, &self.cpuid);
        }
        put(0x1A0, &self.chip_id);
        put(0x1E0, &self.committed_tcb);
        put(0x1E8, &self.current_firmware);
        put(0x1EC, &self.committed_firmware);
        put(0x1F0, &self.launch_tcb);
        if self.version >= 5 {
            put(0x1F8, &self.launch_mit_vector.to_le_bytes());
            put(0x200, &self.current_mit_vector.to_le_bytes());
        }
        for (offset, bytes) in &self.patches {
            put(*offset, bytes);
        }
        out
    }

    /// The report with its signature, edits and late patches.
    ///
    /// # Panics
    ///
    /// When a patch is out of bounds.
    pub fn signed_with(&self, key: &P384Key) -> Vec<u8> {
        let mut out = self.unsigned();
        let signature = ecdsa_prehash(key, &Sha384::digest(&out[..SIGNED_LEN]));
        let mut fields =
            Fields { r: field(&signature.r()), s: field(&signature.s()), tail: [0; LEN - TAIL_OFFSET] };
        for edit in &self.signature_edits {
            edit.apply(&mut fields);
        }
        out[SIGNED_LEN..S_OFFSET].copy_from_slice(&fields.r);
        out[S_OFFSET..TAIL_OFFSET].copy_from_slice(&fields.s);
        out[TAIL_OFFSET..].copy_from_slice(&fields.tail);
        for (offset, bytes) in &self.late_patches {
            out[*offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        out
    }
}

/// A change of a report's signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigEdit {
    /// R and S big endian at the start of their fields.
    BigEndian,
    /// One bit of R changed.
    FlipR(usize),
    /// One bit of S changed.
    FlipS(usize),
    /// n - S, which ECDSA accepts as well.
    NegateS,
    /// R = n.
    OrderR,
    /// S = n.
    OrderS,
    /// A value in the padding of R, by index from its first padding byte.
    PadR(usize, u8),
    /// A value in the padding of S, by index from its first padding byte.
    PadS(usize, u8),
    /// R + n, equal to R modulo n and one byte longer.
    PlusOrderR,
    /// S + n, equal to S modulo n and one byte longer.
    PlusOrderS,
    /// R and S in each other's place.
    Swap,
    /// A value in the reserved bytes after S, by index.
    Tail(usize, u8),
    /// R = 0.
    ZeroR,
    /// S = 0.
    ZeroS,
}

impl SigEdit {
    fn apply(self, fields: &mut Fields) {
        let Fields { r, s, tail } = fields;
        match self {
            Self::BigEndian => {
                r[..SCALAR_LEN].reverse();
                s[..SCALAR_LEN].reverse();
            }
            Self::FlipR(bit) => r[bit / 8] ^= 1 << (bit % 8),
            Self::FlipS(bit) => s[bit / 8] ^= 1 << (bit % 8),
            Self::NegateS => *s = negate(s),
            Self::OrderR => *r = order(),
            Self::OrderS => *s = order(),
            Self::PadR(index, value) => r[SCALAR_LEN + index] = value,
            Self::PadS(index, value) => s[SCALAR_LEN + index] = value,
            Self::PlusOrderR => *r = plus_order(r),
            Self::PlusOrderS => *s = plus_order(s),
            Self::Swap => core::mem::swap(r, s),
            Self::Tail(index, value) => tail[index] = value,
            Self::ZeroR => *r = [0; FIELD_LEN],
            Self::ZeroS => *s = [0; FIELD_LEN],
        }
    }
}

/// SIGNATURE of the report.
struct Fields {
    r: [u8; FIELD_LEN],
    s: [u8; FIELD_LEN],
    tail: [u8; LEN - TAIL_OFFSET],
}

const SCALAR_LEN: usize = 48;

/// A scalar, little endian and with zeros up to the field's length.
fn field(scalar: &NonZeroScalar) -> [u8; FIELD_LEN] {
    from_big_endian(&scalar.to_bytes())
}

fn from_big_endian(bytes: &[u8]) -> [u8; FIELD_LEN] {
    let mut out = [0; FIELD_LEN];
    for (out, byte) in out.iter_mut().zip(bytes.iter().rev()) {
        *out = *byte;
    }
    out
}

fn order() -> [u8; FIELD_LEN] {
    let order = p384::NistP384::ORDER.get().to_be_bytes();
    from_big_endian(order.as_ref())
}

fn negate(field: &[u8; FIELD_LEN]) -> [u8; FIELD_LEN] {
    let mut bytes: [u8; SCALAR_LEN] = field[..SCALAR_LEN].try_into().expect("a field holds a scalar");
    bytes.reverse();
    let scalar = NonZeroScalar::from_repr(bytes.into()).into_option().expect("S is a scalar");
    self::field(&scalar.neg())
}

fn plus_order(field: &[u8; FIELD_LEN]) -> [u8; FIELD_LEN] {
    let mut out = [0; FIELD_LEN];
    let mut carry = 0;
    for (out, (byte, order)) in out.iter_mut().zip(field.iter().zip(order())) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        [*out, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    out
}
