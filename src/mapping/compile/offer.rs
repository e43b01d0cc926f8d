//! What a resource type offers follows from its lines (law 11): discovery is derived, never declared twice.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{
    mapping::line::{DIRECT, Each, FieldSource, Source, types_by_resource},
    scim::schema::{Attribute, Extension, Mutability, ResourceType, Returned, Schema, Type, Uniqueness},
};

use super::{draft::Draft, facts::Facts};

/// The resource type that the lines make.
pub(super) fn offer(all: &ResourceType, drafts: &[Draft<'_>]) -> ResourceType {
    let pick = |extension: Option<&str>, attributes: &[Arc<Attribute>]| -> Vec<Arc<Attribute>> {
        attributes.iter().filter_map(|a| offered(extension, a, drafts).map(Arc::new)).collect()
    };
    let schema = Schema { attributes: pick(None, &all.schema.attributes), ..all.schema.clone() };
    let extensions = all.extensions.iter().filter_map(|e| {
        let attributes = pick(Some(&e.schema.id), &e.schema.attributes);
        let schema = Schema { attributes, ..e.schema.clone() };
        (!schema.attributes.is_empty()).then_some(Extension { schema, required: e.required })
    });
    let extensions = extensions.collect();
    let common = all.common.iter().filter_map(|a| match a.name.as_str() {
        "schemas" | "id" => Some(a.clone()),
        "meta" => Some(Arc::new(meta(a, drafts))),
        _ => offered(None, a, drafts).map(Arc::new),
    });
    let common = common.collect();
    ResourceType { schema, extensions, common, ..all.clone() }
}

/// `meta` is always there; times only where the app has them.
fn meta(published: &Attribute, drafts: &[Draft<'_>]) -> Attribute {
    let mapped = |sub: &Attribute| {
        drafts.iter().any(|d| {
            d.line.target.attribute.name == "meta" && d.line.target.sub.as_ref().is_some_and(|s| s.name == sub.name)
        })
    };
    let own = |sub: &Attribute| matches!(sub.name.as_str(), "resourceType" | "location" | "version");
    let kept = |sub: &&Arc<Attribute>| own(sub) || mapped(sub);
    Attribute { sub_attributes: published.sub_attributes.iter().filter(kept).cloned().collect(), ..published.clone() }
}

fn offered(extension: Option<&str>, published: &Attribute, drafts: &[Draft<'_>]) -> Option<Attribute> {
    let mine: Vec<&Draft<'_>> = drafts
        .iter()
        .filter(|d| d.line.target.extension.as_deref() == extension && d.line.target.attribute.name == published.name)
        .collect();
    let first = mine.first()?;
    let mut made = published.clone();
    if published.sub_attributes.is_empty() {
        stamp(&mut made, first);
        return Some(made);
    }
    if !published.multi_valued {
        let subs = published.sub_attributes.iter().filter_map(|sub| {
            let draft = mine.iter().find(|d| d.line.target.sub.as_ref().is_some_and(|s| s.name == sub.name))?;
            let mut sub = (**sub).clone();
            stamp(&mut sub, draft);
            if let Source::Address { of, .. } = &draft.line.value {
                sub.reference_types = vec![of.name.clone()];
            }
            Some(Arc::new(sub))
        });
        made.sub_attributes = subs.collect();
        // A complex attribute none of whose parts can be written cannot be written.
        if made.sub_attributes.iter().all(|s| s.mutability == Mutability::ReadOnly) {
            made.mutability = Mutability::ReadOnly;
        }
        return Some(made);
    }
    let facts = &first.facts;
    made.sub_attributes = match &first.line.value {
        Source::Each(each) => {
            let fixed = |name: &str| {
                each.fields.iter().find_map(|f| match &f.value {
                    FieldSource::Constant(value) if f.sub == name => Some(vec![value.clone()]),
                    _ => None,
                })
            };
            let named = |name: &str| each.fields.iter().any(|f| f.sub == name);
            let said = |name: &str| name == "$ref" || name == "type" && types_by_resource(published);
            let kept = |name: &str| named(name) || (each.of.is_some() && said(name));
            subs(published, facts, kept, fixed)
        }
        Source::Slots(slots) => {
            let told = |name: &str| -> Vec<Json> {
                slots
                    .iter()
                    .flat_map(|s| s.constants.iter().filter(|(sub, _)| sub == name).map(|(_, v)| v.clone()))
                    .collect()
            };
            let kept = |name: &str| slots.iter().any(|s| s.field(name).is_some()) || !told(name).is_empty();
            subs(published, facts, kept, |name| Some(told(name)).filter(|t| !t.is_empty()))
        }
        Source::From { .. } => {
            let kept = |name: &str| matches!(name, "value" | "$ref" | "display" | "type");
            let how = |name: &str| name == "type" && !types_by_resource(published);
            let mut subs = subs(published, facts, kept, |name| how(name).then(|| vec![DIRECT.clone()]));
            // it is the other one's own name, whatever is sent
            subs.iter_mut()
                .filter(|s| s.name == "display")
                .for_each(|s| Arc::make_mut(s).mutability = Mutability::ReadOnly);
            subs
        }
        _ => subs(published, facts, |_| true, |_| None),
    };
    let own = Facts { required: facts.required, ..Facts::default() };
    restrict(&mut made, first, &own);
    let types: Vec<String> = match &first.line.value {
        Source::Each(Each { of: Some(of), also, .. }) => {
            std::iter::once(of).chain(also).map(|of| of.name.clone()).collect()
        }
        Source::From { of, .. } if types_by_resource(published) => vec![of.name.clone()],
        _ => Vec::new(),
    };
    if !types.is_empty() {
        for sub in &mut made.sub_attributes {
            match sub.name.as_str() {
                "$ref" => Arc::make_mut(sub).reference_types.clone_from(&types),
                "type" if types_by_resource(published) => Arc::make_mut(sub).canonical_values.clone_from(&types),
                _ => {}
            }
        }
    }
    Some(made)
}

fn subs(
    published: &Attribute,
    facts: &Facts,
    kept: impl Fn(&str) -> bool,
    fixed: impl Fn(&str) -> Option<Vec<Json>>,
) -> Vec<Arc<Attribute>> {
    let made = published.sub_attributes.iter().filter(|s| kept(&s.name)).map(|sub| {
        let mut sub = (**sub).clone();
        if let Some(values) = fixed(&sub.name) {
            sub.canonical_values = values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
        }
        if sub.name == "value" {
            sub.case_exact = facts.case_exact.unwrap_or(sub.case_exact);
            if facts.unique {
                sub.uniqueness = Uniqueness::Server;
            }
            // an item without value is none, so who must send the list must send that
            sub.required |= facts.required;
        }
        Arc::new(sub)
    });
    made.collect()
}

/// Lays what the line says over the published definition.
fn stamp(made: &mut Attribute, draft: &Draft<'_>) {
    restrict(made, draft, &draft.facts);
}

fn restrict(made: &mut Attribute, draft: &Draft<'_>, facts: &Facts) {
    made.mutability = match (draft.line.create, draft.line.update) {
        (false, false) => Mutability::ReadOnly,
        (true, false) => Mutability::Immutable,
        _ if draft.line.write_only => Mutability::WriteOnly,
        _ => made.mutability,
    };
    if draft.line.write_only {
        made.returned = Returned::Never;
    }
    if let Some(exact) = facts.case_exact
        && matches!(made.kind, Type::String | Type::Reference)
    {
        made.case_exact = exact;
    }
    if facts.unique {
        made.uniqueness = Uniqueness::Server;
    }
    made.required = made.mutability != Mutability::ReadOnly && (made.required || facts.required);
}
