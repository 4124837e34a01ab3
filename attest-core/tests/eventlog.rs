//! Event logs: the published ones of real machines, where their folder is given, and logs written here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attest_core::crypto::{self, CryptoProvider, HashAlgorithm};
use attest_core::eventlog::{
    Boot, Compared, Coverage, EventKind, GrubLine, Log, MemoryEncryption, Outcome, Register, Replay, Startup,
    State, Unreplayable,
};
use attest_core::values::Digest;
use serde_json::Value;

#[path = "../../vectors/generate/src/eventlog.rs"]
#[allow(dead_code, unreachable_pub, reason = "the generator's writer, of which this test uses a part")]
mod writer;

#[path = "eventlog/cel.rs"]
mod cel;
#[path = "eventlog/claims.rs"]
mod claims;
#[path = "eventlog/ima.rs"]
mod ima;
#[path = "eventlog/real.rs"]
mod real;
#[path = "eventlog/synthetic.rs"]
mod synthetic;

fn provider() -> &'static CryptoProvider {
    crypto::BUILT_IN.first().expect("a provider")
}

fn digest(text: &str) -> Digest {
    Digest::new(&vectors::unhex(text).expect("hex")).expect("a digest")
}

fn hash(bank: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    provider().digest(bank, &[bytes]).expect("a hash").as_bytes().to_vec()
}

/// Verified register values, as a quote's file lists them.
#[derive(Clone, Debug, Default)]
struct Pcrs(BTreeMap<(HashAlgorithm, u8), Digest>);

impl Pcrs {
    fn lookup(&self) -> impl Fn(HashAlgorithm, u8) -> Option<Digest> + '_ {
        |bank, pcr| self.0.get(&(bank, pcr)).copied()
    }

    /// What replaying `log` gives: a machine whose registers are as the log says.
    fn of(log: &Log<'_>, bank: HashAlgorithm) -> Self {
        let replay = Replay::new(log, bank, provider());
        let values = (0..24).filter_map(|pcr| match replay.register(pcr) {
            Some(Register::Value(value)) => Some(((bank, pcr), value)),
            _ => None,
        });
        Self(values.collect())
    }
}

fn compare<'a>(log: &Log<'a>, bank: HashAlgorithm, pcrs: &Pcrs) -> Compared<'a> {
    Replay::new(log, bank, provider()).compare(pcrs.lookup())
}
