//! The kind whose reader is not in `attest-core` yet. It becomes a function as the others are.

use super::{Entry, Judge, Judged, Wrong};

impl Judge<'_> {
    pub(super) fn hcl_report(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here reads the paravisor's report"))
    }
}
