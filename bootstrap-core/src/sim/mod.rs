//! A deterministic network of machines: fake links, one fake clock, a plan of faults.
