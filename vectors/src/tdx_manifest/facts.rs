//! Facts of quotes, platforms and TCB levels, held against what was read.

use attest_core::tee::tdx::{Claims, Level, Pck, Quote, TcbStatus, TdReport};
use serde_json::{Value, json};

use crate::facts::{all, time};
use crate::hex;

pub(super) fn fields(wanted: &Value, quote: &Quote<'_>) -> Result<(), String> {
    all(wanted, |name, value| {
        Ok(Some(match name {
            "version" => quote.version().into(),
            // What else they could be is not read at all.
            "tee_type" => 0x81.into(),
            "attestation_key_type" => 2.into(),
            "inner_cert_type" => 5.into(),
            "body_type" => match quote.report().form() {
                "1.0" => 2.into(),
                "1.5" => 3.into(),
                _ => 4.into(),
            },
            "qe_auth_len" => quote.qe_authentication_data().len().into(),
            "qe_isv_svn" => quote.qe_report().isv_svn.into(),
            "qe_isv_prod_id" => quote.qe_report().isv_prod_id.into(),
            "qe_mr_signer" => hex(&quote.qe_report().mr_signer).into(),
            "trailing_len" => quote.trailer().len().into(),
            "trailing_all_zero" => quote.trailer().iter().all(|octet| *octet == 0).into(),
            "td" => {
                report(value, quote.report())?;
                value.clone()
            }
            _ => return Ok(None),
        }))
    })
}

fn report(wanted: &Value, report: &TdReport) -> Result<(), String> {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmrs();
    all(wanted, |name, _| {
        let bytes: Vec<u8> = match name {
            "tee_tcb_svn" => report.tee_tcb_svn().to_vec(),
            "mr_seam" => report.mr_seam().to_vec(),
            "mr_signer_seam" => report.mr_signer_seam().to_vec(),
            "seam_attributes" => report.seam_attributes().to_vec(),
            "td_attributes" => report.td_attributes().to_le_bytes().to_vec(),
            "xfam" => report.xfam().to_le_bytes().to_vec(),
            "mr_td" => report.mr_td().to_vec(),
            "mr_config_id" => report.mr_config_id().to_vec(),
            "mr_owner" => report.mr_owner().to_vec(),
            "mr_owner_config" => report.mr_owner_config().to_vec(),
            "rtmr0" => rtmr0.to_vec(),
            "rtmr1" => rtmr1.to_vec(),
            "rtmr2" => rtmr2.to_vec(),
            "rtmr3" => rtmr3.to_vec(),
            "report_data" => report.report_data().to_vec(),
            "tee_tcb_svn2" => report.tee_tcb_svn_2().ok_or("no TEE_TCB_SVN_2")?.to_vec(),
            "mr_service_td" => report.mr_service_td().ok_or("no MRSERVICETD")?.to_vec(),
            other => return extended(other, report),
        };
        Ok(Some(hex(&bytes).into()))
    })
}

fn extended(name: &str, report: &TdReport) -> Result<Option<Value>, String> {
    let Some(more) = report.extended() else { return Ok(None) };
    Ok(Some(match name {
        "vmid" => hex(&[more.vm_id]).into(),
        "td_id" => hex(&more.td_id).into(),
        "dev_info" => hex(&more.device_info).into(),
        "init_service_td_hash" => hex(&more.init_service_td_hash).into(),
        "init_service_td_attributes" => hex(&more.init_service_td_attributes).into(),
        "init_cpu_svn" => hex(&more.init_cpu_svn).into(),
        "init_tee_tcb_svn" => hex(&more.init_tee_tcb_svn).into(),
        "init_tee_fmspc" => hex(&more.init_fmspc).into(),
        "cur_service_td_hash" => hex(&more.service_td_hash).into(),
        "cur_service_td_attributes" => hex(&more.service_td_attributes).into(),
        _ => return Ok(None),
    }))
}

pub(super) fn pck(wanted: &Value, pck: &Pck) -> Result<(), String> {
    let flag = |flag: Option<bool>| flag.map(|flag| if flag { "ff" } else { "00" });
    all(wanted, |name, _| {
        Ok(Some(match name {
            "fmspc" => hex(&pck.fmspc()).into(),
            "pceid" => hex(&pck.pce_id()).into(),
            "ppid" => hex(pck.ppid()).into(),
            "piid" => json!(pck.piid().map(|piid| hex(&piid))),
            "cpusvn" => hex(&pck.cpu_svn()).into(),
            "pcesvn" => pck.pce_svn().into(),
            "type" => hex(&[pck.sgx_type()]).into(),
            "dyn" => json!(flag(pck.dynamic_platform())),
            "cached" => json!(flag(pck.cached_keys())),
            "smt" => json!(flag(pck.smt())),
            _ => return Ok(None),
        }))
    })
}

pub(super) fn tcb(wanted: &Value, claims: &Claims, blobs: &[Vec<u8>]) -> Result<(), String> {
    let tcb = claims.tcb();
    let status = |level: Option<&Level>| json!(level.map(|level| level.status().name()));
    all(wanted, |name, _| {
        Ok(Some(match name {
            "status" => json!(tcb.status().map(TcbStatus::name)),
            "platform_status" => status(tcb.platform()),
            "platform_tcb_date" => time(tcb.platform().ok_or("no level")?.date())?,
            "module_status" => status(tcb.module()),
            "qe_status" => status(Some(tcb.qe())),
            "advisories" => json!(tcb.advisories()),
            "tcb_eval" => evaluation_number("tcbInfo", blobs, claims)?,
            "qe_eval" => evaluation_number("enclaveIdentity", blobs, claims)?,
            _ => return Ok(None),
        }))
    })
}

/// The number of one statement, as its text has it; claims have the lower one.
fn evaluation_number(name: &str, blobs: &[Vec<u8>], claims: &Claims) -> Result<Value, String> {
    let documents = blobs.iter().filter_map(|blob| serde_json::from_slice::<Value>(blob).ok());
    let number = documents.map(|document| document[name]["tcbEvaluationDataNumber"].clone());
    let number = number.into_iter().find(|number| !number.is_null()).ok_or("no such statement")?;
    let lower = number.as_u64().is_some_and(|number| claims.evaluation_number() <= number);
    if lower { Ok(number) } else { Err("claims have a higher evaluation number".to_owned()) }
}
