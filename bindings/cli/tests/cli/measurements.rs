//! Reference values: converted, merged, signed, verified, made a policy, and fetched from a server that misbehaves.

use std::fs;
use std::path::PathBuf;

use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};

use crate::tool::{Ran, attestrap, directory, file, verify_real};

const PCR: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn document(serial: u64, issued: &str) -> String {
    format!(
        r#"{{"format":"attestrap-reference-values/1","name":"node","serial":{serial},"issued":"{issued}","sets":[
        {{"name":"image","not_before":"any","not_after":"any","registers":{{"tpm.sha256.4":{{"equals":"{PCR}"}}}}}}]}}"#
    )
}

/// A private and a public key, in files of the thread's own: tests run side by side.
fn keys(octet: u8) -> (PathBuf, PathBuf) {
    let secret = p256::SecretKey::from_slice(&[octet; 32]).unwrap();
    let private = secret.to_pkcs8_pem(LineEnding::LF).unwrap();
    let public = secret.public_key().to_public_key_pem(LineEnding::LF).unwrap();
    let name = format!("key-{octet}-{:?}", std::thread::current().id());
    (file(&name, private.as_bytes()), file(&format!("{name}.pub"), public))
}

fn measurements(arguments: &[&str]) -> Ran {
    attestrap([&["measurements"], arguments].concat())
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn formats_are_converted_and_what_is_lost_must_be_named() {
    let list = format!(
        r#"[{{"measurement_id":"a","attestation_type":"azure-tdx","measurements":{{"4":{{"expected":"{PCR}"}}}}}}]"#
    );
    let list = file("flashbots.json", list);
    let native =
        measurements(&["convert", text(&list), "--from", "flashbots", "--name", "node", "--serial", "3"]);
    assert_eq!(native.code, 0, "{}", native.err);
    assert!(
        native.out.contains("\"tpm.sha256.4\"") && native.out.contains("\"serial\": 3"),
        "{}",
        native.out
    );
    let native = file("flashbots-native.json", native.out);
    for (to, word) in [("toml", "serial = 3"), ("flashbots", "expected")] {
        let again = measurements(&["convert", text(&native), "--to", to]);
        assert!(again.code == 0 && again.out.contains(word), "{to}: {} {}", again.out, again.err);
    }
    let refused =
        measurements(&["convert", text(&native), "--to", "constellation", "--release", "v1,-,stable"]);
    assert_eq!(refused.code, 2, "a name of another form: {}", refused.err);
    let rvps = format!(r#"{{"snp_pcr04":["{PCR}"],"snp_bootloader":[4]}}"#);
    let rvps = file("rvps.json", rvps);
    let lossy = measurements(&["convert", text(&rvps), "--from", "rvps"]);
    assert!(lossy.code == 2 && lossy.err.contains("--accept-loss"), "{}", lossy.err);
    let named = measurements(&["convert", text(&rvps), "--from", "rvps", "--accept-loss", "snp_bootloader"]);
    assert_eq!(named.code, 0, "{}", named.err);
    let broken = measurements(&["convert", text(&file("broken.json", "[{}]")), "--from", "flashbots"]);
    assert!(broken.code == 30 && broken.err.contains("$[0]"), "{}", broken.err);
}

#[test]
fn documents_are_merged_and_conflicts_are_said() {
    let one = file("merge-1.json", document(1, "2026-01-01T00:00:00Z"));
    let other = file("merge-2.json", document(1, "2026-01-01T00:00:00Z").replace(PCR, &"ff".repeat(32)));
    let merge = |how: &str| measurements(&["merge", how, text(&one), text(&other)]);
    let union = merge("union");
    assert!(union.code == 10 && union.err.contains("tpm.sha256.4 differs"), "{}", union.err);
    let over = merge("override");
    assert!(over.code == 0 && over.err.contains("overridden") && over.out.contains("ffff"), "{}", over.err);
    assert_eq!(merge("intersection").code, 10);
}

#[test]
fn a_set_becomes_a_policy_that_verify_takes() {
    let measurement = fs::read(crate::tool::vector("real/milan/report.bin")).unwrap()[0x90..0xc0].to_vec();
    let hex: String = measurement.iter().map(|octet| format!("{octet:02x}")).collect();
    let ground = crate::tool::vector("policies/real-milan.toml");
    for (hex, code) in
        [(hex.clone(), 0), (hex.replacen(&hex[..1], if hex.starts_with('0') { "1" } else { "0" }, 1), 2)]
    {
        let document = document(1, "2026-01-01T00:00:00Z").replace(
            &format!("\"tpm.sha256.4\":{{\"equals\":\"{PCR}\""),
            &format!("\"snp.measurement\":{{\"equals\":\"{hex}\""),
        );
        let document = file(&format!("policy-{code}.json"), document);
        let policy = directory().join(format!("policy-{code}.toml"));
        let made = measurements(&[
            "policy",
            text(&document),
            "--set",
            "image",
            "--ground",
            text(&ground),
            "-o",
            text(&policy),
        ]);
        // The ground lists the report's own measurement: another one fits no machine.
        assert_eq!(made.code, code, "{}", made.err);
        if code == 0 {
            let ran = verify_real(&["--policy", text(&policy)]);
            assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
        }
    }
    let document = file("policy-tpm.json", document(1, "2026-01-01T00:00:00Z"));
    let other = measurements(&["policy", text(&document), "--set", "other", "--ground", text(&ground)]);
    assert_eq!(other.code, 10, "{}", other.err);
}

#[test]
fn files_are_signed_and_verified() {
    let ((private, public), (_, other)) = (keys(1), keys(2));
    let document = file("signed.json", document(1, "2026-01-01T00:00:00Z"));
    let signed = measurements(&["sign", text(&document), "--key", text(&private)]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    let signature = directory().join("signed.json.sig");
    let verify = |signature: &PathBuf, key: &PathBuf| {
        measurements(&["verify", text(&document), "--signature", text(signature), "--key", text(key)]).code
    };
    assert_eq!((verify(&signature, &public), verify(&signature, &other)), (0, 11));
    assert_eq!(verify(&document, &public), 11);
    let nobody = measurements(&["verify", text(&document), "--signature", text(&signature)]);
    assert_eq!(nobody.code, 2, "{}", nobody.err);
    let wrong = measurements(&["sign", text(&document), "--key", text(&public)]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
}

/// The signature files of the tool and of OpenSSL, each for the other.
#[test]
fn openssl_and_the_tool_verify_each_other() {
    let (private, public) = keys(1);
    let document = file("openssl.json", document(1, "2026-01-01T00:00:00Z"));
    let der = directory().join("openssl.der");
    let openssl = |arguments: &[&str]| std::process::Command::new("openssl").args(arguments).output();
    let Ok(version) = openssl(&["version"]) else {
        println!("skipped: no openssl");
        return;
    };
    assert!(version.status.success());
    assert_eq!(measurements(&["sign", text(&document), "--key", text(&private)]).code, 0);
    let signature = directory().join("openssl.json.sig");
    let decode = openssl(&["base64", "-d", "-A", "-in", text(&signature), "-out", text(&der)]).unwrap();
    assert!(decode.status.success(), "{decode:?}");
    let verify = |of: &PathBuf| {
        openssl(&["dgst", "-sha256", "-verify", text(&public), "-signature", text(&der), text(of)]).unwrap()
    };
    assert!(verify(&document).status.success());
    assert!(!verify(&public).status.success(), "another file");

    let signed = openssl(&["dgst", "-sha256", "-sign", text(&private), "-out", text(&der), text(&document)]);
    assert!(signed.unwrap().status.success());
    let encoded = openssl(&["base64", "-A", "-in", text(&der), "-out", text(&signature)]).unwrap();
    assert!(encoded.status.success());
    let ours = |of: &PathBuf| {
        measurements(&["verify", text(of), "--signature", text(&signature), "--key", text(&public)]).code
    };
    assert_eq!((ours(&document), ours(&public)), (0, 11));
}

#[test]
fn a_manifest_in_cbor_is_written_signed_and_verified() {
    let ((private, public), (_, other)) = (keys(1), keys(2));
    let document = file("corim.json", document(1, "2026-01-01T00:00:00Z"));
    let [unsigned, signed, inside] =
        ["corim.cbor", "corim.cose", "corim.inside"].map(|name| directory().join(name));
    let written = measurements(&["convert", text(&document), "--to", "corim", "-o", text(&unsigned)]);
    assert_eq!(written.code, 0, "{}", written.err);
    let sign = |file: &PathBuf, until: &str| {
        let fixed = ["--corim", "Example", "--not-before", "2026-01-01", "--not-after", until];
        let files = ["sign", text(file), "--key", text(&private), "-o", text(&signed)];
        measurements(&[&files[..], &fixed].concat())
    };
    let verify = |file: &PathBuf, key: &PathBuf| {
        drop(fs::remove_file(&inside));
        measurements(&["verify", text(file), "--corim", text(&inside), "--key", text(key)])
    };
    assert_eq!(sign(&document, "2099-01-01").code, 30, "no manifest in CBOR");
    assert_eq!(sign(&unsigned, "2025-01-01").code, 2, "an end before the beginning");
    assert_eq!(sign(&unsigned, "2026-01-02").code, 0);
    let over = verify(&signed, &public);
    assert!(over.code == 11 && over.err.contains("signing time"), "{}", over.err);
    assert_eq!(sign(&unsigned, "2099-01-01").code, 0);
    let good = verify(&signed, &public);
    assert_eq!(good.code, 0, "{}", good.err);
    assert_eq!(fs::read(&inside).unwrap(), fs::read(&unsigned).unwrap());
    let again = measurements(&["convert", text(&inside), "--from", "corim", "--name", "node"]);
    assert!(again.code == 0 && again.out.contains(PCR), "{}", again.err);
    for (file, key, code) in [(&signed, &other, 11), (&unsigned, &public, 30)] {
        assert_eq!(verify(file, key).code, code);
        assert!(!inside.exists(), "nothing is written that is not verified");
    }
}

#[test]
fn a_transition_is_said_and_verified() {
    let ((private, public), (_, other)) = (keys(1), keys(2));
    let set = |name: &str, digest: &str| {
        format!(
            r#"{{"name":"{name}","not_before":"any","not_after":"any","registers":{{"tpm.sha256.4":{{"equals":"{digest}"}}}}}}"#
        )
    };
    let of = |name: &str, sets: &[String]| {
        let head = r#"{"format":"attestrap-reference-values/1","name":"NAME","serial":1,"issued":"2026-01-01T00:00:00Z","sets":["#;
        format!("{}{}]}}", head.replace("NAME", name), sets.join(","))
    };
    let sets = [set("old", PCR), set("new", &"11".repeat(32)), set("else", &"22".repeat(32))];
    let document = file("transition.json", of("node", &sets));
    let elsewhere = file("transition-other.json", of("edon", &sets));
    let statement = directory().join("transition.cose");
    let sign = |from: &str, to: &str| {
        let files = ["transition", "sign", text(&document), "--key", text(&private), "-o", text(&statement)];
        let words = ["--from", from, "--to", to, "--not-before", "2026-01-01", "--not-after", "2026-02-01"];
        measurements(&[&files[..], &words].concat())
    };
    assert_eq!(sign("old", "old").code, 2, "one set twice");
    assert_eq!(sign("old", "missing").code, 2);
    let signed = sign("old", "new");
    assert_eq!(signed.code, 0, "{}", signed.err);
    let verify = |document: &PathBuf, (from, to): (&str, &str), key: &PathBuf, at: &str| {
        let files =
            ["transition", "verify", text(document), "--statement", text(&statement), "--key", text(key)];
        measurements(&[&files[..], &["--from", from, "--to", to, "--at", at]].concat())
    };
    let good = verify(&document, ("old", "new"), &public, "2026-01-15");
    assert_eq!(good.code, 0, "{}", good.err);
    for (document, sets, key, at) in [
        (&document, ("new", "old"), &public, "2026-01-15"),
        (&document, ("old", "else"), &public, "2026-01-15"),
        (&document, ("old", "new"), &other, "2026-01-15"),
        (&document, ("old", "new"), &public, "2025-12-31"),
        (&document, ("old", "new"), &public, "2026-02-02"),
        (&elsewhere, ("old", "new"), &public, "2026-01-15"),
    ] {
        let ran = verify(document, sets, key, at);
        assert_eq!(ran.code, 11, "{sets:?} {at}: {}", ran.err);
    }
    fs::write(&statement, b"\xd8\x62").unwrap();
    assert_eq!(verify(&document, ("old", "new"), &public, "2026-01-15").code, 30);
}

#[cfg(feature = "fetch")]
mod fetch {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers every request by its path; `None` closes the connection.
    fn serve(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/node.json", listener.local_addr().unwrap());
        // The thread ends with the process.
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
                let path = request.split(' ').nth(1).unwrap().to_owned();
                if let Some(answer) = answer(&path) {
                    drop(connection.write_all(&answer));
                }
            }
        });
        url
    }

    fn response(status: &str, headers: &str, length: usize, body: &[u8]) -> Vec<u8> {
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
        [head.as_bytes(), body].concat()
    }

    fn ok(body: &[u8]) -> Vec<u8> {
        response("200 OK", "", body.len(), body)
    }

    /// A document and its signature by key 1.
    fn signed(name: &str, document: &str) -> (Vec<u8>, Vec<u8>) {
        let (path, signature) = (file(name, document), directory().join(format!("{name}.sig")));
        assert_eq!(measurements(&["sign", text(&path), "--key", text(&keys(1).0)]).code, 0);
        (document.as_bytes().into(), fs::read(signature).unwrap())
    }

    struct Place {
        output: PathBuf,
        watermark: PathBuf,
    }

    impl Place {
        fn new(name: &str) -> Self {
            let place = Self {
                output: directory().join(format!("{name}.out")),
                watermark: directory().join(format!("{name}.mark")),
            };
            drop(fs::remove_file(&place.output));
            drop(fs::remove_file(&place.watermark));
            place
        }

        fn fetch(&self, url: &str, more: &[&str]) -> Ran {
            let key = keys(1).1;
            let fixed = [
                "fetch",
                url,
                "--key",
                text(&key),
                "--watermark",
                text(&self.watermark),
                "-o",
                text(&self.output),
            ];
            measurements(&[&fixed, more].concat())
        }
    }

    fn pair((document, signature): (Vec<u8>, Vec<u8>)) -> impl Fn(&str) -> Option<Vec<u8>> + Send {
        move |path| Some(ok(if path.ends_with(".sig") { &signature } else { &document }))
    }

    #[test]
    fn a_document_is_taken_once_it_is_verified_and_not_older() {
        let place = Place::new("good");
        let issued = "2026-01-01T00:00:00Z";
        let five = serve(pair(signed("five", &document(5, issued))));
        let unknown = place.fetch(&five, &[]);
        assert_eq!(unknown.code, 2, "a mark that is not there is not taken for none: {}", unknown.err);
        let first = place.fetch(&five, &["--first"]);
        assert_eq!(first.code, 0, "{}", first.err);
        assert_eq!(fs::read_to_string(&place.output).unwrap(), document(5, issued));
        assert_eq!(place.fetch(&five, &["--first"]).code, 2);
        assert_eq!(place.fetch(&five, &[]).code, 0, "the same once more");
        let kept = || (fs::read(&place.output).unwrap(), fs::read(&place.watermark).unwrap());
        let before = kept();
        let earlier = "2025-12-31T23:59:59Z";
        for (name, stale) in [
            ("four", document(4, issued)),
            ("five-other", document(5, issued).replace(PCR, &"ff".repeat(32))),
            ("six-older", document(6, earlier)),
            ("other", document(6, issued).replace("node", "edon")),
            ("future", document(6, "2999-01-01T00:00:00Z")),
        ] {
            let ran = place.fetch(&serve(pair(signed(name, &stale))), &[]);
            assert_eq!(ran.code, 11, "{name}: {}", ran.err);
            assert!(kept() == before, "{name}: nothing is replaced");
        }
        let six = serve(pair(signed("six", &document(6, issued))));
        assert_eq!(place.fetch(&six, &[]).code, 0);
        assert_eq!(place.fetch(&five, &[]).code, 11);
        // A mark that cannot be read is not taken for none.
        fs::write(&place.watermark, "{}").unwrap();
        assert_eq!(place.fetch(&six, &[]).code, 30);
    }

    #[test]
    fn a_server_that_misbehaves_changes_nothing() {
        let place = Place::new("bad");
        let (good, signature) = signed("bad", &document(1, "2026-01-01T00:00:00Z"));
        let other = signed("bad-other", &document(2, "2026-01-01T00:00:00Z")).1;
        let refuse = |code: i32, why: &str, document: Vec<u8>, signature: Vec<u8>| {
            let answer = move |path: &str| {
                Some(if path.ends_with(".sig") { signature.clone() } else { document.clone() })
            };
            let ran = place.fetch(&serve(answer), &["--first"]);
            assert_eq!(ran.code, code, "{why}: {}", ran.err);
            assert!(!place.output.exists() && !place.watermark.exists(), "{why}");
        };
        refuse(11, "a signature of something else", ok(&good), ok(&other));
        refuse(11, "no signature", ok(&good), ok(b""));
        refuse(11, "an altered document", ok(&[&good[..], b" "].concat()), ok(&signature));
        refuse(12, "no signature file", ok(&good), response("404 Not Found", "", 0, b""));
        let short = response("200 OK", "", good.len(), &good[..good.len() - 1]);
        refuse(12, "a document cut short", short, ok(&signature));
        let short = response("200 OK", "", signature.len() + 1, &signature);
        refuse(12, "a signature cut short", ok(&good), short);
        let elsewhere = serve(pair((good.clone(), signature.clone())));
        let redirect = response("302 Found", &format!("Location: {elsewhere}\r\n"), 0, b"");
        refuse(12, "a redirect", redirect, ok(&signature));
        refuse(12, "too much", ok(&vec![b' '; 2 << 20]), ok(&signature));
        refuse(12, "silence", Vec::new(), Vec::new());
        let (form, of_form) = signed("bad-form", "{\"format\":\"attestrap-reference-values/1\"}");
        refuse(30, "signed, and no document", ok(&form), ok(&of_form));
        let ran = place.fetch("http://example.com/node.json", &["--first"]);
        assert_eq!(ran.code, 2, "plain HTTP stays on this machine: {}", ran.err);
    }
}
