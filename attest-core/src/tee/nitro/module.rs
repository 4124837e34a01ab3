//! Who a document speaks of: an enclave, or an instance with a NitroTPM.

use alloc::string::String;

/// What a document attests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A Nitro Enclave.
    Enclave,
    /// An EC2 instance, through its NitroTPM.
    NitroTpm,
}

impl Kind {
    /// All kinds.
    pub const ALL: &[Self] = &[Self::Enclave, Self::NitroTpm];

    /// Stable name: `enclave`, `nitrotpm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enclave => "enclave",
            Self::NitroTpm => "nitrotpm",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The field that its registers stand in.
    pub(crate) const fn pcr_field(self) -> &'static str {
        match self {
            Self::Enclave => "pcrs",
            Self::NitroTpm => "nitrotpm_pcrs",
        }
    }

    /// What stands between the instance's id and the digits in its module id.
    const fn mark(self) -> &'static str {
        match self {
            Self::Enclave => "-enc",
            Self::NitroTpm => "-tpm",
        }
    }
}

/// `i-INSTANCE-encDIGITS` or `i-INSTANCE-tpmDIGITS`, with 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId {
    text: String,
    kind: Kind,
}

impl ModuleId {
    /// The longest that is read, in bytes. Today's have 39.
    const MAX: usize = 64;

    /// The module id that `text` is; `None` if it has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |part: &str, digit: fn(char) -> bool| !part.is_empty() && part.chars().all(digit);
        let kind = Kind::ALL.iter().copied().find(|kind| {
            let parts = text.strip_prefix("i-").and_then(|rest| rest.split_once(kind.mark()));
            parts.is_some_and(|(instance, digits)| {
                plain(instance, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
                    && digits.len() == 16
                    && plain(digits, |c| matches!(c, '0'..='9' | 'a'..='f'))
            })
        })?;
        (text.len() <= Self::MAX).then(|| Self { text: text.into(), kind })
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id of the EC2 instance: `i-INSTANCE`.
    pub fn instance(&self) -> &str {
        self.text.rsplit_once('-').map_or(&*self.text, |(instance, _)| instance)
    }

    /// What the id names.
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}
