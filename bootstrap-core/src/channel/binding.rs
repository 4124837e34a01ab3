//! What ties evidence to one channel, one side and one request: pure functions over hashes (architecture section 4).
//!
//! Every value has a domain tag that ends in a zero byte, and parts of fixed length or with a length before them: no two inputs
//! give the same bytes to a hash.

use core::fmt;

use attest_core::values::Hex;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// One end of a channel, by who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a channel has two ends")]
pub enum Side {
    /// Who dialled.
    Client,
    /// Who was dialled.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// The label of this side's exporter.
    pub const fn exporter_label(self) -> &'static [u8] {
        match self {
            Self::Client => b"EXPORTER-attest-tls/1 client",
            Self::Server => b"EXPORTER-attest-tls/1 server",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }

    /// `own` and `peer` in the order client, server.
    fn order<T>(self, own: T, peer: T) -> (T, T) {
        match self {
            Self::Client => (own, peer),
            Self::Server => (peer, own),
        }
    }
}

/// What the channel machine needs from the transport below it. Shipped over TLS 1.3; a model checker brings a symbolic one.
pub trait Binder {
    /// 32 bytes that only the two ends of this very session can make, for a side and a context: the TLS exporter under
    /// [`Side::exporter_label`]. `None` while the handshake is not complete.
    fn export(&self, side: Side, hellos: &Hellos) -> Option<[u8; 32]>;

    /// SHA-256 of the SubjectPublicKeyInfo that this end proved to hold the key of; `None` if it showed none.
    fn own_key(&self) -> Option<[u8; 32]>;

    /// SHA-256 of the SubjectPublicKeyInfo that the peer proved to hold the key of; `None` if it showed none.
    fn peer_key(&self) -> Option<[u8; 32]>;
}

/// The context `ctx`: both Hello frames, as sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hellos([u8; 32]);

impl Hellos {
    /// The context of the Hello bodies that `side` sent and received.
    pub fn new(side: Side, own: &[u8], peer: &[u8]) -> Self {
        let (client, server) = side.order(own, peer);
        let hash = Sha256::new_with_prefix(b"attest-tls/1 hellos\0");
        Self(finish_256(sized(sized(hash, client), server)))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The value `binder`: a session, a side, both keys, both Hellos, and that side's request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Binding([u8; 64]);

impl Binding {
    /// The formula itself: `shows` is the key of the side that shows evidence, `sees` the other one's.
    pub(super) fn of(
        side: Side,
        exported: &[u8; 32],
        shows: Option<[u8; 32]>,
        sees: Option<[u8; 32]>,
        hellos: &Hellos,
        claims: &[u8],
    ) -> Self {
        let mut hash = Sha512::new_with_prefix(b"attest-tls/1 binder\0");
        hash.update([side.number()]);
        hash.update(exported);
        hash.update(shows.unwrap_or_default());
        hash.update(sees.unwrap_or_default());
        hash.update(hellos.0);
        hash.update(Sha256::digest(claims));
        Self(finish_512(hash))
    }

    /// The slot with this number, for evidence of `kind` with these companions.
    pub fn slot(&self, number: u8, kind: &str, companions: &[u8]) -> Slot {
        let mut hash = Sha512::new_with_prefix(b"attest-tls/1 slot\0");
        hash.update(self.0);
        hash.update([number]);
        hash = sized(hash, kind.as_bytes());
        hash.update(Sha256::digest(companions));
        Slot(finish_512(hash))
    }
}

/// What one item of evidence commits to.
#[derive(Clone, Copy, Hash)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "equality is the same, only its time differs")]
pub struct Slot([u8; 64]);

impl Slot {
    /// The bytes of a slot that was computed elsewhere: by the peer's machine, in a device's request.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// All 64 bytes: report data of SNP and TDX, the nonce of a Nitro document.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// The first 32 bytes: extraData of a TPM, which takes no more everywhere.
    pub fn short(&self) -> [u8; 32] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Slot {}

/// The transcript T that verdicts carry: both Hellos and both Evidence frames, in the order of the sides.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transcript([u8; 32]);

impl Transcript {
    /// T over the context and the SHA-256 of the Evidence body that `side` sent, and that it received. One that was not seen counts
    /// as empty.
    pub fn new(side: Side, hellos: &Hellos, own: Option<[u8; 32]>, peer: Option<[u8; 32]>) -> Self {
        let (client, server) = side.order(own, peer);
        let mut hash = Sha256::new_with_prefix(b"attest-tls/1 verdict\0");
        hash.update(hellos.0);
        for evidence in [client, server] {
            hash.update(evidence.unwrap_or_else(|| Sha256::digest(b"").into()));
        }
        Self(finish_256(hash))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

macro_rules! shown_as_hex {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), Hex(&self.0))
            }
        })*
    };
}

shown_as_hex!(Binding Hellos Slot Transcript);

/// Adds `bytes` behind their length in four octets, big-endian. Frames are far shorter than that can say.
fn sized<D: Digest>(mut hash: D, bytes: &[u8]) -> D {
    hash.update(length(bytes));
    hash.update(bytes);
    hash
}

/// The companions of an item: its parts, each behind its length.
pub fn companions(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| length(part).into_iter().chain(part.iter().copied())).collect()
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

pub(super) fn finish_256(hash: Sha256) -> [u8; 32] {
    hash.finalize().into()
}

pub(super) fn finish_512(hash: Sha512) -> [u8; 64] {
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &[u8] = &[0xa0; 32];
    const SERVER: &[u8] = &[0xb0; 36];

    /// The known answers below were computed with Python's hashlib from the formulas of architecture section 4.
    fn known() -> (Hellos, Binding) {
        let hellos = Hellos::new(Side::Client, CLIENT, SERVER);
        let exported = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let key = |name: &str| Some(Sha256::digest(name).into());
        let binding =
            Binding::of(Side::Client, &exported, key("client spki"), key("server spki"), &hellos, b"");
        (hellos, binding)
    }

    fn hex(bytes: &[u8]) -> String {
        Hex(bytes).to_string()
    }

    #[test]
    fn known_answers() {
        let (hellos, binding) = known();
        assert_eq!(hex(&hellos.0), "efbce91e40f458227cc6ae9fe0b82d6c0a62d6c0d361077d37d5937bdb736a82");
        assert_eq!(
            hex(&binding.0),
            "add62f681894f9e8118e0779cdf7f8fa21ce2e3b31b3ce0c5a5068b799068ffb\
             8b7cf4d0205fe90365cdc5d3c59bbf95ccb793231d1aa4426509efd3708f4c5d"
        );
        let slot = binding.slot(0, "snp", b"");
        assert_eq!(
            hex(&slot.0),
            "ef5c0fdebd9142a3505d1db7493200ef125806fa0390d27d46b54ea1b6a25da2\
             7ca23e6e5516c164a3013c05e3f595665bbca605cc6cfc71d911a1e934861126"
        );
        assert_eq!(slot.short(), slot.0[..32]);
    }

    #[test]
    fn known_transcripts() {
        let hellos = Hellos::new(Side::Client, CLIENT, SERVER);
        let hash = |body: &[u8]| Some(Sha256::digest(body).into());
        let t = |side, own, peer| hex(&Transcript::new(side, &hellos, own, peer).0);
        let half = "a96ed27a2e1b59a1c46bd2a0e55df35ed7622433d9b949bd5ab0d0f328fed531";
        let whole = "700ea9286490cbf0b1787c61e7a2956dfd92ecce3b78fccd8e39dc34d5bd7194";
        assert_eq!(t(Side::Client, hash(&[0xc0; 5]), None), half);
        assert_eq!(t(Side::Client, hash(&[0xc0; 5]), hash(&[0xd0; 7])), whole);
        assert_eq!(t(Side::Server, hash(&[0xd0; 7]), hash(&[0xc0; 5])), whole);
        assert_ne!(t(Side::Client, hash(&[0xd0; 7]), hash(&[0xc0; 5])), whole);
    }

    #[test]
    fn both_ends_see_the_same_hellos() {
        assert_eq!(Hellos::new(Side::Client, CLIENT, SERVER), Hellos::new(Side::Server, SERVER, CLIENT));
        assert_ne!(Hellos::new(Side::Client, CLIENT, SERVER), Hellos::new(Side::Server, CLIENT, SERVER));
        // The border between the two is part of the hash.
        assert_ne!(Hellos::new(Side::Client, b"ab", b"c"), Hellos::new(Side::Client, b"a", b"bc"));
    }

    #[test]
    fn every_input_of_the_binding_matters() {
        let hellos = Hellos::new(Side::Client, CLIENT, SERVER);
        let other = Hellos::new(Side::Client, SERVER, CLIENT);
        let (one, two) = (Some([1; 32]), Some([2; 32]));
        let all = [
            Binding::of(Side::Client, &[0; 32], one, two, &hellos, b""),
            Binding::of(Side::Server, &[0; 32], one, two, &hellos, b""),
            Binding::of(Side::Client, &[1; 32], one, two, &hellos, b""),
            Binding::of(Side::Client, &[0; 32], two, one, &hellos, b""),
            Binding::of(Side::Client, &[0; 32], one, one, &hellos, b""),
            Binding::of(Side::Client, &[0; 32], two, two, &hellos, b""),
            Binding::of(Side::Client, &[0; 32], one, None, &hellos, b""),
            Binding::of(Side::Client, &[0; 32], one, two, &other, b""),
            Binding::of(Side::Client, &[0; 32], one, two, &hellos, b"x"),
        ];
        for (at, binding) in all.iter().enumerate() {
            assert!(!all[..at].contains(binding), "number {at} is another one's");
        }
        let [binding, ..] = all;
        let slots = [
            binding.slot(0, "snp", b""),
            binding.slot(1, "snp", b""),
            binding.slot(0, "tpm", b""),
            binding.slot(0, "snp", b"x"),
            all[1].slot(0, "snp", b""),
        ];
        for (at, slot) in slots.iter().enumerate() {
            assert!(!slots[..at].contains(slot), "slot {at} is another one's");
        }
    }

    #[test]
    fn companions_keep_their_borders() {
        assert_eq!(companions(&[]), b"");
        assert_eq!(companions(&[b"ab", b""]), b"\0\0\0\x02ab\0\0\0\0");
        assert_ne!(companions(&[b"ab", b"c"]), companions(&[b"a", b"bc"]));
    }
}
