//! Memory that a worker uses again and again.

/// Floats on a cache line's boundary, grown as needed and never shrunk. What a slice holds at first is left over from
/// the last use.
#[derive(Default)]
pub(crate) struct Buffer(Vec<f32>);

/// Bytes of a cache line, which is also the widest vector.
const LINE: usize = 64;

impl Buffer {
    /// The first `len` floats.
    pub(crate) fn slice(&mut self, len: usize) -> &mut [f32] {
        let room = len + LINE / size_of::<f32>();
        if self.0.len() < room {
            self.0.resize(room, 0.0);
        }
        let start = self.0.as_ptr().align_offset(LINE);
        &mut self.0[start..][..len]
    }
}
