//! The `cmw` field of evidence that a TEE made: a CBOR record of draft-ietf-rats-msg-wrap, `[media type, bytes]`, and nothing else
//! of that draft: no tags, no collections, no content formats, no indicator. One form, so that nothing is read twice.

use attest_core::cbor::{Decoder, Encoder};
use attest_core::error::{Malformed, Problem};
use attest_core::{Evidence, evidence::MAX_EVIDENCE};

use super::batch::{MAX_PATH, Place};

/// attest-core's evidence envelope (`formats.cddl`).
const EVIDENCE: &str = "application/attestrap-evidence+cbor";
/// `[n, index, [path], record]`: evidence that serves many channels, and where this one's slot stands.
const BATCH: &str = "application/attestrap-batch+cbor";

/// The content of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "two media types are read")]
pub enum Record {
    /// Evidence over this channel's slot.
    Plain(Evidence),
    /// Evidence over a batch, in which this channel's slot has a place.
    Batch(Place, Evidence),
}

impl Record {
    /// Reads a `cmw` field.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly one record of the two kinds.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let (media_type, content) = record(bytes)?;
        match media_type {
            EVIDENCE => Ok(Self::Plain(Evidence::from_envelope(content)?)),
            BATCH => {
                let mut decoder = Decoder::new("batch record", content, MAX_EVIDENCE)?;
                let (place, inner) = decoder.tuple("batch", 4, |decoder| {
                    let number = |decoder: &mut Decoder<'_>, field| {
                        let here = decoder.clone();
                        let number = decoder.uint(field)?;
                        u32::try_from(number)
                            .map_err(|_| here.malformed(field, Problem::Type("a number of 32 bits")))
                    };
                    let count = number(decoder, "count")?;
                    let index = number(decoder, "index")?;
                    let mut path = Vec::new();
                    decoder.items("path", 0..=MAX_PATH, |decoder| {
                        let here = decoder.clone();
                        let hash = decoder.bytes("path")?.try_into();
                        path.push(hash.map_err(|_| here.malformed("path", Problem::Type("32 bytes")))?);
                        Ok(())
                    })?;
                    Ok((Place { count, index, path }, decoder.bytes("record")?))
                })?;
                decoder.finish("batch")?;
                // A batch in a batch would be a second way to the same place.
                match record(inner)? {
                    (EVIDENCE, content) => Ok(Self::Batch(place, Evidence::from_envelope(content)?)),
                    _ => Err(other(inner)),
                }
            }
            _ => Err(other(bytes)),
        }
    }

    /// Writes a `cmw` field.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(evidence) => written(EVIDENCE, &evidence.to_envelope()),
            Self::Batch(place, evidence) => {
                let mut encoder = Encoder::default();
                encoder.array(4).uint(u64::from(place.count)).uint(u64::from(place.index));
                encoder.array(place.path.len());
                for hash in &place.path {
                    encoder.bytes(hash);
                }
                encoder.bytes(&written(EVIDENCE, &evidence.to_envelope()));
                written(BATCH, &encoder.into_bytes())
            }
        }
    }
}

fn record(bytes: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let mut decoder = Decoder::new("CMW record", bytes, MAX_EVIDENCE)?;
    let parts = decoder.tuple("record", 2, |decoder| Ok((decoder.text("type")?, decoder.bytes("value")?)))?;
    decoder.finish("record")?;
    Ok(parts)
}

fn written(media_type: &str, content: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.array(2).text(media_type).bytes(content);
    encoder.into_bytes()
}

fn other(record: &[u8]) -> Malformed {
    match Decoder::new("CMW record", record, MAX_EVIDENCE) {
        Ok(decoder) => decoder.malformed("type", Problem::Encoding("a media type that is not read here")),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use attest_core::Format;

    use super::*;

    fn evidence() -> Evidence {
        Evidence::new(Format::Snp, vec![1, 2, 3])
    }

    #[test]
    fn a_record_is_read_as_it_is_written() {
        let place = Place { count: 5, index: 3, path: vec![[1; 32], [2; 32], [3; 32]] };
        for record in [Record::Plain(evidence()), Record::Batch(place, evidence())] {
            let bytes = record.to_bytes();
            assert_eq!(Record::read(&bytes), Ok(record));
            for cut in 0..bytes.len() {
                assert!(Record::read(&bytes[..cut]).is_err(), "cut at {cut}");
            }
            assert!(Record::read(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn other_forms_of_the_draft_are_refused() {
        let envelope = evidence().to_envelope();
        let forms: [fn(&mut Encoder<'_>, &[u8]); 4] = [
            // A content format, an indicator, a collection, another media type.
            |encoder, bytes| {
                encoder.array(2).uint(263).bytes(bytes);
            },
            |encoder, bytes| {
                encoder.array(3).text(EVIDENCE).bytes(bytes).uint(4);
            },
            |encoder, bytes| {
                encoder.map(1).text(EVIDENCE).bytes(bytes);
            },
            |encoder, bytes| {
                encoder.array(2).text("application/eat+cwt").bytes(bytes);
            },
        ];
        for form in forms {
            let mut encoder = Encoder::default();
            form(&mut encoder, &envelope);
            assert!(Record::read(&encoder.into_bytes()).is_err());
        }
    }

    #[test]
    fn a_batch_holds_no_batch_and_no_long_path() {
        let place = |len| Place { count: 5, index: 3, path: vec![[1; 32]; len] };
        let inner = Record::Batch(place(1), evidence()).to_bytes();
        let mut encoder = Encoder::default();
        encoder.array(4).uint(1).uint(0).array(0).bytes(&inner);
        assert!(Record::read(&written(BATCH, &encoder.into_bytes())).is_err());
        assert!(Record::read(&Record::Batch(place(16), evidence()).to_bytes()).is_ok());
        assert!(Record::read(&Record::Batch(place(17), evidence()).to_bytes()).is_err());
    }
}
