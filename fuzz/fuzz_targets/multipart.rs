//! Forms with files: any `Content-Type` (the first line) and any body, in pieces of any size. What is read does not depend on
//! the pieces, no content holds the boundary, refusals repeat nothing; and a form that is well made gives its file back.

#![no_main]

use bytes::Bytes;
use futures_util::stream;
use libfuzzer_sys::fuzz_target;
use repduel_backend::error::{Error, Result};
use repduel_backend::http::multipart::{Form, boundary};
use repduel_fuzz::{assert_silent, with_canaries};

/// Name, declared type and content of a part.
type Part = (Option<String>, Option<String>, Vec<u8>);

async fn read(body: &[u8], boundary: &str, piece_bytes: usize) -> Result<Vec<Part>> {
    let pieces: Vec<Result<Bytes>> = body.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut form = Form::new(stream::iter(pieces), boundary.to_owned());
    let mut parts = Vec::new();
    while let Some(mut part) = form.next().await? {
        let (name, media_type) = (part.name().map(str::to_owned), part.media_type().map(str::to_owned));
        let mut content = Vec::new();
        while let Some(piece) = part.next().await? {
            content.extend_from_slice(&piece);
        }
        parts.push((name, media_type, content));
    }
    Ok(parts)
}

fn check_refusal(error: &Error) {
    assert!([400, 415, 422].contains(&error.problem().status()), "{error:?}");
    assert_silent("a refused form", &error.document("/", "-").to_string());
    assert_silent("the log of a refused form", &error.chain().unwrap_or_default());
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

async fn check(content_type: &str, body: &[u8], piece_bytes: usize) {
    let boundary = match boundary(content_type) {
        Ok(boundary) => boundary,
        Err(error) => return check_refusal(&error),
    };
    let delimiter = format!("\r\n--{boundary}");
    let whole = read(body, &boundary, body.len().max(1)).await;
    let parts = read(body, &boundary, piece_bytes).await;
    match (&whole, &parts) {
        (Ok(whole), Ok(parts)) => assert_eq!(whole, parts, "in pieces of {piece_bytes} bytes"),
        (Err(whole), Err(parts)) => [whole, parts].into_iter().for_each(check_refusal),
        _ => panic!("whole {whole:?}, in pieces of {piece_bytes} bytes {parts:?}"),
    }
    let parts = parts.unwrap_or_default();
    assert!(parts.iter().all(|(_, _, content)| !holds(content, delimiter.as_bytes())), "a part holds the boundary");
    if !holds(&[b"\r\n", body].concat(), delimiter.as_bytes()) {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n");
        let form = [head.as_bytes(), body, delimiter.as_bytes(), b"--\r\n"].concat();
        let parts = read(&form, &boundary, piece_bytes).await.expect("a well-made form is one");
        assert_eq!(parts, [(Some("a".to_owned()), None, body.to_vec())]);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((piece_bytes, rest)) = input.split_first() else { return };
    let rest = with_canaries(rest);
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (content_type, body) = rest.split_at(end);
    let content_type = String::from_utf8_lossy(content_type);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without anything");
    runtime.block_on(check(&content_type, body.get(1..).unwrap_or_default(), usize::from(*piece_bytes) + 1));
});
