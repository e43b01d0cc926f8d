//! Printing: results to standard output, everything else to standard error; colour only on a terminal.

use std::io::Write;

use crate::diagnostic::{Diagnostics, Severity};

/// A line of result.
pub(super) fn say(text: &str) {
    // Nobody reads any more: there is nobody left to tell.
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// A line about what goes on.
pub(super) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Whether standard error is coloured: on a terminal that shows colours, and never with `NO_COLOR` set.
pub(super) fn colour() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Faults and warnings, and one line that counts them.
pub(super) fn report(found: &Diagnostics) {
    if found.is_empty() {
        return;
    }
    let text = found.render(colour());
    let _ = write!(anstream::stderr(), "{text}");
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    note(&format!("{}, {}", count(errors, "error"), count(warnings, "warning")));
}
