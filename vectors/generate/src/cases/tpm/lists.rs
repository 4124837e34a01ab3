//! Lists of revoked certificates beside an attestation key's certificate.

use serde_json::json;

use super::key::stranger;
use super::{Suite, leaf};
use crate::crl::CrlSpec;
use crate::{CertSpec, Ext, P384Key};

const AUTHORITY: &str = "TPM authority";
const ROOT: &str = "TPM root";

/// What a case has in its store.
type Lists = Vec<CrlSpec>;

fn of(issuer: &str) -> CrlSpec {
    CrlSpec::labelled(issuer)
}

/// A list that another key signed under the issuer's name.
fn forged(issuer: &str) -> CrlSpec {
    CrlSpec { signer: (&P384Key::from_label("nobody")).into(), ..of(issuer) }
}

pub(super) fn add(suite: &mut Suite) {
    let machine = stranger("certified");
    let authority = || CertSpec::authority(AUTHORITY, ROOT);
    let evidence = |authority: CertSpec| machine.carrying(&[leaf(&machine.key).build(), authority.build()]);
    let good = evidence(authority());
    let mut case = |check: &str, name: &str, why: &str, lists: Lists, exit: u8| {
        let lists: Vec<Vec<u8>> = lists.iter().map(CrlSpec::build).collect();
        drop(suite.case(check, name, why, good.clone()).store(lists).exit(exit));
    };
    let flipped = |issuer: &str| of(issuer).with(|spec| spec.flips.push((20, 1)));

    let check = "vtpm.ak.crl-signature";
    case(check, "good", "a list of each issuer", vec![of(AUTHORITY), of(ROOT)], 0);
    case(check, "good-one", "a list of one issuer", vec![of(AUTHORITY)], 0);
    case(
        check,
        "good-stranger",
        "a list of an authority that is not on the path",
        vec![forged("Another"), of(AUTHORITY)],
        0,
    );
    let sibling = vec![forged(AUTHORITY), of(AUTHORITY), of(ROOT)];
    case(check, "good-sibling", "beside a list of another authority of that name", sibling, 0);
    case(check, "flipped", "the signature is broken", vec![flipped(AUTHORITY)], 11);
    case(check, "flipped-root", "the root's is broken", vec![of(AUTHORITY), flipped(ROOT)], 11);
    case(check, "forged", "another key signed it", vec![forged(AUTHORITY)], 11);
    case(check, "forged-root", "another key signed the root's", vec![forged(ROOT)], 11);
    case(
        check,
        "forged-two",
        "two, and neither is the issuer's",
        vec![forged(AUTHORITY), flipped(AUTHORITY)],
        11,
    );
    let spares = forged(AUTHORITY).revoking(9);
    case(check, "forged-revokes", "a forged list that revokes another", vec![spares], 11);

    let check = "vtpm.ak.crl-dates";
    let overdue = |issuer: &str| of(issuer).updates("2025-10-01T12:00:00Z", Some("2026-01-15T11:59:59Z"));
    let future = |issuer: &str| of(issuer).updates("2026-01-15T12:00:01Z", Some("2026-12-08T00:00:00Z"));
    let endless = |issuer: &str| of(issuer).updates("2025-12-01T12:00:00Z", None);
    case(check, "good-older", "an overdue one beside a newer", vec![overdue(AUTHORITY), of(AUTHORITY)], 0);
    case(check, "overdue", "the next one is due", vec![overdue(AUTHORITY)], 12);
    case(check, "overdue-root", "the root's next one is due", vec![of(AUTHORITY), overdue(ROOT)], 12);
    case(check, "overdue-both", "both are due", vec![overdue(AUTHORITY), overdue(ROOT)], 12);
    case(check, "future", "made in the future", vec![future(AUTHORITY)], 12);
    case(check, "future-newest", "the newest is of the future", vec![of(AUTHORITY), future(AUTHORITY)], 12);
    case(check, "endless", "no next one is named", vec![endless(AUTHORITY)], 12);
    let now = of(AUTHORITY).updates("2025-12-01T12:00:00Z", Some("2026-01-15T12:00:00Z"));
    case(check, "due-now", "the next one is due this second", vec![now], 12);

    // Every certificate of this PKI has the serial number 7.
    let check = "vtpm.ak.revoked";
    let others = (8..40).fold(of(AUTHORITY), CrlSpec::revoking);
    case(check, "good-others", "others are revoked", vec![others.clone(), of(ROOT).revoking(8)], 0);
    case(check, "leaf", "the key's certificate", vec![of(AUTHORITY).revoking(7)], 11);
    case(check, "leaf-among-others", "the last of many", vec![others.revoking(7), of(ROOT)], 11);
    case(check, "authority", "the authority's certificate", vec![of(AUTHORITY), of(ROOT).revoking(7)], 11);
    case(check, "authority-alone", "the authority's, without its own list", vec![of(ROOT).revoking(7)], 11);
    let older = of(AUTHORITY).updates("2025-11-01T12:00:00Z", Some("2025-12-08T00:00:00Z")).revoking(7);
    case(check, "older", "an older list named it", vec![older, of(AUTHORITY)], 11);
    case(check, "both", "both", vec![of(AUTHORITY).revoking(7), of(ROOT).revoking(7)], 11);

    let check = "vtpm.policy.revocation";
    let mut rule = |name: &str, why: &str, lists: Lists, exit: u8| {
        let lists: Vec<Vec<u8>> = lists.iter().map(CrlSpec::build).collect();
        let case = suite.case(check, name, why, good.clone()).store(lists);
        drop(case.rule("vtpm.unchecked_revocation", json!("refuse")).exit(exit));
    };
    rule("yes", "a list of each issuer", vec![of(AUTHORITY), of(ROOT)], 0);
    rule("none", "no list", vec![], 10);
    rule("authority", "none of the root", vec![of(AUTHORITY)], 10);
    rule("root", "none of the authority", vec![of(ROOT)], 10);
    rule("stranger", "a list of another authority", vec![forged("Another")], 10);
    rule("stranger-beside", "another's for the root's", vec![of(AUTHORITY), forged("Another")], 10);

    // An authority whose keyUsage does not say that it signs lists.
    let silent = CertSpec::labelled(AUTHORITY, ROOT, vec![Ext::ca(None), Ext::key_usage([2, 4])]);
    let why = "an authority that may not sign lists";
    drop(
        suite
            .case("vtpm.ak.crl-signature", "no-crl-sign", why, evidence(silent))
            .store([of(AUTHORITY).build()]),
    );
}
