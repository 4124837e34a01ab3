//! Peers that are not who they say they are, or have not done what they say.

use super::*;

#[test]
fn malicious_service() {
    stopped_by(Guard::JoinerCluster, || {
        let mut cast = founded(Casting::of(0, 0));
        let pinned = cast.cluster();
        let service = strange_cluster(&mut cast);
        let program = NodeProgram { pinned, ..cast.casting.node() };
        let joiner = add_node(&mut cast, IMAGE, program, &[service]);
        cast.run_for(120);
        opened_services(&cast, joiner)
    });
}

/// A genuine machine with our image says that it is a service of the cluster, and has no certificate of it.
#[derive(Debug)]
struct Impostor {
    claims: Claims,
    offer: Message,
}

impl Machine for Option<Output> {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, _: Instant) {
        if let (Input::Opened(opened), Some(Output::Send(channel, _))) = (input, self) {
            *channel = opened.channel;
        }
    }

    fn poll(&mut self) -> Output {
        match self {
            Some(Output::Send(channel, _)) if channel.number() != 0 => self.take().unwrap(),
            _ => Output::Wait(None),
        }
    }
}

impl Program for Impostor {
    fn boot(&self, _: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        Some(Box::new(Some(Output::Send(ChannelId::new(0), self.offer.clone()))))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, _: &Host, _: Flow) -> bool {
        true
    }

    fn claims(&self, _: &Host, _: Flow, _: bool, _: Option<&ClusterStore>) -> Option<Claims> {
        Some(self.claims.clone())
    }

    fn sets(&self, _: &Host, image: ReferenceSetId, _: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        vec![image]
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn service_without_a_certificate() {
    stopped_by(Guard::JoinerChain, || {
        let mut cast = founded(Casting::of(1, 0));
        let cluster = cast.cluster().unwrap();
        let offer = cast.world.trace.entries().iter().find_map(|entry| match &entry.what {
            What::Sent(_, _, offer @ Message::Offer(_)) => Some(offer.clone()),
            _ => None,
        });
        let first = cast.world.host(cast.first).unwrap();
        let claims =
            cast.casting.node().claims(first, Flow::Join, false, cast.world.store(&cluster)).unwrap();
        let program = Rc::new(Impostor { claims, offer: offer.unwrap() });
        let now = cast.world.now();
        let service = cast.world.add(genuine(90, IMAGE, true), program, Rc::from([]), now);
        // The lock claim of c costs the impostor nothing: its register does not, so it locks itself like a member.
        let locked = cast.world.host(cast.first).unwrap().devices.clone();
        let host = cast.world.host_mut(service).unwrap();
        (host.devices.register, host.devices.lock_file) = (locked.register, locked.lock_file);
        let program = NodeProgram { pinned: Some(cluster), ..cast.casting.node() };
        let joiner = add_node(&mut cast, IMAGE, program, &[service]);
        cast.run_for(60);
        sent_locked(&cast, joiner)
    });
}

/// A node that asks to join, or lets itself be initialised, and says Locked without a lock.
#[derive(Debug)]
struct Unlocked(NodeProgram);

#[derive(Debug, Default)]
struct SaysLocked {
    dialled: bool,
    says: Option<Output>,
}

impl Machine for SaysLocked {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, _: Instant) {
        let locked = |channel, cluster| {
            Some(Output::Send(channel, Message::Locked(Locked { cluster, class: 2, genesis: None })))
        };
        match input {
            Input::Message(channel, Message::Offer(offer)) => self.says = locked(channel, offer.cluster),
            Input::Opened(opened) => {
                if let Claims::Init(claims) = &opened.claims {
                    self.says = locked(opened.channel, claims.genesis.cluster().unwrap());
                }
            }
            _ => {}
        }
    }

    fn poll(&mut self) -> Output {
        if !core::mem::replace(&mut self.dialled, true) {
            return Output::Do(ActionId::new(0), Action::Dial { endpoint: 0, flow: Flow::Join });
        }
        self.says.take().unwrap_or(Output::Wait(None))
    }
}

impl Program for Unlocked {
    fn boot(&self, _: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        Some(Box::new(SaysLocked::default()))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, host: &Host, flow: Flow) -> bool {
        self.0.serves(host, flow)
    }

    fn claims(&self, host: &Host, flow: Flow, dialled: bool, store: Option<&ClusterStore>) -> Option<Claims> {
        self.0.claims(host, flow, dialled, store)
    }

    fn sets(&self, host: &Host, image: ReferenceSetId, store: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        self.0.sets(host, image, store)
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

fn got_a_grant(cast: &Cast, host: HostId) -> bool {
    happened(cast, |entry| {
        entry.host == host && matches!(entry.what, What::Received(_, _, Message::Grant(_)))
    })
}

#[test]
fn ticket_without_a_lock() {
    stopped_by(Guard::ServiceLocked, || {
        let mut cast = founded(Casting::of(0, 0));
        let program = Rc::new(Unlocked(cast.casting.node()));
        let (now, endpoints) = (cast.world.now(), Rc::from([cast.first]));
        let node = cast.world.add(genuine(90, IMAGE, true), program, endpoints, now);
        cast.world.host_mut(node).unwrap().devices.register = Some(Register::zero());
        cast.run_for(60);
        got_a_grant(&cast, node)
    });
}

#[test]
fn roots_without_a_lock() {
    stopped_by(Guard::OperatorLocked, || {
        let mut cast = founded(Casting::of(0, 0));
        let program = Rc::new(Unlocked(cast.casting.node()));
        let now = cast.world.now();
        let node = cast.world.add(genuine(90, IMAGE, true), program, Rc::from([]), now);
        cast.world.host_mut(node).unwrap().devices.register = Some(Register::zero());
        add_operator(&mut cast, stranger(), node);
        cast.run_for(60);
        got_a_grant(&cast, node)
    });
}

#[test]
fn unknown_operator_inits() {
    stopped_by(Guard::InitKey, || {
        let mut cast = founded(Casting::of(0, 0));
        let node = {
            let program = cast.casting.node();
            add_node(&mut cast, IMAGE, program, &[])
        };
        // It names our authority in its genesis, and has another key.
        let program = cast.casting.operator();
        let id = cast.world.add(
            Identity::person(vec![stranger()]),
            shared(Operator { authority: program.authority.clone(), ..program }),
            Rc::from([node]),
            cast.world.now(),
        );
        cast.world.host_mut(id).unwrap().devices.desk = Some(Box::default());
        cast.run_for(60);
        // Without the guard it comes as far as the policy, which it could not sign either.
        let checks = |action: &Action| matches!(action, Action::Keys(KeyAction::CheckPolicies { .. }));
        happened(&cast, |entry| {
            entry.host == node && matches!(&entry.what, What::Asked(action) if checks(action))
        })
    });
}

#[test]
fn foreign_config() {
    stopped_by(Guard::OperatorConfiguration, || {
        let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), Casting::of(0, 0));
        let first = cast.first;
        cast.world.host_mut(first).unwrap().identity.configuration =
            crate::ids::ConfigDigest::new([0xcc; 32]);
        cast.run_for(60);
        got_a_grant(&cast, first)
    });
}

#[test]
fn other_image() {
    // The judge of the channel refuses it; no machine is asked. There is no guard of a machine to take out.
    let mut cast = founded(Casting::of(0, 0));
    let program = cast.casting.node();
    let service = cast.first;
    let node = add_node(&mut cast, OTHER_IMAGE, program, &[service]);
    cast.run_for(60);
    assert!(happened(&cast, |entry| matches!(
        entry.what,
        What::NotBelieved(_, who, Code::POLICY) if who == node
    )));
    assert!(!got_a_grant(&cast, node));
}

/// A service hands out a ticket for another node than it offered.
#[test]
fn ticket_of_another_node() {
    stopped_by(Guard::JoinerOffer, || {
        let mut cast = founded(Casting::of(1, 0));
        let replayed = cast.world.trace.entries().iter().find_map(|entry| match &entry.what {
            What::Sent(_, _, Message::Grant(grant)) => match &grant.facts {
                GrantFacts::Join { ticket, .. } => Some(ticket.node),
                _ => None,
            },
            _ => None,
        });
        let (program, service) = (cast.casting.node(), cast.first);
        cast.world.host_mut(service).unwrap().relabels = replayed;
        let node = add_node(&mut cast, IMAGE, program, &[service]);
        cast.run_for(60);
        cast.world.host(node).unwrap().devices.disk.header.is_some()
    });
}

/// Every host lies now and then on channels that it opened as itself: nobody else breaks an invariant by it.
#[test]
fn liars() {
    for seed in 0..60 {
        let plan = Plan { lie: 200_000, ..Plan::rough() };
        let mut cast = Cast::new(seed, plan, Trace::whole(), Casting::of(3, 1));
        let liar = HostId::new(u32::try_from(seed % 5).unwrap());
        cast.world.host_mut(liar).unwrap().lies = true;
        cast.run_for(600);
        // What a liar sends is its own breach; what others do is theirs.
        let broken: Vec<_> = cast.broken().into_iter().filter(|broken| broken.host != liar).collect();
        assert_eq!(broken, Vec::new(), "seed {seed}, liar {liar:?}");
    }
}
