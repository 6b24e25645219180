//! Numbers of Arrow's arrays as bytes of an array in row-major order.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::checkpoints::tensor::Dtype;

/// The type of a column's numbers.
pub(super) fn dtype(kind: &DataType) -> Dtype {
    match kind {
        DataType::Float16 => Dtype::F16,
        DataType::Float32 => Dtype::F32,
        DataType::Float64 => Dtype::F64,
        DataType::Int8 => Dtype::I8,
        DataType::Int16 => Dtype::I16,
        DataType::Int32 => Dtype::I32,
        DataType::Int64 => Dtype::I64,
        DataType::UInt8 => Dtype::U8,
        DataType::UInt16 => Dtype::U16,
        DataType::UInt32 => Dtype::U32,
        DataType::UInt64 => Dtype::U64,
        DataType::Boolean => Dtype::Bool,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Dtype::Other("text", 1),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Dtype::Other("bytes", 1)
        }
        DataType::Struct(_) | DataType::Map(..) => Dtype::Other("structures", 1),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Dtype::Other("lists of lists", 1),
        _ => Dtype::Other("times or decimals", 8),
    }
}

/// The length of the first list.
pub(super) fn first_width(array: &ArrayRef) -> Option<usize> {
    let lists = array.as_list_opt::<i32>()?;
    (lists.len() > 0 && lists.is_valid(0)).then(|| lists.value_length(0) as usize)
}

/// Checks that a number stands in every place, and that lists are of `width`; `row` is the number of the first row.
pub(super) fn check(array: &ArrayRef, width: Option<usize>, row: usize) -> Result<(), String> {
    let missing = |array: &dyn Array| (0..array.len()).find(|at| array.is_null(*at));
    if let Some(at) = missing(array) {
        return Err(format!("row {} is null", row + at));
    }
    let Some(width) = width else { return Ok(()) };
    let Some(lists) = array.as_list_opt::<i32>() else { return Err("holds no lists".to_owned()) };
    for (at, found) in lists.offsets().lengths().enumerate() {
        if found != width {
            return Err(format!("row {} has {found} numbers, and the first row {width}", row + at));
        }
    }
    match missing(&values_of(array)) {
        Some(at) => Err(format!("row {}, place {} is null", row + at / width.max(1), at % width.max(1))),
        None => Ok(()),
    }
}

/// The numbers of a column's rows, one after the other.
fn values_of(array: &ArrayRef) -> ArrayRef {
    let Some(lists) = array.as_list_opt::<i32>() else { return array.clone() };
    let (first, last) = (lists.offsets()[0] as usize, lists.offsets()[lists.len()] as usize);
    lists.values().slice(first, last - first)
}

/// Appends rows of columns that stand side by side.
pub(super) fn append(columns: &[ArrayRef], dtype: Dtype, bytes: &mut Vec<u8>) -> Result<(), String> {
    let size = dtype.size();
    let start = bytes.len();
    let arrays: Vec<ArrayRef> = columns.iter().map(values_of).collect();
    let numbers = arrays.iter().map(|array| array.len()).sum::<usize>();
    bytes.resize(start + numbers * size, 0);
    for (at, array) in arrays.iter().enumerate() {
        let places = bytes[start..].chunks_exact_mut(size).skip(at).step_by(arrays.len());
        put(array, dtype, places)?;
    }
    Ok(())
}

fn put<'a>(array: &ArrayRef, dtype: Dtype, places: impl Iterator<Item = &'a mut [u8]>) -> Result<(), String> {
    macro_rules! copied {
        ($kind:ty) => {
            places.zip(array.as_primitive::<$kind>().values()).for_each(|(p, v)| p.copy_from_slice(&v.to_le_bytes()))
        };
    }
    macro_rules! widened {
        ($kind:ty) => {
            places
                .zip(array.as_primitive::<$kind>().values())
                .for_each(|(p, v)| p.copy_from_slice(&f64::from(*v).to_le_bytes()))
        };
    }
    macro_rules! long {
        ($kind:ty) => {
            for (place, value) in places.zip(array.as_primitive::<$kind>().values()) {
                let wide = *value as f64;
                if wide as i128 != i128::from(*value) {
                    return Err(format!("holds {value} beside real numbers, which f64 cannot hold exactly"));
                }
                place.copy_from_slice(&wide.to_le_bytes());
            }
        };
    }
    if dtype == self::dtype(array.data_type()) {
        match array.data_type() {
            DataType::Float16 => copied!(Float16Type),
            DataType::Float32 => copied!(Float32Type),
            DataType::Float64 => copied!(Float64Type),
            DataType::Int8 => copied!(Int8Type),
            DataType::Int16 => copied!(Int16Type),
            DataType::Int32 => copied!(Int32Type),
            DataType::Int64 => copied!(Int64Type),
            DataType::UInt8 => copied!(UInt8Type),
            DataType::UInt16 => copied!(UInt16Type),
            DataType::UInt32 => copied!(UInt32Type),
            DataType::UInt64 => copied!(UInt64Type),
            DataType::Boolean => {
                places.zip(array.as_boolean().values()).for_each(|(place, value)| place[0] = u8::from(value));
            }
            other => return Err(format!("holds {other}, which are no numbers")),
        }
        return Ok(());
    }
    match array.data_type() {
        DataType::Float16 => widened!(Float16Type),
        DataType::Float32 => widened!(Float32Type),
        DataType::Float64 => widened!(Float64Type),
        DataType::Int8 => widened!(Int8Type),
        DataType::Int16 => widened!(Int16Type),
        DataType::Int32 => widened!(Int32Type),
        DataType::UInt8 => widened!(UInt8Type),
        DataType::UInt16 => widened!(UInt16Type),
        DataType::UInt32 => widened!(UInt32Type),
        DataType::Int64 => long!(Int64Type),
        DataType::UInt64 => long!(UInt64Type),
        DataType::Boolean => places
            .zip(array.as_boolean().values())
            .for_each(|(place, value)| place.copy_from_slice(&f64::from(u8::from(value)).to_le_bytes())),
        other => return Err(format!("holds {other}, which are no numbers")),
    }
    Ok(())
}
