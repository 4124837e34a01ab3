//! What the fuzz targets share: whom they trust, and each target's first read.

pub mod azure;
pub mod channel;
pub mod eventlog;
pub mod measurements;
pub mod pairs;
pub mod protocol;
pub mod tpm;

use std::str;
use std::sync::LazyLock;

use attest_core::collateral::Collateral;
use attest_core::eventlog::{CelLog, ImaLog, Log};
use attest_core::rules::OneOf;
use attest_core::tee::azure::{HclReport, RuntimeData};
use attest_core::tee::nitro;
use attest_core::tee::snp::{self, Anchors, ProductLine, REPORT_LEN, Report, parse_table};
use attest_core::tee::tdx::{Quote, TdxEvidence};
use attest_core::tee::vtpm::pcrsig::PcrSignatures;
use attest_core::tee::vtpm::{Attest, Public, TpmEvidence};
use attest_core::x509::{Certificate, CertificateList};
use attest_core::{Evidence, Policy, Store, TrustAnchors, Verifier};
use attest_measurements::formats::corim::Corim;
use bootstrap_core::wire::{Signed, Statement};
use vectors::set::Set;

/// Every target, with the read that an input must survive to reach anything behind it. For those that run a protocol, that is
/// its authentication: both ends of a channel opened, the node became a member.
pub const FIRST_READ: [(&str, fn(&[u8]) -> bool); 26] = [
    ("azure_hcl", |bytes| HclReport::parse(bytes).is_ok() || RuntimeData::from_json(bytes).is_ok()),
    ("bundle", |bytes| Store::from_bundle(bytes).is_ok()),
    ("channel_session", |bytes| match bytes {
        [order @ 0..=0x7f, script @ ..] => channel::run(*order, script),
        _ => false,
    }),
    ("collateral", |bytes| Collateral::new().add(bytes).is_ok()),
    ("corim", |bytes| Corim::parse(bytes).is_ok()),
    ("evidence", |bytes| Evidence::from_envelope(bytes).is_ok() || Verifier::new().detect(bytes).is_ok()),
    ("join_pair", |bytes| pairs::run(bytes, false)),
    ("nitro_document", |bytes| nitro::Document::parse(bytes).is_ok()),
    ("policy_file", |bytes| {
        let files = str::from_utf8(bytes).map(policy_files).unwrap_or_default();
        files.iter().any(|text| Policy::from_toml(text).is_ok() || Policy::from_json(text).is_ok())
    }),
    ("recover_pair", |bytes| pairs::run(bytes, true)),
    ("reference_values", |bytes| measurements::read_all(bytes).iter().any(Result::is_ok)),
    ("sigstore_bundle", measurements::is_bundle),
    ("snp_bitflip", |bytes| bytes.len() >= 3),
    ("snp_report", |bytes| Report::parse(bytes).is_ok()),
    ("snp_table", |bytes| parse_table(bytes).is_ok()),
    ("snp_verify", |bytes| bytes.get(..REPORT_LEN).is_some_and(|report| Report::parse(report).is_ok())),
    ("statement", |bytes| {
        let statements = protocol::payloads(bytes);
        let read = |signed: &Signed| Statement::from_payload(&signed.payload).is_ok();
        statements.iter().any(read) || Signed::from_bytes(bytes).is_ok()
    }),
    ("tdx", |bytes| {
        let quote = blobs(bytes).first().map(|evidence| TdxEvidence::parse(evidence));
        quote.is_some_and(|read| read.is_ok_and(|parts| Quote::parse(&parts.quote).is_ok()))
    }),
    ("trust_files", measurements::is_trust_file),
    ("vtpm_creation", |bytes| blobs(bytes).first().is_some_and(|attest| Attest::parse(attest).is_ok())),
    ("vtpm_eventlog", |bytes| {
        let cel = [CelLog::parse_json(bytes), CelLog::parse_tlv(bytes), CelLog::parse_cbor(bytes)];
        cel.iter().any(Result::is_ok) || Log::parse(bytes).is_ok() || ImaLog::parse(bytes).is_ok()
    }),
    ("vtpm_evidence", |bytes| {
        let inner = Evidence::from_envelope(bytes).map(|evidence| evidence.bytes);
        TpmEvidence::parse(inner.as_deref().unwrap_or(bytes)).is_ok()
    }),
    ("vtpm_pcrsig", |bytes| PcrSignatures::from_json(bytes).is_ok()),
    ("vtpm_public", |bytes| Public::parse(bytes).is_ok()),
    ("wire_message", |bytes| match bytes {
        [protocol::FRAMES, first, stream @ ..] => !protocol::frames(stream, usize::from(*first)).0.is_empty(),
        _ => matches!(protocol::again(bytes), Some(Ok(_))),
    }),
    ("x509", |bytes| Certificate::parse(bytes).is_ok() || CertificateList::parse(bytes).is_ok()),
];

/// The policy files that an input stands for: itself, and, if it is `NUMBER VALUE`, the file of `"any"`s with that one replaced,
/// since few mutations of a whole file leave all of its rules in place.
pub fn policy_files(text: &str) -> Vec<String> {
    let mut out = vec![text.to_owned()];
    let one = text.split_once(' ').and_then(|(number, value)| Some((number.parse().ok()?, value)));
    if let Some((number, value)) = one {
        let found = ANY_POLICY.match_indices(ANY).nth(number);
        out.extend(
            found.map(|(at, any)| [&ANY_POLICY[..at], "= ", value, &ANY_POLICY[at + any.len()..]].concat()),
        );
    }
    out
}

/// The strict policy, and the one that asks for nothing, so that acceptance is reached too.
pub static POLICIES: LazyLock<[Policy; 2]> = LazyLock::new(|| {
    let strict = Policy::for_snp(snp::Policy::strict(snp::MARCH_2026, OneOf::Any));
    [strict, Policy::from_toml(ANY_POLICY).expect("our own policy")]
});

/// The file of `"any"`s.
pub const ANY_POLICY: &str = include_str!("../../vectors/policies/any.toml");
/// What stands in it for each rule, with the sign that its comments lack.
pub const ANY: &str = "= \"any\"";

/// The roots of the generated vectors.
pub static TEST_ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(|| {
    let set = Set::snp().expect("the generated set");
    let mut snp = Anchors::none();
    for anchor in &set.manifest.roots {
        let line = ProductLine::from_name(&anchor.line).expect("a product line");
        snp.add_root(line, &set.blob(&anchor.file).expect("a blob")).expect("a root");
    }
    for anchor in &set.manifest.intermediates {
        let line = ProductLine::from_name(&anchor.line).expect("a product line");
        snp.add_intermediate(line, &set.blob(&anchor.file).expect("a blob")).expect("an intermediate");
    }
    TrustAnchors::new(snp)
});

/// The root of the generated TDX quotes.
pub static TDX_ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(|| {
    let set = Set::tdx().expect("the generated set");
    let mut anchors = TrustAnchors::new(Anchors::none());
    for anchor in &set.manifest.roots {
        anchors.tdx.add_root(&set.blob(&anchor.file).expect("a blob")).expect("a root");
    }
    anchors
});

/// The root of the generated Nitro documents.
pub static NITRO_ANCHORS: LazyLock<nitro::Anchors> = LazyLock::new(|| {
    let set = Set::nitro().expect("the generated set");
    let mut anchors = nitro::Anchors::none();
    for anchor in &set.manifest.roots {
        anchors.add_root(&set.blob(&anchor.file).expect("a blob")).expect("a root");
    }
    anchors
});

/// The roots that the library pins.
pub static PINNED_ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(TrustAnchors::pinned);

/// Splits blobs that each have two bytes of length, little-endian, in front. A last one that is cut short counts as it is.
pub fn blobs(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while let Some((length, more)) = rest.split_first_chunk() {
        let (blob, after) = more.split_at(usize::from(u16::from_le_bytes(*length)).min(more.len()));
        out.push(blob);
        rest = after;
    }
    out
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let octet = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// The bytes of base64 that is known to be some.
pub fn unbase64(text: &str) -> Vec<u8> {
    let digits: Vec<usize> =
        text.bytes().filter_map(|digit| DIGITS.iter().position(|known| *known == digit)).collect();
    let mut bytes = Vec::new();
    for chunk in digits.chunks(4) {
        let bits = chunk.iter().fold(0_usize, |bits, digit| bits << 6 | digit) << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[5..4 + chunk.len()]);
    }
    bytes
}
