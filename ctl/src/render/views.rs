//! What there is to ask in SQL: the views, their columns, and what these mean.

use gild_model::query::ViewInfo;

use super::Style;
use super::grid::{Align, Grid};

/// Draws the views one below the other.
pub fn render(views: &[ViewInfo], style: Style) -> String {
    let blocks = views.iter().map(|view| {
        let mut grid = Grid::new([("column", Align::Left), ("type", Align::Left), ("meaning", Align::Left)]);
        for column in &view.columns {
            grid.row(vec![column.name.clone(), column.kind.clone(), plain(&column.meaning)]);
        }
        format!("{}: one row per {}\n\n{}", view.name, plain(&view.row_per), grid.wrapped(style))
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// Without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_model::query::ColumnInfo;

    #[test]
    fn a_view_has_a_line_per_column() {
        let column = ColumnInfo {
            name: "wall_ns".to_owned(),
            kind: "integer, ns".to_owned(),
            meaning: "wall time, as `trials` has it".to_owned(),
        };
        let view = ViewInfo { name: "v_trials".to_owned(), row_per: "trial".to_owned(), columns: vec![column] };
        let text = render(&[view], Style { colour: false, width: 80 });
        assert!(text.starts_with("v_trials: one row per trial\n\n"), "{text}");
        assert!(text.contains("wall_ns  integer, ns  wall time, as trials has it"), "{text}");
    }
}
