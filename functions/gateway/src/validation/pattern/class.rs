//! Sets of characters.

use super::syntax::Escaped;

const LAST: u32 = char::MAX as u32;

/// Ranges of characters; once `sorted`, in order and apart. A surrogate may be
/// named and is in no text.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The bits of the characters of ASCII, which most texts consist of.
    ascii: u128,
    ranges: Vec<(u32, u32)>,
}

impl Class {
    pub(super) fn of(char: impl Into<u32>) -> Self {
        let char = char.into();
        Self::of_ranges(&[(char, char)])
    }

    fn of_ranges(ranges: &[(u32, u32)]) -> Self {
        let mut class = Self::default();
        for (first, last) in ranges {
            class.add_range(*first, *last);
        }
        class
    }

    pub(super) fn digits() -> Self {
        Self::of_ranges(&[(0x30, 0x39)])
    }

    pub(super) fn word() -> Self {
        Self::of_ranges(&[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)])
    }

    /// ECMA 262's `WhiteSpace` and `LineTerminator`.
    pub(super) fn spaces() -> Self {
        let singles = [0x20, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000, 0xfeff].map(|char| (char, char));
        let mut class = Self::of_ranges(&singles);
        class.add_range(0x9, 0xd);
        class.add_range(0x2000, 0x200a);
        class.add_range(0x2028, 0x2029);
        class.sorted()
    }

    pub(super) fn line_terminators() -> Self {
        Self::of_ranges(&[(0xa, 0xa), (0xd, 0xd), (0x2028, 0x2029)])
    }

    pub(super) fn add(&mut self, member: Escaped) {
        match member {
            Escaped::Char(char) => self.add_range(char, char),
            Escaped::Class(class) => class.ranges.iter().for_each(|(first, last)| self.add_range(*first, *last)),
        }
    }

    pub(super) fn add_range(&mut self, first: u32, last: u32) {
        for char in first..=last.min(127) {
            self.ascii |= 1 << char;
        }
        self.ranges.push((first, last));
    }

    pub(super) fn sorted(mut self) -> Self {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|(first, last), before| {
            let touches = *first <= before.1.saturating_add(1);
            if touches {
                before.1 = before.1.max(*last);
            }
            touches
        });
        self
    }

    pub(super) fn negated(self) -> Self {
        let (mut negated, mut next) = (Self::default(), 0);
        for (first, last) in self.sorted().ranges {
            if first > next {
                negated.add_range(next, first - 1);
            }
            next = next.max(last + 1);
        }
        if next <= LAST {
            negated.add_range(next, LAST);
        }
        negated
    }

    /// How many ranges there are to look through.
    pub(super) fn size(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn contains(&self, char: char) -> bool {
        match u32::from(char) {
            char @ ..=127 => self.ascii >> char & 1 == 1,
            char => {
                let at = self.ranges.partition_point(|(_, last)| *last < char);
                self.ranges.get(at).is_some_and(|(first, _)| *first <= char)
            }
        }
    }
}

/// Whether a character is one of those that `\w` matches.
pub(super) fn is_word(char: Option<char>) -> bool {
    char.is_some_and(|char| char.is_ascii_alphanumeric() || char == '_')
}
