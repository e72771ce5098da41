//! Numbers as what is written, so that 0.07 is a multiple of 0.01 and 1.0 equals 1.

use std::cmp::Ordering;
use std::io::Write;

use serde_json::Number;

/// `digits` times ten to the power of `exponent`. Digits end with no zero, so that
/// equal numbers are equal values; zero is all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Decimal {
    negative: bool,
    digits: u64,
    exponent: i32,
}

impl Decimal {
    pub(super) fn of(number: &Number) -> Self {
        match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(digits), ..) => Self::new(false, digits, 0),
            (_, Some(negative), _) => Self::new(true, negative.unsigned_abs(), 0),
            (.., float) => Self::of_float(float.unwrap_or_default()),
        }
    }

    /// The shortest decimal that stands for a float, which is what was written
    /// unless that had more digits than a float holds.
    fn of_float(float: f64) -> Self {
        // More than the longest takes, 1.2345678901234567e-308.
        let mut buffer = [0_u8; 32];
        let mut rest = &mut buffer[..];
        let is_written = write!(rest, "{:e}", float.abs()).is_ok();
        let length = if is_written { 32 - rest.len() } else { 0 };
        let text = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
        let (number, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits = number.bytes().filter(u8::is_ascii_digit);
        let digits = digits.fold(0_u64, |digits, digit| digits.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        // After the first digit and the point.
        let places = i32::try_from(number.len().saturating_sub(2)).unwrap_or(0);
        Self::new(float < 0.0, digits, exponent.parse::<i32>().unwrap_or(0) - places)
    }

    fn new(negative: bool, mut digits: u64, mut exponent: i32) -> Self {
        if digits == 0 {
            return Self { negative: false, digits: 0, exponent: 0 };
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        Self { negative, digits, exponent }
    }

    pub(super) fn is_positive(self) -> bool {
        !self.negative && self.digits > 0
    }

    /// Whether dividing by another, which is not zero, leaves nothing.
    pub(super) fn is_multiple_of(self, other: Self) -> bool {
        let divisor = u128::from(other.digits);
        if self.digits == 0 || divisor == 0 {
            return self.digits == 0;
        }
        match u32::try_from(self.exponent - other.exponent) {
            Ok(shift) => (u128::from(self.digits) * power_of_ten(shift, divisor)).is_multiple_of(divisor),
            Err(_) => {
                let shift = other.exponent.abs_diff(self.exponent);
                let divisor = 10_u128.checked_pow(shift).and_then(|power| power.checked_mul(divisor));
                divisor.is_some_and(|divisor| u128::from(self.digits).is_multiple_of(divisor))
            }
        }
    }

    /// The place of the first digit: numbers with the higher one are larger.
    fn magnitude(self) -> i32 {
        self.exponent + i32::try_from(self.digits.checked_ilog10().unwrap_or(0)).unwrap_or(0)
    }

    fn cmp_size(self, other: Self) -> Ordering {
        if self.digits == 0 || other.digits == 0 {
            return self.digits.cmp(&other.digits);
        }
        let scaled = |digits: u64, exponent: i32| {
            // At most as many places as the other has digits, as their first digits
            // are in the same place.
            u128::from(digits) * 10_u128.pow(exponent.saturating_sub(self.exponent.min(other.exponent)).unsigned_abs())
        };
        self.magnitude().cmp(&other.magnitude()).then_with(|| {
            let (one, another) = (scaled(self.digits, self.exponent), scaled(other.digits, other.exponent));
            one.cmp(&another)
        })
    }
}

/// A power of ten, or what is left of it when divided. The divisor is less than
/// two to the power of 64, so that no product is too large.
fn power_of_ten(exponent: u32, divisor: u128) -> u128 {
    let (mut power, mut base, mut exponent) = (1 % divisor, 10 % divisor, exponent);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * base % divisor;
        }
        base = base * base % divisor;
        exponent /= 2;
    }
    power
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_size(*other),
            (true, true) => other.cmp_size(*self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn numbers_are_compared_as_they_are_written() {
        let ascending = [
            "-1e300",
            "-18446744073709551615.0",
            "-9223372036854775808",
            "-2",
            "-1.5",
            "-1e-300",
            "0",
            "5e-324",
            "0.1",
            "0.3",
            "1",
            "1.0000000000000002",
            "10",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "1e20",
            "1e308",
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(decimal(one).cmp(&decimal(other)), at.cmp(&other_at), "{one} {other}");
            }
        }
        for (one, other) in
            [("1", "1.0"), ("-0.0", "0"), ("100", "1e2"), ("0.1", "1e-1"), ("1e19", "10000000000000000000")]
        {
            assert_eq!(decimal(one), decimal(other));
        }
    }

    #[test]
    fn division_is_of_decimals() {
        for (one, other, is_multiple) in [
            ("0.07", "0.01", true),
            ("4.35", "0.01", true),
            ("0.075", "0.01", false),
            ("-19.99", "0.01", true),
            ("9007199254740993", "2", false),
            ("18446744073709551615", "5", true),
            ("18446744073709551615", "18446744073709551614", false),
            ("1e308", "7", false),
            ("1e308", "1e-300", true),
            ("1e-300", "1e300", false),
            ("0", "1e300", true),
            ("1e308", "0.123456789", false),
            ("4.5", "1.5", true),
            ("0.0075", "0.0001", true),
        ] {
            assert_eq!(decimal(one).is_multiple_of(decimal(other)), is_multiple, "{one} {other}");
        }
    }
}
