//! What may happen next.

use super::*;

impl World {
    pub(in super::super) fn moves(&self, moves: &mut Vec<Move>) {
        if let Some(who) = self.busy() {
            moves.push(Move::Work(who));
            if self.budget.crashes > 0 {
                self.crashes(who, moves);
            }
            return;
        }
        for channel in &self.channels {
            if !channel.to_client.is_empty() {
                moves.push(Move::Deliver(channel.id, true));
            }
            if !channel.to_server.is_empty() {
                moves.push(Move::Deliver(channel.id, false));
            }
            if !channel.closed && self.budget.drops > 0 {
                moves.push(Move::Drop(channel.id));
            }
        }
        for (at, operator) in self.operators.iter().enumerate() {
            let who = Who::Operator(at);
            for id in &operator.dials {
                self.connects(who, *id, (0..self.nodes.len()).map(Who::Node), moves);
            }
            self.ticks(who, moves);
            if self.budget.crashes > 0 {
                self.crashes(who, moves);
            }
        }
        for (at, node) in self.nodes.iter().enumerate() {
            let who = Who::Node(at);
            for (id, _) in &node.dials {
                self.connects(who, *id, self.services.iter().map(|(number, _)| Who::Service(*number)), moves);
            }
            self.ticks(who, moves);
            if self.budget.crashes > 0 {
                self.crashes(who, moves);
            }
            if self.budget.rollbacks > 0 && node.old_disk.is_some() {
                moves.push(Move::Rollback(at));
            }
        }
        for (at, pusher) in self.pushers.iter().enumerate() {
            if !pusher.pushed && self.in_flight() < IN_FLIGHT {
                moves.push(Move::Push(at));
            }
        }
    }

    fn in_flight(&self) -> usize {
        self.channels.iter().map(|channel| channel.to_client.len() + channel.to_server.len()).sum()
    }

    fn connects(&self, who: Who, id: ActionId, targets: impl Iterator<Item = Who>, moves: &mut Vec<Move>) {
        if self.budget.connects > 0 && self.in_flight() < IN_FLIGHT {
            moves.extend(targets.map(|target| Move::Connect(who, id, target)));
        }
        if self.budget.failed_dials > 0 {
            moves.push(Move::Fail(who, id));
        }
    }

    fn ticks(&self, who: Who, moves: &mut Vec<Move>) {
        if self.budget.ticks > 0 && self.deadline(who).is_some() {
            moves.push(Move::Tick(who));
        }
    }

    fn crashes(&self, who: Who, moves: &mut Vec<Move>) {
        match who {
            Who::Node(_) => moves.extend([Move::Crash(who, false), Move::Crash(who, true)]),
            Who::Operator(_) => moves.push(Move::Crash(who, false)),
            Who::Pusher(_) | Who::Service(_) => {}
        }
    }

    pub(super) fn deadline(&self, who: Who) -> Option<Instant> {
        let output = match who {
            Who::Node(at) => self.nodes[at].machine.clone()?.poll(),
            Who::Operator(at) => self.operators[at].machine.clone()?.poll(),
            Who::Pusher(_) | Who::Service(_) => return None,
        };
        match output {
            Output::Wait(deadline) => deadline.map(|deadline| deadline.at),
            _ => None,
        }
    }

    /// Whoever has something durable to do.
    fn busy(&self) -> Option<Who> {
        let node =
            self.nodes.iter().position(|node| node.machine.as_ref().is_some_and(|it| it.peek().is_some()));
        let operator = self
            .operators
            .iter()
            .position(|party| party.machine.as_ref().is_some_and(|it| it.peek().is_some()));
        node.map(Who::Node).or_else(|| operator.map(Who::Operator))
    }
}
