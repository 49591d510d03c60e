//! Open transactions by number. Grows a chunk at a time, so that no payment waits while a large table is copied.

/// Values in one chunk.
const CHUNK: usize = 1_024;

/// Values numbered from zero; the number of a removed value is used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    count: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), count: 0 }
    }

    /// How many values there are.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.count += 1;
        if let Some(index) = self.free.pop() {
            *self.place(index) = Some(value);
            return index;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("a chunk with room was just made sure of");
        chunk.push(Some(value));
        u32::try_from(before + chunk.len() - 1).expect("`open_max` keeps the numbers within 32 bits")
    }

    pub(crate) fn get(&self, index: u32) -> &T {
        let index = index as usize;
        self.chunks[index / CHUNK][index % CHUNK].as_ref().expect("a record points to a value that is there")
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        self.place(index).as_mut().expect("a record points to a value that is there")
    }

    /// Removes a value where it is: a transaction is some hundreds of bytes, and nobody wants them elsewhere.
    pub(crate) fn remove(&mut self, index: u32) {
        let place = self.place(index);
        assert!(place.is_some(), "a value is removed once");
        *place = None;
        self.free.push(index);
        self.count -= 1;
    }

    /// All values in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.chunks
            .iter()
            .flatten()
            .zip(0_u32..)
            .filter_map(|(value, index)| value.as_ref().map(|value| (index, value)))
    }

    fn place(&mut self, index: u32) -> &mut Option<T> {
        let index = index as usize;
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }
}
