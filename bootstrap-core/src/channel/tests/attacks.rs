//! Attacks on what the machine takes from the other end.

use super::symbolic::{End, stopped_only_by, symbolic, talk};
use super::*;
use crate::channel::binding::Side;
use crate::channel::error::Error;
use crate::error::Code;
use crate::wire::{Evidence as EvidenceBody, FrameKind, Hello, Verdict};

#[test]
fn evidence_of_another_session_is_refused() {
    // Same TLS keys on both sessions: a server that talked to the attacker, and a client that the attacker serves.
    let attack = || {
        let (mut attacker, mut genuine) = (End::client(1), End::server(1));
        let mut stolen = Vec::new();
        talk(&mut attacker, &mut genuine, |from, kind, body| {
            if from == Side::Server && kind == FrameKind::Evidence {
                stolen.clone_from(&body);
            }
            body
        });
        let (mut victim, mut fake) = (End::client(2), End::server(2));
        talk(&mut victim, &mut fake, |from, kind, body| match (from, kind) {
            (Side::Server, FrameKind::Evidence) => stolen.clone(),
            _ => body,
        });
        victim.opened
    };
    stopped_only_by(&[guard::SLOT, guard::TRANSCRIPT], attack);
}

#[test]
fn reflect_self() {
    // Everything that the victim says comes back to it; without the guard on nonces its own evidence comes back too, over the
    // client's slot where the server's is due.
    let attack = || {
        let mut victim = End::client(1);
        while !victim.sent.is_empty() {
            for (kind, body) in std::mem::take(&mut victim.sent) {
                victim.frame(kind, &body);
            }
        }
        victim
    };
    assert_eq!(attack().error(), Error::Nonce.to_string());
    let without_nonce = guard::without(&[guard::FRESH_NONCE], attack);
    assert_eq!(without_nonce.code(), Some(Code::NOT_BOUND.number()));
    assert!(!without_nonce.opened);
    stopped_only_by(&[guard::FRESH_NONCE, guard::SLOT], || attack().opened);
}

#[test]
fn swap_roles() {
    // The attacker shows a client's evidence as a server's: genuine, of this very session, and over the client's slot.
    let attack = || {
        let first = terms(true, true, Order::ClientFirst);
        let mut client = End::new(client(first.clone(), 1), 1);
        let mut server = End::new(server(first, 2), 1);
        let mut own = Vec::new();
        talk(&mut client, &mut server, |from, kind, body| {
            match (from, kind) {
                (Side::Client, FrameKind::Evidence) => own.clone_from(&body),
                (Side::Server, FrameKind::Evidence) => return own.clone(),
                _ => {}
            }
            body
        });
        client.opened
    };
    stopped_only_by(&[guard::SLOT, guard::TRANSCRIPT], attack);
}

#[test]
fn strip_version() {
    // The client offers versions 1 and 2; the attacker takes 2 away. Nothing in the machine knows of 2: the context does.
    let attack = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        talk(&mut client, &mut server, |from, kind, body| {
            if from != Side::Server || kind != FrameKind::Hello {
                return body;
            }
            let mut hello = Hello::from_bytes(&body).unwrap();
            hello.versions = List::new(vec![1, 2]).unwrap();
            hello.to_bytes()
        });
        client.opened || server.opened
    };
    stopped_only_by(&[guard::SLOT, guard::TRANSCRIPT], attack);
}

#[test]
fn a_version_that_nobody_here_speaks_is_refused() {
    let attack = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        let (kind, body) = client.sent.remove(0);
        let mut hello = Hello::from_bytes(&body).unwrap();
        hello.versions = List::new(vec![2, 3]).unwrap();
        server.frame(kind, &hello.to_bytes());
        server.ended.is_none()
    };
    stopped_only_by(&[guard::VERSION], attack);
}

fn server_after(change: impl Fn(&mut Hello)) -> End {
    let (mut client, mut server) = (End::client(1), End::server(1));
    let (kind, body) = client.sent.remove(0);
    let mut hello = Hello::from_bytes(&body).unwrap();
    change(&mut hello);
    server.frame(kind, &hello.to_bytes());
    server
}

#[test]
fn a_hello_must_meet_the_local_policy() {
    let shows_nothing = || server_after(|hello| hello.shows = List::default());
    assert_eq!(shows_nothing().code(), Some(Code::KIND.number()));
    stopped_only_by(&[guard::SHOWS], || shows_nothing().ended.is_none());

    let expects = || server_after(|hello| hello.expects.cluster = Some(ClusterId::new([9; 32])));
    assert_eq!(expects().code(), Some(Code::NOT_EXPECTED.number()));
    stopped_only_by(&[guard::EXPECTED], || expects().ended.is_none());

    assert_eq!(server_after(|hello| hello.flow = Flow::Join).code(), Some(Code::NOT_SERVED.number()));

    let mut first = End::new(server(terms(true, true, Order::ServerFirst), 7), 1);
    let hello = End::new(client(terms(true, true, Order::ClientFirst), 8), 1).sent.remove(0);
    first.frame(hello.0, &hello.1);
    assert_eq!(first.code(), Some(Code::OUT_OF_ORDER.number()));
}

#[test]
fn a_server_cannot_answer_another_flow() {
    let attack = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        talk(&mut client, &mut server, |from, kind, body| {
            if from != Side::Server || kind != FrameKind::Hello {
                return body;
            }
            let mut hello = Hello::from_bytes(&body).unwrap();
            hello.flow = Flow::Join;
            hello.to_bytes()
        });
        client
    };
    assert_eq!(attack().code(), Some(Code::WRONG_VALUE.number()));
    let without = guard::without(&[guard::FLOW], attack);
    assert_ne!(without.code(), Some(Code::WRONG_VALUE.number()));
}

#[test]
fn a_replayed_nonce_is_refused() {
    let attack = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        let mut first = Vec::new();
        talk(&mut client, &mut server, |from, kind, body| {
            if from == Side::Client && kind == FrameKind::Hello {
                first.clone_from(&body);
            }
            body
        });
        server.frame(FrameKind::Hello, &first);
        server
    };
    assert_eq!(attack().error(), Error::Nonce.to_string());
    stopped_only_by(&[guard::FRESH_NONCE], || attack().ended.is_none());
}

/// What a client makes of a server's Evidence frame that was changed.
fn after_evidence(change: impl Fn(&mut EvidenceBody)) -> End {
    let (mut client, mut server) = (End::client(1), End::server(1));
    talk(&mut client, &mut server, |from, kind, body| {
        if from != Side::Server || kind != FrameKind::Evidence {
            return body;
        }
        let mut evidence = EvidenceBody::from_bytes(&body).unwrap();
        change(&mut evidence);
        evidence.to_bytes()
    });
    client
}

#[test]
fn evidence_must_be_what_was_asked_for() {
    let nothing = || after_evidence(|evidence| evidence.items = List::default());
    assert_eq!(nothing().code(), Some(Code::KIND.number()));
    stopped_only_by(&[guard::DEMAND, guard::TRANSCRIPT], || nothing().opened);

    let other = || {
        after_evidence(|evidence| {
            let mut items = evidence.items.to_vec();
            let mut more = symbolic(&[0; 64]);
            (more.kind, more.slot) = (kind("nitro"), Bounded::clamped(1));
            items.push(more);
            evidence.items = List::new(items).unwrap();
        })
    };
    assert_eq!(other().code(), Some(Code::KIND.number()));
    stopped_only_by(&[guard::KINDS, guard::SLOT, guard::TRANSCRIPT], || other().opened);

    let twice = || {
        after_evidence(|evidence| {
            let items = [&evidence.items[..], &evidence.items[..]].concat();
            evidence.items = List::new(items).unwrap();
        })
    };
    assert_eq!(twice().code(), Some(Code::WRONG_VALUE.number()));
    stopped_only_by(&[guard::SLOTS_ASCEND, guard::TRANSCRIPT], || twice().opened);

    let claims = || after_evidence(|evidence| evidence.claims = author().encode_bytes().unwrap());
    assert_eq!(claims().code(), Some(Code::NOT_BOUND.number()));
}

#[test]
fn a_stolen_certificate_does_not_fit_another_key() {
    let chain = || {
        after_evidence(|evidence| {
            let der = Guest::new(1).chip.vcek().build();
            evidence.chain = Some(List::new(vec![Der::new(der).unwrap()]).unwrap());
        })
    };
    assert_eq!(chain().error(), Error::ChainKey.to_string());
    stopped_only_by(&[guard::CHAIN_KEY, guard::TRANSCRIPT], || chain().opened);
}

#[test]
fn a_verdict_must_be_over_the_same_frames_and_in_its_place() {
    let forged = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        talk(&mut client, &mut server, |from, kind, body| {
            if from != Side::Server || kind != FrameKind::Verdict {
                return body;
            }
            let mut verdict = Verdict::from_bytes(&body).unwrap();
            verdict.transcript[0] ^= 1;
            verdict.to_bytes()
        });
        client
    };
    assert_eq!(forged().code(), Some(Code::TRANSCRIPT.number()));
    stopped_only_by(&[guard::TRANSCRIPT], || forged().opened);

    // Accepted before anything was shown.
    let early = || {
        let (mut client, mut server) = (End::client(1), End::server(1));
        client.silent = true;
        let hello = client.sent.remove(0);
        server.frame(hello.0, &hello.1);
        let answer = server.sent.remove(0);
        client.frame(answer.0, &answer.1);
        let verdict = Verdict { code: Code::ACCEPTED, transcript: [0; 32], retry_after: None };
        client.frame(FrameKind::Verdict, &verdict.to_bytes());
        client
    };
    assert_eq!(early().code(), Some(Code::OUT_OF_ORDER.number()));
    stopped_only_by(&[guard::BOTH_SHOWN, guard::TRANSCRIPT], || early().ended.is_none());
}
