//! A buffer that starts on a cache line, so that a full register never straddles two.

use std::ops::{Deref, DerefMut};

use kymograph_linalg::Real;

const LINE_BYTES: usize = 64;

/// Numbers in one piece of memory that starts on a cache line.
pub(crate) struct Aligned<T> {
    storage: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    pub(crate) fn zeros(len: usize) -> Self {
        let slack = LINE_BYTES / size_of::<T>();
        let storage = vec![T::ZERO; len + slack];
        let start = storage.as_ptr().align_offset(LINE_BYTES).min(slack);
        Self { storage, start, len }
    }

    /// Makes it `len` long; what it holds afterwards is anything it held before, or zero.
    pub(crate) fn set_len(&mut self, len: usize) {
        if self.start + len <= self.storage.len() {
            self.len = len;
        } else {
            *self = Self::zeros(len);
        }
    }
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { storage: Vec::new(), start: 0, len: 0 }
    }
}

impl<T: Clone> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let Some(filler) = self.storage.first() else { return Self::default() };
        let storage = vec![filler.clone(); self.storage.len()];
        let start = storage.as_ptr().align_offset(LINE_BYTES).min(storage.len() - self.len);
        let mut copy = Self { storage, start, len: self.len };
        copy.clone_from_slice(self);
        copy
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.start..self.start + self.len]
    }
}
