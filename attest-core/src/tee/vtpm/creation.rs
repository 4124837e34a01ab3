//! How a key was made: TPMS_CREATION_DATA, and the attestation of it (TPM2_CertifyCreation; TPM 2.0 Part 3, 18.3).

use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::certify::judge_name_alg;
use super::checks::attested as checks;
use super::checks::wire as shape;
use super::public::{Hierarchy, Name, Public};
use super::signed::SignedBy;
use super::wire::{Attested, Selection, TYPE_CREATION, is_name, selections, sized};
use crate::checks::holds;
use crate::crypto::CryptoProvider;
use crate::error::{Error, Malformed, Problem, Unsupported};
use crate::reader::Reader;
use crate::values::Value;

const STRUCTURE: &str = "TPMS_CREATION_DATA";
/// The most that is read, in bytes: a TPM writes under 600.
pub const MAX_CREATION_DATA: usize = 4096;

/// TPMS_CREATION_DATA (Part 2, 15.1), borrowed from its bytes. Alone it proves nothing; an attestation has its digest.
#[derive(Clone, Debug)]
pub struct CreationData<'a> {
    raw: &'a [u8],
    selection: Vec<Selection>,
    pcr_digest: &'a [u8],
    locality: Locality,
    parent_name_alg: AlgorithmId,
    parent_name: &'a [u8],
    parent_qualified_name: &'a [u8],
    outside_info: &'a [u8],
}

/// A locality by number: 0 to 4, or 32 and above for an extended one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Locality(pub u8);

impl Locality {
    /// TPMA_LOCALITY (Part 2, 8.5): one bit for each of 0 to 4, and above 31 the number itself. The data of a creation has one.
    const fn of(octet: u8) -> Option<Self> {
        match octet {
            0x01 => Some(Self(0)),
            0x02 => Some(Self(1)),
            0x04 => Some(Self(2)),
            0x08 => Some(Self(3)),
            0x10 => Some(Self(4)),
            0x20.. => Some(Self(octet)),
            _ => None,
        }
    }
}

impl<'a> CreationData<'a> {
    /// Reads one TPMS_CREATION_DATA and nothing else; a TPM2B_CREATION_DATA has two bytes of size in front.
    ///
    /// # Errors
    /// [`Malformed`] for a locality that is none or several, a parent that is neither a hierarchy nor a name, and any length
    /// that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_CREATION_DATA {
            let problem = Problem::TooLarge { max: MAX_CREATION_DATA, actual: bytes.len() };
            return Err(Malformed { structure: STRUCTURE, field: STRUCTURE, offset: 0, problem });
        }
        let mut r = Reader::new(STRUCTURE, bytes);
        let selection = selections(&mut r)?;
        let pcr_digest = sized(&mut r, "pcrDigest")?;
        let octet = r.u8("locality")?;
        let Some(locality) = Locality::of(octet) else {
            let actual = Value::Bits(u64::from(octet));
            return Err(r.unexpected(&checks::LOCALITY_FORM, "locality", 1, "one locality", actual));
        };
        let parent_name_alg = AlgorithmId(r.u16_be("parentNameAlg")?);
        let mut parents = [&[][..]; 2];
        for (slot, field) in parents.iter_mut().zip(["parentName", "parentQualifiedName"]) {
            let name = sized(&mut r, field)?;
            if !holds(&checks::PARENT_FORM, is_parent(parent_name_alg, name)) {
                let expected = "a handle or a name of parentNameAlg";
                return Err(r.unexpected(&checks::PARENT_FORM, field, name.len(), expected, name));
            }
            *slot = name;
        }
        let [parent_name, parent_qualified_name] = parents;
        let outside_info = sized(&mut r, "outsideInfo")?;
        r.finish("outsideInfo")?;
        Ok(Self {
            raw: bytes,
            selection,
            pcr_digest,
            locality,
            parent_name_alg,
            parent_name,
            parent_qualified_name,
            outside_info,
        })
    }

    /// The bytes that creationHash is the digest of.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// pcrSelect.
    pub fn selection(&self) -> &[Selection] {
        &self.selection
    }

    /// pcrDigest: of the selected registers at that time, by the key's nameAlg.
    pub const fn pcr_digest(&self) -> &'a [u8] {
        self.pcr_digest
    }

    /// locality: where the command came from.
    pub const fn locality(&self) -> Locality {
        self.locality
    }

    /// parentNameAlg; null for a primary key.
    pub const fn parent_name_alg(&self) -> AlgorithmId {
        self.parent_name_alg
    }

    /// parentName: a name, or a hierarchy's handle.
    pub const fn parent_name(&self) -> &'a [u8] {
        self.parent_name
    }

    /// parentQualifiedName: the same for a primary key.
    pub const fn parent_qualified_name(&self) -> &'a [u8] {
        self.parent_qualified_name
    }

    /// outsideInfo: what the maker of the key was told to write down.
    pub const fn outside_info(&self) -> &'a [u8] {
        self.outside_info
    }

    /// The hierarchy of a primary key; `None` if another key is the parent.
    pub fn hierarchy(&self) -> Option<Hierarchy> {
        Hierarchy::ALL.into_iter().find(|hierarchy| hierarchy.handle() == *self.parent_name)
    }
}

/// A primary key's parent is its hierarchy, whose name is its handle; a TPM writes null for its algorithm. Other objects than
/// keys have handles, none of them is a parent.
fn is_parent(algorithm: AlgorithmId, name: &[u8]) -> bool {
    match algorithm {
        AlgorithmId::NULL => Hierarchy::ALL.iter().any(|hierarchy| hierarchy.handle() == *name),
        _ => is_name(name) && name.starts_with(&algorithm.0.to_be_bytes()),
    }
}

/// What the attested creation of a key must say. All of it is required.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ExpectedCreation<'a> {
    /// extraData of the attestation.
    pub nonce: &'a [u8],
    /// outsideInfo, which the maker of the key was told.
    pub outside_info: &'a [u8],
    /// The localities that may make such a key: 0 for an operating system, 3 and 4 for what runs before it.
    pub localities: &'a [Locality],
}

impl<'a> ExpectedCreation<'a> {
    /// All three.
    pub const fn new(nonce: &'a [u8], outside_info: &'a [u8], localities: &'a [Locality]) -> Self {
        Self { nonce, outside_info, localities }
    }
}

/// A key whose TPM made it, and says how. As good as the key that signed so, for which something vouches ([`SignedBy::trusted`]).
#[derive(Clone, Debug)]
pub struct CreatedKey<'a> {
    public: Public<'a>,
    data: CreationData<'a>,
    name: Name,
    qualified_name: Name,
}

impl<'a> CreatedKey<'a> {
    /// Judges an attestation of [`TYPE_CREATION`]: this key, these creation data (a TPMS_CREATION_DATA), as expected.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another key, other creation data, and for creation data that say something else than is expected;
    /// [`Error::Malformed`] if they cannot be read; [`Error::Unsupported`] if the provider lacks the key's nameAlg.
    pub fn check(
        signed: &SignedBy<'_>,
        subject: Public<'a>,
        creation_data: &'a [u8],
        expect: &ExpectedCreation<'_>,
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        let attest = signed.attest();
        let Attested::Creation { object_name, creation_hash } = *attest.attested() else {
            let kind = Value::Bits(u64::from(attest.kind()));
            return Err(Error::refusal(&shape::TYPE, Value::Bits(u64::from(TYPE_CREATION)), kind));
        };
        let extra = attest.extra_data();
        Error::unless(&checks::CREATION_EXTRA_DATA, extra == expect.nonce, expect.nonce, extra)?;
        judge_name_alg(&subject)?;
        let name = subject.name(provider)?;
        Error::unless(&checks::CREATION_NAME, object_name == name.as_bytes(), name.as_bytes(), object_name)?;
        let algorithm = subject.name_alg();
        let hash = algorithm.hash().ok_or_else(|| Unsupported::Format(algorithm.into()))?;
        let digest = provider.digest(hash, &[creation_data])?;
        Error::unless(&checks::CREATION_HASH, creation_hash == digest.as_bytes(), digest, creation_hash)?;
        // Read only now: these are the bytes that the TPM wrote.
        let data = CreationData::parse(creation_data)?;
        let outside = data.outside_info;
        let expected = expect.outside_info;
        Error::unless(&checks::CREATION_OUTSIDE_INFO, outside == expected, expected, outside)?;
        let listed = expect.localities.contains(&data.locality);
        let expected = Value::OneOf(expect.localities.len());
        Error::unless(&checks::CREATION_LOCALITY, listed, expected, u32::from(data.locality.0))?;
        let qualified_name = name.qualified(data.parent_qualified_name, provider)?;
        Ok(Self { public: subject, data, name, qualified_name })
    }

    /// Its public area.
    pub const fn public(&self) -> &Public<'a> {
        &self.public
    }

    /// How it was made.
    pub const fn data(&self) -> &CreationData<'a> {
        &self.data
    }

    /// Its name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Its qualified name, which its own attestations have as qualifiedSigner.
    pub const fn qualified_name(&self) -> &Name {
        &self.qualified_name
    }
}
