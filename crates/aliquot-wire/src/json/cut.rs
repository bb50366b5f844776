//! Cuts a JSON array into its elements by brackets and quotes alone, so that an element which is not JSON costs only itself.

use aliquot_core::reject::Reason;

use crate::refusal::{Problem, Refusal};

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the opening bracket.
    Start,
    /// Where an element is to begin.
    Element,
    /// After an object, where something stands that is neither comma nor bracket.
    Stray,
    /// After the closing bracket.
    End,
    Done,
}

/// The elements of an array, as they stand there. Where it is not an array, or ends too early, the last item says so.
///
/// An object ends with its own bracket, whatever follows: so a reader that has taken the first `n` objects without an error
/// and this iterator agree on where number `n` begins.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    array: &'a [u8],
    rest: &'a [u8],
    state: State,
}

impl<'a> Pieces<'a> {
    /// The elements of `array`.
    pub(crate) fn new(array: &'a [u8]) -> Self {
        Self { array, rest: array, state: State::Start }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<&'a [u8], Refusal<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Start)
            && let Err(problem) = self.start()
        {
            return Some(self.stop(problem));
        }
        match self.state {
            State::Element => Some(self.element()),
            State::Stray => Some(self.up_to_comma().and_then(|stray| {
                Err(Problem::new(Reason::Malformed, "no comma stands before it in the batch").about(stray))
            })),
            State::End if !self.rest.trim_ascii().is_empty() => {
                Some(self.stop(Problem::new(Reason::Malformed, "bytes follow the end of the batch")))
            }
            State::Start | State::End | State::Done => None,
        }
    }
}

impl<'a> Pieces<'a> {
    fn start(&mut self) -> Result<(), Problem> {
        match self.rest.trim_ascii_start() {
            [b'[', rest @ ..] => match rest.trim_ascii_start() {
                [b']', rest @ ..] => {
                    self.rest = rest;
                    self.state = State::End;
                }
                rest => {
                    self.rest = rest;
                    self.state = State::Element;
                }
            },
            [b'{' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n', ..] => {
                return Err(Problem::new(Reason::WrongType, "a batch is a JSON array of events"));
            }
            _ => return Err(Problem::new(Reason::Malformed, "a batch is a JSON array of events")),
        }
        Ok(())
    }

    fn element(&mut self) -> Result<&'a [u8], Refusal<'a>> {
        self.rest = self.rest.trim_ascii_start();
        if !self.rest.starts_with(b"{") {
            return self.up_to_comma();
        }
        let Some((object, rest)) = end_of_object(self.rest).and_then(|end| self.rest.split_at_checked(end)) else {
            return self.torn();
        };
        (self.rest, self.state) = match rest.trim_ascii_start() {
            [b',', rest @ ..] => (rest, State::Element),
            [b']', rest @ ..] => (rest, State::End),
            rest => (rest, State::Stray),
        };
        Ok(object)
    }

    /// What stands before the next comma or bracket of the array itself.
    fn up_to_comma(&mut self) -> Result<&'a [u8], Refusal<'a>> {
        let Some((piece, rest)) = end_of_piece(self.rest).and_then(|end| self.rest.split_at_checked(end)) else {
            return self.torn();
        };
        (self.rest, self.state) = match rest {
            [b',', rest @ ..] => (rest, State::Element),
            rest => (rest.get(1..).unwrap_or_default(), State::End),
        };
        Ok(piece.trim_ascii())
    }

    fn torn(&mut self) -> Result<&'a [u8], Refusal<'a>> {
        self.stop(Problem::new(Reason::Malformed, "the batch ends inside an event"))
    }

    fn stop(&mut self, problem: Problem) -> Result<&'a [u8], Refusal<'a>> {
        self.state = State::Done;
        Err(problem.about(self.array))
    }
}

/// Where the object that begins here is over.
fn end_of_object(bytes: &[u8]) -> Option<usize> {
    find_outside_strings(bytes, |depth, byte| depth == 1 && byte == b'}').map(|end| end.saturating_add(1))
}

/// Where the comma or bracket stands that ends a piece.
fn end_of_piece(bytes: &[u8]) -> Option<usize> {
    find_outside_strings(bytes, |depth, byte| depth == 0 && matches!(byte, b',' | b']'))
}

/// The first byte outside all strings that `is_end` accepts, given how many brackets are open before it.
fn find_outside_strings(bytes: &[u8], is_end: impl Fn(usize, u8) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut places = bytes.iter().enumerate();
    while let Some((place, byte)) = places.next() {
        match byte {
            b'"' => {
                // Runs to the closing quote; what follows a backslash closes nothing.
                while let Some((_, byte)) = places.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            places.next();
                        }
                        _ => {}
                    }
                }
            }
            byte if is_end(depth, *byte) => return Some(place),
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(array: &str) -> Vec<Result<String, Reason>> {
        Pieces::new(array.as_bytes())
            .map(|piece| piece.map(|piece| String::from_utf8_lossy(piece).into_owned()).map_err(|p| p.reason))
            .collect()
    }

    fn good(piece: &str) -> Result<String, Reason> {
        Ok(piece.to_owned())
    }

    #[test]
    fn elements_stand_for_themselves() {
        assert_eq!(cut(" [ ] "), []);
        assert_eq!(cut(r#"[1, {"a":[1,2]} ,"x,]\"" ]"#), [good("1"), good(r#"{"a":[1,2]}"#), good(r#""x,]\"""#)]);
        assert_eq!(cut(r#"[{"a":},{}]"#), [good(r#"{"a":}"#), good("{}")]);
        assert_eq!(cut("[1,]"), [good("1"), good("")]);
    }

    #[test]
    fn what_is_not_whole_says_so() {
        assert_eq!(cut(""), [Err(Reason::Malformed)]);
        assert_eq!(cut("{}"), [Err(Reason::WrongType)]);
        assert_eq!(cut("[1,{"), [good("1"), Err(Reason::Malformed)]);
        assert_eq!(cut(r#"[1,"]"#), [good("1"), Err(Reason::Malformed)]);
        assert_eq!(cut("[1]x"), [good("1"), Err(Reason::Malformed)]);
        assert_eq!(cut("[{},"), [good("{}"), Err(Reason::Malformed)]);
        assert_eq!(cut("[{}"), [good("{}"), Err(Reason::Malformed)]);
    }

    #[test]
    fn an_object_ends_with_its_own_bracket() {
        assert_eq!(cut("[{}}{},{}]"), [good("{}"), Err(Reason::Malformed), good("{}")]);
        assert_eq!(cut("[{} {}]"), [good("{}"), Err(Reason::Malformed)]);
        let strays: Vec<_> = Pieces::new(b"[{} {}]").filter_map(|piece| Some(piece.err()?.raw)).collect();
        assert_eq!(strays, [b"{}"]);
    }
}
