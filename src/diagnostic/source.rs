//! A text under a name, and places in it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{Diagnostic, Severity};

/// The largest file that is read as a configuration or mapping.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

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
    #[must_use]
    pub fn masked(&self, span: Span) -> Source {
        let span = self.fit(span);
        let (before, rest) = self.text.split_at(span.start);
        let (secret, after) = rest.split_at(span.end - span.start);
        let stars: String =
            secret.chars().map(|c| if c == '\n' { "\n".into() } else { "*".repeat(c.len_utf8()) }).collect();
        Source { name: self.name.clone(), text: format!("{before}{stars}{after}").into() }
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub(super) fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// A span forced inside the text and onto character boundaries.
    pub(super) fn fit(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        Span { start, end: self.text.ceil_char_boundary(span.end).max(start) }
    }

    /// What to underline: the part of a span on its first line, at least one column wide.
    pub(super) fn underline(&self, span: Span) -> Range<usize> {
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
