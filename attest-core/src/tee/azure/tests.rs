//! Takes each check away: the report that only it refuses must then come out otherwise.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use rustls_pki_types::UnixTime;
use vectors::set::Set;

use super::HclReport;
use super::checks::{verify, wire};
use crate::checks::removal::without;
use crate::checks::{Check, Checks};
use crate::claims::Claims;
use crate::collateral::Store;
use crate::context::{Context, Expect};
use crate::crypto::{BUILT_IN, HashAlgorithm};
use crate::error::Error;
use crate::policy::{Accepted, Policy, Verdict};
use crate::rules::OneOf;
use crate::tee::{snp, testing, vtpm};
use crate::verified::Verified;
use crate::verifier::Verifier;

/// What may be wrong with a machine.
#[derive(Clone)]
struct Machine {
    runtime: String,
    report_data: Option<[u8; 64]>,
    vmpl: u8,
    /// Octets of the whole that are written over, once all else is in place.
    patches: Vec<(usize, u8)>,
    /// The same in the report that was verified.
    verified: Vec<(usize, u8)>,
    cut: Option<usize>,
    user_data: Expect,
    /// A quote was accepted, and no report.
    quoted: bool,
    /// The rules that the report was accepted by.
    rules: fn(&mut snp::Policy),
    /// Ids of checks that only warn.
    warn_only: &'static [&'static str],
}

fn accept(policy: &Policy, verified: Verified<Claims>) -> Accepted {
    match policy.judge(verified) {
        Verdict::Accepted(accepted) => accepted,
        Verdict::Rejected(rejected) => panic!("{rejected:?}"),
    }
}

/// A quote of the set that verifies.
fn quote() -> Accepted {
    let set = Set::vtpm().unwrap();
    let case = set.manifest.cases.iter().find(|case| case.exit == 0 && case.store.is_empty()).unwrap();
    let anchors = testing::anchors_of(&set);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(testing::provider(), &anchors, now, testing::expectation(case));
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
    let verified = Verifier::new().verify(&evidence, &Store::new(), &context).unwrap();
    accept(&Policy::for_vtpm(vtpm::Policy::dangerously_any()), verified)
}

fn key(kid: &str, kty: &str) -> String {
    format!(r#"{{"kid":"{kid}","kty":"{kty}","e":"AQAB","n":"_{}"}}"#, "A".repeat(341))
}

fn machine(keys: &[String]) -> Machine {
    let runtime = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    Machine {
        runtime,
        report_data: None,
        vmpl: 0,
        patches: vec![],
        verified: vec![],
        cut: None,
        user_data: Expect::AnyReportData,
        quoted: false,
        rules: |policy| policy.measurements = OneOf::only([0; 48]),
        warn_only: &[],
    }
}

fn good() -> Machine {
    machine(&[key("HCLAkPub", "RSA")])
}

fn accepted_by(rules: fn(&mut snp::Policy)) -> Machine {
    Machine { rules, ..good() }
}

/// The third byte of POLICY, in which DEBUG is bit 3, in the report that is carried and in the one that was verified.
fn debugged(octet: u8) -> Machine {
    Machine { patches: vec![(32 + 10, octet)], verified: vec![(10, octet)], ..good() }
}

fn patched(at: usize, value: u8) -> Machine {
    Machine { patches: vec![(at, value)], ..good() }
}

impl Machine {
    /// REPORT_DATA with its first or its second half turned.
    fn turned(self, at: usize) -> Self {
        let mut report_data = self.commitment();
        report_data[at] ^= 1;
        Self { report_data: Some(report_data), ..self }
    }

    fn commitment(&self) -> [u8; 64] {
        let digest = BUILT_IN[0].digest(HashAlgorithm::Sha256, &[self.runtime.as_bytes()]).unwrap();
        let mut report_data = [0; 64];
        report_data[..32].copy_from_slice(digest.as_bytes());
        self.report_data.unwrap_or(report_data)
    }

    fn bind(&self) -> Result<(), Error> {
        let mut report = [0; snp::REPORT_LEN];
        report[0] = 2;
        report[0x30] = self.vmpl;
        report[0x50..0x90].copy_from_slice(&self.commitment());
        let len = u32::try_from(self.runtime.len()).unwrap();
        let mut hcl = b"HCLA".to_vec();
        [1, 1236 + len, 2, 0, 0, 0, 0].iter().for_each(|number: &u32| hcl.extend(number.to_le_bytes()));
        hcl.extend(report);
        [20 + len, 1, 2, 1, len].iter().for_each(|number| hcl.extend(number.to_le_bytes()));
        hcl.extend(self.runtime.as_bytes());
        hcl.extend([0; 16]);
        self.patches.iter().for_each(|(at, value)| hcl[*at] = *value);
        self.verified.iter().for_each(|(at, value)| report[*at] = *value);
        hcl.truncate(self.cut.unwrap_or(hcl.len()));
        let claims = snp::Claims::of_report(snp::Report::parse(&report)?.fields());
        let verified = Verified::assertion(Claims::Snp(claims), Checks::new());
        let accepted = match self.quoted {
            true => quote(),
            false => {
                let mut rules = snp::Policy::dangerously_any();
                (self.rules)(&mut rules);
                let mut policy = Policy::for_snp(rules);
                policy.warn_only = self.warn_only.iter().map(|id| String::from(*id)).collect();
                accept(&policy, verified)
            }
        };
        let bound = HclReport::parse(&hcl)?.bind_snp(&accepted, &self.user_data, BUILT_IN[0])?;
        assert_eq!(bound.fresh(), self.user_data != Expect::AnyReportData);
        Ok(())
    }
}

/// One case for each check, and who refuses once the check is gone: nobody, or the check of that id.
fn cases() -> Vec<(&'static Check, Machine, Option<&'static str>)> {
    let twice = machine(&[key("HCLAkPub", "RSA"), key("HCLAkPub", "RSA")]);
    let broken = Machine { runtime: "{".into(), ..good() };
    vec![
        (&wire::LENGTH, Machine { cut: Some(1300), ..good() }, Some("form.length")),
        (&wire::LENGTH, Machine { cut: Some(1200), ..good() }, Some("form.length")),
        (&wire::MAGIC, patched(3, b'B'), None),
        (&wire::VERSION, patched(4, 3), None),
        (&wire::RESERVED, patched(31, 1), None),
        (&wire::REQUEST_VERSION, patched(1220, 2), None),
        (&wire::REPORT_TYPE, patched(1224, 3), Some(wire::REPORT_TYPE.id)),
        (&wire::HASH_TYPE, patched(1228, 2), None),
        (&wire::RUNTIME_JSON, broken, Some(wire::RUNTIME_JSON.id)),
        (&wire::KEY_ID, twice, None),
        (&wire::AK, machine(&[key("HCLEkPub", "RSA")]), Some(wire::AK.id)),
        (&wire::AK_KEY, machine(&[key("HCLAkPub", "EC")]), None),
        (&wire::SIZES, patched(8, 0), None),
        (&wire::SIZES, patched(1216, 0), None),
        (&wire::PADDING, patched(1236 + good().runtime.len(), 1), None),
        (&verify::ACCEPTED, Machine { quoted: true, ..good() }, Some(verify::ACCEPTED.id)),
        (&verify::PARAVISOR, accepted_by(|_| ()), None),
        (&verify::PARAVISOR, accepted_by(|policy| policy.host_data = OneOf::only([0; 32])), None),
        (&verify::PARAVISOR, accepted_by(|policy| policy.family_ids = OneOf::only([0; 16])), None),
        (&verify::PARAVISOR, accepted_by(|policy| policy.image_ids = OneOf::only([0; 16])), None),
        (
            &verify::PARAVISOR,
            Machine {
                rules: |policy| policy.measurements = OneOf::only([1; 48]),
                warn_only: &["snp.policy.measurement"],
                ..good()
            },
            None,
        ),
        // The room of a TDREPORT is shorter than an ATTESTATION_REPORT.
        (&verify::HARDWARE_TYPE, patched(1224, 4), Some("form.length")),
        (&verify::RUNTIME_DATA, good().turned(31), None),
        (&verify::REPORT_DATA_TAIL, good().turned(63), None),
        (&verify::HARDWARE_REPORT, Machine { verified: vec![(0xc0, 1)], ..good() }, None),
        (&verify::VMPL, Machine { vmpl: 1, ..good() }, None),
        (&verify::DEBUG, debugged(0x08), None),
        (&verify::DEBUG, debugged(0x0a), None),
        (&verify::DEBUG, debugged(0x0b), None),
        (&verify::DEBUG, debugged(0x0c), None),
        (&verify::DEBUG, debugged(0x09), None),
        (&verify::USER_DATA, Machine { user_data: Expect::ReportData([0; 64]), ..good() }, None),
    ]
}

#[test]
fn every_check_is_missed() {
    good().bind().unwrap();
    // Listed by the key that signed the paravisor is listed too; other bits of the policy are the policy's to judge.
    let signed = Machine { patches: vec![(32 + 0xe0, 1)], verified: vec![(0xe0, 1)], ..good() };
    let rules = |policy: &mut snp::Policy| {
        let mut digest = [0; 48];
        digest[0] = 1;
        policy.id_key_digests = OneOf::only(digest);
    };
    Machine { rules, ..signed }.bind().unwrap();
    debugged(0xf7).bind().unwrap();
    let cases = cases();
    for check in [wire::ALL, verify::ALL].concat() {
        assert!(cases.iter().any(|(of, ..)| *of == check), "{} has no case", check.id);
    }
    for (check, machine, next) in &cases {
        assert_eq!(machine.bind().unwrap_err().check_id(), Some(check.id));
        let missed = without(check.id, || machine.bind());
        let id = missed.as_ref().err().and_then(Error::check_id);
        assert_eq!(id, *next, "without {}: {missed:?}", check.id);
    }
}
