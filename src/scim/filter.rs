//! Filters as written (RFC 7644 §3.4.2.2): the tree that the text spells, before anybody asks what its names mean. One
//! reader by hand serves both grammars, filters and what stands between the brackets of a value path: they differ in
//! one rule (no brackets within brackets), and only a reader by hand can say what it expected.

use std::fmt;

use serde_json::{Number, Value};

use super::{
    error::{Refusal, ScimType},
    path::{self, AttrPath},
    profile::Profile,
    scanner::{Fault, Scanner, shortened},
};

/// The longest filter that is read, in bytes.
pub const MAX_TEXT: usize = 8 * 1024;
/// How deep groups, `not` and brackets may stand in one another.
pub const MAX_DEPTH: usize = 64;
/// How many comparisons one filter may hold.
pub const MAX_CLAUSES: usize = 100;

/// A filter as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Both.
    And(Box<Filter>, Box<Filter>),
    /// One or both.
    Or(Box<Filter>, Box<Filter>),
    /// Not that.
    Not(Box<Filter>),
    /// `path op value`.
    Compare {
        /// The left side.
        path: AttrPath,
        /// The operator.
        op: CompareOp,
        /// A text, number, boolean or null.
        value: Value,
    },
    /// `path pr`.
    Present(AttrPath),
    /// `path[filter]`: all of the filter on one and the same item. Holds no other `Item`.
    Item {
        /// The list.
        path: AttrPath,
        /// What the item must be.
        filter: Box<Filter>,
    },
}

/// The operators that take a value (RFC 7644, table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOp {
    /// `eq`: equal.
    Equal,
    /// `ne`: not equal.
    NotEqual,
    /// `co`: contains.
    Contains,
    /// `sw`: starts with.
    StartsWith,
    /// `ew`: ends with.
    EndsWith,
    /// `gt`: greater than.
    Greater,
    /// `ge`: greater than or equal to.
    GreaterOrEqual,
    /// `lt`: less than.
    Less,
    /// `le`: less than or equal to.
    LessOrEqual,
}

impl CompareOp {
    const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    /// The operator as it stands in a filter.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }

    /// `gt`, `ge`, `lt` or `le`.
    #[must_use]
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }

    /// `co`, `sw` or `ew`.
    #[must_use]
    pub fn is_substring(self) -> bool {
        matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith)
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `invalidFilter`, saying at which character and what was expected; also past a limit of this module.
    pub fn parse(text: &str, profile: &Profile) -> Result<Self, Refusal> {
        if text.len() > MAX_TEXT {
            let detail = format!("the filter is {} bytes long; at most {MAX_TEXT} are read", text.len());
            return Err(Refusal::new(ScimType::InvalidFilter, detail));
        }
        let mut scanner = Scanner::new(text, profile.loose_filters);
        let mut reader = Reader::new(&mut scanner, profile);
        reader.whole().map_err(|fault| fault.refusal(ScimType::InvalidFilter, "filter"))
    }
}

/// Canonical text: reading it gives the same filter again.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(left, right) => {
                grouped(f, left, matches!(**left, Self::Or(..)))?;
                f.write_str(" and ")?;
                grouped(f, right, matches!(**right, Self::Or(..) | Self::And(..)))
            }
            Self::Or(left, right) => {
                write!(f, "{left} or ")?;
                grouped(f, right, matches!(**right, Self::Or(..)))
            }
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare { path, op, value } => write!(f, "{path} {} {value}", op.keyword()),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Item { path, filter } => write!(f, "{path}[{filter}]"),
        }
    }
}

fn grouped(f: &mut fmt::Formatter<'_>, filter: &Filter, parentheses: bool) -> fmt::Result {
    if parentheses { write!(f, "({filter})") } else { write!(f, "{filter}") }
}

/// Reads a filter up to and with the `]` that ends it, for PATCH paths.
pub(super) fn read_between_brackets(scanner: &mut Scanner<'_>, profile: &Profile) -> Result<Filter, Fault> {
    Reader::new(scanner, profile).brackets()
}

struct Reader<'c, 'a> {
    scanner: &'c mut Scanner<'a>,
    words_as_booleans: bool,
    depth: usize,
    clauses: usize,
    in_brackets: bool,
}

impl<'c, 'a> Reader<'c, 'a> {
    fn new(scanner: &'c mut Scanner<'a>, profile: &Profile) -> Self {
        Self { scanner, words_as_booleans: profile.string_booleans, depth: 0, clauses: 0, in_brackets: false }
    }

    fn whole(&mut self) -> Result<Filter, Fault> {
        self.scanner.pad();
        let filter = self.any_of()?;
        self.scanner.pad();
        if self.scanner.at_end() {
            return Ok(filter);
        }
        self.scanner.eat(' ');
        Err(self.scanner.fault("`and`, `or` or the end of the filter"))
    }

    /// `a or b or c`
    fn any_of(&mut self) -> Result<Filter, Fault> {
        let mut left = self.all_of()?;
        while self.joined_by("or")? {
            left = Filter::Or(Box::new(left), Box::new(self.all_of()?));
        }
        Ok(left)
    }

    /// `a and b and c`
    fn all_of(&mut self) -> Result<Filter, Fault> {
        let mut left = self.term()?;
        while self.joined_by("and")? {
            left = Filter::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    /// Steps over ` and ` or ` or `, if that comes next.
    fn joined_by(&mut self, keyword: &str) -> Result<bool, Fault> {
        let rest = self.scanner.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let word = Scanner::new(rest.get(blanks..).unwrap_or_default(), false).word();
        if !word.eq_ignore_ascii_case(keyword) {
            return Ok(false);
        }
        self.scanner.gap(&format!("`{keyword}`"))?;
        if self.scanner.word().is_empty() {
            return Err(self.scanner.fault(&format!("`{keyword}` after one blank")));
        }
        self.scanner.gap("the next comparison")?;
        Ok(true)
    }

    /// A comparison, a group, a `not` group, or a value path.
    fn term(&mut self) -> Result<Filter, Fault> {
        if self.scanner.peek_word().eq_ignore_ascii_case("not") {
            self.scanner.word();
            if self.scanner.loose() {
                self.scanner.pad();
            } else {
                self.scanner.eat(' ');
            }
            return Ok(Filter::Not(Box::new(self.group("`(` after `not`")?)));
        }
        if self.scanner.peek() == Some('(') {
            return self.group("`(`");
        }
        let path = AttrPath::read(self.scanner)?;
        if self.scanner.peek() == Some('[') {
            return self.item(path);
        }
        self.comparison(path)
    }

    fn group(&mut self, opening: &str) -> Result<Filter, Fault> {
        if !self.scanner.eat('(') {
            return Err(self.scanner.fault(opening));
        }
        self.nested(')')
    }

    /// `[filter]` after a path, and what Entra lets follow it: `emails[type eq "work"].value eq "x"`.
    fn item(&mut self, path: AttrPath) -> Result<Filter, Fault> {
        if self.in_brackets {
            return Err(self.scanner.fault("an operator: brackets do not stand in brackets"));
        }
        self.scanner.eat('[');
        let mut filter = self.brackets()?;
        if self.scanner.loose() && self.scanner.eat('.') {
            let name = path::read_sub(self.scanner)?;
            let on_item = self.comparison(AttrPath { urn: None, name, sub: None })?;
            filter = Filter::And(Box::new(filter), Box::new(on_item));
        }
        Ok(Filter::Item { path, filter: Box::new(filter) })
    }

    fn brackets(&mut self) -> Result<Filter, Fault> {
        self.in_brackets = true;
        let filter = self.nested(']')?;
        self.in_brackets = false;
        Ok(filter)
    }

    /// A filter and the character that closes it.
    fn nested(&mut self, close: char) -> Result<Filter, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let detail = format!("more than {MAX_DEPTH} groups stand in one another");
            return Err(self.scanner.fault_at(self.scanner.place(), detail));
        }
        self.scanner.pad();
        let filter = self.any_of()?;
        self.scanner.pad();
        if !self.scanner.eat(close) {
            return Err(self.scanner.fault(&format!("`and`, `or` or `{close}`")));
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self, path: AttrPath) -> Result<Filter, Fault> {
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            let detail = format!("more than {MAX_CLAUSES} comparisons");
            return Err(self.scanner.fault_at(self.scanner.place(), detail));
        }
        self.scanner.gap("the operator")?;
        let place = self.scanner.place();
        if self.scanner.peek_word().is_empty() {
            return Err(self.scanner.fault("an operator (eq, ne, co, sw, ew, pr, gt, ge, lt, le)"));
        }
        let word = self.scanner.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let op = CompareOp::ALL.into_iter().find(|op| op.keyword().eq_ignore_ascii_case(word)).ok_or_else(|| {
            let detail =
                format!("`{}` is no operator; write eq, ne, co, sw, ew, pr, gt, ge, lt or le", shortened(word));
            self.scanner.fault_at(place, detail)
        })?;
        self.scanner.gap("the value")?;
        Ok(Filter::Compare { path, op, value: self.value()? })
    }

    /// A JSON text, number, `true`, `false` or `null`.
    fn value(&mut self) -> Result<Value, Fault> {
        if self.scanner.peek() == Some('"') {
            return self.text();
        }
        let word = self.scanner.peek_word();
        let same = |wanted: &str| word == wanted || (self.words_as_booleans && word.eq_ignore_ascii_case(wanted));
        let value = match word {
            "null" => Some(Value::Null),
            _ if same("true") => Some(Value::Bool(true)),
            _ if same("false") => Some(Value::Bool(false)),
            _ => word.parse::<Number>().ok().map(Value::Number),
        };
        let expected = "a value: a text in double quotes, a number, true, false or null";
        let value = value.ok_or_else(|| self.scanner.fault(expected))?;
        self.scanner.word();
        Ok(value)
    }

    /// Finds the closing quotation mark; JSON's own reader decodes what is between.
    fn text(&mut self) -> Result<Value, Fault> {
        let rest = self.scanner.rest();
        let mut escaped = false;
        let close = rest.char_indices().skip(1).find(|&(_, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some((close, _)) = close else {
            let detail = "the text that begins at character ".to_owned();
            let begin = self.scanner.fault_at(self.scanner.place(), String::new()).at;
            let end = self.scanner.place() + rest.len();
            return Err(self.scanner.fault_at(end, format!("{detail}{begin} has no closing `\"`")));
        };
        let literal = rest.get(..=close).unwrap_or_default();
        let text = serde_json::from_str::<String>(literal).map_err(|error| {
            let detail =
                "this text is not JSON: controls and \\ are written as \\\" \\\\ \\n \\t or \\u and four digits";
            let inside = error.column().saturating_sub(1).min(close);
            self.scanner.fault_at(self.scanner.place() + inside, detail.to_owned())
        })?;
        self.scanner.advance(literal.len());
        Ok(Value::String(text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_fault_names_its_place() {
        let cases = [
            ("", "character 1: the text ends, expected an attribute's name"),
            ("userName eq mara", "character 13: found `mara`, expected a value"),
            ("userName like \"m%\"", "character 10: `like` is no operator"),
            ("é", "character 1: `é` is no attribute name"),
            ("userName  eq \"a\"", "character 10: found a blank, expected an operator"),
            ("title eq \"é\" && a pr", "character 14: found `&&`, expected `and`, `or` or the end"),
            ("a pr  and pr", "character 6: found a blank, expected `and` after one blank"),
            ("userName eq \"a\\x\"", "character 16: this text is not JSON"),
            ("userName eq \"mara", "character 18: the text that begins at character 13 has no"),
            ("a pr and(b pr)", "character 9: found `(`, expected a blank before the next comparison"),
            ("not a pr", "character 5: found `a`, expected `(` after `not`"),
            ("(a pr", "character 6: the text ends, expected `and`, `or` or `)`"),
            ("emails[phone[a pr]]", "character 13: found `[`, expected an operator: brackets"),
        ];
        for (text, expected) in cases {
            let detail = Filter::parse(text, &Profile::STRICT).expect_err(text).detail;
            assert!(detail.starts_with(&format!("filter, {expected}")), "{text}: {detail}");
        }
    }

    #[test]
    fn limits_refuse_and_do_not_overflow() {
        let deep = |n: usize| format!("{}a pr{}", "(".repeat(n), ")".repeat(n));
        let long = |n: usize| vec!["a pr"; n].join(" or ");
        for (text, within) in [
            (deep(MAX_DEPTH), true),
            (deep(MAX_DEPTH + 1), false),
            (long(MAX_CLAUSES), true),
            (long(MAX_CLAUSES + 1), false),
            ("(".repeat(MAX_TEXT), false),
            (format!("a eq \"{}\"", "x".repeat(MAX_TEXT - 7)), true),
            (format!("a eq \"{}\"", "x".repeat(MAX_TEXT)), false),
        ] {
            assert_eq!(Filter::parse(&text, &Profile::STRICT).is_ok(), within, "{} bytes", text.len());
        }
    }
}
