//! What the demo has to say: both modes of the server, the change between them, and its price.

use std::io::{self, Write};
use std::time::Duration;

use super::model::Report;
use super::screen;
use super::style::Style;
use crate::run::completion::Completion;

/// Both modes of the server measured with one plan, and what became of the accepted events.
#[derive(Clone, Debug)]
pub struct DemoReport {
    /// The mode with the call inside the request, judged by the default gates.
    pub before: Report,
    /// The mode with the call after the answer, judged by the same.
    pub after: Report,
    /// Both, with the gates that the change must pass.
    pub comparison: Report,
    /// The audit of the mode after.
    pub completion: Completion,
    /// How long the demo took.
    pub took: Duration,
    /// Where the whole report is.
    pub file: String,
}

impl DemoReport {
    /// Writes the screen of the demo.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write(&self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        screen::demo::write(self, style, out)
    }
}
