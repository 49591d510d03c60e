//! The simulator: the fixed set of seeds is clean and reaches everything that can be reached, a seed is a function of its
//! number, and every known wrong that is planted is found.

mod breaks;
mod fixed;
mod reasons;
