//! What several test programs share.
#![allow(unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};

/// Compares the report on each `<name>.yaml` in a folder with `<name>.txt` beside it. With `UPDATE_EXPECT=1` the reports
/// are written instead; read them in the diff.
///
/// Paths are relative to the package, as reports show them.
pub fn check_reports(folder: &str, report: impl Fn(&Path) -> String) {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let with =
        |extension: &'static str| files.iter().filter(move |path| path.extension().is_some_and(|e| e == extension));
    assert!(with("yaml").count() > 0, "{folder} has no fixtures");
    let orphans: Vec<_> = with("txt").filter(|path| !path.with_extension("yaml").exists()).collect();
    assert!(orphans.is_empty(), "reports without a fixture: {orphans:?}");
    let mut wrong = Vec::new();
    for path in with("yaml") {
        let expected_path = path.with_extension("txt");
        let found = report(path);
        if update {
            fs::write(&expected_path, found).unwrap();
        } else {
            let expected = fs::read_to_string(&expected_path).unwrap_or_default();
            if found != expected {
                wrong.push(format!("=== {}\n--- expected\n{expected}\n--- found\n{found}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 rewrites the reports)", wrong.join("\n"));
}
