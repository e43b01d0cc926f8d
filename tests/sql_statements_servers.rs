//! What a request costs in statements, counted from the log of the database itself, on the engine that
//! `PORTOLAN_TEST_ENGINE` names: one a table, whether there are a hundred rows or thousands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod quickstart;

use std::collections::BTreeSet;

use portolan::mapping::sql::Engine;
use quickstart::{
    Door, LIMITS, MAPPING, TOLERANT,
    database::{Database, engine},
};
use serde_json::{Value, json};

/// What the server has logged of the connections of one gateway.
struct Log<'a> {
    database: &'a Database,
    name: &'a str,
}

impl Log<'_> {
    /// Where the log ends now.
    async fn end(&self) -> u64 {
        let sql = match self.database.engine {
            Engine::Postgres => "select size from pg_stat_file(current_setting('data_directory') || '/../log')",
            _ => "select count(*) from mysql.general_log",
        };
        self.database.lines(sql).await[0].parse().unwrap()
    }

    /// The statements executed since, without those that begin and end a transaction.
    async fn since(&self, end: u64) -> Vec<String> {
        let name = self.name;
        let sql = match self.database.engine {
            Engine::Postgres => format!(
                "select line from regexp_split_to_table(encode(pg_read_binary_file(current_setting('data_directory') || '/../log', \
                   {end}, 1 << 28), 'escape'), '\\n') as line
                 where line like '%LOG:  execute %'
                   and substring(line from '\\[(\\d+)\\]')::int in (select pid from pg_stat_activity where application_name = '{name}')"
            ),
            _ => format!(
                "select convert(argument using utf8mb4) from (select * from mysql.general_log limit {end}, 1000000) as later
                 where command_type = 'Execute'
                   and thread_id in (select id from information_schema.processlist where db = '{name}')"
            ),
        };
        self.database.lines(&sql).await
    }
}

/// A gateway over the quickstart with so many people more, each with two addresses and all in one team; its database, and
/// the name by which the server knows the gateway's connections.
async fn crowd(people: u32) -> (Door, Database, String) {
    let database = Database::quickstart("").await;
    let last = 10_000 + people;
    let numbers = match database.engine {
        Engine::Postgres => format!("generate_series(10001, {last}) as n(i)"),
        _ => format!("(select seq as i from seq_10001_to_{last}) as n"),
    };
    let script = format!(
        "insert into staff_person (person_no, logon, made_at, chg_at) select i, concat('p', i), now(), now() from {numbers};
        insert into mailbox (person_no, addr, kind) select i, concat('w', i, '@x'), 'work' from {numbers};
        insert into mailbox (person_no, addr, kind) select i, concat('h', i, '@x'), 'home' from {numbers};
        insert into team (team_no, label, made_at, chg_at) values (99, 'all', now(), now());
        insert into team_person (team_no, person_no) select 99, i from {numbers};"
    );
    database.run(&script).await;
    let (url, name) = match database.engine {
        Engine::Postgres => {
            let (_, name) = database.url.split_once("search_path%3D").unwrap();
            (format!("{}%20-c%20log_statement%3Dall&application_name={name}", database.url), name)
        }
        _ => {
            database.run("set global log_output = 'TABLE'; set global general_log = 1").await;
            (database.url.clone(), database.url.rsplit('/').next().unwrap())
        }
    };
    let name = name.to_owned();
    let door = quickstart::over(MAPPING, &[("DATABASE", &url)], LIMITS, tempfile::tempdir().unwrap()).await;
    (door, database, name)
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn the_database_logs_one_statement_a_table() {
    let add = |id: &str| {
        let operation = json!({"op": "add", "path": "members", "value": [{"value": id}]});
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
    };
    assert_ne!(engine(), Engine::Sqlite, "set PORTOLAN_TEST_ENGINE to postgres or mariadb");
    for people in [200, 6000] {
        let (door, database, name) = crowd(people).await;
        let log = Log { database: &database, name: &name };
        for (method, path, body, found, cost) in [
            // people, addresses, teams
            ("GET", "/Users?count=100&cursor=", Value::Null, 100, 3),
            // and by index, how many there are
            ("GET", "/Users?count=100", Value::Null, 100, 4),
            ("GET", "/Users?filter=userName%20eq%20%22P10007%22&attributes=userName", Value::Null, 1, 1),
            ("GET", "/Users?filter=userName%20eq%20%22P10007%22", Value::Null, 1, 3),
            ("GET", "/Groups/99?excludedAttributes=members", Value::Null, 0, 1),
            // the team is locked, the person looked up, the membership and the time written
            ("PATCH", "/Groups/99?excludedAttributes=members", add("1001"), 0, 4),
        ] {
            let end = log.end().await;
            let answer = door.call(TOLERANT, method, path, &body).await;
            assert!(answer.status < 300, "{method} {path}: {}", answer.text);
            if found > 0 {
                assert_eq!(answer.each("id").into_iter().collect::<BTreeSet<_>>().len(), found, "{path}");
            }
            let logged = log.since(end).await;
            assert_eq!(logged.len(), cost, "{method} {path} among {people}:\n{}", logged.join("\n"));
        }
        if database.engine == Engine::MariaDb {
            database.run("set global general_log = 0").await;
        }
    }
}
