//! The exact experiment, and what to type to run it again.

use gild_model::run::Run;
use maud::{Markup, html};

use crate::render::{experiment, results};

/// The section.
pub fn of_run(run: &Run) -> Markup {
    if results::is_recorded(run) {
        return html! {
            p { "The program was recorded as it is, by:" }
            pre tabindex="0" { code { "gilctl record -- " (run.experiment.name) } }
        };
    }
    let id = run.head.id;
    html! {
        p { "Save this as " code { "again.toml" } " and run it again with" }
        pre tabindex="0" { code class="command" { "gilctl run again.toml" } }
        p { "or, where this run is in the store, with" }
        pre tabindex="0" { code { "gilctl show " (id) " --experiment > again.toml && gilctl run again.toml" } }
        pre tabindex="0" aria-label="The experiment as TOML" role="region" { code class="toml" { (experiment::render(&run.experiment)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_experiment_is_the_one_that_show_prints() {
        let run = testing::run();
        let html = of_run(&run).into_string();
        let toml = html.split("<code class=\"toml\">").nth(1).unwrap().split("</code>").next().unwrap();
        assert_eq!(toml.replace("&quot;", "\""), experiment::render(&run.experiment));
    }
}
