//! Undoes a content coding, piece by piece: a few bytes may stand for thousands of times their number.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::coding::Coding;

/// How much comes out of a step at most, apart from what the decoder's own blocks add.
const PIECE_BYTES: usize = 32 * 1024;

/// Upper bound of what a decoder of gzip holds: the window, its tables and a piece.
const GZIP_BYTES: usize = 128 * 1024;

/// The largest window of zstd, as a power of two: what RFC 9659 allows for HTTP. Each decoder holds its window.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A decoder of one body.
pub(super) enum Decoder {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<Zstd>),
}

/// A decoder of zstd. The body may have several frames.
pub(super) struct Zstd {
    context: DCtx<'static>,
    piece: Vec<u8>,
    is_frame_complete: bool,
}

/// The bytes are not of the coding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

impl Decoder {
    pub(super) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Coding::Zstd => {
                let mut context = DCtx::create();
                context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).expect("zstd allows this window");
                let piece = Vec::with_capacity(PIECE_BYTES);
                Self::Zstd(Box::new(Zstd { context, piece, is_frame_complete: false }))
            }
        }
    }

    /// Decodes some of the input and removes it there. Returns whether there may be more to come out, even if no input
    /// is left.
    ///
    /// # Errors
    /// When the input cannot be decoded.
    pub(super) fn step(&mut self, input: &mut &[u8], output: &mut Vec<u8>) -> Result<bool, Undecodable> {
        match self {
            Self::Gzip(decoder) => {
                let used = decoder.write(input).map_err(|_| Undecodable)?;
                if used == 0 && !input.is_empty() {
                    return Err(Undecodable);
                }
                *input = &input[used..];
                output.append(decoder.get_mut());
                Ok(!input.is_empty())
            }
            Self::Zstd(zstd) => zstd.step(input, output),
        }
    }

    /// The input has ended: what is left comes out.
    ///
    /// # Errors
    /// When the input breaks off.
    pub(super) fn finish(&mut self, output: &mut Vec<u8>) -> Result<(), Undecodable> {
        match self {
            Self::Gzip(decoder) => {
                decoder.try_finish().map_err(|_| Undecodable)?;
                output.append(decoder.get_mut());
                Ok(())
            }
            Self::Zstd(zstd) if zstd.is_frame_complete => Ok(()),
            Self::Zstd(_) => Err(Undecodable),
        }
    }

    /// The bytes that it holds itself.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Gzip(_) => GZIP_BYTES,
            Self::Zstd(zstd) => zstd.context.sizeof() + PIECE_BYTES,
        }
    }
}

impl Zstd {
    fn step(&mut self, input: &mut &[u8], output: &mut Vec<u8>) -> Result<bool, Undecodable> {
        self.piece.clear();
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(&mut self.piece);
        let hint = self.context.decompress_stream(&mut target, &mut source).map_err(|_| Undecodable)?;
        let used = source.pos();
        *input = &input[used..];
        output.extend_from_slice(&self.piece);
        // An empty step after a frame's end says nothing about the next frame.
        self.is_frame_complete = hint == 0;
        let is_full = self.piece.len() == PIECE_BYTES;
        if used == 0 && self.piece.is_empty() && !input.is_empty() {
            return Err(Undecodable);
        }
        Ok(!input.is_empty() || (is_full && hint != 0))
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Zstd];

    fn encoded(coding: Coding, plain: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Zstd => {
                let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
                zstd_safe::compress(&mut encoded, plain, 3).unwrap();
                encoded
            }
        }
    }

    /// What comes out of frames of this size, and how much came out of a step at most.
    fn decoded(coding: Coding, bytes: &[u8], frame: usize) -> Result<(Vec<u8>, usize), Undecodable> {
        let (mut decoder, mut output, mut most) = (Decoder::new(coding), Vec::new(), 0);
        for mut input in bytes.chunks(frame) {
            let mut is_more = true;
            while is_more {
                let before = output.len();
                is_more = decoder.step(&mut input, &mut output)?;
                most = most.max(output.len() - before);
            }
            assert_eq!(input, b"");
        }
        decoder.finish(&mut output)?;
        Ok((output, most))
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_out(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), 1_usize..2_000), 1..4),
            frame in 1_usize..5_000,
        ) {
            let plain: Vec<Vec<u8>> = parts.iter().map(|(bytes, times)| bytes.repeat(*times)).collect();
            for coding in CODINGS {
                // Each part is a member or a frame of its own.
                let bytes: Vec<u8> = plain.iter().flat_map(|part| encoded(coding, part)).collect();
                prop_assert_eq!(&decoded(coding, &bytes, frame).unwrap().0, &plain.concat());
            }
        }
    }

    #[test]
    fn a_step_is_short_however_much_a_byte_stands_for() {
        for coding in CODINGS {
            let bytes = encoded(coding, &vec![b' '; 10_000_000]);
            assert!(bytes.len() < 50_000, "{}", bytes.len());
            let (plain, most) = decoded(coding, &bytes, bytes.len()).unwrap();
            assert_eq!(plain.len(), 10_000_000);
            assert!(most <= 2 * PIECE_BYTES, "{coding:?} {most}");
        }
    }

    #[test]
    fn what_is_broken_or_breaks_off_is_an_error() {
        for coding in CODINGS {
            let whole = encoded(coding, b"some bytes, and some bytes more");
            for length in 0..whole.len() {
                assert_eq!(decoded(coding, &whole[..length], 7), Err(Undecodable), "{coding:?} {length}");
            }
            for broken in [[&whole[..], b"x"].concat(), b"[1,2,3]".to_vec()] {
                assert_eq!(decoded(coding, &broken, 100), Err(Undecodable), "{coding:?} {broken:?}");
            }
        }
    }

    #[test]
    fn a_window_that_is_too_large_is_an_error_and_what_is_held_is_known() {
        let frame = |window_log: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, (window_log - 10) << 3][..], &[1, 0, 0]].concat();
        assert_eq!(decoded(Coding::Zstd, &frame(23), 100).unwrap().0, b"");
        assert_eq!(decoded(Coding::Zstd, &frame(24), 100), Err(Undecodable));

        let mut decoder = Decoder::new(Coding::Zstd);
        let before = decoder.bytes();
        assert!(decoder.step(&mut &frame(23)[..8], &mut Vec::new()).is_ok());
        assert!(before < 1_000_000 && decoder.bytes() > 1 << 23, "{before} {}", decoder.bytes());
    }
}
