//! The bare driver for `benches/databases.sh`: runs the statements of one request again and again, as PostgreSQL has logged
//! them from the gateway, on a pool like the gateway's, and takes the rows without looking into them.
//!
//! `driver LOG SECONDS CONNECTIONS [VALUE FIRST]`; with VALUE, a bound value like it is another number each time, from FIRST
//! on. Prints requests, seconds, p50 and p99 in µs, CPU of this process in µs a request.
//!
//! `driver LOG ADDRESS FILE [VALUE FIRST]` does it for each HTTP request that comes there, and answers with what is in the
//! file: what any HTTP server in front of that database costs at least.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sqlx::{
    AssertSqlSafe, Either, Executor, PgConnection, PgPool, Row, SqlSafeStr, Statement as _, TypeInfo,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
};

#[derive(Debug, Clone)]
enum Step {
    /// `BEGIN` and its like: one exchange of plain text.
    Plain(Arc<str>),
    Prepared(Arc<str>, Vec<Option<String>>),
}

/// The statements of a server's log with `log_statement = all`.
fn steps(log: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in messages(log) {
        if let Some((_, sql)) = line.split_once("LOG:  statement: ") {
            steps.push(Step::Plain(sql.into()));
        } else if let Some((_, named)) = line.split_once("LOG:  execute ") {
            steps.push(Step::Prepared(named.split_once(": ").unwrap().1.into(), Vec::new()));
        } else if let (Some((_, values)), Some(Step::Prepared(_, binds))) =
            (line.split_once("DETAIL:  parameters: "), steps.last_mut())
        {
            *binds = parameters(values);
        }
    }
    steps
}

/// A line more of the same message begins with a tab.
fn messages(log: &str) -> Vec<String> {
    log.replace("\n\t", "\u{1}").lines().map(|message| message.replace('\u{1}', "\n")).collect()
}

/// `$1 = 'it''s', $2 = NULL`
fn parameters(text: &str) -> Vec<Option<String>> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            found.push(None);
            rest = value;
            continue;
        };
        let (mut text, mut left) = (String::new(), quoted);
        loop {
            let (part, after) = left.split_once('\'').unwrap();
            text += part;
            let Some(more) = after.strip_prefix('\'') else {
                rest = after;
                break;
            };
            text.push('\'');
            left = more;
        }
        found.push(Some(text));
    }
    found
}

fn argument(arguments: &mut PgArguments, of: &str, value: Option<&str>) {
    fn add<'q, T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + 'q>(to: &mut PgArguments, value: T) {
        sqlx::Arguments::add(to, value).unwrap();
    }
    let elements = |text: &str| -> Vec<i64> {
        text.trim_matches(['{', '}']).split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect()
    };
    match of {
        "INT2" => add(arguments, value.map(|v| v.parse::<i16>().unwrap())),
        "INT4" => add(arguments, value.map(|v| v.parse::<i32>().unwrap())),
        "INT8" => add(arguments, value.map(|v| v.parse::<i64>().unwrap())),
        "INT8[]" => add(arguments, value.map(elements)),
        "BOOL" => add(arguments, value.map(|v| v.starts_with('t'))),
        "TEXT" | "VARCHAR" | "UNKNOWN" => add(arguments, value.map(str::to_owned)),
        other => panic!("a parameter of type {other}"),
    }
}

const KNOWN: [&str; 8] = ["INT2", "INT4", "INT8", "INT8[]", "BOOL", "TEXT", "VARCHAR", "UNKNOWN"];

/// Values of other types go as text, and the server makes of it what they are.
async fn typed(connection: &mut PgConnection, step: Step) -> Step {
    let Step::Prepared(mut sql, binds) = step else { return step };
    let prepared = (&mut *connection).prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await.unwrap();
    let Some(Either::Left(types)) = prepared.parameters() else { panic!("no types") };
    assert!(types.len() < 10, "$1 is in $10");
    for (n, of) in types.iter().enumerate().filter(|(_, of)| !KNOWN.contains(&of.name())) {
        let place = format!("${}", n + 1);
        sql = sql.replace(&place, &format!("{place}::text::{}", of.name())).into();
    }
    Step::Prepared(sql, binds)
}

fn look(row: &PgRow) {
    for n in 0..row.len() {
        std::hint::black_box(row.try_get_raw(n).unwrap());
    }
}

async fn run(connection: &mut PgConnection, step: &Step, other: Option<(&str, &str)>) {
    match step {
        Step::Plain(sql) => {
            connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.clone()))).await.unwrap();
        }
        Step::Prepared(sql, binds) => {
            let sql = AssertSqlSafe(sql.clone()).into_sql_str();
            let prepared = (&mut *connection).prepare(sql).await.unwrap();
            let Some(Either::Left(types)) = prepared.parameters() else { panic!("no types") };
            let mut arguments = PgArguments::default();
            for (of, bind) in types.iter().zip(binds) {
                let value = match (bind.as_deref(), other) {
                    (Some(value), Some((like, instead))) if value == like => Some(instead),
                    (value, _) => value,
                };
                argument(&mut arguments, of.name(), value);
            }
            let rows = prepared.query_with(arguments).fetch_all(connection).await.unwrap();
            rows.iter().for_each(look);
        }
    }
}

/// Of all threads, in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// The statements of one request, and what they run on.
struct Work {
    pool: PgPool,
    steps: Vec<Step>,
    like: Option<String>,
    next: AtomicI64,
}

impl Work {
    async fn once(&self) {
        let instead = self.like.is_some().then(|| self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let other = self.like.as_deref().zip(instead.as_deref());
        let mut connection = self.pool.acquire().await.unwrap();
        for step in &self.steps {
            run(&mut connection, step, other).await;
        }
    }
}

/// So many tasks do it one after another, and what each took.
async fn all(work: &Arc<Work>, time: Duration, connections: usize) -> Vec<Duration> {
    let until = Instant::now() + time;
    let round = |work: Arc<Work>| async move {
        let mut took = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            work.once().await;
            took.push(begun.elapsed());
        }
        took
    };
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(round(work.clone()))).collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    took
}

/// HTTP in front of it: the same for any request, and always the same answer.
async fn serve(work: Arc<Work>, address: &str, answer: Bytes) {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (work, answer) = (work.clone(), answer.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (work, answer) = (work.clone(), answer.clone());
            async move {
                request.into_body().collect().await.unwrap();
                work.once().await;
                Ok::<_, Infallible>(Response::new(Full::new(answer)))
            }
        });
        // a client that goes away in the middle is none of our business
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok() });
    }
}

fn main() {
    let given: Vec<String> = std::env::args().filter(|a| a != "--bench").skip(1).collect();
    let [log, what, with, rest @ ..] = given.as_slice() else { panic!("LOG SECONDS CONNECTIONS, or LOG ADDRESS FILE") };
    let logged = steps(&std::fs::read_to_string(log).unwrap());
    assert!(logged.len() > 2, "no statements in {log}");
    let options: PgConnectOptions = std::env::var("DATABASE").unwrap().parse().unwrap();
    let options = sqlx::ConnectOptions::disable_statement_logging(options);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let pool =
            PgPoolOptions::new().max_connections(16).test_before_acquire(false).connect_with(options).await.unwrap();
        let mut steps = Vec::new();
        for step in logged {
            steps.push(typed(&mut pool.acquire().await.unwrap(), step).await);
        }
        let next = AtomicI64::new(rest.get(1).map_or(0, |first| first.parse().unwrap()));
        let work = Arc::new(Work { pool, steps, like: rest.first().cloned(), next });
        let Ok(seconds) = what.parse() else {
            return serve(work, what, std::fs::read(with).unwrap().into()).await;
        };
        let connections = with.parse().unwrap();
        // connections are made and statements prepared
        all(&work, Duration::from_millis(300), connections).await;
        let (begun, before) = (Instant::now(), cpu());
        let mut took = all(&work, Duration::from_secs(seconds), connections).await;
        let (seconds, used) = (begun.elapsed().as_secs_f64(), cpu() - before);
        took.sort_unstable();
        let at = |part: usize| took[took.len() * part / 100].as_micros();
        let each = used.as_secs_f64() * 1e6 / took.len() as f64;
        println!("{} {seconds:.3} {} {} {each:.1}", took.len(), at(50), at(99));
    });
}
