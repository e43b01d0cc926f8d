//! The documentation is run. In every page: a `yaml` block that begins with `mapping: 1` compiles, one with `clients:` loads,
//! `console` blocks are executed and print what they show, and links inside the repository lead somewhere.
//!
//! A block whose fence names a file (```` ```yaml acme.yaml ````) is that file for the page's console blocks; they also
//! see the repository's own folders. A file named `faulty…` is one that must be refused. Blocks marked `sh` are for
//! people and are not run. `UPDATE_EXPECT=1` writes what commands print into the pages; read it in the diff.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use portolan::{
    config::{Config, Overrides},
    diagnostic::Source,
    mapping::{self, vars::Vars},
    scim::profile::Profile,
};

struct Page {
    path: PathBuf,
    text: String,
    blocks: Vec<Block>,
}

struct Block {
    /// Page and line, for messages.
    place: String,
    language: String,
    file: Option<String>,
    text: String,
}

fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"].iter().map(|f| root.join(f)).collect();
    let mut folders = vec![root.join("docs"), root.join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false if entry.extension().is_some_and(|e| e == "md") => found.push(entry),
                false => {}
            }
        }
    }
    found.sort();
    found.into_iter().map(page).collect()
}

fn page(path: PathBuf) -> Page {
    let whole = fs::read_to_string(&path).unwrap();
    let (mut text, mut blocks, mut open) = (String::new(), Vec::new(), None::<Block>);
    for (number, line) in whole.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                let place = format!("{}:{}", path.display(), number + 1);
                let language = words.next().unwrap_or_default();
                open = Some(Block { place, language, file: words.next(), text: String::new() });
            }
            (None, None) => text.extend([line, "\n"]),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
        }
    }
    assert!(open.is_none(), "{}: a block is not closed", path.display());
    Page { path, text, blocks }
}

impl Block {
    /// The first line that is no comment.
    fn begins_with(&self, start: &str) -> bool {
        let first = self.text.lines().find(|l| !l.trim().is_empty() && !l.starts_with('#'));
        self.language == "yaml" && first.is_some_and(|l| l.starts_with(start))
    }

    fn is_config(&self) -> bool {
        self.language == "yaml" && self.text.lines().any(|l| l.starts_with("clients:"))
    }
}

#[test]
fn mappings_compile() {
    let mut compiled = 0;
    for block in pages().iter().flat_map(|p| &p.blocks).filter(|b| b.begins_with("mapping: 1")) {
        let faulty = block.file.as_ref().is_some_and(|f| f.starts_with("faulty"));
        match mapping::compile(Source::new(&block.place, &block.text), &Vars::Open) {
            Err(faults) if !faulty => panic!("{}\n{}", block.place, faults.render(false)),
            Ok(_) if faulty => panic!("{}: this mapping has no fault", block.place),
            _ => compiled += 1,
        }
    }
    assert!(compiled > 0, "no page shows a mapping");
}

#[test]
fn configurations_load() {
    let mut loaded = 0;
    for block in pages().iter().flat_map(|p| &p.blocks).filter(|b| b.is_config()) {
        let folder = tempfile::tempdir().unwrap();
        // the files a page names are the reader's, not ours
        let secret = folder.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        let mut text = String::new();
        for (at, piece) in block.text.split("${file:").enumerate() {
            match piece.split_once('}').filter(|_| at > 0) {
                Some((_, rest)) => text.extend(["${file:", &secret.display().to_string(), "}", rest]),
                None => text.push_str(piece),
            }
        }
        let file = folder.path().join("portolan.yaml");
        fs::write(&file, text).unwrap();
        // a cursor key has to be long enough; everything else may be any text
        let env = |_: &str| Some("0123456789abcdef".repeat(4));
        if let Err(faults) = Config::load(&file, &env, &Profile::ALL.map(|p| p.name), &Overrides::default()) {
            panic!("{}\n{}", block.place, faults.render(false));
        }
        loaded += 1;
    }
    assert!(loaded > 0, "no page shows a configuration");
}

#[test]
fn console_blocks_are_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_portolan")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut run = 0;
    for page in pages() {
        let mut whole = fs::read_to_string(&page.path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["examples", "mappings", "benches", "docs"] {
            symlink(root.join(name), folder.path().join(name)).unwrap();
        }
        for block in &page.blocks {
            if let Some(file) = &block.file {
                fs::write(folder.path().join(file), &block.text).unwrap();
            }
            if block.language != "console" {
                continue;
            }
            let mut now = String::new();
            for (command, expected) in commands(block) {
                let said = Command::new("sh")
                    .args(["-c", &format!("exec 2>&1\n{command}")])
                    .current_dir(folder.path())
                    .env("PATH", &path)
                    .output()
                    .unwrap();
                let said = String::from_utf8(said.stdout).unwrap();
                if !update {
                    assert_eq!(said.trim_end(), expected.trim_end(), "{}: `{command}` prints otherwise", block.place);
                }
                now.extend(["$ ", &command, "\n", said.trim_end(), if said.is_empty() { "" } else { "\n" }]);
                run += 1;
            }
            whole = whole.replacen(&format!("```console\n{}```", block.text), &format!("```console\n{now}```"), 1);
        }
        if update {
            fs::write(&page.path, whole).unwrap();
        }
    }
    assert!(run > 0, "no page shows a command");
}

/// Each `$ command` of a block and the lines below it.
fn commands(block: &Block) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => output.extend([line, "\n"]),
            (None, None) => panic!("{}: a console block begins with `$ `", block.place),
        }
    }
    commands
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.path.clone(),
                file => page.path.parent().unwrap().join(file),
            };
            let found = target.exists() && (heading.is_empty() || headings(&target).iter().any(|h| h == heading));
            if !found {
                dead.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}

/// The headings of a page as GitHub names them in links.
fn headings(path: &Path) -> Vec<String> {
    let page = page(path.to_owned());
    let titles = page.text.lines().filter_map(|l| l.strip_prefix('#')).map(|l| l.trim_start_matches('#').trim());
    titles
        .map(|t| {
            let kept = t.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}
