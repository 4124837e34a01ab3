//! Shape: lengths, reserved bytes, padding, tables, encodings.

use super::{PRODUCTS, Suite, chip, lower, signed};
use crate::der_out::{ia5, octets, pem, splice, tlv};
use crate::platform::Product;
use crate::report::SigEdit;
use crate::table::TableSpec;
use crate::{CertSpec, Ext, Role, oid};

pub(super) fn add(suite: &mut Suite) {
    wire(suite);
    lengths(suite);
    tables(suite);
    encodings(suite);
    certificates(suite);
}

fn wire(suite: &mut Suite) {
    for product in PRODUCTS {
        for version in 2..=5 {
            if product == Product::Turin && version == 2 {
                continue; // no Turin firmware writes version 2
            }
            let chip = crate::Platform::new(product);
            let (report, vek) = signed(&chip, &chip.report(version));
            let name = format!("{}-v{version}", lower(product));
            for check in ["snp.wire.version", "snp.wire.reserved", "snp.wire.signature-padding"] {
                suite
                    .case(check, &name, "a report as firmware writes it", report.clone())
                    .store([vek.clone()])
                    .accepted();
            }
        }
    }
    let (genoa, report) = chip(Product::Genoa);
    let (good, vek) = signed(&genoa, &report);
    for version in 1..=5_u8 {
        let turned = splice(&good, 0, 4, &[0, 0, 0, version]);
        suite
            .case(
                "snp.wire.version",
                &format!("big-endian-{version}"),
                "VERSION is written in big-endian order",
                turned,
            )
            .store([vek.clone()])
            .exit(30);
    }
    for (version, reason) in [(0_u32, "no firmware writes version 0"), (1, "version 1 is pre-production")] {
        let report = splice(&good, 0, 4, &version.to_le_bytes());
        suite
            .case("evidence.version", &format!("version-{version}"), reason, report)
            .store([vek.clone()])
            .exit(20);
    }
    // The reserved rows, with the version in which each is reserved; signed, so that nothing else is wrong.
    let rows = [
        (5, 0x04c),
        (5, 0x04f),
        (2, 0x188),
        (2, 0x18a),
        (5, 0x18b),
        (5, 0x19f),
        (5, 0x1eb),
        (5, 0x1ef),
        (4, 0x1f8),
        (3, 0x207),
        (5, 0x208),
        (5, 0x29f),
    ];
    for (version, offset) in rows {
        let report = genoa.report(version).patch(offset, &[1]);
        let (report, vek) = signed(&genoa, &report);
        suite
            .case("snp.wire.reserved", &format!("v{version}-{offset:03x}"), "a reserved byte is set", report)
            .store([vek])
            .exit(30);
    }
    let edits = [
        ("r-first", SigEdit::PadR(0, 1)),
        ("r-last", SigEdit::PadR(23, 0x80)),
        ("s-first", SigEdit::PadS(0, 1)),
        ("s-last", SigEdit::PadS(23, 0x80)),
        ("tail-first", SigEdit::Tail(0, 1)),
        ("tail-last", SigEdit::Tail(367, 1)),
    ];
    for (name, edit) in edits {
        let (report, vek) = signed(&genoa, &report.clone().edit_signature(edit));
        suite
            .case("snp.wire.signature-padding", name, "a byte that nothing signs is set", report)
            .store([vek])
            .exit(30);
    }
}

fn lengths(suite: &mut Suite) {
    let (genoa, report) = chip(Product::Genoa);
    let (good, vek) = signed(&genoa, &report);
    for length in [4, 0x50, 0x1f8, 0x2a0, 0x330, 1183] {
        suite
            .case(
                "form.length",
                &format!("{length}-bytes"),
                "the report ends too early",
                good[..length].to_vec(),
            )
            .store([vek.clone()])
            .exit(30);
    }
    let longer = [good.as_slice(), &[0]].concat();
    suite.case("form.length", "1185-bytes", "a byte too many", longer).store([vek]).exit(30);
    suite.case("evidence.format", "text", "no evidence at all", b"certainly not a report".to_vec()).exit(20);
    suite.case("evidence.format", "empty", "nothing", Vec::new()).exit(20);
}

fn tables(suite: &mut Suite) {
    let (genoa, report) = chip(Product::Genoa);
    let (good, vek) = signed(&genoa, &report);
    let [ark, ask] = [Role::Ark, Role::Ask].map(|role| CertSpec::ca(Product::Genoa.line(), role).build());
    let table = TableSpec::chain(&ark, &ask, &vek);
    let with = |table: &TableSpec| [good.clone(), table.build()].concat();
    let check = "snp.table.entry";
    suite.case(check, "chain", "a whole chain in the table, as hosts hand it out", with(&table)).accepted();
    let mixed = table.clone().mixed_endian();
    suite
        .case(check, "mixed-endian", "GUIDs in Windows' order, as some hosts write them", with(&mixed))
        .accepted();
    for (name, why, broken) in [
        ("wraps", "offset and length wrap around", table.clone().wrapping(1)),
        ("in-header", "data inside the header", table.clone().inside_header(0)),
        ("overlaps", "data over the data of another entry", table.clone().overlapping(1)),
        ("past-end", "data past the end", table.clone().past_end(2)),
        ("empty", "an entry without data", table.clone().with(|spec| spec.entries[2].length = Some(0))),
        ("header-over-second", "the second entry's data inside the header", table.clone().inside_header(1)),
    ] {
        suite.case(check, name, why, with(&broken)).exit(30);
    }
    let twice = table.clone().duplicating(2);
    suite.case("form.duplicate", "table-guid", "one GUID twice", with(&twice)).exit(30);
    let endless = [good.clone(), vec![0; 23]].concat();
    suite.case("form.length", "table-without-end", "a table without its last, empty entry", endless).exit(30);
    let many = [good.clone(), TableSpec::many(1000).build()].concat();
    suite.case("form.budget", "table-entries", "a thousand entries", many).exit(30);
    let large = [good.clone(), vec![0; 100_000]].concat();
    suite.case("form.budget", "table-bytes", "a table of 100,000 bytes", large).exit(30);
}

fn encodings(suite: &mut Suite) {
    let check = "snp.vek.encoding";
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        let evidence = report.signed_with(&chip.vcek_key());
        let name = lower(product);
        let plain = chip.vcek().build();
        suite
            .case(check, &format!("{name}-raw-hwid"), "HWID as raw octets", evidence.clone())
            .store([plain])
            .accepted();
        let wrapped = chip.vcek().replacing(oid::HWID, octets(&chip.hwid)).build();
        suite
            .case(
                check,
                &format!("{name}-wrapped-hwid"),
                "HWID in the OCTET STRING that AMD announced",
                evidence.clone(),
            )
            .store([wrapped])
            .accepted();
        let spl_4 = "1.3.6.1.4.1.3704.1.3.4";
        let reserved = chip.vcek().with(|spec| {
            spec.extensions.retain(|extension| extension.oid != spl_4);
            spec.extensions.push(Ext::new(spl_4, vec![0x02, 0x02, 0x00, 0x01]));
        });
        suite
            .case(check, &format!("{name}-reserved-level"), "spl_4 is no canonical INTEGER", evidence.clone())
            .store([reserved.build()])
            .exit(30);
        let len = chip.hwid.len() as u8;
        let longer = [chip.hwid.clone(), vec![0]].concat();
        let shorter = chip.hwid[1..].to_vec();
        let short_inside = [&[0x04, len], &chip.hwid[1..]].concat();
        let short_in_name = [&[0x04, len - 1], &chip.hwid[..]].concat();
        for (what, hwid) in [
            ("long", longer),
            ("short", shorter),
            ("short-wrapped", short_inside),
            ("short-in-name", short_in_name),
        ] {
            let vek = chip.vcek().replacing(oid::HWID, hwid).build();
            suite
                .case(check, &format!("{name}-{what}-hwid"), "HWID of another length", evidence.clone())
                .store([vek])
                .exit(30);
        }
        for (what, value) in [
            ("negative", vec![0x02, 0x01, 0x80]),
            ("not-minimal", vec![0x02, 0x02, 0x00, 0x7f]),
            ("three-octets", vec![0x02, 0x03, 0x00, 0x01, 0x00]),
            ("octet-string", vec![0x04, 0x01, 0x04]),
        ] {
            let vek = chip.vcek().replacing(oid::SPL_SNP, value).build();
            suite
                .case(
                    check,
                    &format!("{name}-{what}-level"),
                    "a level that is no INTEGER from 0 to 255",
                    evidence.clone(),
                )
                .store([vek])
                .exit(30);
        }
        let long = [&[0x16, 0x80][..], &[b'a'; 0x80]].concat();
        for (what, value) in [
            ("utf8", tlv(0x0c, b"Genoa")),
            ("latin", tlv(0x16, b"Geno\xe4")),
            ("cut", [&[0x16, 0x06], &b"Genoa"[..]].concat()),
            ("endless", long),
        ] {
            let vek = chip.vcek().replacing(oid::PRODUCT_NAME, value).build();
            suite
                .case(
                    check,
                    &format!("{name}-{what}-product"),
                    "a product name that is no IA5String",
                    evidence.clone(),
                )
                .store([vek])
                .exit(30);
        }
    }
}

/// Certificates and CRLs that are not what they should be, whoever signed them.
fn certificates(suite: &mut Suite) {
    let (genoa, report) = chip(Product::Genoa);
    let (good, vek) = signed(&genoa, &report);
    let mut bad = |check: &str, name: &str, why: &str, blob: Vec<u8>| {
        suite.case(check, name, why, good.clone()).store([blob]).exit(30);
    };
    bad("form.der", "cut", "a certificate that ends too early", vek[..vek.len() - 1].to_vec());
    bad("form.der", "trailing", "bytes after the certificate that are no DER", [&vek[..], &[0x05]].concat());
    bad("form.der", "version-1", "an X.509 version 1 certificate", genoa.vcek().version(0).build());
    bad("form.der", "indefinite", "indefinite length", splice(&vek, 1, 3, &[0x80]));
    let long_form = genoa.vcek().with(|spec| spec.serial = vec![0x02, 0x02, 0x00, 0x01]);
    bad("form.der", "serial-not-minimal", "a serial number with a zero in front", long_form.build());
    let other = crate::Scheme::AMD_TRAILER.algorithm();
    let unequal = genoa.vcek().with(|spec| spec.outer_algorithm = other);
    bad("form.der", "two-algorithms", "one signature algorithm inside, another outside", unequal.build());
    let text = genoa.vcek().with(|spec| spec.validity = crate::der_out::seq(&[&ia5("now"), &ia5("later")]));
    bad("form.der", "validity", "dates that are no dates", text.build());
    bad("form.duplicate", "extension", "an extension twice", genoa.vcek().duplicating(oid::HWID).build());
    let large = genoa.vcek().adding(Ext::new("1.2.3.4", vec![0; 20_000]));
    bad("form.budget", "certificate", "a certificate of over 16 KiB", large.build());
    bad("form.encoding", "pem-key", "a PEM file with a key in it", pem("PRIVATE KEY", &vek).into_bytes());
    let mut broken = pem("CERTIFICATE", &vek).into_bytes();
    broken.truncate(200);
    bad("form.encoding", "pem-cut", "a PEM file that ends too early", broken);
    let two = [
        pem("CERTIFICATE", &vek),
        pem("CERTIFICATE", &CertSpec::ca(Product::Genoa.line(), Role::Ask).build()),
    ];
    suite
        .case("snp.vek.signature", "pem-of-two", "a PEM file with the leaf and its issuer", good.clone())
        .store([two.concat().into_bytes()])
        .accepted();
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        suite
            .case(
                "collateral.absent",
                &lower(product),
                "no certificate at all",
                report.signed_with(&chip.vcek_key()),
            )
            .exit(12);
    }
}
