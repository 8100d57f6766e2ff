//! The gRPC service: `Describe`, `Trace` and `Counters`.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::counters::{self, SHORTEST_MS};
use super::filter::Filter;
use super::host::{Host, decode_stacks};
use super::hub::Hub;
use super::replay::{Cursor, Replay};
use super::session::Session;
use super::wire::v1::agent_server::Agent;
use super::wire::v1::{
    CountersRequest, CountersResponse, DescribeRequest, DescribeResponse, Started, Subscribe,
    TraceRequest, TraceResponse, trace_request, trace_response,
};
use super::wishes::MAX_CLIENTS;
use crate::event::{Counters, Stacks};

/// Responses that wait for one client's connection; each is at most 256 KiB.
const OUTLET: usize = 2;
const MAX_NAME_CHARS: usize = 64;

pub struct Service {
    hub: Arc<Hub>,
    host: Host,
    counters: Option<Arc<dyn Counters>>,
}

impl Service {
    pub fn new(hub: Arc<Hub>, host: Host, counters: Option<Arc<dyn Counters>>) -> Self {
        Self {
            hub,
            host,
            counters,
        }
    }

    fn enter(&self, subscribe: Subscribe) -> Result<Session, Box<Status>> {
        let said = subscribe.filter.unwrap_or_default();
        let filter = Filter::new(&said)?;
        let stacks = decode_stacks(subscribe.stacks);
        let name = subscribe.client.chars().take(MAX_NAME_CHARS).collect();

        let mut replay = self.hub.replay();
        if replay.claims.connected() >= MAX_CLIENTS {
            let words = format!("{MAX_CLIENTS} clients trace already. End one of them");
            return Err(Box::new(Status::resource_exhausted(words)));
        }
        let resumes = subscribe.boot_id == self.host.boot_id() && subscribe.after_seq > 0;
        let cursor = if resumes {
            cursor_after(&replay, subscribe.after_seq)?
        } else if subscribe.replay {
            replay.cursor_first()
        } else {
            replay.cursor_now()
        };
        let claim = replay.claims.enter(name, cursor.next_seq - 1);
        drop(replay);
        self.hub.wish(claim, &said, stacks);
        let besides = if self.hub.widens() {
            stacks
        } else {
            Stacks::default()
        };

        let started = trace_response::Response::Started(Started {
            agent: Some(self.host.describe(self.hub.legs(), besides)),
            next_seq: cursor.next_seq,
        });
        Ok(Session::new(
            Arc::clone(&self.hub),
            claim,
            cursor,
            filter,
            stacks,
            started,
        ))
    }
}

#[tonic::async_trait]
impl Agent for Service {
    type TraceStream = ReceiverStream<Result<TraceResponse, Status>>;
    type CountersStream = ReceiverStream<Result<CountersResponse, Status>>;

    async fn describe(
        &self,
        _request: Request<DescribeRequest>,
    ) -> Result<Response<DescribeResponse>, Status> {
        let described = self.host.describe(self.hub.legs(), Stacks::default());
        Ok(Response::new(described))
    }

    async fn trace(
        &self,
        request: Request<Streaming<TraceRequest>>,
    ) -> Result<Response<Self::TraceStream>, Status> {
        let mut requests = request.into_inner();
        let Some(TraceRequest {
            request: Some(trace_request::Request::Subscribe(subscribe)),
        }) = requests.message().await?
        else {
            return Err(Status::invalid_argument(
                "a Trace begins with subscribe. Send it as the first request",
            ));
        };
        let session = self.enter(subscribe).map_err(|status| *status)?;
        let (outlet, responses) = mpsc::channel(OUTLET);
        tokio::spawn(session.run(requests, outlet));
        Ok(Response::new(ReceiverStream::new(responses)))
    }

    async fn counters(
        &self,
        request: Request<CountersRequest>,
    ) -> Result<Response<Self::CountersStream>, Status> {
        let interval_ms = request.into_inner().interval_ms;
        let Some(counters) = self.counters.clone() else {
            return Err(Status::failed_precondition(
                "this agent keeps no counters. Start it with --counters on",
            ));
        };
        if (1..SHORTEST_MS).contains(&interval_ms) {
            return Err(Status::invalid_argument(format!(
                "an interval of {interval_ms} ms is too short. Ask for {SHORTEST_MS} ms or more, or for one response with 0"
            )));
        }
        let (outlet, responses) = mpsc::channel(1);
        let progress = self.hub.watch_progress();
        tokio::spawn(counters::run(counters, interval_ms, outlet, progress));
        Ok(Response::new(ReceiverStream::new(responses)))
    }
}

fn cursor_after(replay: &Replay, after_seq: u64) -> Result<Cursor, Box<Status>> {
    replay.cursor_after(after_seq).ok_or_else(|| {
        let last = replay.next_seq() - 1;
        Box::new(Status::invalid_argument(format!(
            "after_seq {after_seq} is ahead of this agent, whose last event is {last}. Resume with the boot id it belongs to"
        )))
    })
}
