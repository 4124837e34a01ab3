//! Every check of the SNP line by name, in the order in which it is made.

use crate::checks::checks;

/// Shape: what `wire` demands of the bytes. A failure is a [`crate::error::Malformed`].
pub mod wire {
    use super::checks;

    checks! {
        VERSION = Malformed "snp.wire.version", "VERSION is written in little-endian order", "AMD 56860, ATTESTATION_REPORT, 0h";
        RESERVED = Malformed "snp.wire.reserved", "reserved bytes are zero", "AMD 56860, ATTESTATION_REPORT, reserved rows";
        SIGNATURE_PADDING = Malformed "snp.wire.signature-padding", "bytes of SIGNATURE that nothing signs are zero", "AMD 56860, signature format: R and S 72 bytes each, 368 reserved";
        TABLE = Malformed "snp.table.entry", "entries of the certificate table lie inside it, do not overlap and are named once", "AMD 56421 (GHCB), SNP extended guest request";
        EXTENSION = Malformed "snp.vek.encoding", "AMD's certificate extensions are encoded as specified", "AMD 57230, VCEK certificate extensions";
    }
}

/// Belief: what verification demands.
pub mod verify {
    use super::checks;

    checks! {
        ANCHOR_KNOWN = Untrusted "snp.anchor.known", "the chain ends at a root that the caller trusts", "AMD 57230, ARK";
        ANCHOR_VALIDITY = Untrusted "snp.anchor.validity", "the ARK is valid now", "RFC 5280, 4.1.2.5";
        CA_ISSUER = Untrusted "snp.ca.issuer", "the intermediate names the ARK as its issuer", "RFC 5280, 6.1.3 (a)(4)";
        CA_KIND = Untrusted "snp.ca.kind", "a VCEK comes from an ASK and a VLEK from an ASVK", "AMD 57230 and 58369, certificate chains";
        CA_CONSTRAINTS = Untrusted "snp.ca.constraints", "the intermediate may sign certificates, for leaves only", "RFC 5280, 4.2.1.3 and 4.2.1.9";
        CA_KEY = Untrusted "snp.ca.key", "the intermediate's key is RSA with 4096 bits", "AMD 57230, ASK";
        CA_SIGNATURE = Untrusted "snp.ca.signature", "the ARK signed the intermediate", "RFC 5280, 6.1.3 (a)(1)";
        CA_VALIDITY = Untrusted "snp.ca.validity", "the intermediate is valid now", "RFC 5280, 4.1.2.5";
        VEK_SUBJECT = Untrusted "snp.vek.subject", "the endorsement key's certificate has AMD's name for a VCEK or a VLEK", "AMD 57230, VCEK certificate";
        VEK_ISSUER = Untrusted "snp.vek.issuer", "the endorsement key's certificate names the intermediate as its issuer", "RFC 5280, 6.1.3 (a)(4)";
        VEK_PROFILE = Untrusted "snp.vek.profile", "the endorsement key's certificate is a leaf, without critical extensions", "AMD 57230, VCEK certificate";
        VEK_KEY = Untrusted "snp.vek.key", "the endorsement key lies on NIST P-384", "AMD 57230, VCEK certificate";
        VEK_ALGORITHM = Untrusted "snp.vek.signature-algorithm", "the certificate is signed with RSASSA-PSS, SHA-384 and 48 bytes of salt", "AMD 57230, VCEK certificate";
        VEK_SIGNATURE = Untrusted "snp.vek.signature", "the intermediate signed the endorsement key's certificate", "RFC 5280, 6.1.3 (a)(1)";
        VEK_EXTENSIONS = Untrusted "snp.vek.extensions", "every extension that this kind of certificate has is there, and none of another kind", "AMD 57230 and 58369, certificate extensions";
        VEK_STRUCT_VERSION = Untrusted "snp.vek.struct-version", "the extensions' version fits the product line", "AMD 57230, extension 1.3.6.1.4.1.3704.1.1";
        VEK_PRODUCT = Untrusted "snp.vek.product-name", "the product name names the issuer's product line", "AMD 57230, extension 1.3.6.1.4.1.3704.1.2";
        VEK_VALIDITY = Untrusted "snp.vek.validity", "the endorsement key's certificate is valid now", "RFC 5280, 4.1.2.5";
        CRL_ISSUER = Missing "snp.crl.issuer", "one of the CRLs supplied comes from the chain's root or intermediate", "RFC 5280, 6.3.3 (b)";
        CRL_SIGNATURE = Untrusted "snp.crl.signature", "its issuer signed the CRL", "RFC 5280, 6.3.3 (g)";
        CRL_REVOKED_CA = Untrusted "snp.crl.intermediate", "the CRL does not list the intermediate", "RFC 5280, 6.3.3 (j)";
        CRL_REVOKED_VEK = Untrusted "snp.crl.vek", "the CRL does not list the endorsement key's certificate", "RFC 5280, 6.3.3 (j)";
        CRL_THIS_UPDATE = Untrusted "snp.crl.this-update", "the CRL was made before now", "RFC 5280, 5.1.2.4";
        CRL_NEXT_UPDATE = Missing "snp.crl.next-update", "the CRL says when the next one is due, and it is not overdue", "RFC 5280, 5.1.2.5";
        SIGNATURE_ALGO = Unsupported "snp.report.signature-algo", "SIGNATURE_ALGO is ECDSA P-384 with SHA-384", "AMD 56860, ATTESTATION_REPORT, 34h";
        SIGNING_KEY = Untrusted "snp.report.signing-key", "SIGNING_KEY names a VCEK or a VLEK", "AMD 56860, ATTESTATION_REPORT, 48h, bits 4:2";
        MASK_CHIP_KEY = Untrusted "snp.report.mask-chip-key", "the chip's key is not masked: the report is signed", "AMD 56860, ATTESTATION_REPORT, 48h, bit 1";
        SIGNATURE_RANGE = Untrusted "snp.report.signature-range", "R and S lie between 1 and the order of the curve", "FIPS 186-5, 6.4.2, step 1";
        SIGNATURE = Untrusted "snp.report.signature", "the endorsement key signed the report", "AMD 56860, ATTESTATION_REPORT, 2A0h; FIPS 186-5, 6.4.2";
        KEY_KIND = Mismatch "snp.report.key-kind", "the certificate is of the kind that SIGNING_KEY names", "AMD 56860, ATTESTATION_REPORT, 48h, bits 4:2";
        CPUID_PRODUCT = Mismatch "snp.report.cpuid-product", "the CPUID bytes name the certificate's product line", "AMD 56860, ATTESTATION_REPORT, 188h..18Ah";
        VEK_TCB = Mismatch "snp.vek.tcb", "each component of the certificate's TCB is REPORTED_TCB's", "AMD 57230, extensions 1.3.6.1.4.1.3704.1.3";
        VEK_HWID = Mismatch "snp.vek.hwid", "the certificate's HWID is CHIP_ID", "AMD 57230, extension 1.3.6.1.4.1.3704.1.4";
        POLICY_RESERVED_ONE = Untrusted "snp.report.policy-bit-17", "POLICY bit 17, reserved, is one", "AMD 56860, guest policy, bit 17";
        COMMITTED_TCB = Mismatch "snp.report.committed-tcb", "COMMITTED_TCB is not above CURRENT_TCB", "AMD 56860, TCB_VERSION, SNP_COMMIT";
        REPORTED_TCB = Mismatch "snp.report.reported-tcb", "REPORTED_TCB is not above CURRENT_TCB", "AMD 56860, TCB_VERSION, SNP_CONFIG";
        COMMITTED_VERSION = Mismatch "snp.report.committed-version", "the committed firmware version is not above the current one", "AMD 56860, SNP_COMMIT";
        REPORT_DATA = Mismatch "snp.report.report-data", "all 64 bytes of REPORT_DATA are as expected", "AMD 56860, ATTESTATION_REPORT, 50h";
    }
}

/// Judgement: what a policy can demand.
pub mod policy {
    use super::checks;

    checks! {
        PRODUCT = Policy "snp.policy.product", "the product line is allowed", "our rule: Milan only on purpose (arXiv 2605.12990)";
        UNKNOWN_CPU = Policy "snp.policy.unknown-cpu", "the CPU is one whose family and model are known", "AMD 56860, ATTESTATION_REPORT, 188h..18Ah";
        VERSION = Policy "snp.policy.report-version", "VERSION is allowed", "AMD 56860, ATTESTATION_REPORT, 0h";
        KEY_KIND = Policy "snp.policy.signing-key", "the kind of endorsement key is allowed", "AMD 58369";
        CSP_ID = Policy "snp.policy.csp-id", "the cloud provider that the VLEK names is allowed", "AMD 58369, extension 1.3.6.1.4.1.3704.1.5";
        CHIP_ID = Policy "snp.policy.chip-id", "CHIP_ID is listed", "AMD 56860, ATTESTATION_REPORT, 1A0h";
        FRESHNESS = Policy "snp.policy.freshness", "the caller gave report data to compare", "RFC 9334, 10";
        CRL = Missing "snp.policy.crl", "a CRL was looked at, and it is young enough", "RFC 5280, 6.3; our rule on age";
        VMPL = Policy "snp.policy.vmpl", "VMPL is allowed", "AMD 56860, ATTESTATION_REPORT, 30h";
        SMT = Policy "snp.policy.guest.smt", "POLICY.SMT is as demanded", "AMD 56860, guest policy, bit 16";
        MIGRATE_MA = Policy "snp.policy.guest.migrate-ma", "POLICY.MIGRATE_MA is as demanded", "AMD 56860, guest policy, bit 18";
        DEBUG = Policy "snp.policy.guest.debug", "POLICY.DEBUG is as demanded", "AMD 56860, guest policy, bit 19";
        SINGLE_SOCKET = Policy "snp.policy.guest.single-socket", "POLICY.SINGLE_SOCKET is as demanded", "AMD 56860, guest policy, bit 20";
        CXL_ALLOW = Policy "snp.policy.guest.cxl-allow", "POLICY.CXL_ALLOW is as demanded", "AMD 56860, guest policy, bit 21";
        MEM_AES_256_XTS = Policy "snp.policy.guest.mem-aes-256-xts", "POLICY.MEM_AES_256_XTS is as demanded", "AMD 56860, guest policy, bit 22";
        RAPL_DIS = Policy "snp.policy.guest.rapl-dis", "POLICY.RAPL_DIS is as demanded", "AMD 56860, guest policy, bit 23";
        CIPHERTEXT_HIDING = Policy "snp.policy.guest.ciphertext-hiding-dram", "POLICY.CIPHERTEXT_HIDING_DRAM is as demanded", "AMD 56860, guest policy, bit 24";
        PAGE_SWAP_DISABLE = Policy "snp.policy.guest.page-swap-disable", "POLICY.PAGE_SWAP_DISABLE is as demanded", "AMD 56860, guest policy, bit 25";
        GUEST_UNKNOWN = Policy "snp.policy.guest.unknown", "no bit of POLICY is set that is not known", "AMD 56860, guest policy, bits 63:26";
        MINIMUM_ABI = Policy "snp.policy.guest.minimum-abi", "the guest itself demands at least this firmware ABI", "AMD 56860, guest policy, bits 15:0";
        PLATFORM_SMT = Policy "snp.policy.platform.smt-en", "PLATFORM_INFO.SMT_EN is as demanded", "AMD 56860, PLATFORM_INFO, bit 0";
        PLATFORM_TSME = Policy "snp.policy.platform.tsme-en", "PLATFORM_INFO.TSME_EN is as demanded", "AMD 56860, PLATFORM_INFO, bit 1";
        PLATFORM_ECC = Policy "snp.policy.platform.ecc-en", "PLATFORM_INFO.ECC_EN is as demanded", "AMD 56860, PLATFORM_INFO, bit 2";
        PLATFORM_RAPL = Policy "snp.policy.platform.rapl-dis", "PLATFORM_INFO.RAPL_DIS is as demanded", "AMD 56860, PLATFORM_INFO, bit 3";
        PLATFORM_HIDING = Policy "snp.policy.platform.ciphertext-hiding-dram-en", "PLATFORM_INFO.CIPHERTEXT_HIDING_DRAM_EN is as demanded", "AMD 56860, PLATFORM_INFO, bit 4";
        PLATFORM_ALIAS = Policy "snp.policy.platform.alias-check-complete", "PLATFORM_INFO.ALIAS_CHECK_COMPLETE is as demanded", "AMD 56860, PLATFORM_INFO, bit 5; AMD-SB-3015";
        PLATFORM_IOMMU = Policy "snp.policy.platform.iommu-write-safe", "PLATFORM_INFO bit 6 is as demanded", "PLATFORM_INFO, bit 6; the name is not in AMD's published table";
        PLATFORM_TIO = Policy "snp.policy.platform.tio-en", "PLATFORM_INFO.TIO_EN is as demanded", "AMD 56860, PLATFORM_INFO, bit 7";
        PLATFORM_UNKNOWN = Policy "snp.policy.platform.unknown", "no bit of PLATFORM_INFO is set that is not known", "AMD 56860, PLATFORM_INFO, bits 63:8";
        KEY_INFO_UNKNOWN = Policy "snp.policy.key-info.unknown", "no bit of the key information is set that is not known", "AMD 56860, ATTESTATION_REPORT, 48h, bits 31:5";
        TCB_UNKNOWN = Policy "snp.policy.tcb.unknown", "no reserved byte of a TCB_VERSION is set", "AMD 56860, TCB_VERSION";
        TCB_CURRENT = Policy "snp.policy.tcb.current", "each component of CURRENT_TCB reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 38h";
        TCB_REPORTED = Policy "snp.policy.tcb.reported", "each component of REPORTED_TCB reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 180h";
        TCB_COMMITTED = Policy "snp.policy.tcb.committed", "each component of COMMITTED_TCB reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 1E0h";
        TCB_LAUNCH = Policy "snp.policy.tcb.launch", "each component of LAUNCH_TCB reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 1F0h";
        PROVISIONAL = Policy "snp.policy.provisional-firmware", "the current firmware is committed", "AMD 56860, SNP_COMMIT";
        FIRMWARE_CURRENT = Policy "snp.policy.firmware.current", "the current firmware version reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 1E8h";
        FIRMWARE_COMMITTED = Policy "snp.policy.firmware.committed", "the committed firmware version reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 1ECh";
        MITIGATION_LAUNCH = Policy "snp.policy.mitigations.launch", "LAUNCH_MIT_VECTOR has every demanded bit", "AMD 56860, ATTESTATION_REPORT, 1F8h";
        MITIGATION_CURRENT = Policy "snp.policy.mitigations.current", "CURRENT_MIT_VECTOR has every demanded bit", "AMD 56860, ATTESTATION_REPORT, 200h";
        MIGRATION_AGENT = Policy "snp.policy.migration-agent", "REPORT_ID_MA names no migration agent", "AMD 56860, ATTESTATION_REPORT, 160h";
        MEASUREMENT = Policy "snp.policy.measurement", "MEASUREMENT is listed", "AMD 56860, ATTESTATION_REPORT, 90h";
        HOST_DATA = Policy "snp.policy.host-data", "HOST_DATA is listed", "AMD 56860, ATTESTATION_REPORT, C0h";
        FAMILY_ID = Policy "snp.policy.family-id", "FAMILY_ID is listed", "AMD 56860, ATTESTATION_REPORT, 10h";
        IMAGE_ID = Policy "snp.policy.image-id", "IMAGE_ID is listed", "AMD 56860, ATTESTATION_REPORT, 20h";
        GUEST_SVN = Policy "snp.policy.guest-svn", "GUEST_SVN reaches the minimum", "AMD 56860, ATTESTATION_REPORT, 4h";
        ID_KEY_DIGEST = Policy "snp.policy.id-key-digest", "ID_KEY_DIGEST is listed", "AMD 56860, ATTESTATION_REPORT, E0h";
        AUTHOR_KEY_DIGEST = Policy "snp.policy.author-key-digest", "an author key is in use and AUTHOR_KEY_DIGEST is listed", "AMD 56860, ATTESTATION_REPORT, 110h and 48h, bit 0";
        ROOT = Policy "snp.policy.root", "the chain ends at a root of the demanded kind", "our rule: a test PKI is no hardware";
    }
}
