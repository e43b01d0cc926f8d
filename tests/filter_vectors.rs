//! Every row of `vectors/filter.jsonl`: what parses, into which tree, what only the tolerant profile lets pass, and
//! what is refused only once names have a meaning. And for filters of any shape: what is printed reads as the same
//! filter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;

use portolan::scim::{
    ScimType,
    condition::Condition,
    filter::{CompareOp, Filter},
    path::AttrPath,
    profile::Profile,
    schema::{Attribute, Mutability, ResourceType, Returned, Schema, Type, Uniqueness},
};
use proptest::prelude::*;
use serde_json::{Number, Value};

#[derive(serde::Deserialize)]
struct Row {
    id: String,
    filter: String,
    valid: bool,
    ast: Option<String>,
    lenient_ast: Option<String>,
    level: Option<String>,
}

fn rows() -> Vec<Row> {
    let rows: Vec<Row> =
        include_str!("vectors/filter.jsonl").lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(rows.len(), 132);
    rows
}

fn path_expression(path: &AttrPath) -> String {
    let urn = path.urn.as_ref().map(|urn| format!("{{{urn}}}")).unwrap_or_default();
    let sub = path.sub.as_ref().map(|sub| format!(".{sub}")).unwrap_or_default();
    format!("{urn}{}{sub}", path.name)
}

fn expression(filter: &Filter) -> String {
    match filter {
        Filter::And(left, right) => format!("(and {} {})", expression(left), expression(right)),
        Filter::Or(left, right) => format!("(or {} {})", expression(left), expression(right)),
        Filter::Not(inner) => format!("(not {})", expression(inner)),
        Filter::Compare { path, op, value } => format!("({} {} {value})", op.keyword(), path_expression(path)),
        Filter::Present(path) => format!("(pr {})", path_expression(path)),
        Filter::Item { path, filter } => format!("(vp {} {})", path_expression(path), expression(filter)),
    }
}

#[test]
fn every_row_parses_or_is_refused() {
    for row in rows() {
        let strict = Filter::parse(&row.filter, &Profile::STRICT);
        let tolerant = Filter::parse(&row.filter, &Profile::TOLERANT);
        // The JSON reader writes every exponent with a small letter; the number is the same.
        let ast = row.ast.map(|ast| ast.replace("-0.5E-2", "-0.5e-2"));
        // A row that is wrong only in meaning still has a tree.
        let expected = if row.valid || row.level.as_deref() == Some("semantic") { ast } else { None };
        let tolerated = row.lenient_ast.or_else(|| expected.clone());
        assert_eq!(strict.as_ref().ok().map(expression), expected, "{}: {}", row.id, row.filter);
        assert_eq!(tolerant.as_ref().ok().map(expression), tolerated, "{}: {}", row.id, row.filter);
        for refusal in [strict.err(), tolerant.err()].into_iter().flatten() {
            assert_eq!(refusal.scim_type, ScimType::InvalidFilter, "{}: {refusal}", row.id);
        }
    }
}

fn attribute(name: &str, kind: Type, sub_attributes: Vec<Arc<Attribute>>) -> Arc<Attribute> {
    Arc::new(Attribute {
        name: name.to_owned(),
        kind,
        multi_valued: false,
        description: String::new(),
        required: false,
        canonical_values: Vec::new(),
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        reference_types: Vec::new(),
        sub_attributes,
    })
}

/// What the rows about meaning speak of.
fn user_type() -> ResourceType {
    let attributes = vec![
        attribute("active", Type::Boolean, Vec::new()),
        attribute("nickName", Type::String, Vec::new()),
        attribute("name", Type::Complex, vec![attribute("familyName", Type::String, Vec::new())]),
        attribute("meta", Type::Complex, vec![attribute("created", Type::DateTime, Vec::new())]),
    ];
    let id = "urn:ietf:params:scim:schemas:core:2.0:User".to_owned();
    ResourceType {
        name: "User".to_owned(),
        endpoint: "/Users".to_owned(),
        description: String::new(),
        schema: Schema { id, name: String::new(), description: String::new(), attributes },
        extensions: Vec::new(),
        common: Vec::new(),
        published: Vec::new(),
    }
}

#[test]
fn rows_about_meaning_are_decided_by_the_schema() {
    let mut seen = 0;
    for row in rows().into_iter().filter(|row| row.level.as_deref() == Some("semantic")) {
        seen += 1;
        for profile in Profile::ALL {
            let filter = Filter::parse(&row.filter, &profile).expect(&row.id);
            let meant = Condition::resolve(&filter, &user_type(), &profile);
            // A quoted boolean is the one thing here that is a matter of tolerance.
            let valid = row.valid && (row.id != "F194" || profile.string_booleans);
            assert_eq!(meant.is_ok(), valid, "{} {}: {meant:?}", row.id, profile.name);
            let refused_as = meant.err().map_or(ScimType::InvalidFilter, |refusal| refusal.scim_type);
            assert_eq!(refused_as, ScimType::InvalidFilter, "{}", row.id);
        }
    }
    assert_eq!(seen, 8);
}

fn paths() -> impl Strategy<Value = AttrPath> {
    let name = "[A-Za-z][A-Za-z0-9_$-]{0,6}".prop_filter("a keyword", |name| !name.eq_ignore_ascii_case("not"));
    let urn = prop::option::of("urn:[a-z]{1,4}:[A-Za-z0-9.:]{0,6}[0-9]\\.[0-9]{1,2}:User");
    (urn, name, prop::option::of("[$A-Za-z][A-Za-z0-9_-]{0,4}")).prop_map(|(urn, name, sub)| AttrPath {
        urn,
        name,
        sub,
    })
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Number(Number::from(n))),
        "-?(0|[1-9][0-9]{0,25})\\.[0-9]{1,25}".prop_map(|n| Value::Number(n.parse().expect("a decimal"))),
        ".{0,8}".prop_map(Value::String),
        "[\"\\\\\u{0}-\u{1f}a🚀]{0,6}".prop_map(Value::String),
    ]
}

fn leaves() -> impl Strategy<Value = Filter> {
    let op =
        prop::sample::select(vec![CompareOp::Equal, CompareOp::NotEqual, CompareOp::Contains, CompareOp::LessOrEqual]);
    prop_oneof![
        (paths(), op, values()).prop_map(|(path, op, value)| Filter::Compare { path, op, value }),
        paths().prop_map(Filter::Present),
    ]
}

fn trees(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::Or(Box::new(a), Box::new(b))),
            inner.prop_map(|a| Filter::Not(Box::new(a))),
        ]
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let item = (paths(), trees(leaves())).prop_map(|(path, filter)| Filter::Item { path, filter: Box::new(filter) });
    trees(prop_oneof![3 => leaves(), 1 => item])
}

proptest! {
    #[test]
    fn printed_filters_read_back_the_same(filter in filters()) {
        for profile in Profile::ALL {
            prop_assert_eq!(&Filter::parse(&filter.to_string(), &profile).unwrap(), &filter);
        }
    }

    #[test]
    fn no_text_panics(text in "(\\PC|[ a\"\\[\\]().:]|eq|and|not){0,40}") {
        for profile in Profile::ALL {
            let _ = Filter::parse(&text, &profile);
            let _ = portolan::scim::path::PatchPath::parse(&text, &profile);
        }
    }
}
