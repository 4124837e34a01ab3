//! Writes the generated vectors: a deterministic test PKI and a report signer.
