//! The graph of imports between a crate's files: an edge for every path that leads into another file, to the one that
//! defines the item. A module that declares its children and re-exports their items does not import them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::modules::{Module, Segments};

/// The files that each file imports.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// Longer than any chain of re-exports.
const MAX_STEPS: usize = 20;

/// Makes the graph of a crate.
pub fn imports(modules: &BTreeMap<Segments, Module>) -> Imports {
    let mut graph = Imports::new();
    for (path, module) in modules {
        let imported = graph.entry(module.file.clone()).or_default();
        for named in module.imports.values().chain(&module.paths) {
            let target = target(modules, path, named, MAX_STEPS).filter(|target| *target != module.file);
            imported.extend(target.map(str::to_owned));
        }
    }
    graph
}

/// The file that defines what a path names; `None` if it is unknown or in another crate.
fn target<'a>(
    modules: &'a BTreeMap<Segments, Module>,
    from: &Segments,
    named: &[String],
    steps: usize,
) -> Option<&'a str> {
    let steps = steps.checked_sub(1)?;
    let module = modules.get(from)?;
    let (first, mut rest) = named.split_first()?;
    let mut at = match first.as_str() {
        "crate" => Vec::new(),
        "self" => from.clone(),
        "super" => {
            let supers = 1 + rest.iter().take_while(|segment| *segment == "super").count();
            rest = &rest[supers - 1..];
            from[..from.len().checked_sub(supers)?].to_vec()
        }
        child if module.children.iter().any(|name| name == child) => [&from[..], &[child.to_owned()]].concat(),
        name => {
            let path = module.exports.get(name).or_else(|| module.imports.get(name))?;
            let path = [&path[..], rest].concat();
            return if path[0] == *first { None } else { target(modules, from, &path, steps) };
        }
    };
    loop {
        let module = modules.get(&at)?;
        let Some((name, after)) = rest.split_first() else { return Some(&module.file) };
        if module.children.contains(name) {
            at.push(name.clone());
            rest = after;
            continue;
        }
        if module.items.contains(name) {
            return Some(&module.file);
        }
        if let Some(path) = module.exports.get(name).or_else(|| module.imports.get(name)) {
            let path = [&path[..], after].concat();
            return target(modules, &at, &path, steps);
        }
        let from_glob = module.globs.iter().find_map(|glob| {
            let path = [&glob[..], rest].concat();
            target(modules, &at, &path, steps).filter(|file| *file != module.file)
        });
        return from_glob.or(Some(&module.file));
    }
}

/// The shortest cycle through each file that is in one, as files in their order; each cycle comes once.
pub fn cycles(graph: &Imports) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for start in graph.keys() {
        if found.iter().any(|cycle| cycle.contains(start)) {
            continue;
        }
        found.extend(shortest_cycle(graph, start));
    }
    found
}

fn shortest_cycle(graph: &Imports, start: &String) -> Option<Vec<String>> {
    let mut before: BTreeMap<&String, &String> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for next in graph.get(file).into_iter().flatten() {
            if next == start {
                let mut cycle = vec![file.clone()];
                let mut at = file;
                while at != start {
                    at = before[at];
                    cycle.push(at.clone());
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !before.contains_key(next) {
                before.insert(next, file);
                queue.push_back(next);
            }
        }
    }
    None
}
