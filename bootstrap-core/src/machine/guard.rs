//! The guards that the models take out one by one, to see that each of them is needed.
//!
//! Outside of this crate's own tests none can be taken out: there, `removed` is `false` by definition.

/// A guard of a row, named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// L1, L2: take(d) for another cluster.
    LockOneCluster,
    /// L1: the register reads back as it must.
    LockReadBack,
    /// O1: a configuration of mine.
    OperatorConfiguration,
    /// O1: the node that this genesis is bound to, and no other.
    OperatorBound,
    /// O2: the lock is shown before the grant.
    OperatorLocked,
    /// N0: the key of an operator of the configuration.
    InitKey,
    /// N2: the roots belong to the genesis.
    InitRoots,
    /// J1: the cluster that was pinned or chosen.
    JoinerCluster,
    /// J1: a certificate chain of that cluster.
    JoinerChain,
    /// J3: the ids of the offer.
    JoinerOffer,
    /// S1: the lock is shown before the ticket.
    ServiceLocked,
    /// S0: the same node as enrolled.
    ServiceSameNode,
    /// S0: a place is reserved before the offer.
    ServiceReserved,
    /// S0, S2: the boot that the ticket was for.
    ServiceBoot,
    /// U1: the same node as in the state file.
    PusherSameNode,
    /// V1: the key of an operator or a custodian.
    PusherKey,
    /// V4: the first that opens the disk.
    RecoveryFirst,
    /// V5: the generation rule.
    RecoveryGeneration,
    /// V6: services shut until confirmed.
    RecoveryShut,
}

#[cfg(not(test))]
pub(crate) const fn removed(_: Guard) -> bool {
    false
}

#[cfg(test)]
pub(crate) use self::mutants::{removed, without};

#[cfg(test)]
mod mutants {
    use core::cell::Cell;

    use super::Guard;

    std::thread_local! {
        static REMOVED: Cell<Option<Guard>> = const { Cell::new(None) };
    }

    pub(crate) fn removed(guard: Guard) -> bool {
        REMOVED.get() == Some(guard)
    }

    /// Runs `work` on this thread with that guard taken out, if one is named.
    pub(crate) fn without<T>(guard: Option<Guard>, work: impl FnOnce() -> T) -> T {
        REMOVED.set(guard);
        let result = work();
        REMOVED.set(None);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_taken_out_on_its_thread_for_as_long_as_the_work_takes() {
        assert!(!removed(Guard::InitKey));
        assert!(without(Some(Guard::InitKey), || removed(Guard::InitKey) && !removed(Guard::InitRoots)));
        assert!(without(Some(Guard::InitKey), || !std::thread::spawn(|| removed(Guard::InitKey))
            .join()
            .unwrap()));
        assert!(!removed(Guard::InitKey));
    }
}
