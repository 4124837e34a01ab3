//! What verification costs: instruction counts, wall time, and the same work done by peers.
