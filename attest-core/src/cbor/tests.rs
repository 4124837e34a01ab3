//! Tests of others' CBOR.

use alloc::vec;

use super::foreign::{Foreign, Lengths, MAX_SKIPPED};
use crate::error::Malformed;

fn reader(bytes: &[u8], lengths: Lengths) -> Foreign<'_> {
    Foreign::new("test", bytes, 1024, lengths).unwrap()
}

fn skips(bytes: &[u8], lengths: Lengths) -> Result<(), Malformed> {
    let mut r = reader(bytes, lengths);
    r.skip("item")?;
    r.finish("item")
}

#[test]
fn any_well_formed_item_is_skipped() {
    for item in [
        &b"\x00"[..],
        b"\x18\x18",
        b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x20",
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x43abc",
        b"\x63abc",
        b"\x80",
        b"\x83\x01\x02\x80",
        b"\x9f\x01\xff",
        b"\xa2\x01\x02\x61a\xbf\xff",
        b"\xbf\x20\x9f\xff\x00\xf6\xff",
        b"\xd2\x00",
        b"\xf4",
        b"\xf8\x20",
        b"\xf9\x00\x00",
        b"\xfb\x00\x00\x00\x00\x00\x00\x00\x00",
    ] {
        assert_eq!(skips(item, Lengths::Any), Ok(()), "{item:02x?}");
        for len in 0..item.len() {
            let error = skips(&item[..len], Lengths::Any).unwrap_err();
            assert_eq!(error.check_id(), "form.length", "{item:02x?} cut to {len}");
        }
    }
}

#[test]
fn what_is_not_valid_is_refused_where_it_stands() {
    for (item, offset, id) in [
        (&b"\x18\x17"[..], 0, "form.encoding"),
        (b"\x19\x00\xff", 0, "form.encoding"),
        (b"\x1a\x00\x00\xff\xff", 0, "form.encoding"),
        (b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff", 0, "form.encoding"),
        (b"\x58\x01a", 0, "form.encoding"),
        (b"\x1c", 0, "form.encoding"),
        (b"\x1f", 0, "form.encoding"),
        (b"\xdf", 0, "form.encoding"),
        (b"\xff", 0, "form.encoding"),
        (b"\x81\xff", 1, "form.encoding"),
        (b"\x5f\x41a\xff", 0, "form.encoding"),
        (b"\x7f\x61a\xff", 0, "form.encoding"),
        (b"\x62\xc3\x28", 0, "form.encoding"),
        (b"\xf8\x1f", 0, "form.encoding"),
        (b"\xa1\x80\x00", 1, "form.encoding"),
        (b"\xa1\xf6\x00", 1, "form.encoding"),
        (b"\xa1\xc0\x00\x00", 1, "form.encoding"),
        (b"\xbf\x00\xff", 2, "form.encoding"),
        (b"\xa2\x00\x01\x00\x02", 3, "form.duplicate"),
        (b"\xbf\x61a\x01\x61a\x02\xff", 4, "form.duplicate"),
        (b"\x81\xa2\x20\x01\x20\x02", 4, "form.duplicate"),
        (b"\x00\x00", 1, "form.length"),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 0, "form.budget"),
        (b"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00", 8, "form.budget"),
        (b"\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\x00", 8, "form.budget"),
    ] {
        let error = skips(item, Lengths::Any).unwrap_err();
        assert_eq!((error.offset, error.check_id()), (offset, id), "{item:02x?}: {error}");
    }
    let long = [&[0x9f][..], &[0; MAX_SKIPPED + 1], &[0xff]].concat();
    assert_eq!(skips(&long, Lengths::Any).unwrap_err().check_id(), "form.budget");
    assert!(Foreign::new("test", &[0; 3], 2, Lengths::Any).is_err());
}

#[test]
fn lengths_are_definite_where_the_caller_says_so() {
    for item in [&b"\x9f\xff"[..], b"\xbf\xff", b"\x81\x9f\xff"] {
        assert!(skips(item, Lengths::Any).is_ok());
        assert_eq!(skips(item, Lengths::Definite).unwrap_err().check_id(), "form.encoding");
    }
}

#[test]
fn items_are_read_as_what_they_are() {
    let bytes = b"\xd2\x85\x38\x22\xf6\x41a\x18\x20\x61b";
    let mut r = reader(bytes, Lengths::Definite);
    assert_eq!(r.tag("tag"), Ok(Some(18)));
    assert_eq!(r.tag("tag"), Ok(None));
    let mut seen = vec![];
    let count = r.array("array", 5, |r| {
        match seen.len() {
            0 => assert_eq!(r.int("int"), Ok(-35)),
            1 => assert_eq!(r.bytes_or_null("null"), Ok(None)),
            2 => assert_eq!(r.bytes_or_null("bytes"), Ok(Some(&b"a"[..]))),
            3 => assert_eq!(r.uint("uint"), Ok(32)),
            _ => assert_eq!(r.text("text"), Ok("b")),
        }
        seen.push(r.offset());
        Ok(())
    });
    assert_eq!((count, seen.last()), (Ok(5), Some(&bytes.len())));
    assert!(reader(b"\x20", Lengths::Any).uint("uint").is_err());
    assert!(reader(b"\x60", Lengths::Any).bytes("bytes").is_err());
    assert!(reader(b"\x40", Lengths::Any).text("text").is_err());
    assert!(reader(b"\xf7", Lengths::Any).bytes_or_null("bytes").is_err());
    assert!(reader(b"\xf4", Lengths::Any).int("int").is_err());
}
