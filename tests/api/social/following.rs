//! Following and unfollowing.

use serde_json::json;
use uuid::Uuid;

use super::{HOUR_S, MORNING, crowd, deactivate, edge, follow, list, names, relation, unfollow};
use crate::support::{Request, TestApp, at_once};

#[tokio::test]
async fn following_is_one_way_until_it_is_returned() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    follow(&app, &ada, grace.id).await.expect(204);
    assert_eq!(relation(&app, &ada, grace.id).await, [true, false, false, false]);
    assert_eq!(relation(&app, &grace, ada.id).await, [false, true, false, false]);
    follow(&app, &grace, ada.id).await.expect(204);
    assert_eq!(relation(&app, &ada, grace.id).await, [true, true, true, false]);
    assert_eq!(relation(&app, &grace, ada.id).await, [true, true, true, false]);
    unfollow(&app, &ada, grace.id).await.expect(204);
    assert_eq!(relation(&app, &ada, grace.id).await, [false, true, false, false]);
    assert_eq!(relation(&app, &ada, ada.id).await, [false, false, false, true]);
}

#[tokio::test]
async fn following_and_unfollowing_again_change_nothing() {
    let app = TestApp::with_clock(MORNING).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    unfollow(&app, &ada, grace.id).await.expect(204);
    follow(&app, &ada, grace.id).await.expect(204);
    app.advance_s(60);
    let path = format!("/api/v1/users/{}/follow", grace.id);
    let json_without_body = app.request("POST", &path).bearer(&ada.token).header("content-type", "application/json");
    json_without_body.send().await.expect(204);
    assert_eq!(app.count("select extract(epoch from created_at)::bigint from social_edges").await, MORNING);
    assert_eq!(app.count("select count(*) from rate_limit_events").await, 1, "only a new follow counts");
    for _ in 0..2 {
        unfollow(&app, &ada, grace.id).await.expect(204);
        assert_eq!(app.count("select count(*) from social_edges").await, 0);
    }
    unfollow(&app, &ada, Uuid::new_v4()).await.expect(204);
    unfollow(&app, &ada, ada.id).await.expect(204);
}

#[tokio::test]
async fn nobody_follows_themselves() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let answer = follow(&app, &ada, ada.id).await.problem(409, "conflict");
    assert_eq!(answer.detail(), "Cannot follow yourself");
    assert_eq!(app.count("select count(*) from social_edges").await, 0);
}

#[tokio::test]
async fn only_active_lifters_follow_and_are_followed() {
    let app = TestApp::start().await;
    let (ada, gone) = (app.lifter("ada").await, app.lifter("gone").await);
    follow(&app, &ada, Uuid::new_v4()).await.problem(404, "not_found");
    deactivate(&app, gone.id).await;
    assert_eq!(follow(&app, &ada, gone.id).await.problem(404, "not_found").detail(), "User not found");
    follow(&app, &gone, ada.id).await.unauthorized();
    unfollow(&app, &gone, ada.id).await.unauthorized();
    for table in ["social_edges", "rate_limit_events"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    edge(&app, ada.id, gone.id, "active", "2027-01-01Z").await;
    unfollow(&app, &ada, gone.id).await.expect(204);
    assert_eq!(app.count("select count(*) from social_edges").await, 0, "one can leave who is gone");
}

#[tokio::test]
async fn an_edge_of_another_status_does_not_count_until_it_is_followed_again() {
    let app = TestApp::with_clock(MORNING).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    edge(&app, ada.id, grace.id, "removed", "2020-01-01Z").await;
    assert_eq!(relation(&app, &ada, grace.id).await, [false; 4]);
    assert_eq!(list(&app, &ada, ada.id, "following").await["total"], 0);
    follow(&app, &ada, grace.id).await.expect(204);
    assert_eq!(relation(&app, &ada, grace.id).await, [true, false, false, false]);
    assert_eq!(names(&list(&app, &ada, ada.id, "following").await), ["grace"]);
    assert_eq!(app.count("select extract(epoch from created_at)::bigint from social_edges").await, MORNING);
}

#[tokio::test]
async fn the_sixty_first_new_follow_within_an_hour_is_refused() {
    let app = TestApp::with_clock(MORNING).await;
    let mut ada = app.lifter("ada").await;
    let crowd = crowd(&app, "lifter", 62).await;
    for user in &crowd[..60] {
        follow(&app, &ada, *user).await.expect(204);
        app.advance_s(10);
    }
    let refused = follow(&app, &ada, crowd[60]).await.problem(429, "rate_limit_exceeded");
    assert_eq!(refused.header("retry-after"), Some("3000"), "the first one was 600 s ago");
    assert_eq!(app.count("select count(*) from social_edges").await, 60, "a refused follow leaves nothing");
    follow(&app, &ada, crowd[0]).await.expect(204);
    unfollow(&app, &ada, crowd[0]).await.expect(204);
    follow(&app, &ada, crowd[0]).await.problem(429, "rate_limit_exceeded");
    let grace = app.lifter("grace").await;
    follow(&app, &grace, crowd[0]).await.expect(204);

    app.advance_s(2999);
    ada.token = app.token(ada.id).await;
    follow(&app, &ada, crowd[60]).await.problem(429, "rate_limit_exceeded");
    app.advance_s(1);
    follow(&app, &ada, crowd[60]).await.expect(204);
    let refused = follow(&app, &ada, crowd[61]).await.problem(429, "rate_limit_exceeded");
    assert_eq!(refused.header("retry-after"), Some("10"), "the second one leaves the hour next");
}

#[tokio::test]
async fn follows_that_count_no_more_are_forgotten() {
    let app = TestApp::with_clock(MORNING).await;
    let mut ada = app.lifter("ada").await;
    let crowd = crowd(&app, "lifter", 4).await;
    for (user, action) in [(ada.id, "follow"), (ada.id, "other"), (crowd[3], "follow")] {
        let insert = "insert into rate_limit_events (user_id, action, occurred_at) values ($1, $2, '2026-01-01Z')";
        app.pg.execute(insert, &[&user, &action]).await.unwrap();
    }
    follow(&app, &ada, crowd[0]).await.expect(204);
    let mine = "select count(*) from rate_limit_events join users on users.id = user_id where username = 'ada' and action = 'follow'";
    assert_eq!(app.count(mine).await, 1);
    assert_eq!(app.count("select count(*) from rate_limit_events").await, 3, "what is not theirs stays");
    app.advance_s(HOUR_S);
    ada.token = app.token(ada.id).await;
    follow(&app, &ada, crowd[1]).await.expect(204);
    assert_eq!(app.count(mine).await, 1);
}

#[tokio::test]
async fn eighty_follows_at_once_are_sixty() {
    let app = std::sync::Arc::new(TestApp::start().await);
    let ada = app.lifter("ada").await;
    let crowd = crowd(&app, "lifter", 80).await;
    let follows = crowd.iter().map(|user| {
        let request = app.request("POST", &format!("/api/v1/users/{user}/follow")).bearer(&ada.token);
        async move { request.send().await.status }
    });
    let mut statuses = at_once(follows).await;
    // Whoever found no connection in time tries again.
    for (status, user) in statuses.iter_mut().zip(&crowd) {
        while *status == 503 {
            *status = follow(&app, &ada, *user).await.status;
        }
    }
    let taken = statuses.iter().filter(|status| **status == 204).count();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!((taken, refused), (60, 20), "{statuses:?}");
    assert_eq!(app.count("select count(*) from social_edges").await, 60);
    assert_eq!(app.count("select count(*) from rate_limit_events").await, 60);
}

#[tokio::test]
async fn two_instances_count_the_same_sixty() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let crowd = crowd(&app, "lifter", 72).await;
    let addresses = [app.address, app.another().await];
    let request = |number: usize, user: &Uuid| {
        Request::new(addresses[number % 2], "POST", &format!("/api/v1/users/{user}/follow")).bearer(&ada.token)
    };
    for (number, user) in crowd[..52].iter().enumerate() {
        request(number, user).send().await.expect(204);
    }
    let last = crowd[52..].iter().enumerate().map(|(number, user)| {
        let request = request(number, user);
        async move { request.send().await.status }
    });
    let statuses = at_once(last).await;
    let of = |status| statuses.iter().filter(|answered| **answered == status).count();
    assert_eq!((of(204), of(429)), (8, 12), "{statuses:?}");
    for address in addresses {
        let path = format!("/api/v1/users/{}/follow", app.lifter(&address.port().to_string()).await.id);
        let refused = Request::new(address, "POST", &path).bearer(&ada.token).send().await;
        refused.problem(429, "rate_limit_exceeded");
    }
    assert_eq!(app.count("select count(*) from social_edges").await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows_and_unfollows_at_once_leave_what_the_lists_say() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let path = |user: Uuid| format!("/api/v1/users/{user}/follow");
    for _ in 0..3 {
        let requests = (0..16).map(|number| {
            let (lifter, other) = if number % 4 < 2 { (&ada, grace.id) } else { (&grace, ada.id) };
            let method = if number % 2 == 0 { "POST" } else { "DELETE" };
            let request = app.request(method, &path(other)).bearer(&lifter.token);
            async move { request.send().await.status }
        });
        assert_eq!(at_once(requests).await, [204; 16]);
        let [follows, followed, friends, _] = relation(&app, &ada, grace.id).await;
        assert_eq!(friends, follows && followed);
        assert_eq!(list(&app, &ada, ada.id, "following").await["total"], i32::from(follows));
        assert_eq!(list(&app, &ada, ada.id, "followers").await["total"], i32::from(followed));
        assert_eq!(list(&app, &ada, ada.id, "friends").await["total"], i32::from(friends));
    }
}

#[tokio::test]
async fn two_who_follow_each_other_at_once_are_friends() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    for _ in 0..10 {
        let pairs = [(&ada, grace.id), (&grace, ada.id)];
        let follows = pairs.map(|(lifter, other)| {
            let request = app.request("POST", &format!("/api/v1/users/{other}/follow")).bearer(&lifter.token);
            async move { request.send().await.status }
        });
        assert_eq!(at_once(follows).await, [204, 204]);
        assert_eq!(relation(&app, &ada, grace.id).await, [true, true, true, false]);
        unfollow(&app, &ada, grace.id).await.expect(204);
        unfollow(&app, &grace, ada.id).await.expect(204);
    }
}

#[tokio::test]
async fn who_deletes_their_account_leaves_no_edges() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    follow(&app, &ada, grace.id).await.expect(204);
    follow(&app, &grace, ada.id).await.expect(204);
    app.request("DELETE", "/api/v1/users/me").bearer(&grace.token).send().await.expect(204);
    let page = list(&app, &ada, ada.id, "followers").await;
    assert_eq!(page, json!({ "items": [], "count": 0, "total": 0, "offset": 0, "next_offset": null }));
    assert_eq!(app.count("select count(*) from rate_limit_events").await, 1);
}
