//! The few protocol-buffer messages of TensorBoard's events, and the frame each stands in.
//!
//! Field numbers are those of `event.proto` and `summary.proto` in TensorFlow; a frame is a length, its checksum, the
//! message and its checksum (`lib/io/record_writer`), both masked CRC-32C.

use crc::{CRC_32_ISCSI, Crc};

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What one event says.
pub(super) enum Event<'a> {
    /// The version of the file's format.
    Version(&'a str),
    /// A session starts: what was written before for this step and later ones no longer counts.
    Start,
    /// A value under a tag.
    Summary(&'a str, Summary<'a>),
}

/// A value.
pub(super) enum Summary<'a> {
    Scalar(f32),
    Histogram { ends: [f64; 2], count: f64, sum: f64, squares: f64, limits: Vec<f64>, counts: Vec<f64> },
    Image { height: usize, width: usize, png: &'a [u8] },
}

/// An event at a time (seconds since 1970) and a step.
pub(super) fn encode(time: f64, step: i64, event: &Event<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    double(&mut out, 1, time);
    number(&mut out, 2, step as u64);
    match event {
        Event::Version(version) => bytes(&mut out, 3, version.as_bytes()),
        Event::Start => {
            let mut log = Vec::new();
            number(&mut log, 1, 1);
            bytes(&mut out, 7, &log);
        }
        Event::Summary(tag, summary) => {
            let mut value = Vec::new();
            bytes(&mut value, 1, tag.as_bytes());
            match summary {
                Summary::Scalar(scalar) => {
                    key(&mut value, 2, 5);
                    value.extend_from_slice(&scalar.to_le_bytes());
                }
                Summary::Image { height, width, png } => {
                    let mut image = Vec::with_capacity(png.len() + 32);
                    number(&mut image, 1, *height as u64);
                    number(&mut image, 2, *width as u64);
                    number(&mut image, 3, 3);
                    bytes(&mut image, 4, png);
                    bytes(&mut value, 4, &image);
                }
                Summary::Histogram { ends, count, sum, squares, limits, counts } => {
                    let mut histogram = Vec::new();
                    let numbers = [ends[0], ends[1], *count, *sum, *squares];
                    numbers.iter().zip(1..).for_each(|(v, field)| double(&mut histogram, field, *v));
                    for (field, values) in [(6, limits), (7, counts)] {
                        let packed: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                        bytes(&mut histogram, field, &packed);
                    }
                    bytes(&mut value, 5, &histogram);
                }
            }
            let mut list = Vec::with_capacity(value.len() + 8);
            bytes(&mut list, 1, &value);
            bytes(&mut out, 5, &list);
        }
    }
    out
}

/// A message as it stands in the file.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(message.len() + 16);
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked(&length));
    out.extend_from_slice(message);
    out.extend_from_slice(&masked(message));
    out
}

fn masked(data: &[u8]) -> [u8; 4] {
    CRC.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn key(out: &mut Vec<u8>, field: u32, wire: u32) {
    varint(out, u64::from(field << 3 | wire));
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    key(out, field, 0);
    varint(out, value);
}

fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    key(out, field, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_frames_are_those_of_the_format() {
        let message = encode(1.0, 300, &Event::Summary("a", Summary::Scalar(0.5)));
        let time = [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        let rest = [0x10, 0xac, 0x02, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0, 0x3f];
        assert_eq!(message, [&time[..], &rest].concat());
        // The check value of CRC-32C, and the mask over it.
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(masked(b"123456789"), (0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8)).to_le_bytes());
        let frame = framed(&message);
        assert_eq!(frame.len(), 8 + 4 + message.len() + 4);
        assert_eq!(frame[..8], (message.len() as u64).to_le_bytes());
    }
}
