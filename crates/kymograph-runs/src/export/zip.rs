//! A zip file whose entries are stored as they are, each beginning at a multiple of 64 bytes as `torch.save` has them.

use crate::RunsError;
use crate::folder::Outgoing;
use flate2::Crc;

const ALIGNMENT: u64 = 64;
/// Midnight of 1 January 1980: the same tensors give the same bytes.
const DATE: [u8; 4] = [0, 0, 0x21, 0];
/// Names are UTF-8.
const FLAGS: [u8; 2] = [0, 8];

struct Entry {
    name: String,
    crc: u32,
    size: u64,
    offset: u64,
}

pub(super) struct ZipWriter<'a> {
    out: &'a mut Outgoing,
    entries: Vec<Entry>,
    /// Sizes and places from here on stand in 64-bit fields.
    wide: u64,
}

impl<'a> ZipWriter<'a> {
    pub(super) fn new(out: &'a mut Outgoing) -> Self {
        Self { out, entries: Vec::new(), wide: u32::MAX.into() }
    }

    /// Adds a whole entry.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> Result<(), RunsError> {
        let mut crc = Crc::new();
        content.chunks(1 << 20).for_each(|part| crc.update(part));
        let entry =
            Entry { name: name.into(), crc: crc.sum(), size: content.len() as u64, offset: self.out.position() };
        // Beside an entry's own content both sizes are given or none.
        let sizes = if entry.size >= self.wide { vec![entry.size, entry.size] } else { Vec::new() };
        let mut extra = wide_field(&sizes);
        let before = entry.offset + 30 + entry.name.len() as u64 + extra.len() as u64 + 4;
        let padding = (before.next_multiple_of(ALIGNMENT) - before) as u16;
        extra.extend(b"FB");
        extra.extend(padding.to_le_bytes());
        extra.resize(extra.len() + usize::from(padding), b'Z');
        let header = [&b"PK\x03\x04"[..], &self.about(&entry, &sizes, &extra), entry.name.as_bytes(), &extra].concat();
        self.out.write(&header)?;
        self.out.write(content)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the directory.
    pub(super) fn finish(self) -> Result<(), RunsError> {
        let start = self.out.position();
        for entry in &self.entries {
            let sizes = if entry.size >= self.wide { vec![entry.size, entry.size] } else { Vec::new() };
            let is_far = entry.offset >= self.wide;
            let fields = [&sizes[..], if is_far { std::slice::from_ref(&entry.offset) } else { &[] }].concat();
            let extra = wide_field(&fields);
            let offset = if is_far { u32::MAX } else { entry.offset as u32 };
            let record = [
                &b"PK\x01\x02\x2d\0"[..],
                &self.about(entry, &sizes, &extra),
                // No comment, first disk, attributes.
                &[0; 10],
                &offset.to_le_bytes(),
                entry.name.as_bytes(),
                &extra,
            ];
            self.out.write(&record.concat())?;
        }
        let end = self.out.position();
        let count = self.entries.len() as u64;
        if count >= u16::MAX.into() || start >= self.wide || end - start >= self.wide {
            let record =
                [&count.to_le_bytes()[..], &count.to_le_bytes(), &(end - start).to_le_bytes(), &start.to_le_bytes()];
            self.out
                .write(&[b"PK\x06\x06", &44u64.to_le_bytes()[..], &[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat())?;
            self.out.write(&record.concat())?;
            self.out.write(&[b"PK\x06\x07", &[0; 4][..], &end.to_le_bytes(), &1u32.to_le_bytes()].concat())?;
        }
        let count = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        let narrow = |value: u64| (if value >= self.wide { u32::MAX } else { value as u32 }).to_le_bytes();
        let record = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &narrow(end - start), &narrow(start), &[0, 0]];
        self.out.write(&record.concat())
    }

    /// What the header before an entry and its record in the directory share.
    fn about(&self, entry: &Entry, wide_sizes: &[u64], extra: &[u8]) -> Vec<u8> {
        let size = if wide_sizes.is_empty() { entry.size as u32 } else { u32::MAX };
        [
            // Version needed: 4.5 for 64-bit fields. Stored.
            &[45, 0][..],
            &FLAGS,
            &[0, 0],
            &DATE,
            &entry.crc.to_le_bytes(),
            &size.to_le_bytes(),
            &size.to_le_bytes(),
            &(entry.name.len() as u16).to_le_bytes(),
            &(extra.len() as u16).to_le_bytes(),
        ]
        .concat()
    }
}

/// The extra field of 64-bit values; nothing for none.
fn wide_field(values: &[u64]) -> Vec<u8> {
    if values.is_empty() {
        return Vec::new();
    }
    let mut field = vec![1, 0];
    field.extend((8 * values.len() as u16).to_le_bytes());
    values.iter().for_each(|value| field.extend(value.to_le_bytes()));
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoints::{FileBytes, members};

    /// With 64-bit fields from `wide` on: what files above 4 GB have, in small.
    fn round_trip(wide: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        let contents: Vec<(String, Vec<u8>)> =
            (0..5).map(|n| (format!("a/{n}"), vec![n; 40 * usize::from(n)])).collect();
        let mut out = Outgoing::create(&path).unwrap();
        let mut zip = ZipWriter { out: &mut out, entries: Vec::new(), wide };
        contents.iter().try_for_each(|(name, content)| zip.add(name, content)).unwrap();
        zip.finish().unwrap();
        out.finish().unwrap();
        let file = FileBytes::open(&path).unwrap();
        let found = members(&file).unwrap();
        assert_eq!(found.len(), 5);
        for (member, (name, content)) in found.iter().zip(&contents) {
            assert_eq!((&member.name, member.start % ALIGNMENT, member.unpacked), (name, 0, content.len() as u64));
            assert_eq!(member.read(&file).unwrap(), *content, "{name}, 64 bits from {wide}");
        }
    }

    #[test]
    fn entries_come_back_with_narrow_wide_and_mixed_fields() {
        [u64::from(u32::MAX), 100, 200, 0].into_iter().for_each(round_trip);
    }
}
