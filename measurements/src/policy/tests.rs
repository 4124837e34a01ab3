//! Tests of the conversion: what a set does to a ground, and what it refuses to lose.

use alloc::collections::BTreeSet;

use attest_core::crypto::HashAlgorithm::{Sha256, Sha384};
use attest_core::tee::snp::ProductLine;
use attest_core::tee::vtpm;

use super::*;
use crate::reference::{Consent, Window};

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds))
}

fn digest(octet: u8, len: usize) -> Digest {
    Digest::filled(octet, len)
}

fn rule(values: impl IntoIterator<Item = Digest>, warn_only: bool) -> Rule {
    Rule::new(values, warn_only).unwrap()
}

fn set(registers: impl IntoIterator<Item = (Register, Rule)>, minimums: &[(Minimum, u64)]) -> Set {
    let (registers, minimums) = (registers.into_iter().collect(), minimums.iter().copied().collect());
    Set::new("a", Window::ALWAYS, registers, minimums, &Consent::to_warn_only(&["a"])).unwrap()
}

fn ground() -> Policy {
    let mut ground = Policy::for_vtpm(vtpm::Policy::dangerously_any());
    ground.snp = Some(snp::Policy::dangerously_any());
    ground
}

#[test]
fn a_set_narrows_its_own_sections_and_takes_the_others_out() {
    let tpm = set([(Register::TpmPcr(Sha256, 4), Rule::equals(digest(4, 32)))], &[]);
    let policy = tpm.to_policy(&ground(), at(0)).unwrap();
    let listed = BTreeMap::from([((Sha256, 4), OneOf::only(digest(4, 32)))]);
    assert_eq!(policy.vtpm.unwrap().pcrs, Registers::Listed(listed));
    assert_eq!(policy.snp, None, "an SNP report alone must not be believed");
    let snp = set([(Register::SnpMeasurement, rule([digest(1, 48), digest(2, 48)], false))], &[]);
    let policy = snp.to_policy(&ground(), at(0)).unwrap();
    assert_eq!(policy.snp.unwrap().measurements, OneOf::Listed(Vec::from([[1; 48], [2; 48]])));
    assert_eq!(policy.vtpm, None);
}

#[test]
fn what_the_ground_demands_stays_demanded() {
    let mut ground = ground();
    ground.warn_only = BTreeSet::from(["vtpm.policy.pcr.4".into(), "vtpm.policy.pcr.9".into()]);
    let of_ground =
        [(Sha256, 4), (Sha256, 7)].map(|key| (key, OneOf::Listed(Vec::from([digest(4, 32), digest(5, 32)]))));
    ground.vtpm.as_mut().unwrap().pcrs = Registers::Listed(of_ground.into());
    let four =
        |values: &[Digest]| set([(Register::TpmPcr(Sha256, 4), rule(values.iter().copied(), false))], &[]);
    let policy = four(&[digest(4, 32), digest(6, 32)]).to_policy(&ground, at(0)).unwrap();
    let expected = BTreeMap::from([
        ((Sha256, 4), OneOf::only(digest(4, 32))),
        ((Sha256, 7), OneOf::Listed(Vec::from([digest(4, 32), digest(5, 32)]))),
    ]);
    assert_eq!(policy.vtpm.unwrap().pcrs, Registers::Listed(expected));
    assert_eq!(policy.warn_only, BTreeSet::from(["vtpm.policy.pcr.9".into()]));
    let error = four(&[digest(6, 32)]).to_policy(&ground, at(0)).unwrap_err();
    assert!(matches!(error, ConversionError::Conflict { register, .. } if register == "tpm.sha256.4"));
}

#[test]
fn warnings_become_warnings() {
    let warned = rule([digest(4, 32)], true);
    let policy =
        set([(Register::TpmPcr(Sha256, 4), warned.clone())], &[]).to_policy(&ground(), at(0)).unwrap();
    assert_eq!(policy.warn_only, BTreeSet::from(["vtpm.policy.pcr.4".into()]));
    let snp = set([(Register::SnpMeasurement, rule([digest(4, 48)], true))], &[]);
    let policy = snp.to_policy(&ground(), at(0)).unwrap();
    assert_eq!(policy.warn_only, BTreeSet::from(["snp.policy.measurement".into()]));
    let enforced = Rule::equals(digest(4, 48));
    let mixed = set([(Register::TpmPcr(Sha256, 4), warned), (Register::TpmPcr(Sha384, 4), enforced)], &[]);
    assert!(matches!(mixed.to_policy(&ground(), at(0)), Err(ConversionError::MixedBanks { .. })));
}

#[test]
fn nothing_is_left_out_in_silence() {
    for register in [Register::TdxMrtd, Register::NitroPcr(0)] {
        let error =
            set([(register, Rule::equals(digest(1, 48)))], &[]).to_policy(&ground(), at(0)).unwrap_err();
        assert!(matches!(error, ConversionError::NoSection { .. }), "{error}");
    }
    let snp = [(Register::SnpMeasurement, Rule::equals(digest(1, 48)))];
    let only_tpm = Policy::for_vtpm(vtpm::Policy::dangerously_any());
    assert!(matches!(set(snp, &[]).to_policy(&only_tpm, at(0)), Err(ConversionError::NoSection { .. })));
    let tpm = [(Register::TpmPcr(Sha256, 4), Rule::equals(digest(4, 32)))];
    let svn = set(tpm, &[(Minimum::SnpGuestSvn, 1)]);
    assert!(matches!(svn.to_policy(&ground(), at(0)), Err(ConversionError::NoSection { .. })));
}

#[test]
fn least_numbers_only_rise() {
    let with = |minimum, number| {
        set([(Register::SnpMeasurement, Rule::equals(digest(1, 48)))], &[(minimum, number)])
    };
    let mut ground = ground();
    let snp = ground.snp.as_mut().unwrap();
    snp.guest_svn = Limit::To(5);
    let svn =
        |number| with(Minimum::SnpGuestSvn, number).to_policy(&ground, at(0)).unwrap().snp.unwrap().guest_svn;
    assert_eq!((svn(4), svn(6)), (Limit::To(5), Limit::To(6)));

    // Boot loader 4, SNP 24, microcode 219.
    let tcb = with(Minimum::SnpReportedTcb, u64::from_le_bytes([4, 0, 0, 0, 0, 0, 24, 219]));
    assert!(matches!(tcb.to_policy(&ground, at(0)), Err(ConversionError::TcbLayout { .. })));
    let mut lines = |lines: &[ProductLine]| {
        ground.snp.as_mut().unwrap().product_lines = OneOf::Listed(lines.into());
        tcb.to_policy(&ground, at(0)).map(|policy| policy.snp.unwrap().tcb.reported)
    };
    assert!(lines(&[ProductLine::Milan, ProductLine::Turin]).is_err());
    assert!(lines(&[ProductLine::Turin]).is_err(), "a reserved byte of Turin's layout is set");
    assert!(lines(&[]).is_err());
    let floor = Tcb::new(None, 4, 0, 24, 219);
    let Ok(Floors::PerPart(floors)) = lines(&[ProductLine::Milan]) else { panic!("no floors") };
    assert_eq!(floors, BTreeMap::from([(Part::Milan, floor), (Part::MilanX, floor)]));
    let of_ground = BTreeMap::from([(Part::Milan, Tcb::new(None, 3, 0, 25, 1))]);
    ground.snp.as_mut().unwrap().tcb.reported = Floors::PerPart(of_ground);
    let raised = tcb.to_policy(&ground, at(0)).unwrap().snp.unwrap().tcb.reported;
    // Milan-X had no floor, and so stays refused.
    assert_eq!(raised, Floors::PerPart(BTreeMap::from([(Part::Milan, Tcb::new(None, 4, 0, 25, 219))])));
}

#[test]
fn a_set_counts_in_its_window_only() {
    let window = Window::new(Limit::To(10), Limit::To(20)).unwrap();
    let registers = BTreeMap::from([(Register::SnpMeasurement, Rule::equals(digest(1, 48)))]);
    let set = Set::new("a", window, registers, BTreeMap::new(), &Consent::NONE).unwrap();
    for (now, valid) in [(9, false), (10, true), (20, true), (21, false)] {
        assert_eq!(set.to_policy(&ground(), at(now)).is_ok(), valid, "{now}");
        let values = ReferenceValues::new("n", 1, 0, Vec::from([set.clone()])).unwrap();
        assert_eq!(values.to_policies(&ground(), at(now)).unwrap().len(), usize::from(valid));
        assert_eq!(values.set("a", at(now)).is_some(), valid);
    }
    let error = set.to_policy(&ground(), at(21)).unwrap_err();
    assert_eq!(error, ConversionError::OutsideWindow { set: "a".into(), now: 21 });
}

#[test]
fn nitro_documents_have_a_policy_of_their_own() {
    let ground = nitro::Policy::dangerously_any();
    let nitro = set([(Register::NitroPcr(4), rule([digest(1, 48), digest(2, 48)], false))], &[]);
    let policy = nitro.to_nitro_policy(&ground, at(0)).unwrap();
    let expected = BTreeMap::from([(4, OneOf::Listed(Vec::from([[1; 48], [2; 48]])))]);
    assert_eq!(policy.pcrs, nitro::policy::Registers::Listed(expected));
    let again = set([(Register::NitroPcr(4), Rule::equals(digest(3, 48)))], &[]);
    assert!(matches!(again.to_nitro_policy(&policy, at(0)), Err(ConversionError::Conflict { .. })));
    let warned = set([(Register::NitroPcr(4), rule([digest(1, 48)], true))], &[]);
    assert!(matches!(warned.to_nitro_policy(&ground, at(0)), Err(ConversionError::WarnOnly { .. })));
    let snp = set([(Register::SnpMeasurement, Rule::equals(digest(1, 48)))], &[]);
    assert!(matches!(snp.to_nitro_policy(&ground, at(0)), Err(ConversionError::NoSection { .. })));
    let svn = set([(Register::NitroPcr(4), Rule::equals(digest(1, 48)))], &[(Minimum::SnpGuestSvn, 1)]);
    assert!(matches!(svn.to_nitro_policy(&ground, at(0)), Err(ConversionError::NoSection { .. })));
}

#[test]
fn registers_of_tdx_have_their_own_rules() {
    let ground = Policy::for_tdx(tdx::Policy::strict(Limit::Any, OneOf::Any));
    let registers = [
        Register::TdxMrtd,
        Register::TdxRtmr(0),
        Register::TdxRtmr(1),
        Register::TdxRtmr(2),
        Register::TdxRtmr(3),
    ];
    for (at, only) in registers.into_iter().enumerate() {
        for warn_only in [false, true] {
            let set = set([(only, rule([digest(7, 48)], warn_only))], &[]);
            let policy = set.to_policy(&ground, self::at(0)).unwrap();
            let tdx = policy.tdx.unwrap();
            let rules = [&tdx.mr_td, &tdx.rtmr0, &tdx.rtmr1, &tdx.rtmr2, &tdx.rtmr3];
            for (index, rule) in rules.into_iter().enumerate() {
                let expected = if index == at { OneOf::only([7; 48]) } else { OneOf::Any };
                assert_eq!(*rule, expected, "{only:?}");
            }
            let id = [String::from("tdx.policy.mr-td")]
                .into_iter()
                .chain((0..4).map(|index| alloc::format!("tdx.policy.rtmr.{index}")))
                .nth(at);
            assert_eq!(policy.warn_only.into_iter().next(), id.filter(|_| warn_only));
        }
    }
}
