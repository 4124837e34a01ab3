//! Azure's composite from end to end: a report of the test PKI vouches for runtime data, they name a key, the key signs a quote.

use std::time::Duration;

use attest_core::claims::Root;
use attest_core::crypto::BUILT_IN;
use attest_core::error::Error;
use attest_core::policy::Accepted;
use attest_core::rules::{Bit, OneOf};
use attest_core::tee::azure::{BoundAk, HclReport};
use attest_core::tee::snp;
use attest_core::tee::vtpm::{self, AkPath, Anchors};
use attest_core::values::Nonce;
use attest_core::{
    Claims, Context, Evidence, Expect, Format, Policy, Refused, Store, TrustAnchors, UnixTime, Verdict,
    Verified, Verifier,
};
use sha2::{Digest, Sha256};
use vectors_generate::keys::SMALL;
use vectors_generate::tpm::{
    AK_ATTRIBUTES, AkSpec, AttestSpec, Key, PublicSpec, QuoteSpec, RSASSA, evidence,
};
use vectors_generate::{CertSpec, Hash, Line, Platform, Product, ReportSpec, Role, RsaKey, keys};

/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;
/// noDA, which Azure's keys have.
const NO_DA: u32 = 1 << 10;
const NONCE: [u8; 32] = [0x5a; 32];

fn base64url(bytes: &[u8]) -> String {
    let text = vectors_generate::der_out::base64(bytes);
    text.chars()
        .filter(|digit| !matches!(digit, '=' | '\n'))
        .map(|digit| match digit {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect()
}

/// A machine: what its paravisor writes and asks the firmware for, every part open to change.
#[derive(Clone)]
struct Machine {
    runtime: String,
    /// What REPORT_DATA commits to; `None` for the runtime data.
    committed: Option<String>,
    tail: [u8; 32],
    vmpl: u32,
    /// Whether the host may debug the guest.
    debug: bool,
    /// Behind the runtime data.
    padding: Vec<u8>,
}

fn jwk(kid: &str, key: &RsaKey) -> String {
    let n = base64url(&key.modulus());
    format!(r#"{{"kid":"{kid}","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":"{n}"}}"#)
}

fn runtime(keys: &[String]) -> String {
    let keys = keys.join(",");
    let user_data = "0A".repeat(64);
    format!(r#"{{"keys":[{keys}],"vm-configuration":{{"secure-boot":true}},"user-data":"{user_data}"}}"#)
}

impl Machine {
    fn new() -> Self {
        Self::with(runtime(&[jwk("HCLAkPub", &SMALL), jwk("HCLEkPub", &keys::ARK_ROGUE)]))
    }

    fn with(runtime: String) -> Self {
        Self { runtime, committed: None, tail: [0; 32], vmpl: 0, debug: false, padding: vec![0; 64] }
    }

    fn chip() -> Platform {
        Platform::new(Product::Genoa)
    }

    fn hardware_report(&self) -> Vec<u8> {
        let mut report_data = [0; 64];
        let committed = self.committed.as_ref().unwrap_or(&self.runtime);
        report_data[..32].copy_from_slice(&Sha256::digest(committed));
        report_data[32..].copy_from_slice(&self.tail);
        let chip = Self::chip();
        let policy = chip.report(3).policy | u64::from(self.debug) << 19;
        ReportSpec { report_data, policy, vmpl: self.vmpl, ..chip.report(3) }.signed_with(&chip.vcek_key())
    }

    fn hcl(&self) -> Vec<u8> {
        let len = u32::try_from(self.runtime.len()).unwrap();
        let mut out = b"HCLA".to_vec();
        for number in [2, 1236 + len, 2, 0, 0, 0, 0] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.hardware_report());
        for number in [20 + len, 1, 2, 1, len] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.runtime.as_bytes());
        out.extend(&self.padding);
        out
    }

    /// The key that it is trusted for, once its hardware report was verified.
    fn bind(&self) -> Result<BoundAk, Error> {
        self.bind_to(&Expect::AnyReportData)
    }

    fn bind_to(&self, user_data: &Expect) -> Result<BoundAk, Error> {
        let hcl = self.hcl();
        let hcl = HclReport::parse(&hcl)?;
        hcl.bind_snp(&accept_hardware(hcl.hardware_report()), user_data, BUILT_IN[0])
    }

    fn refused(&self) -> &'static str {
        self.bind().unwrap_err().check_id().unwrap()
    }
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400))
}

fn anchors() -> TrustAnchors {
    let mut amd = snp::Anchors::none();
    amd.add_root(snp::ProductLine::Genoa, &CertSpec::ca(Line::Genoa, Role::Ark).build()).unwrap();
    TrustAnchors::new(amd)
}

fn verify_hardware(report: &[u8]) -> Verified<Claims> {
    let mut store = Store::new();
    store.add(&CertSpec::ca(Line::Genoa, Role::Ask).build()).unwrap();
    store.add(&Machine::chip().vcek().build()).unwrap();
    let anchors = anchors();
    let context = Context::new(BUILT_IN[0], &anchors, now(), Expect::AnyReportData);
    Verifier::new().verify(&Evidence::new(Format::Snp, report.to_vec()), &store, &context).unwrap()
}

fn accepted(policy: &Policy, verified: Verified<Claims>) -> Option<Accepted> {
    match policy.judge(verified) {
        Verdict::Accepted(accepted) => Some(accepted),
        Verdict::Rejected(_) => None,
    }
}

fn accept_hardware(report: &[u8]) -> Accepted {
    let mut policy = snp::Policy::dangerously_any();
    policy.measurements = OneOf::only(report[0x90..0xc0].try_into().unwrap());
    accepted(&Policy::for_snp(policy), verify_hardware(report)).unwrap()
}

/// A quote over register 7 by this key, with these attributes.
fn quote(key: &'static RsaKey, attributes: u32, bare: bool) -> Vec<u8> {
    let key = Key::Rsa(key);
    let mut public = PublicSpec::ak(&key, Some((RSASSA, Hash::Sha256)));
    public.attributes = attributes;
    let value = vec![7; 32];
    let attest = AttestSpec::quote(
        &public.qualified_name(),
        &NONCE,
        (SHA256, [0x80, 0, 0]),
        &Hash::Sha256.digest(&value),
    );
    let attest = attest.build();
    let signature = key.sign(RSASSA, Hash::Sha256, &attest);
    let ak = if bare { AkSpec::Spki(key.spki()) } else { AkSpec::Public(public.build()) };
    evidence(&[QuoteSpec { attest, signature, values: vec![(SHA256, 7, value)] }], &ak, &[])
}

fn verify_quote(quote: &[u8], bound: &BoundAk) -> Result<Verified<Claims>, Refused> {
    let mut anchors = anchors();
    anchors.vtpm = Anchors::none();
    anchors.vtpm.add_key(bound.ak().clone());
    let expect = Expect::Nonce(Nonce::new(&NONCE).unwrap());
    let context = Context::new(BUILT_IN[0], &anchors, now(), expect);
    Verifier::new().verify(&Evidence::new(Format::Vtpm, quote.to_vec()), &Store::new(), &context)
}

#[test]
fn the_key_that_a_report_vouches_for_signs_a_quote() {
    let bound = Machine::new().bind().unwrap();
    assert_eq!((bound.ak().path(), bound.ak().root()), (AkPath::Tee, Root::Caller));
    assert_eq!(bound.runtime_data().user_data(), Some(&[0x0a; 64]));
    for bare in [false, true] {
        let verified = verify_quote(&quote(&SMALL, AK_ATTRIBUTES | NO_DA, bare), &bound).unwrap();
        let Claims::Vtpm(claims) = verified.claims() else { panic!("another format") };
        assert_eq!((claims.ak_path(), claims.root()), (AkPath::Tee, Root::Caller));
        assert_eq!(claims.certificate(), None);
    }
}

#[test]
fn another_key_is_not_vouched_for() {
    let bound = Machine::new().bind().unwrap();
    // Another key; then the same key with other attributes than Azure's keys have: without `restricted` it would sign anything.
    let azure = AK_ATTRIBUTES | NO_DA;
    for (key, attributes) in [
        (&keys::ARK_ROGUE, azure),
        (&SMALL, AK_ATTRIBUTES),
        (&SMALL, azure | 1 << 7),
        (&SMALL, azure & !(1 << 16)),
        (&SMALL, azure & !(1 << 1)),
    ] {
        for bare in [false, true] {
            let refused = verify_quote(&quote(key, attributes, bare), &bound).unwrap_err();
            assert_eq!(refused.error.check_id(), Some("vtpm.ak.trusted"), "{attributes:#x}");
        }
    }
}

#[test]
fn the_hash_is_of_these_bytes() {
    let good = Machine::new();
    for committed in [
        String::new(),
        format!("{} ", good.runtime),
        good.runtime[1..].into(),
        good.runtime.replace("true", "false"),
        good.runtime.to_uppercase(),
    ] {
        let machine = Machine { committed: Some(committed), ..good.clone() };
        assert_eq!(machine.refused(), "azure.hcl.runtime-data");
    }
}

#[test]
fn the_rest_of_the_report_data_is_zero() {
    for at in [0, 1, 15, 30, 31] {
        let mut machine = Machine::new();
        machine.tail[at] = 1;
        assert_eq!(machine.refused(), "azure.hcl.report-data-tail");
    }
}

#[test]
fn only_the_paravisor_vouches() {
    for vmpl in [1, 2, 3, 4, u32::MAX] {
        let machine = Machine { vmpl, ..Machine::new() };
        assert_eq!(machine.refused(), "azure.hcl.vmpl");
    }
}

#[test]
fn one_key_has_the_name() {
    let (ak, other) = (jwk("HCLAkPub", &SMALL), jwk("HCLAkPub", &keys::ARK_ROGUE));
    let ek = |number: u32| jwk(&format!("HCLEkPub{number}"), &SMALL);
    for keys in [
        vec![ak.clone(), other.clone()],
        vec![other, ak.clone()],
        vec![ak.clone(), ak.clone()],
        vec![ak.clone(), ek(1), ak.clone()],
        vec![ak.clone(), ek(1), ek(1)],
    ] {
        assert_eq!(Machine::with(runtime(&keys)).refused(), "azure.hcl.key-id");
    }
    for keys in [
        vec![],
        vec![ek(1)],
        vec![ek(1), ek(2)],
        vec![ak.replace("HCLAkPub", "hclakpub")],
        vec![ak.replace("HCLAkPub", "HCLAkPub ")],
    ] {
        assert_eq!(Machine::with(runtime(&keys)).refused(), "azure.hcl.ak");
    }
}

#[test]
fn no_member_stands_twice() {
    let good = runtime(&[jwk("HCLAkPub", &SMALL)]);
    let (n, rogue) = (base64url(&SMALL.modulus()), base64url(&keys::ARK_ROGUE.modulus()));
    for (from, to) in [
        (r#""user-data""#, r#""keys":[],"user-data""#.to_owned()),
        (r#""kty""#, r#""kid":"HCLAkPub","kty""#.to_owned()),
        (r#""kty""#, r#""k\u0069d":"HCLAkPub","kty""#.to_owned()),
        (r#""n""#, format!(r#""n":"{rogue}","n""#)),
        (r#""secure-boot""#, r#""secure-boot":false,"secure-boot""#.to_owned()),
        (r#""secure-boot""#, r#""later":{"a":1,"a":2},"secure-boot""#.to_owned()),
    ] {
        let runtime = good.replacen(from, &to, 1);
        assert!(runtime != good && runtime.contains(&n));
        assert_eq!(Machine::with(runtime).refused(), "azure.hcl.runtime-json");
    }
}

#[test]
fn a_report_vouches_for_its_own_machine() {
    let (good, other) = (Machine::new(), Machine { committed: Some("other".into()), ..Machine::new() });
    let (accepted, any) = (accept_hardware(&good.hardware_report()), Expect::AnyReportData);
    let bind = |hcl: &[u8]| HclReport::parse(hcl)?.bind_snp(&accepted, &any, BUILT_IN[0]);
    let refused = |hcl: &[u8]| bind(hcl).unwrap_err().check_id().unwrap();
    let hcl = good.hcl();
    bind(&hcl).unwrap();
    // The blob may say what it likes: the verified report counts.
    assert_eq!(refused(&other.hcl()), "azure.hcl.hardware-report");
    let fooled = Machine::with(runtime(&[jwk("HCLAkPub", &keys::ARK_ROGUE)])).hcl();
    assert_eq!(refused(&fooled), "azure.hcl.runtime-data");
    for (at, value, check) in [
        (8, hcl[8] ^ 1, "azure.hcl.sizes"),
        (1216, hcl[1216] ^ 1, "azure.hcl.sizes"),
        (1224, 4, "azure.hcl.hardware-type"),
    ] {
        let mut changed = hcl.clone();
        changed[at] = value;
        assert_eq!(refused(&changed), check);
    }
}

#[test]
fn nothing_hides_where_nothing_signs() {
    for at in [0, 63] {
        let mut machine = Machine::new();
        machine.padding[at] = 1;
        assert_eq!(machine.refused(), "azure.hcl.padding");
    }
    let machine = Machine { padding: Vec::new(), ..Machine::new() };
    machine.bind().unwrap();
}

/// Only what a policy accepted vouches: a report that it refuses gives no value to ask with, and a quote is no report.
#[test]
fn only_an_accepted_report_vouches() {
    let mut strict = snp::Policy::dangerously_any();
    strict.guest_policy.debug = Bit::Clear;
    let measurement = Machine::new().hardware_report()[0x90..0xc0].try_into().unwrap();
    strict.measurements = OneOf::only(measurement);
    let policy = Policy::for_snp(strict);
    let debugged = Machine { debug: true, ..Machine::new() };
    assert!(accepted(&policy, verify_hardware(&debugged.hardware_report())).is_none());
    // A policy that takes debug does not make a key of it.
    assert_eq!(debugged.refused(), "azure.hcl.debug");
    let good = Machine::new();
    let unlisted = Policy::for_snp(snp::Policy::dangerously_any());
    let report = accepted(&unlisted, verify_hardware(&good.hardware_report())).unwrap();
    let bytes = good.hcl();
    let refused = HclReport::parse(&bytes).unwrap().bind_snp(&report, &Expect::AnyReportData, BUILT_IN[0]);
    assert_eq!(refused.unwrap_err().check_id(), Some("azure.hcl.paravisor"));
    let report = accepted(&policy, verify_hardware(&good.hardware_report())).unwrap();
    let (bytes, any) = (good.hcl(), Expect::AnyReportData);
    let hcl = HclReport::parse(&bytes).unwrap();
    let bound = hcl.bind_snp(&report, &any, BUILT_IN[0]).unwrap();
    let quote = verify_quote(&quote(&SMALL, AK_ATTRIBUTES | NO_DA, false), &bound).unwrap();
    let quote = accepted(&Policy::for_vtpm(vtpm::Policy::dangerously_any()), quote).unwrap();
    let refused = hcl.bind_snp(&quote, &any, BUILT_IN[0]).unwrap_err();
    assert_eq!(refused.check_id(), Some("azure.hcl.accepted"));
    assert!(matches!(refused, Error::Mismatch(_)), "{refused}");
}

#[test]
fn user_data_are_compared_in_full() {
    let good = Machine::new();
    let nonce = |bytes: &[u8]| Expect::Nonce(Nonce::new(bytes).unwrap());
    assert!(!good.bind_to(&Expect::AnyReportData).unwrap().fresh());
    for expected in [Expect::ReportData([0x0a; 64]), nonce(&[0x0a; 64])] {
        assert!(good.bind_to(&expected).unwrap().fresh());
    }
    let refused = |machine: &Machine, expected: &Expect| {
        let refused = machine.bind_to(expected).unwrap_err();
        assert!(matches!(refused, Error::Mismatch(_)), "{refused}");
        refused.check_id().unwrap()
    };
    for at in [0, 31, 32, 63] {
        let mut other = [0x0a; 64];
        other[at] ^= 1;
        assert_eq!(refused(&good, &Expect::ReportData(other)), "azure.hcl.user-data");
        assert_eq!(refused(&good, &nonce(&other)), "azure.hcl.user-data");
    }
    // No prefix, and no padding.
    for len in [0, 1, 32, 63] {
        assert_eq!(refused(&good, &nonce(&vec![0x0a; len])), "azure.hcl.user-data");
    }
    let keys = jwk("HCLAkPub", &SMALL);
    let absent = Machine::with(format!(r#"{{"keys":[{keys}]}}"#));
    assert!(!absent.bind().unwrap().fresh());
    for expected in [Expect::ReportData([0; 64]), nonce(&[]), nonce(&[0; 64])] {
        assert_eq!(refused(&absent, &expected), "azure.hcl.user-data");
    }
}
