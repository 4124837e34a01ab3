//! Every check of the TPM line by name, in the order in which it is made.

use crate::checks::checks;

/// Shape: what `wire` demands of the bytes. A failure is a [`crate::error::Malformed`].
pub mod wire {
    use super::checks;

    checks! {
        MAGIC = Malformed "vtpm.wire.magic", "magic is TPM_GENERATED_VALUE", "TPM 2.0 Part 2, 6.2";
        TYPE = Malformed "vtpm.wire.type", "type is that of the structure that is asked for", "TPM 2.0 Part 2, 10.12.12";
        SIGNER = Malformed "vtpm.wire.qualified-signer", "qualifiedSigner is a name: a known hash algorithm and a digest of its length", "TPM 2.0 Part 2, 10.5.3";
        SAFE = Malformed "vtpm.wire.safe", "clockInfo.safe is YES or NO", "TPM 2.0 Part 2, 9.3";
        SELECTION_COUNT = Malformed "vtpm.wire.selection-count", "a selection list has at most 16 entries", "TPM 2.0 Part 2, 10.9.7; HASH_COUNT";
        SELECTION_INDEX = Malformed "vtpm.wire.selection-index", "no register above 23 is selected", "PC Client Platform TPM Profile, 4.6.1";
        SIGNATURE_ALG = Unsupported "vtpm.wire.signature-scheme", "sigAlg is RSASSA, RSAPSS or ECDSA", "TPM 2.0 Part 2, 11.3.4";
        SIGNATURE_SCALAR = Malformed "vtpm.wire.signature-scalar", "no number of a signature is longer than the field of its curve", "TPM 2.0 Part 2, 11.3.2";
        PUBLIC_TYPE = Malformed "vtpm.wire.public-type", "the key is RSA or ECC", "TPM 2.0 Part 2, 12.2.2";
        NAME_ALG = Malformed "vtpm.wire.name-alg", "nameAlg is a known hash algorithm", "TPM 2.0 Part 1, 16";
        ATTRIBUTES = Malformed "vtpm.wire.attributes", "reserved bits of objectAttributes are zero", "TPM 2.0 Part 2, 8.3";
        POINT = Malformed "vtpm.wire.point", "the coordinates of an ECC key have the length of the curve's field", "TPM 2.0 Part 2, 11.2.5.2";
    }
}

/// Belief: what verification demands.
pub mod verify {
    use super::checks;

    checks! {
        AK_TRUSTED = Untrusted "vtpm.ak.trusted", "something that the caller trusts vouches for the attestation key", "RFC 9334, 7.4; our rule: a key that evidence brings proves nothing";
        AK_CHAIN = Untrusted "vtpm.ak.chain", "the key's certificate chains to a root that the caller trusts, and every part of the chain is valid now", "RFC 5280, 6.1";
        AK_USAGE = Untrusted "vtpm.ak.usage", "the key's certificate is for signatures, not for key transport", "TCG EK Credential Profile; RFC 5280, 4.2.1.3";
        AK_CRL_SIGNATURE = Untrusted "vtpm.ak.crl-signature", "where lists of an issuer's name were supplied, one is signed by that issuer, who may sign lists", "RFC 5280, 6.3.3";
        AK_CRL_DATES = Missing "vtpm.ak.crl-dates", "the newest list of each issuer is in date", "RFC 5280, 5.1.2.5";
        AK_REVOKED = Untrusted "vtpm.ak.revoked", "no list names a certificate of the path", "RFC 5280, 6.3";
        AK_CERTIFICATE = Mismatch "vtpm.ak.certificate", "the certificate's key is the key that signs", "our rule: one key through the whole flow";
        AK_ATTRIBUTES = Untrusted "vtpm.ak.attributes", "the key is restricted, signs only, was made in its TPM and stays there", "TPM 2.0 Part 1, 25.2; Part 2, 8.3";
        AK_STRENGTH = Untrusted "vtpm.ak.strength", "an RSA key has 2048 bits and an exponent of 65537 at least", "NIST SP 800-131A";
        AK_SCHEME = Mismatch "vtpm.ak.scheme", "the signature's scheme is the one that the key is fixed to", "TPM 2.0 Part 2, 12.2.3";
        AK_HASH = Mismatch "vtpm.ak.hash", "the signature's hash is the one that the key is fixed to", "TPM 2.0 Part 2, 12.2.3";
        AK_NAME = Mismatch "vtpm.ak.qualified-signer", "qualifiedSigner is the qualified name of the key, where its parent is known", "TPM 2.0 Part 1, 16";
        SIGNATURE_HASH = Untrusted "vtpm.quote.signature-hash", "the signature's hash is SHA-256 or stronger", "NIST SP 800-131A";
        SIGNATURE = Untrusted "vtpm.quote.signature", "the attestation key signed the quote", "TPM 2.0 Part 3, 18.4";
        EXTRA_DATA = Mismatch "vtpm.quote.extra-data", "extraData is as expected, all of it", "TPM 2.0 Part 2, 10.12.12";
        SELECTION_EMPTY = Untrusted "vtpm.quote.selection-empty", "every entry of the selection names a register", "CVE-2022-0317";
        SELECTION_BANK = Untrusted "vtpm.quote.selection-bank", "no bank is selected twice", "CVE-2024-29039";
        BANK_KNOWN = Unsupported "vtpm.quote.bank", "the banks are SHA-1, SHA-256, SHA-384 or SHA-512", "TCG Algorithm Registry";
        PCR_DUPLICATE = Untrusted "vtpm.pcr.duplicate", "no register value is handed over twice", "our rule: a map keeps the last, a search finds the first";
        PCR_SELECTED = Mismatch "vtpm.pcr.selected", "the values handed over are those of the quoted registers, all of them and no others", "CVE-2024-29039";
        PCR_LENGTH = Mismatch "vtpm.pcr.length", "each value has the length of its bank's digests", "TPM 2.0 Part 2, 10.9.7";
        PCR_DIGEST = Mismatch "vtpm.pcr.digest", "pcrDigest is the digest of the values, in the order of the selection, by the signature's hash", "TPM 2.0 Part 3, 18.4";
        SAME_BOOT = Mismatch "vtpm.quote.same-boot", "all quotes are of one boot of one TPM: the same qualifiedSigner, resetCount, restartCount and firmwareVersion", "TPM 2.0 Part 1, 36; our rule: registers of two boots are no state";
    }
}

/// Certificates: of endorsement keys, and what one that was believed says of the machine.
pub mod certificate {
    use super::checks;

    checks! {
        EK_CHAIN = Untrusted "vtpm.ek.chain", "the endorsement key's certificate chains to a root that the caller trusts, and every part of the chain is valid now", "RFC 5280, 6.1";
        EK_USAGE = Untrusted "vtpm.ek.usage", "the endorsement key's certificate is for key transport, not for signatures", "TCG EK Credential Profile, 3.2; RFC 5280, 4.2.1.3";
        EK_CRL_SIGNATURE = Untrusted "vtpm.ek.crl-signature", "where lists of an issuer's name were supplied, one is signed by that issuer, who may sign lists", "RFC 5280, 6.3.3";
        EK_CRL_DATES = Missing "vtpm.ek.crl-dates", "the newest list of each issuer is in date", "RFC 5280, 5.1.2.5";
        EK_REVOKED = Untrusted "vtpm.ek.revoked", "no list names a certificate of the path", "RFC 5280, 6.3";
        EK_CRL_PRESENT = Missing "vtpm.ek.crl-present", "a list of each issuer of the path was supplied, if the caller demands it", "RFC 5280, 6.3";
        EK_SAN = Malformed "vtpm.ek.subject-alt-name", "subjectAltName has each of a TPM's attributes once at most, as text", "TCG EK Credential Profile, 3.2.9";
        EK_CERTIFICATE = Mismatch "vtpm.ek.certificate", "the certificate's key is that of the public area", "our rule: one key through the whole flow";
        GCE_INSTANCE = Malformed "vtpm.certificate.gce-instance", "Google's instance information is DER of the known form, without negative numbers", "google/go-tpm-tools, server/instance_info.go; X.690";
    }
}

/// Judgement: what a policy can demand.
pub mod policy {
    use super::checks;
    use crate::checks::Check;

    checks! {
        ROOT = Policy "vtpm.policy.root", "what vouches for the key is rooted as deep as demanded", "our rule: a virtual TPM is software that the cloud runs";
        AK_PATH = Policy "vtpm.policy.ak-path", "the way in which the key is vouched for is allowed", "RFC 9334, 7.4";
        AK_ATTRIBUTES = Policy "vtpm.policy.ak-attributes", "the key's attributes are known", "TPM 2.0 Part 1, 25.2";
        HIERARCHY = Policy "vtpm.policy.hierarchy", "the key is a primary of an allowed hierarchy", "TPM 2.0 Part 1, 16 and 36.7: others' counters are obfuscated";
        REVOCATION = Policy "vtpm.policy.revocation", "certificates that vouch for the key were looked up in lists of revoked ones", "RFC 5280, 6.3";
        CERTIFICATE_SUBJECT = Policy "vtpm.policy.certificate-subject", "the common name in the key's certificate is listed", "our rule: which machine, by its certificate";
        GCE_ZONE = Policy "vtpm.policy.gce-zone", "the zone that Google names is listed", "google/go-tpm-tools, server/instance_info.go";
        GCE_PROJECT_NUMBER = Policy "vtpm.policy.gce-project-number", "the project that Google names is listed, by its number", "google/go-tpm-tools, server/instance_info.go";
        GCE_PROJECT_ID = Policy "vtpm.policy.gce-project-id", "the project that Google names is listed, by its id", "google/go-tpm-tools, server/instance_info.go";
        GCE_INSTANCE_ID = Policy "vtpm.policy.gce-instance-id", "the instance that Google names is listed, by its number", "google/go-tpm-tools, server/instance_info.go";
        GCE_INSTANCE_NAME = Policy "vtpm.policy.gce-instance-name", "the instance that Google names is listed, by its name", "google/go-tpm-tools, server/instance_info.go";
        AZURE_VM_ID = Policy "vtpm.policy.azure-vm-id", "the machine that Azure's paravisor names is listed", "Azure guest attestation, runtime data: vmUniqueId";
        EK_SPKI = Policy "vtpm.policy.ek-spki-sha256", "the endorsement key of the TPM is listed", "TPM 2.0 Part 1, 9.4.3.2; our rule: which machine, by its TPM";
        FRESHNESS = Policy "vtpm.policy.freshness", "the caller gave qualifying data to compare, 8 bytes at least", "RFC 9334, 10";
        CLOCK_SAFE = Policy "vtpm.policy.clock-safe", "clockInfo.safe is as demanded", "TPM 2.0 Part 2, 10.11.1";
        FIRMWARE_VERSION = Policy "vtpm.policy.firmware-version", "firmwareVersion is listed", "TPM 2.0 Part 2, 10.12.12";
        BANKS = Policy "vtpm.policy.banks", "only allowed banks are quoted", "NIST SP 800-131A";
        PCR_0 = Policy "vtpm.policy.pcr.0", "register 0 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_1 = Policy "vtpm.policy.pcr.1", "register 1 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_2 = Policy "vtpm.policy.pcr.2", "register 2 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_3 = Policy "vtpm.policy.pcr.3", "register 3 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_4 = Policy "vtpm.policy.pcr.4", "register 4 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_5 = Policy "vtpm.policy.pcr.5", "register 5 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_6 = Policy "vtpm.policy.pcr.6", "register 6 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_7 = Policy "vtpm.policy.pcr.7", "register 7 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_8 = Policy "vtpm.policy.pcr.8", "register 8 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_9 = Policy "vtpm.policy.pcr.9", "register 9 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_10 = Policy "vtpm.policy.pcr.10", "register 10 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_11 = Policy "vtpm.policy.pcr.11", "register 11 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_12 = Policy "vtpm.policy.pcr.12", "register 12 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_13 = Policy "vtpm.policy.pcr.13", "register 13 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_14 = Policy "vtpm.policy.pcr.14", "register 14 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_15 = Policy "vtpm.policy.pcr.15", "register 15 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_16 = Policy "vtpm.policy.pcr.16", "register 16 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_17 = Policy "vtpm.policy.pcr.17", "register 17 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_18 = Policy "vtpm.policy.pcr.18", "register 18 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_19 = Policy "vtpm.policy.pcr.19", "register 19 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_20 = Policy "vtpm.policy.pcr.20", "register 20 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_21 = Policy "vtpm.policy.pcr.21", "register 21 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_22 = Policy "vtpm.policy.pcr.22", "register 22 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        PCR_23 = Policy "vtpm.policy.pcr.23", "register 23 has a listed value", "PC Client Platform Firmware Profile, 3.3.4";
        SIGNED_PCRS = Policy "vtpm.policy.signed-pcrs", "a signer of the caller's signed a policy of the quoted values of the registers that are demanded, all of them under one signature", "TPM 2.0 Part 3, 23.7; systemd, systemd-measure: tpm2-pcr-signature.json";
        LOG_CONTRADICTION = Policy "vtpm.policy.log-contradiction", "the event log, if any came along, contradicts no quoted register", "PC Client Platform Firmware Profile, 10; our rule: a log that is wrong somewhere is believed nowhere unseen";
        EVENT_LOG = Policy "vtpm.policy.event-log", "the event log replays to the registers that the policy names", "PC Client Platform Firmware Profile, 10";
        SECURE_BOOT = Policy "vtpm.policy.secure-boot", "the event log proves that Secure Boot is as demanded", "PC Client Platform Firmware Profile, PCR 7";
    }

    /// The checks of the registers, by number.
    pub static PCRS: [&Check; 24] = [
        &PCR_0, &PCR_1, &PCR_2, &PCR_3, &PCR_4, &PCR_5, &PCR_6, &PCR_7, &PCR_8, &PCR_9, &PCR_10, &PCR_11,
        &PCR_12, &PCR_13, &PCR_14, &PCR_15, &PCR_16, &PCR_17, &PCR_18, &PCR_19, &PCR_20, &PCR_21, &PCR_22,
        &PCR_23,
    ];
}

/// One key that vouches for another: certification and attested creation.
pub mod attested {
    use super::checks;

    checks! {
        LOCALITY_FORM = Malformed "vtpm.creation.wire-locality", "locality names one locality", "TPM 2.0 Part 2, 8.5";
        PARENT_FORM = Malformed "vtpm.creation.wire-parent", "a parent is a hierarchy by its handle, or a key by a name of parentNameAlg", "TPM 2.0 Part 2, 15.1; Part 1, 16";
        NAME_ALG = Untrusted "vtpm.attested.name-alg", "the nameAlg of the key that is vouched for is SHA-256, SHA-384 or SHA-512", "NIST SP 800-131A; a name that can collide names nobody";
        SIGNER = Untrusted "vtpm.attested.signer", "the key that signed is the one that is trusted, by its name", "our rule: what is certified is as good as its certifier";
        CERTIFY_NAME = Mismatch "vtpm.certify.name", "the certified name is that of the key", "TPM 2.0 Part 2, 10.12.3; Part 3, 18.2";
        CERTIFY_QUALIFIED_NAME = Mismatch "vtpm.certify.qualified-name", "the qualified name is a name, made by the key's nameAlg", "TPM 2.0 Part 1, 16";
        CERTIFY_EXTRA_DATA = Mismatch "vtpm.certify.extra-data", "extraData of the certification is as expected, all of it", "TPM 2.0 Part 2, 10.12.12";
        CREATION_NAME = Mismatch "vtpm.creation.name", "the created object's name is that of the key", "TPM 2.0 Part 2, 10.12.6; Part 3, 18.3";
        CREATION_HASH = Mismatch "vtpm.creation.hash", "creationHash is the digest of the creation data by the key's nameAlg", "TPM 2.0 Part 2, 10.12.6; Part 3, 12.1";
        CREATION_EXTRA_DATA = Mismatch "vtpm.creation.extra-data", "extraData of the attested creation is as expected, all of it", "TPM 2.0 Part 2, 10.12.12";
        CREATION_OUTSIDE_INFO = Mismatch "vtpm.creation.outside-info", "outsideInfo is as expected, all of it", "TPM 2.0 Part 2, 15.1";
        CREATION_LOCALITY = Mismatch "vtpm.creation.locality", "the key was made at an expected locality", "TPM 2.0 Part 2, 15.1; PC Client Platform Firmware Profile, 3.3.2";
    }
}

/// Policies over registers that a vendor signs ahead of time.
pub mod pcrsig {
    use super::checks;

    checks! {
        REGISTER = Mismatch "vtpm.policy.register", "every register of the policy has a verified value of its bank's length", "TPM 2.0 Part 3, 23.7";
        KEY = Mismatch "vtpm.pcrsig.key", "an entry names the key by SHA-256 of its RSAPublicKey", "systemd, tpm2-pcr-signature.json: pkfp";
        COVERS = Mismatch "vtpm.pcrsig.covers", "an entry of the key covers all registers that the caller asks for", "our rule: a policy over one register says nothing of another";
        POLICY = Mismatch "vtpm.pcrsig.policy", "an entry's policy is that of the verified registers", "TPM 2.0 Part 3, 23.7; systemd, tpm2-pcr-signature.json: pol";
        SIGNATURE = Untrusted "vtpm.pcrsig.signature", "the key signed the policy, with the hash of the bank", "systemd, tpm2-pcr-signature.json: sig; RFC 8017, 8.2";
    }
}

/// Credential activation: what it demands of the keys and of the answer.
pub mod credential {
    use super::checks;

    checks! {
        EK_NAME = Mismatch "vtpm.ek.name", "the endorsement key is the one that the caller pinned", "TPM 2.0 Part 1, 16";
        EK_ATTRIBUTES = Untrusted "vtpm.ek.attributes", "the endorsement key is restricted, decrypts only, was made in its TPM and stays there", "TCG EK Credential Profile, B.3; TPM 2.0 Part 2, 8.3";
        EK_HASH = Unsupported "vtpm.ek.name-alg", "the endorsement key's nameAlg is SHA-256, SHA-384 or SHA-512", "TCG EK Credential Profile, B.3; NIST SP 800-131A";
        EK_KEY = Unsupported "vtpm.ek.key", "the key is RSA with 2048, 3072 or 4096 bits, or on NIST P-256, P-384 or P-521", "TCG EK Credential Profile, B.3 and B.4";
        EK_EXPONENT = Untrusted "vtpm.ek.exponent", "an RSA key's exponent is 65537", "TCG EK Credential Profile, B.3; TPM 2.0 Part 2, 12.2.3.5";
        EK_POINT = Untrusted "vtpm.ek.point", "the modulus is odd, the point lies on its curve", "TPM 2.0 Part 1, C.6.1; NIST SP 800-56A, 5.6.2.3";
        EK_SYMMETRIC = Unsupported "vtpm.ek.symmetric", "the endorsement key protects with AES-128 or AES-256 in CFB mode", "TCG EK Credential Profile, B.3";
        EPHEMERAL = Unsupported "vtpm.credential.ephemeral", "the caller's random number is a scalar of the curve; drawn anew where it is not", "NIST SP 800-56A, 5.6.1.2.2";
        AK_NAME_ALG = Untrusted "vtpm.ak.name-alg", "the attestation key's nameAlg is SHA-256, SHA-384 or SHA-512", "NIST SP 800-131A; a name that can collide names nobody";
        ATTEMPT = Mismatch "vtpm.credential.attempt", "a challenge is answered once", "our rule: no second guess";
        DEADLINE = Mismatch "vtpm.credential.deadline", "the answer comes before the deadline", "our rule: a challenge does not outlive its session";
        FORM = Mismatch "vtpm.credential.form", "the answer has the form that was asked for", "our rule: an answer that binds no session is no substitute for one that does";
        RESPONSE = Untrusted "vtpm.credential.response", "the answer proves the secret", "TPM 2.0 Part 1, 24; Part 3, 12.5";
    }
}
