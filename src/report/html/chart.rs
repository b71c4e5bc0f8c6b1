//! The picture of a chart, with a title and a description for those who do not see it.

use super::colour;
use super::markup::{Attributes, Markup, attrs};
use super::style_sheet::SANS;

/// How wide a chart may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChartWidth {
    /// Beyond the column where the window has room, so that the plot ends near its edge.
    Page,
    Column,
}

/// What a chart says in words.
pub(super) struct ChartWords {
    pub(super) title: String,
    pub(super) description: String,
}

/// A chart of this height in px.
pub(super) fn chart(
    m: &mut Markup,
    width: ChartWidth,
    height: f64,
    words: &ChartWords,
    inside: impl FnOnce(&mut Markup),
) {
    let id = m.next_id();
    let class = match width {
        ChartWidth::Page => "f w",
        ChartWidth::Column => "f",
    };
    let labels = format!("t{id} d{id}");
    let (title_id, description_id) = (format!("t{id}"), format!("d{id}"));
    let attributes: Attributes<'_> = attrs![
        "class" => class, "width" => "100%", "height" => height, "role" => "img",
        "aria-labelledby" => labels, "font-family" => SANS, "font-size" => 11,
        "fill" => colour::SECONDARY
    ];
    m.node("svg", attributes, |m| {
        m.words("title", attrs!["id" => title_id], &words.title);
        m.words("desc", attrs!["id" => description_id], &words.description);
        inside(m);
    });
}
