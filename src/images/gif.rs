//! GIF: a screen, then blocks, each made of short ones, up to the trailer.

use std::ops::Range;

use super::{Cursor, Flaw, Out, check_trailer, checked_size};

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;

const GRAPHIC_CONTROL: u8 = 0xF9;
const PLAIN_TEXT: u8 = 0x01;
const APPLICATION: u8 = 0xFF;

/// Applications that say how often the picture plays, in one short block.
const LOOPS: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];
/// The application that says what the colours are. XMP, with its texts, is another one.
const COLOUR_PROFILE: &[u8] = b"ICCRGBG1012";

pub fn walk<'a>(mut cursor: Cursor<'a>, out: &mut Out<'a>) -> Result<(u32, u32), Flaw> {
    cursor.take(6)?; // the signature
    let (width, height) = (cursor.le16()?, cursor.le16()?);
    let [flags, _background, _aspect] = cursor.array()?;
    skip_colours(&mut cursor, flags)?;
    out.keep(0..cursor.at());
    let (mut images, mut control) = (0, None);
    loop {
        let start = cursor.at();
        match cursor.byte()? {
            EXTENSION => extension(&mut cursor, out, start, &mut control)?,
            IMAGE => {
                image(&mut cursor)?;
                images += 1;
                out.keep(control.take().unwrap_or(start..start));
                out.keep(start..cursor.at());
            }
            TRAILER if images > 0 => {
                out.keep(start..cursor.at());
                check_trailer(cursor.rest())?;
                return checked_size(width.into(), height.into());
            }
            _ => return Err(Flaw::Broken),
        }
    }
}

/// Walks an extension. A graphic control belongs to the image or the text that follows it, and waits for it.
fn extension<'a>(
    cursor: &mut Cursor<'a>,
    out: &mut Out<'a>,
    start: usize,
    control: &mut Option<Range<usize>>,
) -> Result<(), Flaw> {
    let label = cursor.byte()?;
    let first = short_block(cursor)?;
    match label {
        GRAPHIC_CONTROL if first.len() == 4 => {
            if !short_block(cursor)?.is_empty() {
                return Err(Flaw::Broken);
            }
            *control = Some(start..cursor.at());
        }
        APPLICATION if LOOPS.contains(&first) => {
            let is_loop = matches!(short_block(&mut cursor.clone())?, [1, _, _]);
            let end = cursor.at() + 4;
            skip_short_blocks(cursor)?;
            if is_loop && cursor.at() == end + 1 {
                out.keep(start..cursor.at());
            }
        }
        APPLICATION if first == COLOUR_PROFILE => {
            skip_short_blocks(cursor)?;
            out.keep(start..cursor.at());
        }
        GRAPHIC_CONTROL => return Err(Flaw::Broken),
        _ => {
            if !first.is_empty() {
                skip_short_blocks(cursor)?;
            }
            if label == PLAIN_TEXT {
                *control = None;
            }
        }
    }
    Ok(())
}

fn image(cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
    cursor.take(4)?; // its place on the screen
    let (width, height) = (cursor.le16()?, cursor.le16()?);
    checked_size(width.into(), height.into())?;
    let flags = cursor.byte()?;
    skip_colours(cursor, flags)?;
    if !(1..=8).contains(&cursor.byte()?) {
        return Err(Flaw::Broken); // bits of the first codes
    }
    skip_short_blocks(cursor)
}

/// Skips the colour table that the flags announce.
fn skip_colours(cursor: &mut Cursor<'_>, flags: u8) -> Result<(), Flaw> {
    if flags & 0x80 != 0 {
        cursor.take(3 << ((flags & 7) + 1))?;
    }
    Ok(())
}

/// A block of at most 255 bytes.
fn short_block<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Flaw> {
    let length = cursor.byte()?;
    cursor.take(length.into())
}

/// Skips short blocks up to the empty one.
fn skip_short_blocks(cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
    while !short_block(cursor)?.is_empty() {}
    Ok(())
}
