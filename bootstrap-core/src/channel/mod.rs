//! The attested channel: TLS bytes on one side, messages of a peer that was believed on the other (protocol section 4).
