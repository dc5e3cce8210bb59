//! Receiving a picture: one part of a form, looked at while it comes.

use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};
use serde_json::json;

use super::release;
use crate::app::App;
use crate::error::{Error, FieldError, Problem, Result};
use crate::http::extract::BODY_FAILURES;
use crate::http::multipart::{Form, MEDIA_TYPE, Part};
use crate::http::route::{BodyFacts, FILE_MAX_BYTES};
use crate::http::{Cx, FromCx, Operation};
use crate::images::{Flaw, Format, SNIFF_BYTES};
use crate::schema::WITHOUT_CONTROLS;
use crate::storage::{Incoming, Key, Kind, Storage, refused};

/// A picture that a route takes: the name of its part, and what it is of.
pub trait Upload: Send {
    /// The part's name.
    const PART: &'static str;
    /// What the picture is of.
    const KIND: Kind;
}

/// A picture of a lifter.
pub struct Avatar;

impl Upload for Avatar {
    const PART: &'static str = "avatar";
    const KIND: Kind = Kind::Avatar;
}

/// A picture of a routine.
pub struct RoutineImage;

impl Upload for RoutineImage {
    const PART: &'static str = "image";
    const KIND: Kind = Kind::Routine;
}

/// A file that has been received, and begins like a picture. Dropped, it is gone.
pub struct Picture<U>(Incoming, PhantomData<U>);

impl<U: Upload> Picture<U> {
    /// Stores the picture. When this answers, it is on the disk, where nothing refers to it yet. That it may stay so is
    /// written down before it has a name, so that it is looked after whatever is killed next.
    ///
    /// # Errors
    /// 400 if it is no whole picture, `Unavailable` if it cannot be stored.
    pub async fn keep(self, app: &App) -> Result<Key> {
        let cleaned = app.storage.clean(self.0, U::KIND).await?;
        release::watch(app, &cleaned.key).await?;
        app.storage.keep(cleaned).await
    }
}

impl<U: Upload> FromCx for Picture<U> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let mut form = Form::of(cx)?;
        let mut received = None;
        while let Some(mut part) = form.next().await? {
            if part.name() != Some(U::PART) {
                part.skip().await?; // other clients may send what others need
                continue;
            }
            if received.is_some() {
                return Err(wrong_part(U::PART, "repeated", "be sent once"));
            }
            received = Some(receive(&cx.app.storage, &mut part).await?);
        }
        let received = received.ok_or_else(|| wrong_part(U::PART, "missing", "be given"))?;
        Ok(Self(received, PhantomData))
    }

    fn describe(operation: &mut Operation) {
        let file = json!({ "type": "string", "format": "binary", "description": "A picture of at most 10 MiB." });
        // Other parts are passed over, but a control character in a part's name breaks its head.
        let names = json!({ "pattern": WITHOUT_CONTROLS });
        let properties = json!({ U::PART: file });
        let schema =
            json!({ "type": "object", "required": [U::PART], "properties": properties, "propertyNames": names });
        operation.body = Some(BodyFacts { media_type: MEDIA_TYPE, required: true, schema });
        operation.failures.extend(BODY_FAILURES);
    }
}

fn wrong_part(name: &str, code: &'static str, must: &str) -> Error {
    let (pointer, detail) = (format!("/{name}"), format!("{name} must {must}"));
    Error::invalid(vec![FieldError { pointer, code, detail }])
}

fn bad(detail: &'static str) -> Error {
    Error::new(Problem::BadRequest).with_detail(detail)
}

/// Receives the file in this part, as long as it looks like a picture and is not too large.
async fn receive(storage: &Storage, part: &mut Part) -> Result<Incoming> {
    let is_image = |given: &str| given.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("image/"));
    if !part.media_type().is_some_and(is_image) {
        return Err(bad("The file must be declared as a picture"));
    }
    let head = head(part).await?;
    if head.is_empty() {
        return Err(bad("The file is empty"));
    }
    Format::sniff(&head).ok_or_else(|| refused(Flaw::Unknown))?;
    let incoming = storage.receive().await?;
    let (mut bytes, mut next) = (0, Some(head));
    while let Some(piece) = next {
        bytes += piece.len();
        if bytes > FILE_MAX_BYTES {
            let detail = format!("The file may have at most {FILE_MAX_BYTES} bytes");
            return Err(Error::new(Problem::PayloadTooLarge).with_detail(detail));
        }
        incoming.write(piece).await?;
        next = part.next().await?;
    }
    Ok(incoming)
}

/// The first bytes, enough to tell the format by if there are so many.
async fn head(part: &mut Part) -> Result<Bytes> {
    let mut head = BytesMut::new();
    while head.len() < SNIFF_BYTES
        && let Some(piece) = part.next().await?
    {
        head.extend_from_slice(&piece);
    }
    Ok(head.freeze())
}
