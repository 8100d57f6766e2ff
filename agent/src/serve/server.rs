//! Puts the parts together and runs them until a signal comes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;

use super::drain::Drain;
use super::host::Host;
use super::hub::Hub;
use super::linger::Lingering;
use super::listen::Listener;
use super::service::Service;
use super::wire::v1::agent_server::{AgentServer, SERVICE_NAME};
use super::{peer, wire};
use crate::event::{Source, Stacks, Target};
use crate::failure::{Exit, Failure};
use crate::service_manager;

/// What clients may still take to receive the rest after a signal.
const FLUSH: Duration = Duration::from_secs(3);
/// A request is a few numbers, or a filter.
const MAX_REQUEST_BYTES: usize = 64 << 10;
const MAX_STREAMS: u32 = 32;
/// After a connection could not be accepted.
const RETRY: Duration = Duration::from_millis(100);
/// Finds clients whose host vanished.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How to serve.
pub struct Config {
    pub target: Target,
    /// An empty target is nothing, and not everything.
    pub on_demand: bool,
    pub replay_bytes: usize,
    /// Call stacks that are taken for everybody.
    pub stacks: Stacks,
    /// The history of one page in so many is told.
    pub one_page_in: u32,
}

/// Serves `source` on `listener` until SIGTERM or SIGINT, or until `source` fails.
///
/// # Errors
/// The source failed, or the server did.
pub fn serve(config: &Config, source: Box<dyn Source>, listener: Listener) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            broken(format!(
                "cannot start: {error}. Allow more open files (ulimit -n)"
            ))
        })?;
    runtime.block_on(async {
        let stopped =
            signals().map_err(|error| broken(format!("cannot wait for signals: {error}")))?;
        let stopped = async {
            stopped.await;
            service_manager::stopping();
        };
        serve_until(config, source, listener, stopped).await
    })
}

/// Serves until `stopped`, then detaches, delivers the rest and ends every stream.
pub async fn serve_until(
    config: &Config,
    source: Box<dyn Source>,
    listener: Listener,
    stopped: impl Future<Output = ()>,
) -> Result<(), Failure> {
    // Over TCP anybody on this host may ask: what is left out is then only traced where that was meant.
    let widens = config.on_demand || matches!(listener, Listener::Unix(..));
    let hub = Arc::new(Hub::new(config.replay_bytes, &source.legs(), widens));
    let counters = source.counters().map(Arc::from);
    let service = Service::new(
        Arc::clone(&hub),
        Host::new(
            &config.target,
            config.on_demand,
            config.stacks,
            config.one_page_in,
        ),
        counters,
    );
    let (ended_in, ended) = oneshot::channel::<()>();
    let drain = Drain::start(source, hub, move || drop(ended_in))
        .map_err(|error| broken(format!("{error:#}. Try again")))?;

    let server = async {
        match listener {
            Listener::Unix(listener, file) => {
                let path = file.path().to_owned();
                let incoming =
                    UnixListener::from_std(listener).map(|listener| admitted(listener, path));
                run(service, incoming, ended).await
            }
            Listener::Tcp(listener) => {
                run(
                    service,
                    TcpListener::from_std(listener).map(undelayed),
                    ended,
                )
                .await
            }
        }
    };
    tokio::pin!(server, stopped);
    let served = tokio::select! {
        served = &mut server => served,
        () = &mut stopped => {
            drain.stop();
            server.await
        }
    };
    drain.stop();
    let drained = tokio::task::spawn_blocking(|| drain.join()).await;
    match drained {
        Ok(Ok(())) => served,
        Ok(Err(error)) => Err(broken(format!(
            "tracing broke off: {error:#}. Start the agent again"
        ))),
        Err(error) => Err(broken(format!(
            "tracing broke off: {error}. Start the agent again"
        ))),
    }
}

/// Runs the gRPC server until the drain thread `ended` and the clients have got the rest.
async fn run<I, S>(
    service: Service,
    incoming: io::Result<I>,
    ended: oneshot::Receiver<()>,
) -> Result<(), Failure>
where
    I: Stream<Item = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let incoming = incoming
        .map_err(|error| broken(format!("cannot listen: {error}")))?
        .then(unhurried)
        .map(|accepted| accepted.map(Lingering::new));
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status(SERVICE_NAME, ServingStatus::Serving)
        .await;
    let descriptors = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let no_reflection = |error| broken(format!("cannot describe the service: {error}"));
    let (closing_in, closing) = oneshot::channel::<()>();
    let server = Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(health_service)
        .add_service(descriptors().build_v1().map_err(no_reflection)?)
        .add_service(descriptors().build_v1alpha().map_err(no_reflection)?)
        .add_service(AgentServer::new(service).max_decoding_message_size(MAX_REQUEST_BYTES))
        .serve_with_incoming_shutdown(incoming, async {
            // The drain thread drops its end: this is no error.
            let _ = ended.await;
            drop(closing_in);
        });
    let overdue = async {
        let _ = closing.await;
        tokio::time::sleep(FLUSH).await;
    };
    tokio::select! {
        served = server => served.map_err(|error| broken(format!("the server broke off: {error}. Start it again"))),
        () = overdue => {
            eprintln!("cowpath-agent: a client did not take the rest within {} s; it can no longer be resumed", FLUSH.as_secs());
            Ok(())
        }
    }
}

/// Out of descriptors, say: trying again at once would only burn the CPU.
async fn unhurried<S>(accepted: io::Result<S>) -> io::Result<S> {
    if accepted.is_err() {
        tokio::time::sleep(RETRY).await;
    }
    accepted
}

/// Connections of those who may connect. Others find theirs closed, and the agent's log says why.
fn admitted(listener: UnixListener, path: PathBuf) -> impl Stream<Item = io::Result<UnixStream>> {
    UnixListenerStream::new(listener).filter(move |stream| {
        let Ok(stream) = stream else { return true };
        peer::check(stream, &path)
            .inspect_err(|error| eprintln!("cowpath-agent: refused a client: {error}"))
            .is_ok()
    })
}

/// A heartbeat or a small batch is not held back for more to send.
fn undelayed(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        stream.set_nodelay(true)?;
        Ok(stream)
    })
}

fn signals() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn broken(words: String) -> Failure {
    Failure::new(Exit::Broken, words)
}
