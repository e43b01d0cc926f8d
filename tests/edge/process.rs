//! The process around the edge: real listeners and real signals, in a child that is this very test program.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use portolan::server::{Address, Front, Limits, Listener, Roads, Server};
use tower::util::BoxCloneSyncService;

use crate::door::{LONG, front, request};

const LISTEN: &str = "PORTOLAN_TEST_LISTEN";
const APP: &str = "PORTOLAN_TEST_APP";
const ADMIN: &str = "PORTOLAN_TEST_ADMIN";

/// Not a test by itself: the child's main. Answers a request with a query once the file named there exists.
#[test]
#[ignore = "the others start it as their child"]
fn child() {
    let Ok(listen) = std::env::var(LISTEN) else { return };
    let inner = BoxCloneSyncService::new(tower::service_fn(|request: Request<Bytes>| async move {
        if let Some(file) = request.uri().query() {
            println!("begun");
            while !std::path::Path::new(file).exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            println!("done");
        }
        Ok::<_, Infallible>(Response::new(Bytes::from_static(b"answered")))
    }));
    let listeners = listen.split(' ').map(|address| Listener { address: address.parse().unwrap(), roads: Roads::Both });
    let pass_through = std::env::var(APP).ok().map(|app| app.parse().unwrap());
    let limits = Limits { drain: Duration::from_secs(120), ..Limits::default() };
    let front = Front { listeners: listeners.collect(), pass_through, limits, ..front() };
    let mut server = Server::new(&front, inner).unwrap();
    if let Ok(file) = std::env::var(ADMIN) {
        // The app answers while the file is there, and says when it was asked.
        let probe = BoxCloneSyncService::new(tower::service_fn(move |()| {
            println!("asked");
            let there = std::path::Path::new(&file).exists();
            async move { Ok(there) }
        }));
        server = server.with_admin("127.0.0.1:0".parse().unwrap(), probe).unwrap();
    }
    let mut addresses: Vec<String> = server.addresses().map(Address::to_string).collect();
    addresses.extend(server.admin_address().map(|address| address.to_string()));
    let code = server.run(move || println!("ready {}", addresses.join(" ")));
    assert_eq!(code, std::process::ExitCode::SUCCESS);
}

struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    addresses: Vec<String>,
}

impl Running {
    fn start(listen: &str) -> Self {
        Self::with(listen, &[])
    }

    fn with(listen: &str, variables: &[(&str, String)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["process::child", "--exact", "--ignored", "--nocapture"])
            .env(LISTEN, listen)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut running = Self { child, lines, addresses: Vec::new() };
        let ready = running.wait_for("ready ");
        running.addresses = ready.split(' ').skip(1).map(str::to_owned).collect();
        running
    }

    fn wait_for(&mut self, start: &str) -> String {
        // The test harness writes on the same line before it.
        self.lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| line.find(start).map(|at| line[at..].to_owned()))
            .unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < LONG, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sigterm_answers_what_is_in_flight_and_then_ends_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("go");
    let mut running = Running::start("127.0.0.1:0");
    let mut resting = TcpStream::connect(&running.addresses[0]).unwrap();
    resting.write_all(request("GET /scim/v2/x", "\r\n").replace("close", "keep-alive").as_bytes()).unwrap();
    let mut asking = TcpStream::connect(&running.addresses[0]).unwrap();
    asking.write_all(request(&format!("GET /scim/v2/slow?{}", file.display()), "\r\n").as_bytes()).unwrap();
    running.wait_for("begun");

    running.signal("-TERM");
    let mut rest = String::new();
    resting.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("answered"), "a resting connection is closed: {rest}");
    assert_eq!(running.child.try_wait().unwrap(), None, "it waits for the request");
    std::fs::write(file, "").unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("answered"), "{answer}");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn a_write_whose_client_left_is_finished_before_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("go");
    let mut running = Running::start("127.0.0.1:0");
    let mut asking = TcpStream::connect(&running.addresses[0]).unwrap();
    asking.write_all(request(&format!("DELETE /scim/v2/slow?{}", file.display()), "\r\n").as_bytes()).unwrap();
    running.wait_for("begun");
    asking.shutdown(std::net::Shutdown::Both).unwrap();
    running.signal("-TERM");
    // Time enough for a process that does not wait to be gone.
    std::thread::sleep(Duration::from_millis(500));
    std::fs::write(file, "").unwrap();
    running.wait_for("done");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn what_is_passed_through_is_in_flight_too() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut running = Running::with("127.0.0.1:0", &[(APP, app.local_addr().unwrap().to_string())]);
    let mut asking = TcpStream::connect(&running.addresses[0]).unwrap();
    asking.write_all(request("GET /app", "\r\n").as_bytes()).unwrap();
    let (mut asked, _) = app.accept().unwrap();
    running.signal("-TERM");
    // Time enough for a process that does not wait to be gone.
    std::thread::sleep(Duration::from_millis(500));
    asked.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks").unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("thanks"), "{answer}");
    assert_eq!(running.exit_code(), Some(0));
}

fn ask(address: &str, line: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request(line, "\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn those_who_watch_are_told_how_it_goes_until_the_very_end() {
    let directory = tempfile::tempdir().unwrap();
    let (app, go) = (directory.path().join("app"), directory.path().join("go"));
    std::fs::write(&app, "").unwrap();
    let mut running = Running::with("127.0.0.1:0", &[(ADMIN, app.display().to_string())]);
    let [door, admin] = &running.addresses.clone()[..] else { panic!("{:?}", running.addresses) };
    assert!(ask(admin, "GET /health").ends_with("\r\n\r\nalive\n"));
    assert!(ask(admin, "GET /ready").starts_with("HTTP/1.1 200 "));
    running.wait_for("asked");
    for (line, status) in [("GET /", 404), ("GET /scim/v2/Users", 404), ("POST /ready", 405), ("HEAD /health", 200)] {
        assert!(ask(admin, line).starts_with(&format!("HTTP/1.1 {status} ")), "{line}");
    }
    assert!(ask(door, "GET /metrics").starts_with("HTTP/1.1 404"), "not at the clients' door");
    assert!(ask(door, "GET /scim/v2/Users/ann%40example.com").starts_with("HTTP/1.1 200"));

    let metrics = ask(admin, "GET /metrics");
    assert!(
        metrics.contains("content-type: application/openmetrics-text") && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
    let counted = r#"portolan_requests_total{client="okta",endpoint="resource",method="GET",status="200"} 1"#;
    assert!(metrics.contains(counted) && !metrics.contains("ann"), "{metrics}");

    // The app is asked once a second, and its word is the answer.
    std::fs::remove_file(&app).unwrap();
    let begun = Instant::now();
    while ask(admin, "GET /ready").starts_with("HTTP/1.1 200") {
        assert!(begun.elapsed() < LONG);
    }
    assert!(ask(admin, "GET /ready").contains("503") && ask(admin, "GET /health").contains("200"));

    let mut asking = TcpStream::connect(door).unwrap();
    asking.write_all(request(&format!("DELETE /scim/v2/slow?{}", go.display()), "\r\n").as_bytes()).unwrap();
    running.wait_for("begun");
    assert!(ask(admin, "GET /metrics").contains("portolan_requests_in_flight 1\n"));
    std::fs::write(&app, "").unwrap();
    running.signal("-TERM");
    while !ask(admin, "GET /ready").ends_with("\nending\n") {
        assert!(begun.elapsed() < LONG);
    }
    assert!(ask(admin, "GET /health").contains("200"), "alive until it ends");
    std::fs::write(go, "").unwrap();
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn without_requests_it_ends_at_once() {
    for signal in ["-TERM", "-INT"] {
        let mut running = Running::start("127.0.0.1:0");
        running.signal(signal);
        assert_eq!(running.exit_code(), Some(0));
    }
}

#[test]
fn a_second_interrupt_does_not_wait() {
    let mut running = Running::start("127.0.0.1:0");
    let mut asking = TcpStream::connect(&running.addresses[0]).unwrap();
    asking.write_all(request("GET /scim/v2/slow?/no/such/file", "\r\n").as_bytes()).unwrap();
    running.wait_for("begun");
    let begun = Instant::now();
    // One signal may come before the second is listened for, so it is repeated.
    while running.child.try_wait().unwrap().is_none() {
        running.signal("-INT");
        assert!(begun.elapsed() < LONG, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(running.exit_code(), Some(1));
}

#[test]
fn several_listeners_and_unix_sockets() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let running = Running::start(&format!("127.0.0.1:0 unix:{}", path.display()));
    let mut answers = [String::new(), String::new()];
    let mut tcp = TcpStream::connect(&running.addresses[0]).unwrap();
    let mut unix = UnixStream::connect(&path).unwrap();
    tcp.write_all(request("GET /scim/v2/x", "\r\n").as_bytes()).unwrap();
    unix.write_all(request("GET /scim/v2/x", "\r\n").as_bytes()).unwrap();
    tcp.read_to_string(&mut answers[0]).unwrap();
    unix.read_to_string(&mut answers[1]).unwrap();
    assert!(answers.iter().all(|answer| answer.ends_with("answered")), "{answers:?}");
}

#[test]
fn an_address_that_is_taken_is_an_error_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, file) = (directory.path().join("socket"), directory.path().join("file"));
    let _unix = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::write(&file, "precious").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = [
        (tcp.local_addr().unwrap().to_string(), "another process listens there"),
        (format!("unix:{}", socket.display()), "another process listens there"),
        (format!("unix:{}", file.display()), "there is a file that is no socket"),
    ];
    for (address, said) in table {
        let listeners = vec![Listener { address: address.parse().unwrap(), roads: Roads::Scim }];
        let error = Server::new(&Front { listeners, ..front() }, crate::door::echo()).err().unwrap().to_string();
        assert!(error.starts_with(&format!("cannot listen on {address}")) && error.contains(said), "{error}");
    }
    assert_eq!(std::fs::read(file).unwrap(), b"precious");
}
