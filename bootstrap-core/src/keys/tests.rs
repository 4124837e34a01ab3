//! The vectors of protocol section 2, which were computed by another implementation (Python: hashlib, hmac, cryptography).

use sha2::{Digest, Sha256};

use super::kdf::{Branch, info};
use super::*;
use crate::ids::{ClusterId, DiskId, KeyEpoch, NodeId};

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    base16ct::lower::encode_string(bytes.as_ref())
}

fn unhex(text: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(text).unwrap()
}

/// `N` bytes that count up from `first`.
pub(crate) fn counted<const N: usize>(first: u8) -> [u8; N] {
    core::array::from_fn(|at| first + u8::try_from(at).unwrap())
}

pub(crate) fn salt() -> Salt {
    Salt::new(counted(0x20)).unwrap()
}

pub(crate) fn master(epoch: u32) -> MasterSecret {
    let secret = Secret::new("master secret", &counted::<32>(0)).unwrap();
    MasterSecret::new(secret, salt(), KeyEpoch::new(epoch).unwrap())
}

pub(crate) const NODE: NodeId = NodeId::new(*b"@ABCDEFGHIJKLMNO");
pub(crate) const DISK: DiskId = DiskId::new(*b"PQRSTUVWXYZ[\\]^_");

/// The genesis of section 2, 206 bytes, written out by hand from its CDDL.
pub(crate) fn genesis() -> Vec<u8> {
    let operator = OperatorKey::from_seed(&Secret::new("seed", &counted::<32>(0xa0)).unwrap());
    let (identity, data) = (master(1).identity_root().unwrap(), master(1).data_root().unwrap());
    [
        unhex("a70001015820").as_slice(),
        salt().as_bytes(),
        &unhex("02585b"),
        &identity.cluster_ca().unwrap().spki().unwrap(),
        &unhex("03a3008182015820"),
        operator.public_key().as_bytes(),
        &unhex("01010280041a"),
        &1_790_000_000_u32.to_be_bytes(),
        &unhex("0550"),
        data.check().unwrap().as_bytes(),
        &unhex("0664"),
        b"demo",
    ]
    .concat()
}

pub(crate) fn cluster() -> ClusterId {
    cluster_id(&genesis()).unwrap()
}

#[test]
fn the_info_string_is_injective_and_as_published() {
    assert_eq!(
        hex(info(Branch::Root, "identity", Some(KeyEpoch::FIRST), b"").unwrap()),
        "000f6174746573747261702f6b64662f310004726f6f7400086964656e74697479000000010000"
    );
    let disk = [&[0, 16], NODE.as_bytes().as_slice(), &[0, 16], DISK.as_bytes()].concat();
    assert_eq!(
        hex(info(Branch::Data, "disk", Some(KeyEpoch::FIRST), &disk).unwrap()),
        "000f6174746573747261702f6b64662f3100046461746100046469736b0000000100240010\
         404142434445464748494a4b4c4d4e4f0010505152535455565758595a5b5c5d5e5f"
    );
    let too_long = KeyError::TooLong { what: "context", max: 65535, actual: 65536 };
    assert_eq!(info(Branch::Data, "app", None, &[0; 65536]).err(), Some(too_long));
}

#[test]
fn extract_is_as_published() {
    let (prk, _) = hkdf::Hkdf::<Sha256>::extract(Some(salt().as_bytes()), &counted::<32>(0));
    assert_eq!(hex(prk), "a27b86e7a70a029cba778d6f738d952696d6d8361b95103dd84ae9df6af063af");
}

#[test]
fn roots_are_as_published() {
    let identity = master(1).identity_root().unwrap();
    let expected = "7769fa055d2961265dd773bffa628d63541d306c3b65274fe073fced3ee2ed3e";
    assert_eq!(hex(identity.secret().expose()), expected);
    let data = master(1).data_root().unwrap();
    let expected = "560fa9a1a42557c4c653451e63fdf7284d49f409903b6797c901594b3c7ee8ad";
    assert_eq!(hex(data.secret().expose()), expected);
    let later = master(2).identity_root().unwrap();
    let expected = "1f72ced49773b9abb9da6880b7aed136eb3c27b66bd239db5b69cbfe8c653a5a";
    assert_eq!(hex(later.secret().expose()), expected);
    assert_eq!(later.epoch().number(), 2);
}

#[test]
fn the_operator_key_is_derived_from_the_first_epoch_only() {
    // Python: Expand(Extract(S, 21c1b298...), info("operator", "sign", 1, ""), 32), then its Ed25519 public key.
    let expected = "2b0dc671e0cea2349231cbf5d50fc560880c0c88025b29b905e42c72b44af7a4";
    assert_eq!(hex(master(1).operator_key().unwrap().public_key().as_bytes()), expected);
    let second = KeyEpoch::new(2).unwrap();
    let refused = KeyError::Epoch { what: "operator root", expected: KeyEpoch::FIRST, actual: second };
    assert_eq!(master(2).operator_key().err(), Some(refused));
}

#[test]
fn the_cluster_ca_is_as_published() {
    let ca = master(1).identity_root().unwrap().cluster_ca().unwrap();
    let spki = ca.spki().unwrap();
    assert_eq!(spki.len(), 91);
    assert_eq!(
        hex(Sha256::digest(&spki)),
        "bacd94739912a85d32b3c1f73ccd0a2a99e26b275f825a1d7afba39fe06ebb58"
    );
    let wide = unhex(
        "2665013894b300f7d4f883db8784113a15aeee75d5143a47bc1070edcc7a0a668068c1780bc4a95794642e8de47e07f2",
    );
    let scalar = ca::scalar(wide.as_slice().try_into().unwrap()).unwrap();
    let expected = "ec2b2d79e93446bd59bd7354ea804fca47af4ea07943784b37256058d6ad0733";
    assert_eq!(hex(scalar.to_bytes()), expected);
}

#[test]
fn no_48_bytes_give_the_scalar_zero_or_one_beyond_the_order() {
    // 0 and n - 1 both give 1; n - 2 gives n - 1.
    let order = unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let of = |low: &[u8], minus: u8| {
        let mut wide = [0; 48];
        wide[16..].copy_from_slice(low);
        wide[47] -= minus;
        hex(ca::scalar(&wide).unwrap().to_bytes())
    };
    assert_eq!(of(&[0; 32], 0), format!("{:064x}", 1));
    assert_eq!(of(&order, 1), format!("{:064x}", 1));
    assert_eq!(of(&order, 2), "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550");
    assert_eq!(of(&order, 0), format!("{:064x}", 2));
}

#[test]
fn disk_keys_differ_by_node_disk_and_epoch() {
    let of = |epoch| {
        let root = master(epoch).data_root().unwrap();
        hex(root.disk_key(&NODE, &DISK).unwrap().expose())
    };
    assert_eq!(of(1), "ee932e5852312b920e268bae8693f96fb24c032eb194f2979100f85ee8e7500b");
    assert_eq!(of(2), "842270ef348c71c0bf6e2c1b3b20c1095af8c610eac3a54fedb323861bb8c4e6");
    let root = master(1).data_root().unwrap();
    let swapped = root.disk_key(&NodeId::new(*DISK.as_bytes()), &DiskId::new(*NODE.as_bytes())).unwrap();
    assert_ne!(hex(swapped.expose()), of(1));
}

#[test]
fn the_other_keys_are_as_published() {
    let (identity, data) = (master(1).identity_root().unwrap(), master(1).data_root().unwrap());
    let expected = "3b9ce2cbe494383093f2a1771017260ea6332737a23a3e2eec8d51a27c2c2303";
    assert_eq!(hex(identity.ssh_ca_seed().unwrap().expose()), expected);
    let expected = "3d3f9ea8ba417cf76ffa2c259b3f8f5ed41286a9957918f01df9b31c3cc0e984";
    assert_eq!(hex(data.audit_key().unwrap().key().expose()), expected);
    let expected = "553fcbd05277fd9a109ad93e93b5666570124ab81c41491fc0de4bd7b2292948";
    assert_eq!(hex(data.application_key("volume-7").unwrap().expose()), expected);
    let sealed = Secret::new("node-sealed key", &counted::<32>(0x60)).unwrap();
    let expected = "4f1b27605a798e2f1f748ec09abc11cf69114326e2249605bafc23d2a557435d";
    let input = data.wrap_input(&NODE).unwrap();
    let key = WrapKey::derive(&input, &sealed, &NODE, KeyEpoch::FIRST).unwrap();
    assert_eq!(hex(key.kek().expose()), expected);
    // These three are not in the published table; computed by the same Python.
    let token = crate::ids::TokenId::new(counted(0x70));
    assert_eq!(
        hex(identity.join_token(&token).unwrap().expose()),
        "8986913f2e32f8ab00d6b618301383ea21a1c32f768469192d594f6436978699"
    );
    assert_eq!(
        hex(identity.store_key("seat-1").unwrap().expose()),
        "b08578fc330a335fcd6248cd972765fc8d6c637e8657eb1666144d5f9d4f7dfe"
    );
    assert_eq!(hex(identity.check().unwrap().as_bytes()), "3e8f5ef1590d1592f76f65364e1a1911");
}

#[test]
fn check_values_are_as_published() {
    let data = master(1).data_root().unwrap();
    assert_eq!(hex(data.check().unwrap().as_bytes()), "a854203091b759f6d483d0bf470e7a9b");
    assert_eq!(hex(master(1).check().unwrap().as_bytes()), "bb2dac33202b72e76947d3723ac94c44");
}

#[test]
fn operator_keys_are_as_published() {
    let key = OperatorKey::from_seed(&Secret::new("seed", &counted::<32>(0xa0)).unwrap());
    let expected = "4fd099ccd47d7893dfe9ec24414ecb0d9b5420232aad30d91c465be33cbe65c4";
    assert_eq!(hex(key.public_key().as_bytes()), expected);
    assert_eq!(key.public_key().id().to_string(), "a18112b0b7b4225f");
}

#[test]
fn the_cluster_id_and_its_registers_are_as_published() {
    assert_eq!(genesis().len(), 206);
    let expected = "f0a21ab96d68be00145ca4063edba503bded8af906e6e3c64c583fc56edeb8fd";
    assert_eq!(cluster().to_string(), expected);
    let event = RegisterEvent::new(&cluster()).unwrap();
    let expected = "286d04af3be80974c08699660d60f0d59f2b1d63b5a7db069244c4bb2bc7ff9e";
    assert_eq!(hex(Sha256::digest(event.as_bytes())), expected);
    let expected = "7dde13cea34efe310377f0a97bd53433221ce726e3cfbd26cfcaa8b1aa8dda9a";
    assert_eq!(hex(event.pcr_sha256(&[0; 32])), expected);
    let expected = "1cabf3788164efbe1da31dce8e911c54ff476dded98f86744f02a404f717e62b\
                    da5dbc41c743f27316e3d849de92f505";
    assert_eq!(hex(event.register_sha384(&[0; 48])), expected);
}

#[test]
fn a_same_node_key_and_its_proof_are_as_published() {
    let firmware = Secret::new("derived key", &counted::<32>(0x60)).unwrap();
    let key = SameNodeKey::derive(&cluster(), &firmware, Some(&NODE)).unwrap();
    let expected = "7ed626995859aabb13ab1511dccaaadb706c7bfdfef9607e92d06f238b3c563c";
    assert_eq!(hex(key.public_key().as_bytes()), expected);
    let slot = unhex(
        "d5f3f370b06c894dd766df6734658576d7246fc956d9991c0554958331713a6f\
         46ebea9fa53e7634f7bb12f0aba3202849ff089effa927c2556b2760d9cbd079",
    );
    let slot: &[u8; 64] = slot.as_slice().try_into().unwrap();
    let expected = "174f9c94c3d0368c832289b1d7d8cc4f0242807d73efc4ed2dc767301e67e908\
                    137d13a75ab06f876179fc6ea093b441a0e7312bd95dde0807b2899bc26fc402";
    assert_eq!(hex(key.prove(slot).unwrap()), expected);
    let newcomer = SameNodeKey::derive(&cluster(), &firmware, None).unwrap();
    assert_ne!(newcomer.public_key(), key.public_key());
}
