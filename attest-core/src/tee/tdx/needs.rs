//! What is missing, and where Intel serves it (Intel PCS v4).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::body::Parts;
use super::endorsement::{Platform, authority_of};
use super::statement::{QeIdentity, Stated, TcbInfo};
use super::wire::Quote;
use crate::collateral::{Collateral, Need, NeedKind, Needs, Store};
use crate::document::SignedDocument;
use crate::error::{Error, Malformed};
use crate::evidence::Evidence;
use crate::values::Hex;
use crate::x509::CertificateList;

const PCS: &str = "https://api.trustedservices.intel.com";
const ROOT_CRL: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

/// The collateral that neither the evidence nor the store has, or has in date. Nothing is believed here: what is there is read
/// for its dates, and verification looks at it again.
pub(super) fn list(evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Needs, Error> {
    let parts = Parts::parse(&evidence.bytes)?;
    let platform = Platform::peek(Quote::parse(parts.quote)?.pck_chain())?;
    let (all, now) = ([store.supplied(), &evidence.carried], now.as_secs());
    let mut needs = Vec::new();
    let fmspc = platform.pck.fmspc();
    if !has::<TcbInfo>(all, now, |said| said.fmspc == fmspc) {
        needs.push(tcb_info_need(fmspc));
    }
    if !has::<QeIdentity>(all, now, |_| true) {
        needs.push(qe_identity_need());
    }
    if !has_list(all, now, &platform.issuer)? {
        needs.push(pck_crl(authority_of(platform.of_processor)));
    }
    if !has_list(all, now, &platform.root)? {
        needs.push(root_crl());
    }
    Ok(Needs(needs))
}

/// TCB info alone.
pub(super) fn tcb_info(fmspc: [u8; 6]) -> Needs {
    Needs(Vec::from([tcb_info_need(fmspc)]))
}

/// The identity alone.
pub(super) fn qe_identity() -> Needs {
    Needs(Vec::from([qe_identity_need()]))
}

fn tcb_info_need(fmspc: [u8; 6]) -> Need {
    Need {
        kind: NeedKind::Document,
        url: format!("{PCS}/tdx/certification/v4/tcb?fmspc={}", Hex(&fmspc).to_string().to_uppercase()),
        chain_header: "TCB-Info-Issuer-Chain",
        why: "says which TCB levels Intel knows of platforms like this one",
        required: true,
    }
}

fn qe_identity_need() -> Need {
    Need {
        kind: NeedKind::Document,
        url: format!("{PCS}/tdx/certification/v4/qe/identity"),
        chain_header: "SGX-Enclave-Identity-Issuer-Chain",
        why: "says who the quoting enclave must be",
        required: true,
    }
}

fn pck_crl(authority: &str) -> Need {
    Need {
        kind: NeedKind::Crl,
        url: format!("{PCS}/sgx/certification/v4/pckcrl?ca={authority}&encoding=der"),
        chain_header: "SGX-PCK-CRL-Issuer-Chain",
        why: "tells whether the platform's certificate is revoked",
        required: true,
    }
}

fn root_crl() -> Need {
    Need {
        kind: NeedKind::Crl,
        url: String::from(ROOT_CRL),
        chain_header: "",
        why: "tells whether an authority or the signer of collateral is revoked",
        required: true,
    }
}

fn has<T: Stated>(all: [&Collateral; 2], now: u64, fits: impl Fn(&T) -> bool) -> bool {
    let documents = all.into_iter().flat_map(Collateral::documents);
    documents.filter_map(|bytes| SignedDocument::parse(bytes).ok()).any(|document| {
        let of_kind = document.name() == T::NAME;
        let said = of_kind.then(|| T::read(document.signed_bytes()).ok()).flatten();
        said.is_some_and(|said| now < said.dates().next_update && fits(&said))
    })
}

fn has_list(all: [&Collateral; 2], now: u64, issuer: &[u8]) -> Result<bool, Malformed> {
    for der in all.into_iter().flat_map(Collateral::crls) {
        let crl = CertificateList::parse(der)?;
        if crl.issuer().as_der() == issuer && crl.next_update().is_some_and(|next| now < next) {
            return Ok(true);
        }
    }
    Ok(false)
}
