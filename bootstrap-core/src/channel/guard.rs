//! The guards of the channel's table by name, so that a test can take one away and see the attack that it stops succeed.

/// One guard of protocol section 5, table "Channel", or of what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guard(pub(super) &'static str);

pub(super) const ALPN: Guard = Guard("alpn");
pub(super) const CLAIMS: Guard = Guard("claims of the flow");
pub(super) const COMPOSITE: Guard = Guard("hardware names the TPM's key");
pub(super) const CONFIGURATION: Guard = Guard("HOST_DATA = configuration");
pub(super) const CHAIN_KEY: Guard = Guard("chain leaf key = TLS key");
pub(super) const BOTH_SHOWN: Guard = Guard("verdict behind both evidences");
pub(super) const DEMAND: Guard = Guard("its evidence meets my demand");
pub(super) const EXPECTED: Guard = Guard("its expect names me");
pub(super) const FLOW: Guard = Guard("same flow");
pub(super) const FRESH_NONCE: Guard = Guard("nonce neither mine nor its last one");
pub(super) const FULL_HANDSHAKE: Guard = Guard("full handshake");
pub(super) const KINDS: Guard = Guard("kinds I accept");
pub(super) const MESSAGE_WHEN_OPEN: Guard = Guard("no message before C5");
pub(super) const PROOF: Guard = Guard("a proof holds over the slot");
pub(super) const SHOWS: Guard = Guard("its shows meets my demand");
pub(super) const SLOT: Guard = Guard("slot");
pub(super) const SLOTS_ASCEND: Guard = Guard("each slot once");
pub(super) const TIMER: Guard = Guard("timers");
pub(super) const TLS_VERSION: Guard = Guard("TLS 1.3");
pub(super) const TRANSCRIPT: Guard = Guard("T equal");
pub(super) const VALIDITY: Guard = Guard("verdict lives until");
pub(super) const VERSION: Guard = Guard("common version");

/// Whether a guard holds. In this crate's own tests, and nowhere else, a guard can be taken away to prove that it matters.
#[cfg(not(test))]
pub(super) const fn holds(_: Guard, ok: bool) -> bool {
    ok
}

#[cfg(test)]
pub(super) use removal::{holds, without};

#[cfg(test)]
mod removal {
    use std::cell::Cell;

    use super::Guard;

    std::thread_local! {
        static REMOVED: Cell<&'static [Guard]> = const { Cell::new(&[]) };
    }

    pub(in super::super) fn holds(guard: Guard, ok: bool) -> bool {
        ok || REMOVED.with(Cell::get).contains(&guard)
    }

    /// Runs `attack` as if the guards were not there.
    pub(in super::super) fn without<T>(guards: &'static [Guard], attack: impl FnOnce() -> T) -> T {
        REMOVED.with(|removed| removed.set(guards));
        let result = attack();
        REMOVED.with(|removed| removed.set(&[]));
        result
    }
}
