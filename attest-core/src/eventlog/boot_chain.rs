//! What was started, from PCR 4 alone.
//!
//! Types are covered by nothing: an image that the log calls a firmware blob is an image still. So every digest of the register
//! that is not proven to be an action or the separator counts as an image, and a type that does not belong there takes the
//! claim away. That nothing follows the images is proven by the register as a whole, not by an event in another one.

use alloc::vec::Vec;

use super::checks::claims as checks;
use super::secure_boot::demand;
use super::{Compared, EventKind, Judged};
use crate::error::Error;
use crate::values::Value;

/// Actions of PCR 4. The text must be one of these: data that merely hashes to the digest could be the bytes of an image, which
/// the log calls an action.
const ACTIONS: [&[u8]; 7] = [
    b"Calling EFI Application from Boot Option",
    b"Returning from EFI Application from Boot Option",
    b"Calling INT 19h",
    b"Returned INT 19h",
    b"Return via INT 18h",
    b"Booting BCV device",
    b"Entering ROM Based Setup",
];

/// The images that PCR 4 was extended with, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootChain<'a> {
    before: Vec<&'a [u8]>,
    after: Vec<&'a [u8]>,
}

impl<'a> BootChain<'a> {
    /// Reads PCR 4 of judged events.
    ///
    /// # Errors
    /// The rule that takes the claim away ([`super::checks::claims`]).
    pub(super) fn read(compared: &Compared<'a>, events: &[Judged<'a>]) -> Result<Self, Error> {
        let replayed = compared.is_replayed(4);
        demand(&checks::BOOT_CHAIN_REGISTER, replayed, "a replayed register", "another or none")?;
        let mut chain = Self { before: Vec::new(), after: Vec::new() };
        let mut separators = 0_u32;
        for event in events.iter().filter(|event| event.register() == Some(4)) {
            match event.raw_kind() {
                EventKind::SEPARATOR => {
                    separators = separators.saturating_add(1);
                    let data = event.whole().unwrap_or_default();
                    let sound = data == [0; 4] && separators == 1;
                    demand(&checks::BOOT_CHAIN_SEPARATOR, sound, "one separator, 00000000", data)?;
                }
                EventKind::EFI_ACTION | EventKind::ACTION => {
                    let data = event.whole().unwrap_or_default();
                    let known = ACTIONS.contains(&data.strip_suffix(b"\0").unwrap_or(data));
                    demand(&checks::BOOT_CHAIN_ACTION, known, "a known action", data)?;
                }
                EventKind::EFI_BOOT_SERVICES_APPLICATION
                | EventKind::EFI_BOOT_SERVICES_DRIVER
                | EventKind::EFI_RUNTIME_SERVICES_DRIVER => {
                    let images = if separators == 0 { &mut chain.before } else { &mut chain.after };
                    images.extend(event.proven_digest());
                }
                kind => {
                    let actual = Value::Bits(u64::from(kind.0));
                    demand(&checks::BOOT_CHAIN_KIND, false, "an image, an action or a separator", actual)?;
                }
            }
        }
        demand(&checks::BOOT_CHAIN_SEPARATOR, separators == 1, "one separator", separators)?;
        Ok(chain)
    }

    /// Authenticode digests of all images, in the order in which they were measured.
    pub fn images(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.before.iter().chain(&self.after).copied()
    }

    /// Those before the separator: drivers, and what firmware loads before it is ready to boot.
    pub fn before_separator(&self) -> &[&'a [u8]] {
        &self.before
    }

    /// Those after it: the boot loader, and what it had firmware load.
    pub fn after_separator(&self) -> &[&'a [u8]] {
        &self.after
    }
}
