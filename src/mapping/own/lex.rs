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
