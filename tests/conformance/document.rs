//! `docs/reference/conformance.md` says what is so: every requirement has its row, every test and vector that a row names is
//! there, and the departures are the fields of the profiles.

use std::{collections::BTreeSet, fs, path::Path};

use portolan::scim::profile::Profile;
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../docs/reference/conformance.md");

/// The cells of each table row that begins with such a first cell.
fn rows(first: impl Fn(&str) -> bool) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    DOCUMENT.lines().filter(|l| l.starts_with('|')).map(cells).filter(|cells| first(cells[0])).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether this names a test (`conformance::write::members_come_and_go`) or a row of the vectors (`F012`, `P104`, `T34`);
/// none if it is no such name.
fn is_there(name: &str) -> Option<bool> {
    if let Some((file, test)) = name.rsplit_once("::") {
        let file = file.replace("::", "/");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let places = [format!("src/{file}.rs"), format!("tests/{file}.rs"), format!("tests/{file}/main.rs")];
        let texts = places.map(|place| fs::read_to_string(root.join(place)).unwrap_or_default());
        let begin = [format!("fn {test}("), format!("fn {test}<")];
        return Some(texts.iter().any(|text| begin.iter().any(|b| text.contains(b)) && text.contains("test]")));
    }
    let (kind, number) = name.split_at_checked(1)?;
    let number: u64 = number.parse().ok()?;
    let (text, key, id) = match kind {
        "F" => (include_str!("../vectors/filter.jsonl"), "id", Value::from(name)),
        "P" => (include_str!("../vectors/patch.jsonl"), "id", Value::from(name)),
        "T" => (include_str!("../vectors/client-traffic.jsonl"), "n", Value::from(number)),
        _ => return None,
    };
    Some(text.lines().any(|line| serde_json::from_str::<Value>(line).unwrap()[key] == id))
}

#[test]
fn every_requirement_has_a_row_that_holds() {
    let rows = rows(|first| first.parse::<usize>().is_ok());
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=125).collect::<Vec<_>>());
    for row in rows {
        let [number, section, strength, requirement, state, known] = row[..] else { panic!("{row:?}: six cells") };
        assert!(["M", "S"].contains(&strength) && !section.is_empty() && !requirement.is_empty(), "{number}");
        assert!(["met", "partly", "not offered"].contains(&state), "{number}: {state}");
        let named: Vec<(&str, bool)> = quoted(known).filter_map(|name| Some((name, is_there(name)?))).collect();
        let missing: Vec<&str> = named.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        assert!(missing.is_empty(), "{number} names what is not there: {missing:?}");
        assert!(state != "met" || !named.is_empty(), "{number} is met and names no test");
        assert!(state != "partly" || known.contains(';'), "{number} is met in part: say what is missing");
    }
}

#[test]
fn departures_are_the_fields_of_the_profiles() {
    let fields = |profile: &Profile| -> BTreeSet<(String, bool)> {
        let shown = format!("{profile:?}");
        let inner = shown.split_once('{').unwrap().1.trim_end_matches('}');
        let pairs = inner.split(',').map(|field| field.trim().split_once(": ").unwrap());
        pairs.filter(|(name, _)| *name != "name").map(|(name, on)| (name.to_owned(), on == "true")).collect()
    };
    let names: BTreeSet<String> = fields(&Profile::TOLERANT).into_iter().map(|(name, _)| name).collect();
    let rows = rows(|first| first.len() > 2 && names.contains(first.trim_matches('`')));
    let header = format!("| departure | {} |", Profile::ALL.map(|p| p.name).join(" | "));
    assert!(DOCUMENT.contains(&header), "{header}");
    for (at, profile) in Profile::ALL.iter().enumerate() {
        let said = rows.iter().map(|row| (row[0].trim_matches('`').to_owned(), row[at + 1] == "yes"));
        assert_eq!(said.collect::<BTreeSet<_>>(), fields(profile), "{}", profile.name);
    }
    for row in rows {
        let known = quoted(row.last().unwrap()).filter_map(is_there).collect::<Vec<_>>();
        assert!(!known.is_empty() && known.iter().all(|there| *there), "{}", row[0]);
    }
}
