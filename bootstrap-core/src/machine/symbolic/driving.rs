//! Machines of all kinds, driven alike.

use super::*;

/// Any machine, to be driven alike.
pub(in crate::machine) trait Machine: Clone + PartialEq + core::fmt::Debug {
    fn handle(&mut self, input: Input, now: Instant);
    fn poll(&mut self) -> Output;

    /// One input, and all outputs that follow from it, with every durable write answered.
    fn run(&mut self, input: Input, now: Instant) -> Vec<Output> {
        self.handle(input, now);
        self.drain(now)
    }

    fn drain(&mut self, now: Instant) -> Vec<Output> {
        let mut outputs = Vec::new();
        loop {
            match self.poll() {
                Output::Wait(_) => return outputs,
                output @ Output::Do(id, Action::Persist(_)) => {
                    outputs.push(output);
                    self.handle(Input::Done(id, Outcome::Written), now);
                }
                output => outputs.push(output),
            }
            assert!(outputs.len() < 1_000, "a machine that never waits");
        }
    }

    fn deadline(&mut self) -> Option<crate::time::Deadline> {
        match self.poll() {
            Output::Wait(deadline) => deadline,
            output => panic!("not drained: {output:?}"),
        }
    }
}

macro_rules! machines {
    ($($name:ty)*) => { $(
        impl Machine for $name {
            fn handle(&mut self, input: Input, now: Instant) {
                <$name>::handle(self, input, now);
            }
            fn poll(&mut self) -> Output {
                <$name>::poll(self)
            }
        }
    )* };
}

machines! { Node InitOperator RecoverPusher StatementService }

/// A service under its rules.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::machine) struct Serving {
    pub(in crate::machine) service: JoinService,
    pub(in crate::machine) rules: AllOf,
}

impl Machine for Serving {
    fn handle(&mut self, input: Input, now: Instant) {
        self.service.handle(input, &self.rules, now);
    }

    fn poll(&mut self) -> Output {
        self.service.poll()
    }
}
