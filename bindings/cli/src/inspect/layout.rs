//! Where each field of ATTESTATION_REPORT stands (AMD 56860), for `inspect --hex`.

use attest_core::values::Hex;

/// Offset and name; a field ends where the next one starts. Names in parentheses are reserved in older versions.
const FIELDS: &[(usize, &str)] = &[
    (0x000, "VERSION"),
    (0x004, "GUEST_SVN"),
    (0x008, "POLICY"),
    (0x010, "FAMILY_ID"),
    (0x020, "IMAGE_ID"),
    (0x030, "VMPL"),
    (0x034, "SIGNATURE_ALGO"),
    (0x038, "CURRENT_TCB"),
    (0x040, "PLATFORM_INFO"),
    (0x048, "KEY_INFO"),
    (0x04c, "reserved"),
    (0x050, "REPORT_DATA"),
    (0x090, "MEASUREMENT"),
    (0x0c0, "HOST_DATA"),
    (0x0e0, "ID_KEY_DIGEST"),
    (0x110, "AUTHOR_KEY_DIGEST"),
    (0x140, "REPORT_ID"),
    (0x160, "REPORT_ID_MA"),
    (0x180, "REPORTED_TCB"),
    (0x188, "CPUID_FAM_ID (version 3)"),
    (0x189, "CPUID_MOD_ID (version 3)"),
    (0x18a, "CPUID_STEP (version 3)"),
    (0x18b, "reserved"),
    (0x1a0, "CHIP_ID"),
    (0x1e0, "COMMITTED_TCB"),
    (0x1e8, "CURRENT_BUILD"),
    (0x1e9, "CURRENT_MINOR"),
    (0x1ea, "CURRENT_MAJOR"),
    (0x1eb, "reserved"),
    (0x1ec, "COMMITTED_BUILD"),
    (0x1ed, "COMMITTED_MINOR"),
    (0x1ee, "COMMITTED_MAJOR"),
    (0x1ef, "reserved"),
    (0x1f0, "LAUNCH_TCB"),
    (0x1f8, "LAUNCH_MIT_VECTOR (version 5)"),
    (0x200, "CURRENT_MIT_VECTOR (version 5)"),
    (0x208, "reserved"),
    (0x2a0, "SIGNATURE.R"),
    (0x2e8, "SIGNATURE.S"),
    (0x330, "SIGNATURE reserved"),
];

/// Every byte of a report, field by field, 32 bytes a line.
pub(crate) fn dump(report: &[u8]) -> String {
    let ends = FIELDS.iter().skip(1).map(|(offset, _)| *offset).chain([report.len()]);
    let mut text = String::new();
    for ((offset, name), end) in FIELDS.iter().zip(ends) {
        text += &format!("{offset:#05x}  {name}\n");
        for line in report.get(*offset..end).unwrap_or_default().chunks(32) {
            text += &format!("       {}\n", Hex(line));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use attest_core::tee::snp::REPORT_LEN;

    use super::{FIELDS, dump};

    #[test]
    fn every_byte_is_shown_once() {
        assert!(FIELDS.is_sorted_by(|one, next| one.0 < next.0));
        let report: Vec<u8> = (0..REPORT_LEN).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let shown: String = dump(&report).lines().filter_map(|line| line.strip_prefix("       ")).collect();
        assert_eq!(shown, format!("{}", attest_core::values::Hex(&report)));
    }
}
