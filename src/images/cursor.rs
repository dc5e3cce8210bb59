//! Bytes that are read from front to back, never past their end.

use super::Flaw;

/// A place in the bytes.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the front.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How far from the front.
    pub fn at(&self) -> usize {
        self.at
    }

    /// All of the bytes.
    pub fn whole(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is still to be read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next so many bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Flaw> {
        let end = self.at.checked_add(count).ok_or(Flaw::Broken)?;
        let taken = self.bytes.get(self.at..end).ok_or(Flaw::Broken)?;
        self.at = end;
        Ok(taken)
    }

    /// The next bytes, as many as the array has.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.take(N)?.try_into().map_err(|_| Flaw::Broken)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Flaw> {
        self.array().map(|[byte]| byte)
    }

    /// A number of two bytes, the higher one first.
    pub fn be16(&mut self) -> Result<u16, Flaw> {
        self.array().map(u16::from_be_bytes)
    }

    /// A number of two bytes, the lower one first.
    pub fn le16(&mut self) -> Result<u16, Flaw> {
        self.array().map(u16::from_le_bytes)
    }

    /// A number of four bytes, the highest one first.
    pub fn be32(&mut self) -> Result<u32, Flaw> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number of four bytes, the lowest one first.
    pub fn le32(&mut self) -> Result<u32, Flaw> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of three bytes, the lowest one first.
    pub fn le24(&mut self) -> Result<u32, Flaw> {
        self.array().map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]))
    }

    /// The next so many bytes, for a length as files hold it.
    pub fn take_u32(&mut self, count: u32) -> Result<&'a [u8], Flaw> {
        self.take(usize::try_from(count).map_err(|_| Flaw::Broken)?)
    }
}
