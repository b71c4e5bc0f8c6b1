//! Labels that do not overlap: names of series at the right end, ids next to their dots.

use super::colour::PageColour;

/// Two names are at least this far apart, in px.
const NAME_GAP: f64 = 12.5;

/// The width for which places are computed: a plot on a phone, in px.
const NARROW: f64 = 288.0;

/// Width of a character of an id, in px.
const CHARACTER: f64 = 6.4;

/// The name of a series at the right end of a chart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SeriesName {
    pub(super) text: &'static str,
    /// Middle of the name, in px from the top.
    pub(super) y: f64,
    pub(super) colour: PageColour,
}

/// Pushes names apart: down from the top, then up from the bottom of the chart.
pub(super) fn apart(mut names: Vec<SeriesName>, height: f64) -> Vec<SeriesName> {
    names.sort_by(|a, b| a.y.total_cmp(&b.y));
    for at in 1..names.len() {
        names[at].y = names[at].y.max(names[at - 1].y + NAME_GAP);
    }
    let mut lowest = height;
    for name in names.iter_mut().rev() {
        name.y = name.y.min(lowest);
        lowest = name.y - NAME_GAP;
    }
    names
}

/// A dot that may have a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LabelledDot {
    /// In percent of the width.
    pub(super) x: f64,
    /// In px.
    pub(super) y: f64,
}

/// Where the label of a dot stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LabelPlace {
    pub(super) side: LabelSide,
    /// In px down from the dot.
    pub(super) dy: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LabelSide {
    Right,
    Left,
}

/// Space that a label would take, in px of the narrow plot.
#[derive(Clone, Copy)]
struct LabelBox {
    left: f64,
    right: f64,
    middle: f64,
}

impl LabelBox {
    fn overlaps(&self, other: &LabelBox) -> bool {
        self.left < other.right
            && other.left < self.right
            && (self.middle - other.middle).abs() < NAME_GAP
    }
}

/// What labels must not hit.
pub(super) struct Obstacles<'a> {
    pub(super) dots: &'a [LabelledDot],
    pub(super) limit_y: Option<f64>,
    pub(super) height: f64,
}

/// The place of each label of the first dots, in their order; `None` where there is no room.
pub(super) fn places(lengths: &[usize], obstacles: &Obstacles<'_>) -> Vec<Option<LabelPlace>> {
    let mut taken: Vec<LabelBox> = Vec::new();
    let place = |(dot, &length): (&LabelledDot, &usize)| {
        let width = length as f64 * CHARACTER;
        let distances = [0.0, 13.0, -13.0, 26.0, -26.0, 39.0, -39.0, 52.0, -52.0];
        for dy in distances {
            for side in [LabelSide::Right, LabelSide::Left] {
                let own = space(dot, width, side, dy);
                let is_free = !taken.iter().any(|other| own.overlaps(other));
                if is_free && obstacles.leave_room(&own) {
                    taken.push(own);
                    return Some(LabelPlace { side, dy });
                }
            }
        }
        None
    };
    obstacles.dots.iter().zip(lengths).map(place).collect()
}

fn space(dot: &LabelledDot, width: f64, side: LabelSide, dy: f64) -> LabelBox {
    let x = dot.x / 100.0 * NARROW;
    let (left, right) = match side {
        LabelSide::Right => (x + 7.0, x + 9.0 + width),
        LabelSide::Left => (x - 9.0 - width, x - 7.0),
    };
    LabelBox {
        left,
        right,
        middle: dot.y + dy,
    }
}

impl Obstacles<'_> {
    fn leave_room(&self, own: &LabelBox) -> bool {
        let is_inside = own.left >= 0.0
            && own.right <= NARROW
            && (6.0..=self.height - 6.0).contains(&own.middle);
        let limit = self.limit_y.is_none_or(|y| (y - own.middle).abs() >= 9.0);
        let hits = |dot: &LabelledDot| {
            let x = dot.x / 100.0 * NARROW;
            (own.left - 4.0..=own.right + 4.0).contains(&x) && (dot.y - own.middle).abs() < 9.0
        };
        is_inside && limit && !self.dots.iter().any(hits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::colour::INK;

    fn heights(ys: &[f64], height: f64) -> Vec<f64> {
        let names = ys.iter().map(|&y| SeriesName {
            text: "P50",
            y,
            colour: INK,
        });
        let names = apart(names.collect(), height);
        names.into_iter().map(|name| name.y).collect()
    }

    #[test]
    fn names_are_pushed_down_and_back_up_at_the_bottom() {
        assert_eq!(heights(&[10.0, 50.0], 300.0), [10.0, 50.0]);
        assert_eq!(heights(&[10.0, 12.0, 11.0], 300.0), [10.0, 22.5, 35.0]);
        assert_eq!(
            heights(&[295.0, 299.0, 300.0], 300.0),
            [275.0, 287.5, 300.0]
        );
    }

    #[test]
    fn a_label_stands_right_of_its_dot_if_nothing_is_there() {
        let dots = [LabelledDot { x: 20.0, y: 100.0 }];
        let obstacles = Obstacles {
            dots: &dots,
            limit_y: None,
            height: 300.0,
        };
        let right = LabelPlace {
            side: LabelSide::Right,
            dy: 0.0,
        };
        assert_eq!(places(&[8], &obstacles), [Some(right)]);
    }

    #[test]
    fn labels_avoid_the_edge_the_limit_and_each_other() {
        let dots = [
            LabelledDot { x: 95.0, y: 100.0 },
            LabelledDot { x: 95.0, y: 104.0 },
        ];
        let obstacles = Obstacles {
            dots: &dots,
            limit_y: Some(112.0),
            height: 300.0,
        };
        let found = places(&[8, 8], &obstacles);
        let left = |dy| {
            Some(LabelPlace {
                side: LabelSide::Left,
                dy,
            })
        };
        // 12 px above the limit is far enough; the second finds room below the limit.
        assert_eq!(found, [left(0.0), left(26.0)]);
    }

    #[test]
    fn without_room_there_is_no_label() {
        let dots = [LabelledDot { x: 50.0, y: 10.0 }];
        let obstacles = Obstacles {
            dots: &dots,
            limit_y: Some(10.0),
            height: 20.0,
        };
        assert_eq!(places(&[8], &obstacles), [None]);
    }
}
