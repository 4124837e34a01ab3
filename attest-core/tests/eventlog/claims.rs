//! Claims over logs written here: what takes each away, and what an attacker can say without having it believed.

use super::synthetic::{ACTION, BANK, SEPARATOR, extend, start};
use super::writer::LogWriter;
use super::*;

const CONFIG: u32 = 0x8000_0001;
const AUTHORITY: u32 = 0x8000_00e0;
const APPLICATION: u32 = 0x8000_0003;
const BLOB: u32 = 0x8000_0008;
const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const DATABASE: [u8; 16] = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// An event: register, type, what is hashed, what is logged.
type Line = (u32, u32, Vec<u8>, Vec<u8>);

fn line(pcr: u32, kind: u32, data: &[u8]) -> Line {
    (pcr, kind, data.to_vec(), data.to_vec())
}

fn variable(guid: [u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lengths = [name.len(), data.len()].map(|len| u64::try_from(len).unwrap().to_le_bytes()).concat();
    [&guid[..], &lengths, &units, data].concat()
}

/// PCR 7 as firmware writes it, with Secure Boot on.
fn secure() -> Vec<Line> {
    vec![
        line(7, CONFIG, &variable(GLOBAL, "SecureBoot", &[1])),
        line(7, CONFIG, &variable(GLOBAL, "PK", b"pk")),
        line(7, CONFIG, &variable(GLOBAL, "KEK", b"kek")),
        line(7, CONFIG, &variable(DATABASE, "db", b"the database")),
        line(7, CONFIG, &variable(DATABASE, "dbx", b"")),
        line(7, SEPARATOR, &[0; 4]),
        line(7, AUTHORITY, &variable(DATABASE, "db", b"owner and certificate")),
    ]
}

fn chain() -> Vec<Line> {
    vec![
        line(4, ACTION, b"Calling EFI Application from Boot Option"),
        line(4, SEPARATOR, &[0; 4]),
        (4, APPLICATION, b"image".to_vec(), b"a device path".to_vec()),
    ]
}

fn write(lines: &[Line]) -> LogWriter {
    lines.iter().fold(start(), |log, (pcr, kind, hashed, data)| extend(log, *pcr, *kind, hashed, data))
}

/// The claims of `lines`, in front of a machine whose registers are as they say.
fn with_boot<T>(lines: &[Line], ask: impl Fn(&Boot<'_>) -> T) -> T {
    let bytes = write(lines).into_bytes();
    let log = Log::parse(&bytes).unwrap();
    ask(&Boot::new(compare(&log, BANK, &Pcrs::of(&log, BANK)), provider()))
}

fn secure_boot(lines: &[Line]) -> Result<State, &'static str> {
    with_boot(lines, |boot| {
        boot.secure_boot().map(|said| said.state()).map_err(|error| error.check_id().unwrap())
    })
}

fn images(lines: &[Line]) -> Result<usize, &'static str> {
    with_boot(lines, |boot| {
        boot.boot_chain().map(|chain| chain.images().count()).map_err(|error| error.check_id().unwrap())
    })
}

#[test]
fn secure_boot_is_said_only_of_a_register_that_is_understood() {
    assert_eq!(secure_boot(&secure()), Ok(State::Enabled));
    let changed = |change: fn(&mut Vec<Line>)| {
        let mut lines = secure();
        change(&mut lines);
        secure_boot(&lines)
    };
    let off = |lines: &mut Vec<Line>, data: &[u8]| {
        lines[0] = line(7, CONFIG, &variable(GLOBAL, "SecureBoot", data));
    };
    let mut lines = secure();
    lines.truncate(6);
    assert_eq!(secure_boot(&lines), Err("vtpm.log.secure-boot.authority"));
    for data in [&[][..], &[0]] {
        off(&mut lines, data);
        assert_eq!(secure_boot(&lines), Ok(State::Disabled));
    }
    for data in [&[2][..], &[1, 1], &[0, 0]] {
        off(&mut lines, data);
        assert_eq!(secure_boot(&lines), Err("vtpm.log.secure-boot.value"));
    }
    let variables = Err("vtpm.log.secure-boot.variables");
    for left_out in 0..5 {
        let mut lines = secure();
        lines.remove(left_out);
        assert_eq!(secure_boot(&lines), variables);
        let mut lines = secure();
        lines.insert(left_out, lines[left_out].clone());
        assert_eq!(secure_boot(&lines), variables);
    }
    assert_eq!(changed(|lines| lines.swap(4, 5)), variables);
    assert_eq!(changed(|lines| lines.swap(3, 4)), variables);
    let named = |name: &str, guid| line(7, CONFIG, &variable(guid, name, &[1]));
    let mut lines = secure();
    lines[0] = named("SecureBoot", DATABASE);
    assert_eq!(secure_boot(&lines), variables);
    let mut lines = secure();
    lines.insert(5, named("MyVariable", GLOBAL));
    assert_eq!(secure_boot(&lines), variables);
    lines[5] = named("dbt", DATABASE);
    assert_eq!(secure_boot(&lines), Ok(State::Enabled));
    let separator = Err("vtpm.log.secure-boot.separator");
    assert_eq!(changed(|lines| drop(lines.remove(5))), separator);
    assert_eq!(changed(|lines| lines.push(line(7, SEPARATOR, &[0; 4]))), separator);
    assert_eq!(changed(|lines| lines[5] = line(7, SEPARATOR, &[0xff; 4])), separator);
    let action = Err("vtpm.log.secure-boot.action");
    assert_eq!(changed(|lines| lines.push(line(7, ACTION, b"UEFI Debug Mode"))), action);
    let debugged = changed(|lines| lines.push(line(7, ACTION, b"DMA Protection Disabled")));
    assert_eq!(debugged, Ok(State::Enabled));
    let covered = Err("vtpm.log.secure-boot.covered");
    assert_eq!(changed(|lines| lines[3].3 = variable(DATABASE, "db", b"another")), covered);
    assert_eq!(changed(|lines| lines[6] = line(7, AUTHORITY, b"no variable")), covered);
    let kind = Err("vtpm.log.secure-boot.kind");
    assert_eq!(changed(|lines| lines[6].1 = 0xbeef), kind);
    assert_eq!(changed(|lines| lines.push(line(7, 0xd, b"text"))), kind);
    assert_eq!(secure_boot(&chain()), Err("vtpm.log.secure-boot.register"));
}

/// Types are covered by nothing. An authority of the name db, measured before the separator (an option ROM was verified), and the
/// database itself can be relabelled as each other; then the claim must go, or it would show the wrong database.
#[test]
fn the_database_is_no_authority_and_no_authority_the_database() {
    let mut lines = secure();
    let rom = lines.remove(6);
    lines.insert(5, rom);
    assert_eq!(secure_boot(&lines), Ok(State::Enabled));
    let shown = with_boot(&lines, |boot| boot.secure_boot().unwrap().db().data().to_vec());
    assert_eq!(shown, b"the database");
    (lines[3].1, lines[5].1) = (AUTHORITY, CONFIG);
    assert_eq!(secure_boot(&lines), Err("vtpm.log.secure-boot.variables"));
}

#[test]
fn a_boot_chain_is_every_digest_that_is_not_proven_to_be_something_else() {
    assert_eq!(images(&chain()), Ok(1));
    let changed = |change: fn(&mut Vec<Line>)| {
        let mut lines = chain();
        change(&mut lines);
        images(&lines)
    };
    let kind = Err("vtpm.log.boot-chain.kind");
    assert_eq!(changed(|lines| lines[2].1 = BLOB), kind);
    assert_eq!(changed(|lines| lines[2].1 = 0xbeef), kind);
    // An image whose hashed bytes are laid open as the text of an action is an image still.
    let action = Err("vtpm.log.boot-chain.action");
    assert_eq!(changed(|lines| lines[2] = line(4, ACTION, b"image")), action);
    assert_eq!(changed(|lines| lines[2].1 = ACTION), action);
    let separator = Err("vtpm.log.boot-chain.separator");
    assert_eq!(changed(|lines| lines[2].1 = SEPARATOR), separator);
    assert_eq!(changed(|lines| drop(lines.remove(1))), separator);
    assert_eq!(changed(|lines| lines.push(line(4, SEPARATOR, &[0; 4]))), separator);
    assert_eq!(images(&secure()), Err("vtpm.log.boot-chain.register"));
    // Whatever the log calls them, the digests are there.
    let mut lines = chain();
    lines[2].1 = BLOB;
    assert_eq!(
        with_boot(&lines, |boot| boot.digests(4).last().map(<[u8]>::to_vec)),
        Some(hash(BANK, b"image"))
    );
}

#[test]
fn a_story_says_of_each_line_how_much_is_proven() {
    let mut lines = [secure(), chain()].concat();
    lines.push((9, 0xd, b"a file".to_vec(), b"evil\x1b[2Jname\n\xff\0".to_vec()));
    lines.push((11, 0xd, b".linux\0".to_vec(), b"whatever".to_vec()));
    lines.push((11, 0xd, b"kernel".to_vec(), b"whatever".to_vec()));
    let text = with_boot(&lines, |boot| boot.story(provider()).to_string());
    assert_eq!(text.lines().count(), lines.len() + 1);
    assert!(text.bytes().all(|octet| octet == b'\n' || (0x20..0x7f).contains(&octet)), "{text}");
    let of = |word: &str| text.lines().filter(|line| line.contains(word)).count();
    assert_eq!((of(" covered "), of(" UNCOVERED "), of("said to be an application")), (9, 4, 1), "{text}");
    assert!(text.contains(r"said: evil\x1b[2Jname\n\xff\x00"), "{text}");
    let sections = with_boot(&lines, |boot| boot.sections().map(|found| found[0].name));
    assert_eq!(sections, Some(".linux"));
    // Next to other registers nothing is more than said.
    let bytes = write(&lines).into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let mut pcrs = Pcrs::of(&log, BANK);
    pcrs.0.values_mut().for_each(|value| *value = Digest::filled(1, 32));
    let boot = Boot::new(compare(&log, BANK, &pcrs), provider());
    let text = boot.story(provider()).to_string();
    assert!(!text.contains("covered") && text.contains("PCR  7 MISMATCH"), "{text}");
    assert!(boot.sections().is_none() && boot.digests(4).next().is_none() && boot.firmware().is_none());
    assert!(boot.loaded_files().is_empty() && boot.grub_lines().is_empty());
}

/// EFI_SIGNATURE_LIST of entries of one type, each with its owner.
fn signature_list(kind: [u8; 16], entries: &[([u8; 16], &[u8])]) -> Vec<u8> {
    let size = 16 + entries[0].1.len();
    let lengths = [28 + entries.len() * size, 0, size].map(|len| u32::try_from(len).unwrap().to_le_bytes());
    let entries: Vec<u8> = entries.iter().flat_map(|(owner, data)| [owner, *data].concat()).collect();
    [&kind[..], &lengths.concat(), &entries].concat()
}

/// Names, owners, kinds and subjects of what Secure Boot was set up with, in words, one line for each.
#[test]
fn a_story_tells_variables_in_words() {
    const X509: [u8; 16] = *b"\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72";
    const SHA256: [u8; 16] = *b"\x26\x16\xc4\xc1\x4c\x50\x92\x40\xac\xa9\x41\xf9\x36\x93\x43\x28";
    const MICROSOFT: [u8; 16] = *b"\xbd\x9a\xfa\x77\x59\x03\x32\x4d\xbd\x60\x28\xf4\xe7\x8f\x78\x4b";
    const SHIM: [u8; 16] = *b"\x50\xab\x5d\x60\x46\xe0\x00\x43\xab\xb6\x3d\xd8\x10\xdd\x8b\x23";
    let certificate = vectors_generate::CertSpec::authority("Signer of images", "Signer of images").build();
    let digest = vectors::hex(&hash(HashAlgorithm::Sha256, &certificate));
    let list = signature_list(X509, &[(MICROSOFT, &certificate)]);
    let hashes: Vec<([u8; 16], &[u8])> = vec![(MICROSOFT, &[0xab; 32]), ([0; 16], &[0xcd; 32])];
    let many: Vec<([u8; 16], &[u8])> = vec![(MICROSOFT, &[0xab; 32]); 70];
    let broken = [&list[..], &[7]].concat();
    let option = [&[1, 0, 0, 0, 4, 0][..], &wide("Linux\n"), &[0, 0], &[0x7f, 0xff, 4, 0]].concat();
    let owned = [&MICROSOFT[..], &certificate].concat();
    let boot = |name: &str, data: &[u8]| {
        let whole = variable(GLOBAL, name, data);
        (1, 0x8000_0002, data.to_vec(), whole)
    };
    let lines = vec![
        line(7, CONFIG, &variable(GLOBAL, "SecureBoot", &[1])),
        line(7, CONFIG, &variable(GLOBAL, "PK", &list)),
        line(7, CONFIG, &variable(GLOBAL, "KEK", &[])),
        line(7, CONFIG, &variable(DATABASE, "db", &[list.clone(), signature_list(SHA256, &hashes)].concat())),
        line(7, CONFIG, &variable(DATABASE, "dbx", &signature_list(SHA256, &many))),
        line(7, CONFIG, &variable(DATABASE, "dbt", &broken)),
        line(7, AUTHORITY, &variable(DATABASE, "db", &owned)),
        line(7, AUTHORITY, &variable(SHIM, "Shim", &certificate)),
        line(7, AUTHORITY, &variable(SHIM, "SbatLevel", b"sbat,1,2025\n")),
        boot("BootOrder", &[3, 0, 1, 0]),
        boot("Boot0003", &option),
        (7, CONFIG, b"other".to_vec(), variable(GLOBAL, "PK", &list)),
    ];
    let text = with_boot(&lines, |boot| boot.story(provider()).to_string());
    let certificate = format!("certificate \"Signer of images\", SHA-256 {digest}");
    let microsoft = "owner Microsoft (77fa9abd-0359-4d32-bd60-28f4e78f784b)";
    let global = "EFI global variables (8be4df61-93ca-11d2-aa0d-00e098032b8c)";
    let security = "EFI image security database (d719b2cb-3d3a-4596-a3bc-dad00e67656f)";
    for said in [
        format!("covered     SecureBoot of {global}: 1\n"),
        format!("covered     PK of {global}: 1 entry\n            {certificate}, {microsoft}\n"),
        format!("covered     KEK of {global}: empty\n"),
        format!("covered     db of {security}: 3 entries\n            {certificate}, {microsoft}\n"),
        format!("            image with SHA-256 {}, {microsoft}\n", "ab".repeat(32)),
        format!("{}, owner 00000000-0000-0000-0000-000000000000\n", "cd".repeat(32)),
        format!("covered     dbx of {security}: 70 entries\n"),
        "            ... 6 more\n".to_owned(),
        format!("covered     dbt of {security}: no list of signatures: "),
        format!("covered     db of {security}: {certificate}, {microsoft}\n"),
        format!("covered     Shim of shim (605dab50-e046-4300-abb6-3dd810dd8b23): {certificate}\n"),
        "SbatLevel of shim (605dab50-e046-4300-abb6-3dd810dd8b23): sbat,1,2025\\n\n".to_owned(),
        format!("covered     contents proven, said to be BootOrder of {global}: 0003, 0001\n"),
        format!("covered     contents proven, said to be Boot0003 of {global}: \"Linux\\n\", "),
        format!("UNCOVERED   said: PK of {global}: 1 entry\n"),
    ] {
        assert!(text.contains(&said), "{said}\nin\n{text}");
    }
    assert!(text.bytes().all(|octet| octet == b'\n' || (0x20..0x7f).contains(&octet)), "{text}");
}

/// A file of PCR 9 under another type is in no list of files; it is among the digests all the same.
#[test]
fn what_a_log_leaves_out_of_a_list_is_among_the_digests() {
    let file = |kind| vec![(9, kind, b"a file".to_vec(), b"/name\0".to_vec())];
    let count = |kind| {
        with_boot(&file(kind), |boot| {
            (boot.loaded_files().len(), boot.stub_loads().len(), boot.digests(9).count())
        })
    };
    assert_eq!((count(0xd), count(6), count(1)), ((1, 0, 1), (0, 1, 1), (0, 0, 1)));
}

const SNP: &[u8] = b"GCE NonHostInfo\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const PLAIN: &[u8] = b"GCE NonHostInfo\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// PCR 0 as Google's firmware writes it.
fn google() -> Vec<Line> {
    let version = wide("GCE Virtual Firmware v2\0");
    vec![line(0, 8, &version), line(0, 0x11, PLAIN), line(0, SEPARATOR, &[0; 4])]
}

fn firmware(change: impl FnOnce(&mut Vec<Line>)) -> Option<(Option<u32>, Option<MemoryEncryption>)> {
    let mut lines = google();
    change(&mut lines);
    with_boot(&lines, |boot| boot.firmware().map(|firmware| (firmware.version, firmware.technology)))
}

#[test]
fn firmware_speaks_before_its_separator_only() {
    let genuine = Some((Some(2), Some(MemoryEncryption::None)));
    assert_eq!(firmware(|_| ()), genuine);
    // What the guest's root extends later adds nothing, and garbling the genuine event takes the claim away.
    let above = |lines: &mut Vec<Line>| {
        lines.push(line(0, 0x11, SNP));
        lines.push(line(0, 8, &wide("GCE Virtual Firmware v9\0")));
        lines.push(line(0, SEPARATOR, &[0; 4]));
    };
    assert_eq!(firmware(above), genuine);
    for data in [&b""[..], b"garbled", SNP] {
        for event in [0, 1] {
            let garbled = firmware(|lines| {
                above(lines);
                lines[event].3 = data.to_vec();
            });
            assert_eq!(garbled, None);
        }
    }
    // The separator is known by its digest, whatever the log makes of it.
    for (kind, data) in [(SEPARATOR, &b"garbled"[..]), (0x11, &[0; 4]), (ACTION, b""), (0xbeef, SNP)] {
        let renamed = |lines: &mut Vec<Line>| {
            (lines[2].1, lines[2].3) = (kind, data.to_vec());
        };
        assert_eq!(firmware(renamed), genuine);
        let attacked = |lines: &mut Vec<Line>| {
            renamed(lines);
            above(lines);
            lines[1].3.clear();
        };
        assert_eq!(firmware(attacked), None);
        let both = |lines: &mut Vec<Line>| {
            renamed(lines);
            above(lines);
        };
        assert_eq!(firmware(both), genuine);
    }
    // A separator in name only ends nothing.
    assert_eq!(firmware(|lines| lines[2] = (0, SEPARATOR, b"other".to_vec(), vec![0; 4])), None);
    let named = firmware(|lines| lines.insert(1, line(0, SEPARATOR, b"other")));
    assert_eq!(named, genuine);
}

#[test]
fn firmware_that_cannot_be_told_from_another_says_nothing() {
    assert_eq!(firmware(|lines| lines.truncate(2)), None);
    // Firmware that failed, or separates otherwise, has ended all the same: the guest's separator comes too late.
    for early in [[1, 0, 0, 0], [0xff; 4]] {
        assert_eq!(firmware(|lines| lines[2] = line(0, SEPARATOR, &early)), None);
        assert_eq!(firmware(|lines| lines.insert(0, line(0, SEPARATOR, &early))), None);
    }
    for (event, again) in [(1, SNP.to_vec()), (1, SNP[..20].to_vec()), (0, wide("GCE Virtual Firmware v9\0"))]
    {
        assert_eq!(firmware(|lines| lines.insert(event, line(0, 0x11, &again))), None);
        assert_eq!(firmware(|lines| lines.insert(2, line(0, 0x11, &again))), None);
    }
    for event in [0, 1] {
        assert_eq!(firmware(|lines| lines.insert(event, lines[event].clone())), None);
    }
    let odd = |lines: &mut Vec<Line>| lines[0] = line(0, 8, &wide("GCE Virtual Firmware vII\0"));
    assert_eq!(firmware(odd), Some((None, Some(MemoryEncryption::None))));
    assert_eq!(firmware(|lines| lines[1] = line(0, 0x11, &SNP[..20])), Some((Some(2), None)));
    assert_eq!(firmware(|lines| drop(lines.drain(..2))), None);
    assert_eq!(firmware(|lines| lines.insert(0, line(0, 8, b"G"))).and_then(|said| said.0), Some(2));
}
