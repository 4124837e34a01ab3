//! Names that rules give.

use attest_core::values::Hex;

use crate::ids::MachineId;
use crate::wire::{Name, NamePattern};

/// Stands for the first eight digits of the machine id.
const MACHINE: &str = "{machine8}";
/// Stands for a number that no node's name has had yet.
const SEQUENCE: &str = "{seq}";

/// Whether a pattern names each node apart: exactly one of the two placeholders, and else what may stand in a DNS name.
pub(super) fn is_pattern(pattern: &NamePattern) -> bool {
    let split = |placeholder| pattern.as_str().split_once(placeholder);
    let Some((before, behind)) = split(MACHINE).or_else(|| split(SEQUENCE)) else {
        return false;
    };
    // Eight digits stand for either: ten for a number, as long as it can be.
    is_dns_name(&format!("{before}0123456789{behind}"))
}

/// The name of a node; `None` if its machine is not known and the pattern asks for it.
pub(super) fn fill(pattern: &NamePattern, machine: Option<&MachineId>, sequence: u32) -> Option<Name> {
    let pattern = pattern.as_str();
    let name = match pattern.contains(MACHINE) {
        true => {
            let digits = Hex(machine?.as_bytes().get(..4)?).to_string();
            pattern.replace(MACHINE, &digits)
        }
        false => pattern.replace(SEQUENCE, &sequence.to_string()),
    };
    Name::new(&name).ok().filter(|name| is_dns_name(name.as_str()))
}

/// Lower-case letters, digits and hyphens in labels of 1 to 63 that neither begin nor end with a hyphen (RFC 1123, 2.1).
pub(super) fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=253).contains(&name.len()) && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_each_node_apart() {
        let is = |text: &str| is_pattern(&NamePattern::new(text).unwrap());
        for good in ["worker-{machine8}", "{seq}", "{machine8}.rack-1.example", "n{seq}"] {
            assert!(is(good), "{good}");
        }
        for bad in [
            "worker",
            "{seq}{seq}",
            "{seq}-{machine8}",
            "Worker-{seq}",
            "w_{seq}",
            "-{seq}",
            "{seq}-",
            "a..{seq}",
            "{machine}",
        ] {
            assert!(!is(bad), "{bad}");
        }
        assert!(!is(&format!("{}{{seq}}", "a".repeat(54))));
        assert!(is(&format!("{}{{seq}}", "a".repeat(53))));
    }

    #[test]
    fn a_pattern_is_filled() {
        let machine = MachineId::new([0xab; 32]);
        let name = |text, machine| {
            fill(&NamePattern::new(text).unwrap(), machine, 7).map(|name| name.as_str().to_owned())
        };
        assert_eq!(name("worker-{machine8}", Some(&machine)).as_deref(), Some("worker-abababab"));
        assert_eq!(name("worker-{machine8}", None), None);
        assert_eq!(name("w{seq}", None).as_deref(), Some("w7"));
    }
}
