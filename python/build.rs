//! On macOS a library that Python loads must be linked so.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
