//! Round trips with fields of a later version, and files that are not what they say.

use super::constellation::{read_id, read_master_secret, read_state_json, read_state_yaml};
use super::*;
use crate::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, KeyEpoch, NodeId, Role, ShareSetId, StatementHash,
};
use crate::keys::shares::Split;
use crate::keys::tests::{cluster, counted, genesis, hex, master, salt};
use crate::keys::{AuditMac, KeyError, Secret};
use crate::wire::{Custody, Enrolled, Enrolment, SecretKind};

const SALT: &str = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const M: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SEED: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf";
const CLUSTER: &str = "f0a21ab96d68be00145ca4063edba503bded8af906e6e3c64c583fc56edeb8fd";

fn master_text() -> String {
    format!(
        r#"{{
  "format": "attestrap-master/1.0",
  "cluster": "{CLUSTER}",
  "salt": "{SALT}",
  "custody": "joint",
  "epochs": [{{"epoch": 1, "state": "live", "master": "{M}"}}],
  "operator": {{"alg": "ed25519", "seed": "{SEED}"}},
  "created": 1790000000
}}
"#
    )
}

fn problem(result: Result<impl Sized, FileError>) -> (&'static str, &'static str) {
    match result {
        Err(FileError::Field { field, problem, .. }) => (field, problem),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the file was read"),
    }
}

fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_master_file_is_read_and_written() {
    let written = master_text();
    let file = MasterFile::read(written.as_bytes()).unwrap();
    assert_eq!(file.cluster, Some(cluster()));
    assert_eq!(file.custody, Custody::Joint);
    assert_eq!(file.created, 1_790_000_000);
    let (identity, data) = file.roots(KeyEpoch::FIRST).unwrap();
    assert!(identity.unwrap().secret() == master(1).identity_root().unwrap().secret());
    assert!(data.unwrap().secret() == master(1).data_root().unwrap().secret());
    let id = file.operator_key().unwrap().unwrap().public_key().id();
    assert_eq!(id.to_string(), "a18112b0b7b4225f");
    assert_eq!(text(&file.write()), written);
    let missing = file.roots(KeyEpoch::new(2).unwrap());
    assert_eq!(problem(missing), ("epochs", "no secret of that epoch"));
}

#[test]
fn what_a_later_minor_version_wrote_is_kept() {
    let later = format!(
        r#"{{
  "format": "attestrap-master/1.7",
  "salt": "{SALT}",
  "custody": "split",
  "epochs": [{{"epoch": 1, "state": "retired", "data": "{M}", "since": {{"x": [1, "ä"]}}}}, {{"epoch": 2, "state": "next", "identity": "{M}", "data": "{SEED}"}}],
  "operator": {{"alg": "pkcs11", "uri": "pkcs11:token=a;object=b", "slot": null}},
  "created": 1,
  "future": {{"secret": "{SEED}"}},
  "more": 1.50
}}
"#
    );
    let file = MasterFile::read(later.as_bytes()).unwrap();
    assert_eq!(file.kept.names().collect::<Vec<_>>(), ["future", "more"]);
    assert_eq!(file.epochs[0].kept.names().collect::<Vec<_>>(), ["since"]);
    assert_eq!(text(&file.write()), later);
    let (identity, data) = file.roots(KeyEpoch::FIRST).unwrap();
    assert!(identity.is_none());
    assert_eq!(hex(data.unwrap().secret().expose()), M);
    assert!(file.operator_key().unwrap().is_none());
}

#[test]
fn only_the_known_major_version_is_read() {
    let refused = |format: &str| {
        let text = master_text().replace("attestrap-master/1.0", format);
        matches!(MasterFile::read(text.as_bytes()), Err(FileError::Format { .. }))
    };
    assert!(!refused("attestrap-master/1.12"));
    for format in [
        "attestrap-master/2.0",
        "attestrap-master/1",
        "attestrap-master/1.",
        "attestrap-master/1.01",
        "attestrap-master/1.+1",
        "attestrap-master/1.99999999999",
        "attestrap-master/10.0",
        "attestrap-state/1.0",
        "",
    ] {
        assert!(refused(format), "{format}");
    }
    let none = master_text().replacen("\"format\"", "\"formatted\"", 1);
    assert_eq!(problem(MasterFile::read(none.as_bytes())), ("format", "missing"));
}

#[test]
fn a_master_file_that_is_not_one_is_refused() {
    let read = |from: &str, to: &str| {
        let text = master_text();
        assert!(text.contains(from), "{from}");
        MasterFile::read(text.replacen(from, to, 1).as_bytes())
    };
    let salt = ("salt", "not 32 bytes, or all of them zero");
    assert_eq!(problem(read(SALT, &"00".repeat(32))), salt);
    assert_eq!(problem(read(SALT, &SALT[2..])), salt);
    let digits = "not 64 lower-case hexadecimal digits";
    assert_eq!(problem(read(M, &M[2..])), ("master", digits));
    assert_eq!(problem(read(M, &M.to_uppercase())), ("master", digits));
    // An escape would make the reader build a string of its own.
    assert_eq!(problem(read(M, &format!("\\u0030{}", &M[1..]))), ("master", digits));
    let zero = read(M, &"00".repeat(32));
    assert!(matches!(zero, Err(FileError::Key { error: KeyError::Zero { what: "master" }, .. })));
    assert_eq!(problem(read("\"master\"", "\"identity\"")), ("master", "missing"));
    assert_eq!(problem(read("\"joint\"", "\"alone\"")), ("custody", "not joint, split or node-born"));
    let born = master_text().replace("\"joint\"", "\"node-born\"").replace("\"master\"", "\"identity\"");
    let never = "a root that was born in a node never leaves seats";
    assert_eq!(problem(MasterFile::read(born.as_bytes())), ("identity", never));
    assert_eq!(problem(read("\"joint\"", "\"split\"")), ("epochs", "an epoch without a root"));
    assert_eq!(problem(read("\"live\"", "\"alive\"")), ("state", "not next, live or retired"));
    assert_eq!(problem(read("\"epoch\": 1", "\"epoch\": 0")), ("epoch", "0 is no epoch"));
    assert_eq!(problem(read("\"epoch\": 1", "\"epoch\": -1")), ("epoch", "not a number of its size"));
    assert_eq!(problem(read("\"epoch\": 1", "\"epoch\": 4294967296")), ("epoch", "not a number of its size"));
    let order = ("epochs", "empty, or not in ascending order");
    let twice = format!("{{\"epoch\": 1, \"state\": \"next\", \"master\": \"{SEED}\"}}, {{\"epoch\"");
    assert_eq!(problem(read("{\"epoch\"", &twice)), order);
    let none = read(&format!("[{{\"epoch\": 1, \"state\": \"live\", \"master\": \"{M}\"}}]"), "[]");
    assert_eq!(problem(none), order);
    let alg = "not ed25519 or pkcs11, nor derived from a joint master secret";
    assert_eq!(problem(read("\"ed25519\"", "\"rsa\"")), ("alg", alg));
    let uri = "{\"alg\": \"pkcs11\", \"uri\": \"file:x\"}";
    let operator = format!("{{\"alg\": \"ed25519\", \"seed\": \"{SEED}\"}}");
    assert_eq!(problem(read(&operator, uri)), ("uri", "not a PKCS#11 URI"));
    let cluster = ("cluster", "not hexadecimal of its length");
    assert_eq!(problem(read(CLUSTER, &CLUSTER[2..])), cluster);
    // Absent is "not yet"; null is nothing that a file of ours says.
    let null = read(&format!("\"{CLUSTER}\""), "null");
    assert_eq!(problem(null), ("cluster", "not a string"));
}

#[test]
fn text_that_is_no_object_is_refused() {
    let form = |text: &str| matches!(MasterFile::read(text.as_bytes()), Err(FileError::Form { .. }));
    assert!(form(""));
    assert!(form("[]"));
    assert!(form("{\"format\": \"attestrap-master/1.0\""));
    assert!(form(&format!("{} x", master_text())));
    assert!(form(&master_text().replacen("\"created\"", "\"salt\"", 1)), "a key twice");
    assert!(matches!(MasterFile::read(&[0xff]), Err(FileError::Form { problem: "not UTF-8", .. })));
    let many: Vec<String> = (0..257).map(|at| format!("\"{at}\": 0")).collect();
    assert!(form(&format!("{{{}}}", many.join(","))));
    let large = vec![b' '; MAX_FILE + 1];
    assert!(matches!(MasterFile::read(&large), Err(FileError::TooLarge { .. })));
    // Nesting without end ends somewhere.
    let deep = master_text().replacen("1790000000", &"[".repeat(100_000), 1);
    assert!(form(&deep));
}

#[test]
fn an_error_says_nothing_of_a_secret() {
    for (from, to) in [(M, format!("{}g", &M[1..])), ("1790000000", "true".to_owned())] {
        let error = MasterFile::read(master_text().replacen(from, &to, 1).as_bytes()).err().unwrap();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(&M[4..12]) && !shown.contains(&SEED[4..12]), "{shown}");
        }
    }
}

#[test]
fn a_derived_operator_key_needs_the_first_master_secret() {
    let operator = format!("{{\"alg\": \"ed25519\", \"seed\": \"{SEED}\"}}");
    let derived = master_text().replace(&operator, "{\"alg\": \"derived\"}");
    let file = MasterFile::read(derived.as_bytes()).unwrap();
    let key = file.operator_key().unwrap().unwrap();
    assert_eq!(key.public_key(), master(1).operator_key().unwrap().public_key());
    assert_eq!(text(&file.write()), derived);
    let second = derived.replace("\"epoch\": 1", "\"epoch\": 2");
    let file = MasterFile::read(second.as_bytes()).unwrap();
    let gone = ("operator", "derived, and the master secret of epoch 1 is not there");
    assert_eq!(problem(file.operator_key()), gone);
}

#[test]
fn a_root_file_holds_one_root_of_one_branch() {
    let file = RootFile {
        kind: RootKind::Data,
        cluster: Some(cluster()),
        salt: salt(),
        epoch: KeyEpoch::FIRST,
        state: EpochState::Live,
        root: Secret::new("root", &counted::<32>(0x80)).unwrap(),
        created: 1,
        kept: Kept::default(),
    };
    let written = file.write();
    let read = RootFile::read(&written).unwrap();
    assert!(read.root == file.root);
    assert!(read.identity_root().is_none());
    assert!(read.data_root().is_some_and(|root| *root.secret() == file.root));
    assert_eq!(*read.write(), *written);
    let other = text(&written).replace("\"data\"", "\"both\"");
    assert_eq!(problem(RootFile::read(other.as_bytes())), ("branch", "not identity or data"));
    assert!(matches!(MasterFile::read(&written), Err(FileError::Format { .. })));
}

fn share_file() -> ShareFile {
    let split = Split {
        secret: SecretKind::Master,
        cluster: cluster(),
        set: ShareSetId::new(counted(0xc0)),
        epoch: KeyEpoch::FIRST,
        threshold: 2,
        count: 3,
    };
    let mut shares = split.make(master(1).secret(), &[0x5a; 32]).unwrap();
    ShareFile { share: shares.remove(1), holder: Some("Grace \"safe\"".to_owned()), kept: Kept::default() }
}

#[test]
fn a_share_file_is_read_and_its_share_checked() {
    let file = share_file();
    let written = file.write();
    let read = ShareFile::read(&written).unwrap();
    assert_eq!(read.share.to_bytes(), file.share.to_bytes());
    assert_eq!(read.holder, file.holder);
    assert_eq!(*read.write(), *written);
    let later = text(&written).replacen("\n}", ",\n  \"x\": [1]\n}", 1);
    let read = ShareFile::read(later.as_bytes()).unwrap();
    assert_eq!(read.kept.names().collect::<Vec<_>>(), ["x"]);
    assert_eq!(text(&read.write()), later);

    let value = hex(file.share.value.expose());
    let mistyped = text(&written).replacen(&value, &format!("{}0", &value[..63]), 1);
    assert!(matches!(ShareFile::read(mistyped.as_bytes()), Err(FileError::Key { .. })));
    let read = |from: &str, to: &str| ShareFile::read(text(&written).replacen(from, to, 1).as_bytes());
    assert_eq!(problem(read("\"master\"", "\"operator\"")), ("secret", "not master, identity or data"));
    assert_eq!(problem(read("\"threshold\": 2", "\"threshold\": 1")).0, "threshold");
    assert_eq!(problem(read("\"index\": 2", "\"index\": 256")).0, "index");
    assert_eq!(problem(read("[\"", "[\"0")).0, "commitments");
}

fn state_file() -> StateFile {
    let same_node = Enrolment::SnpKey(Enrolled::new(vec![7; 32]).unwrap());
    let bound = Bound {
        same_node: vec![same_node.clone()],
        machine: None,
        configuration: ConfigDigest::new([2; 32]),
        boot: BootId::new([3; 16]),
        kept: Kept::default(),
    };
    StateFile {
        genesis: genesis(),
        cluster: Some(cluster()),
        attempt: AttemptId::new([1; 16]),
        phase: Phase::Bound,
        bound: Some(bound),
        endpoints: vec!["192.0.2.1:4433".to_owned()],
        members: vec![MemberEntry {
            node: NodeId::new([4; 16]),
            role: Role::Seat,
            name: "seat-1".to_owned(),
            same_node,
            machine: Some(crate::ids::MachineId::new([5; 32])),
            disk: DiskId::new([6; 16]),
            generation: 9,
            kept: Kept::default(),
        }],
        floors: Floors { policy: 1, recovery: 2, time: 3 },
        statements: vec![StatementHash::new([8; 32])],
        audit: Some(AuditMac::new([9; 32])),
        kept: Kept::default(),
    }
}

#[test]
fn a_state_file_is_read_and_written() {
    let written = state_file().write();
    let read = StateFile::read(&written).unwrap();
    assert_eq!(read.cluster, Some(cluster()));
    assert_eq!(read.bound.as_ref().unwrap().same_node, state_file().bound.unwrap().same_node);
    assert_eq!(read.members[0].generation, 9);
    assert_eq!(read.floors, state_file().floors);
    assert_eq!(read.audit, state_file().audit);
    assert_eq!(text(&read.write()), text(&written));
    let later = text(&written)
        .replacen("\"boot\"", "\"zone\": \"a\", \"boot\"", 1)
        .replacen("\"disk\"", "\"rack\": 1, \"disk\"", 1)
        .replacen("attestrap-state/1.0", "attestrap-state/1.1", 1);
    let read = StateFile::read(later.as_bytes()).unwrap();
    let again = read.write();
    assert!(text(&again).contains("\"zone\": \"a\"") && text(&again).contains("\"rack\": 1"));
    assert!(text(&again).contains("attestrap-state/1.1"));
}

#[test]
fn a_state_file_that_contradicts_itself_is_refused() {
    let written = state_file().write();
    let read = |from: &str, to: &str| StateFile::read(text(&written).replacen(from, to, 1).as_bytes());
    assert_eq!(problem(read(CLUSTER, &"11".repeat(32))), ("cluster", "not the hash of the genesis"));
    assert_eq!(problem(read("\"bound\": {", "\"unbound\": {")).0, "bound");
    assert_eq!(problem(read("\"phase\": \"bound\"", "\"phase\": \"new\"")).0, "phase");
    assert_eq!(problem(read("\"seat\"", "\"king\"")), ("role", "not worker or seat"));
    assert_eq!(problem(read("\"class\": 2", "\"class\": 4")).0, "same_node");
    assert_eq!(problem(read("\"policy\"", "\"polity\"")), ("policy", "missing"));
    let other = ClusterId::new([1; 32]).to_string();
    assert!(!text(&written).contains(&other));
}

// --- Constellation's

#[test]
fn an_old_master_secret_is_read() {
    // Key 40 to 5f and salt 60 to 7f: the published vector of the measurement secret.
    let file = br#"{"key":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=","salt":"YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8="}"#;
    let master = read_master_secret(file).unwrap();
    let expected = "4790578891f3fe6cc22cb661ecdc1b7e33121b1287546a52ba33a9136719c213";
    assert_eq!(hex(master.measurement_secret().unwrap().expose()), expected);
    let refused = |text: &str| read_master_secret(text.as_bytes()).err().unwrap();
    let missing = "missing or empty";
    assert_eq!(problem(read_master_secret(br#"{"key":"","salt":"YGFi"}"#)), ("key", missing));
    assert_eq!(problem(read_master_secret(br#"{"key":"QEFCQ0RFRkdISUpLTE1OTw=="}"#)), ("salt", missing));
    assert!(matches!(refused(r#"{"key":"QEFC","salt":"YGFi"}"#), FileError::Key { .. }), "three bytes");
    assert_eq!(problem(read_master_secret(br#"{"key":"Q","salt":"YGFi"}"#)).0, "key");
    let large = vec![b' '; constellation::MAX_OLD_FILE + 1];
    assert!(matches!(read_master_secret(&large), Err(FileError::TooLarge { .. })));
}

#[test]
fn both_old_json_generations_are_read() {
    let id = br#"{"clusterID":"EoFksjJ1eJhV/Bkc9gr0fHsWkV2+mxLvBeWyjUP1Ivw=","ownerID":"","uid":"a1b2c3","cloudprovider":"azure","ip":"192.0.2.4","apiServerCertSANs":null,"initsecret":"c2VjcmV0","attestationURL":"https://example.test","measurementSalt":"ICEi","later":{}}"#;
    let old = read_id(id).unwrap();
    assert_eq!(old.cluster_id.map(|id| hex(&id[..4])), Some("128164b2".to_owned()));
    assert_eq!(old.measurement_salt.as_deref(), Some([0x20, 0x21, 0x22].as_slice()));
    assert_eq!(old.init_secret.as_deref().map(Vec::as_slice), Some(b"secret".as_slice()));
    assert_eq!((old.uid.as_deref(), old.endpoint.as_deref()), (Some("a1b2c3"), Some("192.0.2.4")));
    assert!(old.api_server_names.is_empty() && old.name.is_none());
    assert!(!format!("{old:?}").contains("secret"), "the init secret does not show");
    assert_eq!(problem(read_id(br#"{"clusterID":"abc"}"#)).0, "clusterID");

    let state = br#"{"name":"constell","uid":"x","cloudprovider":"gcp","bootstrapperhost":"192.0.2.5","gcpproject":"p"}"#;
    let old = read_state_json(state).unwrap();
    assert_eq!((old.name.as_deref(), old.endpoint.as_deref()), (Some("constell"), Some("192.0.2.5")));
    assert!(old.cluster_id.is_none());
}

const YAML: &str = r#"version: v1
infrastructure:
    uid: 1a2b3c4d
    clusterEndpoint: 192.0.2.7
    inClusterEndpoint: ""
    initSecret: 00ff10
    apiServerCertSANs:
        - a.example
        - '*.b.example'
    name: mycluster
    ipCidrNode: 10.9.0.0/16
    azure:
        attestationURL: https://example.test/
clusterValues:
    clusterID: 128c164378fe8767f998fbdfe4b4d6463ec5ae1b664ea5999bc27417607ae9b6
    ownerID: ""
    measurementSalt: 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
"#;

#[test]
fn the_old_yaml_is_read() {
    let old = read_state_yaml(YAML.as_bytes()).unwrap();
    let secret = Secret::new("measurement secret", &counted::<32>(0)).unwrap();
    let id = crate::keys::legacy::LegacyClusterId::derive(&secret, &old.measurement_salt.unwrap()).unwrap();
    assert_eq!(old.cluster_id.as_ref(), Some(id.as_bytes()));
    assert_eq!(old.init_secret.as_deref().map(Vec::as_slice), Some([0, 0xff, 0x10].as_slice()));
    assert_eq!(old.uid.as_deref(), Some("1a2b3c4d"));
    assert_eq!(old.endpoint.as_deref(), Some("192.0.2.7"));
    assert_eq!(old.api_server_names, ["a.example", "*.b.example"]);
    assert_eq!(old.attestation_url.as_deref(), Some("https://example.test/"));
    // A uid that looks like a number stays the text it is, and bytes as early releases wrote them.
    let early = YAML.replace("1a2b3c4d", "012345").replace("initSecret: 00ff10", "initSecret: [0, 255, 16]");
    let old = read_state_yaml(early.as_bytes()).unwrap();
    assert_eq!(old.uid.as_deref(), Some("012345"));
    assert_eq!(old.init_secret.as_deref().map(Vec::as_slice), Some([0, 0xff, 0x10].as_slice()));
    // Before init: no values yet.
    let before = read_state_yaml(b"version: v1\ninfrastructure:\n  uid: \"\"\n").unwrap();
    assert!(before.cluster_id.is_none() && before.uid.is_none());
}

#[test]
fn yaml_that_is_not_the_old_file_is_refused() {
    let read = |from: &str, to: &str| {
        assert!(YAML.contains(from), "{from}");
        read_state_yaml(YAML.replacen(from, to, 1).as_bytes())
    };
    let form = |result: Result<_, FileError>| match result {
        Err(FileError::Form { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(read("v1", "v2")), ("version", "not v1"));
    assert_eq!(problem(read("128c", "12")).0, "clusterID");
    assert_eq!(problem(read("00ff10", "00ff1")).0, "infrastructure.initSecret");
    assert_eq!(problem(read("00ff10", "[256]")).0, "infrastructure.initSecret");
    assert_eq!(problem(read("00ff10", "{a: 1}")).0, "infrastructure.initSecret");
    for (digits, bytes) in
        [1024, 1025].map(|len| ("01".repeat(len), format!("[{}1]", "1, ".repeat(len - 1)))).iter()
    {
        let fits = digits.len() == 2048;
        assert_eq!(read("00ff10", digits).is_ok(), fits);
        assert_eq!(read("00ff10", bytes).is_ok(), fits);
    }
    assert_eq!(form(read("1a2b3c4d", "&a x\n    x: *a")), "an anchor, an alias or a tag");
    assert_eq!(form(read("1a2b3c4d", "!!int 7")), "an anchor, an alias or a tag");
    assert_eq!(form(read("    name", "    uid")), "a key twice");
    assert_eq!(form(read("version", "---\na: b\n---\nversion")), "more or less than one document");
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    assert_eq!(form(read("00ff10", &deep)), "nested too deeply");
    assert_eq!(form(read("00ff10", "[1")), "not YAML");
    let many: String = (0..257).map(|at| format!("    k{at}: x\n")).collect();
    assert_eq!(form(read("    uid: 1a2b3c4d\n", &many)), "more than 256 keys");
    let large = vec![b'a'; constellation::MAX_OLD_FILE + 1];
    assert!(matches!(read_state_yaml(&large), Err(FileError::TooLarge { .. })));
}
