//! TCB levels: which one a platform reaches, and what Intel says of it.

use alloc::string::String;
use alloc::vec::Vec;

/// What Intel says of a TCB level (Intel PCS v4, tcbStatus), or what follows from several levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TcbStatus {
    /// Nothing is known against it.
    UpToDate,
    /// Software must be hardened.
    SwHardeningNeeded,
    /// The platform must be set up otherwise.
    ConfigurationNeeded,
    /// Both.
    ConfigurationAndSwHardeningNeeded,
    /// There is a newer TCB that closes a hole.
    OutOfDate,
    /// The same, and the platform must be set up otherwise.
    OutOfDateConfigurationNeeded,
    /// The platform is up to date, and the TD was launched before it was.
    TdRelaunchAdvised,
    /// The same, and the platform must be set up otherwise.
    TdRelaunchAdvisedConfigurationNeeded,
    /// Keys of this level are not to be trusted. No policy allows it.
    Revoked,
}

impl TcbStatus {
    /// Every status.
    pub const ALL: &[Self] = &[
        Self::UpToDate,
        Self::SwHardeningNeeded,
        Self::ConfigurationNeeded,
        Self::ConfigurationAndSwHardeningNeeded,
        Self::OutOfDate,
        Self::OutOfDateConfigurationNeeded,
        Self::TdRelaunchAdvised,
        Self::TdRelaunchAdvisedConfigurationNeeded,
        Self::Revoked,
    ];

    /// Intel's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::TdRelaunchAdvised => "TDRelaunchAdvised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "TDRelaunchAdvisedConfigurationNeeded",
            Self::Revoked => "Revoked",
        }
    }

    /// The status of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.name() == name)
    }

    /// Whether Intel writes it into a level; the relaunch ones are concluded.
    pub(super) const fn is_stated(self) -> bool {
        !matches!(self, Self::TdRelaunchAdvised | Self::TdRelaunchAdvisedConfigurationNeeded)
    }

    /// Whether a newer TCB would end it.
    pub const fn is_out_of_date(self) -> bool {
        matches!(self, Self::OutOfDate | Self::OutOfDateConfigurationNeeded)
    }

    /// What a platform's status becomes beside a part's: the module's or the quoting enclave's. Only a part that is out of date,
    /// or revoked, changes it.
    const fn beside(self, part: Self) -> Self {
        match (self, part) {
            (Self::Revoked, _) | (_, Self::Revoked) => Self::Revoked,
            (Self::UpToDate | Self::SwHardeningNeeded, Self::OutOfDate) => Self::OutOfDate,
            (Self::ConfigurationNeeded | Self::ConfigurationAndSwHardeningNeeded, Self::OutOfDate) => {
                Self::OutOfDateConfigurationNeeded
            }
            _ => self,
        }
    }

    /// What a launch status becomes, if the TCB now has this one.
    const fn relaunched(self, now: Self) -> Self {
        match (self, now) {
            (Self::Revoked, _) | (_, Self::Revoked) => Self::Revoked,
            (
                Self::OutOfDate | Self::OutOfDateConfigurationNeeded,
                Self::UpToDate | Self::SwHardeningNeeded,
            ) => Self::TdRelaunchAdvised,
            (
                Self::OutOfDate | Self::OutOfDateConfigurationNeeded,
                Self::ConfigurationNeeded | Self::ConfigurationAndSwHardeningNeeded,
            ) => Self::TdRelaunchAdvisedConfigurationNeeded,
            _ => self,
        }
    }
}

/// What is said of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub(super) status: TcbStatus,
    pub(super) date: u64,
    pub(super) advisories: Vec<String>,
}

impl Level {
    /// Intel's word for it.
    pub const fn status(&self) -> TcbStatus {
        self.status
    }

    /// tcbDate, in Unix seconds: what was known by then, this level closes.
    pub const fn date(&self) -> u64 {
        self.date
    }

    /// Ids of the advisories that apply to it.
    pub fn advisories(&self) -> impl Iterator<Item = &str> {
        self.advisories.iter().map(String::as_str)
    }
}

/// A level of a platform.
#[derive(Clone, Debug)]
pub(super) struct PlatformLevel {
    pub(super) sgx: [u8; 16],
    pub(super) pce_svn: u16,
    pub(super) tdx: [u8; 16],
    pub(super) level: Level,
}

/// A level of an enclave or a module.
#[derive(Clone, Debug)]
pub(super) struct SvnLevel {
    pub(super) isv_svn: u16,
    pub(super) level: Level,
}

/// Sorts levels so that the first that is reached is the one that counts. The order of the file says nothing.
pub(super) fn sort(levels: &mut [PlatformLevel]) {
    let key = |level: &PlatformLevel| (level.sgx, level.pce_svn, level.tdx);
    levels.sort_by_key(|level| core::cmp::Reverse(key(level)));
}

/// The same for enclaves and modules.
pub(super) fn sort_by_svn(levels: &mut [SvnLevel]) {
    levels.sort_by_key(|level| core::cmp::Reverse(level.isv_svn));
}

/// The level that an SVN reaches.
pub(super) fn reached(levels: &[SvnLevel], isv_svn: u16) -> Option<&Level> {
    levels.iter().find(|level| level.isv_svn <= isv_svn).map(|level| &level.level)
}

/// The level that a platform reaches: every SGX component, PCESVN, and every TDX component of TEE_TCB_SVN. From version 1 on
/// the module has levels of its own, and the two components that are the module's are not looked at here.
pub(super) fn reached_by_platform(
    levels: &[PlatformLevel],
    sgx: [u8; 16],
    pce_svn: u16,
    tee_tcb_svn: [u8; 16],
) -> Option<&Level> {
    let [_, module_version, ..] = tee_tcb_svn;
    let skip = if module_version == 0 { 0 } else { 2 };
    let reaches = |needed: &[u8; 16], has: &[u8; 16], skip| {
        needed.iter().zip(has).skip(skip).all(|(needed, has)| needed <= has)
    };
    let found = levels.iter().find(|level| {
        reaches(&level.sgx, &sgx, 0) && level.pce_svn <= pce_svn && reaches(&level.tdx, &tee_tcb_svn, skip)
    });
    found.map(|found| &found.level)
}

/// What levels come to: the platform's, the module's if it has one, the quoting enclave's. `None` without a platform level.
pub(super) fn converged(platform: Option<&Level>, module: Option<&Level>, qe: &Level) -> Option<TcbStatus> {
    let parts = module.into_iter().chain([qe]).map(|level| level.status);
    // A revoked part is revoked whatever the platform is at.
    let revoked = parts.clone().any(|status| status == TcbStatus::Revoked);
    let status = parts.fold(platform?.status, TcbStatus::beside);
    Some(if revoked { TcbStatus::Revoked } else { status })
}

/// The launch status, in the light of what the TCB has come to since.
pub(super) fn in_the_light_of(launch: Option<TcbStatus>, now: Option<TcbStatus>) -> Option<TcbStatus> {
    Some(match (launch?, now) {
        (launch, Some(now)) => launch.relaunched(now),
        (launch, None) => launch,
    })
}

#[cfg(test)]
mod tests {
    use super::TcbStatus::*;
    use super::*;

    #[test]
    fn names_are_read_back() {
        for status in TcbStatus::ALL {
            assert_eq!(TcbStatus::from_name(status.name()), Some(*status));
        }
        assert_eq!(TcbStatus::from_name("uptodate"), None);
    }

    #[test]
    fn a_part_changes_a_status_only_for_the_worse() {
        for (platform, part, together) in [
            (UpToDate, OutOfDate, OutOfDate),
            (SwHardeningNeeded, OutOfDate, OutOfDate),
            (ConfigurationNeeded, OutOfDate, OutOfDateConfigurationNeeded),
            (ConfigurationAndSwHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded),
            (OutOfDate, UpToDate, OutOfDate),
            (OutOfDateConfigurationNeeded, OutOfDate, OutOfDateConfigurationNeeded),
            (UpToDate, Revoked, Revoked),
            (Revoked, UpToDate, Revoked),
            (UpToDate, SwHardeningNeeded, UpToDate),
            (UpToDate, ConfigurationNeeded, UpToDate),
        ] {
            assert_eq!(platform.beside(part), together, "{platform:?} {part:?}");
        }
    }

    #[test]
    fn a_relaunch_is_advised_only_where_it_would_help() {
        for (launch, now, result) in [
            (OutOfDate, UpToDate, TdRelaunchAdvised),
            (OutOfDate, SwHardeningNeeded, TdRelaunchAdvised),
            (OutOfDateConfigurationNeeded, ConfigurationNeeded, TdRelaunchAdvisedConfigurationNeeded),
            (OutOfDate, OutOfDate, OutOfDate),
            (OutOfDate, Revoked, Revoked),
            (Revoked, UpToDate, Revoked),
            (UpToDate, UpToDate, UpToDate),
            (ConfigurationNeeded, UpToDate, ConfigurationNeeded),
        ] {
            assert_eq!(launch.relaunched(now), result, "{launch:?} {now:?}");
        }
        assert_eq!(in_the_light_of(None, Some(UpToDate)), None);
        assert_eq!(in_the_light_of(Some(OutOfDate), None), Some(OutOfDate));
    }
}
