//! A database that fails in the middle of the work: the client is told so, nothing is done by halves, and it heals by itself
//! once the cause is gone.

use portolan::mapping::sql::Engine;
use serde_json::{Value, json};

use super::{
    database::{Database, engine},
    door::{Answer, Door, user},
};

const PEOPLE: &str = "
mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources:
  User:
    table: person
    key: id
    attributes:
      userName: login
      title: title
      emails: { table: mail, link: person, key: id, value: addr }
";

const TABLES: &str = "
    create table person (id integer primary key, login text not null unique, title text);
    create table mail (id integer primary key, person integer not null, addr text not null);
    insert into person values (1, 'ann', 'Cook');
    insert into mail values (1, 1, 'ann@a.example');";

async fn state(door: &Door) -> Vec<String> {
    let mut all = door.sql("select id || ' ' || login || ' ' || title from person order by id").await;
    all.extend(door.sql("select person || ' ' || addr from mail order by id").await);
    all
}

/// A change of the row first, and then of a list.
async fn change(door: &Door, title: &str, mail: &str) -> Answer {
    let mail = json!({"op": "replace", "path": "emails", "value": [{"value": mail}]});
    door.patch("/Users/1", json!([{"op": "replace", "path": "title", "value": title}, mail])).await
}

/// Ends the connection of whoever waits for a row of a list.
async fn kill_who_waits(database: &Database) {
    let kill = match database.engine {
        Engine::Postgres => {
            "select pg_terminate_backend(pid)::text from pg_stat_activity where application_name = 'portolan' and wait_event_type = 'Lock'
             and pid in (select pid from pg_locks where relation = 'mail'::regclass)"
        }
        _ => {
            "select concat('kill ', id) from information_schema.processlist where db = database() and command = 'Execute' and info like '%mail%'"
        }
    };
    loop {
        let killed = database.lines(kill).await;
        if database.engine == Engine::MariaDb {
            for kill in &killed {
                database.run(kill).await;
            }
        }
        if !killed.is_empty() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_connection_that_is_lost_in_the_middle_leaves_nothing() {
    let door = Door::over_tables(PEOPLE, TABLES).await;
    let before = state(&door).await;
    let mut app = door.data().transaction().await;
    app.run("update mail set addr = 'x' where id = 1").await;
    let asking = tokio::spawn({
        let door = door.clone();
        async move { change(&door, "Chief", "new@a.example").await }
    });
    tokio::time::timeout(std::time::Duration::from_secs(20), kill_who_waits(door.data())).await.unwrap();
    let answer = asking.await.unwrap();
    assert_eq!(answer.headers["retry-after"], "5");
    let detail = answer.fails(503, "");
    assert!(!detail.contains("is not known"), "a transaction that was not ended did nothing: {detail}");
    app.run("rollback").await;
    assert_eq!(state(&door).await, before);
    change(&door, "Chief", "new@a.example").await.is(200);
    assert_eq!(state(&door).await, ["1 ann Chief", "1 new@a.example"]);
}

/// What a column is called, and whether it is there, may change under a gateway that has its statements prepared.
#[tokio::test]
async fn a_schema_that_changes_is_told_and_heals() {
    let door = Door::over_tables(PEOPLE, TABLES).await;
    for (n, (there, back)) in [
        ("alter table person rename column title to rank_now", "alter table person rename column rank_now to title"),
        ("alter table mail rename column addr to address", "alter table mail rename column address to addr"),
        ("alter table mail rename to mail_old", "alter table mail_old rename to mail"),
    ]
    .into_iter()
    .enumerate()
    {
        change(&door, &format!("T{n}"), &format!("m{n}@a.example")).await.is(200);
        door.get("/Users/1").await.is(200);
        let before = state(&door).await;
        door.data().run(there).await;
        for _ in 0..3 {
            let detail = door.get("/Users/1").await.fails(500, "");
            assert!(!detail.contains("person") && !detail.contains("mail"), "{detail}");
            change(&door, "Lost", "lost@a.example").await.fails(500, "");
            let mut new = user("new");
            new["emails"] = json!([{"value": "new@a.example"}]);
            new["title"] = json!("New");
            door.ask("POST", "/Users", new).await.fails(500, "");
        }
        door.data().run(back).await;
        assert_eq!(state(&door).await, before, "{there}");
        door.get("/Users/1").await.is(200);
        change(&door, "Back", "back@a.example").await.is(200);
    }
}

/// A column of another type is the same column, as long as it holds what it held.
#[tokio::test]
async fn a_column_may_become_wider() {
    let wider = match engine() {
        // it types values and not columns
        Engine::Sqlite => "alter table person add column other text",
        Engine::Postgres => {
            "alter table person alter column title type varchar(300), alter column login type varchar(300)"
        }
        Engine::MariaDb => "alter table person modify title varchar(300), modify login varchar(300) not null",
    };
    let door = Door::over_tables(PEOPLE, TABLES).await;
    let all = async |door: &Door, title: &str| {
        change(door, title, "new@a.example").await.is(200);
        assert_eq!(door.get("/Users/1").await.is(200)["title"], title);
        assert_eq!(door.find("/Users", &format!("title eq \"{title}\"")).await.ids(), ["1"]);
        let made = door.ask("POST", "/Users", user(title)).await.is(201);
        door.ask("DELETE", &format!("/Users/{}", made["id"].as_str().unwrap()), Value::Null).await.is(204);
    };
    all(&door, "before").await;
    door.data().run(wider).await;
    all(&door, "after").await;
}

/// Letters that no engine makes shorter.
fn filler(bytes: usize) -> String {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 40) % 90).unwrap()).to_string().replace(['\'', '\\', '?'], "x")
    };
    (0..bytes).map(|_| next()).collect()
}

#[tokio::test]
#[ignore = "needs a disk that may be filled; tests/run.sh mounts one"]
async fn a_full_disk_is_told_and_heals() {
    let database =
        Database::small(&format!("{TABLES} create table ballast (id integer primary key, filler text);")).await;
    let door = Door::over_data(PEOPLE, database).await;
    let before = state(&door).await;
    if engine() == Engine::MariaDb {
        // InnoDB ends itself where it finds no place for undoing a write: so it only says what it says before that
        let full = "signal sqlstate 'HY000' set mysql_errno = 1114, message_text = 'The table is full'";
        door.data().run(&format!("create trigger full before insert on mail for each row {full}")).await;
    } else {
        let fill = format!("insert into ballast (filler) values ('{}')", filler(250_000));
        while door.data().try_run(&fill).await.is_ok() {}
    }
    // the row first, which finds its place, and then what does not
    let big = filler(700_000);
    for _ in 0..2 {
        let answer = change(&door, "Chief", &big).await;
        assert_eq!(answer.headers["retry-after"], "5");
        answer.fails(503, "");
        assert_eq!(state(&door).await, before, "nothing by halves");
    }
    // whoever reads is served meanwhile
    assert_eq!(door.get("/Users/1").await.is(200)["title"], "Cook");
    door.data().run("drop table ballast").await;
    if engine() == Engine::MariaDb {
        door.data().run("drop trigger full").await;
    }
    change(&door, "Chief", &big).await.is(200);
    door.data().run("drop table mail").await;
    door.data().run("drop table person").await;
}
