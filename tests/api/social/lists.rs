//! Followers, following, friends, and one relationship.

use serde_json::json;
use uuid::Uuid;

use super::{crowd, deactivate, edge, list, names, relation};
use crate::support::{TestApp, keys};

const LISTS: [&str; 3] = ["followers", "following", "friends"];

#[tokio::test]
async fn lists_are_newest_first() {
    let app = TestApp::start().await;
    let (ada, grace, joan, mary) =
        (app.lifter("ada").await, app.lifter("grace").await, app.lifter("joan").await, app.lifter("mary").await);
    edge(&app, grace.id, ada.id, "active", "2027-01-02Z").await;
    edge(&app, joan.id, ada.id, "active", "2027-01-03Z").await;
    edge(&app, mary.id, ada.id, "active", "2027-01-01Z").await;
    edge(&app, ada.id, mary.id, "active", "2027-01-05Z").await;
    edge(&app, ada.id, grace.id, "active", "2027-01-06Z").await;
    assert_eq!(names(&list(&app, &ada, ada.id, "followers").await), ["joan", "grace", "mary"]);
    assert_eq!(names(&list(&app, &ada, ada.id, "following").await), ["grace", "mary"]);
    assert_eq!(names(&list(&app, &ada, ada.id, "friends").await), ["grace", "mary"]);
    assert_eq!(names(&list(&app, &ada, mary.id, "friends").await), ["ada"]);
    assert_eq!(names(&list(&app, &ada, joan.id, "friends").await), [""; 0]);
}

#[tokio::test]
async fn people_are_shown_as_the_caller_stands_to_them() {
    let app = TestApp::with_variables(&[("BASE_URL", "https://api.repduel.com")]).await;
    let (ada, grace, joan) = (app.lifter("ada").await, app.lifter("grace").await, app.lifter("joan").await);
    let update =
        "update users set display_name = 'Ada L', avatar_url = 'avatars/a.png', is_active = null where id = $1";
    app.pg.execute(update, &[&ada.id]).await.unwrap();
    edge(&app, ada.id, grace.id, "active", "2027-01-02Z").await;
    edge(&app, joan.id, grace.id, "active", "2027-01-01Z").await;
    edge(&app, joan.id, ada.id, "active", "2027-01-01Z").await;
    let page = list(&app, &joan, grace.id, "followers").await;
    let person = json!({
        "id": ada.id, "username": "ada", "display_name": "Ada L",
        "avatar_url": "https://api.repduel.com/static/avatars/a.png",
        "is_following": true, "is_followed_by": false, "is_friend": false, "is_self": false,
    });
    assert_eq!(page["items"][0], person);
    assert_eq!(app.get_as(&joan, &format!("/api/v1/users/{}/relationship", ada.id)).await.json(), person);
    assert_eq!((&page["items"][1]["username"], &page["items"][1]["is_self"]), (&json!("joan"), &json!(true)));
    assert_eq!(keys(&page), ["count", "items", "next_offset", "offset", "total"]);
}

#[tokio::test]
async fn who_is_not_active_is_neither_listed_nor_counted() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let crowd = crowd(&app, "lifter", 5).await;
    for user in &crowd {
        edge(&app, *user, ada.id, "active", "2027-01-01Z").await;
        edge(&app, ada.id, *user, "active", "2027-01-01Z").await;
    }
    deactivate(&app, crowd[1]).await;
    deactivate(&app, crowd[4]).await;
    let one_way = "update social_edges set status = 'removed' where followee_id = $1";
    app.pg.execute(one_way, &[&crowd[0]]).await.unwrap();
    for (which, total) in [("followers", 3), ("following", 2), ("friends", 2)] {
        let page = list(&app, &ada, ada.id, which).await;
        assert_eq!((&page["total"], &page["count"]), (&json!(total), &json!(total)), "{which}");
        assert!(!names(&page).contains(&"lifter0001"), "{which}");
    }
    // Who is not active still has lists, and can be asked about.
    assert_eq!(names(&list(&app, &ada, crowd[1], "followers").await), ["ada"]);
    assert_eq!(relation(&app, &ada, crowd[1]).await, [true, true, true, false]);
}

#[tokio::test]
async fn pages_of_edges_made_at_one_instant_hold_everybody_once() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let mut crowd = crowd(&app, "lifter", 47).await;
    for user in &crowd {
        edge(&app, *user, ada.id, "active", "2027-01-01Z").await;
        edge(&app, ada.id, *user, "active", "2027-01-01Z").await;
    }
    crowd.sort_unstable();
    for which in LISTS {
        let mut seen = Vec::new();
        let mut offset = Some(0);
        while let Some(at) = offset {
            let page = list(&app, &ada, ada.id, &format!("{which}?limit=10&offset={at}")).await;
            let items = page["items"].as_array().unwrap();
            assert_eq!((&page["total"], &page["offset"]), (&json!(47), &json!(at)));
            assert_eq!(page["count"], items.len());
            seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
            offset = page["next_offset"].as_i64();
        }
        assert_eq!(seen, crowd, "{which}");
    }
    assert_eq!(list(&app, &ada, ada.id, "followers").await["next_offset"], 20);
    assert_eq!(list(&app, &ada, ada.id, "followers?limit=47").await["next_offset"], json!(null));
    let beyond = list(&app, &ada, ada.id, "followers?offset=47").await;
    assert_eq!(beyond, json!({ "items": [], "count": 0, "total": 47, "offset": 47, "next_offset": null }));
}

#[tokio::test]
async fn lists_need_an_account_a_lifter_and_a_page_within_bounds() {
    let app = TestApp::start().await;
    let (ada, gone) = (app.lifter("ada").await, app.lifter("gone").await);
    deactivate(&app, gone.id).await;
    for which in LISTS.into_iter().chain(["relationship"]) {
        let path = format!("/api/v1/users/{}/{which}", Uuid::new_v4());
        app.get_as(&ada, &path).await.problem(404, "not_found");
        app.get_as(&ada, &format!("/api/v1/users/7/{which}")).await.invalid(&["/path/user_id"]);
        app.get_as(&gone, &format!("/api/v1/users/{}/{which}", ada.id)).await.unauthorized();
    }
    for which in LISTS {
        let path = format!("/api/v1/users/{}/{which}", ada.id);
        for (query, pointers) in [
            ("limit=0&offset=-1", ["/query/limit", "/query/offset"].as_slice()),
            ("limit=101", &["/query/limit"]),
            ("offset=x", &["/query/offset"]),
        ] {
            app.get_as(&ada, &format!("{path}?{query}")).await.invalid(pointers);
        }
        app.get_as(&ada, &format!("{path}?limit=100&offset=1000000000")).await.expect(200);
    }
}
