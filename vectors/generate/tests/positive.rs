//! What the generator writes by default must hold before other tools: OpenSSL for chains and CRLs, p384 for reports.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha384};
use vectors_generate::report::{S_OFFSET, SIGNED_LEN, TAIL_OFFSET};
use vectors_generate::{
    CertSpec, CrlSpec, Hash, Line, P384Key, Platform, Product, Role, Scheme, SigEdit, der_out, time,
};

#[test]
fn chains_verify() {
    let Some(openssl) = OpenSsl::find("chains") else { return };
    for product in Product::ALL {
        let chip = Platform::new(product);
        let ark = openssl.pem("ark", &CertSpec::ca(product.line(), Role::Ark).build());
        let ask = openssl.pem("ask", &CertSpec::ca(product.line(), Role::Ask).build());
        let asvk = openssl.pem("asvk", &CertSpec::ca(product.line(), Role::Asvk).build());
        let vcek = openssl.pem("vcek", &chip.vcek().build());
        let vlek = openssl.pem("vlek", &chip.vlek().build());
        assert!(openssl.verify(&ark, &ask, &vcek), "{product:?} VCEK");
        assert!(openssl.verify(&ark, &asvk, &vlek), "{product:?} VLEK");
        assert!(!openssl.verify(&ark, &asvk, &vcek), "{product:?} VCEK under the ASVK");
    }
}

#[test]
fn altered_chains_fail_or_hold() {
    let Some(openssl) = OpenSsl::find("altered") else { return };
    let chip = Platform::new(Product::Genoa);
    let ark = openssl.pem("ark", &CertSpec::ca(Line::Genoa, Role::Ark).build());
    let ask = openssl.pem("ask", &CertSpec::ca(Line::Genoa, Role::Ask).build());
    let withdrawn = openssl.pem("withdrawn", &CertSpec::withdrawn_genoa_ask().build());
    let holds = |spec: CertSpec| openssl.verify(&ark, &ask, &openssl.pem("leaf", &spec.build()));

    // A consistent signature by another scheme is valid X.509: only AMD's profile rules it out.
    for scheme in [
        Scheme::AMD_TRAILER,
        Scheme::salt(32),
        Scheme::salt(0),
        Scheme::Pkcs1v15(Hash::Sha384),
        Scheme::Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32, trailer: false },
        Scheme::Pss { hash: Hash::Sha384, mgf: Hash::Sha512, salt: 48, trailer: false },
    ] {
        assert!(holds(chip.vcek().scheme(scheme)), "{scheme:?}");
        assert!(
            scheme == Scheme::AMD_TRAILER || !holds(chip.vcek().signed_as(scheme)),
            "{scheme:?} as AMD's"
        );
    }
    assert!(!holds(chip.vcek().flip_signature(100, 1)));
    assert!(!holds(chip.vcek().signed_by(&vectors_generate::keys::ASK_ROGUE)));
    assert!(!holds(chip.vcek().valid("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z")));
    let leaf =
        openssl.pem("leaf", &chip.vcek().signed_by(&vectors_generate::keys::ASK_GENOA_WITHDRAWN).build());
    assert!(openssl.verify(&ark, &withdrawn, &leaf));

    let [ark, ask] = [Role::Ark, Role::Ask].map(|role| CertSpec::rogue_ca(Line::Genoa, role).build());
    let leaf = openssl.pem("leaf", &chip.vcek().signed_by(&vectors_generate::keys::ASK_ROGUE).build());
    assert!(openssl.verify(&openssl.pem("ark", &ark), &openssl.pem("ask", &ask), &leaf));
}

#[test]
fn crls_verify() {
    let Some(openssl) = OpenSsl::find("crls") else { return };
    for line in Line::ALL {
        let ark = openssl.pem("ark", &CertSpec::ca(line, Role::Ark).build());
        let verifies = |spec: CrlSpec| {
            let crl = openssl.write("crl", &spec.build());
            let run = openssl.run(&[
                "crl",
                "-noout",
                "-verify",
                "-inform",
                "DER",
                "-in",
                path(&crl),
                "-CAfile",
                path(&ark),
            ]);
            run.contains("verify OK")
        };
        assert!(verifies(CrlSpec::new(line)), "{line:?}");
        assert!(verifies(CrlSpec::new(line).revoking(0x1234).number(7)), "{line:?}");
        assert!(!verifies(CrlSpec::new(line).flip_signature(0, 1)), "{line:?}");
    }
}

#[test]
fn bytes_repeat() {
    let once = || {
        let chip = Platform::new(Product::Turin);
        [
            CertSpec::ca(Line::Turin, Role::Ark).build(),
            chip.vcek().build(),
            chip.vcek().signed_as(Scheme::Ecdsa).signed_by(&chip.vcek_key()).build(),
            CrlSpec::new(Line::Turin).build(),
            chip.report(5).signed_with(&chip.vcek_key()),
        ]
    };
    assert_eq!(once(), once());
    // Digests pinned here show a change of the generator, or of a crate below it, that would alter every vector.
    let digests = once().map(|bytes| hex(&Sha384::digest(bytes)[..8]));
    assert_eq!(digests, DIGESTS);
}

const DIGESTS: [&str; 5] =
    ["9e4ea51bbb0967c7", "e3e8a4af9746778c", "c21c8ebf35e76701", "6bc0163b83ac6822", "b8095cb2429603e4"];

#[test]
fn sizes_are_amds() {
    let sizes = |product| {
        let chip = Platform::new(product);
        [
            chip.vcek().build().len(),
            chip.vcek().scheme(Scheme::AMD_TRAILER).build().len(),
            chip.vlek().build().len(),
        ]
    };
    // Real certificates of 1361 octets (Milan, trailer written), 1319 (Milan VLEK), 1347 (Genoa), 1289 (Turin).
    assert_eq!(sizes(Product::Milan)[1..], [1361, 1319]);
    assert_eq!(sizes(Product::Genoa)[0], 1347);
    assert_eq!(sizes(Product::Turin)[0], 1289);
    assert_eq!(CertSpec::ca(Line::Turin, Role::Ark).build().len(), 1639);
    assert_eq!(CertSpec::ca(Line::Milan, Role::Ask).build().len(), 1677);
    assert_eq!(CrlSpec::new(Line::Genoa).build().len(), 890);
    assert_eq!(CrlSpec::new(Line::Milan).build().len(), 866);
}

#[test]
fn report_signatures_verify() {
    for (product, version) in
        Product::ALL.into_iter().flat_map(|product| (1..=5).map(move |version| (product, version)))
    {
        let chip = Platform::new(product);
        assert!(verifies(&chip.report(version).signed_with(&chip.vcek_key()), &chip.vcek_key()));
        assert!(verifies(&chip.vlek_report(version).signed_with(&chip.vlek_key()), &chip.vlek_key()));
    }
}

#[test]
fn report_edits() {
    let chip = Platform::new(Product::Milan);
    let key = chip.vcek_key();
    let good = chip.report(2).signed_with(&key);
    let edited = |edit| chip.report(2).edit_signature(edit).signed_with(&key);
    assert!(verifies(&edited(SigEdit::NegateS), &key));
    assert_ne!(edited(SigEdit::NegateS), good);
    for edit in [SigEdit::BigEndian, SigEdit::FlipR(3), SigEdit::OrderS, SigEdit::Swap, SigEdit::ZeroR] {
        assert!(!verifies(&edited(edit), &key), "{edit:?}");
    }
    let longer = edited(SigEdit::PlusOrderR);
    assert!(longer[SIGNED_LEN + 48] <= 1 && longer[SIGNED_LEN..S_OFFSET] != good[SIGNED_LEN..S_OFFSET]);
    assert_eq!(edited(SigEdit::PadS(0, 9))[S_OFFSET + 48], 9);
    assert_eq!(edited(SigEdit::Tail(0, 9))[TAIL_OFFSET], 9);

    let patched = chip.report(2).patch(0x1EB, &[1]).signed_with(&key);
    assert!(patched[0x1EB] == 1 && verifies(&patched, &key));
    assert!(!verifies(&chip.report(2).patch_late(0x1EB, &[1]).signed_with(&key), &key));
}

fn verifies(report: &[u8], key: &P384Key) -> bool {
    let scalar = |offset: usize| report[offset..offset + 48].iter().rev().copied();
    let signature: Vec<u8> = scalar(SIGNED_LEN).chain(scalar(S_OFFSET)).collect();
    let key = VerifyingKey::from_sec1_bytes(&key.sec1()).expect("a public key");
    let digest = Sha384::digest(&report[..SIGNED_LEN]);
    Signature::from_slice(&signature).is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok())
}

/// The command line tool and a directory for its files.
struct OpenSsl(PathBuf);

impl OpenSsl {
    /// `None` without the tool: the test then passes without having looked.
    fn find(test: &str) -> Option<Self> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        fs::create_dir_all(&dir).expect("the directory can be made");
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("skipped: no openssl");
            return None;
        }
        Some(Self(dir))
    }

    fn verify(&self, ark: &Path, ask: &Path, leaf: &Path) -> bool {
        let now = time::unix(time::NOW).to_string();
        let args = ["verify", "-attime", &now, "-CAfile", path(ark), "-untrusted", path(ask), path(leaf)];
        self.run(&args).contains(": OK")
    }

    fn run(&self, args: &[&str]) -> String {
        let output = Command::new("openssl").args(args).output().expect("openssl runs");
        iter::once(output.stdout)
            .chain([output.stderr])
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect()
    }

    fn pem(&self, name: &str, der: &[u8]) -> PathBuf {
        self.write(name, der_out::pem("CERTIFICATE", der).as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, bytes).expect("the file can be written");
        file
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
