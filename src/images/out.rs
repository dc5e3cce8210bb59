//! What a cleaned picture is made of: stretches of the one that came, and a few bytes written anew.

use std::ops::Range;

#[derive(Debug)]
enum Piece {
    Kept(Range<usize>),
    New(Vec<u8>),
}

/// The pieces, in order.
#[derive(Debug)]
pub struct Out<'a> {
    source: &'a [u8],
    pieces: Vec<Piece>,
}

impl<'a> Out<'a> {
    /// Nothing yet.
    pub fn new(source: &'a [u8]) -> Self {
        Self { source, pieces: Vec::new() }
    }

    /// Goes on with this stretch of what came.
    pub fn keep(&mut self, range: Range<usize>) {
        match self.pieces.last_mut() {
            Some(Piece::Kept(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Kept(range)),
        }
    }

    /// Goes on with these bytes.
    pub fn write(&mut self, bytes: impl Into<Vec<u8>>) {
        self.pieces.push(Piece::New(bytes.into()));
    }

    /// A place for bytes that are known only later.
    pub fn reserve(&mut self) -> usize {
        self.write([]);
        self.pieces.len() - 1
    }

    /// Puts bytes in a place that was reserved.
    pub fn fill(&mut self, place: usize, bytes: impl Into<Vec<u8>>) {
        if let Some(piece) = self.pieces.get_mut(place) {
            *piece = Piece::New(bytes.into());
        }
    }

    /// The pieces as bytes.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| match piece {
            Piece::Kept(range) => self.source.get(range.clone()).unwrap_or_default(),
            Piece::New(bytes) => bytes,
        })
    }

    /// How many bytes they are together.
    pub fn length(&self) -> u64 {
        self.pieces().map(|piece| piece.len() as u64).sum()
    }
}
