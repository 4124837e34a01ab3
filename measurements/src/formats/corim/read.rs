//! Manifests as bytes. Keys are those of the draft's CDDL; every list that must not be empty is not.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use attest_core::cbor::foreign::{Foreign, Key, Lengths};
use attest_core::error::{Malformed, Problem};
use attest_core::rules::Limit;

use super::{
    Comid, Corim, Environment, Label, MAX_CORIM, MAX_ITEMS, Measurement, Name, Reference, RimDigest, Svn, tag,
};
use crate::error::shown;

const CORIM: &str = "CoRIM";
const COMID: &str = "CoMID";

impl<'a> Corim<'a> {
    /// Reads one unsigned manifest, tag 501, and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for another shape.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Foreign::new(CORIM, bytes, MAX_CORIM, Lengths::Definite)?;
        expect_tag(&mut r, "tag", tag::CORIM)?;
        let start = r.clone();
        let (mut id, mut tags) = (None, None);
        let (mut profile, mut validity) = (None, (Limit::Any, Limit::Any));
        let (mut comids, mut unread) = (Vec::new(), Vec::new());
        r.map(CORIM, MAX_ITEMS, |r, key| {
            match key {
                Key::Int(0) => id = Some(name(r, "id")?),
                Key::Int(1) => tags = Some(some(r, "tags", |r| read_tag(r, &mut comids, &mut unread))?),
                Key::Int(3) => profile = Some(label(r, "profile")?),
                Key::Int(4) => validity = read_validity(r)?,
                // Entities say who made it.
                Key::Int(5) => r.skip("entities")?,
                other @ (Key::Bytes | Key::Int(_) | Key::Text(_)) => {
                    unread.push(format!("key {}", key_text(other)));
                    r.skip("value")?;
                }
            }
            Ok(())
        })?;
        r.finish(CORIM)?;
        let (Some(id), Some(_)) = (id, tags) else {
            return Err(start.malformed(CORIM, Problem::Encoding("no id, or no tags")));
        };
        let (not_before, not_after) = validity;
        Ok(Self { id, profile, not_before, not_after, comids, unread })
    }
}

impl<'a> Comid<'a> {
    /// Reads one bare CoMID and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for another shape.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Foreign::new(COMID, bytes, MAX_CORIM, Lengths::Definite)?;
        let start = r.clone();
        let (mut id, mut triples) = (None, None);
        let mut references = Vec::new();
        r.map(COMID, MAX_ITEMS, |r, key| match key {
            Key::Int(1) => {
                r.map("tag-identity", MAX_ITEMS, |r, key| match key {
                    Key::Int(0) => {
                        id = Some(name(r, "tag-id")?);
                        Ok(())
                    }
                    Key::Bytes | Key::Int(_) | Key::Text(_) => r.skip("tag-version"),
                })?;
                Ok(())
            }
            Key::Int(4) => {
                triples = Some(read_triples(r, &mut references)?);
                Ok(())
            }
            // Language, entities and linked tags are about the document.
            Key::Int(0 | 2 | 3) => r.skip("description"),
            Key::Bytes | Key::Int(_) | Key::Text(_) => {
                Err(r.malformed(COMID, Problem::Encoding("an unknown key")))
            }
        })?;
        r.finish(COMID)?;
        match (id, triples) {
            (Some(id), Some(triples)) => Ok(Self { id, triples, references }),
            _ => Err(start.malformed(COMID, Problem::Encoding("no tag-id, or no triples"))),
        }
    }
}

/// One tag of a manifest: a CoMID in a byte string, or something else that counts as unread.
fn read_tag<'a>(
    r: &mut Foreign<'a>,
    comids: &mut Vec<Comid<'a>>,
    unread: &mut Vec<String>,
) -> Result<(), Malformed> {
    match r.tag("tags")? {
        Some(tag::COMID) => {
            comids.push(Comid::parse(r.bytes("CoMID")?)?);
            Ok(())
        }
        Some(other) => {
            unread.push(format!("tag {other}"));
            r.skip("tags")
        }
        None => Err(r.malformed("tags", Problem::Encoding("an item without a tag"))),
    }
}

/// Tag 1 around a number of seconds.
fn read_time(r: &mut Foreign<'_>, field: &'static str) -> Result<u64, Malformed> {
    expect_tag(r, field, tag::EPOCH)?;
    r.uint(field)
}

pub(crate) fn read_validity(r: &mut Foreign<'_>) -> Result<(Limit<u64>, Limit<u64>), Malformed> {
    let start = r.clone();
    let (mut from, mut until) = (Limit::Any, None);
    r.map("validity", 2, |r, key| {
        match key {
            Key::Int(0) => from = Limit::To(read_time(r, "not-before")?),
            Key::Int(1) => until = Some(read_time(r, "not-after")?),
            Key::Bytes | Key::Int(_) | Key::Text(_) => {
                return Err(r.malformed("validity", Problem::Encoding("an unknown key")));
            }
        }
        Ok(())
    })?;
    match until {
        Some(until) => Ok((from, Limit::To(until))),
        None => Err(start.malformed("validity", Problem::Encoding("no not-after"))),
    }
}

fn read_triples<'a>(
    r: &mut Foreign<'a>,
    references: &mut Vec<Reference<'a>>,
) -> Result<Vec<(i128, usize)>, Malformed> {
    let start = r.clone();
    let mut counts = Vec::new();
    r.map("triples", MAX_ITEMS, |r, key| {
        let Key::Int(kind) = key else {
            return Err(r.malformed("triples", Problem::Encoding("a key that is no integer")));
        };
        let count = some(r, "triples", |r| match kind {
            0 => {
                references.push(read_reference(r)?);
                Ok(())
            }
            _ => r.skip("triple"),
        })?;
        counts.push((kind, count));
        Ok(())
    })?;
    match counts.is_empty() {
        true => Err(start.malformed("triples", Problem::Encoding("none"))),
        false => Ok(counts),
    }
}

fn read_reference<'a>(r: &mut Foreign<'a>) -> Result<Reference<'a>, Malformed> {
    let mut environment = Environment::default();
    let mut measurements = Vec::new();
    tuple(r, "reference-triple", |r, part| match part {
        0 => {
            environment = read_environment(r)?;
            Ok(())
        }
        _ => some(r, "measurements", |r| {
            measurements.push(read_measurement(r)?);
            Ok(())
        })
        .map(drop),
    })?;
    Ok(Reference { environment, measurements })
}

fn read_environment<'a>(r: &mut Foreign<'a>) -> Result<Environment<'a>, Malformed> {
    let start = r.clone();
    let mut environment = Environment::default();
    r.map("environment", MAX_ITEMS, |r, key| {
        match key {
            Key::Int(0) => read_class(r, &mut environment)?,
            Key::Int(1) => environment.instance = Some(label(r, "instance")?),
            Key::Int(2) => environment.group = Some(label(r, "group")?),
            Key::Bytes | Key::Int(_) | Key::Text(_) => {
                return Err(r.malformed("environment", Problem::Encoding("an unknown key")));
            }
        }
        Ok(())
    })?;
    match environment == Environment::default() {
        true => Err(start.malformed("environment", Problem::Encoding("none"))),
        false => Ok(environment),
    }
}

fn read_class<'a>(r: &mut Foreign<'a>, environment: &mut Environment<'a>) -> Result<(), Malformed> {
    let start = r.clone();
    let count = r.map("class", MAX_ITEMS, |r, key| {
        match key {
            Key::Int(0) => environment.class = Some(label(r, "class-id")?),
            Key::Int(1) => environment.vendor = Some(r.text("vendor")?),
            Key::Int(2) => environment.model = Some(r.text("model")?),
            Key::Int(3) => environment.layer = Some(r.uint("layer")?),
            Key::Int(4) => environment.index = Some(r.uint("index")?),
            Key::Bytes | Key::Int(_) | Key::Text(_) => {
                return Err(r.malformed("class", Problem::Encoding("an unknown key")));
            }
        }
        Ok(())
    })?;
    match count {
        0 => Err(start.malformed("class", Problem::Encoding("none"))),
        _ => Ok(()),
    }
}

fn read_measurement<'a>(r: &mut Foreign<'a>) -> Result<Measurement<'a>, Malformed> {
    let start = r.clone();
    let mut measurement = Measurement {
        key: None,
        version: None,
        svn: None,
        digests: Vec::new(),
        registers: Vec::new(),
        unread: Vec::new(),
        authorised: false,
    };
    let mut values = 0;
    r.map("measurement", MAX_ITEMS, |r, key| {
        match key {
            Key::Int(0) => measurement.key = Some(label(r, "mkey")?),
            Key::Int(1) => {
                values = r.map("mval", MAX_ITEMS, |r, key| read_value(r, key, &mut measurement))?
            }
            Key::Int(2) => {
                measurement.authorised = true;
                r.skip("authorized-by")?;
            }
            Key::Bytes | Key::Int(_) | Key::Text(_) => {
                return Err(r.malformed("measurement", Problem::Encoding("an unknown key")));
            }
        }
        Ok(())
    })?;
    match values {
        0 => Err(start.malformed("mval", Problem::Encoding("none"))),
        _ => Ok(measurement),
    }
}

fn read_value<'a>(
    r: &mut Foreign<'a>,
    key: Key<'a>,
    measurement: &mut Measurement<'a>,
) -> Result<(), Malformed> {
    match key {
        Key::Int(0) => {
            let start = r.clone();
            r.map("version", 2, |r, key| match key {
                Key::Int(0) => {
                    measurement.version = Some(r.text("version")?);
                    Ok(())
                }
                Key::Bytes | Key::Int(_) | Key::Text(_) => r.skip("version-scheme"),
            })?;
            if measurement.version.is_none() {
                return Err(start.malformed("version", Problem::Encoding("none")));
            }
        }
        Key::Int(1) => {
            let tag = r.tag("svn")?;
            let number = r.uint("svn")?;
            measurement.svn = Some(match tag {
                None | Some(tag::SVN) => Svn::Exactly(number),
                Some(tag::LEAST_SVN) => Svn::AtLeast(number),
                Some(_) => return Err(r.malformed("svn", Problem::Encoding("another tag than 552 and 553"))),
            });
        }
        Key::Int(2) => measurement.digests = read_digests(r)?,
        Key::Int(14) => {
            let start = r.clone();
            let count = r.map("integrity-registers", MAX_ITEMS, |r, key| {
                let register = match key {
                    Key::Int(number) => Label::Int(number),
                    Key::Text(text) => Label::Text(text),
                    Key::Bytes => {
                        return Err(r.malformed("integrity-registers", Problem::Encoding("a key of bytes")));
                    }
                };
                measurement.registers.push((register, read_digests(r)?));
                Ok(())
            })?;
            if count == 0 {
                return Err(start.malformed("integrity-registers", Problem::Encoding("none")));
            }
        }
        other @ (Key::Bytes | Key::Int(_) | Key::Text(_)) => {
            measurement.unread.push(key_text(other));
            r.skip("value")?;
        }
    }
    Ok(())
}

/// `[+ [alg, value]]`. A digest of a known algorithm has its length.
fn read_digests<'a>(r: &mut Foreign<'a>) -> Result<Vec<RimDigest<'a>>, Malformed> {
    let mut digests = Vec::new();
    some(r, "digests", |r| {
        let here = r.clone();
        let (mut algorithm, mut value) = (Label::Int(0), &[][..]);
        tuple(r, "digest", |r, part| {
            match part {
                0 => algorithm = label(r, "alg")?,
                _ => value = r.bytes("digest")?,
            }
            Ok(())
        })?;
        let wrong = super::import::hash(&algorithm).is_some_and(|hash| hash.digest_len() != value.len());
        if wrong || value.is_empty() {
            return Err(here.malformed("digest", Problem::Encoding("not of its algorithm's length")));
        }
        digests.push(RimDigest { algorithm, value });
        Ok(())
    })?;
    Ok(digests)
}

/// A list that is not empty.
fn some<'a>(
    r: &mut Foreign<'a>,
    field: &'static str,
    each: impl FnMut(&mut Foreign<'a>) -> Result<(), Malformed>,
) -> Result<usize, Malformed> {
    let start = r.clone();
    match r.array(field, MAX_ITEMS, each)? {
        0 => Err(start.malformed(field, Problem::Encoding("none"))),
        count => Ok(count),
    }
}

/// An array of two.
fn tuple<'a>(
    r: &mut Foreign<'a>,
    field: &'static str,
    mut each: impl FnMut(&mut Foreign<'a>, usize) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let start = r.clone();
    let mut part = 0_usize;
    let count = r.array(field, 2, |r| {
        let at = part;
        part = part.saturating_add(1);
        each(r, at)
    })?;
    match count {
        2 => Ok(()),
        _ => Err(start.malformed(field, Problem::Encoding("an array of another size than 2"))),
    }
}

pub(crate) fn expect_tag(r: &mut Foreign<'_>, field: &'static str, wanted: u64) -> Result<(), Malformed> {
    let start = r.clone();
    match r.tag(field)? {
        Some(found) if found == wanted => Ok(()),
        _ => Err(start.malformed(field, Problem::Encoding("not the tag that is due"))),
    }
}

/// Text, or bytes.
fn name<'a>(r: &mut Foreign<'a>, field: &'static str) -> Result<Name<'a>, Malformed> {
    let mut ahead = r.clone();
    if let Ok(text) = ahead.text(field) {
        *r = ahead;
        return Ok(Name::Text(text));
    }
    r.bytes(field).map(Name::Bytes)
}

fn label<'a>(r: &mut Foreign<'a>, field: &'static str) -> Result<Label<'a>, Malformed> {
    let start = r.clone();
    match r.tag(field)? {
        Some(tag::UUID) => match r.bytes(field)? {
            uuid if uuid.len() == 16 => Ok(Label::Uuid(uuid)),
            _ => Err(start.malformed(field, Problem::Encoding("a UUID of another length than 16"))),
        },
        Some(tag::OID) => r.bytes(field).map(Label::Oid),
        Some(tag::BYTES) => r.bytes(field).map(Label::Bytes),
        Some(tag::URI) => r.text(field).map(Label::Text),
        Some(_) => Err(start.malformed(field, Problem::Encoding("a tag that is not known here"))),
        None => {
            let mut ahead = r.clone();
            if let Ok(number) = ahead.int(field) {
                *r = ahead;
                return Ok(Label::Int(number));
            }
            name(r, field).map(|name| match name {
                Name::Bytes(bytes) => Label::Bytes(bytes),
                Name::Text(text) => Label::Text(text),
            })
        }
    }
}

fn key_text(key: Key<'_>) -> String {
    match key {
        Key::Bytes => "of bytes".to_string(),
        Key::Int(number) => number.to_string(),
        Key::Text(text) => shown(text),
    }
}
