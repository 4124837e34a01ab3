//! AMD SEV-SNP: ATTESTATION_REPORT versions 2 to 5, VCEK and VLEK, Milan, Genoa (with Bergamo and Siena) and Turin.
//!
//! Sources: AMD 56860 (SNP firmware ABI), 57230 (VCEK certificates and their distribution), 58369 (VLEK), 56421 (GHCB).

mod anchors;
pub mod checks;
mod claims;
mod endorsement;
mod judge;
mod minima;
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

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use crate::collateral::{Collateral, Need, NeedKind, Needs, Store};
use crate::context::Context;
use crate::error::{Error, Missing, Refused};
use crate::evidence::{Evidence, Format};
use crate::tee::Tee;
use crate::values::Hex;
use crate::verified::Verified;
use crate::x509::{Certificate, CertificateList};

/// What this verifier does not look at, and why. Every verdict lists it.
pub const NOT_CHECKED: &[(&str, &str)] = &[
    ("physical attacks", "a report cannot show an interposer on the memory bus (Battering RAM, TEE.fail)"),
    (
        "key extraction",
        "whoever holds a chip's root seed signs any report for it; list chips, or leave Milan out",
    ),
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
        let report = Report::parse(&evidence.bytes)?;
        let mut needs = Vec::new();
        if leaf(&report, &evidence.carried, store)?.is_none() {
            needs.push(endorsement_need(report.fields()));
        }
        let line = line_of(report.fields(), &evidence.carried, store)?;
        if let Some(line) = line.filter(|line| !has_crl(*line, &evidence.carried, store, now)) {
            let kind = if report.fields().signing_key() == 1 { "vlek" } else { "vcek" };
            needs.push(Need {
                kind: NeedKind::Crl,
                url: format!("https://kdsintf.amd.com/{kind}/v1/{}/crl", line.name()),
                why: "tells whether the intermediate is revoked",
                required: false,
            });
        }
        Ok(Needs(needs))
    }

    fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<crate::claims::Claims>, Refused> {
        let report = Report::parse(&evidence.bytes)?;
        let verified = match proven(&report, evidence, store) {
            Some(endorsement) => report.verify(endorsement, &evidence.carried, store, context)?,
            None => {
                let endorsement = prove(&report, evidence, store, context)?;
                report.verify(&endorsement, &evidence.carried, store, context)?
            }
        };
        Ok(verified.map(crate::claims::Claims::Snp))
    }

    fn warm(&self, evidence: &Evidence, store: &mut Store, context: &Context<'_>) -> Result<(), Refused> {
        let report = Report::parse(&evidence.bytes)?;
        if proven(&report, evidence, store).is_some() {
            return Ok(());
        }
        let endorsement = prove(&report, evidence, store, context)?;
        let mut lists = Vec::new();
        for der in store.supplied().crls() {
            let crl = CertificateList::parse(der)?;
            for signer in [&endorsement.ark, &endorsement.ca] {
                if *signer.subject == *crl.issuer().as_der() {
                    lists.extend(Revocations::prove_by(&crl, signer, context.provider).map_err(Error::from)?);
                }
            }
        }
        lists.into_iter().for_each(|list| store.remember(list));
        store.remember(endorsement);
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

/// A chain that the store has proven and that fits this report and what came with it.
fn proven<'a>(report: &Report<'_>, evidence: &Evidence, store: &'a Store) -> Option<&'a Endorsement> {
    let fields = report.fields();
    store.proofs::<Endorsement>().find(|proof| {
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

fn prove(
    report: &Report<'_>,
    evidence: &Evidence,
    store: &Store,
    context: &Context<'_>,
) -> Result<Endorsement, Refused> {
    let Some(vek) = leaf(report, &evidence.carried, store)? else {
        return Err(
            Error::from(Missing::Absent(Needs(Vec::from([endorsement_need(report.fields())])))).into()
        );
    };
    let mut supplied = evidence.carried.clone();
    supplied.merge(store.supplied())?;
    Endorsement::prove(vek, &supplied, &context.anchors.snp, context.provider)
}

/// The VEK certificate for this report: one that fits if there is one, else the first, so that the refusal can say what is wrong.
fn leaf<'a>(
    report: &Report<'_>,
    carried: &'a Collateral,
    store: &'a Store,
) -> Result<Option<&'a [u8]>, Error> {
    let mut first = None;
    for der in carried.certificates().chain(store.supplied().certificates()) {
        let certificate = Certificate::parse(der)?;
        let name = certificate.subject().common_name().unwrap_or_default();
        if !name.starts_with("SEV-V") || name.starts_with("SEV-VLEK-") {
            continue;
        }
        if vek::fits(&certificate, report.fields()) {
            return Ok(Some(der));
        }
        first = first.or(Some(der));
    }
    Ok(first)
}

fn line_of(fields: &Fields, carried: &Collateral, store: &Store) -> Result<Option<ProductLine>, Error> {
    if let Some(line) = fields.cpuid().and_then(Cpuid::line) {
        return Ok(Some(line));
    }
    for der in carried.certificates().chain(store.supplied().certificates()) {
        let certificate = Certificate::parse(der)?;
        let issuer = certificate.issuer().common_name().unwrap_or_default();
        if let Some(line) = issuer.rsplit('-').next().and_then(ProductLine::from_name) {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

fn has_crl(line: ProductLine, carried: &Collateral, store: &Store, now: UnixTime) -> bool {
    carried.crls().chain(store.supplied().crls()).filter_map(|der| CertificateList::parse(der).ok()).any(
        |crl| {
            let issuer = crl.issuer().common_name().and_then(|name| name.strip_prefix("ARK-"));
            issuer == Some(line.name()) && crl.next_update().is_some_and(|next| now.as_secs() < next)
        },
    )
}

/// The address of the VCEK at AMD's key distribution service (AMD 57230). A VLEK is handed to the provider only.
fn endorsement_need(fields: &Fields) -> Need {
    let kind = NeedKind::EndorsementKey;
    if fields.signing_key() == 1 {
        let why = "the VLEK's certificate; AMD gives it to the cloud provider, so only the host has it";
        return Need { kind, url: String::new(), why, required: true };
    }
    let why = "the certificate of the key that signed the report";
    if fields.chip_id_is_masked() {
        return Need {
            kind,
            url: String::new(),
            why: "the host masks CHIP_ID: only the host knows the VCEK",
            required: true,
        };
    }
    // Version 2 comes from Milan and Genoa only; without CPUID bytes Milan is the guess that most often hits.
    let line = fields.cpuid().and_then(Cpuid::line).unwrap_or(ProductLine::Milan);
    let tcb = fields.reported_tcb().components(line.tcb_layout());
    let chip_id = fields.chip_id();
    let hwid = Hex(chip_id.get(..line.chip_id_len()).unwrap_or_default());
    let fmc = tcb.fmc.map(|fmc| format!("fmcSPL={fmc:02}&")).unwrap_or_default();
    let url = format!(
        "https://kdsintf.amd.com/vcek/v1/{}/{hwid}?{fmc}blSPL={:02}&teeSPL={:02}&snpSPL={:02}&ucodeSPL={:02}",
        line.name(),
        tcb.bootloader,
        tcb.tee,
        tcb.snp,
        tcb.microcode
    );
    Need { kind, url, why, required: true }
}
