//! Seeds for the logs: one of each form, written here.

use attest_core::crypto::{HashAlgorithm, ring};

#[path = "../../vectors/generate/src/eventlog.rs"]
mod writer;

use writer::{Header, LogWriter, NO_ACTION, STARTUP_LOCALITY};

const GLOBAL: &[u8; 16] = b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const DATABASE: &[u8; 16] = b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

fn hash(bank: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    ring::PROVIDER.digest(bank, &[bytes]).expect("a hash").as_bytes().to_vec()
}

/// Names and logs.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let legacy = events().into_iter().fold(LogWriter::new(), |log, (pcr, kind, hashed, data)| {
        let digest = hash(HashAlgorithm::Sha1, &hashed).try_into().expect("20 bytes");
        log.legacy(pcr, kind, &digest, &data)
    });
    let header = Header { vendor: b"us".to_vec(), ..Header::new(&[(0x04, 20), (0x0b, 32), (0x12, 32)]) };
    let locality = [STARTUP_LOCALITY, &[3]].concat();
    let zeros: [(u16, &[u8]); 2] = [(0x04, &[0; 20]), (0x0b, &[0; 32])];
    let agile = LogWriter::agile(&header).event(0, NO_ACTION, &zeros, &locality);
    let agile = events().into_iter().fold(agile, |log, (pcr, kind, hashed, data)| {
        let (sha1, sha256) = (hash(HashAlgorithm::Sha1, &hashed), hash(HashAlgorithm::Sha256, &hashed));
        log.event(pcr, kind, &[(0x04, &sha1), (0x0b, &sha256), (0x12, &[7; 32])], &data)
    });
    let windows = LogWriter::agile(&header).event(u32::MAX, NO_ACTION, &zeros, b"SIPA");
    let windows = windows.event(12, 6, &[(0x0b, &hash(HashAlgorithm::Sha256, b"boot"))], b"boot");
    vec![
        ("tcg-sha1", legacy.into_bytes()),
        ("tcg-agile", agile.into_bytes()),
        ("tcg-windows", windows.into_bytes()),
        ("ima", ima()),
        ("cel-tlv", cel_tlv()),
        ("cel-json", cel_json()),
    ]
}

/// Register, type, what is hashed, what is logged.
fn events() -> Vec<(u32, u32, Vec<u8>, Vec<u8>)> {
    let whole = |pcr, kind, data: &[u8]| (pcr, kind, data.to_vec(), data.to_vec());
    let mut events = vec![
        whole(0, 8, &wide("GCE Virtual Firmware v2\0")),
        whole(0, 0x11, b"GCE NonHostInfo\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        whole(7, 0x8000_0001, &variable(GLOBAL, "SecureBoot", &[1])),
        whole(7, 0x8000_0001, &variable(GLOBAL, "PK", b"")),
        whole(7, 0x8000_0001, &variable(GLOBAL, "KEK", b"")),
        whole(7, 0x8000_0001, &variable(DATABASE, "db", b"")),
        whole(7, 0x8000_0001, &variable(DATABASE, "dbx", b"")),
        whole(4, 0x8000_0007, b"Calling EFI Application from Boot Option"),
    ];
    events.extend((0..8).map(|pcr| whole(pcr, 4, &[0; 4])));
    let boot_order = variable(GLOBAL, "BootOrder", &[1, 0]);
    let path = b"/vmlinuz\0".to_vec();
    events.extend([
        whole(7, 0x8000_00e0, &variable(DATABASE, "db", b"key")),
        (1, 0x8000_0002, vec![1, 0], boot_order),
        (4, 0x8000_0003, b"image".to_vec(), vec![0; 40]),
        (8, 0xd, b"linux /vmlinuz".to_vec(), b"grub_cmd: linux /vmlinuz\0".to_vec()),
        (9, 0xd, b"kernel".to_vec(), path),
        (9, 6, wide("quiet\0"), b"\xed\x22\x3b\x8f\x02\0\0\0ok".to_vec()),
        (11, 0xd, b".linux\0".to_vec(), wide(".linux\0")),
        (11, 0xd, b"kernel".to_vec(), wide(".linux\0")),
        whole(12, 0xd, &wide("quiet\0")),
    ]);
    events
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn variable(guid: &[u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let lengths = [name.len(), data.len()].map(|len| (len as u64).to_le_bytes()).concat();
    [&guid[..], &lengths, &wide(name), data].concat()
}

fn ima() -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    let data = [sized(b"sha256:\0digest"), sized(b"/init\0")].concat();
    let ng = [&hash(HashAlgorithm::Sha1, &data)[..], &sized(b"ima-ng"), &sized(&data)].concat();
    let padded = [&[5; 20][..], b"/sbin/init", &[0; 246]].concat();
    let old =
        [&hash(HashAlgorithm::Sha1, &padded)[..], &sized(b"ima"), &[5; 20], &sized(b"/sbin/init")].concat();
    let violation = [&[0; 20][..], &sized(b"ima-sig"), &sized(b"")].concat();
    [ng, old, violation].iter().flat_map(|record| [&10_u32.to_le_bytes()[..], record].concat()).collect()
}

fn cel_tlv() -> Vec<u8> {
    let tlv = |kind: u8, value: &[u8]| [&[kind][..], &(value.len() as u32).to_be_bytes(), value].concat();
    let content = tlv(80, &tlv(0, b"image"));
    let digests = tlv(3, &tlv(0x0b, &hash(HashAlgorithm::Sha256, &content)));
    let record = |number: u64, register: Vec<u8>| {
        [tlv(0, &number.to_be_bytes()), register, digests.clone(), content.clone()].concat()
    };
    [record(0, tlv(1, &[11])), record(1, tlv(108, &[4]))].concat()
}

fn cel_json() -> Vec<u8> {
    let digest = vectors::hex(&hash(HashAlgorithm::Sha256, b"enter-initrd"));
    let record = format!(
        "\x1e{{\"pcr\":11,\"digests\":[{{\"hashAlg\":\"sha256\",\"digest\":\"{digest}\"}}],\
         \"content_type\":\"systemd\",\"content\":{{\"string\":\"enter-initrd\"}}}}\n"
    );
    record.repeat(2).into_bytes()
}
