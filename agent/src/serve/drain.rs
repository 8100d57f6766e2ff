//! The drain thread: empties the source every few milliseconds, so that the ring never fills and a write never waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::host;
use super::hub::{Hub, encode_legs};
use super::replay::RingLoss;
use super::sequence::Sequencer;
use super::wire::v1::{Heartbeat, loss::Hop};
use crate::event::{Drained, LegStatus, Source};

/// Between two drains while events come.
const BUSY: Duration = Duration::from_millis(10);
/// Between two drains while none come. With a batch cut at once after a quiet time, an event is sent within this.
const IDLE: Duration = Duration::from_millis(50);
/// Drains without an event until the thread calls it quiet.
const QUIET_DRAINS: u32 = 20;
/// Between two looks at the books while events come: how exact the time span of a loss at the ring is.
const BOOKS: Duration = Duration::from_millis(100);
/// Room for events that is kept from drain to drain; a burst gives its room back.
const KEPT_EVENTS: usize = 16 << 10;
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The running thread.
pub struct Drain {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Drain {
    /// Starts the thread. `on_end` is called when it ends, by itself or because it was asked to.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(
        source: Box<dyn Source>,
        hub: Arc<Hub>,
        on_end: impl FnOnce() + Send + 'static,
    ) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("drain".to_owned())
            .spawn(move || {
                let result = Worker::new(source, &hub).run(&asked);
                hub.close();
                on_end();
                result
            })
            .context("cannot start the drain thread")?;
        Ok(Self { stop, thread })
    }

    /// Asks the thread to detach, drain the rest, and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.thread().unpark();
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What made it end too early.
    pub fn join(self) -> anyhow::Result<()> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the drain thread broke off")))
    }

    fn thread(&self) -> &Thread {
        self.thread.thread()
    }
}

struct Worker<'a> {
    source: Box<dyn Source>,
    hub: &'a Hub,
    sequencer: Sequencer,
    drained: Drained,
    /// When the drain before the last began: what happened earlier was in the ring by the last one.
    before_ns: u64,
    last_drain_ns: u64,
    lost: HashMap<(&'static str, Hop), u64>,
    books_ns: u64,
    next_books: Instant,
    next_beat: Instant,
    has_listener: bool,
}

impl<'a> Worker<'a> {
    fn new(source: Box<dyn Source>, hub: &'a Hub) -> Self {
        let now = Instant::now();
        let now_ns = host::monotonic_ns();
        Self {
            source,
            hub,
            sequencer: Sequencer::new(now),
            drained: Drained::default(),
            before_ns: now_ns,
            last_drain_ns: now_ns,
            lost: HashMap::new(),
            books_ns: now_ns,
            next_books: now,
            next_beat: now,
            has_listener: false,
        }
    }

    /// However it ends, what was drained until then is handed over, with the last books.
    fn run(mut self, stop: &AtomicBool) -> anyhow::Result<()> {
        let drained = self.drain_until(stop);
        self.source.detach();
        let rest = self.drain_rest();
        self.beat(Instant::now());
        drained.and(rest)
    }

    fn drain_until(&mut self, stop: &AtomicBool) -> anyhow::Result<()> {
        let mut quiet: u32 = 0;
        while !stop.load(Ordering::Acquire) {
            if !self.has_listener && self.hub.replay().claims.connected() > 0 {
                self.has_listener = true;
                self.source.listened();
            }
            self.grant_wishes()?;
            let came = self.drain()?;
            quiet = if came { 0 } else { quiet.saturating_add(1) };
            let now = Instant::now();
            if now >= self.next_beat {
                self.next_beat = now + HEARTBEAT;
                self.beat(now);
            } else if came && now >= self.next_books {
                let legs = self.source.legs();
                self.check_books(&legs, now);
            }
            thread::park_timeout(if quiet < QUIET_DRAINS { BUSY } else { IDLE });
        }
        Ok(())
    }

    /// What clients began to filter for is traced; what was drained before stands in front of that.
    fn grant_wishes(&mut self) -> anyhow::Result<()> {
        loop {
            let Some(wish) = self.hub.wishes().next() else {
                return Ok(());
            };
            self.source.wish(wish.bit, &wish.target)?;
            self.source.wish_stacks(wish.bit, wish.stacks)?;
            let Self { sequencer, hub, .. } = self;
            sequencer.flush(Instant::now(), |cut| hub.publish(cut));
            hub.grant(wish.number, sequencer.last_seq() + 1);
        }
    }

    fn drain_rest(&mut self) -> anyhow::Result<()> {
        while self.drain()? {}
        Ok(())
    }

    /// Whether anything came.
    fn drain(&mut self) -> anyhow::Result<bool> {
        self.before_ns = self.last_drain_ns;
        self.last_drain_ns = host::monotonic_ns();
        self.source.drain(&mut self.drained)?;
        let came = !self.drained.events.is_empty() || !self.drained.processes.is_empty();
        let Self {
            sequencer,
            drained,
            hub,
            ..
        } = self;
        sequencer.push(drained, Instant::now(), |cut| hub.publish(cut));
        drained.events.shrink_to(KEPT_EVENTS);
        drained.processes.shrink_to(KEPT_EVENTS);
        Ok(came)
    }

    fn beat(&mut self, now: Instant) {
        let Self { sequencer, hub, .. } = self;
        sequencer.flush(now, |cut| hub.publish(cut));
        let legs = self.source.legs();
        self.check_books(&legs, now);
        let (ring_used_bytes, ring_size_bytes) = self.source.ring();
        self.hub.beat(Heartbeat {
            time_ns: self.before_ns,
            last_seq: self.sequencer.last_seq(),
            legs: encode_legs(&legs),
            ring_used_bytes,
            ring_size_bytes,
            resident_bytes: host::resident_bytes(),
            cpu_ns: host::cpu_ns(),
            bpf_run_ns: 0,
        });
    }

    /// Tells what a leg lost since the last look, where it was lost.
    fn check_books(&mut self, legs: &[LegStatus], now: Instant) {
        let from_ns = std::mem::replace(&mut self.books_ns, host::monotonic_ns());
        self.next_books = now + BOOKS;
        for leg in legs {
            let total = leg.books.ring_full + leg.books.throttled + leg.books.missed;
            let others = total.saturating_sub(leg.not_entered);
            for (hop, total) in [(Hop::NotEntered, leg.not_entered), (Hop::Ring, others)] {
                let before = self.lost.insert((leg.name, hop), total).unwrap_or(0);
                if total <= before {
                    continue;
                }
                self.hub.note_loss(RingLoss {
                    hop,
                    leg: leg.name,
                    count: total - before,
                    from_ns,
                    until_ns: self.books_ns,
                });
            }
        }
    }
}
