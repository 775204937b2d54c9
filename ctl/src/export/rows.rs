//! Writes rows in one of the formats.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::parquet::ParquetRows;
use super::table::{Row, Schema, Value};
use super::{Error, Target};
use crate::cli::Format;

/// Rows on their way into a target.
pub struct Rows<R> {
    schema: Schema<R>,
    format: Writer,
}

enum Writer {
    Csv(Box<csv::Writer<Target>>),
    /// The target, and the names of the columns.
    Jsonl(Target, Vec<String>),
    Parquet(Box<ParquetRows>),
}

impl<R: Row> Rows<R> {
    /// Writes what comes before the first row.
    pub fn new(format: Format, schema: Schema<R>, target: Target) -> Result<Rows<R>, Error> {
        let names = || schema.columns().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let format = match format {
            Format::Csv => {
                let mut writer = Box::new(csv::Writer::from_writer(target));
                writer.write_record(names()).map_err(|error| not_written(&writer, error))?;
                Writer::Csv(writer)
            }
            Format::Jsonl => Writer::Jsonl(target, names()),
            Format::Parquet => Writer::Parquet(Box::new(ParquetRows::new(&schema, target)?)),
        };
        Ok(Rows { schema, format })
    }

    /// Writes a row.
    pub fn write(&mut self, row: &R) -> Result<(), Error> {
        let values = self.schema.values(row)?;
        match &mut self.format {
            Writer::Csv(writer) => {
                let mut fields = values.into_iter().map(csv_field);
                let written = fields.try_for_each(|field| writer.write_field(field.as_bytes()));
                let written = written.and_then(|()| writer.write_record(None::<&[u8]>));
                written.map_err(|error| not_written(writer, error))
            }
            Writer::Jsonl(target, names) => {
                let object = JsonRow(names.iter().map(String::as_str).zip(values).collect());
                let line = json_line(&object);
                target.write_all(&line).map_err(|error| target.destination().error(error))
            }
            Writer::Parquet(rows) => rows.write(&values),
        }
    }

    /// Writes what comes after the last row, and lets the file appear under its name.
    pub fn finish(self) -> Result<(), Error> {
        match self.format {
            Writer::Csv(writer) => {
                let destination = writer.get_ref().destination();
                writer.into_inner().map_err(|error| destination.error(error.into_error()))?.commit()
            }
            Writer::Jsonl(target, _) => target.commit(),
            Writer::Parquet(rows) => rows.finish()?.commit(),
        }
    }
}

/// What it means that CSV was not written: only the target can fail, the rest is memory.
fn not_written(writer: &csv::Writer<Target>, error: csv::Error) -> Error {
    let error = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    };
    writer.get_ref().destination().error(error)
}

fn csv_field(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Integer(integer) => Cow::Owned(integer.to_string()),
        Value::Float(float) => Cow::Owned(float.to_string()),
        Value::Text(text) => text,
        Value::Boolean(boolean) => Cow::Borrowed(if boolean { "true" } else { "false" }),
    }
}

fn json_line(object: &JsonRow) -> Vec<u8> {
    let mut line = serde_json::to_vec(object).expect("text, numbers and null are JSON, and memory takes them");
    line.push(b'\n');
    line
}

/// A row as a JSON object with its columns in order.
struct JsonRow<'a>(Vec<(&'a str, Value<'a>)>);

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                Value::Null => object.serialize_entry(name, &())?,
                Value::Integer(integer) => object.serialize_entry(name, integer)?,
                Value::Float(float) => object.serialize_entry(name, float)?,
                Value::Text(text) => object.serialize_entry(name, text)?,
                Value::Boolean(boolean) => object.serialize_entry(name, boolean)?,
            }
        }
        object.end()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::accounts::tests::{rows, schema};

    fn written(format: Format) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut writer = Rows::new(format, schema(), Target::file(&path).unwrap()).unwrap();
        for row in rows() {
            writer.write(&row).unwrap();
        }
        writer.finish().unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn csv_has_a_head_and_leaves_empty_what_was_not_measured() {
        let expected = "\
run,case,model,workers,in_flight,threads_per_process,lock,interval_us,check_interval,start,transport,dispatch,chunk,python,pinning,\
repetition,warmup,status,trial_wall_ns,noise_window_ns,noise_cpus,\
noise_steal_ns,noise_steal_most_ns,noise_other_cpu_ns,noise_frequency_min_khz,noise_frequency_max_khz,noise_throttles,\
role,worker,pid,tid,thread,command,core,phase,kernel_phase,entries,wall_ns,on_cpu_ns,preempted_ns,waking_ns,run_queue_ns,blocked_ns,stolen_ns,cpu_ns,lost_records,\
open,task-clock,task-clock_running_ratio,instructions,instructions_running_ratio
12,threads-2,threads,2,,,cpython,5000,,,,shared,1,,\"0,1\",1,false,done,1000000,2000000000,2,10000000,10000000,200000000,,,,\
worker,1,100,101,,,1,compute,\"multiply, then divide\",3,1000,600,100,200,300,100,7,593,0,false,590,1,,0.25
12,threads-2,threads,2,,,,5000,,,,shared,1,,\"0,1\",1,false,failed,,,,,,,,,,worker,1,,,,,,startup,,3,5,,,,,,,,0,true,,,,
";
        assert_eq!(written(Format::Csv), expected);
    }

    #[test]
    fn json_lines_have_every_column_and_null_for_what_was_not_measured() {
        let text = written(Format::Jsonl);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(text.starts_with("{\"run\":12,\"case\":\"threads-2\",\"model\":\"threads\",\"workers\":2,"), "{text}");
        let count = schema().columns().len();
        assert!(lines.iter().all(|line| line.as_object().unwrap().len() == count));
        assert_eq!(lines[0]["wall_ns"], 1000);
        assert_eq!(lines[0]["instructions_running_ratio"], 0.25);
        assert!(lines[0]["instructions"].is_null() && lines[1]["on_cpu_ns"].is_null());
        assert_eq!(lines[1]["open"], true);
    }
}
