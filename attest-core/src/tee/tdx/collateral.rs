//! Collateral of Intel: TCB info and the quoting enclave's identity, proven, with who signed them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::anchors::Anchors;
use super::checks::verify as checks;
use super::endorsement::{Endorsement, Link, SCHEME, judge_validity, prove_path, refuse};
use super::needs;
use super::revocation::{self, Issuer};
use super::statement::{QeIdentity, Stated, TcbInfo};
use super::wire::Quote;
use crate::checks::Checks;
use crate::collateral::{self, Needs, Proof, Store};
use crate::context::Context;
use crate::crypto::{CryptoProvider, SignatureAlgorithm};
use crate::document::SignedDocument;
use crate::error::{Error, Missing, Refused};
use crate::values::{Hex, Value};
use crate::x509::{Certificate, KeyUsage, PublicKey};

/// How many documents of one kind, and how many signers, are tried, each at the cost of a signature.
const MAX_CANDIDATES: usize = 4;

const SIGNER: &str = "Intel SGX TCB Signing";
const SIGNATURE: &str = "a signature that verifies";
const CHAIN: &str = "a path to a root that the caller trusts";
const ROLE: &str = "Intel SGX TCB Signing, directly below the root";

/// Collateral of one kind of platform that was checked by itself, before any quote: after a refresh, say.
#[derive(Clone, Debug)]
pub struct Collateral {
    statements: Statements,
    valid_until: u64,
    checks: Checks,
}

/// What Intel states of a platform and of its quoting enclave.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub(super) tcb: Statement<TcbInfo>,
    pub(super) qe: Statement<QeIdentity>,
}

/// A statement whose signature and signer were proven. Dates and revocation are looked at with each quote.
#[derive(Clone, Debug)]
pub(super) struct Statement<T> {
    /// The document itself: a proof counts for these bytes only.
    document: Box<[u8]>,
    pub(super) said: T,
    pub(super) signer: Link,
    root: Link,
    root_der: Box<[u8]>,
}

impl Proof for Statement<TcbInfo> {}
impl Proof for Statement<QeIdentity> {}

impl Collateral {
    /// Checks what `supplied` has for platforms of this FMSPC: TCB info, the quoting enclave's identity, who signed them, the
    /// root's revocation list, all dates. The PCK certificate and its issuer's list are a quote's to bring up.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made; [`Error::Missing`] with the addresses of what is not there.
    pub fn check(
        fmspc: [u8; 6],
        supplied: &collateral::Collateral,
        anchors: &Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let none = collateral::Collateral::new();
        let store = Store::with(supplied.clone());
        let sources = Sources { carried: &none, store: &store };
        let statements = Statements::find(fmspc, &sources, anchors, provider, &mut checks)?;
        statements.judge(fmspc, anchors, now.as_secs(), &mut checks);
        let issuers = [Issuer::root(&statements.tcb.root)];
        let lists = revocation::judge(
            &issuers,
            &statements.serials(),
            &sources,
            provider,
            now.as_secs(),
            &mut checks,
        )?;
        match Refused::of(&checks) {
            Some(refused) => Err(refused),
            None => Ok(Self { valid_until: statements.valid_until().min(lists), statements, checks }),
        }
    }

    /// The first second, in Unix time, at which one of its parts is overdue or no longer valid.
    pub const fn valid_until(&self) -> u64 {
        self.valid_until
    }

    /// tcbEvaluationDataNumber: that of TCB info, or of the identity if it is lower.
    pub fn evaluation_number(&self) -> u64 {
        self.statements.evaluation_number()
    }

    /// Every check that was made.
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }
}

/// Where collateral comes from: what the caller has, and what came with the evidence.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) carried: &'a collateral::Collateral,
    pub(super) store: &'a Store,
}

impl<'a> Sources<'a> {
    /// Documents, the caller's latest first.
    fn documents(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.store.supplied().documents().rev().chain(self.carried.documents().rev())
    }

    /// Who may have signed them: certificates of Intel's name for it; if there is none, the first that is no authority, so that
    /// the refusal can say what is wrong with it.
    fn signers(&self) -> Result<Vec<Certificate<'a>>, Error> {
        let (mut named, mut other) = (Vec::new(), None);
        for der in self.store.supplied().certificates().chain(self.carried.certificates()) {
            let certificate = Certificate::parse(der)?;
            if certificate.subject().common_name() == Some(SIGNER) {
                named.push(certificate);
            } else if !certificate.basic_constraints().is_some_and(|constraints| constraints.ca) {
                other = other.or(Some(certificate));
            }
        }
        if named.is_empty() {
            named.extend(other);
        }
        // The latest, where there are many.
        named.reverse();
        named.truncate(MAX_CANDIDATES);
        Ok(named)
    }
}

impl Statements {
    pub(super) fn find(
        fmspc: [u8; 6],
        sources: &Sources<'_>,
        anchors: &Anchors,
        provider: &CryptoProvider,
        checks: &mut Checks,
    ) -> Result<Self, Refused> {
        let digits = alloc::format!("{}", Hex(&fmspc));
        let hints = [digits.as_bytes(), b"\"TDX\""];
        let tcb = Statement::find(&hints, sources, anchors, provider, checks, || needs::tcb_info(fmspc))?;
        let qe = Statement::find(&[b"\"TD_QE\""], sources, anchors, provider, checks, needs::qe_identity)?;
        Ok(Self { tcb, qe })
    }

    /// Writes down the checks that the proofs stand for, and those that depend on the caller, the platform and the time.
    pub(super) fn judge(&self, fmspc: [u8; 6], anchors: &Anchors, now: u64, checks: &mut Checks) {
        self.tcb.judge(anchors, now, checks);
        self.qe.judge(anchors, now, checks);
        let of = self.tcb.said.fmspc;
        checks.require(&checks::TCB_FMSPC, of == fmspc, &fmspc[..], &of[..]);
    }

    pub(super) fn evaluation_number(&self) -> u64 {
        self.tcb.said.evaluation_number.min(self.qe.said.evaluation_number)
    }

    /// When the older of the two was issued.
    pub(super) fn issued(&self) -> u64 {
        self.tcb.said.dates.issued.min(self.qe.said.dates.issued)
    }

    pub(super) fn valid_until(&self) -> u64 {
        self.tcb.valid_until().min(self.qe.valid_until())
    }

    /// The serial numbers of who signed, with their issuer's name.
    pub(super) fn serials(&self) -> [(&[u8], &[u8]); 2] {
        [(&self.tcb.root.subject, &self.tcb.signer.serial), (&self.qe.root.subject, &self.qe.signer.serial)]
    }
}

impl<T: Stated> Statement<T>
where
    Self: Proof + Clone,
{
    /// The newest statement that is proven. A document that looks like another platform's is tried only where none looks right.
    fn find(
        hints: &[&[u8]],
        sources: &Sources<'_>,
        anchors: &Anchors,
        provider: &CryptoProvider,
        checks: &mut Checks,
        absent: impl Fn() -> Needs,
    ) -> Result<Self, Refused> {
        let missing = |checks: &Checks| Refused::with(Missing::Absent(absent()), checks);
        let (mut fitting, mut first) = (Vec::new(), None);
        for bytes in sources.documents() {
            let document = SignedDocument::parse(bytes).map_err(|error| Refused::with(error, checks))?;
            if document.name() != T::NAME {
                continue;
            }
            if hints.iter().all(|hint| contains(bytes, hint)) && fitting.len() < MAX_CANDIDATES {
                fitting.push((bytes, document));
            } else {
                first = first.or(Some((bytes, document)));
            }
        }
        if fitting.is_empty() {
            fitting.extend(first);
        }
        if fitting.is_empty() {
            return Err(missing(checks));
        }
        let mut signers = None;
        let (mut newest, mut failure): (Option<Self>, Option<Refused>) = (None, None);
        for (bytes, document) in &fitting {
            let known = sources.store.proofs::<Self>().find(|proof| *proof.document == **bytes);
            let proven = match known {
                Some(known) => Ok(known.clone()),
                None => {
                    let signers = match &mut signers {
                        Some(signers) => &*signers,
                        none @ None => {
                            &*none.insert(sources.signers().map_err(|error| Refused::with(error, checks))?)
                        }
                    };
                    if signers.is_empty() {
                        return Err(missing(checks));
                    }
                    Self::prove(bytes, document, signers, anchors, provider)
                }
            };
            match proven {
                Ok(proven) if newest.as_ref().is_none_or(|one| one.issued() < proven.issued()) => {
                    newest = Some(proven);
                }
                Ok(_) => {}
                Err(refused) => drop(failure.get_or_insert(refused)),
            }
        }
        newest.ok_or_else(|| match failure {
            Some(refused) => {
                checks.extend(&refused.checks);
                Refused { checks: Box::new(checks.clone()), ..refused }
            }
            None => missing(checks),
        })
    }

    /// Proves one document: its signature over the bytes received, who signed, and only then what it says.
    fn prove(
        bytes: &[u8],
        document: &SignedDocument<'_>,
        signers: &[Certificate<'_>],
        anchors: &Anchors,
        provider: &CryptoProvider,
    ) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let mut found = None;
        for signer in signers {
            let PublicKey::P256(point) = signer.public_key() else { continue };
            let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
            let verified = provider
                .verify(algorithm, point, document.signed_bytes(), document.signature())
                .map_err(|error| Refused::with(error, &checks))?;
            if verified.is_ok() {
                found = Some(signer);
                break;
            }
        }
        let actual = if found.is_some() { SIGNATURE } else { "a signature that does not verify" };
        checks.require(&checks::COLLATERAL_SIGNATURE, found.is_some(), SIGNATURE, actual);
        if let Some(refused) = Refused::of(&checks) {
            return Err(refused);
        }
        // Without a signature, in a test that takes the check away, the first signer is judged.
        let Some(signer) = found.or_else(|| signers.first()) else {
            return Err(Refused::with(Missing::Absent(Needs::default()), &checks));
        };
        let path = prove_path(signer, &[], anchors, provider)
            .map_err(|error| refuse(error, &checks::COLLATERAL_CHAIN, &mut checks))?;
        checks.require(&checks::COLLATERAL_CHAIN, true, CHAIN, CHAIN);
        let broken = broken_role(signer);
        checks.require(
            &checks::COLLATERAL_SIGNER,
            broken.is_none(),
            ROLE,
            broken.unwrap_or_else(|| ROLE.into()),
        );
        if let Some(refused) = Refused::of(&checks) {
            return Err(refused);
        }
        let Some(root) = path.anchor().as_certificate() else {
            return Err(Refused::with(Missing::Absent(Needs::default()), &checks));
        };
        let said = T::read(document.signed_bytes()).map_err(|error| Refused::with(error, &checks))?;
        let (signer, root_der) = (Link::of(signer), root.as_der().into());
        Ok(Self { document: bytes.into(), said, signer, root: Link::of(root), root_der })
    }

    fn is_new(&self, store: &Store) -> bool {
        !store.proofs::<Self>().any(|proof| proof.document == self.document)
    }

    fn issued(&self) -> u64 {
        self.said.dates().issued
    }

    fn judge(&self, anchors: &Anchors, now: u64, checks: &mut Checks) {
        checks.require_again(&checks::COLLATERAL_SIGNATURE, true, SIGNATURE, SIGNATURE);
        let known = anchors.trusts(&self.root_der);
        let actual = if known { CHAIN } else { "a root of another caller" };
        checks.require_again(&checks::COLLATERAL_CHAIN, known, CHAIN, actual);
        checks.require_again(&checks::COLLATERAL_SIGNER, true, ROLE, ROLE);
        for link in [&self.root, &self.signer] {
            judge_validity(&checks::COLLATERAL_SIGNER_VALIDITY, link.validity, now, checks);
        }
        let dates = self.said.dates();
        let (issued, next) = (dates.issued, dates.next_update);
        checks.require_again(
            &checks::COLLATERAL_ISSUED,
            issued <= now,
            Value::Time(now),
            Value::Time(issued),
        );
        checks.require_again(&checks::COLLATERAL_NEXT, now < next, Value::After(now), Value::Time(next));
    }

    fn valid_until(&self) -> u64 {
        let ends = [self.signer.validity.not_after, self.root.validity.not_after];
        let ends = ends.into_iter().map(|last| last.saturating_add(1)).fold(u64::MAX, u64::min);
        ends.min(self.said.dates().next_update)
    }
}

/// What is wrong with a signer that a root certifies.
fn broken_role(signer: &Certificate<'_>) -> Option<Value> {
    let name = signer.subject().common_name();
    if name != Some(SIGNER) {
        return Some(name.map_or(Value::Phrase("a signer without a name"), Value::text));
    }
    let rules = [
        (signer.key_usage().is_some_and(KeyUsage::digital_signature), "a signer that may not sign"),
        (matches!(signer.public_key(), PublicKey::P256(_)), "a key that is not on P-256"),
        (signer.signature_scheme() == Some(SCHEME), "a certificate that is not signed with SHA-256"),
    ];
    rules.iter().find(|(holds, _)| !holds).map(|(_, what)| Value::Phrase(what))
}

/// Whether a text holds another, hexadecimal digits of either case. A hint, and no more: nothing is read yet.
fn contains(text: &[u8], hint: &[u8]) -> bool {
    text.windows(hint.len()).any(|window| window.eq_ignore_ascii_case(hint))
}

/// Proves what a quote will be verified with, and remembers it.
pub(super) fn warm(
    quote: &Quote<'_>,
    carried: &collateral::Collateral,
    store: &mut Store,
    context: &Context<'_>,
) -> Result<(), Refused> {
    let (anchors, provider) = (&context.anchors.tdx, context.provider);
    let known = store.proofs::<Endorsement>().find(|proof| *proof.pem == *quote.pck_chain()).cloned();
    let new = known.is_none();
    let endorsement = match known {
        Some(known) => known,
        None => Endorsement::prove(quote.pck_chain(), anchors, provider)?,
    };
    let sources = Sources { carried, store };
    let fmspc = endorsement.pck().fmspc();
    let statements = Statements::find(fmspc, &sources, anchors, provider, &mut Checks::new())?;
    let issuers = [&endorsement.root, &endorsement.authority];
    let lists = revocation::prove_all(&issuers, &sources, provider)?;
    let tcb = statements.tcb.is_new(store).then_some(statements.tcb);
    let qe = statements.qe.is_new(store).then_some(statements.qe);
    lists.into_iter().for_each(|list| store.remember(list));
    tcb.into_iter().for_each(|proof| store.remember(proof));
    qe.into_iter().for_each(|proof| store.remember(proof));
    if new {
        store.remember(endorsement);
    }
    Ok(())
}
