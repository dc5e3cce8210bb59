//! Traces, as a collector reads them: what belongs together, and what a bad collector costs (nothing).

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use repduel_backend::outbound::client::Call;
use repduel_backend::telemetry::trace::{Kind, TraceContext, within};
use serde_json::json;

use super::collected;
use crate::support::people::register;
use crate::support::receiver::{Manner, Receiver};
use crate::support::stripe::{self, Stripe};
use crate::support::{PASSWORD, Request, Served, TestApp, TestDatabase, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every span that the collector got, and whose they are.
fn spans(collector: &Receiver) -> Vec<(Resource, Span)> {
    let requests = collector.received().into_iter().map(|received| {
        assert_eq!(received.path, "/v1/traces");
        assert_eq!(received.headers["content-type"], "application/x-protobuf");
        assert!(!received.headers.contains_key("traceparent"), "sending spans is no part of a trace");
        ExportTraceServiceRequest::decode(received.body).expect("it is what the protocol says")
    });
    let resources = requests.flat_map(|request| request.resource_spans);
    let all = resources.flat_map(|of| {
        let resource = of.resource.expect("spans say whose they are");
        of.scope_spans.into_iter().flat_map(|scope| scope.spans).map(move |span| (resource.clone(), span))
    });
    all.collect()
}

/// The one span of this name in the trace, when it has come.
async fn span(collector: &Receiver, name: &str) -> Span {
    let find = || {
        spans(collector)
            .into_iter()
            .map(|(_, span)| span)
            .filter(|span| span.name == name && hex(&span.trace_id) == TRACE)
    };
    eventually(name, async || find().count() > 0).await;
    let found: Vec<Span> = find().collect();
    assert_eq!(found.len(), 1, "{name}");
    found.into_iter().next().unwrap()
}

fn word(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], name: &str) -> String {
    let found =
        attributes.iter().find(|attribute| attribute.key == name).unwrap_or_else(|| panic!("{name} is missing"));
    match found.value.clone().unwrap().value.unwrap() {
        Any::StringValue(text) => text,
        Any::IntValue(number) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    }
}

/// A server that tells its traces there, and a lifter's token.
async fn traced(database: &TestDatabase, endpoint: &str) -> (Served, String) {
    let url = database.url();
    let served = Served::start(&[
        ("DATABASE_URL", url.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", "repduel-test"),
        ("RATE_LIMIT_ENABLED", "false"),
    ])
    .await;
    let ada = register(served.address, "ada").await;
    (served, ada.token)
}

fn workout() -> serde_json::Value {
    crate::workouts::workout(&repduel_backend::time::Clock::System.now().minus_s(60).to_string(), 45.0)
}

#[tokio::test]
async fn a_trace_goes_from_the_caller_to_the_worker() {
    let collector = Receiver::start(Manner::Status(200)).await;
    let database = TestDatabase::migrated().await;
    let (served, token) = traced(&database, &format!("http://{}/", collector.address)).await;
    let request = served.request("POST", crate::workouts::PATH).bearer(&token).json(&workout());
    request.header("traceparent", &format!("00-{TRACE}-{CALLER}-01")).send().await.expect(201);

    let handler = span(&collector, &format!("POST {}", crate::workouts::PATH)).await;
    assert_eq!((hex(&handler.parent_span_id).as_str(), handler.kind), (CALLER, 2));
    assert_eq!(word(&handler.attributes, "http.route"), crate::workouts::PATH);
    assert_eq!(word(&handler.attributes, "http.response.status_code"), "201");
    assert!(handler.status.is_none() && handler.end_time_unix_nano > handler.start_time_unix_nano);
    for name in ["workouts/insert_workout", "outbox/insert_event", "commit"] {
        let statement = span_below(&collector, name, &handler).await;
        assert_eq!((statement.kind, word(&statement.attributes, "db.system.name").as_str()), (3, "postgresql"));
        assert!(statement.start_time_unix_nano >= handler.start_time_unix_nano);
    }
    let worker = span(&collector, "outbox workout.submitted").await;
    assert_eq!((worker.parent_span_id.clone(), worker.kind), (handler.span_id.clone(), 5));
    assert_eq!(word(&worker.attributes, "outbox.attempt"), "1");
    span_below(&collector, "outbox/update_completed", &worker).await;
    for (resource, _) in spans(&collector) {
        assert_eq!(word(&resource.attributes, "service.name"), "repduel-test");
        assert_eq!(word(&resource.attributes, "deployment.environment.name"), "development");
        assert_eq!(word(&resource.attributes, "service.version"), env!("CARGO_PKG_VERSION"));
    }
    served.kill().await;
}

#[tokio::test]
async fn what_the_worker_asks_of_others_is_a_part_of_the_trace_that_caused_it() {
    let (collector, vendor) = (Receiver::start(Manner::Status(200)).await, Stripe::start().await);
    let database = TestDatabase::migrated().await;
    let (url, endpoint) = (database.url(), format!("http://{}", collector.address));
    let mut variables = vendor.variables().to_vec();
    variables.extend([("DATABASE_URL", url.as_str()), ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    variables.push(("STRIPE_SECRET_KEY", stripe::KEY));
    let served = Served::start(&variables).await;
    let new = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    let request = served.request("POST", "/api/v1/users").json(&new);
    request.header("traceparent", &format!("00-{TRACE}-{CALLER}-01")).send().await.expect(201);

    let handler = span(&collector, "POST /api/v1/users").await;
    let worker = span_below(&collector, "outbox user.created", &handler).await;
    let asked = span_below(&collector, "POST localhost", &worker).await;
    assert_eq!((asked.kind, word(&asked.attributes, "http.response.status_code").as_str()), (3, "200"));
    let told = vendor.calls()[0].headers["traceparent"].clone();
    assert_eq!(told, format!("00-{TRACE}-{}-01", hex(&asked.span_id)));
    span_below(&collector, "payments/update_customer", &worker).await;
    served.kill().await;
}

/// The span of this name that is a part of another one.
async fn span_below(collector: &Receiver, name: &str, parent: &Span) -> Span {
    let find = || {
        let of_parent = |span: &Span| span.name == name && span.parent_span_id == parent.span_id;
        spans(collector).into_iter().map(|(_, span)| span).find(of_parent)
    };
    eventually(name, async || find().is_some()).await;
    let found = find().unwrap();
    assert_eq!(found.trace_id, parent.trace_id);
    found
}

#[tokio::test]
async fn who_asks_decides_whether_their_trace_is_told() {
    let collector = Receiver::start(Manner::Status(200)).await;
    let database = TestDatabase::migrated().await;
    let (served, token) = traced(&database, &format!("http://{}", collector.address)).await;
    let ask = |flags: &str| {
        let request = served.request("GET", "/api/v1/users/me").bearer(&token);
        request.header("traceparent", &format!("00-{TRACE}-{CALLER}-{flags}"))
    };
    ask("00").send().await.expect(200);
    served.request("GET", "/api/v1/users/me").bearer(&token).header("x-request-id", TRACE).send().await.expect(200);
    ask("01").send().await.expect(200);
    ask("00").send().await.expect(200);
    // What is left is sent before the end.
    served.terminate().await;
    assert_eq!(served.ended().await.code(), Some(0));
    let ours = spans(&collector).into_iter().map(|(_, span)| span).filter(|span| span.name == "GET /api/v1/users/me");
    let ours: Vec<Span> = ours.filter(|span| hex(&span.trace_id) == TRACE).collect();
    // The one that was asked for, and the one that came without a trace and got one of its id.
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert_eq!(ours.iter().filter(|span| span.parent_span_id.is_empty()).count(), 1);
    // Others registered and logged in without a trace: each has one of its own.
    let login =
        spans(&collector).into_iter().map(|(_, span)| span).find(|span| span.name == "POST /api/v1/users/login");
    assert_ne!(hex(&login.unwrap().trace_id), TRACE);
}

/// Sends so many requests, four at a time, each of which must be served.
async fn load(served: &Served, token: &str, requests: usize) {
    let lanes = (0..4).map(|_| {
        let (address, token) = (served.address, token.to_owned());
        tokio::spawn(async move {
            for _ in 0..requests / 4 {
                Request::new(address, "GET", "/api/v1/users/me").bearer(&token).send().await.expect(200);
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
}

/// A figure of this server.
async fn figure(served: &Served, name: &str) -> f64 {
    let text = served.request("GET", "/metrics").send().await.expect(200);
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} is missing"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_costs_spans_and_nothing_else() {
    let collector = Receiver::start(Manner::Silent).await;
    let database = TestDatabase::migrated().await;
    let (served, token) = traced(&database, &format!("http://{}", collector.address)).await;
    let dropped = "telemetry_dropped_total{kind=\"span\"}";
    load(&served, &token, 400).await;
    let before = figure(&served, "process_resident_memory_bytes").await;
    // Two spans a request: more than are kept, while nobody takes any.
    load(&served, &token, 6_000).await;
    assert!(figure(&served, dropped).await > 1_000.0);
    let grown = figure(&served, "process_resident_memory_bytes").await - before;
    assert!(grown < 16.0 * 1024.0 * 1024.0, "memory grew by {grown} bytes");
    served.terminate().await;
    assert_eq!(served.ended().await.code(), Some(0), "nor does it keep the server from stopping");
}

#[tokio::test]
async fn a_collector_that_refuses_or_is_slow_or_away_is_told_once_and_taken_back() {
    let collector = Receiver::start(Manner::Status(503)).await;
    let database = TestDatabase::migrated().await;
    let (served, token) = traced(&database, &format!("http://{}", collector.address)).await;
    let complaint = "what was to be sent is dropped until it is taken";
    eventually("a refusal", async || served.said().contains(complaint)).await;
    let refused = collector.received().len();
    load(&served, &token, 40).await;
    eventually("another refusal", async || collector.received().len() > refused + 1).await;
    assert_eq!(served.said().matches(complaint).count(), 1, "{}", served.said());
    assert!(served.said().contains("it answered 503"));
    collector.behave(Manner::Slow(Duration::from_millis(300)));
    let back = async || {
        load(&served, &token, 4).await;
        served.said().contains("it takes what is sent again")
    };
    eventually("the end of the refusals", back).await;
    served.kill().await;
}

#[tokio::test]
async fn a_call_to_others_is_a_part_of_the_trace_that_they_may_go_on_from() {
    let vendor = Receiver::start(Manner::Status(200)).await;
    let app = TestApp::with_variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]).await;
    let sent = collected(&app);
    let call = Call {
        method: Method::POST,
        uri: format!("http://{}/v1/customers/cus_7?email=ada", vendor.address).parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        attempts_max: 1,
        attempt_wait: Duration::from_secs(5),
        until: tokio::time::Instant::now() + Duration::from_secs(5),
        answer_max_bytes: 100,
    };
    let given = TraceContext::parse(&format!("00-{TRACE}-{CALLER}-01"));
    let (handler, active) = app.app.telemetry.begin(Kind::Server, "POST /checkout", given, || unreachable!());
    within(active, app.app.outbound.call(&call)).await.unwrap();
    drop(handler);
    app.app.telemetry.end_sending().await;
    let parcel = sent.lock().unwrap().remove(0);
    let request = ExportTraceServiceRequest::decode(parcel.body.as_slice()).unwrap();
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    let [asked, handled] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((asked.name.as_str(), handled.name.as_str()), ("POST 127.0.0.1", "POST /checkout"));
    assert_eq!((&asked.parent_span_id, asked.kind), (&handled.span_id, 3));
    assert_eq!(word(&asked.attributes, "http.response.status_code"), "200");
    let told = vendor.received().remove(0).headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(told, format!("00-{TRACE}-{}-01", hex(&asked.span_id)));
    assert!(!format!("{spans:?}").contains("ada"), "the address may hold anything");
}

#[tokio::test]
async fn without_a_collector_a_trace_is_passed_on_all_the_same() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for (given, stored) in [(Some("01"), "01"), (Some("00"), "00"), (None, "00")] {
        app.pg.batch_execute("delete from outbox_events; delete from routine_submission").await.unwrap();
        let request = app.request("POST", crate::workouts::PATH).bearer(&ada.token).json(&workout());
        let header = given.map(|flags| format!("00-{TRACE}-{CALLER}-{flags}"));
        let request = header
            .as_ref()
            .map_or(request.clone().header("x-request-id", TRACE), |header| request.header("traceparent", header));
        request.send().await.expect(201);
        let row = app.pg.query_one("select traceparent from outbox_events", &[]).await.unwrap();
        let traceparent: String = row.get(0);
        match header {
            Some(header) => assert_eq!(traceparent, header),
            None => assert!(traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent.ends_with(stored)),
        }
    }
}
