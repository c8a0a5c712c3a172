//! Where an encoder computes.

use std::{fmt, path::Path, str::FromStr};

use crate::Precision;

/// Where an encoder computes. Chosen once, when a model is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Device {
    /// This processor, by the fastest way there is.
    #[default]
    Cpu,
    /// This processor, by burn's ndarray backend.
    Ndarray,
    /// An NVIDIA GPU; needs the cargo feature `cuda`.
    Cuda,
}

impl Device {
    /// All devices, available or not.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Ndarray, Self::Cuda];

    /// Whether this build on this machine can use the device.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(self) -> Result<(), DeviceError> {
        match self {
            Self::Cpu | Self::Ndarray => Ok(()),
            Self::Cuda => check_cuda(),
        }
    }

    /// Whether the device computes in this precision.
    ///
    /// # Errors
    /// [`DeviceError::Precision`].
    pub fn check_precision(self, precision: Precision) -> Result<(), DeviceError> {
        match (self, precision) {
            (Self::Cuda, _) | (_, Precision::F32) => Ok(()),
            (Self::Cpu | Self::Ndarray, _) => Err(DeviceError::Precision { device: self, precision }),
        }
    }

    /// The name of the accelerator that the device is, where it is one.
    pub fn accelerator(self) -> Option<String> {
        #[cfg(feature = "cuda")]
        if self == Self::Cuda && self.check().is_ok() {
            use cudarc::driver::result::device;

            return device::get(0).and_then(device::get_name).ok();
        }
        None
    }

    /// Whether products of this precision are those of f32, which processors compute exactly and CUDA may round (see
    /// [`Precision`]).
    pub fn is_exact(self, precision: Precision) -> bool {
        precision == Precision::F32 && self != Self::Cuda
    }
}

/// Has a GPU's compiled kernels kept in a folder for later processes, which then start at once. Has an effect before the GPU is
/// first used, and none on other devices.
#[cfg_attr(not(feature = "cuda"), allow(unused_variables))]
pub fn keep_kernels(folder: &Path) {
    #[cfg(feature = "cuda")]
    {
        use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig, cache::CacheConfig};

        let mut state = CubeClRuntimeConfig::storage().lock();
        if state.is_none() {
            let mut config = CubeClRuntimeConfig::default().override_from_env();
            config.compilation.cache = Some(CacheConfig::File(folder.to_owned()));
            *state = Some(config.into());
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Ndarray => "ndarray",
            Self::Cuda => "cuda",
        })
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let named = Self::ALL.into_iter().find(|device| device.to_string() == name);
        named.ok_or_else(|| DeviceError::Unknown { name: name.to_owned() })
    }
}

/// Why a device cannot be used.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has this name.
    #[error("no device is called `{name}`; there are cpu, ndarray and cuda")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A device that does not compute in this precision.
    #[error("device {device} computes in f32, not in {precision}; choose precision f32, or device cuda")]
    Precision {
        /// The device.
        device: Device,
        /// What was asked of it.
        precision: Precision,
    },
    /// A GPU that does not compute in this precision.
    #[cfg(feature = "cuda")]
    #[error("this GPU does not compute in {precision}; choose another precision")]
    GpuPrecision {
        /// What was asked of it.
        precision: Precision,
    },
    /// Built without the feature `cuda`.
    #[error("this build has no support for device cuda; build with `--features cuda`, or choose cpu")]
    NotBuilt,
    /// A part of CUDA is missing on this machine.
    #[error("device cuda: {missing}; choose cpu, or {remedy}")]
    Cuda {
        /// What was not found.
        missing: String,
        /// What to install or set.
        remedy: &'static str,
    },
}

#[cfg(not(feature = "cuda"))]
fn check_cuda() -> Result<(), DeviceError> {
    Err(DeviceError::NotBuilt)
}

/// The backend panics where something is missing, so all of it is looked for before the first tensor.
#[cfg(feature = "cuda")]
fn check_cuda() -> Result<(), DeviceError> {
    use cudarc::{driver, nvrtc};

    let missing = |missing: &str, remedy| Err(DeviceError::Cuda { missing: missing.to_owned(), remedy });
    // SAFETY: both only try to open a shared library, whose initialisers are NVIDIA's own.
    let (has_driver, has_compiler) = unsafe { (driver::sys::is_culib_present(), nvrtc::sys::is_culib_present()) };
    if !has_driver {
        return missing("no NVIDIA driver (libcuda.so)", "install the driver");
    }
    if !has_compiler {
        return missing("no kernel compiler (libnvrtc.so)", "install the CUDA toolkit and set CUDA_PATH");
    }
    if let Err(error) = driver::result::init() {
        return missing(&format!("the driver does not start ({error})"), "repair the driver");
    }
    match driver::result::device::get_count() {
        Ok(count) if count > 0 => {}
        _ => return missing("no GPU is visible", "check CUDA_VISIBLE_DEVICES"),
    }
    let named = std::env::var_os("CUDA_PATH").map(std::path::PathBuf::from);
    let folders = named.into_iter().chain(["/usr/local/cuda".into(), "/opt/cuda".into()]);
    if !folders.into_iter().any(|folder| folder.join("include/cuda_runtime.h").exists()) {
        return missing("no CUDA headers (cuda_runtime.h)", "install the CUDA toolkit and set CUDA_PATH");
    }
    Ok(())
}
