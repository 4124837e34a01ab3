//! `needs`: what is missing and where it is served; and fetching it.

use std::path::Path;

use attest_core::collateral::Needs as Missing;
use attest_core::{Evidence, Store, UnixTime, Verifier};
use serde_json::json;

use crate::answer::Answer;
use crate::args::{Needs, Network};
use crate::exit::{Exit, Failure};
use crate::input;

impl Needs {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let now = self.supplied.time()?;
        let evidence = input::evidence(&self.evidence)?;
        let mut store = self.supplied.store(self.network.wanted())?;
        let notes = self.network.fill(&evidence, &mut store, now, self.supplied.bundle.as_deref())?;
        let needs = list(&evidence, &store, now)?;
        let exit = if needs.iter().any(|need| need.required) { Exit::Missing } else { Exit::Accepted };
        let text = if self.json { to_json(&needs) } else { to_text(&needs) };
        Ok(notes.into_iter().fold(Answer::new(text, exit), Answer::note))
    }
}

/// What is missing now.
fn list(evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Missing, Failure> {
    Verifier::new().needs(evidence, store, now).map_err(|error| Failure::about("evidence", error))
}

fn to_json(needs: &Missing) -> String {
    let list: Vec<_> = needs
        .iter()
        .map(|need| {
            let url = Some(&need.url).filter(|url| !url.is_empty());
            json!({ "kind": need.kind.name(), "required": need.required, "url": url, "why": need.why })
        })
        .collect();
    json!({ "version": 1, "needs": list }).to_string() + "\n"
}

fn to_text(needs: &Missing) -> String {
    if needs.is_empty() {
        return "nothing is missing\n".into();
    }
    needs.iter().fold(String::new(), |text, need| {
        let weight = if need.required { "required" } else { "optional" };
        let url = if need.url.is_empty() { "only the host has it" } else { &need.url };
        format!("{text}{}  {weight}  {}\n  {url}\n", need.kind.name(), need.why)
    })
}

#[cfg(not(feature = "fetch"))]
impl Network {
    /// This build opens no sockets.
    pub(crate) const fn wanted(&self) -> bool {
        false
    }

    /// Adds nothing.
    pub(crate) const fn fill(
        &self,
        _evidence: &Evidence,
        _store: &mut Store,
        _now: UnixTime,
        _bundle: Option<&Path>,
    ) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

#[cfg(feature = "fetch")]
impl Network {
    /// Whether missing collateral is to be fetched.
    pub(crate) const fn wanted(&self) -> bool {
        self.fetch
    }

    /// Fetches what is missing into the store and the bundle. Returns notes on what could not be had and is optional.
    pub(crate) fn fill(
        &self,
        evidence: &Evidence,
        store: &mut Store,
        now: UnixTime,
        bundle: Option<&Path>,
    ) -> Result<Vec<String>, Failure> {
        let mut notes = Vec::new();
        if !self.fetch {
            return Ok(notes);
        }
        let client = crate::fetch::Client::new(self.base_url.as_deref())?;
        let mut tried: Vec<String> = Vec::new();
        let mut failure = None;
        let mut added = 0_usize;
        // A certificate can show which CRL is needed, so ask again until nothing new is named.
        while let Some(need) =
            list(evidence, store, now)?.iter().find(|need| !need.url.is_empty() && !tried.contains(&need.url))
        {
            tried.push(need.url.clone());
            let about = |error| Failure::about(&need.url, error);
            let fetched = client.get(need).and_then(|fetched| {
                let chain = fetched.chain.map_or(Ok(0), |chain| store.add(&chain).map_err(about))?;
                Ok(store.add(&fetched.body).map_err(about)?.saturating_add(chain))
            });
            match fetched {
                Ok(new) => added = added.saturating_add(new),
                Err(failed) if need.required => failure = failure.or(Some(failed)),
                Err(failed) => notes.push(failed.message),
            }
        }
        if added > 0 {
            let mut all = store.supplied().clone();
            all.keep_newest_crls();
            *store = Store::with(all);
            if let Some(path) = bundle {
                crate::collateral::write(path, &store.to_bundle())?;
            }
        }
        failure.map_or(Ok(notes), Err)
    }
}
