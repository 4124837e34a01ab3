//! Arguments that only TPM evidence has.

use std::path::PathBuf;

use attest_core::tee::vtpm::{Name, TpmKind};
use clap::{Args, Subcommand};

use crate::input;

/// Whom to trust for attestation keys of TPMs. Nobody is trusted who is not named here.
#[derive(Args, Debug)]
pub(crate) struct TpmTrust {
    /// TPM: root certificates of attestation keys, PEM or DER, a file or a directory of them; repeat it.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) tpm_root: Vec<PathBuf>,
    /// TPM: the same of vendors of discrete TPMs: what they vouch for has the root discrete-tpm; repeat it.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) discrete_tpm_root: Vec<PathBuf>,
    /// TPM: the same of issuers for TPMs in software: what they vouch for has the root software; repeat it.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) software_tpm_root: Vec<PathBuf>,
    /// TPM: an attestation key by its name, algorithm and digest in hexadecimal (`tpm2_createak` prints it); repeat it.
    #[arg(long, value_name = "HEX", value_parser = input::name)]
    pub(crate) ak_name: Vec<Name>,
    /// TPM: an attestation key by SHA-256 of its SubjectPublicKeyInfo, 32 bytes in hexadecimal; repeat it.
    #[arg(long, value_name = "HEX", value_parser = input::sha256)]
    pub(crate) ak_spki_sha256: Vec<[u8; 32]>,
    /// TPM: a key that signs register policies of images, PEM or DER, and what it signed: systemd's tpm2-pcr-signature.json or the
    /// .pcrsig section of an image; repeat it. The policy's signed_pcrs says which registers must be signed.
    #[arg(long, num_args = 2, value_names = ["KEY", "SIGNATURES"])]
    pub(crate) pcr_signer: Vec<PathBuf>,
}

impl TpmTrust {
    /// All files of roots, with what is said of their owners.
    pub(crate) fn roots(&self) -> impl Iterator<Item = (&PathBuf, Option<TpmKind>)> {
        let plain = self.tpm_root.iter().map(|file| (file, None));
        let discrete = self.discrete_tpm_root.iter().map(|file| (file, Some(TpmKind::Discrete)));
        let software = self.software_tpm_root.iter().map(|file| (file, Some(TpmKind::Software)));
        plain.chain(discrete).chain(software)
    }
}

/// Put what the tools of a machine give into one file of evidence.
#[derive(Debug, Subcommand)]
pub(crate) enum Pack {
    Tpm(PackTpm),
}

/// TPM quotes with their key, register values, event log and certificates.
#[derive(Args, Debug)]
pub(crate) struct PackTpm {
    /// A quote and its signature, as `tpm2_quote -m ATTEST -s SIGNATURE` writes them; repeat it.
    #[arg(long, num_args = 2, value_names = ["ATTEST", "SIGNATURE"], required = true)]
    pub(crate) quote: Vec<PathBuf>,
    /// Values of the quoted registers: what `tpm2_pcrread` prints, what `tpm2_quote -o` writes, or JSON: a list of
    /// {"bank", "index", "value"}; repeat it. Values of other registers are left out.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) pcrs: Vec<PathBuf>,
    /// The key that signed: TPM2B_PUBLIC or TPMT_PUBLIC as tpm2-tools write them, or its SubjectPublicKeyInfo, PEM or DER.
    #[arg(long, value_name = "FILE")]
    pub(crate) ak: PathBuf,
    /// The firmware's event log, such as /sys/kernel/security/tpm0/binary_bios_measurements. Without it: none.
    #[arg(long, value_name = "FILE")]
    pub(crate) event_log: Option<PathBuf>,
    /// Certificates to send along, the key's and those above it: a file or a directory; repeat it. Zeros that fill up an
    /// index of the TPM behind one are cut.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) certs: Vec<PathBuf>,
    /// The evidence to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
