//! TDX quotes of real machines, from a directory that the environment names: they are not ours to distribute.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::tool::{Ran, attestrap, directory, file};

/// The folder of the set, if it is there.
fn set() -> Option<PathBuf> {
    let set = std::env::var_os("ATTESTRAP_REAL_VECTORS").map(|set| PathBuf::from(set).join("tdx"));
    if set.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS is not set");
    }
    set
}

/// A folder with the pieces of one collateral file, as Intel's service gives them.
fn pieces(set: &std::path::Path, name: &str) -> PathBuf {
    let text = fs::read(set.join(name)).unwrap();
    let pieces: BTreeMap<String, String> = serde_json::from_slice(&text).unwrap();
    let folder = directory().join(name);
    fs::create_dir_all(&folder).unwrap();
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    for name in ["root_ca_crl", "pck_crl"] {
        fs::write(folder.join(format!("{name}.crl")), unhex(&pieces[name])).unwrap();
    }
    for (name, member) in [("tcb_info", "tcbInfo"), ("qe_identity", "enclaveIdentity")] {
        let (body, signature) = (&pieces[name], &pieces[&format!("{name}_signature")]);
        let document = format!("{{\"{member}\":{body},\"signature\":\"{signature}\"}}");
        fs::write(folder.join(format!("{name}.json")), document).unwrap();
        fs::write(folder.join(format!("{name}.pem")), &pieces[&format!("{name}_issuer_chain")]).unwrap();
    }
    folder
}

fn run(command: &str, quote: &std::path::Path, more: &[&str]) -> Ran {
    let base = [command, quote.to_str().unwrap(), "--at", "2025-07-19T09:00:35Z"];
    attestrap(base.iter().chain(more))
}

#[test]
fn a_quote_is_verified_with_collateral_and_needs_it_without() {
    let Some(set) = set() else { return };
    let quote = set.join("v4-uptodate-b0c06f.quote.bin");
    let data = "9a9d48e7f6799642d3d1b34e1e5e1742d4bb02dd6ddd551862c1211d35c304f9\
                eca3efdbb481601c163cf52493d6e44aed55d51ec39b7e518fadb92c2b523f20";

    let ran = run("needs", &quote, &["--json"]);
    assert_eq!(ran.code, 12, "{}{}", ran.out, ran.err);
    for part in
        ["/tdx/certification/v4/tcb?fmspc=B0C06F000000", "qe/identity", "ca=platform", "IntelSGXRootCA.der"]
    {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(run("verify", &quote, &[]).code, 12);

    let folder = pieces(&set, "collateral-b0c06f-2025-07.json");
    let certs = ["--certs", folder.to_str().unwrap()];
    assert_eq!(run("needs", &quote, &certs).out, "nothing is missing\n");
    let ran = run("verify", &quote, &[&certs[..], &["--report-data", data]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("ACCEPTED  (tdx, root: hardware)"), "{}", ran.out);
    // Without report data the built-in policy refuses: the quote may be old.
    let ran = run("verify", &quote, &certs);
    assert!(ran.code == 10 && ran.out.contains("tdx.policy.freshness"), "{}", ran.out);
    // A root of the caller's own is another root.
    let other = run(
        "verify",
        &quote,
        &[&certs[..], &["--tdx-root", set.join("test-root.der").to_str().unwrap()]].concat(),
    );
    assert!(other.code == 11 && other.out.contains("tdx.pck.chain"), "{}", other.out);
    let ran = run("verify", &quote, &["--nonce", "0011"]);
    assert!(ran.code == 2 && ran.err.contains("--nonce"), "{}", ran.err);

    // All pieces go into one bundle and come out again.
    let bundle = directory().join("tdx.bundle");
    let bundled = attestrap(["bundle", "-o", bundle.to_str().unwrap(), folder.to_str().unwrap()]);
    assert_eq!(bundled.code, 0, "{}", bundled.err);
    let ran = run("verify", &quote, &["--bundle", bundle.to_str().unwrap(), "--report-data", data]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(attestrap(["inspect", bundle.to_str().unwrap()]).out.contains("tcbInfo"));
}

#[test]
fn a_quote_is_shown() {
    let Some(set) = set() else { return };
    let quote = set.join("v5-td15ex-uptodate-b0c06f.quote.bin");
    let ran = attestrap(["inspect", quote.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in ["NOT VERIFIED", "SEPT_VE_DISABLE", "1.5 extended", "td_id", "CN=Intel SGX PCK Certificate"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(attestrap(["inspect", "--hex", quote.to_str().unwrap()]).code, 2);
    let json = attestrap(["inspect", "--json", quote.to_str().unwrap()]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.out).unwrap()["format"], "tdx");
    let cut = file("cut.quote", &fs::read(&quote).unwrap()[..700]);
    assert_eq!(attestrap(["inspect", cut.to_str().unwrap()]).code, 30);
}
