//! Records that the app keeps in several lists, as those who are active in one and those who are not in another. Each is a way in of
//! its own; what holds of all its rows says which of them a filter is about, and is no more to be asked or checked there.

use serde_json::Map;

use crate::{
    mapping::{
        Resource,
        rest::List,
        rows::{Hold, apart},
    },
    scim::{condition::Condition, evaluate::evaluate, resource::set},
};

use super::source::{Source, Union, by_list};

/// The lists in which there may be matches, each as narrow as it can be asked.
pub(super) fn ways<'a>(resource: &Resource, lists: &[&'a List], condition: &Condition) -> Vec<Source<'a>> {
    let way = |list: &&'a List| Some(Source::List(list, by_list(resource, list, &left(list, condition)?)));
    lists.iter().filter_map(way).collect()
}

/// One way of several.
pub(super) fn joined<'a>(mut ways: Vec<Source<'a>>, serves: &str) -> Source<'a> {
    match ways.len() {
        0 => Source::Nothing,
        1 => ways.remove(0),
        _ => {
            let stream = is_stream(&ways);
            Source::Union(Union { sides: ways, serves: serves.to_owned(), stream })
        }
    }
}

/// What of a condition is not known of all rows of a list; none where none of them fulfils it.
pub(super) fn left(list: &List, condition: &Condition) -> Option<Condition> {
    if list.holds.is_empty() {
        return Some(condition.clone());
    }
    let mut held = Map::new();
    list.holds.iter().for_each(|hold| set(&mut held, &hold.target, hold.value.clone()));
    let known =
        |leaf: &Condition| leaf.targets().iter().all(|target| list.holds.iter().any(|hold| hold.target.is(target)));
    if !evaluate(&condition.weakened(&known), &held) {
        return None;
    }
    let holds = |part: &Condition| known(part) && evaluate(part, &held);
    Some(condition.without(&holds))
}

/// Whether no record can be in two of them.
fn is_stream(ways: &[Source<'_>]) -> bool {
    let both = |a: &Source<'_>, b: &Source<'_>| holds(a).zip(holds(b)).is_some_and(|(a, b)| apart(a, b));
    ways.iter().enumerate().all(|(at, a)| ways[at + 1..].iter().all(|b| both(a, b)))
}

/// What is so of all rows; none where these are no rows of a list, as what a call of a rule's own finds.
fn holds<'w>(way: &'w Source<'_>) -> Option<&'w [Hold]> {
    match way {
        Source::List(list, _) if way.own().is_none() => Some(&list.holds),
        _ => None,
    }
}
