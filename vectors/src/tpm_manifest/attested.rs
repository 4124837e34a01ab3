//! Keys that other keys vouch for: certification and attested creation. The caller stands for the key that signs.

use attest_core::tee::vtpm::certify::CertifiedKey;
use attest_core::tee::vtpm::creation::{CreatedKey, ExpectedCreation, Locality};
use attest_core::tee::vtpm::signed::SignedBy;
use attest_core::tee::vtpm::{Public, TYPE_CERTIFY, TYPE_CREATION, TrustedAk};

use super::{Entry, Judge, Judged};
use crate::hex;

impl Judge<'_> {
    pub(super) fn certify(&self, entry: &Entry<'_>) -> Judged {
        let (ak, subject) = (public(entry, "ak")?, public(entry, "subject")?);
        let (attest, sig, nonce) = (entry.file("attest")?, entry.file("sig")?, entry.file("nonce")?);
        let name = self.agree(entry, |provider| {
            let trusted = TrustedAk::pinned(ak.name(provider)?);
            let signed = SignedBy::verify(attest, TYPE_CERTIFY, sig, ak, &trusted, provider)?;
            CertifiedKey::check(&signed, subject, nonce, provider).map(|key| hex(key.name().as_bytes()))
        })?;
        self.quote_facts(entry, entry.expected(), &[])?;
        Ok(name.map_or_else(|| "refused".to_owned(), |name| format!("certified: {name}")))
    }

    /// Where no other key is named, the key attests its own creation: without outsideInfo, at locality 0.
    pub(super) fn creation(&self, entry: &Entry<'_>) -> Judged {
        let ak = public(entry, "ak")?;
        let subject = if entry.files.contains_key("subject") { public(entry, "subject")? } else { ak };
        let (attest, sig, nonce) = (entry.file("attest")?, entry.file("sig")?, entry.file("nonce")?);
        let data = entry.file("creation_data")?;
        let localities = [Locality(0)];
        let expect = ExpectedCreation::new(nonce, b"", &localities);
        let name = self.agree(entry, |provider| {
            let trusted = TrustedAk::pinned(ak.name(provider)?);
            let signed = SignedBy::verify(attest, TYPE_CREATION, sig, ak, &trusted, provider)?;
            let created = CreatedKey::check(&signed, subject, data, &expect, provider)?;
            Ok(hex(created.name().as_bytes()))
        })?;
        self.quote_facts(entry, entry.expected(), &[])?;
        Ok(name.map_or_else(|| "refused".to_owned(), |name| format!("created: {name}")))
    }
}

fn public<'a>(entry: &'a Entry<'_>, name: &str) -> Result<Public<'a>, String> {
    Public::parse(entry.file(name)?).map_err(|error| format!("{name}: {error}"))
}
