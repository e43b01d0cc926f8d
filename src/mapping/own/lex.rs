//! Cutting SQL of the app's own at its names. What is quoted in any of an engine's ways is left alone, comments go, and
//! what would be another engine's or the driver's own place for a value is refused: there is one way to say it, `:name`.

use std::{iter::Peekable, str::CharIndices};

use super::{Engine, Part};

/// SQL, cut at its names as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexed {
    /// In order; a name without its colon.
    pub parts: Vec<Part<String>>,
    /// The first word, in small letters.
    pub verb: String,
    /// Whether a word of it changes rows.
    pub writes: bool,
}

/// What is wrong with it, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

const NAME: &str = "write a name where a value goes: `:id`, `:record.login`";

/// Cuts a text.
///
/// # Errors
/// It is no single statement, or one that holds places for values of another kind.
pub fn lex(engine: Engine, text: &str) -> Result<Lexed, Flaw> {
    cut(engine, text, false)
}

/// The same of a statement as it is sent, where `placed`: with the driver's places in it.
pub(super) fn cut(engine: Engine, text: &str, placed: bool) -> Result<Lexed, Flaw> {
    let mut lexer = Lexer {
        engine,
        placed,
        text,
        rest: text.char_indices().peekable(),
        made: Lexed { parts: Vec::new(), verb: String::new(), writes: false },
        written: String::new(),
        open: 0,
    };
    lexer.all()?;
    Ok(lexer.made)
}

struct Lexer<'t> {
    engine: Engine,
    placed: bool,
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
    made: Lexed,
    /// The text since the last name.
    written: String,
    /// Parentheses that are open.
    open: usize,
}

fn flaw<T>(message: impl Into<String>, help: &'static str) -> Result<T, Flaw> {
    Err(Flaw { message: message.into(), help })
}

fn begins(c: char) -> bool {
    c.is_alphabetic() || c == '_' || !c.is_ascii()
}

impl Lexer<'_> {
    fn all(&mut self) -> Result<(), Flaw> {
        while let Some((at, c)) = self.rest.next() {
            self.one(at, c)?;
        }
        self.end()?;
        if self.open > 0 {
            return flaw("a `(` is not closed", "close it");
        }
        if self.made.parts.is_empty() {
            return flaw("there is no SQL here", "write a statement");
        }
        Ok(())
    }

    fn one(&mut self, at: usize, c: char) -> Result<(), Flaw> {
        let engine = self.engine;
        let next = self.rest.peek().map(|(_, c)| *c);
        match c {
            '\0' => return flaw("U+0000 stands in the text", "leave it out"),
            '\'' | '"' => self.quoted(at, c, false)?,
            '`' if engine != Engine::Postgres => self.quoted(at, c, false)?,
            '[' if engine == Engine::Sqlite => self.until(at, "]")?,
            '-' if next == Some('-') && self.is_comment(at) => self.line(),
            '#' if engine == Engine::MariaDb => self.line(),
            '/' if next == Some('*') => self.comment(at)?,
            '$' if engine == Engine::Postgres => self.dollar(at)?,
            '?' if self.placed => self.written.push(c),
            '$' | '@' if engine == Engine::Sqlite => {
                return flaw(format!("`{c}` is no place for a value here"), NAME);
            }
            '?' if engine != Engine::Postgres => return flaw("`?` is no place for a value here", NAME),
            ':' => self.colon(next),
            ';' => return self.last(),
            '(' => {
                self.open += 1;
                self.written.push(c);
            }
            ')' => {
                self.open = match self.open.checked_sub(1) {
                    Some(open) => open,
                    None => return flaw("a `)` closes nothing", "leave it out"),
                };
                self.written.push(c);
            }
            c if c.is_whitespace() => self.blank(),
            c if begins(c) => self.word(at, c)?,
            c if c.is_ascii_digit() => {
                self.written.push(c);
                self.run(|c| c.is_ascii_alphanumeric() || c == '_');
            }
            c => self.written.push(c),
        }
        Ok(())
    }

    /// What follows as long as it is so.
    fn run(&mut self, is: impl Fn(char) -> bool) -> String {
        let mut run = String::new();
        while let Some((_, c)) = self.rest.next_if(|(_, c)| is(*c)) {
            run.push(c);
        }
        self.written.push_str(&run);
        run
    }

    /// Blanks, line ends and comments are one blank.
    fn blank(&mut self) {
        let first = self.written.is_empty() && self.made.parts.is_empty();
        if !first && !self.written.ends_with(' ') {
            self.written.push(' ');
        }
    }

    fn word(&mut self, at: usize, c: char) -> Result<(), Flaw> {
        self.written.push(c);
        let rest = self.run(|c| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii());
        let word = format!("{c}{rest}").to_ascii_lowercase();
        // E'…' has escapes
        if self.engine == Engine::Postgres && word == "e" && self.rest.next_if(|(_, c)| *c == '\'').is_some() {
            return self.quoted(at, '\'', true);
        }
        self.made.writes |= matches!(word.as_str(), "insert" | "update" | "delete");
        if self.made.verb.is_empty() {
            self.made.verb = word;
        }
        Ok(())
    }

    /// Up to the quote that ends it; two of them are one in it.
    fn quoted(&mut self, at: usize, quote: char, escapes: bool) -> Result<(), Flaw> {
        self.written.push(quote);
        while let Some((_, c)) = self.rest.next() {
            if c == '\0' {
                return flaw("U+0000 stands in the text", "leave it out");
            }
            self.written.push(c);
            if c == '\\' && escapes {
                self.written.extend(self.rest.next().map(|(_, c)| c));
            } else if c == quote {
                match self.rest.next_if(|(_, c)| *c == quote) {
                    Some((_, c)) => self.written.push(c),
                    None => return Ok(()),
                }
            }
        }
        self.unended(at)
    }

    fn unended<T>(&self, at: usize) -> Result<T, Flaw> {
        let begun: String = self.text[at..].chars().take(12).collect();
        flaw(format!("what begins with `{begun}` has no end"), "end it")
    }

    /// As it is, up to this text and with it.
    fn until(&mut self, at: usize, end: &str) -> Result<(), Flaw> {
        let Some(length) = self.text[at..].find(end).filter(|length| *length > 0) else { return self.unended(at) };
        let end = at + length + end.len();
        self.written.push_str(&self.text[at..end]);
        self.skip(end);
        Ok(())
    }

    fn skip(&mut self, to: usize) {
        while self.rest.next_if(|(at, _)| *at < to).is_some() {}
    }

    /// MariaDB reads `--` as a comment in front of a blank only.
    fn is_comment(&self, at: usize) -> bool {
        let behind = self.text[at..].chars().nth(2);
        self.engine != Engine::MariaDb || behind.is_none_or(|c| c.is_whitespace() || c.is_control())
    }

    fn line(&mut self) {
        while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
        self.blank();
    }

    /// PostgreSQL's comments stand in each other.
    fn comment(&mut self, at: usize) -> Result<(), Flaw> {
        let text = &self.text[at..];
        if self.engine == Engine::MariaDb && (text.starts_with("/*!") || text.starts_with("/*M!")) {
            return flaw("MariaDB runs what stands in such a comment", "write it without the comment");
        }
        let (mut depth, mut from) = (1_usize, 2);
        while depth > 0 {
            let rest = &text[from..];
            let begun = rest.find("/*").filter(|_| self.engine == Engine::Postgres);
            match (rest.find("*/"), begun) {
                (Some(end), Some(begun)) if begun < end => {
                    depth += 1;
                    from += begun + 2;
                }
                (Some(end), _) => {
                    depth -= 1;
                    from += end + 2;
                }
                (None, _) => return self.unended(at),
            }
        }
        self.skip(at + from);
        self.blank();
        Ok(())
    }

    /// `$tag$ … $tag$`; `$1` is the driver's.
    fn dollar(&mut self, at: usize) -> Result<(), Flaw> {
        let behind = &self.text[at + 1..];
        if !self.placed && behind.starts_with(|c: char| c.is_ascii_digit()) {
            return flaw("`$1` and its like are no places for values here", NAME);
        }
        let tag = behind.find(|c: char| !(c.is_alphanumeric() || c == '_')).map(|end| (&behind[..end], &behind[end..]));
        let Some((tag, rest)) = tag.filter(|(_, rest)| rest.starts_with('$')) else {
            self.written.push('$');
            return Ok(());
        };
        let mark = format!("${tag}$");
        let Some(end) = rest[1..].find(&mark) else { return self.unended(at) };
        let end = at + mark.len() + end + mark.len();
        self.written.push_str(&self.text[at..end]);
        self.skip(end);
        Ok(())
    }

    /// `:name`; `::` is a cast, `:=` an assignment, `[1:2]` a slice.
    fn colon(&mut self, next: Option<char>) {
        match next {
            Some(':') => {
                self.rest.next();
                self.written.push_str("::");
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let text = std::mem::take(&mut self.written);
                if !text.is_empty() {
                    self.made.parts.push(Part::Text(text));
                }
                let name = self.name();
                self.made.parts.push(Part::Name(name));
            }
            _ => self.written.push(':'),
        }
    }

    /// Words with dots between them.
    fn name(&mut self) -> String {
        let mut name = String::new();
        loop {
            while let Some((_, c)) = self.rest.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                name.push(c);
            }
            let mut ahead = self.rest.clone();
            let dotted = ahead.next().is_some_and(|(_, c)| c == '.') && ahead.next().is_some_and(|(_, c)| begins(c));
            if !dotted {
                return name;
            }
            self.rest.next();
            name.push('.');
        }
    }

    /// Nothing but blanks and comments may follow.
    fn last(&mut self) -> Result<(), Flaw> {
        self.end()?;
        let parts = self.made.parts.len();
        let made = self.made.clone();
        while let Some((at, c)) = self.rest.next() {
            if c != ';' {
                self.one(at, c)?;
            }
            if c == ';' || parts != self.made.parts.len() || !self.written.trim().is_empty() {
                return flaw("a second statement follows", "make it a step of its own: one statement each");
            }
        }
        self.made = made;
        self.written.clear();
        Ok(())
    }

    fn end(&mut self) -> Result<(), Flaw> {
        let text = std::mem::take(&mut self.written);
        let text = text.trim_end();
        if !text.is_empty() {
            self.made.parts.push(Part::Text(text.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

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
}
