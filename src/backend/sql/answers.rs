//! What a mapping says of a database's errors, before the engine's own numbers speak. An error is tested as a reply of an HTTP
//! app is: by `state`, `code`, `constraint`, `table`, `column` and `message`, as far as the engine tells them.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{mapping::answer::AnswerRule, plan::call::Reply};

use super::{super::classify::sentence, reply};

/// The mapping's rules.
pub(super) type Answers = Arc<[Arc<AnswerRule>]>;

/// What the first rule that fits makes of an error.
pub(super) fn judged(answers: &Answers, error: &sqlx::Error) -> Option<Reply> {
    if answers.is_empty() {
        return None;
    }
    let said = said(error)?;
    let rule = answers.iter().find(|rule| rule.when.holds(&said, None))?;
    tracing::debug!(class = rule.then.word(), "an error that the mapping knows");
    let detail = rule.detail.as_ref().and_then(|at| at.one(&said)).and_then(sentence);
    Some(reply(rule.then, Vec::new(), detail))
}

fn said(error: &sqlx::Error) -> Option<Value> {
    let sqlx::Error::Database(error) = error else { return None };
    let mut said = Map::new();
    let mut tell = |name: &str, value: Option<&str>| {
        said.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    };
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        tell("state", Some(error.code()));
        tell("constraint", error.constraint());
        tell("table", error.table());
        tell("column", error.column());
        tell("message", Some(error.message()));
    } else if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        tell("state", error.code());
        tell("message", Some(error.message()));
        said.insert("code".to_owned(), Value::from(error.number()));
    } else {
        tell("message", Some(error.message()));
        let code = error.code().and_then(|code| code.parse::<i64>().ok());
        said.extend(code.map(|code| ("code".to_owned(), Value::from(code))));
    }
    Some(Value::Object(said))
}
