//! One client's `Trace`: reads the log at its own pace and turns it into responses.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tonic::{Status, Streaming};

use super::batch;
use super::claims::ClaimId;
use super::filter::Filter;
use super::hub::{Beat, Hub};
use super::replay::{Cursor, Item, RingLoss};
use super::sequence::{Cut, MAX_PROCESSES, MAX_STACKS};
use super::wire::EncodedBatch;
use super::wire::columns::Batch;
use super::wire::v1::trace_request::Request;
use super::wire::v1::trace_response::Response;
use super::wire::v1::{FilterChanged, Heartbeat, Loss, Target, TraceRequest, TraceResponse};
use crate::event::{Process, Stack, Stacks};

/// Filters that one client may have asked for and not got yet.
const MAX_CHANGES: usize = 16;

/// Where a session's responses go; its bound is all that is buffered for one client here.
pub type Outlet = mpsc::Sender<Result<TraceResponse, Status>>;

/// The state of one `Trace`.
pub struct Session {
    hub: Arc<Hub>,
    claim: ClaimId,
    cursor: Cursor,
    filter: Option<Filter>,
    /// Has them taken, beside the agent's own.
    stacks: Stacks,
    /// Asked for, in this order, and not in force yet.
    changes: VecDeque<Change>,
    paused: bool,
    ready: VecDeque<Response>,
    /// The events from here to the cursor were all filtered out, and the client was not told yet.
    skipped_from: Option<u64>,
    beats: watch::Receiver<Beat>,
    /// Waits until the cursor has passed it.
    beat: Beat,
}

/// A filter that the client has asked for.
struct Change {
    filter: Option<Filter>,
    said: Target,
    /// The wish that has to be granted before it holds; 0: none.
    wish: u64,
}

impl Session {
    /// `started` is sent first.
    pub fn new(
        hub: Arc<Hub>,
        claim: ClaimId,
        cursor: Cursor,
        filter: Option<Filter>,
        stacks: Stacks,
        started: Response,
    ) -> Self {
        Self {
            beats: hub.watch_beat(),
            hub,
            claim,
            cursor,
            filter,
            stacks,
            changes: VecDeque::new(),
            paused: false,
            ready: VecDeque::from([started]),
            skipped_from: None,
            beat: None,
        }
    }

    /// Serves until the client goes or the agent ends.
    pub async fn run(mut self, mut requests: Streaming<TraceRequest>, outlet: Outlet) {
        let mut progress = self.hub.watch_progress();
        let mut listening = true;
        loop {
            let closed = progress.borrow_and_update().closed;
            if closed && self.beats.has_changed().unwrap_or(false) {
                // The last one, whatever waited before it: the books as they ended.
                self.beat = self.beats.borrow_and_update().clone();
            }
            self.fill();
            if closed && self.ready.is_empty() {
                return;
            }
            tokio::select! {
                permit = outlet.reserve(), if !self.ready.is_empty() => {
                    let Ok(permit) = permit else { return };
                    permit.send(Ok(TraceResponse { response: self.ready.pop_front() }));
                }
                request = requests.message(), if listening => match request {
                    Ok(Some(request)) => if let Err(status) = self.obey(request) {
                        // A client that no longer reads will not read this either.
                        let _ = outlet.try_send(Err(*status));
                        return;
                    },
                    // A client may say all it has to say at once, and then only listen.
                    Ok(None) => listening = false,
                    Err(_) => return,
                },
                _ = progress.changed(), if self.ready.is_empty() => {}
                _ = self.beats.changed(), if self.beat.is_none() => self.beat = self.beats.borrow_and_update().clone(),
                () = outlet.closed(), if self.ready.is_empty() => return,
            }
        }
    }

    fn obey(&mut self, request: TraceRequest) -> Result<(), Box<Status>> {
        match request.request {
            Some(Request::Acknowledge(acknowledge)) => {
                let mut replay = self.hub.replay();
                // What was not sent yet cannot have been stored.
                replay
                    .claims
                    .acknowledge(self.claim, acknowledge.seq.min(self.cursor.next_seq - 1));
                replay.release();
            }
            Some(Request::Pause(pause)) => self.paused = pause.paused,
            Some(Request::Filter(said)) => {
                if self.changes.len() >= MAX_CHANGES {
                    return Err(Box::new(Status::resource_exhausted(
                        "the filter is changed faster than it can take effect. Wait for filter_changed",
                    )));
                }
                let filter = Filter::new(&said)?;
                let wish = self.hub.wish(self.claim, &said, self.stacks);
                self.changes.push_back(Change { filter, said, wish });
            }
            Some(Request::Subscribe(_)) => {
                return Err(Box::new(Status::invalid_argument(
                    "subscribe came twice in one Trace. Send filter to change the filter",
                )));
            }
            // From a newer client.
            None => {}
        }
        Ok(())
    }

    /// Makes the next responses ready, unless some already are.
    fn fill(&mut self) {
        while self.ready.is_empty() {
            if self.paused {
                return self.send_beat();
            }
            if self.change_filter() {
                continue;
            }
            let next_seq = self.cursor.next_seq;
            let beat_is_due = self
                .beat
                .as_ref()
                .is_some_and(|beat| beat.last_seq < next_seq);
            let item = if beat_is_due {
                // What was lost before a heartbeat is told before it.
                self.hub.replay().next_ring_loss(&mut self.cursor)
            } else {
                self.hub.replay().next(&mut self.cursor)
            };
            match item {
                Some(Item::Cut {
                    cut,
                    skip,
                    known,
                    stacks,
                }) => {
                    self.introduce(cut.first_seq + skip, &known, &stacks);
                    self.deliver(&cut, skip);
                }
                Some(Item::Lost {
                    hop,
                    first_seq,
                    last_seq,
                    from_ns,
                    until_ns,
                }) => {
                    self.tell_skipped(first_seq);
                    let count = last_seq - first_seq + 1;
                    let leg = String::new();
                    let lost = Loss {
                        hop: hop.into(),
                        count,
                        first_seq,
                        last_seq,
                        from_ns,
                        until_ns,
                        leg,
                    };
                    self.ready.push_back(Response::Loss(lost));
                    if let Some(filter) = &mut self.filter {
                        filter.reset();
                    }
                }
                Some(Item::Ring(lost)) => {
                    self.tell_skipped(self.cursor.next_seq);
                    self.ready.push_back(Response::Loss(encode_ring_loss(lost)));
                }
                None if beat_is_due => self.send_beat(),
                None => return,
            }
        }
    }

    /// Puts the next filter in force, where the client has come to what is traced for it.
    fn change_filter(&mut self) -> bool {
        let progress = self.hub.progress();
        let holds = |change: &Change| {
            change.wish == 0
                || progress.granted >= change.wish && progress.granted_seq <= self.cursor.next_seq
        };
        if !self.changes.front().is_some_and(holds) {
            return false;
        }
        let Some(Change { filter, said, .. }) = self.changes.pop_front() else {
            return false;
        };
        let from_seq = self.cursor.next_seq;
        self.tell_skipped(from_seq);
        self.filter = filter;
        self.cursor.forget_processes();
        self.ready.push_back(Response::FilterChanged(FilterChanged {
            filter: Some(said),
            from_seq,
        }));
        true
    }

    /// Sends the heartbeat that waits, if one does. A paused client hears too that the agent lives, but nothing is
    /// called sent that it did not get.
    fn send_beat(&mut self) {
        let Some(beat) = self.beat.take() else {
            return;
        };
        let mut beat = Heartbeat::clone(&beat);
        if self.paused {
            beat.time_ns = self.cursor.time_ns;
            beat.last_seq = self.cursor.next_seq - 1;
        }
        self.tell_skipped(self.cursor.next_seq);
        self.ready.push_back(Response::Heartbeat(beat));
    }

    fn introduce(&mut self, next_seq: u64, known: &[Process], stacks: &[Stack]) {
        let known: Vec<_> = known
            .iter()
            .filter(|process| {
                self.filter
                    .as_mut()
                    .is_none_or(|filter| filter.introduce(process))
            })
            .map(batch::encode_process)
            .collect();
        if !known.is_empty() || !stacks.is_empty() {
            self.tell_skipped(next_seq);
        }
        for processes in known.chunks(MAX_PROCESSES) {
            self.send(Batch {
                first_seq: next_seq,
                last_seq: next_seq - 1,
                processes: processes.to_vec(),
                ..Batch::default()
            });
        }
        for stacks in stacks.chunks(MAX_STACKS) {
            self.send(Batch {
                first_seq: next_seq,
                last_seq: next_seq - 1,
                stacks: stacks.iter().map(batch::encode_stack).collect(),
                ..Batch::default()
            });
        }
    }

    fn deliver(&mut self, cut: &Cut, skip: u64) {
        if self.filter.is_none() && skip == 0 {
            return self.ready.push_back(Response::Batch(cut.bytes.clone()));
        }
        // The agent encoded these bytes itself.
        let Ok(columns) = cut.bytes.columns() else {
            return;
        };
        let first_seq = cut.first_seq + skip;
        let mut events = batch::decode(&columns);
        events.drain(
            ..events
                .len()
                .min(usize::try_from(skip).unwrap_or(usize::MAX)),
        );
        let mut processes: Vec<Process> = columns
            .processes
            .into_iter()
            .map(batch::decode_process)
            .collect();
        if let Some(filter) = &mut self.filter {
            processes.retain(|process| filter.introduce(process));
            events.retain(|event| filter.passes(event));
        }
        if events.is_empty() && processes.is_empty() && columns.stacks.is_empty() {
            if cut.last_seq >= first_seq {
                self.skipped_from.get_or_insert(first_seq);
            }
            return;
        }
        let first_seq = self.skipped_from.take().unwrap_or(first_seq);
        let span = cut.last_seq + 1 - first_seq;
        let filtered = span - events.len() as u64;
        let head = Batch {
            last_seq: cut.last_seq,
            filtered: u32::try_from(filtered).unwrap_or(u32::MAX),
            stacks: columns.stacks,
            ..batch::head(first_seq, &processes, &[], &events)
        };
        self.ready
            .push_back(Response::Batch(batch::encode_columns(&head, &events)));
    }

    /// Closes a span of events that were all filtered out, up to but without `next_seq`.
    fn tell_skipped(&mut self, next_seq: u64) {
        if let Some(first_seq) = self.skipped_from.take() {
            self.send(Batch {
                first_seq,
                last_seq: next_seq - 1,
                filtered: u32::try_from(next_seq - first_seq).unwrap_or(u32::MAX),
                ..Batch::default()
            });
        }
    }

    fn send(&mut self, batch: Batch) {
        self.ready
            .push_back(Response::Batch(EncodedBatch::new(&batch)));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hub.wishes().leave(self.claim);
        let mut replay = self.hub.replay();
        replay.claims.leave(self.claim);
        replay.release();
    }
}

fn encode_ring_loss(lost: RingLoss) -> Loss {
    Loss {
        hop: lost.hop.into(),
        count: lost.count,
        first_seq: 0,
        last_seq: 0,
        from_ns: lost.from_ns,
        until_ns: lost.until_ns,
        leg: lost.leg.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::cut;
    use crate::serve::wire::v1::{Started, loss};

    #[test]
    fn a_client_that_never_catches_up_hears_heartbeats_behind_what_they_promise() {
        let hub = Arc::new(Hub::new(1 << 20, &[], true));
        let cursor = hub.replay().cursor_now();
        let claim = hub.replay().claims.enter(String::new(), 0);
        let started = Response::Started(Started::default());
        let mut session = Session::new(
            Arc::clone(&hub),
            claim,
            cursor,
            None,
            Stacks::default(),
            started,
        );
        let mut said = String::new();
        for second in 0..3 {
            hub.publish(cut(second * 20 + 1, 10));
            hub.note_loss(RingLoss {
                hop: loss::Hop::Ring,
                leg: "fork",
                count: 1,
                from_ns: 1,
                until_ns: 2,
            });
            let last_seq = second * 20 + 10;
            session.beat = Some(Arc::new(Heartbeat {
                last_seq,
                ..Heartbeat::default()
            }));
            hub.publish(cut(second * 20 + 11, 10));
            // One response too few for it to be done.
            for _ in 0..4 {
                session.fill();
                said.push_str(match session.ready.pop_front() {
                    Some(Response::Started(_)) => "started ",
                    Some(Response::Batch(_)) => "batch ",
                    Some(Response::Loss(_)) => "loss ",
                    Some(Response::Heartbeat(beat)) => {
                        assert!(beat.last_seq < session.cursor.next_seq);
                        "beat "
                    }
                    Some(Response::FilterChanged(_)) => "filter ",
                    None => "nothing ",
                });
            }
        }
        assert_eq!(
            said,
            "started batch loss beat batch batch loss beat batch batch loss beat "
        );
    }
}
