//! `policy init` for TPM quotes, as far as no evidence has to verify for it.

use attest_core::Policy;
use attest_core::claims::Root;
use attest_core::rules::{OneOf, Registers};
use attest_core::tee::vtpm;

use crate::parts::{hex, name, unsigned};
use crate::tool::{attestrap, directory};

#[test]
fn without_evidence_any_register_passes_and_the_file_says_so() {
    let ran = attestrap(["policy", "init", "--format", "vtpm", "--root", "cloud-vtpm", "--root", "caller"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let roots = OneOf::Listed(vec![Root::CloudVtpm, Root::Caller]);
    let expected = Policy::for_vtpm(vtpm::Policy::strict(roots, Registers::Any));
    assert_eq!(Policy::from_toml(&ran.out).unwrap(), expected);
    assert!(ran.out.lines().nth(1).unwrap().starts_with("# ANY REGISTER VALUE PASSES"), "{}", ran.out);
    let mut commented = false;
    for line in ran.out.lines().filter(|line| !line.is_empty()) {
        assert!(line.starts_with('#') || commented, "{line} has no comment");
        commented = line.starts_with('#');
    }
}

#[test]
fn any_root_is_any_and_the_file_checks_out() {
    let path = directory().join("init-vtpm.toml");
    let arguments = ["policy", "init", "--format", "vtpm", "--root", "any", "-o", path.to_str().unwrap()];
    assert_eq!(attestrap(arguments).code, 0);
    let written = Policy::from_toml(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(written.vtpm.unwrap().roots, OneOf::Any);
    assert_eq!(attestrap(["policy", "check", path.to_str().unwrap()]).code, 0);
}

#[test]
fn options_that_do_not_fit_are_2_and_named() {
    let (measurement, name) = ("a7".repeat(48), hex(name()));
    for (arguments, said) in [
        (&["--format", "vtpm"][..], "--root"),
        (&["--format", "vtpm", "--root", "firmware"], "--root"),
        (&["--format", "vtpm", "--root", "any", "--measurement", &measurement], "--measurement"),
        (&["--format", "vtpm", "--root", "any", "--product-line", "Milan"], "--product-line"),
        (&["--format", "vtpm", "--root", "any", "--ak-name", &name], "--from is missing"),
        (&["--format", "vtpm", "--root", "any", "--at", "2026-11-24"], "--from is missing"),
        (&["--format", "vtpm", "--root", "any", "--nonce", "00"], "--from"),
        (&["--root", "any"], "--root: only with --format vtpm"),
        (&["--from", "x"], "--from: only with --format vtpm"),
        (&["--certs", "x"], "--certs"),
        (&["--format", "sgx"], "--format"),
        (&["--mr-td", &measurement], "--mr-td: only with --format tdx"),
        (&["--format", "tdx", "--measurement", &measurement], "--measurement: only with --format snp"),
    ] {
        let ran = attestrap(["policy", "init"].iter().chain(arguments));
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
}

#[test]
fn a_policy_for_quotes_takes_what_the_caller_chose() {
    let measurement = "a7".repeat(48);
    let arguments =
        ["policy", "init", "--format", "tdx", "--mr-td", &measurement, "--evaluation-number", "18"];
    let ran = attestrap(arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let policy = Policy::from_toml(&ran.out).unwrap().tdx.unwrap();
    assert_eq!(policy.mr_td, OneOf::only([0xa7; 48]));
    assert_eq!(policy.tcb.minimum_evaluation_number, attest_core::rules::Limit::To(18));
}

#[test]
fn evidence_that_does_not_verify_makes_no_policy() {
    let evidence = unsigned("init.bin");
    let base = ["policy", "init", "--format", "vtpm", "--root", "any", "--from"];
    let ran = attestrap(base.iter().chain([&evidence.to_str().unwrap()]));
    assert_eq!((ran.code, ran.out.as_str()), (11, ""));
    assert!(ran.err.contains("--from: ") && ran.err.contains("vtpm."), "{}", ran.err);
    let report = crate::tool::vector("real/milan/report.bin");
    let certs = crate::tool::vector("real/milan/vcek.der");
    let more = [report.to_str().unwrap(), "--certs", certs.to_str().unwrap(), "--at", "2026-11-24"];
    let ran = attestrap(base.iter().chain(&more));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("format vtpm is expected, got snp"), "{}", ran.err);
}
