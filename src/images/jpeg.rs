//! JPEG: segments up to a scan, the scan's data up to the next marker, and so on to the end marker.

use super::{Cursor, Flaw, Out, check_trailer, checked_size, exif};

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
/// Tables and intervals: quantization, Huffman, arithmetic coding, restarts.
const TABLES: [u8; 4] = [0xDB, 0xC4, 0xCC, 0xDD];
const EXIF_SEGMENT: u8 = 0xE1;
/// Bytes that JFIF's header has before its thumbnail, which is left out: it may show what was cut off the picture.
const JFIF_BYTES: usize = 14;
/// Bytes of Adobe's segment, which tells how the colours are coded.
const ADOBE_BYTES: usize = 12;

struct Walk<'a, 'o> {
    cursor: Cursor<'a>,
    out: &'o mut Out<'a>,
    size: Option<(u32, u32)>,
    scans: u32,
    oriented: bool,
}

pub fn walk<'a>(cursor: Cursor<'a>, out: &mut Out<'a>) -> Result<(u32, u32), Flaw> {
    let mut walk = Walk { cursor, out, size: None, scans: 0, oriented: false };
    walk.cursor.take(2)?; // the start marker, which the format was told by
    walk.out.keep(0..2);
    while walk.segment()? {}
    let size = walk.size.filter(|_| walk.scans > 0).ok_or(Flaw::Broken)?;
    check_phones_trailer(walk.cursor.rest())?;
    Ok(size)
}

impl Walk<'_, '_> {
    /// Walks one segment; answers whether another one follows.
    fn segment(&mut self) -> Result<bool, Flaw> {
        let marker = self.marker()?;
        let start = self.cursor.at() - 2;
        if marker == END {
            self.out.keep(start..self.cursor.at());
            return Ok(false);
        }
        let length = usize::from(self.cursor.be16()?);
        let payload = self.cursor.take(length.checked_sub(2).ok_or(Flaw::Broken)?)?;
        let segment = start..self.cursor.at();
        match marker {
            0xE0..=0xEF | 0xFE => self.application(marker, payload, segment),
            0xC0..=0xC3 | 0xC9..=0xCB => {
                self.frame(payload)?;
                self.out.keep(segment);
            }
            SCAN => {
                self.scan(payload)?;
                self.out.keep(segment.start..self.cursor.at());
            }
            _ if TABLES.contains(&marker) => self.out.keep(segment),
            0xC5..=0xC7 | 0xCD..=0xCF | 0xDE | 0xDF => return Err(Flaw::Variant), // made of differences between frames
            _ => return Err(Flaw::Broken),
        }
        Ok(true)
    }

    /// The next marker; any number of 0xFF may stand before it.
    fn marker(&mut self) -> Result<u8, Flaw> {
        if self.cursor.byte()? != 0xFF {
            return Err(Flaw::Broken);
        }
        loop {
            match self.cursor.byte()? {
                0xFF => {}
                0 | START => return Err(Flaw::Broken),
                marker => return Ok(marker),
            }
        }
    }

    /// What applications add: the colours' profile and coding are kept, and the orientation.
    fn application(&mut self, marker: u8, payload: &[u8], segment: std::ops::Range<usize>) {
        match (marker, payload) {
            (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => {
                if let Some(header) = payload.get(..JFIF_BYTES - 2) {
                    self.write_segment(marker, &[header, &[0, 0]].concat());
                }
            }
            (EXIF_SEGMENT, [b'E', b'x', b'i', b'f', 0, ..]) => {
                if let Some(orientation) = exif::orientation(payload).filter(|_| !self.oriented) {
                    self.oriented = true;
                    self.write_segment(marker, &[b"Exif\0\0".as_slice(), &exif::block(orientation)].concat());
                }
            }
            (0xE2, _) if payload.starts_with(b"ICC_PROFILE\0") => self.out.keep(segment),
            (0xEE, _) if payload.starts_with(b"Adobe") => {
                if let Some(header) = payload.get(..ADOBE_BYTES) {
                    self.write_segment(marker, header);
                }
            }
            _ => {}
        }
    }

    /// A short segment written anew.
    fn write_segment(&mut self, marker: u8, payload: &[u8]) {
        let length = u16::try_from(payload.len() + 2).unwrap_or_default();
        self.out.write([&[0xFF, marker], length.to_be_bytes().as_slice(), payload].concat());
    }

    fn frame(&mut self, payload: &[u8]) -> Result<(), Flaw> {
        let mut header = Cursor::new(payload);
        header.byte()?; // bits of a sample
        let (height, width, components) = (header.be16()?, header.be16()?, header.byte()?);
        let fits = (1..=4).contains(&components) && header.rest().len() == 3 * usize::from(components);
        if !fits || self.size.is_some() {
            return Err(Flaw::Broken);
        }
        self.size = Some(checked_size(width.into(), height.into())?);
        Ok(())
    }

    /// A scan's header, and its data up to the marker behind them.
    fn scan(&mut self, payload: &[u8]) -> Result<(), Flaw> {
        let mut header = Cursor::new(payload);
        let components = header.byte()?;
        let fits = (1..=4).contains(&components) && header.rest().len() == 2 * usize::from(components) + 3;
        if !fits || self.size.is_none() {
            return Err(Flaw::Broken);
        }
        self.scans += 1;
        loop {
            let next = self.cursor.rest().iter().position(|byte| *byte == 0xFF).ok_or(Flaw::Broken)?;
            self.cursor.take(next)?;
            match self.cursor.rest() {
                [0xFF, 0 | 0xD0..=0xD7, ..] => self.cursor.take(2)?, // 0xFF itself, a restart
                [0xFF, _, ..] => return Ok(()),
                _ => return Err(Flaw::Broken),
            };
        }
    }
}

/// Phones put more behind the end marker: a second rendering for bright screens, a short film, their own notes. It is left
/// out, but no reason to refuse a photo.
fn check_phones_trailer(rest: &[u8]) -> Result<(), Flaw> {
    let start = rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len());
    let second = rest.get(start..).is_some_and(|rest| rest.starts_with(&[0xFF, START, 0xFF]));
    let film = rest.get(4..8) == Some(b"ftyp");
    if second || film || rest.ends_with(b"SEFT") { Ok(()) } else { check_trailer(rest) }
}
