//! Random numbers that are the same everywhere.

use crate::types::{Aval, Kind, Scalar, Tensor};

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// Where floating numbers lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Domain {
    /// Around zero, of both signs, about as a normal distribution.
    Normal,
    /// Between 0.1 and 0.9, where logarithms, roots and inverse functions of all kinds are smooth.
    Unit,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// In [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of the domain.
    pub fn number(&mut self, domain: Domain) -> f64 {
        match domain {
            // A sum of uniform numbers is close enough to a normal one, and bounded.
            Domain::Normal => (0..6).map(|_| self.uniform()).sum::<f64>() * 2f64.sqrt() - 3.0 * 2f64.sqrt(),
            Domain::Unit => 0.1 + 0.8 * self.uniform(),
        }
    }

    /// An array of any type: floating numbers of the domain, integers from 0 to 3, any bits otherwise.
    pub fn tensor(&mut self, aval: &Aval, domain: Domain) -> Tensor {
        let kind = aval.dtype.kind();
        Tensor::from_fn(aval.clone(), |_| match kind {
            Kind::Bool => Scalar::Bool(self.below(2) == 1),
            Kind::Float0 => Scalar::Bool(false),
            Kind::Signed | Kind::Unsigned => Scalar::Int(self.below(4) as i128),
            Kind::Float => Scalar::Float(self.number(domain)),
            Kind::Complex => Scalar::Complex(self.number(domain), self.number(domain)),
            Kind::Key => Scalar::Key(self.bits()),
        })
    }
}
