//! The only part that opens sockets: GET from the vendors' services or a mirror of them, with bounds on all of it.

use std::thread;
use std::time::Duration;

use attest_core::collateral::{Need, NeedKind};
use attest_core::document::MAX_DOCUMENT;
use attest_core::x509::{MAX_CERTIFICATE, MAX_CRL};
use ureq::Agent;
use ureq::http::StatusCode;

use crate::exit::{Exit, Failure};

/// The longest chain that is taken from a header, in bytes. Intel's have under 3 KB.
const MAX_CHAIN: usize = 16 * 1024;
/// How often one address is asked, the first time included.
const TRIES: u32 = 4;
/// The most that is waited for one address, all pauses together.
const MOST_WAIT: Duration = Duration::from_secs(60);
/// The most that one request takes from the name's resolution to the last byte.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most that a connection takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client with the address it fetches from; without one, each piece from its maker.
pub(crate) struct Client {
    agent: Agent,
    base: Option<String>,
}

/// What was fetched: the piece, and the chain of who signed it where the service sends one along.
pub(crate) struct Fetched {
    pub(crate) body: Vec<u8>,
    pub(crate) chain: Option<Vec<u8>>,
}

impl Client {
    /// A client for `base`, or for the services of those who make the pieces.
    pub(crate) fn new(base: Option<&str>) -> Result<Self, Failure> {
        let base = base.map(|base| base.trim_end_matches('/'));
        let local = base.is_some_and(is_local);
        if base.is_some_and(|base| !base.starts_with("https://")) && !local {
            let message = "--base-url: https:// is expected; http:// is for localhost only";
            return Err(Failure::usage(message));
        }
        let config = Agent::config_builder()
            .https_only(!local)
            .http_status_as_error(false)
            // The service does not redirect; whoever does would choose where the next request goes.
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("attestrap/", env!("CARGO_PKG_VERSION")));
        // A proxy cannot reach this machine's own server.
        let config = if local { config.proxy(None) } else { config };
        Ok(Self { agent: Agent::new_with_config(config.build()), base: base.map(str::to_owned) })
    }

    /// Fetches one missing piece. Nothing about it is believed: the verifier looks at it as at any other.
    pub(crate) fn get(&self, need: &Need) -> Result<Fetched, Failure> {
        let url = self.address(&need.url);
        let limit = size_limit(need.kind);
        let failed = |why: String| Failure::new(Exit::Missing, format_args!("{url}: {why}"));
        let mut waited = Duration::ZERO;
        for attempt in 1..=TRIES {
            let mut response = self.agent.get(&url).call().map_err(|error| failed(error.to_string()))?;
            let status = response.status();
            if status == StatusCode::OK {
                let header =
                    response.headers().get(need.chain_header).filter(|_| !need.chain_header.is_empty());
                let chain = match header.map(|value| unescaped(value.as_bytes())) {
                    Some(None) => return Err(failed(format!("{} is no escaped text", need.chain_header))),
                    Some(chain) => chain,
                    None => None,
                };
                let body = response.body_mut().with_config().limit(limit).read_to_vec();
                return body.map(|body| Fetched { body, chain }).map_err(|error| {
                    if let ureq::Error::BodyExceedsLimit(most) = error {
                        return failed(format!("the answer is larger than {most} bytes"));
                    }
                    failed(error.to_string())
                });
            }
            if status != StatusCode::TOO_MANY_REQUESTS {
                return Err(failed(format!("the server answered {status}")));
            }
            let asked = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let pause = pause(asked, attempt);
            waited = waited.saturating_add(pause);
            if attempt == TRIES || waited > MOST_WAIT {
                let wait = pause.as_secs();
                return Err(failed(format!("the server limits requests ({status}); try again in {wait} s")));
            }
            thread::sleep(pause);
        }
        Err(failed("the server limits requests".into()))
    }
}

impl Client {
    /// Fetches a document: the address that the client was made for, with `suffix` behind it. Nothing about it is believed.
    pub(crate) fn document(&self, suffix: &str, most: usize) -> Result<Vec<u8>, Failure> {
        let url = [self.base.as_deref().unwrap_or_default(), suffix].concat();
        let failed = |why: String| Failure::new(Exit::Missing, format_args!("{url}: {why}"));
        let mut response = self.agent.get(&url).call().map_err(|error| failed(error.to_string()))?;
        if response.status() != StatusCode::OK {
            return Err(failed(format!("the server answered {}", response.status())));
        }
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        body.map_err(|error| failed(error.to_string()))
    }

    /// Where a piece is asked for: at its maker's, or under the caller's address with the same path.
    fn address(&self, url: &str) -> String {
        let Some(base) = &self.base else { return url.to_owned() };
        let rest = url.strip_prefix("https://").unwrap_or(url);
        match rest.find('/') {
            Some(at) => format!("{base}{}", rest.get(at..).unwrap_or_default()),
            None => base.clone(),
        }
    }
}

/// Text in which octets may be written as a percent sign and two digits (RFC 3986, 2.1).
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > MAX_CHAIN {
        return None;
    }
    let digit =
        |octet: Option<u8>| char::from(octet?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut out, mut octets) = (Vec::new(), text.iter().copied());
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'%' => digit(octets.next())? << 4 | digit(octets.next())?,
            other => other,
        });
    }
    Some(out)
}

/// How long to wait: what the server asks for in seconds, else a time that doubles.
fn pause(retry_after: Option<&str>, attempt: u32) -> Duration {
    let asked = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    asked.unwrap_or_else(|| Duration::from_secs(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)))
}

/// One byte more than the core would read of it is one too many.
fn size_limit(kind: NeedKind) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a kind of a newer core gets the smaller bound")]
    let limit = match kind {
        NeedKind::Crl => MAX_CRL,
        NeedKind::Document => MAX_DOCUMENT,
        _ => MAX_CERTIFICATE,
    };
    u64::try_from(limit).unwrap_or(u64::MAX)
}

/// Whether plain HTTP stays on this machine. The host must end where its name does: `localhost.example` is elsewhere.
fn is_local(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| match authority.strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Client, is_local, pause, unescaped};

    #[test]
    fn plain_http_stays_on_this_machine() {
        for local in ["http://localhost", "http://127.0.0.1:80/kds", "http://[::1]:8080"] {
            assert!(is_local(local), "{local}");
        }
        for elsewhere in [
            "http://localhost.example",
            "http://127.0.0.1.example:80",
            "http://localhost:80@example",
            "http://1270",
            "http://localhost1",
        ] {
            assert!(!is_local(elsewhere), "{elsewhere}");
            assert!(Client::new(Some(elsewhere)).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_mirror_has_the_path_of_its_maker() {
        let address = |base, url| Client::new(base).unwrap().address(url);
        let (amd, intel) =
            ("https://kdsintf.amd.com/vcek/v1/Milan/crl", "https://api.example/tdx/v4/tcb?fmspc=00");
        assert_eq!(address(None, amd), amd);
        assert_eq!(
            address(Some("https://mirror.example/kds/"), amd),
            "https://mirror.example/kds/vcek/v1/Milan/crl"
        );
        assert_eq!(address(Some("http://localhost:1"), intel), "http://localhost:1/tdx/v4/tcb?fmspc=00");
    }

    #[test]
    fn chains_in_headers_are_escaped() {
        assert_eq!(unescaped(b"a%20b%0A%2b+").unwrap(), b"a b\n++");
        for bad in ["%", "%2", "%zz", "a%"] {
            assert!(unescaped(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(unescaped(&[b'a'; super::MAX_CHAIN + 1]).is_none());
    }

    #[test]
    fn the_server_says_how_long() {
        assert_eq!(pause(Some("7"), 1), Duration::from_secs(7));
        assert_eq!(pause(None, 1), Duration::from_secs(2));
        assert_eq!(pause(Some("Wed, 21 Oct 2026 07:28:00 GMT"), 2), Duration::from_secs(4));
    }
}
