//! Finds the imports between the files of a crate.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Macro};

use crate::modules::{Crate, Module, ModulePath, is_for_tests};

/// How many `use` declarations in a row are followed, since they may name each other.
const MAX_STEPS: usize = 32;

/// Each pair of files in which the first uses an item of the second.
///
/// A name is followed through `use` and `pub use` to its definition: a `mod.rs` that only passes names on imports
/// nothing for those who use them, and it counts as an import of the file that defines them.
pub fn between_files(parsed: &Crate) -> BTreeSet<(PathBuf, PathBuf)> {
    let mut found = BTreeSet::new();
    for (path, module) in &parsed.modules {
        let mut paths = Paths::default();
        paths.found.extend(module.names.values().cloned());
        paths.found.extend(module.globs.iter().cloned());
        module.items.iter().for_each(|item| paths.visit_item(item));
        for used in paths.found {
            if let Some(target) = parsed.definition(path, &used, MAX_STEPS)
                && target.file != module.file
            {
                found.insert((module.file.clone(), target.file.clone()));
            }
        }
    }
    found
}

impl Crate {
    /// The module that defines what `path` names when it is written in the module `from`. None if it is a module itself or
    /// is not of this crate.
    fn definition(&self, from: &ModulePath, path: &[String], steps: usize) -> Option<&Module> {
        let (mut module, mut rest) = self.start(from, path)?;
        while let Some((name, after)) = rest.split_first() {
            let mut child = module.clone();
            child.push(name.clone());
            if self.modules.contains_key(&child) {
                (module, rest) = (child, after);
                continue;
            }
            let here = self.modules.get(&module)?;
            if here.defines(name) {
                return Some(here);
            }
            let steps = steps.checked_sub(1)?;
            let follow = |target: &Vec<String>, names: &[String]| {
                // An alias within one module would never resolve.
                let target = [target.as_slice(), names].concat();
                (target != path)
                    .then(|| self.definition(&module, &target, steps))
                    .flatten()
            };
            if let Some(target) = here.names.get(name) {
                return follow(target, after);
            }
            return here.globs.iter().find_map(|target| follow(target, rest));
        }
        None
    }

    /// Resolves the first names of a path to a module. Returns it with the remaining names.
    fn start<'a>(&self, from: &ModulePath, path: &'a [String]) -> Option<(ModulePath, &'a [String])> {
        let (first, mut rest) = path.split_first()?;
        let mut module = from.clone();
        match first.as_str() {
            "crate" => return Some((Vec::new(), rest)),
            "self" => {}
            "super" => drop(module.pop()?),
            _ => {
                let mut child = from.clone();
                child.push(first.clone());
                let here = self.modules.get(from)?;
                let is_known = self.modules.contains_key(&child) || here.names.contains_key(first);
                let is_known = is_known || here.defines(first) || !here.globs.is_empty();
                return is_known.then_some((module, path));
            }
        }
        while let [name, others @ ..] = rest
            && name == "super"
        {
            module.pop()?;
            rest = others;
        }
        Some((module, rest))
    }
}

impl Module {
    /// Whether an item of that name is in this module.
    fn defines(&self, name: &str) -> bool {
        self.items.iter().any(|item| {
            let ident = match item {
                Item::Const(item) => &item.ident,
                Item::Enum(item) => &item.ident,
                Item::Fn(item) => &item.sig.ident,
                Item::Static(item) => &item.ident,
                Item::Struct(item) => &item.ident,
                Item::Trait(item) => &item.ident,
                Item::Type(item) => &item.ident,
                Item::Union(item) => &item.ident,
                _ => return false,
            };
            ident == name
        })
    }
}

/// Collects every path in some code.
#[derive(Default)]
struct Paths {
    found: BTreeSet<Vec<String>>,
}

impl Paths {
    /// Collects what looks like a path in the arguments of a macro or attribute, which cannot be parsed.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.found.insert(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.found.insert(std::mem::take(&mut path));
                    self.scan(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.found.insert(std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.found.insert(path);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        self.found.insert(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}
