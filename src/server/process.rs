//! The process: pingora's server with our listeners, its signals, and an end as soon as nothing is in flight.
//!
//! Left to itself pingora sleeps its whole grace period on SIGTERM, whatever is in flight. Here that period is only the
//! upper bound; a background service watches what is in flight and ends the process when it can.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::listeners::TcpSocketOptions;
use pingora::protocols::{Stream, TcpKeepalive};
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, ShutdownSignal, ShutdownSignalWatch, ShutdownWatch};
use pingora::services::background::{BackgroundService, background_service};
use pingora::services::listening::Service;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Inner;
use super::admin::{Admin, Probe};
use super::edge::Edge;
use super::settings::{Address, Front, Listener, Roads};

/// A server that can be run: every address was free a moment ago.
pub struct Server {
    listeners: Vec<Listener>,
    edge: Arc<Edge>,
    drain_limit: Duration,
    admin: Option<Arc<Admin>>,
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct ListenError {
    address: Address,
    cause: io::Error,
}

impl Server {
    /// Puts the edge in front of `inner`, and tries every address, so that a taken one is an error to print and not a
    /// panic inside pingora. Port 0 becomes a free port here.
    ///
    /// # Errors
    /// The first address that cannot be listened on.
    pub fn new(front: &Front, inner: Inner) -> Result<Self, ListenError> {
        let mut listeners = front.listeners.clone();
        for listener in &mut listeners {
            let address = listener.address.clone();
            listener.address = try_address(&address).map_err(|cause| ListenError { address, cause })?;
        }
        let edge = Arc::new(Edge::new(front, inner));
        Ok(Self { listeners, edge, drain_limit: front.limits.drain, admin: None })
    }

    /// With a listener for those who watch over the process.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn with_admin(mut self, address: SocketAddr, probe: Probe) -> Result<Self, ListenError> {
        let admin = Admin::bind(address, probe);
        self.admin = Some(admin.map_err(|cause| ListenError { address: Address::Tcp(address), cause })?);
        Ok(self)
    }

    /// Where those who watch are listened to.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|admin| admin.address())
    }

    /// Where it will listen, ports included.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.listeners.iter().map(|listener| &listener.address)
    }

    /// Runs until SIGTERM or SIGINT, then answers what is in flight and ends the process: with 0 as soon as that is
    /// done, with 1 at the drain limit, after a second SIGINT, or when a listener does not come up. Calls `ready`
    /// once every listener accepts connections. Must not be called from inside an async runtime. Reads no command
    /// line, writes no files.
    pub fn run(self, ready: impl FnOnce() + Send + 'static) -> ExitCode {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let conf = ServerConf {
            threads,
            // Longer than our own limit, so that `End` speaks first.
            grace_period_seconds: Some(self.drain_limit.as_secs() + 2),
            graceful_shutdown_timeout_seconds: Some(0),
            ..ServerConf::default()
        };
        let mut server = pingora::server::Server::new_with_opt_and_conf(None, conf);
        for listener in &self.listeners {
            let app = App { edge: self.edge.clone(), roads: listener.roads };
            let mut service = Service::new(format!("listener {}", listener.address), app);
            match &listener.address {
                Address::Tcp(address) => service.add_tcp_with_settings(&address.to_string(), socket_options()),
                Address::Unix(path) => service.add_uds(path, Some(Permissions::from_mode(0o660))),
            }
            server.add_service(service);
        }
        if let Some(admin) = &self.admin {
            server.add_service(background_service("admin", Watched(admin.clone())));
        }
        let addresses = self.addresses().cloned().collect();
        let ready: Ready = Box::new(ready);
        let listening = Arc::new(Notify::new());
        let start = Start { addresses, signals: listening.clone(), ready: Mutex::new(Some(ready)) };
        server.add_service(background_service("start", start));
        server.add_service(background_service("end", End { edge: self.edge.clone(), limit: self.drain_limit }));
        server.run(RunArgs { shutdown_signal: Box::new(Signals { listening }) });
        ExitCode::FAILURE
    }
}

/// A peer that vanished without a word is found out within two minutes; a tunnel to it would keep its place for ever.
fn socket_options() -> TcpSocketOptions {
    let mut options = TcpSocketOptions::default();
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(10),
        count: 6,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    });
    options
}

/// One listener's connections, handed to the edge.
struct App {
    edge: Arc<Edge>,
    roads: Roads,
}

#[async_trait]
impl ServerApp for App {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let digest = stream.get_socket_digest();
        let peer = digest.as_ref().and_then(|digest| digest.peer_addr()).and_then(|peer| peer.as_inet());
        let peer = peer.map(SocketAddr::ip);
        self.edge.clone().serve_connection(stream, peer, self.roads, shutdown.clone()).await;
        None
    }
}

/// The admin listener, which outlives the others: it is a background service, and ends with the process.
struct Watched(Arc<Admin>);

#[async_trait]
impl BackgroundService for Watched {
    async fn start(&self, shutdown: ShutdownWatch) {
        if let Err(error) = self.0.clone().serve(shutdown).await {
            tracing::error!(%error, "the admin listener ended");
        }
    }
}

/// SIGTERM and SIGINT both drain. SIGQUIT would be pingora's hand-over of sockets to a new process, which containers do
/// not need.
struct Signals {
    /// Told once signals no longer just kill the process.
    listening: Arc<Notify>,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                self.listening.notify_one();
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            _ => tracing::error!("signals cannot be listened for; ending"),
        }
        ShutdownSignal::GracefulTerminate
    }
}

/// Says when every listener accepts connections and a signal would drain them; pingora does not.
struct Start {
    addresses: Vec<Address>,
    signals: Arc<Notify>,
    ready: Mutex<Option<Ready>>,
}

type Ready = Box<dyn FnOnce() + Send>;

#[async_trait]
impl BackgroundService for Start {
    async fn start(&self, _: ShutdownWatch) {
        let deadline = Instant::now() + Duration::from_secs(10);
        for address in &self.addresses {
            while let Err(error) = connect(address) {
                if Instant::now() > deadline {
                    tracing::error!(%address, %error, "the listener did not come up");
                    std::process::exit(1);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        self.signals.notified().await;
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ready) = ready {
            ready();
        }
    }
}

/// Ends the process when nothing is in flight any more, or the limit is reached. Tunnels are not waited for: they
/// have no end.
struct End {
    edge: Arc<Edge>,
    limit: Duration,
}

#[async_trait]
impl BackgroundService for End {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        // An error means that the server is gone, which is no reason to stay.
        let _ = shutdown.wait_for(|&down| down).await;
        let drain = &self.edge.drain;
        tracing::info!(in_flight = drain.in_flight(), "ending: no new requests");
        let impatient = async {
            match signal(SignalKind::interrupt()) {
                Ok(mut again) => again.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        let done = tokio::select! {
            () = drain.empty() => true,
            () = tokio::time::sleep(self.limit) => false,
            _ = impatient => false,
        };
        if !done {
            tracing::warn!(in_flight = drain.in_flight(), "ended with requests in flight");
        }
        std::process::exit(i32::from(!done));
    }
}

/// Listens for a moment, and says where exactly.
fn try_address(address: &Address) -> io::Result<Address> {
    match address {
        Address::Tcp(address) => TcpListener::bind(address)?.local_addr().map(Address::Tcp),
        Address::Unix(path) => {
            // pingora removes whatever is at the path; only a socket that nobody listens on may go.
            match std::fs::symlink_metadata(path) {
                Ok(found) if !found.file_type().is_socket() => {
                    return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
                }
                Ok(_) if UnixStream::connect(path).is_ok() => return Err(io::ErrorKind::AddrInUse.into()),
                _ => {}
            }
            Ok(address.clone())
        }
    }
}

fn connect(address: &Address) -> io::Result<()> {
    match address {
        Address::Tcp(address) => TcpStream::connect_timeout(address, Duration::from_secs(1)).map(drop),
        Address::Unix(path) => UnixStream::connect(path).map(drop),
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.cause)?;
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => {
                f.write_str("; another process listens there: stop it or choose another address")
            }
            io::ErrorKind::PermissionDenied => {
                f.write_str("; ports below 1024 and other people's directories need rights")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ListenError {}
