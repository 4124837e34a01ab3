//! What happened in a run, in order: kept whole for a small one, as a hash for a large one.

use core::fmt::Write as _;
use core::hash::{Hash, Hasher};
use std::collections::BTreeSet;
use std::hash::DefaultHasher;

use crate::error::Code;
use crate::ids::BootId;
use crate::machine::message::{Flow, GrantFacts};
use crate::machine::record::Record;
use crate::machine::store::{Stored, Transaction};
use crate::machine::{Action, DiskAction, DriverAction, Event, Message};
use crate::peer::Facts;

use super::clock::Time;
use super::host::HostId;
use super::plan::Crash;

/// One connection of a run, numbered through all hosts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(u32);

impl ConnectionId {
    /// The connection with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Something that happened on one host.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "read by whoever judges a run")]
pub struct Entry {
    /// When.
    pub at: Time,
    /// Where.
    pub host: HostId,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum What {
    /// A boot, or a process that starts again within one.
    Boot(BootId),
    /// A crash.
    Crash(Crash),
    /// A dial.
    Dialled(ConnectionId, HostId, Flow),
    /// The evidence of the other end was accepted, for the first time or again.
    Believed {
        /// On which connection.
        connection: ConnectionId,
        /// Whose.
        peer: HostId,
        /// What it proved.
        facts: Box<Facts>,
        /// Whether it had been believed on this connection before.
        again: bool,
    },
    /// The evidence of the other end was not accepted.
    NotBelieved(ConnectionId, HostId, Code),
    /// The channel stands.
    Opened(ConnectionId, HostId, Flow),
    /// A message went out.
    Sent(ConnectionId, HostId, Message),
    /// A message came in.
    Received(ConnectionId, HostId, Message),
    /// A refusal went out.
    Refused(ConnectionId, HostId, Code),
    /// The channel is gone.
    Closed(ConnectionId, Code),
    /// The machine asked for this.
    Asked(Action),
    /// A durable write, or the work of a device, took effect.
    Done(Action),
    /// It failed.
    Failed(Action),
    /// The driver's store can decide.
    Quorum,
    /// What the store said.
    Stored(Stored),
    /// What the machine told whoever watches.
    Event(Event),
}

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    entries: Option<Vec<Entry>>,
    hash: DefaultHasher,
    count: u64,
}

impl Trace {
    /// A trace that keeps everything.
    pub fn whole() -> Self {
        Self { entries: Some(Vec::new()), ..Self::hashed() }
    }

    /// A trace that keeps its hash only.
    pub fn hashed() -> Self {
        Self { entries: None, hash: DefaultHasher::new(), count: 0 }
    }

    /// Writes an entry down.
    pub fn record(&mut self, entry: Entry) {
        entry.hash(&mut self.hash);
        self.count = self.count.saturating_add(1);
        if let Some(entries) = &mut self.entries {
            entries.push(entry);
        }
    }

    /// A hash over all entries. The same in two runs of one build if, and but for a collision only if, they are the same.
    pub fn digest(&self) -> u64 {
        self.hash.finish()
    }

    /// How many entries there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The entries, where they were kept.
    pub fn entries(&self) -> &[Entry] {
        self.entries.as_deref().unwrap_or_default()
    }

    /// The entries as a sequence diagram in Mermaid's language. `name` names the hosts.
    pub fn to_mermaid(&self, name: impl Fn(HostId) -> String) -> String {
        let mut text = String::from("sequenceDiagram\n");
        let hosts: BTreeSet<HostId> = self.entries().iter().map(|entry| entry.host).collect();
        for host in hosts {
            let _ = writeln!(text, "    participant h{} as {}", host.number(), name(host));
        }
        for entry in self.entries() {
            if let Some(line) = line(entry.host, &entry.what) {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }
}

/// The line of an entry; `None` for what another entry shows already.
fn line(host: HostId, what: &What) -> Option<String> {
    let host = host.number();
    let note = |words: String| Some(format!("Note over h{host}: {words}"));
    match what {
        What::Boot(boot) => note(format!("boot {:.8}", boot.to_string())),
        What::Crash(crash) => note(format!("crash of the {}", word(*crash))),
        What::Dialled(_, to, flow) => Some(format!("h{host}--)h{}: dial {flow:?}", to.number())),
        What::Believed { peer, again, .. } => {
            note(format!("believes h{}{}", peer.number(), if *again { " again" } else { "" }))
        }
        What::NotBelieved(_, peer, code) => note(format!("does not believe h{}: {code}", peer.number())),
        What::Sent(_, to, message) => Some(format!("h{host}->>h{}: {}", to.number(), message_words(message))),
        What::Refused(_, to, code) => Some(format!("h{host}-xh{}: refusal {code}", to.number())),
        What::Closed(_, code) if !code.is_accepted() => note(format!("closed: {code}")),
        What::Done(action) => note(action_words(action)),
        What::Failed(action) => note(format!("failed: {}", action_words(action))),
        What::Event(event) => note(event_words(event)),
        What::Quorum => note("the store has a quorum".to_owned()),
        What::Opened(..) | What::Received(..) | What::Closed(..) | What::Asked(_) | What::Stored(_) => None,
    }
}

const fn word(crash: Crash) -> &'static str {
    match crash {
        Crash::Process => "process",
        Crash::Machine => "machine",
    }
}

fn message_words(message: &Message) -> String {
    match message {
        Message::Offer(offer) => {
            format!("Offer {} {} generation {}", offer.role, offer.name.as_str(), offer.generation)
        }
        Message::Locked(locked) => format!("Locked class {}", locked.class),
        Message::Grant(grant) => {
            let number = match &grant.facts {
                GrantFacts::Init { .. } => 1,
                GrantFacts::Join { .. } => 2,
                GrantFacts::Rejoin { .. } => 3,
                GrantFacts::Recover { .. } => 4,
                GrantFacts::Share { .. } => 5,
                GrantFacts::Renew { .. } => 6,
                GrantFacts::Rotate { .. } => 7,
            };
            format!("Grant {number}")
        }
        Message::Done(done) => format!("Done {} generation {}", done.code, done.generation),
        Message::Progress(progress) => format!("Progress {}/1000", progress.per_mille),
        Message::Result(result) => format!("Result generation {}", result.generation),
        Message::Publish(statements) => format!("Publish {} statements", statements.len()),
        Message::Ack(tip) => format!("Ack policy {}", tip.epoch),
        Message::Held(held) => format!("Held {} of {}", held.held, held.needed),
    }
}

fn action_words(action: &Action) -> String {
    match action {
        Action::Persist(record) => format!("P- {}", record_words(record)),
        Action::ExtendRegister { .. } => "extend the lock register".to_owned(),
        Action::Reattest { .. } => "show new evidence".to_owned(),
        Action::Keys(_) => "work on keys".to_owned(),
        Action::Disk(DiskAction::Format { .. }) => "format the disk".to_owned(),
        Action::Disk(DiskAction::TestOpen { .. }) => "try the disk key".to_owned(),
        Action::Disk(DiskAction::Open { .. }) => "open the disk".to_owned(),
        Action::Disk(DiskAction::Close) => "close the disk".to_owned(),
        Action::Nv { generation } => format!("counter to generation {generation}"),
        Action::Driver(driver) => match driver {
            DriverAction::Init { .. } => "driver- init".to_owned(),
            DriverAction::Join => "driver- join".to_owned(),
            DriverAction::Resume => "driver- resume".to_owned(),
            DriverAction::OpenServices => "open the services".to_owned(),
            DriverAction::Promote { .. } => "promote the seat".to_owned(),
            DriverAction::Remove { .. } => "remove the seat".to_owned(),
        },
        Action::Store(transaction) => match transaction {
            Transaction::Look { .. } => "store- look".to_owned(),
            Transaction::Reserve { .. } => "P- store- reserve".to_owned(),
            Transaction::Grant { .. } => "P- store- granted".to_owned(),
            Transaction::Confirm { .. } => "P- store- confirmed".to_owned(),
            Transaction::Audit(_) => "P- store- audit".to_owned(),
            Transaction::Release { .. } => "P- store- release".to_owned(),
            Transaction::Publish { .. } => "P- store- publish".to_owned(),
        },
        Action::Dial { flow, .. } => format!("dial {flow:?}"),
        Action::Close { code, .. } => format!("close {code}"),
    }
}

fn record_words(record: &Record) -> String {
    match record {
        Record::Master(_) => "master file".to_owned(),
        Record::Lock(file) => format!("lock file {}", if file.held { "held" } else { "intent" }),
        Record::Member(member) => {
            format!("member record generation {} {:?}", member.generation, member.phase)
        }
        Record::Operator(operator) => format!("operator {:?}", operator.phase),
        Record::Seen { generation, .. } => format!("seen generation {generation}"),
    }
}

fn event_words(event: &Event) -> String {
    match event {
        Event::Refused { code, guard } => format!("refuses {code} [{guard}]").replace([':', ';'], ","),
        Event::Member { .. } => "MEMBER".to_owned(),
        Event::Locked(_) => "LOCKED".to_owned(),
        Event::Stopped { code, state } => format!("stopped in {state} {code}"),
        other => format!("{other:?}").replace([':', ';', '\n', '{', '}'], " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::message::Done;

    fn entry(number: u32, what: What) -> Entry {
        Entry { at: Time::default(), host: HostId::new(number), what }
    }

    #[test]
    fn a_trace_is_a_diagram_and_its_hash_is_of_all_of_it() {
        let done = Message::Done(Done { code: Code::ACCEPTED, generation: 1 });
        let mut trace = Trace::whole();
        trace.record(entry(0, What::Dialled(ConnectionId::new(1), HostId::new(1), Flow::Join)));
        trace.record(entry(0, What::Sent(ConnectionId::new(1), HostId::new(1), done)));
        trace.record(entry(1, What::Crash(Crash::Process)));
        assert_eq!(
            trace.to_mermaid(|host| format!("host {}", host.number())),
            "sequenceDiagram\n    participant h0 as host 0\n    participant h1 as host 1\n    h0--)h1: dial Join\n    \
             h0->>h1: Done 0 (accepted) generation 1\n    Note over h1: crash of the process\n"
        );
        let before = trace.digest();
        trace.record(entry(1, What::Boot(BootId::new([1; 16]))));
        assert_ne!(trace.digest(), before);
        assert_eq!(trace.count(), 4);
    }
}
