//! Belief: the report's own signature, what binds it to its certificate, revocation and freshness.
//!
//! The order is that of `checks::verify`. A failed check does not stop the ones after it, so that a refusal names all that is
//! wrong; only a chain that does not hold does, because then there is no key to ask.

use super::checks::verify as checks;
use super::claims::Claims;
use super::endorsement::{Endorsement, judge_dates};
use super::revocation::judge_revocation;
use super::tcb::Tcb;
use super::vek::KeyKind;
use super::wire::{Fields, Report};
use crate::checks::Checks;
use crate::collateral::{Collateral, Store};
use crate::context::{Context, Expect};
use crate::crypto::SignatureAlgorithm;
use crate::error::Refused;
use crate::values::Value;
use crate::verified::Verified;

/// The order of NIST P-384's base point, big-endian (SP 800-186, 3.2.1.4).
const ORDER: [u8; 48] =
    *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \xc7\x63\x4d\x81\xf4\x37\x2d\xdf\x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\xec\xec\x19\x6a\xcc\xc5\x29\x73";

impl Report<'_> {
    /// Verifies this report under a chain that was proven, against the CRLs in `carried` and `store`.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made and the most telling failure.
    pub fn verify(
        &self,
        endorsement: &Endorsement,
        carried: &Collateral,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<Claims>, Refused> {
        let mut checks = endorsement.checks.clone();
        judge_dates(endorsement, context, &mut checks);
        let lists = judge_revocation(endorsement, carried, store, context, &mut checks)?;
        let fields = self.fields();
        self.judge_signature(endorsement, context, &mut checks)?;
        judge_binding(fields, endorsement, &mut checks);
        judge_report(fields, endorsement, &mut checks);
        judge_freshness(fields, context.expect, &mut checks);
        match Refused::of(&checks) {
            Some(refused) => Err(refused),
            None => Ok(Verified::assertion(Claims::new(fields, endorsement, &lists, context), checks)),
        }
    }

    fn judge_signature(
        &self,
        endorsement: &Endorsement,
        context: &Context<'_>,
        checks: &mut Checks,
    ) -> Result<(), Refused> {
        let fields = self.fields();
        let algorithm = fields.signature_algo();
        let known = checks.require(&checks::SIGNATURE_ALGO, algorithm == 1, Value::Number(1), algorithm);
        let key = fields.signing_key();
        let names_a_key = matches!(key, 0 | 1);
        checks.require(&checks::SIGNING_KEY, names_a_key, "0 (VCEK) or 1 (VLEK)", key);
        let masked = fields.mask_chip_key();
        checks.require(&checks::MASK_CHIP_KEY, !masked, Value::Number(0), u64::from(masked));

        let signature = self.signature();
        let (r, s) = signature.split_at(48);
        let in_range = |scalar: &[u8]| scalar.iter().any(|octet| *octet != 0) && *scalar < ORDER[..];
        let ok = in_range(r) && in_range(s);
        let actual = if ok { "both in range" } else { "zero, or the order and above" };
        checks.require(&checks::SIGNATURE_RANGE, ok, "both in range", actual);
        if !known {
            checks.not_applicable(&checks::SIGNATURE, "the signature's algorithm is not known");
            return Ok(());
        }
        // FIPS 186-5, 6.4.2, over the bytes as received.
        let verified = context
            .provider
            .verify(
                SignatureAlgorithm::EcdsaP384Sha384,
                &endorsement.vek.public_key,
                self.signed_bytes(),
                &signature,
            )
            .map_err(|error| Refused::with(error, checks))?;
        let actual =
            if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
        checks.require(&checks::SIGNATURE, verified.is_ok(), "a signature that verifies", actual);
        Ok(())
    }
}

/// What ties the report to this certificate and no other.
fn judge_binding(fields: &Fields, endorsement: &Endorsement, checks: &mut Checks) {
    let vek = &endorsement.vek;
    let named = match fields.signing_key() {
        0 => Some(KeyKind::Vcek),
        1 => Some(KeyKind::Vlek),
        _ => None,
    };
    let name = |kind: Option<KeyKind>| kind.map_or("neither", KeyKind::name);
    checks.require(&checks::KEY_KIND, named == Some(vek.kind), name(named), vek.kind.name());

    match fields.cpuid().map(super::tcb::Cpuid::line) {
        None => checks.not_applicable(
            &checks::CPUID_PRODUCT,
            "version 2 has no CPUID bytes; the issuer names the line",
        ),
        Some(None) => checks
            .not_applicable(&checks::CPUID_PRODUCT, "a family and model that are not known; policy judges"),
        Some(Some(line)) => {
            checks.require(&checks::CPUID_PRODUCT, line == vek.line, vek.line.name(), line.name());
        }
    }
    let reported = fields.reported_tcb().components(vek.line.tcb_layout());
    checks.require(&checks::VEK_TCB, vek.tcb == reported, vek.tcb, reported);

    let chip_id = fields.chip_id();
    match &vek.hwid {
        None => checks.not_applicable(&checks::VEK_HWID, "a VLEK belongs to a provider, not to a chip"),
        Some(_) if fields.chip_id_is_masked() => {
            checks.not_applicable(&checks::VEK_HWID, "the host masks CHIP_ID; the VCEK itself is one chip's");
        }
        Some(hwid) => {
            checks.require(&checks::VEK_HWID, *hwid == chip_id, &hwid[..], &chip_id[..]);
        }
    }
}

/// What the firmware guarantees of any genuine report.
fn judge_report(fields: &Fields, endorsement: &Endorsement, checks: &mut Checks) {
    let bit_17 = (fields.policy() >> 17) & 1;
    checks.require(&checks::POLICY_RESERVED_ONE, bit_17 == 1, Value::Number(1), bit_17);

    let layout = endorsement.vek.line.tcb_layout();
    let current: Tcb = fields.current_tcb().components(layout);
    for (check, lower) in
        [(&checks::COMMITTED_TCB, fields.committed_tcb()), (&checks::REPORTED_TCB, fields.reported_tcb())]
    {
        let lower = lower.components(layout);
        checks.require(check, current.reaches(&lower), current, lower);
    }
    let (committed, current) = (fields.committed_version(), fields.current_version());
    let ordered = committed <= current;
    checks.require(&checks::COMMITTED_VERSION, ordered, Value::Version(current), Value::Version(committed));
}

fn judge_freshness(fields: &Fields, expect: Expect, checks: &mut Checks) {
    match expect.bytes() {
        None => checks.not_applicable(&checks::REPORT_DATA, "the caller gave no report data to compare"),
        Some(expected) => {
            let actual = fields.report_data();
            checks.require(&checks::REPORT_DATA, actual == expected, expected, &actual[..]);
        }
    }
}
