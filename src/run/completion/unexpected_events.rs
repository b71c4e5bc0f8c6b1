//! Events in a run's listing that the run did not send.

/// Events that a run did not send, as far as they can be distinguished from those whose answer it never saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnexpectedEvents {
    /// The certain number.
    pub at_least: u64,
    /// The number, if the server accepted none of the requests with unknown event names.
    pub at_most: u64,
}

impl UnexpectedEvents {
    /// Exactly this many.
    pub fn exactly(count: u64) -> UnexpectedEvents {
        UnexpectedEvents {
            at_least: count,
            at_most: count,
        }
    }

    /// This many events without a sender, of which `open` may be requests without a known name.
    pub fn among(events: u64, open: u64) -> UnexpectedEvents {
        UnexpectedEvents {
            at_least: events.saturating_sub(open),
            at_most: events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnexpectedEvents;

    #[test]
    fn strangers_may_be_requests_whose_names_nobody_knows() {
        let strangers = |at_least, at_most| UnexpectedEvents { at_least, at_most };
        assert_eq!(UnexpectedEvents::among(7, 0), UnexpectedEvents::exactly(7));
        assert_eq!(UnexpectedEvents::among(7, 2), strangers(5, 7));
        assert_eq!(UnexpectedEvents::among(1, 2), strangers(0, 1));
    }
}
