//! What the benches share: the real Milan report, warm and cold stores, and the raw signatures that bound the work from below.

pub mod channel;
pub mod tpm;

use std::time::Duration;

use attest_core::crypto::CryptoProvider;
use attest_core::rules::OneOf;
use attest_core::tee::snp;
use attest_core::x509::{Certificate, PublicKey};
use attest_core::{
    Claims, Context, Evidence, Expect, Policy, Store, TrustAnchors, UnixTime, Verified, Verifier,
};
use rustix::time::{ClockId, clock_gettime};

/// This thread's own time in nanoseconds, which other builds on the machine do not lengthen. It costs a system call: for long works only.
pub fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The report, its certificates, and everything a verification takes.
#[derive(Debug)]
pub struct Fixture {
    /// The report as evidence.
    pub evidence: Evidence,
    /// The VCEK certificate in DER.
    pub vcek: Vec<u8>,
    /// AMD's roots.
    pub anchors: TrustAnchors,
    /// The strict policy.
    pub policy: Policy,
    /// The VCEK's public key, as a SEC 1 point.
    pub vcek_key: Vec<u8>,
    /// R and S of the report, big-endian.
    pub signature: [u8; 96],
    /// The ASK's public key, as a PKCS #1 RSAPublicKey.
    pub ask_key: Vec<u8>,
    /// The VCEK certificate's signed part.
    pub vcek_tbs: Vec<u8>,
    /// The VCEK certificate's signature.
    pub vcek_signature: Vec<u8>,
}

/// Inside the validity of the VCEK.
pub const NOW: u64 = 1_790_000_000;

/// AMD's Milan ASK, which signed the VCEK.
const ASK: &[u8] = include_bytes!("../../attest-core/src/tee/snp/anchors/milan-ask.der");

impl Fixture {
    /// Reads the files under `vectors/real/milan`.
    ///
    /// # Panics
    /// If they are not there or do not parse.
    pub fn new() -> Self {
        let read = |name: &str| {
            std::fs::read(vectors::folder("real/milan").join(name)).expect("the file is in the tree")
        };
        let (report, vcek) = (read("report.bin"), read("vcek.der"));
        let leaf = Certificate::parse(&vcek).expect("the VCEK parses");
        let PublicKey::P384(vcek_key) = leaf.public_key() else { panic!("a VCEK lies on P-384") };
        let ask = Certificate::parse(ASK).expect("the ASK parses");
        let PublicKey::Rsa { der: ask_key, .. } = ask.public_key() else { panic!("an ASK is RSA") };
        let strict = snp::Policy::strict(snp::MARCH_2026, OneOf::Any);
        Self {
            signature: snp::Report::parse(&report).expect("the report parses").signature(),
            evidence: Verifier::new().detect(&report).expect("it is a report"),
            anchors: TrustAnchors::pinned(),
            policy: Policy::for_snp(strict),
            vcek_key: vcek_key.to_vec(),
            ask_key: ask_key.to_vec(),
            vcek_tbs: leaf.signed_bytes().to_vec(),
            vcek_signature: leaf.signature().to_vec(),
            vcek,
        }
    }

    /// A context with this provider.
    pub fn context<'a>(&'a self, provider: &'a CryptoProvider) -> Context<'a> {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        Context::new(provider, &self.anchors, now, Expect::AnyReportData)
    }

    /// A store that has the VCEK's certificate and has proven nothing.
    ///
    /// # Panics
    /// If the certificate does not parse.
    pub fn cold_store(&self) -> Store {
        let mut store = Store::new();
        store.add(&self.vcek).expect("the VCEK parses");
        store
    }

    /// A store that has proven the chain.
    ///
    /// # Panics
    /// If the chain does not hold.
    pub fn warm_store(&self, provider: &CryptoProvider) -> Store {
        let mut store = self.cold_store();
        Verifier::new().warm(&self.evidence, &mut store, &self.context(provider)).expect("the chain holds");
        store
    }

    /// Everything: the certificate enters a new store, the chain is proven, the report verified.
    ///
    /// # Panics
    /// If the report does not verify.
    pub fn cold(&self, provider: &CryptoProvider) -> Verified<Claims> {
        self.warm(&self.cold_store(), provider)
    }

    /// The report verified under what `store` has.
    ///
    /// # Panics
    /// If the report does not verify.
    pub fn warm(&self, store: &Store, provider: &CryptoProvider) -> Verified<Claims> {
        Verifier::new().verify(&self.evidence, store, &self.context(provider)).expect("the report verifies")
    }

    /// The bytes that the report's signature covers.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.evidence.bytes[..snp::SIGNED_LEN]
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}
