//! Faults in files that people write: a code, a place, what was found and what to write instead.
//!
//! Readers collect faults instead of stopping at the first, so one run shows all of them. Drawn as rustc draws them,
//! or as JSON for tools. The only home of `annotate-snippets` and `strsim`.

mod faults;
mod source;

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use serde_json::json;

pub use faults::Faults;
pub use source::{Place, Source, Span};

/// How bad a fault is. Only an error stops anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file works, but hardly as its author meant.
    Warning,
    /// Something to know.
    Advice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        })
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for this kind of fault, such as `unknown-key`.
    pub code: &'static str,
    /// What was found, in one sentence without a full stop.
    pub message: String,
    /// Where, if it is in a file.
    pub place: Option<Place>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A fault without a place.
    #[must_use]
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity, code, message: message.into(), place: None, help: None }
    }

    /// Where in its source it is.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.place.as_ref().map(|place| place.span)
    }

    /// Says what to write instead.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Diagnostic {
        self.help = Some(help.into());
        self
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Advice => Level::INFO.with_name("advice"),
        };
        // Messages quote what stands in files; escape codes in there must not reach a terminal.
        let title = level.primary_title(normalize_untrusted_str(&self.message)).id(self.code);
        let snippet = self.place.as_ref().map(|place| {
            Snippet::source(place.source.text())
                .path(place.source.name())
                .annotation(AnnotationKind::Primary.span(place.source.underline(place.span)))
        });
        let help = self.help.as_ref().map(|help| Level::HELP.message(normalize_untrusted_str(help)));
        renderer.render(&[title.elements(snippet).elements(help)])
    }
}

/// The faults of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a fault.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Keeps only some.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.0.retain(keep);
    }

    /// Whether anything stops the run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many faults have this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|d| d.severity == severity).count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults in order of file and place, those without a place first.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.0.iter().collect();
        all.sort_by_key(|d| d.place.as_ref().map(|place| (place.source.name(), place.span.start)));
        all
    }

    /// All faults as people read them, with a blank line after each; `colour` adds ANSI styles.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        self.sorted().into_iter().map(|d| d.render(&renderer) + "\n\n").collect()
    }

    /// All faults as tools read them: an array of `{severity, code, message, file, line, column, help}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let one = |d: &Diagnostic| {
            let (line, column) = d.place.as_ref().map(|p| p.source.line_and_column(p.span.start)).unzip();
            json!({
                "severity": d.severity.to_string(),
                "code": d.code,
                "message": d.message,
                "file": d.place.as_ref().map(|p| p.source.name()),
                "line": line,
                "column": column,
                "help": d.help,
            })
        };
        self.sorted().into_iter().map(one).collect()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Diagnostics {
        Diagnostics(vec![one])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The candidate that `word` is most likely a slip of, if one is near enough.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let distance = |candidate: &str| strsim::osa_distance(&word.to_lowercase(), &candidate.to_lowercase());
    let near = |candidate: &str| (candidate.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= near(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults() -> Faults {
        Faults::new(Source::new("mapping.yaml", "a: 1\nbé: \"two\" # x\nc:\n  d: 4\n"))
    }

    #[test]
    fn faults_are_drawn_in_order_of_place() {
        let mut faults = faults();
        faults.warning(Span { start: 20, end: 29 }, "later", "a map over two lines");
        faults.error(Span { start: 10, end: 15 }, "sooner", "a \u{1b}[31mvalue").help("write `three`");
        let expected = "\
error[sooner]: a ␛[31mvalue
 --> mapping.yaml:2:5
  |
2 | bé: \"two\" # x
  |     ^^^^^
  |
  = help: write `three`

warning[later]: a map over two lines
 --> mapping.yaml:3:1
  |
3 | c:
  | ^^

";
        assert_eq!(faults.into_diagnostics().render(false), expected);
    }

    #[test]
    fn json_counts_columns_in_characters() {
        let mut faults = faults();
        faults.error(Span { start: 10, end: 15 }, "code", "message");
        let expected = json!([{"severity": "error", "code": "code", "message": "message", "file": "mapping.yaml",
            "line": 2, "column": 5, "help": null}]);
        assert_eq!(faults.into_diagnostics().to_json(), expected);
    }

    #[test]
    fn any_span_can_be_drawn() {
        for text in ["", "é", "a\r\n\tb\n", "\u{feff}x"] {
            for (start, end) in [(0, 0), (0, 99), (1, 1), (1, 0), (99, 100), (2, 4)] {
                let mut faults = Faults::new(Source::new("f", text));
                faults.error(Span { start, end }, "code", "message");
                assert!(faults.into_diagnostics().render(true).contains("message"), "{text:?} {start}..{end}");
            }
        }
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        let words = ["mapping", "listen", "log"];
        assert_eq!(did_you_mean("maping", words), Some("mapping"));
        assert_eq!(did_you_mean("Listne", words), Some("listen"));
        assert_eq!(did_you_mean("tenants", words), None);
    }
}
