//! Matching by trying one way after another, as back-references need it.

use super::class::is_word;
use super::program::{Program, Step};
use crate::validation::work::{TooLong, Work};

/// How often a pattern may try again on one text.
const BACKTRACKS: usize = 10_000;

/// How many ways may be left to be tried.
const LEFT: usize = 1_000_000;

pub(super) fn is_match(program: &Program, text: &str, work: &mut Work) -> Result<bool, TooLong> {
    let notes = vec![None; program.notes as usize];
    let mut attempt = Attempt { program, text, notes, left: Vec::new(), backtracks: 0 };
    for (start, _) in text.char_indices().chain([(text.len(), ' ')]) {
        if attempt.run(&program.steps, start, work)? {
            return Ok(true);
        }
        if matches!(program.steps.first(), Some(Step::Start)) {
            break;
        }
    }
    Ok(false)
}

struct Attempt<'p> {
    program: &'p Program,
    text: &'p str,
    notes: Vec<Option<usize>>,
    left: Vec<Left>,
    backtracks: usize,
}

/// What is left to be done when a way turns out to be none.
enum Left {
    Try { step: u32, at: usize },
    Restore { note: u32, place: Option<usize> },
}

impl Attempt<'_> {
    /// Whether the text gets through the steps from a place on. What was noted
    /// stays if it does, and can be undone by what is left then.
    fn run(&mut self, steps: &[Step], mut at: usize, work: &mut Work) -> Result<bool, TooLong> {
        let base = self.left.len();
        let mut step = 0;
        loop {
            work.spend(1)?;
            let next = self.step(steps, step, &mut at, work)?;
            step = match next {
                Next::Step(next) => next,
                Next::Found => return Ok(true),
                Next::Back => match self.back(base)? {
                    Some((next, place)) => {
                        at = place;
                        next
                    }
                    None => return Ok(false),
                },
            };
        }
    }

    fn step(&mut self, steps: &[Step], step: u32, at: &mut usize, work: &mut Work) -> Result<Next, TooLong> {
        let next = Next::Step(step + 1);
        let after = self.text[*at..].chars().next();
        let before = || self.text[..*at].chars().next_back();
        let holds = match steps[step as usize] {
            Step::Found => return Ok(Next::Found),
            Step::Jump(to) => return Ok(Next::Step(to)),
            Step::Fork(first, second) => {
                self.leave(Left::Try { step: second, at: *at })?;
                return Ok(Next::Step(first));
            }
            Step::One(class) => match after.filter(|char| self.program.classes[class as usize].contains(*char)) {
                Some(char) => {
                    *at += char.len_utf8();
                    true
                }
                None => false,
            },
            Step::Start => *at == 0,
            Step::End => *at == self.text.len(),
            Step::Boundary(wanted) => (is_word(before()) != is_word(after)) == wanted,
            Step::Look(look) => self.look(look, *at, work)?,
            Step::Note(note) => {
                self.note(note, Some(*at))?;
                true
            }
            Step::Beyond(note) => self.notes[note as usize] != Some(*at),
            Step::Forget(from, to) => {
                (from..to).try_for_each(|note| self.note(note, None))?;
                true
            }
            Step::Back(group) => {
                let group = group as usize * 2;
                let matched = match (self.notes[group], self.notes[group + 1]) {
                    (Some(start), Some(end)) => &self.text[start..end],
                    _ => "",
                };
                work.spend(matched.len() / 16)?;
                let again = self.text[*at..].starts_with(matched);
                *at += if again { matched.len() } else { 0 };
                again
            }
        };
        Ok(if holds { next } else { Next::Back })
    }

    /// Recursion is as deep as look-arounds are nested.
    fn look(&mut self, look: u32, at: usize, work: &mut Work) -> Result<bool, TooLong> {
        let program = self.program;
        let look = &program.looks[look as usize];
        let base = self.left.len();
        let is_found = self.run(&look.steps, at, work)?;
        if !look.wanted {
            // Nothing is known of the groups within what was not wanted.
            while self.left.len() > base {
                self.undo();
            }
        } else if is_found {
            // It is not looked for in another way, but what it noted can be undone.
            let noted = self.left.split_off(base).into_iter().filter(|left| matches!(left, Left::Restore { .. }));
            self.left.extend(noted);
        }
        Ok(is_found == look.wanted)
    }

    fn note(&mut self, note: u32, place: Option<usize>) -> Result<(), TooLong> {
        let before = std::mem::replace(&mut self.notes[note as usize], place);
        self.leave(Left::Restore { note, place: before })
    }

    fn leave(&mut self, left: Left) -> Result<(), TooLong> {
        self.left.push(left);
        if self.left.len() > LEFT { Err(TooLong) } else { Ok(()) }
    }

    /// The next way to be tried, of those left since.
    fn back(&mut self, base: usize) -> Result<Option<(u32, usize)>, TooLong> {
        while self.left.len() > base {
            if let Some(way) = self.undo() {
                self.backtracks += 1;
                return if self.backtracks > BACKTRACKS { Err(TooLong) } else { Ok(Some(way)) };
            }
        }
        Ok(None)
    }

    fn undo(&mut self) -> Option<(u32, usize)> {
        match self.left.pop()? {
            Left::Try { step, at } => Some((step, at)),
            Left::Restore { note, place } => {
                self.notes[note as usize] = place;
                None
            }
        }
    }
}

enum Next {
    Step(u32),
    Found,
    Back,
}
