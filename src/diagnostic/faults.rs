//! The collector that readers of one source hand round.

use std::ops::Range;

use super::{Diagnostic, Diagnostics, Place, Severity, Source, Span};

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

    /// Adds something to know: the file works as its author meant.
    pub fn advice(&mut self, span: Span, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Advice, span, code, message.into())
    }

    /// Adds a fault that has no place in this source.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Adds the error for a part of the language that is known but not built, such as `sessions`.
    pub fn not_supported(&mut self, span: Span, what: &str) -> &mut Diagnostic {
        self.error(span, "not-supported", format!("not supported yet: {what}"))
    }

    fn add(&mut self, severity: Severity, span: Span, code: &'static str, message: String) -> &mut Diagnostic {
        let place = Some(Place { source: self.source.clone(), span });
        self.found.0.push_mut(Diagnostic { severity, code, message, place, help: None })
    }

    /// What stands at `span`, on one line and shortened, for use in a message. As written, not as meant: where a
    /// value came from a variable this is the variable's name, so messages cannot show a secret.
    #[must_use]
    pub fn written(&self, span: Span) -> String {
        let shown = &self.source.text()[self.source.underline(span)];
        let quoted = ['"', '\''].into_iter().find_map(|mark| shown.strip_prefix(mark)?.strip_suffix(mark));
        let shown = quoted.unwrap_or(shown);
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
        let written = &self.source.text()[span.start..span.end];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn faults() -> Faults {
        Faults::new(Source::new("mapping.yaml", "a: 1\nbé: \"two\" # x\nc:\n  d: 4\n"))
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
}
