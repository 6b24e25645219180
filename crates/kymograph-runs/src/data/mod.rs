//! Data: MNIST by its published files or the 10,000 images packed into the program, CIFAR-10, arrays of NumPy, and numbers in
//! comma-separated text.

mod cifar;
mod csv;
mod idx;
mod mnist;
mod npy;

pub use self::csv::{read_numbers, read_series};
pub use cifar::cifar10;
pub use idx::{read_idx_images, read_idx_labels};
pub use mnist::{ImageSet, Split, fashion_mnist, image_data, mnist, packed_mnist};
pub use npy::{NpyArray, NpyWriter, read_npy, write_npy_labels};
