//! Why things are as they are: past failures of the field and the type that prevents each, choices, limits.
//!
//! - [`failures`]: what went wrong elsewhere, in public, and what stands against it here.
//! - [`choices`]: parsers, providers, formats.
//! - [`limits`]: what no report can prove, and what is bounded.

pub mod choices;
pub mod failures;
pub mod limits;
