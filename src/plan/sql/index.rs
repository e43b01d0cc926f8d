//! The indexes that a mapping needs, held against those that the database has: who is looked up by name is searched for, and
//! what no two may have is refused by an index that says so. Decided without a database, so that it can be tested so.

use crate::{
    mapping::{
        Resource,
        catalog::Stored,
        line::{FieldSource, Line, Source},
        selector::Selector,
        sql::{Child, ColumnIs, ColumnTest, Engine, Ident, SqlRecords},
    },
    scim::schema::{Attribute, ResourceType, Target, Type, Uniqueness},
};

use super::{fixed, table, write::each};

/// What is not as the mapping needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Of what kind.
    pub what: What,
    /// What was found.
    pub message: String,
    /// What to write.
    pub help: String,
}

/// A kind of lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// No index finds what is looked up.
    Index,
    /// Nothing refuses a second one.
    Unique,
    /// The column compares otherwise than is promised.
    Case,
}

/// An index as a catalogue tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its columns and expressions in order, as [`plain`] writes them.
    pub columns: Vec<String>,
    /// Whether no two rows may have the same.
    pub unique: bool,
    /// The rows that are in it, as [`plain`] writes it; none: all.
    pub only: Option<String>,
}

/// An expression without what engines write differently: quotes, parentheses, blanks, letter case and casts to text.
#[must_use]
pub fn plain(expression: &str) -> String {
    let mut text = expression.to_lowercase();
    for cast in ["::text", "::character varying", "::varchar"] {
        text = text.replace(cast, "");
    }
    text.retain(|c| !matches!(c, '"' | '`' | '[' | ']' | '(' | ')' | ' ' | '\n' | '\t'));
    text
}

/// What one resource type misses among the indexes of its tables; `indexes` knows none of what is no table.
#[must_use]
pub fn missing(resource: &Resource, records: &SqlRecords, indexes: &dyn Fn(&Ident) -> Option<Vec<Index>>) -> Vec<Lack> {
    let scope = Scope { name: &resource.kind.name, records, indexes };
    let mut found = Vec::new();
    for line in &resource.lines {
        found.extend(scope.line(resource, line));
    }
    let key = |table, column| Search { table, column, only: &[], folded: false };
    found.extend(scope.searched(&key(&records.table, &records.key.column), "every record"));
    for reference in &records.references {
        let why = format!("filters on `{}`", reference.column.0);
        found.extend(scope.searched(&key(&records.table, &reference.column), &why));
    }
    for beside in &records.beside {
        found.extend(scope.searched(&key(&beside.table, &beside.link), "every page and every record"));
    }
    for child in &records.children {
        found.extend(scope.searched(&key(&child.table, &child.link), &format!("every page with `{}`", child.name)));
    }
    for junction in &records.members {
        found.extend(scope.searched(&key(&junction.table, &junction.link), "the members of a group"));
    }
    for (table, link) in &records.memberships {
        let why = format!("the groups of a {}, and its removal", resource.kind.name);
        found.extend(scope.searched(&key(table, link), &why));
    }
    let mut told: Vec<Lack> = Vec::new();
    found.into_iter().for_each(|one| {
        if !told.contains(&one) {
            told.push(one);
        }
    });
    told
}

/// One look-up: by a column, among the rows for which these hold, with or without regard to letter case.
struct Search<'a> {
    table: &'a Ident,
    column: &'a Ident,
    only: &'a [ColumnTest],
    folded: bool,
}

struct Scope<'a> {
    name: &'a str,
    records: &'a SqlRecords,
    indexes: &'a dyn Fn(&Ident) -> Option<Vec<Index>>,
}

impl Scope<'_> {
    /// What a line promises or is looked up by.
    fn line(&self, resource: &Resource, line: &Line) -> Vec<Lack> {
        let place = match &line.value {
            Source::At { at, .. } => self.base(at).map(|column| (&self.records.table, column, &self.records.only)),
            Source::Each(_) => self.item(resource, line).map(|(child, column)| (&child.table, column, &child.only)),
            _ => None,
        };
        let (Some((table, column, only)), Some(offered)) = (place, offered(&resource.kind, &line.target)) else {
            return Vec::new();
        };
        let stored = self.records.catalog.column(table, column);
        let text = matches!(offered.kind, Type::String | Type::Reference)
            && matches!(stored, None | Some(Stored::Text { .. }));
        let search = Search { table, column, only, folded: text && !offered.case_exact };
        let unique = offered.uniqueness != Uniqueness::None && !line.checked;
        let mut found = Vec::new();
        if unique {
            found.extend(self.unique(&search, &line.target));
        }
        let naming = resource.naming().is_some_and(|naming| std::ptr::eq(naming, line));
        if found.is_empty() && (naming || is_external(&line.target)) {
            found.extend(self.searched(&search, &format!("`{} eq …`", line.target)));
        }
        if unique && offered.case_exact && text && self.records.catalog.is_exact(table, column) == Some(false) {
            let message = format!(
                "{}: `{}` tells letters apart, and the database does not: `{}.{}` compares without regard to letter case",
                self.name, line.target, table.0, column.0
            );
            let help = "write `case: any`, or give the column a collation that tells `A` from `a`".to_owned();
            found.push(Lack { what: What::Case, message, help });
        }
        found
    }

    fn base<'s>(&'s self, at: &Selector) -> Option<&'s Ident> {
        let field = at.field()?;
        self.records.columns.iter().chain([&self.records.key.column]).find(|column| column.0 == field)
    }

    /// The column that holds the values of a list.
    fn item<'s>(&'s self, resource: &Resource, line: &Line) -> Option<(&'s Child, &'s Ident)> {
        let Source::Each(list) = &line.value else { return None };
        let child = self.records.children.iter().find(|child| list.items.field() == Some(&child.name))?;
        let field = each(resource, child)?.fields.iter().find(|field| field.sub == "value")?;
        let FieldSource::At { at, .. } = &field.value else { return None };
        Some((child, child.columns.iter().find(|column| Some(column.0.as_str()) == at.field())?))
    }

    /// That an index finds the rows.
    fn searched(&self, search: &Search<'_>, why: &str) -> Option<Lack> {
        if (self.indexes)(search.table)?.iter().any(|index| self.serves(index, search)) {
            return None;
        }
        let Search { table, column, .. } = search;
        let message =
            format!("{}: no index finds {why} in `{}.{}`, so all of the table is read", self.name, table.0, column.0);
        let help = self.unsearchable(search).unwrap_or_else(|| self.create(search, false));
        Some(Lack { what: What::Index, message, help })
    }

    /// That the database refuses a second one.
    fn unique(&self, search: &Search<'_>, target: &Target) -> Option<Lack> {
        let indexes = (self.indexes)(search.table)?;
        let all = |index: &Index| {
            let leading = self.leading(index, search);
            let made_of =
                |part: &String| self.records.engine == Engine::MariaDb && part.contains(&plain(&search.column.0));
            index.columns.len() == leading + 1
                && (self.serves(index, search) || index.columns.get(leading).is_some_and(made_of))
        };
        if indexes.iter().any(|index| index.unique && all(index)) {
            return None;
        }
        let Search { table, column, .. } = search;
        let message = format!(
            "{}: nothing in the database refuses a second `{target}`, which is published as unique: `{}.{}` has no unique \
             index that compares as SCIM does",
            self.name, table.0, column.0
        );
        let help = format!("{}; or write `unique: checked`", self.create(search, true));
        Some(Lack { what: What::Unique, message, help })
    }

    /// Whether an index begins with what is asked, behind columns that are the same for all who ask.
    fn serves(&self, index: &Index, search: &Search<'_>) -> bool {
        let among = index.only.as_ref().is_none_or(|only| {
            search.only.iter().any(|test| plain(&fixed(self.records.engine, &test.column.0, &test.is).text) == *only)
        });
        let at = index.columns.get(self.leading(index, search));
        among && self.unsearchable(search).is_none() && at == Some(&plain(&self.part(search)))
    }

    /// How many of an index's first columns are fixed.
    fn leading(&self, index: &Index, search: &Search<'_>) -> usize {
        let fixed = |name: &String| {
            search.only.iter().any(|test| {
                plain(&test.column.0) == *name
                    && match &test.is {
                        ColumnIs::AnyOf(values) => values.len() == 1,
                        ColumnIs::Tenant(_) => true,
                        ColumnIs::NoneOf(_) => false,
                    }
            })
        };
        index.columns.iter().take_while(|name| fixed(name)).count()
    }

    /// What stands in the index: MariaDB has none on expressions, and its collations ignore letter case.
    fn part(&self, search: &Search<'_>) -> String {
        let name = self.records.engine.name(search.column);
        if search.folded && self.records.engine != Engine::MariaDb { format!("lower({name})") } else { name }
    }

    /// Why no index can be of use.
    fn unsearchable(&self, search: &Search<'_>) -> Option<String> {
        let stored = self.records.catalog.column(search.table, search.column);
        match (self.records.engine, stored) {
            (Engine::MariaDb, Some(Stored::Text { ascii_case: false })) if search.folded => Some(format!(
                "its collation tells `A` from `a`, so no index is of use; give `{}` one that ends in `_ci`, or write `case: exact`",
                search.column.0
            )),
            _ => None,
        }
    }

    fn create(&self, search: &Search<'_>, unique: bool) -> String {
        let engine = self.records.engine;
        let name = engine.name(&Ident(format!("{}_{}", search.table.0, search.column.0)));
        let tenant = search.only.iter().filter(|test| matches!(test.is, ColumnIs::Tenant(_)));
        let tenant: String = tenant.map(|test| engine.name(&test.column) + ", ").collect();
        // a name is free again once its row does not exist for SCIM
        let rest = search.only.iter().filter(|test| !matches!(test.is, ColumnIs::Tenant(_)));
        let rest: Vec<String> = rest.map(|test| fixed(engine, &engine.name(&test.column), &test.is).text).collect();
        let only = match engine {
            Engine::Sqlite | Engine::Postgres if unique && !rest.is_empty() => format!(" WHERE {}", rest.join(" AND ")),
            _ => String::new(),
        };
        let word = if unique { "CREATE UNIQUE INDEX" } else { "CREATE INDEX" };
        let on = table(engine, search.table, "r").trim_end_matches(" AS r").to_owned();
        format!("{word} {name} ON {on} ({tenant}{}){only}", self.part(search))
    }
}

/// An attribute as it is published; of a list, its values.
fn offered<'r>(kind: &'r ResourceType, target: &Target) -> Option<&'r Attribute> {
    let schema = match &target.extension {
        None => &kind.schema,
        Some(urn) => &kind.extensions.iter().find(|extension| extension.schema.id.as_str() == &**urn)?.schema,
    };
    let of = |attribute: &&std::sync::Arc<Attribute>| attribute.name == target.attribute.name;
    let attribute = schema.attributes.iter().chain(&kind.common).find(of)?;
    match &target.sub {
        Some(sub) => attribute.sub(&sub.name).map(AsRef::as_ref),
        None => Some(attribute.item()),
    }
}

/// What a client knows a record by.
fn is_external(target: &Target) -> bool {
    target.extension.is_none() && target.attribute.name == "externalId"
}
