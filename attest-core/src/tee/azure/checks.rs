//! Every check of Azure's composite by name, in the order in which it is made.

use crate::checks::checks;

/// Shape: what `wire` and `runtime` demand of the bytes.
pub mod wire {
    use super::checks;

    checks! {
        LENGTH = Malformed "azure.hcl.length", "the report reaches as far as its own sizes say", "Azure guest attestation, attestation report";
        MAGIC = Malformed "azure.hcl.magic", "the report starts with HCLA", "Azure guest attestation, report header";
        VERSION = Unsupported "azure.hcl.version", "the header's version is 1 or 2", "Azure guest attestation, report header";
        RESERVED = Malformed "azure.hcl.reserved", "reserved bytes of the header are zero", "Azure guest attestation, report header";
        REQUEST_VERSION = Unsupported "azure.hcl.request-version", "the version of the request data is 1: in another, other fields precede the runtime data", "Azure guest attestation, request data";
        REPORT_TYPE = Unsupported "azure.hcl.report-type", "the hardware report is SEV-SNP's or TDX's", "Azure guest attestation, request data: report type";
        HASH_TYPE = Unsupported "azure.hcl.hash-type", "the runtime data are hashed with SHA-256", "Azure guest attestation, request data: hash type; no report with another is known";
        RUNTIME_JSON = Malformed "azure.hcl.runtime-json", "the runtime data are JSON of the known form, and no member stands twice", "RFC 8259, 4; our rule: two readers never read two things";
        KEY_ID = Malformed "azure.hcl.key-id", "no two keys have one kid", "RFC 7517, 4.5; our rule: the first and the last are never two keys";
        AK = Malformed "azure.hcl.ak", "a key has the kid HCLAkPub", "Azure guest attestation, runtime data";
        AK_KEY = Malformed "azure.hcl.ak-key", "HCLAkPub is RSA with 2048 to 4096 bits, its numbers in base64url without leading zeros", "RFC 7518, 6.3.1; RFC 7515, 2";
        SIZES = Malformed "azure.hcl.sizes", "report size and data size are those of what is there", "Azure guest attestation, attestation report; our rule: nothing signs them, so they have one form";
        PADDING = Malformed "azure.hcl.padding", "what follows a TDREPORT and the runtime data is zero", "our rule: nothing signs it, so it has one form";
    }
}

/// Belief: what binds the runtime data to a hardware report.
pub mod verify {
    use super::checks;

    checks! {
        ACCEPTED = Mismatch "azure.hcl.accepted", "what the policy accepted is an SNP report", "our rule: a key is as good as the paravisor, and a policy judges that";
        PARAVISOR = Mismatch "azure.hcl.paravisor", "the policy that accepted the report listed the paravisor, by MEASUREMENT or ID_KEY_DIGEST", "our rule: any other guest has a genuine report at VMPL 0 over whatever key it likes";
        HARDWARE_TYPE = Mismatch "azure.hcl.hardware-type", "the hardware report is of the kind that was verified", "our rule: a report vouches for its own machine";
        RUNTIME_DATA = Mismatch "azure.hcl.runtime-data", "the first half of the report data is SHA-256 of the runtime data, byte for byte", "Azure guest attestation, runtime data";
        REPORT_DATA_TAIL = Mismatch "azure.hcl.report-data-tail", "the second half of the report data is zero", "Azure guest attestation, runtime data; all 64 bytes have a meaning";
        HARDWARE_REPORT = Mismatch "azure.hcl.hardware-report", "the hardware report is the one that was verified", "our rule: parts that travel together belong together";
        VMPL = Untrusted "azure.hcl.vmpl", "the report was asked for at VMPL 0, where the paravisor runs and the guest does not", "AMD 56860, ATTESTATION_REPORT, 30h";
        DEBUG = Untrusted "azure.hcl.debug", "POLICY.DEBUG is clear: the host reads the memory of a guest that is debugged", "AMD 56860, guest policy, bit 19";
        USER_DATA = Mismatch "azure.hcl.user-data", "the runtime data's user-data are the expected 64 bytes, if any are", "Azure guest attestation, runtime data; our rule: compared in full, and what is missing equals nothing";
    }
}
