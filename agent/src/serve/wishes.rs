//! What clients filter for, on its way to the source: so that it is traced at all.

use std::collections::VecDeque;

use super::claims::ClaimId;
use crate::event::{Stacks, Target};

/// Clients whose filters the source can tell apart: bits 1 to 63 of a word, bit 0 is the agent's own target.
pub const MAX_CLIENTS: usize = 63;

/// One client's filter as it is from now on; empty: it has none, or has gone.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Its place in the queue, from 1 on.
    pub number: u64,
    /// Whose: 1 to 63.
    pub bit: u32,
    pub target: Target,
    pub stacks: Stacks,
}

/// The queue, and who has which bit.
#[derive(Default)]
pub struct Wishes {
    holders: Vec<Option<ClaimId>>,
    queue: VecDeque<Wish>,
    last: u64,
}

impl Wishes {
    /// Queues what a client filters for now. Its number, 0 where there is nothing to be done for it.
    pub fn wish(&mut self, client: ClaimId, target: Target, stacks: Stacks) -> u64 {
        let is_empty =
            target.pids.is_empty() && target.comms.is_empty() && stacks == Stacks::default();
        let held = self
            .holders
            .iter()
            .position(|&holder| holder == Some(client));
        let Some(at) = held.or_else(|| (!is_empty).then(|| self.hold(client)).flatten()) else {
            return 0;
        };
        self.last += 1;
        self.queue.push_back(Wish {
            number: self.last,
            bit: u32::try_from(at + 1).unwrap_or(0),
            target,
            stacks,
        });
        self.last
    }

    /// A client went: what only it wanted is wanted no more.
    pub fn leave(&mut self, client: ClaimId) {
        self.wish(client, Target::default(), Stacks::default());
        // In the queue, a later holder's wish comes behind this one.
        for holder in &mut self.holders {
            if *holder == Some(client) {
                *holder = None;
            }
        }
    }

    pub fn next(&mut self) -> Option<Wish> {
        self.queue.pop_front()
    }

    fn hold(&mut self, client: ClaimId) -> Option<usize> {
        if let Some(at) = self.holders.iter().position(Option::is_none) {
            self.holders[at] = Some(client);
            return Some(at);
        }
        if self.holders.len() == MAX_CLIENTS {
            return None;
        }
        self.holders.push(Some(client));
        Some(self.holders.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::claims::Claims;

    const NONE: Stacks = Stacks {
        kernel: false,
        user: false,
    };

    #[test]
    fn who_wants_stacks_alone_has_a_bit_for_them_and_takes_them_along() {
        let (mut claims, mut wishes) = (Claims::default(), Wishes::default());
        let client = claims.enter("a".into(), 0);
        let user = Stacks { user: true, ..NONE };
        assert_eq!(wishes.wish(client, Target::default(), user), 1);
        wishes.leave(client);
        let asked: Vec<Stacks> = std::iter::from_fn(|| wishes.next())
            .map(|wish| wish.stacks)
            .collect();
        assert_eq!(asked, [user, NONE]);
    }

    fn pid(pid: u32) -> Target {
        Target {
            pids: vec![pid],
            ..Target::default()
        }
    }

    fn told(wishes: &mut Wishes) -> Vec<(u32, Vec<u32>)> {
        std::iter::from_fn(|| wishes.next())
            .map(|wish| (wish.bit, wish.target.pids))
            .collect()
    }

    #[test]
    fn a_bit_is_freed_with_its_client_and_cleared_before_another_has_it() {
        let (mut claims, mut wishes) = (Claims::default(), Wishes::default());
        let [first, second, third] = ["a", "b", "c"].map(|name| claims.enter(name.into(), 0));
        assert_eq!(wishes.wish(first, pid(7), NONE), 1);
        assert_eq!(wishes.wish(second, Target::default(), NONE), 0);
        assert_eq!(wishes.wish(second, pid(8), NONE), 2);
        wishes.leave(first);
        assert_eq!(wishes.wish(third, pid(9), NONE), 4);
        assert_eq!(
            told(&mut wishes),
            [(1, vec![7]), (2, vec![8]), (1, vec![]), (1, vec![9])]
        );
    }

    #[test]
    fn there_are_as_many_bits_as_clients() {
        let (mut claims, mut wishes) = (Claims::default(), Wishes::default());
        for i in 0..MAX_CLIENTS {
            assert_ne!(wishes.wish(claims.enter(i.to_string(), 0), pid(1), NONE), 0);
        }
        assert!(
            told(&mut wishes)
                .iter()
                .all(|&(bit, _)| (1..64).contains(&bit))
        );
        assert_eq!(wishes.wish(claims.enter("late".into(), 0), pid(1), NONE), 0);
    }
}
