//! Every check of the Nitro line by name, in the order in which it is made.

use crate::checks::checks;

/// Shape: what `wire` demands of the bytes. A failure is a [`crate::error::Malformed`].
pub mod wire {
    use super::checks;

    checks! {
        ALGORITHM = Malformed "nitro.wire.algorithm", "the protected header names ES384 as the algorithm", "AWS attestation process, 3.1; RFC 9052, 3.1; RFC 9053, 2.1";
        PROTECTED = Malformed "nitro.wire.protected", "the protected header has the algorithm and nothing else, so nothing critical goes unread", "AWS attestation process, 3.1; RFC 9052, 3.1, crit";
        UNPROTECTED = Malformed "nitro.wire.unprotected", "the unprotected header is empty: nobody signed what stands there", "AWS attestation process, 3.1; RFC 9052, 3";
        SIGNATURE_LENGTH = Malformed "nitro.wire.signature-length", "the signature has 96 bytes, r and s of P-384", "RFC 9053, 2.1";
        FIELDS = Malformed "nitro.wire.fields", "every mandatory field is there", "AWS attestation process, 3.2.2.1";
        MODULE_ID = Malformed "nitro.wire.module-id", "module_id is an instance's id, -enc or -tpm, and 16 hexadecimal digits", "AWS attestation process, 3.2.2.2; our rule on its form, that of every document seen";
        DIGEST = Malformed "nitro.wire.digest", "digest is SHA384", "AWS attestation process, 2.2 and 3.2.2.2";
        TIMESTAMP = Malformed "nitro.wire.timestamp", "timestamp is above zero", "AWS attestation process, 3.2.2.2";
        KIND = Malformed "nitro.wire.kind", "the field of the registers is that of the kind that module_id names", "AWS attestation process, 2.2; EC2 User Guide, attestation document specification";
        PCR_COUNT = Malformed "nitro.wire.pcr-count", "there are 1 to 32 registers", "AWS attestation process, 3.2.2.2";
        PCR_INDEX = Malformed "nitro.wire.pcr-index", "the index of a register is an integer from 0 to 31", "AWS attestation process, 2.2 and 3.2.2.2";
        PCR_LENGTH = Malformed "nitro.wire.pcr-length", "a register has 48 bytes, the length of a SHA-384 digest", "AWS attestation process, 2.2; of its three lengths, that of the digest that it names";
        CERTIFICATE = Malformed "nitro.wire.certificate", "a certificate has 1 to 1024 bytes", "AWS attestation process, 2.2";
        CABUNDLE = Malformed "nitro.wire.cabundle", "cabundle has 1 to 7 certificates", "AWS attestation process, 3.2.2.2; our bound on the length of a path";
        OPTIONAL = Malformed "nitro.wire.optional", "public_key, user_data and nonce have at most 1024 bytes", "AWS attestation process, 2.2; 3.2.2.2 says 512 for two of them, so the larger holds";
    }
}

/// Belief: what verification demands.
pub mod verify {
    use super::checks;

    checks! {
        CHAIN_BUDGET = Untrusted "nitro.chain.budget", "the path has at most 8 certificates and is found with 16 signatures", "our rule: work that strangers cause is bounded";
        CHAIN_ISSUER = Untrusted "nitro.chain.issuer", "each certificate's issuer is in cabundle, and the last one's is a root that the caller trusts", "AWS attestation process, 3.2.4; RFC 5280, 6.1.3 (a)(4)";
        CHAIN_SIGNATURE = Untrusted "nitro.chain.signature", "each certificate is signed by the next one's key", "AWS attestation process, 3.2.4; RFC 5280, 6.1.3 (a)(1)";
        CHAIN_VALIDITY = Untrusted "nitro.chain.validity", "every certificate is valid now", "AWS attestation process, 3.2.3.1; RFC 5280, 4.1.2.5";
        CHAIN_LEAF = Untrusted "nitro.chain.leaf", "the certificate that signs the document is no authority", "AWS attestation process, 3.2.3.3; RFC 5280, 4.2.1.9";
        CHAIN_AUTHORITY = Untrusted "nitro.chain.authority", "every issuer is an authority, may sign certificates, and has no more authorities below it than it allows", "AWS attestation process, 3.2.3.2 and 3.2.3.3; RFC 5280, 4.2.1.3 and 4.2.1.9";
        CHAIN_EXTENSION = Untrusted "nitro.chain.extension", "no certificate has a critical extension that nobody reads", "RFC 5280, 4.2";
        CHAIN_KEY = Untrusted "nitro.chain.key", "every key lies on P-384, and every certificate is signed with ECDSA and SHA-384", "AWS attestation process, 3.1; RFC 5758, 3.2; our rule: no weaker key in between";
        CHAIN_ORDER = Untrusted "nitro.chain.order", "cabundle is the path, root first, and nothing else", "AWS attestation process, 3.2.3";
        LEAF_USAGE = Untrusted "nitro.leaf.usage", "the key of the document's certificate is for digital signatures", "AWS attestation process, 3.2.3.3; RFC 5280, 4.2.1.3";
        LEAF_SUBJECT = Mismatch "nitro.leaf.subject", "the certificate is that of the module that module_id names", "our rule, that of every document seen: the common name is module_id.REGION.PARTITION";
        SIGNATURE = Untrusted "nitro.document.signature", "the certificate's key signed the document", "AWS attestation process, 3.2.1; RFC 9052, 4.4";
        NONCE = Mismatch "nitro.document.nonce", "nonce is as expected, all of it", "AWS attestation process, 2.2.2, nonce";
        USER_DATA = Mismatch "nitro.document.user-data", "user_data is as expected, all of it", "AWS attestation process, 2.2.2, user data";
        PUBLIC_KEY = Mismatch "nitro.document.public-key", "public_key is as expected, all of it", "AWS attestation process, 2.2.2, public key";
    }
}

/// Judgement: what a policy can demand.
pub mod policy {
    use super::checks;
    use crate::checks::Check;

    checks! {
        KIND = Policy "nitro.policy.kind", "the kind of document is allowed", "our rule: an enclave and an instance are judged by different registers";
        ROOT = Policy "nitro.policy.root", "the chain ends at a root of the demanded kind", "our rule: a test PKI is no hypervisor of AWS's";
        FRESHNESS = Policy "nitro.policy.freshness", "the caller gave a nonce to compare", "RFC 9334, 10";
        AGE = Policy "nitro.policy.age", "the document is young enough", "AWS attestation process, 2.2, timestamp; our rule on age";
        DEBUG = Policy "nitro.policy.debug", "an enclave is not in debug mode: PCR 0, 1 and 2 show measurements", "AWS Nitro Enclaves User Guide, cryptographic attestation";
        MODULE_ID = Policy "nitro.policy.module-id", "the module is listed", "AWS attestation process, 2.2, module_id";
        INSTANCE = Policy "nitro.policy.instance", "the EC2 instance is listed", "AWS attestation process, 2.2, module_id";
        UNKNOWN_FIELDS = Policy "nitro.policy.unknown-fields", "the document has no field that is not known", "AWS attestation process, 3.2.2.1, allowed fields";
        PCR_0 = Policy "nitro.policy.pcr-0", "PCR 0 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_1 = Policy "nitro.policy.pcr-1", "PCR 1 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_2 = Policy "nitro.policy.pcr-2", "PCR 2 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_3 = Policy "nitro.policy.pcr-3", "PCR 3 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_4 = Policy "nitro.policy.pcr-4", "PCR 4 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_5 = Policy "nitro.policy.pcr-5", "PCR 5 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_6 = Policy "nitro.policy.pcr-6", "PCR 6 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_7 = Policy "nitro.policy.pcr-7", "PCR 7 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_8 = Policy "nitro.policy.pcr-8", "PCR 8 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_9 = Policy "nitro.policy.pcr-9", "PCR 9 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_10 = Policy "nitro.policy.pcr-10", "PCR 10 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_11 = Policy "nitro.policy.pcr-11", "PCR 11 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_12 = Policy "nitro.policy.pcr-12", "PCR 12 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_13 = Policy "nitro.policy.pcr-13", "PCR 13 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_14 = Policy "nitro.policy.pcr-14", "PCR 14 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_15 = Policy "nitro.policy.pcr-15", "PCR 15 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_16 = Policy "nitro.policy.pcr-16", "PCR 16 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_17 = Policy "nitro.policy.pcr-17", "PCR 17 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_18 = Policy "nitro.policy.pcr-18", "PCR 18 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_19 = Policy "nitro.policy.pcr-19", "PCR 19 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_20 = Policy "nitro.policy.pcr-20", "PCR 20 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_21 = Policy "nitro.policy.pcr-21", "PCR 21 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_22 = Policy "nitro.policy.pcr-22", "PCR 22 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_23 = Policy "nitro.policy.pcr-23", "PCR 23 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_24 = Policy "nitro.policy.pcr-24", "PCR 24 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_25 = Policy "nitro.policy.pcr-25", "PCR 25 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_26 = Policy "nitro.policy.pcr-26", "PCR 26 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_27 = Policy "nitro.policy.pcr-27", "PCR 27 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_28 = Policy "nitro.policy.pcr-28", "PCR 28 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_29 = Policy "nitro.policy.pcr-29", "PCR 29 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_30 = Policy "nitro.policy.pcr-30", "PCR 30 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
        PCR_31 = Policy "nitro.policy.pcr-31", "PCR 31 is in the document and its value is listed", "AWS attestation process, 2.2, pcrs; EC2 User Guide, nitrotpm_pcrs";
    }

    /// The check of each register, by index.
    pub(crate) static PCRS: [&Check; 32] = [
        &PCR_0, &PCR_1, &PCR_2, &PCR_3, &PCR_4, &PCR_5, &PCR_6, &PCR_7, &PCR_8, &PCR_9, &PCR_10, &PCR_11,
        &PCR_12, &PCR_13, &PCR_14, &PCR_15, &PCR_16, &PCR_17, &PCR_18, &PCR_19, &PCR_20, &PCR_21, &PCR_22,
        &PCR_23, &PCR_24, &PCR_25, &PCR_26, &PCR_27, &PCR_28, &PCR_29, &PCR_30, &PCR_31,
    ];
}
