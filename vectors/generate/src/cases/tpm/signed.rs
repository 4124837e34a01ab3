//! Registers whose values a signer signed, instead of values in a list.

use base64ct::{Base64, Encoding as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{INDICES, Machine, SHA256, Suite, evidence};
use crate::keys::{ARK_ROGUE, ASK_ROGUE, RsaKey};
use crate::tpm::{Key, QuoteSpec, RSASSA, Value};
use crate::{Hash, tpm};
use vectors::set::PcrSigner;

const CHECK: &str = "vtpm.policy.signed-pcrs";

/// What one entry of the document says, and who signed it.
struct Entry {
    /// The registers that it covers.
    covers: Vec<u8>,
    /// The values that it is a policy of.
    values: Vec<Value>,
    /// The key that it names.
    named: &'static RsaKey,
    /// The key that signed.
    signed: &'static RsaKey,
}

impl Entry {
    fn new(covers: &[u8], values: &[Value]) -> Self {
        Self { covers: covers.to_vec(), values: values.to_vec(), named: &ASK_ROGUE, signed: &ASK_ROGUE }
    }

    /// As systemd writes it.
    fn json(&self) -> serde_json::Value {
        let bitmap = self.covers.iter().fold(0_u32, |bits, index| bits | 1 << index).to_le_bytes();
        let of = |index: &u8| self.values.iter().find(|(_, of, _)| of == index).expect("a value").2.clone();
        let values: Vec<u8> = self.covers.iter().flat_map(of).collect();
        let list = [&[0, 0, 0, 1, 0, 0x0b, 3][..], &bitmap[..3]].concat();
        let parts = [&[0; 32][..], &[0, 0, 0x01, 0x7f], &list, &Sha256::digest(values)];
        let policy = Sha256::digest(parts.concat());
        // Behind the head of a TPM's signature.
        let signature = Key::Rsa(self.signed).sign(RSASSA, Hash::Sha256, &policy)[6..].to_vec();
        json!({
            "pcrs": self.covers,
            "pkfp": vectors::hex(&Sha256::digest(self.named.pkcs1_public())),
            "pol": vectors::hex(&policy),
            "sig": Base64::encode_string(&signature),
        })
    }
}

/// Registers 0, 4 and 7 as this name gives them, so that what is signed for one case says nothing of another.
fn values(name: &str) -> Vec<Value> {
    let of = |index: &u8| Sha256::digest([name.as_bytes(), &[*index]].concat()).to_vec();
    INDICES.iter().map(|index| (SHA256, *index, of(index))).collect()
}

pub(super) fn add(suite: &mut Suite) {
    let machine = Machine::new(Key::p384("ak"), tpm::ECDSA, Hash::Sha384).pinned(suite);
    let all = |name: &str| Entry::new(&INDICES, &values(name));
    // What the document says of the values of a case, the rule, and the answer.
    let cases: Vec<(&str, &str, Vec<Entry>, serde_json::Value, u8)> = vec![
        ("yes", "all of them under one signature", vec![all("yes")], json!([0, 4, 7]), 0),
        ("yes-fewer", "more is signed than is asked for", vec![all("yes-fewer")], json!([4]), 0),
        ("yes-some", "a signature is asked for, of whatever", vec![all("yes-some")], json!([]), 0),
        (
            "yes-second",
            "the second signature covers them",
            vec![Entry::new(&[0], &values("yes-second")), all("yes-second")],
            json!([0, 7]),
            0,
        ),
        ("no-entry", "nothing is signed of these values", vec![], json!([4]), 10),
        ("no-entry-some", "nothing is signed of these values", vec![], json!([]), 10),
        (
            "another-value",
            "a policy of another value",
            vec![all("the value of another image")],
            json!([4]),
            10,
        ),
        (
            "not-covered",
            "one register is not covered",
            vec![Entry::new(&[0, 4], &values("not-covered"))],
            json!([0, 4, 7]),
            10,
        ),
        ("not-quoted", "a register that is not quoted", vec![all("not-quoted")], json!([0, 9]), 10),
        (
            "in-parts",
            "each under a signature of its own, which could be of two images",
            vec![Entry::new(&[0], &values("in-parts")), Entry::new(&[4], &values("in-parts"))],
            json!([0, 4]),
            10,
        ),
        (
            "false-signature",
            "another key signed in the signer's name",
            vec![Entry { signed: &ARK_ROGUE, ..all("false-signature") }],
            json!([4]),
            10,
        ),
        (
            "another-signer",
            "a signer that nobody trusts",
            vec![Entry { named: &ARK_ROGUE, signed: &ARK_ROGUE, ..all("another-signer") }],
            json!([4]),
            10,
        ),
        (
            "another-name",
            "the signer signed, and the entry names another",
            vec![Entry { named: &ARK_ROGUE, ..all("another-name") }],
            json!([4]),
            10,
        ),
    ];
    let mut entries = Vec::new();
    for (name, why, said, rule, exit) in cases {
        entries.extend(said.iter().map(Entry::json));
        let values = values(name);
        let mut attest = machine.attest();
        let quoted: Vec<u8> = values.iter().flat_map(|(_, _, value)| value.clone()).collect();
        attest.digest = machine.hash.digest(&quoted);
        let quote = QuoteSpec { values, ..machine.quote(&attest) };
        let evidence = evidence(&[quote], &machine.ak(), &[]);
        suite.case(CHECK, name, why, evidence).rule("vtpm.signed_pcrs", rule).exit(exit);
    }
    let document = json!({ "sha256": entries }).to_string().into_bytes();
    let signer = PcrSigner { spki: suite.blob(ASK_ROGUE.spki()), signatures: suite.blob(document) };
    suite.pcr_signers.push(signer);
}
