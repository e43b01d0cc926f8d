//! A call with nothing left open but whose rows are meant: what a backend is asked to do, and what it answers. A backend
//! knows these and has never heard of SCIM.

use std::{fmt, sync::Arc};

use http::Method;
use serde_json::{Map, Value};

use crate::mapping::{
    answer::{AnswerRule, Class},
    percent::percent,
};

use super::open::Open;

/// One exchange with the app.
#[derive(Debug, Clone)]
pub enum Call {
    /// Over HTTP.
    Http(HttpCall),
    /// In SQL.
    Sql(Statement),
}

/// One HTTP exchange.
#[derive(Debug, Clone)]
pub struct HttpCall {
    /// The method.
    pub method: Method,
    /// The path below the app's URL and the query, encoded.
    pub target: String,
    /// Headers besides those that sign us in.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// The body.
    pub body: Option<Body>,
    /// What its reply means, before the app's own rules.
    pub answers: Arc<[Arc<AnswerRule>]>,
    /// Whether it may be sent again when its answer is lost.
    pub repeat: bool,
    /// What of it only its sender knows; none: it is as it is sent.
    pub open: Option<Box<Open>>,
    /// Whether its target is a link of the app, and stays as it is.
    pub linked: bool,
}

/// What a call sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// JSON.
    Json(Value),
    /// The fields of a form in order, not yet encoded.
    Form(Vec<(String, String)>),
    /// A text.
    Text(String),
}

impl Body {
    /// What its bytes are, for a header.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Form(_) => "application/x-www-form-urlencoded",
            Self::Text(_) => "text/plain; charset=utf-8",
        }
    }
}

/// As it is sent.
impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(value) => write!(f, "{value}"),
            Self::Form(fields) => {
                let pairs = fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value)));
                f.write_str(&pairs.collect::<Vec<_>>().join("&"))
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One SQL statement: a text without any value in it, and its values.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text, with `?` or `$1`, `$2` … for the values, as the engine has it.
    pub sql: Arc<str>,
    /// The values in order.
    pub binds: Vec<Bind>,
    /// What its outcome must be.
    pub expect: Expect,
}

/// A bound value.
#[derive(Debug, Clone, PartialEq)]
pub enum Bind {
    /// NULL.
    Null,
    /// A truth value, where the engine has such a type.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text.
    Text(String),
    /// A set of values in one parameter: a JSON list as text.
    Set(Vec<Value>),
    /// A value of the client's tenant, which the session knows.
    Tenant {
        /// Its name.
        name: String,
        /// As text, for a comparison that no collation softens.
        printed: bool,
    },
}

/// What a statement's outcome must be, and what it means when it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// At least one row read or changed, else this.
    Some(Class),
    /// One row read or changed; none is this, and several are never right.
    One(Class),
    /// No row, else this; the first row's first column is named in the detail: `no such member: 7`.
    None(Class, &'static str),
    /// A row, or else others have had their turn for too long. What is had is kept until the transaction has ended.
    Turn,
}

/// What the app answered, classed.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What it means.
    pub class: Class,
    /// The body as JSON: for SQL the list of rows; a text body is one string; null when there is none.
    pub body: Value,
    /// The headers; none of a database.
    pub headers: http::HeaderMap,
    /// The status, for the log.
    pub status: Option<u16>,
    /// A sentence that the mapping lets through to the client.
    pub detail: Option<String>,
    /// How long the app asks us to wait, in seconds.
    pub retry_after: Option<u64>,
    /// How many rows a statement wrote; over HTTP nobody tells.
    pub changed: u64,
}

impl Reply {
    /// The rows of an SQL reply.
    #[must_use]
    pub fn rows(&self) -> &[Value] {
        self.body.as_array().map_or(&[], Vec::as_slice)
    }

    /// The same, taken out of it.
    #[must_use]
    pub fn into_rows(self) -> Vec<Value> {
        match self.body {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        }
    }

    /// The first row.
    #[must_use]
    pub fn first_row(&self) -> Option<&Map<String, Value>> {
        self.rows().first()?.as_object()
    }
}

/// One line, without values from people: `GET /users/{id}` is not known any more, so the log uses the template.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(call) => {
                write!(f, "{} {}", call.method, call.target)?;
                match &call.body {
                    Some(body) => write!(f, "  {body}"),
                    None => Ok(()),
                }
            }
            Self::Sql(statement) => {
                f.write_str(&statement.sql)?;
                for (i, bind) in statement.binds.iter().enumerate() {
                    write!(f, "{}{bind}", if i == 0 { "  -- " } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(b) => write!(f, "{b}"),
            Self::Integer(n) => write!(f, "{n}"),
            Self::Real(n) => write!(f, "{n}"),
            Self::Text(text) => write!(f, "{}", Value::String(text.clone())),
            Self::Set(values) => write!(f, "{}", Value::Array(values.clone())),
            Self::Tenant { name, .. } => write!(f, "tenant.{name}"),
        }
    }
}
