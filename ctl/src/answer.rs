//! The answer to a question in SQL on its way to standard output: a table, CSV or JSON.
//!
//! CSV and JSON are written row by row; a table is laid out when its last row is there.

use std::io::{self, BufWriter, Stdout, Write};

use gild_model::query::SqlValue;

use crate::error::Error;
use crate::render::Style;
use crate::render::figures::NOT_MEASURED;
use crate::render::grid::{Align, Grid};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// Comma-separated values.
    Csv,
    /// A list of objects.
    Json,
}

/// An answer on its way.
#[derive(Debug)]
pub struct Answer<W: Write = BufWriter<Stdout>> {
    form: Form,
    style: Style,
    columns: Vec<String>,
    /// The rows of a table.
    held: Vec<Vec<SqlValue>>,
    rows: u64,
    out: W,
}

impl Answer {
    /// An answer for standard output.
    pub fn new(form: Form, style: Style) -> Answer {
        Answer::into(form, style, BufWriter::with_capacity(1 << 16, io::stdout()))
    }
}

impl<W: Write> Answer<W> {
    fn into(form: Form, style: Style, out: W) -> Answer<W> {
        Answer { form, style, columns: Vec::new(), held: Vec::new(), rows: 0, out }
    }

    /// Takes the names of the columns.
    pub fn columns(&mut self, columns: Vec<String>) -> Result<(), Error> {
        if self.form == Form::Csv {
            self.write(&csv_line(&columns))?;
        }
        self.columns = columns;
        Ok(())
    }

    /// Takes a row.
    pub fn row(&mut self, values: Vec<SqlValue>) -> Result<(), Error> {
        let first = self.rows == 0;
        self.rows += 1;
        match self.form {
            Form::Table => {
                self.held.push(values);
                Ok(())
            }
            Form::Csv => {
                let fields: Vec<String> = values.into_iter().map(|value| text(value, "")).collect();
                self.write(&csv_line(&fields))
            }
            Form::Json => {
                let object = Object(&self.columns, &values);
                let mut line = if first { b"[\n  ".to_vec() } else { b",\n  ".to_vec() };
                serde_json::to_writer(&mut line, &object)
                    .expect("text, numbers and null are JSON, and memory takes them");
                self.write(&line)
            }
        }
    }

    /// Writes what comes after the last row.
    pub fn finish(mut self) -> Result<(), Error> {
        match self.form {
            Form::Table => {
                let text = self.table();
                self.write(text.as_bytes())?;
            }
            Form::Csv => {}
            Form::Json if self.rows == 0 => self.write(b"[]\n")?,
            Form::Json => self.write(b"\n]\n")?,
        }
        self.out.flush().map_err(Error::Output)
    }

    fn table(&mut self) -> String {
        let is_figure = |value: &SqlValue| !matches!(value, SqlValue::Text(_));
        let align = |place: usize| match self.held.iter().all(|row| is_figure(&row[place])) {
            true => Align::Right,
            false => Align::Left,
        };
        let mut grid = Grid::new(self.columns.iter().enumerate().map(|(place, name)| (name.clone(), align(place))));
        for row in self.held.drain(..) {
            grid.row(row.into_iter().map(|value| text(value, NOT_MEASURED)).collect());
        }
        match grid.width(2) <= self.style.width {
            true => grid.text(self.style, 2),
            false => grid.wrapped(self.style),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Output)
    }
}

/// A row as a JSON object with its columns in order.
struct Object<'a>(&'a [String], &'a [SqlValue]);

impl serde::Serialize for Object<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

/// A value as text; `missing` stands for NULL.
fn text(value: SqlValue, missing: &str) -> String {
    match value {
        SqlValue::Null => missing.to_owned(),
        SqlValue::Integer(integer) => integer.to_string(),
        SqlValue::Real(real) => real.to_string(),
        SqlValue::Text(text) => text,
    }
}

fn csv_line(fields: &[String]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields).expect("writing to memory does not fail");
    writer.into_inner().expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, rows: &[Vec<SqlValue>]) -> String {
        let mut bytes = Vec::new();
        let mut answer = Answer::into(form, Style { colour: false, width: 80 }, &mut bytes);
        answer.columns(vec!["case".to_owned(), "share".to_owned()]).unwrap();
        rows.iter().for_each(|row| answer.row(row.clone()).unwrap());
        answer.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn rows() -> [Vec<SqlValue>; 2] {
        let text = |text: &str| SqlValue::Text(text.to_owned());
        [vec![text("threads, 2"), SqlValue::Real(0.25)], vec![text("x"), SqlValue::Null]]
    }

    #[test]
    fn every_form_tells_null_from_zero() {
        assert_eq!(written(Form::Csv, &rows()), "case,share\n\"threads, 2\",0.25\nx,\n");
        let json: serde_json::Value = serde_json::from_str(&written(Form::Json, &rows())).unwrap();
        assert_eq!(json, serde_json::json!([{"case": "threads, 2", "share": 0.25}, {"case": "x", "share": null}]));
        let table = written(Form::Table, &rows());
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("0.25") && table.lines().nth(2).unwrap().ends_with('–'), "{table}");
    }

    #[test]
    fn an_answer_without_rows_has_its_columns() {
        assert_eq!(written(Form::Csv, &[]), "case,share\n");
        assert_eq!(written(Form::Json, &[]), "[]\n");
        assert!(written(Form::Table, &[]).contains("case"));
    }
}
