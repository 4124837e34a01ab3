//! The arguments, as clap derives them. Doc comments here are the help text.

use std::path::PathBuf;

use attest_core::UnixTime;
use attest_core::values::Nonce;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::Exit;
use crate::input;

pub(crate) mod measurements;
mod policy;
mod tpm;

pub(crate) use policy::{Init, Policy, PolicyFormat, RootName};
pub(crate) use tpm::{Pack, PackTpm, TpmTrust};

/// Verify, inspect and explain the evidence of confidential machines (AMD SEV-SNP, Intel TDX, AWS Nitro, TPM 2.0).
#[derive(Debug, Parser)]
#[command(name = "attestrap", version, max_term_width = 110, after_help = Exit::table())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Bundle(Bundle),
    Completions(Completions),
    Demo(Demo),
    Inspect(Inspect),
    /// Write the manual page.
    Man,
    #[command(subcommand)]
    Measurements(measurements::Measurements),
    Needs(Needs),
    #[command(subcommand)]
    Pack(Pack),
    #[command(subcommand)]
    Policy(Policy),
    Verify(Box<Verify>),
}

/// Verify evidence and judge it by a policy.
#[derive(Args, Debug)]
#[command(after_help = Exit::table())]
pub(crate) struct Verify {
    /// A report, a report with its certificate table, a TDX quote, a Nitro document, TPM evidence, or an evidence envelope; `-` is standard input.
    #[arg(value_name = "EVIDENCE", default_value = "-")]
    pub(crate) evidence: PathBuf,
    #[command(flatten)]
    pub(crate) supplied: Supplied,
    /// The policy, TOML or JSON. Without it: the built-in strict policy, and the output says so.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// SNP and TDX: what REPORT_DATA must be: 64 bytes in hexadecimal, no fewer.
    #[arg(long, value_name = "HEX", value_parser = input::report_data)]
    pub(crate) report_data: Option<[u8; 64]>,
    /// TPM and Nitro: what extraData of every quote, or the document's nonce, must be, all of it: up to 66 bytes in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = input::nonce, conflicts_with = "report_data")]
    pub(crate) nonce: Option<Nonce>,
    #[command(flatten)]
    pub(crate) trust: TpmTrust,
    /// Print the verdict as JSON, on one line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Explain every check with its clause, and all that was not checked.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Who does the arithmetic.
    #[arg(long, value_enum, default_value_t = Provider::FIRST)]
    pub(crate) provider: Provider,
    /// SNP: trust the roots in this directory and no others: milan-ark.der, milan-ask.der, milan-asvk.der, genoa-..., turin-...
    #[arg(long, value_name = "DIR")]
    pub(crate) anchors: Option<PathBuf>,
    /// TDX: trust this root and no other, PEM or DER; repeat it. Without it: the Intel SGX Root CA.
    #[arg(long, value_name = "FILE")]
    pub(crate) tdx_root: Vec<PathBuf>,
    /// Nitro: trust this root and no other, PEM or DER; repeat it. Without it: the one with the fingerprint that AWS publishes.
    #[arg(long, value_name = "FILE")]
    pub(crate) nitro_root: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Colours in the text.
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
}

/// Show what evidence or certificates say, without believing any of it.
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// Evidence, TPMS_ATTEST, TPMT_SIGNATURE, TPMT_PUBLIC, an event log, certificates, or a bundle; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// Show the bytes of an SNP report with each field marked.
    #[arg(long, conflicts_with = "json")]
    pub(crate) hex: bool,
    /// Register values to hold an event log against. They are your word: nobody quoted them. JSON, or what tpm2-tools write.
    #[arg(long, value_name = "FILE")]
    pub(crate) pcrs: Option<PathBuf>,
    /// Print JSON, on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the collateral that verification will want and that is not there. Ends with 12 if a required piece is missing.
#[derive(Args, Debug)]
pub(crate) struct Needs {
    /// Evidence; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) evidence: PathBuf,
    #[command(flatten)]
    pub(crate) supplied: Supplied,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Print JSON, on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Put certificates and CRLs into one offline file.
#[derive(Args, Debug)]
pub(crate) struct Bundle {
    /// The bundle to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Certificates, CRLs, certificate tables, bundles, or directories of certificates and CRLs.
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
}

/// Judge a real Milan report twice: strictly (refused), and by a policy written for it (accepted).
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Colours in the text.
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
}

/// Write completions for a shell.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Collateral from files, and the time at which it must hold.
#[derive(Args, Debug)]
pub(crate) struct Supplied {
    /// Certificates and signed documents (TCB info, identities): a file (PEM, DER, DER one after the other, JSON, certificate
    /// table, bundle) or a directory; repeat it.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) certs: Vec<PathBuf>,
    /// A revocation list, PEM or DER; repeat it.
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,
    /// An offline bundle. With --fetch it may be new, and everything that was supplied or fetched goes into it.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// The time to judge at: RFC 3339 in UTC (2026-11-24T00:00:00Z), a date, or Unix seconds. Without it: now.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) at: Option<UnixTime>,
}

/// Whether missing collateral is fetched, and from where.
#[derive(Args, Debug)]
pub(crate) struct Network {
    /// Fetch what is missing from AMD's key distribution service, or from Intel's provisioning service.
    #[cfg(feature = "fetch")]
    #[arg(long)]
    pub(crate) fetch: bool,
    /// Fetch from here instead: a mirror under https://, or http:// on this machine.
    #[cfg(feature = "fetch")]
    #[arg(long, value_name = "URL", requires = "fetch")]
    pub(crate) base_url: Option<String>,
}

/// The providers that this build has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    #[cfg(feature = "aws-lc-rs")]
    AwsLcRs,
    #[cfg(feature = "ring")]
    Ring,
    #[cfg(feature = "rustcrypto")]
    #[value(name = "rustcrypto")]
    RustCrypto,
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring", feature = "rustcrypto")))]
compile_error!("one of the features aws-lc-rs, ring and rustcrypto is needed");

impl Provider {
    /// The default: the first that is built in.
    #[cfg(feature = "aws-lc-rs")]
    pub(crate) const FIRST: Self = Self::AwsLcRs;
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    pub(crate) const FIRST: Self = Self::Ring;
    #[cfg(all(feature = "rustcrypto", not(any(feature = "aws-lc-rs", feature = "ring"))))]
    pub(crate) const FIRST: Self = Self::RustCrypto;

    pub(crate) const fn get(self) -> &'static attest_core::crypto::CryptoProvider {
        match self {
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRs => &attest_core::crypto::aws_lc_rs::PROVIDER,
            #[cfg(feature = "ring")]
            Self::Ring => &attest_core::crypto::ring::PROVIDER,
            #[cfg(feature = "rustcrypto")]
            Self::RustCrypto => &attest_core::crypto::rustcrypto::PROVIDER,
        }
    }
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

impl Colour {
    pub(crate) fn style(self) -> attest_core::explain::Style {
        use std::io::IsTerminal as _;
        let no_color = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let on = match self {
            Self::Always => true,
            Self::Auto => std::io::stdout().is_terminal() && !no_color(),
            Self::Never => false,
        };
        if on { attest_core::explain::Style::Colour } else { attest_core::explain::Style::Plain }
    }
}
