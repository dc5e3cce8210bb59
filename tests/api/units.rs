//! The units in `systemd/`, as systemd's own tools judge them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use repduel_backend::config::{AppEnv, Config};

use crate::support::TestFolder;

/// The highest exposure that a service may be rated with, in tenths.
const EXPOSURE_MAX: &str = "13";

/// A copy of the units in which programs that are not on this machine have another name: systemd looks whether they are there.
fn copied(folder: &TestFolder) -> Vec<String> {
    let mut units = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if [".service", ".socket", ".timer"].iter().any(|ending| name.ends_with(ending)) {
            let copy = Path::new(folder.name()).join(&name);
            fs::write(&copy, there(&fs::read_to_string(&path).unwrap())).unwrap();
            units.push(copy.to_str().unwrap().to_owned());
        }
    }
    units.sort();
    units
}

fn there(unit: &str) -> String {
    let programs = [
        "/usr/bin/doppler",
        "/srv/repduel/%i/bin/repduel-backend",
        "/srv/repduel/current/bin/backup.sh",
        "/srv/repduel/current/bin/restore-drill.sh",
    ];
    programs.iter().fold(unit.to_owned(), |unit, program| unit.replace(program, "/usr/bin/env"))
}

fn analyze(words: &[&str], units: &[String]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(words).args(units).output().expect("systemd-analyze is there: `make test` installs it")
}

#[track_caller]
fn assert_silent(output: &Output) {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    // Misspelt directives are told, with exit code 0.
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    let folder = TestFolder::new();
    let units = copied(&folder);
    assert!(units.len() >= 7, "{units:?}");
    assert_silent(&analyze(&["verify"], &units));
}

#[test]
fn the_readme_names_every_unit_and_says_how_it_is_installed() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split("### Under systemd").nth(1).unwrap().split("\n### ").next().unwrap();
    let all = "install -m 644 systemd/*.service systemd/*.socket systemd/*.timer /etc/systemd/system/";
    assert!(section.contains(all));
    let enabled = section.lines().find(|line| line.starts_with("systemctl enable --now ")).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        match ending {
            "service" => assert!(section.contains(&format!("| `{stem}")), "{name} is not in the table of units"),
            "socket" | "timer" => assert!(enabled.split(' ').any(|word| word == name), "{name} is not enabled"),
            "conf" => {
                assert!(section.contains(&format!("install -D -m 644 systemd/{name} ")), "{name} is not installed")
            }
            _ => {}
        }
    }
}

/// What stands in the place of Doppler, and for which unit.
const WITHOUT_DOPPLER: [(&str, &str); 2] =
    [("without-doppler.conf", "repduel-backend@.service"), ("backup-without-doppler.conf", "repduel-backup.service")];

fn own(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap()
}

/// The values of this key, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn units_run_in_production_with_what_is_handed_over_without_doppler() {
    for (name, unit) in WITHOUT_DOPPLER {
        let (drop_in, unit) = (own(name), own(unit));
        let said = values(&unit, "Environment").into_iter().flat_map(|line| line.split(' '));
        let said: BTreeMap<&str, &str> = said.map(|pair| pair.split_once('=').unwrap()).collect();
        let given: Vec<&str> =
            values(&drop_in, "LoadCredential").into_iter().map(|line| line.split_once(':').unwrap().0).collect();
        let secret = |name: &str| match name {
            "DATABASE_URL" => "postgres://u@h/d".to_owned(),
            _ => "a secret of forty characters, or so, of it".to_owned(),
        };
        let lookup = |name: &str| {
            said.get(name).map(|value| (*value).to_owned()).or_else(|| given.contains(&name).then(|| secret(name)))
        };
        let config = Config::from_lookup(lookup).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        assert_eq!(config.app_env, AppEnv::Production, "{name}");
        assert_eq!(values(&drop_in, "EnvironmentFile"), ["-/etc/repduel/environment"], "{name}");
    }
}

#[test]
fn what_stands_in_the_place_of_doppler_runs_the_same() {
    for (name, unit) in WITHOUT_DOPPLER {
        let folder = TestFolder::new();
        let units = copied(&folder);
        let drop_ins = folder.path().join(format!("{unit}.d"));
        fs::create_dir(&drop_ins).unwrap();
        fs::write(drop_ins.join(name), there(&own(name))).unwrap();
        assert_silent(&analyze(&["verify"], &units));
        let with = own(unit);
        let (doppler, command) = values(&with, "ExecStart")[0].split_once(" -- ").unwrap();
        assert!(doppler.starts_with("/usr/bin/doppler run "), "{unit}");
        assert_eq!(values(&own(name), "ExecStart"), ["", command], "{name}");
    }
}

#[test]
fn systemd_has_nothing_to_say_about_what_brings_the_neighbours_back() {
    let folder = TestFolder::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/come-back.conf");
    let mut units = Vec::new();
    for (name, kind) in [("caddy.service", "notify"), ("postgresql@.service", "forking")] {
        let unit = folder.path().join(name);
        fs::write(&unit, format!("[Service]\nType={kind}\nExecStart=/usr/bin/env\n")).unwrap();
        let drop_ins = folder.path().join(format!("{name}.d"));
        fs::create_dir(&drop_ins).unwrap();
        fs::copy(&own, drop_ins.join("come-back.conf")).unwrap();
        units.push(unit.to_str().unwrap().to_owned());
    }
    assert_silent(&analyze(&["verify"], &units));
}

#[test]
fn services_are_closed_to_all_they_do_not_need() {
    let folder = TestFolder::new();
    let services: Vec<String> = copied(&folder).into_iter().filter(|unit| unit.ends_with(".service")).collect();
    for service in &services {
        let words = ["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX];
        let output = analyze(&words, std::slice::from_ref(service));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Overall exposure level"), "{service}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(output.status.success(), "{service}: {last}");
    }
}
