//! The cases: for every check at least one that satisfies it and five that trip it, a few lines each.
//!
//! A case says which check it is about and what comes out. Nothing here asks the verifier: the answers are written down from
//! the specification, and the runner holds the verifier to them.

mod chain;
mod form;
mod nitro;
mod policy;
mod report;
mod revocation;
mod tdx;
mod tpm;

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use vectors::set::{Anchor, Case, FORMAT, Manifest, PcrSigner};

use crate::platform::{Line, Platform, Product, Role};
use crate::report::ReportSpec;
use crate::{pki::CertSpec, time};

/// When everything is judged unless a case says otherwise.
const NOW: &str = "2026-01-15T12:00:00Z";

/// One product of each line.
const PRODUCTS: [Product; 3] = [Product::Milan, Product::Genoa, Product::Turin];

/// A set under construction.
#[derive(Default)]
pub struct Suite {
    blobs: BTreeMap<String, Vec<u8>>,
    cases: Vec<Case>,
    /// What callers expect evidence to commit to, in bytes of 5a.
    nonce: usize,
    /// Attestation keys that callers pin.
    keys: Vec<String>,
    /// Signers of register policies that callers trust.
    pcr_signers: Vec<PcrSigner>,
}

/// A set: its manifest, and its blobs by name.
pub type Built = (Manifest, BTreeMap<String, Vec<u8>>);

impl Suite {
    /// Every case of SEV-SNP.
    pub fn snp() -> Built {
        let mut suite = Self { nonce: 64, ..Self::default() };
        form::add(&mut suite);
        chain::add(&mut suite);
        revocation::add(&mut suite);
        report::add(&mut suite);
        policy::add(&mut suite);
        let mut anchors = |role: Role| -> Vec<Anchor> {
            Line::ALL
                .into_iter()
                .map(|line| Anchor {
                    line: line.name().to_owned(),
                    file: suite.blob(CertSpec::ca(line, role).build()),
                })
                .collect()
        };
        let roots = anchors(Role::Ark);
        let intermediates = [anchors(Role::Ask), anchors(Role::Asvk)].concat();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            about: "SEV-SNP reports under a test PKI that looks like AMD's; see vectors/README.md".to_owned(),
            tee: "snp".to_owned(),
            roots,
            intermediates,
            keys: Vec::new(),
            pcr_signers: Vec::new(),
            cases: suite.cases,
        };
        (manifest, suite.blobs)
    }

    /// Every case of Nitro documents.
    pub fn nitro() -> Built {
        let mut suite = Self { nonce: 64, ..Self::default() };
        nitro::add(&mut suite);
        let file = suite.blob(nitro::root());
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            about: "Nitro documents under a test PKI that looks like AWS's; see vectors/README.md".to_owned(),
            tee: "nitro".to_owned(),
            roots: vec![Anchor { line: "aws".to_owned(), file }],
            intermediates: Vec::new(),
            keys: Vec::new(),
            pcr_signers: Vec::new(),
            cases: suite.cases,
        };
        (manifest, suite.blobs)
    }

    /// Every case of TDX quotes.
    pub fn tdx() -> Built {
        let mut suite = Self { nonce: 64, ..Self::default() };
        tdx::add(&mut suite);
        let file = suite.blob(crate::tdx::root().build());
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            about: "TDX quotes under a test PKI that looks like Intel's; see vectors/README.md".to_owned(),
            tee: "tdx".to_owned(),
            roots: vec![Anchor { line: "intel".to_owned(), file }],
            intermediates: Vec::new(),
            keys: Vec::new(),
            pcr_signers: Vec::new(),
            cases: suite.cases,
        };
        (manifest, suite.blobs)
    }

    /// Every case of TPM quotes.
    pub fn vtpm() -> Built {
        let mut suite = Self { nonce: 32, ..Self::default() };
        tpm::add(&mut suite);
        let file = suite.blob(tpm::root());
        suite.keys.sort();
        suite.keys.dedup();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            about: "TPM quotes of software keys that look like a TPM's; see vectors/README.md".to_owned(),
            tee: "vtpm".to_owned(),
            roots: vec![Anchor { line: "tpm".to_owned(), file }],
            intermediates: Vec::new(),
            keys: suite.keys,
            pcr_signers: suite.pcr_signers,
            cases: suite.cases,
        };
        (manifest, suite.blobs)
    }

    fn blob(&mut self, bytes: Vec<u8>) -> String {
        let digest = Sha256::digest(&bytes);
        let name: String =
            digest.iter().take(8).map(|octet| format!("{octet:02x}")).collect::<String>() + ".bin";
        if let Some(other) = self.blobs.insert(name.clone(), bytes.clone()) {
            assert_eq!(other, bytes, "two blobs of one name");
        }
        name
    }

    /// A case about `check`. Its id is the check's and `name`.
    fn case(&mut self, check: &str, name: &str, why: &str, evidence: Vec<u8>) -> Draft<'_> {
        let evidence = self.blob(evidence);
        let case = Case {
            id: format!("{check}/{name}"),
            check: check.to_owned(),
            why: why.to_owned(),
            evidence,
            store: Vec::new(),
            now: time::unix(NOW),
            report_data: Some("5a".repeat(self.nonce)),
            policy: BTreeMap::new(),
            exit: 11,
            also: Vec::new(),
        };
        Draft { suite: self, case }
    }
}

/// A case under construction. It is added when it is dropped.
struct Draft<'a> {
    suite: &'a mut Suite,
    case: Case,
}

impl Draft<'_> {
    fn store(mut self, blobs: impl IntoIterator<Item = Vec<u8>>) -> Self {
        for blob in blobs {
            let name = self.suite.blob(blob);
            self.case.store.push(name);
        }
        self
    }

    fn exit(mut self, exit: u8) -> Self {
        self.case.exit = exit;
        self
    }

    fn accepted(self) -> Self {
        self.exit(0)
    }

    fn also(mut self, checks: &[&str]) -> Self {
        self.case.also = checks.iter().map(|check| (*check).to_owned()).collect();
        self
    }

    fn at(mut self, time: &str) -> Self {
        self.case.now = time::unix(time);
        self
    }

    fn expecting(mut self, report_data: Option<[u8; 64]>) -> Self {
        self.case.report_data = report_data.map(|bytes| vectors::hex(&bytes));
        self
    }

    fn expecting_nonce(mut self, nonce: &[u8]) -> Self {
        self.case.report_data = Some(vectors::hex(nonce));
        self
    }

    fn rule(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.case.policy.insert(path.to_owned(), value.into());
        self
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        assert!(
            self.suite.cases.iter().all(|other| other.id != self.case.id),
            "two cases of one id: {}",
            self.case.id
        );
        self.suite.cases.push(self.case.clone());
    }
}

/// A chip and the newest report that it makes.
fn chip(product: Product) -> (Platform, ReportSpec) {
    let chip = Platform::new(product);
    let report = chip.report(5);
    (chip, report)
}

/// The report signed by the chip's VCEK, with the VCEK's certificate.
fn signed(chip: &Platform, report: &ReportSpec) -> (Vec<u8>, Vec<u8>) {
    (report.signed_with(&chip.vcek_key()), chip.vcek().build())
}

fn lower(product: Product) -> String {
    format!("{product:?}").to_lowercase()
}
