//! Plain tables: a head line, aligned columns, no rules.

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Row, Table, presets};

use super::{Style, harmless};

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A table before it is laid out.
#[derive(Debug, Clone)]
pub struct Grid {
    columns: Vec<(String, Align)>,
    rows: Vec<(Vec<String>, bool)>,
}

impl Grid {
    /// A table without rows.
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = (T, Align)>) -> Grid {
        Grid { columns: columns.into_iter().map(|(head, align)| (head.into(), align)).collect(), rows: Vec::new() }
    }

    /// The same table with other heads; a head may have several lines.
    pub fn with_heads(mut self, change: impl Fn(&str) -> String) -> Grid {
        self.columns.iter_mut().for_each(|(head, _)| *head = change(head));
        self
    }

    /// Heads, and where the text below them stands.
    pub fn columns(&self) -> &[(String, Align)] {
        &self.columns
    }

    /// Cells of each row, and whether it stands back behind the others.
    pub fn rows(&self) -> &[(Vec<String>, bool)] {
        &self.rows
    }

    /// Adds a row; one cell per column.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "a row has one cell per column");
        self.rows.push((cells, false));
    }

    /// Adds a row that stands back behind the others.
    pub fn dim_row(&mut self, cells: Vec<String>) {
        self.row(cells);
        self.rows.last_mut().expect("a row was just added").1 = true;
    }

    /// Adds an empty line.
    pub fn blank_row(&mut self) {
        self.row(vec![String::new(); self.columns.len()]);
    }

    /// Whether there is nothing but the head.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lays the table out as wide as it is, with `gap` spaces between columns.
    pub fn text(&self, style: Style, gap: u16) -> String {
        lines(&self.table(style, gap))
    }

    /// Lays the table out, breaking long cells into lines so that it fits the width.
    pub fn wrapped(&self, style: Style) -> String {
        let mut table = self.table(style, 2);
        let width = u16::try_from(style.width).unwrap_or(u16::MAX);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        lines(&table)
    }

    /// Columns that the table takes with `gap` spaces between its columns.
    pub fn width(&self, gap: u16) -> usize {
        let table = self.table(Style { colour: false, width: 0 }, gap);
        let contents: usize = table.column_max_content_widths().into_iter().map(usize::from).sum();
        contents + usize::from(gap) * self.columns.len().saturating_sub(1)
    }

    fn table(&self, style: Style, gap: u16) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        if style.colour {
            table.enforce_styling();
        }
        table.set_header(self.columns.iter().map(|(head, _)| Cell::new(head).add_attribute(Attribute::Bold)));
        for (cells, dim) in &self.rows {
            table.add_row(row(cells, *dim));
        }
        for (column, (_, align)) in table.column_iter_mut().zip(&self.columns) {
            column.set_padding((0, gap));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        if let Some(last) = table.column_mut(self.columns.len().saturating_sub(1)) {
            last.set_padding((0, 0));
        }
        table
    }
}

fn row(cells: &[String], dim: bool) -> Row {
    let cell = |text: &String| {
        let cell = Cell::new(harmless(text));
        if dim { cell.add_attribute(Attribute::Dim) } else { cell }
    };
    cells.iter().map(cell).collect::<Vec<_>>().into()
}

fn lines(table: &Table) -> String {
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new([("name", Align::Left), ("share", Align::Right)]);
        grid.row(vec!["a".to_owned(), "10.1 %".to_owned()]);
        grid.dim_row(vec!["be\u{1b}[2J".to_owned(), "0 %".to_owned()]);
        grid
    }

    #[test]
    fn words_stand_left_and_figures_right() {
        let plain = Style { colour: false, width: 80 };
        assert_eq!(grid().text(plain, 2), "name     share\na       10.1 %\nbe [2J     0 %\n");
        assert_eq!(grid().width(2), 6 + 2 + 6);
    }

    #[test]
    fn colours_come_only_when_asked_for() {
        let coloured = grid().text(Style { colour: true, width: 80 }, 2);
        assert!(coloured.contains("\u{1b}[2m") && coloured.contains("\u{1b}[1m"), "{coloured:?}");
    }
}
