//! Manifests of others of which only some groups are judged here: none of those fails. The folder is named by
//! ATTESTRAP_REAL_VECTORS; none of it is kept here.

use attest_core::crypto::BUILT_IN;
use vectors::run::{Mark, Sum, run};

fn sum(folder: &str) -> Option<Sum> {
    let Some(root) = vectors::real() else {
        println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real documents");
        return None;
    };
    let sum = run(&root.join(folder), BUILT_IN).expect("a manifest").expect("a format that is known");
    println!("{folder}: {} passed, {} unsupported", sum.passed(), sum.unsupported());
    for line in sum.lines.iter().filter(|line| line.mark == Mark::Failed) {
        println!("FAIL {}: expected {}; got {}", line.id, line.expected, line.got);
    }
    assert_eq!((sum.failed(), sum.missing_files.len()), (0, 0));
    Some(sum)
}

#[test]
fn signature_files_and_bundles() {
    let Some(sum) = sum("measure") else { return };
    assert!(sum.passed() >= 23, "{}", sum.passed());
}

#[test]
fn corim() {
    let Some(sum) = sum("rats") else { return };
    assert!(sum.passed() >= 28, "{}", sum.passed());
}
