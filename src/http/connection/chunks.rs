//! Follows a body that comes in chunks (RFC 9112, 7.1) to its end, a piece at a time.

/// Where in the body the next byte belongs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chunk {
    /// The size as far as its digits have come.
    Size(u64),
    /// What follows the size on its line.
    Extension(u64),
    /// The data, and the line's end after it.
    Data(u64),
    /// So many bytes of a line after the last chunk.
    Trailer(usize),
}

impl Chunk {
    /// Takes what belongs to this part, and says what is next; nothing when the body has ended.
    pub(super) fn step(self, bytes: &[u8]) -> (usize, Option<Self>) {
        if let Self::Data(left) = self {
            let taken = left.min(bytes.len() as u64);
            let next = match left - taken {
                0 => Self::Size(0),
                left => Self::Data(left),
            };
            return (taken as usize, Some(next));
        }
        (1, self.after(bytes[0]))
    }

    /// What comes after one byte of a line. A number that makes no sense is refused by the HTTP
    /// layer, after which nothing is read any more.
    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Some(Self::Trailer(0)),
            (Self::Size(bytes) | Self::Extension(bytes), b'\n') => {
                Some(Self::Data(bytes.saturating_add(2)))
            }
            (Self::Size(bytes), _) => match char::from(byte).to_digit(16) {
                Some(digit) => Some(Self::Size(
                    bytes.saturating_mul(16).saturating_add(digit.into()),
                )),
                None => Some(Self::Extension(bytes)),
            },
            (Self::Trailer(0), b'\n') => None,
            (Self::Trailer(_), b'\n') => Some(Self::Trailer(0)),
            (Self::Trailer(bytes), b'\r') => Some(Self::Trailer(bytes)),
            (Self::Trailer(bytes), _) => Some(Self::Trailer(bytes + 1)),
            (same, _) => Some(same),
        }
    }
}
