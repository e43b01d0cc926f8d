//! Reads in words that are more than one call for one record: out of a list, and of lists that are kept in other records.

use crate::{
    mapping::{
        call::CallTemplate,
        relation::{Derived, Joining},
        rest::PageStyle,
        rows::Gives,
    },
    plan::{
        Fault, derived,
        joining::{Member, rule},
        query::{Position, Query, Source},
        read::{self, ById},
    },
};

use super::{Cost, Explained, Resource, unknown, write};

impl Explained {
    /// The read of one record by its id.
    pub(super) fn by_id(&mut self, resource: &Resource, id: &str, note: &str) -> Result<Cost, Fault> {
        match read::by_id(resource, id, self.limits)? {
            ById::Call(call) => {
                self.call(&call, note);
                Ok(Cost { calls: 1, ..Cost::default() })
            }
            ById::Query(query) => self.look(&query, note),
        }
    }

    /// Who is named, or names, in records of another type.
    pub(super) fn derived(&mut self, derived: &Derived, id: &str) -> Result<Cost, Fault> {
        let query = derived::naming(derived, id, self.limits)?;
        let keeper = &*derived.keeper;
        let note = format!("`{}`, kept in `{}.{}`", derived.target, keeper.kind.name, derived.list);
        let mut cost = self.look(&query, &note)?;
        let look = query.look(&Position::default());
        let lacks = |gives: &Gives| derived::view(derived).lines.iter().any(|line| !gives.line(line));
        if look.reads || look.gives.is_some_and(lacks) {
            if let Some(call) = read::call_by_id(keeper, &unknown(keeper))? {
                self.call(&call, "the record of each row that may match");
            }
            cost.besides.push(format!("1 for each {} that may match", keeper.kind.name));
        }
        // whoever is found is held against the filter
        let each = self.parts(keeper, &unknown(keeper), &query.looks())?;
        let name = &keeper.kind.name;
        cost.besides.extend(each.for_each(&format!("{name} found"), &format!("{name}s found")));
        Ok(cost)
    }

    fn look(&mut self, query: &Query<'_>, note: &str) -> Result<Cost, Fault> {
        let sides = match &query.source {
            Source::Union(union) => union.sides.len(),
            _ => 1,
        };
        let mut cost = Cost::default();
        for side in 0..sides {
            let at = Position { side, ..Position::default() };
            let Some(call) = query.walk_call(&at)? else {
                self.noted("read", "nothing", "the mapping names these records");
                return Ok(Cost::default());
            };
            cost.calls += 1;
            let way = query.way(&at);
            let narrowed = matches!(way, Source::List(_, Some(_)));
            let pages = way.pages().filter(|pages| !matches!(pages.by, PageStyle::Whole));
            match pages.map(|pages| pages.max) {
                Some(max) if !(narrowed && query.first) => {
                    let note = [note, ", page by page"].concat();
                    self.call(&call, note.trim_start_matches(", "));
                    cost.besides.push(format!("⌈N/{max}⌉ for N {}s", query.resource.kind.name));
                }
                _ => self.call(&call, note),
            }
        }
        Ok(cost.and(self.each(query)?))
    }

    /// The reads of the records whose ids a look-up gives.
    pub(super) fn each(&mut self, query: &Query<'_>) -> Result<Cost, Fault> {
        match query.gives_ids(&Position::default()) {
            true => self.ids(query.resource),
            false => Ok(Cost::default()),
        }
    }

    /// The same where it is known that some do.
    pub(super) fn ids(&mut self, resource: &Resource) -> Result<Cost, Fault> {
        let each = self.by_id(resource, &unknown(resource), "for each id that is found")?;
        Ok(Cost { besides: each.for_each("id found", "ids found"), ..Cost::default() })
    }

    /// Somebody joins or leaves.
    pub(super) fn member(&mut self, member: &Member<'_>, does: &str) -> Result<Cost, Fault> {
        let keeper = &*member.derived.keeper;
        let cost = self.by_id(keeper, &member.id, does)?;
        Ok(cost.and(self.joining(member.derived, &member.id)?))
    }

    /// What follows the read of who joins or leaves.
    fn joining(&mut self, derived: &Derived, id: &str) -> Result<Cost, Fault> {
        let mut cost = Cost::default();
        match (&derived.writes, rule(derived)) {
            (Some(Joining::Calls(relation)), _) => {
                self.noted("call", &relation.add.line, "or that of `remove`, if that is not so already");
                cost.calls += 1;
            }
            (_, Some(rule)) => {
                let calls: Vec<&CallTemplate> = rule.ahead.iter().chain([&rule.call]).collect();
                cost.calls += calls.len();
                for call in &rule.ahead {
                    self.noted("call", &call.line, "");
                }
                write::edits(self, &rule.call, "if that is not so already", true);
                if rule.call.record.is_none() {
                    cost = cost.and(self.by_id(&derived.keeper, id, "to see that it is so")?);
                }
            }
            (_, None) => {}
        }
        Ok(cost)
    }
}
