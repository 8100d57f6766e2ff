//! Who may still want a batch: it leaves the replay log early only when all of these have acknowledged it.

use std::collections::VecDeque;

/// Clients that went away, by name, whose place is kept for them.
const MAX_DEPARTED: usize = 8;

/// Names a connected client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimId(u64);

struct Claim {
    id: ClaimId,
    name: String,
    /// Nothing up to here is wanted any more.
    done_seq: u64,
    has_acknowledged: bool,
}

/// The connected clients, and the last of those that acknowledged something before they went.
#[derive(Default)]
pub struct Claims {
    connected: Vec<Claim>,
    departed: VecDeque<Claim>,
    next_id: u64,
}

impl Claims {
    /// A client came (back); it wants all behind `done_seq`.
    pub fn enter(&mut self, name: String, done_seq: u64) -> ClaimId {
        if !name.is_empty() {
            self.departed.retain(|claim| claim.name != name);
        }
        let id = ClaimId(self.next_id);
        self.next_id += 1;
        self.connected.push(Claim {
            id,
            name,
            done_seq,
            has_acknowledged: false,
        });
        id
    }

    pub fn acknowledge(&mut self, id: ClaimId, seq: u64) {
        if let Some(claim) = self.connected.iter_mut().find(|claim| claim.id == id) {
            claim.done_seq = claim.done_seq.max(seq);
            claim.has_acknowledged = true;
        }
    }

    /// A client went. One that never acknowledged will not resume either; it is forgotten, as is one without a name.
    pub fn leave(&mut self, id: ClaimId) {
        let Some(at) = self.connected.iter().position(|claim| claim.id == id) else {
            return;
        };
        let claim = self.connected.swap_remove(at);
        if !claim.has_acknowledged || claim.name.is_empty() {
            return;
        }
        if self.departed.len() == MAX_DEPARTED {
            self.departed.pop_front();
        }
        self.departed.push_back(claim);
    }

    pub fn connected(&self) -> usize {
        self.connected.len()
    }

    /// Up to here nobody wants anything; `None` while there is nobody to ask.
    pub fn floor(&self) -> Option<u64> {
        self.connected
            .iter()
            .chain(&self.departed)
            .map(|claim| claim.done_seq)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_freed_before_the_slowest_client_has_it() {
        let mut claims = Claims::default();
        let recorder = claims.enter("recorder".into(), 0);
        let viewer = claims.enter("viewer".into(), 50);
        claims.acknowledge(recorder, 80);
        assert_eq!(claims.floor(), Some(50));
        claims.acknowledge(viewer, 70);
        assert_eq!(claims.floor(), Some(70));
    }

    #[test]
    fn a_recorder_that_crashed_keeps_its_place_until_it_comes_back() {
        let mut claims = Claims::default();
        let recorder = claims.enter("recorder".into(), 0);
        let viewer = claims.enter("viewer".into(), 0);
        claims.acknowledge(recorder, 10);
        claims.acknowledge(viewer, 90);
        claims.leave(recorder);
        assert_eq!(claims.floor(), Some(10));
        claims.enter("recorder".into(), 60);
        assert_eq!(claims.floor(), Some(60));
    }

    #[test]
    fn a_viewer_that_never_acknowledged_leaves_nothing_behind() {
        let mut claims = Claims::default();
        let viewer = claims.enter("viewer".into(), 5);
        claims.leave(viewer);
        assert_eq!(claims.floor(), None);
    }

    #[test]
    fn names_cannot_be_used_to_grow_the_agent() {
        let mut claims = Claims::default();
        for i in 0..100 {
            let id = claims.enter(format!("client {i}"), i);
            claims.acknowledge(id, i);
            claims.leave(id);
        }
        assert_eq!(claims.departed.len(), MAX_DEPARTED);
        assert_eq!(claims.floor(), Some(92));
    }
}
