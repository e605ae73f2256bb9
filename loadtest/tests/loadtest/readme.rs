//! The README's table of settings is an interface: it names every variable of both services, with the default and the
//! meaning that the services themselves print.

use service::Settings;
use service::settings::Variable;

const README: &str = include_str!("../../../README.md");

fn variables<C>(read: fn(&mut Settings<'_>) -> C) -> Vec<Variable> {
    let lookup = |_: &str| None;
    let mut settings = Settings::new(&lookup);
    read(&mut settings);
    settings.finish().0
}

#[test]
fn the_table_of_settings_is_the_services_own() {
    let all = variables(producer::Config::read).into_iter().chain(variables(consumer::Config::read));
    let missing: Vec<String> = all
        // The two services listen on different ports, in one row.
        .filter(|variable| variable.name != "PORT")
        .map(|variable| format!("| `{}` | {} | {} |", variable.name, variable.default, variable.meaning))
        .filter(|row| !README.contains(row.as_str()))
        .collect();
    assert!(missing.is_empty(), "README.md lacks these rows:\n{}", missing.join("\n"));
}
