//! Honest ends over real TLS with SNP evidence of the test PKI.

use attest_core::claims::Root;
use attest_core::tee::snp;

use super::*;
use crate::error::Code;
use crate::peer::LockClaim;
use crate::time::Timer;
use crate::wire::{Done, Message};

#[test]
fn mutual_attestation_opens_in_every_order() {
    for order in [Order::Both, Order::ClientFirst, Order::ServerFirst] {
        let mut pair = Pair::mutual(order);
        let sent = pair.run(at(10));
        pair.assert_open();
        let [client, server] = &pair.hosts;
        let (to_client, to_server) = (client.opened[0].facts(), server.opened[0].facts());
        assert_eq!(to_client.sets, [SET]);
        assert_eq!(to_client.root, Some(Root::Caller));
        assert_eq!(to_client.lock, Some(LockClaim::Open));
        assert_eq!(to_client.boot, Some(BootId::new([0xb0; 16])));
        assert_eq!(to_client.configuration, Some(ConfigDigest::new([0xcf; 32])));
        assert!(!to_client.configuration_in_evidence, "HOST_DATA is zero");
        assert_eq!(to_client.valid_until, wall().as_secs() + LIFETIME.as_secs());
        assert!(to_client.machine.is_some() && to_client.machine != to_server.machine);
        assert_eq!(pair.ends[0].key_exchange().as_deref(), Some("X25519MLKEM768"));
        // A quote with its certificates has about 6 KiB; a handshake that grows much has taken something in.
        assert!(sent.iter().all(|sent| *sent < 12 * 1024), "{sent:?}");
    }
}

#[test]
fn one_end_may_be_enough() {
    for (client_shows, server_shows) in [(true, false), (false, true), (false, false)] {
        let mut pair = Pair::new(
            terms(client_shows, server_shows, Order::Both),
            terms(server_shows, client_shows, Order::Both),
        );
        pair.run(at(10));
        pair.assert_open();
        assert_eq!(pair.hosts[0].opened[0].facts().is_attested(), server_shows);
        assert_eq!(pair.hosts[1].opened[0].facts().is_attested(), client_shows);
    }
}

#[test]
fn who_shows_second_shows_only_to_a_peer_that_it_believes() {
    for (order, second) in [(Order::ServerFirst, 0), (Order::ClientFirst, 1)] {
        let mut pair = Pair::mutual(order);
        // The first one is on a chip of another line than its certificates.
        pair.hosts[1 - second].guest.as_mut().unwrap().chip.tcb.microcode ^= 1;
        let hosts = &mut pair.hosts;
        let mut asked = 0;
        super::super::pump::pump(&mut pair.ends, at(10), |end, session, event| {
            asked += usize::from(end == second && matches!(event, ChannelEvent::ProduceEvidence(_)));
            if end != second
                && let ChannelEvent::ProduceEvidence(request) = &event
            {
                let mut evidence = hosts[end].make(request);
                let slot = request.binding(&evidence.claims).slot(0, SNP, b"");
                let liar = Guest::new(9).quote(*slot.as_bytes());
                let mut record = hosts[end].guest.as_ref().unwrap().quote(*slot.as_bytes());
                record.bytes = liar.bytes;
                evidence.items = List::new(vec![snp_item(&Record::Plain(record))]).unwrap();
                return session.evidence(evidence, at(10)).unwrap();
            }
            hosts[end].on(session, event, at(10));
        });
        assert_eq!(asked, 0, "{order:?}");
        assert_eq!(pair.hosts[second].code(), Some(Code::UNTRUSTED.number()), "{order:?}");
        assert_eq!(pair.hosts[1 - second].code(), Some(Code::UNTRUSTED.number()), "{order:?}");
    }
}

#[test]
fn one_report_serves_many_channels() {
    let mut pairs: Vec<Pair> = (0..3).map(|_| Pair::mutual(Order::Both)).collect();
    for pair in &mut pairs {
        pair.hosts[1].batch = Some(Vec::new());
        pair.run(at(10));
        assert_eq!(pair.ends[1].state(), "C4");
    }
    let claims = pairs[0].hosts[1].claims.clone();
    let slots: Vec<_> = pairs
        .iter()
        .map(|pair| pair.hosts[1].batch.as_ref().unwrap()[0].binding(&claims).slot(0, SNP, b""))
        .collect();
    let batch = Batch::new(&slots).unwrap();
    let quote = pairs[0].hosts[1].guest.as_ref().unwrap().quote(batch.report_data());
    for (index, pair) in pairs.iter_mut().enumerate() {
        let record = Record::Batch(batch.place(index).unwrap(), quote.clone());
        let evidence = pair.hosts[1].evidence(vec![snp_item(&record)]);
        pair.ends[1].evidence(evidence, at(20)).unwrap();
        pair.run(at(20));
        pair.assert_open();
    }
}

#[test]
fn a_batch_that_does_not_hold_the_slot_is_refused() {
    let mut pair = Pair::mutual(Order::Both);
    pair.hosts[1].batch = Some(Vec::new());
    pair.run(at(10));
    let claims = pair.hosts[1].claims.clone();
    let request = pair.hosts[1].batch.as_ref().unwrap()[0].clone();
    let own = request.binding(&claims).slot(0, SNP, b"");
    let others = [1, 2].map(|slot| request.binding(&claims).slot(slot, SNP, b""));
    let batch = Batch::new(&others).unwrap();
    let guest = pair.hosts[1].guest.clone().unwrap();
    let plain_as_batch =
        Record::Batch(Batch::new(&[own]).unwrap().place(0).unwrap(), guest.quote(*own.as_bytes()));
    let foreign = Record::Batch(batch.place(0).unwrap(), guest.quote(batch.report_data()));
    let batch_as_plain = Record::Plain(guest.quote(Batch::new(&[own]).unwrap().report_data()));
    for record in [plain_as_batch, foreign, batch_as_plain] {
        let mut item = snp_item(&record);
        item.slot = Bounded::clamped(0);
        let judge = JudgeRequest {
            flow: Flow::Probe,
            side: super::super::binding::Side::Server,
            items: vec![(item, own)],
            claims: claims.clone(),
            chain: None,
        };
        let outcome = WORLD.with(|world| world.judge(&judge));
        assert!(matches!(outcome, Err(Disbelief::NotBound { .. })), "{outcome:?}");
    }
}

#[test]
fn messages_pass_once_both_ends_believe() {
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 7 });
    let mut pair = Pair::mutual(Order::Both);
    assert_eq!(pair.ends[0].send(&done, at(5)), Err(Misuse::NotOpen));
    pair.run(at(10));
    pair.assert_open();
    for end in 0..2 {
        pair.ends[end].send(&done, at(20)).unwrap();
        pair.run(at(20));
        assert_eq!(pair.hosts[1 - end].messages, 1);
    }
}

#[test]
fn verdicts_can_be_had_anew() {
    for (ask, client_believes_anew) in [(true, true), (false, false)] {
        let mut pair = Pair::mutual(Order::Both);
        pair.run(at(10));
        pair.ends[0].reattest(ask, at(100)).unwrap();
        pair.run(at(100));
        for end in &pair.ends {
            assert_eq!(end.state(), "C5");
        }
        // Claims that no new evidence vouches for are nobody's.
        assert_eq!(pair.hosts[0].reopened.len(), 1);
        assert_eq!(pair.hosts[0].reopened[0].1, client_believes_anew);
        // The other end was not asked, so it asks for all that it demands.
        assert!(pair.hosts[1].reopened[0].1);
        assert_eq!(pair.hosts[1].opened.len(), 1);
    }
}

#[test]
fn both_may_ask_at_once_and_messages_on_their_way_arrive() {
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 7 });
    let mut pair = Pair::mutual(Order::Both);
    pair.run(at(10));
    pair.ends[1].send(&done, at(99)).unwrap();
    pair.ends[0].reattest(true, at(100)).unwrap();
    pair.ends[1].reattest(true, at(100)).unwrap();
    assert_eq!(pair.ends[1].send(&done, at(100)), Err(Misuse::NotOpen));
    pair.run(at(100));
    assert_eq!(pair.hosts[0].messages, 1);
    assert!(pair.hosts.iter().all(|host| host.reopened.len() == 1 && host.closed.is_none()));
}

#[test]
fn a_verdict_ends_with_its_time() {
    let mut pair = Pair::mutual(Order::Both);
    pair.run(at(10));
    let end = at(10).after(LIFETIME);
    assert!(matches!(pair.ends[0].poll(), ChannelEvent::Wait(Some(until)) if until == end));
    // New verdicts before the end carry on.
    pair.ends[0].reattest(true, at(599_000)).unwrap();
    pair.run(at(599_000));
    pair.ends[0].handle_timeout(end);
    assert_eq!(pair.ends[0].state(), "C5");
    let end = at(599_000).after(LIFETIME);
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 7 });
    assert_eq!(pair.ends[0].send(&done, end), Err(Misuse::NotOpen));
    pair.run(end);
    assert_eq!(pair.hosts[0].code(), Some(Code::COLLATERAL.number()));
    assert_eq!(pair.hosts[1].code(), Some(Code::COLLATERAL.number()));
}

#[test]
fn a_verdict_ends_with_its_collateral() {
    let guest = Guest::new(1);
    let due = time::unix("2026-12-08T00:00:00Z");
    let until = |now: u64| {
        let mut world = World::new();
        world.now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let snp = world.sets[0].policy.snp.as_mut().unwrap();
        snp.crl_max_age_days = attest_core::rules::Limit::Any;
        let slot = super::super::binding::Slot::from_bytes([1; 64]);
        let request = JudgeRequest {
            flow: Flow::Probe,
            side: super::super::binding::Side::Client,
            items: vec![(snp_item(&Record::Plain(guest.quote([1; 64]))), slot)],
            claims: author().encode_bytes().unwrap(),
            chain: None,
        };
        world.judge(&request).map(|peer| peer.facts().valid_until)
    };
    assert_eq!(until(due - 700).unwrap(), due - 100);
    assert_eq!(until(due - 1).unwrap(), due);
    let late = until(due).unwrap_err();
    assert_eq!(late.code(), Code::COLLATERAL, "{late}");
}

#[test]
fn a_foreign_configuration_is_refused() {
    let mut pair = Pair::mutual(Order::Both);
    pair.hosts[1].guest.as_mut().unwrap().host_data = [0xcf; 32];
    pair.run(at(10));
    assert!(pair.hosts[0].opened[0].facts().configuration_in_evidence);

    let refused = || {
        let mut pair = Pair::mutual(Order::Both);
        pair.hosts[1].guest.as_mut().unwrap().host_data = [0xce; 32];
        pair.run(at(10));
        pair.hosts[0].code()
    };
    assert_eq!(refused(), Some(Code::CONFIGURATION.number()));
    assert_eq!(guard::without(&[guard::CONFIGURATION], refused), None);
}

#[test]
fn a_machine_of_no_set_is_refused() {
    let world = World { sets: Vec::new(), ..World::new() };
    let slot = super::super::binding::Slot::from_bytes([1; 64]);
    let request = |world: &World, quote: &Evidence| {
        world.judge(&JudgeRequest {
            flow: Flow::Probe,
            side: super::super::binding::Side::Client,
            items: vec![(snp_item(&Record::Plain(quote.clone())), slot)],
            claims: author().encode_bytes().unwrap(),
            chain: None,
        })
    };
    let quote = Guest::new(1).quote([1; 64]);
    let none = request(&world, &quote).unwrap_err();
    assert_eq!(none.code(), Code::POLICY);
    // A set whose time is over is none.
    let mut late = World::new();
    late.sets[0].not_after = wall();
    assert_eq!(request(&late, &quote).unwrap_err().code(), Code::POLICY);
    // A set of rules that refuse.
    let mut strict = World::new();
    let snp: &mut snp::Policy = strict.sets[0].policy.snp.as_mut().unwrap();
    snp.measurements = Listed::only([0; 48]);
    let refused = request(&strict, &quote).unwrap_err();
    assert_eq!(refused.code(), Code::POLICY);
    let Disbelief::Policy { rejections, .. } = refused else { panic!("{refused}") };
    assert!(rejections[0].1.checks().iter().any(|entry| entry.outcome == Outcome::Failed));
    assert!(request(&World::new(), &quote).is_ok());
}

#[test]
fn a_silent_connection_ends_with_the_way() {
    let mut pair = Pair::mutual(Order::Both);
    let deadline = Timer::Open.length();
    pair.ends[0].handle_timeout(at(0).after(deadline));
    pair.run(at(0).after(deadline));
    let Some(Ended::ByUs(error)) = &pair.hosts[0].closed else { panic!() };
    assert_eq!(error.to_string(), "T-open ran out");
}
