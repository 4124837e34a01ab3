//! Cases of TDX quotes.

mod chain;
mod collateral;
mod form;
mod quote;
mod rules;

use super::{Draft, Suite};
use crate::tdx::{CollateralSpec, QuoteSpec};

pub(super) fn add(suite: &mut Suite) {
    form::add(suite);
    chain::add(suite);
    collateral::add(suite);
    quote::add(suite);
    rules::add(suite);
}

/// A quote of each form: version 4, and version 5 with each of its bodies.
fn forms() -> [(&'static str, QuoteSpec); 4] {
    [
        ("v4", QuoteSpec::new(4, 2)),
        ("v5-1.0", QuoteSpec::new(5, 2)),
        ("v5-1.5", QuoteSpec::new(5, 3)),
        ("v5-extended", QuoteSpec::new(5, 4)),
    ]
}

/// The collateral of the default platform.
fn collateral() -> CollateralSpec {
    CollateralSpec::default()
}

impl Suite {
    /// A positive case for each of `checks`, for each form.
    fn good_quotes(&mut self, checks: &[&str]) {
        for check in checks {
            for (form, quote) in forms() {
                self.quote(
                    check,
                    &format!("good-{form}"),
                    "a quote as a platform makes it",
                    &quote,
                    &collateral(),
                )
                .accepted();
            }
        }
    }

    /// A case about a quote with its collateral.
    fn quote(
        &mut self,
        check: &str,
        name: &str,
        why: &str,
        quote: &QuoteSpec,
        collateral: &CollateralSpec,
    ) -> Draft<'_> {
        self.case(check, name, why, quote.build()).store(collateral.build())
    }
}
