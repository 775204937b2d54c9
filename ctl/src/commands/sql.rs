//! `gilctl sql`: asks the store in SQL, or says what there is to ask.

use std::io;

use gild_model::query::{SqlLine, SqlRequest, ViewInfo};

use crate::answer::{Answer, Form};
use crate::cli::{DaemonOptions, SqlArguments};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Rows of a table that says nothing of a limit: all of it is held in memory to be laid out.
const TABLE_LIMIT: u32 = 1_000;

/// Prints the answer to a question, or what there is to ask.
pub async fn run(daemon: &DaemonOptions, arguments: &SqlArguments) -> Result<Exit, Error> {
    match &arguments.sql {
        None => schema(daemon, arguments.json).await,
        Some(sql) => ask(daemon, arguments, statement(sql)?).await,
    }
}

async fn schema(daemon: &DaemonOptions, json: bool) -> Result<Exit, Error> {
    let views: Vec<ViewInfo> = session::open(daemon).await?.get("/v1/sql/views").await?;
    match json {
        true => output::print_json(&views)?,
        false => output::print(&render::views::render(&views, output::style()))?,
    }
    Ok(Exit::Done)
}

fn statement(sql: &str) -> Result<String, Error> {
    match sql {
        "-" => io::read_to_string(io::stdin()).map_err(|source| Error::File {
            verb: "read",
            path: "standard input".into(),
            source,
        }),
        sql => Ok(sql.to_owned()),
    }
}

async fn ask(daemon: &DaemonOptions, arguments: &SqlArguments, sql: String) -> Result<Exit, Error> {
    let form = match arguments {
        SqlArguments { csv: true, .. } => Form::Csv,
        SqlArguments { json: true, .. } => Form::Json,
        _ => Form::Table,
    };
    let limit = match (arguments.limit, form) {
        (Some(limit), _) => limit.count(),
        (None, Form::Table) => Some(TABLE_LIMIT),
        (None, Form::Csv | Form::Json) => None,
    };
    let request = SqlRequest { sql, row_limit: limit.map(u64::from), time_limit_s: Some(arguments.time_limit) };
    let client = session::open(daemon).await?;
    let mut lines = client.ask::<SqlLine>("/v1/sql", &request).await?;
    let mut answer = Answer::new(form, output::style());
    let mut end = None;
    while let Some(line) = lines.next().await? {
        match line {
            SqlLine::Columns(columns) => answer.columns(columns)?,
            SqlLine::Row(values) => answer.row(values)?,
            SqlLine::End { rows, cut } => end = Some((rows, cut)),
            SqlLine::Error(error) => return Err(Error::Question(error)),
        }
    }
    answer.finish()?;
    match end {
        Some((rows, true)) => output::notice(&format!("there are more than {rows} rows; for all of them: --limit all")),
        Some((_, false)) => {}
        None => return Err(Error::Question("the answer has no end".to_owned())),
    }
    Ok(Exit::Done)
}
