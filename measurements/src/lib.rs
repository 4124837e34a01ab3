//! Reference values: what a machine that may be believed looks like, who says so, and since when. Sans-IO: all inputs are bytes.

#![forbid(unsafe_code)]
