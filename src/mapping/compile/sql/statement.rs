//! Reading statements of the app's own: what makes, changes and removes a record, and who puts members in and takes them
//! out. What a client sends must have a name in one of them, or a column of the table, or it is not offered.

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        answer::Class,
        own::{Name, Own, OwnMembers, OwnRule, OwnStep, Rows},
        sql::{Beside, Engine, Form, Ident, TenantColumn},
    },
    scim::schema::ResourceType,
    yaml::{Fields, Node},
};

use super::{super::change, own};

/// What statements may name, and where.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub engine: Engine,
    pub tenant: Option<&'a TenantColumn>,
    pub columns: &'a [Ident],
    pub beside: &'a [Beside],
}

/// Whether `delete` is a statement.
pub(super) fn is(node: &Node) -> bool {
    node.as_text().is_some_and(|text| text != "rows") || node.get("sql").is_some() || node.get("steps").is_some()
}

/// Where a statement stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Create,
    Update,
    Delete,
    Members,
}

impl Setting<'_> {
    /// `create`, `update` and `delete`, as far as they are statements.
    pub(super) fn own(
        self,
        (create, update, delete): (Option<&Node>, Option<&Node>, Option<&Node>),
        kind: &ResourceType,
        faults: &mut Faults,
    ) -> Own {
        Own {
            create: create.map(|node| self.whole(node, Place::Create, "`create`", faults)).unwrap_or_default(),
            update: update.map(|node| self.rules(node, kind, faults)).unwrap_or_default(),
            delete: delete.map(|node| self.whole(node, Place::Delete, "`delete`", faults)).unwrap_or_default(),
        }
    }

    /// `add` and `remove` of a list of members.
    pub(super) fn members(self, add: &Node, remove: &Node, faults: &mut Faults) -> Option<OwnMembers> {
        let mut one = |node: &Node, what: &str| {
            let step = self.whole(node, Place::Members, what, faults).pop()?;
            let singles = step.sql.names().filter(|name| **name == Name::Value).count();
            if (singles > 0) == step.takes_several() {
                faults
                    .error(node.span, "nameless-member", format!("{what} must say who it is about"))
                    .help("name `:value`, and it is done for each member; or `:values`, and it is done for all of them at once");
            }
            Some(step)
        };
        Some(OwnMembers { add: one(add, "`add`")?, remove: one(remove, "`remove`")? })
    }

    fn whole(self, node: &Node, place: Place, what: &str, faults: &mut Faults) -> Vec<OwnStep> {
        let mut kept = Vec::new();
        if node.as_text().is_some() {
            return self.step(node, place, &mut kept, faults).into_iter().collect();
        }
        let Some(mut fields) = node.map(faults, what) else { return Vec::new() };
        let steps = self.steps(&mut fields, place, faults);
        fields.finish(faults);
        steps
    }

    /// `sql` and what goes with it, or several of such under `steps`.
    fn steps(self, fields: &mut Fields<'_>, place: Place, faults: &mut Faults) -> Vec<OwnStep> {
        let mut kept = Vec::new();
        if place == Place::Members {
            return self.of_fields(fields, place, &mut kept, faults).into_iter().collect();
        }
        let Some(node) = fields.take("steps") else {
            return self.of_fields(fields, place, &mut kept, faults).into_iter().collect();
        };
        let nodes = node.list(faults, "`steps`").unwrap_or_default();
        nodes.iter().filter_map(|node| self.step(node, place, &mut kept, faults)).collect()
    }

    fn step(self, node: &Node, place: Place, kept: &mut Vec<String>, faults: &mut Faults) -> Option<OwnStep> {
        if node.as_text().is_some() {
            return self.made(node, (None, None, None), place, kept, faults);
        }
        let mut fields = node.map(faults, "a statement")?;
        let step = self.of_fields(&mut fields, place, kept, faults);
        fields.finish(faults);
        step
    }

    fn of_fields(
        self,
        fields: &mut Fields<'_>,
        place: Place,
        kept: &mut Vec<String>,
        faults: &mut Faults,
    ) -> Option<OwnStep> {
        let sql = fields.required(faults, "sql");
        let (expect, or_else, keep) = (fields.take("expect"), fields.take("else"), fields.take("keep"));
        self.made(sql?, (expect, or_else, keep), place, kept, faults)
    }

    fn made(
        self,
        node: &Node,
        (expect, or_else, keep): (Option<&Node>, Option<&Node>, Option<&Node>),
        place: Place,
        kept: &mut Vec<String>,
        faults: &mut Faults,
    ) -> Option<OwnStep> {
        let (sql, _) = own::cut(node, self.engine, "a statement", faults)?;
        let known = ["select", "with", "values", "insert", "update", "delete", "replace", "merge", "call"];
        if !known.contains(&sql.verb.as_str()) {
            faults
                .error(node.span, "bad-sql", format!("`{}` is no statement that changes rows or reads them", sql.verb))
                .help(
                    "a request is one transaction, so a statement is one of `select`, `with`, `insert`, `update`, `delete`, `call`",
                );
            return None;
        }
        let sql = sql.named(|name| self.name(&name, node.span, place, kept, faults))?;
        let words = [("one", Rows::One), ("some", Rows::Some), ("any", Rows::Any)];
        let several = sql.names().any(|name| *name == Name::Values);
        // a procedure does not tell what it changed
        let usual = if sql.verb == "call" {
            Rows::Any
        } else if several {
            Rows::Some
        } else {
            Rows::One
        };
        let expect = expect.and_then(|node| node.choice(faults, "`expect`", &words)).unwrap_or(usual);
        let classes = [
            ("absent", Class::Absent),
            ("exists", Class::Exists),
            ("refused", Class::Refused),
            ("protected", Class::Protected),
            ("broken", Class::Broken),
        ];
        if let (Some(node), Rows::Any) = (or_else, expect) {
            faults
                .error(node.span, "no-effect", "`else` says what no row means, and any number is expected here")
                .help("write `expect: one` or `expect: some`, or leave it out");
        }
        let or_else = or_else.and_then(|node| node.choice(faults, "`else`", &classes)).unwrap_or(Class::Broken);
        let mut read = Vec::new();
        for (key, node) in keep.and_then(|node| node.entries(faults, "`keep`")).unwrap_or_default() {
            let own = key.name == "id" && place == Place::Create;
            let free =
                !["id", "value", "values", "now", "client", "tenant", "record", "before"].contains(&key.name.as_str());
            let plain = key.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && key.name.starts_with(|c: char| c.is_ascii_alphabetic());
            if !plain || !own && !free {
                faults
                    .error(key.span, "bad-name", format!("`{}` is no name for what a statement gives", key.name))
                    .help("letters, digits and `_`, and none of the names that statements have; in `create`, `id` is the new record's key");
                continue;
            }
            let Some(column) = node.text(faults, "a column of what the statement gives") else { continue };
            read.push((key.name.clone(), column.to_owned()));
        }
        kept.extend(read.iter().map(|(name, _)| name.clone()));
        Some(OwnStep { sql, expect, or_else, keep: read })
    }

    fn name(self, name: &str, span: Span, place: Place, kept: &[String], faults: &mut Faults) -> Option<Name> {
        let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let path = |rest: &str| rest.split('.').map(str::to_owned).collect::<Vec<_>>();
        let found = match (first, rest) {
            ("id", None) if !matches!(place, Place::Create) => Some(Name::Id),
            ("value", None) if place == Place::Members => Some(Name::Value),
            ("values", None) if place == Place::Members => Some(Name::Values),
            ("now", None) => Some(Name::Now),
            ("client", None) => Some(Name::Client),
            ("tenant", None) => self.tenant.map(|tenant| Name::Tenant(tenant.is.clone())),
            ("record", Some(rest)) if matches!(place, Place::Create | Place::Update) && self.knows(rest) => {
                Some(Name::Record(path(rest)))
            }
            ("before", Some(rest)) if place == Place::Update && self.knows(rest) => Some(Name::Before(path(rest))),
            (name, None) if kept.iter().any(|known| known == name) => Some(Name::Kept(name.to_owned())),
            _ => None,
        };
        if found.is_none() {
            let fault = faults.error(span, "unknown-name", format!("`:{name}` has no value here"));
            let columns = || self.columns.iter().map(|column| column.0.as_str());
            let near =
                rest.filter(|_| matches!(first, "record" | "before")).and_then(|rest| did_you_mean(rest, columns()));
            match (near, place) {
                (Some(near), Place::Create | Place::Update) => fault.help(format!("write `:{first}.{near}`")),
                (_, Place::Create) => {
                    fault.help("known are `:record.column` with the columns of lines, `:now`, `:client`, `:tenant`, and what earlier steps keep")
                }
                (_, Place::Update) => fault.help(
                    "known are `:id`, `:record.column` and `:before.column` with the columns of lines, `:now`, `:client`, `:tenant`, and what earlier steps keep",
                ),
                (_, Place::Delete) => fault.help("known are `:id`, `:now`, `:client`, `:tenant`, and what earlier steps keep"),
                (_, Place::Members) => fault.help("known are `:id`, `:value` or `:values`, `:now`, `:client`, `:tenant`"),
            };
        }
        found
    }

    /// Whether a record has such a column.
    fn knows(self, name: &str) -> bool {
        match name.split_once('.') {
            None => self.columns.iter().any(|column| column.0 == name),
            Some((table, part)) => self.beside.iter().any(|beside| {
                beside.name == table
                    && match &beside.form {
                        Form::Row(columns) => columns.iter().any(|column| column.0 == part),
                        Form::Value(column) => column.as_ref().is_some_and(|column| column.0 == part),
                        Form::Names { names, .. } => names.iter().any(|name| name == part),
                    }
            }),
        }
    }

    fn rules(self, node: &Node, kind: &ResourceType, faults: &mut Faults) -> Vec<OwnRule> {
        let nodes = node.as_list().unwrap_or(std::slice::from_ref(node));
        let mut rules = Vec::new();
        for node in nodes {
            if node.as_text().is_some() {
                rules.push(OwnRule { when: Vec::new(), steps: self.whole(node, Place::Update, "`update`", faults) });
                continue;
            }
            let Some(mut fields) = node.map(faults, "a change rule") else { continue };
            let when = change::when(&mut fields, kind, faults);
            let steps = self.steps(&mut fields, Place::Update, faults);
            fields.finish(faults);
            let rule = OwnRule { when, steps };
            if rule.when.is_empty() && !self.columns.iter().any(|column| rule.writes(&column.0)) {
                faults
                    .error(
                        node.span,
                        "no-effect",
                        "this rule takes no change: it says no `when`, and names no column as it becomes",
                    )
                    .help("name what it writes, `:record.login`, or say when it is done, `when: { active: false }`");
            }
            rules.push(rule);
        }
        rules
    }
}
