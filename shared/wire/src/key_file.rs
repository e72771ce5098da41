//! The files of ImportApiKeys (developer guide, "API Gateway API key file
//! format"): comma-separated values with a row of column names first, in any
//! case and order. `Name` and `Key` must be among them; `Description`,
//! `Enabled` and `UsagePlanIds` may be; others are ignored.
//!
//! Reading decides which rows are keys, and nothing about what is kept. No error
//! repeats anything of the file: a value may stand in a column where it should not.

use std::fmt;
use std::io::Read;

use csv::ByteRecord;
use keyplan_domain::key::{ImportedKey, InvalidKeyValue, KeyValue, MAX_PLANS_PER_KEY};
use keyplan_domain::plan::UsagePlanId;

/// The most rows of one file: as many as an account has keys (API Gateway
/// quotas, "API keys per account per Region"), and what one call can write.
pub const MAX_ROWS: usize = 10_000;

/// Read after the file, as a row of its own unless a quote is still open.
const END: &[u8] = b"\nend";

/// A row of a file of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line that it begins on, from 1, which is that of the column names.
    pub line: usize,
    /// The key that it tells, or why it tells none.
    pub key: Result<ImportedKey, InvalidRow>,
}

/// Why a row tells no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// Some field is no UTF-8.
    #[error("The row is not valid UTF-8")]
    NotUtf8,
    /// More fields than there are columns, as when a comma is not quoted.
    #[error("The row has more fields than the file has columns")]
    TooManyFields,
    /// `'` begins the ids of plans and does not end them.
    #[error("A quote in UsagePlanIds is not closed")]
    OpenQuote,
    /// The value is too short, too long, or not there.
    #[error(transparent)]
    Value(#[from] InvalidKeyValue),
    /// `Enabled` is neither true, false nor empty.
    #[error("Enabled must be TRUE or FALSE")]
    Enabled,
    /// More than [`MAX_PLANS_PER_KEY`] plans.
    #[error("An API Key can be in at most {MAX_PLANS_PER_KEY} Usage Plans")]
    TooManyPlans,
}

/// Why a file is none of keys: nothing of it can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyFile {
    /// There is nothing in it.
    #[error("The API Key file is empty")]
    Empty,
    /// A column that must be there is not.
    #[error("The API Key file has no column {0}")]
    NoColumn(Column),
    /// A column is there more than once.
    #[error("The API Key file has more than one column {0}")]
    ColumnTwice(Column),
    /// More than [`MAX_ROWS`] rows.
    #[error("The API Key file has more than {MAX_ROWS} rows")]
    TooManyRows,
    /// A quoted field goes on to the end of the file, and with it who knows how
    /// many rows.
    #[error("A quote in the row of line {line} of the API Key file is not closed")]
    OpenQuote {
        /// The line that the row begins on.
        line: usize,
    },
    /// It cannot be read for another reason.
    #[error("The API Key file is not well-formed CSV")]
    Malformed,
}

/// A column that is not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The name; need not be one.
    Name,
    /// The value.
    Key,
    /// What it is for.
    Description,
    /// `TRUE`, which is also the default, or `FALSE`, in any case.
    Enabled,
    /// Ids, separated by commas.
    UsagePlanIds,
}

impl Column {
    const ALL: [Self; 5] = [Self::Name, Self::Key, Self::Description, Self::Enabled, Self::UsagePlanIds];

    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Key => "Key",
            Self::Description => "Description",
            Self::Enabled => "Enabled",
            Self::UsagePlanIds => "UsagePlanIds",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a file of keys. Empty lines are no rows.
///
/// # Errors
/// [`InvalidKeyFile`], when no row of it can be relied upon.
pub fn read(file: &[u8]) -> Result<Vec<Row>, InvalidKeyFile> {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    if file.trim_ascii().is_empty() {
        return Err(InvalidKeyFile::Empty);
    }
    let records = records(file)?;
    let mut records = records.iter();
    let columns = Columns::read(records.next().ok_or(InvalidKeyFile::Empty)?)?;
    let mut lines = Lines { file, counted: 0, line: 1 };
    Ok(records.map(|record| Row { line: lines.of(record), key: columns.key(record) }).collect())
}

fn records(file: &[u8]) -> Result<Vec<ByteRecord>, InvalidKeyFile> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.chain(END));
    let mut records: Vec<ByteRecord> = Vec::new();
    // The names of the columns, the rows, and the end.
    while records.len() < MAX_ROWS + 2 {
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(|_| InvalidKeyFile::Malformed)? {
            let last: ByteRecord = records.pop().unwrap_or_default();
            if last.iter().eq([END.trim_ascii()]) {
                return Ok(records);
            }
            return Err(InvalidKeyFile::OpenQuote { line: Lines { file, counted: 0, line: 1 }.of(&last) });
        }
        records.push(record);
    }
    // One more would be too many, unless it is none.
    match reader.read_byte_record(&mut ByteRecord::new()) {
        Ok(false) if records.pop().is_some_and(|last| last.iter().eq([END.trim_ascii()])) => Ok(records),
        _ => Err(InvalidKeyFile::TooManyRows),
    }
}

/// Counts lines, those within quotes and empty ones too.
struct Lines<'a> {
    file: &'a [u8],
    counted: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line that a record begins on, which is none before those asked about.
    fn of(&mut self, record: &ByteRecord) -> usize {
        // A record's position is the end of the one before it: of its text, or of its line.
        let end = record.position().map_or(0, csv::Position::byte);
        let end = usize::try_from(end).unwrap_or(usize::MAX).min(self.file.len());
        let blank = self.file[end..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = end + blank;
        while self.counted < start {
            let next = self.file.get(self.counted + 1);
            match self.file[self.counted] {
                b'\n' => self.line += 1,
                b'\r' if next != Some(&b'\n') => self.line += 1,
                _ => {}
            }
            self.counted += 1;
        }
        self.line
    }
}

/// Where the columns are.
#[derive(Debug)]
struct Columns {
    name: usize,
    key: usize,
    description: Option<usize>,
    enabled: Option<usize>,
    usage_plan_ids: Option<usize>,
    count: usize,
}

impl Columns {
    fn read(names: &ByteRecord) -> Result<Self, InvalidKeyFile> {
        let at = |column: Column| {
            let mut places = names
                .iter()
                .enumerate()
                .filter(|(_, name)| name.trim_ascii().eq_ignore_ascii_case(column.as_str().as_bytes()))
                .map(|(place, _)| place);
            match (places.next(), places.next()) {
                (_, Some(_)) => Err(InvalidKeyFile::ColumnTwice(column)),
                (place, None) => Ok(place),
            }
        };
        let [name, key, description, enabled, usage_plan_ids] = Column::ALL.map(at);
        Ok(Self {
            name: name?.ok_or(InvalidKeyFile::NoColumn(Column::Name))?,
            key: key?.ok_or(InvalidKeyFile::NoColumn(Column::Key))?,
            description: description?,
            enabled: enabled?,
            usage_plan_ids: usage_plan_ids?,
            count: names.len(),
        })
    }

    /// The key of a row. Columns that a row ends before are empty.
    fn key(&self, row: &ByteRecord) -> Result<ImportedKey, InvalidRow> {
        let ids = self.usage_plan_ids.map(|place| PlanIds::read(row, place)).transpose()?;
        let more = ids.as_ref().map_or(0, |ids| ids.more_fields);
        if row.len() - more > self.count {
            return Err(InvalidRow::TooManyFields);
        }
        let field = |place: usize| {
            let after_ids = self.usage_plan_ids.is_some_and(|ids| place > ids);
            let bytes = row.get(if after_ids { place + more } else { place }).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| InvalidRow::NotUtf8)
        };
        let text = |place: usize| field(place).map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        let enabled = match self.enabled.map(field).transpose()?.unwrap_or_default().trim() {
            "" => true,
            word if word.eq_ignore_ascii_case("true") => true,
            word if word.eq_ignore_ascii_case("false") => false,
            _ => return Err(InvalidRow::Enabled),
        };
        Ok(ImportedKey {
            name: text(self.name)?,
            description: self.description.map(text).transpose()?.flatten(),
            enabled,
            // No header carries a space at either end of a value.
            value: KeyValue::parse(field(self.key)?.trim())?,
            usage_plan_ids: ids.map(|ids| ids.ids).unwrap_or_default(),
        })
    }
}

/// The ids of plans in a row: one, or several separated by commas and "enclosed
/// with a pair of double or single quotes", of which the latter mean nothing to CSV.
struct PlanIds {
    ids: Vec<UsagePlanId>,
    /// Fields that they take besides the first.
    more_fields: usize,
}

impl PlanIds {
    fn read(row: &ByteRecord, place: usize) -> Result<Self, InvalidRow> {
        let mut fields = row.iter().skip(place);
        let utf8 = |bytes| std::str::from_utf8(bytes).map(str::trim).map_err(|_| InvalidRow::NotUtf8);
        let mut listed = utf8(fields.next().unwrap_or_default())?.to_owned();
        let mut more_fields = 0;
        if let Some(rest) = listed.strip_prefix('\'') {
            let mut quoted = rest.to_owned();
            while !quoted.ends_with('\'') {
                quoted.push(',');
                quoted.push_str(utf8(fields.next().ok_or(InvalidRow::OpenQuote)?)?);
                more_fields += 1;
            }
            quoted.pop();
            listed = quoted;
        }
        let mut ids: Vec<UsagePlanId> = Vec::new();
        for id in listed.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            if ids.iter().any(|known| known.as_str() == id) {
                continue;
            }
            if ids.len() == MAX_PLANS_PER_KEY {
                return Err(InvalidRow::TooManyPlans);
            }
            ids.push(UsagePlanId::new(id));
        }
        Ok(Self { ids, more_fields })
    }
}

#[cfg(test)]
mod tests;
