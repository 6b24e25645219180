//! Data: MNIST by its published files or the 10,000 images packed into the program, and arrays of NumPy.

mod idx;
mod mnist;
mod npy;

pub use idx::{read_idx_images, read_idx_labels};
pub use mnist::{ImageSet, Split, fashion_mnist, image_data, mnist, packed_mnist};
pub use npy::{NpyArray, NpyWriter, read_npy};
