//! Credential activation, and the derivations under it.
//!
//! A TPM opens credentials, and this library makes them. So the other side is the one that the library's own tests use; each valid
//! entry is also asked to open a credential that the library made.

use attest_core::tee::vtpm::credential::{
    Challenge, Label, RANDOM_LEN, Randomness, Sensitive, TrustedEk, encapsulate, kdf, make_credential,
};
use attest_core::tee::vtpm::{AlgorithmId, CurveId, Key, Public};
use p256::pkcs8::DecodePrivateKey;
use serde_json::Value;

use super::{Entry, Judge, Judged, Wrong};
use crate::{hex, unhex};

#[path = "../../../attest-core/tests/credential/device.rs"]
#[allow(dead_code, clippy::all, clippy::pedantic, clippy::restriction, reason = "of tests, as they write")]
mod device;

use device::{Private, belongs};

impl Judge<'_> {
    pub(super) fn credential_activation(&self, entry: &Entry<'_>) -> Judged {
        let provider = self.provider()?;
        let read = |name: &str| Public::parse(entry.file(name)?).map_err(|error| format!("{name}: {error}"));
        let (ek, ak) = (read("ek")?, read("ak")?);
        let name = |public: &Public<'_>| public.name(provider).map_err(|error| error.to_string());
        let (ek_name, ak_name) = (name(&ek)?, name(&ak)?);
        let private = private(&ek, entry.file("ek_private_pkcs8")?)?;
        if !belongs(&private, &ek) {
            return Err("the private key is another".into());
        }
        // The key is one that the library makes credentials for.
        let trusted =
            TrustedEk::pinned(ek.as_bytes(), &ek_name, provider).map_err(|error| error.to_string())?;
        let files = (entry.file("id_object")?.to_vec(), entry.file("encrypted_secret")?.to_vec());
        let activated = private.activate(&ek, &ak_name, &Challenge::new(files.0, files.1));
        let verdict = activated.as_ref().map_or_else(|why| why.verdict(), |_| "valid");
        if verdict != entry.verdict {
            return Err(Wrong::Fails(verdict.to_owned()));
        }
        crate::facts::all(entry.expected(), |name, _| {
            let learnt = activated.as_ref().ok();
            let found = match name {
                "ak_name" => Some(ak_name.as_bytes()),
                "secret" => learnt.map(|activated| activated.secret.as_slice()),
                "seed" => learnt.map(|activated| activated.seed.as_slice()),
                "storage_key" => learnt.map(|activated| activated.storage_key.as_slice()),
                "integrity_key" => learnt.map(|activated| activated.integrity_key.as_slice()),
                _ => None,
            };
            Ok(found.map(|bytes| hex(bytes).into()))
        })?;
        if let Ok(activated) = &activated {
            if activated.secret != entry.file("secret")? {
                return Err("another secret than that of the file".into());
            }
            // Any number will do; the same each time, so that a run can be repeated.
            let randomness = Randomness::new([7; RANDOM_LEN]);
            let secret = Sensitive::new(&activated.secret);
            let made = make_credential(&trusted, &ak_name, &secret, &randomness);
            let made = made.map_err(|error| error.to_string())?;
            let opened = private.activate(&ek, &ak_name, &made);
            if opened.map(|opened| opened.secret) != Ok(activated.secret.clone()) {
                return Err("a credential of our own does not open".into());
            }
        }
        Ok(format!("activation: {verdict}"))
    }

    pub(super) fn kdf(&self, entry: &Entry<'_>) -> Judged {
        let list: Vec<Value> =
            serde_json::from_slice(entry.file("vectors")?).map_err(|error| error.to_string())?;
        crate::facts::all(entry.expected(), |name, _| Ok((name == "count").then(|| list.len().into())))?;
        for case in &list {
            let name = case["Name"].as_str().unwrap_or_default();
            let outcome = if case["PublicKey"].is_null() { derivation(case) } else { encapsulation(case) };
            outcome.map_err(|error| format!("{name}: {error}"))?;
        }
        // All of them are known answers.
        self.reasons.judge_tpm(entry.verdict, None, &[])?;
        Ok(format!("{} known answers", list.len()))
    }
}

fn private(public: &Public<'_>, pkcs8: &[u8]) -> Result<Private, String> {
    let text = |error: p256::pkcs8::Error| error.to_string();
    Ok(match public.key() {
        Key::Rsa { .. } => {
            Private::Rsa(Box::new(rsa::PrivateKey::from_pkcs8_der(pkcs8).map_err(|error| error.to_string())?))
        }
        Key::Ecc { curve: CurveId(3), .. } => {
            Private::P256(p256::SecretKey::from_pkcs8_der(pkcs8).map_err(text)?)
        }
        Key::Ecc { curve: CurveId(4), .. } => {
            Private::P384(p384::SecretKey::from_pkcs8_der(pkcs8).map_err(text)?)
        }
        Key::Ecc { curve, .. } => return Err(format!("a curve without a private key: {curve:?}")),
    })
}

fn octets(case: &Value, key: &str) -> Result<Vec<u8>, String> {
    unhex(case[key].as_str().ok_or_else(|| format!("no {key}"))?)
}

/// KDFa has a key, KDFe has Z.
fn derivation(case: &Value) -> Result<(), String> {
    let number = |key: &str| case[key].as_u64().and_then(|number| u16::try_from(number).ok());
    let hash = number("HashAlg").and_then(|id| AlgorithmId(id).hash()).ok_or("no hash")?;
    let bits = number("Bits").ok_or("no Bits")?;
    let label = case["Label"].as_str().ok_or("no Label")?;
    let (u, v) = (octets(case, "ContextU")?, octets(case, "ContextV")?);
    let derived = match case["Key"].is_null() {
        false => kdf::kdfa(hash, &octets(case, "Key")?, label, &u, &v, bits),
        true => kdf::kdfe(hash, &octets(case, "Z")?, label, &u, &v, bits),
    };
    same(derived.as_bytes(), &octets(case, "Result")?)
}

fn encapsulation(case: &Value) -> Result<(), String> {
    let public = octets(case, "PublicKey")?;
    let public = Public::parse(&public).map_err(|error| error.to_string())?;
    let label = match case["Label"].as_str() {
        Some("DUPLICATE") => Label::Duplicate,
        Some("IDENTITY") => Label::Identity,
        Some("SECRET") => Label::Secret,
        other => return Err(format!("a label that is not known: {other:?}")),
    };
    let secret = octets(case, "Secret")?;
    // 32 bytes of secret, 64 of seed, then what blinds it.
    let (seed, blind) = match public.key() {
        Key::Rsa { .. } => (secret.as_slice(), octets(case, "OAEPSalt")?),
        Key::Ecc { .. } => (&[][..], octets(case, "EphemeralPrivate")?),
    };
    let mut random = [0; RANDOM_LEN];
    for (at, bytes) in [(32, seed), (96, &blind)] {
        random.get_mut(at..at + bytes.len()).ok_or("too long")?.copy_from_slice(bytes);
    }
    let made = encapsulate(&public, label, &Randomness::new(random)).map_err(|error| error.to_string())?;
    same(made.seed.as_bytes(), &secret)?;
    let mut ciphertext = octets(case, "Ciphertext")?;
    // Some makers leave the outer size away.
    if ciphertext.len() + 2 == made.encrypted.len() {
        let len = u16::try_from(ciphertext.len()).map_err(|error| error.to_string())?;
        ciphertext.splice(0..0, len.to_be_bytes());
    }
    same(&made.encrypted, &ciphertext)
}

fn same(found: &[u8], wanted: &[u8]) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{} where {} is known", hex(found), hex(wanted))) }
}
