//! The chain: root, intermediate, leaf.

use super::{PRODUCTS, Suite, chip, lower};
use crate::der_out::{ia5, null, octets, printable, seq, uint, utf8};
use crate::ext::{Ext, oid};
use crate::keys::{self, P256_SPKI};
use crate::pki::{CertSpec, ca_name, name};
use crate::platform::{Line, Platform, Product, Role};
use crate::sign::{Hash, Scheme};

pub(super) fn add(suite: &mut Suite) {
    anchor(suite);
    intermediate(suite);
    leaf(suite);
    extensions(suite);
}

/// Adds a positive case for each product and each kind of key: every check of the chain holds.
fn positives(suite: &mut Suite, checks: &[&str], supplied: bool) {
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        for vlek in [false, true] {
            let (evidence, vek, role) = match vlek {
                false => (report.signed_with(&chip.vcek_key()), chip.vcek().build(), Role::Ask),
                true => (chip.vlek_report(5).signed_with(&chip.vlek_key()), chip.vlek().build(), Role::Asvk),
            };
            let ca = CertSpec::ca(product.line(), role).serial(0x7777).build();
            let name = format!("{}-{}", lower(product), if vlek { "vlek" } else { "vcek" });
            for check in checks {
                // A re-issued intermediate is not the pinned one, so its signature is looked at.
                let store = if supplied { vec![vek.clone(), ca.clone()] } else { vec![vek.clone()] };
                suite
                    .case(check, &name, "a chain as AMD issues it", evidence.clone())
                    .store(store)
                    .accepted();
            }
        }
    }
}

fn anchor(suite: &mut Suite) {
    positives(suite, &["snp.anchor.known", "snp.anchor.validity"], false);
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        let line = product.line();
        let evidence = report.signed_with(&chip.vcek_key());
        let own = chip.vcek().signed_by(&keys::ASK_ROGUE).build();
        let [ark, ask] = [Role::Ark, Role::Ask].map(|role| CertSpec::rogue_ca(line, role).build());
        suite
            .case(
                "snp.anchor.known",
                &format!("{}-own-chain", lower(product)),
                "a self-made chain with AMD's names",
                evidence.clone(),
            )
            .store([own, ask, ark.clone()])
            .also(&["snp.ca.signature"]);
        suite
            .case(
                "snp.anchor.known",
                &format!("{}-stranger", lower(product)),
                "a genuine leaf beside a root of AMD's name",
                evidence.clone(),
            )
            .store([chip.vcek().build(), ark]);
        let stray = CertSpec::ca(line, Role::Ask).issuer("ARK-Nowhere").signed_by(&keys::ARK_ROGUE).build();
        suite
            .case(
                "snp.anchor.known",
                &format!("{}-nowhere", lower(product)),
                "an intermediate under a root that nobody knows",
                evidence.clone(),
            )
            .store([chip.vcek().build(), stray]);

        let old = |spec: CertSpec| spec.valid("2000-01-01T00:00:00Z", "2049-12-31T23:59:59Z").build();
        let (vek, ca) = (old(chip.vcek()), old(CertSpec::ca(line, Role::Ask)));
        for (when, time) in [("before", "2015-01-01T00:00:00Z"), ("after", "2049-06-01T00:00:00Z")] {
            suite
                .case(
                    "snp.anchor.validity",
                    &format!("{}-{when}", lower(product)),
                    "the root is not valid now",
                    evidence.clone(),
                )
                .store([vek.clone(), ca.clone()])
                .at(time);
        }
    }
}

fn intermediate(suite: &mut Suite) {
    positives(
        suite,
        &[
            "snp.ca.kind",
            "snp.ca.issuer",
            "snp.ca.constraints",
            "snp.ca.key",
            "snp.ca.signature",
            "snp.ca.validity",
        ],
        true,
    );
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        let line = product.line();
        let evidence = report.signed_with(&chip.vcek_key());
        let vlek_evidence = chip.vlek_report(5).signed_with(&chip.vlek_key());
        let named = |what: &str| format!("{}-{what}", lower(product));

        for other in Line::ALL.into_iter().filter(|other| *other != line) {
            // The genuine intermediate comes first; the one that signed names another line's root.
            let stray = CertSpec::ca(line, Role::Ask)
                .key(&keys::ASK_ROGUE)
                .issuer(&ca_name(other, Role::Ark))
                .signed_by(keys::ca(other, Role::Ark));
            suite
                .case(
                    "snp.ca.issuer",
                    &named(other.name()),
                    "the intermediate names another line's root",
                    evidence.clone(),
                )
                .store([
                    chip.vcek().signed_by(&keys::ASK_ROGUE).build(),
                    CertSpec::ca(line, Role::Ask).build(),
                    stray.build(),
                ])
                .also(&["snp.ca.kind", "snp.ca.signature"]);
        }

        let by_asvk =
            chip.vcek().issuer(&ca_name(line, Role::Asvk)).signed_by(keys::ca(line, Role::Asvk)).build();
        suite
            .case("snp.ca.kind", &named("asvk-for-vcek"), "an ASVK issued a VCEK", evidence.clone())
            .store([by_asvk]);
        let by_ask =
            chip.vlek().issuer(&ca_name(line, Role::Ask)).signed_by(keys::ca(line, Role::Ask)).build();
        suite
            .case("snp.ca.kind", &named("ask-for-vlek"), "an ASK issued a VLEK", vlek_evidence.clone())
            .store([by_ask]);

        let mut with_ca = |check: &str, what: &str, why: &str, ca: CertSpec, also: &[&str]| {
            suite
                .case(check, &named(what), why, evidence.clone())
                .store([chip.vcek().build(), ca.build()])
                .also(also);
        };
        let ask = || CertSpec::ca(line, Role::Ask);
        let constraints = "snp.ca.constraints";
        with_ca(constraints, "no-basic", "no BasicConstraints", ask().without(oid::BASIC_CONSTRAINTS), &[]);
        with_ca(constraints, "no-usage", "no KeyUsage", ask().without(oid::KEY_USAGE), &[]);
        with_ca(
            constraints,
            "mild",
            "BasicConstraints that are not critical",
            ask().marking(oid::BASIC_CONSTRAINTS, false),
            &[],
        );
        with_ca(constraints, "not-ca", "not a CA", ask().replacing(oid::BASIC_CONSTRAINTS, seq(&[])), &[]);
        with_ca(
            constraints,
            "long-path",
            "a path length of 1",
            ask().replacing(oid::BASIC_CONSTRAINTS, Ext::ca(Some(1)).value),
            &[],
        );
        with_ca(
            constraints,
            "any-path",
            "no path length",
            ask().replacing(oid::BASIC_CONSTRAINTS, Ext::ca(None).value),
            &[],
        );
        with_ca(
            constraints,
            "crl-only",
            "may sign CRLs only",
            ask().replacing(oid::KEY_USAGE, Ext::key_usage([1, 2]).value),
            &[],
        );

        let signature = "snp.ca.signature";
        with_ca(signature, "flipped", "a flipped bit", ask().flip_signature(7, 1), &[]);
        with_ca(signature, "rogue", "another root's signature", ask().signed_by(&keys::ARK_ROGUE), &[]);
        with_ca(signature, "salt-32", "32 bytes of salt, as it says", ask().scheme(Scheme::salt(32)), &[]);
        with_ca(
            signature,
            "salt-hidden",
            "32 bytes of salt, and says 48",
            ask().signed_as(Scheme::salt(32)),
            &[],
        );
        with_ca(signature, "pkcs1", "RSASSA-PKCS1-v1_5", ask().scheme(Scheme::Pkcs1v15(Hash::Sha384)), &[]);

        with_ca(
            "snp.ca.validity",
            "future",
            "not valid yet",
            ask().valid("2026-01-15T12:00:01Z", "2047-01-01T00:00:00Z"),
            &[],
        );
        with_ca(
            "snp.ca.validity",
            "past",
            "no longer valid",
            ask().valid("2020-01-01T00:00:00Z", "2026-01-15T11:59:59Z"),
            &[],
        );

        for vlek in [false, true] {
            let role = if vlek { Role::Asvk } else { Role::Ask };
            let (leaf, evidence) =
                if vlek { (chip.vlek(), &vlek_evidence) } else { (chip.vcek(), &evidence) };
            suite
                .case(
                    "snp.ca.key",
                    &named(if vlek { "2048-vlek" } else { "2048-vcek" }),
                    "an intermediate with 2048 bits",
                    evidence.clone(),
                )
                .store([
                    leaf.signed_by(&keys::SMALL).build(),
                    CertSpec::ca(line, role).key(&keys::SMALL).build(),
                ]);
        }
    }
}

fn leaf(suite: &mut Suite) {
    positives(
        suite,
        &[
            "snp.vek.subject",
            "snp.vek.issuer",
            "snp.vek.profile",
            "snp.vek.key",
            "snp.vek.signature-algorithm",
            "snp.vek.signature",
            "snp.vek.validity",
        ],
        false,
    );
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        let line = product.line();
        let evidence = report.signed_with(&chip.vcek_key());
        let named = |what: &str| format!("{}-{what}", lower(product));
        let mut bad = |check: &str, what: &str, why: &str, vek: CertSpec| {
            suite.case(check, &named(what), why, evidence.clone()).store([vek.build()]);
        };
        subjects(&chip, &mut bad);
        let vek = || chip.vcek();
        let profile = "snp.vek.profile";
        bad(profile, "critical", "a critical extension", vek().marking(oid::HWID, true));
        bad(profile, "ca", "says that it is a CA", vek().adding(Ext::ca(None)));
        bad(
            profile,
            "basic",
            "has BasicConstraints",
            vek().adding(Ext::new(oid::BASIC_CONSTRAINTS, seq(&[]))),
        );
        bad(
            profile,
            "usage",
            "has a KeyUsage",
            vek().adding(Ext::new(oid::KEY_USAGE, Ext::key_usage([7, 0x80]).value)),
        );
        bad(
            profile,
            "unknown-critical",
            "a critical extension that nobody knows",
            vek().adding(Ext::critical("1.2.3.4", null())),
        );

        let with_key = |spki: Vec<u8>| vek().with(|spec| spec.spki = spki);
        let point = chip.vcek_key().sec1();
        let compressed = [&[0x02 | (point[96] & 1)], &point[1..49]].concat();
        let hybrid = [&[0x06 | (point[96] & 1)], &point[1..]].concat();
        bad("snp.vek.key", "p256", "a P-256 key", with_key(P256_SPKI.clone()));
        bad("snp.vek.key", "rsa", "an RSA key", with_key(keys::SMALL.spki()));
        bad(
            "snp.vek.key",
            "compressed",
            "a compressed point",
            with_key(keys::ec_spki("1.3.132.0.34", &compressed)),
        );
        bad("snp.vek.key", "hybrid", "a hybrid point", with_key(keys::ec_spki("1.3.132.0.34", &hybrid)));
        bad(
            "snp.vek.key",
            "p521",
            "a point that says P-521",
            with_key(keys::ec_spki("1.3.132.0.35", &point)),
        );

        let algorithm = "snp.vek.signature-algorithm";
        let pss = |hash, mgf, salt| Scheme::Pss { hash, mgf, salt, trailer: false };
        bad(algorithm, "salt-32", "32 bytes of salt", vek().scheme(Scheme::salt(32)));
        bad(algorithm, "sha-256", "SHA-256", vek().scheme(pss(Hash::Sha256, Hash::Sha256, 32)));
        bad(algorithm, "sha-512", "SHA-512", vek().scheme(pss(Hash::Sha512, Hash::Sha512, 64)));
        bad(
            algorithm,
            "mgf-sha-256",
            "another hash in the mask",
            vek().scheme(pss(Hash::Sha384, Hash::Sha256, 48)),
        );
        bad(algorithm, "pkcs1", "RSASSA-PKCS1-v1_5", vek().scheme(Scheme::Pkcs1v15(Hash::Sha384)));

        let signature = "snp.vek.signature";
        bad(signature, "flipped-first", "a flipped bit", vek().flip_signature(0, 1));
        bad(signature, "flipped-last", "a flipped bit", vek().flip_signature(511, 0x80));
        bad(signature, "rogue", "another intermediate's signature", vek().signed_by(&keys::ASK_ROGUE));
        bad(signature, "by-root", "the root's signature", vek().signed_by(keys::ca(line, Role::Ark)));
        bad(signature, "salt-hidden", "32 bytes of salt, and says 48", vek().signed_as(Scheme::salt(32)));

        let old = || chip.vcek().scheme(Scheme::AMD_TRAILER).build();
        suite
            .case(
                signature,
                &named("trailer-field"),
                "the trailer field written out, as AMD did until 2024",
                evidence.clone(),
            )
            .store([old()])
            .accepted();
        for (what, time) in [("before", "2025-07-17T17:04:45Z"), ("after", "2032-07-17T17:04:47Z")] {
            suite
                .case("snp.vek.validity", &named(what), "one second outside", evidence.clone())
                .store([chip.vcek().build()])
                .at(time);
        }
        for (what, time) in [("first", "2025-07-17T17:04:46Z"), ("last", "2032-07-17T17:04:46Z")] {
            suite
                .case("snp.vek.validity", &named(what), "the second on the edge", evidence.clone())
                .store([chip.vcek().build()])
                .at(time)
                .accepted();
        }
        issuers(suite, &chip, &evidence);
    }
}

fn subjects(chip: &Platform, bad: &mut impl FnMut(&str, &str, &str, CertSpec)) {
    let parts = |organisation: &str, unit: &str, common_name: &str| {
        name(&[
            ("2.5.4.11", utf8(unit)),
            ("2.5.4.6", printable("US")),
            ("2.5.4.7", utf8("Santa Clara")),
            ("2.5.4.8", utf8("CA")),
            ("2.5.4.10", utf8(organisation)),
            ("2.5.4.3", utf8(common_name)),
        ])
    };
    let amd = "Advanced Micro Devices";
    let subjects = [
        ("other-name", "another common name", parts(amd, "Engineering", "SEV-VCEK2")),
        (
            "other-organisation",
            "another organisation",
            parts("Advanced Micro Devices, Inc.", "Engineering", "SEV-VCEK"),
        ),
        ("other-unit", "another unit", parts(amd, "Marketing", "SEV-VCEK")),
        ("name-alone", "the common name alone", name(&[("2.5.4.3", utf8("SEV-VCEK"))])),
        ("name-first", "the parts in another order", {
            name(&[
                ("2.5.4.3", utf8("SEV-VCEK")),
                ("2.5.4.11", utf8("Engineering")),
                ("2.5.4.6", printable("US")),
                ("2.5.4.7", utf8("Santa Clara")),
                ("2.5.4.8", utf8("CA")),
                ("2.5.4.10", utf8(amd)),
            ])
        }),
    ];
    for (what, why, subject) in subjects {
        bad("snp.vek.subject", what, why, chip.vcek().with(|spec| spec.subject = subject));
    }
}

fn issuers(suite: &mut Suite, chip: &Platform, evidence: &[u8]) {
    let line = chip.product.line();
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let asvk = CertSpec::ca(line, Role::Asvk).build();
    suite
        .case("snp.vek.issuer", &named("asvk-supplied"), "the ASVK in place of the ASK", evidence.to_vec())
        .store([chip.vcek().build(), asvk.clone()])
        .also(&["snp.vek.signature"]);
    // The stranger did sign it: only the name is wrong.
    suite
        .case(
            "snp.vek.issuer",
            &named("asvk-signed"),
            "signed by the ASVK, and names the ASK",
            evidence.to_vec(),
        )
        .store([chip.vcek().signed_by(keys::ca(line, Role::Asvk)).build(), asvk])
        .also(&["snp.ca.kind"]);
    // Five intermediates of the line, the right one last: names decide which are tried.
    let others = (0..4).map(|number| CertSpec::ca(line, Role::Asvk).serial(0x9000 + number).build());
    suite
        .case("snp.vek.issuer", &named("among-others"), "the ASK behind four ASVKs", evidence.to_vec())
        .store([chip.vcek().build()].into_iter().chain(others).chain([CertSpec::ca(line, Role::Ask).build()]))
        .accepted();
    // A fleet's certificates, this chip's last: those of other chips, other levels and the other kind are not even tried.
    let other = |number: u8| {
        let hwid = chip.hwid.iter().map(|octet| octet ^ (number + 1)).collect::<Vec<u8>>();
        chip.vcek().replacing(oid::HWID, hwid).build()
    };
    let older = |number: u8| {
        let level = chip.product.tcb().snp - 1 - number;
        chip.vcek().replacing(oid::SPL_SNP, uint(u64::from(level))).build()
    };
    let fleet = (0..5).map(other).chain((0..5).map(older)).chain([chip.vlek().build()]);
    suite
        .case("snp.vek.hwid", &named("in-a-fleet"), "one VCEK behind eleven others", evidence.to_vec())
        .store(fleet.chain([chip.vcek().build()]))
        .accepted();
}

fn extensions(suite: &mut Suite) {
    positives(suite, &["snp.vek.extensions", "snp.vek.struct-version", "snp.vek.product-name"], false);
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        let turin = product == Product::Turin;
        let evidence = report.signed_with(&chip.vcek_key());
        let vlek_evidence = chip.vlek_report(5).signed_with(&chip.vlek_key());
        let named = |what: &str| format!("{}-{what}", lower(product));
        let check = "snp.vek.extensions";
        let mut bad = |evidence: &[u8], check: &str, what: &str, why: &str, vek: CertSpec, also: &[&str]| {
            suite.case(check, &named(what), why, evidence.to_vec()).store([vek.build()]).also(also);
        };
        for (what, id, also) in [
            ("no-struct-version", oid::STRUCT_VERSION, "snp.vek.struct-version"),
            ("no-product-name", oid::PRODUCT_NAME, "snp.vek.product-name"),
            ("no-bootloader", oid::SPL_BOOTLOADER, ""),
            ("no-tee", oid::SPL_TEE, ""),
            ("no-snp", oid::SPL_SNP, ""),
            ("no-microcode", oid::SPL_MICROCODE, ""),
            ("no-hwid", oid::HWID, ""),
        ] {
            let also: &[&str] = if also.is_empty() { &[] } else { &[also] };
            bad(&evidence, check, what, "an extension is missing", chip.vcek().without(id), also);
        }
        if turin {
            bad(
                &evidence,
                check,
                "no-fmc",
                "the FMC level is missing",
                chip.vcek().without(oid::SPL_FMC),
                &[],
            );
        } else {
            let vek = chip.vcek().adding(Ext::new(oid::SPL_FMC, uint(0)));
            bad(&evidence, check, "fmc", "an FMC level where none belongs", vek, &[]);
        }
        let both = chip.vcek().adding(Ext::new(oid::CSP_ID, ia5("CN=nobody")));
        bad(&evidence, check, "csp-id", "a CSP id in a VCEK", both, &[]);
        bad(&vlek_evidence, check, "no-csp-id", "no CSP id in a VLEK", chip.vlek().without(oid::CSP_ID), &[]);
        let empty = chip.vlek().replacing(oid::CSP_ID, ia5(""));
        bad(&vlek_evidence, check, "empty-csp-id", "an empty CSP id", empty, &[]);
        let both = chip.vlek().adding(Ext::new(oid::HWID, chip.hwid.clone()));
        bad(&vlek_evidence, check, "hwid", "a HWID in a VLEK", both, &[]);

        for version in [u64::from(!turin), 2, 255] {
            let vek = chip.vcek().replacing(oid::STRUCT_VERSION, uint(version));
            bad(
                &evidence,
                "snp.vek.struct-version",
                &version.to_string(),
                "another line's version",
                vek,
                &[],
            );
        }
        for other in ["Milan-B0", "Genoa", "Turin", "turin", "milan-B0", "", "Genoa2"] {
            if other.split('-').next() == Some(product.line().name()) {
                continue;
            }
            let vek = chip.vcek().replacing(oid::PRODUCT_NAME, ia5(other));
            bad(
                &evidence,
                "snp.vek.product-name",
                &format!("says-{other}"),
                "another product's name",
                vek,
                &[],
            );
        }
        let unknown = chip.vcek().adding(Ext::new("1.3.6.1.4.1.3704.1.77", octets(b"later"))).build();
        suite
            .case(check, &named("unknown-arc"), "an arc of AMD's that is not known yet", evidence.clone())
            .store([unknown])
            .accepted();
    }
}
