//! Tables of the page: grids as they are on a terminal, and foldable ones beside a chart.

use maud::{Markup, html};

use crate::render::grid::{Align, Grid};

/// A grid as a table; the first cell of a row names it.
pub fn of_grid(grid: &Grid, caption: &str) -> Markup {
    let class = |align: &Align| if *align == Align::Right { "number" } else { "" };
    let columns = grid.columns();
    scrolled(
        caption,
        html! {
            table {
                caption { (caption) }
                thead { tr {
                    @for (head, align) in columns { th scope="col" class=(class(align)) { (head.replace('\n', " ")) } }
                } }
                tbody {
                    @for (cells, dim) in grid.rows().iter().filter(|(cells, _)| cells.iter().any(|it| !it.is_empty())) {
                        tr class=(if *dim { "dim" } else { "" }) {
                            @for (place, (cell, (_, align))) in cells.iter().zip(columns).enumerate() {
                                @if place == 0 { th scope="row" class=(class(align)) { (cell.trim()) } }
                                @else { td class=(class(align)) { (cell.trim()) } }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// A table in a frame of its own that scrolls, so that the page does not; the keyboard gets there, too.
pub fn scrolled(label: &str, table: Markup) -> Markup {
    html! { div class="scroll" role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// What is shown when asked for.
pub fn folded(summary: &str, content: Markup) -> Markup {
    html! { details { summary { (summary) } (content) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_becomes_a_table_with_scopes_and_nothing_in_it_is_markup() {
        let mut grid = Grid::new([("na\nme", Align::Left), ("share", Align::Right)]);
        grid.row(vec!["<script>alert(1)</script>".to_owned(), " 10 % ".to_owned()]);
        grid.blank_row();
        let html = of_grid(&grid, "a \"caption\"").into_string();
        assert!(html.contains("<th scope=\"row\" class=\"\">&lt;script&gt;alert(1)&lt;/script&gt;</th>"), "{html}");
        assert!(html.contains("<td class=\"number\">10 %</td>") && html.contains(">na me</th>"), "{html}");
        assert_eq!(html.matches("<tr").count(), 2, "an empty line is no row: {html}");
        assert!(html.contains("aria-label=\"a &quot;caption&quot;\""), "{html}");
    }
}
