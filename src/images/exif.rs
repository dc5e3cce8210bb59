//! Of Exif the orientation alone: without it, pictures that a phone took upright lie on their side.

use super::tiff::Numbers;

/// The tag of the orientation, in Exif and in TIFF.
pub const ORIENTATION: u16 = 0x0112;
/// The type of a number of two bytes.
const SHORT: u16 = 3;
/// Entries of a directory that are looked at; cameras write some dozen.
const ENTRIES_MAX: u16 = 512;

/// The orientation, 1 to 8, that this Exif block tells, if it does.
pub fn orientation(block: &[u8]) -> Option<u16> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let numbers = Numbers::of(block)?;
    let directory = numbers.u32(4)?;
    let count = numbers.u16(directory)?.min(ENTRIES_MAX);
    let mut entries = (0..u32::from(count)).map_while(|index| directory.checked_add(2 + 12 * index));
    let entry = entries.find(|entry| numbers.u16(*entry) == Some(ORIENTATION))?;
    let is_one_short = numbers.u16(entry.checked_add(2)?)? == SHORT && numbers.u32(entry.checked_add(4)?)? == 1;
    let value = numbers.u16(entry.checked_add(8)?)?;
    (is_one_short && (1..=8).contains(&value)).then_some(value)
}

/// An Exif block (TIFF's structure, the higher byte first) that tells this orientation and nothing else.
pub fn block(orientation: u16) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    for number in [ORIENTATION, SHORT, 0, 1, orientation, 0, 0, 0] {
        block.extend_from_slice(&number.to_be_bytes());
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for value in 1..=8 {
            assert_eq!(orientation(&block(value)), Some(value));
            assert_eq!(orientation(&[b"Exif\0\0".as_slice(), &block(value)].concat()), Some(value));
        }
        for value in [0, 9, 0xFFFF] {
            assert_eq!(orientation(&block(value)), None);
        }
    }

    #[test]
    fn broken_blocks_tell_nothing() {
        let whole = block(6);
        for end in 0..18 {
            assert_eq!(orientation(&whole[..end]), None, "{end}");
        }
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), None);
        assert_eq!(orientation(b"II*\0\xf8\xff\xff\xff\x01\0"), None);
    }
}
