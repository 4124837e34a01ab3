//! Every check of the TDX line by name, in the order in which it is made.

use crate::checks::checks;

/// Shape: what `wire` demands of the bytes.
pub mod wire {
    use super::checks;

    checks! {
        KEY_TYPE = Unsupported "tdx.wire.key-type", "the attestation key lies on P-256", "Intel TDX DCAP Quoting Library API, A.3.1, attestation key type";
        TEE_TYPE = Unsupported "tdx.wire.tee-type", "the quote is one of a TD", "Intel TDX DCAP Quoting Library API, A.3.1, TEE type";
        VENDOR = Unsupported "tdx.wire.vendor", "Intel's quoting enclave made the quote", "Intel TDX DCAP Quoting Library API, A.3.1, QE vendor id";
        BODY_TYPE = Unsupported "tdx.wire.body-type", "the body is a TD report of a known form", "Intel TDX DCAP Quoting Library API, A.4, quote body descriptor";
        BODY_SIZE = Malformed "tdx.wire.body-size", "the body has the size of its type", "Intel TDX DCAP Quoting Library API, A.4, quote body descriptor";
        CERTIFICATION = Malformed "tdx.wire.certification-type", "the certification data are a QE report's", "Intel TDX DCAP Quoting Library API, A.3.8, QE certification data";
        PCK_TYPE = Unsupported "tdx.wire.pck-type", "the QE report is certified by a PCK certificate's chain in PEM", "Intel TDX DCAP Quoting Library API, A.3.9, certification data type";
        PCK_PEM = Malformed "tdx.wire.pck-chain", "the chain is two or three certificates in PEM, and a zero byte at most", "Intel TDX DCAP Quoting Library API, A.3.9, type 5";
        TCB_INFO = Malformed "tdx.wire.tcb-info", "signed TCB info has the form of version 3 for TDX", "Intel PCS v4, TCB info";
        QE_IDENTITY = Malformed "tdx.wire.qe-identity", "a signed identity has the form of version 2 for the TD quoting enclave", "Intel PCS v4, enclave identity";
    }
}

/// Belief: what verification demands.
pub mod verify {
    use super::checks;

    checks! {
        PCK_CHAIN = Untrusted "tdx.pck.chain", "the PCK certificate's chain ends at a root that the caller trusts", "Intel SGX PCK Certificate and CRL Profile, 1; RFC 5280, 6.1";
        PCK_ROLE = Untrusted "tdx.pck.role", "leaf and authority are a PCK certificate and a PCK CA, with keys on P-256", "Intel SGX PCK Certificate and CRL Profile, 1.3";
        PCK_EXTENSION = Untrusted "tdx.pck.extension", "the PCK certificate says which platform it is for, and at which TCB", "Intel SGX PCK Certificate and CRL Profile, 1.3.5";
        PCK_VALIDITY = Untrusted "tdx.pck.validity", "every certificate of the PCK chain is valid now", "RFC 5280, 4.1.2.5";
        COLLATERAL_SIGNATURE = Untrusted "tdx.collateral.signature", "TCB info and QE identity are signed, over the bytes received", "Intel PCS v4, TCB info and enclave identity";
        COLLATERAL_CHAIN = Untrusted "tdx.collateral.chain", "who signed them is certified by a root that the caller trusts", "Intel PCS v4, issuer chains; RFC 5280, 6.1";
        COLLATERAL_SIGNER = Untrusted "tdx.collateral.signer", "who signed them is Intel's TCB signer, directly below the root", "Intel PCS v4, issuer chains";
        COLLATERAL_SIGNER_VALIDITY = Untrusted "tdx.collateral.signer-validity", "the signer's certificate is valid now", "RFC 5280, 4.1.2.5";
        COLLATERAL_ISSUED = Untrusted "tdx.collateral.issued", "TCB info and QE identity were issued before now", "Intel PCS v4, issueDate";
        COLLATERAL_NEXT = Missing "tdx.collateral.next-update", "TCB info and QE identity are not overdue", "Intel PCS v4, nextUpdate";
        TCB_FMSPC = Missing "tdx.tcb-info.fmspc", "TCB info of the platform's FMSPC is there", "Intel PCS v4, TCB info, fmspc";
        TCB_PCE_ID = Mismatch "tdx.tcb-info.pce-id", "TCB info is for the platform's PCE", "Intel PCS v4, TCB info, pceId";
        CRL_ROOT = Missing "tdx.crl.root", "the root's revocation list is there", "RFC 5280, 6.3.3; Intel SGX PCK Certificate and CRL Profile, 2";
        CRL_PCK = Missing "tdx.crl.pck", "the revocation list of the PCK certificate's issuer is there", "RFC 5280, 6.3.3; Intel SGX PCK Certificate and CRL Profile, 2";
        CRL_SIGNATURE = Untrusted "tdx.crl.signature", "every list is signed by its issuer", "RFC 5280, 6.3.3 (g)";
        CRL_REVOKED = Untrusted "tdx.crl.revoked", "no certificate is revoked: PCK, its CA, or who signed collateral", "RFC 5280, 6.3.3 (j)";
        CRL_THIS_UPDATE = Untrusted "tdx.crl.this-update", "the newest lists were made before now", "RFC 5280, 5.1.2.4";
        CRL_NEXT_UPDATE = Missing "tdx.crl.next-update", "the newest lists are not overdue", "RFC 5280, 5.1.2.5";
        QE_SIGNATURE = Untrusted "tdx.qe.signature", "the platform's key signed the QE report", "Intel TDX DCAP Quoting Library API, A.3.8";
        QE_KEY = Mismatch "tdx.qe.attestation-key", "the QE report commits to the attestation key, and to nothing else", "Intel TDX DCAP Quoting Library API, A.3.8, QE report data";
        QE_DEBUG = Untrusted "tdx.qe.debug", "the quoting enclave cannot be read by a debugger", "Intel SDM 3D, ATTRIBUTES.DEBUG";
        QE_MISC_SELECT = Mismatch "tdx.qe.misc-select", "MISCSELECT is the identity's, under its mask", "Intel PCS v4, enclave identity, miscselect";
        QE_ATTRIBUTES = Mismatch "tdx.qe.attributes", "ATTRIBUTES are the identity's, under their mask", "Intel PCS v4, enclave identity, attributes";
        QE_SIGNER = Mismatch "tdx.qe.mr-signer", "MRSIGNER is the identity's", "Intel PCS v4, enclave identity, mrsigner";
        QE_PRODUCT = Mismatch "tdx.qe.isv-prod-id", "ISVPRODID is the identity's", "Intel PCS v4, enclave identity, isvprodid";
        SIGNATURE = Untrusted "tdx.quote.signature", "the attestation key signed the quote", "Intel TDX DCAP Quoting Library API, A.3.8";
        QE_LEVEL = Untrusted "tdx.qe.level", "ISVSVN reaches a level of the identity", "Intel PCS v4, enclave identity, tcbLevels";
        MODULE_KNOWN = Untrusted "tdx.module.known", "TCB info has an identity for the TDX module's version", "Intel PCS v4, TCB info, tdxModuleIdentities";
        MODULE_SIGNER = Mismatch "tdx.module.mr-signer", "MRSIGNERSEAM is the module identity's", "Intel PCS v4, TCB info, mrsigner";
        MODULE_ATTRIBUTES = Mismatch "tdx.module.attributes", "SEAMATTRIBUTES are the module identity's, under their mask", "Intel PCS v4, TCB info, attributes";
        MODULE_LEVEL = Untrusted "tdx.module.level", "the TDX module's SVN reaches a level of its identity", "Intel PCS v4, TCB info, tdxModuleIdentities";
        REPORT_DATA = Mismatch "tdx.quote.report-data", "all 64 bytes of REPORTDATA are as expected", "Intel TDX Module ABI, REPORTMACSTRUCT, REPORTDATA";
    }
}

/// Judgement: what a policy can demand. The first two are demanded of every quote, and no policy can turn them into warnings.
pub mod policy {
    use super::checks;

    checks! {
        TCB_LEVEL = Untrusted "tdx.policy.tcb.level", "the platform reaches a TCB level, or an exception names it", "Intel PCS v4, TCB info, tcbLevels; our rule on exceptions";
        TCB_REVOKED = Untrusted "tdx.policy.tcb.revoked", "neither platform, module nor QE is at a revoked level", "Intel PCS v4, TCB info, tcbStatus Revoked";
        TCB_STATUS = Policy "tdx.policy.tcb.status", "the TCB status is allowed, out of date for not too long, or excepted", "Intel PCS v4, TCB info, tcbStatus";
        ADVISORIES = Policy "tdx.policy.tcb.advisories", "every advisory that applies is allowed", "Intel PCS v4, TCB info, advisoryIDs";
        EVALUATION = Policy "tdx.policy.tcb.evaluation-number", "TCB info and QE identity are of this TCB recovery or a later one", "Intel PCS v4, tcbEvaluationDataNumber";
        COLLATERAL_AGE = Missing "tdx.policy.tcb.collateral-age", "TCB info and QE identity are young enough", "our rule on age; Intel PCS v4, issueDate";
        ROOT = Policy "tdx.policy.root", "the chain ends at a root of the demanded kind", "our rule: a test PKI is no hardware";
        FRESHNESS = Policy "tdx.policy.freshness", "the caller gave report data to compare", "RFC 9334, 10";
        FMSPC = Policy "tdx.policy.fmspc", "FMSPC is listed", "Intel SGX PCK Certificate and CRL Profile, 1.3.5";
        PLATFORM = Policy "tdx.policy.platform", "the platform instance is listed", "Intel SGX PCK Certificate and CRL Profile, 1.3.5, platform instance id";
        UNDER_DEBUG = Policy "tdx.policy.attributes.under-debug", "no bit of TDATTRIBUTES lets the host read the TD", "Intel TDX Module ABI, ATTRIBUTES, bits 7:0 (TUD)";
        ICSSD = Policy "tdx.policy.attributes.icssd", "TDATTRIBUTES.ICSSD is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 16";
        SERVTD_EXT = Policy "tdx.policy.attributes.servtd-ext", "TDATTRIBUTES.SERVTD_EXT is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 17";
        LASS = Policy "tdx.policy.attributes.lass", "TDATTRIBUTES.LASS is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 27";
        SEPT_VE_DISABLE = Policy "tdx.policy.attributes.sept-ve-disable", "TDATTRIBUTES.SEPT_VE_DISABLE is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 28";
        MIGRATABLE = Policy "tdx.policy.attributes.migratable", "TDATTRIBUTES.MIGRATABLE is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 29";
        PKS = Policy "tdx.policy.attributes.pks", "TDATTRIBUTES.PKS is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 30";
        KL = Policy "tdx.policy.attributes.kl", "TDATTRIBUTES.KL is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 31";
        TPA = Policy "tdx.policy.attributes.tpa", "TDATTRIBUTES.TPA is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 62";
        PERFMON = Policy "tdx.policy.attributes.perfmon", "TDATTRIBUTES.PERFMON is as demanded", "Intel TDX Module ABI, ATTRIBUTES, bit 63";
        ATTRIBUTES_UNKNOWN = Policy "tdx.policy.attributes.unknown", "no bit of TDATTRIBUTES is set that is not known", "Intel TDX Module ABI, ATTRIBUTES, reserved bits";
        XFAM = Policy "tdx.policy.xfam", "XFAM is as demanded, under the mask", "Intel TDX Module ABI, XFAM";
        MR_SEAM = Policy "tdx.policy.mr-seam", "MRSEAM is listed", "Intel TDX Module ABI, TEE_TCB_INFO, MRSEAM";
        MR_SIGNER_SEAM = Policy "tdx.policy.mr-signer-seam", "MRSIGNERSEAM is listed", "Intel TDX Module ABI, TEE_TCB_INFO, MRSIGNERSEAM";
        MR_TD = Policy "tdx.policy.mr-td", "MRTD is listed", "Intel TDX Module ABI, TDINFO_STRUCT, MRTD";
        MR_CONFIG_ID = Policy "tdx.policy.mr-config-id", "MRCONFIGID is listed", "Intel TDX Module ABI, TDINFO_STRUCT, MRCONFIGID";
        MR_OWNER = Policy "tdx.policy.mr-owner", "MROWNER is listed", "Intel TDX Module ABI, TDINFO_STRUCT, MROWNER";
        MR_OWNER_CONFIG = Policy "tdx.policy.mr-owner-config", "MROWNERCONFIG is listed", "Intel TDX Module ABI, TDINFO_STRUCT, MROWNERCONFIG";
        RTMR0 = Policy "tdx.policy.rtmr.0", "RTMR0 is listed", "Intel TDX Module ABI, TDINFO_STRUCT, RTMR0";
        RTMR1 = Policy "tdx.policy.rtmr.1", "RTMR1 is listed", "Intel TDX Module ABI, TDINFO_STRUCT, RTMR1";
        RTMR2 = Policy "tdx.policy.rtmr.2", "RTMR2 is listed", "Intel TDX Module ABI, TDINFO_STRUCT, RTMR2";
        RTMR3 = Policy "tdx.policy.rtmr.3", "RTMR3 is listed", "Intel TDX Module ABI, TDINFO_STRUCT, RTMR3";
        SERVICE_TD = Policy "tdx.policy.service-td", "no service TD is bound to the TD", "Intel TDX Module ABI, TDINFO_STRUCT, SERVTD_HASH";
        EVENT_LOG = Policy "tdx.policy.event-log", "the event log replays to the listed registers", "Intel TDX virtual firmware design guide, CCEL";
        TRAILER = Policy "tdx.policy.trailer", "nothing but zeros stands behind the quote", "our rule: it is signed by nobody";
    }
}
