use std::process;

use super::*;

/// A workspace of one crate with these files below `src/`, which is removed in the end.
struct Workspace(PathBuf);

impl Workspace {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = env::temp_dir().join(format!("layout-{}-{name}", process::id()));
        for (file, text) in [("../Cargo.toml", "")].iter().chain(files) {
            let path = root.join("it/src").join(file);
            fs::create_dir_all(root.join("it/src")).unwrap();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }

    fn problems(&self, exceptions: &str) -> Vec<String> {
        check(&self.0, &Exceptions::parse(exceptions).unwrap()).unwrap()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What is wrong with a crate of `lib.rs` and two modules.
fn problems(name: &str, a: &str, b: &str) -> Vec<String> {
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)];
    Workspace::new(name, &files).problems("")
}

const CIRCLE: &str = "it/src/a.rs -> it/src/b.rs -> it/src/a.rs import each other in a circle";

#[test]
fn finds_a_circle_of_use_declarations() {
    let b = "use super::a::{g as other}; pub fn f() {} fn h() { other() }";
    assert_eq!(
        problems("use", "use crate::b::f; pub fn g() { f() }", b),
        [CIRCLE]
    );
}

#[test]
fn finds_a_circle_of_paths_in_code_macros_and_attributes() {
    for (number, a) in [
        "pub fn g() { crate::b::f() }",
        "use crate::b; pub fn g() { b::f() }",
        "pub fn g() { println!(\"{}\", super::b::f()) }",
        "pub struct G { #[arg(value_parser = crate::b::f)] x: u8 }",
        "pub type G = Vec<crate::b::F>;",
    ]
    .into_iter()
    .enumerate()
    {
        let b = "pub struct F; pub fn f() { crate::a::g(); let _: crate::a::G; }";
        let found = problems(&format!("code-{number}"), a, b);
        assert_eq!(found, [CIRCLE], "{a}");
    }
}

#[test]
fn one_direction_is_no_circle() {
    assert!(problems("one-way", "use crate::b::f; pub fn g() { f() }", "pub fn f() {}").is_empty());
    assert!(
        problems(
            "module",
            "use crate::b; pub fn g() { b::f() }",
            "use crate::a; pub fn f() {}"
        )
        .is_empty()
    );
}

#[test]
fn tests_may_import_anything() {
    let b = "pub fn f() {} #[cfg(test)] mod tests { use crate::a::g; }";
    assert!(problems("tests", "use crate::b::f; pub fn g() { f() }", b).is_empty());
}

#[test]
fn names_are_followed_through_re_exports() {
    let facade = "mod x; mod y; pub use self::x::F; pub use self::y::*;";
    let workspace = Workspace::new(
        "facade",
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", facade),
            ("a/x.rs", "use super::G; pub struct F;"),
            ("a/y.rs", "pub struct G;"),
        ],
    );
    assert!(workspace.problems("").is_empty());
    let workspace = Workspace::new(
        "facade-circle",
        &[
            ("lib.rs", "mod a;"),
            ("a.rs", facade),
            ("a/x.rs", "use super::G; pub struct F;"),
            ("a/y.rs", "pub struct G; use crate::a::F;"),
        ],
    );
    assert_eq!(
        workspace.problems(""),
        ["it/src/a/x.rs -> it/src/a/y.rs -> it/src/a/x.rs import each other in a circle"]
    );
}

#[test]
fn parent_and_child_make_a_circle() {
    let workspace = Workspace::new(
        "parent",
        &[
            ("lib.rs", "mod a; fn f() { a::g() }"),
            ("a.rs", "pub fn g() { super::f() }"),
        ],
    );
    assert_eq!(
        workspace.problems(""),
        ["it/src/a.rs -> it/src/lib.rs -> it/src/a.rs import each other in a circle"]
    );
}

#[test]
fn finds_long_files() {
    let workspace = Workspace::new("long", &[("lib.rs", &"\n".repeat(MAX_LINES + 1))]);
    assert_eq!(
        workspace.problems(""),
        ["it/src/lib.rs has more than 400 lines: split it"]
    );
    assert!(workspace.problems("long it/src/lib.rs # too long").is_empty());
    let workspace = Workspace::new("short", &[("lib.rs", &"\n".repeat(MAX_LINES))]);
    assert!(workspace.problems("").is_empty());
}

#[test]
fn exceptions_that_are_gone_are_reported() {
    let (a, b) = ("use crate::b::f; pub fn g() {}", "use crate::a::g; pub fn f() {}");
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)];
    let workspace = Workspace::new("known", &files);
    assert!(workspace.problems("import it/src/b.rs it/src/a.rs").is_empty());
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", a),
        ("b.rs", "pub fn f() {}"),
    ];
    let workspace = Workspace::new("gone", &files);
    assert_eq!(
        workspace.problems("import it/src/a.rs it/src/b.rs\nlong it/src/a.rs"),
        [
            "it/src/a.rs is short enough: remove it from layout/exceptions.txt",
            "it/src/a.rs -> it/src/b.rs is in no circle: remove it from layout/exceptions.txt",
        ]
    );
    assert!(Exceptions::parse("circle a b").is_err());
}
