//! TIFF: directories that may stand anywhere, with values and strips of pixels that may stand anywhere. It is written anew:
//! the pages' directories with the entries that decoders need, their values, their strips. Whatever nothing points to, or
//! an entry that is left out, is left behind.

use std::ops::Range;

use super::{Cursor, Flaw, Out, checked_size, exif};

/// Pages of a file.
const PAGES_MAX: usize = 64;
/// Strips and tiles of a file: those of a picture of the largest size in tiles of 32 pixels a side.
const STRIPS_MAX: usize = 65_536;

const SUBFILE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;

/// Entries that say how the pixels look. Names, dates, places, texts and other programs' own are not among them.
const KEPT: [u16; 44] = [
    SUBFILE,
    255,
    WIDTH,
    HEIGHT,
    258, // bits of a sample
    COMPRESSION,
    262, // what the samples mean
    263,
    264,
    265,
    266, // order of the bits
    STRIP_OFFSETS,
    exif::ORIENTATION,
    277, // samples of a pixel
    278, // rows of a strip
    STRIP_BYTES,
    280,
    281,
    282, // resolution
    283,
    284, // whether the samples stand apart
    290,
    291,
    292, // variants of fax compression
    293,
    296,
    301, // transfer function
    317, // predictor
    318, // white point, primaries
    319,
    320, // colour map
    322, // tiles
    323,
    TILE_OFFSETS,
    TILE_BYTES,
    332, // inks
    334,
    338, // alpha
    339, // format of the samples
    340,
    341,
    530, // how chroma is stored
    532,
    34675, // colour profile
];

/// None, fax, LZW, deflate, PackBits. JPEG within TIFF has metadata of its own, and hardly anybody shows it.
const COMPRESSIONS: [u32; 8] = [1, 2, 3, 4, 5, 8, 32773, 32946];

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// Numbers at places of a file, in the order of bytes that it says it has.
#[derive(Clone, Copy)]
pub struct Numbers<'a> {
    bytes: &'a [u8],
    low_first: bool,
}

impl<'a> Numbers<'a> {
    /// Of a file that begins as TIFF does.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, low_first: true }),
            b"MM\0*" => Some(Self { bytes, low_first: false }),
            _ => None,
        }
    }

    fn array<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        let at = usize::try_from(at).ok()?;
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// The number of two bytes at this place.
    pub fn u16(&self, at: u32) -> Option<u16> {
        let bytes = self.array(at)?;
        Some(if self.low_first { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    /// The number of four bytes at this place.
    pub fn u32(&self, at: u32) -> Option<u32> {
        let bytes = self.array(at)?;
        Some(if self.low_first { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn put_u16(&self, number: u16) -> [u8; 2] {
        if self.low_first { number.to_le_bytes() } else { number.to_be_bytes() }
    }

    fn put_u32(&self, number: u32) -> [u8; 4] {
        if self.low_first { number.to_le_bytes() } else { number.to_be_bytes() }
    }
}

/// An entry of a directory: what it is, and where its values stand.
struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    at: u32,
    bytes: u32,
}

impl Entry {
    /// The entry at this place; `None` if it is left out.
    fn read(numbers: Numbers<'_>, at: u32) -> Result<Option<Self>, Flaw> {
        let field = |offset| at.checked_add(offset).ok_or(Flaw::Broken);
        let tag = numbers.u16(at).ok_or(Flaw::Broken)?;
        let kind = numbers.u16(field(2)?).ok_or(Flaw::Broken)?;
        let count = numbers.u32(field(4)?).ok_or(Flaw::Broken)?;
        let value = numbers.u32(field(8)?).ok_or(Flaw::Broken)?;
        if !KEPT.contains(&tag) {
            return Ok(None);
        }
        let bytes_each = match kind {
            1 | 6 | 7 => 1,
            SHORT | 8 => 2,
            LONG | 9 | 11 => 4,
            5 | 10 | 12 => 8,
            _ => return Err(Flaw::Broken), // texts are none of what is kept
        };
        let bytes = count.checked_mul(bytes_each).ok_or(Flaw::Broken)?;
        let at = if bytes <= 4 { field(8)? } else { value };
        let entry = Self { tag, kind, count, at, bytes };
        let range = entry.range()?;
        if range.end > numbers.bytes.len() || range.is_empty() {
            return Err(Flaw::Broken);
        }
        Ok(Some(entry))
    }

    fn range(&self) -> Result<Range<usize>, Flaw> {
        stretch(self.at, self.bytes)
    }

    /// Its values, if they are whole numbers.
    fn values(&self, numbers: Numbers<'_>) -> Result<Vec<u32>, Flaw> {
        if usize::try_from(self.count).map_or(true, |count| count > STRIPS_MAX) {
            return Err(Flaw::Broken);
        }
        let value = |index: u32| match self.kind {
            SHORT => numbers.u16(self.at.checked_add(2 * index)?).map(u32::from),
            LONG => numbers.u32(self.at.checked_add(4 * index)?),
            _ => None,
        };
        (0..self.count).map(|index| value(index).ok_or(Flaw::Broken)).collect()
    }
}

fn stretch(at: u32, bytes: u32) -> Result<Range<usize>, Flaw> {
    let start = usize::try_from(at).map_err(|_| Flaw::Broken)?;
    let length = usize::try_from(bytes).map_err(|_| Flaw::Broken)?;
    Ok(start..start.checked_add(length).ok_or(Flaw::Broken)?)
}

/// A directory with the stretches of its pixels.
struct Page {
    entries: Vec<Entry>,
    strips: Vec<Range<usize>>,
    size: (u32, u32),
    is_thumbnail: bool,
}

impl Page {
    /// The page whose directory stands at this place, and the place of the next one.
    fn read(numbers: Numbers<'_>, at: u32) -> Result<(Self, u32), Flaw> {
        let count = numbers.u16(at).ok_or(Flaw::Broken)?;
        let place = |index: u32| at.checked_add(2 + 12 * index).ok_or(Flaw::Broken);
        let mut entries = Vec::new();
        for index in 0..u32::from(count) {
            entries.extend(Entry::read(numbers, place(index)?)?);
        }
        entries.sort_by_key(|entry| entry.tag);
        if entries.is_sorted_by(|one, next| one.tag < next.tag) {
            let next = numbers.u32(place(count.into())?).ok_or(Flaw::Broken)?;
            Ok((Self::of(numbers, entries)?, next))
        } else {
            Err(Flaw::Broken)
        }
    }

    fn of(numbers: Numbers<'_>, entries: Vec<Entry>) -> Result<Self, Flaw> {
        let values = |tag| match entries.iter().find(|entry| entry.tag == tag) {
            Some(entry) => entry.values(numbers).map(Some),
            None => Ok(None),
        };
        let first = |tag| Ok(values(tag)?.and_then(|values: Vec<u32>| values.first().copied()));
        let (width, height) = first(WIDTH)?.zip(first(HEIGHT)?).ok_or(Flaw::Broken)?;
        let size = checked_size(width, height)?;
        if !COMPRESSIONS.contains(&first(COMPRESSION)?.unwrap_or(1)) {
            return Err(Flaw::Variant);
        }
        let (offsets, lengths) = match (values(STRIP_OFFSETS)?, values(TILE_OFFSETS)?) {
            (Some(offsets), None) => (offsets, values(STRIP_BYTES)?),
            (None, Some(offsets)) => (offsets, values(TILE_BYTES)?),
            _ => return Err(Flaw::Broken),
        };
        let lengths = lengths.filter(|lengths| lengths.len() == offsets.len()).ok_or(Flaw::Broken)?;
        let strips = offsets.into_iter().zip(lengths).map(|(at, bytes)| stretch(at, bytes));
        let strips = strips.collect::<Result<Vec<_>, _>>()?;
        if strips.iter().any(|strip| strip.end > numbers.bytes.len()) || strips.iter().all(Range::is_empty) {
            return Err(Flaw::Broken);
        }
        let is_thumbnail = first(SUBFILE)?.is_some_and(|bits| bits & 1 == 1);
        Ok(Self { entries, strips, size, is_thumbnail })
    }

    /// Bytes of its directory and of the values that stand outside of it.
    fn directory_bytes(&self) -> usize {
        let outside = self.entries.iter().map(|entry| self.outside_bytes(entry).next_multiple_of(2)).sum::<usize>();
        2 + 12 * self.entries.len() + 4 + outside
    }

    /// Bytes of an entry's values, as they will be written, if they do not fit into the entry.
    fn outside_bytes(&self, entry: &Entry) -> usize {
        let bytes = match entry.tag {
            STRIP_OFFSETS | TILE_OFFSETS => 4 * self.strips.len(),
            _ => usize::try_from(entry.bytes).unwrap_or(usize::MAX),
        };
        if bytes <= 4 { 0 } else { bytes }
    }

    fn strips_bytes(&self) -> usize {
        self.strips.iter().map(|strip| strip.len().next_multiple_of(2)).sum()
    }
}

pub fn walk<'a>(cursor: Cursor<'a>, out: &mut Out<'a>) -> Result<(u32, u32), Flaw> {
    let numbers = Numbers::of(cursor.whole()).ok_or(Flaw::Broken)?;
    let mut pages: Vec<Page> = Vec::new();
    let mut visited = Vec::new();
    let mut next = numbers.u32(4).ok_or(Flaw::Broken)?;
    while next != 0 || pages.is_empty() {
        if visited.len() == PAGES_MAX || visited.contains(&next) {
            return Err(Flaw::Broken);
        }
        visited.push(next);
        let (page, after) = Page::read(numbers, next)?;
        if pages.is_empty() || !page.is_thumbnail {
            pages.push(page);
        }
        next = after;
    }
    check_amount(&pages, cursor.whole().len())?;
    write(numbers, &pages, out)?;
    pages.first().map(|page| page.size).ok_or(Flaw::Broken)
}

/// Entries may point to the same bytes again and again: together they must not be more than the file.
fn check_amount(pages: &[Page], file_bytes: usize) -> Result<(), Flaw> {
    let values = pages.iter().flat_map(|page| &page.entries).map(|entry| u64::from(entry.bytes)).sum::<u64>();
    let strips = pages.iter().flat_map(|page| &page.strips);
    let pixels = strips.clone().map(|strip| strip.len() as u64).sum::<u64>();
    let too_many = strips.count() > STRIPS_MAX;
    if too_many || values + pixels > file_bytes as u64 { Err(Flaw::Broken) } else { Ok(()) }
}

fn write<'a>(numbers: Numbers<'a>, pages: &[Page], out: &mut Out<'a>) -> Result<(), Flaw> {
    let mut at = 8;
    let header = if numbers.low_first { b"II*\0" } else { b"MM\0*" };
    out.write([header.as_slice(), &numbers.put_u32(8)].concat());
    for (index, page) in pages.iter().enumerate() {
        let strips_at = at + page.directory_bytes();
        let end = strips_at + page.strips_bytes();
        let next = if index + 1 == pages.len() { 0 } else { end };
        write_directory(numbers, page, [at, strips_at, next], out)?;
        for strip in &page.strips {
            out.keep(strip.clone());
            pad(out, strip.len());
        }
        at = end;
    }
    Ok(())
}

/// Writes a page's directory and values. `places`: of itself, of its strips, of the next directory.
fn write_directory<'a>(
    numbers: Numbers<'a>,
    page: &Page,
    [at, mut strip_at, next]: [usize; 3],
    out: &mut Out<'a>,
) -> Result<(), Flaw> {
    let place = |at: usize| u32::try_from(at).map(|at| numbers.put_u32(at)).map_err(|_| Flaw::Broken);
    let mut offsets = Vec::new();
    for strip in &page.strips {
        offsets.extend(place(strip_at)?);
        strip_at += strip.len().next_multiple_of(2);
    }
    let mut outside_at = at + 2 + 12 * page.entries.len() + 4;
    let mut directory = numbers.put_u16(u16::try_from(page.entries.len()).map_err(|_| Flaw::Broken)?).to_vec();
    let mut outside = Vec::new();
    for entry in &page.entries {
        let is_offsets = matches!(entry.tag, STRIP_OFFSETS | TILE_OFFSETS);
        let kind = if is_offsets { LONG } else { entry.kind };
        directory.extend([numbers.put_u16(entry.tag), numbers.put_u16(kind)].concat());
        directory.extend(numbers.put_u32(entry.count));
        let value = if is_offsets { &offsets } else { numbers.bytes.get(entry.range()?).ok_or(Flaw::Broken)? };
        if value.len() <= 4 {
            let mut inside = [0; 4];
            inside.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
            directory.extend(inside);
        } else {
            directory.extend(place(outside_at)?);
            outside_at += value.len().next_multiple_of(2);
            outside.push(if is_offsets { None } else { Some(entry.range()?) });
        }
    }
    directory.extend(place(next)?);
    out.write(directory);
    for value in outside {
        let length = value.as_ref().map_or(offsets.len(), ExactSizeIterator::len);
        match value {
            Some(range) => out.keep(range),
            None => out.write(offsets.clone()),
        }
        pad(out, length);
    }
    Ok(())
}

/// Places are even.
fn pad(out: &mut Out<'_>, length: usize) {
    if length % 2 == 1 {
        out.write([0]);
    }
}
