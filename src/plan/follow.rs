//! Pages by cursor (RFC 9865): where an answer ended, in a form that the next request can go on from, although rows come and
//! go in between. In a table that is a key, in a sorted answer what the last resource is sorted by as well. A list of an HTTP app has
//! neither: there it is the app's page that held the last row, and the ids of the last rows to find the place by.

use serde_json::{Map, Value, json};

use crate::scim::sort::{Rank, Sort};

use super::{
    query::{Position, Query, Source},
    sql::order::After,
};

/// How many of the last rows are kept to find a place by: each of them may be gone, all of them hardly.
const MARKS: usize = 8;

/// The place behind a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// Of a table: behind this row.
    Row(After),
    /// Of a list: on the app's page that begins here, behind the last of these ids.
    Page {
        /// Of several lists: which.
        side: usize,
        /// Rows before that page.
        taken: usize,
        /// Pages before it.
        page: usize,
        /// The token or link that leads to it.
        next: Option<Value>,
        /// Ids, in the app's order.
        marks: Vec<String>,
    },
    /// Of an answer that is sorted here: behind what ranks so.
    Rank(Rank),
}

impl Place {
    /// As it stands in a cursor.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Row(after) => after.to_json(),
            Self::Page { side, taken, page, next, marks } => {
                json!({"side": side, "taken": taken, "page": page, "next": next, "marks": marks})
            }
            Self::Rank(rank) => json!({"by": rank.key.as_ref().map(crate::scim::sort::Key::to_json), "id": rank.id}),
        }
    }

    /// Reads it back; none where it belongs to a query of another kind.
    #[must_use]
    pub fn from_json(value: &Value, query: &Query<'_>) -> Option<Self> {
        let object = value.as_object()?;
        match (query.sorts_here(), &query.source) {
            (Some(sort), _) => rank(sort, object).map(Self::Rank),
            (None, Source::Table(_)) => After::from_json(value).map(Self::Row),
            (None, source) if source.is_stream() => {
                let number = |name: &str| usize::try_from(object.get(name)?.as_u64()?).ok();
                let marks: Option<Vec<String>> =
                    object.get("marks")?.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect();
                let next = object.get("next").filter(|next| !next.is_null()).cloned();
                let (side, taken, page) = (number("side")?, number("taken")?, number("page")?);
                Some(Self::Page { side, taken, page, next, marks: marks? })
            }
            // One record has no second page.
            (None, _) => None,
        }
    }

    /// Where a walk goes on, and the ids to look for there.
    #[must_use]
    pub fn begin(from: Option<&Self>) -> (Position, Vec<String>) {
        match from {
            Some(Self::Row(after)) => (Position { after: Some(after.clone()), ..Position::default() }, Vec::new()),
            Some(Self::Page { side, taken, page, next, marks }) => {
                let at =
                    Position { side: *side, taken: *taken, page: *page, next: next.clone(), ..Position::default() };
                (at, marks.clone())
            }
            Some(Self::Rank(_)) | None => (Position::default(), Vec::new()),
        }
    }

    /// The place behind this row of the page that begins at `at`; `before` is the place in front of it.
    #[must_use]
    pub fn behind(
        query: &Query<'_>,
        at: &Position,
        row: Option<&Value>,
        id: &str,
        before: Option<Self>,
    ) -> Option<Self> {
        match &query.source {
            Source::Table(table) => After::row(table.records, row?).map(Self::Row),
            _ => {
                let mut marks = match before {
                    Some(Self::Page { marks, .. }) => marks,
                    _ => Vec::new(),
                };
                if marks.len() == MARKS {
                    marks.remove(0);
                }
                marks.push(id.to_owned());
                Some(Self::Page { side: at.side, taken: at.taken, page: at.page, next: at.next.clone(), marks })
            }
        }
    }
}

fn rank(sort: &Sort, object: &Map<String, Value>) -> Option<Rank> {
    let key = match object.get("by")? {
        Value::Null => None,
        value => Some(sort.read_key(value)?),
    };
    Some(Rank { key, id: object.get("id")?.as_str()?.to_owned() })
}
