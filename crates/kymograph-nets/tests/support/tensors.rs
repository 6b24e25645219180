//! The f64 tensors of a fixture file, by name.
#![allow(dead_code, unreachable_pub, missing_docs)]

use kymograph_linalg::Real;
use ndarray::{ArrayD, IxDyn};
use safetensors::SafeTensors;

pub struct Tensors(Vec<(String, ArrayD<f64>)>);

impl Tensors {
    pub fn read(bytes: &[u8]) -> Self {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let tensors = file.iter().map(|(name, view)| {
            assert_eq!(view.dtype(), safetensors::Dtype::F64, "{name}");
            let values = view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
            (name.to_owned(), ArrayD::from_shape_vec(IxDyn(view.shape()), values).unwrap())
        });
        Self(tensors.collect())
    }

    pub fn get<T: Real>(&self, name: &str) -> ArrayD<T> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no tensor {name}")).1.mapv(T::from_f64)
    }

    pub fn under<T: Real>(&self, prefix: &str) -> Vec<(String, ArrayD<T>)> {
        self.0
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.mapv(T::from_f64))))
            .collect()
    }
}
