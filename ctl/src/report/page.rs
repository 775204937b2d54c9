//! The file: one HTML document that holds everything it needs, and may load nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gild_model::comparison::Comparison;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::data::Data;
use super::material::Material;
use super::{
    bars, comparison, counters, environment, experiment, figures, headline, latency, locks, scaling, timelines,
};
use crate::render::comparison::run as run_in_words;
use crate::render::results;

/// What the page looks like.
const STYLES: [&str; 2] =
    [include_str!("../../assets/uplot/uPlot.min.css"), include_str!("../../assets/report/report.css")];
/// The library that draws curves and timelines.
const LIBRARY: &str = include_str!("../../assets/uplot/uPlot.iife.min.js");
/// Its licence, which goes with every copy.
const LICENCE: &str = include_str!("../../assets/uplot/LICENSE");
/// What draws with it: each names what it gives to those after it.
const SCRIPTS: [&str; 6] = [
    include_str!("../../assets/report/theme.js"),
    include_str!("../../assets/report/intervals.js"),
    include_str!("../../assets/report/rows.js"),
    include_str!("../../assets/report/timeline.js"),
    include_str!("../../assets/report/curves.js"),
    include_str!("../../assets/report/page.js"),
];

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// The report of a run.
pub fn of_run(material: &Material, made_at: Timestamp) -> String {
    let run = &material.run;
    let mut data = Data::default();
    let sections = sections(material, bars::longest_ns(run), &mut data);
    let title = format!("{} — run {} — gild", run.head.name, run.head.id);
    let head = html! { (headline::of_run(material)) (headline::subject(run)) };
    document(&title, head, sections, &data, made_at)
}

/// The report of two runs, held against each other.
pub fn of_runs(of: &Comparison, old: &Material, new: &Material, made_at: Timestamp) -> String {
    let mut data = Data::default();
    let longest_ns = bars::longest_ns(&old.run).max(bars::longest_ns(&new.run));
    let sides = [old, new].map(|side| sections(side, longest_ns, &mut data));
    let compared = Section { id: "comparison", title: "What changed", body: comparison::section(of) };
    let sections = std::iter::once(compared).chain(side_by_side(of, sides)).collect();
    let title = format!("{} — run {} against run {} — gild", of.new.name, of.new.id, of.old.id);
    let head = html! {
        (comparison::headline(of))
        @for side in [old, new] { (headline::subject(&side.run)) }
    };
    document(&title, head, sections, &data, made_at)
}

/// The sections of two runs, those of one kind beside each other.
fn side_by_side(of: &Comparison, [old, new]: [Vec<Section>; 2]) -> Vec<Section> {
    let heads = [run_in_words(&of.old), run_in_words(&of.new)];
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    let mut sections = Vec::new();
    for (id, title) in TITLES {
        let sides = [old.next_if(|it| it.id == id), new.next_if(|it| it.id == id)];
        if sides.iter().all(Option::is_none) {
            continue;
        }
        let body = html! {
            div class="sides" {
                @for (head, side) in heads.iter().zip(&sides) {
                    section class="side" {
                        p class="side-head" { (head) }
                        @match side { Some(side) => (side.body), None => p class="missing" { "This run has none." } }
                    }
                }
            }
        };
        sections.push(Section { id, title, body });
    }
    sections
}

/// The sections of a run in their order.
const TITLES: [(&str, &str); 10] = [
    ("figures", "How long it took"),
    ("bars", "Where the time went"),
    ("timelines", "Who did what when"),
    ("locks", "Who made whom wait"),
    ("scaling", "How it grows with workers"),
    ("latency", "How long a task took"),
    ("counters", "What the counters counted"),
    ("machine", "The machine"),
    ("notes", "Notes on the figures"),
    ("experiment", "Run it again"),
];

fn sections(material: &Material, longest_ns: f64, data: &mut Data) -> Vec<Section> {
    let run = &material.run;
    let body = |id: &str| match id {
        "figures" => Some(figures::of_run(run)),
        "bars" => Some(bars::of_run(run, longest_ns)),
        "timelines" => {
            let (markup, drawn) = timelines::of_run(material);
            data.timelines.extend(drawn);
            Some(markup)
        }
        "locks" => locks::of_run(material),
        "scaling" => scaling::of_run(run).map(|(markup, curves)| {
            data.curves.extend(curves);
            markup
        }),
        // A program that was recorded is not cut into tasks.
        "latency" if results::is_recorded(run) => None,
        "latency" => {
            let (markup, curves) = latency::of_run(material);
            data.curves.extend(curves);
            Some(markup)
        }
        "counters" => Some(counters::of_run(material)),
        "machine" => Some(environment::machine(run)),
        "notes" => Some(environment::notes(run)),
        "experiment" => Some(experiment::of_run(run)),
        other => unreachable!("{other} has a title and no body"),
    };
    let mut body = body;
    TITLES.into_iter().filter_map(|(id, title)| Some(Section { id, title, body: body(id)? })).collect()
}

fn document(title: &str, head: Markup, sections: Vec<Section>, data: &Data, made_at: Timestamp) -> String {
    let style = STYLES.concat();
    let library = format!("/*!\nuPlot 1.6.32\n{LICENCE}*/\n{LIBRARY}");
    let script = format!("(() => {{\n\"use strict\";\n{}\n}})();\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {} {}; base-uri 'none'; form-action 'none'",
        hash(&style),
        hash(&library),
        hash(&script)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "gilctl " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(&style)) }
            }
            body {
                a class="skip" href="#main" { "To the figures" }
                (patterns())
                header { (head) }
                nav aria-label="Contents" { ul { @for it in &sections { li { a href={ "#" (it.id) } { (it.title) } } } } }
                main id="main" {
                    @for it in &sections {
                        section id=(it.id) aria-labelledby={ (it.id) "-title" } {
                            h2 id={ (it.id) "-title" } { (it.title) }
                            (it.body)
                        }
                    }
                }
                footer {
                    p {
                        "Made by gilctl " (env!("CARGO_PKG_VERSION")) " at " time datetime=(made_at) { (made_at.strftime("%Y-%m-%d %H:%M UTC")) }
                        ". What was not measured is –, never zero. Charts: uPlot 1.6.32, MIT licence."
                    }
                }
                (data.element())
                script { (PreEscaped(&library)) }
                script { (PreEscaped(&script)) }
            }
        }
    };
    page.into_string()
}

/// What a content security policy calls a text by.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// The patterns of the bars, so that no phase is known by its colour alone.
fn patterns() -> Markup {
    let lined = |id: &str, turned: &str, size: u32| {
        html! {
            pattern id={ "pattern-" (id) } width=(size) height=(size) patternUnits="userSpaceOnUse" patternTransform=(turned) {
                rect class={ "ground " (id) } width=(size) height=(size) {}
                rect class={ "line " (id) } width="2.2" height=(size) {}
            }
        }
    };
    html! {
        svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                (lined("lock-wait", "rotate(45)", 9))
                (lined("other-lock", "rotate(-45)", 9))
                (lined("io-wait", "rotate(90)", 8))
                (lined("run-queue", "rotate(0)", 8))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn page() -> String {
        of_run(&Material::new(testing::run(), None), testing::timestamp())
    }

    /// What an element of the page holds, and what the policy has to say of it.
    fn contents<'p>(page: &'p str, element: &str) -> Vec<&'p str> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        page.split(&open).skip(1).map(|it| it.split(&close).next().unwrap()).collect()
    }

    #[test]
    fn the_policy_allows_the_pages_own_scripts_and_styles_and_nothing_else() {
        let page = page();
        let policy =
            page.split("http-equiv=\"Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        let (scripts, styles) = (contents(&page, "script"), contents(&page, "style"));
        assert_eq!((scripts.len(), styles.len()), (2, 1));
        for text in [scripts, styles].concat() {
            assert!(policy.contains(&hash(text)), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let page = page();
        let markup = page.split("<script>").next().unwrap();
        for loads in ["src=", "href=\"h", "@import", "url(h"] {
            assert!(!markup.contains(loads), "{loads}");
        }
    }

    #[test]
    fn names_from_elsewhere_are_text_wherever_they_stand() {
        let evil = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>";
        let mut run = testing::run();
        run.head.name = evil.to_owned();
        run.head.error = Some(evil.to_owned());
        run.head.status = gild_model::run::RunStatus::Failed;
        run.experiment.name = evil.to_owned();
        run.experiment.params.insert(evil.to_owned(), gild_model::experiment::ParamValue::Text(evil.to_owned()));
        for (case, line) in run.experiment.cases.iter_mut().zip(&mut run.summary.cases) {
            case.name = evil.to_owned();
            line.case.name = evil.to_owned();
            line.error = Some(evil.to_owned());
            line.sentence = evil.to_owned();
        }
        run.summary.notes = vec![evil.to_owned()];
        run.summary.advice = testing::advice();
        run.summary.advice.groups[0].sentences = vec![evil.to_owned(); 2];
        run.summary.advice.groups[0].scaling[0].cases = evil.to_owned();
        let page = of_run(&Material::new(run, None), testing::timestamp());
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "markup came through");
        assert_eq!((page.matches("</style>").count(), page.matches("</script>").count()), (1, 3));
    }

    #[test]
    fn two_runs_stand_side_by_side() {
        let (comparison, mut newer) = (testing::comparison(), testing::run());
        newer.head.id = 13;
        newer.summary.advice = testing::advice();
        let [old, new] = [testing::run(), newer].map(|run| Material::new(run, None));
        let page = of_runs(&comparison, &old, &new, testing::timestamp());
        assert_eq!(page.matches("<p class=\"side-head\">run 12 (article)</p>").count(), 9);
        assert!(page.contains("id=\"r12-figures\"") && page.contains("id=\"r13-figures\""));
        assert!(page.contains("<p class=\"missing\">This run has none.</p>"), "only one of them has a sweep");
        let mut ids: Vec<_> = page.split(" id=\"").skip(1).map(|it| it.split('"').next().unwrap()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "every id is there once");
    }

    #[test]
    fn the_library_is_the_one_that_its_readme_names() {
        let readme = include_str!("../../assets/uplot/README.md");
        for (name, text) in [("uPlot.iife.min.js", LIBRARY), ("uPlot.min.css", STYLES[0]), ("LICENSE", LICENCE)] {
            let sum: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(readme.contains(&format!("| `{name}` | `{sum}` |")), "{name}: {sum}");
        }
    }
}
