//! Belief: from Intel's root to the quoting enclave, from there to the attestation key, from there to the TD.
//!
//! The order is that of `checks::verify`. A failed check does not stop the ones after it, so that a refusal names all that is
//! wrong; only a chain or a statement that does not hold does, because then there is no key to ask and nothing to compare with.

use super::checks::verify as checks;
use super::claims::{Claims, Facts, Tcb, Trailer};
use super::collateral::{Sources, Statements};
use super::endorsement::Endorsement;
use super::log::LogClaims;
use super::revocation::{self, Issuer};
use super::statement::{QeIdentity, TcbInfo};
use super::tcb::{TcbStatus, converged, in_the_light_of, reached, reached_by_platform};
use super::wire::{QeReport, Quote};
use crate::checks::{Check, Checks};
use crate::collateral::{Collateral, Store};
use crate::context::{Context, Expect};
use crate::crypto::{CryptoProvider, HashAlgorithm, SignatureAlgorithm};
use crate::error::Refused;
use crate::values::Value;
use crate::verified::Verified;

impl Quote<'_> {
    /// Verifies this quote with what `carried` and `store` have: TCB info, identity, their signer, revocation lists.
    ///
    /// `event_log` is the area that the ACPI table CCEL points to; empty for none. Bytes that are no log are an error.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made and the most telling failure.
    pub fn verify(
        &self,
        event_log: &[u8],
        carried: &Collateral,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<Claims>, Refused> {
        let (anchors, provider, now) = (&context.anchors.tdx, context.provider, context.now.as_secs());
        let mut checks = Checks::new();

        // 1. Whose key certifies the quoting enclave.
        let known = store.proofs::<Endorsement>().find(|proof| *proof.pem == *self.pck_chain());
        let proven;
        let endorsement = match known {
            Some(known) => known,
            None => {
                proven = Endorsement::prove(self.pck_chain(), anchors, provider)?;
                &proven
            }
        };
        endorsement.judge(anchors, now, &mut checks);
        let pck = endorsement.pck();

        // 2. What Intel says of such platforms, and what it has taken back.
        let sources = Sources { carried, store };
        let statements = Statements::find(pck.fmspc(), &sources, anchors, provider, &mut checks)?;
        statements.judge(pck.fmspc(), anchors, now, &mut checks);
        let (for_pce, pce) = (statements.tcb.said.pce_id, pck.pce_id());
        checks.require(&checks::TCB_PCE_ID, for_pce == pce, &pce[..], &for_pce[..]);
        let issuers = [Issuer::root(&endorsement.root), Issuer::authority(&endorsement.authority)];
        let [tcb_signer, qe_signer] = statements.serials();
        let certificates: [(&[u8], &[u8]); 4] = [
            (&endorsement.authority.subject, &endorsement.leaf.serial),
            (&endorsement.root.subject, &endorsement.authority.serial),
            tcb_signer,
            qe_signer,
        ];
        let due = revocation::judge(&issuers, &certificates, &sources, provider, now, &mut checks)?;

        // 3. The quoting enclave, its key, the TD.
        self.judge_qe(endorsement, &statements.qe.said, provider, &mut checks)?;
        let point = sec1(self.attestation_key());
        let (signed, signature) = (self.signed_bytes(), self.signature());
        judge_signature(&checks::SIGNATURE, &point, signed, signature, provider, &mut checks)?;
        let tcb = self.judge_tcb(endorsement, &statements, &mut checks);
        self.judge_freshness(context.expect, &mut checks);
        let log = LogClaims::read(event_log, &self.report().rtmrs(), provider)
            .map_err(|error| Refused::with(error, &checks))?;
        let ends = [&endorsement.leaf, &endorsement.authority, &endorsement.root];
        let ends = ends.map(|link| link.validity.not_after.saturating_add(1));
        let valid_until = ends.into_iter().fold(statements.valid_until().min(due), u64::min);
        match (Refused::of(&checks), tcb) {
            (None, Some(tcb)) => {
                let facts = Facts {
                    version: self.version(),
                    report: *self.report(),
                    pck: *pck,
                    tcb,
                    evaluation_number: statements.evaluation_number(),
                    issued: statements.issued(),
                    valid_until,
                    root: endorsement.root(),
                    verified_at: now,
                    fresh: context.expect.is_fresh(),
                    trailer: Trailer {
                        len: self.trailer().len(),
                        zero: self.trailer().iter().all(|octet| *octet == 0),
                    },
                    log,
                };
                Ok(Verified::assertion(Claims::new(facts), checks))
            }
            (Some(refused), _) => Err(refused),
            // A check that a unit test takes away makes no level where there is none.
            (None, None) => Err(crate::error::Unsupported::Format(Value::Phrase("no TCB level")).into()),
        }
    }

    fn judge_qe(
        &self,
        endorsement: &Endorsement,
        identity: &QeIdentity,
        provider: &CryptoProvider,
        checks: &mut Checks,
    ) -> Result<(), Refused> {
        let (key, report) = (&endorsement.leaf.key, self.qe_report_bytes());
        judge_signature(&checks::QE_SIGNATURE, key, report, self.qe_report_signature(), provider, checks)?;
        let report = self.qe_report();
        let parts: [&[u8]; 2] = [self.attestation_key(), self.qe_authentication_data()];
        let digest =
            provider.digest(HashAlgorithm::Sha256, &parts).map_err(|error| Refused::with(error, checks))?;
        let (half, rest) = report.report_data.split_at(32);
        let bound = half == digest.as_bytes() && rest.iter().all(|octet| *octet == 0);
        let mut expected = [0; 64];
        expected.iter_mut().zip(digest.as_bytes()).for_each(|(slot, octet)| *slot = *octet);
        checks.require(&checks::QE_KEY, bound, &expected[..], &report.report_data[..]);
        judge_identity(report, identity, checks);
        Ok(())
    }

    /// Which levels are reached, and what they come to. `None` if one that must be there is not.
    fn judge_tcb(
        &self,
        endorsement: &Endorsement,
        statements: &Statements,
        checks: &mut Checks,
    ) -> Option<Tcb> {
        let (report, info) = (self.report(), &statements.tcb.said);
        let qe = reached(&statements.qe.said.levels, self.qe_report().isv_svn);
        let svn = u64::from(self.qe_report().isv_svn);
        checks.require(&checks::QE_LEVEL, qe.is_some(), "a level that is listed", svn);

        let tee_tcb_svn = report.tee_tcb_svn();
        let [module_svn, module_version, ..] = tee_tcb_svn;
        let identity = info.module(module_version);
        let version = u64::from(module_version);
        checks.require(&checks::MODULE_KNOWN, identity.is_some(), "a version that is listed", version);
        // Where there is no identity, the one that every statement has is compared.
        let compared = identity.unwrap_or(&info.module);
        let (expected, actual) = (compared.mr_signer, report.mr_signer_seam());
        checks.require(&checks::MODULE_SIGNER, expected == actual, &expected[..], &actual[..]);
        let masked = under_mask(&report.seam_attributes(), &compared.attributes_mask);
        let wanted = under_mask(&compared.attributes, &compared.attributes_mask);
        checks.require(&checks::MODULE_ATTRIBUTES, masked == wanted, &wanted[..], &masked[..]);
        let module = identity.and_then(|identity| reached(&identity.levels, u16::from(module_svn)));
        match module_version {
            0 => checks
                .not_applicable(&checks::MODULE_LEVEL, "the platform's level covers a module of version 0"),
            _ => {
                let svn = u64::from(module_svn);
                checks.require(&checks::MODULE_LEVEL, module.is_some(), "a level that is listed", svn);
            }
        }
        let qe = qe?;
        if module_version != 0 && module.is_none() {
            return None;
        }
        let platform = platform_level(info, endorsement, tee_tcb_svn);
        let launch = converged(platform, module, qe);
        let now = report.tee_tcb_svn_2().and_then(|svn| {
            let [module_svn, version, ..] = svn;
            let module = match version {
                0 => None,
                _ => Some(reached(&info.module(version)?.levels, u16::from(module_svn))?),
            };
            converged(platform_level(info, endorsement, svn), module, qe)
        });
        let revoked = [launch, now].contains(&Some(TcbStatus::Revoked))
            || module.into_iter().chain([qe]).any(|level| level.status() == TcbStatus::Revoked);
        Some(Tcb {
            status: in_the_light_of(launch, now),
            platform: platform.cloned(),
            module: module.cloned(),
            qe: qe.clone(),
            revoked,
        })
    }

    fn judge_freshness(&self, expect: Expect, checks: &mut Checks) {
        match expect.bytes() {
            None => checks.not_applicable(&checks::REPORT_DATA, "the caller gave no report data to compare"),
            Some(expected) => {
                let actual = self.report().report_data();
                checks.require(&checks::REPORT_DATA, actual == expected, expected, &actual[..]);
            }
        }
    }
}

fn platform_level<'a>(
    info: &'a TcbInfo,
    endorsement: &Endorsement,
    tee_tcb_svn: [u8; 16],
) -> Option<&'a super::tcb::Level> {
    let pck = endorsement.pck();
    reached_by_platform(&info.levels, pck.components(), pck.pce_svn(), tee_tcb_svn)
}

fn judge_identity(report: &QeReport, identity: &QeIdentity, checks: &mut Checks) {
    let debug = report.debug();
    checks.require(&checks::QE_DEBUG, !debug, "not debug", if debug { "debug" } else { "not debug" });
    let masked = under_mask(&report.misc_select, &identity.misc_select_mask);
    let wanted = under_mask(&identity.misc_select, &identity.misc_select_mask);
    checks.require(&checks::QE_MISC_SELECT, masked == wanted, &wanted[..], &masked[..]);
    let masked = under_mask(&report.attributes, &identity.attributes_mask);
    let wanted = under_mask(&identity.attributes, &identity.attributes_mask);
    checks.require(&checks::QE_ATTRIBUTES, masked == wanted, &wanted[..], &masked[..]);
    let (signer, wanted) = (report.mr_signer, identity.mr_signer);
    checks.require(&checks::QE_SIGNER, signer == wanted, &wanted[..], &signer[..]);
    let (product, wanted) = (u64::from(report.isv_prod_id), u64::from(identity.isv_prod_id));
    checks.require(&checks::QE_PRODUCT, product == wanted, wanted, product);
}

/// ECDSA on P-256 with SHA-256, raw.
fn judge_signature(
    check: &'static Check,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
    provider: &CryptoProvider,
    checks: &mut Checks,
) -> Result<(), Refused> {
    let verified = provider
        .verify(SignatureAlgorithm::EcdsaP256Sha256, point, message, signature)
        .map_err(|error| Refused::with(error, checks))?;
    let actual =
        if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
    checks.require(check, verified.is_ok(), "a signature that verifies", actual);
    Ok(())
}

/// A key as quotes have it, as providers take it.
fn sec1(key: &[u8; 64]) -> [u8; 65] {
    let mut point = [4; 65];
    point.iter_mut().skip(1).zip(key).for_each(|(slot, octet)| *slot = *octet);
    point
}

fn under_mask<const N: usize>(value: &[u8; N], mask: &[u8; N]) -> [u8; N] {
    let mut masked = *value;
    masked.iter_mut().zip(mask).for_each(|(octet, mask)| *octet &= mask);
    masked
}
