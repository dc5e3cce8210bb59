//! The routes that clients were promised, written down by hand: method, path, who may call it, the status of success. The route
//! table has these and, each for its reason, a few more.

use std::collections::BTreeMap;

use repduel_backend::http::Access::{self, Admin, Open, User};
use repduel_backend::routes::TABLE;

type Promise = (&'static str, &'static str, Access, u16);

#[rustfmt::skip]
const PROMISED: &[Promise] = &[
    // Users and sessions.
    ("POST",   "/api/v1/users", Open, 201),
    ("POST",   "/api/v1/users/login", Open, 200),
    ("POST",   "/api/v1/login", Open, 200),
    ("POST",   "/api/v1/auth/login", Open, 200),
    ("POST",   "/api/v1/users/refresh", Open, 200),
    ("POST",   "/api/v1/users/logout", User, 204),
    ("POST",   "/api/v1/auth/refresh", Open, 200),
    ("POST",   "/api/v1/auth/logout", Open, 204),
    ("GET",    "/api/v1/auth/sessions", User, 200),
    ("DELETE", "/api/v1/auth/sessions/{session_id}", User, 204),
    ("GET",    "/api/v1/users/me", User, 200),
    ("PATCH",  "/api/v1/users/me", User, 200),
    ("PATCH",  "/api/v1/users/me/unit", User, 200),
    ("PATCH",  "/api/v1/users/me/avatar", User, 200),
    ("DELETE", "/api/v1/users/me", User, 204),
    ("GET",    "/api/v1/users/{user_id}", Open, 200),
    ("GET",    "/api/v1/users/username/{username}", Open, 200),
    ("GET",    "/api/v1/users/lookup", User, 200),
    ("GET",    "/api/v1/users/{user_id}/relationship", User, 200),
    ("POST",   "/api/v1/users/{user_id}/follow", User, 204),
    ("DELETE", "/api/v1/users/{user_id}/follow", User, 204),
    ("GET",    "/api/v1/users/{user_id}/followers", User, 200),
    ("GET",    "/api/v1/users/{user_id}/following", User, 200),
    ("GET",    "/api/v1/users/{user_id}/friends", User, 200),
    ("GET",    "/api/v1/users/me/hidden-routines", User, 200),
    ("POST",   "/api/v1/users/me/hidden-routines/{routine_id}", User, 204),
    ("DELETE", "/api/v1/users/me/hidden-routines/{routine_id}", User, 204),
    // Exercises, scores, leaderboards.
    ("GET",    "/api/v1/scenarios", Open, 200),
    ("POST",   "/api/v1/scenarios", Admin, 200),
    ("GET",    "/api/v1/scenarios/{scenario_id}/multiplier", Open, 200),
    ("GET",    "/api/v1/scenarios/{scenario_id}/details", Open, 200),
    ("POST",   "/api/v1/scores/scenario/{scenario_id}", User, 200),
    ("POST",   "/api/v1/scores", User, 200),
    ("GET",    "/api/v1/scores/scenario/{scenario_id}/leaderboard", Open, 200),
    ("GET",    "/api/v1/scores/scenario/{scenario_id}/leaderboard/friends", User, 200),
    ("GET",    "/api/v1/scores/scenario/{scenario_id}/rank/{user_id}", Open, 200),
    ("GET",    "/api/v1/scores/user/{user_id}/scenario/{scenario_id}", Open, 200),
    ("GET",    "/api/v1/scores/user/{user_id}/scenario/{scenario_id}/highscore", Open, 200),
    ("DELETE", "/api/v1/scores/user/{user_id}", User, 204),
    ("GET",    "/api/v1/personal_best_events/user/{user_id}", User, 200),
    // Energy, standards, ranks.
    ("GET",    "/api/v1/energy/leaderboard", Open, 200),
    ("GET",    "/api/v1/energy/leaderboard/friends", User, 200),
    ("GET",    "/api/v1/energy/rank/{user_id}", User, 200),
    ("GET",    "/api/v1/energy/daily/{user_id}", Open, 200),
    ("GET",    "/api/v1/energy/history/{user_id}", Open, 200),
    ("GET",    "/api/v1/energy/latest/{user_id}", Open, 200),
    ("POST",   "/api/v1/energy/submit", User, 200),
    ("GET",    "/api/v1/standards/{bodyweight}", Open, 200),
    ("GET",    "/api/v1/ranks/get_rank_progress", Open, 200),
    ("GET",    "/api/v1/ranks/rank_from_energy/{energy}", Open, 200),
    ("GET",    "/api/v1/ranks/rank_color/{user_id}", Open, 200),
    ("GET",    "/api/v1/ranks/rank_icon/{user_id}", Open, 200),
    ("GET",    "/api/v1/ranks/user/{user_id}/scenario/{scenario_id}/highscore_value", Open, 200),
    // Levels and quests.
    ("GET",    "/api/v1/levels/me", User, 200),
    ("GET",    "/api/v1/levels/user/{user_id}", Open, 200),
    ("POST",   "/api/v1/levels/me/award", Admin, 200),
    ("GET",    "/api/v1/quests/me", User, 200),
    ("POST",   "/api/v1/quests/me/{quest_id}/claim", User, 200),
    // Routines and workouts.
    ("GET",    "/api/v1/routines", User, 200),
    ("POST",   "/api/v1/routines", User, 201),
    ("POST",   "/api/v1/routines/images", User, 201),
    ("GET",    "/api/v1/routines/{routine_id}", User, 200),
    ("PUT",    "/api/v1/routines/{routine_id}", User, 200),
    ("DELETE", "/api/v1/routines/{routine_id}", User, 204),
    ("POST",   "/api/v1/routines/{routine_id}/share", User, 200),
    ("GET",    "/api/v1/routines/shared/{code}", Open, 200),
    ("POST",   "/api/v1/routines/import", User, 201),
    ("POST",   "/api/v1/routine_submission", User, 201),
    ("GET",    "/api/v1/routine_submission/user/{user_id}", User, 200),
    ("GET",    "/api/v1/guilds", User, 200),
    ("POST",   "/api/v1/guilds", User, 201),
    ("GET",    "/api/v1/guilds/me", User, 200),
    // Money.
    ("POST",   "/api/v1/payments/create-checkout-session", User, 201),
    ("POST",   "/api/v1/payments/create-portal-session", User, 201),
    ("POST",   "/api/v1/payments/webhook", Open, 200),
    ("POST",   "/api/v1/webhooks/revenuecat", Open, 200),
    // Outside of the API's version.
    ("GET",    "/", Open, 200),
    ("GET",    "/health", Open, 200),
    ("GET",    "/health/db", Open, 200),
    ("GET",    "/health/queue", Open, 200),
    ("GET",    "/ready", Open, 200),
    ("GET",    "/metrics", Open, 200),
    ("GET",    "/flags", Open, 200),
    ("PUT",    "/flags/{name}", Admin, 200),
    ("GET",    "/.well-known/apple-app-site-association", Open, 200),
    ("GET",    "/apple-app-site-association", Open, 200),
    ("GET",    "/static/{*key}", Open, 200),
];

/// Routes that nobody was promised, and why they are there.
const EXTRA: &[(&str, &str, &str)] =
    &[("GET", "/openapi.json", "tools read the API from it"), ("GET", "/docs", "people read the API on it")];

#[test]
fn the_table_has_what_was_promised_and_nothing_without_a_reason() {
    let mut promised: BTreeMap<_, _> =
        PROMISED.iter().map(|(method, path, access, status)| ((*method, *path), (*access, *status))).collect();
    assert_eq!(promised.len(), PROMISED.len(), "a promise stands twice");
    for route in TABLE.iter().flat_map(|routes| routes.iter()) {
        let (operation, name) = (route.operation(), (route.method.name(), route.path));
        if let Some((_, _, reason)) = EXTRA.iter().find(|(method, path, _)| (*method, *path) == name) {
            assert!(!reason.is_empty() && !promised.contains_key(&name), "{name:?}");
            continue;
        }
        let promise = promised.remove(&name).unwrap_or_else(|| panic!("{name:?} was not promised: why is it there?"));
        assert_eq!((operation.access, operation.status), promise, "{name:?}");
    }
    assert!(promised.is_empty(), "missing: {promised:?}");
    for (method, path, _) in EXTRA {
        let there = TABLE
            .iter()
            .flat_map(|routes| routes.iter())
            .any(|route| (route.method.name(), route.path) == (*method, *path));
        assert!(there, "{method} {path} is gone: strike it out");
    }
}
