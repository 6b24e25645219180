//! Bytes of a Parquet file for its reader, and a look at its footer before memory is taken for what it claims.

use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use rawzip::ReaderAt;

use crate::RunsError;
use crate::checkpoints::bytes::FileBytes;

/// The largest footer that is read; one of 65,536 columns and a hundred row groups has some hundred MB.
const LARGEST_FOOTER: u64 = 1 << 30;

/// A file whose ranges are checked before they are read.
#[derive(Clone, Debug)]
pub(super) struct Chunks(Arc<FileBytes>);

impl Chunks {
    pub(super) fn new(file: FileBytes) -> Chunks {
        Chunks(Arc::new(file))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn damaged(&self, reason: String) -> RunsError {
        self.0.damaged(reason)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(From { file: self.0.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.0.read(start, length as u64);
        bytes.map(Bytes::from).map_err(|error| ParquetError::General(error.to_string()))
    }
}

/// The file from a place on.
pub(super) struct From {
    file: Arc<FileBytes>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = (&*self.file).read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Checks the frame, and that the footer is long enough for the row groups that it claims: room is made for them before
/// they are read.
pub(super) fn check(chunks: &Chunks) -> Result<(), RunsError> {
    let length = chunks.0.len();
    let cut = || chunks.damaged("it does not end as a Parquet file does (cut off while copied or written?)".into());
    if length < 12 {
        return Err(cut());
    }
    let end = chunks.0.read(length - 8, 8)?;
    match &end[4..] {
        b"PAR1" => {}
        b"PARE" => {
            let (path, reason) = (chunks.path().to_path_buf(), "its footer is encrypted".to_owned());
            return Err(RunsError::Unsupported { path, reason, remedy: "write it unencrypted" });
        }
        _ => return Err(cut()),
    }
    let size = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if size > (length - 8).min(LARGEST_FOOTER) {
        return Err(chunks.damaged(format!("its footer claims {size} bytes of {length}")));
    }
    let footer = chunks.0.read(length - 8 - size, size)?;
    match (Thrift { bytes: &footer }).row_groups() {
        Some(Ok(())) => Ok(()),
        Some(Err(count)) => Err(chunks.damaged(format!("its footer of {size} bytes claims {count} row groups"))),
        None => Err(chunks.damaged("its footer cannot be read".into())),
    }
}

/// As deep as a footer goes, and some.
const DEEPEST: usize = 32;

/// Thrift's compact protocol, to be walked over.
struct Thrift<'a> {
    bytes: &'a [u8],
}

impl Thrift<'_> {
    /// `None` for bytes that are no footer, `Some(Err(count))` for one with more row groups than it has bytes.
    fn row_groups(&mut self) -> Option<Result<(), u64>> {
        const ROW_GROUPS: i64 = 4;
        let mut field = 0;
        while let Some((id, kind)) = self.field(field)? {
            field = id;
            if id == ROW_GROUPS && kind == 9 {
                let (count, _) = self.list()?;
                return Some(if count <= self.bytes.len() as u64 { Ok(()) } else { Err(count) });
            }
            self.skip(kind, 0)?;
        }
        Some(Ok(()))
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A field's number and kind; `Some(None)` behind the last one.
    fn field(&mut self, before: i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let id = match head >> 4 {
            0 => {
                let number = self.number()?;
                (number >> 1) as i64 ^ -((number & 1) as i64)
            }
            more => before.checked_add(i64::from(more))?,
        };
        Some(Some((id, head & 0x0f)))
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.number()? } else { u64::from(head >> 4) };
        Some((count, head & 0x0f))
    }

    fn jump(&mut self, bytes: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.jump(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.jump(8),
            8 => {
                let length = self.number()?;
                self.jump(length)
            }
            9 | 10 => {
                let (count, kind) = self.list()?;
                if count > self.bytes.len() as u64 {
                    return None;
                }
                // Truth values take a byte in a list and none as a field.
                (0..count).try_for_each(|_| if kind <= 2 { self.jump(1) } else { self.skip(kind, depth + 1) })
            }
            12 => {
                let mut field = 0;
                while let Some((id, kind)) = self.field(field)? {
                    field = id;
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}
