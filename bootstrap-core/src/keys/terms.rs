//! What a service writes into a node's certificate (protocol section 7).

use core::net::IpAddr;

use super::error::KeyError;
use crate::ids::{ClusterId, NodeId, Role};

/// The content of a node certificate. Nothing of it comes from the request.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the certificate's profile is closed, and every field is a decision"
)]
pub struct Terms<'a> {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// Its name, a DNS name.
    pub name: &'a str,
    /// IP addresses. Only a voucher brings any.
    pub addresses: &'a [IpAddr],
    /// The policy epoch under which it is issued.
    pub policy_epoch: u32,
    /// The disk generation for which it is issued.
    pub generation: u32,
    /// Unix seconds from which it holds.
    pub not_before: u64,
    /// Unix seconds up to which it holds, that second included.
    pub not_after: u64,
    /// The most seconds that the policy lets it hold (limit 0).
    pub longest_life: u32,
}

/// How many addresses a voucher brings at most (section 4).
pub const MAX_ADDRESSES: usize = 8;

impl Terms<'_> {
    pub(super) fn check(&self) -> Result<(), KeyError> {
        let refuse = |field, problem| Err(KeyError::Terms { field, problem });
        if !is_dns_name(self.name) {
            return refuse("name", "not a DNS name in lower case");
        }
        if self.addresses.len() > MAX_ADDRESSES {
            return refuse("addresses", "more than eight");
        }
        if self.policy_epoch == 0 {
            return refuse("policy epoch", "zero, which no policy has");
        }
        if self.generation == 0 {
            return refuse("generation", "zero, which no member has");
        }
        match self.not_after.checked_sub(self.not_before) {
            None | Some(0) => refuse("validity", "ends before it starts"),
            Some(life) if life > u64::from(self.longest_life) => {
                refuse("validity", "longer than the policy's limit")
            }
            Some(_) => Ok(()),
        }
    }
}

/// Labels of 1 to 63 lower-case letters, digits and inner hyphens (RFC 1123, 2.1), 253 characters in all, not all digits at the end:
/// that would read as an address.
pub(super) fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|c| c.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(is_label) && !last_is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_names() {
        for name in ["worker-7", "a", "node-1.zone-a.example", "7a", "x1.y2"] {
            assert!(is_dns_name(name), "{name}");
        }
        let long = "a".repeat(64);
        let longer = ["a".repeat(63).as_str(); 4].join(".");
        for name in
            ["", ".", "a.", ".a", "-a", "a-", "A", "a b", "ä", "*.a", "a..b", "10.0.0.1", "7", &long, &longer]
        {
            assert!(!is_dns_name(name), "{name}");
        }
    }
}
