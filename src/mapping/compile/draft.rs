//! Lines as they are put together, before all of them are known.

use crate::{
    diagnostic::{Faults, Span},
    mapping::line::{Field, HINTS, Line, Source},
    scim::schema::{Target, Type},
    yaml::Node,
};

use super::facts::Facts;

/// A line, with what it says of its attribute and where it stands.
pub(super) struct Draft<'n> {
    pub line: Line,
    pub facts: Facts,
    pub span: Span,
    /// `add` and `remove` of a relation.
    pub relation: Option<(&'n Node, &'n Node)>,
}

/// What the right-hand side of a line says, before it is known whether it may be written.
pub(super) struct Said<'n> {
    pub value: Source,
    pub facts: Facts,
    pub relation: Option<(&'n Node, &'n Node)>,
    /// Whether this source can be written at all.
    pub writes: bool,
}

/// An item has to say something: its `value` if the attribute knows one, else more than what kind it is.
pub(super) fn check_says(target: &Target, list: &[Field], what: &str, help: &str, span: Span, faults: &mut Faults) {
    let attribute = &target.attribute;
    let valued = attribute.kind != Type::Complex || attribute.sub("value").is_some();
    if valued && !list.iter().any(|f| f.sub == "value") {
        faults.error(span, "missing-key", format!("{what} needs `value`")).help(help);
    } else if !valued && !list.iter().any(Field::says) {
        let example = attribute.sub_attributes.iter().find(|s| !HINTS.contains(&s.name.as_str()));
        faults
            .error(span, "missing-key", format!("{what} needs sub-attributes that say something"))
            .help(format!("an item of `{target}` is known by e.g. `{}`", example.map_or("value", |s| &s.name)));
    }
}
