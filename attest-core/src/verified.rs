//! Proof that verification ran to its end.

use crate::checks::Checks;

/// Claims that a verifier vouches for, with the record of every check it made.
///
/// There is one constructor, `Verified::assertion`: search for it to audit every origin.
#[derive(Clone, Debug)]
pub struct Verified<C> {
    claims: C,
    checks: Checks,
}

impl<C> Verified<C> {
    /// Asserts that every check of the verify line was made and none failed.
    pub(crate) const fn assertion(claims: C, checks: Checks) -> Self {
        Self { claims, checks }
    }

    /// What is vouched for.
    pub const fn claims(&self) -> &C {
        &self.claims
    }

    /// Every check that was made.
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }

    pub(crate) fn into_parts(self) -> (C, Checks) {
        (self.claims, self.checks)
    }

    pub(crate) fn map<D>(self, f: impl FnOnce(C) -> D) -> Verified<D> {
        Verified { claims: f(self.claims), checks: self.checks }
    }
}
