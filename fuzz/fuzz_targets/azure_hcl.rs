//! A paravisor's report, or runtime data alone, is read within its bounds or refused; what is read names one key in the known
//! template, and a report that commits to it says the same.
#![no_main]

use attest_core::crypto::ring;
use attest_core::tee::azure::{HclReport, ReportType, RuntimeData};
use attest_core::tee::vtpm::Public;
use attestrap_fuzz::azure::committed;
use libfuzzer_sys::fuzz_target;

fn walk(document: &[u8]) -> Option<RuntimeData> {
    match RuntimeData::from_json(document) {
        Ok(runtime) => {
            let ids: Vec<&str> = runtime.keys().iter().map(|key| key.id.as_str()).collect();
            assert_eq!(ids.iter().filter(|id| **id == "HCLAkPub").count(), 1);
            let public = Public::parse(runtime.ak().public_area()).expect("a public area");
            assert!(public.attributes().are_an_attestation_keys() && public.spki().is_ok());
            let mut claims = 0;
            runtime.for_each(|_, value| claims += usize::from(value.to_string().len() < 1024));
            assert_eq!(claims, ids.len() + runtime.vm_configuration().count() + 1);
            Some(runtime)
        }
        Err(error) => {
            assert!(error.offset <= document.len() && !error.to_string().is_empty());
            None
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let provider = &ring::PROVIDER;
    walk(bytes);
    let hcl = match HclReport::parse(bytes) {
        Ok(hcl) => hcl,
        Err(error) => return assert!(error.check_id().is_some() && !error.to_string().is_empty()),
    };
    let len = hcl.hardware_report().len();
    assert_eq!(len, if hcl.report_type() == ReportType::Snp { 1184 } else { 1024 });
    assert!(bytes.ends_with(&bytes[1236..]) && bytes[1236..].starts_with(hcl.runtime_data()));
    let runtime = walk(hcl.runtime_data());
    // The same report as its paravisor would have it: only the runtime data and what nothing signs can be wrong now.
    let bytes = committed(bytes);
    let hcl = HclReport::parse(&bytes).expect("other report data");
    hcl.compare(provider).expect("a hash of the runtime data");
    match hcl.dangerous_unproven(provider) {
        Ok(read) => assert_eq!(Some(read), runtime),
        Err(error) => {
            let id = error.check_id().expect("a check");
            assert!(runtime.is_none() || matches!(id, "azure.hcl.sizes" | "azure.hcl.padding"), "{id}");
        }
    }
});
