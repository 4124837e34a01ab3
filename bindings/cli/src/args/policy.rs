//! Arguments of `policy`.

use std::path::PathBuf;

use attest_core::claims::Root;
use attest_core::tee::nitro::{Kind, REGISTERS};
use attest_core::tee::snp::ProductLine;
use attest_core::values::Nonce;
use clap::{Args, Subcommand, ValueEnum};

use super::{Supplied, TpmTrust};
use crate::input;

/// Write, check or describe policy files.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    Init(Box<Init>),
    /// Say whether a policy file can be used, or what is wrong with it.
    Check {
        /// The policy, TOML or JSON.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the JSON Schema of policy files.
    Schema,
}

/// Write the complete strict policy as TOML, with a comment on every key.
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// What the policy is for.
    #[arg(long, value_enum, default_value_t = PolicyFormat::Snp)]
    pub(crate) format: PolicyFormat,
    /// SNP: product lines to allow; repeat it. Without it: Genoa and Turin.
    #[arg(long, value_name = "LINE", value_parser = product_line)]
    pub(crate) product_line: Vec<ProductLine>,
    /// SNP: launch measurement to allow, 48 bytes in hexadecimal; repeat it. Without it: any, and you should list yours.
    #[arg(long, value_name = "HEX", value_parser = input::measurement)]
    pub(crate) measurement: Vec<[u8; 48]>,
    /// TDX: MRTD to allow, 48 bytes in hexadecimal; repeat it. Without it: any, and you should list yours.
    #[arg(long, value_name = "HEX", value_parser = input::measurement)]
    pub(crate) mr_td: Vec<[u8; 48]>,
    /// TDX: lowest tcbEvaluationDataNumber to take. Without it: any.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) evaluation_number: Option<u32>,
    /// Nitro: what must be attested, enclave or nitrotpm. It has no default.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<Kind>,
    /// Nitro: a register and a value that it may have, such as 0=HEX with 48 bytes in hexadecimal; repeat it. Without it: any, and
    /// you should list yours.
    #[arg(long, value_name = "NUMBER=HEX", value_parser = register)]
    pub(crate) pcr: Vec<(u8, [u8; 48])>,
    /// TPM: what the trust must be rooted in: hardware, cloud-vtpm, discrete-tpm, software, caller, or any; repeat it. It has no default.
    #[arg(long, value_name = "ROOT", value_parser = root)]
    pub(crate) root: Vec<RootName>,
    /// TPM: take the register values of this evidence, which must verify. Without it: any, and you should list yours.
    #[arg(long, value_name = "EVIDENCE")]
    pub(crate) from: Option<PathBuf>,
    /// TPM: what extraData of the quotes in EVIDENCE must be.
    #[arg(long, value_name = "HEX", value_parser = input::nonce, requires = "from")]
    pub(crate) nonce: Option<Nonce>,
    #[command(flatten)]
    pub(crate) trust: TpmTrust,
    #[command(flatten)]
    pub(crate) supplied: Supplied,
    /// Where to write; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What a policy can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// AWS Nitro documents.
    Nitro,
    /// AMD SEV-SNP.
    Snp,
    /// Intel TDX.
    Tdx,
    /// TPM 2.0 quotes.
    Vtpm,
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| "one of enclave, nitrotpm is expected".into())
}

/// A number as it is written in a policy file, and a value.
fn register(text: &str) -> Result<(u8, [u8; 48]), String> {
    let (index, value) = text.split_once('=').ok_or("a number, an equals sign and a value are expected")?;
    let number = index.parse().ok().filter(|number: &u8| *number < REGISTERS && number.to_string() == index);
    Ok((number.ok_or("a number from 0 to 31 is expected")?, input::measurement(value)?))
}

fn product_line(text: &str) -> Result<ProductLine, String> {
    ProductLine::from_name(text).ok_or_else(|| "one of Milan, Genoa, Turin is expected".into())
}

/// A root, or none for any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RootName(pub(crate) Option<Root>);

fn root(text: &str) -> Result<RootName, String> {
    match Root::from_name(text) {
        None if text != "any" => {
            Err("one of hardware, cloud-vtpm, discrete-tpm, software, caller, any is expected".into())
        }
        found => Ok(RootName(found)),
    }
}
