//! The floor: the smallest honest programs on the crates that the service is made of. What the service does is held against
//! them in one run, because rates of different runs, let alone machines, cannot be compared.
//!
//! ```text
//! DATABASE_URL=... floor constant|select|pipelined|insert PORT
//! ```
//!
//! - `constant`: hyper answers the same JSON again and again.
//! - `select`: one prepared select by a primary key on a pooled connection; the row is the answer.
//! - `pipelined`: the same on two clients that all requests share.
//! - `insert`: one prepared insert in a transaction on a pooled connection, with what the database's settings say of commits.
//!
//! None of them checks, logs or counts anything.

use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Connections of the pool, as the service has by default.
const POOL: usize = 10;
/// Clients that the pipelined program shares, as the service does.
const SHARED: usize = 2;
/// Lifters to select among.
const LIFTERS: i64 = 100_000;

const SCHEMA: &str = "\
    create schema if not exists floor;
    create table if not exists floor.lifters (id bigint primary key, name text not null, energy float8 not null);
    insert into floor.lifters select n, 'lifter' || n, n / 7.0 from generate_series(1, 100000) as n on conflict do nothing;
    create table if not exists floor.lifts (
        id bigint generated always as identity primary key, lifter_id bigint not null, weight float8 not null
    );";
const SELECT: &str = "select id, name, energy from floor.lifters where id = $1";
const INSERT: &str = "insert into floor.lifts (lifter_id, weight) values ($1, $2) returning id";

#[derive(Serialize)]
struct Lifter<'a> {
    id: i64,
    name: &'a str,
    energy: f64,
}

#[derive(Serialize)]
struct Lift {
    id: i64,
}

enum Program {
    Constant,
    Select(Pool),
    Pipelined(Vec<(Client, Statement)>),
    Insert(Pool),
}

/// What a program answers requests with.
struct Floor {
    program: Program,
    turn: AtomicUsize,
}

impl Floor {
    async fn answer(&self) -> Fallible<Bytes> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let lifter = i64::try_from(turn)? % LIFTERS + 1;
        match &self.program {
            Program::Constant => Ok(Bytes::from_static(br#"{"status":"ok"}"#)),
            Program::Select(pool) => {
                let client = pool.get().await?;
                let statement = client.prepare_cached(SELECT).await?;
                lifter_json(&client.query_one(&statement, &[&lifter]).await?)
            }
            Program::Pipelined(clients) => {
                let (client, statement) = clients.get(turn % SHARED).ok_or("no client")?;
                lifter_json(&client.query_one(statement, &[&lifter]).await?)
            }
            Program::Insert(pool) => {
                let mut client = pool.get().await?;
                let transaction = client.transaction().await?;
                let statement = transaction.prepare_cached(INSERT).await?;
                let row = transaction.query_one(&statement, &[&lifter, &100.0]).await?;
                transaction.commit().await?;
                Ok(serde_json::to_vec(&Lift { id: row.try_get(0)? })?.into())
            }
        }
    }

    async fn respond(&self, _: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (status, body) = match self.answer().await {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::from(error.to_string())),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

fn lifter_json(row: &Row) -> Fallible<Bytes> {
    let lifter = Lifter { id: row.try_get(0)?, name: row.try_get(1)?, energy: row.try_get(2)? };
    Ok(serde_json::to_vec(&lifter)?.into())
}

async fn program(name: &str, url: &str) -> Fallible<Program> {
    if name == "constant" {
        return Ok(Program::Constant);
    }
    let config: Config = url.parse()?;
    let first = connect(&config).await?;
    first.batch_execute(SCHEMA).await?;
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let pool = || Pool::builder(Manager::from_config(config.clone(), NoTls, manager.clone())).max_size(POOL).build();
    match name {
        "select" => Ok(Program::Select(pool()?)),
        "insert" => Ok(Program::Insert(pool()?)),
        "pipelined" => {
            let mut clients = Vec::new();
            for _ in 0..SHARED {
                let client = connect(&config).await?;
                let statement = client.prepare(SELECT).await?;
                clients.push((client, statement));
            }
            Ok(Program::Pipelined(clients))
        }
        _ => Err("usage: floor constant|select|pipelined|insert PORT".into()),
    }
}

async fn connect(config: &Config) -> Fallible<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, port] = words.as_slice() else {
        return Err("usage: floor constant|select|pipelined|insert PORT".into());
    };
    let url = std::env::var("DATABASE_URL").unwrap_or_default();
    let floor = Arc::new(Floor { program: program(name, &url).await?, turn: AtomicUsize::new(0) });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let floor = Arc::clone(&floor);
        tokio::spawn(async move {
            let service = service_fn(|request| floor.respond(request));
            // Whoever hangs up is nobody's concern.
            let _ =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
