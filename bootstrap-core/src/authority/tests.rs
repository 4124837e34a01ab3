//! Chains of statements under fixed keys: what is believed, what is not, and by which code it is refused.

mod chain;
mod lines;
mod people;
mod rules;
