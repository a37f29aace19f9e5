//! What a file of Rust names: every `use`, grouped or not, and every path in its code, each as the path from the root of
//! the crate. And what follows from that: which files of a room lean on each other in a circle.
//!
//! Reads tokens, not text, so that comments and strings name nothing. What only tests name does not count.

use std::collections::{BTreeMap, BTreeSet};

/// A path as segments: `crate`, `model`, `Job`; or `tokio`, `time`.
pub(super) type Path = Vec<String>;

/// A file that was read.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The modules it holds: itself, and those between braces.
    modules: Vec<Path>,
    /// Names that it gives on, by the path under which others find them, and where they come from.
    reexports: Vec<(Path, Path)>,
    /// The last name of those that its own code uses, too.
    used: BTreeSet<String>,
    /// What it names otherwise: by `use` or in its code.
    names: BTreeSet<Path>,
    /// The files below it that are there for tests only.
    test_modules: Vec<Path>,
}

impl File {
    /// Reads the file that is the module `module`, such as `crate::model::text`.
    pub(super) fn read(text: &str, module: &[String]) -> Self {
        let mut file = Self { modules: vec![module.to_vec()], ..Self::default() };
        let tokens = tokens(text);
        let declared = tokens.windows(2).filter(|pair| pair[0] == "mod");
        let declared = declared.map(|pair| pair[1].clone()).collect();
        Reader { tokens: &tokens, declared, at: 0, module: module.to_vec(), file: &mut file }
            .items(0);
        file
    }

    /// Everything that it names, what it gives on included.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &Path> {
        self.names.iter().chain(self.reexports.iter().map(|(_, from)| from))
    }
}

/// The path of a file within its crate, `parts` from `src` on: `["model", "text.rs"]`.
pub(super) fn module_of(parts: &[String]) -> Path {
    let mut module = vec!["crate".to_owned()];
    module.extend(parts.iter().map(|part| part.trim_end_matches(".rs").to_owned()));
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// The circles between files: each as lines of `a names b`.
pub(super) fn circles(files: &[File]) -> Vec<String> {
    let owners: BTreeMap<&[String], usize> = files
        .iter()
        .enumerate()
        .flat_map(|(number, file)| file.modules.iter().map(move |module| (&**module, number)))
        .collect();
    let for_tests: Vec<&Path> = files.iter().flat_map(|file| &file.test_modules).collect();
    let counts = |file: &File| {
        !for_tests.iter().any(|module| file.modules.iter().any(|own| own.starts_with(module)))
    };
    let reexports: BTreeMap<&[String], &Path> =
        files.iter().flat_map(|file| &file.reexports).map(|(name, from)| (&**name, from)).collect();
    let mut edges: Vec<BTreeMap<usize, String>> = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let own = file.reexports.iter().filter(|(name, _)| file.uses(name)).map(|(_, from)| from);
        let mut leads = BTreeMap::new();
        for name in file.names.iter().chain(own).filter(|_| counts(file)) {
            let owner = owner(name, &owners, &reexports);
            if let Some(owner) = owner.filter(|owner| *owner != number && counts(&files[*owner])) {
                leads.entry(owner).or_insert_with(|| name.join("::"));
            }
        }
        edges.push(leads);
    }
    let reach: Vec<BTreeSet<usize>> =
        (0..files.len()).map(|from| reachable(from, &edges)).collect();
    let mut found = Vec::new();
    for (from, leads) in edges.iter().enumerate() {
        for (to, name) in leads.iter().filter(|(to, _)| reach[**to].contains(&from)) {
            let (from, to) = (files[from].modules[0].join("::"), files[*to].modules[0].join("::"));
            found.push(format!("{from} needs {to} ({name})"));
        }
    }
    found
}

impl File {
    fn uses(&self, name: &[String]) -> bool {
        name.last().is_some_and(|name| self.used.contains(name))
    }
}

/// The file in which what a path leads to stands: a name that is only given on leads further.
fn owner(
    path: &[String],
    owners: &BTreeMap<&[String], usize>,
    reexports: &BTreeMap<&[String], &Path>,
) -> Option<usize> {
    let mut path = path.to_vec();
    for _ in 0..16 {
        let length = (1..=path.len()).rev().find(|length| owners.contains_key(&path[..*length]))?;
        let next = path.get(..=length).and_then(|name| reexports.get(name));
        let Some(next) = next else { return owners.get(&path[..length]).copied() };
        path = next.iter().chain(&path[length + 1..]).cloned().collect();
    }
    None
}

fn reachable(from: usize, edges: &[BTreeMap<usize, String>]) -> BTreeSet<usize> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(edges[file].keys().copied().filter(|next| seen.insert(*next)));
    }
    seen
}

/// Goes over the tokens of a file.
struct Reader<'a> {
    tokens: &'a [String],
    /// What stands behind each `mod`.
    declared: BTreeSet<String>,
    at: usize,
    module: Path,
    file: &'a mut File,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    /// Reads until the brace that closes `depth`, or to the end.
    fn items(&mut self, depth: usize) {
        let (mut inner, mut public, mut for_tests) = (depth, false, false);
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "{" => inner += 1,
                "}" if inner == depth && depth > 0 => return,
                "}" => inner = inner.saturating_sub(1),
                "#" if self.is_cfg_test() => for_tests = true,
                "pub" => {
                    public = true;
                    if self.peek(1) == "(" {
                        self.skip_to(")");
                    }
                }
                "use" => {
                    self.at += 1;
                    let mut uses = Vec::new();
                    self.use_tree(&Vec::new(), &mut uses);
                    if !for_tests {
                        self.take_uses(uses, public);
                    }
                    (public, for_tests) = (false, false);
                }
                "mod" if is_word(self.peek(1)) => {
                    self.module(for_tests);
                    (public, for_tests) = (false, false);
                }
                "fn" | "impl" | "struct" | "enum" | "trait" | "const" | "static" | "type"
                    if for_tests =>
                {
                    self.skip_item();
                    (public, for_tests) = (false, false);
                }
                "fn" | "impl" | "struct" | "enum" | "trait" | "const" | "static" | "type" => {
                    public = false;
                }
                word if is_word(word) => {
                    self.path();
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn is_cfg_test(&self) -> bool {
        ["#", "[", "cfg", "(", "test", ")"].iter().enumerate().all(|(n, it)| self.peek(n) == *it)
    }

    fn skip_to(&mut self, end: &str) {
        while self.at < self.tokens.len() && self.peek(0) != end {
            self.at += 1;
        }
    }

    /// Goes to the last token of an item: its `;`, or the brace that closes it.
    fn skip_item(&mut self) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "{" | "(" | "[" => depth += 1,
                "}" if depth == 1 => return,
                "}" | ")" | "]" => depth -= 1,
                ";" if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// `mod name;` or `mod name { … }`; ends at the last token of it.
    fn module(&mut self, for_tests: bool) {
        let mut module = self.module.clone();
        module.push(self.peek(1).to_owned());
        if for_tests {
            self.file.test_modules.push(module);
            self.skip_item();
            return;
        }
        self.at += 2;
        if self.peek(0) != "{" {
            return;
        }
        self.at += 1;
        self.file.modules.push(module.clone());
        let outer = std::mem::replace(&mut self.module, module);
        self.items(1);
        self.module = outer;
    }

    /// The names of a use tree, from the token behind `use` to the one that ends it.
    fn use_tree(&mut self, before: &[String], out: &mut Vec<(Path, Option<String>)>) {
        let mut path = before.to_vec();
        loop {
            match self.peek(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !matches!(self.peek(0), "}" | "") {
                        self.use_tree(&path, out);
                        if self.peek(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "as" => {
                    out.push((path, Some(self.peek(1).to_owned())));
                    self.at += 2;
                    return;
                }
                "*" => {
                    path.push("*".to_owned());
                    self.at += 1;
                }
                "self" if !path.is_empty() => self.at += 1,
                word if is_word(word) => {
                    path.push(word.to_owned());
                    self.at += 1;
                }
                _ => {
                    out.push((path, None));
                    return;
                }
            }
        }
    }

    fn take_uses(&mut self, uses: Vec<(Path, Option<String>)>, public: bool) {
        for (path, alias) in uses {
            let last = path.last().cloned().unwrap_or_default();
            let from = self.absolute(&path).unwrap_or(path);
            if public && last != "*" {
                let mut name = self.module.clone();
                name.push(alias.unwrap_or(last));
                self.file.reexports.push((name, from));
            } else {
                self.file.names.insert(from);
            }
        }
    }

    /// A path in code, or a single word.
    fn path(&mut self) {
        let mut path = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && is_word(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.at += 2;
        }
        self.file.used.insert(path[0].clone());
        if path.len() > 1 {
            // `name::…` may be a module below this one, or a crate.
            let mut below = self.module.clone();
            below.extend(path.clone());
            self.file.names.extend(self.absolute(&path));
            self.file.names.insert(below);
            self.file.names.insert(path);
        }
    }

    /// From the root of the crate; `None` of what may be another crate.
    fn absolute(&self, path: &[String]) -> Option<Path> {
        let mut from = match path.first()?.as_str() {
            "crate" => return Some(path.to_vec()),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().saturating_sub(1)].to_vec(),
            _ => {
                let mut below = self.module.clone();
                below.push(path[0].clone());
                self.declared.contains(&path[0]).then_some(())?;
                below.extend_from_slice(&path[1..]);
                return Some(below);
            }
        };
        let mut rest = &path[1..];
        while rest.first().is_some_and(|part| part == "super") {
            from.pop();
            rest = &rest[1..];
        }
        from.extend_from_slice(rest);
        Some(from)
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words and marks of Rust, without comments, strings, characters and lifetimes. `::` is one mark.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut tokens, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            i = behind_comment(&chars, i);
        } else if c == '"' {
            i = behind_string(&chars, i, 0, false);
        } else if let Some((quote, hashes)) = raw_string(&chars, i) {
            i = behind_string(&chars, quote, hashes, true);
        } else if c == '\'' {
            i += match (at(i + 1), at(i + 2)) {
                ('\\', _) => (2..12).find(|n| *n > 2 && at(i + n) == '\'').unwrap_or(2) + 1,
                (_, '\'') => 3,
                _ => 1 + (1..).take_while(|n| word(at(i + n))).count(),
            };
        } else if word(c) {
            let end = (i..).find(|end| !word(at(*end))).unwrap_or(chars.len());
            tokens.push(chars[i..end.min(chars.len())].iter().collect());
            i = end;
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push("::".to_owned());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            i += 1;
        }
    }
    tokens
}

fn behind_comment(chars: &[char], mut i: usize) -> usize {
    let mut depth = 0;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The quote and the number of hashes of `r#"`, `br"`, if one begins here.
fn raw_string(chars: &[char], i: usize) -> Option<(usize, usize)> {
    let before = i.checked_sub(1).map(|before| chars[before]);
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let start = if chars[i] == 'b' { i + 1 } else { i };
    (chars.get(start) == Some(&'r')).then_some(())?;
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let quote = start + 1 + hashes;
    (chars.get(quote) == Some(&'"')).then_some((quote, hashes))
}

fn behind_string(chars: &[char], quote: usize, hashes: usize, raw: bool) -> usize {
    let mut i = quote + 1;
    while i < chars.len() {
        let closes = chars[i] == '"'
            && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closes {
            return i + 1 + hashes;
        }
        i += if chars[i] == '\\' && !raw { 2 } else { 1 };
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str) -> Path {
        path.split("::").map(str::to_owned).collect()
    }

    /// The circles of a room, given as `crate::room::file` and its text.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let read = |(name, text): &(&str, &str)| File::read(text, &module(name));
        circles(&files.iter().map(read).collect::<Vec<_>>())
    }

    #[test]
    fn grouped_imports_and_paths_in_code_are_seen() {
        let text = "use crate::{engine::{Engine, why as w}, model};\nuse super::super::store;\n\
                    // use crate::api;\nfn f() { let a = \"tokio::x\"; tokio::time::sleep('x', b'\\''); }";
        let file = File::read(text, &module("crate::room::file"));
        let names: Vec<String> = file.all_names().map(|name| name.join("::")).collect();
        for name in ["crate::engine::Engine", "crate::engine::why", "crate::model", "crate::store"]
        {
            assert!(names.contains(&name.to_owned()), "{name}: {names:?}");
        }
        assert!(names.contains(&"tokio::time::sleep".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("api") || name == "tokio::x"), "{names:?}");
    }

    #[test]
    fn two_files_that_name_each_other_are_a_circle() {
        let a = ("crate::r::a", "use super::b::B;");
        let b = ("crate::r::b", "fn f() { super::{c}; super::c::g() }");
        let c = ("crate::r::c", "use crate::r::{a::A, d::D};");
        let d = ("crate::r::d", "");
        assert_eq!(found(&[a, b, d]), Vec::<String>::new());
        assert_eq!(
            found(&[a, b, c, d]),
            [
                "crate::r::a needs crate::r::b (crate::r::b::B)",
                "crate::r::b needs crate::r::c (crate::r::c::g)",
                "crate::r::c needs crate::r::a (crate::r::a::A)",
            ]
        );
    }

    #[test]
    fn a_parent_may_declare_and_give_on_but_not_use_what_leans_on_it() {
        let child = ("crate::r::a", "use super::Shared; use super::b;");
        let b = ("crate::r::b", "pub struct B;");
        let declares = ("crate::r", "mod a; mod b; pub use a::A; pub struct Shared;");
        assert_eq!(found(&[declares, child, b]), Vec::<String>::new());
        let circle = [
            "crate::r needs crate::r::a (crate::r::a::A)",
            "crate::r::a needs crate::r (crate::r::Shared)",
        ];
        let imports = ("crate::r", "mod a; mod b; use self::a::A; pub struct Shared;");
        assert_eq!(found(&[imports, child, b]), circle);
        let uses = ("crate::r", "mod a; mod b; pub use a::A; pub struct Shared(A);");
        assert_eq!(found(&[uses, child, b]), circle);
        let calls = ("crate::r", "mod a; pub struct Shared; fn f() { a::A::new() }");
        assert_eq!(
            found(&[calls, child, b])[0],
            "crate::r needs crate::r::a (crate::r::a::A::new)"
        );
    }

    #[test]
    fn what_is_given_on_leads_to_where_it_stands() {
        let parent =
            ("crate::r", "mod a; mod b; pub use b::{B, C as D}; mod x { pub use super::b::E; }");
        let a = |name| ("crate::r::a", name);
        let b = ("crate::r::b", "use super::a;");
        for name in ["use super::B;", "use crate::r::D;", "use super::x::E;"] {
            assert_eq!(found(&[parent, a(name), b]).len(), 2, "{name}");
        }
    }

    #[test]
    fn what_is_there_for_tests_does_not_count() {
        let a = ("crate::r::a", "use super::b::B;");
        let b = (
            "crate::r::b",
            "#[cfg(test)]\nuse super::a;\n#[cfg(test)]\nmod tests { use super::super::a; }",
        );
        let parent = ("crate::r", "mod a; mod b; #[cfg(test)] mod helper;");
        let helper = ("crate::r::helper", "use super::a; pub fn h() {}");
        let a_helped = ("crate::r::a", "use super::helper;");
        assert_eq!(found(&[parent, a, b]), Vec::<String>::new());
        assert_eq!(found(&[parent, a_helped, helper]), Vec::<String>::new());
    }
}
