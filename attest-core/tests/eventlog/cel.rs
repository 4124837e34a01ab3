//! Canonical event logs: the published one where its folder is given, and logs written here.

use attest_core::eventlog::{CelLog, CelRecord, CelRegister};

use super::real::{cases, file, root};
use super::*;

const SHA256: HashAlgorithm = HashAlgorithm::Sha256;
const SHA384: HashAlgorithm = HashAlgorithm::Sha384;

fn zero(bank: HashAlgorithm) -> Digest {
    Digest::filled(0, bank.digest_len())
}

/// `expected`: `records`, how many of each content type (80 is COS), and the replay of CC register 4 in SHA-384. The altered copies
/// are refused: a gap in the numbers by its form, false content once the register is compared.
#[test]
fn the_log_of_a_real_machine_comes_out_as_published() {
    let Some(root) = root() else { return };
    let register = CelRegister::Cc(4);
    let mut seen = 0;
    let published = digest(
        "2261f93374ed538b35e7e93c540a1562ccb25d14f6c40a1efea03d329e29a97172d84e152344af4a7188d0c8b9fcabeb",
    );
    for case in cases(&root, "cel") {
        let (id, bytes) = (case["id"].as_str().unwrap(), file(&root, &case, "cel"));
        seen += 1;
        match (CelLog::parse_tlv(&bytes), case["verdict"].as_str().unwrap()) {
            (Err(error), "cel-sequence") => assert_eq!(error.check_id(), "vtpm.log.cel.sequence", "{id}"),
            (Ok(log), "valid") => {
                let expected = &case["expected"];
                assert_eq!(expected["records"], log.records().len());
                assert_eq!(
                    expected["content_types"]["80"],
                    log.records().iter().filter(|r| r.is_cos()).count()
                );
                let value = log.replay(register, SHA384, provider()).unwrap().unwrap();
                assert_eq!(expected["replay"]["ccmr4"]["sha384"], vectors::hex(value.as_bytes()));
                assert_eq!(value, published);
                let proven = log.compare(register, SHA384, zero(SHA384), &published, provider()).unwrap();
                assert_eq!((proven.records().len(), proven.unproven()), (log.records().len(), 0));
                assert!(proven.records().iter().all(|record| record.cos().is_some()));
                let image = proven.records()[0].cos().unwrap();
                assert!(image.0 == 0 && image.1.starts_with(b"us-west1-docker.pkg.dev/"));
                assert!(
                    log.compare(CelRegister::Pcr(4), SHA384, zero(SHA384), &published, provider()).is_err()
                );
            }
            (Ok(log), "cel-content-digest-mismatch") => {
                let error = log.compare(register, SHA384, zero(SHA384), &published, provider()).unwrap_err();
                assert_eq!(error.check_id(), Some("vtpm.log.cel.content"), "{id}");
            }
            (result, verdict) => panic!("{id} is {verdict}: {result:?}"),
        }
    }
    assert_eq!(seen, 3);
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn record(number: u64, register: &[u8], digests: &[u8], content: &[u8]) -> Vec<u8> {
    [tlv(0, &number.to_be_bytes()), register.to_vec(), tlv(3, digests), content.to_vec()].concat()
}

#[test]
fn tlv_records_are_refused_by_name() {
    let content = tlv(80, &tlv(1, b"sha256:abc"));
    let digests = tlv(0x0b, &hash(SHA256, &content));
    let (pcr, good) = (tlv(1, &[15]), |number| record(number, &tlv(1, &[15]), &digests, &content));
    let log = [good(0), good(1)].concat();
    for cut in 0..log.len() {
        match CelLog::parse_tlv(&log[..cut]) {
            Ok(_) => assert!([0, log.len() / 2].contains(&cut), "{cut}"),
            Err(error) => assert!(error.offset <= cut, "{cut}: {error}"),
        }
    }
    let parsed = CelLog::parse_tlv(&log).unwrap();
    let first = provider().digest(SHA256, &[&[0; 32], &hash(SHA256, &content)]).unwrap();
    let proven = parsed.compare(CelRegister::Pcr(15), SHA256, zero(SHA256), &first, provider()).unwrap();
    assert_eq!((proven.records().len(), proven.unproven()), (1, 1));
    assert_eq!(proven.records()[0].cos(), Some((1, &b"sha256:abc"[..])));
    let error =
        parsed.compare(CelRegister::Pcr(15), SHA256, zero(SHA256), &digest("aa"), provider()).unwrap_err();
    assert_eq!(error.check_id(), Some("vtpm.log.cel.replay"));
    assert_eq!(parsed.replay(CelRegister::Pcr(15), SHA384, provider()), Ok(None));
    let twice = [digests.clone(), digests.clone()].concat();
    let cases: &[(Vec<u8>, &str)] = &[
        ([good(0), good(2)].concat(), "vtpm.log.cel.sequence"),
        (good(1), "vtpm.log.cel.sequence"),
        (record(0, &tlv(1, &[24]), &digests, &content), "vtpm.log.cel.register"),
        (record(0, &tlv(108, &[0]), &digests, &content), "vtpm.log.cel.register"),
        (record(0, &tlv(108, &[5]), &digests, &content), "vtpm.log.cel.register"),
        (record(0, &tlv(2, &[1]), &digests, &content), "vtpm.log.cel.order"),
        (record(0, &tlv(1, &[15, 0]), &digests, &content), "form.length"),
        (record(0, &pcr, &twice, &content), "vtpm.log.cel.digest"),
        (record(0, &pcr, &tlv(0x0b, &[0; 31]), &content), "vtpm.log.cel.digest"),
        (record(0, &pcr, &digests, &[80, 0xff, 0xff, 0xff, 0xff]), "form.length"),
        (tlv(0, &[0; 9]), "form.length"),
    ];
    for (bytes, rule) in cases {
        assert_eq!(CelLog::parse_tlv(bytes).unwrap_err().check_id(), *rule);
    }
}

#[cfg(feature = "json")]
#[test]
fn systemds_log_proves_the_words_that_were_extended() {
    use attest_core::eventlog::CelJudged;

    let line = |pcr: u32, word: &str, hashed: &str| {
        let digest = vectors::hex(&hash(SHA256, hashed.as_bytes()));
        format!(
            "\x1e{{\"pcr\":{pcr},\"digests\":[{{\"hashAlg\":\"sha256\",\"digest\":\"{digest}\"}}],\
             \"content_type\":\"systemd\",\"content\":{{\"string\":\"{word}\",\"bootId\":\"00\",\"timestamp\":1,\
             \"eventType\":\"phase\"}}}}\n"
        )
    };
    let text = [
        line(11, "enter-initrd", "enter-initrd"),
        line(15, "machine-id:00", "machine-id:00"),
        line(11, "leave-initrd", "leave-initrd"),
        line(11, "volume key", "a secret's HMAC"),
    ]
    .concat();
    let log = CelLog::parse_json(text.as_bytes()).unwrap();
    assert_eq!(log.records().len(), 4);
    // The stub measured to PCR 11 before.
    let start = Digest::filled(5, 32);
    let mut value = start;
    for word in ["enter-initrd", "leave-initrd", "a secret's HMAC"] {
        value = provider().digest(SHA256, &[value.as_bytes(), &hash(SHA256, word.as_bytes())]).unwrap();
    }
    let proven = log.compare(CelRegister::Pcr(11), SHA256, start, &value, provider()).unwrap();
    let words: Vec<_> = proven.records().iter().map(CelJudged::proven).collect();
    assert_eq!(words, [Some(&b"enter-initrd"[..]), Some(b"leave-initrd"), None]);
    let one = line(11, "x", "x");
    let cases: &[(String, &str)] = &[
        (one[1..].to_owned(), "form.encoding"),
        (one.trim_end().to_owned(), "form.encoding"),
        ("\x1e{}\n".to_owned(), "form.encoding"),
        (one.replace("\"pcr\":11", "\"pcr\":11,\"pcr\":12"), "form.encoding"),
        (one.replace("\"pcr\":11", "\"pcr\":11,\"rtmr\":1"), "form.encoding"),
        (one.replace("\"pcr\":11", "\"pcr\":24"), "vtpm.log.cel.register"),
        (one.replace("sha256", "sha384"), "vtpm.log.cel.digest"),
        (one.replace("\"digest\":\"", "\"digest\":\"zz"), "form.encoding"),
    ];
    for (text, rule) in cases {
        assert_eq!(CelLog::parse_json(text.as_bytes()).unwrap_err().check_id(), *rule, "{text}");
    }
    assert_eq!(CelLog::parse_json(b"").unwrap().records().len(), 0);
    let rtmr = one.replace("\"pcr\":11", "\"rtmr\":3,\"mapped_pcr\":11");
    assert_eq!(CelLog::parse_json(rtmr.as_bytes()).unwrap().records()[0].register(), CelRegister::Cc(4));
}

/// A head of major type `major`, for arguments below 2^32.
fn head(major: u8, argument: u32) -> Vec<u8> {
    let major = major << 5;
    match argument {
        0..=23 => vec![major | argument as u8],
        24..=0xff => vec![major | 24, argument as u8],
        0x100..=0xffff => [&[major | 25][..], &(argument as u16).to_be_bytes()].concat(),
        _ => [&[major | 26][..], &argument.to_be_bytes()].concat(),
    }
}

fn bstr(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u32), bytes.to_vec()].concat()
}

fn tstr(text: &str) -> Vec<u8> {
    [head(3, text.len() as u32), text.into()].concat()
}

/// A map or a record: keys and values, each encoded.
fn map(pairs: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let pairs_of = |(key, value): &(u32, Vec<u8>)| [head(0, *key), value.clone()].concat();
    [head(5, pairs.len() as u32), pairs.iter().flat_map(pairs_of).collect()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u32), items.concat()].concat()
}

fn digests(of: &[(u32, &[u8])]) -> Vec<u8> {
    list(&of.iter().map(|(alg, digest)| map(&[(0, head(0, *alg)), (1, bstr(digest))])).collect::<Vec<_>>())
}

fn cbor_record(number: u32, index: (u32, u32), digests: Vec<u8>, kind: u32, content: Vec<u8>) -> Vec<u8> {
    let index = (index.0, head(0, index.1));
    map(&[(0, head(0, number)), index, (3, digests), (9, head(0, kind)), (10, content)])
}

fn event(kind: Vec<u8>, data: &[u8]) -> Vec<u8> {
    map(&[(0, kind), (1, bstr(data))])
}

/// The example of the specification (1.1, 5.1.7): a Spec ID event, and the version of a firmware, which hashes to its digests.
#[test]
fn the_specifications_example_reads_in_cbor() {
    let version = vectors::unhex("1efb6b540c1d5540a4ad4ef4bf17b83a").unwrap();
    let sha256 = digest("d4720b4009438213b803568017f903093f6bea8ab47d283db32b6eabedbbf155");
    let sha1 = hash(HashAlgorithm::Sha1, &version);
    let spec_id =
        [&b"Spec ID Event03\0"[..], &vectors::unhex("000000000002000202000000040014000b00200000").unwrap()]
            .concat();
    let log = list(&[
        cbor_record(0, (1, 0), digests(&[(4, &[0; 20])]), 5, event(head(0, 3), &spec_id)),
        cbor_record(
            1,
            (1, 0),
            digests(&[(4, &sha1), (0xb, sha256.as_bytes())]),
            5,
            event(head(0, 8), &version),
        ),
    ]);
    let parsed = CelLog::parse_cbor(&log).unwrap();
    assert_eq!(parsed.records().iter().map(CelRecord::is_measured).collect::<Vec<_>>(), [false, true]);
    // The header has no SHA-256 digest, and needs none: it extends nothing.
    let value = parsed.replay(CelRegister::Pcr(0), SHA256, provider()).unwrap().unwrap();
    assert_eq!(value, provider().digest(SHA256, &[&[0; 32], sha256.as_bytes()]).unwrap());
    let proven = parsed.compare(CelRegister::Pcr(0), SHA256, zero(SHA256), &value, provider()).unwrap();
    assert_eq!(proven.records().len(), 1);
    assert_eq!(proven.records()[0].proven(), Some(&version[..]));
    // What has no digest of the bank and is measured cannot be replayed.
    assert_eq!(parsed.replay(CelRegister::Pcr(0), SHA384, provider()), Ok(None));
}

#[test]
fn cbor_records_of_every_content_extend_or_do_not() {
    let sum = |data: &[u8]| digests(&[(0xb, &hash(SHA256, data))]);
    let nv = (2, 0x2000_0010);
    let template = map(&[(0, tstr("ima-ng")), (1, bstr(b"template"))]);
    let management = |kind, data: Option<u32>| {
        map(&[(0, head(0, kind))].into_iter().chain(data.map(|data| (1, head(0, data)))).collect::<Vec<_>>())
    };
    // Content, whether it extends, and what of it is proven.
    let cases = [
        (4, map(&[(0, head(0, 1)), (1, map(&[(0, head(0, 1)), (1, head(0, 1))]))]), false, None),
        (4, management(2, None), false, None),
        (4, management(80, Some(1_758_000_000)), true, None),
        (4, management(81, Some(2)), true, None),
        (5, event(tstr("EV_NO_ACTION"), b"data"), false, None),
        (5, event(head(0, 3), b"data"), false, None),
        (5, event(tstr("EV_SEPARATOR"), b"data"), true, Some(&b"data"[..])),
        (5, event(head(0, 0x8000_0001), b"data"), true, Some(&b"data"[..])),
        (7, template, true, Some(b"template")),
        (8, bstr(b"data"), true, Some(&b"data"[..])),
        (9, bstr(b"data"), true, Some(&b"data"[..])),
        (200, map(&[(0, head(0, 7)), (1, bstr(b"data"))]), true, None),
    ];
    for (kind, content, measured, proven) in &cases {
        let sum = sum(proven.unwrap_or(b"data"));
        let log = list(&[
            cbor_record(0, (1, 15), sum.clone(), *kind, content.clone()),
            cbor_record(0, nv, sum.clone(), 9, bstr(b"")),
            // Numbers count in each index on its own.
            cbor_record(1, (1, 15), sum.clone(), 9, bstr(b"another")),
            cbor_record(1, nv, sum, 9, bstr(b"")),
        ]);
        let parsed = CelLog::parse_cbor(&log).unwrap();
        assert_eq!(parsed.records()[1].register(), CelRegister::Other);
        assert_eq!(parsed.records()[0].is_measured(), *measured, "{kind}");
        let value = parsed.replay(CelRegister::Pcr(15), SHA256, provider()).unwrap().unwrap();
        let judged = parsed.compare(CelRegister::Pcr(15), SHA256, zero(SHA256), &value, provider()).unwrap();
        assert_eq!(judged.records().len(), 1 + usize::from(*measured), "{kind}");
        if *measured {
            assert_eq!(judged.records()[0].proven(), *proven, "{kind}");
        }
        // The last is not what its digest is of.
        assert_eq!(judged.records().last().unwrap().proven(), None);
    }
    assert_eq!(CelLog::parse_cbor(&[0x80]).unwrap().records().len(), 0);
}

#[test]
fn cbor_records_are_refused_by_name() {
    let sum: &[u8] = &hash(SHA256, b"data");
    let one = |number, index, digests, content| cbor_record(number, index, digests, 9, content);
    let (pcr, good) = ((1, 15), || digests(&[(0xb, sum)]));
    let log = list(&[one(0, pcr, good(), bstr(b"data")), one(1, pcr, good(), bstr(b"data"))]);
    assert!(CelLog::parse_cbor(&log).is_ok());
    for cut in 0..log.len() {
        let error = CelLog::parse_cbor(&log[..cut]).unwrap_err();
        assert!(error.offset <= cut && error.check_id() == "form.length", "{cut}: {error}");
    }
    let record = one(0, pcr, good(), bstr(b"data"));
    let with = |index, digests| list(&[one(0, index, digests, bstr(b"data"))]);
    let of_kind = |kind, content| list(&[cbor_record(0, pcr, good(), kind, content)]);
    let in_place = |from: &[u8], to: &[u8]| {
        let at = record.windows(from.len()).position(|window| window == from).unwrap();
        list(&[[&record[..at], to, &record[at + from.len()..]].concat()])
    };
    let too_many = digests(&(0..9).map(|alg| (0x100 + alg, sum)).collect::<Vec<_>>());
    let deep = (0..9).fold(head(0, 0), |inner, _| list(&[inner]));
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("a number that is left out", list(&[one(1, pcr, good(), bstr(b""))]), "vtpm.log.cel.sequence"),
        ("a number twice", list(&[record.clone(), record.clone()]), "vtpm.log.cel.sequence"),
        (
            "numbers over the whole log",
            list(&[record.clone(), one(1, (1, 14), good(), bstr(b""))]),
            "vtpm.log.cel.sequence",
        ),
        ("register 24", with((1, 24), good()), "vtpm.log.cel.register"),
        ("register 256", with((1, 256), good()), "vtpm.log.cel.register"),
        ("an NV index that is none", with((2, 15), good()), "form.range"),
        ("an NV index past the last", with((2, 0x2100_0000), good()), "form.range"),
        ("neither register nor NV index", with((0, 15), good()), "form.range"),
        ("a short digest", with(pcr, digests(&[(0xb, &sum[1..])])), "vtpm.log.cel.digest"),
        ("two digests of one bank", with(pcr, digests(&[(0xb, sum), (0xb, sum)])), "vtpm.log.cel.digest"),
        ("no digest", with(pcr, list(&[])), "form.range"),
        ("nine digests", with(pcr, too_many), "form.budget"),
        ("an algorithm past 16 bits", with(pcr, digests(&[(0x1_000b, sum)])), "form.range"),
        ("bytes behind the log", [log.clone(), vec![0]].concat(), "form.length"),
        ("a record past the bound", head(4, 16_385), "form.budget"),
        ("records of indefinite length", [vec![0x9f], record.clone(), vec![0xff]].concat(), "form.encoding"),
        ("no array", record.clone(), "form.encoding"),
        ("a number that is not the shortest", in_place(&[0xa5, 0, 0], &[0xa5, 0, 0x18, 0]), "form.encoding"),
        ("another key", in_place(&[9, 9, 10], &[11, 9, 10]), "form.encoding"),
        ("a pair less", in_place(&[0xa5], &[0xa4]), "form.encoding"),
        ("text where systemd's bytes belong", of_kind(9, tstr("data")), "form.encoding"),
        ("an event without its data", of_kind(5, map(&[(0, head(0, 8))])), "form.encoding"),
        (
            "an event type past 32 bits",
            of_kind(5, map(&[(0, vec![0x1b, 0, 0, 0, 1, 0, 0, 0, 0]), (1, bstr(b""))])),
            "form.range",
        ),
        ("a template name in bytes", of_kind(7, map(&[(0, bstr(b"ima")), (1, bstr(b""))])), "form.encoding"),
        (
            "management of three pairs",
            of_kind(4, map(&[(0, head(0, 1)), (1, head(0, 1)), (2, head(0, 1))])),
            "form.encoding",
        ),
        (
            "unknown content out of order",
            of_kind(200, map(&[(1, head(0, 0)), (0, head(0, 0))])),
            "form.encoding",
        ),
        ("unknown content, too deep", of_kind(200, deep), "form.budget"),
    ];
    for (what, bytes, rule) in cases {
        assert_eq!(CelLog::parse_cbor(bytes).unwrap_err().check_id(), *rule, "{what}");
    }
    assert_eq!(CelLog::parse_cbor(&vec![0; 1024 * 1024 + 1]).unwrap_err().check_id(), "form.budget");
}
