//! Looks for what is expected of a body while it is read, and keeps of it only what that needs.

use crate::run::plan::{BodyFault, ExpectedBody, MAX_SEARCHED_BYTES, SearchedPart};

/// Longest name of an encoding that is shown, in characters.
const LONGEST_NAME: usize = 40;

#[derive(Debug)]
pub(super) struct BodySearch<'a> {
    expected: &'a ExpectedBody,
    kept: Vec<u8>,
    state: SearchState,
}

#[derive(Debug)]
enum SearchState {
    Searching,
    Found,
    /// It cannot be found any more.
    Failed(BodyFault),
}

impl<'a> BodySearch<'a> {
    pub(super) fn new(expected: &'a ExpectedBody) -> BodySearch<'a> {
        BodySearch {
            expected,
            kept: Vec::new(),
            state: SearchState::Searching,
        }
    }

    /// A body that is encoded is not searched.
    pub(super) fn read_fields(&mut self, headers: &[httparse::Header<'_>]) {
        let encodings = headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("content-encoding"))
            .map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
            .find(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        if let Some(name) = encodings {
            let shown = name.chars().filter(|c| !c.is_control());
            let shown = shown.take(LONGEST_NAME).collect();
            self.state = SearchState::Failed(BodyFault::Encoded(shown));
        }
    }

    /// Takes the next bytes of the body.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if !matches!(self.state, SearchState::Searching) {
            return;
        }
        self.kept.extend_from_slice(bytes);
        match self.expected.searched_part() {
            SearchedPart::Pieces { overlap } => {
                if self.expected.fault_in(&self.kept).is_none() {
                    self.state = SearchState::Found;
                }
                let past = self.kept.len().saturating_sub(overlap);
                self.kept.drain(..past);
            }
            SearchedPart::Whole if self.kept.len() > MAX_SEARCHED_BYTES => {
                self.kept = Vec::new();
                self.state = SearchState::Failed(BodyFault::TooLong);
            }
            SearchedPart::Whole => {}
        }
    }

    /// What is wrong with the whole body.
    pub(super) fn fault(self) -> Option<BodyFault> {
        match self.state {
            SearchState::Found => None,
            SearchState::Failed(fault) => Some(fault),
            SearchState::Searching => self.expected.fault_in(&self.kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BodySearch;
    use crate::run::plan::{BodyFault, ExpectedBody, MAX_SEARCHED_BYTES};

    fn searched(check: &str, pieces: &[&[u8]]) -> (Option<BodyFault>, usize) {
        let expected = ExpectedBody::parse(check).unwrap();
        let mut search = BodySearch::new(&expected);
        let mut most = 0;
        for piece in pieces {
            search.add(piece);
            most = most.max(search.kept.len());
        }
        (search.fault(), most)
    }

    #[test]
    fn a_text_is_found_across_pieces_and_only_its_length_is_kept() {
        let long = [b'x'; 4096];
        let pieces: [&[u8]; 5] = [&long, b"ne", b"ed", b"le", &long];
        assert_eq!(searched("needle", &pieces), (None, 5));
        assert_eq!(searched("needles", &pieces).0, Some(BodyFault::NoText));
        assert_eq!(searched("needle", &[]).0, Some(BodyFault::NoText));
    }

    #[test]
    fn a_regular_expression_and_json_see_the_whole_body_up_to_the_limit() {
        let pieces: [&[u8]; 3] = [br#"{"a":"#, br#""b""#, b"}"];
        assert_eq!(searched("json.a=b", &pieces).0, None);
        assert_eq!(searched("/^.*b.*$/", &pieces).0, None);
        let most = vec![b'x'; MAX_SEARCHED_BYTES];
        assert_eq!(searched("/x$/", &[&most]).0, None);
        let (fault, kept) = searched("/x$/", &[&most, b"x"]);
        assert_eq!(fault, Some(BodyFault::TooLong));
        assert_eq!(kept, MAX_SEARCHED_BYTES);
    }

    #[test]
    fn an_encoded_body_is_not_searched() {
        for (value, fault) in [
            (&b"gzip"[..], Some(BodyFault::Encoded("gzip".to_owned()))),
            (b"identity", None),
            (b"", None),
        ] {
            let expected = ExpectedBody::parse("ok").unwrap();
            let mut search = BodySearch::new(&expected);
            search.read_fields(&[httparse::Header {
                name: "Content-Encoding",
                value,
            }]);
            search.add(b"ok");
            assert_eq!(search.fault(), fault);
        }
    }
}
