//! Every check of the event log by name.

use crate::checks::checks;

/// Shape: what the parser demands of the bytes. A failure is a [`crate::error::Malformed`].
pub mod wire {
    use super::checks;

    checks! {
        HEADER = Malformed "vtpm.log.header", "the Spec ID event names PCR 0, carries a zero digest, and says version 2.0", "TCG PC Client PFP, Specification ID Version Event";
        ALGORITHM_COUNT = Malformed "vtpm.log.header.algorithm-count", "the Spec ID event lists 1 to 8 hash algorithms", "TCG PC Client PFP, Specification ID Version Event; our bound";
        ALGORITHM_ONCE = Malformed "vtpm.log.header.algorithm-once", "the Spec ID event lists each hash algorithm once", "TCG PC Client PFP, Specification ID Version Event";
        ALGORITHM_SIZE = Malformed "vtpm.log.header.algorithm-size", "digest sizes are those of their algorithms", "TCG PC Client PFP, Specification ID Version Event; TCG Algorithm Registry";
        VENDOR = Malformed "vtpm.log.header.vendor", "vendorInfo fills the Spec ID event to its end", "TCG PC Client PFP, Specification ID Version Event";
        DIGEST_COUNT = Malformed "vtpm.log.digest-count", "an event carries at least one digest and no more than the header lists", "TCG PC Client PFP, TCG_PCR_EVENT2";
        DIGEST_LISTED = Malformed "vtpm.log.digest-listed", "digests of an event are of algorithms that the header lists", "TCG PC Client PFP, TCG_PCR_EVENT2";
        DIGEST_ONCE = Malformed "vtpm.log.digest-once", "an event carries one digest of an algorithm", "our rule: first and last readers must not disagree";
        PCR_INDEX = Malformed "vtpm.log.pcr-index", "an event that extends names one of the 24 registers", "TCG PC Client PTP, PCR attributes";
        LOCALITY_VALUE = Malformed "vtpm.log.startup-locality", "a StartupLocality event holds locality 0, 3 or 4 and nothing else", "TCG PC Client PFP, StartupLocality event";
        LOCALITY_ONCE = Malformed "vtpm.log.startup-locality-once", "there is at most one StartupLocality event", "TCG PC Client PFP, StartupLocality event";
        LOCALITY_EARLY = Malformed "vtpm.log.startup-locality-early", "the StartupLocality event comes before PCR 0 is extended", "TCG PC Client PFP, StartupLocality event";
    }
}

/// Replay: what a caller can demand of registers.
pub mod registers {
    use super::checks;

    checks! {
        VERIFIED = Missing "vtpm.log.verified", "the register has a verified value in the replayed bank", "TPM 2.0, TPM2_Quote";
        BANK = Unsupported "vtpm.log.bank", "every event of the register carries a digest of the replayed bank", "TCG PC Client PFP, TCG_PCR_EVENT2";
        EXPLAINED = Mismatch "vtpm.log.explained", "the log has events for the register", "our rule: an empty log explains nothing";
        REPLAYED = Mismatch "vtpm.log.replay", "replaying the log gives the verified value of the register", "TCG PC Client PFP, event log";
    }
}

/// Claims: why one is not made.
pub mod claims {
    use super::checks;

    checks! {
        SECURE_BOOT_REGISTER = Mismatch "vtpm.log.secure-boot.register", "PCR 7 is replayed to a verified value", "TCG PC Client PFP, PCR 7";
        SECURE_BOOT_KIND = Mismatch "vtpm.log.secure-boot.kind", "events of PCR 7 have the types that the profile gives it", "TCG PC Client PFP, PCR 7";
        SECURE_BOOT_COVERED = Mismatch "vtpm.log.secure-boot.covered", "the data of every event of PCR 7 is covered by its digest", "our rule: labels prove nothing";
        SECURE_BOOT_SEPARATOR = Mismatch "vtpm.log.secure-boot.separator", "PCR 7 has one separator, and it reports no error", "TCG PC Client PFP, EV_SEPARATOR";
        SECURE_BOOT_VARIABLES = Mismatch "vtpm.log.secure-boot.variables", "SecureBoot, PK, KEK, db and dbx are measured once each, in this order, before the separator and before any authority", "TCG PC Client PFP, PCR 7";
        SECURE_BOOT_ACTION = Mismatch "vtpm.log.secure-boot.action", "actions in PCR 7 are known and none opens a debugger", "TCG PC Client PFP, EV_EFI_ACTION in PCR 7";
        SECURE_BOOT_VALUE = Mismatch "vtpm.log.secure-boot.value", "SecureBoot is one byte, 0 or 1, or not set", "UEFI, SecureBoot variable";
        SECURE_BOOT_AUTHORITY = Mismatch "vtpm.log.secure-boot.authority", "with Secure Boot on, something was verified by an authority", "TCG PC Client PFP, EV_EFI_VARIABLE_AUTHORITY";
        BOOT_CHAIN_REGISTER = Mismatch "vtpm.log.boot-chain.register", "PCR 4 is replayed to a verified value", "TCG PC Client PFP, PCR 4";
        BOOT_CHAIN_KIND = Mismatch "vtpm.log.boot-chain.kind", "events of PCR 4 are images, actions and one separator", "TCG PC Client PFP, PCR 4; types are covered by nothing";
        BOOT_CHAIN_ACTION = Mismatch "vtpm.log.boot-chain.action", "actions of PCR 4 are known texts, covered by their digests", "TCG PC Client PFP, EV_EFI_ACTION in PCR 4; our rule: labels prove nothing";
        BOOT_CHAIN_SEPARATOR = Mismatch "vtpm.log.boot-chain.separator", "PCR 4 has one separator, and it reports no error", "TCG PC Client PFP, EV_SEPARATOR";
    }
}

/// IMA's list of measured files.
pub mod ima {
    use super::checks;

    checks! {
        PCR_INDEX = Malformed "vtpm.log.ima.pcr-index", "a record names one of the 24 registers", "TCG PC Client PTP, PCR attributes";
        REPLAYED = Mismatch "vtpm.log.ima.replay", "a beginning of the list replays to the verified register", "Linux, Documentation/ABI/testing/ima_policy and security/integrity/ima";
        TEMPLATE_DIGEST = Mismatch "vtpm.log.ima.template-digest", "template digests are the SHA-1 hashes of the template data", "Linux, security/integrity/ima";
    }
}

/// The Canonical Event Log.
pub mod cel {
    use super::checks;

    checks! {
        SEQUENCE = Malformed "vtpm.log.cel.sequence", "records are numbered from 0, without a gap: over the whole log in TLV, in each index on its own in CBOR", "TCG Canonical Event Log Format, 4.2.2; google/go-eventlog, cel";
        ORDER = Malformed "vtpm.log.cel.order", "a record is its number, its register, its digests and its content, in this order", "TCG Canonical Event Log Format, TLV encoding";
        REGISTER = Malformed "vtpm.log.cel.register", "a record names a register that exists", "TCG Canonical Event Log Format, PCR; Google's CC register, 1 to 4";
        DIGEST = Malformed "vtpm.log.cel.digest", "a record has one digest of an algorithm, of its length", "TCG Canonical Event Log Format, DIGESTS";
        REPLAYED = Mismatch "vtpm.log.cel.replay", "a beginning of the log replays to the verified register", "TCG Canonical Event Log Format";
        CONTENT = Mismatch "vtpm.log.cel.content", "COS content hashes to its digest", "Google COS, content type 80";
    }
}
