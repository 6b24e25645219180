//! Activations as batches in random order, from files larger than the memory.

use std::ops::Range;
use std::path::Path;

use kymograph_linalg::random;
use kymograph_runs::Checkpoint;
use ndarray::{Array2, Axis, Ix2, concatenate};

use crate::error::KymographError;

/// Pieces of a file that are shuffled together.
const PIECES: usize = 8;

/// Rows of an array in a file, read when they are needed.
pub(super) struct Source {
    argument: String,
    checkpoint: Checkpoint,
    tensor: String,
    pub(super) rows: usize,
    pub(super) width: usize,
}

impl Source {
    /// `X.npy`, `X.parquet`, a folder of Parquet files, or `FILE:TENSOR`.
    pub(super) fn open(argument: &str) -> Result<Self, KymographError> {
        let (file, tensor) = match argument.rsplit_once(':') {
            Some((file, tensor)) if !Path::new(argument).exists() => (file, tensor.to_owned()),
            _ => (argument, "array".to_owned()),
        };
        let refuse = |detail: String| KymographError::Argument { argument: argument.to_owned(), detail };
        let whole = is_whole(argument);
        if file == argument && Path::new(argument).exists() && !whole {
            let expected = "X.npy, X.parquet, a folder of Parquet files, or FILE:TENSOR such as";
            return Err(refuse(format!("expected {expected} step-00000100.safetensors:relu1")));
        }
        let checkpoint = Checkpoint::open(file)?;
        let known: Vec<&str> = checkpoint.tensors().iter().map(|t| t.name.as_str()).collect();
        let info = checkpoint.tensors().iter().chain(checkpoint.other_tensors()).find(|t| t.name == tensor);
        let info = info.ok_or_else(|| match whole {
            true => {
                refuse(format!("has several arrays: name one, such as {file}:{}", known.join(&format!(" or {file}:"))))
            }
            false => refuse(format!("has no tensor `{tensor}`; it has {}", known.join(", "))),
        })?;
        let &[rows, width] = &info.shape[..] else {
            let shape = &info.shape;
            return Err(refuse(format!(
                "has shape {shape:?}, and [example, feature] is needed; flatten the other axes"
            )));
        };
        if rows == 0 || width == 0 {
            return Err(refuse(format!("has shape [{rows}, {width}]: there is nothing to fit")));
        }
        Ok(Self { argument: argument.to_owned(), checkpoint, tensor, rows, width })
    }

    /// Some rows in the file's order.
    pub(super) fn read(&self, rows: Range<usize>) -> Result<Array2<f32>, KymographError> {
        let first = rows.start;
        let values = self.checkpoint.read_rows_f32(&self.tensor, rows)?.into_dimensionality::<Ix2>();
        // The shape was seen on opening.
        let values = values.unwrap_or_else(|_| Array2::zeros((0, self.width)));
        match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(values),
            Some(((row, column), value)) => Err(KymographError::Argument {
                argument: self.argument.clone(),
                detail: format!(
                    "row {}, column {column} of tensor `{}` is {value}; drop that example, or find the step or layer that \
                     produced it",
                    first + row,
                    self.tensor
                ),
            }),
        }
    }

    /// Rows spread evenly over the file, in pieces, at most `count` in all.
    pub(super) fn spread(&self, count: usize) -> Result<Array2<f32>, KymographError> {
        if self.rows <= count {
            return self.read(0..self.rows);
        }
        const LENGTH: usize = 1024;
        let pieces = count.div_ceil(LENGTH).max(1);
        let length = (count / pieces).max(1);
        let last = self.rows - length;
        let starts = (0..pieces).map(|piece| if pieces == 1 { 0 } else { last * piece / (pieces - 1) });
        let parts = starts.map(|start| self.read(start..start + length)).collect::<Result<Vec<_>, _>>()?;
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Ok(concatenate(Axis(0), &views).unwrap_or_default())
    }
}

/// Does a path name an array without saying which?
pub(crate) fn is_whole(argument: &str) -> bool {
    argument.ends_with(".npy") || argument.ends_with(".parquet") || Path::new(argument).is_dir()
}

/// The order of examples, and the part of it that is in memory: the file is cut into pieces, their order is drawn for each
/// epoch, and the rows of some pieces at a time are shuffled. What fits the memory is shuffled as a whole.
pub(super) struct Batches<'a> {
    sources: Vec<&'a Source>,
    seed: u64,
    batch: usize,
    piece: usize,
    held: Option<Held>,
}

struct Held {
    epoch: u64,
    group: usize,
    arrays: Vec<Array2<f32>>,
}

impl<'a> Batches<'a> {
    /// Batches of rows that stand together in `sources`, which have equally many; `bytes` is what may be in memory.
    pub(super) fn new(sources: Vec<&'a Source>, seed: u64, batch: usize, bytes: usize) -> Self {
        let width: usize = sources.iter().map(|source| source.width).sum();
        let rows = sources.first().map_or(0, |source| source.rows);
        // What is read is held twice while it is put into order.
        let together = (bytes / (8 * width.max(1))).clamp(batch.min(rows), rows.max(1));
        Self { sources, seed, batch, piece: together.div_ceil(PIECES).max(1), held: None }
    }

    fn rows(&self) -> usize {
        self.sources.first().map_or(0, |source| source.rows)
    }

    /// Batches of an epoch; rows that fill none are left to other epochs.
    fn of_epoch(&self) -> u64 {
        (self.rows() / self.batch).max(1) as u64
    }

    /// The batch of a step, counted from 0: one array for each source.
    pub(super) fn take(&mut self, step: u64) -> Result<Vec<Array2<f32>>, KymographError> {
        let epoch = step / self.of_epoch();
        let first = (step % self.of_epoch()) as usize * self.batch;
        let pieces = kymograph_linalg::parallel::blocks(self.rows(), self.piece);
        let order = random::permutation(&mut random::stream_at(self.seed, "order", epoch), pieces.len());
        let mut parts: Vec<Vec<Array2<f32>>> = self.sources.iter().map(|_| Vec::new()).collect();
        let (mut before, mut wanted) = (0, first..first + self.batch.min(self.rows()));
        for (group, members) in order.chunks(PIECES).enumerate() {
            let length: usize = members.iter().map(|member| pieces[*member].len()).sum();
            if wanted.start < before + length && !wanted.is_empty() {
                let here = wanted.start - before..wanted.end.min(before + length) - before;
                wanted.start = before + here.end;
                let ranges: Vec<Range<usize>> = members.iter().map(|member| pieces[*member].clone()).collect();
                let held = self.hold(epoch, group, &ranges)?;
                for (part, array) in parts.iter_mut().zip(&held.arrays) {
                    part.push(array.slice(ndarray::s![here.clone(), ..]).to_owned());
                }
            }
            before += length;
        }
        let joined = parts.iter().map(|parts| {
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            concatenate(Axis(0), &views).unwrap_or_default()
        });
        Ok(joined.collect())
    }

    fn hold(&mut self, epoch: u64, group: usize, ranges: &[Range<usize>]) -> Result<&Held, KymographError> {
        if self.held.as_ref().is_none_or(|held| (held.epoch, held.group) != (epoch, group)) {
            self.held = None;
            let rows: usize = ranges.iter().map(Range::len).sum();
            let index = epoch.wrapping_mul(1 << 32).wrapping_add(group as u64);
            let order = random::permutation(&mut random::stream_at(self.seed, "rows", index), rows);
            let mut arrays = Vec::new();
            for source in &self.sources {
                let parts = ranges.iter().map(|range| source.read(range.clone())).collect::<Result<Vec<_>, _>>()?;
                let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
                arrays.push(concatenate(Axis(0), &views).unwrap_or_default().select(Axis(0), &order));
            }
            self.held = Some(Held { epoch, group, arrays });
        }
        self.held.as_ref().ok_or_else(|| KymographError::Argument {
            argument: "activations".into(),
            detail: "nothing was read".into(),
        })
    }
}
