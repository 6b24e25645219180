//! The directory of a zip file, and the bytes of its entries, stored or deflated. Names are only ever looked up: none is
//! used as a path.

use super::bytes::FileBytes;
use crate::RunsError;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::collections::HashSet;
use std::io::Read;

const MOST_ENTRIES: u64 = 1_000_000;

/// Deflate makes at most 1,032 bytes of one; an entry that claims more lies.
const LARGEST_RATIO: u64 = 1032;

/// A file inside a zip file.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The first byte of its content in the zip file.
    pub(crate) start: u64,
    /// Bytes it takes there.
    pub(crate) length: u64,
    /// Bytes it has.
    pub(crate) unpacked: u64,
    pub(crate) is_deflated: bool,
    crc: u32,
}

/// The files of a zip file, in the directory's order.
pub(crate) fn members(file: &FileBytes) -> Result<Vec<Member>, RunsError> {
    let zip = |error: rawzip::Error| {
        file.damaged(format!("its zip directory cannot be read: {error} (cut off while copied or written?)"))
    };
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive =
        rawzip::ZipLocator::new().locate_in_reader(file, &mut buffer, file.len()).map_err(|(_, error)| zip(error))?;
    if archive.entries_hint() > MOST_ENTRIES {
        return Err(file.damaged(format!("its zip directory claims {} entries", archive.entries_hint())));
    }
    let mut found: Vec<Member> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut directory = archive.entries(&mut buffer);
    while let Some(entry) = directory.next_entry().map_err(zip)? {
        let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        if entry.is_dir() {
            continue;
        }
        let method = entry.compression_method();
        let is_deflated = method == rawzip::CompressionMethod::DEFLATE;
        if !is_deflated && method != rawzip::CompressionMethod::STORE {
            return Err(RunsError::Unsupported {
                path: file.path().into(),
                reason: format!("its entry `{name}` is compressed by another method than deflate"),
                remedy: "save it again with torch.save or numpy.savez",
            });
        }
        let (unpacked, crc) = (entry.uncompressed_size_hint(), entry.crc32());
        let (start, end) = archive.get_entry(entry.wayfinder()).map_err(zip)?.compressed_data_range();
        if end > file.len() || end < start || (!is_deflated && unpacked != end - start) {
            return Err(file.damaged(format!("its entry `{name}` lies outside the file")));
        }
        if !seen.insert(name.clone()) {
            return Err(file.damaged(format!("it has two entries called `{name}`")));
        }
        found.push(Member { name, start, length: end - start, unpacked, is_deflated, crc });
        if found.len() as u64 > MOST_ENTRIES {
            return Err(file.damaged("it has more entries than any checkpoint".into()));
        }
    }
    Ok(found)
}

impl Member {
    /// Its first bytes, at most `count` of them.
    pub(crate) fn head(&self, file: &FileBytes, count: u64) -> Result<Vec<u8>, RunsError> {
        let count = count.min(self.unpacked);
        if !self.is_deflated {
            return file.read(self.start, count);
        }
        // The worst Huffman code makes 15 bits of 8, after a table of some 300 bytes.
        let packed = file.read(self.start, self.length.min(2 * count + 1024))?;
        let (mut decoder, mut bytes) = (DeflateDecoder::new(&packed[..]).take(count), Vec::new());
        // What follows may be cut off, so an error after enough bytes is none.
        let read = decoder.read_to_end(&mut bytes);
        if (bytes.len() as u64) < count {
            let reason = read.err().map_or_else(|| "it is shorter than it claims".into(), |error| error.to_string());
            return Err(self.damaged(file, &reason));
        }
        Ok(bytes)
    }

    /// All its bytes, checked against its length and check sum.
    pub(crate) fn read(&self, file: &FileBytes) -> Result<Vec<u8>, RunsError> {
        let packed = file.read(self.start, self.length)?;
        let bytes = if self.is_deflated {
            if self.unpacked > self.length.saturating_mul(LARGEST_RATIO) {
                return Err(self.damaged(file, "it claims to be larger than deflate can make it"));
            }
            let mut bytes = Vec::new();
            // One byte more than claimed shows that there are more.
            let read = DeflateDecoder::new(&packed[..]).take(self.unpacked + 1).read_to_end(&mut bytes);
            read.map_err(|error| self.damaged(file, &error.to_string()))?;
            bytes
        } else {
            packed
        };
        let mut crc = Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != self.unpacked || crc.sum() != self.crc {
            return Err(self.damaged(file, "its content is not what its length and check sum say"));
        }
        Ok(bytes)
    }

    fn damaged(&self, file: &FileBytes, reason: &str) -> RunsError {
        file.damaged(format!("its entry `{}` cannot be unpacked: {reason}", self.name))
    }
}
