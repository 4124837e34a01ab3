//! Messages as bytes: deterministic CBOR, frames, limits (protocol section 4).
