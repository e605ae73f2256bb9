//! The reference in the README, as Markdown made from what the code declares: settings, metrics and routes.

use service::Settings;
use service::http::Route;
use service::metrics::Metric;
use service::settings::Variable;

/// The document that has it.
pub const DOCUMENT: &str = "README.md";

/// The metrics of each process, from `metrics_process`.
const PROCESS: &str = "`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`, \
                       `process_max_fds`, `process_threads`, `process_start_time_seconds`, …";

/// This document with up-to-date tables.
///
/// # Errors
/// When it lacks a marker.
pub fn current(document: &str) -> Result<String, String> {
    let (producer, consumer) = (variables(producer::ProducerConfig::read), variables(consumer::ConsumerConfig::read));
    let metrics_of = [
        ("producer", producer::METRICS),
        ("consumer", consumer::METRICS),
        ("submissions", submissions::METRICS),
        ("loadtest", loadtest::METRICS),
    ];
    let of_files = variables(consumer::read_of_any_file).into_iter();
    let of_files = settings_table("Each kind of `KINDS_DIR`, its name in capitals in place of `<KIND>`", of_files);
    let settings = settings(&[("Producer", &producer), ("Consumer", &consumer)]);
    let document = put(document, "settings", &format!("{settings}\n{of_files}"))?;
    let of_submissions = variables(submissions::SubmissionsConfig::read).into_iter();
    let document = put(&document, "submissions", &settings_table("Submissions", of_submissions))?;
    let document = put(&document, "metrics", &metrics(&metrics_of))?;
    let of_producer = producer::ROUTES.iter().map(|(_, routes)| ("producer", *routes));
    let more = [
        ("producer", producer::DOCUMENTATION_ROUTES),
        ("consumer", consumer::ROUTES),
        ("submissions", submissions::api::ROUTES),
        ("submissions", submissions::page::ROUTES),
        ("submissions", submissions::DOCUMENTATION_ROUTES),
    ];
    let routes_of: Vec<_> = of_producer.chain(more).collect();
    put(&document, "routes", &routes(&routes_of))
}

/// The variables that a service reads.
fn variables<C>(read: impl Fn(&mut Settings<'_>) -> C) -> Vec<Variable> {
    let mut settings = Settings::new(&|_| None);
    read(&mut settings);
    settings.finish().0
}

/// A table of the variables that all these services have, and one table for each service's own. Where the default
/// differs between the services, it is given for each, in their order.
fn settings(services: &[(&str, &[Variable])]) -> String {
    let of = |service: usize, name: &str| services[service].1.iter().find(|variable| variable.name == name);
    let is_shared = |variable: &Variable| (0..services.len()).all(|service| of(service, variable.name).is_some());
    let shared = services.first().map_or(&[][..], |(_, variables)| *variables).iter();
    let shared = shared.filter(|variable| is_shared(variable)).map(|variable| {
        let defaults = (0..services.len()).filter_map(|service| of(service, variable.name));
        let mut defaults: Vec<String> = defaults.map(|variable| variable.default.clone()).collect();
        defaults.dedup();
        Variable { default: defaults.join(" / "), ..variable.clone() }
    });
    let mut text = settings_table("Producer and consumer", shared);
    for (service, variables) in services {
        let own = variables.iter().filter(|variable| !is_shared(variable)).cloned();
        text.push_str(&format!("\n{}", settings_table(service, own)));
    }
    text
}

/// The table has a column for Kafka's words if at least one of the variables has any.
fn settings_table(title: &str, variables: impl Iterator<Item = Variable>) -> String {
    let variables: Vec<Variable> = variables.collect();
    let first =
        |variable: &Variable| [format!("`{}`", variable.name), variable.default.clone(), variable.meaning.to_owned()];
    let rows = if variables.iter().all(|variable| variable.in_kafka.is_none()) {
        table(["variable", "default", "meaning"], variables.iter().map(first))
    } else {
        let row = |variable: &Variable| {
            let [name, default, meaning] = first(variable);
            [name, default, meaning, variable.in_kafka.unwrap_or_default().to_owned()]
        };
        table(["variable", "default", "meaning", "in Kafka's words"], variables.iter().map(row))
    };
    format!("**{title}**\n\n{rows}")
}

/// The metrics of these programs, each with its labels and the programs that have it.
fn metrics(programs: &[(&str, &[&[Metric]])]) -> String {
    let mut metrics: Vec<(Metric, Vec<&str>)> = Vec::new();
    for (program, catalogue) in programs {
        for metric in catalogue.concat() {
            match metrics.iter_mut().find(|(known, _)| *known == metric) {
                Some((_, programs)) => programs.push(program),
                None => metrics.push((metric, vec![program])),
            }
        }
    }
    let on = |on: &[&str]| if on.len() == programs.len() { "all".to_owned() } else { on.join(", ") };
    let rows = metrics.iter().map(|(Metric { name, kind, labels, help }, programs)| {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        [format!("`{name}{labels}`"), kind.as_str().to_owned(), on(programs), (*help).to_owned()]
    });
    let process = [PROCESS, "", "all", "The process itself"].map(str::to_owned);
    table(["metric", "type", "on", "meaning"], rows.chain([process]))
}

/// The routes of these services, followed by those that every service has.
fn routes(services: &[(&str, &[Route])]) -> String {
    let own = services.iter().flat_map(|(service, routes)| routes.iter().map(move |route| (*service, route)));
    let shared = service::health::ROUTES.iter().map(|route| ("all", route));
    let row = |(service, Route { path, method, meaning, .. }): (&str, &Route)| {
        [format!("`{method} {path}`"), service.to_owned(), (*meaning).to_owned()]
    };
    table(["route", "on", "meaning"], own.chain(shared).map(row))
}

/// The document, with this text between its lines `<!-- section: begin -->` and `<!-- section: end -->`.
///
/// # Errors
/// When the document lacks one of these lines.
fn put(document: &str, section: &str, text: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {section}: begin -->\n"), format!("<!-- {section}: end -->\n"));
    let parts = document.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("there is no {} … {}", begin.trim(), end.trim()))?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

fn table<const COLUMNS: usize>(columns: [&str; COLUMNS], rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&columns.map(str::to_owned)) + &line(&columns.map(|_| "---".to_owned()));
    for row in rows {
        text.push_str(&line(&row.map(|cell| cell.replace('|', "\\|"))));
    }
    text
}

#[cfg(test)]
mod tests {
    use service::Registry;
    use service::settings::OF_OTHERS;

    use super::*;

    #[test]
    fn a_variable_of_all_services_is_listed_once() {
        let one = variables(|settings| {
            settings.text("TOPIC", "post", "topic");
            settings.number("PORT", 3000, 0..=65535, "port");
            settings.in_kafka("`linger.ms`").duration("LINGER", "2ms", "a|b");
        });
        let other = variables(|settings| {
            settings.number("PORT", 3001, 0..=65535, "port");
            settings.text("TOPIC", "post", "topic");
        });
        let head = "\n\n| variable | default | meaning |\n| --- | --- | --- |\n";
        let head_of_kafka = "\n\n| variable | default | meaning | in Kafka's words |\n| --- | --- | --- | --- |\n";
        assert_eq!(
            settings(&[("Producer", &one), ("Consumer", &other)]),
            format!(
                "**Producer and consumer**{head}| `TOPIC` | post | topic |\n| `PORT` | 3000 / 3001 | port |\n\n\
                 **Producer**{head_of_kafka}| `LINGER` | 2ms | a\\|b | `linger.ms` |\n\n**Consumer**{head}"
            )
        );
    }

    /// Where several services have one environment, none of them warns about the settings of another one.
    #[test]
    fn every_service_knows_the_variables_of_kafka_by_name() {
        let services = [
            variables(producer::ProducerConfig::read),
            variables(consumer::ConsumerConfig::read),
            variables(submissions::SubmissionsConfig::read),
        ];
        let of_kafka =
            services.iter().flatten().map(|variable| variable.name).filter(|name| name.starts_with("KAFKA_"));
        for name in of_kafka {
            assert!(OF_OTHERS.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_metric_is_listed_with_the_programs_that_have_it() {
        const A: Metric = Metric::counter("a_total", "A");
        const B: Metric = Metric::gauge("b", "B").labelled(&["topic", "partition"]);
        let text = metrics(&[("producer", &[&[A], &[B]]), ("consumer", &[&[A]])]);
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(rows[..2], ["| `a_total` | counter | all | A |", "| `b{topic,partition}` | gauge | producer | B |"]);
    }

    #[test]
    fn the_metrics_of_the_process_are_rendered() {
        let rendered = Registry::new(&[]).render();
        let names: Vec<&str> = PROCESS.split('`').filter(|part| part.starts_with("process_")).collect();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| rendered.contains(&format!("\n{name} "))), "{rendered}");
    }

    #[test]
    fn shared_routes_follow_those_of_a_service() {
        let own = [Route::post("/create-post", "takes a post")];
        let text = routes(&[("producer", &own)]);
        let rows: Vec<&str> = text.lines().skip(2).take(2).collect();
        assert_eq!(
            rows,
            [
                "| `POST /create-post` | producer | takes a post |",
                "| `GET /` | all | 200 with name and version, where a service has no page of its own; \
                 on `ADMIN_PORT` also links |",
            ]
        );
    }

    #[test]
    fn a_section_is_replaced_and_nothing_else() {
        let document = "# A\n<!-- routes: begin -->\nold\n<!-- routes: end -->\nb\n";
        let expected = "# A\n<!-- routes: begin -->\nnew\n<!-- routes: end -->\nb\n";
        assert_eq!(put(document, "routes", "new\n").as_deref(), Ok(expected));
        assert_eq!(put(expected, "routes", "new\n").as_deref(), Ok(expected));
        let error = put(document, "settings", "").unwrap_err();
        assert_eq!(error, "there is no <!-- settings: begin --> … <!-- settings: end -->");
    }
}
