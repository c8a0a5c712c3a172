//! Where an encoder computes.

use std::{fmt, str::FromStr};

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
