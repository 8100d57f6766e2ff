//! Where the drain thread and the clients meet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::claims::ClaimId;
use super::replay::{Replay, RingLoss};
use super::sequence::Cut;
use super::wire::v1;
use super::wishes::Wishes;
use crate::event::{LegStatus, Stacks, Target};

/// What the drain thread tells once a second.
pub type Beat = Option<Arc<v1::Heartbeat>>;

/// Shared by the drain thread, which writes, and by one session a client, which read.
pub struct Hub {
    replay: Mutex<Replay>,
    wishes: Mutex<Wishes>,
    /// Clients may have traced what the agent's own target leaves out.
    widens: bool,
    legs: Mutex<Vec<v1::LegStatus>>,
    /// Says that the log grew, or that nothing more will come.
    grown: watch::Sender<Progress>,
    beat: watch::Sender<Beat>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Changes with every batch and every loss.
    pub version: u64,
    /// The last wish that the source has granted, and the first event behind that.
    pub granted: u64,
    pub granted_seq: u64,
    /// Nothing more will come.
    pub closed: bool,
}

impl Hub {
    pub fn new(replay_bytes: usize, legs: &[LegStatus], widens: bool) -> Self {
        Self {
            replay: Mutex::new(Replay::new(replay_bytes)),
            wishes: Mutex::default(),
            widens,
            legs: Mutex::new(encode_legs(legs)),
            grown: watch::Sender::new(Progress::default()),
            beat: watch::Sender::new(None),
        }
    }

    /// The log. Held for moments only: never across an await or a drain.
    pub fn replay(&self) -> MutexGuard<'_, Replay> {
        self.replay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Clients may have traced what the agent's own target leaves out.
    pub fn widens(&self) -> bool {
        self.widens
    }

    /// A client filters for this from now on, and wants these stacks. The number of the wish that has to be granted
    /// before it holds, or 0.
    pub fn wish(&self, client: ClaimId, target: &v1::Target, stacks: Stacks) -> u64 {
        if !self.widens {
            return 0;
        }
        let wanted = Target {
            pids: target.pids.clone(),
            comms: target.comms.clone(),
            cgroups: Vec::new(),
        };
        self.wishes().wish(client, wanted, stacks)
    }

    /// What clients filter for. Held for moments only, and never together with the log.
    pub fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source traces what the wish `number` asks for, and tells it from event `seq` on.
    pub fn grant(&self, number: u64, seq: u64) {
        self.grown.send_modify(|progress| {
            progress.granted = number;
            progress.granted_seq = seq;
        });
    }

    pub fn publish(&self, cut: Cut) {
        self.replay().append(cut);
        self.wake();
    }

    pub fn note_loss(&self, loss: RingLoss) {
        self.replay().note_loss(loss);
        self.wake();
    }

    /// Stores the legs' books for `Describe`, and hands the heartbeat to every client.
    pub fn beat(&self, heartbeat: v1::Heartbeat) {
        self.legs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&heartbeat.legs);
        self.beat.send_replace(Some(Arc::new(heartbeat)));
    }

    /// Ends every stream once it has delivered what is there.
    pub fn close(&self) {
        self.grown.send_modify(|progress| progress.closed = true);
    }

    pub fn legs(&self) -> Vec<v1::LegStatus> {
        self.legs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn progress(&self) -> Progress {
        *self.grown.borrow()
    }

    pub fn watch_progress(&self) -> watch::Receiver<Progress> {
        self.grown.subscribe()
    }

    pub fn watch_beat(&self) -> watch::Receiver<Beat> {
        self.beat.subscribe()
    }

    fn wake(&self) {
        self.grown.send_modify(|progress| progress.version += 1);
    }
}

pub fn encode_legs(legs: &[LegStatus]) -> Vec<v1::LegStatus> {
    legs.iter()
        .map(|leg| v1::LegStatus {
            name: leg.name.to_owned(),
            attached: leg.attached,
            hook: leg.hook.clone(),
            reasons: leg.reasons.clone(),
            books: Some(v1::Books {
                seen: leg.books.seen,
                submitted: leg.books.submitted,
                ring_full: leg.books.ring_full,
                filtered: leg.books.filtered,
                throttled: leg.books.throttled,
                missed: leg.books.missed,
            }),
        })
        .collect()
}
