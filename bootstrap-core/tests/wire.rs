//! The wire from outside: what is written is read back, and nothing else is read.

mod samples;

use attest_core::error::Problem;
use bootstrap_core::wire::Error;
use samples::all;

/// A generator that needs no seed from outside (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }
}

#[test]
fn what_is_written_is_read_back() {
    for sample in all() {
        assert_eq!((sample.again)(&sample.bytes), Ok((sample.bytes.clone(), 0)), "{}", sample.rule);
    }
}

#[test]
fn no_part_of_a_value_is_a_value() {
    for sample in all() {
        for len in 0..sample.bytes.len() {
            assert!((sample.again)(&sample.bytes[..len]).is_err(), "{} cut to {len}", sample.rule);
        }
        let more = [sample.bytes.as_slice(), &[0]].concat();
        assert!((sample.again)(&more).is_err(), "{} and a byte", sample.rule);
    }
}

/// Where the map of a sample starts and how many pairs it has, if it is a map of less than 23.
fn map_of(bytes: &[u8]) -> Option<u8> {
    bytes.first().filter(|head| (0xa0..0xb7).contains(*head)).map(|head| head & 0x1f)
}

/// Maps that are closed, so that unknown fields are refused.
const CLOSED: &[&str] = &["share"];

#[test]
fn an_unknown_critical_key_is_refused_and_another_one_is_skipped() {
    let mut maps = 0;
    for sample in all() {
        let Some(pairs) = map_of(&sample.bytes) else { continue };
        maps += 1;
        let with = |pair: &[u8]| [&[0xa1 + pairs], &sample.bytes[1..], pair].concat();
        let error = (sample.again)(&with(&[0x20, 0x00])).expect_err(sample.rule);
        assert_eq!(error.problem, Problem::Critical { key: -1 }, "{}", sample.rule);
        assert_eq!(Error::from(error).code().number(), 13);
        // A map inside an array inside a value that is not known.
        let skipped = (sample.again)(&with(b"\x18\xc8\x81\xa1\x61a\xf6"));
        assert_eq!(skipped, Ok((sample.bytes.clone(), 1)), "{}", sample.rule);
        for bad in [
            &b"\x18\xc8\xc0\x00"[..],
            b"\x18\xc8\xf9\x00\x00",
            b"\x18\xc8\xf7",
            b"\x18\xc8\x9f\xff",
            b"\x18\xc8\xa2\x01\x00\x00\x00",
            b"\x18\xc8\xa2\x00\x00\x00\x00",
            b"\x18\xc8\x18\x01",
            b"\x18\xc8\x81\x81\x81\x81\x81\x81\x81\x81\x00",
            b"\x61a\x00",
            b"\xf4\x00",
        ] {
            let error = (sample.again)(&with(bad)).expect_err(sample.rule);
            assert!(matches!(Error::from(error).code().number(), 10..=12), "{} {bad:02x?}", sample.rule);
        }
    }
    assert!(maps > 60, "{maps}");
}

#[test]
fn a_share_takes_no_field_that_its_checksum_cannot_cover() {
    let sample = all().into_iter().find(|sample| CLOSED.contains(&sample.rule)).unwrap();
    let pairs = map_of(&sample.bytes).unwrap();
    let more = [&[0xa1 + pairs], &sample.bytes[1..], b"\x18\xc8\x00"].concat();
    let error = bootstrap_core::wire::Share::from_bytes(&more).err().unwrap();
    assert_eq!(error.code().number(), 10);
    assert!(bootstrap_core::wire::Share::from_bytes(&sample.bytes).is_ok());
}

#[test]
fn keys_stand_in_order_and_once() {
    // Refusal: {0: 40, 1: 1500, 2: 7} with its pairs in other places.
    let sample = all().into_iter().find(|sample| sample.rule == "refusal").unwrap();
    for bytes in [
        &b"\xa2\x01\x19\x05\xdc\x00\x18\x28"[..],
        b"\xa2\x00\x18\x28\x00\x18\x28",
        b"\xa3\x00\x18\x28\x02\x07\x01\x00",
    ] {
        let error = (sample.again)(bytes).unwrap_err();
        assert!(
            matches!(error.problem, Problem::Duplicate | Problem::Encoding(_) | Problem::Absent),
            "{error}"
        );
    }
    for bytes in [
        &b"\xbf\x00\x18\x28\xff"[..],
        b"\xa1\x18\x00\x18\x28",
        b"\xa1\x00\x19\x00\x28",
        b"\xb8\x01\x00\x18\x28",
    ] {
        assert_eq!(Error::from((sample.again)(bytes).unwrap_err()).code().number(), 10, "{bytes:02x?}");
    }
    for (bytes, code) in
        [(&b"\xa1\x00\x41\x28"[..], 12), (b"\xa1\x00\x19\x01\x00", 12), (b"\xa0", 12), (b"\x80", 12)]
    {
        assert_eq!(Error::from((sample.again)(bytes).unwrap_err()).code().number(), code, "{bytes:02x?}");
    }
}

#[test]
fn bytes_that_were_changed_are_refused_or_say_something_else() {
    let mut dice = Dice(0x5eed);
    let (mut refused, mut read) = (0_u32, 0_u32);
    for sample in all() {
        for _ in 0..400 {
            let mut bytes = sample.bytes.clone();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(bytes.len());
                match dice.roll(4) {
                    0 => bytes[at] ^= 1 << dice.roll(8),
                    1 => bytes[at] = dice.roll(256) as u8,
                    2 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, dice.roll(256) as u8),
                }
            }
            match (sample.again)(&bytes) {
                Err(error) => {
                    refused += 1;
                    assert!((10..=13).contains(&Error::from(error).code().number()));
                }
                // One value has one form; what was skipped, a copy lacks.
                Ok((again, 0)) => {
                    read += 1;
                    assert_eq!(again, bytes, "{}", sample.rule);
                }
                Ok((again, _)) => {
                    assert_eq!((sample.again)(&again), Ok((again.clone(), 0)), "{}", sample.rule)
                }
            }
        }
    }
    assert!(refused > 10_000 && read > 1000, "{refused} {read}");
}
