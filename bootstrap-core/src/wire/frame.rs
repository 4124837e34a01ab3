//! Frames: a type, a length, a body. The length is judged before a byte of the body is kept.

use zeroize::Zeroizing;

use super::error::Error;

/// Length of what stands before a body.
const HEAD: usize = 5;

/// The types of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an unknown type ends the channel, so a new one is a new version"
)]
pub enum FrameKind {
    /// 01.
    Hello,
    /// 02.
    Evidence,
    /// 03.
    Verdict,
    /// 04.
    Refusal,
    /// 10.
    Message,
}

impl FrameKind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Hello, Self::Evidence, Self::Verdict, Self::Refusal, Self::Message];

    /// Its number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Hello => 0x01,
            Self::Evidence => 0x02,
            Self::Verdict => 0x03,
            Self::Refusal => 0x04,
            Self::Message => 0x10,
        }
    }

    /// The type with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0x01 => Some(Self::Hello),
            0x02 => Some(Self::Evidence),
            0x03 => Some(Self::Verdict),
            0x04 => Some(Self::Refusal),
            0x10 => Some(Self::Message),
            _ => None,
        }
    }

    /// The most bytes that a body has. A message with policies may have so many; [`FrameReader::new`] is told where one may come.
    pub const fn limit(self) -> usize {
        match self {
            Self::Hello => 4 * 1024,
            Self::Evidence => 256 * 1024,
            Self::Verdict => 128,
            Self::Refusal => 64,
            Self::Message => Self::MESSAGE_WITH_POLICIES,
        }
    }

    /// The most bytes of a message that brings no policies.
    pub const MESSAGE: usize = 512 * 1024;

    /// The most bytes of a ticket that brings policies.
    pub const MESSAGE_WITH_POLICIES: usize = 1024 * 1024;
}

/// One frame. Its body is cleared when it is dropped, because a grant may stand in it.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a type and a body")]
pub struct Frame {
    /// Its type.
    pub kind: FrameKind,
    /// Its body.
    pub body: Zeroizing<Vec<u8>>,
}

impl Frame {
    /// The frame as it is sent.
    ///
    /// # Errors
    /// [`Error::Count`] for a body longer than its type may have.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (max, actual) = (self.kind.limit(), self.body.len());
        let too_long = Error::Count { min: 0, max, actual };
        if actual > max {
            return Err(too_long);
        }
        let len = u32::try_from(actual).map_err(|_| too_long)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD.saturating_add(actual)));
        bytes.push(self.kind.number());
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }
}

/// Puts frames together from bytes as they arrive. It holds one frame at most: what comes behind it, [`FrameReader::read`] leaves.
pub struct FrameReader {
    head: [u8; HEAD],
    have: usize,
    body: Option<Body>,
    message_limit: usize,
}

struct Body {
    kind: FrameKind,
    len: usize,
    bytes: Zeroizing<Vec<u8>>,
}

impl FrameReader {
    /// A reader at the front of a frame, for messages of at most `message_limit` bytes: [`FrameKind::MESSAGE`], or
    /// [`FrameKind::MESSAGE_WITH_POLICIES`] where a ticket may come.
    pub fn new(message_limit: usize) -> Self {
        let message_limit = message_limit.min(FrameKind::MESSAGE_WITH_POLICIES);
        Self { head: [0; HEAD], have: 0, body: None, message_limit }
    }

    /// Sets how long a message may be from the next frame on. Before a channel is open, that is 0.
    pub fn set_message_limit(&mut self, message_limit: usize) {
        self.message_limit = message_limit.min(FrameKind::MESSAGE_WITH_POLICIES);
    }

    /// Takes bytes from the front of `input` up to the end of one frame, and gives that frame once it is whole. Bytes behind it stay in
    /// `input`: call again until it is empty and nothing is given.
    ///
    /// # Errors
    /// [`Error::FrameKind`] and [`Error::FrameTooLarge`], before anything is allocated. The channel ends then: what is left in `input`
    /// has no meaning.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Error> {
        let body = match self.body.take() {
            Some(body) => body,
            None => match self.begin(input)? {
                Some(body) => body,
                None => return Ok(None),
            },
        };
        Ok(self.fill(body, input))
    }

    /// Whether a frame has begun and is not whole.
    pub const fn is_inside(&self) -> bool {
        self.have > 0 || self.body.is_some()
    }

    fn begin(&mut self, input: &mut &[u8]) -> Result<Option<Body>, Error> {
        while let Some(slot) = self.head.get_mut(self.have) {
            let Some((first, rest)) = input.split_first() else {
                return Ok(None);
            };
            *slot = *first;
            *input = rest;
            self.have = self.have.saturating_add(1);
        }
        self.have = 0;
        let [number, length @ ..] = self.head;
        let kind = FrameKind::from_number(number).ok_or(Error::FrameKind(number))?;
        let actual = u32::from_be_bytes(length);
        let max = match kind {
            FrameKind::Message => self.message_limit,
            FrameKind::Hello | FrameKind::Evidence | FrameKind::Verdict | FrameKind::Refusal => kind.limit(),
        };
        match usize::try_from(actual) {
            // Room for all of it at once: a buffer that grows leaves copies of secrets behind.
            Ok(len) if len <= max => {
                Ok(Some(Body { kind, len, bytes: Zeroizing::new(Vec::with_capacity(len)) }))
            }
            _ => Err(Error::FrameTooLarge { kind: number, max, actual }),
        }
    }

    fn fill(&mut self, mut body: Body, input: &mut &[u8]) -> Option<Frame> {
        let missing = body.len.saturating_sub(body.bytes.len());
        let (taken, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        body.bytes.extend_from_slice(taken);
        *input = rest;
        if body.bytes.len() < body.len {
            self.body = Some(body);
            return None;
        }
        Some(Frame { kind: body.kind, body: body.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn frame(kind: FrameKind, body: &[u8]) -> Frame {
        Frame { kind, body: Zeroizing::new(body.to_vec()) }
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let sent = [
            frame(FrameKind::Hello, b"hello"),
            frame(FrameKind::Refusal, b""),
            frame(FrameKind::Message, b"m"),
        ];
        let bytes: Vec<u8> = sent.iter().flat_map(|frame| frame.to_bytes().unwrap().to_vec()).collect();
        for step in 1..=bytes.len() {
            let mut reader = FrameReader::new(FrameKind::MESSAGE);
            let mut got = Vec::new();
            for mut part in bytes.chunks(step) {
                while let Some(frame) = reader.read(&mut part).unwrap() {
                    got.push(frame);
                }
                assert!(part.is_empty());
            }
            assert!(got == sent, "in steps of {step}");
            assert!(!reader.is_inside());
        }
    }

    #[test]
    fn one_frame_at_a_time_is_taken_and_the_rest_is_left() {
        let bytes = [frame(FrameKind::Hello, b"one"), frame(FrameKind::Hello, b"two")]
            .map(|frame| frame.to_bytes().unwrap().to_vec());
        let both = bytes.concat();
        let mut input = both.as_slice();
        let mut reader = FrameReader::new(FrameKind::MESSAGE);
        assert!(reader.read(&mut input).unwrap().is_some_and(|frame| *frame.body == b"one"));
        assert_eq!(input, bytes[1]);
        let mut cut = &both[..6];
        assert!(reader.read(&mut cut).unwrap().is_none() && reader.is_inside());
    }

    #[test]
    fn a_length_is_judged_before_its_body_is_there() {
        for (kind, limit, message) in [
            (FrameKind::Hello, 4096, FrameKind::MESSAGE),
            (FrameKind::Evidence, 256 * 1024, FrameKind::MESSAGE),
            (FrameKind::Verdict, 128, FrameKind::MESSAGE),
            (FrameKind::Refusal, 64, FrameKind::MESSAGE),
            (FrameKind::Message, 512 * 1024, FrameKind::MESSAGE),
            (FrameKind::Message, 1024 * 1024, FrameKind::MESSAGE_WITH_POLICIES),
            // Nobody is promised more than the largest.
            (FrameKind::Message, 1024 * 1024, usize::MAX),
        ] {
            let head = |len: u32| [&[kind.number()][..], &len.to_be_bytes()].concat();
            let read = |len: u32| FrameReader::new(message).read(&mut head(len).as_slice());
            assert!(read(limit).is_ok_and(|frame| frame.is_none()), "{kind:?}");
            for len in [limit + 1, u32::MAX] {
                let error = read(len).err().unwrap();
                let max = usize::try_from(limit).unwrap();
                assert_eq!(error, Error::FrameTooLarge { kind: kind.number(), max, actual: len });
                assert_eq!(error.code(), Code::TOO_LARGE);
            }
        }
        let long = frame(FrameKind::Refusal, &[0; 65]);
        assert_eq!(long.to_bytes().err(), Some(Error::Count { min: 0, max: 64, actual: 65 }));
    }

    #[test]
    fn a_type_that_is_not_known_is_refused() {
        for number in (0..=u8::MAX).filter(|number| FrameKind::from_number(*number).is_none()) {
            let error = FrameReader::new(FrameKind::MESSAGE)
                .read(&mut [number, 0, 0, 0, 0].as_slice())
                .err()
                .unwrap();
            assert_eq!((error.code(), error), (Code::MALFORMED, Error::FrameKind(number)));
        }
        assert_eq!(FrameKind::ALL.len(), 5);
    }
}
