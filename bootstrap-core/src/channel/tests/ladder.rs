//! The states in their order: what comes too early, too late, or not at all.

use super::symbolic::{CLIENT_KEY, End, SERVER_KEY, Sym, opened, stopped_only_by, talk};
use super::*;
use crate::channel::error::Error;
use crate::channel::machine::Input;
use crate::error::Code;
use crate::time::Timer;
use crate::wire::FrameKind;

#[test]
fn no_message_before_both_verdicts() {
    // In each state before C5, and in the middle of new verdicts.
    let states: [fn() -> End; 4] = [
        || End::server(1),
        || {
            let mut server = End::server(1);
            server.silent = true;
            let hello = End::client(1).sent.remove(0);
            server.frame(hello.0, &hello.1);
            server
        },
        || {
            let (mut client, mut server) = (End::client(1), End::server(1));
            server.silent = true;
            talk(&mut client, &mut server, |_, _, body| body);
            server
        },
        || {
            let (client, mut server) = opened();
            server.silent = true;
            let mut client = client;
            client.feed(Input::Reattest { ask: true }, at(2));
            let hello = client.sent.remove(0);
            server.frame(hello.0, &hello.1);
            server
        },
    ];
    for state in states {
        let attack = || {
            let mut end = state();
            end.frame(FrameKind::Message, b"");
            end
        };
        assert_eq!(attack().code(), Some(Code::OUT_OF_ORDER.number()), "{}", state().machine.state());
        stopped_only_by(&[guard::MESSAGE_WHEN_OPEN], || attack().messages > 0);
    }
    let (mut client, _) = opened();
    client.frame(FrameKind::Message, b"");
    assert_eq!(client.messages, 1);
}

#[test]
fn a_peer_that_stalls_ends_with_its_reason() {
    let hello_wait = || End::server(1);
    let evidence_wait = || {
        let mut server = End::server(1);
        let hello = End::client(1).sent.remove(0);
        server.frame(hello.0, &hello.1);
        server
    };
    let verdict_wait = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        talk(&mut client, &mut server, |_, _, body| body);
        // The same way again, but for the client's verdict.
        let (mut client, mut server) = (End::client(1), End::server(1));
        client.silent = true;
        let hello = client.sent.remove(0);
        server.frame(hello.0, &hello.1);
        let mut shown = End::client(1);
        shown.sent.clear();
        let answer = server.sent.remove(0);
        shown.frame(answer.0, &answer.1);
        let evidence = shown.sent.remove(0);
        assert_eq!(evidence.0, FrameKind::Evidence);
        server.frame(evidence.0, &evidence.1);
        server
    };
    let stalled: [fn() -> End; 3] = [hello_wait, evidence_wait, verdict_wait];
    let reasons = [("C1", Timer::Hello), ("C2", Timer::Evidence), ("C4", Timer::Verdict)];
    for (stalled, (state, timer)) in stalled.into_iter().zip(reasons) {
        let mut end = stalled();
        assert_eq!(end.machine.state(), state);
        let deadline = end.machine.deadline().unwrap();
        assert!(deadline <= at(1).after(timer.length()) && deadline >= at(0).after(timer.length()));
        end.feed(Input::Tick, at(deadline.as_millis() - 1));
        assert!(end.ended.is_none());
        end.feed(Input::Tick, deadline);
        assert_eq!(end.error(), Error::Timeout(timer).to_string());
        assert_eq!(end.code(), Some(Code::TIMEOUT.number()));
        // A frame that comes too late is not better than none.
        let late = || {
            let mut end = stalled();
            end.feed(Input::Frame(FrameKind::Hello, b""), deadline);
            end.code() == Some(Code::TIMEOUT.number())
        };
        assert!(late());
        assert!(!guard::without(&[guard::TIMER], late));
    }
}

#[test]
fn a_verdict_that_has_ended_carries_no_message() {
    let attack = || {
        let (mut client, _) = opened();
        client.feed(Input::Reattest { ask: true }, at(2));
        client.feed(Input::Frame(FrameKind::Message, b""), at(u64::MAX));
        client.messages
    };
    // The whole way to new verdicts is over as well, so both guards go.
    assert_eq!(attack(), 0);
    assert_eq!(guard::without(&[guard::TIMER], attack), 0);
    assert_eq!(guard::without(&[guard::TIMER, guard::VALIDITY], attack), 1);
}

#[test]
fn every_frame_in_every_state_ends_or_advances_and_never_panics() {
    let frames = FrameKind::ALL;
    let (client, server) = opened();
    for end in [End::client(1).machine, End::server(1).machine, client.machine, server.machine] {
        for kind in frames {
            for body in [&b""[..], b"\xa0", b"\xff", &[0; 64]] {
                let mut machine = end.clone();
                let binder = Sym { session: 1, own: CLIENT_KEY, peer: SERVER_KEY };
                let outputs = machine.handle(Input::Frame(*kind, body), at(3), &binder).unwrap();
                let message = *kind == FrameKind::Message && end.is_open();
                assert_eq!(machine.has_ended(), !message, "{kind:?}");
                assert!(!outputs.is_empty());
            }
        }
    }
}

#[test]
fn a_call_that_does_not_fit_changes_nothing() {
    let end = End::client(1);
    let mut machine = end.machine.clone();
    let claims = author().encode_bytes().unwrap();
    let evidence = OwnEvidence { claims, items: List::default(), chain: None };
    let rejected = Judgement::Rejected { code: Code::POLICY, retry_after: None };
    for (input, misuse) in [
        (Input::Evidence(evidence), Misuse::NoEvidenceAsked),
        (Input::Judged(rejected), Misuse::NothingToJudge),
        (Input::Reattest { ask: true }, Misuse::NotOpen),
    ] {
        assert_eq!(machine.handle(input, at(1), &end.binder), Err(misuse));
        assert_eq!(machine, end.machine);
    }
}

#[test]
fn evidence_is_shown_once_and_looked_at_once() {
    let (mut client, mut server) = (End::client(1), End::server(1));
    server.silent = true;
    let hello = client.sent.remove(0);
    server.frame(hello.0, &hello.1);
    let answer = server.sent.remove(0);
    client.frame(answer.0, &answer.1);
    let (kind, body) = client.sent.remove(0);
    assert_eq!(kind, FrameKind::Evidence);
    // The host makes it a second time.
    let claims = author().encode_bytes().unwrap();
    let again = OwnEvidence { claims, items: List::default(), chain: None };
    let mut machine = client.machine.clone();
    let refused = machine.handle(Input::Evidence(again), at(1), &client.binder);
    assert_eq!(refused, Err(Misuse::NoEvidenceAsked));
    assert_eq!(machine, client.machine);
    // The peer sends it a second time, while the first is judged.
    server.frame(kind, &body);
    assert!(server.ended.is_none());
    server.frame(kind, &body);
    assert_eq!(server.code(), Some(Code::OUT_OF_ORDER.number()));
}

#[test]
fn a_handshake_that_is_over_is_over() {
    for end in [End::client(1), End::server(1), opened().0] {
        let mut machine = end.machine.clone();
        assert_eq!(machine.handle(Input::Established, at(1), &end.binder), Ok(Vec::new()));
        assert_eq!(machine, end.machine);
    }
}

#[test]
fn terms_that_contradict_each_other_are_refused() {
    let ok = terms(true, true, Order::Both);
    let new = |terms: Vec<Terms>| {
        Config::server(terms, Expected::default(), Expected::default(), [1; 32]).map(|_| ())
    };
    assert_eq!(new(vec![ok.clone()]), Ok(()));
    let demand = |kinds: Vec<OneOf>| Terms { demand: Demand::All(kinds), ..ok.clone() };
    let of_flow = |flow, order| Terms { flow, order, ..ok.clone() };
    for (wrong, why) in [
        (vec![], "no terms"),
        (vec![ok.clone(), ok.clone()], "one flow twice"),
        (vec![demand(Vec::new())], "a demand for nothing"),
        (vec![demand(vec![OneOf::Kinds(Vec::new())])], "one of no kinds"),
        (vec![demand(vec![OneOf::Kinds(vec![kind(SNP), kind("tpm")])])], "a kind that is not accepted"),
        // An operator shows who it is only to a node that it believes.
        (vec![of_flow(Flow::Init, Order::Both)], "init in any order"),
        (vec![of_flow(Flow::Recover, Order::ClientFirst)], "recover with the client first"),
    ] {
        assert!(matches!(new(wrong), Err(Misuse::Terms(_))), "{why}");
    }
    assert_eq!(new(vec![of_flow(Flow::Init, Order::ServerFirst), ok.clone()]), Ok(()));
}
