use http::HeaderMap;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use keyplan_domain::time::Timestamp;

use super::{DATE, MAX_SKEW, SignatureError};

/// `x-amz-date`: `20261123T221500Z`.
pub(super) struct SigningDate<'a> {
    text: &'a str,
    time: Timestamp,
}

impl<'a> SigningDate<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Result<Self, SignatureError> {
        let mut values = headers.get_all(DATE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(SignatureError::Incomplete(
                "Authorization header requires existence of a single 'X-Amz-Date' header.".to_owned(),
            ));
        };
        value.to_str().ok().and_then(Self::parse).ok_or_else(|| {
            SignatureError::Incomplete(
                "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601".to_owned(),
            )
        })
    }

    fn parse(text: &'a str) -> Option<Self> {
        let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
        let number =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i16>().ok())?;
        let small = |digits: Option<&str>| number(digits?).and_then(|number| i8::try_from(number).ok());
        if day.len() != 8 || time.len() != 6 {
            return None;
        }
        let date = Date::new(number(day.get(..4)?)?, small(day.get(4..6))?, small(day.get(6..))?).ok()?;
        let time =
            jiff::civil::Time::new(small(time.get(..2))?, small(time.get(2..4))?, small(time.get(4..))?, 0).ok()?;
        let timestamp = Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()?;
        Some(Self { text, time: Timestamp::from_seconds(timestamp.as_second()) })
    }

    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    /// `20261123`.
    pub(super) fn day(&self) -> &str {
        self.text.split('T').next().unwrap_or_default()
    }

    pub(super) fn check_skew(&self, now: Timestamp) -> Result<(), SignatureError> {
        let skew = i64::try_from(MAX_SKEW.as_secs()).unwrap_or(i64::MAX);
        let (signed, seconds) = (self.text.to_owned(), now.as_seconds());
        if self.time.as_seconds() < seconds - skew {
            return Err(SignatureError::Expired { signed, earliest: basic(seconds - skew), now: basic(seconds) });
        }
        if self.time.as_seconds() > seconds + skew {
            return Err(SignatureError::NotYetCurrent { signed, latest: basic(seconds + skew), now: basic(seconds) });
        }
        Ok(())
    }
}

/// ISO 8601's basic format of a time in seconds.
fn basic(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_of_the_basic_format_and_exists() {
        let date = SigningDate::parse("20261123T221501Z").unwrap();
        assert_eq!(date.time(), Timestamp::from_seconds(1_795_472_101));
        assert_eq!(date.day(), "20261123");
        assert_eq!(basic(1_795_472_101), "20261123T221501Z");
        for wrong in [
            "",
            "20261123",
            "20261123T221501",
            "2026-11-23T22:15:01Z",
            "20261323T221501Z",
            "20261123T241501Z",
            "+0261123T221501Z",
            "2026112éT22150Z",
            "20261123T221501ZZ",
        ] {
            assert!(SigningDate::parse(wrong).is_none(), "{wrong}");
        }
    }
}
