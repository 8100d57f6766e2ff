//! The whole service over a unix socket, spoken to by a tonic client.

use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use super::batch;
use super::listen::{Address, bind};
use super::server::{Config, serve_until};
use super::synthetic::{self, Synthetic};
use super::testing::{Scripted, process};
use super::wire::columns::Batch;
use super::wire::v1::agent_client::AgentClient;
use super::wire::v1::trace_request::Request;
use super::wire::v1::trace_response::Response;
use super::wire::v1::{
    Acknowledge, CountersRequest, DescribeRequest, FilterChanged, Heartbeat, Loss, Pause, Started,
    Subscribe, Target as WireTarget, TraceRequest, TraceResponse, loss::Hop,
};
use crate::event::{Drained, Event, Source, Target};
use crate::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(60);

struct Agent {
    directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<(), Failure>>,
}

impl Agent {
    fn start(source: impl Source + 'static, replay_bytes: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = bind(&Address::Unix(directory.path().join("agent.sock"))).unwrap();
        let (stop, stopped) = oneshot::channel();
        let config = Config {
            target: Target {
                pids: vec![7],
                ..Target::default()
            },
            on_demand: false,
            replay_bytes,
            stacks: crate::event::Stacks::default(),
            one_page_in: 1,
        };
        let server = tokio::spawn(async move {
            serve_until(&config, Box::new(source), listener, async {
                drop(stopped.await)
            })
            .await
        });
        Self {
            directory,
            stop: Some(stop),
            server,
        }
    }

    fn scripted() -> (Scripted, Self) {
        let source = Scripted::default();
        (source.clone(), Self::start(source, 8 << 20))
    }

    async fn channel(&self) -> Channel {
        let address = format!(
            "unix://{}",
            self.directory.path().join("agent.sock").display()
        );
        Endpoint::new(address).unwrap().connect().await.unwrap()
    }

    async fn trace(&self, subscribe: Subscribe) -> Result<Trace, Status> {
        let (requests, receiver) = mpsc::channel(16);
        requests
            .send(TraceRequest {
                request: Some(Request::Subscribe(subscribe)),
            })
            .await
            .unwrap();
        let mut client = AgentClient::new(self.channel().await);
        let responses = client
            .trace(ReceiverStream::new(receiver))
            .await?
            .into_inner();
        Ok(Trace {
            requests,
            responses,
            next_seq: 0,
        })
    }

    /// Returns once its legs have submitted so many events.
    async fn has_told(&self, events: u64) {
        let mut client = AgentClient::new(self.channel().await);
        loop {
            let described = client.describe(DescribeRequest {}).await.unwrap();
            let books = described.into_inner().legs.into_iter();
            let submitted: u64 = books.filter_map(|leg| Some(leg.books?.submitted)).sum();
            if submitted >= events {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn stopped(self) -> Result<(), Failure> {
        tokio::time::timeout(PATIENCE, self.server)
            .await
            .unwrap()
            .unwrap()
    }
}

/// A client that checks on every response that the numbers join.
struct Trace {
    requests: mpsc::Sender<TraceRequest>,
    responses: Streaming<TraceResponse>,
    next_seq: u64,
}

enum Heard {
    Started(Started),
    Batch(Box<Batch>),
    Loss(Loss),
    Heartbeat(Heartbeat),
    FilterChanged(FilterChanged),
}

impl Trace {
    async fn next(&mut self) -> Option<Heard> {
        let response = tokio::time::timeout(PATIENCE, self.responses.message())
            .await
            .unwrap()
            .unwrap()?;
        Some(match response.response.unwrap() {
            Response::Started(started) => {
                self.next_seq = started.next_seq;
                Heard::Started(started)
            }
            Response::Batch(encoded) => {
                let batch = encoded.columns().unwrap();
                assert_eq!(batch.first_seq, self.next_seq);
                assert_eq!(
                    batch.last_seq + 1 - batch.first_seq,
                    u64::from(batch.events + batch.filtered)
                );
                self.next_seq = batch.last_seq + 1;
                Heard::Batch(Box::new(batch))
            }
            Response::Loss(loss) => {
                if !matches!(loss.hop(), Hop::Ring | Hop::NotEntered) {
                    assert_eq!(loss.first_seq, self.next_seq);
                    assert_eq!(loss.count, loss.last_seq + 1 - loss.first_seq);
                    self.next_seq = loss.last_seq + 1;
                }
                Heard::Loss(loss)
            }
            Response::Heartbeat(heartbeat) => {
                assert!(
                    heartbeat.last_seq < self.next_seq,
                    "a heartbeat promises only what was sent"
                );
                Heard::Heartbeat(heartbeat)
            }
            Response::FilterChanged(change) => {
                assert_eq!(change.from_seq, self.next_seq);
                Heard::FilterChanged(change)
            }
        })
    }

    async fn started(&mut self) -> Started {
        match self.next().await {
            Some(Heard::Started(started)) => started,
            _ => panic!("the first response is not Started"),
        }
    }

    async fn batch(&mut self) -> Batch {
        loop {
            match self.next().await {
                Some(Heard::Batch(batch)) => return *batch,
                Some(Heard::Loss(_)) | None => panic!("a loss or the end before the batch"),
                Some(_) => {}
            }
        }
    }

    async fn loss(&mut self) -> Loss {
        loop {
            match self.next().await {
                Some(Heard::Loss(loss)) => return loss,
                None => panic!("the end before the loss"),
                Some(_) => {}
            }
        }
    }

    async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(batch::decode(&self.batch().await));
        }
        events
    }

    async fn ask(&self, request: Request) {
        self.requests
            .send(TraceRequest {
                request: Some(request),
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn describe_says_what_this_host_and_this_agent_are() {
    let (_source, agent) = Agent::scripted();
    let described = AgentClient::new(agent.channel().await)
        .describe(DescribeRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(described.boot_id.len(), 36);
    assert_eq!(described.page_size, 4096);
    assert!(
        described.cpus > 0
            && !described.kernel_release.is_empty()
            && described.wall_clock_offset_ns > 0
    );
    assert_eq!(described.target.unwrap().pids, [7]);
    assert_eq!(described.legs[0].name, "wp-fault");
}

#[tokio::test]
async fn events_arrive_in_order_and_a_signal_ends_the_stream_with_ok_and_removes_the_socket() {
    let (source, mut agent) = Agent::scripted();
    let mut trace = agent.trace(Subscribe::default()).await.unwrap();
    assert_eq!(trace.started().await.next_seq, 1);
    source.put_faults(1, 3000);
    let vpns: Vec<u64> = trace
        .events(3000)
        .await
        .iter()
        .map(|event| event.vpn)
        .collect();
    assert_eq!(vpns, (0..3000).collect::<Vec<_>>());

    source.put_faults(1, 5);
    agent.stop();
    let mut last = None;
    while let Some(heard) = trace.next().await {
        last = Some(heard);
    }
    assert_eq!(
        trace.next_seq, 3006,
        "what was in the ring at the signal was delivered"
    );
    assert!(matches!(
        last,
        Some(Heard::Heartbeat(Heartbeat { last_seq: 3005, .. }))
    ));
    let socket = agent.directory.path().join("agent.sock");
    assert!(socket.exists());
    let directory = agent.directory.path().to_owned();
    drop(trace);
    assert_eq!(agent.server.await.unwrap(), Ok(()));
    assert!(
        !socket.exists(),
        "{} holds the socket still",
        directory.display()
    );
}

#[tokio::test]
async fn a_client_that_stops_reading_loses_exactly_what_it_is_told_and_the_agent_goes_on() {
    let config = synthetic::Config {
        // As many as an unoptimized build makes beside others: what is due is made in one go.
        rate: 200_000,
        pages: 512,
        seed: 1,
    };
    let mut agent = Agent::start(Synthetic::new(config, 1 << 30), 256 << 10);
    let mut slow = agent.trace(Subscribe::default()).await.unwrap();
    slow.started().await;
    // More than its queue and its connection hold, however long a busy machine takes.
    agent.has_told(600_000).await;
    let lost = slow.loss().await;
    assert_eq!(lost.hop(), Hop::ClientQueue);
    assert!(lost.count > 0 && lost.from_ns > 0 && lost.until_ns >= lost.from_ns);
    agent.stop();
    let mut produced = 0;
    while let Some(heard) = slow.next().await {
        if let Heard::Heartbeat(heartbeat) = heard {
            produced = heartbeat
                .legs
                .iter()
                .filter_map(|leg| leg.books)
                .map(|books| books.submitted)
                .sum();
        }
    }
    // Every number up to here was delivered or told lost: `Trace` checks that they join.
    assert_eq!(slow.next_seq - 1, produced);
}

#[tokio::test]
async fn a_resume_continues_where_the_client_ends_even_inside_a_batch() {
    let (source, agent) = Agent::scripted();
    let mut first = agent.trace(Subscribe::default()).await.unwrap();
    let boot_id = first.started().await.agent.unwrap().boot_id;
    source.put_faults(1, 2000);
    first.events(2000).await;
    drop(first);

    let resume = Subscribe {
        boot_id,
        after_seq: 1500,
        ..Subscribe::default()
    };
    let mut second = agent.trace(resume.clone()).await.unwrap();
    assert_eq!(second.started().await.next_seq, 1501);
    let events = second.events(500).await;
    assert_eq!(
        (events[0].vpn, events.len(), second.next_seq),
        (1500, 500, 2001)
    );

    let unknown = Subscribe {
        boot_id: "another".to_owned(),
        ..resume.clone()
    };
    assert_eq!(
        agent.trace(unknown).await.unwrap().started().await.next_seq,
        2001
    );
    let ahead = Subscribe {
        after_seq: 9999,
        ..resume
    };
    assert_eq!(
        agent.trace(ahead).await.err().map(|status| status.code()),
        Some(Code::InvalidArgument)
    );
}

#[tokio::test]
async fn acknowledged_batches_leave_the_replay_buffer() {
    let (source, agent) = Agent::scripted();
    let mut recorder = agent
        .trace(Subscribe {
            client: "recorder".to_owned(),
            ..Subscribe::default()
        })
        .await
        .unwrap();
    recorder.started().await;
    source.put_faults(1, 2048);
    recorder.events(2048).await;
    let replay = Subscribe {
        replay: true,
        ..Subscribe::default()
    };
    assert_eq!(
        agent
            .trace(replay.clone())
            .await
            .unwrap()
            .started()
            .await
            .next_seq,
        1
    );
    // What was never sent cannot be freed, whatever a client claims.
    recorder
        .ask(Request::Acknowledge(Acknowledge { seq: u64::MAX }))
        .await;
    source.put_faults(1, 10);
    recorder.events(10).await;
    assert_eq!(
        agent.trace(replay).await.unwrap().started().await.next_seq,
        2049
    );
}

#[tokio::test]
async fn a_filter_follows_children_and_counts_what_it_leaves_out() {
    let (source, agent) = Agent::scripted();
    let filter = Some(WireTarget {
        pids: vec![10],
        ..WireTarget::default()
    });
    let mut trace = agent
        .trace(Subscribe {
            filter,
            ..Subscribe::default()
        })
        .await
        .unwrap();
    trace.started().await;
    source.put(Drained {
        processes: vec![
            process(10, 1, "mine"),
            process(11, 10, "child"),
            process(20, 1, "other"),
        ],
        ..Drained::default()
    });
    source.put_faults(20, 1500);
    source.put_faults(11, 10);
    source.put_faults(20, 300);
    let (mut delivered, mut left_out, mut known) = (Vec::new(), 0, Vec::new());
    while trace.next_seq <= 1810 {
        let batch = trace.batch().await;
        left_out += batch.filtered;
        known.extend(batch.processes.iter().map(|process| process.tgid));
        delivered.extend(batch::decode(&batch));
    }
    assert_eq!((delivered.len(), left_out, known), (10, 1800, vec![10, 11]));
    assert!(delivered.iter().all(|event| event.tgid == 11));
}

#[tokio::test]
async fn a_client_that_comes_late_is_told_the_processes_first() {
    let (source, agent) = Agent::scripted();
    let mut early = agent.trace(Subscribe::default()).await.unwrap();
    early.started().await;
    source.put(Drained {
        processes: vec![process(10, 1, "old")],
        events: vec![super::testing::fault(10, 1)],
        ..Drained::default()
    });
    early.events(1).await;
    let mut late = agent.trace(Subscribe::default()).await.unwrap();
    late.started().await;
    source.put_faults(10, 1);
    let introduction = late.batch().await;
    assert_eq!(
        (introduction.events, introduction.processes[0].tgid),
        (0, 10)
    );
    assert_eq!(late.events(1).await[0].tgid, 10);
}

#[tokio::test]
async fn a_loss_at_the_ring_is_told_in_band_with_its_leg_and_time() {
    let (source, agent) = Agent::scripted();
    let mut trace = agent.trace(Subscribe::default()).await.unwrap();
    trace.started().await;
    source.lose(42);
    let lost = trace.loss().await;
    assert_eq!(
        (lost.hop(), lost.count, lost.leg.as_str()),
        (Hop::Ring, 42, "wp-fault")
    );
    assert!(lost.from_ns > 0 && lost.until_ns > lost.from_ns);
}

#[tokio::test]
async fn what_the_kernel_did_not_enter_a_program_for_is_told_as_that_and_once() {
    let (source, agent) = Agent::scripted();
    let mut trace = agent.trace(Subscribe::default()).await.unwrap();
    trace.started().await;
    source.skip(7);
    let skipped = trace.loss().await;
    assert_eq!((skipped.hop(), skipped.count), (Hop::NotEntered, 7));
    source.lose(5);
    let lost = trace.loss().await;
    assert_eq!((lost.hop(), lost.count), (Hop::Ring, 5));
}

#[tokio::test]
async fn a_paused_client_hears_heartbeats_and_later_gets_what_it_missed() {
    let (source, agent) = Agent::scripted();
    let mut trace = agent.trace(Subscribe::default()).await.unwrap();
    trace.started().await;
    trace.ask(Request::Pause(Pause { paused: true })).await;
    loop {
        if let Some(Heard::Heartbeat(_)) = trace.next().await {
            break;
        }
    }
    source.put_faults(1, 100);
    for _ in 0..2 {
        assert!(matches!(
            trace.next().await,
            Some(Heard::Heartbeat(Heartbeat { last_seq: 0, .. }))
        ));
    }
    trace.ask(Request::Pause(Pause { paused: false })).await;
    assert_eq!(trace.events(100).await.len(), 100);
}

#[tokio::test]
async fn a_signal_ends_a_paused_stream_at_once() {
    let (_source, mut agent) = Agent::scripted();
    let mut trace = agent.trace(Subscribe::default()).await.unwrap();
    trace.started().await;
    trace.ask(Request::Pause(Pause { paused: true })).await;
    trace.next().await;
    let begun = std::time::Instant::now();
    agent.stop();
    while trace.next().await.is_some() {}
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "it did not wait for the patience of the server to end"
    );
}

#[tokio::test]
async fn a_trace_that_does_not_begin_with_subscribe_is_refused_with_words() {
    let (_source, agent) = Agent::scripted();
    let first = TraceRequest {
        request: Some(Request::Pause(Pause { paused: true })),
    };
    let mut client = AgentClient::new(agent.channel().await);
    let status = client
        .trace(tokio_stream::iter([first]))
        .await
        .err()
        .unwrap();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("begins with subscribe"));
}

#[tokio::test]
async fn a_source_that_fails_ends_the_agent_with_its_reason() {
    let (source, agent) = Agent::scripted();
    let mut trace = agent.trace(Subscribe::default()).await.unwrap();
    trace.started().await;
    source.put_faults(1, 7);
    source.fail("the ring went away");
    while trace.next().await.is_some() {}
    assert_eq!(
        trace.next_seq, 8,
        "what came before the failure was delivered"
    );
    drop(trace);
    let words = agent.stopped().await.err().unwrap().to_string();
    assert!(words.contains("the ring went away"), "{words}");
}

#[tokio::test]
async fn ordinary_tools_find_the_service_healthy() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    let (_source, agent) = Agent::scripted();
    let service = "cowpath.v1.Agent".to_owned();
    let health = HealthClient::new(agent.channel().await)
        .check(HealthCheckRequest { service })
        .await
        .unwrap();
    assert_eq!(
        health.into_inner().status(),
        tonic_health::pb::health_check_response::ServingStatus::Serving
    );
}

#[tokio::test]
async fn ordinary_tools_can_ask_what_there_is_to_call() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let (_source, agent) = Agent::scripted();
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(agent.channel().await);
    let mut answers = client
        .server_reflection_info(tokio_stream::iter([list]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("no list of services")
    };
    let names: Vec<&str> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(
        names.contains(&"cowpath.v1.Agent") && names.contains(&"grpc.health.v1.Health"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_filter_changed_in_the_stream_holds_from_where_it_says_once_the_source_traces_for_it() {
    let (source, agent) = Agent::scripted();
    source.put(Drained {
        processes: vec![process(1, 0, "one"), process(2, 0, "two")],
        ..Drained::default()
    });
    let of_pid = |pid| WireTarget {
        pids: vec![pid],
        ..WireTarget::default()
    };
    let mut trace = agent
        .trace(Subscribe {
            filter: Some(of_pid(1)),
            ..Subscribe::default()
        })
        .await
        .unwrap();
    trace.started().await;
    source.put_faults(1, 10);
    source.put_faults(2, 10);
    assert!(trace.events(10).await.iter().all(|event| event.tgid == 1));

    let filter = Request::Filter(of_pid(2));
    let request = TraceRequest {
        request: Some(filter),
    };
    trace.requests.send(request).await.unwrap();
    let change = loop {
        match trace.next().await {
            Some(Heard::FilterChanged(change)) => break change,
            Some(_) => {}
            None => panic!("the end before the filter"),
        }
    };
    assert_eq!(change.filter, Some(of_pid(2)));
    assert_eq!(source.wishes(), [(1, vec![1]), (1, vec![2])]);

    source.put_faults(1, 10);
    source.put_faults(2, 10);
    let told = trace.batch().await;
    assert_eq!(told.first_seq, change.from_seq);
    let known: Vec<u32> = told.processes.iter().map(|known| known.tgid).collect();
    assert_eq!(known, [2]);
    assert!(trace.events(10).await.iter().all(|event| event.tgid == 2));

    drop(trace);
    while source.wishes().len() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(source.wishes().last(), Some(&(1, vec![])));
}

#[tokio::test]
async fn counters_come_once_or_at_the_pace_that_is_asked_for_until_the_agent_ends() {
    let (source, mut agent) = Agent::scripted();
    let mut client = AgentClient::new(agent.channel().await);
    source.count(7);
    let mut ask = async |interval_ms| client.counters(CountersRequest { interval_ms }).await;
    let mut once = ask(0).await.unwrap().into_inner();
    let told = once.message().await.unwrap().unwrap();
    assert_eq!(
        (told.tgid.as_slice(), told.comm.as_slice()),
        (&[7][..], &[b"seven".to_vec()][..])
    );
    assert!(told.columns.iter().all(|column| column.values.len() == 1));
    assert_eq!((told.columns[0].values[0], told.columns[0].other), (7, 70));
    assert!(once.message().await.unwrap().is_none());

    assert_eq!(
        ask(99).await.err().map(|status| status.code()),
        Some(Code::InvalidArgument)
    );
    let mut often = ask(100).await.unwrap().into_inner();
    for _ in 0..3 {
        assert!(often.message().await.unwrap().is_some());
    }
    agent.stop();
    while often.message().await.unwrap().is_some() {}
    agent.stopped().await.unwrap();
}

#[tokio::test]
async fn an_agent_without_counters_says_how_to_have_them() {
    let config = synthetic::Config {
        rate: 1,
        pages: 1,
        seed: 1,
    };
    let agent = Agent::start(Synthetic::new(config, 4096), 1 << 20);
    let mut client = AgentClient::new(agent.channel().await);
    let refused = client
        .counters(CountersRequest { interval_ms: 0 })
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("--counters on"), "{refused}");
}
