//! Pictures to upload, of every format, bare and with what cameras and programs write beside the pixels.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};
use repduel_backend::images::Format;

/// A text that stands wherever a personal sample can hold one, and must not be stored.
pub const NEEDLE: &str = "48.8583N 2.2945E of Ada";
/// Something that stands for a colour profile, which stays.
pub const PROFILE: &[u8] = b"the colours of a screen";
/// The orientation of the personal samples: the picture was taken upright.
pub const ORIENTATION: u16 = 6;

/// The decoder's name for the format.
pub fn decoders(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::Bmp => ImageFormat::Bmp,
        Format::Tiff => ImageFormat::Tiff,
        Format::WebP => ImageFormat::WebP,
    }
}

/// What a decoder sees in these bytes.
#[track_caller]
pub fn pixels(format: Format, bytes: &[u8]) -> RgbImage {
    let decoded = image::load_from_memory_with_format(bytes, decoders(format));
    decoded.unwrap_or_else(|error| panic!("{format:?} cannot be decoded: {error}")).to_rgb8()
}

/// A picture of this size that is not all one colour.
fn drawing(width: u32, height: u32) -> DynamicImage {
    let colour = |number: u32| u8::try_from(number % 256).unwrap();
    RgbImage::from_fn(width, height, |x, y| image::Rgb([colour(7 * x), colour(11 * y), colour(x * y)])).into()
}

/// A picture of this size as an encoder writes it.
pub fn of_size(format: Format, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    match format {
        Format::Jpeg => drawing(width, height).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)),
        Format::Gif => {
            let frame = image::Frame::new(drawing(width, height).to_rgba8());
            let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
            encoder.set_repeat(image::codecs::gif::Repeat::Infinite).unwrap();
            encoder.encode_frame(frame)
        }
        _ => drawing(width, height).write_to(&mut Cursor::new(&mut bytes), decoders(format)),
    }
    .unwrap();
    bytes
}

/// A small picture as an encoder writes it.
pub fn plain(format: Format) -> Vec<u8> {
    of_size(format, 40, 30)
}

/// The same picture with [`NEEDLE`] in every place where the format can hold it, an orientation where it can tell one, and a
/// [`PROFILE`] where it can hold one.
pub fn personal(format: Format) -> Vec<u8> {
    let bytes = plain(format);
    match format {
        Format::Jpeg => personal_jpeg(&bytes),
        Format::Png => personal_png(&bytes),
        Format::Gif => personal_gif(&bytes),
        Format::Bmp => personal_bmp(&bytes),
        Format::Tiff => tiff(false),
        Format::WebP => personal_webp(&bytes),
    }
}

/// The compressed pixels of both samples of a format, which must be stored as they are.
pub fn compressed(format: Format) -> Vec<u8> {
    let bytes = &plain(format);
    let from = |mark: &[u8]| find(bytes, mark).unwrap_or_else(|| panic!("{format:?} without {mark:?}"));
    match format {
        Format::Jpeg => bytes[from(&[0xFF, 0xDA])..].to_vec(),
        Format::Png => {
            let at = from(b"IDAT");
            let length = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap());
            bytes[at..][..length as usize].to_vec()
        }
        Format::Gif => bytes[from(&[0x2C, 0, 0, 0, 0])..bytes.len() - 1].to_vec(),
        Format::Bmp => bytes[bytes.len() - 40 * 30 * 3..].to_vec(),
        Format::Tiff => TIFF_PIXELS.to_vec(),
        Format::WebP => {
            let at = from(b"VP8L") + 4;
            let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            bytes[at..][..length as usize].to_vec()
        }
    }
}

/// Where these bytes stand within others.
pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A directory of TIFF's structure, as Exif has it too, with values behind it. `low_first`: the order of bytes.
struct Directory {
    low_first: bool,
    at: u32,
    entries: Vec<(u16, u16, u32, Vec<u8>)>,
}

impl Directory {
    fn u16(&self, number: u16) -> Vec<u8> {
        if self.low_first { number.to_le_bytes().to_vec() } else { number.to_be_bytes().to_vec() }
    }

    fn u32(&self, number: u32) -> Vec<u8> {
        if self.low_first { number.to_le_bytes().to_vec() } else { number.to_be_bytes().to_vec() }
    }

    fn short(mut self, tag: u16, value: u16) -> Self {
        let value = self.u16(value);
        self.entries.push((tag, 3, 1, value));
        self
    }

    fn long(mut self, tag: u16, value: u32) -> Self {
        let value = self.u32(value);
        self.entries.push((tag, 4, 1, value));
        self
    }

    fn bytes(mut self, tag: u16, kind: u16, value: &[u8]) -> Self {
        self.entries.push((tag, kind, u32::try_from(value.len()).unwrap(), value.to_vec()));
        self
    }

    /// The directory, which ends the chain, and its values.
    fn write(mut self) -> Vec<u8> {
        self.entries.sort_by_key(|entry| entry.0);
        let mut outside_at = self.at + 2 + 12 * u32::try_from(self.entries.len()).unwrap() + 4;
        let mut directory = self.u16(u16::try_from(self.entries.len()).unwrap());
        let mut outside = Vec::new();
        for (tag, kind, count, value) in &self.entries {
            directory.extend([self.u16(*tag), self.u16(*kind), self.u32(*count)].concat());
            let mut inside = value.clone();
            if value.len() > 4 {
                inside = self.u32(outside_at);
                outside_at += u32::try_from(value.len().next_multiple_of(2)).unwrap();
                outside.extend_from_slice(value);
                outside.resize(outside.len().next_multiple_of(2), 0);
            }
            inside.resize(4, 0);
            directory.extend(inside);
        }
        [directory, self.u32(0), outside].concat()
    }
}

fn directory(low_first: bool, at: u32) -> Directory {
    Directory { low_first, at, entries: Vec::new() }
}

/// What a phone writes: who, what with, when, where, and which side is up.
fn exif() -> Vec<u8> {
    let needle = NEEDLE.as_bytes();
    let gps_at = 400;
    let main = directory(true, 8).bytes(270, 2, needle).bytes(315, 2, needle).short(0x0112, ORIENTATION);
    let mut block = [b"II*\0\x08\0\0\0".to_vec(), main.long(34853, gps_at).write()].concat();
    block.resize(gps_at as usize, 0);
    block.extend(directory(true, gps_at).bytes(1, 2, b"N\0").bytes(29, 2, needle).write());
    block
}

fn jpeg_segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), payload].concat()
}

fn personal_jpeg(bytes: &[u8]) -> Vec<u8> {
    let thumbnail = [b"JFIF\0\x01\x01\0\0\x01\0\x01\x08\x01".as_slice(), format!("{NEEDLE} ").as_bytes()].concat();
    let needle = NEEDLE.as_bytes();
    let segments = [
        jpeg_segment(0xE0, &thumbnail),
        jpeg_segment(0xE0, &[b"JFXX\0\x13".as_slice(), needle].concat()),
        jpeg_segment(0xE1, &[b"Exif\0\0".as_slice(), &exif()].concat()),
        jpeg_segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0".as_slice(), needle].concat()),
        jpeg_segment(0xE2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), PROFILE].concat()),
        jpeg_segment(0xE2, &[b"MPF\0".as_slice(), needle].concat()),
        jpeg_segment(0xED, &[b"Photoshop 3.0\0".as_slice(), needle].concat()),
        jpeg_segment(0xEB, needle),
        jpeg_segment(0xFE, needle),
    ];
    let own_header = 2 + 18; // the encoder's
    [&[0xFF, 0xD8], segments.concat().as_slice(), &bytes[own_header..]].concat()
}

/// A chunk of PNG, whose checksum is computed bit by bit.
pub fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), data].concat();
    let sum = named.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 })
    });
    [u32::try_from(data.len()).unwrap().to_be_bytes().as_slice(), &named, &(!sum).to_be_bytes()].concat()
}

fn personal_png(bytes: &[u8]) -> Vec<u8> {
    let needle = NEEDLE.as_bytes();
    let (pixels, end) = (find(bytes, b"IDAT").unwrap() - 4, find(bytes, b"IEND").unwrap() - 4);
    let before = [
        png_chunk(b"iCCP", &[b"p\0\0".as_slice(), PROFILE].concat()),
        png_chunk(b"tEXt", &[b"Author\0".as_slice(), needle].concat()),
        png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), needle].concat()),
        png_chunk(b"zTXt", &[b"Comment\0\0".as_slice(), needle].concat()),
        png_chunk(b"eXIf", &exif()),
        png_chunk(b"caBX", needle),
    ];
    let behind = [png_chunk(b"tIME", &[7, 0xEA, 1, 1, 1, 1, 1]), png_chunk(b"tEXt", needle)];
    [&bytes[..pixels], &before.concat(), &bytes[pixels..end], &behind.concat(), &bytes[end..]].concat()
}

/// Short blocks of GIF, and the empty one.
fn gif_blocks(data: &[u8]) -> Vec<u8> {
    let blocks = data.chunks(255).map(|block| [&[u8::try_from(block.len()).unwrap()], block].concat());
    [blocks.collect::<Vec<_>>().concat(), vec![0]].concat()
}

fn personal_gif(bytes: &[u8]) -> Vec<u8> {
    let needle = NEEDLE.as_bytes();
    let application = |name: &[u8], data: &[u8]| [b"\x21\xFF\x0B".as_slice(), name, &gif_blocks(data)].concat();
    let text_header = b"\x21\xF9\x04\0\0\0\0\0\x21\x01\x0C\0\0\0\0\0\0\0\0\0\0\0\0";
    let added = [
        [b"\x21\xFE".as_slice(), &gif_blocks(needle)].concat(),
        application(b"XMP DataXMP", needle),
        application(b"ICCRGBG1012", PROFILE),
        [text_header.as_slice(), &gif_blocks(needle)].concat(),
    ];
    let first = find(bytes, b"\x21").unwrap(); // the first extension: how often it plays
    let end = bytes.len() - 1;
    let comment = [b"\x21\xFE".as_slice(), &gif_blocks(needle)].concat();
    [&bytes[..first], &added.concat(), &bytes[first..end], &comment, &bytes[end..]].concat()
}

/// In the newest version of the header, with a gap before the pixels and a profile behind them.
fn personal_bmp(bytes: &[u8]) -> Vec<u8> {
    let pixels = &bytes[bytes.len() - 40 * 30 * 3..];
    let mut header = vec![0; 124];
    header[..16].copy_from_slice(&[124, 0, 0, 0, 40, 0, 0, 0, 30, 0, 0, 0, 1, 0, 24, 0]);
    header[56..60].copy_from_slice(b"DEBM");
    let pixels_at = 14 + 124 + NEEDLE.len();
    let profile_at = u32::try_from(124 + NEEDLE.len() + pixels.len() + NEEDLE.len()).unwrap();
    header[112..116].copy_from_slice(&profile_at.to_le_bytes());
    header[116..120].copy_from_slice(&u32::try_from(PROFILE.len()).unwrap().to_le_bytes());
    let place = u32::try_from(pixels_at).unwrap().to_le_bytes();
    let needle = NEEDLE.as_bytes();
    [b"BM\0\0\0\0Ada!", place.as_slice(), &header, needle, pixels, needle, PROFILE].concat()
}

/// The one strip of [`tiff`]: 4 by 3 pixels of three bytes.
pub const TIFF_PIXELS: &[u8] = b"thirty-six bytes are twelve pixels!!";

/// A TIFF with everything that tells about its owner, and a thumbnail. `low_first`: its order of bytes.
pub fn tiff(low_first: bool) -> Vec<u8> {
    let needle = NEEDLE.as_bytes();
    let (pixels_at, gps_at, main_at, thumbnail_at) = (60, 160, 600, 1400);
    let header: [&[u8]; 2] = if low_first { [b"II*\0", b"\x58\x02\0\0"] } else { [b"MM\0*", b"\0\0\x02\x58"] };
    let mut file = header.concat();
    file.extend(needle); // which nothing points to
    file.resize(pixels_at, 0);
    file.extend(TIFF_PIXELS);
    file.resize(gps_at, 0);
    let at = |place: usize| u32::try_from(place).unwrap();
    file.extend(directory(low_first, at(gps_at)).bytes(29, 2, needle).write());
    file.resize(main_at, 0);
    let picture = |at_byte: usize| {
        let bits = [8_u16, 8, 8].map(|bits| if low_first { bits.to_le_bytes() } else { bits.to_be_bytes() });
        let mut directory = directory(low_first, at(at_byte)).short(256, 4).short(257, 3).short(259, 1).short(262, 2);
        directory.entries.push((258, 3, 3, bits.concat()));
        directory.long(273, at(pixels_at)).short(277, 3).short(278, 3).long(279, at(TIFF_PIXELS.len()))
    };
    let mut main = picture(main_at).short(274, ORIENTATION).long(34853, at(gps_at)).long(330, at(thumbnail_at));
    for text in [269, 270, 271, 272, 285, 305, 306, 315, 316, 33432] {
        main = main.bytes(text, 2, needle);
    }
    main = main.bytes(700, 1, needle).bytes(33723, 7, needle).bytes(34377, 1, needle).bytes(34675, 7, PROFILE);
    file.extend(main.write());
    assert!(file.len() <= thumbnail_at);
    file.resize(thumbnail_at, 0);
    file.extend(picture(thumbnail_at).long(254, 1).bytes(270, 2, needle).write());
    [file, needle.to_vec()].concat()
}

/// A chunk of WebP.
pub fn webp_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = vec![0; data.len() % 2];
    [name.as_slice(), &u32::try_from(data.len()).unwrap().to_le_bytes(), data, &padding].concat()
}

/// A WebP of these chunks.
pub fn webp(chunks: &[u8]) -> Vec<u8> {
    [b"RIFF", u32::try_from(chunks.len() + 4).unwrap().to_le_bytes().as_slice(), b"WEBP", chunks].concat()
}

fn personal_webp(bytes: &[u8]) -> Vec<u8> {
    let needle = NEEDLE.as_bytes();
    let chunks = [
        webp_chunk(b"VP8X", &[0x2C, 0, 0, 0, 39, 0, 0, 29, 0, 0]),
        webp_chunk(b"ICCP", PROFILE),
        bytes[12..].to_vec(),
        webp_chunk(b"EXIF", &exif()),
        webp_chunk(b"XMP ", needle),
        webp_chunk(b"what", needle),
    ];
    webp(&chunks.concat())
}
