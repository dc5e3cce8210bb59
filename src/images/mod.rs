//! Pictures as they come from cameras: which format the bytes really are, whether they are one whole picture, and the same
//! picture without what tells about its owner. Pure.
//!
//! The container is walked from its first byte to its last, the pixels are not decoded: compressed data stay as they are, byte
//! by byte. What is kept is what decoders need, by name; everything else (places, names, dates, comments, thumbnails, data
//! behind the end) stays behind. Of Exif the orientation alone survives, written anew. Always holds: the walk ends after a
//! number of steps that the input's length bounds, and a cleaned picture is never much longer than the one that came.

mod bmp;
mod cursor;
mod exif;
mod gif;
mod jpeg;
mod out;
mod png;
mod tiff;
mod webp;

use std::fmt;

use cursor::Cursor;
use out::Out;

/// Pixels a side: more than any screen shows, and no decoder on a phone runs out of memory.
pub const SIDE_MAX: u32 = 8192;

/// Bytes from the front that tell the format.
pub const SNIFF_BYTES: usize = 12;

/// The formats that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG, animated or not.
    Png,
    /// GIF.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF.
    Tiff,
    /// WebP.
    WebP,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::Gif, Self::Bmp, Self::Tiff, Self::WebP];

    /// The ending of a file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::WebP => "webp",
        }
    }

    /// The format that these first bytes announce; [`SNIFF_BYTES`] of them are enough.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Some(Self::Tiff),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', ..] => Some(Self::Bmp),
            _ => None,
        }
    }
}

/// Why bytes are not taken for a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// They begin like none of the formats.
    Unknown,
    /// They begin like one, but are not one whole.
    Broken,
    /// A picture, and then something else.
    Trailing,
    /// More than [`SIDE_MAX`] pixels a side, or none.
    Size,
    /// A variant that browsers do not show.
    Variant,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("The file is no JPEG, PNG, GIF, BMP, TIFF or WebP picture"),
            Self::Broken => f.write_str("The picture is broken or incomplete"),
            Self::Trailing => f.write_str("The picture is followed by data that are no part of it"),
            Self::Size => write!(f, "The picture must have 1 to {SIDE_MAX} pixels a side"),
            Self::Variant => f.write_str("Pictures of this kind cannot be shown"),
        }
    }
}

impl std::error::Error for Flaw {}

/// A picture without what tells about its owner.
#[derive(Debug)]
pub struct Cleaned<'a> {
    /// Its format.
    pub format: Format,
    /// Pixels from left to right, as stored.
    pub width: u32,
    /// Pixels from top to bottom, as stored.
    pub height: u32,
    out: Out<'a>,
}

impl<'a> Cleaned<'a> {
    /// The file's bytes, in pieces: most of them stretches of what came.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.out.pieces()
    }

    /// How many bytes the file has.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.out.length()
    }

    /// The file's bytes in one.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces().collect::<Vec<_>>().concat()
    }
}

/// The size of a picture, if it is one that is taken.
fn checked_size(width: u32, height: u32) -> Result<(u32, u32), Flaw> {
    let fits = |side| (1..=SIDE_MAX).contains(&side);
    if fits(width) && fits(height) { Ok((width, height)) } else { Err(Flaw::Size) }
}

/// What may stand behind a picture's end: nothing, or the zeros that fill a block. They are left out.
fn check_trailer(rest: &[u8]) -> Result<(), Flaw> {
    if rest.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(Flaw::Trailing) }
}

/// Walks the picture in these bytes and answers it without what tells about its owner.
///
/// # Errors
/// [`Flaw`], if they are not one whole picture of a format that is taken.
pub fn clean(bytes: &[u8]) -> Result<Cleaned<'_>, Flaw> {
    let format = Format::sniff(bytes).ok_or(Flaw::Unknown)?;
    let walk = match format {
        Format::Jpeg => jpeg::walk,
        Format::Png => png::walk,
        Format::Gif => gif::walk,
        Format::Bmp => bmp::walk,
        Format::Tiff => tiff::walk,
        Format::WebP => webp::walk,
    };
    let mut out = Out::new(bytes);
    let (width, height) = walk(Cursor::new(bytes), &mut out)?;
    Ok(Cleaned { format, width, height, out })
}
