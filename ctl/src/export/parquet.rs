//! Parquet: one flat table, columns compressed with zstd, written one row group at a time.
//!
//! Integers are INT64, numbers DOUBLE, text BYTE_ARRAY with the logical type STRING, booleans BOOLEAN; every column
//! is OPTIONAL, so that any reader sees what was not measured as null. The file's own key-value list says under
//! `gild:COLUMN` what a column means.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::table::{Kind, Row, Schema, Value};
use super::target::Destination;
use super::{Error, Target};

/// Rows of one row group: a few megabytes in memory.
const GROUP_ROWS: usize = 65_536;

/// Rows on their way into a Parquet file.
pub struct ParquetRows {
    writer: SerializedFileWriter<Target>,
    destination: Destination,
    columns: Vec<Column>,
    /// Rows held back for the next row group.
    held: usize,
}

/// A column's values of one row group. `levels` has one entry per row: 0 for null, 1 for a value.
struct Column {
    name: String,
    levels: Vec<i16>,
    values: Values,
}

/// Texts that came before: the same one again is not copied.
#[derive(Default)]
struct Known(Vec<ByteArray>);

impl Known {
    /// More than there are phases. Where texts are all different, it is these few comparisons that are in vain.
    const MOST: usize = 16;

    fn bytes_of(&mut self, text: &str) -> ByteArray {
        if let Some(known) = self.0.iter().find(|it| it.data() == text.as_bytes()) {
            return known.clone();
        }
        if self.0.len() == Self::MOST {
            self.0.clear();
        }
        let bytes = ByteArray::from(text);
        self.0.push(bytes.clone());
        bytes
    }
}

enum Values {
    Integer(Vec<i64>),
    Float(Vec<f64>),
    Text(Vec<ByteArray>, Known),
    Boolean(Vec<bool>),
}

/// Whether a column's values come again and again, so that a dictionary of them pays. Times and counts hardly do, and to find
/// that out costs more than to write them.
fn has_dictionary(name: &str, kind: Kind) -> bool {
    kind == Kind::Text || !(name.ends_with("_ns") && name != "trial_wall_ns" && !name.starts_with("noise_"))
}

impl ParquetRows {
    /// Starts a file.
    pub fn new<R: Row>(schema: &Schema<R>, target: Target) -> Result<ParquetRows, Error> {
        let columns = schema.columns();
        let fields: Result<Vec<_>, _> = columns.iter().map(|(name, kind)| field(name, *kind).map(Arc::new)).collect();
        let root = Type::group_type_builder(R::TABLE).with_fields(fields.map_err(Error::Parquet)?).build();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(format!("gilctl {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(meanings(schema)));
        let properties = columns.iter().fold(properties, |properties, (name, kind)| {
            properties.set_column_dictionary_enabled(name.as_str().into(), has_dictionary(name, *kind))
        });
        let properties = properties.build();
        let root = Arc::new(root.map_err(Error::Parquet)?);
        let destination = target.destination();
        let writer =
            SerializedFileWriter::new(target, root, Arc::new(properties)).map_err(|it| explain(it, &destination))?;
        let columns = columns.into_iter().map(|(name, kind)| Column { name, levels: Vec::new(), values: kind.into() });
        Ok(ParquetRows { writer, destination, columns: columns.collect(), held: 0 })
    }

    /// Takes a row; one value per column.
    pub fn write(&mut self, values: &[Value]) -> Result<(), Error> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value)?;
        }
        self.held += 1;
        if self.held == GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes the last rows and the footer.
    pub fn finish(mut self) -> Result<Target, Error> {
        self.flush()?;
        self.writer.into_inner().map_err(|it| explain(it, &self.destination))
    }

    /// Writes a row group.
    fn flush(&mut self) -> Result<(), Error> {
        if self.held == 0 {
            return Ok(());
        }
        self.held = 0;
        let columns = &mut self.columns;
        let written = self.writer.next_row_group().and_then(|group| write_group(group, columns));
        written.map_err(|it| explain(it, &self.destination))
    }
}

/// Finds out what a failed write was about: the destination, or the library.
fn explain(error: ParquetError, destination: &Destination) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => destination.error(*source),
            Err(source) => Error::Parquet(ParquetError::External(source)),
        },
        error => Error::Parquet(error),
    }
}

/// What each column means, for whoever looks into the file without the documentation.
fn meanings<R: Row>(schema: &Schema<R>) -> Vec<KeyValue> {
    schema.meanings().into_iter().map(|(name, meaning)| KeyValue::new(format!("gild:{name}"), meaning)).collect()
}

fn field(name: &str, kind: Kind) -> Result<Type, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Integer => (Physical::INT64, None),
        Kind::Float => (Physical::DOUBLE, None),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Boolean => (Physical::BOOLEAN, None),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn write_group(mut group: SerializedRowGroupWriter<'_, Target>, columns: &mut [Column]) -> Result<(), ParquetError> {
    for column in columns {
        match &mut column.values {
            Values::Integer(values) => write_column::<Int64Type>(&mut group, values, &column.levels)?,
            Values::Float(values) => write_column::<DoubleType>(&mut group, values, &column.levels)?,
            Values::Text(values, _) => write_column::<ByteArrayType>(&mut group, values, &column.levels)?,
            Values::Boolean(values) => write_column::<BoolType>(&mut group, values, &column.levels)?,
        }
        column.levels.clear();
    }
    group.close().map(drop)
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Target>,
    values: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has one column for each of ours");
    column.typed::<T>().write_batch(values, Some(levels), None)?;
    values.clear();
    column.close()
}

impl From<Kind> for Values {
    fn from(kind: Kind) -> Values {
        match kind {
            Kind::Integer => Values::Integer(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
            Kind::Text => Values::Text(Vec::new(), Known::default()),
            Kind::Boolean => Values::Boolean(Vec::new()),
        }
    }
}

impl Column {
    fn push(&mut self, value: &Value) -> Result<(), Error> {
        match (&mut self.values, value) {
            (_, Value::Null) => {}
            (Values::Integer(values), Value::Integer(value)) => {
                let fitting = i64::try_from(*value);
                let too_large = |_| Error::TooLarge { column: self.name.clone(), value: *value };
                values.push(fitting.map_err(too_large)?);
            }
            (Values::Float(values), Value::Float(value)) => values.push(*value),
            (Values::Text(values, known), Value::Text(value)) => values.push(known.bytes_of(value)),
            (Values::Boolean(values), Value::Boolean(value)) => values.push(*value),
            (_, value) => panic!("the column {} cannot hold {value:?}", self.name),
        }
        self.levels.push(i16::from(*value != Value::Null));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{GROUP_ROWS, Target, Value};
    use crate::cli::Format;
    use crate::export::Rows;
    use crate::export::accounts::tests::{rows, schema};
    use gild_model::run::AccountRow;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};

    fn read_back(rows: &[AccountRow]) -> (usize, Vec<Row>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let mut writer = Rows::new(Format::Parquet, schema(), Target::file(&path).unwrap()).unwrap();
        rows.iter().for_each(|row| writer.write(row).unwrap());
        writer.finish().unwrap();
        let reader = SerializedFileReader::try_from(path.as_path()).unwrap();
        let read = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        (reader.num_row_groups(), read)
    }

    fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
        row.get_column_iter().find(|(column, _)| *column == name).unwrap().1
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let (_, read) = read_back(&rows());
        let schema = schema();
        assert_eq!(read.len(), 2);
        for (row, read) in rows().iter().zip(&read) {
            for ((name, _), value) in schema.columns().iter().zip(schema.values(row).unwrap()) {
                let expected = match value {
                    Value::Null => Field::Null,
                    Value::Integer(value) => Field::Long(value.try_into().unwrap()),
                    Value::Float(value) => Field::Double(value),
                    Value::Text(value) => Field::Str(value.into_owned()),
                    Value::Boolean(value) => Field::Bool(value),
                };
                assert_eq!(field(read, name), &expected, "{name}");
            }
        }
    }

    #[test]
    fn many_rows_become_several_row_groups() {
        let [mut row, _] = rows();
        let many: Vec<_> = (0..GROUP_ROWS as u64 + 10)
            .map(|i| {
                row.account.wall_ns = i;
                row.clone()
            })
            .collect();
        let (groups, read) = read_back(&many);
        assert_eq!(groups, 2);
        assert_eq!(read.len(), many.len());
        let last = field(read.last().unwrap(), "wall_ns");
        assert_eq!(last, &Field::Long(GROUP_ROWS as i64 + 9));
    }

    #[test]
    fn no_rows_are_a_table_too() {
        let (groups, read) = read_back(&[]);
        assert_eq!((groups, read.len()), (0, 0));
    }

    #[test]
    fn a_value_beyond_64_bits_is_an_error() {
        let [mut row, _] = rows();
        row.account.wall_ns = u64::MAX;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let mut writer = Rows::new(Format::Parquet, schema(), Target::file(&path).unwrap()).unwrap();
        let error = writer.write(&row).unwrap_err().to_string();
        assert!(error.contains("wall_ns = 18446744073709551615"), "{error}");
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
