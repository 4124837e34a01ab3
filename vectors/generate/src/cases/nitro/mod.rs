//! Cases of Nitro documents.

mod chain;
mod document;
mod form;
mod rules;

use super::{Draft, Suite};
use crate::nitro::{Chain, DocumentSpec, Kind, MADE};

pub(super) fn add(suite: &mut Suite) {
    form::add(suite);
    chain::add(suite);
    document::add(suite);
    rules::add(suite);
}

/// The root of every genuine document.
pub(super) fn root() -> Vec<u8> {
    chain(Kind::Enclave).root()
}

/// Both kinds, with the word that stands for them in the ids of cases.
const KINDS: [(&str, Kind); 2] = [("enclave", Kind::Enclave), ("nitrotpm", Kind::NitroTpm)];

fn chain(kind: Kind) -> Chain {
    Chain::new(kind.module_id())
}

fn spec(kind: Kind) -> DocumentSpec {
    DocumentSpec::new(kind, &chain(kind))
}

/// A document of each kind as it is, with COSE's tag, and with the other form of map: nothing of it is wrong.
fn forms() -> Vec<(String, DocumentSpec)> {
    let forms = KINDS.into_iter().flat_map(|(name, kind)| {
        let tagged = spec(kind).with(|spec| spec.tag = Some(18));
        let other = spec(kind).with(|spec| spec.indefinite = !spec.indefinite);
        [(name.to_owned(), spec(kind)), (format!("{name}-tagged"), tagged), (format!("{name}-map"), other)]
    });
    forms.collect()
}

impl Suite {
    /// A case about a document, judged when it was made.
    fn document(&mut self, check: &str, name: &str, why: &str, spec: &DocumentSpec) -> Draft<'_> {
        self.document_as(check, name, why, spec.build())
    }

    /// The same for bytes of any kind.
    fn document_as(&mut self, check: &str, name: &str, why: &str, bytes: Vec<u8>) -> Draft<'_> {
        self.case(check, name, why, bytes).at(MADE)
    }

    /// A positive case for each of `checks`.
    fn good_documents(&mut self, checks: &[&str]) {
        for (number, check) in checks.iter().enumerate() {
            let (name, kind) = KINDS[number % KINDS.len()];
            let why = "a document as the hypervisor makes it";
            self.document(check, &format!("good-{name}"), why, &spec(kind)).accepted();
        }
    }
}
