//! A mapping: what one YAML file says of an app, read, checked, compiled, and used to translate.
//!
//! The file as written is read by `file`, turned by `compile` into the types below (as meant), all faults together; from
//! then on nothing is parsed. Lines, tests, terms and calls are the words of the language; `rest` and `sql` hold what
//! differs between the two kinds of app; `translate` turns records into resources and back.

pub mod answer;
pub mod auth;
pub mod call;
pub mod catalog;
pub mod cell;
pub mod codec;
mod compile;
mod edit;
mod engine;
pub mod hash;
pub mod language;
pub mod line;
pub mod own;
pub mod pattern;
pub mod percent;
mod php;
pub mod quote;
pub mod relation;
pub mod reply;
pub mod rest;
pub mod rows;
pub mod selector;
mod slots;
pub mod sql;
pub mod template;
pub mod term;
pub mod time;
pub mod translate;
mod value;
pub mod vars;

use std::sync::Arc;

use serde_json::Value;

use crate::scim::schema::{ResourceType, Target};

use self::{
    codec::Codec,
    hash::Hash,
    line::{Line, Source},
    selector::Selector,
};

pub use crate::config::Tenant;
pub use compile::{compile, load};

/// One app, as its mapping describes it.
#[derive(Debug)]
pub struct Mapping {
    /// How the app is reached.
    pub app: App,
    /// The resource types, in the order of the file.
    pub resources: Vec<Arc<Resource>>,
}

/// How the app is reached.
#[derive(Debug)]
pub enum App {
    /// An HTTP API.
    Rest(Arc<rest::RestApp>),
    /// A database.
    Sql(Arc<sql::SqlApp>),
}

/// One resource type and the app's records behind it.
#[derive(Debug)]
pub struct Resource {
    /// What is offered over SCIM; derived from the lines.
    pub kind: ResourceType,
    /// Where a record keeps what SCIM calls `id`.
    pub id: Id,
    /// The attribute lines.
    pub lines: Vec<Line>,
    /// How records are read and written.
    pub records: Records,
    /// What a create does that meets a record of its name.
    pub existing: Existing,
}

/// What a create does that meets a record of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is refused: the name is taken.
    Refuse,
    /// The record becomes as was sent, and is answered as if it were new.
    Adopt,
    /// The same of one that `delete` has marked, which exists again.
    Revive,
}

/// Where the id stands in a record, and its codec.
#[derive(Debug)]
pub struct Id {
    /// The path in the record.
    pub at: Selector,
    /// For prefixes and suffixes.
    pub codec: Codec,
}

/// How records are read and written.
#[derive(Debug)]
pub enum Records {
    /// By calls.
    Rest(Box<rest::RestRecords>),
    /// By statements.
    Sql(Box<sql::SqlRecords>),
}

impl Mapping {
    /// Lays beside the tables what the database says of them, before anybody else holds a resource type.
    pub fn learn(&mut self, catalog: catalog::Catalog) {
        let catalog = Arc::new(catalog);
        for resource in self.resources.iter_mut().filter_map(Arc::get_mut) {
            if let Records::Sql(records) = &mut resource.records {
                records.catalog = catalog.clone();
            }
        }
    }

    /// The names of the values that every client's tenant must have; none where the app has no tenants.
    #[must_use]
    pub fn tenant(&self) -> Vec<&str> {
        match &self.app {
            App::Rest(app) => app.tenant.iter().map(String::as_str).collect(),
            App::Sql(app) => app.tenant.iter().map(|tenant| tenant.is.as_str()).collect(),
        }
    }

    /// The resource type of that name, `User`.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Arc<Resource>> {
        self.resources.iter().find(|r| r.kind.name == name)
    }
}

impl Resource {
    /// The line of an attribute: the one whose target has the same attribute and, for a complex one, sub-attribute.
    #[must_use]
    pub fn line(&self, target: &Target) -> Option<&Line> {
        self.lines.iter().find(|l| {
            l.target.extension == target.extension
                && l.target.attribute.name == target.attribute.name
                && (l.target.attribute.multi_valued
                    || l.target.sub.as_ref().map(|s| &s.name) == target.sub.as_ref().map(|s| &s.name))
        })
    }

    /// What is kept as a hash, and how.
    pub fn hashed(&self) -> impl Iterator<Item = (&Target, Hash)> {
        self.lines.iter().filter_map(|line| match &line.value {
            Source::At { codec: Codec::Hash(how), .. } => Some((&line.target, *how)),
            _ => None,
        })
    }

    /// Whether a record exists for SCIM. In a database the statements see to that.
    #[must_use]
    pub fn exists(&self, record: &Value) -> bool {
        match &self.records {
            Records::Rest(records) => records.only.holds(record, None),
            Records::Sql(_) => true,
        }
    }

    /// Whether a record may be read and not written. In a database the statements see to that.
    #[must_use]
    pub fn protects(&self, record: &Value) -> bool {
        match &self.records {
            Records::Rest(records) => !records.protect.is_empty() && records.protect.holds(record, None),
            Records::Sql(_) => false,
        }
    }

    /// Whether a record must be read to know that it may be written.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        match &self.records {
            Records::Rest(records) => !records.only.is_empty() || !records.protect.is_empty(),
            Records::Sql(_) => false,
        }
    }

    /// Whether there may be records in the app that do not exist for SCIM, over HTTP.
    #[must_use]
    pub fn hides(&self) -> bool {
        matches!(&self.records, Records::Rest(records) if !records.only.is_empty())
    }

    /// Whether there may be records that are never written, over HTTP.
    #[must_use]
    pub fn guards(&self) -> bool {
        matches!(&self.records, Records::Rest(records) if !records.protect.is_empty())
    }

    /// The field of a record that tells its version; none: its values do.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        match &self.records {
            Records::Rest(_) => None,
            Records::Sql(records) => records.version.as_ref().map(|version| version.column.0.as_str()),
        }
    }

    /// The line of the attribute by which a record is known before its id is.
    #[must_use]
    pub fn naming(&self) -> Option<&Line> {
        let own = |line: &&Line| line.target.extension.is_none() && line.target.sub.is_none();
        let names = |line: &&Line| matches!(line.target.attribute.name.as_str(), "userName" | "displayName");
        let mut found: Vec<&Line> = self.lines.iter().filter(own).filter(names).collect();
        found.sort_by_key(|line| line.target.attribute.name != "userName");
        found.into_iter().next()
    }

    /// The line of the attribute that a resource is shown by in the lists of others.
    #[must_use]
    pub fn shown(&self) -> Option<&Line> {
        let own = |line: &&Line| line.target.extension.is_none() && line.target.attribute.name == "displayName";
        self.lines.iter().find(own).or_else(|| self.naming())
    }

    /// Whether clients change a list of members here.
    #[must_use]
    pub fn has_members(&self) -> bool {
        match &self.records {
            Records::Rest(records) => {
                records.members.is_some() || records.derived.iter().any(|derived| derived.writes.is_some())
            }
            Records::Sql(records) => !records.members.is_empty(),
        }
    }
}
