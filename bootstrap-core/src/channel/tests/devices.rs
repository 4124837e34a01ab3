//! TPMs, several devices that are one machine, and claims that are another flow's.

use attest_core::rules::Registers;
use attest_core::tee::vtpm::{self, Name, TrustedAk};
use sha2::{Digest, Sha256};
use vectors_generate::Hash;
use vectors_generate::tpm::{AkSpec, AttestSpec, ECDSA, Key, PublicSpec, QuoteSpec, evidence};

use super::*;
use crate::channel::binding::{Side, Slot, companions};
use crate::channel::judge::TPM;
use crate::error::Code;
use crate::ids::MachineId;
use crate::peer::{SameNode, SameNodeClass};

const TPM_SET: ReferenceSetId = ReferenceSetId::new([0x79; 32]);
/// What stands in PCR 15 of the test TPM.
const REGISTER: [u8; 32] = [0x15; 32];
const SHA256: u16 = 0x000b;

/// A TPM that quotes its PCR 15.
struct Tpm {
    key: Key,
    public: PublicSpec,
}

impl Tpm {
    fn new(label: &str) -> Self {
        let key = Key::p256(label);
        let public = PublicSpec::ak(&key, Some((ECDSA, Hash::Sha256)));
        Self { key, public }
    }

    fn quote(&self, extra_data: &[u8]) -> Vec<u8> {
        let digest = Hash::Sha256.digest(&REGISTER);
        let signer = self.public.qualified_name();
        let attest = AttestSpec::quote(&signer, extra_data, (SHA256, [0, 0x80, 0]), &digest).build();
        let signature = self.key.sign(ECDSA, Hash::Sha256, &attest);
        let quote = QuoteSpec { attest, signature, values: vec![(SHA256, 15, REGISTER.to_vec())] };
        let bytes = evidence(&[quote], &AkSpec::Public(self.public.build()), b"");
        Record::Plain(Evidence::new(Format::Vtpm, bytes)).to_bytes()
    }

    fn item(&self, number: u8, companions: &[u8], slot: &Slot) -> (Item, Slot) {
        (item_at(number, TPM, companions, self.quote(&slot.short())), *slot)
    }

    /// What the hardware's item says of it.
    fn companions(&self) -> Vec<u8> {
        companions(&[&self.public.name()])
    }
}

fn known() -> Tpm {
    Tpm::new("channel ak")
}

/// The key that the host of the tests has pinned.
pub(super) fn trusted_ak() -> TrustedAk {
    TrustedAk::pinned(Name::from_bytes(&known().public.name()).unwrap())
}

/// The set that accepts it.
pub(super) fn set() -> ReferenceSet {
    let policy = vtpm::Policy::strict(Listed::only(Root::Caller), Registers::Any);
    let not_after = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX / 2));
    ReferenceSet { id: TPM_SET, kind: kind(TPM), policy: Policy::for_vtpm(policy), not_after }
}

fn judge(items: Vec<(Item, Slot)>) -> Result<Peer, Disbelief> {
    let claims = author().encode_bytes().unwrap();
    let request = JudgeRequest { flow: Flow::Probe, side: Side::Client, items, claims, chain: None };
    WORLD.with(|world| world.judge(&request))
}

const ONE: Slot = Slot::from_bytes([1; 64]);
const TWO: Slot = Slot::from_bytes([2; 64]);
const THREE: Slot = Slot::from_bytes([3; 64]);

fn snp(number: u8, companions: &[u8], slot: &Slot) -> (Item, Slot) {
    let record = Record::Plain(Guest::new(1).quote(*slot.as_bytes()));
    (item_at(number, SNP, companions, record.to_bytes()), *slot)
}

#[test]
fn a_tpm_shows_its_registers_and_its_key() {
    let peer = judge(vec![known().item(0, b"", &ONE)]).unwrap();
    let facts = peer.facts();
    assert_eq!(facts.sets, [TPM_SET]);
    assert_eq!(facts.register, Some(REGISTER));
    assert_eq!(facts.root, Some(Root::Caller));
    let name = known().public.name();
    assert_eq!(facts.machine, Some(MachineId::new(Sha256::digest(&name).into())));
    assert_eq!(facts.same_node, [SameNode { class: SameNodeClass::Tpm, id: name }]);
}

#[test]
fn a_quote_of_another_channel_or_of_an_unknown_key_is_refused() {
    let (item, _) = known().item(0, b"", &ONE);
    let other = judge(vec![(item, TWO)]).unwrap_err();
    assert!(matches!(other, Disbelief::NotBound { .. }), "{other}");
    let stranger = judge(vec![Tpm::new("another ak").item(0, b"", &ONE)]).unwrap_err();
    assert_eq!(stranger.code(), Code::UNTRUSTED, "{stranger}");
    // Evidence of one format under the kind of another.
    let (mut quote, slot) = known().item(0, b"", &ONE);
    quote.kind = kind(SNP);
    let mixed = judge(vec![(quote, slot)]).unwrap_err();
    assert!(matches!(mixed, Disbelief::Kind(_)), "{mixed}");
}

#[test]
fn a_report_that_names_the_tpm_makes_both_one_machine() {
    let tpm = known();
    for tpm_first in [false, true] {
        let mut items = vec![snp(0, &tpm.companions(), &ONE), tpm.item(1, b"", &TWO)];
        if tpm_first {
            items = vec![tpm.item(0, b"", &ONE), snp(1, &tpm.companions(), &TWO)];
        }
        let peer = judge(items).unwrap();
        let facts = peer.facts();
        assert!(facts.sets.contains(&SET) && facts.sets.contains(&TPM_SET));
        assert_eq!(facts.register, Some(REGISTER));
        // The hardware says which machine, wherever it stands.
        assert_eq!(facts.machine, judge(vec![snp(0, b"", &ONE)]).unwrap().facts().machine);
        assert_eq!(facts.same_node.len(), 2);
    }
}

#[test]
fn devices_that_nothing_ties_are_refused() {
    let tpm = known();
    let foreign = Tpm::new("another ak").companions();
    let pairs = [
        vec![snp(0, b"", &ONE), tpm.item(1, b"", &TWO)],
        vec![snp(0, &foreign, &ONE), tpm.item(1, b"", &TWO)],
        vec![tpm.item(0, &tpm.companions(), &ONE), snp(1, b"", &TWO)],
        // Bytes that nobody reads.
        vec![snp(0, &tpm.companions(), &ONE), tpm.item(1, b"x", &TWO)],
        vec![snp(0, &tpm.companions(), &ONE), snp(1, b"", &TWO)],
        vec![tpm.item(0, &tpm.companions(), &ONE), tpm.item(1, b"", &TWO)],
    ];
    for items in pairs {
        let attack = || judge(items.clone());
        let refused = attack().unwrap_err();
        assert!(matches!(refused, Disbelief::Composite), "{refused}");
        assert_eq!(refused.code(), Code::NOT_BOUND);
        assert!(guard::without(&[guard::COMPOSITE], attack).is_ok(), "the guard stops nothing");
    }
    // Companions without the device that they name, and one device too many: told before its signature is looked at.
    let alone = judge(vec![snp(0, &tpm.companions(), &ONE)]).unwrap_err();
    assert!(matches!(alone, Disbelief::Composite), "{alone}");
    let third = item_at(2, TPM, b"", b"no record".to_vec());
    let three = vec![snp(0, &tpm.companions(), &ONE), tpm.item(1, b"", &TWO), (third, THREE)];
    assert!(matches!(judge(three), Err(Disbelief::Composite)));
}

#[test]
fn a_report_and_a_tpm_open_a_channel() {
    let mut pair =
        Pair::new(showing(&[SNP, TPM], &[SNP], Order::Both), showing(&[SNP], &[SNP, TPM], Order::Both));
    let guest = pair.hosts[0].guest.take().unwrap();
    let tpm = known();
    let named = tpm.companions();
    pair.hosts[0].more = vec![
        Box::new(move |binding, number| {
            let slot = binding.slot(number, SNP, &named);
            let record = Record::Plain(guest.quote(*slot.as_bytes()));
            item_at(number, SNP, &named, record.to_bytes())
        }),
        Box::new(move |binding, number| tpm.item(number, b"", &binding.slot(number, TPM, b"")).0),
    ];
    pair.run(at(10));
    pair.assert_open();
    assert_eq!(pair.hosts[1].opened[0].facts().register, Some(REGISTER));
}

#[test]
fn claims_of_another_flow_or_side_are_refused() {
    let attack = || {
        let mut pair = Pair::mutual(Order::Both);
        pair.hosts[0].claims = node().encode_bytes().unwrap();
        pair.run(at(10));
        pair
    };
    let refused = attack();
    let disbelief = refused.hosts[1].disbelief.take();
    assert!(matches!(disbelief, Some(Disbelief::ClaimsKind { side: Side::Client, .. })), "{disbelief:?}");
    assert_eq!(refused.hosts[0].code(), Some(Code::WRONG_VALUE.number()));
    // Without the guard a client speaks as a node: with a lock, a boot and a configuration.
    let opened = guard::without(&[guard::CLAIMS], attack);
    opened.assert_open();
    assert!(opened.hosts[1].opened[0].facts().lock.is_some());
}

#[test]
fn each_flow_and_side_has_its_claims() {
    use crate::wire::Flow::{Init, Join, Probe, Recover, Rejoin, Renew, Rotate, Statement};
    for flow in [Init, Join, Rejoin, Recover, Statement, Renew, Probe, Rotate] {
        for side in [Side::Client, Side::Server] {
            for (claims, fits) in [
                (author(), side == Side::Client && matches!(flow, Statement | Probe | Rotate)),
                (node(), side == Side::Server && matches!(flow, Init | Recover | Probe)),
            ] {
                let claims = claims.encode_bytes().unwrap();
                let request = JudgeRequest { flow, side, items: Vec::new(), claims, chain: None };
                let judged = WORLD.with(|world| world.judge(&request));
                assert_eq!(judged.is_ok(), fits, "{flow:?} {side:?}");
            }
        }
    }
}
