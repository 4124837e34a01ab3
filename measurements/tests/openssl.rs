//! Signature files between us and OpenSSL, both ways.

use std::path::PathBuf;
use std::process::{Command, Output};

use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_measurements::trust::{VerifyingKey, blob};
use base64ct::{Base64, Encoding as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};

const MANIFEST: &[u8] = b"{\"a\": \"manifest\"}\n";

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn openssl(arguments: &[&str]) -> Option<Output> {
    match Command::new("openssl").args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: no openssl: {error}");
            None
        }
    }
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn openssl_verifies_what_we_signed() {
    let signer = SigningKey::from_slice(&[9; 32]).unwrap();
    let pem = p256::PublicKey::from(signer.verifying_key()).to_public_key_pem(LineEnding::LF).unwrap();
    let key = VerifyingKey::from_pem(pem.as_bytes()).unwrap();
    let signature: DerSignature = signer.sign(MANIFEST);
    let written = blob::encode(MANIFEST, signature.as_bytes(), &key, &PROVIDER).unwrap();
    let der = Base64::decode_vec(written.trim_end()).unwrap();
    let (key, signature) = (file("ours.pub", pem.as_bytes()), file("ours.sig", &der));
    for (bytes, valid) in [(MANIFEST, true), (&b"another"[..], false)] {
        let manifest = file(if valid { "ours" } else { "ours-other" }, bytes);
        let arguments =
            ["dgst", "-sha256", "-verify", text(&key), "-signature", text(&signature), text(&manifest)];
        let Some(output) = openssl(&arguments) else { return };
        assert_eq!(output.status.success(), valid, "{output:?}");
    }
}

#[test]
fn we_verify_what_openssl_signed() {
    let made = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let Some(made) = made else { return };
    assert!(made.status.success(), "{made:?}");
    let pem = String::from_utf8(made.stdout).unwrap();
    let (key, manifest) = (file("theirs.key", pem.as_bytes()), file("theirs", MANIFEST));
    let signed = openssl(&["dgst", "-sha256", "-sign", text(&key), text(&manifest)]).unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let secret = p256::SecretKey::from_pkcs8_pem(&pem).unwrap();
    let public = secret.public_key().to_public_key_pem(LineEnding::LF).unwrap();
    let public = VerifyingKey::from_pem(public.as_bytes()).unwrap();
    let written = format!("{}\n", Base64::encode_string(&signed.stdout));
    assert_eq!(
        blob::verify(MANIFEST, written.as_bytes(), &public, &PROVIDER).map(|trusted| trusted.bytes()),
        Ok(MANIFEST)
    );
    assert!(blob::verify(b"another", written.as_bytes(), &public, &PROVIDER).is_err());
}
