//! WebP: a RIFF container of chunks: a single picture, or an extended header with profile, frames, alpha and metadata.

use super::{Cursor, Flaw, Out, check_trailer, checked_size, exif};

/// What the extended header announces, as bits of its first byte.
const HAS_PROFILE: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_EXIF: u8 = 0x08;
const IS_ANIMATED: u8 = 0x02;
/// Bytes of the extended header.
const EXTENDED_BYTES: usize = 10;
/// Bytes of a frame's header, in front of its chunks.
const FRAME_HEADER_BYTES: usize = 16;

struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Chunk<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Flaw> {
        let start = cursor.at();
        let name = cursor.array()?;
        let length = cursor.le32()?;
        let data = cursor.take_u32(length)?;
        if data.len() % 2 == 1 {
            cursor.take(1)?; // chunks begin at even places
        }
        Ok(Self { name, data, start, end: cursor.at() })
    }
}

pub fn walk<'a>(mut cursor: Cursor<'a>, out: &mut Out<'a>) -> Result<(u32, u32), Flaw> {
    cursor.take(4)?;
    let length = usize::try_from(cursor.le32()?).map_err(|_| Flaw::Broken)?;
    let end = length.checked_add(8).ok_or(Flaw::Broken)?;
    let file = cursor.whole();
    let inner = file.get(..end).ok_or(Flaw::Broken)?;
    check_trailer(file.get(end..).unwrap_or_default())?;

    let header = out.reserve();
    let mut cursor = Cursor::new(inner);
    cursor.take(12)?;
    let first = Chunk::read(&mut cursor)?;
    let size = match &first.name {
        b"VP8X" => extended(cursor, out, &first)?,
        _ => {
            // A single picture ends the file; what stands behind it has been announced nowhere.
            let size = picture_size(&first)?.ok_or(Flaw::Broken)?;
            out.keep(first.start..first.end);
            while !cursor.rest().is_empty() {
                Chunk::read(&mut cursor)?;
            }
            size
        }
    };
    let length = u32::try_from(out.length() + 4).map_err(|_| Flaw::Broken)?;
    out.fill(header, [b"RIFF".as_slice(), &length.to_le_bytes(), b"WEBP"].concat());
    checked_size(size.0, size.1)
}

/// Walks the chunks behind the extended header.
fn extended<'a>(mut cursor: Cursor<'a>, out: &mut Out<'a>, header: &Chunk<'a>) -> Result<(u32, u32), Flaw> {
    let mut own = Cursor::new(header.data);
    let [flags, ..] = own.array::<4>()?;
    let size = (own.le24()? + 1, own.le24()? + 1);
    if header.data.len() != EXTENDED_BYTES {
        return Err(Flaw::Broken);
    }
    let place = out.reserve();
    let (mut pictures, mut orientation, mut profile) = (0, None, 0);
    while !cursor.rest().is_empty() {
        let chunk = Chunk::read(&mut cursor)?;
        match &chunk.name {
            b"VP8 " | b"VP8L" => {
                // The canvas of a single picture is its size.
                if flags & IS_ANIMATED != 0 || picture_size(&chunk)? != Some(size) {
                    return Err(Flaw::Broken);
                }
                pictures += 1;
                out.keep(chunk.start..chunk.end);
            }
            b"ANMF" if flags & IS_ANIMATED != 0 => {
                frame(&chunk, out)?;
                pictures += 1;
            }
            b"ICCP" => {
                profile = HAS_PROFILE;
                out.keep(chunk.start..chunk.end);
            }
            b"ANIM" | b"ALPH" => out.keep(chunk.start..chunk.end),
            b"EXIF" => orientation = orientation.or(exif::orientation(chunk.data)),
            _ => {} // XMP, and what nobody knows
        }
    }
    if pictures == 0 || (flags & IS_ANIMATED == 0 && pictures > 1) {
        return Err(Flaw::Broken);
    }
    if let Some(orientation) = orientation {
        write_chunk(out, *b"EXIF", &exif::block(orientation));
    }
    let told = if orientation.is_some() { HAS_EXIF } else { 0 };
    let flags = (flags & (HAS_ALPHA | IS_ANIMATED)) | told | profile;
    let rest = header.data.get(4..).unwrap_or_default();
    let length = u32::try_from(EXTENDED_BYTES).unwrap_or_default().to_le_bytes();
    out.fill(place, [b"VP8X".as_slice(), &length, &[flags, 0, 0, 0], rest].concat());
    Ok(size)
}

/// Walks a frame of an animation: a header, then chunks of its own.
fn frame(chunk: &Chunk<'_>, out: &mut Out<'_>) -> Result<(), Flaw> {
    let data_at = chunk.start + 8;
    let mut cursor = Cursor::new(chunk.data);
    cursor.take(6)?; // its place on the canvas
    let size = (cursor.le24()? + 1, cursor.le24()? + 1);
    cursor.take(4)?; // how long it is shown, and how it is laid over the one before
    let (mut kept, mut pictures) = (Vec::new(), 0);
    while !cursor.rest().is_empty() {
        let inner = Chunk::read(&mut cursor)?;
        match &inner.name {
            b"VP8 " | b"VP8L" if picture_size(&inner)? == Some(size) => pictures += 1,
            b"VP8 " | b"VP8L" => return Err(Flaw::Broken),
            b"ALPH" => {}
            _ => continue,
        }
        kept.push(data_at + inner.start..data_at + inner.end);
    }
    if pictures != 1 {
        return Err(Flaw::Broken);
    }
    let length = FRAME_HEADER_BYTES + kept.iter().map(ExactSizeIterator::len).sum::<usize>();
    let length = u32::try_from(length).map_err(|_| Flaw::Broken)?;
    out.write([b"ANMF".as_slice(), &length.to_le_bytes()].concat());
    out.keep(data_at..data_at + FRAME_HEADER_BYTES);
    kept.into_iter().for_each(|range| out.keep(range));
    Ok(())
}

/// The size of the picture that this chunk holds, if it holds one.
fn picture_size(chunk: &Chunk<'_>) -> Result<Option<(u32, u32)>, Flaw> {
    let mut data = Cursor::new(chunk.data);
    let size = match &chunk.name {
        b"VP8 " => {
            let [tag, _, _] = data.array()?;
            let is_key_frame = tag & 1 == 0 && data.array()? == [0x9D, 0x01, 0x2A];
            if !is_key_frame {
                return Err(Flaw::Broken);
            }
            (u32::from(data.le16()? & 0x3FFF), u32::from(data.le16()? & 0x3FFF))
        }
        b"VP8L" => {
            if data.byte()? != 0x2F {
                return Err(Flaw::Broken);
            }
            let bits = data.le32()?;
            ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
        }
        _ => return Ok(None),
    };
    checked_size(size.0, size.1).map(Some)
}

/// A chunk of an even length, written anew.
fn write_chunk(out: &mut Out<'_>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or_default();
    out.write([name.as_slice(), &length.to_le_bytes(), data].concat());
}
