//! One master secret, and everything that derives from it (protocol section 2).
