//! Protobuf's varints: seven bits a byte, the lowest first; the high bit says that more follow.

/// What one number takes at most.
pub const MOST_BYTES: usize = 10;
/// Bits of a number that come to eight bytes: these are written at once.
const WORD_BITS: u32 = 56;
const CONTINUED: u64 = 0x8080_8080_8080_8080;

/// Appends one number.
pub fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes numbers, of which many are equal to the one before, to the front of `room`: as many as have `MOST_BYTES`
/// each there. Returns how many bytes they took.
pub fn write(room: &mut [u8], numbers: impl Iterator<Item = u64>) -> usize {
    let (mut last, mut varint) = (0, Varint::of(0));
    let mut at = 0;
    for number in numbers {
        if number != last {
            last = number;
            varint = Varint::of(number);
        }
        let Some(place) = room
            .get_mut(at..)
            .and_then(|rest| rest.first_chunk_mut::<MOST_BYTES>())
        else {
            break;
        };
        place[..8].copy_from_slice(&varint.low);
        if varint.length > 8 {
            place[8..].copy_from_slice(&varint.high);
        }
        at += varint.length;
    }
    at
}

/// One number; what is behind its length means nothing.
#[derive(Clone, Copy)]
struct Varint {
    low: [u8; 8],
    high: [u8; 2],
    length: usize,
}

impl Varint {
    fn of(value: u64) -> Self {
        let bits = u64::BITS - (value | 1).leading_zeros();
        let length = bits.div_ceil(7);
        let continued = match length {
            ..=8 => CONTINUED & ((1 << (8 * (length - 1))) - 1),
            _ => CONTINUED,
        };
        let rest = value >> WORD_BITS;
        Self {
            low: (spread(value) | continued).to_le_bytes(),
            high: [
                rest as u8 & 0x7f | u8::from(rest >= 0x80) << 7,
                (rest >> 7) as u8,
            ],
            length: length as usize,
        }
    }
}

/// The low 56 bits as seven in each byte.
fn spread(value: u64) -> u64 {
    if value < 0x80 {
        return value;
    }
    (0..8).fold(0, |word, byte| {
        word | (value >> (7 * byte) & 0x7f) << (8 * byte)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of every length, and runs of the same.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = (any::<u64>(), 0..64_u32).prop_map(|(number, bits)| number >> bits);
        prop::collection::vec((number, 1..4_usize), 0..40).prop_map(|runs| {
            let all = runs
                .into_iter()
                .flat_map(|(number, times)| vec![number; times]);
            all.collect()
        })
    }

    proptest! {
        #[test]
        fn many_are_written_as_each_is_pushed_and_as_prost_has_it(numbers in numbers()) {
            let mut room = vec![0xff; numbers.len() * MOST_BYTES];
            let length = write(&mut room, numbers.iter().copied());
            let (mut pushed, mut theirs) = (Vec::new(), Vec::new());
            for &number in &numbers {
                push(&mut pushed, number);
                prost::encoding::encode_varint(number, &mut theirs);
            }
            prop_assert_eq!(&room[..length], &pushed[..]);
            prop_assert_eq!(pushed, theirs);
        }

        #[test]
        fn no_number_is_written_beyond_its_room(numbers in numbers(), room in 0..100_usize) {
            let mut room = vec![0; room];
            prop_assert!(write(&mut room, numbers.into_iter()) <= room.len());
        }
    }
}
