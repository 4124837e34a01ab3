//! TPM evidence from parts made by hand: packing, exit codes, options that do not fit, needs.

use std::fs;
use std::path::PathBuf;

use attest_core::tee::vtpm::{AttestationKey, TpmEvidence};
use attest_core::{Evidence, Format};
use serde_json::{Value, json};

use crate::parts::{
    SELECTED, attest, envelope, hex, log, name, printed, public, signature, sized_public, unsigned, value,
};
use crate::tool::{Ran, attestrap, directory, file, vector, with_input};

/// The files that `pack tpm` is given, each under a name of its own test.
struct Files {
    attest: PathBuf,
    signature: PathBuf,
    pcrs: PathBuf,
    ak: PathBuf,
    output: PathBuf,
}

impl Files {
    fn new(test: &str) -> Self {
        let path = |part: &str| format!("{test}-{part}");
        Self {
            attest: file(&path("attest"), attest()),
            signature: file(&path("signature"), signature()),
            pcrs: file(&path("pcrs"), printed()),
            ak: file(&path("ak"), sized_public()),
            output: directory().join(path("evidence")),
        }
    }

    fn pack(&self, more: &[&str]) -> Ran {
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let parts = ["pack", "tpm", "--quote"].map(String::from).into_iter();
        let parts = parts.chain([text(&self.attest), text(&self.signature)]);
        let parts = parts.chain(["--pcrs".into(), text(&self.pcrs), "--ak".into(), text(&self.ak)]);
        let parts = parts.chain(["-o".into(), text(&self.output)]);
        attestrap(parts.chain(more.iter().map(|more| (*more).into())))
    }

    fn packed(&self) -> (Evidence, TpmEvidence) {
        let evidence = Evidence::from_envelope(&fs::read(&self.output).unwrap()).unwrap();
        let parts = TpmEvidence::parse(&evidence.bytes).unwrap();
        (evidence, parts)
    }
}

#[test]
fn pack_puts_the_parts_into_one_file() {
    let files = Files::new("all");
    let log_file = file("all-log", log());
    let certs = vector("real/milan/vcek.der");
    let ran = files.pack(&["--event-log", log_file.to_str().unwrap(), "--certs", certs.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("1 quotes, 3 register values") && ran.out.contains("1 certificates"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("45 register values are left out"), "{}", ran.err);
    let (evidence, parts) = files.packed();
    assert_eq!((evidence.format, evidence.carried.certificates().count()), (Format::Vtpm, 1));
    assert_eq!(parts.ak, AttestationKey::Public(public()));
    assert_eq!((&parts.quotes[0].attest, &parts.quotes[0].signature), (&attest(), &signature()));
    assert_eq!(parts.event_log, log());
    let values: Vec<_> = parts.quotes[0].pcrs.iter().map(|pcr| (pcr.index, pcr.value.clone())).collect();
    assert_eq!(values, SELECTED.map(|(bank, index)| (index, value(bank, index))));
}

#[test]
fn pack_takes_several_quotes_and_every_form_of_values() {
    let mut files = Files::new("forms");
    let entries = SELECTED.map(
        |(bank, index)| json!({ "bank": bank.name(), "index": index, "value": hex(value(bank, index)) }),
    );
    files.pcrs = file("forms-list", json!(entries).to_string());
    let (attest, signature) = (files.attest.to_str().unwrap(), files.signature.to_str().unwrap());
    let ran = files.pack(&[
        "--quote",
        attest,
        signature,
        "--pcrs",
        file("forms-text", printed()).to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (_, parts) = files.packed();
    assert_eq!((parts.quotes.len(), &parts.quotes[0]), (2, &parts.quotes[1]));
    files.ak = file("forms-tpmt", public());
    assert_eq!(files.pack(&[]).code, 0);
    assert_eq!(files.packed().1.ak, AttestationKey::Public(public()));
}

#[test]
fn pack_names_what_is_wrong() {
    let files = Files::new("wrong");
    let with = |change: &dyn Fn(&mut Files)| {
        let mut files = Files::new("wrong");
        change(&mut files);
        files.pack(&[])
    };
    let less = file("wrong-less", printed().replace("    4 : 0x05", "    5 : 0x05"));
    let two = file("wrong-two", printed() + "  sha256:\n    4 : 0x" + &"00".repeat(32));
    let lettered = file("wrong-letter", "a letter");
    let cut = file("wrong-cut", &attest()[..60]);
    let hmac = file("wrong-hmac", b"\0\x05\0\x0b\0\0");
    for (ran, code, said) in [
        (with(&|files| files.pcrs = less.clone()), 30, "sha1:5: one value is expected"),
        (with(&|files| files.pcrs = two.clone()), 30, "sha256:4: one value is expected"),
        (with(&|files| files.pcrs = lettered.clone()), 30, "wrong-letter: line 1"),
        (with(&|files| files.pcrs = "no-such-file".into()), 2, "no-such-file"),
        (with(&|files| files.ak = lettered.clone()), 30, "wrong-letter: TPMT_PUBLIC"),
        (with(&|files| files.attest = cut.clone()), 30, "wrong-cut: TPMS_ATTEST"),
        (with(&|files| files.attest = files.signature.clone()), 30, "TPMS_ATTEST: magic"),
        (with(&|files| files.signature = hmac.clone()), 20, "vtpm.wire.signature-scheme"),
        (files.pack(&["--event-log", "no-such-log"]), 2, "no-such-log"),
        (attestrap(["pack", "tpm", "--quote", "only-one"]), 2, "--quote"),
    ] {
        assert_eq!((ran.code, ran.err.lines().count()), (code, 1), "{said}: {}", ran.err);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    let mut files = Files::new("wrong");
    files.pcrs = file("wrong-none", "sha256:\n  0 : 0x".to_owned() + &"00".repeat(32));
    let ran = files.pack(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("quotes sha256:4, and no value of it is given"), "{}", ran.err);
}

#[test]
fn a_key_that_nobody_names_is_11() {
    let evidence = unsigned("nobody.bin");
    let ran = attestrap(["verify", evidence.to_str().unwrap(), "--nonce", "c0ffee", "--json"]);
    assert_eq!(ran.code, 11, "{}{}", ran.out, ran.err);
    let refused: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&refused["format"], &refused["verdict"]), (&json!("vtpm"), &json!("refused")));
    let failed: Vec<_> =
        refused["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "failed").collect();
    let ids: Vec<_> = failed.iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["vtpm.ak.trusted", "vtpm.quote.signature"]);
    assert!(ran.err.contains("built-in strict policy (any root that you name"), "{}", ran.err);
}

#[test]
fn a_key_that_is_named_must_still_sign() {
    let evidence = unsigned("unsigned.bin");
    let key = file("unsigned-key", public());
    let shown = attestrap(["inspect", "--json", key.to_str().unwrap()]).out;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let name = shown["fields"]["name"].as_str().unwrap();
    for nonce in ["c0ffee", "c0ffee00"] {
        let ran = attestrap([
            "verify",
            evidence.to_str().unwrap(),
            "--ak-name",
            name,
            "--nonce",
            nonce,
            "--explain",
        ]);
        assert_eq!(ran.code, 11, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("pass  vtpm.ak.trusted"), "{}", ran.out);
        assert!(ran.out.contains("FAIL  vtpm.quote.signature "), "{}", ran.out);
        let word = if nonce == "c0ffee" { "pass" } else { "FAIL" };
        assert!(ran.out.contains(&format!("{word}  vtpm.quote.extra-data")), "{}", ran.out);
    }
}

#[test]
fn options_that_do_not_fit_the_format_are_2() {
    let report_data = "a7".repeat(64);
    let sha256 = "a7".repeat(32);
    let name = hex(name());
    let roots = vector("../attest-core/src/tee/snp/anchors");
    let root = vector("real/milan/vcek.der");
    let (tpm, snp) = (unsigned("misfit.bin"), vector("real/milan/report.bin"));
    for (evidence, option, value, other) in [
        (&tpm, "--report-data", report_data.as_str(), "vtpm"),
        (&tpm, "--anchors", roots.to_str().unwrap(), "vtpm"),
        (&snp, "--nonce", "c0ffee", "snp"),
        (&snp, "--tpm-root", root.to_str().unwrap(), "snp"),
        (&snp, "--ak-name", &name, "snp"),
        (&snp, "--ak-spki-sha256", &sha256, "snp"),
    ] {
        let ran = attestrap(["verify", evidence.to_str().unwrap(), option, value]);
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{option}: {}{}", ran.out, ran.err);
        assert!(
            ran.err.contains(option) && ran.err.contains(&format!("is of format {other}")),
            "{}",
            ran.err
        );
    }
    let ran = attestrap(["verify", "x", "--nonce", "00", "--report-data", &report_data]);
    assert_eq!(ran.code, 2);
    for (option, value) in
        [("--nonce", "0"), ("--nonce", &"00".repeat(67)), ("--ak-name", "000b00"), ("--ak-spki-sha256", "00")]
    {
        let ran = attestrap(["verify", "x", option, value]);
        assert_eq!(ran.code, 2, "{option} {value}");
        assert!(ran.err.contains(option), "{}", ran.err);
    }
}

#[test]
fn evidence_that_nobody_reads_is_20_and_broken_evidence_is_30() {
    let hmac = envelope(attest(), b"\0\x05\0\x0b\0\0".to_vec(), public(), Vec::new());
    let ran = with_input(["verify"], &hmac);
    assert_eq!(ran.code, 20, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("vtpm.wire.signature-scheme"), "{}", ran.out);
    let mut magic = attest();
    magic[0] = 0;
    let whole = fs::read(unsigned("broken.bin")).unwrap();
    let log_24 = [24_u32.to_le_bytes().as_slice(), &[1, 0, 0, 0], &[0; 24]].concat();
    for (bytes, said) in [
        (envelope(magic, signature(), public(), Vec::new()), "magic at offset 0x0"),
        (envelope(attest(), signature(), vec![0; 8], Vec::new()), "TPMT_PUBLIC"),
        (envelope(attest(), signature(), public(), log_24), "TCG event log: pcrIndex"),
        (whole[..whole.len() - 1].to_vec(), "evidence"),
    ] {
        let ran = with_input(["verify"], &bytes);
        assert_eq!(ran.code, 30, "{said}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(said) || ran.err.contains(said), "{said}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_root_must_be_a_certificate() {
    let evidence = unsigned("root.bin");
    for (root, code) in [
        ("no-such-root", 2),
        (file("root.txt", "a letter").to_str().unwrap(), 30),
        (file("root.der", [0x30, 1]).to_str().unwrap(), 30),
    ] {
        let ran = attestrap(["verify", evidence.to_str().unwrap(), "--tpm-root", root]);
        assert_eq!((ran.code, ran.err.lines().count()), (code, 1), "{root}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(root), "{}", ran.err);
    }
}

#[test]
fn needs_of_a_quote_have_no_address() {
    let evidence = unsigned("needs.bin");
    let ran = attestrap(["needs", "--json", evidence.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let needs: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&needs["needs"][0]["kind"], &needs["needs"][0]["required"], &needs["needs"][0]["url"]),
        (&json!("endorsement-key"), &json!(false), &json!(null))
    );
    let ran = attestrap(["needs", evidence.to_str().unwrap()]);
    assert!(ran.out.contains("only the host has it"), "{}", ran.out);
    let certs = vector("real/milan/vcek.der");
    let ran = attestrap(["needs", evidence.to_str().unwrap(), "--certs", certs.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "nothing is missing\n"));
}

/// What a root stands for is the caller's word, given by the option; a directory of roots is as good as a file.
#[test]
fn a_root_stands_for_what_its_option_says() {
    let manifest = fs::read_to_string(vector("vtpm/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let cases = manifest["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["id"] == "vtpm.ak.chain/good").unwrap();
    let blob = |name: &Value| vector(&format!("vtpm/blobs/{}", name.as_str().unwrap()));
    let (evidence, root) = (blob(&case["evidence"]), blob(&manifest["roots"][0]["file"]));
    let vendors = directory().join("vendors");
    fs::create_dir_all(&vendors).unwrap();
    fs::copy(&root, vendors.join("root.cer")).unwrap();
    let (evidence, nonce) = (evidence.to_str().unwrap(), case["report_data"].as_str().unwrap());
    let any = vector("policies/any.toml");
    for (option, stands) in [
        ("--tpm-root", "caller"),
        ("--discrete-tpm-root", "discrete-tpm"),
        ("--software-tpm-root", "software"),
    ] {
        for root in [&root, &vendors] {
            let root = root.to_str().unwrap();
            let ran = attestrap([
                "verify",
                evidence,
                option,
                root,
                "--nonce",
                nonce,
                "--at",
                "2026-01-15T12:00:00Z",
                "--policy",
                any.to_str().unwrap(),
            ]);
            assert_eq!(ran.code, 0, "{option}: {}{}", ran.out, ran.err);
            assert!(ran.out.starts_with(&format!("ACCEPTED  (vtpm, root: {stands})")), "{}", ran.out);
        }
    }
    let empty = directory().join("no-vendors");
    fs::create_dir_all(&empty).unwrap();
    let ran = attestrap(["verify", evidence, "--discrete-tpm-root", empty.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
}

/// The registers of a case of the generated set, under the signer that the set trusts, in both forms of its key.
#[test]
fn a_signer_stands_for_registers() {
    let set: Value = serde_json::from_slice(&fs::read(vector("vtpm/manifest.json")).unwrap()).unwrap();
    let signer = &set["pcr_signers"][0];
    let blob = |name: &Value| vector(&format!("vtpm/blobs/{}", name.as_str().unwrap()));
    let (spki, signatures) = (blob(&signer["spki"]), blob(&signer["signatures"]));
    let der = fs::read(&spki).unwrap();
    let pem = der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, &der).unwrap();
    let pem = file("signer.pem", pem);
    let any = fs::read_to_string(vector("policies/any.toml")).unwrap();
    let policy = file("signer.toml", any.replace("signed_pcrs = \"any\"", "signed_pcrs = [4]"));
    let verify = |id: &str, key: Option<&PathBuf>| {
        let id = json!(format!("vtpm.policy.signed-pcrs/{id}"));
        let case = set["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap();
        let mut arguments = vec!["verify".into(), blob(&case["evidence"]), "--policy".into(), policy.clone()];
        for name in set["keys"].as_array().unwrap().iter().filter_map(Value::as_str) {
            let option = if name.len() == 64 { "--ak-spki-sha256" } else { "--ak-name" };
            arguments.extend([option.into(), name.into()]);
        }
        if let Some(key) = key {
            arguments.extend(["--pcr-signer".into(), key.clone(), signatures.clone()]);
        }
        attestrap(arguments)
    };
    for (id, key, code) in [
        ("yes", Some(&spki), 0),
        ("yes", Some(&pem), 0),
        ("false-signature", Some(&spki), 10),
        ("yes", None, 10),
        ("yes", Some(&signatures), 30),
    ] {
        let ran = verify(id, key);
        assert_eq!(ran.code, code, "{id}: {} {}", ran.out, ran.err);
        assert_eq!(code == 10, ran.out.contains("vtpm.policy.signed-pcrs"), "{id}: {}", ran.out);
    }
}
