//! Keys that other keys vouch for, and register policies.

use super::{Entry, Judge, Judged, Wrong};

impl Judge<'_> {
    pub(super) fn certify(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here judges certified keys"))
    }

    pub(super) fn creation(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here judges attested creation"))
    }

    pub(super) fn credential_activation(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here makes credentials"))
    }

    pub(super) fn kdf(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here makes credentials"))
    }

    pub(super) fn pcr_policy(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here computes register policies"))
    }

    pub(super) fn pcr_signature(&self, _: &Entry<'_>) -> Judged {
        Err(Wrong::Unsupported("nothing here reads signed register policies"))
    }
}
