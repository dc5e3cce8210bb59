//! PNG: a signature and chunks, each with a checksum, from IHDR to IEND.

use super::{Cursor, Flaw, Out, check_trailer, checked_size, exif};

const SIGNATURE_BYTES: usize = 8;

/// Chunks that say how the pixels look, and the bytes that each may have at most. All others that decoders may pass over are
/// left out: texts, times, signatures, what nobody knows.
const KEPT: [(&[u8; 4], u32); 17] = [
    (b"PLTE", 768),
    (b"IDAT", u32::MAX),
    (b"tRNS", 256),
    (b"gAMA", 4),
    (b"cHRM", 32),
    (b"sRGB", 1),
    (b"iCCP", u32::MAX),
    (b"cICP", 4),
    (b"mDCV", 24),
    (b"cLLI", 8),
    (b"sBIT", 4),
    (b"bKGD", 6),
    (b"hIST", 512),
    (b"pHYs", 9),
    (b"acTL", 8),
    (b"fcTL", 26),
    (b"fdAT", u32::MAX),
];

pub fn walk<'a>(mut cursor: Cursor<'a>, out: &mut Out<'a>) -> Result<(u32, u32), Flaw> {
    cursor.take(SIGNATURE_BYTES)?;
    out.keep(0..SIGNATURE_BYTES);
    let header = Chunk::read(&mut cursor)?;
    if &header.name != b"IHDR" || !header.is_sound {
        return Err(Flaw::Broken);
    }
    let size = read_header(header.data)?;
    out.keep(SIGNATURE_BYTES..cursor.at());
    let (mut pixels, mut oriented) = (Pixels::Before, false);
    loop {
        let start = cursor.at();
        let chunk = Chunk::read(&mut cursor)?;
        pixels = pixels.after(&chunk)?;
        match &chunk.name {
            b"IEND" => {
                if !chunk.data.is_empty() || !chunk.is_sound || pixels == Pixels::Before {
                    return Err(Flaw::Broken);
                }
                out.keep(start..cursor.at());
                check_trailer(cursor.rest())?;
                return Ok(size);
            }
            b"eXIf" => {
                if let Some(orientation) = exif::orientation(chunk.data).filter(|_| !oriented) {
                    oriented = true;
                    write_chunk(out, *b"eXIf", &exif::block(orientation));
                }
            }
            name => {
                let kept = KEPT.iter().find(|(kept, _)| *kept == name);
                if kept.is_some_and(|(_, bytes_max)| chunk.data.len() as u64 <= u64::from(*bytes_max)) {
                    if !chunk.is_sound {
                        return Err(Flaw::Broken);
                    }
                    out.keep(start..cursor.at());
                } else if kept.is_some() || chunk.is_critical() {
                    return Err(Flaw::Broken);
                }
            }
        }
    }
}

/// Where the walk stands: the chunks of pixels come without others between them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pixels {
    Before,
    Within,
    After,
}

impl Pixels {
    fn after(self, chunk: &Chunk<'_>) -> Result<Self, Flaw> {
        match (self, &chunk.name == b"IDAT") {
            (Self::Before | Self::Within, true) => Ok(Self::Within),
            (Self::After, true) => Err(Flaw::Broken),
            (Self::Within | Self::After, false) => Ok(Self::After),
            (Self::Before, false) => Ok(Self::Before),
        }
    }
}

struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
    is_sound: bool,
}

impl<'a> Chunk<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Flaw> {
        let length = cursor.be32()?;
        let name = cursor.array()?;
        let data = cursor.take_u32(length)?;
        let is_sound = cursor.be32()? == checksum(name, data);
        if !name.iter().all(u8::is_ascii_alphabetic) {
            return Err(Flaw::Broken);
        }
        Ok(Self { name, data, is_sound })
    }

    /// Whether a decoder must know it.
    fn is_critical(&self) -> bool {
        self.name.first().is_some_and(u8::is_ascii_uppercase)
    }
}

fn read_header(data: &[u8]) -> Result<(u32, u32), Flaw> {
    let mut header = Cursor::new(data);
    let (width, height) = (header.be32()?, header.be32()?);
    let [depth, colour, compression, filter, interlace] = header.array()?;
    let depths: &[u8] = match colour {
        0 => &[1, 2, 4, 8, 16],
        2 | 4 | 6 => &[8, 16],
        3 => &[1, 2, 4, 8],
        _ => &[],
    };
    let fits = depths.contains(&depth) && compression == 0 && filter == 0 && interlace <= 1;
    if !fits || !header.rest().is_empty() {
        return Err(Flaw::Broken);
    }
    checked_size(width, height)
}

fn write_chunk(out: &mut Out<'_>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or_default();
    let (length, sum) = (length.to_be_bytes(), checksum(name, data).to_be_bytes());
    out.write([length.as_slice(), &name, data, &sum].concat());
}

/// The remainders of CRC-32 (ISO 3309), eight tables deep so that eight bytes are taken at a time.
const REMAINDERS: [[u32; 256]; 8] = remainders();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn remainders() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { 0xEDB8_8320 ^ (remainder >> 1) } else { remainder >> 1 };
            bit += 1;
        }
        tables[0][byte] = remainder;
        byte += 1;
    }
    let mut depth = 1;
    while depth < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[depth - 1][byte];
            tables[depth][byte] = tables[0][(before & 0xFF) as usize] ^ (before >> 8);
            byte += 1;
        }
        depth += 1;
    }
    tables
}

fn checksum(name: [u8; 4], data: &[u8]) -> u32 {
    !crc(crc(!0, &name), data)
}

#[expect(clippy::indexing_slicing, reason = "a byte indexes 256 entries")]
fn crc(mut sum: u32, bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let [a, b, c, d, e, f, g, h] = *eight;
        let [a, b, c, d] = (sum ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
        let bytes = [h, g, f, e, d, c, b, a];
        sum = bytes.iter().zip(&REMAINDERS).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)]);
    }
    for byte in rest {
        let [low, ..] = sum.to_le_bytes();
        sum = REMAINDERS[0][usize::from(low ^ byte)] ^ (sum >> 8);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(!crc(!0, b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum(*b"IEND", b""), 0xAE42_6082);
    }
}
