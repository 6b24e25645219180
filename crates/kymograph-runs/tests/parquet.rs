//! Parquet tables as arrays: against pyarrow's files and values (`tests/reference/make_parquet.py`), against tables written
//! here, and the same files changed to do harm.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float32Array, Int64Array, ListArray, RecordBatch};
use kymograph_runs::{Checkpoint, CheckpointFormat, RunsError};
use ndarray::{ArrayD, Axis};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/parquet").join(name)
}

/// The number that stands in a row and place of the tables written here.
fn number(row: usize, place: usize) -> f32 {
    (row as f32).mul_add(0.25, place as f32 * 1000.0).sin()
}

/// Rows of lists, in row groups of some rows.
fn write(path: &Path, rows: std::ops::Range<usize>, width: usize, group: usize, compression: Compression) {
    let lists = rows.map(|row| Some((0..width).map(|place| Some(number(row, place))).collect::<Vec<_>>()));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists));
    written(path, vec![("acts", lists)], group, compression);
}

fn written(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize, compression: Compression) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let options =
        WriterProperties::builder().set_max_row_group_row_count(Some(group)).set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(options)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn every_fixture_holds_what_pyarrow_wrote() {
    let expected: Value = serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap();
    let mut compared = 0;
    for (file, arrays) in expected.as_object().unwrap() {
        for (name, array) in arrays.as_object().unwrap() {
            let table = Checkpoint::open(fixture(file)).unwrap();
            assert_eq!(table.format(), CheckpointFormat::Parquet);
            let all = table.tensors().iter().chain(table.other_tensors());
            let info = all.into_iter().find(|info| info.name == *name).unwrap_or_else(|| panic!("{file} {name}"));
            assert_eq!(json!(info.shape), array["shape"], "{file} {name}");
            let dtype = array["dtype"].as_str().unwrap().replace("float", "f").replace("int", "i");
            assert_eq!(info.dtype.to_string(), dtype, "{file} {name}");
            let wanted =
                array["values"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse::<f64>().unwrap());
            assert_eq!(
                table.read_f64(name).unwrap(),
                ArrayD::from_shape_vec(&info.shape[..], wanted.collect()).unwrap(),
                "{file} {name}"
            );
            compared += info.shape.iter().product::<usize>();
        }
    }
    assert!(compared > 700, "{compared}");
}

#[test]
fn a_table_that_is_no_array_names_its_columns() {
    let table = Checkpoint::open(fixture("labelled.parquet")).unwrap();
    let names: Vec<&str> = table.tensors().iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["text", "label", "acts"]);
    assert!(table.read_f32("text").unwrap_err().to_string().contains("`text` is of type text"));
    assert_eq!(table.read_i64("label").unwrap()[[0]], -4);
    let error = table.read_f32("array").unwrap_err().to_string();
    assert!(error.contains("it has text, label, acts"), "{error}");
}

#[test]
fn what_is_missing_ragged_or_packed_otherwise_is_an_error_that_says_so() {
    let refused = |file: &str, words: &[&str]| {
        let read = |table: Checkpoint| {
            let name = table.tensors()[0].name.clone();
            table.read_f64(&name).map(|_| ())
        };
        let error = Checkpoint::open(fixture(file)).and_then(read).unwrap_err().to_string();
        assert!(error.contains(file) && words.iter().all(|word| error.contains(word)), "{error}");
    };
    refused("zstd.parquet", &["`f` is compressed with ZSTD", "snappy"]);
    refused("null.parquet", &["`f`: row 12 is null"]);
    refused("null_inside.parquet", &["`acts`: row 9, place 1 is null"]);
    refused("ragged.parquet", &["`acts`: row 9 has 1 numbers, and the first row 2"]);
    refused("text.parquet", &["is of type text"]);
}

#[test]
fn any_rows_of_any_row_groups_are_those_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (name, group, compression) in
        [("a", 1000, Compression::SNAPPY), ("b", 7, Compression::UNCOMPRESSED), ("c", 16, Compression::LZ4_RAW)]
    {
        let path = folder.path().join(name);
        write(&path, 0..100, 3, group, compression);
        let table = Checkpoint::open(&path).unwrap();
        let whole = table.read_f32("array").unwrap();
        assert_eq!(whole, ArrayD::from_shape_fn(vec![100, 3], |at| number(at[0], at[1])));
        for rows in [0..100, 0..1, 99..100, 6..8, 7..14, 15..49, 40..40] {
            let part = table.read_rows_f32("array", rows.clone()).unwrap();
            assert_eq!(part.view(), whole.slice_axis(Axis(0), rows.clone().into()), "{name} {rows:?}");
        }
        assert!(table.read_rows_f32("array", 90..101).is_err());
    }
}

#[test]
fn files_of_a_folder_are_one_table_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("part-1.parquet"), 30..50, 4, 8, Compression::SNAPPY);
    write(&folder.path().join("part-0.parquet"), 0..30, 4, 100, Compression::SNAPPY);
    fs::write(folder.path().join("_SUCCESS"), "").unwrap();
    fs::write(folder.path().join("notes.txt"), "of no matter").unwrap();
    let table = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(table.tensors()[0].shape, [50, 4]);
    let whole = ArrayD::from_shape_fn(vec![50, 4], |at| number(at[0], at[1]));
    assert_eq!(table.read_f32("array").unwrap(), whole);
    let across = table.read_rows_f32("array", 25..35).unwrap();
    assert_eq!(across.view(), whole.slice_axis(Axis(0), (25..35).into()));
    let hash = table.content_hash().unwrap();
    // Lists of another length, and other columns, are not of this table.
    write(&folder.path().join("part-2.parquet"), 50..60, 5, 8, Compression::SNAPPY);
    let longer = Checkpoint::open(folder.path()).unwrap();
    assert!(longer.content_hash().unwrap() != hash);
    let error = longer.read_f32("array").unwrap_err().to_string();
    assert!(error.contains("part-2.parquet") && error.contains("row 50 has 5 numbers, and the first row 4"), "{error}");
    let other: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    written(&folder.path().join("part-2.parquet"), vec![("n", other)], 8, Compression::SNAPPY);
    let error = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("part-2.parquet") && error.contains("its columns are not those of"), "{error}");
    // A folder without any is no checkpoint.
    let empty = tempfile::tempdir().unwrap();
    assert!(Checkpoint::open(empty.path()).unwrap_err().to_string().contains("it is not a file"));
}

#[test]
fn whole_numbers_that_real_ones_cannot_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let long: ArrayRef = Arc::new(Int64Array::from(vec![3, (1 << 53) + 1]));
    let real: ArrayRef = Arc::new(Float32Array::from(vec![0.5, 1.5]));
    written(&path, vec![("n", long), ("f", real)], 8, Compression::UNCOMPRESSED);
    let error = Checkpoint::open(&path).unwrap().read_f64("array").unwrap_err().to_string();
    assert!(error.contains("9007199254740993"), "{error}");
}

/// Opens a file and reads all there is; never a panic, and errors name the file.
fn read_everything(path: &Path) -> Result<usize, RunsError> {
    let table = Checkpoint::open(path)?;
    let mut read = 0;
    for info in table.tensors() {
        let values = table.read_f64(&info.name)?;
        assert_eq!(values.shape(), info.shape);
        read += values.len();
    }
    Ok(read)
}

fn harmed(bytes: &[u8]) -> Result<usize, RunsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.parquet");
    fs::write(&path, bytes).unwrap();
    let read = read_everything(&path);
    if let Err(error) = &read {
        assert!(error.to_string().contains("file.parquet"), "{error}");
    }
    read
}

#[test]
fn a_file_cut_off_is_an_error_that_names_it() {
    let whole = fs::read(fixture("fixed.parquet")).unwrap();
    for length in (4..whole.len()).step_by(37).chain([whole.len() - 1, whole.len() - 4]) {
        assert!(harmed(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn more_row_groups_than_bytes_are_refused_before_room_is_made_for_them() {
    // Version 1; no schema elements; no rows; two thousand million row groups.
    let mut footer = vec![0x15, 0x02, 0x19, 0x0c, 0x16, 0x00, 0x19, 0xfc];
    footer.extend([0x80, 0xa8, 0xd6, 0xb9, 0x07]);
    let mut bytes = b"PAR1".to_vec();
    bytes.extend(&footer);
    bytes.extend((footer.len() as u32).to_le_bytes());
    bytes.extend(b"PAR1");
    assert!(harmed(&bytes).unwrap_err().to_string().contains("claims 2000000000 row groups"));
    bytes.truncate(bytes.len() - 8);
    bytes.extend(u32::MAX.to_le_bytes());
    bytes.extend(b"PAR1");
    assert!(harmed(&bytes).unwrap_err().to_string().contains("its footer claims 4294967295 bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_are_an_error_or_numbers(
        file in prop::sample::select(vec!["lists.parquet", "fixed.parquet", "columns.parquet", "half.parquet"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = fs::read(fixture(file)).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = harmed(&bytes);
    }
}
