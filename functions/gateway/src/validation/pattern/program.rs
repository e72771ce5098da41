//! A regular expression as steps that a text is led through.

use super::PatternError;
use super::class::Class;
use super::syntax::{Look, Part, Repeat, Syntax};

/// How many steps a pattern may have, counts written out.
const STEPS: usize = 250_000;

#[derive(Clone, Copy)]
pub(super) enum Step {
    /// One character of a class.
    One(u32),
    /// Both ways, the first before the second.
    Fork(u32, u32),
    Jump(u32),
    Start,
    End,
    Boundary(bool),
    Look(u32),
    /// Notes the place.
    Note(u32),
    /// Goes on only elsewhere than at the place noted: a round that may be left
    /// out matches something.
    Beyond(u32),
    /// Forgets the places of the groups from one to before another.
    Forget(u32, u32),
    Back(u32),
    Found,
}

/// A look-around, by the steps of what it looks for.
pub(super) struct LookAround {
    pub(super) ahead: bool,
    pub(super) wanted: bool,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) classes: Vec<Class>,
    /// Those within others before them.
    pub(super) looks: Vec<LookAround>,
    /// How many places are noted: two of each group, and one of some rounds.
    pub(super) notes: u32,
    /// What a group has matched matters, so that ways are to be tried one by one.
    pub(super) refers_back: bool,
}

impl Program {
    pub(super) fn new(syntax: &Syntax) -> Result<Self, PatternError> {
        if syntax.refers_back && syntax.looks_behind {
            return Err(PatternError::BehindAndBack);
        }
        let looks = (0..syntax.looks).map(|_| None).collect();
        let notes = (syntax.groups + 1) * 2;
        let mut writer = Writer { refers_back: syntax.refers_back, looks, notes, ..Writer::default() };
        let steps = writer.whole(&syntax.whole, false)?;
        let Writer { classes, looks, notes, refers_back, .. } = writer;
        Ok(Self { steps, classes, looks: looks.into_iter().flatten().collect(), notes, refers_back })
    }
}

#[derive(Default)]
struct Writer {
    steps: Vec<Step>,
    classes: Vec<Class>,
    looks: Vec<Option<LookAround>>,
    notes: u32,
    refers_back: bool,
    /// Against the direction of the text.
    backward: bool,
    written: usize,
}

impl Writer {
    fn whole(&mut self, part: &Part, backward: bool) -> Result<Vec<Step>, PatternError> {
        let outer = (std::mem::take(&mut self.steps), std::mem::replace(&mut self.backward, backward));
        self.part(part)?;
        self.write(Step::Found)?;
        let steps = std::mem::replace(&mut self.steps, outer.0);
        self.backward = outer.1;
        Ok(steps)
    }

    /// Counts what is visited as well as what is written, since rounds of nothing
    /// take time too.
    fn count(&mut self) -> Result<(), PatternError> {
        self.written += 1;
        if self.written > STEPS { Err(PatternError::Size) } else { Ok(()) }
    }

    fn write(&mut self, step: Step) -> Result<usize, PatternError> {
        self.count()?;
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn here(&self) -> Result<u32, PatternError> {
        u32::try_from(self.steps.len()).map_err(|_| PatternError::Size)
    }

    fn part(&mut self, part: &Part) -> Result<(), PatternError> {
        self.count()?;
        let step = match part {
            Part::Sequence(parts) if self.backward => return parts.iter().rev().try_for_each(|part| self.part(part)),
            Part::Sequence(parts) => return parts.iter().try_for_each(|part| self.part(part)),
            Part::Either(alternatives) => return self.either(alternatives),
            Part::Repeat(repeat) => return self.repeat(repeat),
            Part::Group { inner, .. } if !self.refers_back => return self.part(inner),
            Part::Group { number, inner } => {
                self.write(Step::Note(number * 2))?;
                self.part(inner)?;
                Step::Note(number * 2 + 1)
            }
            Part::One(class) => {
                let number = u32::try_from(self.classes.len()).map_err(|_| PatternError::Size)?;
                let same = self.classes.iter().rev().take(8).position(|other| other == class);
                match same.and_then(|back| u32::try_from(back).ok()) {
                    Some(back) => Step::One(number - 1 - back),
                    None => {
                        self.written += class.size();
                        self.classes.push(class.clone());
                        Step::One(number)
                    }
                }
            }
            Part::Look(look) => Step::Look(self.look(look)?),
            Part::Start => Step::Start,
            Part::End => Step::End,
            Part::Boundary(wanted) => Step::Boundary(*wanted),
            Part::Back(group) => Step::Back(*group),
        };
        self.write(step).map(drop)
    }

    fn either(&mut self, alternatives: &[Part]) -> Result<(), PatternError> {
        let Some((last, others)) = alternatives.split_last() else {
            return Ok(());
        };
        let mut ends = Vec::new();
        for alternative in others {
            let fork = self.write(Step::Fork(0, 0))?;
            let this = self.here()?;
            self.part(alternative)?;
            ends.push(self.write(Step::Jump(0))?);
            self.steps[fork] = Step::Fork(this, self.here()?);
        }
        self.part(last)?;
        let end = self.here()?;
        ends.into_iter().for_each(|jump| self.steps[jump] = Step::Jump(end));
        Ok(())
    }

    fn repeat(&mut self, repeat: &Repeat) -> Result<(), PatternError> {
        for _ in 0..repeat.least {
            self.forget(repeat)?;
            self.part(&repeat.inner)?;
        }
        let fork = |goes_on, ends| if repeat.greedy { Step::Fork(goes_on, ends) } else { Step::Fork(ends, goes_on) };
        match repeat.most {
            None => {
                let start = self.write(Step::Jump(0))?;
                let round = self.here()?;
                self.round(repeat)?;
                let again = self.here()?;
                self.write(fork(round, again + 1))?;
                self.steps[start] = Step::Jump(again);
            }
            Some(most) => {
                let mut forks = Vec::new();
                for _ in repeat.least..most {
                    forks.push(self.write(Step::Jump(0))?);
                    self.round(repeat)?;
                }
                let end = self.here()?;
                for at in forks {
                    let goes_on = u32::try_from(at + 1).map_err(|_| PatternError::Size)?;
                    self.steps[at] = fork(goes_on, end);
                }
            }
        }
        Ok(())
    }

    /// A round that may be left out.
    fn round(&mut self, repeat: &Repeat) -> Result<(), PatternError> {
        if !self.refers_back {
            return self.part(&repeat.inner);
        }
        let note = self.notes;
        self.notes += 1;
        self.write(Step::Note(note))?;
        self.forget(repeat)?;
        self.part(&repeat.inner)?;
        self.write(Step::Beyond(note)).map(drop)
    }

    fn forget(&mut self, repeat: &Repeat) -> Result<(), PatternError> {
        if self.refers_back && !repeat.groups.is_empty() {
            self.write(Step::Forget(repeat.groups.start * 2, repeat.groups.end * 2))?;
        }
        Ok(())
    }

    /// Written once, however often what it is in is repeated. What it looks for is
    /// read towards it, so that where it holds is found in one pass over the text;
    /// where ways are tried one by one, away from it.
    fn look(&mut self, look: &Look) -> Result<u32, PatternError> {
        let at = look.number as usize;
        if self.looks[at].is_none() {
            let backward = look.ahead && !self.refers_back;
            let steps = self.whole(&look.inner, backward)?;
            self.looks[at] = Some(LookAround { ahead: look.ahead, wanted: look.wanted, steps });
        }
        Ok(look.number)
    }
}
