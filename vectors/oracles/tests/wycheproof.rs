//! Project Wycheproof's vectors through every provider: right signatures hold, wrong ones do not, and all three agree.

use attest_core::crypto::{BUILT_IN, SignatureAlgorithm};
use der::asn1::UintRef;
use der::{Reader, SliceReader};
use wycheproof::{TestResult, ecdsa, rsa_pss_verify};

/// One signature in the form that providers take.
struct Vector {
    id: String,
    comment: String,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    result: TestResult,
}

/// Vectors of one file, and how many of it have no form that a provider could be asked about.
struct File {
    name: &'static str,
    algorithm: SignatureAlgorithm,
    vectors: Vec<Vector>,
    skipped: usize,
}

/// Vectors for which a provider may answer otherwise than Wycheproof does: file, test, provider, reason.
const KNOWN: &[(&str, &str, &str, &str)] = &[];

/// r and s of strict DER, each as `len` octets; `None` if this is another encoding or a number is too long for the form.
fn fixed(der: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(der).ok()?;
    let (r, s) = reader
        .sequence(|r| Ok::<_, der::Error>((r.decode::<UintRef<'_>>()?, r.decode::<UintRef<'_>>()?)))
        .ok()?;
    reader.finish().ok()?;
    let mut out = vec![0; 2 * len];
    for (half, scalar) in out.chunks_exact_mut(len).zip([r, s]) {
        let at = len.checked_sub(scalar.as_bytes().len())?;
        half[at..].copy_from_slice(scalar.as_bytes());
    }
    Some(out)
}

fn ecdsa(name: &'static str, test: ecdsa::TestName, algorithm: SignatureAlgorithm, len: usize) -> File {
    let set = ecdsa::TestSet::load(test).expect("the crate reads its own data");
    let mut file = File { name, algorithm, vectors: Vec::new(), skipped: 0 };
    for group in &set.test_groups {
        for test in &group.tests {
            let signature = match group.test_type {
                ecdsa::TestGroupTypeId::EcdsaP1363 => Some(test.sig.to_vec()),
                ecdsa::TestGroupTypeId::Ecdsa => fixed(&test.sig, len),
                ecdsa::TestGroupTypeId::EcdsaBitcoin => None,
            };
            let Some(signature) = signature else {
                assert_ne!(test.result, TestResult::Valid, "{name} {}: the conversion loses it", test.tc_id);
                file.skipped += 1;
                continue;
            };
            file.vectors.push(Vector {
                id: test.tc_id.to_string(),
                comment: test.comment.clone(),
                key: group.key.key.to_vec(),
                message: test.msg.to_vec(),
                signature,
                result: test.result,
            });
        }
    }
    file
}

fn pss(name: &'static str, test: rsa_pss_verify::TestName, algorithm: SignatureAlgorithm) -> File {
    let set = rsa_pss_verify::TestSet::load(test).expect("the crate reads its own data");
    let mut file = File { name, algorithm, vectors: Vec::new(), skipped: 0 };
    for group in &set.test_groups {
        for test in &group.tests {
            file.vectors.push(Vector {
                id: test.tc_id.to_string(),
                comment: test.comment.clone(),
                key: group.asn_key.to_vec(),
                message: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                result: test.result,
            });
        }
    }
    file
}

fn files() -> Vec<File> {
    use SignatureAlgorithm::{EcdsaP256Sha256, EcdsaP384Sha384, RsaPssSha256, RsaPssSha384};
    use ecdsa::TestName as E;
    use rsa_pss_verify::TestName as R;
    vec![
        ecdsa("P-384, r and s", E::EcdsaSecp384r1Sha384P1363, EcdsaP384Sha384, 48),
        ecdsa("P-384, DER", E::EcdsaSecp384r1Sha384, EcdsaP384Sha384, 48),
        ecdsa("P-256, r and s", E::EcdsaSecp256r1Sha256P1363, EcdsaP256Sha256, 32),
        ecdsa("P-256, DER", E::EcdsaSecp256r1Sha256, EcdsaP256Sha256, 32),
        pss("PSS 2048, SHA-384", R::RsaPss2048Sha384Mgf1SaltLen48, RsaPssSha384),
        pss("PSS 4096, SHA-384", R::RsaPss4096Sha384Mgf1SaltLen48, RsaPssSha384),
        pss("PSS 2048, SHA-256", R::RsaPss2048Sha256Mgf1SaltLen32, RsaPssSha256),
        pss("PSS 3072, SHA-256", R::RsaPss3072Sha256Mgf1SaltLen32, RsaPssSha256),
        pss("PSS 4096, SHA-256", R::RsaPss4096Sha256Mgf1SaltLen32, RsaPssSha256),
    ]
}

#[test]
fn providers_agree_with_wycheproof() {
    assert_eq!(BUILT_IN.len(), 3, "all providers are on");
    let mut wrong = Vec::new();
    println!(
        "| file | provider | valid, accepted | invalid, refused | acceptable, accepted | no fixed form |"
    );
    println!("|---|---|---|---|---|---|");
    for file in files() {
        let mut verdicts: Vec<Vec<bool>> = Vec::new();
        for provider in BUILT_IN {
            let (mut valid, mut invalid, mut acceptable) = ((0, 0), (0, 0), (0, 0));
            let mut all = Vec::new();
            for vector in &file.vectors {
                let holds = provider
                    .verify(file.algorithm, &vector.key, &vector.message, &vector.signature)
                    .expect("every provider has every scheme")
                    .is_ok();
                all.push(holds);
                let (count, ok) = match vector.result {
                    TestResult::Valid => (&mut valid, holds),
                    TestResult::Invalid => (&mut invalid, !holds),
                    TestResult::Acceptable => (&mut acceptable, holds),
                };
                count.0 += usize::from(ok);
                count.1 += 1;
                let known = KNOWN.iter().any(|(name, id, by, _)| {
                    (*name, *id, *by) == (file.name, vector.id.as_str(), provider.name)
                });
                if vector.result == TestResult::Acceptable {
                    println!("acceptable: {} {} ({}): {holds}", file.name, vector.id, vector.comment);
                } else if !ok && !known {
                    wrong.push(format!(
                        "{} {} ({}): {} says {holds}",
                        file.name, vector.id, vector.comment, provider.name
                    ));
                }
            }
            println!(
                "| {} | {} | {}/{} | {}/{} | {}/{} | {} |",
                file.name,
                provider.name,
                valid.0,
                valid.1,
                invalid.0,
                invalid.1,
                acceptable.0,
                acceptable.1,
                file.skipped
            );
            verdicts.push(all);
        }
        for (at, vector) in file.vectors.iter().enumerate() {
            if !verdicts.iter().all(|verdict| verdict[at] == verdicts[0][at]) {
                wrong.push(format!("{} {} ({}): the providers differ", file.name, vector.id, vector.comment));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
