//! Matching in time linear in the text: all ways at once, character by character
//! (Thompson, 1968), after one pass for each look-around that tells where it holds.

use super::class::is_word;
use super::program::{LookAround, Program, Step};
use crate::validation::work::{TooLong, Work};

/// Places of a text, a bit for each.
struct Places(Vec<u64>);

impl Places {
    fn none(characters: usize) -> Self {
        Self(vec![0; characters / 64 + 1])
    }

    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }
}

pub(super) fn is_match(program: &Program, text: &str, work: &mut Work) -> Result<bool, TooLong> {
    let mut looks: Vec<Places> = Vec::new();
    let characters = if program.looks.is_empty() { 0 } else { text.chars().count() };
    for LookAround { ahead, steps, .. } in &program.looks {
        let mut holds = Places::none(characters);
        let mut pass = Pass::new(program, steps, &looks);
        let found = |at| {
            holds.insert(at);
            false
        };
        match ahead {
            true => pass.run(text.chars().rev(), Direction::Backward { from: characters }, work, found)?,
            false => pass.run(text.chars(), Direction::Forward, work, found)?,
        }
        looks.push(holds);
    }
    let mut is_found = false;
    Pass::new(program, &program.steps, &looks).run(text.chars(), Direction::Forward, work, |_| {
        is_found = true;
        true
    })?;
    Ok(is_found)
}

#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Backward { from: usize },
}

struct Pass<'p> {
    program: &'p Program,
    steps: &'p [Step],
    looks: &'p [Places],
    /// The steps that wait for a character.
    waiting: Vec<u32>,
    /// Where to go on at this place.
    here: Vec<u32>,
    /// At which place each step was gone through last, from 1.
    seen: Vec<usize>,
}

/// What the conditions upon a place are about.
struct Place {
    at: usize,
    before: Option<char>,
    after: Option<char>,
}

impl<'p> Pass<'p> {
    fn new(program: &'p Program, steps: &'p [Step], looks: &'p [Places]) -> Self {
        Self { program, steps, looks, waiting: Vec::new(), here: Vec::new(), seen: vec![0; steps.len()] }
    }

    /// Leads a text through the steps from each of its places on, and tells where
    /// it got through, until `found` has it stop.
    fn run(
        &mut self,
        mut text: impl Iterator<Item = char>,
        direction: Direction,
        work: &mut Work,
        mut found: impl FnMut(usize) -> bool,
    ) -> Result<(), TooLong> {
        work.spend(self.steps.len() / 64)?;
        let mut last = None;
        let starts_at_start = matches!((direction, self.steps.first()), (Direction::Forward, Some(Step::Start)));
        for passed in 0.. {
            let next = text.next();
            let place = match direction {
                Direction::Forward => Place { at: passed, before: last, after: next },
                Direction::Backward { from } => Place { at: from - passed, before: next, after: last },
            };
            if passed == 0 || !starts_at_start {
                self.here.push(0);
            }
            let is_found = self.settle(&place, passed + 1, work)?;
            if is_found && found(place.at) {
                break;
            }
            let Some(char) = next else { break };
            if self.waiting.is_empty() && starts_at_start {
                break;
            }
            for at in self.waiting.drain(..) {
                if let Step::One(class) = self.steps[at as usize]
                    && self.program.classes[class as usize].contains(char)
                {
                    self.here.push(at + 1);
                }
            }
            last = next;
        }
        Ok(())
    }

    /// Goes on at a place until nothing is left but to wait for a character; whether
    /// the end was among what was reached.
    fn settle(&mut self, place: &Place, round: usize, work: &mut Work) -> Result<bool, TooLong> {
        let (mut is_found, mut steps) = (false, 1);
        while let Some(at) = self.here.pop() {
            let index = at as usize;
            steps += 1;
            if std::mem::replace(&mut self.seen[index], round) == round {
                continue;
            }
            let holds = match self.steps[index] {
                Step::One(_) => {
                    self.waiting.push(at);
                    continue;
                }
                Step::Found => {
                    is_found = true;
                    continue;
                }
                Step::Fork(one, other) => {
                    self.here.extend([one, other]);
                    continue;
                }
                Step::Jump(to) => {
                    self.here.push(to);
                    continue;
                }
                Step::Start => place.before.is_none(),
                Step::End => place.after.is_none(),
                Step::Boundary(wanted) => (is_word(place.before) != is_word(place.after)) == wanted,
                Step::Look(look) => {
                    self.looks[look as usize].contains(place.at) == self.program.looks[look as usize].wanted
                }
                // What groups have matched is of no account here.
                Step::Note(_) | Step::Beyond(_) | Step::Forget(..) | Step::Back(_) => true,
            };
            if holds {
                self.here.push(at + 1);
            }
        }
        work.spend(steps)?;
        Ok(is_found)
    }
}
