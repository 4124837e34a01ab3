//! Real TPM quotes, from a directory that the environment names: they are not ours to distribute.

use std::path::{Path, PathBuf};

use attest_core::Policy;
use attest_core::crypto::HashAlgorithm;
use attest_core::rules::Registers;
use serde_json::Value;

use crate::parts::{digest, hex};
use crate::tool::{Ran, attestrap, directory, file};

/// One case of the set: its folder, and the file of evidence that was packed from it.
struct Case {
    folder: PathBuf,
    evidence: PathBuf,
}

/// The set, if it is there.
fn set() -> Option<PathBuf> {
    let set = std::env::var_os("ATTESTRAP_REAL_VECTORS").map(|set| PathBuf::from(set).join("tpm"));
    if set.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS is not set");
    }
    set
}

impl Case {
    /// Packs a case, with more options to `pack tpm`.
    fn pack(folder: &str, test: &str, more: &[&str]) -> Option<Self> {
        let folder = set()?.join(folder);
        let evidence = directory().join(format!("{test}.evidence"));
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let quote = ["pack", "tpm", "--quote"].map(String::from).into_iter();
        let quote = quote.chain([path("attest.bin"), path("sig.bin"), "--pcrs".into(), path("pcrs.json")]);
        let ak = if folder.join("ak.tpmt").exists() { "ak.tpmt" } else { "ak_spki.der" };
        let ran = attestrap(
            quote
                .chain(["--ak".into(), path(ak), "-o".into(), evidence.to_str().unwrap().into()])
                .chain(more.iter().map(|more| (*more).into())),
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        Some(Self { folder, evidence })
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().into()
    }

    fn nonce(&self) -> String {
        hex(std::fs::read(self.folder.join("nonce.bin")).unwrap())
    }

    fn spki(&self) -> String {
        let spki = std::fs::read(self.folder.join("ak_spki.der")).unwrap();
        hex(digest(HashAlgorithm::Sha256, &[&spki]).as_bytes())
    }

    /// `verify` with the right nonce.
    fn verify(&self, more: &[&str]) -> Ran {
        let nonce = self.nonce();
        let base = ["verify", self.evidence.to_str().unwrap(), "--nonce", &nonce];
        attestrap(base.iter().chain(more))
    }
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
}

#[test]
fn a_pinned_key_is_accepted_and_its_registers_make_a_policy() {
    let Some(case) = Case::pack("quote/swtpm-rsassa-sha256-all24", "all24", &[]) else { return };
    let key = json_of(&attestrap(["inspect", "--json", &case.path("ak.tpmt")]));
    let name = key["fields"]["name"].as_str().unwrap();
    let ran = case.verify(&["--ak-name", name]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("ACCEPTED  (vtpm, root: caller)\n"), "{}", ran.out);
    let full = case.verify(&["--ak-spki-sha256", &case.spki(), "--explain"]);
    assert_eq!(full.code, 0);
    assert!(
        full.out.contains("pass  vtpm.quote.signature") && full.out.contains("never checked:"),
        "{}",
        full.out
    );

    let evidence = case.evidence.to_str().unwrap();
    let nonce = case.nonce();
    let init =
        ["policy", "init", "--format", "vtpm", "--root", "caller", "--from", evidence, "--ak-name", name];
    let written = attestrap(init.iter().chain(&["--nonce", &nonce]));
    assert_eq!(written.code, 0, "{}", written.err);
    assert!(
        written.out.contains("# Register values: quoted by") && written.out.contains("with your nonce"),
        "{}",
        written.out
    );
    let policy = Policy::from_toml(&written.out).unwrap();
    assert!(matches!(&policy.vtpm.as_ref().unwrap().pcrs, Registers::Listed(rules) if rules.len() == 24));
    assert_eq!(written.err, "");
    let stale = attestrap(init);
    assert!(stale.out.contains("NOT compared with a nonce"), "{}", stale.out);
    assert!(
        stale.err.contains("this policy refuses") && stale.err.contains("vtpm.policy.freshness"),
        "{}",
        stale.err
    );

    let path = file("all24.toml", &written.out);
    let ran = case.verify(&["--ak-name", name, "--policy", path.to_str().unwrap(), "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let verdict = json_of(&ran);
    assert_eq!((&verdict["verdict"], &verdict["warnings"]), (&"accepted".into(), &0.into()));
    let pcrs: Value = serde_json::from_slice(&std::fs::read(case.folder.join("pcrs.json")).unwrap()).unwrap();
    assert_eq!(verdict["claims"]["pcr.sha256.4"], pcrs["pcrs"][4]["value"]);

    // One register with another value: refused, and a warning if the policy says so.
    let other = pcrs["pcrs"][4]["value"].as_str().unwrap();
    let changed = written.out.replace(other, &"00".repeat(32));
    let path = file("all24-other.toml", &changed);
    let ran = case.verify(&["--ak-name", name, "--policy", path.to_str().unwrap()]);
    assert_eq!(ran.code, 10, "{}", ran.out);
    assert!(ran.out.contains("FAIL  vtpm.policy.pcr.4 "), "{}", ran.out);
    let warns = changed.replace("warn_only = []", "warn_only = [\"vtpm.policy.pcr.4\"]");
    let path = file("all24-warns.toml", warns);
    let ran = case.verify(&["--ak-name", name, "--policy", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.starts_with("ACCEPTED with 1 warning  (vtpm"), "{}", ran.out);
    let verdict = json_of(&case.verify(&["--ak-name", name, "--policy", path.to_str().unwrap(), "--json"]));
    assert_eq!((&verdict["verdict"], &verdict["warnings"]), (&"accepted".into(), &1.into()));
}

#[test]
fn another_nonce_is_11_and_none_is_10() {
    let Some(case) = Case::pack("quote/swtpm-rsassa-sha256-all24", "nonces", &[]) else { return };
    let evidence = case.evidence.to_str().unwrap();
    let (spki, nonce) = (case.spki(), case.nonce());
    let verify =
        |more: &[&str]| attestrap(["verify", evidence, "--ak-spki-sha256", &spki].iter().chain(more));
    // What a script passes on when its variable is not set is no nonce.
    assert_eq!(verify(&["--nonce", ""]).code, 2);
    for wrong in ["00", &nonce[2..], &format!("{nonce}00")] {
        let ran = verify(&["--nonce", wrong]);
        assert_eq!(ran.code, 11, "{wrong}: {}", ran.out);
        assert!(ran.out.contains("FAIL  vtpm.quote.extra-data"), "{}", ran.out);
    }
    let ran = verify(&[]);
    assert_eq!(ran.code, 10, "{}", ran.out);
    assert!(ran.out.contains("FAIL  vtpm.policy.freshness"), "{}", ran.out);
    let other = verify(&["--ak-spki-sha256", &"00".repeat(32), "--nonce", &nonce]);
    assert_eq!(other.code, 0, "one of the named keys is enough: {}", other.out);
}

#[test]
fn a_bank_of_sha1_is_10() {
    let Some(case) = Case::pack("quote/swtpm-sha1-bank", "sha1", &[]) else { return };
    let ran = case.verify(&["--ak-spki-sha256", &case.spki()]);
    assert_eq!(ran.code, 10, "{}", ran.out);
    assert!(ran.out.contains("FAIL  vtpm.policy.banks"), "{}", ran.out);
}

#[test]
fn every_quote_that_travels_must_hold() {
    let Some(set) = set() else { return };
    let folder = set.join("quote-set/multi-quote-second-unverified-log");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (attest, signature, pcrs) = (path("attest_2.bin"), path("sig_2.bin"), path("pcrs_2.json"));
    let second = ["--quote", &attest, &signature, "--pcrs", &pcrs];
    let name = "quote-set/multi-quote-second-unverified-log";
    let Some(both) = Case::pack(name, "both", &second) else { return };
    let ran = both.verify(&["--ak-spki-sha256", &both.spki()]);
    assert_eq!(ran.code, 11, "{}", ran.out);
    assert!(ran.out.contains("FAIL  vtpm.pcr.digest"), "{}", ran.out);
    let Some(first) = Case::pack(name, "first", &[]) else { return };
    assert_eq!(first.verify(&["--ak-spki-sha256", &first.spki()]).code, 0);
}

#[test]
fn a_clouds_certificate_is_judged_by_the_callers_roots() {
    let Some(set) = set() else { return };
    let folder = set.join("quote/vaportpm-gcp-amd");
    let certs = [folder.join("ak_cert.der"), folder.join("intermediate_0.der")]
        .map(|path| path.to_str().unwrap().to_owned());
    let carried = ["--certs", &certs[0], "--certs", &certs[1]];
    let Some(case) = Case::pack("quote/vaportpm-gcp-amd", "gcp", &carried) else { return };
    let root = |name: &str| set.join("roots").join(name).to_str().unwrap().to_owned();
    let at = ["--at", "2026-02-05"];
    let (google, azure) = (root("gcp_ek_ak_ca_root.der"), root("azure_virtual_tpm_root_2023.der"));
    let ran = case.verify(&["--tpm-root", &azure, "--tpm-root", &google, at[0], at[1]]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.starts_with("ACCEPTED  (vtpm, root: cloud-vtpm)"), "{}", ran.out);
    for (arguments, said) in [
        (&["--tpm-root", &azure, at[0], at[1]][..], "vtpm.ak.chain"),
        (&["--tpm-root", &google, "--at", "2060-01-01"], "vtpm.ak.chain"),
        (&at, "vtpm.ak.trusted"),
    ] {
        let ran = case.verify(arguments);
        assert_eq!(ran.code, 11, "{arguments:?}: {}", ran.out);
        assert!(ran.out.contains(&format!("FAIL  {said}")), "{}", ran.out);
    }
    // Without the certificates in the evidence: from files, and needed.
    let Some(bare) = Case::pack("quote/vaportpm-gcp-amd", "gcp-bare", &[]) else { return };
    assert!(attestrap(["needs", bare.evidence.to_str().unwrap()]).out.contains("only the host has it"));
    assert_eq!(attestrap(["needs", case.evidence.to_str().unwrap()]).out, "nothing is missing\n");
    let supplied = ["--tpm-root", &google, at[0], at[1], carried[0], carried[1], carried[2], carried[3]];
    assert_eq!(bare.verify(&supplied).code, 0);
    assert_eq!(bare.verify(&supplied[..4]).code, 11);
}

#[test]
fn a_certificate_of_another_machine_is_11() {
    for name in ["gcp-ak-cert-of-another-vm", "azure-ak-cert-of-another-vm"] {
        let Some(set) = set() else { return };
        let folder = format!("quote/{name}");
        let certificate = set.join(&folder).join("ak_cert.der");
        let Some(case) = Case::pack(&folder, name, &["--certs", certificate.to_str().unwrap()]) else {
            return;
        };
        let ran = case.verify(&["--ak-spki-sha256", &case.spki()]);
        assert_eq!(ran.code, 11, "{name}: {}", ran.out);
        assert!(ran.out.contains("FAIL  vtpm.ak.certificate"), "{name}: {}", ran.out);
    }
}

#[test]
fn azures_keys_are_accepted_when_they_are_pinned() {
    for name in ["azure-snp-trustee-genoa", "azure-tdx-trustee-v0"] {
        let folder = format!("quote/{name}");
        let Some(case) = Case::pack(&folder, name, &[]) else { return };
        let ran = case.verify(&["--ak-spki-sha256", &case.spki()]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.out);
    }
}

#[test]
fn a_log_is_told_next_to_what_was_quoted() {
    let Some(set) = set() else { return };
    let log = set.join("logs/40493c0796b7d4e8.bin");
    let log = log.to_str().unwrap();
    let Some(case) = Case::pack("quote+eventlog/evlog-base-sha256", "evlog", &["--event-log", log]) else {
        return;
    };
    let (evidence, spki, nonce) = (case.evidence.to_str().unwrap(), case.spki(), case.nonce());
    let init = ["policy", "init", "--format", "vtpm", "--root", "caller", "--from", evidence];
    let written = attestrap(init.iter().chain(&["--ak-spki-sha256", &spki, "--nonce", &nonce])).out;
    let demanding = written.replace("replayed = \"any\"", "replayed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14]");
    let path = file("evlog.toml", &demanding);
    let ran = case.verify(&["--ak-spki-sha256", &spki, "--policy", path.to_str().unwrap(), "--explain"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("pass  vtpm.policy.event-log"), "{}", ran.out);
    let path = file("evlog-10.toml", demanding.replace("9, 14]", "9, 10]"));
    let ran = case.verify(&["--ak-spki-sha256", &spki, "--policy", path.to_str().unwrap()]);
    assert_eq!(ran.code, 10, "{}", ran.out);
    assert!(ran.out.contains("FAIL  vtpm.policy.event-log"), "{}", ran.out);

    let alone = attestrap(["inspect", log]);
    assert!(alone.out.starts_with("NOT VERIFIED") && !alone.out.contains(" covered "), "{}", alone.out);
    let told = attestrap(["inspect", log, "--pcrs", &case.path("pcrs.json")]);
    assert_eq!(told.code, 0, "{}", told.err);
    for text in [
        "given by you, not quoted",
        "bank sha256, 116 events",
        "covered     GCE Virtual Firmware",
        "UNCOVERED   said to be an application",
    ] {
        assert!(told.out.contains(text), "{text}: {}", told.out);
    }
}

#[test]
fn every_log_of_the_set_is_told_or_refused() {
    let Some(set) = set() else { return };
    let (mut told, mut refused) = (0, 0);
    for entry in std::fs::read_dir(set.join("logs")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let ran = attestrap(["inspect".as_ref(), Path::as_os_str(&path)]);
        match ran.code {
            0 => told += 1,
            // An empty file is nothing at all, and one has no form whatever.
            20 | 30 => refused += 1,
            other => panic!("{}: {other}: {}{}", path.display(), ran.out, ran.err),
        }
        assert!(ran.code != 0 || ran.out.starts_with("NOT VERIFIED"), "{}", path.display());
    }
    assert!(told > 3 * refused, "{told} told, {refused} refused");
}
