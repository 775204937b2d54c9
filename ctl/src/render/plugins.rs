//! Plugins, their kernels and the kernels' parameters.

use gild_model::plugin::{KernelInfo, ParamInfo, ParamKind, PluginInfo, PluginList};

use super::grid::{Align, Grid};
use super::{Style, harmless};

/// Draws the plugins of the plugin path and the libraries that were refused.
pub fn list(list: &PluginList, style: Style) -> String {
    let mut grid = Grid::new([
        ("kernel", Align::Left),
        ("what it does", Align::Left),
        ("event loop", Align::Left),
        ("plugin", Align::Left),
        ("version", Align::Left),
        ("library", Align::Left),
    ]);
    for plugin in &list.plugins {
        for kernel in &plugin.kernels {
            let (name, version) = (plugin.name.clone(), plugin.version.clone());
            let library = plugin.path.display().to_string();
            let on_loop = if kernel.asynchronous { "asynchronous" } else { "blocks it" };
            grid.row(vec![kernel.name.clone(), kernel.summary.clone(), on_loop.to_owned(), name, version, library]);
        }
    }
    let folders: Vec<_> = list.path.iter().map(|it| harmless(&it.display().to_string())).collect();
    let mut text = match grid.is_empty() {
        true => format!("no plugins in {}\n", folders.join(":")),
        false => grid.wrapped(style),
    };
    for refusal in &list.refused {
        text += &harmless(&format!("refused: {}: {}", refusal.path.display(), refusal.reason));
        text += "\n";
    }
    text
}

/// Draws one plugin; of its kernels only the one asked for, if one was.
pub fn info(plugin: &PluginInfo, kernel: Option<&str>, style: Style) -> String {
    let mut text = harmless(&format!("{} {} ({}), ABI {}", plugin.name, plugin.version, plugin.license, plugin.abi));
    text += &format!("\n{}\n", harmless(&plugin.path.display().to_string()));
    for shown in plugin.kernels.iter().filter(|it| kernel.is_none_or(|name| it.name == name)) {
        text += &one_kernel(shown, style);
    }
    text
}

fn one_kernel(kernel: &KernelInfo, style: Style) -> String {
    let mut text = format!("\n{}", harmless(&format!("{}: {}", kernel.name, kernel.summary)));
    text += &format!("\n{}\n", properties(kernel));
    if !kernel.phases.is_empty() {
        text += &harmless(&format!("phases of its own: {}", kernel.phases.join(", ")));
        text += "\n";
    }
    if kernel.params.is_empty() {
        return text + "no parameters\n";
    }
    let mut grid = Grid::new([
        ("parameter", Align::Left),
        ("kind", Align::Left),
        ("preset", Align::Right),
        ("allowed", Align::Left),
        ("meaning", Align::Left),
    ]);
    for param in &kernel.params {
        let meaning = param.unit.as_ref().map_or_else(String::new, |unit| format!(" [{unit}]"));
        grid.row(vec![
            param.name.clone(),
            kind(param.kind).to_owned(),
            param.preset.to_string(),
            allowed(param),
            param.summary.clone() + &meaning,
        ]);
    }
    text + &grid.wrapped(style)
}

fn properties(kernel: &KernelInfo) -> String {
    let said = [
        (kernel.shared, "one instance for several workers", "one instance per worker"),
        (kernel.deterministic, "deterministic", "not deterministic"),
        (kernel.fork_safe, "works after fork", "needs spawn"),
        (kernel.verifies, "checks its results", "does not check its results"),
        (kernel.asynchronous, "asynchronous", "blocks an event loop"),
    ];
    said.map(|(holds, yes, no)| if holds { yes } else { no }).join(", ")
}

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Integer => "integer",
        ParamKind::Number => "number",
        ParamKind::String => "string",
    }
}

fn allowed(param: &ParamInfo) -> String {
    match (&param.min, &param.max) {
        _ if !param.choices.is_empty() => param.choices.join(", "),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const STYLE: Style = Style { colour: false, width: 120 };

    #[test]
    fn a_plugin_shows_its_kernels_and_their_parameters() {
        let expected = "\
cpu-bound 0.1.0 (MIT OR Apache-2.0), ABI 1.0
/opt/gild/libcpu_bound.so

cpu-bound: multiplies big integers
one instance for several workers, deterministic, works after fork, checks its results, blocks an event loop
parameter  kind     preset  allowed    meaning
n          integer      30  1 to 5000  size of the product
mode       string     fast  fast, slow  how [x]
";
        let actual = info(&testing::plugin(), None, STYLE);
        let words =
            |text: &str| text.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
        assert_eq!(words(&actual), words(expected));
        assert!(!info(&testing::plugin(), Some("other"), STYLE).contains("multiplies"));
    }

    #[test]
    fn refused_libraries_are_listed_with_the_reason() {
        let mut plugins = PluginList { path: vec!["/opt/gild".into()], ..PluginList::default() };
        assert_eq!(list(&plugins, STYLE), "no plugins in /opt/gild\n");
        plugins.plugins.push(testing::plugin());
        let reason = "wrong ABI: found 2.0, expected 1.x".to_owned();
        plugins.refused.push(gild_model::plugin::PluginRefusal { path: "/opt/gild/libold.so".into(), reason });
        let actual = list(&plugins, STYLE);
        assert!(actual.contains("cpu-bound  multiplies big integers  blocks it"), "{actual}");
        assert!(actual.contains("refused: /opt/gild/libold.so: wrong ABI: found 2.0, expected 1.x"), "{actual}");
    }
}
