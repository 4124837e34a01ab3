//! Files, standard input, and values on the command line.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use attest_core::collateral::MAX_BUNDLE;
use attest_core::rules::{Limit, OneOf, Registers};
use attest_core::tee::vtpm::Name;
use attest_core::tee::{nitro, snp, tdx, vtpm};
use attest_core::values::Nonce;
use attest_core::{Evidence, Policy, UnixTime, Verifier};

use crate::exit::{Exit, Failure};

/// Reads a whole file, or standard input for `-`; at most what the core reads of anything.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::usage(format_args!("{}: {error}", path.display()));
    let mut source: Box<dyn Read> = match path.as_os_str() == OsStr::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(File::open(path).map_err(failed)?),
    };
    let limit = u64::try_from(MAX_BUNDLE).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    source.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BUNDLE {
        let message = format!("{}: larger than {MAX_BUNDLE} bytes", path.display());
        return Err(Failure::new(Exit::Malformed, message));
    }
    Ok(bytes)
}

/// Reads evidence of any form.
pub(crate) fn evidence(path: &Path) -> Result<Evidence, Failure> {
    let bytes = read(path)?;
    Verifier::new().detect(&bytes).map_err(|error| Failure::about(path.display(), error))
}

/// Reads a policy file: JSON by its name, TOML otherwise.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
    let parsed = match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        true => Policy::from_json(text),
        false => Policy::from_toml(text),
    };
    parsed.map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
}

/// The policy without a file: strict, by the dated minima, for any measurement, any MRTD, any register value and both kinds of Nitro
/// documents. A root of TPM keys is one that the caller names, so any will do.
pub(crate) fn strict() -> Policy {
    let mut policy = Policy::for_snp(snp::Policy::strict(snp::MARCH_2026, OneOf::Any));
    let mut documents = nitro::Policy::strict(nitro::Kind::Enclave, nitro::policy::Registers::Any);
    documents.kinds = OneOf::Listed(nitro::Kind::ALL.to_vec());
    policy.nitro = Some(documents);
    policy.tdx = Some(tdx::Policy::strict(Limit::Any, OneOf::Any));
    policy.vtpm = Some(vtpm::Policy::strict(OneOf::Any, Registers::Any));
    policy
}

/// The time of the system's clock.
pub(crate) fn now() -> Result<UnixTime, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_err(|_| Failure::new(Exit::Internal, "the system's clock stands before 1970"))?;
    Ok(UnixTime::since_unix_epoch(since))
}

/// RFC 3339 in UTC, a date (its first second), or Unix seconds.
pub(crate) fn time(text: &str) -> Result<UnixTime, String> {
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        let seconds = text.parse().map_err(|_| "too many seconds")?;
        return Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    }
    let parse = |text: &str| text.parse::<der::DateTime>().ok();
    let time = parse(text).or_else(|| parse(&format!("{text}T00:00:00Z")));
    let time =
        time.ok_or("a time in UTC such as 2026-11-24T00:00:00Z, a date, or Unix seconds is expected")?;
    Ok(UnixTime::since_unix_epoch(time.unix_duration()))
}

/// All 64 bytes of REPORT_DATA: a shorter value would leave open how it is padded.
pub(crate) fn report_data(text: &str) -> Result<[u8; 64], String> {
    hex(text)
}

/// A launch measurement.
pub(crate) fn measurement(text: &str) -> Result<[u8; 48], String> {
    hex(text)
}

/// SHA-256 of something.
pub(crate) fn sha256(text: &str) -> Result<[u8; 32], String> {
    hex(text)
}

/// What a TPM is asked to sign along.
pub(crate) fn nonce(text: &str) -> Result<Nonce, String> {
    let bytes = bytes(text)?;
    // What a script passes on when its variable is not set.
    if bytes.is_empty() {
        return Err("no bytes; leave the option out to compare nothing".to_owned());
    }
    Nonce::new(&bytes)
        .ok_or_else(|| format!("at most {} bytes are expected; these are {}", Nonce::MAX, bytes.len()))
}

/// A TPM's name of a key.
pub(crate) fn name(text: &str) -> Result<Name, String> {
    let expected = "a name is the number of a hash algorithm (000b is SHA-256) and a digest of its length";
    Name::from_bytes(&bytes(text)?).ok_or_else(|| expected.into())
}

/// Hexadecimal digits, two for each byte.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
        _ => None,
    });
    let bytes = pairs.collect::<Option<_>>();
    bytes.ok_or_else(|| "hexadecimal digits are expected, two for each byte".into())
}

fn hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    if text.len() != N * 2 {
        let expected = format!("exactly {N} bytes are expected, {} hexadecimal digits", N * 2);
        return Err(format!("{expected}; these are {}", text.len()));
    }
    bytes(text)?.try_into().map_err(|_| "a character is no hexadecimal digit".into())
}

#[cfg(test)]
mod tests {
    use super::{name, nonce, report_data, time};

    #[test]
    fn times_of_every_form_agree() {
        let seconds = |text| time(text).unwrap().as_secs();
        assert_eq!(seconds("2026-11-24T00:00:00Z"), 1_795_478_400);
        assert_eq!(seconds("2026-11-24"), seconds("1795478400"));
        for bad in ["", "-1", "2026-13-01", "2026-11-24T00:00:00+01:00", "tomorrow", "99999999999999999999"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn report_data_is_never_padded() {
        assert_eq!(report_data(&"a7".repeat(64)).unwrap(), [0xa7; 64]);
        for bad in ["", "a7", &"a7".repeat(63), &"a7".repeat(65), &"+7".repeat(64), &"é".repeat(64)] {
            assert!(report_data(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn nonces_and_names_are_taken_whole() {
        assert_eq!(nonce(&"a7".repeat(66)).unwrap().as_bytes(), [0xa7; 66]);
        for bad in ["", "a", "0x00", "zz", &"a7".repeat(67)] {
            assert!(nonce(bad).is_err(), "{bad}");
        }
        assert!(name(&format!("000b{}", "a7".repeat(32))).is_ok());
        for bad in ["", "000b", &format!("000c{}", "a7".repeat(32)), &"a7".repeat(32)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
