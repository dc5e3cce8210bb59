//! README's map: everything is on it, and what is on it is there.

use super::{files, read, root};

/// Rooms whose files the map names one by one; of the others it says what they are.
const NAMED_ROOMS: [&str; 3] = ["src/http/", "src/db/", "src/telemetry/"];

fn map() -> String {
    let readme = read("README.md");
    readme.split("## Map\n\n```\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a map").to_owned()
}

#[test]
fn everything_is_on_the_map() {
    let map = map();
    let is_part = |c: char| c.is_alphanumeric() || "._/-".contains(c);
    let words: Vec<&str> = map.split(|c| !is_part(c)).map(|word| word.trim_end_matches('.')).collect();
    let tell = |word: &str| assert!(words.contains(&word), "put {word} on README's map");
    for entry in std::fs::read_dir(root()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        let is_made = name.starts_with('.') || name == "target";
        assert!(
            is_made || words.iter().any(|word| word.starts_with(&format!("{name}/"))),
            "put {name}/ on README's map"
        );
    }
    for file in files("src", ".rs").iter().filter(|file| !file.ends_with("properties.rs")) {
        match file.trim_start_matches("src/").split_once('/') {
            Some((room, _)) => tell(&format!("{room}/")),
            None => tell(file.trim_start_matches("src/")),
        }
        let name = NAMED_ROOMS.iter().find_map(|room| file.strip_prefix(room)).filter(|name| *name != "mod.rs");
        if let Some(name) = name {
            tell(name.trim_end_matches(".rs"));
        }
    }
}

#[test]
fn what_is_on_the_map_is_there() {
    // A line of the map is a path or several, two spaces and more, and words; or words only, further in.
    for line in map().lines().filter(|line| !line.starts_with("   ")) {
        let folder = if line.starts_with("  ") { "src/" } else { "" };
        let paths = line.trim_start().split("  ").next().unwrap();
        for name in paths.split_whitespace().filter(|name| !name.contains('<')) {
            assert!(root().join(folder).join(name).exists(), "README's map has {folder}{name}, which is not there");
        }
    }
}
