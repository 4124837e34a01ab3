//! AMD SEV-SNP: ATTESTATION_REPORT versions 2 to 5, VCEK and VLEK, Milan, Genoa (with Bergamo and Siena) and Turin.
//!
//! Sources: AMD 56860 (SNP firmware ABI), 57230 (VCEK certificates and their distribution), 58369 (VLEK), 56421 (GHCB).

mod anchors;
pub mod checks;
mod claims;
mod endorsement;
mod judge;
mod minima;
mod needs;
pub mod policy;
mod revocation;
mod table;
mod tcb;
mod vek;
mod verify;
mod wire;

#[cfg(test)]
mod tests;

pub use anchors::Anchors;
pub use claims::Claims;
pub use endorsement::Endorsement;
pub use minima::{MARCH_2026, Minimum};
pub use policy::Policy;
pub use revocation::Revocations;
pub use table::{TableEntry, parse_table};
pub use tcb::{Cpuid, Part, ProductLine, RawTcb, Tcb, TcbLayout};
pub use vek::KeyKind;
pub use wire::{Fields, NEWEST_VERSION, REPORT_LEN, Report, SIGNED_LEN};

use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use crate::collateral::{Collateral, Needs, Store};
use crate::context::Context;
use crate::error::{Error, Missing, Refused};
use crate::evidence::{Evidence, Format};
use crate::tee::Tee;
use crate::verified::Verified;
use crate::x509::Certificate;

/// What this verifier does not look at, and why. Every verdict lists it.
pub const NOT_CHECKED: &[(&str, &str)] = &[
    ("physical attacks", "a report cannot show an interposer on the memory bus (Battering RAM, TEE.fail)"),
    (
        "key extraction",
        "whoever holds a chip's root seed signs any report for it; list chips, or leave Milan out",
    ),
    (
        "ID block",
        "GUEST_SVN, FAMILY_ID and IMAGE_ID are the host's word unless the digest of the key that signed them is listed",
    ),
    ("chip behind a VLEK", "a VLEK is one provider's, not one chip's; CHIP_ID is zero or the host's word"),
    (
        "revocation of the root",
        "a root is trusted until the caller takes it away; its lists name intermediates",
    ),
    (
        "scope of a CRL",
        "AMD serves one list for VCEK and one for VLEK chains under one issuer; either is taken",
    ),
    ("reserved SPL extensions", "spl_4 to spl_7 of the certificate are reserved and not compared"),
    ("ID block signatures", "the firmware checked them at launch; the digests of the keys are claims"),
    ("CPUID stepping in the certificate", "AMD's product name carries a stepping that is not the part's"),
    ("VMSA and guest memory", "they are inside MEASUREMENT; compare it with a reference value"),
];

/// The SNP line as the verifier sees it.
pub(crate) struct Snp;

impl Tee for Snp {
    fn format(&self) -> Format {
        Format::Snp
    }

    /// A report, or a report with the certificate table right behind it. A short one is taken too, so that it is told what is
    /// wrong with it.
    fn detect(&self, bytes: &[u8]) -> Option<Result<Evidence, Error>> {
        let [a, b, c, d, ..] = *bytes else { return None };
        // Both byte orders, for the same reason.
        let version = u32::from_le_bytes([a, b, c, d]).min(u32::from_be_bytes([a, b, c, d]));
        if version > 0xff {
            return None;
        }
        let (report, table) = bytes.split_at(bytes.len().min(REPORT_LEN));
        let mut evidence = Evidence::new(Format::Snp, report.to_vec());
        if !table.is_empty() {
            match collateral_of_table(table) {
                Ok(carried) => evidence.carried = carried,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(evidence))
    }

    fn needs(&self, evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Needs, Error> {
        needs::list(evidence, store, now)
    }

    fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<crate::claims::Claims>, Refused> {
        let report = Report::parse(&evidence.bytes)?;
        let mut remembered: Option<Refused> = None;
        // Several certificates may fit: AMD issues a VLEK anew each year, and a masked CHIP_ID tells no chips apart.
        for endorsement in proven(&report, evidence, store).take(MAX_CANDIDATES) {
            match report.verify(endorsement, &evidence.carried, store, context) {
                Ok(verified) => return Ok(verified.map(crate::claims::Claims::Snp)),
                Err(refused) => drop(remembered.get_or_insert(refused)),
            }
        }
        let supplied = [&evidence.carried, store.supplied()];
        let mut first: Option<Refused> = None;
        for vek in leaves(&report, &evidence.carried, store)? {
            let verified = Endorsement::prove_parsed(vek, &supplied, &context.anchors.snp, context.provider)
                .and_then(|endorsement| report.verify(&endorsement, &evidence.carried, store, context));
            match verified {
                Ok(verified) => return Ok(verified.map(crate::claims::Claims::Snp)),
                Err(refused) => drop(first.get_or_insert(refused)),
            }
        }
        // The refusal of a cold store, so that a warm one says the same.
        Err(first.or(remembered).unwrap_or_else(|| absent(&report)))
    }

    fn warm(&self, evidence: &Evidence, store: &mut Store, context: &Context<'_>) -> Result<(), Refused> {
        let report = Report::parse(&evidence.bytes)?;
        let supplied = [&evidence.carried, store.supplied()];
        let mut first: Option<Refused> = None;
        let mut signers = Vec::new();
        let mut proofs = Vec::new();
        for vek in leaves(&report, &evidence.carried, store)? {
            let known = store.proofs::<Endorsement>().find(|proof| *proof.vek_der == *vek.as_der());
            if let Some(known) = known {
                signers.extend([known.ark.clone(), known.ca.clone()]);
                continue;
            }
            match Endorsement::prove_parsed(vek, &supplied, &context.anchors.snp, context.provider) {
                Ok(endorsement) => {
                    signers.extend([endorsement.ark.clone(), endorsement.ca.clone()]);
                    proofs.push(endorsement);
                }
                Err(refused) => drop(first.get_or_insert(refused)),
            }
        }
        if signers.is_empty() {
            return Err(first.unwrap_or_else(|| absent(&report)));
        }
        let lists = revocation::prove_all(store, &signers, context.provider)?;
        lists.into_iter().for_each(|list| store.remember(list));
        proofs.into_iter().for_each(|endorsement| store.remember(endorsement));
        Ok(())
    }
}

/// Certificates and CRLs of a certificate table. They are hints of the host's choosing and never anchors.
///
/// # Errors
/// [`Error::Malformed`] for a table or an entry that cannot be read.
pub fn collateral_of_table(table: &[u8]) -> Result<Collateral, Error> {
    let mut collateral = Collateral::new();
    for entry in parse_table(table)? {
        if table::CERTIFICATE_GUIDS.contains(&entry.guid) || entry.guid == table::CRL_GUID {
            collateral.add(entry.data)?;
        }
    }
    Ok(collateral)
}

/// How many certificates are tried for one report, each at the cost of its signatures.
const MAX_CANDIDATES: usize = 4;

/// The chains that the store has proven and that fit this report and what came with it.
fn proven<'a>(
    report: &'a Report<'_>,
    evidence: &'a Evidence,
    store: &'a Store,
) -> impl Iterator<Item = &'a Endorsement> {
    let fields = report.fields();
    store.proofs::<Endorsement>().filter(move |proof| {
        let kind = if fields.signing_key() == 1 { KeyKind::Vlek } else { KeyKind::Vcek };
        let chip = proof.vek.hwid.is_none_or(|hwid| hwid == fields.chip_id() || fields.chip_id_is_masked());
        let tcb = fields.reported_tcb().components(proof.vek.line.tcb_layout()) == proof.vek.tcb;
        let supplied = |der: &[u8]| evidence.carried.certificates().any(|carried| carried == der);
        // Evidence that brings certificates is judged by those: each must be one of this proof's.
        let same = evidence.carried.certificates().next().is_none()
            || (supplied(&proof.vek_der)
                && evidence.carried.certificates().all(|der| {
                    [&proof.vek_der, &proof.ca.der, &proof.ark.der].iter().any(|known| ***known == *der)
                }));
        kind == proof.kind() && chip && tcb && same
    })
}

fn absent(report: &Report<'_>) -> Refused {
    Error::from(Missing::Absent(Needs(Vec::from([needs::endorsement_need(report.fields())])))).into()
}

/// The VEK certificates for this report: those that fit, at most [`MAX_CANDIDATES`]. If none does, the first there is, so that
/// the refusal can say what is wrong with it.
fn leaves<'a>(
    report: &Report<'_>,
    carried: &'a Collateral,
    store: &'a Store,
) -> Result<Vec<Certificate<'a>>, Error> {
    let mut first = None;
    let mut fitting = Vec::new();
    for der in carried.certificates().chain(store.supplied().certificates()) {
        let certificate = Certificate::parse(der)?;
        let name = certificate.subject().common_name().unwrap_or_default();
        // Every name that starts like a leaf's, so that a wrong one is told apart from a missing one.
        let vlek = name.starts_with("SEV-VLEK") && !name.starts_with("SEV-VLEK-");
        if !name.starts_with("SEV-VCEK") && !vlek {
            continue;
        }
        if vek::fits(&certificate, report.fields()) {
            fitting.push(certificate);
            if fitting.len() >= MAX_CANDIDATES {
                break;
            }
        }
        first = first.or(Some(certificate));
    }
    if fitting.is_empty() {
        fitting.extend(first);
    }
    Ok(fitting)
}
