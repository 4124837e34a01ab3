//! The cases of `vectors/measurements`: bundles and signature files, good ones and each with one thing wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::certificate::{bent, logged_often, purposes};
use super::{
    ARTIFACT, BundleSpec, IDENTITY, ISSUER, TimestampSpec, certificate_log_key, head, leaf, logged, sha256,
    sign, signing_key, timestamp_authority, trusted_root,
};
use crate::der_out::{base64, context_primitive, pem, seq, utf8};
use crate::keys::{P256Key, P384Key};
use crate::{CertSpec, time};

/// The steps, as the verifier calls them.
mod step {
    pub(super) const ARTIFACT_DIGEST: &str = "artifact digest";
    pub(super) const CERTIFICATE: &str = "signing certificate";
    pub(super) const CERTIFICATE_LOG: &str = "certificate transparency";
    pub(super) const CHECKPOINT: &str = "log checkpoint";
    pub(super) const IDENTITY: &str = "signer";
    pub(super) const INCLUSION: &str = "inclusion proof";
    pub(super) const LOG: &str = "log";
    pub(super) const LOG_ENTRY: &str = "log entry";
    pub(super) const PROMISE: &str = "signed entry timestamp";
    pub(super) const SIGNATURE: &str = "signature";
    pub(super) const STATEMENT: &str = "statement";
    pub(super) const TIME: &str = "signing time";
    pub(super) const TIMESTAMP: &str = "timestamp";
}

/// In place of a step: something does not have its form.
const FORM: &str = "form";

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
const PROOF: &str = "/verificationMaterial/tlogEntries/0/inclusionProof";

/// Cases in order, and the roots that they name.
#[derive(Default)]
struct Bundles {
    cases: Vec<Value>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundles {
    fn add(&mut self, id: &str, root: &str, bundle: &Value, step: Option<&str>) {
        let keyless = bundle.pointer("/verificationMaterial/certificate").is_some();
        self.add_as(id, root, bundle, keyless, step);
    }

    fn add_as(&mut self, id: &str, root: &str, bundle: &Value, keyless: bool, step: Option<&str>) {
        let file = format!("bundles/{id}.json");
        self.files.insert(file.clone(), text(bundle));
        let mut case = json!({
            "artifact": "artifact.txt",
            "bundle": file,
            "expect": {"valid": step.is_none()},
            "id": id,
            "mode": if keyless { "keyless" } else { "key" },
            "trusted_root": root,
        });
        match step {
            // Where the form is wrong, no step says no.
            Some(FORM) => case["expect"]["form"] = true.into(),
            Some(step) => case["expect"]["step"] = step.into(),
            None => {}
        }
        if keyless {
            (case["identity"], case["issuer"]) = (IDENTITY.into(), ISSUER.into());
        } else {
            case["public_key"] = "key.pub".into();
        }
        self.cases.push(case);
    }

    fn good(&mut self, id: &str, spec: &BundleSpec) {
        self.add(id, ROOT, &spec.make(), None);
    }

    fn bad(&mut self, id: &str, step: &str, spec: &BundleSpec) {
        self.add(id, ROOT, &spec.make(), Some(step));
    }

    /// A good bundle that is changed once it is made.
    fn changed(&mut self, id: &str, step: &str, spec: &BundleSpec, change: impl FnOnce(&mut Value)) {
        let mut bundle = spec.make();
        let before = bundle.clone();
        change(&mut bundle);
        assert_ne!(before, bundle, "{id}: nothing was changed");
        self.add(id, ROOT, &bundle, Some(step));
    }

    /// A good bundle, and a root that is changed.
    fn root(&mut self, id: &str, step: Option<&str>, spec: &BundleSpec, change: impl FnOnce(&mut Value)) {
        let (mut root, file) = (trusted_root(), format!("roots/{id}.json"));
        change(&mut root);
        assert_ne!(root, trusted_root(), "{id}: nothing was changed");
        self.files.insert(file.clone(), text(&root));
        self.add(id, &file, &spec.make(), step);
    }
}

const ROOT: &str = "roots/all.json";

/// The files of `vectors/measurements`, by their paths.
pub fn files() -> BTreeMap<String, Vec<u8>> {
    let mut bundles = Bundles::default();
    entries(&mut bundles);
    signers(&mut bundles);
    certificates(&mut bundles);
    timestamps(&mut bundles);
    roots(&mut bundles);
    let Bundles { cases, mut files } = bundles;
    let group = |file: &str, about: &str| json!({"about": about, "cases_file": file});
    let manifest = json!({
        "about": "generated: a log, authorities and signers of a test PKI",
        "groups": {
            "manifest-sig": group("signatures.json", "signature files as cosign sign-blob --key writes them"),
            "sigstore": group("bundles.json", "bundles of version 0.3, offline; expect.step is the step that refuses"),
        },
        "topic": "measurement prediction",
    });
    files.extend([
        (ROOT.to_owned(), text(&trusted_root())),
        ("artifact.txt".to_owned(), ARTIFACT.into()),
        ("bundles.json".to_owned(), text(&json!({"cases": cases}))),
        ("key.pub".to_owned(), pem("PUBLIC KEY", &signing_key().spki()).into_bytes()),
        ("manifest.json".to_owned(), text(&manifest)),
        ("signatures.json".to_owned(), text(&json!({"cases": signature_files()}))),
    ]);
    files
}

fn text(value: &Value) -> Vec<u8> {
    let mut text = format!("{value:#}");
    text.push('\n');
    text.into_bytes()
}

fn at<'v>(bundle: &'v mut Value, path: &str) -> &'v mut Value {
    bundle.pointer_mut(path).unwrap_or_else(|| panic!("no {path}"))
}

fn other_key() -> P256Key {
    P256Key::from_label("other.test")
}

/// What the log says.
fn entries(to: &mut Bundles) {
    let managed = BundleSpec::managed();
    to.good("managed", &managed);
    to.good("managed-first-leaf", &managed.clone().with(|spec| spec.index = 0));
    to.good("managed-last-leaf", &managed.clone().with(|spec| spec.index = 10));
    to.good(
        "managed-only-leaf",
        &managed.clone().with(|spec| (spec.index, spec.leaves) = (0, vec![Vec::new()])),
    );
    let set_body = |change: &dyn Fn(&mut Value)| {
        managed.clone().with(|spec| {
            let mut body = spec.true_body();
            change(&mut body);
            spec.body = Some(body.to_string());
        })
    };
    let entry = step::LOG_ENTRY;
    let hash = "/spec/data/hash/value";
    to.bad("entry-other-digest", entry, &set_body(&|body| *at(body, hash) = "00".repeat(32).into()));
    let content = "/spec/signature/content";
    let other = base64(&sign(&signing_key(), b"another"));
    to.bad("entry-other-signature", entry, &set_body(&|body| *at(body, content) = other.clone().into()));
    let key = base64(pem("PUBLIC KEY", &other_key().spki()).as_bytes());
    let content = "/spec/signature/publicKey/content";
    to.bad("entry-other-key", entry, &set_body(&|body| *at(body, content) = key.clone().into()));
    to.bad("entry-other-kind", entry, &set_body(&|body| body["kind"] = "rekord".into()));
    let of_rekor_2 = set_body(&|body| body["apiVersion"] = "0.0.2".into())
        .with(|spec| spec.kind = Some(("hashedrekord", "0.0.2")));
    to.bad("entry-of-rekor-2", entry, &of_rekor_2);
    to.changed("entry-none", entry, &managed, |bundle| {
        *at(bundle, "/verificationMaterial/tlogEntries") = json!([]);
    });
    let second = managed.clone().with(|spec| spec.artifact = b"another".into()).entry();
    to.changed("entry-second-foreign", entry, &managed, |bundle| {
        at(bundle, "/verificationMaterial/tlogEntries").as_array_mut().expect("a list").push(second);
    });

    to.bad("log-unknown", step::LOG, &managed.clone().with(|spec| spec.log = other_key()));
    let promise = step::PROMISE;
    to.changed("promise-time", promise, &managed, |bundle| {
        at(bundle, ENTRY)["integratedTime"] = (managed.time + 1).to_string().into();
    });
    to.changed("promise-index", promise, &managed, |bundle| at(bundle, ENTRY)["logIndex"] = "1008".into());
    let foreign = managed.clone().with(|spec| spec.log = other_key()).entry()["inclusionPromise"].clone();
    to.changed("promise-foreign", promise, &managed, |bundle| {
        at(bundle, ENTRY)["inclusionPromise"] = foreign
    });

    let inclusion = step::INCLUSION;
    to.changed("proof-node", inclusion, &managed, |bundle| {
        at(bundle, PROOF)["hashes"][0] = base64(&[0; 32]).into();
    });
    to.changed("proof-short", inclusion, &managed, |bundle| {
        at(bundle, PROOF)["hashes"].as_array_mut().expect("a list").truncate(2);
    });
    to.changed("proof-index", inclusion, &managed, |bundle| at(bundle, PROOF)["logIndex"] = "5".into());

    let checkpoint = step::CHECKPOINT;
    let envelope = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";
    to.changed("checkpoint-size", checkpoint, &managed, |bundle| {
        at(bundle, PROOF)["treeSize"] = "12".into();
    });
    let note = managed.clone().with(|spec| spec.log = other_key()).checkpoint(11, &[0; 32]);
    to.changed("checkpoint-of-another-log", checkpoint, &managed, |bundle| {
        *at(bundle, envelope) = note.into()
    });
    let leaves: Vec<Vec<u8>> = managed.leaves.iter().map(|leaf| sha256(&[&[0], leaf])).collect();
    let note = managed.checkpoint(11, &head(&leaves));
    to.changed("checkpoint-of-another-tree", checkpoint, &managed, |bundle| {
        *at(bundle, envelope) = note.into();
    });
    to.bad(
        "checkpoint-origin",
        checkpoint,
        &managed.clone().with(|spec| spec.origin = "other.test - 42".into()),
    );
    to.changed("checkpoint-altered", checkpoint, &managed, |bundle| {
        let note = at(bundle, envelope).as_str().expect("text").replace(" - 42", " - 43");
        *at(bundle, envelope) = note.into();
    });
}

/// Who signed, and what.
fn signers(to: &mut Bundles) {
    let (managed, keyless) = (BundleSpec::managed(), BundleSpec::keyless());
    to.good("managed-statement", &managed.clone().with(|spec| spec.enveloped = true));
    to.good("keyless-statement", &keyless.clone().with(|spec| spec.enveloped = true));
    let elsewhere = |spec: &BundleSpec| spec.clone().with(|spec| spec.artifact = b"another".into());
    to.bad("artifact-another", step::ARTIFACT_DIGEST, &elsewhere(&managed));
    to.bad("statement-another", step::STATEMENT, &elsewhere(&managed).with(|spec| spec.enveloped = true));
    to.bad("signature-other-key", step::SIGNATURE, &managed.clone().with(|spec| spec.signer = other_key()));
    let other = base64(&sign(&signing_key(), b"another"));
    to.changed("signature-of-another", step::SIGNATURE, &managed, |bundle| {
        *at(bundle, "/messageSignature/signature") = other.into();
    });
    let statement = managed.clone().with(|spec| spec.enveloped = true);
    to.bad(
        "statement-kind",
        FORM,
        &statement.clone().with(|spec| spec.statement = "https://example.test/Statement"),
    );
    to.changed("statement-payload-type", FORM, &statement, |bundle| {
        *at(bundle, "/dsseEnvelope/payloadType") = "application/json".into();
    });
    to.add_as("signer-no-certificate", ROOT, &managed.make(), true, Some(step::IDENTITY));
    to.add_as("signer-no-key", ROOT, &keyless.make(), false, Some(step::IDENTITY));
}

/// What a certificate must be.
fn certificates(to: &mut Bundles) {
    let keyless = BundleSpec::keyless();
    to.good("keyless", &keyless);
    let with = |certificate| keyless.clone().with(|spec| spec.certificate = Some(certificate));
    let certificate = step::CERTIFICATE;
    let over = |from: &str, to: &str| with(bent(|spec| spec.valid(from, to)));
    to.bad("certificate-over", certificate, &over("2025-12-31T23:50:00Z", "2026-01-01T00:00:02Z"));
    to.bad("certificate-early", certificate, &over("2026-01-01T00:00:04Z", "2026-01-01T00:10:00Z"));
    let other = P384Key::from_label("other.test");
    to.bad("certificate-other-authority", certificate, &with(bent(|spec| spec.signed_by(&other))));
    let purpose = |purpose: &str| purposes(purpose).value;
    to.bad(
        "certificate-purpose",
        certificate,
        &with(bent(|spec| spec.replacing("2.5.29.37", purpose("1.3.6.1.5.5.7.3.1")))),
    );
    to.bad("certificate-no-purpose", certificate, &with(bent(|spec| spec.without("2.5.29.37"))));
    to.bad("certificate-usage", certificate, &with(bent(|spec| spec.without("2.5.29.15"))));

    let list = step::CERTIFICATE_LOG;
    to.bad("certificate-unlogged", list, &with(leaf().0));
    to.bad("certificate-foreign-log", list, &with(logged(&leaf().0, &other_key())));
    let often = |count| with(logged_often(&leaf().0, &certificate_log_key(), count));
    to.good("keyless-logged-eight-times", &often(8));
    to.bad("certificate-logged-nine-times", list, &often(9));
    // What the log signed is another certificate.
    let serial = |spec: CertSpec| spec.serial(8);
    let of_another = bent(serial).serial(7);
    to.bad("certificate-logged-another", list, &with(of_another));

    let identity = step::IDENTITY;
    let san = seq(&[&context_primitive(6, b"https://example.test/other")]);
    to.bad("certificate-subject", identity, &with(bent(|spec| spec.replacing("2.5.29.17", san))));
    let issuer = utf8("https://others.test");
    let bent_issuer = bent(|spec| spec.replacing("1.3.6.1.4.1.57264.1.8", issuer));
    to.bad("certificate-issuer", identity, &with(bent_issuer));
    let no_issuer = bent(|spec| spec.without("1.3.6.1.4.1.57264.1.8"));
    to.bad("certificate-no-issuer", identity, &with(no_issuer));
}

/// What a timestamp must be.
fn timestamps(to: &mut Bundles) {
    let managed = BundleSpec::managed();
    to.good("managed-timestamp", &managed.clone().stamped());
    to.good("keyless-timestamp", &BundleSpec::keyless().stamped());
    to.good(
        "managed-promise-and-timestamp",
        &managed.clone().with(|spec| spec.timestamp = Some(TimestampSpec::new())),
    );
    to.bad("time-nobody", step::TIME, &managed.clone().with(|spec| spec.promise = false));
    to.bad(
        "time-future",
        step::TIME,
        &managed.clone().with(|spec| spec.time = time::unix("2040-01-01T00:00:00Z")),
    );
    let with = |change: &dyn Fn(&mut TimestampSpec)| {
        let timestamp = TimestampSpec::new().with(|spec| change(spec));
        managed.clone().stamped().with(|spec| spec.timestamp = Some(timestamp))
    };
    let timestamp = step::TIMESTAMP;
    to.bad("timestamp-of-another", timestamp, &with(&|spec| spec.about = Some(b"another".into())));
    to.bad("timestamp-status", timestamp, &with(&|spec| spec.status = 2));
    to.bad("timestamp-version", timestamp, &with(&|spec| spec.version = 2));
    let key = P384Key::from_label("other.test");
    to.bad("timestamp-other-key", timestamp, &with(&|spec| spec.signer = key.clone()));
    to.bad("timestamp-content", timestamp, &with(&|spec| spec.digest = Some(vec![0; 48])));
    to.bad("timestamp-content-type", timestamp, &with(&|spec| spec.content_type = "1.2.840.113549.1.7.1"));
    for (name, at) in [("content-type", 0), ("digest", 1), ("certificate", 2)] {
        let without = with(&|spec| {
            spec.attributes.remove(at);
        });
        to.bad(&format!("timestamp-no-{name}"), timestamp, &without);
        let twice = with(&|spec| spec.attributes.push(spec.attributes[at]));
        to.bad(&format!("timestamp-{name}-twice"), timestamp, &twice);
    }
    let others = ["1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7"];
    let more = |count: usize| with(&|spec| spec.attributes.extend(others.iter().cycle().take(count)));
    to.good("managed-timestamp-sixteen-attributes", &more(13));
    to.bad("timestamp-seventeen-attributes", timestamp, &more(14));
    // The same name, number and key, and another certificate.
    let [own, _] = timestamp_authority();
    let twin = own.clone().valid("2025-01-02T00:00:00Z", "2045-01-01T00:00:00Z");
    to.bad("timestamp-twin", timestamp, &with(&|spec| spec.certificate = twin.clone()));
    let other = own.serial(8);
    to.bad("timestamp-other-certificate", timestamp, &with(&|spec| spec.certificate = other.clone()));
    to.bad("timestamp-early", timestamp, &with(&|spec| spec.time = "2024-12-31T23:59:59Z"));
    let late = managed.stamped().with(|spec| {
        spec.timestamp = Some(TimestampSpec::new().with(|spec| spec.time = "2040-01-01T00:00:00Z"));
    });
    to.bad("timestamp-future", step::TIME, &late);
}

/// Whom the caller trusts.
fn roots(to: &mut Bundles) {
    let (managed, keyless) = (BundleSpec::managed(), BundleSpec::keyless());
    let stamped = managed.clone().stamped();
    let none = || Value::Array(Vec::new());
    let end = |root: &mut Value, list: &str, end: &str| {
        let entry = &mut root[list][0];
        let holder = if entry["publicKey"].is_null() { entry } else { &mut entry["publicKey"] };
        holder["validFor"]["end"] = end.into();
    };
    let over = "2026-01-01T00:00:02Z";
    to.root("root-no-logs", Some(step::LOG), &managed, |root| root["tlogs"] = none());
    to.root("root-log-over", Some(step::LOG), &managed, |root| end(root, "tlogs", over));
    to.root("root-log-over-for-timestamp", Some(step::LOG), &stamped, |root| end(root, "tlogs", over));
    to.root("root-log-renamed", Some(step::CHECKPOINT), &managed, |root| {
        root["tlogs"][0]["baseUrl"] = "https://other.test".into();
    });
    to.root("root-log-ed25519", Some(step::LOG), &managed, |root| {
        root["tlogs"][0]["publicKey"]["keyDetails"] = "PKIX_ED25519".into();
    });
    let authorities = "certificateAuthorities";
    to.root("root-no-authorities", Some(step::CERTIFICATE), &keyless, |root| root[authorities] = none());
    to.root("root-authority-over", Some(step::CERTIFICATE), &keyless, |root| end(root, authorities, over));
    to.root("root-no-certificate-logs", Some(step::CERTIFICATE_LOG), &keyless, |root| {
        root["ctlogs"] = none()
    });
    to.root("root-certificate-log-over", Some(step::CERTIFICATE_LOG), &keyless, |root| {
        end(root, "ctlogs", over)
    });
    let times = "timestampAuthorities";
    to.root("root-no-timestamps", Some(step::TIME), &stamped, |root| root[times] = none());
    to.root("root-timestamp-over", Some(step::TIMESTAMP), &stamped, |root| end(root, times, over));
    // Certificates of the authority's key that were not issued for timestamps alone.
    for (id, bend) in [
        ("root-timestamp-purpose", purposes("1.3.6.1.5.5.7.3.3")),
        ("root-timestamp-not-critical", purposes("1.3.6.1.5.5.7.3.8")),
    ] {
        let [own, _] = timestamp_authority();
        let mut own = own.without("2.5.29.37").adding(bend);
        if id == "root-timestamp-purpose" {
            own = own.marking("2.5.29.37", true);
        }
        let timestamp = TimestampSpec::new().with(|spec| spec.certificate = own.clone());
        let spec = stamped.clone().with(|spec| spec.timestamp = Some(timestamp));
        to.root(id, Some(step::TIMESTAMP), &spec, |root| {
            root[times][0]["certChain"]["certificates"][0]["rawBytes"] = base64(&own.build()).into();
        });
    }
    // An issuer of that name that did not sign.
    to.root("root-timestamp-issuer", Some(step::TIMESTAMP), &stamped, |root| {
        let twin = CertSpec::authority("root.time.test", "root.time.test")
            .with(|spec| spec.spki = P384Key::from_label("other.test").spki());
        root[times][0]["certChain"]["certificates"][1]["rawBytes"] = base64(&twin.build()).into();
    });
    let doubled = |root: &mut Value| {
        let first = root[times][0].clone();
        end(root, times, over);
        root[times].as_array_mut().expect("a list").push(first);
    };
    // Of two authorities of one key the second was in use.
    to.root("root-timestamp-second", None, &stamped, doubled);
}

/// Signature files.
fn signature_files() -> Vec<Value> {
    let signature = sign(&signing_key(), ARTIFACT);
    let (own, other) = (signing_key(), other_key());
    let file = base64(&signature);
    let case = |id: &str, bytes: &[u8], file: &str, key: &P256Key, valid: bool| {
        json!({
            "expect": {"valid": valid},
            "id": id,
            "manifest_base64": base64(bytes),
            "public_key_pem": pem("PUBLIC KEY", &key.spki()),
            "signature_base64": file,
        })
    };
    vec![
        case("line-feed", ARTIFACT, &format!("{file}\n"), &own, true),
        case("no-line-feed", ARTIFACT, &file, &own, true),
        case("another", b"another", &file, &own, false),
        case("other-key", ARTIFACT, &file, &other, false),
        case("empty", ARTIFACT, "", &own, false),
        case("not-base64", ARTIFACT, "!!!!", &own, false),
        case("not-der", ARTIFACT, &base64(&own.sign(ARTIFACT)), &own, false),
        case("byte-behind", ARTIFACT, &base64(&[&signature[..], &[0]].concat()), &own, false),
    ]
}
