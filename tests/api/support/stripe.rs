//! The tests' own Stripe: a server that speaks TLS with a certificate of its own authority, takes only what the real one would
//! take, gives the same answer to the same idempotency key, and has moods.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::folder::TestFolder;
use super::tls::{authority, localhost};

/// The key of the API.
pub const KEY: &str = "sk_test_key_of_the_tests";
/// Signs the webhooks.
pub const WEBHOOK_SECRET: &str = "whsec_secret_of_the_tests";
/// RevenueCat's token.
pub const STORE_TOKEN: &str = "Bearer store-token-of-the-tests";
/// A card that somebody pays with.
pub const CARD: &str = "4242424242424242";
/// A receipt of a store.
pub const RECEIPT: &str = "receipt-of-the-tests";
/// Prices that give platinum.
pub const PRICE_TIERS: &str = r#"{"price_platinum": "platinum"}"#;

/// Where a connection is cut.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Before the first byte.
    Connection,
    /// When the client has said hello.
    Handshake,
    /// In the middle of the request.
    Request,
    /// When the request is there and done, before a byte of the answer.
    Done,
    /// In the answer's head.
    Head,
    /// In the answer's body.
    Body,
}

/// What it does with a request. Without one it is well.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
    /// Answers after this time.
    Slow(Duration),
    /// Never answers.
    Silent,
    /// Answers with this status, and does nothing.
    Status(u16),
    /// Answers 200 with what is no JSON.
    Garbage,
    /// Answers 200 with JSON that has no end.
    Endless,
    /// Cuts the connection there.
    Cut(Place),
}

/// A request that arrived whole.
#[derive(Clone, Debug)]
pub struct Call {
    /// The path.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The form.
    pub form: BTreeMap<String, String>,
}

impl Call {
    /// Its idempotency key.
    pub fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

#[derive(Default)]
struct State {
    moods: VecDeque<Mood>,
    calls: Vec<Call>,
    answers: HashMap<String, (Call, u16, Value)>,
    customers: Vec<String>,
    faults: Vec<String>,
    denies: bool,
}

/// The server.
pub struct Stripe {
    base: String,
    authority: PathBuf,
    state: Arc<Mutex<State>>,
    _folder: TestFolder,
}

impl Stripe {
    /// A new one, in good health.
    pub async fn start() -> Self {
        let folder = TestFolder::new();
        let ours = authority("the authority of the tests' Stripe");
        let (certificate, key) = localhost(&ours);
        let file = PathBuf::from(folder.name()).join("authority.pem");
        std::fs::write(&file, ours.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        Self { base, authority: file, state, _folder: folder }
    }

    /// The variables that lead to it.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [("STRIPE_API_BASE", &self.base), ("OUTBOUND_ROOT_CERT", self.authority.to_str().unwrap())]
    }

    /// Puts it into these moods, one for each request to come.
    pub fn feel(&self, moods: impl IntoIterator<Item = Mood>) {
        self.state.lock().unwrap().moods.extend(moods);
    }

    /// Makes it well.
    pub fn recover(&self) {
        self.state.lock().unwrap().moods.clear();
    }

    /// A customer that is there already.
    pub fn knows(&self, customer: &str) {
        self.state.lock().unwrap().customers.push(customer.to_owned());
    }

    /// A customer whom somebody deletes over there.
    pub fn forgets(&self, customer: &str) {
        self.state.lock().unwrap().customers.retain(|known| known != customer);
    }

    /// From now on it does not know the customers that it makes.
    pub fn denies_customers(&self) {
        self.state.lock().unwrap().denies = true;
    }

    /// The requests that arrived whole; fails the test if one of them was not as the real one wants them.
    pub fn calls(&self) -> Vec<Call> {
        let state = self.state.lock().unwrap();
        assert!(state.faults.is_empty(), "{:?}", state.faults);
        state.calls.clone()
    }

    /// How many customers it has made.
    pub fn made(&self) -> usize {
        let state = self.state.lock().unwrap();
        state.answers.values().filter(|(call, status, _)| call.path == "/v1/customers" && *status == 200).count()
    }
}

/// Takes the next mood if it is one for this moment.
fn mood(state: &Mutex<State>, is_now: impl Fn(&Mood) -> bool) -> Option<Mood> {
    let mut state = state.lock().unwrap();
    if state.moods.front().is_some_and(is_now) { state.moods.pop_front() } else { None }
}

async fn serve(mut stream: TcpStream, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    if mood(&state, |mood| matches!(mood, Mood::Cut(Place::Connection))).is_some() {
        return;
    }
    if mood(&state, |mood| matches!(mood, Mood::Cut(Place::Handshake))).is_some() {
        let _ = stream.read(&mut [0; 16]).await;
        return;
    }
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 8192];
        match stream.read(&mut piece).await {
            Ok(count @ 1..) => read.extend_from_slice(&piece[..count]),
            _ => return,
        }
        if mood(&state, |mood| matches!(mood, Mood::Cut(Place::Request))).is_some() {
            return;
        }
        let Some((call, method)) = parse(&read) else { continue };
        read.clear();
        let mood = mood(&state, |_| true);
        if let Some(Mood::Status(status)) = mood {
            let trouble = json!({ "error": { "type": "api_error", "message": "trouble with ada@example.com" } });
            stream.write_all(&answer(status, &trouble.to_string())).await.unwrap();
            continue;
        }
        let (status, body) = done(&state, call, &method);
        let whole = answer(status, &body.to_string());
        let head = whole.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let written = match mood {
            None | Some(Mood::Status(_)) => stream.write_all(&whole).await,
            Some(Mood::Slow(time)) => {
                tokio::time::sleep(time).await;
                stream.write_all(&whole).await
            }
            Some(Mood::Silent) => std::future::pending().await,
            Some(Mood::Garbage) => stream.write_all(&answer(200, "<html>{}</html>")).await,
            Some(Mood::Endless) => {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n";
                stream.write_all(head).await.unwrap();
                while stream.write_all(format!("2000\r\n{}\r\n", " ".repeat(0x2000)).as_bytes()).await.is_ok() {}
                return;
            }
            Some(Mood::Cut(Place::Head)) => stream.write_all(&whole[..head / 2]).await,
            Some(Mood::Cut(Place::Body)) => stream.write_all(&whole[..head + 6]).await,
            Some(Mood::Cut(_)) => return,
        };
        if written.is_err() || matches!(mood, Some(Mood::Cut(_))) {
            return;
        }
    }
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The request, if it is there as a whole.
fn parse(read: &[u8]) -> Option<(Call, String)> {
    let text = std::str::from_utf8(read).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let call = Call { path: first[1].to_owned(), headers, form };
    (body.len() == length).then(|| (call, first[0].to_owned()))
}

/// Does what is asked for, once for each key. Refusals are kept as well.
fn done(state: &Mutex<State>, call: Call, method: &str) -> (u16, Value) {
    let mut state = state.lock().unwrap();
    state.calls.push(call.clone());
    if let Some(fault) = fault(&call, method) {
        state.faults.push(fault.clone());
        return (400, json!({ "error": { "type": "invalid_request_error", "message": fault } }));
    }
    if let Some((first, status, answer)) = state.answers.get(call.key()) {
        if (&first.path, &first.form) != (&call.path, &call.form) {
            return (
                400,
                json!({ "error": { "type": "idempotency_error", "message": "another request had this key" } }),
            );
        }
        return (*status, answer.clone());
    }
    let (status, answer) = answered(&mut state, &call);
    state.answers.insert(call.key().to_owned(), (call, status, answer.clone()));
    (status, answer)
}

/// The answer to a request that comes for the first time.
fn answered(state: &mut State, call: &Call) -> (u16, Value) {
    let number = state.answers.len();
    let refused = |param: &str| {
        let message = format!("No such {param} for {}", call.form.get("email").map_or("-", String::as_str));
        (
            400,
            json!({ "error": { "type": "invalid_request_error", "code": "resource_missing", "param": param,
            "message": message } }),
        )
    };
    let known = |customer: Option<&String>| customer.is_some_and(|customer| state.customers.contains(customer));
    let answer = match call.path.as_str() {
        "/v1/customers" => {
            if call.form["email"].starts_with("refused") {
                return refused("email");
            }
            let id = format!("cus_made_{number}");
            if !state.denies {
                state.customers.push(id.clone());
            }
            json!({ "id": id, "email": call.form["email"] })
        }
        _ if !known(call.form.get("customer")) => return refused("customer"),
        "/v1/checkout/sessions" => {
            if !call.form["line_items[0][price]"].starts_with("price_") {
                return refused("line_items[0][price]");
            }
            if let Some(param) = ["success_url", "cancel_url"].into_iter().find(|url| !call.form[*url].contains("://"))
            {
                return refused(param);
            }
            json!({ "id": format!("cs_{number}"), "url": format!("https://checkout.stripe.com/c/pay/cs_{number}") })
        }
        _ => json!({ "id": format!("bps_{number}"), "url": format!("https://billing.stripe.com/p/session/{number}") }),
    };
    (200, answer)
}

/// What is wrong with a request, whatever it asks for.
fn fault(call: &Call, method: &str) -> Option<String> {
    let header = |name: &str| call.headers.get(name).map_or("", String::as_str);
    let wanted: &[&str] = match call.path.as_str() {
        "/v1/customers" => &["email", "metadata[user_id]"],
        "/v1/checkout/sessions" => &[
            "cancel_url",
            "client_reference_id",
            "customer",
            "line_items[0][price]",
            "line_items[0][quantity]",
            "metadata[price_id]",
            "metadata[user_id]",
            "mode",
            "subscription_data[metadata][user_id]",
            "success_url",
        ],
        "/v1/billing_portal/sessions" => &["customer", "return_url"],
        other => return Some(format!("there is no {other}")),
    };
    let fields: Vec<&str> = call.form.keys().map(String::as_str).collect();
    let checks = [
        (method == "POST", "the method"),
        (header("authorization") == format!("Bearer {KEY}"), "the authorization"),
        (header("stripe-version") == "2024-06-20", "the version"),
        (!header("idempotency-key").is_empty(), "the idempotency key"),
        (header("content-type") == "application/x-www-form-urlencoded", "the media type"),
        (fields == wanted, "the form"),
    ];
    checks.iter().find(|(is_good, _)| !is_good).map(|(_, what)| format!("{what} of {call:?}"))
}
