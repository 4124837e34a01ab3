//! More real reports, from a directory that the environment names: they are not ours to distribute.

use std::path::PathBuf;

use crate::tool::verify;

/// The directory of one case, if the set is there.
fn case(name: &str) -> Option<PathBuf> {
    match std::env::var_os("ATTESTRAP_REAL_VECTORS") {
        Some(set) => Some(PathBuf::from(set).join("snp").join(name)),
        None => {
            println!("skipped: {name}: ATTESTRAP_REAL_VECTORS is not set");
            None
        }
    }
}

#[test]
fn a_guest_that_may_be_debugged_is_rejected() {
    let Some(case) = case("milan-v2-plain-debug-a") else { return };
    let ran = verify(&case.join("report.bin"), &case, &[]);
    assert_eq!(ran.code, 10, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("FAIL  snp.policy.guest.debug"), "{}", ran.out);
}

#[test]
fn a_vcek_of_another_tcb_is_untrusted() {
    let Some(case) = case("neg-tcb-mismatch-same-chip-a") else { return };
    let ran = verify(&case.join("report.bin"), &case, &[]);
    assert_eq!(ran.code, 11, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("snp.vek.tcb"), "{}", ran.out);
}
