//! HKDF-SHA256 (RFC 5869) under the one info string of protocol section 2.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use super::error::KeyError;
use super::secret::Secret;
use crate::ids::KeyEpoch;

/// The first part of an info string: which root a key comes from, or what there is in place of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    Data,
    Identity,
    Node,
    Operator,
    Root,
}

impl Branch {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Identity => "identity",
            Self::Node => "node",
            Self::Operator => "operator",
            Self::Root => "root",
        }
    }
}

/// `lp(x)`: a u16 length, then `x`.
///
/// # Errors
/// [`KeyError::TooLong`] if `x` has more than 65535 bytes.
pub(crate) fn push_lp(out: &mut Vec<u8>, what: &'static str, x: &[u8]) -> Result<(), KeyError> {
    let len = u16::try_from(x.len());
    let len = len.map_err(|_| KeyError::TooLong { what, max: usize::from(u16::MAX), actual: x.len() })?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(x);
    Ok(())
}

/// `info(branch, purpose, e, ctx)`. An epoch that is absent is 0, which no cluster has.
pub(super) fn info(
    branch: Branch,
    purpose: &str,
    epoch: Option<KeyEpoch>,
    context: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let mut info = Vec::new();
    push_lp(&mut info, "label", b"attestrap/kdf/1")?;
    push_lp(&mut info, "branch", branch.word().as_bytes())?;
    push_lp(&mut info, "purpose", purpose.as_bytes())?;
    info.extend_from_slice(&epoch.map_or(0, KeyEpoch::number).to_be_bytes());
    push_lp(&mut info, "context", context)?;
    Ok(info)
}

/// What Extract gives: keys come out of it, the input does not.
pub(super) struct Extracted(Hkdf<Sha256>);

impl Extracted {
    pub(super) fn new(salt: &[u8], ikm: &Secret) -> Self {
        // Extract hands its output out as well; that copy is ours to clear.
        let (mut copy, extracted) = Hkdf::extract(Some(salt), ikm.expose());
        copy.as_mut_slice().zeroize();
        Self(extracted)
    }

    /// 32 bytes that are a secret themselves.
    pub(super) fn secret(&self, what: &'static str, info: &[u8]) -> Result<Secret, KeyError> {
        Secret::filled(what, |out| self.expand(what, info, out))
    }

    /// Any number of bytes that Expand can give. The caller clears them.
    pub(super) fn expand(&self, what: &'static str, info: &[u8], out: &mut [u8]) -> Result<(), KeyError> {
        let actual = out.len();
        self.0.expand(info, out).map_err(|_| KeyError::TooLong { what, max: 255 * 32, actual })
    }
}
