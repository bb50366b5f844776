//! A prefix chain as text: sixteen hexadecimal digits per block, one after the other. Eight digits are read at a time.
#![expect(clippy::arithmetic_side_effects, reason = "lanes of one byte, none of which can carry into the next")]

/// Digits of one block.
pub(crate) const DIGITS: usize = 16;

const LANES: u64 = 0x0101_0101_0101_0101;

/// Appends the blocks that `text` spells; `None` if it is anything but whole blocks in hexadecimal digits.
pub(crate) fn parse(text: &[u8], blocks: &mut Vec<u64>) -> Option<()> {
    let (chunks, rest) = text.as_chunks::<DIGITS>();
    if !rest.is_empty() {
        return None;
    }
    blocks.reserve(chunks.len());
    for [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] in chunks {
        let high = eight([*a, *b, *c, *d, *e, *f, *g, *h])?;
        let low = eight([*i, *j, *k, *l, *m, *n, *o, *p])?;
        blocks.push(high << 32 | low);
    }
    Some(())
}

/// Appends one block in lower-case digits.
pub(crate) fn write(block: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&digits(spread(block >> 32)));
    out.extend_from_slice(&digits(spread(block & 0xffff_ffff)));
}

/// The number that eight digits spell.
fn eight(text: [u8; 8]) -> Option<u64> {
    let text = u64::from_be_bytes(text);
    // Bit 6 tells letters from digits; a letter's low half counts from 1.
    let letters = text >> 6 & LANES;
    let halves = (text & (LANES * 0x0f)) + letters * 9;
    let spelled = u64::from_be_bytes(digits(halves & (LANES * 0x0f)));
    // Bit 5 is the case of a letter, and set in every digit: what spells the same apart from it was a digit all along.
    let upper = letters << 5;
    if text | upper != spelled {
        return None;
    }
    let pairs = (halves | halves >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((fours | fours >> 16) & 0xffff_ffff)
}

/// Eight numbers below 16, one per lane, as digits.
fn digits(halves: u64) -> [u8; 8] {
    let letters = (halves + LANES * 0x76) >> 7 & LANES;
    (halves + LANES * 0x30 + letters * 39).to_be_bytes()
}

/// The eight hexadecimal digits of a number below 2³², one per lane.
fn spread(number: u64) -> u64 {
    let fours = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
    (pairs | pairs << 4) & (LANES * 0x0f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &[u8]) -> Option<Vec<u64>> {
        let mut blocks = Vec::new();
        parse(text, &mut blocks).map(|()| blocks)
    }

    #[test]
    fn every_byte_in_every_place() {
        for place in 0..DIGITS {
            for byte in 0..=u8::MAX {
                let mut text = *b"0123456789abcDEF";
                text[place] = byte;
                let expected = std::str::from_utf8(&text)
                    .ok()
                    .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    .and_then(|text| u64::from_str_radix(text, 16).ok())
                    .map(|block| vec![block]);
                assert_eq!(parsed(&text), expected, "byte {byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn only_whole_blocks() {
        assert_eq!(parsed(b""), Some(vec![]));
        assert_eq!(parsed(b"0123456789abcde"), None);
        assert_eq!(parsed(b"0123456789abcdef0"), None);
    }

    proptest! {
        #[test]
        fn round_trip(blocks: Vec<u64>) {
            let mut text = Vec::new();
            blocks.iter().for_each(|block| write(*block, &mut text));
            let plain: String = blocks.iter().map(|block| format!("{block:016x}")).collect();
            prop_assert_eq!(plain.as_bytes(), text.as_slice());
            prop_assert_eq!(parsed(&text), Some(blocks));
        }
    }
}
