//! Which kernels this machine can run, found out at run time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The instruction set a network's kernels use.
///
/// The paths add the same products in the same order; they differ in the last bits because the portable path rounds
/// after each product and the others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelPath {
    /// Plain Rust, for every machine.
    Portable,
    /// AVX2 with fused multiply–add, 256-bit registers.
    Avx2,
    /// AVX-512F, 512-bit registers.
    Avx512,
}

impl KernelPath {
    /// All paths, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Can this machine run the path?
    pub fn is_supported(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The fastest path this machine can run.
    pub fn best() -> Self {
        Self::ALL.into_iter().rev().find(|path| path.is_supported()).unwrap_or(Self::Portable)
    }
}

impl fmt::Display for KernelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

/// What the machine offers and what networks use unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuFeatures {
    /// Target architecture, such as `x86_64`.
    pub architecture: String,
    /// The instruction sets found, among those the kernels ask for.
    pub detected: Vec<String>,
    /// The path a new network uses.
    pub path: KernelPath,
}

/// Which instruction sets this machine has and which kernels a new network uses on it.
///
/// Record it beside a run: the same seed gives the same bits only on the same path.
pub fn cpu_features() -> CpuFeatures {
    let mut detected = Vec::new();
    #[cfg(target_arch = "x86_64")]
    for (name, found) in [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ] {
        if found {
            detected.push(name.to_owned());
        }
    }
    CpuFeatures {
        architecture: std::env::consts::ARCH.to_owned(),
        detected: std::mem::take(&mut detected),
        path: KernelPath::best(),
    }
}
