//! The bits of POLICY, PLATFORM_INFO and the key information by name (AMD 56860), for reading only.

/// A register's bits: number and name.
pub(crate) type Bits = &'static [(u32, &'static str)];

/// POLICY, 8h. Bits 15 to 0 are the least ABI.
pub(crate) const POLICY: Bits = &[
    (16, "SMT"),
    (17, "RESERVED_ONE"),
    (18, "MIGRATE_MA"),
    (19, "DEBUG"),
    (20, "SINGLE_SOCKET"),
    (21, "CXL_ALLOW"),
    (22, "MEM_AES_256_XTS"),
    (23, "RAPL_DIS"),
    (24, "CIPHERTEXT_HIDING_DRAM"),
    (25, "PAGE_SWAP_DISABLE"),
];

/// PLATFORM_INFO, 40h.
pub(crate) const PLATFORM_INFO: Bits = &[
    (0, "SMT_EN"),
    (1, "TSME_EN"),
    (2, "ECC_EN"),
    (3, "RAPL_DIS"),
    (4, "CIPHERTEXT_HIDING_DRAM_EN"),
    (5, "ALIAS_CHECK_COMPLETE"),
    (6, "IOMMU_WRITE_SAFE"),
    (7, "TIO_EN"),
];

/// Key information, 48h. Bits 4 to 2 are SIGNING_KEY.
pub(crate) const KEY_INFO: Bits = &[(0, "AUTHOR_KEY_EN"), (1, "MASK_CHIP_KEY")];

/// TDATTRIBUTES (Intel TDX Module ABI, ATTRIBUTES).
pub(crate) const TD_ATTRIBUTES: Bits = &[
    (0, "DEBUG"),
    (16, "ICSSD"),
    (17, "SERVTD_EXT"),
    (27, "LASS"),
    (28, "SEPT_VE_DISABLE"),
    (29, "MIGRATABLE"),
    (30, "PKS"),
    (31, "KL"),
    (62, "TPA"),
    (63, "PERFMON"),
];

/// The names of the bits that are set; one without a name is called by its number. Bits of `mask` are a number, not flags.
pub(crate) fn names(register: u64, bits: Bits, mask: u64) -> Vec<String> {
    let set = (0..u64::BITS).filter(|number| (register & !mask) >> number & 1 == 1);
    set.map(|number| {
        let name = bits.iter().find(|(known, _)| *known == number);
        name.map_or_else(|| format!("bit {number}"), |(_, name)| String::from(*name))
    })
    .collect()
}
