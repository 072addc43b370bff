//! The modules of one crate, as the compiler finds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use syn::{Attribute, Item, ItemMod, UseTree};

/// The path of a module from the crate's root.
pub type ModulePath = Vec<String>;

/// One module, without the code that only tests compile.
pub struct Module {
    /// The file that it is in.
    pub file: PathBuf,
    /// Its items, without the modules in it.
    pub items: Vec<Item>,
    /// The names that its `use` declarations import, with their paths.
    pub names: BTreeMap<String, Vec<String>>,
    /// The paths of `use …::*`.
    pub globs: Vec<Vec<String>>,
}

/// All modules of a crate.
#[derive(Default)]
pub struct Crate {
    /// The modules by path.
    pub modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// Reads the crate whose root is `file`.
    ///
    /// # Errors
    /// Fails when a file is missing or cannot be parsed.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let mut parsed = Self::default();
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        parsed.read_file(file, &folder, Vec::new())?;
        Ok(parsed)
    }

    /// Reads a module's file. The files of the modules in it are in `folder`.
    fn read_file(&mut self, file: &Path, folder: &Path, path: ModulePath) -> anyhow::Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        self.add(file, folder, path, parsed.items)
    }

    fn add(&mut self, file: &Path, folder: &Path, path: ModulePath, items: Vec<Item>) -> anyhow::Result<()> {
        let mut module = Module {
            file: file.to_owned(),
            items: Vec::new(),
            names: BTreeMap::new(),
            globs: Vec::new(),
        };
        for item in items {
            match item {
                Item::Mod(child) if is_for_tests(&child.attrs) => {}
                Item::Mod(child) => self.add_child(file, folder, &path, child)?,
                Item::Use(declaration) if is_for_tests(&declaration.attrs) => {}
                Item::Use(declaration) => module.add_imports(&declaration.tree, &mut Vec::new()),
                item => module.items.push(item),
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }

    fn add_child(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: &ModulePath,
        child: ItemMod,
    ) -> anyhow::Result<()> {
        let name = child.ident.to_string();
        let folder = folder.join(&name);
        let path: ModulePath = parent.iter().cloned().chain([name]).collect();
        if let Some((_, items)) = child.content {
            return self.add(file, &folder, path, items);
        }
        let beside = folder.with_extension("rs");
        let within = folder.join("mod.rs");
        self.read_file(if beside.is_file() { &beside } else { &within }, &folder, path)
    }
}

impl Module {
    /// Notes what a `use` declaration brings in.
    fn add_imports(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.add_imports(&step.tree, path);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_imports(tree, path)),
            UseTree::Glob(_) => self.globs.push(path.clone()),
            UseTree::Name(name) => self.name(&name.ident.to_string(), &name.ident.to_string(), path),
            UseTree::Rename(rename) => self.name(&rename.rename.to_string(), &rename.ident.to_string(), path),
        }
    }

    fn name(&mut self, name: &str, last: &str, path: &[String]) {
        let mut path = path.to_vec();
        let name = match (last, name) {
            ("self", "self") => path.last().cloned().unwrap_or_default(),
            ("self", name) => name.to_owned(),
            (last, name) => {
                path.push(last.to_owned());
                name.to_owned()
            }
        };
        // Several `use … as _` are different items, and none of them is used by name.
        let name = if name == "_" {
            format!("_ {}", path.join("::"))
        } else {
            name
        };
        self.names.insert(name, path);
    }
}

/// Whether the item has the attribute `#[cfg(test)]`.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|condition| condition.is_ident("test"))
    })
}
