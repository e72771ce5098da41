//! What a regular expression says: ECMA 262 without flags, read as engines read
//! it (its annex B), in whole characters rather than UTF-16 code units.

use std::ops::Range;

use super::PatternError;
use super::class::Class;

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

    fn escape(&mut self) -> Result<Part, PatternError> {
        match self.peek() {
            Some('b') => {
                self.at += 1;
                return Ok(Part::Boundary(true));
            }
            Some('B') => {
                self.at += 1;
                return Ok(Part::Boundary(false));
            }
            Some('k') if self.names.iter().any(Option::is_some) => {
                self.at += 1;
                let name = if self.eat("<") { self.name() } else { None }.ok_or(PatternError::Group)?;
                let group = self.names.iter().position(|other| other.as_ref() == Some(&name));
                let group = group.and_then(|group| u32::try_from(group + 1).ok()).ok_or(PatternError::Group)?;
                self.refers_back = true;
                return Ok(Part::Back(group));
            }
            Some('1'..='9') => {
                let at = self.at;
                let group = self.count().unwrap_or(0);
                if usize::try_from(group).is_ok_and(|group| group <= self.names.len()) {
                    self.refers_back = true;
                    return Ok(Part::Back(group));
                }
                self.at = at;
            }
            _ => {}
        }
        Ok(Part::One(match self.char_escape()? {
            Escaped::Class(class) => class,
            Escaped::Char(char) => Class::of(char),
        }))
    }

    /// What follows a backslash, within classes and outside.
    fn char_escape(&mut self) -> Result<Escaped, PatternError> {
        let Some(char) = self.next() else {
            return Err(PatternError::Backslash);
        };
        let class = match char {
            'd' | 'D' => Class::digits(),
            'w' | 'W' => Class::word(),
            's' | 'S' => Class::spaces(),
            _ => return Ok(Escaped::Char(self.escaped(char))),
        };
        Ok(Escaped::Class(if char.is_ascii_uppercase() { class.negated() } else { class }))
    }

    fn escaped(&mut self, char: char) -> u32 {
        let control = match char {
            't' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'c' => match self.peek().filter(char::is_ascii_alphabetic) {
                Some(letter) => {
                    self.at += 1;
                    return u32::from(letter) % 32;
                }
                None => {
                    self.at -= 1;
                    '\\'
                }
            },
            '0'..='7' => return self.octal(char),
            'x' => return self.hex(2).unwrap_or('x'.into()),
            'u' => return self.unicode(),
            char => char,
        };
        control.into()
    }

    /// Up to three digits, of what fits into a byte.
    fn octal(&mut self, first: char) -> u32 {
        let mut value = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            match self.peek().and_then(|char| char.to_digit(8)) {
                Some(digit) if value * 8 + digit <= 0o377 => value = value * 8 + digit,
                _ => break,
            }
            self.at += 1;
        }
        value
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let digits = self.chars.get(self.at..self.at + digits)?;
        let value = digits.iter().try_fold(0, |value, char| Some(value * 16 + char.to_digit(16)?))?;
        self.at += digits.len();
        Some(value)
    }

    /// A code unit, or two that stand for one character.
    fn unicode(&mut self) -> u32 {
        let Some(high) = self.hex(4) else {
            return 'u'.into();
        };
        let at = self.at;
        if (0xd800..0xdc00).contains(&high) && self.eat("\\u") {
            match self.hex(4) {
                Some(low @ 0xdc00..=0xdfff) => return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                _ => self.at = at,
            }
        }
        high
    }

    fn class(&mut self) -> Result<Class, PatternError> {
        let negated = self.eat("^");
        let mut class = Class::default();
        loop {
            let first = match self.next().ok_or(PatternError::Class)? {
                ']' => return Ok(if negated { class.negated() } else { class.sorted() }),
                char => self.class_member(char)?,
            };
            let is_range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|char| *char != ']');
            if !is_range {
                class.add(first);
                continue;
            }
            self.at += 1;
            let last = self.next().ok_or(PatternError::Class)?;
            match (first, self.class_member(last)?) {
                (Escaped::Char(first), Escaped::Char(last)) if first <= last => class.add_range(first, last),
                (Escaped::Char(_), Escaped::Char(_)) => return Err(PatternError::Class),
                // With a class at either end the hyphen is one.
                (first, last) => {
                    class.add(first);
                    class.add(Escaped::Char('-'.into()));
                    class.add(last);
                }
            }
        }
    }

    fn class_member(&mut self, char: char) -> Result<Escaped, PatternError> {
        match char {
            '\\' if self.eat("b") => Ok(Escaped::Char(8)),
            '\\' => self.char_escape(),
            char => Ok(Escaped::Char(char.into())),
        }
    }
}

/// One character, or any of a class.
pub(super) enum Escaped {
    Char(u32),
    Class(Class),
}
