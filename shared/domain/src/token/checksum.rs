//! The last characters of a token.

use super::ALPHABET;

/// Characters of a checksum: 62^6 exceeds 2^32.
pub(super) const LENGTH: usize = 6;

/// CRC-32 of `body` in base 62, most significant digit first.
pub(super) fn of(body: &str) -> String {
    let crc = crc32(body.as_bytes());
    (0..6).rev().map(|place| char::from(ALPHABET[(crc / 62_u32.pow(place) % 62) as usize])).collect()
}

/// CRC-32 of IEEE 802.3, as zlib computes it, bit by bit: 32 bytes need no table.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (if crc & 1 == 1 { POLYNOMIAL } else { 0 }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_one_that_everybody_computes() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_checksum_is_padded_to_six_characters() {
        assert_eq!(of(""), "000000");
        assert_eq!(of("123456789").len(), LENGTH);
    }
}
