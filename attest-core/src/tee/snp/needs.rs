//! What is missing, and where AMD serves it (AMD 57230, key distribution service).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::leaves;
use super::tcb::{Cpuid, ProductLine};
use super::wire::{Fields, Report};
use crate::collateral::{Collateral, Need, NeedKind, Needs, Store};
use crate::error::Error;
use crate::evidence::Evidence;
use crate::values::Hex;
use crate::x509::{Certificate, CertificateList};

/// The collateral that neither the evidence nor the store has.
pub(super) fn list(evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Needs, Error> {
    let report = Report::parse(&evidence.bytes)?;
    let mut needs = Vec::new();
    if leaves(&report, &evidence.carried, store)?.is_empty() {
        needs.push(endorsement_need(report.fields()));
    }
    let line = line_of(report.fields(), &evidence.carried, store)?;
    if let Some(line) = line.filter(|line| !has_crl(*line, &evidence.carried, store, now)) {
        let kind = if report.fields().signing_key() == 1 { "vlek" } else { "vcek" };
        needs.push(Need {
            kind: NeedKind::Crl,
            url: format!("https://kdsintf.amd.com/{kind}/v1/{}/crl", line.name()),
            chain_header: "",
            why: "tells whether the intermediate is revoked",
            required: false,
        });
    }
    Ok(Needs(needs))
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
pub(super) fn endorsement_need(fields: &Fields) -> Need {
    let (kind, chain_header) = (NeedKind::EndorsementKey, "");
    if fields.signing_key() == 1 {
        let why = "the VLEK's certificate; AMD gives it to the cloud provider, so only the host has it";
        return Need { kind, url: String::new(), chain_header, why, required: true };
    }
    let why = "the certificate of the key that signed the report";
    if fields.chip_id_is_masked() {
        return Need {
            kind,
            url: String::new(),
            chain_header,
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
    Need { kind, url, chain_header, why, required: true }
}
