//! What passes between the server and the service manager: notices, the socket that is handed over, secrets in files; and how
//! one of two servers on a port is asked for itself.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixDatagram, UnixStream};
use tokio::process::{Child, Command};

use crate::support::cluster::signalling;
use crate::support::database::until_warm;
use crate::support::program::{PROGRAM, with_the_rest};
use crate::support::{Request, Served, TestDatabase, TestFolder, eventually, program};

/// The next notice.
async fn notice(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 1024];
    let received = tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut bytes)).await;
    let count = received.expect("a notice comes in time").unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

/// Reads notices until one says this; answers those before it.
async fn until(socket: &UnixDatagram, what: &str) -> Vec<String> {
    let mut before = Vec::new();
    loop {
        let notice = notice(socket).await;
        if notice.lines().any(|line| line == what) {
            return before;
        }
        before.push(notice);
    }
}

#[tokio::test]
async fn the_service_manager_hears_when_the_server_is_ready_lives_and_stops() {
    let (database, folder) = (TestDatabase::migrated().await, TestFolder::new());
    let path = format!("{}/notify", folder.name());
    // systemd itself uses a path, its container manager an abstract name.
    let name = format!("@repduel-test-{}", std::process::id());
    let abstract_address = SocketAddr::from_abstract_name(name.trim_start_matches('@'));
    let abstract_socket = std::os::unix::net::UnixDatagram::bind_addr(&abstract_address.unwrap()).unwrap();
    abstract_socket.set_nonblocking(true).unwrap();
    let sockets = [
        (path.as_str(), UnixDatagram::bind(&path).unwrap()),
        (name.as_str(), UnixDatagram::from_std(abstract_socket).unwrap()),
    ];
    for (address, socket) in sockets {
        let url = database.url();
        // The watchdog's process is the wrapper's where there is one: it does not keep the server from answering for it.
        let variables = [
            ("DATABASE_URL", url.as_str()),
            ("NOTIFY_SOCKET", address),
            ("WATCHDOG_USEC", "200000"),
            ("WATCHDOG_PID", "1"),
        ];
        let server = Served::start(&variables).await;
        let before = until(&socket, "READY=1").await;
        assert!(before.iter().all(|notice| notice == "WATCHDOG=1"), "{before:?}");
        for _ in 0..3 {
            until(&socket, "WATCHDOG=1").await;
        }
        server.terminate().await;
        until(&socket, "STOPPING=1").await;
        assert_eq!(server.ended().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_server_that_cannot_serve_never_says_that_it_is_ready() {
    let folder = TestFolder::new();
    let path = format!("{}/notify", folder.name());
    let socket = UnixDatagram::bind(&path).unwrap();
    let nowhere = "postgres://nobody:nothing@127.0.0.1:1/nowhere";
    let ended = program::run("serve", &[("DATABASE_URL", nowhere), ("NOTIFY_SOCKET", &path)]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(socket.try_recv(&mut [0; 64]).is_err());
}

/// A port that is ours until the answer is used.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A server below `systemd-socket-activate`, which holds the port, with these words between them.
fn socket_activated(port: u16, url: &str, between: &[&str]) -> Child {
    // Another port than the one that is handed over, and one that cannot be had: binding it would fail.
    let variables = [("DATABASE_URL", url), ("HOST", "192.0.2.1"), ("PORT", "9")];
    let mut command = Command::new("systemd-socket-activate");
    command.args(["-l", &format!("127.0.0.1:{port}"), "--fdname=http"]);
    for (name, value) in with_the_rest(&variables) {
        command.arg("-E").arg(format!("{name}={value}"));
    }
    command.args(between).args([PROGRAM, "serve"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("systemd-socket-activate is there: `make test` installs it")
}

#[tokio::test]
async fn the_socket_that_is_handed_over_is_served_also_behind_programs_that_fork() {
    let database = TestDatabase::migrated().await;
    // As Doppler does: a child in the middle of its own process, to which signals are passed on. It dies with its parent.
    let forking = "setpriv --pdeathsig KILL -- \"$@\" & trap 'kill -TERM $!' TERM; wait; wait";
    let wrapped = ["bash", "-c", forking, "wrapper"];
    // The unit takes the process's name away, so that it does not matter how many stand in between.
    let unnamed = ["env", "-u", "LISTEN_PID", "setpriv", "--pdeathsig", "KILL", "bash", "-c", forking, "outer"];
    let twice = [unnamed.as_slice(), wrapped.as_slice()].concat();
    for between in [[].as_slice(), wrapped.as_slice(), twice.as_slice()] {
        let port = free_port().await;
        let mut server = socket_activated(port, &database.url(), between);
        let request = Request::new(([127, 0, 0, 1], port).into(), "GET", "/ready");
        eventually("an answer", async || request.try_send().await.is_ok_and(|answer| answer.status == 200)).await;
        let id = server.id().unwrap().to_string();
        assert!(signalling("TERM", [&id]).status().unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(20), server.wait()).await;
        assert!(ended.is_ok(), "the server ends in time, behind {between:?}");
    }
}

#[tokio::test]
async fn a_handed_over_socket_that_is_none_ends_the_start() {
    let database = TestDatabase::migrated().await;
    let ended = program::run("serve", &[("DATABASE_URL", &database.url()), ("LISTEN_FDS", "1")]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the socket that was handed over cannot be used"), "{}", ended.stderr);
}

#[tokio::test]
async fn secrets_are_read_from_credential_files_where_the_environment_has_none() {
    let (database, folder) = (TestDatabase::migrated().await, TestFolder::new());
    let put = |name: &str, value: &str| std::fs::write(Path::new(folder.name()).join(name), value).unwrap();
    put("DATABASE_URL", &format!("{}\n", database.url()));
    put("JWT_SECRET_KEY", "too short");
    for name in ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"] {
        put(name, "a secret");
    }
    let directory = ("CREDENTIALS_DIRECTORY", folder.name());
    let ended = program::run_bare("migrate", &[directory, ("APP_ENV", "production")]).await;
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(ended.stderr.contains("JWT_SECRET_KEY must have at least 32 bytes"), "{}", ended.stderr);
    assert!(ended.stderr.contains("REVENUECAT_WEBHOOK_AUTH_TOKEN must be set in production"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("STRIPE"), "{}", ended.stderr);
    put("REVENUECAT_WEBHOOK_AUTH_TOKEN", "a token");
    let long = ("JWT_SECRET_KEY", "a secret of the environment, which counts before the file");
    let ended = program::run_bare("migrate", &[directory, ("APP_ENV", "production"), long]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// What the server behind this unix socket answers to `GET /ready`: the status line and the body.
async fn ready_by(socket: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).await.ok()?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: private\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn a_held_server_answers_for_itself_and_leaves_the_port_alone() {
    let (database, folder) = (TestDatabase::migrated().await, TestFolder::new());
    let (socket, hold) = (format!("{}/http.sock", folder.name()), format!("{}/hold", folder.name()));
    std::fs::write(&hold, "").unwrap();
    std::fs::write(&socket, "what a killed process left").unwrap();
    let url = database.url();
    let port = free_port().await;
    let port_text = port.to_string();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("PORT", &port_text),
        ("REPDUEL_PRIVATE_SOCKET", &socket),
        ("REPDUEL_HOLD_FILE", &hold),
    ];
    let starting = {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        tokio::spawn(async move {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Served::start(&variables).await
        })
    };
    eventually("an answer on the private socket", async || {
        ready_by(&socket).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    })
    .await;
    let answer = ready_by(&socket).await.unwrap();
    assert!(answer.contains(r#""build":""#), "{answer}");
    // What it will need is there before the first request: sessions that have planned it all, and rolled it back.
    until_warm(&database.client().await).await;
    // The port is bound, so a connection stands in its queue; nobody takes it from there.
    let waiting = Request::new(([127, 0, 0, 1], port).into(), "GET", "/health");
    let waiting = tokio::spawn(async move { waiting.send().await });
    assert!(ready_by(&socket).await.is_some());
    assert!(!waiting.is_finished() && !starting.is_finished());

    std::fs::remove_file(&hold).unwrap();
    waiting.await.unwrap().expect(200);
    let server = starting.await.unwrap();
    server.terminate().await;
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_held_server_can_be_asked_to_end() {
    let (database, folder) = (TestDatabase::migrated().await, TestFolder::new());
    let (socket, hold) = (format!("{}/http.sock", folder.name()), format!("{}/hold", folder.name()));
    std::fs::write(&hold, "").unwrap();
    let mut command = Command::new(PROGRAM);
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str()), ("REPDUEL_PRIVATE_SOCKET", &socket), ("REPDUEL_HOLD_FILE", &hold)];
    command.arg("serve").env_clear().envs(with_the_rest(&variables)).stderr(Stdio::null()).kill_on_drop(true);
    let mut server = command.spawn().unwrap();
    eventually("an answer on the private socket", async || ready_by(&socket).await.is_some()).await;
    assert!(signalling("TERM", [server.id().unwrap().to_string()]).status().unwrap().success());
    assert_eq!(server.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_connection_of_the_last_moment_is_answered() {
    let database = TestDatabase::migrated().await;
    let server = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    server.terminate().await;
    // Now nobody else is let in: all that is left is what was accepted before.
    eventually("a closed port", async || TcpStream::connect(server.address).await.is_err()).await;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: late\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(server.ended().await.code(), Some(0));
}
