//! Which provider has which scheme: the table in the documentation is what the code says.

use attest_core::crypto::{BUILT_IN, Family, SignatureAlgorithm};

const COLUMNS: [&str; 3] = ["aws-lc-rs", "ring", "rustcrypto"];
const TABLE: &str = include_str!("../src/crypto/providers.md");

fn name(algorithm: SignatureAlgorithm) -> String {
    let hash = algorithm.hash().name().replace("sha", "SHA-");
    match algorithm.family() {
        Family::Ecdsa(curve) => format!("ECDSA {}, {hash}", curve.name()),
        Family::RsaPkcs1 => format!("RSASSA-PKCS1-v1_5, {hash}"),
        Family::RsaPss => format!("RSASSA-PSS, {hash}, salt of the digest's length"),
        Family::RsaPssTpm => format!("RSASSA-PSS, {hash}, salt of that or the largest length"),
        _ => unreachable!("a family without a name"),
    }
}

/// The table as it stands, with the columns of this build's providers made anew. All three are on in a test of the workspace.
fn made() -> String {
    let old: Vec<Vec<&str>> =
        TABLE.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let mut out = format!("| signature scheme | {} |\n| --- | --- | --- | --- |\n", COLUMNS.join(" | "));
    for (row, algorithm) in SignatureAlgorithm::ALL.iter().enumerate() {
        let cells = COLUMNS.iter().enumerate().map(|(column, provider)| {
            match BUILT_IN.iter().find(|built| built.name == *provider) {
                Some(provider) => {
                    if provider.supports(*algorithm) {
                        "yes"
                    } else {
                        "no"
                    }
                }
                None => old.get(row + 2).and_then(|cells| cells.get(column + 1)).copied().unwrap_or("?"),
            }
        });
        let cells: Vec<&str> = cells.collect();
        out += &format!("| {} | {} |\n", name(*algorithm), cells.join(" | "));
    }
    out
}

#[test]
fn the_table_of_schemes_is_what_the_providers_say() {
    let made = made();
    assert_eq!(made, TABLE, "src/crypto/providers.md should read:\n{made}");
}

#[test]
fn names_and_parts_fit_together() {
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(SignatureAlgorithm::of(algorithm.family(), algorithm.hash()), Some(*algorithm));
    }
}

/// SNP's two schemes come first: a warm verification pays for the look-up.
#[test]
fn snp_is_found_first() {
    for provider in BUILT_IN {
        let first: Vec<_> = provider.signatures.iter().take(2).map(|scheme| scheme.algorithm()).collect();
        assert_eq!(first, [SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPssSha384]);
    }
}
