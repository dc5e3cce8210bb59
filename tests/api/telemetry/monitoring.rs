//! Alert rules and dashboard: they work, and ask for nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::feed;
use super::figures::{Figures, used};
use crate::support::TestApp;

const ALERTS: &str = include_str!("../../../systemd/monitoring/alerts.yml");
const CASES: &str = include_str!("../../monitoring/alerts.yml");
const DASHBOARD: &str = include_str!("../../../systemd/monitoring/dashboard.json");

/// Figures of others, and their labels: Prometheus itself, prometheus-node-exporter, prometheus-blackbox-exporter.
const FOREIGN: [(&str, &[&str]); 5] = [
    ("up", &["job", "instance"]),
    ("node_filesystem_avail_bytes", &["device", "fstype", "mountpoint"]),
    ("node_filesystem_size_bytes", &["device", "fstype", "mountpoint"]),
    ("probe_ssl_earliest_cert_expiry", &[]),
    ("probe_success", &[]),
];
/// Labels that Prometheus puts on everything.
const SCRAPED: [&str; 2] = ["job", "instance"];
/// Words of its language that stand where a figure's name could.
const WORDS: [&str; 6] = ["and", "count", "max", "or", "sum", "unless"];

#[tokio::test]
async fn rules_and_scrapes_are_what_prometheus_reads_and_every_alert_fires_when_it_should() {
    for arguments in [
        ["check", "rules", "systemd/monitoring/alerts.yml"],
        ["check", "config", "systemd/monitoring/prometheus.yml"],
        ["test", "rules", "tests/monitoring/alerts.yml"],
    ] {
        let (content, said) = feed("promtool", &arguments, "").await;
        assert!(content, "promtool {}: {said}", arguments.join(" "));
    }
    for alert in ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let quiet = format!("alertname: {alert} }}");
        let fires = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels:");
        assert!(
            CASES.contains(&quiet) && CASES.contains(&fires),
            "tests/monitoring/alerts.yml lacks a case of {alert}"
        );
    }
}

#[test]
fn the_runbook_knows_every_alert_and_no_other() {
    let readme = include_str!("../../../README.md");
    let runbook = readme.split("### When an alarm goes off").nth(1).unwrap().split("\n### ").next().unwrap();
    let firsts: String = runbook.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    let told: BTreeSet<&str> = firsts
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric))
        .collect();
    let alerts: BTreeSet<&str> = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(told, alerts);
}

/// Takes what stands in these brackets out of an expression; answers what is left, and what stood there.
fn without(text: &str, open: char, close: char) -> (String, Vec<String>) {
    let (mut left, mut taken) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let (inside, after) = after.split_once(close).unwrap_or_else(|| panic!("{open} without {close} in {text}"));
        left.push_str(before);
        left.push(' ');
        taken.push(inside.to_owned());
        rest = after;
    }
    left.push_str(rest);
    (left, taken)
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// The figures that an expression names, and the labels.
fn names(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (text, _) = without(expression, '[', ']');
    let (mut text, matchers) = without(&text, '{', '}');
    let of_matcher = |matcher: &String| {
        let parts =
            matcher.split(',').filter_map(|part| part.split(['=', '!']).next()).map(|name| name.trim().to_owned());
        parts.collect::<Vec<_>>()
    };
    let mut labels: BTreeSet<String> = matchers.iter().flat_map(of_matcher).collect();
    for word in ["by (", "on ("] {
        while let Some(at) = text.find(word) {
            let end = at + text[at..].find(')').unwrap();
            labels.extend(identifiers(&text[at + word.len()..end]).map(str::to_owned));
            text.replace_range(at..=end, " ");
        }
    }
    // What a bracket follows is a function.
    let figures = identifiers(&text).filter(|word| !text.contains(&format!("{word}(")) && !WORDS.contains(word));
    (figures.map(str::to_owned).collect(), labels)
}

/// The dashboard's expressions, and what their legends name.
fn dashboard() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "every panel has an id of its own");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    targets
        .map(|target| (text(&target["expr"]).replace("$__rate_interval", "5m"), text(&target["legendFormat"])))
        .collect()
}

#[tokio::test]
async fn everything_that_is_asked_for_is_there() {
    let app = TestApp::with_variables(&[
        ("RATE_LIMIT_LOGIN_LIMIT", "2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), // so that there is a count of what is dropped
    ])
    .await;
    used(&app).await;
    let mut known: BTreeMap<String, BTreeSet<String>> = Figures::of(&app).await.labels();
    known.extend(
        FOREIGN.map(|(name, labels)| (name.to_owned(), labels.iter().map(|label| (*label).to_owned()).collect())),
    );

    let rules = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let rules = rules.map(|expression| (expression.to_owned(), String::new()));
    let mut asked = BTreeSet::new();
    for (expression, legend) in rules.chain(dashboard()) {
        let (figures, mut labels) = names(&expression);
        labels.extend(without(&legend, '{', '}').1.iter().flat_map(|part| identifiers(part)).map(str::to_owned));
        assert!(!figures.is_empty(), "{expression} names no figure");
        let of_figures = |name: &String| known.get(name).unwrap_or_else(|| panic!("nobody tells {name}: {expression}"));
        let there: BTreeSet<&str> = figures.iter().flat_map(of_figures).map(String::as_str).chain(SCRAPED).collect();
        let missing: Vec<&String> = labels.iter().filter(|label| !there.contains(label.as_str())).collect();
        assert!(missing.is_empty(), "{expression}: no figure has {missing:?}");
        asked.extend(figures);
    }
    // And what is told is shown, but for what a process has by custom.
    let base = |name: &str| {
        ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    let shown: BTreeSet<String> = asked.iter().map(|name| base(name)).collect();
    let unseen: Vec<&String> = known.keys().filter(|name| !shown.contains(&base(name))).collect();
    assert_eq!(unseen, ["process_threads", "process_virtual_memory_bytes"], "show it on the dashboard");
}

#[test]
fn expressions_are_taken_apart() {
    let (figures, labels) =
        names(r#"sum by (le, route) (rate(a_bucket{status=~"5..",job!="x"}[5m])) / on (instance) b > 0.01 or c == 1"#);
    assert_eq!(Vec::from_iter(figures), ["a_bucket", "b", "c"]);
    assert_eq!(Vec::from_iter(labels), ["instance", "job", "le", "route", "status"]);
}
