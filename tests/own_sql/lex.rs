//! SQL of the app's own, cut at its names, as tables of vectors.

use portolan::mapping::{
    own::{Part, lex, reads},
    sql::Engine,
};

const ALL: [Engine; 3] = [Engine::Sqlite, Engine::Postgres, Engine::MariaDb];

/// The text with each name between `«»`.
fn shown(engine: Engine, text: &str) -> Result<String, String> {
    let lexed = lex(engine, text).map_err(|flaw| flaw.message)?;
    Ok(lexed.parts.iter().fold(String::new(), |all, part| match part {
        Part::Text(text) => all + text,
        Part::Name(name) => format!("{all}«{name}»"),
    }))
}

#[test]
fn names_are_found_where_values_can_stand() {
    for (text, expected) in [
        ("select :id", "select «id»"),
        ("select :a.b.c,:d_1", "select «a.b.c»,«d_1»"),
        ("f(:id)::int", "f(«id»)::int"),
        ("select :id::bigint[]", "select «id»::bigint[]"),
        ("select x::text, a::b", "select x::text, a::b"),
        ("select ':id', \":id\", :id", "select ':id', \":id\", «id»"),
        ("select 'it''s :id' , :x", "select 'it''s :id' , «x»"),
        ("select 1 -- :id don't\n, :x", "select 1 , «x»"),
        ("select /* :id ' */ :x", "select «x»"),
        ("select a[1:2], a[:2]", "select a[1:2], a[:2]"),
        ("select 12:30", "select 12:30"),
        ("select 1e5:x", "select 1e5«x»"),
        ("select :record.*", "select «record».*"),
        ("select :a. b", "select «a». b"),
        ("select  1\n\t, 2 ;  -- end\n", "select 1 , 2"),
        ("select 'a;b'", "select 'a;b'"),
        ("select (1), (:x)", "select (1), («x»)"),
        ("update t set a=:new.Größe", "update t set a=«new.Größe»"),
    ] {
        for engine in ALL {
            if engine == Engine::Sqlite && text.contains('[') {
                continue;
            }
            assert_eq!(shown(engine, text).as_deref(), Ok(expected), "{engine:?} {text}");
        }
    }
}

#[test]
fn each_engine_quotes_in_ways_of_its_own() {
    use Engine::{MariaDb, Postgres, Sqlite};
    for (engine, text, expected) in [
        (Postgres, r"select E'it\' :a', :b", r"select E'it\' :a', «b»"),
        (Postgres, r"select 'it\', :b", r"select 'it\', «b»"),
        (MariaDb, r"select 'it\', :b", r"select 'it\', «b»"),
        (Postgres, "select $$ it's :a $$, :b", "select $$ it's :a $$, «b»"),
        (Postgres, "select $q$ $$ :a $q$, :b", "select $q$ $$ :a $q$, «b»"),
        (Postgres, "select a$b, :b, c$b", "select a$b, «b», c$b"),
        (Postgres, "select a ? 'b', x #>> '{}' , :b", "select a ? 'b', x #>> '{}' , «b»"),
        (Postgres, "select /* a /* :b */ :c */ :d", "select «d»"),
        (Sqlite, "select /* a /* :b */ :d", "select «d»"),
        (Sqlite, "select [a:b'c], `x:y`, :d", "select [a:b'c], `x:y`, «d»"),
        (MariaDb, "select `a:b'c`, :d", "select `a:b'c`, «d»"),
        (MariaDb, "select 1 # :a '\n, :b", "select 1 , «b»"),
        (MariaDb, "select 5--:b", "select 5--«b»"),
        (MariaDb, "select @x := :b", "select @x := «b»"),
        (Postgres, "select a[lower : :b]", "select a[lower : «b»]"),
        (Postgres, "select f(a => :b, c := :d)", "select f(a => «b», c := «d»)"),
        (Postgres, "select N'x', B'01', U&'d\\0061', :b", "select N'x', B'01', U&'d\\0061', «b»"),
    ] {
        assert_eq!(shown(engine, text).as_deref(), Ok(expected), "{engine:?} {text}");
    }
}

#[test]
fn what_is_no_single_statement_is_refused() {
    use Engine::{MariaDb, Postgres, Sqlite};
    for (engine, text, expected) in [
        (Postgres, "", "no SQL"),
        (Postgres, " -- only this", "no SQL"),
        (Sqlite, "select 1; select 2", "second statement"),
        (Sqlite, "select 1; :id", "second statement"),
        (Sqlite, "select 1;;", "second statement"),
        (Sqlite, "select ?", "`?`"),
        (MariaDb, "select ?", "`?`"),
        (Sqlite, "select @x", "`@`"),
        (Sqlite, "select $x", "`$`"),
        (Postgres, "select $1", "`$1`"),
        (Postgres, "select 'open", "no end"),
        (Postgres, "select E'open\\'", "no end"),
        (Postgres, "select $a$ open $b$", "no end"),
        (Postgres, "select /* a /* b */", "no end"),
        (Sqlite, "select [open", "no end"),
        (MariaDb, "select `open", "no end"),
        (MariaDb, "select /*!50000 1 */", "MariaDB runs"),
        (Postgres, "select (1", "not closed"),
        (Postgres, "1) or (2", "closes nothing"),
        (Postgres, "select '\0'", "U+0000"),
        (Postgres, "select \0", "U+0000"),
    ] {
        let found = shown(engine, text).expect_err(text);
        assert!(found.contains(expected), "{engine:?} {text}: {found}");
    }
}

#[test]
fn what_it_does_shows_in_its_words() {
    for (text, verb, writes) in [
        ("SELECT 'delete'", "select", false),
        ("with a as (select 1) update t set x = 1", "with", true),
        ("with a as (select replace(x, 'a', 'insert') from t) select 1", "with", false),
        ("(select 1)", "select", false),
        ("/* first */ Insert into t values (1)", "insert", true),
    ] {
        let lexed = lex(Engine::Sqlite, text).unwrap();
        assert_eq!((lexed.verb.as_str(), lexed.writes), (verb, writes), "{text}");
    }
}

#[test]
fn no_text_makes_it_fall_over() {
    let odd = "a:'\"`[$é?;/*-#\\(\0 1";
    let pieces: Vec<char> = odd.chars().collect();
    let mut seed = 7_usize;
    for _ in 0..20_000 {
        let text: String = (0..12)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                pieces[(seed >> 33) % pieces.len()]
            })
            .collect();
        ALL.iter().for_each(|engine| drop(lex(*engine, &text)));
    }
}

#[test]
fn what_only_reads_is_known() {
    for (sql, only) in [
        ("select 1", true),
        ("  SELECT(1) from t", true),
        ("select*from t", true),
        ("values (1)", true),
        ("with t as (select 1) select * from t", true),
        ("with t as (select 1) insert into u select * from t", false),
        ("update t set a = 1", false),
        ("selected()", false),
    ] {
        assert_eq!(reads(Engine::Sqlite, sql), only, "{sql}");
    }
}
