//! Project Wycheproof's vectors through every provider: right signatures hold, wrong ones do not, and all three agree.

use attest_core::crypto::{BUILT_IN, Family, SignatureAlgorithm};
use der::asn1::UintRef;
use der::{Reader, SliceReader};
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify, rsa_pss_verify};

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
    /// How many have another verdict here than with Wycheproof: an exponent of 3, or another length of salt.
    asked_otherwise: usize,
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
    let mut file = File { name, algorithm, vectors: Vec::new(), skipped: 0, asked_otherwise: 0 };
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

fn pkcs1(name: &'static str, test: rsa_pkcs1_verify::TestName, algorithm: SignatureAlgorithm) -> File {
    let set = rsa_pkcs1_verify::TestSet::load(test).expect("the crate reads its own data");
    let mut file = File { name, algorithm, vectors: Vec::new(), skipped: 0, asked_otherwise: 0 };
    for group in &set.test_groups {
        // Last in the key: INTEGER 3. Wycheproof has nothing against it, no provider here takes a key with it.
        let three = group.asn_key.ends_with(&[0x02, 0x01, 0x03]);
        for test in &group.tests {
            file.asked_otherwise += usize::from(three);
            file.vectors.push(Vector {
                id: test.tc_id.to_string(),
                comment: test.comment.clone(),
                key: group.asn_key.to_vec(),
                message: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                result: if three { TestResult::Invalid } else { test.result },
            });
        }
    }
    file
}

/// Whether the scheme takes a salt of this length.
fn takes(algorithm: SignatureAlgorithm, modulus: usize, salt: usize) -> bool {
    let digest = algorithm.hash().digest_len();
    salt == digest || (algorithm.family() == Family::RsaPssTpm && salt == modulus / 8 - digest - 2)
}

/// A file of RSASSA-PSS. Wycheproof's verdict is for the salt of the file, ours for those of the scheme.
fn pss(name: &'static str, test: rsa_pss_verify::TestName, algorithm: SignatureAlgorithm) -> File {
    let set = rsa_pss_verify::TestSet::load(test).expect("the crate reads its own data");
    let mut file = File { name, algorithm, vectors: Vec::new(), skipped: 0, asked_otherwise: 0 };
    for group in &set.test_groups {
        for test in &group.tests {
            let changed =
                test.comment.strip_prefix("s_len changed to ").map(|salt| salt.parse().expect("a number"));
            let salt = changed.or_else(|| (test.result == TestResult::Valid).then_some(group.salt_size));
            let result = match salt {
                Some(salt) if takes(algorithm, group.key_size, salt) => TestResult::Valid,
                Some(_) => TestResult::Invalid,
                None => test.result,
            };
            file.asked_otherwise += usize::from(result != test.result);
            file.vectors.push(Vector {
                id: test.tc_id.to_string(),
                comment: test.comment.clone(),
                key: group.asn_key.to_vec(),
                message: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                result,
            });
        }
    }
    file
}

fn files() -> Vec<File> {
    use SignatureAlgorithm as A;
    use ecdsa::TestName as E;
    use rsa_pkcs1_verify::TestName as P;
    use rsa_pss_verify::TestName as R;
    vec![
        ecdsa("P-384, SHA-384, r and s", E::EcdsaSecp384r1Sha384P1363, A::EcdsaP384Sha384, 48),
        ecdsa("P-384, SHA-384, DER", E::EcdsaSecp384r1Sha384, A::EcdsaP384Sha384, 48),
        ecdsa("P-384, SHA-256, DER", E::EcdsaSecp384r1Sha256, A::EcdsaP384Sha256, 48),
        ecdsa("P-384, SHA-512, r and s", E::EcdsaSecp384r1Sha512P1363, A::EcdsaP384Sha512, 48),
        ecdsa("P-384, SHA-512, DER", E::EcdsaSecp384r1Sha512, A::EcdsaP384Sha512, 48),
        ecdsa("P-256, SHA-256, r and s", E::EcdsaSecp256r1Sha256P1363, A::EcdsaP256Sha256, 32),
        ecdsa("P-256, SHA-256, DER", E::EcdsaSecp256r1Sha256, A::EcdsaP256Sha256, 32),
        ecdsa("P-256, SHA-512, r and s", E::EcdsaSecp256r1Sha512P1363, A::EcdsaP256Sha512, 32),
        ecdsa("P-256, SHA-512, DER", E::EcdsaSecp256r1Sha512, A::EcdsaP256Sha512, 32),
        ecdsa("P-521, SHA-512, r and s", E::EcdsaSecp521r1Sha512P1363, A::EcdsaP521Sha512, 66),
        ecdsa("P-521, SHA-512, DER", E::EcdsaSecp521r1Sha512, A::EcdsaP521Sha512, 66),
        pkcs1("PKCS #1 2048, SHA-256", P::Rsa2048Sha256, A::RsaPkcs1Sha256),
        pkcs1("PKCS #1 2048, SHA-384", P::Rsa2048Sha384, A::RsaPkcs1Sha384),
        pkcs1("PKCS #1 2048, SHA-512", P::Rsa2048Sha512, A::RsaPkcs1Sha512),
        pkcs1("PKCS #1 3072, SHA-256", P::Rsa3072Sha256, A::RsaPkcs1Sha256),
        pkcs1("PKCS #1 3072, SHA-384", P::Rsa3072Sha384, A::RsaPkcs1Sha384),
        pkcs1("PKCS #1 3072, SHA-512", P::Rsa3072Sha512, A::RsaPkcs1Sha512),
        pkcs1("PKCS #1 4096, SHA-256", P::Rsa4096Sha256, A::RsaPkcs1Sha256),
        pkcs1("PKCS #1 4096, SHA-384", P::Rsa4096Sha384, A::RsaPkcs1Sha384),
        pkcs1("PKCS #1 4096, SHA-512", P::Rsa4096Sha512, A::RsaPkcs1Sha512),
        pkcs1("PKCS #1 8192, SHA-256", P::Rsa8192Sha256, A::RsaPkcs1Sha256),
        pkcs1("PKCS #1 8192, SHA-384", P::Rsa8192Sha384, A::RsaPkcs1Sha384),
        pkcs1("PKCS #1 8192, SHA-512", P::Rsa8192Sha512, A::RsaPkcs1Sha512),
        pss("PSS 2048, SHA-384", R::RsaPss2048Sha384Mgf1SaltLen48, A::RsaPssSha384),
        pss("PSS 4096, SHA-384", R::RsaPss4096Sha384Mgf1SaltLen48, A::RsaPssSha384),
        pss("PSS 2048, SHA-256", R::RsaPss2048Sha256Mgf1SaltLen32, A::RsaPssSha256),
        pss("PSS 3072, SHA-256", R::RsaPss3072Sha256Mgf1SaltLen32, A::RsaPssSha256),
        pss("PSS 4096, SHA-256", R::RsaPss4096Sha256Mgf1SaltLen32, A::RsaPssSha256),
        pss("PSS 4096, SHA-512", R::RsaPss4096Sha512Mgf1SaltLen64, A::RsaPssSha512),
        pss("TPM 2048, SHA-256", R::RsaPss2048Sha256Mgf1SaltLen32, A::RsaPssTpmSha256),
        pss("TPM 2048, SHA-384", R::RsaPss2048Sha384Mgf1SaltLen48, A::RsaPssTpmSha384),
        pss("TPM 4096, SHA-512", R::RsaPss4096Sha512Mgf1SaltLen64, A::RsaPssTpmSha512),
        pss("PSS 2048, SHA-256, salt 0", R::RsaPss2048Sha256Mgf1SaltLen0, A::RsaPssSha256),
        pss("TPM 2048, SHA-256, salt 0", R::RsaPss2048Sha256Mgf1SaltLen0, A::RsaPssTpmSha256),
        pss("PSS 4096, SHA-512, salt 32", R::RsaPss4096Sha512Mgf1SaltLen32, A::RsaPssSha512),
        pss("TPM 4096, SHA-512, salt 32", R::RsaPss4096Sha512Mgf1SaltLen32, A::RsaPssTpmSha512),
    ]
}

/// The numbers of the README.
#[derive(Debug, Default)]
struct Total {
    signatures: usize,
    valid: usize,
    invalid: usize,
    acceptable: usize,
    no_form: usize,
    asked_otherwise: usize,
}

impl Total {
    fn add(&mut self, file: &File) {
        let count = |result| file.vectors.iter().filter(|vector| vector.result == result).count();
        self.signatures += file.vectors.len() + file.skipped;
        self.valid += count(TestResult::Valid);
        self.invalid += count(TestResult::Invalid);
        self.acceptable += count(TestResult::Acceptable);
        self.no_form += file.skipped;
        self.asked_otherwise += file.asked_otherwise;
    }
}

#[test]
fn providers_agree_with_wycheproof() {
    assert_eq!(BUILT_IN.len(), 3, "all providers are on");
    let mut wrong = Vec::new();
    println!(
        "| file | provider | valid, accepted | invalid, refused | acceptable, accepted | no fixed form |"
    );
    println!("|---|---|---|---|---|---|");
    let mut total = Total::default();
    for file in files() {
        total.add(&file);
        let mut verdicts: Vec<Vec<bool>> = Vec::new();
        let able = BUILT_IN.iter().filter(|provider| provider.supports(file.algorithm));
        for provider in able {
            let (mut valid, mut invalid, mut acceptable) = ((0, 0), (0, 0), (0, 0));
            let mut all = Vec::new();
            for vector in &file.vectors {
                let holds = provider
                    .verify(file.algorithm, &vector.key, &vector.message, &vector.signature)
                    .expect("it has the scheme")
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
    println!("{total:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
