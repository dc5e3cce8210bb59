//! The edge.

use crate::support::TestApp;

#[tokio::test]
async fn health_answers() {
    let app = TestApp::start().await;
    let answer = app.get("/health").await.expect(200);
    assert_eq!(answer.body, r#"{"status":"ok"}"#);
}
