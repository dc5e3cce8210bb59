//! Uploaded pictures: any bytes. The walk ends without a panic; what it keeps is a picture of the same format and size that
//! another walk leaves as it is, not longer than it has to be, and without what was written into a comment.

#![no_main]

use libfuzzer_sys::fuzz_target;
use repduel_backend::images::{Format, SIDE_MAX, clean};

/// What may be written anew: an orientation with what stands around it.
const NEW_MAX_BYTES: usize = 256;
/// Something personal.
const COMMENT: &[u8] = b"\xFF\xFE\x00\x1Ethis lifter was photographed";

/// The picture with a comment at the front, where its format has a simple way to say one.
fn with_comment(bytes: &[u8]) -> Option<Vec<u8>> {
    let (start, rest) = bytes.split_at_checked(2)?;
    (Format::sniff(bytes) == Some(Format::Jpeg)).then(|| [start, COMMENT, rest].concat())
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(cleaned) = clean(bytes) else { return };
    let stored = cleaned.to_vec();
    assert_eq!(cleaned.length(), stored.len() as u64);
    assert!(stored.len() <= bytes.len() + NEW_MAX_BYTES, "{} bytes become {}", bytes.len(), stored.len());
    assert!([cleaned.width, cleaned.height].iter().all(|side| (1..=SIDE_MAX).contains(side)));
    assert_eq!(Some(cleaned.format), Format::sniff(bytes));
    let again = clean(&stored).expect("what was kept is a picture");
    assert_eq!((again.format, again.width, again.height), (cleaned.format, cleaned.width, cleaned.height));
    assert!(again.to_vec() == stored, "the second walk finds more to leave out");
    if let Some(commented) = with_comment(bytes) {
        assert!(clean(&commented).expect("a comment breaks no picture").to_vec() == stored, "the comment stays");
    }
});
