//! The modules of a crate: their files, what they declare, and which paths they name. Tests are left out, because they
//! may import from anywhere.

use std::collections::BTreeMap;

use anyhow::Context;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree, Visibility};

use crate::Repository;

/// A path such as `super::queue::Batch`, in segments.
pub type Segments = Vec<String>;

/// A module of a crate; its path is its key in [`modules`].
#[derive(Debug, Default)]
pub struct Module {
    /// The file that it is in.
    pub file: String,
    /// Its child modules.
    pub children: Vec<String>,
    /// The items that are defined here.
    pub items: Vec<String>,
    /// Its private imports: paths by name.
    pub imports: BTreeMap<String, Segments>,
    /// Its re-exports, `pub use`: paths by name.
    pub exports: BTreeMap<String, Segments>,
    /// The modules whose items it re-exports with `pub use x::*`.
    pub globs: Vec<Segments>,
    /// The paths in its code, besides the imports.
    pub paths: Vec<Segments>,
}

/// The modules of the crate with this root file, by their paths from the root, whose own path is empty.
///
/// # Errors
/// When a file is not Rust, or a module has none.
pub fn modules(repository: &Repository, root: &str) -> anyhow::Result<BTreeMap<Segments, Module>> {
    let mut found = BTreeMap::new();
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut unread = vec![(Vec::new(), root.to_owned(), folder)];
    while let Some((path, file, folder)) = unread.pop() {
        let text = &repository.file(&file).with_context(|| format!("there is no {file}"))?.text;
        let parsed = syn::parse_file(text).with_context(|| format!("{file} is not Rust"))?;
        let mut reader =
            Reader { module: Module { file, ..Module::default() }, inline: Vec::new(), outline: Vec::new() };
        parsed.items.iter().for_each(|item| reader.visit_item(item));
        for name in reader.outline {
            let mut child = path.clone();
            child.push(name.clone());
            let candidates = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
            let file = candidates.into_iter().find(|file| repository.file(file).is_some());
            let file = file.with_context(|| format!("the module {name} of {folder} has no file"))?;
            unread.push((child, file, format!("{folder}/{name}")));
        }
        found.insert(path, reader.module);
    }
    Ok(found)
}

/// Reads one file. Inline modules count as the file itself.
struct Reader {
    module: Module,
    /// The inline modules around the current item.
    inline: Vec<String>,
    /// Child modules with files of their own.
    outline: Vec<String>,
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if attributes(item).iter().any(is_of_tests) {
            return;
        }
        if self.inline.is_empty() {
            self.module.items.extend(name(item));
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        if item.content.is_some() {
            self.inline.push(name);
            visit::visit_item_mod(self, item);
            self.inline.pop();
        } else {
            self.module.children.push(name.clone());
            self.outline.push(name);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_public = !matches!(item.vis, Visibility::Inherited);
        let mut uses = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut uses);
        for (name, path) in uses {
            let path = self.outside(path);
            match (name.as_str(), is_public) {
                ("*", true) => self.module.globs.push(path),
                ("*", false) => self.module.paths.push(path),
                (_, true) => drop(self.module.exports.insert(name, path)),
                (_, false) => drop(self.module.imports.insert(name, path)),
            }
        }
    }

    /// `pub(crate)` does not import the crate's root.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let segments = self.outside(segments);
        self.module.paths.push(segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let mut paths = Vec::new();
        in_tokens(called.tokens.clone(), &mut paths);
        let paths: Vec<Segments> = paths.into_iter().map(|path| self.outside(path)).collect();
        self.module.paths.extend(paths);
        visit::visit_macro(self, called);
    }
}

impl Reader {
    /// A path in an inline module, as seen from the file's own module.
    fn outside(&self, path: Segments) -> Segments {
        let supers = path.iter().take_while(|segment| *segment == "super").count().min(self.inline.len());
        path[supers..].to_vec()
    }
}

/// The names and paths that a `use` brings in; `*` stands for all of a module.
fn flatten(tree: &UseTree, before: &mut Segments, found: &mut Vec<(String, Segments)>) {
    let with = |last: String| before.iter().cloned().chain([last]).collect::<Segments>();
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            found.push((before.last().cloned().unwrap_or_default(), before.clone()));
        }
        UseTree::Name(name) => found.push((name.ident.to_string(), with(name.ident.to_string()))),
        UseTree::Rename(rename) => found.push((rename.rename.to_string(), with(rename.ident.to_string()))),
        UseTree::Glob(_) => found.push(("*".to_owned(), before.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, found)),
    }
}

/// The paths with more than one segment among a macro's arguments.
fn in_tokens(tokens: TokenStream, found: &mut Vec<Segments>) {
    let mut path: Segments = Vec::new();
    let mut colons = 0;
    let mut end = |path: &mut Segments| {
        let path = std::mem::take(path);
        if path.len() > 1 {
            found.push(path);
        }
    };
    let mut groups = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                if colons != 2 {
                    end(&mut path);
                }
                path.push(name.to_string());
                colons = 0;
            }
            TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                end(&mut path);
                colons = 0;
                groups.push(group.stream());
            }
            _ => {
                end(&mut path);
                colons = 0;
            }
        }
    }
    end(&mut path);
    groups.into_iter().for_each(|group| in_tokens(group, found));
}

fn is_of_tests(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        Meta::NameValue(_) => false,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
