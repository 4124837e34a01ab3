//! Runs of the shipping machines.

mod attacks;
mod flows;
