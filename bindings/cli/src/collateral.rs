//! Certificates and CRLs from files of every form, and roots of the caller's choice.

use std::fs;
use std::path::{Path, PathBuf};

use attest_core::collateral::Collateral;
use attest_core::tee::snp::{self, Anchors, ProductLine};
use attest_core::tee::vtpm::pcrsig::{PcrSignatures, SigningKey};
use attest_core::tee::vtpm::{AttestationKey, TrustedAk};
use attest_core::tee::{nitro, tdx};
use attest_core::{Error, Store, TrustAnchors};

use crate::args::{Provider, Supplied, TpmTrust};
use crate::exit::Failure;
use crate::input;
use crate::tpm_files::attestation_key;

/// How a bundle goes on behind its first byte, a CBOR map of four or five: key 0, text of 16 bytes.
const BUNDLE_START: &[u8] = b"\x00\x70attestrap/bundle";

/// Files of a directory that are read; what a name ends with says nothing about what is inside.
const NAMES: &[&str] = &["cer", "crl", "crt", "der", "json", "pem"];

/// Reads certificates, CRLs and documents: a bundle, DER, PEM, a signed document, or a certificate table.
pub(crate) fn parse(name: &Path, bytes: &[u8]) -> Result<Collateral, Failure> {
    let about = |error| Failure::about(name.display(), error);
    if matches!(bytes, [0xa4 | 0xa5, rest @ ..] if rest.starts_with(BUNDLE_START)) {
        return Ok(Store::from_bundle(bytes).map_err(|error| about(error.into()))?.supplied().clone());
    }
    let table = !matches!(bytes.first(), Some(0x30 | b'{'))
        && !bytes.windows(10).any(|window| window == b"-----BEGIN");
    if table {
        return snp::collateral_of_table(bytes).map_err(about);
    }
    let mut collateral = Collateral::new();
    collateral.add(without_filling(bytes)).map_err(|error| about(error.into()))?;
    Ok(collateral)
}

/// A TPM's index is read as a whole: zeros that fill it up behind one DER value are no part of the certificate in it.
fn without_filling(bytes: &[u8]) -> &[u8] {
    // A SEQUENCE with two octets of length, as every certificate is.
    let [0x30, 0x82, high, low, ..] = *bytes else { return bytes };
    match bytes.split_at_checked(4 + usize::from(u16::from_be_bytes([high, low]))) {
        Some((der, rest)) if rest.iter().all(|octet| *octet == 0) => der,
        _ => bytes,
    }
}

/// Adds a file, or all certificates and CRLs of a directory in the order of their names.
pub(crate) fn add_path(into: &mut Collateral, path: &Path) -> Result<(), Failure> {
    let files = if path.is_dir() { files_of(path, NAMES)? } else { Vec::from([path.to_path_buf()]) };
    for file in files {
        let more = parse(&file, &input::read(&file)?)?;
        into.merge(&more).map_err(|error| Failure::about(file.display(), error))?;
    }
    Ok(())
}

fn files_of(directory: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::usage(format_args!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_file() && endings.contains(&ending) {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("{}: no file that ends in {}", directory.display(), endings.join(", "));
        return Err(Failure::usage(message));
    }
    files.sort();
    Ok(files)
}

impl Supplied {
    /// Everything that the arguments name. A bundle that is not there yet is an error unless it may be `new`.
    pub(crate) fn store(&self, new: bool) -> Result<Store, Failure> {
        let mut all = Collateral::new();
        for path in self.certs.iter().chain(&self.crl) {
            add_path(&mut all, path)?;
        }
        if let Some(path) = self.bundle.as_ref().filter(|path| !new || path.exists()) {
            add_path(&mut all, path)?;
        }
        Ok(Store::with(all))
    }

    /// The time to judge at.
    pub(crate) fn time(&self) -> Result<attest_core::UnixTime, Failure> {
        self.at.map_or_else(input::now, Ok)
    }
}

impl TpmTrust {
    /// Adds everybody who is named.
    pub(crate) fn add_to(&self, anchors: &mut TrustAnchors) -> Result<(), Failure> {
        for (path, kind) in self.roots() {
            let mut collateral = Collateral::new();
            add_path(&mut collateral, path)?;
            if collateral.certificates().next().is_none() {
                let message = format!("{}: a root certificate is expected, got none", path.display());
                return Err(Failure::usage(message));
            }
            let mut roots = collateral.certificates();
            roots
                .try_for_each(|der| match kind {
                    None => anchors.vtpm.add_root(der),
                    Some(kind) => anchors.vtpm.add_vendor_root(der, kind),
                })
                .map_err(|error| Failure::about(path.display(), error))?;
        }
        for name in &self.ak_name {
            anchors.vtpm.add_key(TrustedAk::pinned(name.clone()));
        }
        for sha256 in &self.ak_spki_sha256 {
            anchors.vtpm.add_key(TrustedAk::pinned_spki(*sha256));
        }
        for files in self.pcr_signer.chunks_exact(2) {
            let [key, signatures] = files else { continue };
            add_signer(anchors, key, signatures)?;
        }
        Ok(())
    }
}

/// A key that signs register policies, PEM or DER, and what it signed.
fn add_signer(anchors: &mut TrustAnchors, key: &Path, signatures: &Path) -> Result<(), Failure> {
    let AttestationKey::Spki(spki) = attestation_key(key)? else {
        return Err(Failure::usage(format_args!(
            "--pcr-signer: {}: a PUBLIC KEY is expected",
            key.display()
        )));
    };
    let key = SigningKey::from_spki(&spki, Provider::FIRST.get())
        .map_err(|error| Failure::about(key.display(), error))?;
    let document = PcrSignatures::from_json(&input::read(signatures)?)
        .map_err(|error| Failure::about(signatures.display(), error))?;
    anchors.vtpm.add_pcr_signer(key, document);
    Ok(())
}

/// The roots in these files and no others, for TDX; the pinned one without any.
pub(crate) fn tdx_roots(files: &[PathBuf], anchors: &mut TrustAnchors) -> Result<(), Failure> {
    if !files.is_empty() {
        anchors.tdx = tdx::Anchors::none();
    }
    own_roots("--tdx-root", files, |der| anchors.tdx.add_root(der).map_err(Error::from))
}

/// The same for Nitro.
pub(crate) fn nitro_roots(files: &[PathBuf], anchors: &mut TrustAnchors) -> Result<(), Failure> {
    if !files.is_empty() {
        anchors.nitro = nitro::Anchors::none();
    }
    own_roots("--nitro-root", files, |der| anchors.nitro.add_root(der).map_err(Error::from))
}

fn own_roots(
    option: &str,
    files: &[PathBuf],
    mut add: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Failure> {
    for path in files {
        let collateral = parse(path, &input::read(path)?)?;
        if collateral.certificates().next().is_none() {
            let message = format!("{option}: {}: a certificate is expected, got none", path.display());
            return Err(Failure::usage(message));
        }
        let mut roots = collateral.certificates();
        roots.try_for_each(&mut add).map_err(|error| Failure::about(path.display(), error))?;
    }
    Ok(())
}

/// The roots in `directory` and no others, or the pinned ones.
pub(crate) fn anchors(directory: Option<&Path>) -> Result<TrustAnchors, Failure> {
    let Some(directory) = directory else { return Ok(TrustAnchors::pinned()) };
    let mut anchors = Anchors::none();
    let mut roots = 0_usize;
    for file in files_of(directory, &["der"])? {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let unknown = || {
            let message = "not named as an anchor, such as milan-ark.der, milan-ask.der, milan-asvk.der";
            Failure::usage(format_args!("{}: {message}", file.display()))
        };
        let (line, role) = name.split_once('-').ok_or_else(unknown)?;
        let line = ProductLine::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(line));
        let line = line.ok_or_else(unknown)?;
        let der = input::read(&file)?;
        match role {
            "ark" => {
                roots = roots.saturating_add(1);
                anchors.add_root(line, &der)
            }
            "ask" | "asvk" => anchors.add_intermediate(line, &der),
            _ => return Err(unknown()),
        }
        .map_err(|error| Failure::about(file.display(), error))?;
    }
    if roots == 0 {
        return Err(Failure::usage(format_args!("{}: no root (such as milan-ark.der)", directory.display())));
    }
    Ok(TrustAnchors::new(anchors))
}

/// Writes a file so that whoever reads its name sees the old bytes or the new ones, never half of them.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::usage(format_args!("{}: {error}", path.display()));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    fs::write(&new, bytes).and_then(|()| fs::rename(&new, path)).map_err(|error| {
        // What is left behind is of no use to anybody.
        drop(fs::remove_file(&new));
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::without_filling;

    #[test]
    fn only_zeros_are_cut() {
        let der = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        let with = |more: &[u8]| [&der, more].concat();
        assert_eq!(without_filling(&der), der);
        assert_eq!(without_filling(&with(&[0; 700])), der);
        for whole in [with(&[0, 0, 1]), with(&der), der[..100].to_vec(), vec![0x30, 0x82], vec![0; 300]] {
            assert_eq!(without_filling(&whole), whole);
        }
    }
}
