//! Canonical event logs: the published one where its folder is given, and logs written here.

use attest_core::eventlog::{CelLog, CelRegister};

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
