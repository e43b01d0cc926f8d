//! What the rows of a list are good for (`gives`), and what is so of all of them (`holds`). A row is made into the record that it
//! stands for as soon as it is read: what holds is written into it where it does not say it itself, so nothing behind that knows of it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::scim::{
    change::{Change, To},
    condition::Condition,
    evaluate::evaluate,
    resource::{get, set},
    schema::Target,
};

use super::{Resource, codec::Unreadable, line::Line, translate};

/// What is known of rows before one looks at them.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What they are good for; none: for all that `get` tells.
    pub gives: Option<&'a Gives>,
    /// What is so of all of them.
    pub holds: &'a [Hold],
}

/// What the rows of a list are good for, where that is less than the record.
#[derive(Debug)]
pub struct Gives {
    /// The attributes that are read from the record alone.
    pub lacks: Vec<Target>,
    /// Whether a row shows all that `where` looks at.
    pub scope: bool,
    /// Whether it shows all that `protect` looks at.
    pub guard: bool,
    /// Whether a row holds nothing but the id.
    pub only_id: bool,
}

impl Gives {
    /// Whether this line can be read from a row.
    #[must_use]
    pub fn line(&self, line: &Line) -> bool {
        !self.lacks.iter().any(|lacked| lacked.is(&line.target))
    }
}

/// What is so of every row of a list: that an attribute has this value.
#[derive(Debug)]
pub struct Hold {
    /// The attribute; no list.
    pub target: Target,
    /// The value, in SCIM's form.
    pub value: Value,
    /// That it has it.
    pub is: Condition,
    /// Whether rows say so themselves.
    pub told: bool,
    /// Whether it can be written into a row that does not.
    pub written: bool,
}

/// Whether no record can be in a list of which this holds and in another.
#[must_use]
pub fn apart(one: &[Hold], other: &[Hold]) -> bool {
    let denies = |a: &Hold, b: &Hold| {
        let mut has = Map::new();
        set(&mut has, &a.target, a.value.clone());
        a.target.is(&b.target) && !evaluate(&b.is, &has)
    };
    one.iter().any(|a| other.iter().any(|b| denies(a, b)))
}

/// Writes into a row, or a record that was read in its place, what holds; false where it says otherwise itself.
///
/// # Errors
/// A record that the lines cannot read.
pub fn hold(resource: &Resource, holds: &[Hold], record: &mut Value, whole: bool) -> Result<bool, Unreadable> {
    for hold in holds {
        let Some(line) = resource.line(&hold.target).filter(|_| hold.written || hold.told || whole) else { continue };
        if hold.told || whole {
            let read = translate::resource(resource, &[line], Cow::Borrowed(record), "")?;
            if get(&read, &hold.target).is_some() {
                if !evaluate(&hold.is, &read) {
                    return Ok(false);
                }
                continue;
            }
        }
        if hold.written {
            let change = [Change { target: hold.target.clone(), to: To::Value(hold.value.clone()) }];
            // that it can be written was seen when the mapping was read
            if let Ok(written) = translate::edited(resource, record.clone(), &change, false) {
                *record = written;
            }
        }
    }
    Ok(true)
}
