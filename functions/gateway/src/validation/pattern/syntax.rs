//! What a regular expression says: ECMA 262 without flags, read as engines read
//! it (its annex B), in whole characters rather than UTF-16 code units.

mod escape;

use std::ops::Range;

use super::PatternError;
use super::class::Class;
pub(super) use escape::Escaped;

/// How deep groups may be nested, since they are read by recursion.
const NESTED: usize = 100;

/// A part of a regular expression.
pub(super) enum Part {
    Sequence(Vec<Part>),
    Either(Vec<Part>),
    One(Class),
    Start,
    End,
    /// A place that is a boundary of a word, or is none.
    Boundary(bool),
    Group {
        number: u32,
        inner: Box<Part>,
    },
    Repeat(Repeat),
    Look(Look),
    /// What a group has matched, again.
    Back(u32),
}

pub(super) struct Repeat {
    pub(super) inner: Box<Part>,
    pub(super) least: u32,
    pub(super) most: Option<u32>,
    pub(super) greedy: bool,
    /// The groups within, which each round forgets.
    pub(super) groups: Range<u32>,
}

/// A condition upon what comes next, or upon what came before.
pub(super) struct Look {
    /// Those within others have lower numbers.
    pub(super) number: u32,
    pub(super) ahead: bool,
    pub(super) wanted: bool,
    pub(super) inner: Box<Part>,
}

pub(super) struct Syntax {
    pub(super) whole: Part,
    pub(super) groups: u32,
    pub(super) looks: u32,
    pub(super) looks_behind: bool,
    pub(super) refers_back: bool,
}

impl Syntax {
    pub(super) fn parse(pattern: &str) -> Result<Self, PatternError> {
        let chars: Vec<char> = pattern.chars().collect();
        let names = groups(&chars);
        let mut parser = Parser { chars, names, ..Parser::default() };
        let whole = parser.alternatives(0)?;
        match parser.peek() {
            None => Ok(Self {
                whole,
                groups: parser.groups,
                looks: parser.looks,
                looks_behind: parser.looks_behind,
                refers_back: parser.refers_back,
            }),
            Some(_) => Err(PatternError::Parenthesis),
        }
    }
}

/// The groups that capture, with the names of those that have one: which of them
/// there are decides what `\1` and `\k` mean.
fn groups(chars: &[char]) -> Vec<Option<String>> {
    let (mut names, mut in_class, mut at) = (Vec::new(), false, 0);
    while let Some(&char) = chars.get(at) {
        match char {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => match chars.get(at + 1..).unwrap_or_default() {
                ['?', '<', next, ..] if !matches!(next, '=' | '!') => {
                    names.push(Some(chars[at + 3..].iter().take_while(|char| **char != '>').collect()));
                }
                ['?', ..] => {}
                _ => names.push(None),
            },
            _ => {}
        }
        at += 1;
    }
    names
}

#[derive(Default)]
struct Parser {
    chars: Vec<char>,
    at: usize,
    names: Vec<Option<String>>,
    groups: u32,
    looks: u32,
    looks_behind: bool,
    refers_back: bool,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn eat(&mut self, text: &str) -> bool {
        let is_next = text.chars().eq(self.chars.iter().skip(self.at).take(text.len()).copied());
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    fn alternatives(&mut self, depth: usize) -> Result<Part, PatternError> {
        if depth > NESTED {
            return Err(PatternError::Nested);
        }
        let mut alternatives = vec![self.sequence(depth)?];
        while self.eat("|") {
            alternatives.push(self.sequence(depth)?);
        }
        Ok(match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Part::Either(alternatives),
        })
    }

    fn sequence(&mut self, depth: usize) -> Result<Part, PatternError> {
        let mut parts = Vec::new();
        while self.peek().is_some_and(|char| !matches!(char, '|' | ')')) {
            let before = self.groups;
            let part = self.part(depth)?;
            parts.push(self.repeated(part, before)?);
        }
        Ok(Part::Sequence(parts))
    }

    fn part(&mut self, depth: usize) -> Result<Part, PatternError> {
        let at = self.at;
        Ok(match self.next() {
            Some('^') => Part::Start,
            Some('$') => Part::End,
            Some('.') => Part::One(Class::line_terminators().negated()),
            Some('[') => Part::One(self.class()?),
            Some('(') => self.group(depth)?,
            Some('\\') => self.escape()?,
            Some('*' | '+' | '?') => return Err(PatternError::NothingToRepeat),
            Some('{') => {
                self.at = at;
                if self.quantifier()?.is_some() {
                    return Err(PatternError::NothingToRepeat);
                }
                self.at = at + 1;
                Part::One(Class::of('{'))
            }
            Some(char) => Part::One(Class::of(char)),
            None => Part::Sequence(Vec::new()),
        })
    }

    fn group(&mut self, depth: usize) -> Result<Part, PatternError> {
        let look = [("?=", true, true), ("?!", true, false), ("?<=", false, true), ("?<!", false, false)];
        let part = if let Some((_, ahead, wanted)) = look.into_iter().find(|(start, ..)| self.eat(start)) {
            self.looks_behind |= !ahead;
            let inner = Box::new(self.alternatives(depth + 1)?);
            self.looks += 1;
            Part::Look(Look { number: self.looks - 1, ahead, wanted, inner })
        } else if self.eat("?:") {
            self.alternatives(depth + 1)?
        } else {
            if self.eat("?<") {
                let name = self.name().ok_or(PatternError::Group)?;
                if name.is_empty() || self.names.iter().flatten().filter(|other| **other == name).count() > 1 {
                    return Err(PatternError::Group);
                }
            } else if self.peek() == Some('?') {
                return Err(PatternError::Group);
            }
            self.groups += 1;
            let number = self.groups;
            Part::Group { number, inner: Box::new(self.alternatives(depth + 1)?) }
        };
        if self.eat(")") { Ok(part) } else { Err(PatternError::Parenthesis) }
    }

    /// The rest of a name, up to `>`.
    fn name(&mut self) -> Option<String> {
        let rest = self.chars.get(self.at..)?;
        let length = rest.iter().position(|char| *char == '>')?;
        let name: String = rest[..length].iter().collect();
        self.at += length + 1;
        name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '$')).then_some(name)
    }

    /// A part with the quantifier after it, if there is one.
    fn repeated(&mut self, part: Part, groups: u32) -> Result<Part, PatternError> {
        let Some((least, most)) = self.quantifier()? else {
            return Ok(part);
        };
        let is_place = matches!(part, Part::Start | Part::End | Part::Boundary(_))
            || matches!(&part, Part::Look(look) if !look.ahead);
        if is_place || most.is_some_and(|most| most < least) {
            return Err(PatternError::NothingToRepeat);
        }
        let greedy = !self.eat("?");
        let groups = groups + 1..self.groups + 1;
        Ok(Part::Repeat(Repeat { inner: Box::new(part), least, most, greedy, groups }))
    }

    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let at = self.at;
        let range = match self.next() {
            Some('*') => Some((0, None)),
            Some('+') => Some((1, None)),
            Some('?') => Some((0, Some(1))),
            Some('{') => self.range(),
            _ => None,
        };
        if range.is_none() {
            self.at = at;
        }
        Ok(range)
    }

    fn range(&mut self) -> Option<(u32, Option<u32>)> {
        let least = self.count()?;
        let most = if self.eat(",") { self.count() } else { Some(least) };
        self.eat("}").then_some((least, most))
    }

    /// A number, at most the largest that there is.
    fn count(&mut self) -> Option<u32> {
        let mut count = None;
        while let Some(digit) = self.peek().and_then(|char| char.to_digit(10)) {
            count = Some(count.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit));
            self.at += 1;
        }
        count
    }
}
