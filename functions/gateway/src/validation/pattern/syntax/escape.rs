//! What a backslash makes of what follows it, and classes, in which it may stand.

use super::super::PatternError;
use super::super::class::Class;
use super::{Parser, Part};

/// One character, or any of a class.
pub(in super::super) enum Escaped {
    Char(u32),
    Class(Class),
}

impl Parser {
    pub(super) fn escape(&mut self) -> Result<Part, PatternError> {
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

    pub(super) fn class(&mut self) -> Result<Class, PatternError> {
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
