//! Tickets: what is in them, and what is refused.

use super::*;

#[test]
fn a_workers_ticket_opens_its_disk_and_holds_no_root() {
    let mut cast = Cast::new(1);
    let mut node = Keyring::new();
    let ticket = cast.give(Holding::Worker, &mut node);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let policies = node.check_ticket(ticket, &cast.check(&none)).unwrap();
    assert_eq!(policies.tip(), cast.policies.tip());
    assert!(node.roots(ticket).is_err());
    let derived = cast.ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
    assert_eq!(keys_of(&node, ticket), keys_of(&cast.ring, derived));
    let Grant::Join(join) = node.grant(ticket).unwrap() else { panic!("a join ticket") };
    assert!(matches!(join.place, crate::wire::Place::Worker));
    assert!(join.voucher_secret.is_some());
    // Again, by a node that holds the policy already.
    assert!(node.check_ticket(ticket, &cast.check(&policies)).is_ok());
}

#[test]
fn a_seats_ticket_brings_roots_that_are_compared() {
    let mut cast = Cast::new(1);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let mut node = Keyring::new();
    let ticket = cast.give(Holding::Seat { roots: vec![FIRST] }, &mut node);
    assert!(node.roots(ticket).is_err(), "nothing is believed before it was compared");
    node.check_ticket(ticket, &cast.check(&none)).unwrap();
    let roots = node.roots(ticket).unwrap();
    let own = cast.ring.roots(cast.roots).unwrap();
    assert!(roots.identity(FIRST).unwrap().secret() == own.identity(FIRST).unwrap().secret());
    // A seat that has the CA key and lies about the data root.
    let mut grant = node.release(ticket).unwrap();
    if let Grant::Join(join) = &mut grant {
        let identity = own.identity(FIRST).unwrap().secret().duplicate();
        let data = Some(Secret::new("data root", &[9; 32]).unwrap());
        let root = crate::wire::Root { epoch: FIRST, identity: Some(identity), data };
        join.place = crate::wire::Place::Seat(list(vec![root]).unwrap());
    }
    let lie = node.receive(grant).unwrap();
    let wrong = Error::Wrong { what: "data root" };
    assert_eq!(node.check_ticket(lie, &cast.check(&none)).err(), Some(wrong));
    assert!(node.roots(lie).is_err());
}

#[test]
fn a_ticket_of_another_node_key_cluster_or_policy_is_refused() {
    let mut cast = Cast::new(1);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let mut node = Keyring::new();
    let ticket = cast.give(Holding::Worker, &mut node);
    let refused = |node: &mut Keyring, check: &TicketCheck<'_>| node.check_ticket(ticket, check).err();
    let mine = cast.check(&none);
    let other = TicketCheck { node: NodeId::new([9; 16]), ..mine };
    assert_eq!(refused(&mut node, &other), Some(Error::NotMine { what: "certificate" }));
    let foreign = Cast::new(60);
    let elsewhere = TicketCheck { genesis: &foreign.genesis, ..mine };
    assert_eq!(refused(&mut node, &elsewhere), Some(Error::NotMine { what: "cluster" }));
    let late = TicketCheck { now: at(86_411), ..mine };
    assert!(matches!(
        refused(&mut node, &late),
        Some(Error::Key(KeyError::Certificate(CertificateFault::Validity { .. })))
    ));
    // A key of another boot.
    node.make_node_key(&counted(0x22)).unwrap();
    assert_eq!(refused(&mut node, &mine), Some(Error::NotMine { what: "certificate" }));
    node.make_node_key(&counted(0x11)).unwrap();
    assert_eq!(refused(&mut node, &mine), None);
    // A generation that the certificate does not say; a policy chain of a stranger.
    let change = |node: &mut Keyring, change: &dyn Fn(&mut crate::wire::JoinTicket)| {
        let mut grant = node.release(ticket).unwrap();
        if let Grant::Join(join) = &mut grant {
            change(join);
        }
        node.receive(grant).unwrap()
    };
    let changed = change(&mut node, &|join| join.generation = 2);
    let error = node.check_ticket(changed, &mine).err();
    assert_eq!(error, Some(Error::NotMine { what: "generation" }));
    let foreign = foreign.statement;
    let ticket = cast.give(Holding::Worker, &mut node);
    let mut grant = node.release(ticket).unwrap();
    if let Grant::Join(join) = &mut grant {
        join.policies = list(vec![foreign]).unwrap();
    }
    let changed = node.receive(grant).unwrap();
    let error = node.check_ticket(changed, &cast.check(&none)).err().unwrap();
    assert_eq!(error.code(), crate::error::Code::STATEMENT);
}

#[test]
fn nothing_is_issued_without_a_policy_roots_or_a_good_request() {
    let mut cast = Cast::new(1);
    let csr = Keyring::new().make_node_key(&counted(0x11)).unwrap();
    let ticket = |cluster, csr: &[u8]| {
        ticket::JoinTicket::new(shown(cluster), receiver(csr.to_vec(), Holding::Worker))
    };
    let mut ring = std::mem::take(&mut cast.ring);
    let good = ticket(cast.cluster, &csr);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let without = Issuing { policies: &none, ..cast.issuing() };
    assert_eq!(
        ring.join_ticket(&good, &without, &entropy(1)).err(),
        Some(Error::Missing { what: "policy that holds" })
    );
    let late = Issuing { now: at(500_001), ..cast.issuing() };
    assert_eq!(
        ring.join_ticket(&good, &late, &entropy(1)).err(),
        Some(Error::Missing { what: "policy that holds" })
    );
    let bad = ticket(cast.cluster, &csr[1..]);
    let error = ring.join_ticket(&bad, &cast.issuing(), &entropy(1)).err().unwrap();
    assert_eq!(error.code(), crate::error::Code::CSR);
    let elsewhere = ClusterId::new([9; 32]);
    let error = ring.join_ticket(&ticket(elsewhere, &csr), &cast.issuing(), &entropy(1)).err();
    assert_eq!(error, Some(Error::NoRoots { cluster: elsewhere }));
    assert!(ring.join_ticket(&good, &cast.issuing(), &entropy(1)).is_ok());
    // Forgotten roots make nothing.
    ring.forget(cast.roots);
    let error = ring.join_ticket(&good, &cast.issuing(), &entropy(1)).err();
    assert_eq!(error, Some(Error::NoRoots { cluster: cast.cluster }));
}

#[test]
fn rejoin_renew_and_recover_give_the_same_disk_key() {
    let mut cast = Cast::new(1);
    let csr = Keyring::new().make_node_key(&counted(0x11)).unwrap();
    let mut ring = std::mem::take(&mut cast.ring);
    let derived = ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
    let expected = keys_of(&ring, derived);
    let receiver = receiver(csr, Holding::Worker);
    let rejoin = ticket::RejoinTicket::new(shown(cast.cluster), receiver.clone(), true);
    let rejoin = ring.rejoin_ticket(&rejoin, &cast.issuing(), &entropy(1)).unwrap();
    assert_eq!(keys_of(&ring, rejoin), expected);
    assert!(matches!(ring.grant(rejoin), Ok(Grant::Rejoin(ticket)) if ticket.provisional == Some(true)));
    let renew = ticket::RenewTicket::new(shown(cast.cluster), receiver.clone());
    let renew = ring.renew_ticket(&renew, &cast.issuing(), &entropy(1)).unwrap();
    assert_eq!(keys_of(&ring, renew), expected);
    let same = Receiver { epochs: Vec::new(), ..receiver };
    let renew = ticket::RenewTicket::new(shown(cast.cluster), same);
    let renew = ring.renew_ticket(&renew, &cast.issuing(), &entropy(1)).unwrap();
    assert!(ring.disk_keys(renew).is_err(), "no new epoch, no key");
    let recover = ticket::RecoverGrant::new(shown(cast.cluster), NODE, DISK, vec![FIRST], Holding::Worker);
    let recover = ring.recover_grant(&recover).unwrap();
    assert_eq!(keys_of(&ring, recover), expected);
    let later = ticket::RecoverGrant::new(
        shown(cast.cluster),
        NODE,
        DISK,
        vec![FIRST.next().unwrap()],
        Holding::Worker,
    );
    let unknown = Error::Unknown { what: "data root", epoch: FIRST.next().unwrap() };
    assert_eq!(ring.recover_grant(&later).err(), Some(unknown));
}
