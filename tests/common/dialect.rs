//! An app's tables in the words of each engine. Tests and examples write them once, in SQLite's words; what the servers
//! say otherwise is said here: generated keys, types, collations, indexes on expressions, and triggers of the one form
//! that is used, which gives a column its value.

use portolan::mapping::sql::Engine;

/// A script for a new database.
pub fn script(engine: Engine, sqlite: &str) -> String {
    if engine == Engine::Sqlite {
        return sqlite.to_owned();
    }
    let mut keyed: Vec<String> = Vec::new();
    let statements = statements(sqlite);
    for statement in &statements {
        keyed.extend(indexed(statement));
    }
    let (mut first, mut last) = (Vec::new(), Vec::new());
    match engine {
        Engine::Postgres if sqlite.contains("collate nocase") => first.push(NOCASE.to_owned()),
        Engine::MariaDb => first.push("set max_recursive_iterations = 1000000".to_owned()),
        _ => {}
    }
    for statement in statements {
        let word = |n: usize| statement.split_whitespace().nth(n).unwrap_or_default();
        match (word(0), word(1)) {
            ("create", "table") => first.push(table(engine, &statement, &keyed)),
            ("create", "trigger") => first.extend(Trigger::read(&statement).written(engine)),
            ("create", _) if engine == Engine::MariaDb => {
                assert!(!statement.contains(" where "), "MariaDB has no partial indexes: {statement}");
                first.push(statement.replace("lower(", "").replace("))", ")"));
            }
            ("insert", "into") if word(2) == "sqlite_sequence" => last.extend(sequences(engine, &statement)),
            _ => first.push(sql(engine, &statement)),
        }
    }
    if engine == Engine::Postgres {
        first.push(COUNTED.to_owned());
    }
    first.into_iter().chain(last).map(|statement| statement + ";\n").collect()
}

/// A question that a test asks the database.
pub fn sql(engine: Engine, sqlite: &str) -> String {
    match engine {
        Engine::Sqlite => sqlite.to_owned(),
        Engine::Postgres => {
            sqlite.replace("json_array(", "jsonb_build_array(").replace("collate binary", "collate \"C\"")
        }
        Engine::MariaDb => sqlite.replace("collate binary", "collate utf8mb4_bin"),
    }
}

/// `'2026-01-01T00:00:00Z'` as a column of moments takes it.
pub fn moments(engine: Engine, script: &str) -> String {
    if engine != Engine::MariaDb {
        return script.to_owned();
    }
    let mut parts: Vec<String> = script.split('\'').map(str::to_owned).collect();
    let moment = |text: &str| text.len() == 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    for text in parts.iter_mut().filter(|text| moment(text)) {
        *text = text.trim_end_matches('Z').replace('T', " ");
    }
    parts.join("'")
}

/// A key that the database gives, from where those of the script end.
const COUNTED: &str = "do $$ declare c record; n bigint; begin
  for c in select table_name as t, column_name as k from information_schema.columns
      where table_schema = current_schema() and is_identity = 'YES' loop
    execute format('select coalesce(max(%I), 0) + 1 from %I', c.k, c.t) into n;
    execute format('alter table %I alter %I restart with %s', c.t, c.k, n);
  end loop;
end $$";

const NOCASE: &str = "create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

/// Statements without comments. What stands between `begin` and `end` belongs together.
fn statements(script: &str) -> Vec<String> {
    let lines = script.lines().map(|line| match line.find("--") {
        Some(at) if line[..at].matches('\'').count() % 2 == 0 => &line[..at],
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let (mut found, mut one, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        quoted ^= c == '\'';
        let inside = one.trim_start().starts_with("create trigger") && !one.trim_end().ends_with("end");
        if c == ';' && !quoted && !inside {
            found.push(std::mem::take(&mut one).trim().to_owned());
        } else {
            one.push(c);
        }
    }
    found.push(one.trim().to_owned());
    found.retain(|statement| !statement.is_empty());
    found
}

/// The columns that a statement puts into an index or a key: MariaDB's have a length.
fn indexed(statement: &str) -> Vec<String> {
    let between = |text: &str| -> Vec<String> {
        let inner = text.split_once('(').map_or("", |(_, inner)| inner).replace("lower(", "");
        let inner = inner.split(')').next().unwrap_or_default().to_owned();
        inner.split(',').map(|column| column.trim().to_owned()).collect()
    };
    if statement.starts_with("create index") || statement.starts_with("create unique") {
        return between(statement);
    }
    let mut found = Vec::new();
    for mark in ["unique (", "primary key ("] {
        found.extend(statement.match_indices(mark).flat_map(|(at, _)| between(&statement[at..])));
    }
    let columns = statement.split_once('(').map_or("", |(_, columns)| columns);
    let keys =
        split(columns).into_iter().filter(|column| column.contains(" unique") || column.contains(" primary key"));
    found.extend(keys.filter_map(|column| column.split_whitespace().next().map(str::to_owned)));
    found
}

fn table(engine: Engine, statement: &str, keyed: &[String]) -> String {
    let statement = statement.replace("primary key autoincrement", "primary key");
    let (head, body) = statement.split_once('(').expect("a table has columns");
    let body = body.strip_suffix(')').expect("a table ends");
    let columns = split(body).into_iter().map(|column| {
        let name = column.split_whitespace().next().unwrap_or_default().to_owned();
        let column = replaced(&column, "integer", "bigint");
        if engine == Engine::Postgres {
            let column = replaced(&column, "real", "double precision");
            return column.replace("bigint primary key", "bigint generated by default as identity primary key");
        }
        let text = if keyed.contains(&name) { "varchar(250)" } else { "longtext" };
        let column = replaced(&column, "text", text).replace("bigint primary key", "bigint primary key auto_increment");
        let column = column.replace("collate nocase", "collate utf8mb4_general_ci");
        match column.split_once(" references ") {
            Some(_) if !column.ends_with(')') => column + " (id)",
            _ => column,
        }
    });
    let columns: Vec<String> = columns.collect();
    let end = if engine == Engine::MariaDb { " character set utf8mb4 collate utf8mb4_unicode_ci" } else { "" };
    format!("{head}({}){end}", columns.join(", "))
}

/// The type alone, and no name that looks like one.
fn replaced(column: &str, old: &str, new: &str) -> String {
    let mut words: Vec<&str> = column.split_whitespace().collect();
    if words.get(1) == Some(&old) {
        words[1] = new;
    }
    words.join(" ")
}

/// The parts between commas outside parentheses.
fn split(body: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in body.chars() {
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth += i32::from(c == '(') - i32::from(c == ')');
                parts.last_mut().unwrap().push(c);
            }
        }
    }
    parts
}

/// Where tables count from.
fn sequences(engine: Engine, statement: &str) -> Vec<String> {
    let values = statement.split_once("values").map_or("", |(_, values)| values);
    let one = |pair: &str| {
        let (table, last) = pair.trim_matches([' ', '(', ')', '\n', ',']).split_once(',')?;
        let (table, next) = (table.trim_matches('\''), last.trim().parse::<i64>().ok()? + 1);
        Some(match engine {
            Engine::MariaDb => format!("alter table {table} auto_increment = {next}"),
            _ => format!("alter table {table} alter id restart with {next}"),
        })
    };
    values.split(')').filter_map(one).collect()
}

/// `create trigger NAME after EVENT on TABLE [when CONDITION] begin update TABLE set COLUMN = VALUE where id = new.id; end`
struct Trigger<'a> {
    name: &'a str,
    event: &'a str,
    table: &'a str,
    when: Option<&'a str>,
    column: &'a str,
    value: &'a str,
}

impl<'a> Trigger<'a> {
    fn read(statement: &'a str) -> Self {
        let parts = || {
            let (name, rest) = statement.strip_prefix("create trigger ")?.split_once(" after ")?;
            let (event, rest) = rest.split_once(" on ")?;
            let (head, body) = rest.split_once(" begin")?;
            let (table, when) = head.split_once(" when ").map_or((head, None), |(table, when)| (table, Some(when)));
            let (column, rest) = body.split_once(" set ")?.1.split_once(" = ")?;
            Some(Self { name, event, table, when, column, value: rest.rsplit_once(" where id = new.id")?.0 })
        };
        parts().unwrap_or_else(|| panic!("a trigger of another form: {statement}"))
    }

    fn written(&self, engine: Engine) -> Vec<String> {
        let Self { name, event, table, when, column, value } = self;
        let any = value.contains("randomblob");
        if engine == Engine::Postgres {
            let value = if any { "'v ' || gen_random_uuid()" } else { value };
            let when = when.map(|when| format!(" when ({when})")).unwrap_or_default();
            return vec![
                format!(
                    "create function {name}() returns trigger language plpgsql as $$ begin new.{column} := {value}; return new; end $$"
                ),
                format!("create trigger {name} before {event} on {table} for each row{when} execute function {name}()"),
            ];
        }
        let value = if any { "concat('v ', uuid())" } else { value };
        let (event, of) = event.split_once(" of ").map_or((*event, None), |(event, of)| (event, Some(of)));
        let changed = of.map(|of| format!("not (new.{of} <=> old.{of})"));
        let when = changed.iter().map(String::as_str).chain(*when).collect::<Vec<_>>().join(" and ");
        let set = format!("set new.{column} = {value}");
        let body = if when.is_empty() { set } else { format!("if {when} then {set}; end if") };
        vec![format!("create trigger {name} before {event} on {table} for each row {body}")]
    }
}
