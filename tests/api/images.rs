//! Pictures are walked to their end and cleaned of what tells about their owner: the same pixels for a decoder, the same
//! bytes of compressed data, and nothing else.

use repduel_backend::images::{Flaw, Format, clean};

use crate::support::ledger::Dice;
use crate::support::samples::{
    NEEDLE, ORIENTATION, PROFILE, compressed, find, of_size, personal, pixels, plain, png_chunk, tiff, webp, webp_chunk,
};

fn cleaned(bytes: &[u8]) -> Vec<u8> {
    let cleaned = clean(bytes).unwrap();
    let all = cleaned.to_vec();
    assert_eq!(cleaned.length(), all.len() as u64);
    all
}

#[track_caller]
fn refused(bytes: &[u8]) -> Flaw {
    clean(bytes).map(|cleaned| cleaned.to_vec().len()).unwrap_err()
}

#[test]
fn bare_pictures_keep_their_pixels_and_their_compressed_data() {
    for format in Format::ALL {
        let before = plain(format);
        let picture = clean(&before).unwrap();
        assert_eq!((picture.format, picture.width, picture.height), (format, 40, 30));
        let after = picture.to_vec();
        assert_eq!(pixels(format, &after), pixels(format, &before), "{format:?}");
        if format != Format::Tiff {
            assert!(find(&after, &compressed(format)).is_some(), "{format:?}");
        }
    }
}

#[test]
fn what_tells_about_the_owner_goes_and_what_decoders_need_stays() {
    for format in Format::ALL {
        let before = personal(format);
        assert!(find(&before, NEEDLE.as_bytes()).is_some(), "{format:?}: the sample should hold something personal");
        let after = cleaned(&before);
        assert_eq!(find(&after, NEEDLE.as_bytes()), None, "{format:?}");
        assert_eq!(find(&after, b"Ada"), None, "{format:?}");
        assert!(find(&after, PROFILE).is_some(), "{format:?}: the colour profile is gone");
        assert!(find(&after, &compressed(format)).is_some(), "{format:?}: the compressed data changed");
        assert_eq!(cleaned(&after), after, "{format:?}: what is clean stays as it is");
        if format != Format::Png {
            // The sample's profile is not compressed as PNG wants it.
            assert_eq!(pixels(format, &after), pixels(format, &before), "{format:?}");
        }
    }
}

#[test]
fn both_orders_of_bytes_are_read() {
    for low_first in [false, true] {
        let after = cleaned(&tiff(low_first));
        assert_eq!(&after[..2], if low_first { b"II" } else { b"MM" });
        assert_eq!(pixels(Format::Tiff, &after), pixels(Format::Tiff, &tiff(low_first)));
    }
}

#[test]
fn the_orientation_stays_and_no_other_exif() {
    let exif =
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".as_slice(), &ORIENTATION.to_be_bytes(), &[0; 6]].concat();
    for format in [Format::Jpeg, Format::Png, Format::WebP] {
        let after = cleaned(&personal(format));
        assert!(find(&after, &exif).is_some(), "{format:?}");
        assert_eq!(
            after.windows(4).filter(|window| [b"II*\0", b"MM\0*"].contains(&(*window).try_into().unwrap())).count(),
            1
        );
    }
    let after = cleaned(&tiff(true));
    assert!(find(&after, &[0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]).is_some());
    // Announced by the flags of WebP's header: a profile and Exif, no XMP.
    assert_eq!(cleaned(&personal(Format::WebP))[20], 0x28);
}

#[test]
fn a_picture_that_breaks_off_anywhere_is_refused() {
    for format in Format::ALL {
        for whole in [plain(format), personal(format), cleaned(&personal(format))] {
            // TIFF's directories may stand before data that nothing points to.
            let ends = if format == Format::Tiff { 0..whole.len().min(500) } else { 0..whole.len() };
            for end in ends {
                if let Ok(part) = clean(&whole[..end]) {
                    panic!("{format:?}: {end} of {} bytes are {} by {}", whole.len(), part.width, part.height);
                }
            }
        }
    }
}

#[test]
fn what_follows_a_picture_is_refused_or_left_out() {
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Tiff) {
        let whole = plain(format);
        for behind in [b"PK\x03\x04 an archive".as_slice(), b"<?php system($_GET[0]); ?>", b"\0\0\0x", b"\n"] {
            assert_eq!(refused(&[whole.as_slice(), behind].concat()), Flaw::Trailing, "{format:?} {behind:?}");
        }
        assert_eq!(cleaned(&[whole.as_slice(), &[0; 7]].concat()), cleaned(&whole), "{format:?}");
    }
    let whole = plain(Format::Tiff);
    assert_eq!(cleaned(&[whole.as_slice(), b"PK\x03\x04"].concat()), cleaned(&whole), "nothing points to it");
}

#[test]
fn what_phones_put_behind_a_photo_is_left_out() {
    let photo = plain(Format::Jpeg);
    for behind in [
        [b"\0\0".as_slice(), &photo].concat(),
        [b"\0\0\0\x18ftypmp42".as_slice(), &[7; 90]].concat(),
        [NEEDLE.as_bytes(), b"SEFT"].concat(),
    ] {
        assert_eq!(cleaned(&[photo.as_slice(), &behind].concat()), cleaned(&photo));
    }
}

#[test]
fn bytes_that_are_no_picture_are_refused() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for bytes in
        [b"".as_slice(), b"\0", b"GIF", b"PK\x03\x04", svg, b"%PDF-1.7", b"<html>", b"MZ\x90", b"\0\0\0\x1cftypavif"]
    {
        assert_eq!(refused(bytes), Flaw::Unknown, "{bytes:?}");
    }
    // The first bytes alone make no picture.
    let polyglots: [&[u8]; 7] = [
        b"\xFF\xD8\xFF<?php",
        b"\x89PNG\r\n\x1A\n<script>alert(1)</script>",
        b"GIF89a/*<script>*/=1;",
        b"BM<script>alert(1)</script>........................................",
        b"II*\0\x08\0\0\0PK\x03\x04",
        b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
        b"RIFF\x04\0\0\0WEBPPK\x03\x04",
    ];
    for bytes in polyglots {
        assert!(matches!(refused(bytes), Flaw::Broken | Flaw::Variant | Flaw::Trailing), "{bytes:?}");
    }
}

#[test]
fn sides_have_at_most_8192_pixels() {
    for format in [Format::Png, Format::Gif, Format::Bmp, Format::Tiff] {
        assert_eq!(clean(&of_size(format, 8192, 1)).unwrap().width, 8192, "{format:?}");
        assert_eq!(refused(&of_size(format, 8193, 1)), Flaw::Size, "{format:?}");
        assert_eq!(refused(&of_size(format, 1, 8193)), Flaw::Size, "{format:?}");
    }
    let sized = |format: Format, mark: &[u8], behind: usize, size: [u8; 4]| {
        let mut bytes = plain(format);
        let at = find(&bytes, mark).unwrap() + behind;
        bytes[at..at + 4].copy_from_slice(&size);
        clean(&bytes).map(|cleaned| (cleaned.width, cleaned.height))
    };
    for (height, width, taken) in
        [(8192, 8192, true), (8193, 1, false), (1, 8193, false), (0, 9, false), (65535, 65535, false)]
    {
        let size = [u16::to_be_bytes(height), u16::to_be_bytes(width)].concat().try_into().unwrap();
        let size = sized(Format::Jpeg, &[0xFF, 0xC0], 5, size);
        assert_eq!(size, if taken { Ok((width.into(), height.into())) } else { Err(Flaw::Size) });
    }
    // WebP's own limit is 16,384: fourteen bits a side.
    assert_eq!(sized(Format::WebP, b"VP8L", 9, [0xFF, 0x1F, 0, 0]), Ok((8192, 1)));
    assert_eq!(sized(Format::WebP, b"VP8L", 9, [0x00, 0x20, 0, 0]), Err(Flaw::Size));
}

#[test]
fn chunks_out_of_their_place_are_refused() {
    let png = plain(Format::Png);
    let (pixels, end) = (find(&png, b"IDAT").unwrap() - 4, find(&png, b"IEND").unwrap() - 4);
    let with = |chunk: &[u8], at: usize| [&png[..at], chunk, &png[at..]].concat();
    assert_eq!(refused(&with(&png_chunk(b"IHDR", &png[16..29]), pixels)), Flaw::Broken, "a second header");
    assert_eq!(refused(&with(&png_chunk(b"CgBI", &[0; 4]), 8)), Flaw::Broken, "Apple's own dialect");
    assert_eq!(refused(&with(&png_chunk(b"NEWs", b"x"), end)), Flaw::Broken, "one that decoders must know");
    assert_eq!(refused(&with(&png_chunk(b"pHYs", &[0; 10]), pixels)), Flaw::Broken, "more than its name allows");
    assert_eq!(refused(&with(b"\0\0\0\0t\0Xt\0\0\0\0", pixels)), Flaw::Broken, "a name that is none");
    let apart = [&png[..end], &png_chunk(b"pHYs", &[0; 9]), &png[pixels..end], &png[end..]].concat();
    assert_eq!(refused(&apart), Flaw::Broken, "pixels in two places");
    assert_eq!(refused(&[&png[..pixels], &png[end..]].concat()), Flaw::Broken, "no pixels");
    let mut spoilt = png.clone();
    spoilt[pixels + 9] ^= 1;
    assert_eq!(refused(&spoilt), Flaw::Broken, "a wrong checksum");

    let jpeg = plain(Format::Jpeg);
    let frame = find(&jpeg, &[0xFF, 0xC0]).unwrap();
    let twice = [&jpeg[..frame], &jpeg[frame..frame + 19], &jpeg[frame..]].concat();
    assert_eq!(refused(&twice), Flaw::Broken, "two frames");
    assert_eq!(refused(&[&jpeg[..2], &[0xFF, 0xDE, 0, 2], &jpeg[2..]].concat()), Flaw::Variant, "hierarchical");
    assert_eq!(refused(&[0xFF, 0xD8, 0xFF, 0xD9]), Flaw::Broken, "nothing within");

    let gif = plain(Format::Gif);
    let image = find(&gif, &[0x2C, 0, 0, 0, 0]).unwrap();
    assert_eq!(refused(&[&gif[..image], &[0x3B]].concat()), Flaw::Broken, "no image");
    assert_eq!(refused(&[&gif[..image], b"\x99", &gif[image..]].concat()), Flaw::Broken, "no such block");

    let chunk = plain(Format::WebP)[12..].to_vec();
    let header = |flags: u8, side: u8| webp_chunk(b"VP8X", &[flags, 0, 0, 0, 39, 0, 0, side, 0, 0]);
    assert!(clean(&webp(&[header(0, 29), chunk.clone()].concat())).is_ok());
    assert_eq!(refused(&webp(&header(0, 29))), Flaw::Broken, "no picture");
    assert_eq!(refused(&webp(&[header(0, 28), chunk.clone()].concat())), Flaw::Broken, "another size");
    assert_eq!(refused(&webp(&[header(0, 29), chunk.clone(), chunk.clone()].concat())), Flaw::Broken, "two pictures");
    assert_eq!(refused(&webp(&webp_chunk(b"EXIF", b"x"))), Flaw::Broken);
    let behind = webp(&[chunk.clone(), webp_chunk(b"XMP ", NEEDLE.as_bytes())].concat());
    assert_eq!(cleaned(&behind), webp(&chunk));
}

#[test]
fn animations_keep_their_frames_and_how_often_they_play() {
    let frame = |picture: &[u8]| {
        let header = [0, 0, 0, 0, 0, 0, 39, 0, 0, 29, 0, 0, 100, 0, 0, 0];
        let needle = webp_chunk(b"note", NEEDLE.as_bytes());
        webp_chunk(b"ANMF", &[header.as_slice(), picture, &needle].concat())
    };
    let picture = plain(Format::WebP)[12..].to_vec();
    let header = webp_chunk(b"VP8X", &[0x02, 0, 0, 0, 39, 0, 0, 29, 0, 0]);
    let all = [header, webp_chunk(b"ANIM", &[0; 6]), frame(&picture), frame(&picture)].concat();
    let after = cleaned(&webp(&all));
    assert_eq!(find(&after, NEEDLE.as_bytes()), None);
    assert_eq!(after.windows(4).filter(|window| window == b"ANMF").count(), 2);
    assert_eq!(pixels(Format::WebP, &after), pixels(Format::WebP, &webp(&all)));
    let gif = cleaned(&personal(Format::Gif));
    assert!(find(&gif, b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0").is_some());
    let long = [b"GIF89a".as_slice(), &[1, 0, 1, 0, 0, 0, 0], b"\x21\xFF\x0BNETSCAPE2.0\x04\x01Ada\0"].concat();
    let image = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0, 0, 0x3B];
    assert_eq!(find(&cleaned(&[long.as_slice(), &image].concat()), b"Ada"), None, "more than a number of times");
}

#[test]
fn bitmaps_of_every_version_are_read() {
    let run_length = [2, 7, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 1, 1, 0, 1];
    let info = |bits: u8, compression: u8, colours: u8| {
        let mut header = vec![40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, bits, 0, compression, 0, 0, 0];
        header.resize(32, 0);
        header.extend([colours, 0, 0, 0, 0, 0, 0, 0]);
        header
    };
    let file = |header: &[u8], tables: usize, pixels: &[u8]| {
        let at = u32::try_from(14 + header.len() + tables).unwrap().to_le_bytes();
        [b"BM\0\0\0\0\0\0\0\0", at.as_slice(), header, &vec![9; tables], pixels].concat()
    };
    let core = [12, 0, 0, 0, 2, 0, 2, 0, 1, 0, 1, 0];
    let good = [
        file(&core, 6, &[0; 8]),
        file(&info(8, 1, 4), 16, &run_length),
        file(&info(4, 2, 4), 16, &[0, 5, 1, 2, 3, 0, 0, 1]),
        file(&info(32, 3, 0), 12, &[0; 16]),
        file(&info(16, 6, 0), 16, &[0; 8]),
    ];
    for bytes in &good {
        let after = cleaned(bytes);
        assert_eq!(after[10..], bytes[10..], "but for its length it stays as it is");
        assert_eq!(after[2..6], u32::try_from(bytes.len()).unwrap().to_le_bytes());
    }
    assert_eq!(refused(&file(&info(24, 4, 0), 0, b"a JPEG within")), Flaw::Variant);
    assert_eq!(refused(&file(&info(8, 0, 200), 16, &[0; 8])), Flaw::Broken, "colours past the pixels' place");
    assert_eq!(refused(&file(&info(8, 1, 4), 16, &run_length[..14])), Flaw::Broken, "runs without an end");
    let mut linked = personal(Format::Bmp);
    linked[14 + 56..14 + 60].copy_from_slice(b"KNIL");
    assert_eq!(refused(&linked), Flaw::Trailing, "a profile's name behind the pixels");
}

#[test]
fn values_that_are_pointed_to_again_and_again_do_not_multiply() {
    let mut bytes = tiff(true);
    let before = cleaned(&bytes).len();
    // The strip as long as the file, from its front: it overlaps everything.
    let entry = find(&bytes, &[0x11, 0x01, 4, 0, 1, 0, 0, 0]).unwrap();
    bytes[entry + 8..entry + 12].copy_from_slice(&[0; 4]);
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let entry = find(&bytes, &[0x17, 0x01, 4, 0, 1, 0, 0, 0]).unwrap();
    bytes[entry + 8..entry + 12].copy_from_slice(&length);
    assert_eq!(refused(&bytes), Flaw::Broken);
    // Directories in a circle.
    let mut circle = tiff(true);
    let count = u16::from_le_bytes([circle[600], circle[601]]);
    let next = 602 + 12 * usize::from(count);
    circle[next..next + 4].copy_from_slice(&600_u32.to_le_bytes());
    assert_eq!(refused(&circle), Flaw::Broken);
    assert!(before < bytes.len());
}

#[test]
fn spoilt_pictures_are_refused_or_cleaned_but_never_grow() {
    let mut dice = Dice::thrown();
    for format in Format::ALL {
        let whole = personal(format);
        for _ in 0..4000 {
            let mut spoilt = whole.clone();
            for _ in 0..=dice.below(3) {
                let at = usize::try_from(dice.below(whole.len() as u64)).unwrap();
                spoilt[at] = u8::try_from(dice.below(256)).unwrap();
            }
            if let Ok(cleaned) = clean(&spoilt) {
                assert!(cleaned.length() <= spoilt.len() as u64 + 64, "{format:?}");
                let after = cleaned.to_vec();
                assert_eq!(clean(&after).map(|again| again.to_vec()).unwrap(), after, "{format:?}: cleaning twice");
            }
        }
    }
}
