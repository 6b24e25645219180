//! Reading one Arrow IPC stream of series, message by message, so that a torn end costs only itself.

use crate::RunsError;
use arrow_ipc::{MessageHeader, Precision, RecordBatch, Type, root_as_message};
use std::path::Path;

/// What one segment of a table holds.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    pub(crate) steps: Vec<u64>,
    /// Values, `None` where a row was recorded without the column.
    pub(crate) columns: Vec<(String, Vec<Option<f64>>)>,
}

const CONTINUATION: [u8; 4] = [0xff; 4];

/// Reads a segment, or its first `upto` bytes, which must then be there and end with a whole message.
pub(crate) fn read_segment(path: &Path, upto: Option<u64>) -> Result<Segment, RunsError> {
    let mut bytes = std::fs::read(path).map_err(RunsError::io("read", path))?;
    let damaged = |reason: String| RunsError::Damaged { path: path.to_path_buf(), reason };
    if let Some(upto) = upto {
        if (bytes.len() as u64) < upto {
            return Err(damaged(format!("it has {} bytes and a checkpoint counts on {upto}", bytes.len())));
        }
        bytes.truncate(upto as usize);
    }
    let mut segment = Segment::default();
    let mut position = 0;
    let mut has_schema = false;
    loop {
        let at = |what: &str| damaged(format!("{what} in the message at byte {position}"));
        let rest = &bytes[position..];
        let Some((prefix, rest)) = rest.split_at_checked(8) else {
            break;
        };
        if prefix[..4] != CONTINUATION {
            // A system crash can leave a file longer than what was written, filled with zeros.
            if prefix.iter().chain(rest).all(|&byte| byte == 0) {
                break;
            }
            return Err(at("no continuation mark"));
        }
        let length = u32::from_le_bytes([prefix[4], prefix[5], prefix[6], prefix[7]]) as usize;
        if length == 0 {
            position += 8;
            break;
        }
        let Some((metadata, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let message = root_as_message(metadata).map_err(|error| at(&error.to_string()))?;
        let body_length = usize::try_from(message.bodyLength()).map_err(|_| at("a negative length"))?;
        let Some((body, _)) = rest.split_at_checked(body_length) else {
            break;
        };
        match message.header_type() {
            MessageHeader::Schema if !has_schema => {
                let schema = message.header_as_schema().ok_or_else(|| at("no schema"))?;
                segment.columns = columns_of(&schema).ok_or_else(|| at("columns that are not a step and numbers"))?;
                has_schema = true;
            }
            MessageHeader::RecordBatch if has_schema => {
                let batch = message.header_as_record_batch().ok_or_else(|| at("no rows"))?;
                append_batch(&mut segment, &batch, body).ok_or_else(|| at("rows outside their buffers"))?;
            }
            _ => return Err(at("neither a first schema nor rows after it")),
        }
        position += 8 + length + body_length;
    }
    if upto.is_some() && position != bytes.len() {
        return Err(damaged(format!("a checkpoint counts on {} bytes and {position} are whole", bytes.len())));
    }
    Ok(segment)
}

fn columns_of(schema: &arrow_ipc::Schema<'_>) -> Option<Vec<(String, Vec<Option<f64>>)>> {
    let fields = schema.fields()?;
    let mut columns = Vec::new();
    for (position, field) in fields.iter().enumerate() {
        let name = field.name()?.to_string();
        if position == 0 {
            let is_step = name == "step" && field.type_type() == Type::Int && field.type_as_int()?.bitWidth() == 64;
            is_step.then_some(())?;
        } else {
            let is_number = field.type_type() == Type::FloatingPoint
                && field.type_as_floating_point()?.precision() == Precision::DOUBLE;
            is_number.then_some(())?;
            columns.push((name, Vec::new()));
        }
    }
    (!fields.is_empty()).then_some(columns)
}

/// Appends the rows of one batch; `None` when its description does not fit its body. Nothing is appended then that
/// would leave columns of different lengths to a caller, because the caller gives the segment up.
fn append_batch(segment: &mut Segment, batch: &RecordBatch<'_>, body: &[u8]) -> Option<()> {
    let rows = usize::try_from(batch.length()).ok()?;
    let (nodes, buffers) = (batch.nodes()?, batch.buffers()?);
    let fields = segment.columns.len() + 1;
    if batch.compression().is_some() || nodes.len() != fields || buffers.len() != 2 * fields {
        return None;
    }
    let buffer = |index: usize| {
        let buffer = buffers.get(index);
        let start = usize::try_from(buffer.offset()).ok()?;
        body.get(start..start.checked_add(usize::try_from(buffer.length()).ok()?)?)
    };
    for field in 0..fields {
        if usize::try_from(nodes.get(field).length()).ok()? != rows {
            return None;
        }
        let (validity, values) = (buffer(2 * field)?, buffer(2 * field + 1)?);
        let values = values.get(..rows.checked_mul(8)?)?.chunks_exact(8).map(|bytes| {
            u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
        });
        if field == 0 {
            segment.steps.extend(values);
            continue;
        }
        if !validity.is_empty() && validity.len() < rows.div_ceil(8) {
            return None;
        }
        let is_valid = |row: usize| validity.is_empty() || (validity[row / 8] >> (row % 8)) & 1 == 1;
        let values = values.enumerate().map(|(row, bits)| is_valid(row).then_some(f64::from_bits(bits)));
        segment.columns[field - 1].1.extend(values);
    }
    Some(())
}
