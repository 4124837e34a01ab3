//! Arguments of `measurements`.

use std::path::PathBuf;

use attest_core::UnixTime;
use clap::{Args, Subcommand, ValueEnum};

use super::Provider;
use crate::input;

/// Convert, merge, sign, verify and fetch reference values, or make a policy of them.
#[derive(Debug, Subcommand)]
pub(crate) enum Measurements {
    Convert(Convert),
    #[cfg(feature = "fetch")]
    Fetch(Fetch),
    Merge(Merge),
    Policy(ToPolicy),
    /// Print the JSON Schema of reference values.
    Schema,
    Sign(Sign),
    #[command(subcommand)]
    Transition(Transition),
    Verify(Verify),
}

/// Read one format and write another. What the other cannot hold must be named.
#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// The document; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What FILE is.
    #[arg(long, value_enum, default_value_t = Format::Native)]
    pub(crate) from: Format,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Native)]
    pub(crate) to: Format,
    #[command(flatten)]
    pub(crate) origin: OriginArgs,
    /// Constellation: the release that a manifest must be of, and is written for: VERSION,REF,STREAM. Of a manifest v1, the image.
    #[arg(long, value_name = "RELEASE", default_value = "")]
    pub(crate) release: String,
    /// Constellation's bare map: what its numbers stand for.
    #[arg(long, value_enum, default_value_t = Registers::Tpm)]
    pub(crate) registers: Registers,
    /// RVPS: when values expire that have no end: a time, a date, or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) expires: Option<UnixTime>,
    /// CoRIM: the vendor to write.
    #[arg(long, value_name = "NAME", default_value = "attestrap")]
    pub(crate) vendor: String,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Where to write; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What a document of another format does not say about itself.
#[derive(Args, Debug)]
pub(crate) struct OriginArgs {
    /// The name of the series.
    #[arg(long, value_name = "NAME", default_value = "measurements")]
    pub(crate) name: String,
    /// The number in the series: higher than that of the last one.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) serial: u64,
    /// When it was issued: a time, a date, or Unix seconds. Without it: now.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) issued: Option<UnixTime>,
}

/// What is refused unless it is named.
#[derive(Args, Debug)]
pub(crate) struct ConsentArgs {
    /// A set that may be without a rule that refuses; repeat it.
    #[arg(long, value_name = "SET")]
    pub(crate) warn_only: Vec<String>,
    /// A place whose constraint may be lost; repeat it.
    #[arg(long, value_name = "PLACE")]
    pub(crate) accept_loss: Vec<String>,
}

/// Formats of reference values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Constellation's manifest v2.
    Constellation,
    /// Constellation's bare map, in any of its forms; read only.
    ConstellationMap,
    /// Constellation's manifest v1; read only.
    #[value(name = "constellation-v1")]
    ConstellationV1,
    /// An unsigned CoRIM whose environments are named as we write them.
    Corim,
    /// Flashbots' list.
    Flashbots,
    /// Our own, JSON or TOML; written as JSON.
    Native,
    /// Values of Confidential Containers' RVPS.
    Rvps,
    /// Our own, written as TOML.
    Toml,
}

/// What numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Registers {
    /// Registers of a Nitro document.
    Nitro,
    /// MRTD and RTMRs.
    Tdx,
    /// Registers of a TPM, SHA-256 bank.
    Tpm,
}

/// Make one document of two.
#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// How.
    #[arg(value_enum)]
    pub(crate) how: How,
    /// The first document, our own format.
    #[arg(value_name = "FIRST")]
    pub(crate) first: PathBuf,
    /// The second document, our own format.
    #[arg(value_name = "SECOND")]
    pub(crate) second: PathBuf,
    #[command(flatten)]
    pub(crate) origin: OriginArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Where to write; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How two documents become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// What both accept.
    Intersection,
    /// The first, with what the second says instead.
    Override,
    /// All sets of both, which must agree.
    Union,
}

/// Narrow a policy to one set.
#[derive(Args, Debug)]
pub(crate) struct ToPolicy {
    /// The document, our own format.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The set, by its name.
    #[arg(long, value_name = "NAME")]
    pub(crate) set: String,
    /// The policy to narrow: all rules but those on measurements.
    #[arg(long, value_name = "FILE")]
    pub(crate) ground: PathBuf,
    /// The time at which the set must be valid. Without it: now.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) at: Option<UnixTime>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Where to write the policy, as TOML; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Sign a file as `cosign sign-blob --key` does, or an unsigned CoRIM as its standard does.
#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The private key: P-256, PKCS #8 in PEM, not encrypted.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// FILE is an unsigned CoRIM: write it signed, with this name of the signer. Needs --not-after.
    #[arg(long, value_name = "SIGNER", requires = "not_after", requires = "output")]
    pub(crate) corim: Option<String>,
    /// CoRIM: the first second of the signature: a time, a date, or Unix seconds. Without it: now.
    #[arg(long, value_name = "TIME", value_parser = input::time, requires = "corim")]
    pub(crate) not_before: Option<UnixTime>,
    /// CoRIM: the last second of the signature.
    #[arg(long, value_name = "TIME", value_parser = input::time, requires = "corim")]
    pub(crate) not_after: Option<UnixTime>,
    /// Where to write the signature; beside FILE with `.sig` without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Who checks the signature.
    #[arg(long, value_enum, default_value_t = Provider::FIRST)]
    pub(crate) provider: Provider,
}

/// Say, signed, which set may replace which, or verify such a statement.
#[derive(Debug, Subcommand)]
pub(crate) enum Transition {
    Sign(SignTransition),
    Verify(VerifyTransition),
}

/// The two sets of a statement.
#[derive(Args, Debug)]
pub(crate) struct Sets {
    /// The document with both sets, our own format; its name is the series.
    #[arg(value_name = "DOCUMENT")]
    pub(crate) document: PathBuf,
    /// The set that machines have.
    #[arg(long, value_name = "SET")]
    pub(crate) from: String,
    /// The set that they may have next.
    #[arg(long, value_name = "SET")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Who does the arithmetic.
    #[arg(long, value_enum, default_value_t = Provider::FIRST)]
    pub(crate) provider: Provider,
}

/// Write the statement that machines of one set may give way to machines of another, until a time.
#[derive(Args, Debug)]
pub(crate) struct SignTransition {
    #[command(flatten)]
    pub(crate) sets: Sets,
    /// The private key: P-256, PKCS #8 in PEM, not encrypted.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The first second of the transition: a time, a date, or Unix seconds. Without it: now.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) not_before: Option<UnixTime>,
    /// The last second of the transition.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) not_after: UnixTime,
    /// Where to write the statement.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Verify that a key permits the transition from one set to another, now.
#[derive(Args, Debug)]
pub(crate) struct VerifyTransition {
    #[command(flatten)]
    pub(crate) sets: Sets,
    /// The statement.
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: PathBuf,
    /// The key that must have signed: P-256, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The time at which it must hold. Without it: now.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    pub(crate) at: Option<UnixTime>,
}

/// Verify who signed a file.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Its signature file, as cosign writes it, or its sigstore bundle.
    #[arg(long, value_name = "FILE", required_unless_present = "corim")]
    pub(crate) signature: Option<PathBuf>,
    /// FILE is a signed CoRIM; the manifest inside is written to this file.
    #[arg(long, value_name = "OUTPUT", conflicts_with_all = ["signature", "identity", "trusted_root"])]
    pub(crate) corim: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Whom to trust.
#[derive(Args, Debug)]
pub(crate) struct TrustArgs {
    /// The key that must have signed: P-256, PEM.
    #[arg(long, value_name = "FILE", required_unless_present = "identity")]
    pub(crate) key: Option<PathBuf>,
    /// Who must have signed: the subject of a certificate. Needs --issuer and --trusted-root.
    #[arg(
        long,
        value_name = "SUBJECT",
        conflicts_with = "key",
        requires = "issuer",
        requires = "trusted_root"
    )]
    pub(crate) identity: Option<String>,
    /// Who must know the subject: the issuer of identities.
    #[arg(long, value_name = "URL", requires = "identity")]
    pub(crate) issuer: Option<String>,
    /// Demand a bundle, and that a log of this trusted_root.json has it.
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Who does the arithmetic.
    #[arg(long, value_enum, default_value_t = Provider::FIRST)]
    pub(crate) provider: Provider,
}

/// Download a document and its signature, verify it, refuse one that is older than the last, and replace the file.
#[cfg(feature = "fetch")]
#[derive(Args, Debug)]
pub(crate) struct Fetch {
    /// Where the document is: https://, or http:// on this machine. Its signature is beside it: `.sig`, or `.sigstore.json` with
    /// --trusted-root.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// The file that remembers what was accepted last. It must be there, unless --first says that nothing was.
    #[arg(long, value_name = "FILE")]
    pub(crate) watermark: PathBuf,
    /// Nothing of this series was accepted yet.
    #[arg(long)]
    pub(crate) first: bool,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// The file to replace.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
