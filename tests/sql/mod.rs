//! A database and its mapping, made by hand: one attribute of each kind that SQL tells apart. Tables `person`, `email`,
//! `team`, `in_team`; people and teams marked as gone are not there.

#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use portolan::{
    mapping::{
        Existing, Id, Records, Resource,
        codec::Codec,
        line::{Each, Empty, Field, FieldSource, Line, Of, Slot, SlotField, Source},
        own::Own,
        pattern::Pattern,
        selector::Selector,
        sql::{
            Child, ColumnIs, ColumnTest, Delete, Derived, Engine, Ident, Junction, Key, KeyKind, Reference, Rows,
            SqlRecords, Stamp,
        },
        template::Template,
        time::TimeForm,
    },
    plan::{
        call::{Bind, Statement},
        sql::order,
    },
    scim::schema::{Attribute, Mutability, ResourceType, Returned, Schema, Target, Type, Uniqueness},
};
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Column, Connection, Row, Sqlite, SqliteConnection, TypeInfo, ValueRef,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow},
};

pub(crate) const TABLES: &str = "
CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT COLLATE NOCASE, ext TEXT, given TEXT, family TEXT COLLATE RTRIM,
    nick TEXT, number INTEGER, status INTEGER, kind TEXT, logins INTEGER, score REAL, seen INTEGER, made TEXT, locked TEXT,
    phone TEXT, mobile TEXT, realm TEXT, cost, gone INTEGER);
CREATE TABLE email (id INTEGER PRIMARY KEY, person_id INTEGER, addr TEXT, kind TEXT, main INTEGER, hidden INTEGER);
CREATE TABLE team (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT, gone TEXT);
CREATE TABLE in_team (team_code TEXT, person_id INTEGER, by TEXT);
";

pub(crate) fn ident(name: &str) -> Ident {
    Ident(name.to_owned())
}

fn idents(names: &[&str]) -> Vec<Ident> {
    names.iter().map(|n| ident(n)).collect()
}

fn plain(name: &str, kind: Type) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind,
        multi_valued: false,
        description: String::new(),
        required: false,
        canonical_values: Vec::new(),
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        reference_types: Vec::new(),
        sub_attributes: Vec::new(),
    }
}

fn exact(name: &str) -> Attribute {
    Attribute { case_exact: true, ..plain(name, Type::String) }
}

fn text(name: &str) -> Attribute {
    plain(name, Type::String)
}

fn complex(name: &str, multi_valued: bool, subs: Vec<Attribute>) -> Attribute {
    Attribute { multi_valued, sub_attributes: subs.into_iter().map(Arc::new).collect(), ..plain(name, Type::Complex) }
}

fn line(attribute: &Attribute, sub: Option<&str>, value: Source) -> Line {
    let target = Target {
        extension: None,
        attribute: Arc::new(attribute.clone()),
        sub: sub.map(|s| attribute.sub(s).unwrap().clone()),
    };
    Line {
        target,
        value,
        empty: Empty::Null,
        fold: None,
        create: true,
        update: true,
        write_only: false,
        checked: false,
        volatile: false,
        default: None,
    }
}

fn at(column: &str, codec: Codec) -> Source {
    Source::At { at: Selector::key(column), codec }
}

fn field(sub: &str, column: &str, codec: Codec) -> Field {
    Field { sub: sub.to_owned(), value: FieldSource::At { at: Selector::key(column), codec } }
}

fn test(column: &str, is: ColumnIs) -> ColumnTest {
    ColumnTest { column: ident(column), is }
}

fn yes_no() -> Codec {
    Codec::Values { pairs: vec![(json!(true), vec![json!(1)]), (json!(false), vec![json!(0)])], or_else: None }
}

fn kind(name: &str, attributes: &[Attribute]) -> ResourceType {
    let id = format!("urn:ietf:params:scim:schemas:core:2.0:{name}");
    let attributes = attributes.iter().cloned().map(Arc::new).collect();
    let schema = Schema { id, name: name.to_owned(), description: String::new(), attributes };
    let common = [exact("id"), exact("externalId")];
    ResourceType {
        name: name.to_owned(),
        endpoint: format!("/{name}s"),
        description: String::new(),
        schema,
        extensions: Vec::new(),
        common: common.into_iter().map(Arc::new).collect(),
        published: Vec::new(),
    }
}

pub(crate) fn user() -> Resource {
    let value = |attribute: Attribute| Attribute { returned: Returned::Always, ..attribute };
    let name = complex("name", false, vec![text("givenName"), text("familyName"), text("formatted")]);
    let emails =
        complex("emails", true, vec![text("value"), text("type"), plain("primary", Type::Boolean), text("display")]);
    let phones = complex("phoneNumbers", true, vec![text("value"), text("type")]);
    let groups = complex("groups", true, vec![value(exact("value")), plain("$ref", Type::Reference), text("display")]);
    let seen = plain("lastSeen", Type::DateTime);
    let made = plain("madeAt", Type::DateTime);
    let (nick, number, active) = (text("nickName"), text("employeeNumber"), plain("active", Type::Boolean));
    let (user_type, locked, title) = (text("userType"), plain("locked", Type::Boolean), text("title"));
    let (logins, score, realm) = (plain("logins", Type::Integer), plain("score", Type::Decimal), text("realm"));
    let external = exact("externalId");
    let cost = exact("costCenter");
    let login = text("userName");

    let status = Codec::Values {
        pairs: vec![(json!(true), vec![json!(1)]), (json!(false), vec![json!(3), json!(2)])],
        or_else: Some(json!(false)),
    };
    let kinds = Codec::Values {
        pairs: vec![(json!("Staff ü"), vec![json!("s"), json!("S")]), (json!("guest"), vec![json!("g"), Value::Null])],
        or_else: None,
    };
    let slot = |kind: &str, column: &str| Slot {
        constants: vec![("type".to_owned(), json!(kind))],
        fields: vec![SlotField { sub: "value".to_owned(), at: Selector::key(column), codec: Codec::Plain }],
    };
    let each = Each {
        items: Selector::key("emails"),
        pattern: Pattern::default(),
        fields: vec![
            field("value", "addr", Codec::Plain),
            field("type", "kind", Codec::Plain),
            field("primary", "main", yes_no()),
        ],
        of: None,
        also: Vec::new(),
        at_most: None,
        one: false,
        scoped: false,
        guards: false,
    };
    let of = Of { name: "Group".to_owned(), endpoint: "/Groups".to_owned() };
    let around = Codec::Around { prefix: "R/".to_owned(), suffix: "!".to_owned() };

    let mut lines = vec![
        line(&login, None, at("login", Codec::Plain)),
        line(&external, None, at("ext", Codec::Plain)),
        line(&name, Some("givenName"), at("given", Codec::Plain)),
        line(&name, Some("familyName"), at("family", Codec::Plain)),
        line(&name, Some("formatted"), Source::Text(Template::compile("{{given}} {{family}}").unwrap())),
        line(&nick, None, at("nick", Codec::Plain)),
        line(&number, None, at("number", Codec::Plain)),
        line(&active, None, at("status", status)),
        line(&user_type, None, at("kind", kinds)),
        line(&locked, None, at("locked", Codec::Given(true))),
        line(&title, None, Source::Constant(json!("Örk"))),
        line(&logins, None, at("logins", Codec::Plain)),
        line(&score, None, at("score", Codec::Plain)),
        line(&seen, None, at("seen", Codec::Time(TimeForm::Unix))),
        line(&made, None, at("made", Codec::Time(TimeForm::Iso))),
        line(&realm, None, at("realm", around)),
        line(&cost, None, at("cost", Codec::Plain)),
        line(&emails, None, Source::Each(each)),
        line(&phones, None, Source::Slots(vec![slot("work", "phone"), slot("mobile", "mobile")])),
        line(&groups, None, Source::From { of, part: Some("groups".to_owned()) }),
    ];
    for (sub, empty) in [("nickName", json!("none")), ("logins", json!(0))] {
        lines.iter_mut().find(|l| l.target.attribute.name == sub).unwrap().empty = Empty::Is(empty);
    }
    let columns = [
        "login", "ext", "given", "family", "nick", "number", "status", "kind", "logins", "score", "seen", "made",
        "locked", "phone", "mobile", "realm", "cost",
    ];
    let records = SqlRecords {
        engine: Engine::Sqlite,
        catalog: Arc::default(),
        rows: Rows::of(ident("person")),
        table: Some(ident("person")),
        written: Vec::new(),
        key: Key { column: ident("id"), kind: KeyKind::Integer },
        only: vec![test("gone", ColumnIs::AnyOf(vec![json!(0)]))],
        protect: Vec::new(),
        version: None,
        columns: idents(&columns),
        insert: vec![(ident("made"), Stamp::Now)],
        touch: vec![(ident("seen"), Stamp::Now)],
        delete: Delete::Rows,
        own: Own::default(),
        beside: Vec::new(),
        cells: Vec::new(),
        children: vec![Child {
            name: "emails".to_owned(),
            table: ident("email"),
            link: ident("person_id"),
            key: Some(ident("id")),
            columns: idents(&["addr", "kind", "main"]),
            only: vec![test("hidden", ColumnIs::NoneOf(vec![json!(1)]))],
            insert: vec![(ident("hidden"), Stamp::Is(json!(0)))],
        }],
        members: Vec::new(),
        groups: Some(Derived {
            name: "groups".to_owned(),
            table: ident("in_team"),
            link: ident("person_id"),
            value: ident("team_code"),
            other: team_reference(),
            display: Some(ident("name")),
        }),
        references: Vec::new(),
        memberships: vec![(ident("in_team"), ident("person_id"))],
    };
    let all = [
        login, name, nick, number, active, user_type, locked, title, logins, score, seen, made, realm, cost, emails,
        phones, groups,
    ];
    let id = Id { at: Selector::key("id"), codec: Codec::Plain };
    Resource {
        kind: kind("User", &all),
        id,
        lines,
        records: Records::Sql(Box::new(records)),
        existing: Existing::Refuse,
    }
}

/// A user with two lists more in the table of e-mail addresses: plain values, and items that have no `value`.
#[allow(dead_code)]
pub(crate) fn user_with_lists() -> Resource {
    let mut user = user();
    let marks = Attribute { multi_valued: true, ..text("marks") };
    let places = complex("places", true, vec![text("town"), text("type"), plain("primary", Type::Boolean)]);
    let lists = [
        (marks, vec![field("value", "addr", Codec::Plain)], &["addr"] as &[&str]),
        (
            places,
            vec![
                field("town", "addr", Codec::Plain),
                field("type", "kind", Codec::Plain),
                field("primary", "main", yes_no()),
            ],
            &["addr", "kind", "main"],
        ),
    ];
    for (attribute, fields, columns) in lists {
        let items = Selector::key(&attribute.name);
        let each = Each {
            items,
            pattern: Pattern::default(),
            fields,
            of: None,
            also: Vec::new(),
            at_most: None,
            one: false,
            scoped: false,
            guards: false,
        };
        user.lines.push(line(&attribute, None, Source::Each(each)));
        if let Records::Sql(records) = &mut user.records {
            records.children.push(Child {
                name: attribute.name.clone(),
                table: ident("email"),
                link: ident("person_id"),
                key: None,
                columns: idents(columns),
                only: Vec::new(),
                insert: Vec::new(),
            });
        }
        user.kind.schema.attributes.push(Arc::new(attribute));
    }
    user
}

fn team_reference() -> Reference {
    Reference {
        rows: Rows::of(ident("team")),
        key: ident("code"),
        kind: KeyKind::Text,
        only: vec![team_alive()],
        protect: Vec::new(),
    }
}

fn team_alive() -> ColumnTest {
    test("gone", ColumnIs::AnyOf(vec![Value::Null]))
}

pub(crate) fn group() -> Resource {
    let display = text("displayName");
    let members = complex("members", true, vec![text("value"), text("type"), plain("$ref", Type::Reference)]);
    let each = Each {
        items: Selector::key("members"),
        pattern: Pattern::default(),
        fields: vec![field("value", "value", Codec::Plain)],
        of: Some(Of { name: "User".to_owned(), endpoint: "/Users".to_owned() }),
        also: Vec::new(),
        at_most: None,
        one: false,
        scoped: false,
        guards: false,
    };
    let lines = vec![line(&display, None, at("name", Codec::Plain)), line(&members, None, Source::Each(each))];
    let records = SqlRecords {
        engine: Engine::Sqlite,
        catalog: Arc::default(),
        rows: Rows::of(ident("team")),
        table: Some(ident("team")),
        written: Vec::new(),
        key: Key { column: ident("code"), kind: KeyKind::Text },
        only: vec![team_alive()],
        protect: Vec::new(),
        version: None,
        columns: idents(&["name"]),
        insert: Vec::new(),
        touch: Vec::new(),
        delete: Delete::Set(vec![(ident("gone"), Stamp::Now)]),
        own: Own::default(),
        beside: Vec::new(),
        cells: Vec::new(),
        children: Vec::new(),
        members: vec![Junction {
            name: "members".to_owned(),
            table: ident("in_team"),
            link: ident("team_code"),
            value: ident("person_id"),
            of: "User".to_owned(),
            member: Reference {
                rows: Rows::of(ident("person")),
                key: ident("id"),
                kind: KeyKind::Integer,
                only: vec![test("gone", ColumnIs::AnyOf(vec![json!(0)]))],
                protect: Vec::new(),
            },
            nests: false,
            insert: vec![(ident("by"), Stamp::Client)],
            own: None,
        }],
        groups: None,
        references: Vec::new(),
        memberships: Vec::new(),
    };
    let id = Id { at: Selector::key("code"), codec: Codec::Plain };
    Resource {
        kind: kind("Group", &[display, members]),
        id,
        lines,
        records: Records::Sql(Box::new(records)),
        existing: Existing::Refuse,
    }
}

pub(crate) fn records(resource: &Resource) -> &SqlRecords {
    match &resource.records {
        Records::Sql(records) => records,
        Records::Rest(_) => panic!("not SQL"),
    }
}

/// A new database with the tables; it goes with its file.
pub(crate) async fn database() -> (tempfile::NamedTempFile, SqliteConnection) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = SqliteConnectOptions::new().filename(file.path()).collation(order::COLLATION, order::compare);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    for table in TABLES.split(';').filter(|t| !t.trim().is_empty()) {
        sqlx::query(AssertSqlSafe(table.to_owned())).execute(&mut db).await.unwrap();
    }
    (file, db)
}

fn query(statement: &Statement) -> sqlx::query::Query<'_, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(AssertSqlSafe(statement.sql.to_string()));
    for bind in &statement.binds {
        query = match bind {
            Bind::Boolean(truth) => query.bind(*truth),
            Bind::Null => query.bind(None::<String>),
            Bind::Integer(n) => query.bind(*n),
            Bind::Real(n) => query.bind(*n),
            Bind::Text(text) => query.bind(text.clone()),
            Bind::Set(values) => query.bind(Value::Array(values.clone()).to_string()),
            Bind::Tenant { name, .. } => panic!("{name} has no tenant"),
        };
    }
    query
}

pub(crate) async fn run(db: &mut SqliteConnection, statement: &Statement) -> Vec<Value> {
    let rows = query(statement).fetch_all(db).await.unwrap_or_else(|e| panic!("{e}\n{}", statement.sql));
    rows.iter().map(row).collect()
}

/// How many rows a statement changes.
pub(crate) async fn change(db: &mut SqliteConnection, statement: &Statement) -> u64 {
    query(statement).execute(db).await.unwrap_or_else(|e| panic!("{e}\n{}", statement.sql)).rows_affected()
}

fn row(row: &SqliteRow) -> Value {
    let cell = |i: usize| {
        let raw = row.try_get_raw(i).unwrap();
        if raw.is_null() {
            return Value::Null;
        }
        match raw.type_info().name() {
            "INTEGER" => json!(row.get_unchecked::<i64, _>(i)),
            "REAL" => json!(row.get_unchecked::<f64, _>(i)),
            _ => json!(row.get_unchecked::<String, _>(i)),
        }
    };
    Value::Object(row.columns().iter().enumerate().map(|(i, c)| (c.name().to_owned(), cell(i))).collect())
}
