//! Faults in files that people write: a code, a place, what was found and what to write instead.
//!
//! Readers collect faults instead of stopping at the first, so one run shows all of them. Drawn as rustc draws them,
//! or as JSON for tools. The only home of `annotate-snippets` and `strsim`.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use serde_json::json;

/// The largest file that is read as a configuration or mapping.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

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

/// A range of bytes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A text and the name it is shown under; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// A text that is at hand.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    /// Reads a UTF-8 file of at most 4 MiB, or says why not (code `file`).
    ///
    /// # Errors
    /// The file is missing, unreadable, too large or not UTF-8.
    pub fn read(path: &Path) -> Result<Source, Diagnostic> {
        let fault = |why: String| Diagnostic::new(Severity::Error, "file", format!("{}: {why}", path.display()));
        let size = std::fs::metadata(path).map_err(|e| fault(e.to_string()))?.len();
        if size > LARGEST_FILE {
            return Err(fault("larger than 4 MiB".into()));
        }
        let bytes = std::fs::read(path).map_err(|e| fault(e.to_string()))?;
        let text = String::from_utf8(bytes)
            .map_err(|e| fault(format!("not UTF-8 at byte {}", e.utf8_error().valid_up_to())))?;
        Ok(Source::new(&path.display().to_string(), &text))
    }

    /// The name it is shown under, a path as the user gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same text with `*` in place of what stands at `span`.
    fn masked(&self, span: Span) -> Source {
        let span = self.fit(span);
        let (before, rest) = self.text.split_at(span.start);
        let (secret, after) = rest.split_at(span.end - span.start);
        let stars: String =
            secret.chars().map(|c| if c == '\n' { "\n".into() } else { "*".repeat(c.len_utf8()) }).collect();
        Source { name: self.name.clone(), text: format!("{before}{stars}{after}").into() }
    }

    /// Line and column of a byte, both from 1, the column in characters.
    fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// A span forced inside the text and onto character boundaries.
    fn fit(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        Span { start, end: self.text.ceil_char_boundary(span.end).max(start) }
    }

    /// What to underline: the part of a span on its first line, at least one column wide.
    fn underline(&self, span: Span) -> Range<usize> {
        let Span { start, end } = self.fit(span);
        let shown = self.text[start..end].lines().next().unwrap_or_default().trim_end();
        start..start + shown.len()
    }
}

/// A span in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Source,
    /// Where in it.
    pub span: Span,
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

/// What the readers of one source hand round: it knows the text, and keeps what was found wrong with it.
#[derive(Debug)]
pub struct Faults {
    source: Source,
    found: Diagnostics,
}

impl Faults {
    /// No faults yet in `source`.
    #[must_use]
    pub fn new(source: Source) -> Faults {
        Faults { source, found: Diagnostics::default() }
    }

    /// The text that is read.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Adds an error; chain [`Diagnostic::help`] to say what to write.
    pub fn error(&mut self, span: Span, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, span, code, message.into())
    }

    /// Adds a warning.
    pub fn warning(&mut self, span: Span, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, span, code, message.into())
    }

    /// Adds a fault that has no place in this source.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Adds the error for a part of the language that is known but not built: `what` in plural, such as `sessions`.
    pub fn not_supported(&mut self, span: Span, what: &str) -> &mut Diagnostic {
        self.error(span, "not-supported", format!("{what} are not supported yet"))
    }

    fn add(&mut self, severity: Severity, span: Span, code: &'static str, message: String) -> &mut Diagnostic {
        let place = Some(Place { source: self.source.clone(), span });
        self.found.0.push_mut(Diagnostic { severity, code, message, place, help: None })
    }

    /// What stands at `span`, on one line and shortened, for use in a message. As written, not as meant: where a
    /// value came from a variable this is the variable's name, so messages cannot show a secret.
    #[must_use]
    pub fn written(&self, span: Span) -> String {
        let shown = &self.source.text[self.source.underline(span)];
        match shown.char_indices().nth(60) {
            Some((cut, _)) => format!("{}…", &shown[..cut]),
            None => shown.to_owned(),
        }
    }

    /// The place of `part` of the text `value` that was read at `span`; the whole span where quoting, escapes or
    /// line folding make the text differ from what is written.
    #[must_use]
    pub fn within(&self, span: Span, value: &str, part: Range<usize>) -> Span {
        let span = self.source.fit(span);
        let written = &self.source.text[span.start..span.end];
        let quote = usize::from(written.starts_with(['"', '\'']));
        if written.get(quote..).is_some_and(|inner| inner.starts_with(value)) && part.end <= value.len() {
            Span { start: span.start + quote + part.start, end: span.start + quote + part.end }
        } else {
            span
        }
    }

    /// Draws `*` for what stands at `span` in all faults, found or to come: the span holds a secret.
    pub fn mask(&mut self, span: Span) {
        self.source = self.source.masked(span);
        for place in self.found.0.iter_mut().filter_map(|fault| fault.place.as_mut()) {
            place.source = self.source.clone();
        }
    }

    /// Whether an error was found.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.has_errors()
    }

    /// What was found.
    #[must_use]
    pub fn into_diagnostics(self) -> Diagnostics {
        self.found
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
    fn a_masked_source_keeps_its_places() {
        let mut faults = faults();
        faults.error(Span { start: 5, end: 6 }, "code", "message");
        faults.mask(Span { start: 5, end: 15 });
        assert_eq!(faults.source().text(), "a: 1\n********** # x\nc:\n  d: 4\n");
        assert!(faults.into_diagnostics().render(false).contains("2 | ********** # x\n  | ^\n"));
    }

    #[test]
    fn a_part_of_a_text_has_a_place_unless_it_was_written_otherwise() {
        let faults = faults();
        let whole = Span { start: 10, end: 15 };
        assert_eq!(faults.within(whole, "two", 1..2), Span { start: 12, end: 13 });
        assert_eq!(faults.within(whole, "t\u{77}o!", 1..2), whole);
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        let words = ["mapping", "listen", "log"];
        assert_eq!(did_you_mean("maping", words), Some("mapping"));
        assert_eq!(did_you_mean("Listne", words), Some("listen"));
        assert_eq!(did_you_mean("tenants", words), None);
    }
}
