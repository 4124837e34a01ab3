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
    }
}
