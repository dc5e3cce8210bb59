//! BMP: two headers, a table of colours, the pixels, and in its newest version a colour profile. What stands between and
//! behind them is left out.

use std::ops::Range;

use super::{Cursor, Flaw, Out, check_trailer, checked_size};

/// Bytes of the header of the file, in front of the picture's own.
const FILE_HEADER_BYTES: u32 = 14;
/// Sizes of the picture's header by version: the first one, then those of Windows.
const CORE_BYTES: u32 = 12;
const INFO_BYTES: u32 = 40;
const V5_BYTES: u32 = 124;
const HEADER_BYTES: [u32; 6] = [CORE_BYTES, INFO_BYTES, 52, 56, 108, V5_BYTES];

/// Where the fifth version tells about its profile: the kind of colours; behind them place and length.
const V5_COLOURS_AT: usize = 56;
const V5_PROFILE_AT: usize = 112;
/// The kinds: a profile within the file, and the colours that screens have.
const EMBEDDED: [u8; 4] = *b"DEBM";
const LINKED: [u8; 4] = *b"KNIL";
const SRGB: [u8; 4] = *b"BGRs";

const PLAIN: u32 = 0;
const RLE8: u32 = 1;
const RLE4: u32 = 2;
const MASKS: u32 = 3;
const MASKS_WITH_ALPHA: u32 = 6;

/// The picture's header as far as it is needed.
struct Header {
    width: u32,
    height: u32,
    bits: u16,
    compression: u32,
    colours: u32,
}

pub fn walk<'a>(mut cursor: Cursor<'a>, out: &mut Out<'a>) -> Result<(u32, u32), Flaw> {
    cursor.take(10)?; // signature, a length that many get wrong, reserved
    let pixels_at = cursor.le32()?;
    let header_at = cursor.at();
    let length = cursor.le32()?;
    if !HEADER_BYTES.contains(&length) {
        return Err(Flaw::Variant);
    }
    let mut own = Cursor::new(cursor.take_u32(length - 4)?);
    let header = if length == CORE_BYTES { Header::core(&mut own)? } else { Header::info(&mut own)? };
    let size = checked_size(header.width, header.height)?;
    let header_end = cursor.at();
    cursor.take_u32(header.tables_bytes(length)?)?;
    let tables = header_end..cursor.at();

    let pixels_at = usize::try_from(pixels_at).map_err(|_| Flaw::Broken)?;
    cursor.take(pixels_at.checked_sub(cursor.at()).ok_or(Flaw::Broken)?)?;
    header.skip_pixels(&mut cursor)?;
    let pixels = pixels_at..cursor.at();
    let profile = profile(&mut cursor, header_at, length)?;
    check_trailer(cursor.rest())?;
    write(out, cursor.whole(), &[header_at..header_end, tables, pixels], profile);
    Ok(size)
}

impl Header {
    fn core(own: &mut Cursor<'_>) -> Result<Self, Flaw> {
        let (width, height) = (own.le16()?.into(), own.le16()?.into());
        let (_planes, bits) = (own.le16()?, own.le16()?);
        let colours = if bits <= 8 { 1 << bits } else { 0 };
        Ok(Self { width, height, bits, compression: PLAIN, colours })
    }

    fn info(own: &mut Cursor<'_>) -> Result<Self, Flaw> {
        let (width, height) = (own.le32()?, own.le32()?);
        let (_planes, bits, compression) = (own.le16()?, own.le16()?, own.le32()?);
        own.take(12)?; // the pixels' length, and how large they are on paper
        let used = own.le32()?;
        let colours = if used == 0 && bits <= 8 { 1 << bits } else { used };
        // Rows from top to bottom have a negative height.
        Ok(Self { width, height: height.cast_signed().unsigned_abs(), bits, compression, colours })
    }

    /// Bytes of the masks and the colours behind a header of this length.
    fn tables_bytes(&self, length: u32) -> Result<u32, Flaw> {
        let masks = match self.compression {
            MASKS if length == INFO_BYTES => 12,
            MASKS_WITH_ALPHA if length == INFO_BYTES => 16,
            _ => 0,
        };
        let entry = if length == CORE_BYTES { 3 } else { 4 };
        if self.colours > 256 {
            return Err(Flaw::Broken);
        }
        Ok(masks + entry * self.colours)
    }

    fn skip_pixels(&self, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
        match (self.compression, self.bits) {
            (PLAIN, 1 | 2 | 4 | 8 | 16 | 24 | 32) | (MASKS | MASKS_WITH_ALPHA, 16 | 32) => {
                let row = (u64::from(self.width) * u64::from(self.bits)).div_ceil(32) * 4;
                let bytes = usize::try_from(row * u64::from(self.height)).map_err(|_| Flaw::Broken)?;
                cursor.take(bytes)?;
                Ok(())
            }
            (RLE8, 8) => skip_runs(cursor, 1),
            (RLE4, 4) => skip_runs(cursor, 2),
            _ => Err(Flaw::Variant),
        }
    }
}

/// Skips runs of pixels, so many of which share a byte, up to the mark of their end.
fn skip_runs(cursor: &mut Cursor<'_>, pixels_in_byte: u8) -> Result<(), Flaw> {
    loop {
        match cursor.array()? {
            [0, 0] | [1..=255, _] => {} // the end of a row, or a pixel repeated
            [0, 1] => return Ok(()),
            [0, 2] => {
                cursor.take(2)?;
            }
            [0, count] => {
                let bytes = count.div_ceil(pixels_in_byte);
                cursor.take(usize::from(bytes).next_multiple_of(2))?;
            }
        }
    }
}

/// The stretch of the embedded profile, which stands behind the pixels.
fn profile(cursor: &mut Cursor<'_>, header_at: usize, length: u32) -> Result<Option<Range<usize>>, Flaw> {
    let mut own = Cursor::new(cursor.whole());
    own.take(header_at)?;
    if length != V5_BYTES || own.rest().get(V5_COLOURS_AT..V5_COLOURS_AT + 4) != Some(EMBEDDED.as_slice()) {
        return Ok(None);
    }
    own.take(V5_PROFILE_AT)?;
    let (place, bytes) = (own.le32()?, own.le32()?);
    let start = usize::try_from(place).ok().and_then(|place| place.checked_add(header_at)).ok_or(Flaw::Broken)?;
    cursor.take(start.checked_sub(cursor.at()).ok_or(Flaw::Broken)?)?;
    cursor.take_u32(bytes)?;
    Ok(Some(start..cursor.at()))
}

/// Puts the stretches next to each other, under headers that say where they are now.
fn write(out: &mut Out<'_>, whole: &[u8], [header, tables, pixels]: &[Range<usize>; 3], profile: Option<Range<usize>>) {
    let pixels_at = FILE_HEADER_BYTES + bytes_of(header) + bytes_of(tables);
    let profile_at = pixels_at + bytes_of(pixels);
    let profile_bytes = profile.as_ref().map_or(0, bytes_of);
    let mut own = whole.get(header.clone()).unwrap_or_default().to_vec();
    if let Some(colours) = own.get_mut(V5_COLOURS_AT..V5_COLOURS_AT + 4)
        && *colours == LINKED
    {
        colours.copy_from_slice(&SRGB); // a link is the name of a file on the owner's machine
    }
    if let Some(place) = own.get_mut(V5_PROFILE_AT..V5_PROFILE_AT + 8) {
        let at = if profile.is_some() { profile_at - FILE_HEADER_BYTES } else { 0 };
        place.copy_from_slice(&[at.to_le_bytes(), profile_bytes.to_le_bytes()].concat());
    }
    let length = profile_at + profile_bytes;
    out.write([b"BM".as_slice(), &length.to_le_bytes(), &[0; 4], &pixels_at.to_le_bytes(), &own].concat());
    out.keep(tables.clone());
    out.keep(pixels.clone());
    out.keep(profile.unwrap_or_default());
}

/// How long a stretch of a file is whose lengths have 32 bits.
fn bytes_of(range: &Range<usize>) -> u32 {
    u32::try_from(range.len()).unwrap_or_default()
}
